/* ops_feedback.c - see ops_feedback.h.
 *
 * A report is believed as far as its token goes: the token names one message
 * to one lead, so a report may speak of that lead only. One that names another
 * person is recorded and nothing more. */
#include "policy/state/ops_feedback.h"

#include "policy/state/lead.h"
#include "policy/state/ops.h"
#include "policy/state/outbox.h"
#include "policy/state/subject.h"

#include <string.h>

enum {
	DIAGNOSTIC_MAX = 1000,
	STATUS_MAX = 20,
};
static const struct str author = {"tendril-agent", 13};

/* A message, whose it is, and the lead's opened key. */
struct subject_of {
	struct message_record message;
	struct person person;
	struct feedback_record before;
};

/* out->known is false, with 0, for what is not on record. */
static int open_message(struct door_ctx *ctx, struct store *s, uint64_t id,
    struct subject_of *w, struct ops_feedback_out *out)
{
	const struct ledger_txn *t = door_txn(ctx);
	int rc = message_read(t, id, &w->message);

	*out = (struct ops_feedback_out){0};
	w->person = (struct person){0};
	if (rc == 0)
		rc = person_open_id(&w->person, s, t, &w->message.lead);
	if (rc == ERR_NOT_FOUND)
		return 0;
	if (rc == 0)
		rc = feedback_read(t, id, &w->before);
	out->known = rc == 0;
	return rc;
}

/* Suppresses the lead for all nurture, unless what is in force weighs more. */
static int suppress(struct door_ctx *ctx, struct store *s,
    const struct subject_of *w, const struct ops_suppress *in,
    struct ops_feedback_out *out)
{
	struct ops_suppress sup = *in;
	bool changed;
	int rc;

	sup.author = author;
	sup.target.kind = SUPPRESS_LEAD;
	sup.target.lead = w->person.id;
	rc = ops_suppress_emit(ctx, s, &sup, &changed);
	if (rc == 0 && changed)
		out->suppressed = (int)in->reason;
	return rc;
}

/* --- failures --- */

static bool names(const struct ops_failure *f, struct str address)
{
	for (size_t i = 0; i < OPS_FAILURE_ADDRESSES; i++)
		if (f->address[i].n > 0 && str_eq(f->address[i], address))
			return true;
	return false;
}

static int pick(struct door_ctx *ctx, struct store *s,
    const struct ops_bounce *in, const struct subject_of *w,
    const struct ops_failure **f_out, bool *names_out)
{
	struct str address;
	int rc = person_address(
	    s, door_txn(ctx), &w->person.id, door_arena(ctx), &address);

	*f_out = &in->failures[0];
	*names_out = false;
	for (size_t i = 0; rc == 0 && i < in->n && !*names_out; i++)
		if (names(&in->failures[i], address)) {
			*f_out = &in->failures[i];
			*names_out = true;
		}
	return rc;
}

/* The lead's failures in a row for an unknown host, with this one. */
static int count_hosts(
    struct door_ctx *ctx, const struct subject_of *w, struct giveup_hosts *out)
{
	const struct ledger_txn *t = door_txn(ctx);
	struct lead_record r;
	int64_t delivered = 0;
	int rc = lead_read(t, &w->person.id, door_arena(ctx), &r);

	if (rc == 0)
		rc = feedback_hosts(t, &w->person.id, out);
	for (size_t i = 0; rc == 0 && i < r.n_slots; i++)
		if (r.slots[i].state == SLOT_DELIVERED &&
		    r.slots[i].at_ms > delivered)
			delivered = r.slots[i].at_ms;
	if (rc == 0)
		giveup_host_failed(out, delivered, door_now_ms(ctx));
	return rc;
}

static int relay(struct door_ctx *ctx, const struct event_bounce *e)
{
	struct outbox_bounce b = {.message_id = e->message_id,
	    .reason = (enum bounce_reason)e->reason,
	    .status = e->status,
	    .diagnostic = e->diagnostic};

	memcpy(b.lead.b, e->lead, sizeof(b.lead.b));
	return outbox_emit_bounce(ctx, &b);
}

static int record_bounce(struct door_ctx *ctx, const struct ops_bounce *in,
    const struct subject_of *w, const struct ops_failure *f,
    const struct giveup_failure *g, const struct giveup_hosts *hosts)
{
	struct event_bounce e = {.message_id = in->message_id,
	    .source = (uint32_t)in->source,
	    .reason = (uint32_t)f->reason,
	    .class = (uint32_t)f->class,
	    .rank = (uint32_t)giveup_rank(g),
	    .hosts = hosts->count,
	    .hosts_first_ms = hosts->first_ms,
	    .status = str_cut(f->status, 0, STATUS_MAX)};
	int rc = person_seal(&w->person, PERSON_DIAGNOSTIC,
	    str_cut(f->diagnostic, 0, DIAGNOSTIC_MAX), door_arena(ctx),
	    &e.diagnostic);

	memcpy(e.lead, w->person.id.b, sizeof(e.lead));
	if (rc == 0)
		rc = payload_emit(ctx, EV_BOUNCE, &feedback_bounce_payload, &e);
	if (rc == 0 && in->relay && g->names_lead)
		rc = relay(ctx, &e);
	return rc;
}

