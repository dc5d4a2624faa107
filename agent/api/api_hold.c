/* api_hold.c - /v1/holds: messages that we have taken over and not yet given
 * back to the MTA. Release lets one go through its verdict again at once; drop
 * removes it for good. */
#include "agent/api/routes.h"
#include "agent/api/show.h"

#include "policy/base/clock.h"
#include "policy/spool/spool.h"
#include "policy/state/ops_copy.h"

enum {
	LIST_DEFAULT = 1000,
	LIST_MAX = 10000,
	LOOKS_MAX = 200000,
	CHANGE_MAX = 500, /* copies changed by one call */
};

static void put_copy(
    const struct show *s, struct value *o, const struct copy_record *r)
{
	static const struct lead_id none;

	api_put_id(o, "id", r->id);
	value_put_str(o, "kind", str_of(copy_kind_name(r->kind)));
	if (!lead_id_eq(&r->lead, &none))
		show_lead(s, o, "address", &r->lead);
	value_put_str(o, "segment", r->segment);
	value_put_str(o, "stream", r->stream);
	value_put_time(o, "added", r->added_ms);
	value_put_time(o, "due", r->wait.due_ms);
	value_put_time(o, "deadline", r->wait.deadline_ms);
	value_put_str(o, "then",
	    r->wait.then == POLICY_THEN_DROP ? STR("drop") : STR("bounce"));
	value_put_i64(o, "recipients", (int64_t)r->recipients - r->next);
	value_put_i64(o, "attempts", r->attempts);
}

struct list {
	struct show s;
	struct value *rows;
	struct str segment;
	uint64_t after, limit;
	bool more;
};

static int list_rows(struct list *l, const struct ledger_txn *t)
{
	struct copy_record r;
	size_t looks = 0;

	while (looks++ < LOOKS_MAX && value_count(l->rows) < l->limit) {
		int rc = copy_next(t, l->after, &r);

		if (rc != 0)
			return rc == ERR_NOT_FOUND ? 0 : rc;
		l->after = r.id;
		if (l->segment.p == NULL || str_eq(l->segment, r.segment)) {
			struct value *o = value_new_object();
			put_copy(&l->s, o, &r);
			value_add(l->rows, o);
		}
	}
	l->more = true;
	return 0;
}

int api_hold_list(struct api_call *c)
{
	struct list l = {.rows = value_new_array(), .limit = LIST_DEFAULT};
	struct ledger_txn *t = NULL;
	int rc = api_number(c, "limit", LIST_MAX, &l.limit);

	l.segment = api_arg(c, "segment");
	if (rc == 0)
		rc = api_number(c, "after", UINT64_MAX, &l.after);
	if (rc == 0)
		rc = ledger_read_begin(c->app->store->ledger, &t);
	if (rc == 0) {
		show_init(&l.s, c, t);
		rc = list_rows(&l, t);
	}
	ledger_read_end(&t);
	value_put(c->reply, "holds", l.rows);
	if (l.more)
		api_put_id(c->reply, "next", l.after);
	else
		value_put_null(c->reply, "next");
	return rc;
}

/* --- one --- */

static void put_envelope(struct api_call *c, const struct envelope *e)
{
	struct value *list = value_new_array();

	value_put_time(c->reply, "arrived", e->arrived_ms);
	value_put_str(c->reply, "queue_id", e->queue_id);
	value_put_str(c->reply, "campaign", e->campaign);
	if (!api_flag(c, "redact")) {
		value_put_str(c->reply, "sender", e->sender);
		for (size_t i = 0; i < e->n_rcpts; i++)
			value_add_str(list, e->rcpts[i].address);
	}
	value_put(c->reply, "to", list);
}

/* What the file says; a file that cannot be read is told, not fatal. */
static int put_file(struct api_call *c, uint64_t id)
{
	struct spool_copy *copy = NULL;
	struct spool *spool = NULL;
	struct error err = {0};
	int rc = spool_open(&spool, c->app->conf->state_dir, &err);

	if (rc == 0)
		rc = spool_read(spool, id, &copy, &err);
	if (rc == 0) {
		put_envelope(c, spool_copy_envelope(copy));
		value_put_i64(
		    c->reply, "bytes", (int64_t)spool_copy_message(copy).n);
	} else {
		value_put_str(c->reply, "file", str_of(err.text));
	}
	spool_copy_free(&copy);
	spool_close(&spool);
	return 0;
}

