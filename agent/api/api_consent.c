/* api_consent.c - /v1/consent: set and show. */
#include "agent/api/event_json.h"
#include "agent/api/routes.h"
#include "agent/api/timeline.h"

#include "policy/base/clock.h"
#include "policy/base/when.h"
#include "policy/state/ops.h"

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
	bool changed = false;
	int rc = api_need(c, "purpose", &in.purpose);

	if (in.origin.n == 0)
		in.origin = STR("manual");
	if (rc == 0)
		rc = read_state(c, &in.state);
	if (rc == 0)
		rc = api_time(c, "said", &in.said_ms);
	if (rc == 0 && in.said_ms > clock_now_ms() + WHEN_DAY_MS)
		rc = error_set(
		    &c->err, ERR_SYNTAX, "\"said\": that is still to come");
	if (rc == 0)
		rc = api_address(c, "address", &in.address);
	if (rc == 0)
		rc = ops_consent_set(c->app->store, &in, &changed, &c->err);
	if (rc == 0)
		value_put_bool(c->reply, "changed", changed);
	return rc;
}

static int add_purpose(void *arg, const struct consent_record *r)
{
	struct value *o = value_new_object();

	show_consent(o, r);
	value_add(arg, o);
	return 0;
}

struct history {
	struct show s;
	struct arena *arena;
	struct value *list;
};

static int add_event(void *arg, const struct event *ev)
{
	struct history *h = arg;
	struct value *o;

	if (ev->type != EV_CONSENT)
		return 0;
	o = value_new_object();
	event_json(&h->s, h->arena, ev, o);
	value_add(h->list, o);
	return 0;
}

/* Every word of the person, oldest first, with its evidence. */
static int put_history(
    struct api_call *c, const struct ledger_txn *t, const struct lead_id *id)
{
	struct history h = {.arena = c->rq->arena, .list = value_new_array()};
	struct timeline tl = {.t = t, .arena = c->rq->arena, .lead = id};
	int rc;

	show_init(&h.s, c, t);
	if (h.s.redact)
		show_lead(&h.s, c->reply, "address", id);
	rc = timeline_each(&tl, add_event, &h);
	value_put(c->reply, "history", h.list);
	return rc;
}

int api_consent_show(struct api_call *c)
{
	struct value *list = value_new_array();
	struct ledger_txn *t = NULL;
	struct address address;
	struct lead_id id;
	int rc = api_address(c, "address", &address);

	if (rc == 0)
		rc = lead_id_of(c->app->store->lead_key, &address, &id);
	if (rc == 0)
		rc = ledger_read_begin(c->app->store->ledger, &t);
	if (rc == 0)
		rc = consent_each(t, &id, add_purpose, list);
	if (rc == 0)
		rc = put_history(c, t, &id);
	ledger_read_end(&t);
	if (rc == 0 && value_get_str(c->reply, "address").n == 0)
		value_put_str(c->reply, "address", address.text);
	value_put(c->reply, "purposes", list);
	return rc;
}
