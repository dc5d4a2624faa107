/* simulate.h - what another policy would have made of the messages that came
 * since some time: with what it would have sent as history. Reads the ledger,
 * changes nothing.
 *
 * As it was: each message that an application handed in, by what is on record
 * (past.h): sent, held and then sent, bounced, dropped, refused. A message that
 * was deferred and came again within five days is one message. Then the same
 * messages played (replay.h) with the policy that is asked about and, for a
 * comparison, with another. People of whom a limit speaks together (a company)
 * are played together. Attributes, time zones and companies are those of today.
 * Who went on under another address is one from that instant on. Stops are replayed as
 * they were; no circuit breaker watches what the other policy would have sent.
 *
 * Where the ledger does not reach back to a person's first word on a purpose,
 * what was before is taken from the first change: who then agreed had not, who
 * then withdrew had.
 *
 * Threads: one owner; the store's ledger is read only. */
#ifndef POLICY_STATE_SIMULATE_H
#define POLICY_STATE_SIMULATE_H

#include "policy/base/histogram.h"
#include "policy/rules/replay.h"
#include "policy/state/store.h"

enum {
	SIMULATE_WAYS = 3,
	SIMULATE_HOURS = 24,
};

/* What stands beside each other. */
enum simulate_way {
	SIMULATE_RECORDED,
	SIMULATE_NEW,   /* the policy that is asked about */
	SIMULATE_OTHER, /* the one it is compared with, if any */
};

enum simulate_by {
	SIMULATE_BY_SEGMENT = 1,
	SIMULATE_BY_CAMPAIGN = 2, /* of a segment */
	SIMULATE_BY_COMPANY = 4,
	SIMULATE_BY_HOUR = 8, /* of the day, by the policy's clock */
};

struct simulate_counts {
	uint64_t n[SIMULATE_WAYS][REPLAY_FATES];
	uint64_t changed; /* another fate than recorded, or than by `other` */
	/* Had to wait for a stop to end before anything else. */
	uint64_t stopped[SIMULATE_WAYS];
};

struct simulate_row {
	struct str name, segment; /* of a campaign: its segment */
	struct simulate_counts counts;
};

/* What a line of the policy would have done. */
struct simulate_rule {
	const struct policy_line *rule; /* of the policy; NULL: none gave it */
	enum verdict_reason reason;
	bool shadowed; /* would have, but is in shadow */
	uint64_t n[REPLAY_FATES];
};

struct simulate_report {
	int64_t since_ms, until_ms;
	int64_t begins_ms; /* of the oldest event there is; 0: none */
	uint64_t people;
	uint64_t stops; /* of segments, campaigns, domains; begun or ended */
	struct simulate_counts all;
	struct histogram held_ms[SIMULATE_WAYS]; /* those that went */
	struct simulate_row *rows[4]; /* by segment, campaign, company, hour */
	size_t n_rows[4];
	/* Of the two policies. */
	struct simulate_rule *rules[SIMULATE_WAYS];
	size_t n_rules[SIMULATE_WAYS];
	uint64_t decisions, read; /* rows of the ledger */
	unsigned parts;           /* in so many goes: as memory asked for */
	/* What it took, by the clock and of the processor: all but playing, and
	 * playing. */
	double read_s, play_s, read_cpu_s, play_cpu_s;
};

struct simulate_query {
	const struct policy *policy, *other; /* other NULL: none */
	int64_t since_ms, until_ms;
	unsigned by;       /* enum simulate_by */
	size_t memory_max; /* bytes, about */
	/* Now and then, with the share that is done; false stops. May be
	 * NULL. */
	bool (*progress)(void *arg, double share);
	void *arg;
};

/* Report and all in it are in the arena, but for the rules, which are the
 * policies'. ERR_STOPPING when progress said so; ERR_LIMIT: memory_max is too
 * little for one company, or the arena is full. */
int simulate_run(const struct store *s, const struct simulate_query *q,
    struct arena *a, struct simulate_report *out, struct error *err) MUST_CHECK;

#endif
