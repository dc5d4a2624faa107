/* api_hold.c - /v1/holds: messages that we have taken over and not yet given
 * back to the MTA. Release lets one go through its verdict again at once, with
 * force in spite of what it waits for; drop removes it for good. Each of these
 * is on record for auditors, with the author's name, and the reason. */
#include "agent/api/routes.h"
#include "agent/api/show.h"
#include "agent/out/claims.h"
#include "agent/out/judge.h"

#include "policy/base/clock.h"
#include "policy/mail/company_id.h"
#include "policy/spool/spool.h"
#include "policy/state/ops_copy.h"

#include <errno.h>
#include <string.h>

enum {
	LIST_DEFAULT = 1000,
	LIST_MAX = 10000,
	LOOKS_MAX = 200000,
	CHANGE_MAX = 500,        /* copies changed by one call */
	AHEAD_MAX = 50,          /* shown of those that go before one */
	DROP_PATIENCE_MS = 2000, /* with a copy that is being submitted */
	DROP_ARENA_MAX = 4 << 20,
};

/* --- which --- */

/* What a caller asks for; all that is absent is any. */
struct filter {
	struct str segment;
	bool by_lead, by_company;
	struct lead_id lead;
	unsigned char company[COMPANY_ID_BYTES];
};

/* Of an address that of the person, else that name or domain. */
static int find_company(
    struct api_call *c, struct str text, unsigned char out[COMPANY_ID_BYTES])
{
	struct address none = {0}, a;
	struct store *s = c->app->store;

	if (str_find(text, 0, '@') == text.n)
		return company_id_of(s->lead_key, text, &none, out);
	if (address_parse(c->rq->arena, text, &a, &c->err) != 0)
		return ERR_SYNTAX;
	return company_id_of(s->lead_key, STR(""), &a, out);
}

static int read_filter(struct api_call *c, struct filter *f)
{
	struct str company = api_arg(c, "company");
	struct address a;
	int rc = 0;

	*f = (struct filter){.segment = api_arg(c, "segment")};
	if (api_arg(c, "lead").n > 0) {
		f->by_lead = true;
		rc = api_address(c, "lead", &a);
		if (rc == 0)
			rc = lead_id_of(c->app->store->lead_key, &a, &f->lead);
	}
	if (rc == 0 && company.n > 0) {
		f->by_company = true;
		rc = find_company(c, company, f->company);
	}
	return rc;
}

static bool is_asked(const struct filter *f)
{
	return f->segment.n > 0 || f->by_lead || f->by_company;
}

/* The company stands in the person's record: also where no limit asks. */
static bool is_of_company(const struct filter *f, const struct ledger_txn *t,
    const struct copy_record *r)
{
	struct lead_record lead;

	return lead_peek(t, &r->lead, &lead) == 0 &&
	       memcmp(lead.company, f->company, sizeof(f->company)) == 0;
}

static bool matches(const struct filter *f, const struct ledger_txn *t,
    const struct copy_record *r)
{
	if (f->segment.n > 0 && !str_eq(f->segment, r->segment) &&
	    policy_label(f->segment) != copy_label(r))
		return false;
	if (f->by_lead && !lead_id_eq(&f->lead, &r->lead))
		return false;
	return !f->by_company || is_of_company(f, t, r);
}

/* --- one row --- */

static const char *then_name(enum policy_then then)
{
	switch (then) {
	case POLICY_THEN_BOUNCE:
		return "bounce";
	case POLICY_THEN_DROP:
		return "drop";
	case POLICY_THEN_SEND:
		return "send";
	}
	return "bounce";
}

/* The segment that decides, if the policy has it. */
static const struct policy_segment *segment_of(
    const struct policy *p, const struct copy_record *r)
{
	uint32_t label = copy_label(r);

	for (size_t i = 0; p != NULL && i < p->n_segments; i++)
		if (p->segments[i].label == label)
			return &p->segments[i];
	return NULL;
}

