/* subject.h - the id that unsubscribe and preference links carry: one for each
 * lead and purpose, kept for ever, so that a link never expires. Derived, not
 * drawn: the same lead and purpose always have the same id.
 *
 * Key: subject id, 8 bytes. The lead's record tells that the subject is there.
 * Threads: as the transaction. */
#ifndef POLICY_STATE_SUBJECT_H
#define POLICY_STATE_SUBJECT_H

#include "policy/ledger/env.h"
#include "policy/mail/lead_id.h"

struct subject_record {
	struct lead_id lead;
	struct str purpose; /* borrowed */
};

/* First 8 bytes of SHA-256 over lead id and purpose; never 0. Knowing it is
 * worth nothing without the HMAC of a token. ERR_CRYPTO. */
int subject_id_of(
    const struct lead_id *lead, struct str purpose, uint64_t *out) MUST_CHECK;

int subject_read(const struct ledger_txn *t, uint64_t id,
    struct subject_record *out) MUST_CHECK;
/* Whether the lead's record says that it is there; if not, subject_put() would
 * look further. */
int subject_is_known(const struct ledger_txn *t, const struct lead_id *lead,
    struct str purpose, bool *yes_out) MUST_CHECK;
/* For reducers; there already is fine. */
int subject_put(struct ledger_txn *t, uint64_t id, const struct lead_id *lead,
    struct str purpose) MUST_CHECK;

#endif
