/* test_delay.c - what a message waits for, and until when: calendars, people,
 * audiences, order, yield, hours. */
#include "tests/unit/tap.h"

#include "policy/conf/audience.h"
#include "policy/rules/caps.h"
#include "policy/rules/verdict.h"

#include <stdlib.h>

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
/* Thursday 2026-12-10 12:00 UTC, 13:00 in Berlin. */
#define NOW INT64_C(1796904000000)
#define MIDNIGHT (NOW - 12 * HOUR)

static const char text[] =
    "time-zone = \"UTC\"\n"
    "order = {invite, demo, event, news}\n"
    "attribute role { type = text }\n"
    "audience chiefs { condition = \"role in {ceo, cto}\" }\n"
    "person { at-most = {\"2 per 7d\"} apart = 20h }\n"
    "company { at-most = \"5 per day\" at-most-people = \"2 per day\" }\n"
    "limit chiefs { for = chiefs at-most = \"1 per month\" }\n"
    "holidays de { days = {\"12-25 Christmas\", \"12-26\"} }\n"
    "segment invite { purpose = invite legal-basis = legitimate-interest\n"
    "  at-most = \"1 per 30d\" }\n"
    "segment demo { purpose = demo legal-basis = legitimate-interest }\n"
    "segment event { purpose = event legal-basis = legitimate-interest\n"
    "  at-most = \"1 per week\" when-full = \"hold 30d, then drop\" }\n"
    "segment letter { purpose = letter legal-basis = legitimate-interest\n"
    "  send-on = {\"daily 08:00-18:00\"} when-closed = \"hold 1d, then "
    "bounce\"\n"
    "  when-full = \"hold 10d\" }\n"
    "segment digest { purpose = digest legal-basis = legitimate-interest\n"
    "  yield = \"2d to {demo}\" }\n"
    "segment news { purpose = news legal-basis = legitimate-interest\n"
    "  keep-free = 1 send-on = {\"mon-fri 08:00-18:00\"} holidays = {de}\n"
    "  when-closed = \"hold 1d, then send\" when-full = \"hold 14d\" }\n";

struct world {
	const struct policy *policy;
	struct facts f;
	struct slot_fact slots[8], company[8];
	struct waiting_fact waiting[8], crowd[8];
	struct attribute_value values[1];
};

static void setup_with(struct world *w, const char *policy)
{
	struct error err = {0};

	*w = (struct world){0};
	OK(policy_parse(&w->policy, "p", str_of(policy), 1, &err) == 0, "%s",
	    err.text);
	if (w->policy == NULL)
		exit(1);
	w->f.slots = w->slots;
	w->f.waiting = w->waiting;
	w->f.company_slots = w->company;
	w->f.company_waiting = w->crowd;
	w->f.attributes = w->values;
	w->f.person = 1;
}

static void setup(struct world *w)
{
	setup_with(w, text);
}

static void teardown(struct world *w)
{
	policy_unref(&w->policy);
}

static uint32_t label(const char *segment)
{
	return policy_label(str_of(segment));
}

static void add_slot(struct world *w, const char *segment, int64_t at_ms)
{
	w->slots[w->f.n_slots++] = (struct slot_fact){.at_ms = at_ms,
	    .label = label(segment),
	    .state = SLOT_DELIVERED,
	    .counts = true};
}

static void add_colleague(struct world *w, uint64_t person, int64_t at_ms)
{
	w->f.has_company = true;
	w->company[w->f.n_company_slots++] = (struct slot_fact){.at_ms = at_ms,
	    .label = label("demo"),
	    .person = person,
	    .state = SLOT_DELIVERED,
	    .counts = true};
}

static void add_waiting(struct world *w, const char *segment, uint64_t id)
{
	w->waiting[w->f.n_waiting++] =
	    (struct waiting_fact){.copy_id = id, .label = label(segment)};
}

static struct verdict decide(
    const struct world *w, const char *segment, int64_t now_ms)
{
	struct verdict v;

	verdict_decide(w->policy,
	    policy_segment_find(w->policy, str_of(segment)), &w->f, now_ms, &v);
	return v;
}

static void is_held(const struct verdict *v, enum verdict_reason reason,
    int64_t earliest_ms, const char *what)
{
	OK(v->action == VERDICT_HOLD && v->reason == reason, "%s: %s %s", what,
	    verdict_action_name(v->action), verdict_reason_name(v->reason));
	IS_INT(v->earliest_ms - NOW, earliest_ms - NOW, "%s", what);
}

