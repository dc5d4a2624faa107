/* ops_feedback.c - see ops_feedback.h.
 *
 * A report is believed as far as its token goes: the token names one message
 * to one lead, so a report may speak of that lead only. One that names another
 * person is recorded and nothing more. */
#include "policy/state/ops_feedback.h"

#include "policy/mail/provider.h"
#include "policy/state/lead.h"
#include "policy/state/ops.h"
#include "policy/state/outbox.h"
#include "policy/state/spikes.h"
#include "policy/state/subject.h"

#include <stdio.h>
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

/* The failure that counts, and what follows of it. */
struct failing {
	const struct ops_bounce *in;
	const struct subject_of *w;
	const struct ops_failure *f;
	struct giveup_failure g;
	struct giveup_row row;
	struct giveup_limits limits; /* the policy's, for the segment */
	struct str provider;         /* who has the mailbox */
	int64_t until_ms;            /* of a suppression; 0: for ever */
	bool confirms;   /* an earlier one: for ever, spike or not */
	bool amid;       /* a spike of the provider */
	int suppression; /* that follows; 0: none */
};

static int pick(struct door_ctx *ctx, struct store *s, struct failing *x)
{
	const struct ops_bounce *in = x->in;
	bool found = false;
	struct str address;
	int rc = person_address(
	    s, door_txn(ctx), &x->w->person.id, door_arena(ctx), &address);

	x->f = &in->failures[0];
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < in->n && !found; i++)
		if (names(&in->failures[i], address)) {
			x->f = &in->failures[i];
			found = true;
		}
	x->g = (struct giveup_failure){x->f->reason, x->f->class, found};
	x->provider = provider_of(
	    in->refused_by, str_from(address, str_rfind(address, '@') + 1));
	return 0;
}

