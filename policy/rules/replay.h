/* replay.h - what a policy would have made of messages that came in the past.
 * Pure: no clock, no storage; the verdict is verdict_decide().
 *
 * A group is played through in order of time: people whose messages may weigh
 * on each other (one person, or all of a company where a limit counts them
 * together). What is sent counts, as it would have; what is held waits, and is
 * decided again at its earliest instant, when something before it leaves, and
 * when a slot is released; so to its end, also beyond the last message.
 *
 * What became of a message is taken over: it is delivered, or bounces, as long
 * after its sending as it really did; one that never went out is delivered at
 * once. Suppression and compliance at its arrival are as they were recorded,
 * later ones and consent by the person's changes. Stops are those of the past:
 * what comes meanwhile waits, and is decided again when the stop ends.
 * Threads: struct replay has one owner. */
#ifndef POLICY_RULES_REPLAY_H
#define POLICY_RULES_REPLAY_H

#include "policy/conf/policy.h"
#include "policy/rules/verdict.h"

enum replay_fate {
	REPLAY_SENT,     /* at once */
	REPLAY_HELD,     /* sent after it waited */
	REPLAY_BOUNCED,  /* for a limit, an order, hours or a stop; perhaps
			  * after it waited */
	REPLAY_DROPPED,  /* likewise */
	REPLAY_DEFERRED, /* left to the application, which may try again */
	REPLAY_REFUSED,  /* suppressed, no consent, not compliant, unknown */
	REPLAY_FATES,
};

/* A change of what a person wants. */
struct replay_change {
	int64_t at_ms;  /* INT64_MIN: before all */
	uint32_t label; /* of the purpose; of the segment, 0: all nurture */
	enum consent_state consent; /* of a purpose */
	bool is_suppression;
	enum suppression_reason suppression; /* 0: lifted */
	int64_t until_ms;                    /* of a pause; 0: no end */
};

struct replay_person {
	const struct replay_change *changes; /* by time */
	size_t n_changes;
	const struct attribute_value *attributes;
	size_t n_attributes;
	const struct zone *zone; /* NULL: the policy's */
};

/* Someone who goes on under another address: from then on what both were sent
 * counts for `to`, also what is still on its way. Each keeps what waits. */
struct replay_move {
	int64_t at_ms;
	uint32_t from, to; /* indexes of people */
};

/* Its segment, campaign or domain is stopped from the one up to the other. */
struct replay_stop {
	int64_t from_ms, until_ms;
};

struct replay_message {
	int64_t arrived_ms;
	uint32_t person; /* index */
	uint32_t label;  /* of the segment */
	/* As it was: its slot counts from arrived_ms on, nothing is decided.
	 * One-to-one mail, and what came before the time that is asked about. */
	bool fixed;
	bool counts; /* false: a seed's */
	/* What became of it so long after it was sent; SLOT_QUEUED: nobody
	 * knows. */
	enum slot_state outcome;
	int64_t outcome_after_ms;
	/* What was found when it arrived; 0: nothing. */
	enum suppression_reason suppression;
	bool suppression_of_segment;
	enum comply_result compliance;
	const struct replay_stop *stops; /* by time, apart */
	size_t n_stops;
	uint32_t mark; /* the caller's */
};

struct replay_group {
	const struct replay_person *people;
	size_t n_people;
	const struct replay_message *messages; /* by arrived_ms */
	size_t n_messages;
	const struct replay_move *moves; /* by at_ms; nobody moves twice */
	size_t n_moves;
	bool company; /* the people are of one company */
};

struct replay_result {
	enum replay_fate fate;
	enum verdict_reason reason; /* of the wait or the end; first one */
	bool
	    shadowed; /* sent although a rule in shadow says no: reason, rule */
	const struct policy_line *rule; /* of the policy; may be NULL */
	int64_t done_ms;                /* sent or ended */
};

struct replay;

/* p is borrowed until replay_free(); zone: the policy's, NULL: UTC. -ENOMEM. */
int replay_new(struct replay **out, const struct policy *p,
    const struct zone *zone) MUST_CHECK;
void replay_free(struct replay **r); /* NULL is fine */

/* out: one for each message; those of fixed ones are zero. -ENOMEM. */
int replay_run(struct replay *r, const struct replay_group *g,
    struct replay_result *out) MUST_CHECK;

/* How often verdict_decide() was asked. */
uint64_t replay_decisions(const struct replay *r);
/* How long before the first message its rules look back, at most. */
int64_t replay_horizon_ms(const struct replay *r);

const char *replay_fate_name(enum replay_fate f);

#endif