/* Refused one millisecond before, allowed at it. */
static void is_exact(
    const struct world *w, const char *segment, int64_t at_ms, const char *what)
{
	struct verdict before = decide(w, segment, at_ms - 1);
	struct verdict at = decide(w, segment, at_ms);

	OK(before.action != VERDICT_ALLOW, "%s: refused before", what);
	OK(at.action == VERDICT_ALLOW, "%s: allowed at it, %s", what,
	    verdict_reason_name(at.reason));
}

static void test_calendar(void)
{
	struct world w;
	struct verdict v;

	setup(&w);
	/* Monday of this week; then it is full until the next Monday. */
	add_slot(&w, "event", MIDNIGHT - 3 * DAY);
	v = decide(&w, "event", NOW);
	is_held(&v, REASON_SEGMENT_CAP, MIDNIGHT + 4 * DAY, "one a week");
	OK(str_eq(v.rule->text, STR("at-most = \"1 per week\"")), "its line");
	is_exact(&w, "event", MIDNIGHT + 4 * DAY, "week");
	w.slots[0].at_ms = MIDNIGHT - 3 * DAY - 1;
	v = decide(&w, "event", NOW);
	OK(v.action == VERDICT_ALLOW, "a slot of last Sunday is last week's");
	teardown(&w);
}

static void test_people(void)
{
	struct world w;
	struct verdict v;

	setup(&w);
	add_colleague(&w, 2, NOW - HOUR);
	add_colleague(&w, 2, NOW - 2 * HOUR);
	v = decide(&w, "demo", NOW);
	OK(v.action == VERDICT_ALLOW, "two messages to one colleague: one "
				      "of two people");
	add_colleague(&w, 3, NOW - 3 * HOUR);
	v = decide(&w, "demo", NOW);
	is_held(&v, REASON_COMPANY_CAP, MIDNIGHT + DAY, "two other people");
	OK(v.scope == POLICY_PER_COMPANY, "of the company");
	is_exact(&w, "demo", MIDNIGHT + DAY, "people");
	w.company[2].person = 1;
	v = decide(&w, "demo", NOW);
	OK(v.action == VERDICT_ALLOW, "who is among them adds nobody");
	w.f.has_company = false;
	w.company[2].person = 3;
	v = decide(&w, "demo", NOW);
	OK(v.action == VERDICT_ALLOW, "without a company no such limit");
	teardown(&w);
}

/* A company's day is the policy's, a person's his own. */
static void test_zones(void)
{
	struct zones *zones = NULL;
	const struct zone *tokyo = NULL;
	struct world w;
	struct verdict v;

	setup(&w);
	OK(zones_open(&zones) == 0 &&
		zones_find(zones, STR("Asia/Tokyo"), &tokyo) == 0,
	    "Tokyo");
	w.f.zone = tokyo;
	add_colleague(&w, 2, NOW - HOUR);
	add_colleague(&w, 3, NOW - 2 * HOUR);
	v = decide(&w, "demo", NOW);
	is_held(&v, REASON_COMPANY_CAP, MIDNIGHT + DAY, "midnight in UTC");
	w.f.has_company = false;
	add_slot(&w, "event", NOW - DAY);
	v = decide(&w, "event", NOW);
	is_held(&v, REASON_SEGMENT_CAP, MIDNIGHT + 4 * DAY - 9 * HOUR,
	    "Monday in Tokyo");
	teardown(&w);
	zones_close(&zones);
}

/* Somebody among the company's people today is none of them tomorrow, when two
 * others already are. */
static void test_people_later(void)
{
	static const char people[] =
	    "company { at-most-people = \"2 per 1d\" apart = 10h }\n"
	    "segment demo { purpose = demo legal-basis = legitimate-interest\n"
	    "  send-on = {\"daily 12:00-13:00\"} }\n";
	struct world w;
	struct verdict v;
	struct error err = {0};

	setup(&w);
	policy_unref(&w.policy);
	OK(policy_parse(&w.policy, "p", STR(people), 1, &err) == 0, "%s",
	    err.text);
	add_colleague(&w, 1, NOW - 20 * HOUR);
	add_colleague(&w, 2, NOW + HOUR);
	add_colleague(&w, 3, NOW + 2 * HOUR);
	v = decide(&w, "demo", NOW + 3 * HOUR);
	is_held(&v, REASON_COMPANY_CAP, NOW + 2 * DAY, "not the next noon");
	is_exact(&w, "demo", NOW + 2 * DAY, "people again");
	teardown(&w);
}