static int release(struct door_ctx *ctx, const struct ops_bounce *in,
    const struct ops_failure *f)
{
	struct slot_change c = {
	    .kind = SLOT_CHANGE_RELEASED,
	    .message_id = in->message_id,
	    .at_ms = door_now_ms(ctx),
	    .release =
		f->reason == BOUNCE_EXPIRED ? RELEASE_EXPIRED : RELEASE_BOUNCED,
	    .status = str_cut(f->status, 0, STATUS_MAX),
	};

	return in->release_slot ? ops_slot_changes(ctx, &c, 1) : 0;
}

static int follow_bounce(struct door_ctx *ctx, struct store *s,
    const struct ops_bounce *in, const struct subject_of *w,
    const struct ops_failure *f, struct ops_feedback_out *out)
{
	struct giveup_failure g = {f->reason, f->class, out->names_lead};
	struct giveup_hosts hosts = {0};
	struct ops_suppress sup = {
	    .origin = STR("bounce"), .message_id = in->message_id};
	int rc = 0, reason;

	if (giveup_rank(&g) == GIVEUP_HOST)
		rc = count_hosts(ctx, w, &hosts);
	if (rc == 0)
		rc = record_bounce(ctx, in, w, f, &g, &hosts);
	if (rc == 0 && out->names_lead)
		rc = release(ctx, in, f);
	reason = giveup_suppression(&g, &hosts, door_now_ms(ctx));
	if (rc != 0 || reason == 0)
		return rc;
	sup.reason = (enum suppression_reason)reason;
	sup.note = str_cut(f->diagnostic, 0, DIAGNOSTIC_MAX);
	return suppress(ctx, s, w, &sup, out);
}

int ops_bounce_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_bounce *in, struct ops_feedback_out *out)
{
	const struct ops_failure *f;
	struct subject_of w;
	int rc = open_message(ctx, s, in->message_id, &w, out);

	if (rc == 0 && out->known)
		rc = pick(ctx, s, in, &w, &f, &out->names_lead);
	if (rc == 0 && out->known) {
		struct giveup_failure g = {
		    f->reason, f->class, out->names_lead};
		out->reason = f->reason;
		out->news = giveup_rank(&g) > w.before.rank;
		if (out->news)
			rc = follow_bounce(ctx, s, in, &w, f, out);
	}
	person_fini(&w.person);
	return rc;
}

/* --- complaints and opt-outs --- */

int ops_complaint_emit(struct door_ctx *ctx, struct store *s,
    uint64_t message_id, struct ops_feedback_out *out)
{
	struct event_complaint e = {
	    .message_id = message_id, .reason = BOUNCE_ABUSE};
	struct ops_suppress sup = {.reason = SUPPRESSION_COMPLAINT,
	    .origin = STR("complaint"),
	    .message_id = message_id};
	struct subject_of w;
	int rc = open_message(ctx, s, message_id, &w, out);

	out->reason = BOUNCE_ABUSE;
	out->news = rc == 0 && out->known && !w.before.complained;
	if (out->news) {
		out->names_lead = true;
		memcpy(e.lead, w.person.id.b, sizeof(e.lead));
		rc = payload_emit(
		    ctx, EV_COMPLAINT, &feedback_complaint_payload, &e);
		if (rc == 0)
			rc = suppress(ctx, s, &w, &sup, out);
	}
	person_fini(&w.person);
	return rc;
}

int ops_opt_out_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_opt_out *in, struct ops_feedback_out *out)
{
	struct ops_consent c = {.state = CONSENT_WITHDRAWN,
	    .origin = in->origin,
	    .author = STR("recipient"),
	    .evidence = in->evidence,
	    .message_id = in->message_id};
	struct subject_record subject;
	struct message_record m = {0};
	uint64_t id = in->subject_id;
	int rc = 0;

	*out = (struct ops_feedback_out){.reason = BOUNCE_OPT_OUT};
	if (id == 0) {
		rc = message_read(door_txn(ctx), in->message_id, &m);
		id = m.subject_id;
	}
	if (rc == 0)
		rc = subject_read(door_txn(ctx), id, &subject);
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	c.lead = subject.lead;
	c.purpose = subject.purpose;
	rc = ops_consent_emit(ctx, s, &c, &out->news);
	out->known = out->names_lead = rc == 0;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}
