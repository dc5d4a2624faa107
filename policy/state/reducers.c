/* reducers.c - events.def joined with the functions that apply the events.
 * The ledger knows numbers and pointers only; here they get their meaning. */
#include "policy/state/reducers.h"

#include "policy/state/answer.h"
#include "policy/state/companies.h"
#include "policy/state/consent.h"
#include "policy/state/copy.h"
#include "policy/state/feedback.h"
#include "policy/state/lead.h"
#include "policy/state/message.h"
#include "policy/state/mtalogpos.h"
#include "policy/state/outbox.h"
#include "policy/state/policyver.h"
#include "policy/state/refusal.h"
#include "policy/state/review.h"
#include "policy/state/seen.h"
#include "policy/state/spikeback.h"
#include "policy/state/stop.h"
#include "policy/state/suppression.h"
#include "policy/state/tables.h"
#include "policy/state/trace.h"

/* An event is traced by what the tables say before it is applied: a copy's row
 * is gone after its last recipient. */
static int traced(struct ledger_txn *t, const struct event *ev,
    reducer_fn *apply, struct error *err)
{
	struct trace_about about;
	struct trace_tags tags;
	int rc = trace_about(t, ev, &about);

	if (rc != 0)
		return error_set(
		    err, rc, "event %u: %s", ev->type, error_text(rc));
	tags = trace_tags(&about);
	rc = apply(t, ev, err);
	if (rc != 0)
		return rc;
	rc = trace_add(t, ev->seq, &tags);
	return error_of(err, rc, "trace");
}

static const struct reducer list[] = {
    {EV_POLICY_APPLIED, 1, EVENT_AUDIT, policyver_reduce},
    {EV_LEAD_CREATED, 2, EVENT_ACTIVITY, lead_reduce_created},
    {EV_SLOT_PROPOSED, 3, EVENT_ACTIVITY, message_reduce_proposed},
    {EV_SLOT_QUEUED, 1, EVENT_ACTIVITY, message_reduce_queued},
    {EV_SLOT_DELIVERED, 4, EVENT_ACTIVITY, message_reduce_delivered},
    {EV_SLOT_RELEASED, 3, EVENT_ACTIVITY, message_reduce_released},
    {EV_DUPLICATE, 1, EVENT_ACTIVITY, message_reduce_duplicate},
    {EV_REFUSED, 2, EVENT_AUDIT, refusal_reduce_audit},
    {EV_DECIDED, 2, EVENT_ACTIVITY, refusal_reduce_activity},
    {EV_SUPPRESSED, 2, EVENT_AUDIT, suppression_reduce},
    {EV_UNSUPPRESSED, 1, EVENT_AUDIT, suppression_reduce_removed},
    {EV_CONSENT, 1, EVENT_AUDIT, consent_reduce},
    {EV_COPY_ADDED, 3, EVENT_ACTIVITY, copy_reduce_added},
    {EV_COPY_RECIPIENT, 2, EVENT_ACTIVITY, copy_reduce_recipient},
    {EV_COPY_DUE, 3, EVENT_ACTIVITY, copy_reduce_due},
    {EV_SLOT_MOVED, 2, EVENT_ACTIVITY, message_reduce_moved},
    {EV_MTALOG, 1, EVENT_ACTIVITY, mtalogpos_reduce},
    {EV_COPY_FORCED, 2, EVENT_AUDIT, copy_reduce_forced},
    {EV_COPY_RELEASED, 1, EVENT_AUDIT, copy_reduce_released},
    {EV_COPY_DROPPED, 1, EVENT_AUDIT, copy_reduce_dropped},
    {EV_FEEDBACK_MAIL, 1, EVENT_ACTIVITY, seen_reduce},
    {EV_BOUNCE, 5, EVENT_ACTIVITY, feedback_reduce_bounce},
    {EV_COMPLAINT, 2, EVENT_AUDIT, feedback_reduce_complaint},
    {EV_RELAY_QUEUED, 1, EVENT_ACTIVITY, outbox_reduce_queued},
    {EV_RELAY_TRIED, 1, EVENT_ACTIVITY, outbox_reduce_tried},
    {EV_LEAD_CHANGED, 1, EVENT_ACTIVITY, lead_reduce_changed},
    {EV_LEAD_MERGED, 1, EVENT_AUDIT, lead_reduce_merged},
    {EV_STOPPED, 1, EVENT_AUDIT, stop_reduce_stopped},
    {EV_RESUMED, 1, EVENT_AUDIT, stop_reduce_resumed},
    {EV_COMPANIES, 1, EVENT_ACTIVITY, companies_reduce},
    {EV_MORE_RECIPIENTS, 1, EVENT_ACTIVITY, message_reduce_more},
    {EV_SPIKE, 1, EVENT_ACTIVITY, spikeback_reduce},
    {EV_REPLY, 2, EVENT_ACTIVITY, answer_reduce},
    {EV_REVIEW_OPENED, 1, EVENT_AUDIT, review_reduce_opened},
    {EV_REVIEW_DECIDED, 1, EVENT_AUDIT, review_reduce_decided},
};

static const char *const table_names[TABLE_COUNT] = {
    [TABLE_LEAD] = "lead",
    [TABLE_CONSENT] = "consent",
    [TABLE_SUPPRESSION] = "suppression",
    [TABLE_MESSAGE] = "message",
    [TABLE_QUEUE] = "queue",
    [TABLE_SUBJECT] = "subject",
    [TABLE_POLICY] = "policy",
    [TABLE_COPY] = "copy",
    [TABLE_OUTBOX] = "outbox",
    [TABLE_DUE] = "due",
    [TABLE_REFUSAL] = "refusal",
    [TABLE_MTALOG] = "mtalog",
    [TABLE_COUNTER] = "counter",
    [TABLE_FEEDBACK] = "feedback",
    [TABLE_SEEN] = "seen",
    [TABLE_TRACE] = "trace",
    [TABLE_WAIT] = "wait",
    [TABLE_COMPANY] = "company",
    [TABLE_TALLY] = "tally",
    [TABLE_STOP] = "stop",
    [TABLE_REFERENCE] = "reference",
    [TABLE_REVIEW] = "review",
};

const struct reducer_table reducers = {
    list,
    sizeof(list) / sizeof(list[0]),
    table_names,
    TABLE_COUNT,
    traced,
};
