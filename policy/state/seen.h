/* seen.h - the feedback mails that were consumed, by a digest of their bytes.
 * A mail that comes twice (killed between commit and unlink, a retry of
 * `tendril ingest`) does nothing the second time. Rows are kept for 30 days.
 * Owns EV_FEEDBACK_MAIL; counts "feedback.KIND".
 *
 * Keys of TABLE_SEEN: 'd', digest (32) -> time, kind; 't', time (8), digest:
 * by age. Threads: as the transaction. */
#ifndef POLICY_STATE_SEEN_H
#define POLICY_STATE_SEEN_H

#include "policy/ledger/door.h"

enum {
	SEEN_DIGEST = 32,
};

/* What a mail was. Numbers are stored; names are API. */
enum seen_kind {
	SEEN_BOUNCE = 1,
	SEEN_DELAYED = 2, /* a DSN of a failure that may pass */
	SEEN_DELIVERED = 3,
	SEEN_COMPLAINT = 4,
	SEEN_UNSUBSCRIBE = 5,
	SEEN_AUTO_REPLY = 6,
	SEEN_REPORT = 7,   /* receipts, authentication reports */
	SEEN_EXPIRED = 8,  /* the token is too old to be believed */
	SEEN_UNPARSED = 9, /* set aside */
	SEEN_REPLY = 10,   /* an answer: event_reply says of what kind */
	/* Complaints that somebody here must look into: of mail that passes
	 * for ours, or that carries something. */
	SEEN_FRAUD = 11,
	SEEN_VIRUS = 12,
	SEEN_NOT_SPAM = 13, /* RFC 6430: counted, and nothing else */
};

struct event_feedback_mail {
	unsigned char digest[SEEN_DIGEST];
	uint32_t kind;       /* enum seen_kind */
	uint64_t message_id; /* the first that it is about; 0: none */
};

/* As what it was consumed already; 0: it was not. */
int seen_as(const struct ledger_txn *t, const unsigned char digest[SEEN_DIGEST],
    enum seen_kind *out) MUST_CHECK;
/* In a proposal. message_id: the first that it is about; 0: none. */
int seen_emit(struct door_ctx *ctx, const unsigned char digest[SEEN_DIGEST],
    enum seen_kind kind, uint64_t message_id) MUST_CHECK;

int seen_decode(struct str payload, struct event_feedback_mail *out) MUST_CHECK;
int seen_reduce(
    struct ledger_txn *t, const struct event *ev, struct error *err);

const char *seen_kind_name(enum seen_kind kind);

#endif