/* Why a held message waits now: the verdict it would get. */
static int put_why(
    struct api_call *c, const struct ledger_txn *t, const struct copy_record *r)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .segment = r->segment,
	    .log_followed = true,
	    .may_hold = true};
	struct value *now = value_new_object();
	struct decide_out out = {0};
	struct str text;
	int rc =
	    person_address(c->app->store, t, &r->lead, c->rq->arena, &text);

	if (rc == 0)
		rc = address_parse(c->rq->arena, text, &in.recipient, &c->err);
	if (rc == 0)
		rc = decide_explain(
		    c->app->store, &in, NULL, clock_now_ms(), &out, &c->err);
	if (rc == 0)
		show_verdict(now, &out);
	decide_fini(&out);
	value_put(c->reply, "now", now);
	return rc == ERR_CRYPTO || rc == ERR_NOT_FOUND ? 0 : rc;
}

int api_hold_show(struct api_call *c)
{
	struct copy_record r;
	struct ledger_txn *t = NULL;
	struct show s;
	uint64_t id;
	int rc = api_id(c, "id", &id);

	if (rc == 0)
		rc = ledger_read_begin(c->app->store->ledger, &t);
	if (rc == 0) {
		rc = copy_read(t, id, &r);
		if (rc == ERR_NOT_FOUND)
			(void)error_set(&c->err, rc, "no copy of that id");
	}
	if (rc == 0) {
		show_init(&s, c, t);
		put_copy(&s, c->reply, &r);
		if (r.kind == COPY_HELD)
			rc = put_why(c, t, &r);
	}
	ledger_read_end(&t);
	return rc != 0 ? rc : put_file(c, id);
}

/* --- release, drop --- */

typedef int change_fn(struct api_call *c, uint64_t id);

static int release_one(struct api_call *c, uint64_t id)
{
	return ops_copy_due(c->app->store, id, clock_now_ms(), &c->err);
}

/* The file goes when the row is gone for good; the sweep does it otherwise. */
static int drop_one(struct api_call *c, uint64_t id)
{
	struct spool *spool = NULL;
	int rc = ops_copy_remove(c->app->store, id, &c->err);

	if (rc == 0 && spool_open(&spool, c->app->conf->state_dir, NULL) == 0 &&
	    spool_remove(spool, id, NULL) != 0)
		value_put_str(c->reply, "file", STR("is left to the sweep"));
	spool_close(&spool);
	return rc;
}

/* Ids of held copies of a segment, from `after` on. */
static int collect(struct api_call *c, struct str segment, uint64_t after,
    uint64_t *ids, size_t *n_out)
{
	struct ledger_txn *t = NULL;
	struct copy_record r;
	size_t n = 0;
	int rc = ledger_read_begin(c->app->store->ledger, &t);

	while (rc == 0 && n < CHANGE_MAX) {
		rc = copy_next(t, after, &r);
		after = r.id;
		if (rc == 0 && r.kind == COPY_HELD &&
		    str_eq(r.segment, segment))
			ids[n++] = r.id;
	}
	ledger_read_end(&t);
	*n_out = n;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int change_segment(struct api_call *c, change_fn *fn)
{
	struct str segment = api_arg(c, "segment");
	uint64_t ids[CHANGE_MAX], after = 0;
	size_t n = 0;
	int rc = api_number(c, "after", UINT64_MAX, &after);

	if (rc == 0)
		rc = collect(c, segment, after, ids, &n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = fn(c, ids[i]);
	value_put_i64(c->reply, "changed", (int64_t)n);
	if (n == CHANGE_MAX)
		api_put_id(c->reply, "next", ids[n - 1]);
	else
		value_put_null(c->reply, "next");
	return rc;
}

static int change(struct api_call *c, change_fn *fn)
{
	struct arena *a = c->rq->arena;
	struct copy_record r;
	uint64_t id;
	int rc;

	if (api_arg(c, "segment").n > 0)
		return change_segment(c, fn);
	rc = api_id(c, "id", &id);
	if (rc == 0) {
		rc = ops_copy_get(c->app->store, id, a, &r);
		if (rc == ERR_NOT_FOUND)
			(void)error_set(&c->err, rc, "no copy of that id");
	}
	if (rc == 0)
		rc = fn(c, id);
	value_put_i64(c->reply, "changed", rc == 0);
	return rc;
}

int api_hold_release(struct api_call *c)
{
	return change(c, release_one);
}

int api_hold_drop(struct api_call *c)
{
	return change(c, drop_one);
}
