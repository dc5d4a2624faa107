/* copy.h - the rows of spool copies: messages that we have taken over and not
 * yet given back to the MTA. The bytes are files of policy/spool; a row without
 * a file cannot exist, since the file is written and synced before the row is
 * proposed; a file without a row is swept after an hour.
 *
 * Key of TABLE_COPY: copy id (msgid.h), 8 bytes. TABLE_DUE: due_ms, rank of the
 * segment, id: what the agent's timer walks.
 *
 *   held    one recipient, waits for due_ms, ends at deadline_ms
 *   taken   several recipients, each submitted singly; next is due at once
 *   undecided  written without the ledger (local submission in trouble);
 *              found in the spool folder and adopted by the agent
 *
 * A held copy that competes stands in the queues of those whose limits it waits
 * for (wait.h). When one leaves a queue, and when something changes in a person's
 * slots or in what is known of the person, the first copies of the queue are due
 * at once: in the reducer of that event, so that nothing is forgotten by whoever
 * is killed. Only the first: the oldest of each segment, of the COPY_WAKE_MAX
 * segments that go first by `order`. They leave in their turn, or get another
 * instant, and then the next ones are looked at. Of a company those are woken
 * when there is room, and not by each message that one of its people gets.
 *
 * Threads: as the transaction. */
#ifndef POLICY_STATE_COPY_H
#define POLICY_STATE_COPY_H

#include "policy/base/arena.h"
#include "policy/conf/policy.h"
#include "policy/ledger/door.h"
#include "policy/mail/lead_id.h"
#include "policy/rules/verdict.h"
#include "policy/state/company.h"
#include "policy/state/wait.h"

/* Numbers are stored; names are API. */
enum copy_kind {
	COPY_HELD = 1,
	COPY_TAKEN = 2,
	COPY_UNDECIDED = 3,
};

enum copy_outcome {
	COPY_SENT = 1, /* the MTA took it, and decided anew */
	COPY_DUPLICATE = 2,
	COPY_BOUNCED = 3, /* deadline or refusal: DSN to the sender */
	COPY_DROPPED = 4,
	COPY_REMOVED = 5, /* by an operator */
	COPY_SPLIT = 6,   /* waits as a held copy of its own now */
};

enum {
	COPY_WAKE_MAX = 16 /* copies that one event wakes in one queue */
};

/* Bits; numbers are stored. */
enum copy_queues {
	COPY_WAITS_FOR_PERSON = 1,
	COPY_WAITS_FOR_COMPANY = 2,
};

/* Why and until when a held copy waits: of a verdict. */
struct copy_wait {
	int64_t due_ms, deadline_ms; /* deadline 0: none */
	enum policy_then then;
	enum verdict_reason reason;    /* 0: none that is known */
	unsigned queues;               /* enum copy_queues */
	uint32_t rank;                 /* of the segment in `order` */
	uint32_t label;                /* of the segment that decides: in its
	                                * queue it stands. 0: that of its name */
	struct company_id company;     /* zero: none that counts */
	uint32_t policy_version, line; /* of the rule; 0: none */
};

struct copy_new {
	uint64_t id;
	enum copy_kind kind;
	struct lead_id lead; /* held; else zero */
	struct str segment, stream;
	int64_t arrived_ms; /* when the message came; 0: now */
	struct copy_wait wait;
	uint32_t first;      /* index of the first recipient in the file */
	uint32_t recipients; /* index of the last one, plus one */
	struct str queue_id; /* that the application was told; may be empty */
	struct str campaign, from_domain; /* by which it may be stopped */
};

struct copy_record {
	uint64_t id;
	enum copy_kind kind;
	struct lead_id lead;
	struct str segment, stream, queue_id; /* borrowed */
	struct str campaign, from_domain;     /* likewise; may be empty */
	int64_t added_ms, arrived_ms;
	struct copy_wait wait;
	bool forced;       /* to be sent in spite of what it waits for */
	struct str author; /* who released or let it go last; borrowed */
	uint32_t recipients;
	uint32_t next;     /* index of the first recipient not done */
	uint32_t attempts; /* of submission, since the last success */
	uint32_t wakes;    /* how often there was room for it */
};

struct event_copy_added {
	uint64_t id;
	uint32_t kind; /* enum copy_kind */
	unsigned char lead[LEAD_ID_BYTES];
	struct str segment, stream;
	int64_t due_ms, deadline_ms;
	uint32_t then, recipients, first;
	struct str queue_id;
	struct str campaign, from_domain; /* from version 2 on */
	/* from version 2 */
	int64_t arrived_ms;
	uint32_t reason, queues, rank, policy_version, line;
	unsigned char company[COMPANY_ID_BYTES];
	uint32_t label; /* from version 3; 0: that of the segment's name */
};

