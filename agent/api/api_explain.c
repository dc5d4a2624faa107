/* api_explain.c - /v1/explain and /v1/check: what would be decided now, and
 * by which line of the policy. Changes nothing. */
#include "agent/api/event_json.h"
#include "agent/api/routes.h"
#include "agent/api/timeline.h"

#include "policy/base/clock.h"
#include "policy/state/decide.h"

enum {
	CHECK_MAX = 50000,
	HISTORY_MAX = 20000, /* events of one queue id */
};

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
		show_verdict(o, &out);
		show_mode(o, c->app->conf, out.policy);
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
	struct str queue_id = api_arg(c, "queue_id"), address, segment;
	int rc;

	if (queue_id.n > 0)
		return explain_queue(c, queue_id);
	rc = api_need(c, "address", &address);
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
