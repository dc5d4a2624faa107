/* test_verdict.c - caps, same message, and the order of the verdict. */
#include "tests/unit/tap.h"

#include "policy/rules/caps.h"
#include "policy/rules/dup.h"
#include "policy/rules/verdict.h"

enum {
	NEWS = 11,
	DEMO = 12
};
#define NOW INT64_C(1800000000000)
#define DAY INT64_C(86400000)

static struct policy_window week1 = {.max = 1, .span_ms = 7 * DAY};
static struct policy_window week2 = {.max = 2, .span_ms = 7 * DAY};
static struct policy_window never = {.max = 0, .span_ms = DAY};

static struct slot_fact slot(
    int64_t at_ms, uint32_t label, enum slot_state state)
{
	return (struct slot_fact){.message_id = 1,
	    .at_ms = at_ms,
	    .key = 7,
	    .label = label,
	    .state = state,
	    .counts = true};
}

static struct caps_answer ask(struct policy_window *w, size_t n,
    int64_t apart_ms, const struct slot_fact *slots, size_t n_slots,
    uint32_t reserve, int64_t now_ms)
{
	struct policy_caps caps = {.windows = w, .n = n, .apart_ms = apart_ms};
	struct caps_query q = {.slots = slots,
	    .n_slots = n_slots,
	    .keep = reserve,
	    .now_ms = now_ms};
	struct caps_answer out;

	caps_decide(&caps, &q, &out);
	return out;
}

static void test_caps(void)
{
	struct slot_fact v[3] = {slot(NOW - 3 * DAY, NEWS, SLOT_DELIVERED),
	    slot(NOW - 5 * DAY, DEMO, SLOT_DELIVERED),
	    slot(NOW - 8 * DAY, NEWS, SLOT_DELIVERED)};
	struct caps_answer a;

	a = ask(NULL, 0, 0, v, 3, 0, NOW);
	OK(!a.full, "no line: no cap");
	a = ask(&week2, 1, 0, v, 3, 0, NOW);
	OK(a.full, "two within seven days: full");
	IS_INT(a.earliest_ms, NOW + 2 * DAY, "free when the older one leaves");
	OK(a.rule == &week2.rule, "names the rule");
	a = ask(&week2, 1, 0, v, 3, 0, NOW + 2 * DAY - 1);
	OK(a.full, "refused one millisecond before");
	a = ask(&week2, 1, 0, v, 3, 0, NOW + 2 * DAY);
	OK(!a.full, "allowed at the instant");
	a = ask(&week1, 1, 0, v, 3, 0, NOW);
	IS_INT(a.earliest_ms, NOW + 4 * DAY, "one a week: the younger counts");
	a = ask(&never, 1, 0, NULL, 0, 0, NOW);
	OK(a.full && !a.by_order && a.earliest_ms == CAPS_NEVER,
	    "0 per day: never");
	a = ask(&week2, 1, 0, v, 1, 1, NOW);
	OK(a.full && a.by_order, "keep-free 1 of 2: one is enough to be full, "
				 "and what is free is others'");
	a = ask(&week2, 1, 0, v, 3, 1, NOW);
	OK(a.full && !a.by_order, "nothing is free: the limit is reached");
	a = ask(&week2, 1, 0, v, 0, 2, NOW);
	OK(a.full && a.by_order && a.earliest_ms == CAPS_NEVER,
	    "keep-free all: never");
	v[0].state = SLOT_RELEASED;
	a = ask(&week2, 1, 0, v, 3, 0, NOW);
	OK(!a.full, "a released slot does not count");
	v[0].state = SLOT_DELIVERED;
	v[0].counts = false;
	a = ask(&week2, 1, 0, v, 3, 0, NOW);
	OK(!a.full, "a seed's slot does not count");
}

static void test_apart(void)
{
	struct slot_fact v = slot(NOW - 3 * DAY, NEWS, SLOT_DELIVERED);
	struct caps_answer a = ask(NULL, 0, 5 * DAY, &v, 1, 0, NOW);

	OK(a.full && a.earliest_ms == NOW + 2 * DAY, "five days apart");
	a = ask(NULL, 0, 5 * DAY, &v, 1, 0, NOW + 2 * DAY - 1);
	OK(a.full, "refused one millisecond before");
	a = ask(NULL, 0, 5 * DAY, &v, 1, 0, NOW + 2 * DAY);
	OK(!a.full, "allowed at the instant");
}

