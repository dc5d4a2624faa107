/* api.h - the private HTTP API, /v1: what the command line and applications
 * use. On a unix socket; who may do what is decided by the peer's user.
 *
 *   admin    root, the agent's own user, and conf's admins: everything
 *   marketer conf's marketers: policy, consent, suppression, reading
 *   auditor  conf's auditors: reading
 *
 * Replies are JSON: the result, or {"error": TEXT} with 400 (the input), 403
 * (the role), 404, 409 (the state), 503 (ledger). Threads: any. */
#ifndef AGENT_API_API_H
#define AGENT_API_API_H

#include "agent/app.h"
#include "agent/value.h"
#include "agent/web/server.h"

/* A higher role may do all that a lower one may. */
enum api_role {
	API_NOBODY,
	API_AUDITOR,
	API_MARKETER,
	API_ADMIN,
};

struct api_call {
	struct app *app;
	const struct server_request *rq;
	enum api_role role;
	struct str user;      /* name of the peer's user; for the record */
	struct str rest;      /* the path behind the route's prefix */
	struct value *body;   /* parsed; NULL when the request has none */
	struct value *reply;  /* the handler puts its result here, or */
	struct error err;     /* says what is wrong */
	int status;           /* HTTP; 0: by the returned code */
	struct buf *raw;      /* where a handler writes plain text (metrics) */
	const char *raw_type; /* set: raw is the reply, not `reply` */
};

/* 0, or a code whose HTTP status api.c knows; err filled. */
typedef int api_fn(struct api_call *c);

struct api_route {
	enum server_method method;
	const char *prefix; /* "/v1/policy"; the longest match wins */
	enum api_role role; /* the least */
	api_fn *fn;
};

/* arg: struct app *. */
void api_handle(
    void *arg, const struct server_request *rq, struct server_reply *rp);

const char *api_role_name(enum api_role r);

/* --- for handlers --- */

/* A string of the body, or of the query for GET. p == NULL: absent. */
struct str api_arg(const struct api_call *c, const char *name);
/* Like it, but ERR_SYNTAX with a text that names it when absent or empty. */
int api_need(struct api_call *c, const char *name, struct str *out) MUST_CHECK;

#endif
