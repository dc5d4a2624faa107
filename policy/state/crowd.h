/* crowd.h - many proposals that wait together: each is one of its own for the
 * door, and all share its batches. Threads: any; the caller blocks. */
#ifndef POLICY_STATE_CROWD_H
#define POLICY_STATE_CROWD_H

#include "policy/ledger/door.h"

enum {
	CROWD_AT_ONCE = 512 /* a batch of the door */
};

struct crowd_member {
	void *arg; /* for fn */
	int rc;    /* out: as door_propose() gives it */
};

/* fn for each of v, at most at_once of them waiting at a time. 0: all were
 * tried, and v[i].rc tells of each. -ENOMEM: none was. */
int crowd_propose(struct door *d, door_fn *fn, struct crowd_member *v, size_t n,
    size_t at_once) MUST_CHECK;

#endif
