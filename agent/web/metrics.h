/* metrics.h - GET /metrics in the text format of Prometheus, and /healthz.
 * Threads: any. */
#ifndef AGENT_WEB_METRICS_H
#define AGENT_WEB_METRICS_H

#include "agent/app.h"
#include "agent/web/server.h"

void metrics_handle(struct app *app, struct server_reply *rp);
void metrics_health(struct app *app, struct server_reply *rp);

#endif
