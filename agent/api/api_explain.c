/* api_explain.c - /v1/explain: what would be decided now, and by which line of
 * the policy; or what was decided. Changes nothing. */
#include "agent/api/event_json.h"
#include "agent/api/routes.h"
#include "agent/api/timeline.h"

#include "policy/base/clock.h"
#include "policy/mail/domain.h"
#include "policy/state/decide.h"

enum {
	HISTORY_MAX = 20000, /* events of one queue id */
};

/* What is stopped, since when, by whom and why. */
static int put_stop(struct api_call *c, const struct decide_in *in,
    const struct decide_out *out, int64_t at_ms)
{
	struct stop_names names = {
	    .segment = out->segment != NULL ? out->segment->name : STR(""),
	    .campaign = in->campaign,
	    .domain = in->from_domain,
	};
	struct ledger_txn *t = NULL;
	struct stop_record r;
	int rc;

	if (out->verdict.reason != REASON_STOPPED)
		return 0;
	rc = ledger_read_begin(c->app->store->ledger, &t);
	if (rc == 0)
		rc = stop_find(t, &names, at_ms, &r);
	if (rc == 0 && r.kind != STOP_NONE)
		show_stop(c->reply, "stop", &r);
	ledger_read_end(&t);
	return rc;
}

static int explain_one(struct api_call *c)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .stream = api_arg(c, "stream"),
	    .campaign = api_arg(c, "campaign"),
	    .log_followed = true,
	    .may_hold = true};
	struct str domain = api_arg(c, "domain");
	struct decide_out out = {0};
	int64_t at_ms = clock_now_ms();
	int rc = api_address(c, "address", &in.recipient);

	if (rc == 0 && domain.n > 0)
		rc = domain_parse(
		    c->rq->arena, domain, &in.from_domain, &c->err);
	if (rc == 0)
		rc = api_need(c, "segment", &in.segment);
	if (rc == 0)
		rc = api_until(c, "at", &at_ms);
	if (rc == 0)
		rc = decide_explain(
		    c->app->store, &in, NULL, at_ms, &out, &c->err);
	if (rc == 0) {
		value_put_str(c->reply, "address", in.recipient.text);
		value_put_str(c->reply, "segment", in.segment);
		show_verdict(c->reply, &out);
		show_mode(c->reply, c->app->conf, out.policy);
		rc = put_stop(c, &in, &out, at_ms);
	}
	decide_fini(&out);
	return rc;
}

struct history {
	struct show s;
	struct arena *arena;
	struct value *list;
};

static int add_event(void *arg, const struct event *ev)
{
	struct history *h = arg;
	struct value *o = value_new_object();

	event_json(&h->s, h->arena, ev, o);
	value_add(h->list, o);
	return value_count(h->list) < HISTORY_MAX ? 0 : ERR_LIMIT;
}

/* What was decided when, by the policy of that day, and what became of it. */
static int explain_queue(struct api_call *c, struct str queue_id)
{
	struct history h = {.arena = c->rq->arena, .list = value_new_array()};
	struct timeline tl = {.arena = c->rq->arena, .queue_id = queue_id};
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(c->app->store->ledger, &t);

	show_init(&h.s, c, t);
	tl.t = t;
	if (rc == 0)
		rc = timeline_each(&tl, add_event, &h);
	ledger_read_end(&t);
	if (rc == 0 && value_count(h.list) == 0)
		rc = error_set(&c->err, ERR_NOT_FOUND,
		    "nothing is on record of queue id %.*s", STR_ARG(queue_id));
	value_put_str(c->reply, "queue_id", queue_id);
	value_put(c->reply, "events", h.list);
	return rc;
}

int api_explain(struct api_call *c)
{
	struct str queue_id = api_arg(c, "queue_id");

	return queue_id.n > 0 ? explain_queue(c, queue_id) : explain_one(c);
}
