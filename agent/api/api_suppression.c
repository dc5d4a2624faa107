/* api_suppression.c - /v1/suppressions: add, remove, check, list. What each
 * rests on is evidence.c's. */
#include "agent/api/evidence.h"
#include "agent/api/routes.h"
#include "agent/api/show.h"

#include "policy/base/clock.h"
#include "policy/base/codec.h"
#include "policy/state/ops.h"

#include <string.h>

enum {
	LIST_DEFAULT = 1000,
	LIST_MAX = 10000,
	LIST_LOOKS = 200000, /* rows of one call, shown or not */
};

static int read_reason(struct api_call *c, enum suppression_reason *out)
{
	struct str name = api_arg(c, "reason");

	if (name.n == 0)
		return 0;
	*out = (enum suppression_reason)suppression_reason_from(name);
	if (*out == 0)
		return error_set(
		    &c->err, ERR_SYNTAX, "no reason \"%.*s\"", STR_ARG(name));
	return 0;
}

static int read_suppress(struct api_call *c, struct ops_suppress *in)
{
	struct str target;
	int rc = api_need(c, "target", &target);

	*in = (struct ops_suppress){.segment = api_arg(c, "segment"),
	    .note = api_arg(c, "note"),
	    .origin = api_arg(c, "origin"),
	    .author = c->user,
	    .reason = SUPPRESSION_MANUAL};
	if (in->origin.n == 0)
		in->origin = STR("manual");
	if (rc == 0)
		rc = ops_target_parse(
		    c->rq->arena, target, &in->target, &c->err);
	if (rc == 0)
		rc = read_reason(c, &in->reason);
	if (rc == 0)
		rc = api_until(c, "until", &in->until_ms);
	if (rc == 0 && in->until_ms != 0 && in->until_ms <= clock_now_ms())
		rc = error_set(
		    &c->err, ERR_SYNTAX, "\"until\": that is over already");
	return rc;
}

int api_suppression_add(struct api_call *c)
{
	struct ops_suppress in;
	bool changed = false;
	int rc = read_suppress(c, &in);

	if (rc == 0)
		rc = ops_suppress_add(c->app->store, &in, &changed, &c->err);
	if (rc == 0)
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
	if (rc == 0)
		value_put_bool(c->reply, "changed", changed);
	return rc;
}

struct found {
	struct show s;
	struct arena *arena; /* NULL: without what they rest on */
	struct value *rows;
	int64_t now_ms;
	bool in_force, paused;
};

static bool is_in_force(const struct suppression_record *r, int64_t now_ms)
{
	return r->until_ms == 0 || r->until_ms > now_ms;
}

static int add_found(void *arg, const struct suppression_record *r)
{
	struct found *f = arg;
	struct value *o = value_new_object();
	bool in_force = is_in_force(r, f->now_ms);
	int rc = 0;

	show_suppression(&f->s, o, r);
	value_put_bool(o, "in_force", in_force);
	if (f->arena != NULL)
		rc = evidence_put(&f->s, f->arena, r, o);
	value_add(f->rows, o);
	f->in_force |= in_force && !suppression_is_pause(r->reason);
	f->paused |= in_force && suppression_is_pause(r->reason);
	return rc;
}

/* A domain's own rows and those of each parent that has a dot, as the verdict
 * does it. */
static int find_domain(
    struct found *f, const struct ledger_txn *t, struct str domain)
{
	int rc = 0;

	while (rc == 0 && domain.n > 0 && str_find(domain, 0, '.') < domain.n) {
		rc = suppression_each(t, SUPPRESS_DOMAIN, domain, add_found, f);
		domain = str_from(domain, str_find(domain, 0, '.') + 1);
	}
	return rc;
}

static int find_address(
    struct found *f, const struct ledger_txn *t, const struct address *address)
{
	struct lead_id id;
	int rc = lead_id_of(f->s.store->lead_key, address, &id);

	return rc != 0 ? rc
		       : suppression_binding(t, &id, address, add_found, f);
}

static int find(struct found *f, const struct ledger_txn *t,
    const struct ops_target *target)
{
	switch (target->kind) {
	case SUPPRESS_LEAD:
		return find_address(f, t, &target->address);
	case SUPPRESS_DOMAIN:
		return find_domain(f, t, target->what);
	case SUPPRESS_SHA256:
	case SUPPRESS_MD5:
		break;
	}
	return suppression_each(t, target->kind, target->what, add_found, f);
}

/* What the person said of purposes also keeps mail away, and whoever asks here
 * why there is none wants to know. */
static int add_opt_out(void *arg, const struct consent_record *r)
{
	struct value *o;

	if (r->state != CONSENT_WITHDRAWN && r->state != CONSENT_OBJECTED)
		return 0;
	o = value_new_object();
	show_consent(o, r);
	value_add(arg, o);
	return 0;
}

