/* review.h - what a person has to look at: requests in plain words, found in
 * replies, to be left alone. The lead is paused meanwhile, so nothing is lost by
 * the time that it takes; but the law gives a time, hence the deadline and an
 * alarm. Owns EV_REVIEW_OPENED and EV_REVIEW_DECIDED; counts
 * "review.opened.KIND" and "review.decided.DECISION".
 *
 * A lead has one review open at a time. Rows that are decided stay for
 * REVIEW_KEEP_MS, to be looked up; the record for auditors is the events, which
 * stay as long as any of that kind. Older ones go as others are decided, some each
 * time, so that a rebuild drops the same.
 *
 * Keys of TABLE_REVIEW: 'r', id (8): the row; 'l', lead (16): the id of the open
 * one; 'd', deadline_ms (8), id (8): open ones by their deadline. Threads: as the
 * transaction. */
#ifndef POLICY_STATE_REVIEW_H
#define POLICY_STATE_REVIEW_H

#include "policy/ledger/door.h"
#include "policy/mail/lead_id.h"
#include "policy/state/payload.h"

/* Three years: as long as a claim may come up. */
#define REVIEW_KEEP_MS (3 * 366 * INT64_C(86400000))

/* Numbers are stored; names are API. */
enum review_kind {
	REVIEW_OPT_OUT = 1, /* seems to ask for no more mail */
	REVIEW_LEFT = 2,    /* seems to have left the company */
};

enum review_state {
	REVIEW_OPEN = 1,
	REVIEW_UNSUBSCRIBED = 2, /* suppressed for all nurture */
	REVIEW_RESUMED = 3,      /* it was none, or was settled */
};

struct review_record {
	uint64_t id; /* time-ordered, as message ids */
	struct lead_id lead;
	uint64_t message_id; /* that was answered */
	enum review_kind kind;
	enum review_state state;
	int64_t opened_ms, deadline_ms;
	int64_t decided_ms;        /* 0: open */
	struct str quote;          /* sealed: what was written */
	struct str author, reason; /* of the decision */
};

struct event_review_opened {
	uint64_t id;
	unsigned char lead[LEAD_ID_BYTES];
	uint64_t message_id;
	uint32_t kind;
	int64_t deadline_ms;
	struct str quote; /* sealed */
};

struct event_review_decided {
	uint64_t id;
	unsigned char lead[LEAD_ID_BYTES];
	uint32_t state;
	struct str author;
	struct str reason; /* sealed */
};

/* All borrowed from the transaction. ERR_NOT_FOUND. */
int review_read(const struct ledger_txn *t, uint64_t id,
    struct review_record *out) MUST_CHECK;
int review_of_lead(const struct ledger_txn *t, const struct lead_id *lead,
    struct review_record *out) MUST_CHECK;
/* The next open one by deadline, behind *after (zero: the first), which moves to
 * it. ERR_NOT_FOUND: none. */
struct review_cursor {
	int64_t deadline_ms;
	uint64_t id;
};
int review_next_open(const struct ledger_txn *t, struct review_cursor *after,
    struct review_record *out) MUST_CHECK;
/* The newest with an id below `before` (0: of all). ERR_NOT_FOUND. */
int review_before(const struct ledger_txn *t, uint64_t before,
    struct review_record *out) MUST_CHECK;

/* How many are open, and of these beyond their deadline. */
struct review_count {
	uint64_t open, overdue;
};
int review_count(const struct ledger_txn *t, int64_t now_ms,
    struct review_count *out) MUST_CHECK;

extern const struct payload_desc review_opened_payload;
extern const struct payload_desc review_decided_payload;
int review_decode_opened(
    struct str payload, struct event_review_opened *out) MUST_CHECK;
int review_decode_decided(
    struct str payload, struct event_review_decided *out) MUST_CHECK;
int review_reduce_opened(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int review_reduce_decided(
    struct ledger_txn *t, const struct event *ev, struct error *err);

const char *review_kind_name(enum review_kind kind);
const char *review_state_name(enum review_state state);

#endif
