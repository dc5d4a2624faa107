/* crowd.h - proposals that wait together: each is one of its own for the door,
 * and all share its batches. Threads: one owner. */
#ifndef POLICY_STATE_CROWD_H
#define POLICY_STATE_CROWD_H

#include "policy/ledger/door.h"

enum {
	CROWD_MAX = 512 /* a batch of the door */
};

struct crowd;
struct crowd_member {
	void *arg; /* for fn */
	int rc;    /* out: as door_propose() gives it */
};

/* Submits fn for each of v and goes on; v is the crowd's until crowd_end().
 * -ENOMEM: none was submitted. n <= CROWD_MAX. */
int crowd_begin(struct crowd **out, struct door *d, door_fn *fn,
    struct crowd_member *v, size_t n) MUST_CHECK;
/* The same in a row: where one fails, those after it fail too and are not run
 * (door_submit_in_row). */
int crowd_begin_row(struct crowd **out, struct door *d, door_fn *fn,
    struct crowd_member *v, size_t n) MUST_CHECK;
/* Waits until all are answered; sets *c = NULL, and NULL is fine. */
void crowd_end(struct crowd **c);

#endif
