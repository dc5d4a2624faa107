/* parts.c - see parts.h. A part is a server (its threads are its own) or a
 * step that a thread calls again and again: it works for a bounded time and
 * says how long to wait before the next call. */
#include "agent/parts.h"

#include "agent/api/api.h"
#include "agent/api/simjob.h"
#include "agent/guard.h"
#include "agent/in/feedback.h"
#include "agent/in/lookback.h"
#include "agent/in/reviews.h"
#include "agent/in/slots.h"
#include "agent/out/claims.h"
#include "agent/out/relay.h"
#include "agent/out/release.h"
#include "agent/steps.h"
#include "agent/web/public.h"
#include "agent/web/server.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/log.h"
#include "policy/state/ops.h"

#include <errno.h>
#include <stdlib.h>

enum {
	WORKERS = 8,
	API_BODY_MAX = 16 << 20,
	DEADLINE_MS = 15000,
	LOG_POLL_MS = 200
};

struct parts {
	struct app *app;
	struct server *api, *web;
	struct slots *slots;
	struct feedback *feedback;
	struct release *release;
	struct relay *relay;
	struct guard *guard;
	struct reviews *reviews;
	struct steps *steps;
};

static int step_slots(void *arg, int64_t *wait_ms_out, struct error *err)
{
	struct parts *p = arg;
	bool more;
	int rc = slots_step(p->slots, clock_now_ms(), &more, err);

	*wait_ms_out = more ? 0 : LOG_POLL_MS;
	return rc;
}

static int start_slots(struct parts *p, struct error *err)
{
	int rc;

	if (p->app->conf->mta_log.file.n == 0)
		return 0;
	rc = slots_open(&p->slots, p->app, err);
	return rc != 0 ? rc
		       : steps_add(p->steps, "mtalog", step_slots, p, -1, err);
}

static int start_feedback(struct parts *p, struct error *err)
{
	int rc;

	if (p->app->conf->agent.maildir.n == 0)
		return 0;
	rc = feedback_open(&p->feedback, p->app, err);
	return rc != 0 ? rc
		       : steps_add(p->steps, "feedback", feedback_step,
			     p->feedback, feedback_fd(p->feedback), err);
}

static int step_release(void *arg, int64_t *wait_ms_out, struct error *err)
{
	struct parts *p = arg;

	return release_step(p->release, clock_now_ms(), wait_ms_out, err);
}

static int start_release(struct parts *p, struct error *err)
{
	int rc;

	if (p->app->conf->agent.release.n == 0)
		return 0;
	rc = release_open(&p->release, p->app, err);
	return rc != 0
		   ? rc
		   : steps_add(p->steps, "release", step_release, p, -1, err);
}

static int start_relay(struct parts *p, struct error *err)
{
	int rc = relay_open(&p->relay, p->app, err);

	return rc != 0 ? rc
		       : steps_add(
			     p->steps, "relay", relay_step, p->relay, -1, err);
}

static int start_guard(struct parts *p, struct error *err)
{
	int rc = guard_open(&p->guard, p->app, err);

	return rc != 0 ? rc
		       : steps_add(p->steps, "breaker", guard_step, p->guard,
			     -1, err);
}

static int start_reviews(struct parts *p, struct error *err)
{
	int rc = reviews_open(&p->reviews, p->app, err);

	return rc != 0 ? rc
		       : steps_add(p->steps, "reviews", reviews_step,
			     p->reviews, -1, err);
}

static int start_lookback(struct parts *p, struct error *err)
{
	return steps_add(
	    p->steps, "feedback.spike", lookback_step, p->app, -1, err);
}

static int start_api(struct parts *p, struct error *err)
{
	struct server_options o = {
	    .listen = p->app->conf->agent.api,
	    .mode = 0666, /* who may do what is decided by the peer's uid */
	    .max_body = API_BODY_MAX,
	    .may_send = api_may_send,
	    .body_free = API_BODY_FREE,
	    .workers = WORKERS,
	    .deadline_ms = DEADLINE_MS,
	    .handler = api_handle,
	    .arg = p->app,
	};

	int rc = error_of(err, simjob_open(&p->app->simjob, p->app), "memory");

	return rc == 0 && o.listen.n > 0 ? server_open(&p->api, &o, err) : rc;
}

static int start_web(struct parts *p, struct error *err)
{
	const struct conf_web *w = &p->app->conf->web;
	struct server_options o = {
	    .listen = w->listen,
	    .proxies = w->proxies,
	    .max_body = w->max_request_bytes,
	    .workers = WORKERS,
	    .deadline_ms = DEADLINE_MS,
	    .handler = public_handle,
	    .arg = p->app,
	};

	return o.listen.n > 0 ? server_open(&p->web, &o, err) : 0;
}

int parts_start(struct parts **out, struct app *app, struct error *err)
{
	struct parts *p = fault_alloc() ? NULL : calloc(1, sizeof(*p));
	int rc;

	*out = NULL;
	if (p == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	p->app = app;
	rc = ops_companies_check(app->store, err);
	if (rc == 0)
		rc = steps_open(&p->steps, app, err);
	if (rc == 0)
		rc = error_of(err, claims_open(&app->claims), "memory");
	if (rc == 0)
		rc = start_slots(p, err);
	if (rc == 0)
		rc = start_feedback(p, err);
	if (rc == 0)
		rc = start_release(p, err);
	if (rc == 0)
		rc = start_relay(p, err);
	if (rc == 0)
		rc = start_guard(p, err);
	if (rc == 0)
		rc = start_reviews(p, err);
	if (rc == 0)
		rc = start_lookback(p, err);
	if (rc == 0)
		rc = start_api(p, err);
	if (rc == 0)
		rc = start_web(p, err);
	if (rc != 0) {
		atomic_store(&app->stopping, true);
		parts_stop(&p);
	}
	*out = p;
	return rc;
}

void parts_stop(struct parts **p)
{
	if (*p == NULL)
		return;
	server_close(&(*p)->web);
	server_close(&(*p)->api);
	simjob_close(&(*p)->app->simjob);
	steps_close(&(*p)->steps);
	feedback_close(&(*p)->feedback);
	guard_close(&(*p)->guard);
	reviews_close(&(*p)->reviews);
	relay_close(&(*p)->relay);
	release_close(&(*p)->release);
	slots_close(&(*p)->slots);
	claims_close(&(*p)->app->claims);
	free(*p);
	*p = NULL;
}