static void test_undated(void)
{
	struct slot_fact v[2] = {slot(NOW - 5 * DAY, NEWS, SLOT_QUEUED),
	    slot(NOW - 6 * DAY, NEWS, SLOT_PROPOSED)};
	struct caps_answer a = ask(&week2, 1, 0, v, 2, 0, NOW);

	OK(a.full, "queued days ago still counts in every window");
	IS_INT(a.earliest_ms, NOW + 7 * DAY, "as if delivered now");
	a = ask(NULL, 0, DAY, v, 1, 0, NOW);
	OK(a.full && a.earliest_ms == NOW + DAY, "apart, from now");
	a = ask(&week2, 1, 0, v, 2, 0, NOW + 3 * DAY);
	IS_INT(a.earliest_ms, NOW + 7 * DAY,
	    "no news for six days: as if delivered then");
	a = ask(&week2, 1, 0, v, 2, 0, NOW + 7 * DAY);
	OK(!a.full, "so it ends");
}

static void test_clock_back(void)
{
	struct slot_fact v[1] = {slot(NOW + DAY, NEWS, SLOT_DELIVERED)};
	struct caps_answer a = ask(&week1, 1, 0, v, 1, 0, NOW);

	OK(a.full && a.earliest_ms == NOW + 8 * DAY,
	    "a slot of the future counts: a clock set back opens nothing");
}

static const struct policy_segment *news(void)
{
	static struct policy_segment s;

	s = (struct policy_segment){.name = STR("newsletter"),
	    .label = NEWS,
	    .purpose = STR("news"),
	    .basis = POLICY_BASIS_CONSENT,
	    .when_full = {.action = POLICY_HOLD, .hold_ms = 5 * DAY},
	    .not_compliant = {.action = POLICY_REJECT}};
	return &s;
}

static struct verdict decide(const struct policy *p,
    const struct policy_segment *s, const struct facts *f)
{
	struct verdict v;

	verdict_decide(p, s, f, NOW, &v);
	return v;
}

/* Everything wrong at once; taking the reasons away one by one must uncover
 * the next in order. */
static void test_order(void)
{
	struct suppression_fact sup[2] = {
	    {0, SUPPRESSION_COMPLAINT, 1, 0}, {NEWS, SUPPRESSION_MANUAL, 1, 0}};
	struct slot_fact slots[1] = {slot(NOW, DEMO, SLOT_DELIVERED)};
	struct policy p = {.person = {.windows = &week1, .n = 1}};
	struct facts f = {.suppressions = sup,
	    .n_suppressions = 2,
	    .consent = CONSENT_OBJECTED,
	    .compliance = COMPLY_NO_KEY,
	    .slots = slots,
	    .n_slots = 1,
	    .segment_stopped = true};
	struct policy_segment s = *news();
	struct verdict v = decide(&p, &s, &f);

	IS_INT(v.reason, REASON_SUPPRESSED, "suppressed for all nurture first");
	IS_INT(v.suppression, SUPPRESSION_COMPLAINT, "with its reason");
	OK(v.action == VERDICT_REJECT && verdict_is_final(&v), "for ever");
	sup[0].until_ms = NOW;
	v = decide(&p, &s, &f);
	IS_INT(v.reason, REASON_SUPPRESSED_SEGMENT,
	    "expired at its instant; then the segment's");
	f.n_suppressions = 0;
	IS_INT(decide(&p, &s, &f).reason, REASON_OBJECTED, "objection");
	f.consent = CONSENT_WITHDRAWN;
	IS_INT(decide(&p, &s, &f).reason, REASON_WITHDRAWN, "withdrawal");
	f.consent = CONSENT_NONE;
	IS_INT(decide(&p, &s, &f).reason, REASON_NO_CONSENT, "no consent");
	s.basis = POLICY_BASIS_LEGITIMATE_INTEREST;
	v = decide(&p, &s, &f);
	IS_INT(v.reason, REASON_NOT_COMPLIANT,
	    "legitimate interest needs no consent; not compliant");
	OK(!verdict_is_final(&v), "which another message may cure");
	f.compliance = COMPLY_OK;
	v = decide(&p, &s, &f);
	IS_INT(v.reason, REASON_STOPPED, "stopped");
	OK(v.action == VERDICT_HOLD && v.earliest_ms == 0 &&
		v.deadline_ms == NOW + 5 * DAY,
	    "waits for its event, with a deadline");
	f.segment_stopped = false;
	s.when_full.hold_ms = 8 * DAY;
	v = decide(&p, &s, &f);
	IS_INT(v.reason, REASON_PERSON_CAP, "person cap");
	OK(v.action == VERDICT_HOLD && v.earliest_ms == NOW + 7 * DAY,
	    "held until its instant");
	f.seed = true;
	IS_INT(decide(&p, &s, &f).reason, REASON_ALLOWED, "seeds pass");
	f.seed = false;
	f.n_slots = 0;
	IS_INT(decide(&p, &s, &f).action, VERDICT_ALLOW, "nothing left: yes");
}

