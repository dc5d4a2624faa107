/* company.h - what the people of one organisation were sent, together: kept
 * only while the policy has a limit per company.
 *
 * Key of TABLE_COMPANY: company id. Record: history (slotlist.h), with the
 * person of each slot. Threads: as the transaction. */
#ifndef POLICY_STATE_COMPANY_H
#define POLICY_STATE_COMPANY_H

#include "policy/ledger/env.h"
#include "policy/mail/company_id.h"
#include "policy/state/slotlist.h"

/* All zero: none. */
struct company_id {
	unsigned char b[COMPANY_ID_BYTES];
};

bool company_is_none(const struct company_id *id);

/* An array of the arena; one without a record has none. */
int company_slots(const struct ledger_txn *t, const struct company_id *id,
    struct arena *a, struct slot_fact **out, size_t *n_out) MUST_CHECK;

/* --- for reducers of slot events (message.c) --- */

/* As lead_slot_put(), lead_slot_set(). */
int company_slot_put(struct ledger_txn *t, const struct company_id *id,
    const struct slot_fact *slot, int64_t prune_before_ms) MUST_CHECK;
int company_slot_set(struct ledger_txn *t, const struct company_id *id,
    uint64_t message_id, enum slot_state state, int64_t at_ms) MUST_CHECK;

#endif
