/* shares.h - how long DNS may be waited for on account of one domain, so that
 * whose servers are slow put off their own mail and no other's.
 *
 * A domain is what somebody registered (psl.h): names below it share. It has
 * SHARES_MS in a minute; who uses that up has the next after a minute, then
 * after two, four, at most sixteen, until a share lasts again. Bounded: with more
 * than SHARES_MAX domains the one not asked for longest begins anew.
 *
 * Time is the caller's, monotonic. Threads: one owner. */
#ifndef AGENT_IN_SHARES_H
#define AGENT_IN_SHARES_H

#include "policy/base/str.h"

enum {
	SHARES_MAX = 256,
	SHARES_MS = 2500,
};

struct shares;

int shares_new(struct shares **out) MUST_CHECK; /* -ENOMEM */
void shares_free(struct shares **s);            /* NULL is fine */

/* What is left to a canonical domain; whoever waits takes from it. Its own for
 * the next SHARES_MAX - 1 calls. */
int64_t *shares_of(struct shares *s, struct str domain, int64_t now_ms);
/* After those waited: who has nothing left is put off. */
void shares_settle(struct shares *s, int64_t now_ms);

#endif
