/* api.c - see api.h: route, role, body in, reply out. */
#include "agent/api/api.h"

#include "agent/api/role.h"
#include "agent/api/routes.h"
#include "policy/base/log.h"

static const struct api_route routes[] = {
    {SERVER_POST, "/v1/policy", API_MARKETER, api_policy_apply},
    {SERVER_GET, "/v1/policy", API_AUDITOR, api_policy_show},
    {SERVER_POST, "/v1/suppressions", API_MARKETER, api_suppression_add},
    {SERVER_DELETE, "/v1/suppressions", API_MARKETER, api_suppression_remove},
    {SERVER_POST, "/v1/consent", API_MARKETER, api_consent_set},
    {SERVER_GET, "/v1/explain", API_AUDITOR, api_explain},
    {SERVER_GET, "/metrics", API_AUDITOR, api_metrics},
    {SERVER_GET, "/healthz", API_NOBODY, api_health},
};

const char *api_role_name(enum api_role r)
{
	static const char *const names[] = {
	    "nobody", "auditor", "marketer", "admin"};

	return (size_t)r < sizeof(names) / sizeof(names[0]) ? names[r]
							    : "nobody";
}

/* "/v1/policy" matches itself and "/v1/policy/...". */
static bool matches(const struct api_route *r, struct str path)
{
	struct str prefix = str_of(r->prefix);

	return str_starts(path, prefix) &&
	       (path.n == prefix.n || path.p[prefix.n] == '/');
}

static const struct api_route *find_route(
    const struct server_request *rq, bool *path_known_out)
{
	const struct api_route *best = NULL;

	*path_known_out = false;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct api_route *r = &routes[i];
		if (!matches(r, rq->path))
			continue;
		*path_known_out = true;
		if (r->method == rq->method &&
		    (best == NULL ||
			str_of(r->prefix).n > str_of(best->prefix).n))
			best = r;
	}
	return best;
}

struct str api_arg(const struct api_call *c, const char *name)
{
	if (c->body != NULL)
		return value_get_str(c->body, name);
	return server_query(c->rq, name);
}

int api_need(struct api_call *c, const char *name, struct str *out)
{
	*out = api_arg(c, name);
	if (out->n > 0)
		return 0;
	return error_set(
	    &c->err, ERR_SYNTAX, "\"%s\" is missing or empty", name);
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
	case ERR_STOPPING:
	case ERR_UNAVAILABLE:
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

static int parse_body(struct api_call *c)
{
	int rc;

	if (c->rq->body.n == 0)
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
	c->rest = str_from(c->rq->path, str_of(r->prefix).n);
	rc = check_role(c, r);
	if (rc == 0)
		rc = parse_body(c);
	if (rc == 0)
		rc = r->fn(c);
	if (rc != 0 && c->err.text[0] == '\0')
		(void)error_set(&c->err, rc, "%s", error_text(rc));
	return rc;
}

void api_handle(
    void *arg, const struct server_request *rq, struct server_reply *rp)
{
	struct api_call c = {.app = arg, .rq = rq, .raw = &rp->body};
	int rc;

	c.reply = value_new_object();
	rc = run(&c);
	rp->status = c.status != 0 ? c.status : status_of(rc);
	if (c.raw_type != NULL) {
		rp->content_type = c.raw_type;
	} else {
		rp->content_type = "application/json";
		buf_reset(&rp->body);
		if (rc != 0)
			value_put_str(c.reply, "error", str_of(c.err.text));
		if (value_dump(c.reply, &rp->body) != 0)
			rp->status = 500;
	}
	if (rp->status >= 500)
		LOG_EV(LOG_LEVEL_ERR, "api.trouble", KV_STR("path", rq->path),
		    KV_Z("error", c.err.text));
	value_free(&c.body);
	value_free(&c.reply);
}
