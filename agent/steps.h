/* steps.h - work that goes on by itself: one thread for each step function,
 * which is called again and again, works for a bounded time and says how long
 * to wait, at most: no longer once its descriptor is readable, if it has one,
 * which is the step's to empty. A step that fails is called again after a
 * second; its trouble is logged once a minute. Threads: opened, added to and
 * closed by one. */
#ifndef AGENT_STEPS_H
#define AGENT_STEPS_H

#include "agent/app.h"

enum {
	STEPS_MAX = 8,
	STEPS_FAILED_WAIT_MS = 1000
};

/* *wait_ms_out: until the next call; 0: at once. */
typedef int step_fn(void *arg, int64_t *wait_ms_out, struct error *err);

struct steps;

int steps_open(
    struct steps **out, struct app *app, struct error *err) MUST_CHECK;
/* Starts a thread. name: a literal, for the log. fd: -1 for none; it stays the
 * caller's and open until steps_close(). ERR_LIMIT after STEPS_MAX. */
int steps_add(struct steps *s, const char *name, step_fn *fn, void *arg, int fd,
    struct error *err) MUST_CHECK;
/* app->stopping is set: waits for each step to end. NULL is fine. */
void steps_close(struct steps **s);

#endif
