/* verdict.c - see verdict.h. Each rule is a function that either fills the
 * verdict and returns true, or returns false and leaves it alone. */
#include "policy/rules/verdict.h"

#include "policy/rules/caps.h"

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

/* The action that the policy gives for a wait. No instant and a hold: it
 * waits for its event until the deadline. */
static void wait_by(const struct policy_when *when, enum verdict_reason reason,
    const struct policy_line *rule, int64_t now_ms, struct verdict *out)
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
		out->deadline_ms = now_ms + when->hold_ms;
}

static bool by_compliance(const struct policy_segment *s, const struct facts *f,
    int64_t now_ms, struct verdict *out)
{
	if (f->compliance == COMPLY_OK)
		return false;
	wait_by(&s->not_compliant, REASON_NOT_COMPLIANT, &s->not_compliant.rule,
	    now_ms, out);
	out->compliance = f->compliance;
	return true;
}

static bool by_stop(const struct policy_segment *s, const struct facts *f,
    int64_t now_ms, struct verdict *out)
{
	if (!f->segment_stopped)
		return false;
	wait_by(&s->when_full, REASON_STOPPED, &s->rule, now_ms, out);
	return true;
}

/* Which of two full scopes rules: an enforced one before one in shadow, then
 * the later instant, which is the true one. */
static bool is_person_ruling(const struct caps_answer *seg, bool seg_shadow,
    const struct caps_answer *person, bool person_shadow)
{
	if (!seg->full || !person->full)
		return person->full;
	if (seg_shadow != person_shadow)
		return seg_shadow;
	return person->earliest_ms > seg->earliest_ms;
}

/* Both scopes are always looked at. */
static bool by_caps(const struct policy *p, const struct policy_segment *s,
    const struct facts *f, int64_t now_ms, struct verdict *out)
{
	bool seg_shadow = s->shadow || s->caps.shadow;
	bool all_shadow = s->shadow || p->person.shadow;
	struct caps_answer seg, all;
	bool person;

	if (f->seed)
		return false;
	caps_decide(&s->caps, f, s->label, 0, now_ms, &seg);
	caps_decide(&p->person, f, 0, s->keep_free, now_ms, &all);
	if (!seg.full && !all.full)
		return false;
	person = is_person_ruling(&seg, seg_shadow, &all, all_shadow);
	if (person)
		seg = all;
	wait_by(&s->when_full, person ? REASON_PERSON_CAP : REASON_SEGMENT_CAP,
	    seg.rule, now_ms, out);
	out->earliest_ms = seg.earliest_ms;
	out->shadowed = person ? all_shadow : seg_shadow;
	return true;
}

/* A hold that cannot be released before its deadline, or never, is decided at
 * once. */
static void settle_hold(struct verdict *v)
{
	if (v->action != VERDICT_HOLD || v->earliest_ms == 0 ||
	    v->earliest_ms <= v->deadline_ms)
		return;
	v->action = v->then == POLICY_THEN_DROP ? VERDICT_DROP : VERDICT_REJECT;
	v->deadline_ms = 0;
}

void verdict_decide(const struct policy *p, const struct policy_segment *s,
    const struct facts *f, int64_t now_ms, struct verdict *out)
{
	*out =
	    (struct verdict){.action = VERDICT_ALLOW, .reason = REASON_ALLOWED};
	if (by_suppression(s, f, now_ms, out) || by_purpose(s, f, out) ||
	    by_compliance(s, f, now_ms, out))
		return;
	if (!by_stop(s, f, now_ms, out) && !by_caps(p, s, f, now_ms, out))
		return;
	settle_hold(out);
	if (out->earliest_ms == CAPS_NEVER)
		out->earliest_ms = 0;
	if (out->shadowed)
		out->action = VERDICT_ALLOW;
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
	};
	size_t i = (size_t)r;

	return i > 0 && i < sizeof(names) / sizeof(names[0]) ? names[i]
							     : "unknown";
}
