/* decide_many.h - what decide_explain() says, for thousands of people at once:
 * may they be written to? Changes nothing.
 *
 * Each list is answered by one version of the policy. People are looked up in
 * the order of their rows, a chunk in each snapshot of the ledger, so no reader
 * stays longer than some milliseconds. Threads: any; who wants more than one
 * gives each a list of its own. */
#ifndef POLICY_STATE_DECIDE_MANY_H
#define POLICY_STATE_DECIDE_MANY_H

#include "policy/state/decide.h"

struct decide_one {
	struct str text; /* as it was given: borrowed */
	/* ERR_SYNTAX: no address, the rest is zero. */
	int rc;
	struct address recipient; /* in the arena */
	struct lead_id lead;
	struct verdict verdict; /* its rule is of out->policy */
};

struct decide_list {
	struct decide_one *v;
	size_t n;
	struct arena *arena; /* takes some 400 bytes each */
};

/* ask: as for one, without recipient. Fills list->v[i] from its text. out:
 * policy and segment, of all; decide_fini() in every case. ERR_LIMIT: the arena
 * is full. */
int decide_many(struct store *s, const struct decide_in *ask, int64_t now_ms,
    const struct decide_list *list, struct decide_out *out,
    struct error *err) MUST_CHECK;

#endif