/* Somebody said so: it is more than that it was accepted. */
static int was_delivered(
    const struct ledger_txn *t, const struct slot_fact *slot, bool *out)
{
	struct message_record m;
	int rc;

	*out = false;
	if (slot->state != SLOT_DELIVERED)
		return 0;
	rc = message_read(t, slot->message_id, &m);
	*out = rc == 0 && !message_is_assumed(&m);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* The lead's newest delivery that somebody told of; 0: none. */
static int last_delivered(
    struct door_ctx *ctx, const struct subject_of *w, int64_t *out)
{
	const struct ledger_txn *t = door_txn(ctx);
	struct lead_record r;
	bool was;
	int rc = lead_read(t, &w->person.id, door_arena(ctx), &r);

	*out = 0;
	for (size_t i = 0; rc == 0 && i < r.n_slots; i++) {
		rc = was_delivered(t, &r.slots[i], &was);
		if (rc == 0 && was && r.slots[i].at_ms > *out)
			*out = r.slots[i].at_ms;
	}
	return rc;
}

/* What is told late was so before; what is told of later is of now. */
static int64_t failed_ms(struct door_ctx *ctx, const struct failing *x)
{
	int64_t now_ms = door_now_ms(ctx), at_ms = x->in->at_ms;

	return at_ms > 0 && at_ms < now_ms ? at_ms : now_ms;
}

/* The lead's failures in a row of this kind, with this one. */
static int count_in_row(struct door_ctx *ctx, struct failing *x)
{
	int64_t delivered;
	int rc = feedback_row(
	    door_txn(ctx), &x->w->person.id, x->f->reason, &x->row);

	if (rc == 0)
		rc = last_delivered(ctx, x->w, &delivered);
	if (rc == 0)
		giveup_failed(&x->row, delivered, failed_ms(ctx, x));
	return rc;
}

/* Provisionally given up before: that row; all zero where there is none. */
static int read_provisional(struct door_ctx *ctx, const struct subject_of *w,
    struct suppression_record *out)
{
	struct str what = {(const char *)w->person.id.b, LEAD_ID_BYTES};
	int rc = suppression_read(door_txn(ctx), SUPPRESS_LEAD, what, 0, out);

	if (rc == ERR_NOT_FOUND ||
	    (rc == 0 && !suppression_is_provisional(out))) {
		*out = (struct suppression_record){0};
		rc = 0;
	}
	return rc;
}

/* Is it for the time being only? One that is in force already is not
 * prolonged, so that its beginning stays known. */
static int judge_spike(
    struct door_ctx *ctx, struct failing *x, struct ops_feedback_out *out)
{
	struct suppression_record before;
	struct spike_past past = {0};
	int rc = spikes_read(
	    door_txn(ctx), x->provider, door_now_ms(ctx), &out->spike);

	if (rc == 0)
		rc = read_provisional(ctx, x->w, &before);
	if (rc == 0 && before.since_ms != 0) {
		past.failed_ms = before.since_ms;
		rc = last_delivered(ctx, x->w, &past.delivered_ms);
	}
	if (rc != 0)
		return rc;
	x->amid = spike_is(&out->spike);
	x->confirms = spike_confirms(&past, door_now_ms(ctx));
	if (!x->amid || x->confirms)
		return 0;
	out->provisional = true;
	x->until_ms = before.until_ms > door_now_ms(ctx)
			  ? before.until_ms
			  : door_now_ms(ctx) + SPIKE_HOLD_MS;
	return 0;
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

static int record_bounce(struct door_ctx *ctx, const struct failing *x)
{
	const struct ops_failure *f = x->f;
	struct event_bounce e = {.message_id = x->in->message_id,
	    .source = (uint32_t)x->in->source,
	    .reason = (uint32_t)f->reason,
	    .class = (uint32_t)f->class,
	    .rank = (uint32_t)giveup_rank(&x->g),
	    .in_row = x->row.count,
	    .row_first_ms = x->row.first_ms,
	    .status = str_cut(f->status, 0, STATUS_MAX),
	    .provider = str_cut(x->provider, 0, OPS_PROVIDER_MAX - 1),
	    .unconfirmed = x->suppression == SUPPRESSION_USER_UNKNOWN &&
			   x->until_ms == 0 && !x->confirms &&
			   x->provider.n > 0};
	int rc = person_seal(&x->w->person, PERSON_DIAGNOSTIC,
	    str_cut(f->diagnostic, 0, DIAGNOSTIC_MAX), door_arena(ctx),
	    &e.diagnostic);

	memcpy(e.lead, x->w->person.id.b, sizeof(e.lead));
	if (rc == 0)
		rc = payload_emit(ctx, EV_BOUNCE, &feedback_bounce_payload, &e);
	if (rc == 0 && x->in->relay && x->g.names_lead)
		rc = relay(ctx, &e);
	return rc;
}

static int release(struct door_ctx *ctx, const struct failing *x)
{
	struct slot_change c = {
	    .kind = SLOT_CHANGE_RELEASED,
	    .message_id = x->in->message_id,
	    .at_ms = door_now_ms(ctx),
	    .release = x->f->reason == BOUNCE_EXPIRED ? RELEASE_EXPIRED
						      : RELEASE_BOUNCED,
	    .status = str_cut(x->f->status, 0, STATUS_MAX),
	    .provider = str_cut(x->provider, 0, OPS_PROVIDER_MAX - 1),
	};

	return x->in->release_slot ? ops_slot_changes(ctx, &c, 1) : 0;
}

static struct giveup_limit limit_of(const struct policy_giveup *g)
{
	return (struct giveup_limit){g->count, g->span_ms};
}

/* What the policy in force says of the message's segment. */
static int read_limits(struct door_ctx *ctx, struct store *s, struct failing *x)
{
	const struct policy_segment *seg = NULL;
	const struct policy *p = NULL;
	int rc = policyver_cache_get(s->policies, &p, door_error(ctx));

	if (rc == 0 && p != NULL)
		seg = policy_segment_find(p, x->w->message.segment);
	if (seg != NULL)
		x->limits = (struct giveup_limits){limit_of(&seg->unknown),
		    limit_of(&seg->disabled), limit_of(&seg->moved),
		    limit_of(&seg->no_host), limit_of(&seg->full)};
	policy_unref(&p);
	return rc;
}

/* What follows, and for how long. */
static int look_back(struct door_ctx *ctx, struct store *s, struct failing *x,
    struct ops_feedback_out *out)
{
	int rc = giveup_has_limit(&x->g) ? read_limits(ctx, s, x) : 0;

	if (rc == 0 && giveup_counts(&x->g, &x->limits))
		rc = count_in_row(ctx, x);
	if (rc != 0)
		return rc;
	x->suppression =
	    giveup_suppression(&x->g, &x->row, &x->limits, failed_ms(ctx, x));
	return x->suppression == SUPPRESSION_USER_UNKNOWN
		   ? judge_spike(ctx, x, out)
		   : 0;
}

static int follow_bounce(struct door_ctx *ctx, struct store *s,
    struct failing *x, struct ops_feedback_out *out)
{
	struct ops_suppress sup = {
	    .origin = STR("bounce"), .message_id = x->in->message_id};
	int rc = look_back(ctx, s, x, out);

	if (rc == 0)
		rc = record_bounce(ctx, x);
	if (rc == 0 && x->g.names_lead)
		rc = release(ctx, x);
	if (rc != 0 || x->suppression == 0)
		return rc;
	sup.reason = (enum suppression_reason)x->suppression;
	sup.until_ms = x->until_ms;
	sup.note = str_cut(x->f->diagnostic, 0, DIAGNOSTIC_MAX);
	rc = suppress(ctx, s, x->w, &sup, out);
	/* Last: between a failure and what it did there are few events. */
	return rc != 0 || !x->amid
		   ? rc
		   : spikeback_emit(ctx, x->provider, true, &out->back);
}

int ops_bounce_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_bounce *in, struct ops_feedback_out *out)
{
	struct subject_of w;
	struct failing x = {.in = in, .w = &w, .limits = GIVEUP_USUAL};
	int rc = open_message(ctx, s, in->message_id, &w, out);

	if (rc == 0 && out->known)
		rc = pick(ctx, s, &x);
	if (rc == 0 && out->known) {
		out->names_lead = x.g.names_lead;
		out->reason = x.f->reason;
		(void)snprintf(out->provider, sizeof(out->provider), "%.*s",
		    STR_ARG(x.provider));
		out->news = giveup_rank(&x.g) > w.before.rank;
		if (out->news)
			rc = follow_bounce(ctx, s, &x, out);
	}
	person_fini(&w.person);
	return rc;
}

/* --- complaints and opt-outs --- */

static int record_complaint(struct door_ctx *ctx, struct store *s,
    uint64_t message_id, const struct subject_of *w)
{
	struct event_complaint e = {
	    .message_id = message_id, .reason = BOUNCE_ABUSE};
	struct str address;
	int rc = person_address(
	    s, door_txn(ctx), &w->person.id, door_arena(ctx), &address);

	if (rc != 0)
		return rc;
	memcpy(e.lead, w->person.id.b, sizeof(e.lead));
	address = str_from(address, str_rfind(address, '@') + 1);
	e.provider =
	    str_cut(provider_of_domain(address), 0, OPS_PROVIDER_MAX - 1);
	return payload_emit(ctx, EV_COMPLAINT, &feedback_complaint_payload, &e);
}

int ops_complaint_emit(struct door_ctx *ctx, struct store *s,
    uint64_t message_id, struct str evidence, struct ops_feedback_out *out)
{
	struct ops_suppress sup = {.reason = SUPPRESSION_COMPLAINT,
	    .origin = STR("complaint"),
	    .note = evidence,
	    .message_id = message_id};
	struct subject_of w;
	int rc = open_message(ctx, s, message_id, &w, out);

	out->reason = BOUNCE_ABUSE;
	out->news = rc == 0 && out->known && !w.before.complained;
	if (out->news) {
		out->names_lead = true;
		rc = record_complaint(ctx, s, message_id, &w);
		if (rc == 0)
			rc = suppress(ctx, s, &w, &sup, out);
		if (rc == 0)
			rc = outbox_emit_opt_out(ctx, message_id, &w.person.id);
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
