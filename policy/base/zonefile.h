/* zonefile.h - a file of tzdata (RFC 8536): the changes of a zone's offset and
 * the rule by which it goes on after them. Pure. Threads: any.
 *
 * Leap seconds are not heeded, as no clock of ours counts them: in a file that
 * has some (those below "right/") the changes are up to 27 seconds late. */
#ifndef POLICY_BASE_ZONEFILE_H
#define POLICY_BASE_ZONEFILE_H

#include "policy/base/zonerule.h"

#define ZONEFILE_MAX ((size_t)64 << 10) /* bytes; the largest has 4000 */

struct zonefile {
	int32_t first_s; /* offset before the first change: type 0 (3.2) */
	size_t n_changes;
	int64_t last_s; /* when the last of them is, if there is one */
	bool has_rule;
	struct zonerule rule; /* after the last change */
	/* of zonefile_change(): within the bytes */
	size_t instant_n;
	const char *instants, *kinds, *types;
};

/* The whole file is checked. *out borrows bytes. ERR_NOT_FOUND: something else
 * than a zone. ERR_CORRUPT: a damaged one. */
int zonefile_parse(struct str bytes, struct zonefile *out) MUST_CHECK;

/* Change i < n_changes; they are in the order of time, no two at one instant.
 * Some change no more than the name of the time. */
struct zonerule_change zonefile_change(const struct zonefile *f, size_t i);

#endif
