/* decide_emit.c - what is recorded of a decision: slots, duplicates, holds,
 * refusals; see decide_internal.h. */
#include "policy/base/when.h"
#include "policy/state/decide_internal.h"

#include "policy/mail/msgid.h"
#include "policy/rules/caps.h"
#include "policy/state/copy.h"
#include "policy/state/message.h"
#include "policy/state/refusal.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum {
	ID_TRIES = 8,
};
#define HISTORY_MS (62 * WHEN_DAY_MS) /* two calendar months */

int decide_draw_id(struct door_ctx *ctx, uint64_t *out)
{
	struct message_record r;

	for (int i = 0; i < ID_TRIES; i++) {
		uint32_t random;
		int rc;

		if (getrandom(&random, sizeof(random), 0) !=
		    (ssize_t)sizeof(random))
			return -EIO;
		*out = msgid_make(door_now_ms(ctx), random);
		rc = message_read(door_txn(ctx), *out, &r);
		if (rc == ERR_NOT_FOUND)
			return 0;
		if (rc != 0)
			return rc;
	}
	return ERR_LIMIT;
}

static void keep_for(const struct policy_caps *caps, int64_t *keep_ms)
{
	int64_t longest = caps_longest_ms(caps);

	*keep_ms = longest > *keep_ms ? longest : *keep_ms;
}

/* A person's history is one for all segments: what this one's rules may forget
 * another's may still ask for. */
static int64_t longest_span(const struct policy *p)
{
	int64_t keep = HISTORY_MS;

	if (p == NULL)
		return keep;
	keep_for(&p->person, &keep);
	keep_for(&p->company, &keep);
	for (size_t i = 0; i < p->n_limits; i++)
		keep_for(&p->limits[i].caps, &keep);
	for (size_t i = 0; i < p->n_segments; i++) {
		const struct policy_segment *s = &p->segments[i];

		keep_for(&s->caps, &keep);
		keep = s->yield.span_ms > keep ? s->yield.span_ms : keep;
	}
	return keep;
}

/* The name that the decision went by, which may be the stream's stand-in. */
static struct str segment_of(const struct decide_work *w)
{
	return w->out->segment != NULL ? w->out->segment->name : w->in->segment;
}

static struct event_slot_proposed slot_of(
    const struct decide_work *w, int64_t prune_before_ms)
{
	const struct decide_in *in = w->in;
	const struct decide_out *out = w->out;
	struct event_slot_proposed e = {
	    .message_id = out->message_id,
	    .key = in->same.key,
	    .subject_id = out->subject_id,
	    .label = policy_label(segment_of(w)),
	    .policy_version = out->policy != NULL ? out->policy->version : 0,
	    .segment = segment_of(w),
	    .stream = in->stream,
	    .campaign = in->campaign,
	    .queue_id = in->queue_id,
	    .app_one_click = w->app_one_click,
	    .app_sender = w->app_sender,
	    .counts = !in->seed,
	    .delivered = !in->log_followed,
	    .shadowed = out->verdict.shadowed || decide_is_shadow(in->mode),
	    .prune_before_ms = prune_before_ms,
	    .from_domain = in->from_domain,
	    .reference = in->reference,
	};

	if (out->segment != NULL)
		e.purpose = out->segment->purpose;
	memcpy(e.lead, out->lead.b, sizeof(e.lead));
	memcpy(e.company, out->company.b, sizeof(e.company));
	return e;
}

int decide_emit_slot(
    struct decide_work *w, struct door_ctx *ctx, uint64_t message_id)
{
	struct event_slot_proposed e;
	int64_t prune_before_ms;
	int rc = decide_ready(w);

	if (rc == 0)
		rc = person_emit(&w->person, ctx, &w->in->recipient);
	if (rc == 0)
		rc =
		    lived_ask(&w->store->lived, door_txn(ctx), door_now_ms(ctx),
			longest_span(w->out->policy), &prune_before_ms);
	if (rc != 0)
		return rc;
	w->out->message_id = message_id;
	w->out->subject_id = w->subject_id;
	e = slot_of(w, prune_before_ms);
	return payload_emit(
	    ctx, EV_SLOT_PROPOSED, &message_proposed_payload, &e);
}

static int emit_duplicate(struct decide_work *w, struct door_ctx *ctx)
{
	struct event_duplicate e = {w->dup_of, w->in->queue_id};

	return payload_emit(ctx, EV_DUPLICATE, &message_duplicate_payload, &e);
}

static uint32_t detail_of(const struct decide_work *w)
{
	const struct verdict *v = &w->out->verdict;

	if (v->reason == REASON_STOPPED)
		return (uint32_t)w->out->stopped;
	return v->suppression != 0 ? (uint32_t)v->suppression
				   : (uint32_t)v->compliance;
}

