/* guard.h - the breaker at work: looks at the rates of segments, campaigns and
 * From domains, stops what has crossed a line, lets go what may go on, and
 * brings back what was held meanwhile. It looks again as soon as something has
 * happened, every two seconds at most; decisions read what it left in the
 * ledger. While the agent is down nothing is stopped and nothing resumed, but
 * for pauses that end at an instant.
 *
 * Where the product is in shadow mode, or the breaker, it warns only: once for
 * each crossing. Threads: one owner. */
#ifndef AGENT_GUARD_H
#define AGENT_GUARD_H

#include "agent/app.h"

struct guard;

int guard_open(
    struct guard **out, struct app *app, struct error *err) MUST_CHECK;
void guard_close(struct guard **g); /* NULL is fine */

/* One look at now_ms, and a bounded part of what is to be brought back. */
int guard_look(struct guard *g, int64_t now_ms, int64_t *wait_ms_out,
    struct error *err) MUST_CHECK;
/* The same by the clock; arg: struct guard; a step_fn (agent/steps.h). */
int guard_step(void *arg, int64_t *wait_ms_out, struct error *err);

#endif
