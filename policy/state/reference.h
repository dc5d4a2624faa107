/* reference.h - from the Message-ID of what we let go out to the message, by
 * which an answer finds it: what EV_SLOT_PROPOSED tells.
 *
 * TABLE_REFERENCE is laid out as reference_row.h says: an answer looks at some
 * dozens of places, a message writes to one that is in memory. What is older
 * than REFERENCE_KEEP_WEEKS is not found, and goes as its run gets old.
 * Applications that write one Message-ID to many have a row for each.
 * Threads: as the transaction. */
#ifndef POLICY_STATE_REFERENCE_H
#define POLICY_STATE_REFERENCE_H

#include "policy/ledger/env.h"
#include "policy/mail/lead_id.h"
#include "policy/mail/reference.h"

enum {
	REFERENCE_KEEP_WEEKS = 26,
};

bool reference_is_old(uint64_t message_id, int64_t now_ms);

/* In a reducer: now and then it moves or removes a thousand rows. */
int reference_put(struct ledger_txn *t, const unsigned char *digest,
    uint64_t message_id) MUST_CHECK;

/* The message that an answer is to: the first of its references that names one
 * which was sent to `from`; else the first that names one alone. from: who
 * writes, or NULL. ERR_NOT_FOUND: none of ours, too old, or of several whose
 * nobody can tell. */
int reference_find(const struct ledger_txn *t, const struct reference_list *l,
    const struct lead_id *from, int64_t now_ms, uint64_t *id_out) MUST_CHECK;

#endif
