/* feedback.h - what came back on a message, and failures in a row of a lead.
 * The row of EV_BOUNCE and EV_COMPLAINT. One failure is recorded once, whether the
 * log, a DSN, an application or all tell it: feedback.rank is the most that was said
 * (giveup.h), and only more than that is news.
 *
 * Counts "bounce.hard.REASON" (class person), "bounce.soft.REASON",
 * "bounce.other_person.REASON" (a report with our token that names somebody
 * else) and "complaint.TYPE", by segment, and "provider.REASON" of failures that
 * name the person and of complaints, by provider. A failure whose later report
 * says more counts again under its new name.
 *
 * Keys of TABLE_FEEDBACK: 'm', message id (8); of failures in a row a letter for
 * their reason, lead id (16): unknown host 'h', full mailbox 'f', no such user
 * 'n', disabled 'd', moved 'v'; these end with what the person writes (answer.h).
 * More: spikeback.h. A message's row goes FEEDBACK_KEEP_DAYS after the message; a few of them with each new
 * one. What is told of it later counts again.
 * Threads: as the transaction. */
#ifndef POLICY_STATE_FEEDBACK_H
#define POLICY_STATE_FEEDBACK_H

#include "policy/ledger/door.h"
#include "policy/mail/lead_id.h"
#include "policy/rules/giveup.h"
#include "policy/state/payload.h"

enum {
	FEEDBACK_KEEP_DAYS = 180 /* bounce tokens age long before */
};

/* Who told. Numbers are stored. */
enum feedback_source {
	FEEDBACK_BY_DSN = 1,
	FEEDBACK_BY_LOG = 2,
	FEEDBACK_BY_API = 3, /* an application, or its relay (ops_outcome.h) */
};

struct feedback_record { /* zero: nothing came back */
	enum giveup_rank rank;
	enum bounce_reason reason; /* of that rank */
	bool complained;
	bool bounced_hard; /* counted for the breaker */
	bool our_fault;    /* likewise; from version 3 of EV_BOUNCE on */
	int64_t first_ms;
};

struct event_bounce {
	uint64_t message_id;
	unsigned char lead[LEAD_ID_BYTES];
	uint32_t source; /* enum feedback_source */
	/* class us is told to the breaker from version 3 on. */
	uint32_t reason, class, rank;
	/* Failures in a row with this one, where they count (giveup.h); of a
	 * full mailbox from version 2 on, of mailboxes that are unknown,
	 * disabled or moved from version 5 on. */
	uint32_t in_row;
	int64_t row_first_ms;
	struct str status;     /* RFC 3463, where there is one */
	struct str diagnostic; /* sealed */
	struct str provider;   /* provider.h; from version 2 on */
	/* Gives up for ever and confirms nothing: a spike that is seen soon
	 * makes that provisional (spikeback.h). From version 4 on. */
	bool unconfirmed;
};

struct event_complaint {
	uint64_t message_id;
	unsigned char lead[LEAD_ID_BYTES];
	uint32_t reason;     /* BOUNCE_ABUSE */
	struct str provider; /* provider.h; from version 2 on */
};

/* All zero when there is no row. */
int feedback_read(const struct ledger_txn *t, uint64_t message_id,
    struct feedback_record *out) MUST_CHECK;
/* of: a reason that has a limit (giveup_has_limit()). */
int feedback_row(const struct ledger_txn *t, const struct lead_id *lead,
    enum bounce_reason of, struct giveup_row *out) MUST_CHECK;

/* In a reducer: the person is there, as their own words show; failures in a row
 * begin anew. */
int feedback_is_alive(
    struct ledger_txn *t, const unsigned char *lead) MUST_CHECK;

/* In a reducer: a message was delivered at at_ms: rows that began before that
 * begin anew, however long the next failure is away. */
int feedback_delivered(
    struct ledger_txn *t, const struct lead_id *lead, int64_t at_ms) MUST_CHECK;

extern const struct payload_desc feedback_bounce_payload;
extern const struct payload_desc feedback_complaint_payload;
int feedback_decode_bounce(
    struct str payload, struct event_bounce *out) MUST_CHECK;
int feedback_decode_complaint(
    struct str payload, struct event_complaint *out) MUST_CHECK;

int feedback_reduce_bounce(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int feedback_reduce_complaint(
    struct ledger_txn *t, const struct event *ev, struct error *err);

#endif
