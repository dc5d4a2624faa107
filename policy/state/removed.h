/* removed.h - which version of the policy took a segment away, and what its
 * author chose for the messages that were held for it. Kept in memory, since
 * that is asked for each held copy of a name that the policy has not: every
 * version is read once, whatever names are asked for.
 *
 * Bounded: of more than REMOVED_MAX segments that there ever were the one that
 * went first is forgotten; nothing is held as long as that.
 * Threads: internally locked. */
#ifndef POLICY_STATE_REMOVED_H
#define POLICY_STATE_REMOVED_H

#include "policy/state/policyver.h"

enum {
	REMOVED_MAX = 8192
};

struct removed;

/* The ledger is borrowed. -ENOMEM. */
int removed_open(struct removed **out, struct ledger *l) MUST_CHECK;
void removed_close(struct removed **r); /* NULL is fine */

struct removal {
	int64_t applied_ms; /* of that version; 0: no version had the segment */
	enum policyver_orphans orphans;
};
/* version: the one in force, which has not the segment of that label. A version
 * that cannot be read any more (of an older program) tells nothing. */
int removed_find(struct removed *r, uint32_t version, uint32_t label,
    struct removal *out, struct error *err) MUST_CHECK;

#endif
