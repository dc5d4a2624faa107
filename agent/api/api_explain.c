/* api_explain.c - /v1/explain and /v1/check: what would be decided now, and
 * by which line of the policy. Changes nothing. */
#include "agent/api/routes.h"

#include "policy/base/clock.h"
#include "policy/state/decide.h"

enum {
	CHECK_MAX = 50000
};

static void put_verdict(struct value *o, const struct decide_out *out)
{
	const struct verdict *v = &out->verdict;

	value_put_str(o, "verdict", str_of(verdict_action_name(v->action)));
	value_put_str(o, "reason", str_of(verdict_reason_name(v->reason)));
	if (v->suppression != 0)
		value_put_str(o, "suppression",
		    str_of(suppression_reason_name(v->suppression)));
	value_put_time(o, "earliest", v->earliest_ms);
	value_put_i64(
	    o, "policy", out->policy != NULL ? out->policy->version : 0);
	if (v->rule != NULL) {
		value_put_i64(o, "line", v->rule->line);
		value_put_str(o, "section", v->rule->section);
		value_put_str(o, "rule", v->rule->text);
	}
	if (v->shadowed)
		value_put_bool(o, "shadow", true);
}

static int explain_one(struct api_call *c, struct str segment,
    struct str recipient, struct value *o, struct error *err)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .segment = segment,
	    .log_followed = true,
	    .may_hold = true};
	struct decide_out out = {0};
	int rc = address_parse(c->rq->arena, recipient, &in.recipient, err);

	if (rc == 0)
		rc = decide_explain(
		    c->app->store, &in, NULL, clock_now_ms(), &out, err);
	if (rc == 0) {
		value_put_str(o, "address", in.recipient.text);
		value_put_str(o, "segment", segment);
		put_verdict(o, &out);
	}
	decide_fini(&out);
	return rc;
}

int api_explain(struct api_call *c)
{
	struct str address, segment;
	int rc = api_need(c, "address", &address);

	if (rc == 0)
		rc = api_need(c, "segment", &segment);
	if (rc == 0)
		rc = explain_one(c, segment, address, c->reply, &c->err);
	return rc;
}

/* An address that is none fails alone. */
static int check_one(
    struct api_call *c, struct str segment, struct str text, struct value *o)
{
	struct error err = {0};
	int rc = explain_one(c, segment, text, o, &err);

	if (rc != ERR_SYNTAX) {
		if (rc != 0)
			c->err = err;
		return rc;
	}
	value_put_str(o, "address", text);
	value_put_str(o, "error", str_of(err.text));
	return 0;
}

struct check {
	struct api_call *c;
	struct str segment;
	struct value *list; /* NULL: lines into c->raw */
	size_t n;
};

static int check_next(struct check *k, struct str text)
{
	struct value *o;
	int rc;

	if (++k->n > CHECK_MAX)
		return error_set(&k->c->err, ERR_LIMIT,
		    "more than %d recipients", CHECK_MAX);
	o = value_new_object();
	rc = check_one(k->c, k->segment, text, o);
	if (rc == 0 && k->list != NULL) {
		value_add(k->list, o);
		return 0;
	}
	if (rc == 0)
		rc = value_dump(o, k->c->raw);
	value_free(&o);
	return rc;
}

static int check_all(struct check *k)
{
	const struct value *v = value_get(k->c->body, "recipients");
	struct str rest = k->c->body == NULL ? k->c->rq->body : STR_NULL;
	struct str line;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < value_count(v); i++)
		rc = check_next(k, value_as_str(value_at(v, i)));
	while (rc == 0 && str_next(&rest, '\n', &line))
		if (str_trim(line).n > 0)
			rc = check_next(k, str_trim(line));
	return rc;
}

/* recipients: an array, or a body of text/plain with one a line. With
 * lines=1 the reply is one object a line, else {"results": [...]}. */
int api_check(struct api_call *c)
{
	struct check k = {.c = c};
	int rc = api_need(c, "segment", &k.segment);

	if (rc != 0)
		return rc;
	if (!api_flag(c, "lines"))
		k.list = value_new_array();
	rc = check_all(&k);
	if (k.list != NULL)
		value_put(c->reply, "results", k.list);
	else
		c->raw_type = "application/x-ndjson";
	return rc;
}
