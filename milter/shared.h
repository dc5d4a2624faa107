/* shared.h - what all sessions of the process share. Threads: each member says
 * so itself; the struct is immutable after start. */
#ifndef MILTER_SHARED_H
#define MILTER_SHARED_H

#include "milter/snapshot.h"
#include "policy/state/store.h"

#include <stdatomic.h>

struct shared {
	struct snapshots *snapshots; /* internally locked */
	struct store *store;         /* likewise */
	atomic_ulong in_flight;      /* messages between MAIL and their end */
	atomic_ulong signed_count;   /* for self-verification of every Nth */
};

#endif
