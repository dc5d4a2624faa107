/* decide.c - see decide.h.
 *
 * The policy is parsed outside the ledger's transaction and compared inside:
 * when another version was applied in between, the proposal is stale, the
 * cache is asked again and the proposal repeated. A message is ruled by one
 * version. */
#include "policy/state/decide.h"

#include "policy/base/clock.h"
#include "policy/mail/msgid.h"
#include "policy/rules/dup.h"
#include "policy/state/copy.h"
#include "policy/state/facts_load.h"
#include "policy/state/message.h"
#include "policy/state/person.h"
#include "policy/state/refusal.h"
#include "policy/state/subject.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum {
	ARENA_MAX = 1 << 20,
	PAYLOAD_MAX = 65536,
	STALE_TRIES = 5,
	ID_TRIES = 8,
};
#define HISTORY_MS INT64_C(5356800000) /* 62 days: two calendar months */

struct work {
	struct store *store;
	const struct decide_in *in;
	struct decide_out *out;
	struct facts facts;
	struct person person;
	enum dup_answer dup;
	uint64_t dup_of;
};

static struct verdict verdict_of(
    enum verdict_action action, enum verdict_reason reason)
{
	return (struct verdict){.action = action, .reason = reason};
}

/* Suppression for all nurture binds one-to-one mail too; caps and consent do
 * not. */
static void decide_one_to_one(struct work *w, int64_t now_ms)
{
	static const struct policy none;
	struct policy_segment any = {.basis = POLICY_BASIS_LEGITIMATE_INTEREST};
	struct facts f = {.suppressions = w->facts.suppressions,
	    .n_suppressions = w->facts.n_suppressions};

	verdict_decide(&none, &any, &f, now_ms, &w->out->verdict);
	w->out->verdict.rule = NULL;
}

static void decide_dup(struct work *w, int64_t now_ms)
{
	const struct slot_fact *match;
	struct dup_query q = {
	    .key = w->in->same.key,
	    .has_message_id = w->in->same.has_message_id,
	    .log_followed = w->in->log_followed,
	};

	w->dup =
	    q.key == 0 ? DUP_NEW : dup_decide(&q, &w->facts, now_ms, &match);
	w->dup_of = w->dup != DUP_NEW ? match->message_id : 0;
}

/* A hold without a way to keep a copy is a tempfail: the sender keeps it. */
static void settle_hold(struct work *w)
{
	if (w->out->verdict.action == VERDICT_HOLD && !w->in->may_hold)
		w->out->verdict.action = VERDICT_DEFER;
}

static void decide_nurture(struct work *w, int64_t now_ms)
{
	struct decide_out *out = w->out;

	if (out->policy == NULL)
		out->verdict = verdict_of(VERDICT_DEFER, REASON_NO_POLICY);
	else if (out->segment == NULL)
		out->verdict =
		    verdict_of(VERDICT_REJECT, REASON_UNKNOWN_SEGMENT);
	else if (w->dup == DUP_SAME)
		out->verdict = verdict_of(VERDICT_DROP, REASON_DUPLICATE);
	else if (w->dup == DUP_IN_FLIGHT)
		out->verdict = verdict_of(VERDICT_DEFER, REASON_IN_FLIGHT);
	else
		verdict_decide(out->policy, out->segment, &w->facts, now_ms,
		    &out->verdict);
	settle_hold(w);
}

/* Facts and verdict, in any transaction. */
static int decide_in_txn(
    struct work *w, const struct ledger_txn *t, struct arena *a, int64_t now_ms)
{
	struct facts_query q;
	bool known;
	int rc = facts_query_init(&q, w->store->lead_key, &w->in->recipient);

	if (rc != 0)
		return rc;
	w->out->lead = q.lead;
	q.seed = w->in->seed;
	if (w->out->segment != NULL)
		q.purpose_label = policy_label(w->out->segment->purpose);
	rc = facts_load(t, &q, a, &w->facts, &known);
	if (rc != 0)
		return rc;
	w->facts.compliance = w->in->compliance;
	if (w->in->mode == DECIDE_ONE_TO_ONE) {
		decide_one_to_one(w, now_ms);
		return 0;
	}
	decide_dup(w, now_ms);
	decide_nurture(w, now_ms);
	return 0;
}

/* An id that no message has; drawn inside the proposal, where that can be
 * known. */
static int draw_id(const struct ledger_txn *t, int64_t now_ms, uint64_t *out)
{
	struct message_record r;

	for (int i = 0; i < ID_TRIES; i++) {
		uint32_t random;
		int rc;

		if (getrandom(&random, sizeof(random), 0) !=
		    (ssize_t)sizeof(random))
			return -EIO;
		*out = msgid_make(now_ms, random);
		rc = message_read(t, *out, &r);
		if (rc == ERR_NOT_FOUND)
			return 0;
		if (rc != 0)
			return rc;
	}
	return ERR_LIMIT;
}

