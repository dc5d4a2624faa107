/* feedback.h - the way in of an answer: Maildir -> sort -> act. A step for
 * the agent's parts. Threads: one owner. */
#ifndef AGENT_IN_FEEDBACK_H
#define AGENT_IN_FEEDBACK_H

#include "agent/app.h"

struct feedback;

/* conf's agent.maildir must be set. */
int feedback_open(
    struct feedback **out, struct app *app, struct error *err) MUST_CHECK;
void feedback_close(struct feedback **f); /* NULL is fine */

/* Readable: the step is worth its while before its time; -1: none. */
int feedback_fd(const struct feedback *f);
/* A step_fn (agent/steps.h); arg: struct feedback. */
int feedback_step(void *arg, int64_t *wait_ms_out, struct error *err);

#endif
