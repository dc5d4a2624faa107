/* api_lead.c - /v1/leads: what is known of a person, and what happened. */
#include "agent/api/event_json.h"
#include "agent/api/lead_json.h"
#include "agent/api/routes.h"
#include "agent/api/timeline.h"

#include "policy/base/clock.h"
#include "policy/rules/caps.h"
#include "policy/state/decide.h"
#include "policy/state/lead.h"
#include "policy/state/message.h"

enum {
	TIMELINE_DEFAULT = 1000,
	TIMELINE_MAX = 10000,
	FULL = 1, /* ends a walk: the page is full */
};

struct lookup {
	struct api_call *c;
	struct ledger_txn *t;
	struct show s;
	struct lead_id id;
	struct address address; /* text empty: asked by id */
};

/* "address", or "lead" with 32 hex digits. */
static int open_lookup(struct lookup *l, struct api_call *c)
{
	struct str hex = api_arg(c, "lead");
	int rc = 0;

	*l = (struct lookup){.c = c};
	if (hex.n > 0) {
		rc = lead_id_parse(hex, &l->id);
		if (rc != 0)
			return error_set(&c->err, rc,
			    "\"lead\" is not 32 hexadecimal digits");
	} else {
		rc = api_address(c, "address", &l->address);
		if (rc == 0)
			rc = lead_id_of(
			    c->app->store->lead_key, &l->address, &l->id);
	}
	if (rc == 0)
		rc = ledger_read_begin(c->app->store->ledger, &l->t);
	if (rc == 0)
		show_init(&l->s, c, l->t);
	return rc;
}

static void put_identity(struct lookup *l)
{
	struct value *o = l->c->reply;
	char hex[LEAD_ID_TEXT];

	lead_id_text(&l->id, hex);
	value_put_str(o, "lead", str_of(hex));
	if (l->address.text.n > 0 && !l->s.redact)
		value_put_str(o, "address", l->address.text);
	else
		show_lead(&l->s, o, "address", &l->id);
}

/* --- show --- */

static int add_consent(void *arg, const struct consent_record *r)
{
	struct value *o = value_new_object();

	show_consent(o, r);
	value_add(arg, o);
	return 0;
}

struct rows {
	const struct show *s;
	struct value *list;
};

static int add_suppression(void *arg, const struct suppression_record *r)
{
	struct rows *rows = arg;
	struct value *o = value_new_object();

	show_suppression(rows->s, o, r);
	value_add(rows->list, o);
	return 0;
}

static int put_slots(struct lookup *l, const struct lead_record *lead)
{
	struct value *list = value_new_array();
	int rc = 0;

	for (size_t i = lead->n_slots; rc == 0 && i > 0; i--) {
		const struct slot_fact *slot = &lead->slots[i - 1];
		struct value *o = value_new_object();
		struct message_record r;

		api_put_id(o, "message", slot->message_id);
		value_put_str(o, "state", str_of(slot_state_name(slot->state)));
		value_put_time(o, "at", slot->at_ms);
		value_put_bool(o, "counts", slot->counts);
		rc = message_read(l->t, slot->message_id, &r);
		if (rc == 0) {
			value_put_str(o, "segment", r.segment);
			value_put_str(o, "campaign", r.campaign);
			value_put_str(o, "stream", r.stream);
			value_put_str(o, "queue_id", r.queue_id);
			value_put_time(o, "proposed", r.proposed_ms);
			value_put_i64(o, "policy", r.policy_version);
		}
		rc = rc == ERR_NOT_FOUND ? 0 : rc;
		value_add(list, o);
	}
	value_put(l->c->reply, "messages", list);
	return rc;
}

static void put_windows(struct value *o, const struct policy_caps *caps,
    const struct facts *f, uint32_t label, int64_t now_ms)
{
	struct value *list = value_new_array();
	struct caps_query q = {.slots = f->slots,
	    .n_slots = f->n_slots,
	    .label = label,
	    .zone = f->zone,
	    .now_ms = now_ms};

	for (size_t i = 0; i < caps->n; i++) {
		const struct policy_window *w = &caps->windows[i];
		struct value *v = value_new_object();

		value_put_str(v, "rule", w->rule.text);
		value_put_i64(v, "line", w->rule.line);
		value_put_i64(v, "most", w->max);
		value_put_i64(v, "used", (int64_t)caps_used(w, &q));
		value_add(list, v);
	}
	value_put(o, "limits", list);
}

/* Without an address (asked by id, key gone) there is no verdict. */
static int put_segment(struct lookup *l, const struct policy *p,
    const struct policy_segment *seg, const struct facts *f, struct value *list)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .segment = seg->name,
	    .recipient = l->address,
	    .log_followed = true,
	    .may_hold = true};
	int64_t now_ms = clock_now_ms();
	struct decide_out out = {0};
	struct value *o = value_new_object();
	int rc = 0;

	value_put_str(o, "segment", seg->name);
	value_put_str(o, "purpose", seg->purpose);
	if (l->address.text.n > 0) {
		rc = decide_explain(
		    l->c->app->store, &in, p, now_ms, &out, &l->c->err);
		if (rc == 0)
			show_verdict(o, &out);
		decide_fini(&out);
	}
	if (seg->shadow || seg->caps.shadow)
		value_put_bool(o, "limits_enforced", false);
	put_windows(o, &seg->caps, f, seg->label, now_ms);
	value_add(list, o);
	return rc;
}

