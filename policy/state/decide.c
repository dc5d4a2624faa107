/* decide.c - see decide.h.
 *
 * The policy is parsed outside the ledger's transaction and compared inside:
 * when another version was applied in between, the proposal is stale, the
 * cache is asked again and the proposal repeated. A message is ruled by one
 * version. */
#include "policy/base/when.h"
#include "policy/state/decide_internal.h"

#include <errno.h>

enum {
	ARENA_MAX = 1 << 20,
};
/* What waits for an event that nobody can date. */
#define UNKNOWN_HOLD_MS (5 * WHEN_DAY_MS)

static struct verdict verdict_of(
    enum verdict_action action, enum verdict_reason reason)
{
	return (struct verdict){.action = action, .reason = reason};
}

bool decide_is_one_to_one(enum decide_mode mode)
{
	return mode == DECIDE_ONE_TO_ONE ||
	       mode == DECIDE_ONE_TO_ONE_REFUSE_ONLY ||
	       mode == DECIDE_ONE_TO_ONE_SHADOW;
}

/* Suppression for all nurture binds one-to-one mail too; caps and consent do
 * not. */
static void decide_one_to_one(struct decide_work *w, int64_t now_ms)
{
	static const struct policy none;
	struct policy_segment any = {.basis = POLICY_BASIS_LEGITIMATE_INTEREST};
	struct facts f = {.suppressions = w->facts.suppressions,
	    .n_suppressions = w->facts.n_suppressions};

	verdict_decide(&none, &any, &f, now_ms, &w->out->verdict);
	w->out->verdict.rule = NULL;
}

static void decide_dup(struct decide_work *w, int64_t now_ms)
{
	const struct slot_fact *match;
	struct dup_query q = {
	    .same = w->in->same,
	    .log_followed = w->in->log_followed || w->in->from_copy,
	};

	w->dup = q.same.key == 0 ? DUP_NEW
				 : dup_decide(&q, &w->facts, now_ms, &match);
	w->dup_of = w->dup != DUP_NEW ? match->message_id : 0;
}

/* A hold without a way to keep a copy is a tempfail: the sender keeps it. */
static void settle_hold(struct decide_work *w)
{
	if (w->out->verdict.action == VERDICT_HOLD && !w->in->may_hold)
		w->out->verdict.action = VERDICT_DEFER;
}

/* An operator's word stands against what waiting would cure, but for what a
 * person asked for. */
static void settle_forced(struct decide_work *w)
{
	struct verdict *v = &w->out->verdict;

	if (w->in->forced && v->reason != REASON_PAUSED &&
	    verdict_reason_competes(v->reason))
		*v = verdict_of(VERDICT_ALLOW, REASON_ALLOWED);
}

static void unknown_segment(struct decide_work *w, int64_t now_ms)
{
	struct verdict *v = &w->out->verdict;

	*v = verdict_of(VERDICT_REJECT, REASON_UNKNOWN_SEGMENT);
	if (w->in->unknown != CONF_UNKNOWN_HOLD)
		return;
	v->action = VERDICT_HOLD;
	v->deadline_ms = (w->in->arrived_ms != 0 ? w->in->arrived_ms : now_ms) +
			 UNKNOWN_HOLD_MS;
	v->then = POLICY_THEN_BOUNCE;
}

static void decide_nurture(struct decide_work *w, int64_t now_ms)
{
	struct decide_out *out = w->out;

	if (out->policy == NULL)
		out->verdict = verdict_of(VERDICT_DEFER, REASON_NO_POLICY);
	else if (out->segment == NULL)
		unknown_segment(w, now_ms);
	else if (w->dup == DUP_SAME)
		out->verdict = verdict_of(VERDICT_DROP, REASON_DUPLICATE);
	else if (w->dup == DUP_IN_FLIGHT)
		out->verdict = verdict_of(VERDICT_DEFER, REASON_IN_FLIGHT);
	else
		verdict_decide(out->policy, out->segment, &w->facts, now_ms,
		    &out->verdict);
	settle_forced(w);
	settle_hold(w);
}

/* A look at a table that is nearly always empty; else three. */
static int load_stop(
    struct decide_work *w, const struct ledger_txn *t, int64_t now_ms)
{
	const struct decide_out *out = w->out;
	struct stop_names names = {
	    .segment = out->segment != NULL ? out->segment->name : STR(""),
	    .campaign = w->in->campaign,
	    .domain = w->in->from_domain,
	};
	struct stop_record r;
	int rc = stop_find(t, &names, now_ms, &r);

	w->out->stopped = rc == 0 ? r.kind : STOP_NONE;
	w->facts.segment_stopped = w->out->stopped != STOP_NONE;
	return rc;
}

/* For who asks why: those of the person, or of the company where its limit
 * is what this one waits for. */
static void tell_what_waits(struct decide_work *w)
{
	struct decide_out *out = w->out;
	const struct facts *f = &w->facts;
	bool company = out->verdict.scope == POLICY_PER_COMPANY;
	const struct waiting_fact *v =
	    company ? f->company_waiting : f->waiting;
	size_t n = company ? f->n_company_waiting : f->n_waiting;

	out->zone = f->zone;
	out->ahead = 0;
	for (size_t i = 0; out->segment != NULL && i < n; i++)
		out->ahead +=
		    verdict_is_ahead(out->policy, out->segment, f, &v[i]);
}

int decide_in_txn(struct decide_work *w, const struct ledger_txn *t,
    struct arena *a, int64_t now_ms)
{
	int rc = facts_load(t, &w->query, a, &w->facts, &w->lead);

