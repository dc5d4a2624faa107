/* lookback.h - makes provisional, bit by bit, whom a provider's failures gave up
 * before a spike of them was seen (policy/state/spikeback.h); goes on after a
 * restart with what was left. Threads: any. */
#ifndef AGENT_IN_LOOKBACK_H
#define AGENT_IN_LOOKBACK_H

#include "agent/app.h"
#include "policy/state/spikeback.h"

/* To the log, once all are. */
void lookback_tell(const char *provider, const struct spikeback_out *o);

/* One proposal's worth, if anything waits; *more_out: it may have left some. */
int lookback_work(
    const struct app *app, bool *more_out, struct error *err) MUST_CHECK;
/* The same by the clock; arg: struct app; a step_fn (agent/steps.h). */
int lookback_step(void *arg, int64_t *wait_ms_out, struct error *err);

#endif
