/* parts.h - the parts of the agent that run for themselves: started in order,
 * stopped in reverse. Threads: main only. */
#ifndef AGENT_PARTS_H
#define AGENT_PARTS_H

#include "agent/app.h"

struct parts;

int parts_start(
    struct parts **out, struct app *app, struct error *err) MUST_CHECK;
void parts_stop(struct parts **p); /* app->stopping is set; NULL is fine */

#endif
