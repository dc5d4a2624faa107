/* simjob.h - simulations in the agent: one at a time, each on a thread of its
 * own that reads the ledger; the last one's answer is kept until the next.
 *
 * In the agent, since who asks (a marketer) may not read ledger and keys; and
 * as a job, since it may take minutes, which no request should.
 * Threads: internally locked. */
#ifndef AGENT_API_SIMJOB_H
#define AGENT_API_SIMJOB_H

#include "agent/app.h"
#include "agent/value.h"
#include "policy/state/simulate.h"

struct simjob;

int simjob_open(struct simjob **out, struct app *app) MUST_CHECK; /* -ENOMEM */
/* Stops the one that runs. NULL is fine. */
void simjob_close(struct simjob **j);

/* The policies of q are taken over, whatever is answered; its progress is our
 * own. ERR_EXISTS: one runs. */
int simjob_start(struct simjob *j, struct simulate_query *q, uint64_t *id_out,
    struct error *err) MUST_CHECK;
/* ERR_NOT_FOUND when it is not the last one. */
int simjob_stop(struct simjob *j, uint64_t id) MUST_CHECK;
/* Into an object: id, state ("running", "done", "failed", "stopped"), share
 * (per cent), error; and when done the report. ERR_NOT_FOUND as above. */
int simjob_show(struct simjob *j, uint64_t id, struct value *o) MUST_CHECK;

/* Members of an object, simulate_json.c. */
void simulate_json(const struct simulate_query *q,
    const struct simulate_report *r, struct value *o);

#endif
