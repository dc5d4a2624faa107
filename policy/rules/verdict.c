/* verdict.c - see verdict.h. Each rule is a function that either fills the
 * verdict and returns true, or returns false and leaves it alone. */
#include "policy/rules/verdict.h"

#include "policy/rules/caps.h"
#include "policy/rules/delay.h"

static void refuse(struct verdict *v, enum verdict_reason reason,
    const struct policy_line *rule)
{
	v->action = VERDICT_REJECT;
	v->reason = reason;
	v->rule = rule;
}

static const struct suppression_fact *find_suppression(
    const struct facts *f, uint32_t label, int64_t now_ms)
{
	for (size_t i = 0; i < f->n_suppressions; i++) {
		const struct suppression_fact *s = &f->suppressions[i];
		if (s->label == label &&
		    (s->until_ms == 0 || now_ms < s->until_ms))
			return s;
	}
	return NULL;
}

static bool by_suppression(const struct policy_segment *s,
    const struct facts *f, int64_t now_ms, struct verdict *out)
{
	const struct suppression_fact *all = find_suppression(f, 0, now_ms);
	const struct suppression_fact *one =
	    all != NULL ? NULL : find_suppression(f, s->label, now_ms);

	if (all == NULL && one == NULL)
		return false;
	refuse(out, all != NULL ? REASON_SUPPRESSED : REASON_SUPPRESSED_SEGMENT,
	    &s->rule);
	out->suppression = all != NULL ? all->reason : one->reason;
	return true;
}

static bool by_purpose(
    const struct policy_segment *s, const struct facts *f, struct verdict *out)
{
	if (f->consent == CONSENT_OBJECTED)
		refuse(out, REASON_OBJECTED, &s->purpose_rule);
	else if (f->consent == CONSENT_WITHDRAWN)
		refuse(out, REASON_WITHDRAWN, &s->purpose_rule);
	else if (f->consent != CONSENT_GRANTED &&
		 s->basis == POLICY_BASIS_CONSENT)
		refuse(out, REASON_NO_CONSENT, &s->basis_rule);
	else
		return false;
	return true;
}

/* The action that the policy gives for a wait. */
static void wait_by(const struct policy_when *when, enum verdict_reason reason,
    const struct policy_line *rule, int64_t deadline_ms, struct verdict *out)
{
	static const enum verdict_action actions[] = {
	    [POLICY_HOLD] = VERDICT_HOLD,
	    [POLICY_DEFER] = VERDICT_DEFER,
	    [POLICY_REJECT] = VERDICT_REJECT,
	    [POLICY_DROP] = VERDICT_DROP,
	};

	out->action = actions[when->action];
	out->reason = reason;
	out->rule = rule;
	out->then = when->then;
	if (out->action == VERDICT_HOLD)
		out->deadline_ms = deadline_ms;
}

/* No instant: it waits for its event until the deadline. */
static void wait_for_event(const struct policy_when *when,
    enum verdict_reason reason, const struct policy_line *rule,
    const struct facts *f, int64_t now_ms, struct verdict *out)
{
	int64_t from_ms = f->arrived_ms != 0 ? f->arrived_ms : now_ms;

	wait_by(when, reason, rule, caps_add_ms(from_ms, when->hold_ms), out);
}

static bool by_compliance(const struct policy_segment *s, const struct facts *f,
    int64_t now_ms, struct verdict *out)
{
	if (f->compliance == COMPLY_OK)
		return false;
	wait_for_event(&s->not_compliant, REASON_NOT_COMPLIANT,
	    &s->not_compliant.rule, f, now_ms, out);
	out->compliance = f->compliance;
	return true;
}

/* Always held, whatever a full limit means: a stop is nobody's fault who sends,
 * and mostly over before the deadline. */
static bool by_stop(const struct policy_segment *s, const struct facts *f,
    int64_t now_ms, struct verdict *out)
{
	struct policy_when hold = s->when_full;

	if (!f->segment_stopped)
		return false;
	hold.action = POLICY_HOLD;
	wait_for_event(&hold, REASON_STOPPED, &s->rule, f, now_ms, out);
	return true;
}

/* A pause ends at its instant, if it has one, and then the limits are asked. It is
 * the person's: all that waits for it competes as ever. Proofs are none of it. */
static bool by_pause(const struct policy *p, const struct policy_segment *s,
    const struct facts *f, int64_t now_ms, struct verdict *out)
{
	struct delay d;

	if (f->paused == 0 || f->seed ||
	    (f->paused_until_ms != 0 && f->paused_until_ms <= now_ms))
		return false;
	wait_for_event(&s->when_full, REASON_PAUSED, &s->rule, f, now_ms, out);
	out->suppression = f->paused;
	if (f->paused_until_ms == 0)
		return true;
	delay_find(p, s, f, f->paused_until_ms, false, &d);
	out->earliest_ms =
	    d.reason != REASON_ALLOWED ? d.earliest_ms : f->paused_until_ms;
	return true;
}

/* Rules in shadow are asked only where no other holds. */
static bool by_delay(const struct policy *p, const struct policy_segment *s,
    const struct facts *f, int64_t now_ms, struct verdict *out)
{
	struct delay d;

	delay_find(p, s, f, now_ms, false, &d);
	if (d.reason == REASON_ALLOWED && d.skipped) {
		delay_find(p, s, f, now_ms, true, &d);
		out->shadowed = d.reason != REASON_ALLOWED;
	}
	if (d.reason == REASON_ALLOWED)
		return false;
	wait_by(d.when, d.reason, d.rule, d.deadline_ms, out);
	out->scope = d.scope;
	out->earliest_ms = d.earliest_ms;
	out->look_ms = d.look_ms;
	return true;
}

