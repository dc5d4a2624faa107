/* api_review.c - /v1/reviews: requests in plain words that wait for a person, and
 * what a person decides of them. */
#include "agent/api/routes.h"
#include "agent/api/show.h"

#include "policy/base/clock.h"
#include "policy/state/ops_reply.h"

enum {
	LIST_MAX = 1000,
};

static void put_sealed(const struct show *s, struct arena *a, struct value *o,
    const char *key, const struct review_record *r, struct str sealed)
{
	struct person p = {0};
	struct str text;

	if (s->redact || sealed.n == 0)
		return;
	if (person_open_id(&p, s->store, s->t, &r->lead) == 0 &&
	    person_open_field(&p, PERSON_EVIDENCE, sealed, a, &text) == 0)
		value_put_str(o, key, text);
	person_fini(&p);
}

static void put_review(const struct show *s, struct arena *a, struct value *o,
    const struct review_record *r, int64_t now_ms)
{
	bool open = r->state == REVIEW_OPEN;

	api_put_id(o, "id", r->id);
	show_lead(s, o, "address", &r->lead);
	value_put_str(o, "kind", str_of(review_kind_name(r->kind)));
	value_put_str(o, "state", str_of(review_state_name(r->state)));
	value_put_bool(o, "overdue", open && r->deadline_ms <= now_ms);
	value_put_time(o, "opened", r->opened_ms);
	value_put_time(o, "deadline", r->deadline_ms);
	value_put_time(o, "decided", r->decided_ms);
	value_put_str(o, "author", r->author);
	put_sealed(s, a, o, "quote", r, r->quote);
	put_sealed(s, a, o, "why", r, r->reason);
	if (r->message_id != 0)
		api_put_id(o, "message", r->message_id);
}

static int add_open(const struct show *s, struct arena *a, struct value *list,
    int64_t now_ms, bool *more_out)
{
	struct review_cursor at = {0};
	struct review_record r;
	int rc = 0;

	while ((rc = review_next_open(s->t, &at, &r)) == 0) {
		struct value *o = value_new_object();

		put_review(s, a, o, &r, now_ms);
		value_add(list, o);
		*more_out = value_count(list) == LIST_MAX;
		if (*more_out)
			return 0;
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* The newest first. */
static int add_all(const struct show *s, struct arena *a, struct value *list,
    int64_t now_ms, bool *more_out)
{
	struct review_record r = {0};
	int rc = 0;

	while ((rc = review_before(s->t, r.id, &r)) == 0) {
		struct value *o = value_new_object();

		put_review(s, a, o, &r, now_ms);
		value_add(list, o);
		*more_out = value_count(list) == LIST_MAX;
		if (*more_out)
			return 0;
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* all: also those that are decided. */
int api_review_list(struct api_call *c)
{
	struct value *list = value_new_array();
	int64_t now_ms = clock_now_ms();
	struct review_count n = {0};
	struct ledger_txn *t = NULL;
	bool more = false;
	struct show s;
	int rc = ledger_read_begin(c->app->store->ledger, &t);

	if (rc == 0) {
		show_init(&s, c, t);
		rc = api_flag(c, "all")
			 ? add_all(&s, c->rq->arena, list, now_ms, &more)
			 : add_open(&s, c->rq->arena, list, now_ms, &more);
	}
	if (rc == 0)
		rc = review_count(t, now_ms, &n);
	ledger_read_end(&t);
	value_put(c->reply, "reviews", list);
	value_put_i64(c->reply, "open", (int64_t)n.open);
	value_put_i64(c->reply, "overdue", (int64_t)n.overdue);
	value_put_bool(c->reply, "more", more);
	return rc;
}

int api_review_show(struct api_call *c)
{
	struct ledger_txn *t = NULL;
	struct review_record r;
	struct show s;
	uint64_t id;
	int rc = api_id(c, "id", &id);

	if (rc == 0)
		rc = ledger_read_begin(c->app->store->ledger, &t);
	if (rc == 0)
		rc = review_read(t, id, &r);
	if (rc == 0) {
		show_init(&s, c, t);
		put_review(&s, c->rq->arena, c->reply, &r, clock_now_ms());
	}
	ledger_read_end(&t);
	return rc == ERR_NOT_FOUND
		   ? error_set(&c->err, rc, "there is no such review")
		   : rc;
}

/* By id, or by address: whoever is paused. */
static int decide(struct api_call *c, enum review_state state)
{
	struct ops_review in = {.state = state, .author = c->user};
	bool changed = false;
	int rc = api_need(c, "reason", &in.reason);

	if (rc == 0)
		rc = api_arg(c, "address").n > 0
			 ? api_address(c, "address", &in.address)
			 : api_id(c, "id", &in.id);
	if (rc == 0)
		rc = ops_review_decide(c->app->store, &in, &changed, &c->err);
	value_put_bool(c->reply, "changed", changed);
	return rc == ERR_NOT_FOUND
		   ? error_set(&c->err, rc, "there is no such review or person")
		   : rc;
}

int api_review_unsubscribe(struct api_call *c)
{
	return decide(c, REVIEW_UNSUBSCRIBED);
}

int api_review_resume(struct api_call *c)
{
	return decide(c, REVIEW_RESUMED);
}
