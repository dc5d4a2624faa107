/* lead.h - one person: key, address and history of slots, in one record, so
 * that a decision touches one random leaf.
 *
 * Key: lead id (16 bytes). The address is sealed with the lead's own key, that
 * key is wrapped by the epoch key: reducers copy both, facts opens them.
 * Threads: as the transaction. */
#ifndef POLICY_STATE_LEAD_H
#define POLICY_STATE_LEAD_H

#include "policy/ledger/event.h"
#include "policy/mail/lead_id.h"
#include "policy/rules/facts.h"
#include "policy/state/payload.h"
#include "policy/state/slotlist.h"

enum {
	LEAD_SLOTS_MAX = SLOTLIST_SLOTS_MAX,
	LEAD_WRAPPED_MAX = 256,
	LEAD_ADDRESS_MAX = 1200,
	/* More than any policy has; what there is no room for stands in its
	 * own row only (consent.h, subject.h). */
	LEAD_PURPOSES_MAX = 32,
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
	uint64_t epoch;          /* of the key that wraps */
	struct str wrapped;      /* borrowed from the transaction */
	struct str address;      /* sealed */
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
};

/* ERR_NOT_FOUND when the person is not known. */
int lead_read(const struct ledger_txn *t, const struct lead_id *id,
    struct arena *a, struct lead_record *out) MUST_CHECK;

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

extern const struct payload_desc lead_created_payload;
int lead_event_decode(
    struct str payload, struct event_lead_created *out) MUST_CHECK;
int lead_reduce_created(
    struct ledger_txn *t, const struct event *ev, struct error *err);

#endif
