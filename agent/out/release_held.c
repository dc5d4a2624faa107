/* release_held.c - a held copy whose time has come, or seems to; see
 * release_internal.h.
 *
 * It is decided again before it is submitted, read-only, with the key of its
 * message: so a copy whose turn has not come costs no submission, and one that
 * the MTA has already (its answer was lost) is known by its slot before a limit
 * is found full of that very slot. Only what may go is submitted, and there the
 * milter decides in its proposal. What waits gets instant, deadline, end, reason
 * and queues from the verdict of now, so that another policy is obeyed. */
#include "agent/out/release_internal.h"

#include "policy/base/log.h"
#include "policy/base/when.h"
#include "policy/state/ops_copy.h"

/* A copy that is due at its deadline is late by as much as the agent was busy;
 * one that is later than this was not wanted any more. */
#define GRACE_MS WHEN_MINUTE_MS

static bool is_past(const struct release_work *w)
{
	const struct copy_wait *wait = &w->row.wait;

	return wait->deadline_ms != 0 && w->now_ms >= wait->deadline_ms;
}

static bool is_over(const struct release_work *w)
{
	return is_past(w) && w->row.wait.then != POLICY_THEN_SEND;
}

static int done(struct release_work *w, uint32_t index,
    enum copy_outcome outcome, struct error *err)
{
	return ops_copy_done(w->r->app->store, w->row.id, index, outcome, err);
}

int release_hold(struct release_work *w, const struct decide_out *d,
    enum release_next *next, struct error *err)
{
	struct copy_decided c = {.id = w->row.id, .wakes = w->row.wakes};

	decide_wait(d, w->now_ms, &c.wait);
	if (d->verdict.action != VERDICT_HOLD) { /* "defer": we keep it */
		c.wait.deadline_ms = w->row.wait.deadline_ms;
		c.wait.then = w->row.wait.then;
	}
	c.wait.due_ms = release_instant(&d->verdict, &c.wait, w->now_ms);
	*next = RELEASE_PUT_OFF;
	LOG_EV(LOG_LEVEL_INFO, "copy.waits", KV_I64("copy", (int64_t)w->row.id),
	    KV_Z("reason", verdict_reason_name(c.wait.reason)),
	    KV_I64("due", c.wait.due_ms));
	return ops_copy_wait(w->r->app->store, &c, 1, err);
}

/* The policy's end of a message that has waited in vain: no refusal of the
 * person, so nothing of it is the milter's to record. */
static bool is_end_of_wait(const struct verdict *v)
{
	return verdict_reason_competes(v->reason) ||
	       v->reason == REASON_STOPPED ||
	       v->reason == REASON_UNKNOWN_SEGMENT;
}

static int end(struct release_work *w, uint32_t index, const struct verdict *v,
    enum release_next *next, struct error *err)
{
	enum policy_then then = w->row.wait.then;

	if (v->action == VERDICT_DROP)
		then = POLICY_THEN_DROP;
	else if (v->action == VERDICT_REJECT)
		then = POLICY_THEN_BOUNCE;
	return release_expire(w, index, then, next, err);
}

/* Nothing is held back any more, once nothing is enforced. */
static bool is_shadow(const struct release_work *w, const struct decide_out *d)
{
	return w->r->app->conf->mode == CONF_MODE_SHADOW ||
	       (d->policy != NULL && d->policy->shadow);
}

static int act(struct release_work *w, uint32_t index,
    const struct decide_out *d, enum release_next *next, struct error *err)
{
	const struct verdict *v = &d->verdict;

	switch (v->action) {
	case VERDICT_ALLOW:
		if (is_over(w) &&
		    w->now_ms > w->row.wait.deadline_ms + GRACE_MS)
			return end(w, index, v, next, err);
		break;
	case VERDICT_HOLD:
		if (v->deadline_ms != 0 && v->deadline_ms <= w->now_ms)
			return end(w, index, v, next, err);
		return release_hold(w, d, next, err);
	case VERDICT_DEFER: /* "then send" of what can never go ends too */
		if (is_over(w) || (is_past(w) && v->earliest_ms == 0))
			return end(w, index, v, next, err);
		return release_hold(w, d, next, err);
	case VERDICT_REJECT:
	case VERDICT_DROP:
		if (is_end_of_wait(v))
			return end(w, index, v, next, err);
		break;
	}
	return release_submit(w, index, next, err);
}

/* While the log is silent nobody knows, deadline or not. */
static int in_flight(
    struct release_work *w, enum release_next *next, struct error *err)
{
	*next = RELEASE_PUT_OFF;
	return ops_copy_due(
	    w->r->app->store, w->row.id, release_again_ms(w), err);
}

/* Nobody can say: its stream is gone, its address is none. */
static int unknown(struct release_work *w, uint32_t index,
    enum release_next *next, struct error *err)
{
	if (is_over(w))
		return release_expire(w, index, w->row.wait.then, next, err);
	return release_submit(w, index, next, err);
}

int release_held(struct release_work *w, uint32_t index,
    enum release_next *next, struct error *err)
{
	struct decide_out d = {0};
	int rc = release_look(w, index, &d, err);

	if (rc == ERR_SYNTAX || rc == ERR_NOT_FOUND)
		rc = unknown(w, index, next, err);
	else if (rc == 0 && d.verdict.reason == REASON_DUPLICATE)
		rc = done(w, index, COPY_SENT, err);
	else if (rc == 0 && d.verdict.reason == REASON_IN_FLIGHT)
		rc = in_flight(w, next, err);
	else if (rc == 0 && is_shadow(w, &d))
		rc = release_submit(w, index, next, err);
	else if (rc == 0)
		rc = act(w, index, &d, next, err);
	decide_fini(&d);
	return rc;
}
