/* test_breaker.c - the lines of breaker { } and breaker-for { }, and the rule
 * that holds counts against them. */
#include "tests/unit/tap.h"

#include "policy/base/buf.h"
#include "policy/base/when.h"
#include "policy/rules/breaker.h"

#include <string.h>

static const struct policy *parse(const char *text, struct error *err)
{
	char whole[2000];
	const struct policy *p;

	(void)snprintf(whole, sizeof(whole),
	    "segment news { purpose = news }\nsegment demo { purpose = demo "
	    "}\n%s",
	    text);
	if (policy_parse(&p, "t.policy", str_of(whole), 1, err) != 0)
		return NULL;
	return p;
}

/* --- lines --- */

static void test_defaults(void)
{
	struct error err = {0};
	const struct policy *p = parse("", &err);
	struct policy_breaker b;

	if (p == NULL)
		exit(1);
	b = policy_breaker_of(p, STR("news"));
	OK(b.mode == POLICY_BREAKER_ENFORCE && b.window_ms == 7 * WHEN_DAY_MS &&
		b.min_sample == 200 && b.min_count == 3,
	    "mode, window, sample");
	OK(b.lines[POLICY_COMPLAINTS].warn == 100 &&
		b.lines[POLICY_COMPLAINTS].stop == 300,
	    "complaints");
	OK(b.lines[POLICY_HARD_BOUNCES].warn == 2000 &&
		b.lines[POLICY_HARD_BOUNCES].stop == 5000,
	    "bounces");
	OK(b.lines[POLICY_UNSUBSCRIBES].warn == 1000 &&
		b.lines[POLICY_UNSUBSCRIBES].stop == 2000,
	    "opt-outs");
	OK(b.lines[POLICY_OUR_FAULTS].warn == 2000 &&
		b.lines[POLICY_OUR_FAULTS].stop == 5000,
	    "faults of ours");
	OK(b.resume == POLICY_RESUME_BY_HAND, "resumed by hand");
	IS_S(b.lines[POLICY_COMPLAINTS].rule.text,
	    STR("complaints = \"0.1%, 0.3%\" (default)"), "a rule to show");
	policy_unref(&p);
}

static void test_own(void)
{
	static const char text[] =
	    "breaker { window = 2d complaints = {\"0.05%\", \"0.2%\"}\n"
	    "  unsubscribes = \"off\" resume = \"after 24h\"\n"
	    "  our-faults = \"3%, 4%\" }\n"
	    "breaker-for news { complaints = \"1%, 2.5%\" min-sample = 50\n"
	    "  our-faults = \"off\" mode = shadow resume = \"below-warn\" }\n";
	struct error err = {0};
	const struct policy *p = parse(text, &err);
	struct policy_breaker all, news;

	IS_STR(err.text, "", "accepted");
	if (p == NULL)
		return;
	all = policy_breaker_of(p, STR("demo"));
	news = policy_breaker_of(p, STR("news"));
	OK(all.lines[POLICY_COMPLAINTS].warn == 50 &&
		all.lines[POLICY_COMPLAINTS].stop == 200,
	    "another segment has the common lines");
	OK(all.lines[POLICY_UNSUBSCRIBES].stop == 0, "off");
	OK(all.lines[POLICY_OUR_FAULTS].warn == 3000 &&
		all.lines[POLICY_OUR_FAULTS].stop == 4000 &&
		news.lines[POLICY_OUR_FAULTS].set &&
		news.lines[POLICY_OUR_FAULTS].stop == 0,
	    "faults of ours: in common, and off for the segment");
	OK(all.resume == POLICY_RESUME_AFTER &&
		all.resume_ms == 24 * WHEN_HOUR_MS,
	    "resumes after a day");
	OK(news.lines[POLICY_COMPLAINTS].warn == 1000 &&
		news.lines[POLICY_COMPLAINTS].stop == 2500 &&
		news.min_sample == 50 && news.mode == POLICY_BREAKER_SHADOW &&
		news.resume == POLICY_RESUME_BELOW_WARN,
	    "the segment has its own");
	OK(news.window_ms == 2 * WHEN_DAY_MS && news.min_count == 3 &&
		news.lines[POLICY_UNSUBSCRIBES].stop == 0,
	    "and the rest in common");
	IS_INT(news.lines[POLICY_COMPLAINTS].rule.line, 6, "line");
	IS_S(news.lines[POLICY_COMPLAINTS].rule.section,
	    STR("breaker-for news"), "section");
	IS_S(news.lines[POLICY_COMPLAINTS].rule.text,
	    STR("complaints = \"1%, 2.5%\""), "text");
	OK(policy_breaker_of(p, STR("")).window_ms == 2 * WHEN_DAY_MS,
	    "campaigns and domains: in common");
	policy_unref(&p);
}

