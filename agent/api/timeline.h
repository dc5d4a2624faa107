/* timeline.h - all events about one person, or about one queue id of the MTA,
 * in order. Found by the trace table (policy/state/trace.h); each is looked at
 * and told only if it is really meant.
 *
 * A message that was kept in the spool goes on under another queue id for each
 * of its recipients: those are followed, up to TIMELINE_FOLLOWED. The id that
 * the MTA gave to a message that it queued anew leads to the first one's
 * events. Threads: as the transaction. */
#ifndef AGENT_API_TIMELINE_H
#define AGENT_API_TIMELINE_H

#include "policy/base/arena.h"
#include "policy/state/trace.h"

enum {
	TIMELINE_FOLLOWED = 1000
};

struct timeline {
	const struct ledger_txn *t;
	struct arena *arena;        /* ids seen so far */
	const struct lead_id *lead; /* NULL: by queue_id */
	struct str queue_id;
	uint64_t after; /* events up to this number are left out */
};

/* Stops at emit's first non-zero answer and returns it. Events before `after`
 * are still read where they tell which messages are the person's. */
typedef int timeline_fn(void *arg, const struct event *ev);
int timeline_each(struct timeline *tl, timeline_fn *emit, void *arg) MUST_CHECK;

#endif
