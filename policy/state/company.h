/* company.h - what the people of one organisation were sent, together: of each of
 * those who belong to it now, as their own records tell (lead.h). Kept only while
 * the policy has a limit per company, since it costs as much again as the
 * person's own history; companies.h makes it of the persons' when the first such
 * limit comes, so that it is whole when the limit is in force.
 *
 * Key of TABLE_COMPANY: company id. Record: history (slotlist.h), with the
 * person of each slot. One row more tells how far it is (struct company_keeping).
 * Threads: as the transaction. */
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

/* Numbers are stored. */
enum company_state {
	COMPANY_NOT_KEPT = 0, /* what there is may be old */
	COMPANY_CLEARING = 1, /* and is being removed */
	COMPANY_FILLING = 2,  /* kept; of the past, of people up to `done` */
	COMPANY_KEPT = 3,     /* whole */
};
struct company_keeping {
	enum company_state state;
	struct lead_id done; /* all zero: nobody yet */
};
int company_keeping(
    const struct ledger_txn *t, struct company_keeping *out) MUST_CHECK;

/* --- for reducers (lead.c, message.c, companies.c) --- */

int company_keeping_set(
    struct ledger_txn *t, const struct company_keeping *k) MUST_CHECK;
/* Removes up to n histories; *left_out: there are more. */
int company_clear(struct ledger_txn *t, size_t n, bool *left_out) MUST_CHECK;

/* All that follow do nothing where no histories are kept, or for no company. */

/* As lead_slot_put(); and lead_slot_set(), but 0 where there is none. */
int company_slot_put(struct ledger_txn *t, const struct company_id *id,
    const struct slot_fact *slot, int64_t prune_before_ms) MUST_CHECK;
int company_slot_set(struct ledger_txn *t, const struct company_id *id,
    uint64_t message_id, enum slot_state state, int64_t at_ms) MUST_CHECK;
/* A person's slots, in order. moved: of one who goes on as another, so that what
 * is there already is the other's. */
int company_person_put(struct ledger_txn *t, const struct company_id *id,
    const struct slot_fact *v, size_t n, bool moved) MUST_CHECK;
/* Without that person (lead_id_tag) from now on. */
int company_person_del(struct ledger_txn *t, const struct company_id *id,
    uint64_t person) MUST_CHECK;

#endif