static void test_pause(void)
{
	struct slot_fact slots[1] = {slot(NOW, NEWS, SLOT_DELIVERED)};
	struct policy p = {.person = {.windows = &week1, .n = 1}};
	struct facts f = {.consent = CONSENT_GRANTED,
	    .paused = SUPPRESSION_REPLIED,
	    .paused_until_ms = NOW + 3 * DAY};
	struct policy_segment s = *news();
	struct verdict v = decide(&p, &s, &f);

	IS_INT(v.reason, REASON_PAUSED, "a pause");
	IS_INT(v.suppression, SUPPRESSION_REPLIED, "why");
	OK(v.action == VERDICT_HOLD && v.earliest_ms == NOW + 3 * DAY,
	    "held until it ends");
	f.slots = slots;
	f.n_slots = 1;
	s.when_full.hold_ms = 8 * DAY;
	IS_INT(decide(&p, &s, &f).earliest_ms, NOW + 7 * DAY,
	    "and until the limit is free");
	f.n_slots = 0;
	f.paused_until_ms = NOW + 30 * DAY;
	v = decide(&p, &s, &f);
	OK(v.action == VERDICT_REJECT && v.earliest_ms == NOW + 30 * DAY,
	    "longer than it may be held: at once");
	f.paused_until_ms = 0;
	v = decide(&p, &s, &f);
	OK(v.action == VERDICT_HOLD && v.earliest_ms == 0 &&
		v.deadline_ms == NOW + 8 * DAY,
	    "without an end: to the deadline");
	f.segment_stopped = true;
	IS_INT(decide(&p, &s, &f).reason, REASON_STOPPED, "a stop goes before");
	f.segment_stopped = false;
	s.shadow = true;
	IS_INT(decide(&p, &s, &f).reason, REASON_PAUSED,
	    "a segment in shadow is paused all the same");
	f.seed = true;
	IS_INT(decide(&p, &s, &f).action, VERDICT_ALLOW, "proofs are not");
	f.seed = false;
	f.paused_until_ms = NOW;
	IS_INT(decide(&p, &s, &f).action, VERDICT_ALLOW, "over at its instant");
}

static void test_waits(void)
{
	struct slot_fact slots[1] = {slot(NOW, NEWS, SLOT_DELIVERED)};
	struct policy p = {.person = {.windows = &week1, .n = 1}};
	struct facts f = {
	    .consent = CONSENT_GRANTED, .slots = slots, .n_slots = 1};
	struct policy_segment s = *news();
	struct verdict v = decide(&p, &s, &f);

	IS_INT(v.action, VERDICT_REJECT,
	    "a hold that cannot free before its deadline ends at once");
	s.when_full.then = POLICY_THEN_DROP;
	IS_INT(decide(&p, &s, &f).action, VERDICT_DROP, "or is dropped");
	s.when_full.action = POLICY_DEFER;
	IS_INT(decide(&p, &s, &f).action, VERDICT_DEFER, "defer");
	s.shadow = true;
	v = decide(&p, &s, &f);
	OK(v.action == VERDICT_ALLOW && v.shadowed &&
		v.reason == REASON_PERSON_CAP,
	    "shadow: allowed, and tells what it would have been");
	f.consent = CONSENT_WITHDRAWN;
	IS_INT(decide(&p, &s, &f).action, VERDICT_REJECT,
	    "shadow never softens a withdrawal");
}

/* One scope in shadow takes nothing from the other. */
static void test_shadow_of_one_scope(void)
{
	struct slot_fact slots[1] = {slot(NOW - DAY, NEWS, SLOT_DELIVERED)};
	struct policy_window long_week = {.max = 1, .span_ms = 9 * DAY};
	struct policy p = {.person = {.n = 1, .shadow = true}};
	struct facts f = {
	    .consent = CONSENT_GRANTED, .slots = slots, .n_slots = 1};
	struct policy_segment s = *news();
	struct verdict v;

	s.when_full.hold_ms = 20 * DAY;
	s.caps = (struct policy_caps){.windows = &week1, .n = 1};
	p.person.windows = &long_week;
	v = decide(&p, &s, &f);
	OK(v.action == VERDICT_HOLD && v.reason == REASON_SEGMENT_CAP &&
		v.earliest_ms == NOW + 6 * DAY,
	    "a later instant in shadow does not open an enforced cap");
	s.caps.shadow = true;
	p.person.shadow = false;
	s.caps.windows = &long_week;
	p.person.windows = &week1;
	v = decide(&p, &s, &f);
	OK(v.action == VERDICT_HOLD && v.reason == REASON_PERSON_CAP &&
		v.earliest_ms == NOW + 6 * DAY,
	    "nor the other way round");
	p.person.shadow = true;
	v = decide(&p, &s, &f);
	OK(v.action == VERDICT_ALLOW && v.shadowed &&
		v.reason == REASON_SEGMENT_CAP,
	    "both in shadow: allowed, the later is told");
}

