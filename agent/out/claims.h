/* claims.h - copies that somebody works on just now: the release brings one to
 * the MTA, an operator drops one. One at a time each, so that nobody is told that
 * a message was dropped while it goes out. Within this process: no other
 * releases or drops. Threads: internally locked. */
#ifndef AGENT_OUT_CLAIMS_H
#define AGENT_OUT_CLAIMS_H

#include "policy/base/error.h"

#include <stdint.h>

enum {
	CLAIMS_MAX = 64 /* at a time; who comes then waits */
};

struct claims;

int claims_open(struct claims **out) MUST_CHECK; /* -ENOMEM */
void claims_close(struct claims **c);            /* NULL is fine */

/* Waits for whoever has it, patience_ms at most: then ERR_BUSY. What was known
 * of the copy before may not be true any more: read it again. With c NULL
 * nobody else works. */
int claims_take(struct claims *c, uint64_t id, int64_t patience_ms) MUST_CHECK;
void claims_give(struct claims *c, uint64_t id);

#endif
