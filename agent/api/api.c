/* api.c - see api.h: route, role, body in, reply out. */
#include "agent/api/api.h"

#include "agent/api/role.h"
#include "agent/api/routes.h"
#include "policy/base/log.h"

#include <errno.h>

static const struct api_route routes[] = {
    {SERVER_GET, "/v1/policy", API_AUDITOR, api_policy_show, 0},
    {SERVER_POST, "/v1/policy", API_MARKETER, api_policy_apply, 0},
    {SERVER_GET, "/v1/policy/log", API_AUDITOR, api_policy_log, 0},
    {SERVER_GET, "/v1/policy/diff", API_AUDITOR, api_policy_diff, 0},
    {SERVER_POST, "/v1/policy/diff", API_AUDITOR, api_policy_diff, 0},
    {SERVER_POST, "/v1/policy/check", API_AUDITOR, api_policy_check, 0},
    {SERVER_POST, "/v1/policy/revert", API_MARKETER, api_policy_revert, 0},
    {SERVER_GET, "/v1/suppressions", API_AUDITOR, api_suppression_list, 0},
    {SERVER_POST, "/v1/suppressions", API_MARKETER, api_suppression_add, 0},
    {SERVER_DELETE, "/v1/suppressions", API_MARKETER, api_suppression_remove,
	0},
    {SERVER_GET, "/v1/suppressions/check", API_AUDITOR, api_suppression_check,
	0},
    {SERVER_POST, "/v1/suppressions/import", API_MARKETER,
	api_suppression_import, API_TEXT_BODY},
    {SERVER_GET, "/v1/suppressions/show", API_AUDITOR, api_suppression_show, 0},
    {SERVER_POST, "/v1/suppressions/undo", API_MARKETER, api_suppression_undo,
	0},
    {SERVER_GET, "/v1/consent", API_AUDITOR, api_consent_show, 0},
    {SERVER_POST, "/v1/consent", API_MARKETER, api_consent_set, 0},
    {SERVER_GET, "/v1/explain", API_AUDITOR, api_explain, 0},
    {SERVER_POST, "/v1/check", API_AUDITOR, api_check, API_TEXT_BODY},
    {SERVER_GET, "/v1/leads", API_AUDITOR, api_lead_show, 0},
    {SERVER_POST, "/v1/leads", API_MARKETER, api_leads_set, API_TEXT_BODY},
    {SERVER_GET, "/v1/leads/list", API_AUDITOR, api_leads_list, 0},
    {SERVER_POST, "/v1/leads/move", API_MARKETER, api_leads_move, 0},
    {SERVER_POST, "/v1/leads/rank", API_MARKETER, api_leads_rank,
	API_TEXT_BODY},
    {SERVER_GET, "/v1/leads/timeline", API_AUDITOR, api_lead_timeline, 0},
    {SERVER_GET, "/v1/journal", API_AUDITOR, api_journal, 0},
    {SERVER_GET, "/v1/stats", API_AUDITOR, api_stats, 0},
    {SERVER_GET, "/v1/holds", API_AUDITOR, api_hold_list, 0},
    {SERVER_GET, "/v1/holds/show", API_AUDITOR, api_hold_show, 0},
    {SERVER_POST, "/v1/holds/release", API_MARKETER, api_hold_release, 0},
    {SERVER_POST, "/v1/holds/drop", API_MARKETER, api_hold_drop, 0},
    {SERVER_GET, "/v1/reviews", API_AUDITOR, api_review_list, 0},
    {SERVER_GET, "/v1/reviews/show", API_AUDITOR, api_review_show, 0},
    {SERVER_POST, "/v1/reviews/unsubscribe", API_MARKETER,
	api_review_unsubscribe, 0},
    {SERVER_POST, "/v1/reviews/resume", API_MARKETER, api_review_resume, 0},
    {SERVER_GET, "/v1/segments", API_AUDITOR, api_segment_list, 0},
    {SERVER_POST, "/v1/segments/pause", API_MARKETER, api_segment_pause, 0},
    {SERVER_POST, "/v1/segments/resume", API_MARKETER, api_segment_resume, 0},
    {SERVER_POST, "/v1/outcomes", API_MARKETER, api_outcomes, 0},
    {SERVER_POST, "/v1/mtalog", API_ADMIN, api_mtalog, 0},
    {SERVER_GET, "/v1/shadow", API_AUDITOR, api_shadow, 0},
    {SERVER_GET, "/v1/simulate", API_AUDITOR, api_simulate_show, 0},
    {SERVER_POST, "/v1/simulate", API_AUDITOR, api_simulate_start, 0},
    {SERVER_DELETE, "/v1/simulate", API_AUDITOR, api_simulate_stop, 0},
    {SERVER_GET, "/metrics", API_AUDITOR, api_metrics, 0},
    {SERVER_GET, "/healthz", API_NOBODY, api_health, 0},
};