	if (rc != 0)
		return rc;
	w->facts.compliance = w->compliance;
	rc = decide_attributes(w);
	if (rc == 0)
		rc = decide_facts(w, t, a, now_ms);
	if (rc != 0)
		return rc;
	if (decide_is_one_to_one(w->in->mode)) {
		decide_one_to_one(w, now_ms);
		return 0;
	}
	rc = load_stop(w, t, now_ms);
	if (rc != 0)
		return rc;
	decide_dup(w, now_ms);
	decide_nurture(w, now_ms);
	tell_what_waits(w);
	return 0;
}

int decide_check_policy(
    const struct decide_out *out, const struct ledger_txn *t)
{
	uint32_t current;
	int rc = policyver_current(t, &current);

	if (rc != 0)
		return rc;
	if (out->policy == NULL)
		return current == 0 ? 0 : ERR_STALE;
	return out->policy->version == current ? 0 : ERR_STALE;
}

static int propose_fn(struct door_ctx *ctx, void *arg)
{
	struct decide_work *w = arg;
	const struct ledger_txn *t = door_txn(ctx);
	int rc = decide_check_policy(w->out, t);

	if (rc == 0)
		rc = decide_in_txn(w, t, door_arena(ctx), door_now_ms(ctx));
	return rc != 0 ? rc : decide_emit(w, ctx);
}

/* The segment by name or by the stream's rule, and how the message complies
 * with it. */
static int find_segment(struct decide_work *w)
{
	const struct decide_in *in = w->in;
	struct decide_out *out = w->out;

	out->segment = NULL;
	w->compliance = in->compliance;
	if (out->policy == NULL)
		return 0;
	out->segment = policy_segment_find(out->policy, in->segment);
	if (out->segment == NULL && in->unknown == CONF_UNKNOWN_SEGMENT)
		out->segment =
		    policy_segment_find(out->policy, in->unknown_segment);
	w->query.label = out->segment != NULL ? out->segment->label : 0;
	w->query.purpose_label =
	    out->segment != NULL ? policy_label(out->segment->purpose) : 0;
	return out->segment != NULL && in->comply != NULL
		   ? in->comply(in->comply_arg, out->segment, &w->compliance)
		   : 0;
}

int decide_load_policy(struct decide_work *w, struct error *err)
{
	int rc, found;

	policy_unref(&w->out->policy);
	rc = policyver_cache_get(w->store->policies, &w->out->policy, err);
	found = find_segment(w);
	return rc != 0 ? rc : error_of(err, found, "compliance");
}

struct verdict decide_trouble(void)
{
	return verdict_of(VERDICT_DEFER, REASON_TROUBLE);
}

/* Is there nothing to be recorded, or not yet? */
static bool is_answered(struct decide_work *w, int *rc_out)
{
	const struct verdict *v = &w->out->verdict;

	*rc_out = 0;
	if (decide_is_refuse_only(w->in->mode)) {
		if (verdict_is_final(v))
			return false;
		w->out->verdict = verdict_of(VERDICT_ALLOW, REASON_ALLOWED);
		return true;
	}
	if (w->in->mode != DECIDE_SEND || v->action != VERDICT_HOLD ||
	    w->in->copy_id != 0)
		return false;
	*rc_out = ERR_NEED_COPY;
	return true;
}

static int propose(struct decide_work *w, struct error *err)
{
	int rc = ERR_STALE;

	for (int i = 0; i < DECIDE_STALE_TRIES && rc == ERR_STALE; i++) {
		rc = decide_load_policy(w, err);
		if (rc == 0)
			rc = decide_look(w, 1, err);
		if (rc == 0 && is_answered(w, &rc))
			break;
		if (rc == 0)
			rc = door_decide(w->store->door, propose_fn, w, err);
	}
	return rc;
}

int decide_propose(struct store *s, const struct decide_in *in,
    struct decide_out *out, struct error *err)
{
	struct decide_work w = {.store = s, .in = in, .out = out};
	struct arena *a = arena_new(ARENA_MAX);
	int rc = -ENOMEM;

	*out = (struct decide_out){.verdict = decide_trouble()};
	if (a == NULL)
		(void)error_set(err, rc, "out of memory");
	else
		rc = decide_work_init(&w, a, err);
	if (rc == 0)
		rc = propose(&w, err);
	if (rc != 0 && rc != ERR_NEED_COPY)
		out->verdict = decide_trouble();
	decide_work_fini(&w);
	arena_free(&a);
	return rc;
}

static int explain_in(
    struct decide_work *w, struct arena *a, int64_t now_ms, struct error *err)
{
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(w->store->ledger, &t);

	if (rc == 0)
		rc = decide_in_txn(w, t, a, now_ms);
	ledger_read_end(&t);
	return error_of(err, rc, "ledger");
}

static int explain(struct decide_work *w, const struct policy *policy,
    int64_t now_ms, struct error *err)
{
	struct arena *a = arena_new(ARENA_MAX);
	int rc;

	if (a == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	rc = decide_work_init(w, a, err);
	if (rc == 0 && policy == NULL)
		rc = decide_load_policy(w, err);
	else if (rc == 0) {
		w->out->policy = policy_ref(policy);
		find_segment(w);
	}
	if (rc == 0)
		rc = explain_in(w, a, now_ms, err);
	decide_work_fini(w);
	arena_free(&a);
	return rc;
}

int decide_explain(struct store *s, const struct decide_in *in,
    const struct policy *policy, int64_t now_ms, struct decide_out *out,
    struct error *err)
{
	struct decide_work w = {.store = s, .in = in, .out = out};

	*out = (struct decide_out){.verdict = decide_trouble()};
	return explain(&w, policy, now_ms, err);
}

void decide_fini(struct decide_out *out)
{
	policy_unref(&out->policy);
	out->segment = NULL;
}