static void end_hold(struct verdict *v)
{
	v->action = v->then == POLICY_THEN_DROP ? VERDICT_DROP : VERDICT_REJECT;
	v->deadline_ms = 0;
}

/* The earliest instant at best: if nobody else waited, since those ahead may end
 * without a place, and what has no date went when it was proposed. */
static int64_t at_best_ms(const struct policy *p,
    const struct policy_segment *s, const struct facts *f, int64_t now_ms,
    const struct verdict *v)
{
	struct facts best = *f;
	struct delay d;

	if (v->earliest_ms <= v->deadline_ms || v->reason == REASON_PAUSED)
		return v->earliest_ms;
	best.n_waiting = best.n_company_waiting = 0;
	best.at_best = true;
	delay_find(p, s, &best, now_ms, v->shadowed, &d);
	return d.earliest_ms;
}

/* A hold that cannot be released by its deadline, or never, is decided at
 * once; so is one whose deadline is over. */
static void settle_hold(const struct policy *p, const struct policy_segment *s,
    const struct facts *f, int64_t now_ms, struct verdict *v)
{
	if (v->action != VERDICT_HOLD)
		return;
	if (v->then == POLICY_THEN_SEND && v->earliest_ms != CAPS_NEVER) {
		if (v->earliest_ms > v->deadline_ms)
			v->deadline_ms = v->earliest_ms;
		return;
	}
	if (f->held_until_ms > v->deadline_ms)
		v->deadline_ms = f->held_until_ms;
	if (now_ms >= v->deadline_ms ||
	    at_best_ms(p, s, f, now_ms, v) > v->deadline_ms)
		end_hold(v);
}

void verdict_decide(const struct policy *p, const struct policy_segment *s,
    const struct facts *f, int64_t now_ms, struct verdict *out)
{
	*out =
	    (struct verdict){.action = VERDICT_ALLOW, .reason = REASON_ALLOWED};
	if (by_suppression(s, f, now_ms, out) || by_purpose(s, f, out))
		return;
	if (!by_compliance(s, f, now_ms, out) && !by_stop(s, f, now_ms, out) &&
	    !by_pause(p, s, f, now_ms, out) && !by_delay(p, s, f, now_ms, out))
		return;
	settle_hold(p, s, f, now_ms, out);
	if (out->earliest_ms == CAPS_NEVER)
		out->earliest_ms = 0;
	if (!out->shadowed)
		return;
	out->would = out->action;
	out->action = VERDICT_ALLOW;
}

bool verdict_reason_competes(enum verdict_reason r)
{
	return r == REASON_SEGMENT_CAP || r == REASON_PERSON_CAP ||
	       r == REASON_COMPANY_CAP || r == REASON_ORDER ||
	       r == REASON_YIELD || r == REASON_CLOSED || r == REASON_PAUSED;
}

bool verdict_is_final(const struct verdict *v)
{
	switch (v->reason) {
	case REASON_SUPPRESSED:
	case REASON_SUPPRESSED_SEGMENT:
	case REASON_OBJECTED:
	case REASON_WITHDRAWN:
	case REASON_NO_CONSENT:
		return v->action == VERDICT_REJECT;
	case REASON_ALLOWED:
	case REASON_NOT_COMPLIANT:
	case REASON_STOPPED:
	case REASON_SEGMENT_CAP:
	case REASON_PERSON_CAP:
	case REASON_UNKNOWN_SEGMENT:
	case REASON_DUPLICATE:
	case REASON_IN_FLIGHT:
	case REASON_NO_POLICY:
	case REASON_TAKEN:
	case REASON_NOT_NURTURE:
	case REASON_TROUBLE:
	case REASON_COMPANY_CAP:
	case REASON_ORDER:
	case REASON_YIELD:
	case REASON_CLOSED:
	case REASON_PAUSED:
		return false;
	}
	return false;
}

const char *verdict_action_name(enum verdict_action a)
{
	switch (a) {
	case VERDICT_ALLOW:
		return "allow";
	case VERDICT_HOLD:
		return "hold";
	case VERDICT_DEFER:
		return "defer";
	case VERDICT_REJECT:
		return "reject";
	case VERDICT_DROP:
		return "drop";
	}
	return "unknown";
}

const char *verdict_reason_name(enum verdict_reason r)
{
	static const char *const names[] = {
	    [REASON_ALLOWED] = "allowed",
	    [REASON_SUPPRESSED] = "suppressed",
	    [REASON_SUPPRESSED_SEGMENT] = "suppressed_segment",
	    [REASON_OBJECTED] = "objected",
	    [REASON_WITHDRAWN] = "withdrawn",
	    [REASON_NO_CONSENT] = "no_consent",
	    [REASON_NOT_COMPLIANT] = "not_compliant",
	    [REASON_STOPPED] = "stopped",
	    [REASON_SEGMENT_CAP] = "segment_cap",
	    [REASON_PERSON_CAP] = "person_cap",
	    [REASON_UNKNOWN_SEGMENT] = "unknown_segment",
	    [REASON_DUPLICATE] = "duplicate",
	    [REASON_IN_FLIGHT] = "in_flight",
	    [REASON_NO_POLICY] = "no_policy",
	    [REASON_TAKEN] = "taken",
	    [REASON_NOT_NURTURE] = "not_nurture",
	    [REASON_TROUBLE] = "trouble",
	    [REASON_COMPANY_CAP] = "company_cap",
	    [REASON_ORDER] = "order",
	    [REASON_YIELD] = "yield",
	    [REASON_CLOSED] = "closed",
	    [REASON_PAUSED] = "paused",
	};
	size_t i = (size_t)r;

	return i > 0 && i < sizeof(names) / sizeof(names[0]) ? names[i]
							     : "unknown";
}
