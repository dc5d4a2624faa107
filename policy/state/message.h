/* message.h - what we let go out: one record a message and recipient, and the
 * way from the MTA's queue id to it. Owns the slot events.
 *
 * Message ids are time-ordered (msgid.h), so new records are appended. What
 * belongs to the application and the person (its one-click URL, its envelope
 * sender) is sealed with the lead's key. Threads: as the transaction. */
#ifndef POLICY_STATE_MESSAGE_H
#define POLICY_STATE_MESSAGE_H

#include "policy/ledger/event.h"
#include "policy/mail/lead_id.h"
#include "policy/rules/facts.h"
#include "policy/state/company.h"
#include "policy/state/payload.h"

struct message_record {
	struct lead_id lead;
	struct company_id company; /* whose history has it; zero: none */
	int64_t proposed_ms;
	int64_t changed_ms; /* of the last change of state */
	enum slot_state state;
	uint64_t subject_id;
	uint32_t label; /* of the segment */
	uint32_t policy_version;
	struct str segment, purpose, stream, campaign, queue_id;
	struct str app_one_click; /* sealed */
	struct str app_sender;    /* sealed */
	bool counts;              /* false: a seed's */
	struct str from_domain;   /* of From, A-labels; may be empty */
};

/* Counts as delivered from its acceptance on, since no log was followed, and
 * nobody has told of it since. */
static inline bool message_is_assumed(const struct message_record *r)
{
	return r->state == SLOT_DELIVERED && r->changed_ms == r->proposed_ms;
}

/* What changed_ms is after a step that was told: a delivery at the very moment of
 * acceptance is kept a millisecond later, so that it is none that was assumed.
 * The slot itself is dated at_ms. */
static inline int64_t message_told_ms(
    const struct message_record *r, enum slot_state state, int64_t at_ms)
{
	return at_ms + (state == SLOT_DELIVERED && at_ms == r->proposed_ms);
}

/* Numbers are stored; names are API. */
enum slot_release {
	RELEASE_BOUNCED = 1,
	RELEASE_EXPIRED = 2,
	RELEASE_REMOVED = 3,  /* postsuper -d, or removed undelivered */
	RELEASE_REJECTED = 4, /* milter or cleanup refused at end of message */
	RELEASE_NEVER_QUEUED = 5, /* session over, 15 minutes without a sign */
	RELEASE_TROUBLE = 6,      /* ours, after the proposal */
};

struct event_slot_proposed {
	unsigned char lead[LEAD_ID_BYTES];
	uint64_t message_id;
	uint64_t key;        /* same-message key */
	uint64_t subject_id; /* 0: no purpose (one-to-one) */
	uint32_t label;
	uint32_t policy_version;
	struct str segment, purpose, stream, campaign, queue_id;
	struct str app_one_click, app_sender; /* sealed */
	bool counts;
	bool delivered; /* no log is followed: counts as delivered at once */
	bool shadowed;
	int64_t prune_before_ms;
	struct str from_domain;                  /* from version 2 on */
	unsigned char company[COMPANY_ID_BYTES]; /* from version 2 */
	/* From version 3: digest of its Message-ID (policy/mail/reference.h),
	 * or empty. */
	struct str reference;
};

/* Queued, delivered, released. Version 2 of the last two has the same payload;
 * with it the rates take back what was counted of the message before. Version 3
 * has a provider. */
struct event_slot_changed {
	uint64_t message_id;
	int64_t at_ms;
	uint32_t release;  /* enum slot_release; released only */
	struct str status; /* RFC 3463, where there is one */
	struct str relay;
	struct str
	    provider; /* who has the mailbox (provider.h); may be empty */
};

struct event_slot_moved { /* the MTA gave it another queue id */
	uint64_t message_id;
	struct str queue_id; /* the new one */
	struct str from;     /* from version 2 on: what it had until now */
};

struct event_duplicate {
	uint64_t message_id; /* of the first */
	struct str queue_id; /* of the second */
};

struct event_more_recipients { /* the MTA sends it to more than were decided */
	uint64_t message_id;
	struct str queue_id;
	uint32_t decided, recipients;
};

/* A row of TABLE_MESSAGE, as it is found by cursor; the key is its id. */
int message_decode(struct str value, struct message_record *out) MUST_CHECK;
/* Whose such a row is, without reading the rest of it. */
int message_lead(struct str value, struct lead_id *out) MUST_CHECK;
int message_read(const struct ledger_txn *t, uint64_t id,
    struct message_record *out) MUST_CHECK; /* borrowed */
/* The messages of that queue id, oldest first: one, but for one-to-one mail to
 * several people. *n_out <= cap. */
int message_by_queue(const struct ledger_txn *t, struct str queue_id,
    uint64_t *ids_out, size_t cap, size_t *n_out) MUST_CHECK;

/* Had that message this queue id, at any time? */
int message_has_queue(const struct ledger_txn *t, struct str queue_id,
    uint64_t id, bool *out) MUST_CHECK;
/* Has that message left this queue id for another one? What becomes of all that
 * the old one still has does not concern it. */
int message_went_on(const struct ledger_txn *t, struct str queue_id,
    uint64_t id, bool *out) MUST_CHECK;
/* Lines about that queue id are not about it any more: it was handed on to
 * nobody knows where, or another message has the id since. */
int message_lost_queue(const struct ledger_txn *t, struct str queue_id,
    uint64_t id, bool *out) MUST_CHECK;
/* As message_by_queue(), of the first cap those that have not lost it. */
int message_in_queue(const struct ledger_txn *t, struct str queue_id,
    uint64_t *ids_out, size_t cap, size_t *n_out) MUST_CHECK;

extern const struct payload_desc message_proposed_payload;
extern const struct payload_desc message_changed_payload;
extern const struct payload_desc message_moved_payload;
extern const struct payload_desc message_duplicate_payload;
extern const struct payload_desc message_more_payload;
int message_decode_proposed(
    struct str payload, struct event_slot_proposed *out) MUST_CHECK;
int message_decode_changed(
    struct str payload, struct event_slot_changed *out) MUST_CHECK;
int message_decode_moved(
    struct str payload, struct event_slot_moved *out) MUST_CHECK;
int message_decode_duplicate(
    struct str payload, struct event_duplicate *out) MUST_CHECK;
int message_decode_more(
    struct str payload, struct event_more_recipients *out) MUST_CHECK;

int message_reduce_proposed(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int message_reduce_queued(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int message_reduce_delivered(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int message_reduce_released(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int message_reduce_moved(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int message_reduce_duplicate(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int message_reduce_more(
    struct ledger_txn *t, const struct event *ev, struct error *err);

/* For reducers: counts what came of a message (enum tally_what); nothing where
 * there is no such message. */
int message_tally(struct ledger_txn *t, uint64_t id, unsigned what,
    int64_t now_ms) MUST_CHECK;

const char *slot_release_name(enum slot_release r);

#endif
