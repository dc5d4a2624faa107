/* release_one.c - one recipient of a copy: asked about, submitted, recorded;
 * see release_internal.h. */
#include "agent/out/release_internal.h"

#include "policy/base/log.h"
#include "policy/base/when.h"
#include "policy/state/ops_copy.h"

#include <string.h>

enum {
	TRIES_BEFORE_SPLIT = 5,
	TRIES_AT_ONCE = 3,
};
#define AGAIN_FIRST_MS (3 * WHEN_SECOND_MS)
/* A verdict without an instant waits for its event: holds are looked at when
 * there may have been one, others try again. */
#define NO_INSTANT_MS (10 * WHEN_MINUTE_MS)
/* A segment that is gone may come back; then holds are looked at. */
#define KEEP_MS WHEN_DAY_MS

/* --- what would be decided --- */

int release_explain(struct release_hand *h, const struct copy_record *row,
    struct str address, int64_t now_ms, struct release_view *out,
    struct error *err)
{
	struct judge_in j = {h->r->app, h->arena, row, address, NULL};
	struct decide_in in;
	int rc = judge_ask(&j, &in, err);

	*out = (struct release_view){.recipient = in.recipient};
	return rc != 0 ? rc
		       : decide_explain(h->r->app->store, &in, NULL, now_ms,
			     &out->decided, err);
}

int64_t release_again_ms(const struct release_work *w)
{
	int64_t wait = AGAIN_FIRST_MS;

	for (uint32_t i = 0; i < w->row.attempts && wait < RELEASE_AGAIN_MS; i++)
		wait *= 2;
	return w->now_ms + (wait < RELEASE_AGAIN_MS ? wait : RELEASE_AGAIN_MS);
}

int64_t release_instant(
    const struct verdict *v, const struct copy_wait *wait, int64_t now_ms)
{
	int64_t at =
	    v->earliest_ms != 0 || v->look_ms != 0 ? wait->due_ms : 0;

	if (at == 0)
		at = v->action == VERDICT_HOLD && wait->deadline_ms > now_ms
			 ? wait->deadline_ms
			 : now_ms + NO_INSTANT_MS;
	if (wait->deadline_ms != 0 && at > wait->deadline_ms)
		at = wait->deadline_ms;
	return at > now_ms ? at : now_ms + AGAIN_FIRST_MS;
}

/* --- putting off --- */

