/* relay.h - passes opt-outs and failures on to the application that sent the
 * message, from the outbox (policy/state/outbox.h): a POST to its one-click
 * address (RFC 8058), a DSN to its envelope sender.
 *
 * At least once: killed between the answer and our record, it is sent again,
 * which does no harm. While nothing can be recorded (disk full), nothing is
 * sent: one attempt a minute. A host that does not answer is left alone for a minute,
 * so that one dead application does not hold up the others. Threads: one
 * owner. */
#ifndef AGENT_OUT_RELAY_H
#define AGENT_OUT_RELAY_H

#include "agent/app.h"

struct relay;

int relay_open(
    struct relay **out, struct app *app, struct error *err) MUST_CHECK;
void relay_close(struct relay **r); /* NULL is fine */

/* Sends a few that are due, each within its time-out (10 s). A stop is seen
 * within a second. arg: struct relay; a step_fn (agent/steps.h). */
int relay_step(void *arg, int64_t *wait_ms_out, struct error *err);

#endif