enum {
	N_ROUTES = sizeof(routes) / sizeof(routes[0])
};

void api_routes(void (*emit)(void *arg, const struct api_route *r), void *arg)
{
	for (size_t i = 0; i < N_ROUTES; i++)
		emit(arg, &routes[i]);
}

const char *api_role_name(enum api_role r)
{
	static const char *const names[] = {
	    "nobody", "auditor", "marketer", "admin"};

	return (size_t)r < sizeof(names) / sizeof(names[0]) ? names[r]
							    : "nobody";
}

static const struct api_route *find_route(
    const struct server_request *rq, bool *path_known_out)
{
	*path_known_out = false;
	for (size_t i = 0; i < N_ROUTES; i++) {
		if (!str_eq(rq->path, str_of(routes[i].path)))
			continue;
		*path_known_out = true;
		if (routes[i].method == rq->method)
			return &routes[i];
	}
	return NULL;
}

static int status_of(int rc)
{
	switch (rc) {
	case 0:
		return 200;
	case ERR_SYNTAX:
	case ERR_LIMIT:
		return 400;
	case ERR_DENIED:
		return 403;
	case ERR_NOT_FOUND:
		return 404;
	case ERR_EXISTS:
	case ERR_STALE:
		return 409;
	case ERR_FULL:
	case ERR_BUSY:
	case ERR_STOPPING:
	case ERR_UNAVAILABLE:
	case -EAGAIN: /* the ledger's map is growing */
	case -ENOMEM:
		return 503;
	default:
		return 500;
	}
}

static int check_role(struct api_call *c, const struct api_route *r)
{
	c->role = role_of(&c->app->conf->agent, c->rq, &c->user);
	if (c->role >= r->role)
		return 0;
	return error_set(&c->err, ERR_DENIED,
	    "user %.*s has the role %s; this needs %s", STR_ARG(c->user),
	    api_role_name(c->role), api_role_name(r->role));
}

bool api_may_send(void *arg, const struct server_request *rq)
{
	const struct app *app = arg;
	struct str user;

	return role_of(&app->conf->agent, rq, &user) != API_NOBODY;
}

static int parse_body(struct api_call *c, const struct api_route *r)
{
	int rc;

	if (c->rq->body.n == 0 ||
	    ((r->flags & API_TEXT_BODY) != 0 &&
		str_istarts(c->rq->content_type, STR("text/plain"))))
		return 0;
	rc = value_parse(c->rq->body, &c->body, &c->err);
	if (rc == 0 && !value_is_object(c->body))
		rc = error_set(&c->err, ERR_SYNTAX, "wanted a JSON object");
	return rc;
}

static int run(struct api_call *c)
{
	bool known;
	const struct api_route *r = find_route(c->rq, &known);
	int rc;

	if (r == NULL) {
		c->status = known ? 405 : 0;
		return error_set(&c->err, ERR_NOT_FOUND,
		    known ? "method not allowed" : "no such thing");
	}
	rc = check_role(c, r);
	if (rc == 0 && c->rq->body_refused) /* the role came meanwhile */
		rc = error_set(&c->err, ERR_BUSY, "the body was not read");
	if (rc == 0)
		rc = parse_body(c, r);
	if (rc == 0)
		rc = r->fn(c);
	if (rc != 0 && c->err.text[0] == '\0')
		(void)error_set(&c->err, rc, "%s", error_text(rc));
	return rc;
}

static void fill_reply(struct api_call *c, int rc, struct server_reply *rp)
{
	rp->status = c->status != 0 ? c->status : status_of(rc);
	if (c->raw_type != NULL && rc == 0) {
		rp->content_type = c->raw_type;
		return;
	}
	rp->content_type = "application/json";
	buf_reset(&rp->body);
	if (rc != 0)
		value_put_str(c->reply, "error", str_of(c->err.text));
	if (value_dump(c->reply, &rp->body) != 0)
		rp->status = 500;
}

void api_handle(
    void *arg, const struct server_request *rq, struct server_reply *rp)
{
	struct api_call c = {.app = arg, .rq = rq, .raw = &rp->body};
	int rc;

	c.reply = value_new_object();
	rc = run(&c);
	fill_reply(&c, rc, rp);
	if (rp->status >= 500)
		LOG_EV(LOG_LEVEL_ERR, "api.trouble", KV_STR("path", rq->path),
		    KV_Z("error", c.err.text));
	value_free(&c.body);
	value_free(&c.reply);
}