static void test_audience(void)
{
	struct world w;
	struct verdict v;

	setup(&w);
	add_slot(&w, "demo", NOW - 3 * DAY);
	v = decide(&w, "demo", NOW);
	OK(v.action == VERDICT_ALLOW, "nobody in particular");
	w.values[0] = (struct attribute_value){
	    .label = label("role"), .type = ATTRIBUTE_TEXT, .text = STR("CTO")};
	w.f.n_attributes = 1;
	v = decide(&w, "event", NOW);
	IS_INT(v.earliest_ms, MIDNIGHT + 22 * DAY, "a chief: one a month");
	OK(v.reason == REASON_PERSON_CAP, "of the person");
	teardown(&w);
}

static void test_order(void)
{
	struct world w;
	struct verdict v;

	setup(&w);
	w.f.n_slots = 0;
	add_slot(&w, "event", NOW - 5 * DAY);
	add_waiting(&w, "demo", 7);
	v = decide(&w, "event", NOW);
	OK(v.action == VERDICT_HOLD && v.reason == REASON_ORDER,
	    "what is free is left to the demo: %s",
	    verdict_reason_name(v.reason));
	w.waiting[0].label = label("news");
	v = decide(&w, "event", NOW);
	OK(v.action == VERDICT_ALLOW, "news wait behind events");
	w.waiting[0].label = label("event");
	v = decide(&w, "event", NOW);
	OK(v.reason == REASON_ORDER, "an older event goes first");
	w.f.copy_id = 6;
	v = decide(&w, "event", NOW);
	OK(v.action == VERDICT_ALLOW, "and not a younger one");
	w.f.copy_id = 7;
	v = decide(&w, "event", NOW);
	OK(v.action == VERDICT_ALLOW, "nor itself");
	teardown(&w);
}

/* One that cannot go for long keeps no place that is free again by then. An
 * invitation, one a month, goes before a demo. */
static void test_far_ahead(void)
{
	struct world w;
	struct verdict v;

	setup(&w);
	add_slot(&w, "invite", NOW - 24 * DAY);
	add_slot(&w, "event", NOW - 5 * DAY);
	add_waiting(&w, "invite", 7);
	v = decide(&w, "demo", NOW);
	OK(v.reason == REASON_ORDER, "an invitation that goes within seven "
				     "days keeps one of two a week");
	w.slots[0].at_ms = NOW - 23 * DAY;
	v = decide(&w, "demo", NOW);
	OK(v.action == VERDICT_ALLOW, "and one that goes later does not: %s",
	    verdict_reason_name(v.reason));
	w.slots[0].state = SLOT_QUEUED;
	v = decide(&w, "demo", NOW);
	OK(v.action == VERDICT_ALLOW, "whenever the last one was delivered");
	w.slots[0].at_ms = NOW - 24 * DAY;
	v = decide(&w, "demo", NOW);
	OK(v.reason == REASON_ORDER, "which may be so long ago: %s",
	    verdict_reason_name(v.reason));
	teardown(&w);
}

/* What was held for long by a limit does not end since its hours are closed when
 * it is looked at, and their patience is over. */
static void test_held_until(void)
{
	struct world w;
	struct verdict v;

	setup(&w);
	w.f.copy_id = 3;
	w.f.arrived_ms = NOW - 3 * DAY;
	v = decide(&w, "letter", MIDNIGHT);
	OK(v.action == VERDICT_REJECT && v.reason == REASON_CLOSED,
	    "after a day the hours' patience is over");
	w.f.held_until_ms = NOW + DAY;
	v = decide(&w, "letter", MIDNIGHT);
	OK(v.action == VERDICT_HOLD && v.deadline_ms == NOW + DAY &&
		v.earliest_ms == MIDNIGHT + 8 * HOUR,
	    "but it was to be held until later, and is");
	w.f.held_until_ms = MIDNIGHT + 7 * HOUR;
	v = decide(&w, "letter", MIDNIGHT);
	OK(v.action == VERDICT_REJECT, "if that is late enough");
	w.f.arrived_ms = MIDNIGHT - HOUR;
	v = decide(&w, "letter", MIDNIGHT);
	OK(v.deadline_ms == w.f.arrived_ms + DAY, "it ends nothing earlier");
	teardown(&w);
}

