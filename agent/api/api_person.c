/* api_person.c - /v1/suppressions, /v1/consent, /v1/explain. */
#include "agent/api/routes.h"

#include "policy/base/clock.h"
#include "policy/state/decide.h"
#include "policy/state/ops.h"

static int read_suppress(struct api_call *c, struct ops_suppress *in)
{
	struct str target, reason = api_arg(c, "reason");
	int rc = api_need(c, "target", &target);

	*in = (struct ops_suppress){.segment = api_arg(c, "segment"),
	    .note = api_arg(c, "note"),
	    .origin = STR("cli"),
	    .author = c->user,
	    .reason = SUPPRESSION_MANUAL};
	if (rc == 0)
		rc = ops_target_parse(
		    c->rq->arena, target, &in->target, &c->err);
	if (rc != 0 || reason.n == 0)
		return rc;
	in->reason = (enum suppression_reason)suppression_reason_from(reason);
	if (in->reason == 0)
		return error_set(
		    &c->err, ERR_SYNTAX, "no reason \"%.*s\"", STR_ARG(reason));
	return 0;
}

int api_suppression_add(struct api_call *c)
{
	struct ops_suppress in;
	bool changed = false;
	int rc = read_suppress(c, &in);

	if (rc == 0)
		rc = ops_suppress_add(c->app->store, &in, &changed, &c->err);
	value_put_bool(c->reply, "changed", changed);
	return rc;
}

int api_suppression_remove(struct api_call *c)
{
	struct ops_suppress in;
	bool changed = false;
	int rc = read_suppress(c, &in);

	if (rc == 0)
		rc = ops_suppress_remove(c->app->store, &in, &changed, &c->err);
	value_put_bool(c->reply, "changed", changed);
	return rc;
}

static int read_state(struct api_call *c, enum consent_state *out)
{
	struct str s;
	int rc = api_need(c, "state", &s);

	if (rc != 0)
		return rc;
	for (int i = CONSENT_GRANTED; i <= CONSENT_OBJECTED; i++) {
		*out = (enum consent_state)i;
		if (str_eq(s, str_of(consent_state_name(*out))))
			return 0;
	}
	return error_set(
	    &c->err, ERR_SYNTAX, "\"state\" is granted, withdrawn or objected");
}

int api_consent_set(struct api_call *c)
{
	struct ops_consent in = {.author = c->user,
	    .origin = api_arg(c, "origin"),
	    .evidence = api_arg(c, "evidence")};
	struct str address;
	bool changed = false;
	int rc = api_need(c, "address", &address);

	if (in.origin.n == 0)
		in.origin = STR("cli");
	if (rc == 0)
		rc = api_need(c, "purpose", &in.purpose);
	if (rc == 0)
		rc = read_state(c, &in.state);
	if (rc == 0)
		rc = address_parse(c->rq->arena, address, &in.address, &c->err);
	if (rc == 0)
		rc = ops_consent_set(c->app->store, &in, &changed, &c->err);
	value_put_bool(c->reply, "changed", changed);
	return rc;
}

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

int api_explain(struct api_call *c)
{
	struct decide_in in = {
	    .mode = DECIDE_SEND, .log_followed = true, .may_hold = true};
	struct decide_out out = {0};
	struct str address;
	int rc = api_need(c, "address", &address);

	if (rc == 0)
		rc = api_need(c, "segment", &in.segment);
	if (rc == 0)
		rc = address_parse(
		    c->rq->arena, address, &in.recipient, &c->err);
	if (rc == 0)
		rc = decide_explain(
		    c->app->store, &in, NULL, clock_now_ms(), &out, &c->err);
	if (rc == 0) {
		value_put_str(c->reply, "address", in.recipient.text);
		value_put_str(c->reply, "segment", in.segment);
		put_verdict(c->reply, &out);
	}
	decide_fini(&out);
	return rc;
}