static int put_history(
    struct found *f, const struct ops_target *target, struct value *reply)
{
	struct value *opt_outs;
	struct lead_id id;
	int rc;

	if (target->kind != SUPPRESS_LEAD) /* nobody's: it has none */
		return 0;
	rc = lead_id_of(f->s.store->lead_key, &target->address, &id);
	if (rc != 0)
		return rc;
	if (f->s.redact)
		show_lead(&f->s, reply, "target", &id);
	opt_outs = value_new_array();
	rc = consent_each(f->s.t, &id, add_opt_out, opt_outs);
	value_put(reply, "opt_outs", opt_outs);
	return rc != 0 ? rc : evidence_history(&f->s, f->arena, &id, reply);
}

static int answer(struct api_call *c, bool with_evidence)
{
	struct found f = {.arena = with_evidence ? c->rq->arena : NULL,
	    .rows = value_new_array(),
	    .now_ms = clock_now_ms()};
	struct ops_target target;
	struct ledger_txn *t = NULL;
	struct str text;
	int rc = api_need(c, "target", &text);

	if (rc == 0)
		rc = ops_target_parse(c->rq->arena, text, &target, &c->err);
	if (rc == 0)
		rc = ledger_read_begin(c->app->store->ledger, &t);
	if (rc == 0) {
		show_init(&f.s, c, t);
		rc = find(&f, t, &target);
	}
	if (rc == 0 && with_evidence)
		rc = put_history(&f, &target, c->reply);
	ledger_read_end(&t);
	value_put_bool(c->reply, "suppressed", f.in_force);
	value_put_bool(c->reply, "paused", f.paused);
	value_put(c->reply, "suppressions", f.rows);
	return rc;
}

int api_suppression_check(struct api_call *c)
{
	return answer(c, false);
}

int api_suppression_show(struct api_call *c)
{
	return answer(c, true);
}

struct list {
	struct show s;
	struct value *rows;
	uint64_t limit;
	int64_t now_ms;
	enum suppression_reason reason;    /* 0: any */
	struct str segment;                /* p == NULL: any */
	unsigned char key[LEDGER_KEY_MAX]; /* of the last row looked at */
	size_t key_n;
	bool more;
};

static bool is_wanted(const struct list *l, const struct suppression_record *r)
{
	return (l->reason == 0 || l->reason == r->reason) &&
	       (l->segment.p == NULL || str_eq(l->segment, r->segment));
}

static int list_rows(struct list *l, const struct ledger_txn *t)
{
	struct suppression_record r;
	size_t looks = 0;
	struct str key;
	int rc = 0;

	while (looks++ < LIST_LOOKS && value_count(l->rows) < l->limit) {
		rc = suppression_next(
		    t, (struct str){(const char *)l->key, l->key_n}, &key, &r);
		if (rc != 0)
			return rc == ERR_NOT_FOUND ? 0 : rc;
		memcpy(l->key, key.p, key.n);
		l->key_n = key.n;
		if (is_wanted(l, &r)) {
			struct value *o = value_new_object();
			show_suppression(&l->s, o, &r);
			value_put_bool(
			    o, "in_force", is_in_force(&r, l->now_ms));
			value_add(l->rows, o);
		}
	}
	l->more = true;
	return 0;
}

static int read_after(struct api_call *c, struct list *l)
{
	struct str hex = api_arg(c, "after");

	l->key_n = hex.n / 2;
	if (hex.n == 0)
		return 0;
	if (l->key_n > sizeof(l->key) ||
	    codec_unhex(hex, l->key_n, l->key) != 0)
		return error_set(&c->err, ERR_SYNTAX,
		    "\"after\" is not what a reply gave as \"next\"");
	return 0;
}

static void put_next(struct value *reply, const struct list *l)
{
	char hex[2 * LEDGER_KEY_MAX + 1];

	if (!l->more) {
		value_put_null(reply, "next");
		return;
	}
	codec_hex(l->key, l->key_n, hex);
	value_put_str(reply, "next", str_of(hex));
}

int api_suppression_list(struct api_call *c)
{
	struct list l = {.rows = value_new_array(),
	    .limit = LIST_DEFAULT,
	    .now_ms = clock_now_ms()};
	struct ledger_txn *t = NULL;
	int rc = api_number(c, "limit", LIST_MAX, &l.limit);

	l.segment = api_arg(c, "segment");
	if (rc == 0)
		rc = read_reason(c, &l.reason);
	if (rc == 0)
		rc = read_after(c, &l);
	if (rc == 0)
		rc = ledger_read_begin(c->app->store->ledger, &t);
	if (rc == 0) {
		show_init(&l.s, c, t);
		rc = list_rows(&l, t);
	}
	ledger_read_end(&t);
	value_put(c->reply, "suppressions", l.rows);
	if (rc == 0)
		put_next(c->reply, &l);
	return rc;
}
