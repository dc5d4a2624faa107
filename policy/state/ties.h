/* ties.h - who belongs together, of all people of a ledger: who goes on under
 * which address, and, where that is asked, who is of one company. As it is
 * today. For simulate.c. Threads: one owner. */
#ifndef POLICY_STATE_TIES_H
#define POLICY_STATE_TIES_H

#include "policy/state/lead.h"
#include "policy/state/store.h"

struct ties;

/* Reads all people, in short snapshots. progress is called between them with
 * the share that is done, 0 to 1 (NULL: not at all): false stops, ERR_STOPPING.
 * -ENOMEM. */
int ties_read(struct ties **out, const struct store *s, bool companies,
    bool (*progress)(void *arg, double share), void *arg) MUST_CHECK;
void ties_free(struct ties **t); /* NULL is fine */

/* Equal for those who belong together: whoever has no ties is alone. */
uint64_t ties_group(const struct ties *t, const struct lead_id *lead);
/* As whom this one goes on, one step; NULL: as himself. */
const struct lead_id *ties_next(
    const struct ties *t, const struct lead_id *lead);
/* Bytes of memory. */
size_t ties_bytes(const struct ties *t);

/* That of the record; of people known before records had one, that of their
 * domain. All zero: none, or nobody can tell any more. scratch is reset by the
 * caller. */
void ties_company_of(const struct store *s, const struct lead_id *id,
    const struct lead_record *r, struct arena *scratch,
    unsigned char out[LEAD_COMPANY]);
/* The first 8 bytes of a company's id. */
uint64_t ties_company_tag(const unsigned char company[LEAD_COMPANY]);

#endif
