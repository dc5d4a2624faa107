/* lead.h - one person: key, address and history of slots, in one record, so
 * that a decision touches one random leaf.
 *
 * Key: lead id (16 bytes). Address and attributes are sealed with the lead's own
 * key, that key is wrapped by the epoch key: reducers copy them, facts opens
 * them.
 *
 * A lead that was merged into another, or re-addressed, names the one that
 * goes on (moved_to); what happens to its old messages is entered at both.
 *
 * Whatever changes here of slots or of the company is entered in the company's
 * history too (company.h): it has the slots of those who belong to it now.
 * Threads: as the transaction. */
#ifndef POLICY_STATE_LEAD_H
#define POLICY_STATE_LEAD_H

#include "policy/ledger/event.h"
#include "policy/mail/lead_id.h"
#include "policy/rules/facts.h"
#include "policy/state/company.h"
#include "policy/state/payload.h"
#include "policy/state/slotlist.h"

enum {
	LEAD_SLOTS_MAX = SLOTLIST_SLOTS_MAX,
	LEAD_WRAPPED_MAX = 256,
	LEAD_ADDRESS_MAX = 1200,
	LEAD_ATTRIBUTES_MAX = 4200, /* sealed */
	LEAD_COMPANY = 16,          /* bytes of an id, company_id.h */
	/* More than any policy has; what there is no room for stands in its
	 * own row only (consent.h, subject.h). */
	LEAD_PURPOSES_MAX = 32,
	LEAD_CREATED_MAX = 6400, /* bytes of a payload */
	LEAD_MOVES_MAX = 8,      /* how far moved_to is followed */
};

/* What a decision asks of a purpose. */
struct lead_purpose {
	uint32_t label; /* policy_label */
	enum consent_state consent;
	int64_t since_ms; /* of the consent */
	bool subject;     /* the subject is in its table */
};

struct lead_record {
	int64_t created_ms;
	uint64_t epoch;                      /* of the key that wraps */
	struct str wrapped;                  /* borrowed from the transaction */
	struct str address;                  /* sealed */
	struct str attributes;               /* sealed; empty: none */
	unsigned char company[LEAD_COMPANY]; /* all zero: none */
	bool moved;                          /* goes on as: */
	struct lead_id moved_to;
	struct slot_fact *slots; /* in the arena; as they came */
	size_t n_slots;
	size_t n_purposes; /* LEAD_PURPOSES_MAX: there may be more */
	struct lead_purpose purposes[LEAD_PURPOSES_MAX];
};

struct event_lead_created {
	unsigned char lead[LEAD_ID_BYTES];
	uint64_t epoch;
	struct str wrapped;
	struct str address;
	unsigned char company[LEAD_COMPANY]; /* since version 2, as the rest */
	struct str attributes;
	struct str origin, author;
};

/* Attributes and company as they are afterwards. */
struct event_lead_changed {
	unsigned char lead[LEAD_ID_BYTES];
	struct str attributes; /* sealed; empty: none */
	unsigned char company[LEAD_COMPANY];
	struct str origin, author;
};

/* lead goes on as `to`, which has the history of both. */
struct event_lead_merged {
	unsigned char lead[LEAD_ID_BYTES];
	unsigned char to[LEAD_ID_BYTES];
	struct str origin, author;
};

/* ERR_NOT_FOUND when the person is not known. */
int lead_read(const struct ledger_txn *t, const struct lead_id *id,
    struct arena *a, struct lead_record *out) MUST_CHECK;

/* The same without slots. */
int lead_peek(const struct ledger_txn *t, const struct lead_id *id,
    struct lead_record *out) MUST_CHECK;

/* Leads in the order of their ids, from the first above `after` (NULL: the
 * first), without slots. Stops at emit's first answer that is not 0, and
 * returns it. */
typedef int lead_list_fn(
    void *arg, const struct lead_id *id, const struct lead_record *r);
int lead_list(const struct ledger_txn *t, const struct lead_id *after,
    lead_list_fn *emit, void *arg) MUST_CHECK;
struct company_id lead_company(const struct lead_record *r);

/* NULL: not in the record. */
const struct lead_purpose *lead_purpose_find(
    const struct lead_record *r, uint32_t label);
/* Of one purpose, without the slots. ERR_NOT_FOUND: no such person, or nothing
 * is known of it. */
int lead_purpose_read(const struct ledger_txn *t, const struct lead_id *id,
    uint32_t label, struct lead_purpose *out) MUST_CHECK;
/* For reducers: changes what is known of a purpose, or adds it. Where there is
 * no room for one more, nothing happens. ERR_NOT_FOUND: no such person. */
typedef void lead_purpose_fn(struct lead_purpose *p, const void *arg);
int lead_purpose_change(struct ledger_txn *t, const struct lead_id *id,
    uint32_t label, lead_purpose_fn *change, const void *arg) MUST_CHECK;

/* --- for reducers of slot events (message.c) --- */

/* Adds, or replaces the slot of the same message id. Slots that
 * cannot count at or after prune_before_ms any more are dropped. */
int lead_slot_put(struct ledger_txn *t, const struct lead_id *id,
    const struct slot_fact *slot, int64_t prune_before_ms) MUST_CHECK;
/* Changes state and date of one; ERR_NOT_FOUND when it was pruned. */
int lead_slot_set(struct ledger_txn *t, const struct lead_id *id,
    uint64_t message_id, enum slot_state state, int64_t at_ms) MUST_CHECK;
/* Enters all of the person's slots in the history of that company. */
int lead_slots_enter(struct ledger_txn *t, const struct lead_id *id,
    const struct company_id *company) MUST_CHECK;

extern const struct payload_desc lead_created_payload;
int lead_event_decode(
    struct str payload, struct event_lead_created *out) MUST_CHECK;
int lead_reduce_created(
    struct ledger_txn *t, const struct event *ev, struct error *err);

extern const struct payload_desc lead_changed_payload;
int lead_event_decode_changed(
    struct str payload, struct event_lead_changed *out) MUST_CHECK;
int lead_reduce_changed(
    struct ledger_txn *t, const struct event *ev, struct error *err);

extern const struct payload_desc lead_merged_payload;
int lead_event_decode_merged(
    struct str payload, struct event_lead_merged *out) MUST_CHECK;
int lead_reduce_merged(
    struct ledger_txn *t, const struct event *ev, struct error *err);

#endif
