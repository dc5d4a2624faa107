/* test_suppress.c - what one suppression does to another, and whom they
 * cover. */
#include "tests/unit/storetest.h"

#include "policy/base/clock.h"
#include "policy/state/counter.h"

#define DAY_MS INT64_C(86400000)

static struct storetest T;

static void open_all(void)
{
	storetest_open(&T);
	IS_INT(storetest_policy(&T, "segment demo { purpose = demos "
				    "legal-basis = legitimate-interest }\n"
				    "segment news { purpose = news "
				    "legal-basis = legitimate-interest }\n"),
	    0, "policy");
}

static bool add(const char *target, const char *segment,
    enum suppression_reason reason, int64_t until_ms)
{
	struct ops_suppress in = {.reason = reason,
	    .segment = str_of(segment),
	    .until_ms = until_ms,
	    .origin = STR("test"),
	    .author = STR("test")};
	struct error err = {0};
	bool changed = false;

	if (ops_target_parse(T.arena, str_of(target), &in.target, &err) != 0 ||
	    ops_suppress_add(T.store, &in, &changed, &err) != 0)
		OK(false, "suppress %s: %s", target, err.text);
	return changed;
}

static enum verdict_reason ask(const char *to, int64_t at_ms)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&T, to),
	    .segment = STR("demo"),
	    .stream = STR("apps")};
	struct decide_out out;
	struct error err = {0};

	if (decide_explain(T.store, &in, NULL, at_ms, &out, &err) != 0)
		printf("# explain: %s\n", err.text);
	decide_fini(&out);
	return out.verdict.reason;
}

/* The last word counts only if it says more. */
static void test_weight(void)
{
	static const struct {
		enum suppression_reason first, then;
		int first_days, then_days; /* 0: for ever; -1: is over */
		bool changed;
	} cases[] = {
	    {SUPPRESSION_OPT_OUT, SUPPRESSION_MANUAL, 0, 7, false},
	    {SUPPRESSION_OPT_OUT, SUPPRESSION_IMPORTED, 0, 0, false},
	    {SUPPRESSION_COMPLAINT, SUPPRESSION_USER_UNKNOWN, 0, 0, false},
	    {SUPPRESSION_COMPLAINT, SUPPRESSION_COMPLAINT, 0, 0, false},
	    {SUPPRESSION_USER_UNKNOWN, SUPPRESSION_COMPLAINT, 0, 0, true},
	    {SUPPRESSION_MANUAL, SUPPRESSION_OPT_OUT, 7, 0, true},
	    {SUPPRESSION_COMPLAINT, SUPPRESSION_MANUAL, 7, 30, true},
	    {SUPPRESSION_COMPLAINT, SUPPRESSION_MANUAL, 30, 7, false},
	    {SUPPRESSION_COMPLAINT, SUPPRESSION_MANUAL, -1, 7, true},
	};
	int64_t now = clock_now_ms();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char to[40];
		int64_t a = cases[i].first_days, b = cases[i].then_days;

		(void)snprintf(to, sizeof(to), "w%zu@w.example", i);
		OK(add(to, "", cases[i].first, a != 0 ? now + a * DAY_MS : 0),
		    "case %zu: first", i);
		IS_INT(
		    add(to, "", cases[i].then, b != 0 ? now + b * DAY_MS : 0),
		    cases[i].changed, "case %zu: then", i);
	}
	IS_INT(ask("w0@w.example", now + 8 * DAY_MS), REASON_SUPPRESSED,
	    "an opt-out outlives a pause of a week");
}

/* Many rows of other segments, and the one that binds comes last. */
static void test_many(void)
{
	char segment[20];

	for (int i = 0; i < 70; i++) {
		(void)snprintf(segment, sizeof(segment), "other%d", i);
		(void)add("many@m.example", segment, SUPPRESSION_MANUAL, 0);
	}
	IS_INT(ask("many@m.example", clock_now_ms()), REASON_ALLOWED,
	    "70 other segments");
	OK(add("@m.example", "", SUPPRESSION_MANUAL, 0), "the domain");
	IS_INT(ask("many@m.example", clock_now_ms()), REASON_SUPPRESSED,
	    "is not lost among them");
}