/* A recipient of several goes on alone; the bytes get a second name. */
static int split(struct release_work *w, uint32_t index,
    const struct address *recipient, struct copy_new *held, struct error *err)
{
	struct release *r = w->r;
	struct error ignored;
	int rc =
	    spool_link(r->spool, w->row.id, w->row.arrived_ms, &held->id, err);

	if (rc != 0)
		return rc;
	held->kind = COPY_HELD;
	held->segment = w->row.segment;
	held->stream = w->row.stream;
	held->queue_id = w->row.queue_id;
	held->arrived_ms = w->row.arrived_ms;
	held->campaign = w->row.campaign;
	held->from_domain = w->row.from_domain;
	held->first = index;
	held->recipients = index + 1;
	rc = ops_copy_split(
	    r->app->store, w->row.id, index, recipient, held, err);
	if (rc != 0 && spool_remove(r->spool, held->id, &ignored) != 0)
		LOG_EV(LOG_LEVEL_WARNING, "copy.left_behind",
		    KV_I64("copy", (int64_t)held->id));
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int release_put_off(struct release_work *w, int64_t due_ms,
    enum release_next *next, struct error *err)
{
	if (w->row.wait.deadline_ms != 0 && due_ms > w->row.wait.deadline_ms)
		due_ms = w->row.wait.deadline_ms;
	*next = RELEASE_PUT_OFF;
	return ops_copy_due(w->r->app->store, w->row.id, due_ms, err);
}

/* By the policy's verdict. */
static int wait_for(struct release_work *w, uint32_t index,
    const struct address *recipient, const struct decide_out *d,
    enum release_next *next, struct error *err)
{
	const struct verdict *v = &d->verdict;
	struct copy_new held = {.lead = d->lead};

	if (w->row.kind == COPY_HELD)
		return release_hold(w, d, next, err);
	decide_wait(d, w->now_ms, &held.wait);
	if (v->action != VERDICT_HOLD) {
		held.wait.deadline_ms = w->row.wait.deadline_ms;
		held.wait.then = w->row.wait.then;
	}
	/* Between this verdict and its row there may be room, and nobody in the
	 * queue to be woken: so it is decided once more when it is there. */
	held.wait.due_ms = w->now_ms;
	return split(w, index, recipient, &held, err);
}

/* By an answer that no verdict explains: the log is silent yet, the MTA will
 * not have it now. */
static int try_again(struct release_work *w, uint32_t index,
    const struct address *recipient, const struct lead_id *lead,
    enum release_next *next, struct error *err)
{
	int64_t due_ms = release_again_ms(w);
	struct copy_new held = {
	    .lead = *lead,
	    .wait.due_ms = due_ms,
	    .wait.deadline_ms = w->row.wait.deadline_ms,
	    .wait.then = w->row.wait.then,
	};

	if (index + 1 == w->row.recipients || recipient->text.n == 0)
		return release_put_off(w, due_ms, next, err);
	return split(w, index, recipient, &held, err);
}

/* --- ends --- */

static int done(struct release_work *w, uint32_t index,
    enum copy_outcome outcome, struct error *err)
{
	return ops_copy_done(w->r->app->store, w->row.id, index, outcome, err);
}

static int refused(struct release_work *w, uint32_t index,
    const struct smtp_reply *reply, enum release_next *next, struct error *err)
{
	struct nondelivery n = {
	    .status = str_of(reply->enhanced),
	    .reason = str_of(reply->text),
	    .code = reply->code,
	};

	return release_bounce(w, index, &n, next, err);
}

int release_expire(struct release_work *w, uint32_t index,
    enum policy_then then, enum release_next *next, struct error *err)
{
	struct nondelivery n = {
	    .status = STR("5.4.7"),
	    .reason = STR("Not released in time: a limit or rule of the "
			  "sender's policy held the message back"),
	};

	LOG_EV(LOG_LEVEL_NOTICE, "copy.expired",
	    KV_I64("copy", (int64_t)w->row.id), KV_I64("index", index));
	if (then == POLICY_THEN_DROP)
		return done(w, index, COPY_DROPPED, err);
	return release_bounce(w, index, &n, next, err);
}

/* What the MTA took has not failed, though its 250 was lost. While the log is
 * silent nobody knows, deadline or not. */
static int expire(struct release_work *w, uint32_t index,
    enum release_next *next, struct error *err)
{
	enum release_sent sent;
	int rc = release_sent(w, index, &sent, err);

	if (rc != 0)
		return rc;
	switch (sent) {
	case RELEASE_SENT:
		return done(w, index, COPY_SENT, err);
	case RELEASE_IN_FLIGHT:
		*next = RELEASE_PUT_OFF;
		return ops_copy_due(
		    w->r->app->store, w->row.id, release_again_ms(w), err);
	case RELEASE_NOT_SENT:
		break;
	}
	return release_expire(w, index, w->row.wait.then, next, err);
}

static int give_back(struct release_work *w, uint32_t index,
    enum release_next *next, struct error *err)
{
	struct nondelivery n = {
	    .status = STR("5.7.1"),
	    .reason = STR("The policy has no such kind of message any more"),
	};

	LOG_EV(LOG_LEVEL_NOTICE, "copy.given_back",
	    KV_I64("copy", (int64_t)w->row.id),
	    KV_STR("segment", w->row.segment));
	return release_bounce(w, index, &n, next, err);
}

/* --- the way --- */

static bool waits(const struct decide_out *d)
{
	return d->verdict.action == VERDICT_HOLD ||
	       d->verdict.action == VERDICT_DEFER;
}

/* The milter's "not now" is of status 4.7.1; then the verdict gives the
 * instant. Everything else says nothing of when: above all 4.2.0, "this very
 * message is on its way", where a cap would be full of the message itself. */
static bool is_not_now(const struct smtp_reply *reply)
{
	return strcmp(reply->enhanced, "4.7.1") == 0;
}

/* What the milter waited for is over: others of its queue were on their way just
 * then, and counted as before it. A copy that is put off for that keeps all
 * behind it waiting. */
static bool may_go_at_once(const struct release_work *w,
    const struct decide_out *d, const struct smtp_reply *reply)
{
	return w->row.kind == COPY_HELD && is_not_now(reply) &&
	       d->verdict.action == VERDICT_ALLOW &&
	       w->row.attempts < TRIES_AT_ONCE;
}

static int later(struct release_work *w, uint32_t index,
    const struct smtp_reply *reply, enum release_next *next, struct error *err)
{
	struct release_view v;
	const struct decide_out *d = &v.decided;
	int rc = release_explain(w->hand, &w->row,
	    w->envelope->rcpts[index].address, w->now_ms, &v, err);

	if (rc == 0 && waits(d) && is_not_now(reply))
		rc = wait_for(w, index, &v.recipient, d, next, err);
	else if (rc == 0 && may_go_at_once(w, d, reply))
		rc = release_put_off(w, w->now_ms, next, err);
	else if (rc == 0 || rc == ERR_SYNTAX || rc == ERR_NOT_FOUND)
		rc = try_again(w, index, &v.recipient, &d->lead, next, err);
	decide_fini(&v.decided);
	return rc;
}

/* Trouble before the recipient was named is nobody's fault here. After it,
 * this message may be the cause: it goes behind the others. Where others were at
 * work too nobody can tell, and no row is touched: they are tried one by one. */
static int trouble(struct release_work *w, uint32_t index,
    const struct submit_result *res, const struct error *why,
    enum release_next *next, struct error *err)
{
	LOG_EV_LIMITED(
	    LOG_LEVEL_ERR, "release.trouble", KV_Z("error", why->text));
	w->way = RELEASE_WAY_TROUBLE;
	if (res->reply.stage <= SMTP_STAGE_MAIL ||
	    atomic_load(&w->hand->together)) {
		*next = RELEASE_STOP_ALL;
		return 0;
	}
	if (w->row.attempts >= TRIES_BEFORE_SPLIT)
		return later(w, index, &res->reply, next, err);
	return release_put_off(w, release_again_ms(w), next, err);
}

int release_submit(struct release_work *w, uint32_t index,
    enum release_next *next, struct error *err)
{
	struct submit_result res;
	struct error why = {0};

	submit_copy(w->hand->submit, w->row.id, w->copy, index, &res, &why);
	LOG_EV(LOG_LEVEL_INFO, "copy.submitted",
	    KV_I64("copy", (int64_t)w->row.id), KV_I64("index", index),
	    KV_I64("code", res.reply.code), KV_Z("status", res.reply.enhanced),
	    KV_Z("text", res.reply.text));
	if (res.outcome == SUBMIT_TROUBLE)
		return trouble(w, index, &res, &why, next, err);
	w->way = RELEASE_WAY_WORKS;
	switch (res.outcome) {
	case SUBMIT_SENT:
		return ops_copy_sent(w->r->app->store, w->row.id, index,
		    submit_queue_id(&res.reply), err);
	case SUBMIT_REFUSED:
		return refused(w, index, &res.reply, next, err);
	case SUBMIT_LATER:
	case SUBMIT_TROUBLE:
		break;
	}
	return later(w, index, &res.reply, next, err);
}

/* Other streams' copies wait for the MTA alone. */
static bool is_decided(const struct release_work *w)
{
	const struct conf_stream *st =
	    conf_stream_find(w->r->app->conf, w->row.stream);

	return w->row.kind == COPY_HELD && st != NULL &&
	       st->class == CONF_CLASS_NURTURE;
}

static bool is_over(const struct release_work *w)
{
	int64_t end_ms = w->row.wait.deadline_ms;

	return end_ms != 0 && w->now_ms >= end_ms;
}

int release_one(struct release_work *w, uint32_t index,
    enum release_next *next_out, struct error *err)
{
	enum judge_fate fate;
	int rc = judge_fate(w->r->app, &w->row, &fate, err);

	*next_out = RELEASE_GO_ON;
	if (rc != 0)
		return rc;
	if (fate == JUDGE_GIVE_BACK)
		return give_back(w, index, next_out, err);
	if (fate == JUDGE_DECIDE && is_decided(w))
		return release_held(w, index, next_out, err);
	if (is_over(w))
		return expire(w, index, next_out, err);
	if (fate == JUDGE_KEEP)
		return release_put_off(w, w->now_ms + KEEP_MS, next_out, err);
	return release_submit(w, index, next_out, err);
}
