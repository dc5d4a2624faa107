/* zonefile.h - what a file of tzdata (RFC 8536) says about how its zone goes
 * on, and that it is whole: GLib, which reads the changes themselves, trusts
 * what it reads. Pure. Threads: any. */
#ifndef POLICY_BASE_ZONEFILE_H
#define POLICY_BASE_ZONEFILE_H

#include "policy/base/zonerule.h"

#define ZONEFILE_MAX ((size_t)64 << 10) /* bytes; the largest has 4000 */

struct zonefile {
	size_t n_changes;
	int64_t last_s; /* the last of them, if there is one */
	bool has_rule;
	struct zonerule rule; /* after the last change */
};

/* ERR_NOT_FOUND: something else than a zone. ERR_CORRUPT: a damaged one. */
int zonefile_parse(struct str bytes, struct zonefile *out) MUST_CHECK;

#endif