static int put_policy_view(struct lookup *l, const struct lead_record *lead)
{
	struct facts f = {.slots = lead->slots, .n_slots = lead->n_slots};
	struct value *list = value_new_array(), *person = value_new_object();
	const struct policy *p = NULL;
	int rc =
	    policyver_cache_get(l->c->app->store->policies, &p, &l->c->err);

	for (size_t i = 0; rc == 0 && p != NULL && i < p->n_segments; i++)
		rc = put_segment(l, p, &p->segments[i], &f, list);
	if (p != NULL) {
		put_windows(person, &p->person, &f, 0, clock_now_ms());
		if (p->person.shadow)
			value_put_bool(person, "limits_enforced", false);
	}
	show_mode(l->c->reply, l->c->app->conf, p);
	value_put(l->c->reply, "segments", list);
	value_put(l->c->reply, "person", person);
	policy_unref(&p);
	return rc;
}

static int put_attributes(struct lookup *l, const struct lead_record *lead)
{
	struct store *s = l->c->app->store;
	const struct policy *p = NULL;
	struct attributes x = {0};
	struct person person;
	int rc = person_of(&person, s, &l->id, lead);

	if (rc == 0)
		rc = attributes_open(
		    &person, lead->attributes, l->c->rq->arena, &x);
	person_fini(&person);
	if (rc == 0)
		rc = policyver_cache_get(s->policies, &p, &l->c->err);
	if (rc == 0)
		value_put(
		    l->c->reply, "attributes", lead_json_list(p, &x, s->zones));
	policy_unref(&p);
	if (lead->moved)
		show_lead(&l->s, l->c->reply, "moved_to", &lead->moved_to);
	/* a person whose key is gone has none that can be read */
	return rc == ERR_CRYPTO || rc == ERR_KEY ? 0 : rc;
}

static int show_lookup(struct lookup *l)
{
	struct rows rows = {&l->s, value_new_array()};
	struct value *consents = value_new_array();
	struct lead_record lead;
	int rc = lead_read(l->t, &l->id, l->c->rq->arena, &lead);
	bool known = rc == 0;

	put_identity(l);
	value_put_bool(l->c->reply, "known", known);
	value_put_time(l->c->reply, "created", known ? lead.created_ms : 0);
	if (rc == ERR_NOT_FOUND)
		rc = 0;
	if (known)
		rc = put_attributes(l, &lead);
	if (rc == 0)
		rc = consent_each(l->t, &l->id, add_consent, consents);
	if (rc == 0 && l->address.text.n > 0)
		rc = suppression_binding(
		    l->t, &l->id, &l->address, add_suppression, &rows);
	else if (rc == 0)
		rc = suppression_each(l->t, SUPPRESS_LEAD,
		    (struct str){(const char *)l->id.b, LEAD_ID_BYTES},
		    add_suppression, &rows);
	value_put(l->c->reply, "consents", consents);
	value_put(l->c->reply, "suppressions", rows.list);
	if (rc == 0)
		rc = put_slots(l, &lead);
	return rc != 0 ? rc : put_policy_view(l, &lead);
}

/* Asked by id: the address, if it can be opened, decides verdicts too. */
static int find_address(struct lookup *l)
{
	struct str text;

	if (l->address.text.n > 0 || person_address(l->c->app->store, l->t,
					 &l->id, l->c->rq->arena, &text) != 0)
		return 0;
	return address_parse(l->c->rq->arena, text, &l->address, &l->c->err);
}

int api_lead_show(struct api_call *c)
{
	struct lookup l;
	int rc = open_lookup(&l, c);

	if (rc == 0)
		rc = find_address(&l);
	if (rc == 0)
		rc = show_lookup(&l);
	ledger_read_end(&l.t);
	return rc;
}

/* --- timeline --- */

struct page {
	struct lookup *l;
	struct value *list;
	uint64_t limit, last;
};

static int add_event(void *arg, const struct event *ev)
{
	struct page *p = arg;
	struct value *o;

	if (value_count(p->list) == p->limit)
		return FULL;
	o = value_new_object();
	event_json(&p->l->s, p->l->c->rq->arena, ev, o);
	value_add(p->list, o);
	p->last = ev->seq;
	return 0;
}

int api_lead_timeline(struct api_call *c)
{
	struct page p = {.list = value_new_array(), .limit = TIMELINE_DEFAULT};
	struct timeline tl = {.arena = c->rq->arena};
	struct lookup l;
	int rc = open_lookup(&l, c);

	p.l = &l;
	tl.lead = &l.id;
	tl.t = l.t;
	if (rc == 0)
		rc = api_number(c, "limit", TIMELINE_MAX, &p.limit);
	if (rc == 0)
		rc = api_number(c, "after", UINT64_MAX, &tl.after);
	if (rc == 0) {
		put_identity(&l);
		rc = timeline_each(&tl, add_event, &p);
	}
	if (rc == FULL)
		value_put_i64(c->reply, "next", (int64_t)p.last);
	ledger_read_end(&l.t);
	value_put(c->reply, "events", p.list);
	return rc == FULL ? 0 : rc;
}