static void test_never(void)
{
	struct policy p = {.person = {.windows = &never, .n = 1}};
	struct facts f = {.consent = CONSENT_GRANTED};
	struct policy_segment s = *news();
	struct verdict v = decide(&p, &s, &f);

	OK(v.action == VERDICT_REJECT && v.earliest_ms == 0,
	    "what no instant will free is not held until its deadline");
	s.when_full.action = POLICY_DEFER;
	v = decide(&p, &s, &f);
	OK(v.action == VERDICT_DEFER && v.earliest_ms == 0,
	    "and has no instant to tell");
}

static void test_dup(void)
{
	struct slot_fact v[2] = {slot(NOW - DAY, NEWS, SLOT_RELEASED),
	    slot(NOW - DAY, NEWS, SLOT_PROPOSED)};
	struct facts f = {.slots = v, .n_slots = 1};
	struct dup_query q = {
	    .same = {.key = 7, .has_message_id = true}, .log_followed = true};

	IS_INT(dup_decide(&q, &f, NOW, NULL), DUP_NEW, "released: again");
	f.n_slots = 2;
	IS_INT(dup_decide(&q, &f, NOW, NULL), DUP_IN_FLIGHT, "proposed: wait");
	v[0].state = SLOT_QUEUED;
	IS_INT(dup_decide(&q, &f, NOW, NULL), DUP_SAME, "queued: same");
	v[0].state = SLOT_DELIVERED;
	IS_INT(dup_decide(&q, &f, NOW, NULL), DUP_SAME, "delivered: same");
	IS_INT(dup_decide(&q, &f, NOW + 5 * DAY, NULL), DUP_NEW, "aged out");
	IS_INT(dup_decide(&q, &f, NOW - 9 * DAY, NULL), DUP_SAME,
	    "a clock set back does not forget");
	q.log_followed = false;
	IS_INT(dup_decide(&q, &f, NOW, NULL), DUP_NEW,
	    "no log followed: a send of its own");
	q.log_followed = true;
	q.same.key = 8;
	IS_INT(dup_decide(&q, &f, NOW, NULL), DUP_NEW, "another message");
}

/* Without a Message-ID the minutes of arrival count, not those of the slot:
 * a message may have been held for days in between. */
static void test_dup_without_message_id(void)
{
	static const struct {
		int64_t apart;
		enum dup_answer want;
	} table[] = {{0, DUP_SAME}, {1, DUP_SAME}, {10, DUP_SAME},
	    {11, DUP_NEW}, {1440, DUP_NEW}, {-1, DUP_SAME}, {-10, DUP_SAME},
	    {-11, DUP_NEW}};
	struct samekey first = {.text = 4711, .minute = NOW / 60000};
	struct slot_fact v = slot(NOW + 3 * DAY, NEWS, SLOT_DELIVERED);
	struct facts f = {.slots = &v, .n_slots = 1};
	struct dup_query q = {.log_followed = true};

	v.key = samekey_after(&first, 0);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		q.same = first;
		q.same.minute += table[i].apart;
		q.same.key = samekey_after(&q.same, 0);
		IS_INT(dup_decide(&q, &f, NOW + 4 * DAY, NULL), table[i].want,
		    "came %lld minutes later", (long long)table[i].apart);
	}
	q.same = first;
	q.same.key = samekey_after(&first, 0);
	IS_INT(dup_decide(&q, &f, NOW + 8 * DAY, NULL), DUP_NEW, "aged out");
	q.same.text++;
	q.same.key = samekey_after(&q.same, 0);
	IS_INT(
	    dup_decide(&q, &f, NOW + 4 * DAY, NULL), DUP_NEW, "another text");
}

static void test_names(void)
{
	for (int r = REASON_ALLOWED; r <= REASON_PAUSED; r++)
		OK(strcmp(verdict_reason_name((enum verdict_reason)r),
		       "unknown") != 0,
		    "reason %d has a name", r);
	IS_INT(suppression_reason_from(STR("complaint")), SUPPRESSION_COMPLAINT,
	    "reason by name");
	IS_INT(suppression_reason_from(STR("nonsense")), 0, "no such reason");
}

int main(void)
{
	test_caps();
	test_apart();
	test_undated();
	test_clock_back();
	test_order();
	test_pause();
	test_waits();
	test_shadow_of_one_scope();
	test_never();
	test_dup();
	test_dup_without_message_id();
	test_names();
	return tap_done();
}