static void test_refused(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"breaker { complaints = \"0.1%\" }", "expected two rates"},
	    {"breaker { complaints = {\"1%\", \"2%\", \"3%\"} }",
		"expected two rates"},
	    {"breaker { complaints = {\"0.3%\", \"0.1%\"} }", "above the one"},
	    {"breaker { complaints = {\"0%\", \"1%\"} }", "expected two"},
	    {"breaker { complaints = {\"0.1\", \"0.3\"} }", "expected two"},
	    {"breaker { complaints = {\"0.0001%\", \"1%\"} }", "expected two"},
	    {"breaker { complaints = {\"1%\", \"100.001%\"} }", "expected two"},
	    {"breaker { complaints = {\"01%\", \"2%\"} }", "expected two"},
	    {"breaker { complaints = {\"1.%\", \"2%\"} }", "expected two"},
	    {"breaker { complaints = {\".1%\", \"2%\"} }", "expected two"},
	    {"breaker { complaints = {\"-1%\", \"2%\"} }", "expected two"},
	    {"breaker { our-faults = {\"5%\", \"2%\"} }", "above the one"},
	    {"breaker { our-fault = \"off\" }", "our-faults"},
	    {"breaker { window = 59m }", "from 1h to 31d"},
	    {"breaker { window = 32d }", "from 1h to 31d"},
	    {"breaker { min-sample = 0 }", "min-sample"},
	    {"breaker { resume = \"after noon\" }", "after noon"},
	    {"breaker { resume = \"soon\" }", "expected \"by-hand\""},
	    {"breaker { mode = maybe }", "enforce"},
	    {"breaker news { }", "takes no name"},
	    {"breaker-for nwes { }", "there is no segment \"nwes\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		const struct policy *p = parse(cases[i].text, &err);

		OK(p == NULL && strstr(err.text, cases[i].want) != NULL,
		    "%s: %s", cases[i].text, err.text);
		policy_unref(&p);
	}
}

static void test_print(void)
{
	static const char text[] =
	    "breaker { complaints = {\"0.05%\", \"12.345%\"}\n"
	    "  hard-bounces = {\"1%\", \"100%\"} unsubscribes = \"off\"\n"
	    "  our-faults = {\"0.5%\", \"7%\"} mode = shadow resume = "
	    "\"below-warn\" }\n"
	    "breaker-for news { complaints = {\"1%\", \"2%\"} }\n";
	struct error err = {0};
	const struct policy *p = parse(text, &err), *again = NULL;
	struct buf b;

	buf_init(&b, 1 << 20);
	if (p == NULL)
		exit(1);
	policy_print(p, &b);
	OK(str_contains(buf_str(&b), STR("{\"0.05%\", \"12.345%\"}")),
	    "rates as they were");
	OK(str_contains(buf_str(&b), STR("{\"1%\", \"100%\"}")), "whole ones");
	OK(str_contains(buf_str(&b), STR("our-faults = {\"0.5%\", \"7%\"}")),
	    "faults of ours");
	IS_INT(policy_parse(&again, "p", buf_str(&b), 1, &err), 0,
	    "reads back: %s", err.text);
	if (again != NULL)
		IS_INT(
		    policy_diff(p, again, NULL, NULL), 0, "to the same rules");
	buf_fini(&b);
	policy_unref(&again);
	policy_unref(&p);
}

/* --- the rule --- */

#define BIG UINT64_MAX

