/* reviews.h - the clock of what waits for review (policy/state/review.h): a
 * warning in the log as soon as one is beyond its deadline, again for each more,
 * and each hour as long as there are any. Threads: one owner. */
#ifndef AGENT_IN_REVIEWS_H
#define AGENT_IN_REVIEWS_H

#include "agent/app.h"

struct reviews;

int reviews_open(
    struct reviews **out, const struct app *app, struct error *err) MUST_CHECK;
void reviews_close(struct reviews **r); /* NULL is fine */

/* One look at now_ms; *told_out: whether it warned. */
int reviews_look(struct reviews *r, int64_t now_ms, bool *told_out,
    struct error *err) MUST_CHECK;
/* The same by the clock; arg: struct reviews; a step_fn (agent/steps.h). */
int reviews_step(void *arg, int64_t *wait_ms_out, struct error *err);

#endif
