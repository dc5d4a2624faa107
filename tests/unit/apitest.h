/* apitest.h - calls of the private API without a server: a request is made up,
 * the reply is parsed. */
#ifndef TESTS_UNIT_APITEST_H
#define TESTS_UNIT_APITEST_H

#include "tests/unit/storetest.h"

#include "agent/api/api.h"
#include "agent/ruleset.h"

enum {
	APITEST_ARGS = 16
};

struct apitest {
	struct storetest st;
	struct app app;
	uid_t uid;           /* of the peer */
	bool no_peer;        /* came by TCP */
	int status;          /* of the last reply */
	struct value *reply; /* of it; NULL when it was no JSON */
	struct buf text;     /* its bytes */
	char type[64];
};

__attribute__((unused)) static void apitest_open(struct apitest *a)
{
	*a = (struct apitest){.uid = geteuid()};
	storetest_open(&a->st);
	a->app.conf = a->st.conf;
	a->app.store = a->st.store;
	if (ruleset_open(&a->app.rules, a->st.conf, NULL) != 0)
		exit(1);
	buf_init(&a->text, 16 << 20);
}

__attribute__((unused)) static void apitest_close(struct apitest *a)
{
	value_free(&a->reply);
	buf_fini(&a->text);
	ruleset_close(&a->app.rules);
	storetest_close(&a->st);
}

/* "a=b&c=d", nothing encoded. */
static size_t apitest_args(struct str query, struct server_arg *out)
{
	struct str one;
	size_t n = 0;

	while (n < APITEST_ARGS && str_next(&query, '&', &one)) {
		size_t eq = str_find(one, 0, '=');
		out[n++] = (struct server_arg){
		    str_cut(one, 0, eq), str_from(one, eq + 1)};
	}
	return n;
}

/* target: path and query. Returns the status. */
__attribute__((unused)) static int apitest_send(struct apitest *a,
    enum server_method method, const char *target, const char *type,
    const char *body)
{
	struct server_arg args[APITEST_ARGS];
	struct str t = str_of(target);
	size_t q = str_find(t, 0, '?');
	struct server_request rq = {.method = method,
	    .path = str_cut(t, 0, q),
	    .content_type = str_of(type),
	    .body = str_of(body),
	    .args = args,
	    .has_peer = !a->no_peer,
	    .uid = a->uid};
	struct server_reply rp = {.status = 500, .content_type = "none"};

	rq.n_args = q < t.n ? apitest_args(str_from(t, q + 1), args) : 0;
	rq.arena = arena_new(8 << 20);
	buf_init(&rp.body, 16 << 20);
	api_handle(&a->app, &rq, &rp);
	arena_free(&rq.arena);
	buf_reset(&a->text);
	buf_add(&a->text, buf_str(&rp.body));
	(void)snprintf(a->type, sizeof(a->type), "%s", rp.content_type);
	buf_fini(&rp.body);
	value_free(&a->reply);
	if (value_parse(buf_str(&a->text), &a->reply, NULL) != 0)
		a->reply = NULL;
	a->status = rp.status;
	return rp.status;
}

__attribute__((unused)) static int apitest_get(
    struct apitest *a, const char *target)
{
	return apitest_send(a, SERVER_GET, target, "", "");
}

__attribute__((unused)) static int apitest_post(
    struct apitest *a, const char *target, const char *body)
{
	return apitest_send(a, SERVER_POST, target, "application/json", body);
}

/* Member by path: "versions.0.author". Empty str when it is not there. */
__attribute__((unused)) static const struct value *apitest_at(
    const struct apitest *a, const char *path)
{
	const struct value *v = a->reply;
	struct str rest = str_of(path), key;
	char z[64];
	uint64_t i;

	while (v != NULL && str_next(&rest, '.', &key)) {
		(void)snprintf(z, sizeof(z), "%.*s", STR_ARG(key));
		v = str_u64(key, 100000, &i) == 0 ? value_at(v, (size_t)i)
						  : value_get(v, z);
	}
	return v;
}

__attribute__((unused)) static struct str apitest_str(
    const struct apitest *a, const char *path)
{
	return value_as_str(apitest_at(a, path));
}

/* -1: not there, or no number. */
__attribute__((unused)) static int64_t apitest_i64(
    const struct apitest *a, const char *path)
{
	int64_t v;

	return value_as_i64(apitest_at(a, path), &v) ? v : -1;
}

/* 1, 0; -1: not there. */
__attribute__((unused)) static int apitest_bool(
    const struct apitest *a, const char *path)
{
	bool v;

	return value_as_bool(apitest_at(a, path), &v) ? v : -1;
}

#endif
