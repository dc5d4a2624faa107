/* mtalog_ends.h - sessions' ends that wait for the queue manager's line.
 *
 * smtpd's "disconnect" says that a message came into the queue, "queue active" to
 * how many people it goes; either may stand first in a log. The agent is told of
 * both as "queued", and takes a message that is queued already for one that it
 * followed, of which no more is to be told. So what a session's end says waits for
 * the other line, which says it too, or for any other word of that queue id.
 *
 * The newest ENDS_MAX wait; an older one is passed on as it is. Pure. Threads: one
 * owner. */
#ifndef AGENT_CLI_MTALOG_ENDS_H
#define AGENT_CLI_MTALOG_ENDS_H

#include "agent/in/outcome.h"

enum {
	ENDS_MAX = 256,
};

struct ends;

struct ends *ends_new(void) MUST_CHECK; /* NULL: no memory */
void ends_free(struct ends **e);        /* NULL is fine */

/* Passes an outcome on to fn, behind what waited for it; or lets it wait. */
void ends_outcome(
    struct ends *e, const struct outcome *o, outcome_fn *fn, void *arg);
/* All that still waits. */
void ends_flush(struct ends *e, outcome_fn *fn, void *arg);

#endif
