/* paststops.h - when what was stopped, in the time that a simulation asks about:
 * from the events, and from the table for what was stopped before them.
 * Threads: one owner. */
#ifndef POLICY_STATE_PASTSTOPS_H
#define POLICY_STATE_PASTSTOPS_H

#include "policy/rules/replay.h"
#include "policy/state/pastnames.h"
#include "policy/state/stop.h"

struct paststops;

int paststops_new(struct paststops **out) MUST_CHECK; /* -ENOMEM */
void paststops_free(struct paststops **p);            /* NULL is fine */

/* Begins anew: what is stopped in that snapshot since before the event
 * first_seq. */
int paststops_begin(struct paststops *p, const struct ledger_txn *t,
    uint64_t first_seq) MUST_CHECK;
/* A STOPPED or RESUMED, in order. One that goes on without having been stopped
 * was so from before all that is read. -ENOMEM. */
int paststops_event(struct paststops *p, const struct event *ev) MUST_CHECK;
/* What is stopped still is so up to until_ms, and what lasts longer up to
 * then: nobody knows when it will go on. */
int paststops_finish(struct paststops *p, const struct pastnames *names,
    int64_t until_ms) MUST_CHECK;

/* While which a message of that kind is stopped: segment, campaign or domain;
 * by time, apart. Borrowed until the next paststops_begin(). */
const struct replay_stop *paststops_of(
    const struct paststops *p, uint32_t what, size_t *n_out);
size_t paststops_n(const struct paststops *p); /* stops in all */

#endif
