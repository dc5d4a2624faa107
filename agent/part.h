/* part.h - a thread that calls a step again and again until it is stopped.
 *
 * A step works for a bounded time - well under a second - and says how many
 * ms to wait before the next call; it logs its own trouble. Threads: start and
 * stop by one owner; the step runs on the part's own thread, with signals as
 * they were blocked when it started. */
#ifndef AGENT_PART_H
#define AGENT_PART_H

#include "policy/base/str.h"

typedef int64_t part_step(void *arg);

struct part;

/* name: at most 15 bytes, for ps and the log. */
int part_start(struct part **out, const char *name, part_step *fn, void *arg,
    struct error *err) MUST_CHECK;
/* Returns when the step in work has ended. NULL is fine; sets *p = NULL. */
void part_stop(struct part **p);

#endif
