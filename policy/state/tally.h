/* tally.h - what became of the messages accepted in an hour, by segment,
 * campaign and From domain: what the breaker watches. A complaint is counted in
 * the hour in which its message was accepted, whenever it comes; so a rate is
 * that of one set of messages, and those sent after a stop ended start from
 * nothing. Seeds are not counted, nor is mail without a segment of the policy.
 *
 * Key: hour since 1970 (4 bytes), segment, NUL, campaign, NUL, domain. The hour
 * alone: how many rows it has. A campaign is a free label, so an hour has no
 * more than TALLY_ROWS_MAX of them: what comes then is counted without its
 * campaign. Hours older than TALLY_KEEP_HOURS, as lived.h has it, go, some with
 * each new row.
 * Threads: as the transaction. */
#ifndef POLICY_STATE_TALLY_H
#define POLICY_STATE_TALLY_H

#include "policy/ledger/env.h"
#include "policy/rules/breaker.h"
#include "policy/state/message.h"

enum {
	TALLY_KEEP_HOURS = 32 * 24, /* beyond the longest window */
	TALLY_ROWS_MAX = 300,       /* of an hour, with campaign */
	TALLY_LABEL_MAX = 128,      /* of campaign and segment: cut */
};

/* Bits. */
enum tally_what {
	TALLY_DELIVERED = 1,
	TALLY_COMPLAINT = 2,
	TALLY_HARD_BOUNCE = 4,
	TALLY_REFUSED = 8, /* with it: was never delivered */
	TALLY_UNSUBSCRIBE = 16,
	TALLY_OUR_FAULT = 32, /* bounced for what we are, not who they are */
	TALLY_BLOCKED = 64,   /* with it: was never delivered */
};

/* For reducers: one of each of `what` for the message; nothing where that is
 * too old, at now_ms. */
int tally_add(struct ledger_txn *t, const struct message_record *m,
    unsigned what, int64_t now_ms) MUST_CHECK;
/* The same; and one less of each of `from`, as which it was counted before. */
int tally_move(struct ledger_txn *t, const struct message_record *m,
    unsigned from, unsigned to, int64_t now_ms) MUST_CHECK;

struct tally_row {
	uint32_t hour;
	struct str segment, campaign, domain; /* borrowed; may be empty */
	struct breaker_counts counts;
};
/* All rows from an hour on, in order, up to and with to_hour. */
int tally_each(const struct ledger_txn *t, uint32_t from_hour, uint32_t to_hour,
    int (*emit)(void *arg, const struct tally_row *r), void *arg) MUST_CHECK;

/* A label as rows have it. */
struct str tally_label(struct str label);
/* a += b, a -= b; never beyond the ends. */
void tally_sum(struct breaker_counts *a, const struct breaker_counts *b);
void tally_less(struct breaker_counts *a, const struct breaker_counts *b);

#endif