struct event_copy_recipient {
	uint64_t id;
	uint32_t index, outcome; /* enum copy_outcome */
	struct str queue_id;     /* sent: under which the MTA has it now */
	struct str author;       /* removed: by whom, in version 2 */
};

struct event_copy_due {
	uint64_t id;
	int64_t due_ms;
	/* from version 2: why it waits, anew. Else an attempt that failed,
	 * and all but due_ms stays. */
	bool decided;
	int64_t deadline_ms;
	uint32_t then, reason, queues, rank, policy_version, line;
	unsigned char company[COMPANY_ID_BYTES];
	uint32_t label; /* from version 3; as above */
};

/* What an operator says of a copy: forced, released, dropped. */
struct event_copy_word {
	uint64_t id;
	struct str author, reason;
};

/* --- in a proposal --- */
/* ERR_EXISTS when there is a copy of that id. */
int copy_emit_added(struct door_ctx *ctx, const struct copy_new *c) MUST_CHECK;
/* Recipient `index` is done; with the last one the row is gone. Doing one
 * that is done already changes nothing. */
int copy_emit_recipient(struct door_ctx *ctx, uint64_t id, uint32_t index,
    enum copy_outcome outcome) MUST_CHECK;
/* The same with COPY_SENT, and the queue id that the MTA gave it. */
int copy_emit_sent(struct door_ctx *ctx, uint64_t id, uint32_t index,
    struct str queue_id) MUST_CHECK;
/* The segment in whose queue it stands. */
uint32_t copy_label(const struct copy_record *r);
/* The strings of a record, out of the transaction. ERR_LIMIT. */
int copy_keep(struct copy_record *r, struct arena *a) MUST_CHECK;
/* Another instant; counts an attempt. */
int copy_emit_due(struct door_ctx *ctx, uint64_t id, int64_t due_ms) MUST_CHECK;
/* It was decided again, and waits: no attempt. Held copies only. wakes: of the
 * row that was decided; if it was woken since, that decision is of no use, and
 * nothing changes: it is due, and will be decided again. */
struct copy_decided {
	uint64_t id;
	uint32_t wakes;
	struct copy_wait wait;
};
int copy_emit_wait(
    struct door_ctx *ctx, const struct copy_decided *d) MUST_CHECK;
/* An operator's word; the reason may be empty. ERR_NOT_FOUND: it is gone.
 * forced: to be sent now, in spite of what it waits for. released: due now, to
 * be decided again. dropped: gone for good, with all recipients not done. */
int copy_emit_forced(
    struct door_ctx *ctx, const struct event_copy_word *w) MUST_CHECK;
int copy_emit_released(
    struct door_ctx *ctx, const struct event_copy_word *w) MUST_CHECK;
int copy_emit_dropped(
    struct door_ctx *ctx, const struct event_copy_word *w) MUST_CHECK;

/* --- reading --- */
int copy_read(const struct ledger_txn *t, uint64_t id,
    struct copy_record *out) MUST_CHECK;
/* The copy with the least due_ms, of several the one of the segment that goes
 * first, of these the oldest; if it is <= now_ms: ERR_NOT_FOUND when none is.
 * cursor: skips to entries behind it; all zero from the start. next_ms_out (may
 * be NULL): the instant of the first entry that is later. */
struct copy_cursor {
	int64_t due_ms;
	uint32_t rank;
	uint64_t id;
};
int copy_next_due(const struct ledger_txn *t, int64_t now_ms,
    struct copy_cursor *cursor, struct copy_record *out,
    int64_t *next_ms_out) MUST_CHECK;
/* All rows by id, from the first above after. */
int copy_next(const struct ledger_txn *t, uint64_t after,
    struct copy_record *out) MUST_CHECK;

int copy_decode_added(
    struct str payload, struct event_copy_added *out) MUST_CHECK;
int copy_decode_recipient(
    struct str payload, struct event_copy_recipient *out) MUST_CHECK;
int copy_decode_due(struct str payload, struct event_copy_due *out) MUST_CHECK;
int copy_decode_word(
    struct str payload, struct event_copy_word *out) MUST_CHECK;
int copy_reduce_added(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int copy_reduce_recipient(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int copy_reduce_due(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int copy_reduce_forced(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int copy_reduce_released(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int copy_reduce_dropped(
    struct ledger_txn *t, const struct event *ev, struct error *err);

/* For reducers: what waits first in that queue is due at now_ms. */
int copy_wake(struct ledger_txn *t, const struct wait_queue *q,
    int64_t now_ms) MUST_CHECK;

const char *copy_kind_name(enum copy_kind k);
const char *copy_outcome_name(enum copy_outcome o);

#endif