static int64_t prune_before(const struct decide_out *out, int64_t now_ms)
{
	int64_t keep = HISTORY_MS;

	for (size_t i = 0; out->policy != NULL && i < out->policy->person.n;
	     i++)
		if (out->policy->person.windows[i].span_ms > keep)
			keep = out->policy->person.windows[i].span_ms;
	for (size_t i = 0; out->segment != NULL && i < out->segment->caps.n;
	     i++)
		if (out->segment->caps.windows[i].span_ms > keep)
			keep = out->segment->caps.windows[i].span_ms;
	return now_ms - keep;
}

static int fill_slot(
    struct work *w, struct door_ctx *ctx, struct event_slot_proposed *e)
{
	const struct decide_in *in = w->in;
	struct decide_out *out = w->out;
	struct arena *a = door_arena(ctx);
	int rc = draw_id(door_txn(ctx), door_now_ms(ctx), &out->message_id);

	*e = (struct event_slot_proposed){
	    .message_id = out->message_id,
	    .key = in->same.key,
	    .label = policy_label(in->segment),
	    .policy_version = out->policy != NULL ? out->policy->version : 0,
	    .segment = in->segment,
	    .stream = in->stream,
	    .campaign = in->campaign,
	    .queue_id = in->queue_id,
	    .counts = !in->seed,
	    .delivered = !in->log_followed,
	    .shadowed = out->verdict.shadowed,
	    .prune_before_ms = prune_before(out, door_now_ms(ctx)),
	};
	memcpy(e->lead, out->lead.b, sizeof(e->lead));
	if (rc == 0 && out->segment != NULL) {
		e->purpose = out->segment->purpose;
		rc = subject_id_of(&out->lead, e->purpose, &out->subject_id);
		e->subject_id = out->subject_id;
	}
	if (rc == 0)
		rc = person_seal(&w->person, PERSON_APP_ONE_CLICK,
		    in->app_one_click, a, &e->app_one_click);
	if (rc == 0)
		rc = person_seal(&w->person, PERSON_APP_SENDER, in->sender, a,
		    &e->app_sender);
	return rc;
}

static int emit_slot(struct work *w, struct door_ctx *ctx)
{
	struct event_slot_proposed e;
	struct buf b;
	int rc = fill_slot(w, ctx, &e);

	if (rc == 0)
		rc = person_emit(&w->person, ctx, &w->in->recipient);
	buf_init(&b, PAYLOAD_MAX);
	if (rc == 0)
		rc = message_encode_proposed(&e, &b);
	if (rc == 0)
		rc = door_emit(ctx, EV_SLOT_PROPOSED, 1, buf_str(&b));
	buf_fini(&b);
	return rc;
}

static int emit_duplicate(struct work *w, struct door_ctx *ctx)
{
	struct event_duplicate e = {w->dup_of, w->in->queue_id};
	struct buf b;
	int rc;

	buf_init(&b, PAYLOAD_MAX);
	rc = message_encode_duplicate(&e, &b);
	if (rc == 0)
		rc = door_emit(ctx, EV_DUPLICATE, 1, buf_str(&b));
	buf_fini(&b);
	return rc;
}

static struct event_refusal refusal_of(const struct work *w, int64_t now_ms)
{
	const struct verdict *v = &w->out->verdict;
	struct event_refusal e = {
	    .action = v->action,
	    .reason = v->reason,
	    .detail = v->suppression != 0 ? (uint32_t)v->suppression
					  : (uint32_t)v->compliance,
	    .policy_version =
		w->out->policy != NULL ? w->out->policy->version : 0,
	    .line = v->rule != NULL ? (uint32_t)v->rule->line : 0,
	    .stream_label = policy_label(w->in->stream),
	    .day = refusal_day(now_ms),
	    .earliest_ms = v->earliest_ms,
	    .segment = w->in->segment,
	    .stream = w->in->stream,
	    .queue_id = w->in->queue_id,
	    .shadowed = v->shadowed || w->in->mode == DECIDE_SHADOW,
	};

	memcpy(e.lead, w->out->lead.b, sizeof(e.lead));
	return e;
}

/* The first refusal of a person, stream and day that an auditor would ask
 * about is an audit event. */
static int emit_refusal(struct work *w, struct door_ctx *ctx)
{
	struct event_refusal e = refusal_of(w, door_now_ms(ctx));
	unsigned type = EV_DECIDED;
	uint32_t count = 0;
	struct buf b;
	int rc = 0;

	if (refusal_is_audit(w->out->verdict.reason) && !e.shadowed) {
		rc = refusal_count(door_txn(ctx), &w->out->lead, e.stream_label,
		    e.day, &count);
		if (count == 0)
			type = EV_REFUSED;
	}
	buf_init(&b, PAYLOAD_MAX);
	if (rc == 0)
		rc = refusal_encode(&e, &b);
	if (rc == 0)
		rc = door_emit(ctx, type, 1, buf_str(&b));
	buf_fini(&b);
	return rc;
}

