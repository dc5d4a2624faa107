/* api_args.c - the arguments of a call; declared in api.h. */
#include "agent/api/api.h"

#include "policy/base/clock.h"
#include "policy/base/when.h"

#include <stdio.h>
#include <time.h>

struct str api_arg(const struct api_call *c, const char *name)
{
	struct str s = STR_NULL;

	if (c->body != NULL)
		s = value_get_str(c->body, name);
	return s.p != NULL ? s : server_query(c->rq, name);
}

int api_need(struct api_call *c, const char *name, struct str *out)
{
	*out = api_arg(c, name);
	if (out->n > 0)
		return 0;
	return error_set(
	    &c->err, ERR_SYNTAX, "\"%s\" is missing or empty", name);
}

int api_number(
    struct api_call *c, const char *name, uint64_t max, uint64_t *out)
{
	struct str s = api_arg(c, name);
	int64_t v;
	int rc;

	if (c->body != NULL && value_get_i64(c->body, name, &v)) {
		if (v < 0 || (uint64_t)v > max)
			return error_set(&c->err, ERR_LIMIT,
			    "\"%s\" is not in 0..%llu", name,
			    (unsigned long long)max);
		*out = (uint64_t)v;
		return 0;
	}
	if (s.n == 0)
		return 0;
	rc = str_u64(s, max, out);
	return rc == 0 ? 0
		       : error_set(&c->err, rc, "\"%s\" is not in 0..%llu",
			     name, (unsigned long long)max);
}

bool api_flag(const struct api_call *c, const char *name)
{
	struct str s = api_arg(c, name);
	bool v;

	if (c->body != NULL && value_get_bool(c->body, name, &v))
		return v;
	return str_eq(s, STR("1")) || str_eq(s, STR("true"));
}

int api_address(struct api_call *c, const char *name, struct address *out)
{
	struct str text;
	int rc = api_need(c, name, &text);

	return rc != 0 ? rc : address_parse(c->rq->arena, text, out, &c->err);
}

/* n decimal digits at *at, behind the literal `before`. */
static bool take_number(
    struct str s, size_t *at, const char *before, size_t n, int *out)
{
	struct str lead = str_of(before);
	uint64_t v;

	if (!str_starts(str_from(s, *at), lead) ||
	    str_u64(str_cut(s, *at + lead.n, n), 9999, &v) != 0 ||
	    *at + lead.n + n > s.n)
		return false;
	*at += lead.n + n;
	*out = (int)v;
	return true;
}

/* RFC 3339 in UTC, or its date alone. */
static bool parse_instant(struct str s, int64_t *out_ms)
{
	struct tm tm = {0};
	size_t at = 0;
	time_t t;

	if (!take_number(s, &at, "", 4, &tm.tm_year) ||
	    !take_number(s, &at, "-", 2, &tm.tm_mon) ||
	    !take_number(s, &at, "-", 2, &tm.tm_mday))
		return false;
	if (at < s.n && (!take_number(s, &at, "T", 2, &tm.tm_hour) ||
			    !take_number(s, &at, ":", 2, &tm.tm_min) ||
			    !take_number(s, &at, ":", 2, &tm.tm_sec) ||
			    !str_eq(str_from(s, at), STR("Z"))))
		return false;
	if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 ||
	    tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
	    tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	t = timegm(&tm);
	*out_ms = (int64_t)t * 1000;
	return true;
}

/* sign: of a duration, seen from now. */
static int read_time(struct str s, int sign, int64_t *out_ms, struct error *err)
{
	int64_t span;

	if (parse_instant(s, out_ms))
		return 0;
	if (when_duration(s, &span, NULL) == 0) {
		*out_ms = clock_now_ms() + sign * span;
		return 0;
	}
	return error_set(err, ERR_SYNTAX,
	    "wanted 2026-11-22, 2026-11-22T10:05:32Z or a duration such as "
	    "\"7d\"");
}

static int read_time_arg(
    struct api_call *c, const char *name, int sign, int64_t *out_ms)
{
	struct str s = api_arg(c, name);
	int rc = s.n > 0 ? read_time(s, sign, out_ms, &c->err) : 0;

	if (rc != 0)
		error_prefix(&c->err, "\"%s\"", name);
	return rc;
}

int api_time(struct api_call *c, const char *name, int64_t *out_ms)
{
	return read_time_arg(c, name, -1, out_ms);
}

int api_until(struct api_call *c, const char *name, int64_t *out_ms)
{
	return read_time_arg(c, name, 1, out_ms);
}

int api_parse_time(struct str text, int64_t *out_ms, struct error *err)
{
	return read_time(text, -1, out_ms, err);
}

int api_parse_until(struct str text, int64_t *out_ms, struct error *err)
{
	return read_time(text, 1, out_ms, err);
}

int api_id(struct api_call *c, const char *name, uint64_t *out)
{
	struct str s;
	int rc = api_need(c, name, &s);

	if (rc == 0 && (str_u64(s, UINT64_MAX, out) != 0 || *out == 0))
		rc = error_set(&c->err, ERR_SYNTAX,
		    "\"%s\": \"%.*s\" is no id: a number is wanted", name,
		    STR_ARG(s));
	return rc;
}

void api_put_id(struct value *o, const char *key, uint64_t id)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
	value_put_str(o, key, str_of(text));
}