/* Of several that wait the second's turn is a window after the first's. */
static void test_turns(void)
{
	struct world w;
	struct verdict v;

	setup(&w);
	add_slot(&w, "event", NOW);
	add_waiting(&w, "event", 3);
	add_waiting(&w, "event", 4);
	w.f.copy_id = 3;
	v = decide(&w, "event", NOW + HOUR);
	OK(v.earliest_ms == MIDNIGHT + 4 * DAY, "the first: on Monday");
	w.f.copy_id = 4;
	v = decide(&w, "event", NOW + HOUR);
	OK(v.earliest_ms == MIDNIGHT + 11 * DAY, "the second: a week later");
	teardown(&w);
}

/* Whatever a person's own wait for, they go before of the company's places. */
static void test_company_order(void)
{
	struct world w;
	struct verdict v;

	setup(&w);
	for (uint64_t i = 0; i < 4; i++)
		add_colleague(&w, 2, NOW - HOUR);
	v = decide(&w, "event", NOW);
	OK(v.action == VERDICT_ALLOW, "the fifth of five a day");
	w.crowd[w.f.n_company_waiting++] = (struct waiting_fact){
	    .copy_id = 3, .person = 2, .label = label("demo")};
	v = decide(&w, "event", NOW);
	OK(v.reason == REASON_ORDER && v.scope == POLICY_PER_COMPANY,
	    "is left to a colleague's demo that waits for it");
	v = decide(&w, "demo", NOW);
	OK(v.reason == REASON_ORDER, "which is older");
	w.f.n_company_waiting = 0;
	add_waiting(&w, "demo", 3);
	for (size_t i = 0; i < 4; i++)
		w.company[i].at_ms = MIDNIGHT;
	v = decide(&w, "event", MIDNIGHT + HOUR);
	OK(v.reason == REASON_ORDER && v.scope == POLICY_PER_COMPANY,
	    "and to his own, whatever that waits for");
	IS_INT(v.earliest_ms, MIDNIGHT + DAY, "until tomorrow");
	teardown(&w);
}

static void test_yield(void)
{
	struct world w;
	struct verdict v;

	setup(&w);
	add_slot(&w, "demo", NOW - 30 * HOUR);
	v = decide(&w, "digest", NOW);
	is_held(&v, REASON_YIELD, NOW + 18 * HOUR, "two days after a demo");
	OK(v.then == POLICY_THEN_SEND, "then send");
	IS_INT(v.deadline_ms, NOW + 2 * DAY, "at most two days");
	w.f.arrived_ms = NOW;
	is_exact(&w, "digest", NOW + 18 * HOUR, "yield");
	w.f.arrived_ms = NOW - 40 * HOUR;
	v = decide(&w, "digest", NOW);
	is_held(&v, REASON_YIELD, NOW + 8 * HOUR, "from its own arrival");
	is_exact(&w, "digest", NOW + 8 * HOUR, "patience");
	v = decide(&w, "event", NOW);
	OK(v.action == VERDICT_ALLOW, "events yield to nobody");
	w.f.n_slots = 0;
	add_waiting(&w, "demo", 3);
	w.f.arrived_ms = NOW;
	v = decide(&w, "digest", NOW);
	OK(v.reason == REASON_ORDER, "apart leaves the next to the demo");
	teardown(&w);
}

static void test_hours(void)
{
	struct world w;
	struct verdict v;
	int64_t friday_ms = MIDNIGHT + DAY + 17 * HOUR;

	setup(&w);
	v = decide(&w, "news", NOW);
	OK(v.action == VERDICT_ALLOW, "Thursday noon");
	v = decide(&w, "news", friday_ms + HOUR);
	is_held(&v, REASON_CLOSED, friday_ms + HOUR + DAY,
	    "Friday 18:00: patience ends before Monday");
	OK(v.then == POLICY_THEN_SEND, "then send");
	IS_INT(v.deadline_ms, friday_ms + HOUR + DAY, "its deadline");
	w.f.arrived_ms = friday_ms + HOUR;
	is_exact(&w, "news", friday_ms + HOUR + DAY, "patience");
	v = decide(&w, "news", MIDNIGHT + 7 * HOUR);
	w.f.arrived_ms = 0;
	v = decide(&w, "news", MIDNIGHT + 7 * HOUR);
	is_held(&v, REASON_CLOSED, MIDNIGHT + 8 * HOUR, "before eight");
	is_exact(&w, "news", MIDNIGHT + 8 * HOUR, "eight");
	v = decide(&w, "news", MIDNIGHT + 15 * DAY + 9 * HOUR);
	OK(v.reason == REASON_CLOSED, "a holiday");
	teardown(&w);
}

