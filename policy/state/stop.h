/* stop.h - what is stopped: segments, campaigns, From domains; by people, or by
 * the breaker. Owns the events of it. A row stays when the stop has ended: it
 * says since when its messages count for the breaker, and goes when the last of
 * them before are out of every window.
 *
 * Key of TABLE_STOP: kind (1 byte), label. Threads: as the transaction. */
#ifndef POLICY_STATE_STOP_H
#define POLICY_STATE_STOP_H

#include "policy/ledger/door.h"
#include "policy/rules/breaker.h"
#include "policy/state/payload.h"

/* Numbers are stored; names are API. */
enum stop_kind {
	STOP_NONE = 0,
	STOP_SEGMENT = 1,
	STOP_CAMPAIGN = 2,
	STOP_DOMAIN = 3,
};

enum {
	STOP_REASON_MAX = 500,
	STOP_AUTHOR_MAX = 100,
	/* People make up names of campaigns and domains: so many stops of them
	 * are in force, and so many rows there before people add no more. The
	 * breaker stops what mail was sent of. */
	STOP_BY_HAND_MAX = 2000,
	STOP_ROWS_MAX = 20000,
};

/* By which line of the breaker. All zero: by a person. */
struct stop_cause {
	uint32_t rate; /* 1 + enum policy_rate */
	uint64_t count, of;
	uint32_t line; /* in parts of POLICY_RATE_ALL */
	uint32_t policy_version, policy_line;
};

struct stop_record {
	enum stop_kind kind;
	struct str label; /* borrowed */
	bool stopped;     /* false: it goes on since since_ms */
	int64_t since_ms;
	int64_t until_ms; /* 0: until it is resumed */
	struct stop_cause cause;
	struct str author, reason; /* borrowed */
	uint64_t seq;              /* of the event */
	/* What is not looked at any more: all before that hour, and in it
	 * that much. 0: nothing. */
	uint32_t base_hour;
	struct breaker_counts base;
};

/* What a message is, to be looked up. */
struct stop_names {
	struct str segment, campaign, domain; /* may be empty */
};

struct event_stopped {
	uint32_t kind;
	struct str label;
	int64_t until_ms;
	struct str author, reason;
	struct stop_cause cause;
};

struct event_resumed {
	uint32_t kind;
	struct str label, author, reason;
};

/* A label as rows have it. */
struct str stop_label(enum stop_kind kind, struct str label);

/* ERR_NOT_FOUND: no row. */
int stop_read(const struct ledger_txn *t, enum stop_kind kind, struct str label,
    struct stop_record *out) MUST_CHECK;
/* Is it in force at now_ms? */
bool stop_holds(const struct stop_record *r, int64_t now_ms);
/* The first of segment, campaign and domain whose stop is in force; kind
 * STOP_NONE when there is none. */
int stop_find(const struct ledger_txn *t, const struct stop_names *names,
    int64_t now_ms, struct stop_record *out) MUST_CHECK;
/* Is there room for one more stop by hand of a campaign or domain that has no
 * row? ERR_LIMIT; err says what to do. Reads all rows where there are many. */
int stop_has_room(
    const struct ledger_txn *t, int64_t now_ms, struct error *err) MUST_CHECK;
/* All rows, by kind and label. */
int stop_each(const struct ledger_txn *t,
    int (*emit)(void *arg, const struct stop_record *r), void *arg) MUST_CHECK;

extern const struct payload_desc stop_stopped_payload;
extern const struct payload_desc stop_resumed_payload;
int stop_decode_stopped(
    struct str payload, struct event_stopped *out) MUST_CHECK;
int stop_decode_resumed(
    struct str payload, struct event_resumed *out) MUST_CHECK;
int stop_reduce_stopped(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int stop_reduce_resumed(
    struct ledger_txn *t, const struct event *ev, struct error *err);

const char *stop_kind_name(enum stop_kind k); /* "segment" */

#endif
