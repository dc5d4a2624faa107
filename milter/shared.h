/* shared.h - what all sessions of the process share. Threads: each member says
 * so itself; the struct is immutable after start, but for what is atomic. */
#ifndef MILTER_SHARED_H
#define MILTER_SHARED_H

#include "milter/snapshot.h"
#include "policy/spool/spool.h"
#include "policy/state/store.h"

#include <stdatomic.h>

enum shared_stage {
	SHARED_SERVING,
	SHARED_DRAINING, /* the last messages; new ones are to come again */
	SHARED_OVER,     /* the process ends: whoever begins waits for that */
};

struct shared {
	struct snapshots *snapshots; /* internally locked */
	/* NULL while the ledger cannot be opened: nurture waits, other mail
	 * flows. Set once, by one thread. */
	struct store *_Atomic store;
	struct spool *spool;       /* internally locked */
	atomic_ulong in_flight;    /* messages between MAIL and their end */
	atomic_int stage;          /* enum shared_stage */
	atomic_ulong signed_count; /* for self-verification of every Nth */
};

#endif