static void test_reaches(void)
{
	static const struct {
		uint64_t count, of;
		uint32_t line;
		bool want;
	} cases[] = {
	    {3, 1000, 300, true}, /* exactly 0.3 % */
	    {2, 1000, 300, false},
	    {3, 1001, 300, false}, /* a message more */
	    {4, 1001, 300, true},
	    {1, 333, 300, true}, /* 0.3003 % */
	    {1, 334, 300, false},
	    {0, 1000, 300, false},
	    {0, 0, 300, false},
	    {5, 0, 300, false}, /* nothing delivered */
	    {5, 1000, 0, false},
	    {1000, 1000, POLICY_RATE_ALL, true},
	    {999, 1000, POLICY_RATE_ALL, false},
	    {BIG, BIG, POLICY_RATE_ALL, true},
	    {BIG - 1, BIG, POLICY_RATE_ALL, false},
	    {BIG, 1, 300, true},
	    {1, BIG, 1, false},
	    /* 64 bits would wrap: 2^62 of 2^63 is a half */
	    {UINT64_C(1) << 62, UINT64_C(1) << 63, 50000, true},
	    {(UINT64_C(1) << 62) - 1, UINT64_C(1) << 63, 50000, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		IS_INT(
		    breaker_reaches(cases[i].count, cases[i].of, cases[i].line),
		    cases[i].want, "%llu of %llu against %lu",
		    (unsigned long long)cases[i].count,
		    (unsigned long long)cases[i].of,
		    (unsigned long)cases[i].line);
}

static struct policy_breaker breaker(void)
{
	return (struct policy_breaker){.mode = POLICY_BREAKER_ENFORCE,
	    .window_ms = 7 * WHEN_DAY_MS,
	    .min_sample = 200,
	    .min_count = 3,
	    .lines = {[POLICY_COMPLAINTS] = {true, 100, 300, {0}},
		[POLICY_HARD_BOUNCES] = {true, 2000, 5000, {0}},
		[POLICY_UNSUBSCRIBES] = {true, 1000, 2000, {0}},
		[POLICY_OUR_FAULTS] = {true, 2000, 5000, {0}}},
	    .resume = POLICY_RESUME_BY_HAND};
}

static void test_judge(void)
{
	static const struct {
		const char *name;
		struct breaker_counts c;
		enum breaker_level level;
		enum policy_rate rate;
		uint32_t line;
		uint64_t of;
	} cases[] = {
	    {"nothing", {0}, BREAKER_OK, 0, 0, 0},
	    {"clean", {10000, 0, {9, 199, 99}, 0}, BREAKER_OK, 0, 0, 0},
	    {"complaints at the line to warn", {10000, 0, {10, 0, 0}, 0},
		BREAKER_WARN, POLICY_COMPLAINTS, 100, 10000},
	    {"one below the line to stop", {10000, 0, {29, 0, 0}, 0},
		BREAKER_WARN, POLICY_COMPLAINTS, 100, 10000},
	    {"complaints at the line to stop", {10000, 0, {30, 0, 0}, 0},
		BREAKER_STOP, POLICY_COMPLAINTS, 300, 10000},
	    {"below the sample", {199, 0, {199, 0, 199}, 0}, BREAKER_OK, 0, 0,
		0},
	    {"at the sample", {200, 0, {3, 0, 0}, 0}, BREAKER_STOP,
		POLICY_COMPLAINTS, 300, 200},
	    {"two are no rate", {200, 0, {2, 2, 2}, 0}, BREAKER_OK, 0, 0, 0},
	    {"delivered nothing, refused all", {0, 200, {0, 200, 0}, 0},
		BREAKER_STOP, POLICY_HARD_BOUNCES, 5000, 200},
	    {"bounces: those refused are of the base", {190, 10, {0, 10, 0}, 0},
		BREAKER_STOP, POLICY_HARD_BOUNCES, 5000, 200},
	    {"late bounces are not twice in it", {200, 0, {0, 10, 0}, 0},
		BREAKER_STOP, POLICY_HARD_BOUNCES, 5000, 200},
	    {"opt-outs", {1000, 0, {0, 0, 20}, 0}, BREAKER_STOP,
		POLICY_UNSUBSCRIBES, 2000, 1000},
	    {"a stop counts more than a warning before it",
		{1000, 0, {1 + 2, 0, 20}, 0}, BREAKER_STOP, POLICY_COMPLAINTS,
		300, 1000},
	    {"complaints warn, opt-outs stop", {2000, 0, {4, 0, 40}, 0},
		BREAKER_STOP, POLICY_UNSUBSCRIBES, 2000, 2000},
	    {"faults of ours at the line to warn", {98, 0, {0, 0, 0, 4}, 102},
		BREAKER_WARN, POLICY_OUR_FAULTS, 2000, 200},
	    {"one below it", {97, 0, {0, 0, 0, 3}, 103}, BREAKER_OK, 0, 0, 0},
	    {"and at the line to stop", {100, 0, {0, 0, 0, 10}, 100},
		BREAKER_STOP, POLICY_OUR_FAULTS, 5000, 200},
	    {"one more taken, and they are below it",
		{101, 0, {0, 0, 0, 10}, 100}, BREAKER_WARN, POLICY_OUR_FAULTS,
		2000, 201},
	    {"blocked everywhere", {0, 0, {0, 0, 0, 200}, 200}, BREAKER_STOP,
		POLICY_OUR_FAULTS, 5000, 200},
	    {"dead addresses are not of their base",
		{0, 199, {0, 0, 0, 199}, 199}, BREAKER_OK, 0, 0, 0},
	    {"nor they of bounces'", {0, 199, {0, 199, 0, 0}, 199}, BREAKER_OK,
		0, 0, 0},
	    {"sums that do not fit", {BIG, BIG, {0, BIG, 0}, 0}, BREAKER_STOP,
		POLICY_HARD_BOUNCES, 5000, BIG},
	};
	struct policy_breaker b = breaker();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct breaker_finding f;

		breaker_judge(&b, &cases[i].c, &f);
		IS_STR(breaker_level_name(f.level),
		    breaker_level_name(cases[i].level), "%s", cases[i].name);
		OK(f.line == cases[i].line && f.of == cases[i].of &&
			(f.level == BREAKER_OK || f.rate == cases[i].rate),
		    "%s: rate and line", cases[i].name);
	}
}

static void test_off(void)
{
	struct breaker_counts c = {1000, 0, {900, 0, 0}, 0};
	struct policy_breaker b = breaker();
	struct breaker_finding f;

	b.lines[POLICY_COMPLAINTS].warn = b.lines[POLICY_COMPLAINTS].stop = 0;
	breaker_judge(&b, &c, &f);
	IS_INT(f.level, BREAKER_OK, "a rate that is not watched");
}

static void test_resume(void)
{
	static const struct {
		const char *name;
		enum policy_resume rule;
		enum policy_breaker_mode mode;
		enum breaker_level level;
		int64_t now_ms;
		bool want;
	} cases[] = {
	    {"by hand", POLICY_RESUME_BY_HAND, POLICY_BREAKER_ENFORCE,
		BREAKER_OK, INT64_MAX, false},
	    {"still at the line to stop", POLICY_RESUME_BELOW_WARN,
		POLICY_BREAKER_ENFORCE, BREAKER_STOP, 5000, false},
	    {"between the lines: not yet", POLICY_RESUME_BELOW_WARN,
		POLICY_BREAKER_ENFORCE, BREAKER_WARN, 5000, false},
	    {"below the line to warn", POLICY_RESUME_BELOW_WARN,
		POLICY_BREAKER_ENFORCE, BREAKER_OK, 5000, true},
	    {"a millisecond before", POLICY_RESUME_AFTER,
		POLICY_BREAKER_ENFORCE, BREAKER_STOP, 1999, false},
	    {"after the time", POLICY_RESUME_AFTER, POLICY_BREAKER_ENFORCE,
		BREAKER_STOP, 2000, true},
	    {"a clock that went back", POLICY_RESUME_AFTER,
		POLICY_BREAKER_ENFORCE, BREAKER_OK, -5, false},
	    {"shadow lets go", POLICY_RESUME_BY_HAND, POLICY_BREAKER_SHADOW,
		BREAKER_STOP, 1000, true},
	    {"off lets go", POLICY_RESUME_BY_HAND, POLICY_BREAKER_OFF,
		BREAKER_STOP, 1000, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy_breaker b = breaker();

		b.mode = cases[i].mode;
		b.resume = cases[i].rule;
		b.resume_ms = 1000;
		IS_INT(
		    breaker_resumes(&b, cases[i].level, 1000, cases[i].now_ms),
		    cases[i].want, "%s", cases[i].name);
	}
}

int main(void)
{
	test_defaults();
	test_own();
	test_refused();
	test_print();
	test_reaches();
	test_judge();
	test_off();
	test_resume();
	return tap_done();
}
