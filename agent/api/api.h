/* api.h - the private HTTP API, /v1: what the command line and applications
 * use. On a unix socket; who may do what is decided by the peer's user.
 *
 *   admin    root, the agent's own user, and conf's admins: everything
 *   marketer conf's marketers: policy, consent, suppression, holds, reading
 *   auditor  conf's auditors: reading
 *
 * Arguments are query parameters, or members of a JSON object in the body.
 * Replies are JSON: the result, or {"error": TEXT} with 400 (the input), 403
 * (the role), 404, 409 (the state), 503 (not now: Retry-After). Keys are API; ids of
 * messages and copies are decimal digits in strings, since they do not fit
 * the numbers of many JSON readers. Threads: any. */
#ifndef AGENT_API_API_H
#define AGENT_API_API_H

#include "agent/app.h"
#include "agent/value.h"
#include "agent/web/server.h"
#include "policy/mail/address.h"

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
	struct value *body;   /* parsed; NULL when the request has none */
	struct value *reply;  /* the handler puts its result here, or */
	struct error err;     /* says what is wrong */
	int status;           /* HTTP; 0: by the returned code */
	struct buf *raw;      /* where a handler writes plain text (metrics) */
	const char *raw_type; /* set: raw is the reply, not `reply` */
};

/* 0, or a code whose HTTP status api.c knows; err filled. */
typedef int api_fn(struct api_call *c);

enum api_route_flags {
	API_TEXT_BODY = 1, /* a body of text/plain is left to the handler */
};

struct api_route {
	enum server_method method;
	const char *path;   /* exact */
	enum api_role role; /* the least */
	api_fn *fn;
	unsigned flags;
};

/* arg: struct app *. */
void api_handle(
    void *arg, const struct server_request *rq, struct server_reply *rp);

/* For struct server_options: who has no role gets no more than API_BODY_FREE
 * into our memory, and is told 403. */
enum {
	API_BODY_FREE = 4096
};
bool api_may_send(void *arg, const struct server_request *rq);

const char *api_role_name(enum api_role r);
/* Calls emit for each route, in the order of the table: for tests and the
 * manual. */
void api_routes(void (*emit)(void *arg, const struct api_route *r), void *arg);

/* --- for handlers --- */

/* A string of the body, or of the query. p == NULL: absent. */
struct str api_arg(const struct api_call *c, const char *name);
/* Like it, but ERR_SYNTAX with a text that names it when absent or empty. */
int api_need(struct api_call *c, const char *name, struct str *out) MUST_CHECK;
/* A whole number, as such or as digits in a string; *out keeps its value when
 * absent. ERR_SYNTAX, or ERR_LIMIT above max. */
int api_number(struct api_call *c, const char *name, uint64_t max,
    uint64_t *out) MUST_CHECK;
/* "1", "true": yes. */
bool api_flag(const struct api_call *c, const char *name);
/* A mail address in canonical form. */
int api_address(
    struct api_call *c, const char *name, struct address *out) MUST_CHECK;
/* "2026-11-22T10:05:32Z", "2026-11-22" or a duration before now ("7d");
 * *out_ms keeps its value when absent. */
int api_time(struct api_call *c, const char *name, int64_t *out_ms) MUST_CHECK;
/* The same for an instant to come; a duration counts from now on. */
int api_until(struct api_call *c, const char *name, int64_t *out_ms) MUST_CHECK;
/* As api_time() and api_until(), of a text. */
int api_parse_time(
    struct str text, int64_t *out_ms, struct error *err) MUST_CHECK;
int api_parse_until(
    struct str text, int64_t *out_ms, struct error *err) MUST_CHECK;
/* An id of a message or copy as decimal digits; never 0. */
int api_id(struct api_call *c, const char *name, uint64_t *out) MUST_CHECK;
void api_put_id(struct value *o, const char *key, uint64_t id);

#endif
