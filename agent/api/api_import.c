/* api_import.c - /v1/suppressions/import: many suppressions in one call. What
 * is wrong with one entry is told of it and stops no other. */
#include "agent/api/routes.h"

#include "policy/base/clock.h"
#include "policy/state/ops.h"

enum {
	ENTRIES_MAX = 10000
};

struct import {
	struct api_call *c;
	struct ops_suppress defaults;
	struct ops_suppress *v;
	size_t n, seen;
	int64_t over; /* ended before now: nothing to do */
	int64_t now_ms;
	struct value *bad;
};

static void refuse(
    struct import *im, size_t place, struct str entry, const char *why)
{
	struct value *o = value_new_object();

	value_put_i64(o, "entry", (int64_t)place);
	value_put_str(o, "target", entry);
	value_put_str(o, "error", str_of(why));
	value_add(im->bad, o);
}

/* An entry's own word before the call's. */
static struct str own(
    const struct value *entry, const char *name, struct str otherwise)
{
	struct str s = value_get_str(entry, name);

	return s.n > 0 ? s : otherwise;
}

static int read_entry(struct import *im, const struct value *entry,
    struct str target, struct ops_suppress *out, struct error *err)
{
	struct str reason = value_get_str(entry, "reason");
	struct str until = value_get_str(entry, "until");
	int rc = ops_target_parse(im->c->rq->arena, target, &out->target, err);

	out->segment = own(entry, "segment", im->defaults.segment);
	out->note = own(entry, "note", im->defaults.note);
	if (rc == 0 && reason.n > 0) {
		out->reason =
		    (enum suppression_reason)suppression_reason_from(reason);
		if (out->reason == 0)
			rc = error_set(err, ERR_SYNTAX, "no reason \"%.*s\"",
			    STR_ARG(reason));
	}
	if (rc == 0 && until.n > 0)
		rc = api_parse_until(until, &out->until_ms, err);
	return rc;
}

static int add_entry(
    struct import *im, const struct value *entry, struct str target)
{
	struct ops_suppress *out = &im->v[im->n];
	struct error err = {0};
	size_t place = im->seen++;
	int rc;

	if (im->seen > ENTRIES_MAX)
		return error_set(&im->c->err, ERR_LIMIT,
		    "more than %d entries in one call", ENTRIES_MAX);
	*out = im->defaults;
	rc = read_entry(im, entry, target, out, &err);
	if (rc == ERR_SYNTAX) {
		refuse(im, place, target, err.text);
		return 0;
	}
	if (rc == 0 && out->until_ms != 0 && out->until_ms <= im->now_ms)
		im->over++;
	else
		im->n += rc == 0;
	return rc;
}

/* "entries": strings, or objects with target, reason, segment, until, note;
 * or a body of text/plain, one target a line. */
static int read_all(struct import *im)
{
	struct api_call *c = im->c;
	const struct value *list = value_get(c->body, "entries");
	struct str rest = c->body == NULL ? c->rq->body : STR_NULL, line;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < value_count(list); i++) {
		const struct value *e = value_at(list, i);
		struct str target = value_as_str(e);

		rc = add_entry(im, e,
		    target.p != NULL ? target : value_get_str(e, "target"));
	}
	while (rc == 0 && str_next(&rest, '\n', &line))
		if (str_trim(line).n > 0)
			rc = add_entry(im, NULL, str_trim(line));
	return rc;
}

static int apply_all(struct import *im)
{
	struct api_call *c = im->c;
	struct ops_suppress_result *results =
	    arena_array(c->rq->arena, im->n + 1, sizeof(*results));
	int64_t added = 0;
	int rc = results == NULL ? ERR_LIMIT
				 : ops_suppress_add_all(
				       c->app->store, im->v, im->n, results);

	for (size_t i = 0; rc == 0 && i < im->n; i++) {
		if (results[i].rc != 0)
			rc = results[i].rc;
		added += results[i].changed;
	}
	value_put_i64(c->reply, "added", added);
	value_put_i64(
	    c->reply, "unchanged", rc == 0 ? (int64_t)im->n - added : 0);
	value_put_i64(c->reply, "over", im->over);
	return rc;
}

static int read_defaults(struct import *im)
{
	struct api_call *c = im->c;
	struct str reason = api_arg(c, "reason");

	im->defaults = (struct ops_suppress){.segment = api_arg(c, "segment"),
	    .note = api_arg(c, "note"),
	    .origin = api_arg(c, "origin"),
	    .author = c->user,
	    .reason = SUPPRESSION_IMPORTED};
	if (im->defaults.origin.n == 0)
		im->defaults.origin = STR("import");
	if (reason.n > 0)
		im->defaults.reason =
		    (enum suppression_reason)suppression_reason_from(reason);
	if (im->defaults.reason == 0)
		return error_set(
		    &c->err, ERR_SYNTAX, "no reason \"%.*s\"", STR_ARG(reason));
	return api_until(c, "until", &im->defaults.until_ms);
}

int api_suppression_import(struct api_call *c)
{
	struct import im = {
	    .c = c, .now_ms = clock_now_ms(), .bad = value_new_array()};
	int rc = read_defaults(&im);

	im.v = arena_array(c->rq->arena, ENTRIES_MAX + 1, sizeof(*im.v));
	if (rc == 0 && im.v == NULL)
		rc = ERR_LIMIT;
	if (rc == 0)
		rc = read_all(&im);
	if (rc == 0)
		rc = apply_all(&im);
	value_put(c->reply, "bad", im.bad);
	return rc;
}
