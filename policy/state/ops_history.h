/* ops_history.h - slots dated and released by a log that is read again, or for
 * the first time, after the fact. Threads: any; the caller blocks. */
#ifndef POLICY_STATE_OPS_HISTORY_H
#define POLICY_STATE_OPS_HISTORY_H

#include "policy/state/ops.h"

enum {
	OPS_HISTORY_MAX = 8192 /* changes of one call */
};

/* Applies the changes in their order, in proposals of a few, as history
 * (slot_change.history is set here). dry: nothing is changed, and the counts
 * are of what would be: of a message that moves, up to there. */
int ops_history(struct store *s, struct slot_change *v, size_t n, bool dry,
    struct ops_slot_counts *out, struct error *err) MUST_CHECK;

#endif
