/* test_when.c - durations, limits, sizes; each refusal says what to write. */
#include "tests/unit/tap.h"

#include "policy/base/when.h"

static void test_duration(void)
{
	static const struct {
		const char *text;
		int64_t ms; /* 0: refused */
		const char *why;
	} cases[] = {
	    {"90s", 90 * WHEN_SECOND_MS, NULL},
	    {"15m", 15 * WHEN_MINUTE_MS, NULL},
	    {"20h", 20 * WHEN_HOUR_MS, NULL},
	    {"7d", WHEN_WEEK_MS, NULL},
	    {"2w", 2 * WHEN_WEEK_MS, NULL},
	    {"1d 12h", 36 * WHEN_HOUR_MS, NULL},
	    {"1d12h", 36 * WHEN_HOUR_MS, NULL},
	    {" 1 d ", WHEN_DAY_MS, NULL},
	    {"3660d", WHEN_MAX_MS, NULL},
	    {"3661d", 0, "longer than ten years (3660d)"},
	    {"4294967295w", 0, "longer than ten years (3660d)"},
	    {"4294967296s", 0,
		"\"4294967296\" is too large: at most "
		"4294967295"},
	    {"", 0, "empty; a duration is written as \"7d\" or \"20h\""},
	    {"0h", 0, "must be longer than nothing"},
	    {"010h", 0, "\"010\" starts with a zero; write it without"},
	    {"12", 0,
		"\"12\" has no unit; write for example \"12d\" or \"12h\""},
	    {"20 hours", 0, "unit \"hours\" is written \"h\"; write \"20h\""},
	    {"20H", 0, "unit \"H\" must be a small letter; write \"20h\""},
	    {"3 months", 0,
		"unknown unit \"months\"; the units are w, d, h, m (minutes) "
		"and s"},
	    {"12h 1d", 0, "units must fall, each once, as in \"1d 12h\""},
	    {"1d 1d", 0, "units must fall, each once, as in \"1d 12h\""},
	    {"-1d", 0,
		"\"-1d\" is not a number with a unit such as \"7d\" or "
		"\"20h\""},
	    {"1d and", 0,
		"\"and\" is not a number with a unit such as \"7d\" or "
		"\"20h\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		int64_t ms = 0;
		int rc = when_duration(str_of(cases[i].text), &ms, &err);

		OK((rc == 0) == (cases[i].why == NULL), "\"%s\" %s",
		    cases[i].text, cases[i].why ? "refused" : "read");
		IS_INT(ms, cases[i].ms, "its length");
		IS_STR(err.text, cases[i].why ? cases[i].why : "", "its text");
	}
}

static void test_format(void)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
	    {WHEN_WEEK_MS, "7d"},
	    {36 * WHEN_HOUR_MS, "1d 12h"},
	    {61 * WHEN_SECOND_MS, "1m 1s"},
	    {1500, "1s 500ms"},
	    {0, "0s"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b;

		buf_init(&b, 100);
		when_format(&b, cases[i].ms);
		IS_S(buf_str(&b), str_of(cases[i].text), "format %s",
		    cases[i].text);
		buf_fini(&b);
	}
}

static void test_limit(void)
{
	static const struct {
		const char *text;
		uint32_t n;
		int64_t span;
		enum calendar_unit unit;
		const char *why;
	} cases[] = {
	    {"1 per 7d", 1, WHEN_WEEK_MS, 0, NULL},
	    {"0 per 7d", 0, WHEN_WEEK_MS, 0, NULL},
	    {" 12  per 1d 12h ", 12, 36 * WHEN_HOUR_MS, 0, NULL},
	    {"2 per day", 2, 0, CALENDAR_DAY, NULL},
	    {" 1  per  week ", 1, 0, CALENDAR_WEEK, NULL},
	    {"6 per Month", 6, 0, CALENDAR_MONTH, NULL},
	    {"0 per month", 0, 0, CALENDAR_MONTH, NULL},
	    {"20 per quarter", 0, 0, 0,
		"\"per quarter\" is not counted by the calendar, only day, "
		"week "
		"and month are; write the rolling form \"20 per 90d\""},
	    {"1 per year", 0, 0, 0,
		"\"per year\" is not counted by the calendar, only day, week "
		"and month are; write the rolling form \"1 per 365d\""},
	    {"1 per weeks", 0, 0, 0,
		"\"weeks\" is not a number with a unit such as \"7d\" or "
		"\"20h\""},
	    {"1 per week day", 0, 0, 0,
		"\"week day\" is not a number with a unit such as \"7d\" or "
		"\"20h\""},
	    {"4294967296 per day", 0, 0, 0,
		"\"4294967296\" is too large: at most 4294967295"},
	    {"010 per 7d", 0, 0, 0,
		"\"010\" starts with a zero; write it without"},
	    {"one per 7d", 0, 0, 0,
		"\"one per 7d\" is not of the form \"2 per 7d\" or \"2 per "
		"week\""},
	    {"1 per", 0, 0, 0,
		"empty; a duration is written as \"7d\" or \"20h\""},
	    {"1 in 7d", 0, 0, 0,
		"\"1 in 7d\" is not of the form \"2 per 7d\" or \"2 per "
		"week\""},
	    {"1/7d", 0, 0, 0,
		"\"1/7d\" is not of the form \"2 per 7d\" or \"2 per week\""},
	    {"1 per 7 days", 0, 0, 0,
		"unit \"days\" is written \"d\"; write \"7d\""},
	    {"week", 0, 0, 0,
		"\"week\" is not of the form \"2 per 7d\" or \"2 per week\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct when_limit limit;
		struct error err = {0};
		int rc = when_limit(str_of(cases[i].text), &limit, &err);

		OK((rc == 0) == (cases[i].why == NULL), "\"%s\" %s",
		    cases[i].text, cases[i].why ? "refused" : "read");
		IS_STR(err.text, cases[i].why ? cases[i].why : "", "its text");
		if (rc != 0)
			continue;
		IS_INT(limit.n, cases[i].n, "its number");
		IS_INT(limit.span_ms, cases[i].span, "its span");
		IS_INT(limit.unit, cases[i].unit, "its unit");
	}
}

static void test_size(void)
{
	static const struct {
		const char *text;
		size_t n;
		const char *why;
	} cases[] = {
	    {"4096", 4096, NULL},
	    {"256K", 256 << 10, NULL},
	    {"50M", 50 << 20, NULL},
	    {"1G", 1 << 30, NULL},
	    {"2T", (size_t)2 << 40, NULL},
	    {"50MB", 0,
		"unknown unit \"MB\"; a size ends in K, M, G, T or nothing "
		"(bytes), as in \"50M\""},
	    {"1k", 0,
		"unknown unit \"k\"; a size ends in K, M, G, T or nothing "
		"(bytes), as in \"50M\""},
	    {"M", 0, "\"M\" is not a size such as \"50M\" or \"4096\""},
	    {"", 0, "\"\" is not a size such as \"50M\" or \"4096\""},
	    {"010", 0, "\"010\" starts with a zero; write it without"},
	    {"18446744073709551615T", 0,
		"\"18446744073709551615T\" is too large"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		size_t n = 0;
		int rc = when_size(str_of(cases[i].text), &n, &err);

		OK((rc == 0) == (cases[i].why == NULL), "\"%s\" %s",
		    cases[i].text, cases[i].why ? "refused" : "read");
		OK(rc != 0 || n == cases[i].n, "its value");
		IS_STR(err.text, cases[i].why ? cases[i].why : "", "its text");
	}
}

int main(void)
{
	test_duration();
	test_format();
	test_limit();
	test_size();
	return tap_done();
}