static void test_deadline(void)
{
	struct world w;
	struct verdict v;

	setup(&w);
	add_slot(&w, "event", MIDNIGHT - 3 * DAY);
	w.f.arrived_ms = NOW - 29 * DAY;
	v = decide(&w, "event", NOW);
	OK(v.action == VERDICT_DROP && v.reason == REASON_SEGMENT_CAP,
	    "cannot be free by its deadline: decided at once");
	w.f.arrived_ms = NOW - 26 * DAY;
	v = decide(&w, "event", NOW);
	OK(v.action == VERDICT_HOLD, "just in time");
	IS_INT(v.deadline_ms, NOW + 4 * DAY, "from its arrival");
	teardown(&w);
}

/* Who is behind others may still get a place: they may end without one. */
static void test_deadline_behind(void)
{
	struct world w;
	struct verdict v;

	setup(&w);
	add_slot(&w, "event", MIDNIGHT - 3 * DAY);
	for (uint64_t i = 0; i < 6; i++)
		add_waiting(&w, "event", 1 + i);
	v = decide(&w, "event", NOW);
	OK(v.action == VERDICT_HOLD && v.earliest_ms > v.deadline_ms,
	    "seventh in a queue of one a week, thirty days: held all the same");
	IS_INT(v.deadline_ms, NOW + 30 * DAY, "to its deadline");
	w.f.arrived_ms = NOW - 27 * DAY;
	v = decide(&w, "event", NOW);
	OK(v.action == VERDICT_DROP,
	    "and not where even the first came too late");
	teardown(&w);
}

/* One that is ahead is in the way while its hours let it go; who is behind looks
 * again when they close. */
static void test_ahead_closes(void)
{
	static const char weekly[] =
	    "order = {early, late, last}\n"
	    "person { at-most = \"2 per 36h\" }\n"
	    "segment early { purpose = a legal-basis = legitimate-interest\n"
	    "  send-on = {\"thu 08:00-18:00\"} }\n"
	    "segment late { purpose = b legal-basis = legitimate-interest }\n"
	    "segment last { purpose = c legal-basis = legitimate-interest }\n";
	struct world w;
	struct verdict v;

	setup_with(&w, weekly);
	add_slot(&w, "late", NOW - DAY);
	w.slots[0].state = SLOT_PROPOSED; /* nobody knows when */
	add_waiting(&w, "early", 1);
	w.f.copy_id = 2;
	v = decide(&w, "late", NOW);
	OK(v.action == VERDICT_HOLD && v.reason == REASON_ORDER, "in the way");
	IS_INT(v.earliest_ms, NOW + 36 * HOUR, "until a second place is free");
	IS_INT(v.look_ms, NOW + 6 * HOUR, "or it closes");
	v = decide(&w, "late", v.look_ms - 1);
	OK(v.action == VERDICT_HOLD, "not before");
	v = decide(&w, "late", NOW + 6 * HOUR);
	OK(v.action == VERDICT_ALLOW, "then it waits for a week, too long");
	v = decide(&w, "late", NOW - 5 * HOUR);
	IS_INT(v.look_ms, NOW + 6 * HOUR, "it opens and closes");
	w.waiting[0].label = label("late");
	v = decide(&w, "last", NOW);
	OK(v.action == VERDICT_HOLD && v.look_ms == 0,
	    "one without hours does not close");
	teardown(&w);
}

int main(void)
{
	test_calendar();
	test_people();
	test_zones();
	test_people_later();
	test_audience();
	test_order();
	test_far_ahead();
	test_held_until();
	test_turns();
	test_company_order();
	test_yield();
	test_hours();
	test_deadline();
	test_deadline_behind();
	test_ahead_closes();
	return tap_done();
}