/* Those that go before it: in the company's queue where it waits for that. */
static int find_ahead(const struct ledger_txn *t, const struct policy *p,
    const struct copy_record *r, struct wait_list *list)
{
	const struct policy_segment *own = segment_of(p, r);
	struct wait_queue q = wait_queue_of(WAIT_PERSON, r->lead.b);

	if (own == NULL || r->wait.queues == 0)
		return 0;
	if ((r->wait.queues & COPY_WAITS_FOR_COMPANY) != 0)
		q = wait_queue_of(WAIT_COMPANY, r->wait.company.b);
	return wait_ahead(t, &q, p, own, r->id, list);
}

static void put_wait(
    const struct show *s, struct value *o, const struct copy_record *r)
{
	const struct copy_wait *w = &r->wait;

	if (w->reason != 0) {
		value_put_str(
		    o, "reason", str_of(verdict_reason_name(w->reason)));
		show_rule(s, o, w->policy_version, w->line);
	}
	value_put_time(o, "due", w->due_ms);
	value_put_time(o, "deadline", w->deadline_ms);
	value_put_str(o, "then", str_of(then_name(w->then)));
	if (r->forced)
		value_put_bool(o, "forced", true);
	value_put_str(o, "author", r->author);
}

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
	put_wait(s, o, r);
	value_put_i64(o, "recipients", (int64_t)r->recipients - r->next);
	value_put_i64(o, "attempts", r->attempts);
}

/* Where another segment than that of its name decides. */
static void put_counts_as(
    struct value *o, const struct policy *p, const struct copy_record *r)
{
	const struct policy_segment *s = segment_of(p, r);

	if (s != NULL && !str_eq(s->name, r->segment))
		value_put_str(o, "counts_as", s->name);
}

/* --- all --- */

struct list {
	struct show s;
	struct value *rows;
	struct filter filter;
	const struct policy *policy;
	uint64_t after, limit;
	bool more;
};

static int add_row(
    struct list *l, const struct ledger_txn *t, const struct copy_record *r)
{
	struct waiting_fact ahead[FACTS_WAITING_MAX];
	struct wait_list list = {ahead, 0, FACTS_WAITING_MAX};
	struct value *o = value_new_object();
	int rc;

	put_copy(&l->s, o, r);
	put_counts_as(o, l->policy, r);
	rc = find_ahead(t, l->policy, r, &list);
	value_put_i64(o, "ahead", (int64_t)list.n);
	value_add(l->rows, o);
	return rc;
}

static int list_rows(struct list *l, const struct ledger_txn *t)
{
	struct copy_record r;
	size_t looks = 0;
	int rc = 0;

	while (
	    rc == 0 && looks++ < LOOKS_MAX && value_count(l->rows) < l->limit) {
		rc = copy_next(t, l->after, &r);
		if (rc != 0)
			return rc == ERR_NOT_FOUND ? 0 : rc;
		l->after = r.id;
		if (matches(&l->filter, t, &r))
			rc = add_row(l, t, &r);
	}
	l->more = true;
	return rc;
}

