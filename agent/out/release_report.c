/* release_report.c - a copy's sender is told that a recipient gets nothing; see
 * release_internal.h.
 *
 * The recipient is done in the ledger before the MTA has the report: the milter
 * does that, in the moment in which it lets the report go. So an agent that is
 * killed behind it does not report again, and one that is killed before it
 * does. If the MTA refuses the report after that, the agent makes a copy of the
 * recipient anew. */
#include "agent/out/release_internal.h"

#include "policy/base/log.h"
#include "policy/base/when.h"
#include "policy/state/ops_copy.h"

#define REPORT_MS WHEN_DAY_MS

/* A report is worth trying for a day beyond the copy's deadline: that is when
 * most of them are made. */
static bool is_worth_while(const struct release_work *w)
{
	int64_t end_ms = w->row.wait.deadline_ms != 0 ? w->row.wait.deadline_ms
						      : w->row.added_ms;

	return w->now_ms < end_ms + REPORT_MS;
}

static void log_report(const struct release_work *w, uint32_t index,
    const struct submit_result *res, const struct error *err)
{
	LOG_EV(
	    res->outcome == SUBMIT_SENT ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
	    "copy.report", KV_I64("copy", (int64_t)w->row.id),
	    KV_I64("index", index), KV_I64("code", res->reply.code),
	    KV_Z("error", err->text));
}

static int write_report(struct release_work *w, const struct nondelivery *n,
    struct submit_result *res, struct error *err)
{
	struct buf b;
	int rc;

	buf_init(&b, NONDELIVERY_MAX);
	rc = nondelivery_write(n, &b);
	if (rc == 0)
		submit_report(w->hand->submit,
		    &(struct submit_mail){.id = w->row.id,
			.to = w->envelope->sender,
			.utf8 = nondelivery_is_utf8(w->envelope, n->index),
			.message = buf_str(&b)},
		    res, err);
	buf_fini(&b);
	return rc;
}

/* Has the milter let it go? */
static int is_recorded(struct release_work *w, uint32_t index, bool *out)
{
	struct copy_record r;
	int rc = ops_copy_get(w->r->app->store, w->row.id, w->hand->arena, &r);

	*out = rc == ERR_NOT_FOUND || (rc == 0 && index < r.next);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* The recipient is open again, as a copy of its own. */
static int reopen(struct release_work *w, uint32_t index, struct error *err)
{
	struct copy_new c = {
	    .kind = COPY_HELD,
	    .lead = w->row.lead,
	    .segment = w->row.segment,
	    .stream = w->row.stream,
	    .arrived_ms = w->row.arrived_ms,
	    .wait = {.due_ms = release_again_ms(w),
		.deadline_ms = w->row.wait.deadline_ms,
		.then = w->row.wait.then},
	    .first = index,
	    .recipients = index + 1,
	    .queue_id = w->row.queue_id,
	};
	int rc = spool_link(w->r->spool, w->row.id, w->now_ms, &c.id, err);

	return rc != 0 ? rc : ops_copy_add(w->r->app->store, &c, err);
}

/* No answer is no refusal: the MTA has it, since the milter let it go. What
 * the MTA refuses for ever stays done. */
static int settle_recorded(struct release_work *w, uint32_t index,
    struct submit_result *res, struct error *err)
{
	bool recorded;
	int rc;

	if (res->outcome == SUBMIT_SENT)
		return 0;
	rc = is_recorded(w, index, &recorded);
	if (rc != 0)
		return error_set(err, rc, "copy: %s", error_text(rc));
	if (!recorded)
		return 0;
	if (res->reply.code != 0 && res->reply.code < 500 && is_worth_while(w))
		rc = reopen(w, index, err);
	res->outcome = SUBMIT_SENT;
	return rc;
}

/* A report that cannot be sent now is tried again, for a day beyond the copy's
 * deadline; one that is refused is told to the operator. */
int release_bounce(struct release_work *w, uint32_t index,
    struct nondelivery *n, enum release_next *next, struct error *err)
{
	struct submit_result res = {.outcome = SUBMIT_SENT};
	struct error why = {0};
	int rc = 0;

	n->copy_id = w->row.id;
	n->index = index;
	n->host = w->r->app->conf->authserv_id;
	n->envelope = w->envelope;
	n->message = spool_copy_message(w->copy);
	n->now_ms = w->now_ms;
	if (nondelivery_is_wanted(w->envelope, index)) {
		rc = write_report(w, n, &res, &why);
		log_report(w, index, &res, &why);
		if (rc != 0)
			return error_set(err, rc, "report: %s", error_text(rc));
		rc = settle_recorded(w, index, &res, err);
	}
	if (rc != 0)
		return rc;
	if (res.outcome == SUBMIT_TROUBLE) {
		w->way = RELEASE_WAY_TROUBLE;
		*next = RELEASE_STOP_ALL;
		return 0;
	}
	if (res.outcome == SUBMIT_LATER && is_worth_while(w)) {
		*next = RELEASE_PUT_OFF;
		return ops_copy_due(
		    w->r->app->store, w->row.id, release_again_ms(w), err);
	}
	return ops_copy_done(
	    w->r->app->store, w->row.id, index, COPY_BOUNCED, err);
}