static int emit_hold(struct work *w, struct door_ctx *ctx)
{
	const struct verdict *v = &w->out->verdict;
	struct copy_new c = {
	    .id = w->in->copy_id,
	    .kind = COPY_HELD,
	    .lead = w->out->lead,
	    .segment = w->in->segment,
	    .stream = w->in->stream,
	    .due_ms = v->earliest_ms != 0 ? v->earliest_ms : v->deadline_ms,
	    .deadline_ms = v->deadline_ms,
	    .then = v->then,
	    .recipients = 1,
	};
	int rc;

	if (w->in->copy_id == 0)
		return ERR_NEED_COPY;
	rc = person_emit(&w->person, ctx, &w->in->recipient);
	if (rc == 0)
		rc = copy_emit_added(ctx, &c);
	return rc != 0 ? rc : emit_refusal(w, ctx);
}

static int emit_result(struct work *w, struct door_ctx *ctx)
{
	const struct verdict *v = &w->out->verdict;

	if (w->in->mode == DECIDE_SHADOW)
		return emit_refusal(w, ctx);
	if (w->in->mode == DECIDE_REFUSE_ONLY) {
		if (verdict_is_final(v))
			return emit_refusal(w, ctx);
		w->out->verdict = verdict_of(VERDICT_ALLOW, REASON_ALLOWED);
		return 0;
	}
	if (v->reason == REASON_DUPLICATE)
		return emit_duplicate(w, ctx);
	if (v->action == VERDICT_HOLD)
		return emit_hold(w, ctx);
	if (v->action == VERDICT_ALLOW)
		return emit_slot(w, ctx);
	return emit_refusal(w, ctx);
}

static int check_policy(struct work *w, const struct ledger_txn *t)
{
	uint32_t current;
	int rc = policyver_current(t, &current);

	if (rc != 0)
		return rc;
	if (w->out->policy == NULL)
		return current == 0 ? 0 : ERR_STALE;
	return w->out->policy->version == current ? 0 : ERR_STALE;
}

static int propose_fn(struct door_ctx *ctx, void *arg)
{
	struct work *w = arg;
	const struct ledger_txn *t = door_txn(ctx);
	int rc = check_policy(w, t);

	w->out->message_id = w->out->subject_id = 0;
	w->person = (struct person){0};
	if (rc == 0)
		rc = decide_in_txn(w, t, door_arena(ctx), door_now_ms(ctx));
	if (rc == 0)
		rc = person_open(&w->person, w->store, t, &w->in->recipient);
	if (rc == 0)
		rc = emit_result(w, ctx);
	person_fini(&w->person);
	return rc;
}

static int load_policy(struct work *w, struct error *err)
{
	int rc;

	policy_unref(&w->out->policy);
	w->out->segment = NULL;
	rc = policyver_cache_get(w->store->policies, &w->out->policy, err);
	if (rc == 0 && w->out->policy != NULL)
		w->out->segment =
		    policy_segment_find(w->out->policy, w->in->segment);
	return rc;
}

int decide_propose(struct store *s, const struct decide_in *in,
    struct decide_out *out, struct error *err)
{
	struct work w = {.store = s, .in = in, .out = out};
	int rc = ERR_STALE;

	*out = (struct decide_out){
	    .verdict = verdict_of(VERDICT_DEFER, REASON_TROUBLE)};
	for (int i = 0; i < STALE_TRIES && rc == ERR_STALE; i++) {
		rc = load_policy(&w, err);
		if (rc == 0)
			rc = door_propose(s->door, propose_fn, &w, err);
	}
	if (rc != 0 && rc != ERR_NEED_COPY)
		out->verdict = verdict_of(VERDICT_DEFER, REASON_TROUBLE);
	return rc;
}

static int explain_in(struct work *w, int64_t now_ms, struct error *err)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct ledger_txn *t = NULL;
	int rc = a != NULL ? ledger_read_begin(w->store->ledger, &t) : -ENOMEM;

	if (rc == 0)
		rc = decide_in_txn(w, t, a, now_ms);
	ledger_read_end(&t);
	arena_free(&a);
	return rc != 0 ? error_set(err, rc, "ledger: %s", error_text(rc)) : 0;
}

int decide_explain(struct store *s, const struct decide_in *in,
    const struct policy *policy, int64_t now_ms, struct decide_out *out,
    struct error *err)
{
	struct work w = {.store = s, .in = in, .out = out};
	int rc = 0;

	*out = (struct decide_out){
	    .verdict = verdict_of(VERDICT_DEFER, REASON_TROUBLE)};
	if (policy == NULL)
		rc = load_policy(&w, err);
	else {
		out->policy = policy_ref(policy);
		out->segment = policy_segment_find(policy, in->segment);
	}
	return rc != 0 ? rc : explain_in(&w, now_ms, err);
}

void decide_fini(struct decide_out *out)
{
	policy_unref(&out->policy);
	out->segment = NULL;
}