int api_hold_list(struct api_call *c)
{
	struct list l = {.rows = value_new_array(), .limit = LIST_DEFAULT};
	struct ledger_txn *t = NULL;
	int rc = api_number(c, "limit", LIST_MAX, &l.limit);

	if (rc == 0)
		rc = api_number(c, "after", UINT64_MAX, &l.after);
	if (rc == 0)
		rc = read_filter(c, &l.filter);
	if (rc == 0)
		rc = policyver_cache_get(
		    c->app->store->policies, &l.policy, &c->err);
	if (rc == 0)
		rc = ledger_read_begin(c->app->store->ledger, &t);
	if (rc == 0) {
		show_init(&l.s, c, t);
		rc = list_rows(&l, t);
	}
	ledger_read_end(&t);
	policy_unref(&l.policy);
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

static int put_ahead(struct api_call *c, const struct show *s,
    const struct policy *p, const struct copy_record *r)
{
	struct waiting_fact v[AHEAD_MAX];
	struct wait_list list = {v, 0, AHEAD_MAX};
	struct value *rows = value_new_array();
	struct copy_record other;
	int rc = find_ahead(s->t, p, r, &list);

	for (size_t i = 0; rc == 0 && i < list.n; i++) {
		rc = copy_read(s->t, v[i].copy_id, &other);
		if (rc == 0) {
			struct value *o = value_new_object();

			put_copy(s, o, &other);
			value_add(rows, o);
		}
	}
	value_put(c->reply, "ahead", rows);
	return rc;
}

/* --- what the release would do now --- */

static struct verdict verdict_of(enum verdict_action action,
    enum verdict_reason reason, const struct copy_record *r)
{
	return (struct verdict){.action = action,
	    .reason = reason,
	    .deadline_ms = action == VERDICT_HOLD ? r->wait.deadline_ms : 0};
}

/* By the same functions that it uses. ERR_SYNTAX, ERR_NOT_FOUND: it cannot say
 * either, and asks the milter. */
static int judge(struct api_call *c, const struct spool_copy *copy,
    const struct copy_record *r, struct decide_out *out)
{
	struct judge_in j = {c->app, c->rq->arena, r, STR_NULL, copy};
	enum judge_fate fate;
	int rc = judge_fate(c->app, r, &fate, &c->err);

	*out = (struct decide_out){0};
	if (rc != 0)
		return rc;
	if (copy == NULL) /* it waits for an operator */
		out->verdict = verdict_of(VERDICT_HOLD, REASON_TROUBLE, r);
	else if (fate != JUDGE_DECIDE)
		out->verdict = verdict_of(
		    fate == JUDGE_KEEP ? VERDICT_HOLD : VERDICT_REJECT,
		    REASON_UNKNOWN_SEGMENT, r);
	if (copy == NULL || fate != JUDGE_DECIDE)
		return 0;
	j.address = spool_copy_envelope(copy)->rcpts[r->next].address;
	return judge_copy(&j, clock_now_ms(), out, &c->err);
}

static int put_now(struct api_call *c, const struct spool_copy *copy,
    const struct copy_record *r)
{
	struct value *now = value_new_object();
	struct decide_out out;
	int rc = judge(c, copy, r, &out);

	if (rc == 0) {
		show_verdict(now, &out);
		if (out.verdict.compliance != COMPLY_OK)
			value_put_str(now, "compliance",
			    str_of(comply_result_name(out.verdict.compliance)));
		show_mode(now, c->app->conf, out.policy);
	}
	decide_fini(&out);
	value_put(c->reply, "now", now);
	return rc == ERR_SYNTAX || rc == ERR_NOT_FOUND ? 0 : rc;
}

/* NULL: no file, or none that the row is about. */
static struct spool_copy *read_file(
    struct api_call *c, const struct copy_record *r, struct error *err)
{
	struct spool_copy *copy = NULL;
	struct spool *spool = NULL;
	int rc = spool_open(&spool, c->app->conf->state_dir, err);

	if (rc == 0)
		rc = spool_read(spool, r->id, &copy, err);
	if (rc == 0 && spool_copy_envelope(copy)->n_rcpts < r->recipients) {
		(void)error_set(err, ERR_CORRUPT, "recipients");
		spool_copy_free(&copy);
	}
	spool_close(&spool);
	return copy;
}

/* What the file says; one that cannot be read is told, not fatal. */
static struct spool_copy *put_file(
    struct api_call *c, const struct copy_record *r)
{
	struct error err = {0};
	struct spool_copy *copy = read_file(c, r, &err);

	if (copy == NULL) {
		value_put_str(c->reply, "file", str_of(err.text));
		return NULL;
	}
	put_envelope(c, spool_copy_envelope(copy));
	value_put_i64(c->reply, "bytes", (int64_t)spool_copy_message(copy).n);
	return copy;
}

/* The row, and those before it; r stays after the transaction. */
static int put_row(struct api_call *c, const struct ledger_txn *t, uint64_t id,
    struct copy_record *r)
{
	const struct policy *p = NULL;
	struct show s;
	int rc = copy_read(t, id, r);

	if (rc == ERR_NOT_FOUND)
		(void)error_set(&c->err, rc, "no copy of that id");
	if (rc == 0)
		rc = copy_keep(r, c->rq->arena);
	if (rc == 0)
		rc = policyver_cache_get(c->app->store->policies, &p, &c->err);
	if (rc == 0) {
		show_init(&s, c, t);
		put_copy(&s, c->reply, r);
		put_counts_as(c->reply, p, r);
		if (r->kind == COPY_HELD)
			rc = put_ahead(c, &s, p, r);
	}
	policy_unref(&p);
	return rc;
}

int api_hold_show(struct api_call *c)
{
	struct ledger_txn *t = NULL;
	struct spool_copy *copy;
	struct copy_record r;
	uint64_t id;
	int rc = api_id(c, "id", &id);

	if (rc == 0)
		rc = ledger_read_begin(c->app->store->ledger, &t);
	if (rc == 0)
		rc = put_row(c, t, id, &r);
	ledger_read_end(&t);
	if (rc != 0)
		return rc;
	copy = put_file(c, &r);
	if (r.kind == COPY_HELD)
		rc = put_now(c, copy, &r);
	spool_copy_free(&copy);
	return rc;
}

/* --- release, drop --- */

typedef int change_fn(struct api_call *c, uint64_t id);

/* With the caller's name, and the reason as far as one is given. */
static int say(struct api_call *c, enum ops_copy_word what, uint64_t id)
{
	struct event_copy_word w = {id, c->user, api_arg(c, "reason")};

	return ops_copy_say(c->app->store, what, &w, &c->err);
}

/* Decided again at once; who waits by right goes on waiting. */
static int release_one(struct api_call *c, uint64_t id)
{
	return say(c, OPS_COPY_RELEASE, id);
}

/* Whatever it waits for: limits, order and hours. What is asked of a message
 * besides - consent, suppression, compliance, a stop - is asked as ever. */
static int force_one(struct api_call *c, uint64_t id)
{
	return say(c, OPS_COPY_FORCE, id);
}

/* The file goes when the row is gone for good; the sweep does it otherwise. */
static void remove_file(struct api_call *c, uint64_t id)
{
	struct spool *spool = NULL;

	if (spool_open(&spool, c->app->conf->state_dir, NULL) == 0 &&
	    spool_remove(spool, id, NULL) != 0)
		value_put_str(c->reply, "file", STR("is left to the sweep"));
	spool_close(&spool);
}

/* Whether the MTA has the message of the recipient whose turn it is, though its
 * answer was lost: 0: no. ERR_EXISTS: yes, and that is on record now. ERR_BUSY:
 * it may have, its log has not told yet. */
static int find_sent(
    struct api_call *c, struct arena *a, const struct copy_record *r)
{
	struct error ignored;
	struct spool_copy *copy = read_file(c, r, &ignored);
	struct decide_out out = {0};
	struct judge_in j = {c->app, a, r, STR_NULL, copy};
	int rc = 0;

	if (copy != NULL) {
		j.address = spool_copy_envelope(copy)->rcpts[r->next].address;
		rc = judge_copy(&j, clock_now_ms(), &out, &c->err);
	}
	if (rc == 0 && out.verdict.reason == REASON_DUPLICATE) {
		rc = ops_copy_done(
		    c->app->store, r->id, r->next, COPY_SENT, &c->err);
		if (rc == 0)
			rc = error_set(
			    &c->err, ERR_EXISTS, "it was sent: the MTA has it");
	} else if (rc == 0 && out.verdict.reason == REASON_IN_FLIGHT) {
		rc = error_set(&c->err, ERR_BUSY,
		    "it was given to the MTA, whose log has not told yet what "
		    "became of it; ask again");
	}
	decide_fini(&out);
	spool_copy_free(&copy);
	return rc == ERR_SYNTAX || rc == ERR_NOT_FOUND ? 0 : rc;
}

/* With the claim. Of several recipients those that are left are dropped. */
static int drop_claimed(struct api_call *c, struct arena *a, uint64_t id)
{
	struct copy_record r;
	int rc = ops_copy_get(c->app->store, id, a, &r);

	if (rc == ERR_NOT_FOUND)
		return error_set(
		    &c->err, rc, "it is gone: sent, or at its end, just now");
	if (rc == 0)
		rc = find_sent(c, a, &r);
	if (rc == 0 || (rc == ERR_EXISTS && r.next + 1 < r.recipients))
		rc = say(c, OPS_COPY_DROP, id);
	if (rc == 0 || rc == ERR_EXISTS)
		remove_file(c, id);
	return rc;
}

/* One that is asked for by its id is waited for. */
static int drop_one(struct api_call *c, uint64_t id)
{
	bool alone = api_arg(c, "id").n > 0;
	struct arena *a = arena_new(DROP_ARENA_MAX);
	int rc = a != NULL ? claims_take(c->app->claims, id,
				 alone ? DROP_PATIENCE_MS : 0)
			   : -ENOMEM;

	if (rc == 0) {
		rc = drop_claimed(c, a, id);
		claims_give(c->app->claims, id);
	} else if (rc == ERR_BUSY) {
		(void)error_set(&c->err, rc,
		    "it is being given to the MTA just now; ask again");
	}
	arena_free(&a);
	return rc;
}

/* Ids of held copies that are meant, from `after` on. */
static int collect(struct api_call *c, const struct filter *f, uint64_t after,
    uint64_t *ids, size_t *n_out)
{
	struct ledger_txn *t = NULL;
	struct copy_record r;
	size_t n = 0;
	int rc = ledger_read_begin(c->app->store->ledger, &t);

	while (rc == 0 && n < CHANGE_MAX) {
		rc = copy_next(t, after, &r);
		after = r.id;
		if (rc == 0 && r.kind == COPY_HELD && matches(f, t, &r))
			ids[n++] = r.id;
	}
	ledger_read_end(&t);
	*n_out = n;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* What became of those that were meant. */
struct changed {
	int64_t changed, sent, busy;
};

/* What left while others were changed is not a failure. */
static int count_changed(struct changed *n, int rc)
{
	n->changed += rc == 0;
	n->sent += rc == ERR_EXISTS || rc == ERR_NOT_FOUND;
	n->busy += rc == ERR_BUSY;
	return rc == ERR_EXISTS || rc == ERR_NOT_FOUND || rc == ERR_BUSY ? 0
									 : rc;
}

static int change_some(
    struct api_call *c, const struct filter *f, change_fn *fn)
{
	uint64_t ids[CHANGE_MAX], after = 0;
	struct changed done = {0};
	size_t n = 0;
	int rc = api_number(c, "after", UINT64_MAX, &after);

	if (rc == 0)
		rc = collect(c, f, after, ids, &n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = count_changed(&done, fn(c, ids[i]));
	value_put_i64(c->reply, "changed", done.changed);
	value_put_i64(c->reply, "sent", done.sent);
	value_put_i64(c->reply, "busy", done.busy);
	if (n == CHANGE_MAX)
		api_put_id(c->reply, "next", ids[n - 1]);
	else
		value_put_null(c->reply, "next");
	return rc;
}

static int change(struct api_call *c, change_fn *fn)
{
	struct arena *a = c->rq->arena;
	struct filter f;
	struct copy_record r;
	uint64_t id;
	int rc = read_filter(c, &f);

	if (rc == 0 && is_asked(&f))
		return change_some(c, &f, fn);
	if (rc == 0)
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
	struct str reason;
	int rc;

	if (!api_flag(c, "force"))
		return change(c, release_one);
	rc = api_need(c, "reason", &reason);
	return rc != 0 ? rc : change(c, force_one);
}

int api_hold_drop(struct api_call *c)
{
	return change(c, drop_one);
}
