/* mtalogpos.h - how far the MTA's log was read: stored with what the lines
 * meant, in one transaction, so that each line acts exactly once.
 *
 * Key of TABLE_MTALOG: the log's path. Threads: as the transaction. */
#ifndef POLICY_STATE_MTALOGPOS_H
#define POLICY_STATE_MTALOGPOS_H

#include "policy/ledger/door.h"

struct mtalogpos {
	struct str path;
	struct str position; /* the follower's, stored form */
	struct str book;     /* open sessions, stored form */
	struct str waits;    /* of session ends, stored form */
};

/* Borrowed; ERR_NOT_FOUND when the log was never read. */
int mtalogpos_read(const struct ledger_txn *t, struct str path,
    struct mtalogpos *out) MUST_CHECK;
int mtalogpos_emit(struct door_ctx *ctx, const struct mtalogpos *p) MUST_CHECK;
int mtalogpos_decode(struct str payload, struct mtalogpos *out) MUST_CHECK;
int mtalogpos_reduce(
    struct ledger_txn *t, const struct event *ev, struct error *err);

#endif