static void test_domains(void)
{
	static const struct {
		const char *target, *to;
		enum verdict_reason want;
	} cases[] = {
	    {"@intranet", "ann@intranet", REASON_SUPPRESSED},
	    {"@intranet", "ann@notintranet", REASON_ALLOWED},
	    {"@intranet", "ann@x.intranet", REASON_ALLOWED},
	    {"@dom.example", "ann@dom.example", REASON_SUPPRESSED},
	    {"@dom.example", "ann@a.b.dom.example", REASON_SUPPRESSED},
	    {"@dom.example", "ann@nodom.example", REASON_ALLOWED},
	    {"@dom.example", "ann@dom.example.org", REASON_ALLOWED},
	    {"@dom.example", "ann@om.example", REASON_ALLOWED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)add(cases[i].target, "", SUPPRESSION_MANUAL, 0);
		IS_INT(ask(cases[i].to, clock_now_ms()), cases[i].want,
		    "%s and %s", cases[i].target, cases[i].to);
	}
}

static enum verdict_reason propose(
    const char *to, const char *segment, enum decide_mode mode)
{
	struct decide_in in = {.mode = mode,
	    .recipient = storetest_address(&T, to),
	    .segment = str_of(segment),
	    .stream = STR("apps")};
	struct decide_out out;
	struct error err = {0};

	if (decide_propose(T.store, &in, &out, &err) != 0)
		printf("# decide: %s\n", err.text);
	decide_fini(&out);
	return out.verdict.reason;
}

static int count_events(unsigned type)
{
	struct ledger_iter it;
	struct ledger_txn *t;
	struct event ev;
	int n = 0;

	if (ledger_read_begin(T.store->ledger, &t) != 0 ||
	    event_iter_open(t, 1, LEDGER_UP, &it) != 0)
		return -1;
	while (event_iter_next(&it, &ev) == 0)
		n += ev.type == type;
	ledger_iter_close(&it);
	ledger_read_end(&t);
	return n;
}

/* An auditor asks for the first refusal of a day: one that acted. */
static void test_audit(void)
{
	int before = count_events(EV_REFUSED);

	(void)add("audit@w.example", "", SUPPRESSION_MANUAL, 0);
	(void)propose("audit@w.example", "demo", DECIDE_SHADOW);
	IS_INT(count_events(EV_REFUSED) - before, 0, "shadow mode: no refusal");
	(void)propose("audit@w.example", "demo", DECIDE_SEND);
	(void)propose("audit@w.example", "demo", DECIDE_SEND);
	IS_INT(count_events(EV_REFUSED) - before, 1, "the first one, once");
}

static int count_row(void *arg, const struct counter_row *r)
{
	(void)r;
	++*(int *)arg;
	return 0;
}

static int counters(void)
{
	struct ledger_txn *t;
	int n = 0;

	if (ledger_read_begin(T.store->ledger, &t) != 0)
		return -1;
	if (counter_each(t, 0, 0, count_row, &n) != 0)
		n = -1;
	ledger_read_end(&t);
	return n;
}

/* An application that names a new segment with each message. */
static void test_invented_segments(void)
{
	char name[20];
	int first;

	IS_INT(propose("inv@w.example", "s0", DECIDE_SEND),
	    REASON_UNKNOWN_SEGMENT, "an unknown segment");
	first = counters();
	for (int i = 1; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "s%d", i);
		(void)propose("inv@w.example", name, DECIDE_SEND);
	}
	IS_INT(counters(), first, "no counter for each of its names");
}

int main(void)
{
	open_all();
	test_weight();
	test_many();
	test_domains();
	test_audit();
	test_invented_segments();
	storetest_close(&T);
	return tap_done();
}