static struct event_refusal refusal_of(
    const struct decide_work *w, int64_t now_ms)
{
	const struct verdict *v = &w->out->verdict;
	struct event_refusal e = {
	    .action = v->shadowed ? v->would : v->action,
	    .reason = v->reason,
	    .detail = detail_of(w),
	    .policy_version =
		w->out->policy != NULL ? w->out->policy->version : 0,
	    .line = v->rule != NULL ? (uint32_t)v->rule->line : 0,
	    .stream_label = policy_label(w->in->stream),
	    .day = refusal_day(now_ms),
	    .earliest_ms = v->earliest_ms,
	    .segment = segment_of(w),
	    .stream = w->in->stream,
	    .queue_id = w->in->queue_id,
	    .shadowed = v->shadowed || decide_is_shadow(w->in->mode),
	    .campaign = w->in->campaign,
	    .from_domain = w->in->from_domain,
	};

	memcpy(e.lead, w->out->lead.b, sizeof(e.lead));
	return e;
}

/* The first refusal of a person, stream and day that an auditor would ask
 * about is an audit event. */
int decide_emit_refusal(struct decide_work *w, struct door_ctx *ctx)
{
	struct event_refusal e = refusal_of(w, door_now_ms(ctx));
	unsigned type = EV_DECIDED;
	uint32_t count = 0;
	int rc = 0;

	if (refusal_is_audit(w->out->verdict.reason) && !e.shadowed) {
		rc = refusal_count(door_txn(ctx), &w->out->lead, e.stream_label,
		    e.day, &count);
		if (count == 0)
			type = EV_REFUSED;
	}
	return rc != 0 ? rc : payload_emit(ctx, type, &refusal_payload, &e);
}

static int emit_hold(struct decide_work *w, struct door_ctx *ctx)
{
	struct copy_new c = {
	    .id = w->in->copy_id,
	    .kind = COPY_HELD,
	    .lead = w->out->lead,
	    .segment = segment_of(w),
	    .stream = w->in->stream,
	    .recipients = 1,
	    .queue_id = w->in->queue_id,
	    .campaign = w->in->campaign,
	    .from_domain = w->in->from_domain,
	};
	int rc;

	decide_wait(w->out, door_now_ms(ctx), &c.wait);
	if (w->in->copy_id == 0)
		return ERR_NEED_COPY;
	rc = decide_ready(w);
	if (rc == 0)
		rc = person_emit(&w->person, ctx, &w->in->recipient);
	if (rc == 0)
		rc = copy_emit_added(ctx, &c);
	return rc != 0 ? rc : decide_emit_refusal(w, ctx);
}

static int emit_allow(struct decide_work *w, struct door_ctx *ctx)
{
	uint64_t id;
	int rc = decide_draw_id(ctx, &id);

	return rc != 0 ? rc : decide_emit_slot(w, ctx, id);
}

bool decide_is_shadow(enum decide_mode mode)
{
	return mode == DECIDE_SHADOW || mode == DECIDE_ONE_TO_ONE_SHADOW;
}

bool decide_is_refuse_only(enum decide_mode mode)
{
	return mode == DECIDE_REFUSE_ONLY ||
	       mode == DECIDE_ONE_TO_ONE_REFUSE_ONLY;
}

bool decide_has_slot(const struct decide_work *w)
{
	if (decide_is_shadow(w->in->mode))
		return true;
	return w->out->verdict.action == VERDICT_ALLOW &&
	       !decide_is_refuse_only(w->in->mode);
}

static int emit_shadow(struct decide_work *w, struct door_ctx *ctx)
{
	int rc = decide_emit_refusal(w, ctx);

	return rc != 0 ? rc : emit_allow(w, ctx);
}

int decide_emit(struct decide_work *w, struct door_ctx *ctx)
{
	struct verdict *v = &w->out->verdict;

	w->out->message_id = w->out->subject_id = 0;
	if (decide_is_shadow(w->in->mode))
		return emit_shadow(w, ctx);
	if (decide_is_refuse_only(w->in->mode)) {
		if (verdict_is_final(v))
			return decide_emit_refusal(w, ctx);
		*v = (struct verdict){
		    .action = VERDICT_ALLOW, .reason = REASON_ALLOWED};
		return 0;
	}
	if (v->reason == REASON_DUPLICATE)
		return emit_duplicate(w, ctx);
	if (v->action == VERDICT_HOLD)
		return emit_hold(w, ctx);
	if (v->action == VERDICT_ALLOW) /* what a rule in shadow said, too */
		return v->shadowed ? emit_shadow(w, ctx) : emit_allow(w, ctx);
	return decide_emit_refusal(w, ctx);
}
