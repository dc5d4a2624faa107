/* ops_copy.h - the rows of spool copies, as proposals: each is durable when it
 * returns 0, or nothing has happened. Threads: any; each blocks for one ledger
 * batch. */
#ifndef POLICY_STATE_OPS_COPY_H
#define POLICY_STATE_OPS_COPY_H

#include "policy/base/when.h"
#include "policy/mail/address.h"
#include "policy/state/copy.h"
#include "policy/state/store.h"

/* How long a copy may stay where the policy does not say. */
#define OPS_COPY_LIFE_MS (5 * WHEN_DAY_MS) /* as an MTA's queue */

/* In front (door_decide()): an SMTP session waits. ERR_EXISTS when there is a
 * copy of that id. */
int ops_copy_add(
    struct store *s, const struct copy_new *c, struct error *err) MUST_CHECK;
/* Doing one that is done, or of a copy that is gone, changes nothing. */
int ops_copy_done(struct store *s, uint64_t id, uint32_t index,
    enum copy_outcome outcome, struct error *err) MUST_CHECK;
/* The MTA has it, under that queue id as far as it was told. */
int ops_copy_sent(struct store *s, uint64_t id, uint32_t index,
    struct str queue_id, struct error *err) MUST_CHECK;
int ops_copy_due(
    struct store *s, uint64_t id, int64_t due_ms, struct error *err) MUST_CHECK;

/* Held copies were decided again, and wait; different ones, all in one step,
 * which is the door's batch: a few hundred at most. */
int ops_copy_wait(struct store *s, const struct copy_decided *v, size_t n,
    struct error *err) MUST_CHECK;
/* An operator's word, on record for auditors; the reason may be empty.
 * ERR_NOT_FOUND when the copy is gone: sent or dropped. */
enum ops_copy_word {
	OPS_COPY_FORCE,   /* to be sent in spite of what it waits for */
	OPS_COPY_RELEASE, /* due now: decided again */
	OPS_COPY_DROP,    /* removed for good, all recipients not done; the file
			   * is the caller's, or the sweep's */
};
int ops_copy_say(struct store *s, enum ops_copy_word what,
    const struct event_copy_word *w, struct error *err) MUST_CHECK;

/* One recipient goes on as the held copy `held`, and is done in the copy
 * `id`, in one step: nobody waits for the slowest of his list. He becomes a
 * known lead. ERR_NOT_FOUND when that recipient is done already. */
int ops_copy_split(struct store *s, uint64_t id, uint32_t index,
    const struct address *recipient, const struct copy_new *held,
    struct error *err) MUST_CHECK;

/* One row, its strings in the arena; in a transaction of its own. */
int ops_copy_get(struct store *s, uint64_t id, struct arena *a,
    struct copy_record *out) MUST_CHECK;

#endif
