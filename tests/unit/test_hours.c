/* test_hours.c - hours as people write them, and open or closed: examples,
 * then minute by minute against glibc's clock. */
#include "tests/unit/zonetest.h"

#include "policy/base/hours.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MS (1440 * MINUTE_MS)

enum {
	RANDOM_HOURS = 12, /* for each zone */
	MANY = 4,
};

static void test_range_text(void)
{
	static const struct {
		const char *text, *printed, *second, *why;
	} t[] = {
	    {"mon-fri 08:00-18:00", "mon-fri 08:00-18:00", NULL, NULL},
	    {" mon-fri  08:00-18:00 ", "mon-fri 08:00-18:00", NULL, NULL},
	    {"mon - fri 08:00 - 18:00", "mon-fri 08:00-18:00", NULL, NULL},
	    {"mon,wed 9:00-12:00", "mon,wed 09:00-12:00", NULL, NULL},
	    {"mon, wed-thu, sun 9:00-12:00", "mon,wed-thu,sun 09:00-12:00",
		NULL, NULL},
	    {"Mon-FRI 08:00-18:00", "mon-fri 08:00-18:00", NULL, NULL},
	    {"daily 08:00-20:00", "daily 08:00-20:00", NULL, NULL},
	    {"business-days 09:00-17:00", "mon-fri 09:00-17:00", NULL, NULL},
	    {"business-days,sat 09:00-17:00", "mon-sat 09:00-17:00", NULL,
		NULL},
	    {"sat-sun", "sat-sun", NULL, NULL},
	    {"sun-thu 09:00-17:00", "mon-thu,sun 09:00-17:00", NULL, NULL},
	    {"fri-mon", "mon,fri-sun", NULL, NULL},
	    {"tue", "tue", NULL, NULL},
	    {"daily", "daily", NULL, NULL},
	    {"08:00-20:00", "daily 08:00-20:00", NULL, NULL},
	    {"00:00-24:00", "daily", NULL, NULL},
	    {"mon 22:00-24:00", "mon 22:00-24:00", NULL, NULL},
	    {"mon 22:00-00:00", "mon 22:00-24:00", NULL, NULL},
	    {"22:00-06:00", "daily 22:00-24:00", "daily 00:00-06:00", NULL},
	    {"fri 22:00-06:00", "fri 22:00-24:00", "sat 00:00-06:00", NULL},
	    {"sat-sun 22:00-06:00", "sat-sun 22:00-24:00",
		"mon,sun 00:00-06:00", NULL},
	    {"", NULL, NULL,
		"empty; hours are written as \"mon-fri 08:00-18:00\""},
	    {"mon-fri 8-18", NULL, NULL,
		"\"8-18\": write the times as \"08:00-18:00\""},
	    {"mon-fri 8:00-18", NULL, NULL,
		"\"8:00-18\": write the times as \"08:00-18:00\""},
	    {"mon-fri 8.30-18.00", NULL, NULL,
		"\"8.30-18.00\": write the times as \"08:30-18:00\""},
	    {"mon-fri 0830-1800", NULL, NULL,
		"\"0830-1800\": write the times as \"08:30-18:00\""},
	    {"mon-fri 9am-5:30pm", NULL, NULL,
		"\"9am-5:30pm\": write the times as \"09:00-17:30\""},
	    {"mon-fri 9 AM - 12 pm", NULL, NULL,
		"\"9 AM - 12 pm\": write the times as \"09:00-12:00\""},
	    {"mon-fri 12am-6am", NULL, NULL,
		"\"12am-6am\": write the times as \"00:00-06:00\""},
	    {"mon-fri 8h-18h30", NULL, NULL,
		"\"8h-18h30\" is not from one time of the day to another; "
		"write it as \"08:00-18:00\""},
	    {"mon-fri 8h30-18h30", NULL, NULL,
		"\"8h30-18h30\": write the times as \"08:30-18:30\""},
	    {"mon-fri 13am-6pm", NULL, NULL,
		"\"13am-6pm\" is not from one time of the day to another; "
		"write it as \"08:00-18:00\""},
	    {"mon-fri 08:00-25:00", NULL, NULL,
		"\"08:00-25:00\" is not from one time of the day to another; "
		"write it as \"08:00-18:00\""},
	    {"mon-fri 08:00-24:01", NULL, NULL,
		"\"08:00-24:01\" is not from one time of the day to another; "
		"write it as \"08:00-18:00\""},
	    {"mon-fri 08:60-18:00", NULL, NULL,
		"\"08:60-18:00\" is not from one time of the day to another; "
		"write it as \"08:00-18:00\""},
	    {"mon-fri 08:0-18:00", NULL, NULL,
		"\"08:0-18:00\" is not from one time of the day to another; "
		"write it as \"08:00-18:00\""},
	    {"mon-fri 008:00-18:00", NULL, NULL,
		"\"008:00-18:00\" is not from one time of the day to another; "
		"write it as \"08:00-18:00\""},
	    {"mon-fri 08:00", NULL, NULL,
		"\"08:00\" is not from one time of the day to another; write "
		"it as \"08:00-18:00\""},
	    {"mon-fri from 8", NULL, NULL,
		"\"from 8\" cannot follow days; write them as in \"mon-fri "
		"08:00-18:00\" or \"mon,wed 08:00-18:00\""},
	    {"mon to fri", NULL, NULL,
		"\"to fri\" cannot follow days; write them as in \"mon-fri "
		"08:00-18:00\" or \"mon,wed 08:00-18:00\""},
	    {"mon-fri: 08:00-18:00", NULL, NULL,
		"\": 08:00-18:00\" cannot follow days; write them as in "
		"\"mon-fri 08:00-18:00\" or \"mon,wed 08:00-18:00\""},
	    {"mon8:00-9:00", NULL, NULL,
		"\"8:00-9:00\" cannot follow days; write them as in \"mon-fri "
		"08:00-18:00\" or \"mon,wed 08:00-18:00\""},
	    {"24:00-08:00", NULL, NULL,
		"the day ends at 24:00; one that begins is written \"00:00\""},
	    {"mon 08:00-08:00", NULL, NULL,
		"\"08:00-08:00\" begins when it ends; a whole day is written "
		"\"00:00-24:00\""},
	    {"monday 08:00-18:00", NULL, NULL, "\"monday\" is written \"mon\""},
	    {"Monday-Friday", NULL, NULL, "\"Monday\" is written \"mon\""},
	    {"mon-Friday", NULL, NULL, "\"Friday\" is written \"fri\""},
	    {"weekdays 08:00-18:00", NULL, NULL,
		"\"weekdays\" is written \"mon-fri\""},
	    {"working-days", NULL, NULL,
		"\"working-days\" is written \"business-days\""},
	    {"weekend", NULL, NULL, "\"weekend\" is written \"sat-sun\""},
	    {"every day 8:00-9:00", NULL, NULL,
		"\"every\" is written \"daily\""},
	    {"foo 08:00-18:00", NULL, NULL,
		"\"foo\" is not a day; the days are mon, tue, wed, thu, fri, "
		"sat, sun, or daily, or business-days"},
	    {"mon-8:00", NULL, NULL,
		"\"8:00\" is not a day; the days are mon, tue, wed, thu, fri, "
		"sat, sun, or daily, or business-days"},
	    {"daily-fri", NULL, NULL,
		"\"daily-fri\" is not a day; the days are mon, tue, wed, thu, "
		"fri, sat, sun, or daily, or business-days"},
	    {"mon,,wed", NULL, NULL,
		"\",wed\" is not a day; the days are mon, tue, wed, thu, fri, "
		"sat, sun, or daily, or business-days"},
	    {"mon,", NULL, NULL,
		"\"\" is not a day; the days are mon, tue, wed, thu, fri, sat, "
		"sun, or daily, or business-days"},
	    {"mon\xe2\x80\x93"
	     "fri 08:00-18:00",
		NULL, NULL,
		"a long dash; write the short one, as in \"mon-fri "
		"08:00-18:00\""},
	    {"mon-fri 08:00-12:00 13:00-17:00", NULL, NULL,
		"\"13:00-17:00\" is too much: days, then from when to when, as "
		"in \"mon-fri 08:00-18:00\"; more hours are a text of their "
		"own"},
	    {"mon-fri 08:00-18:00 Uhr", NULL, NULL,
		"\"Uhr\" is too much: days, then from when to when, as in "
		"\"mon-fri 08:00-18:00\"; more hours are a text of their own"},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct hours_range r[2] = {{0}}, back[2];
		struct error err = {0};
		size_t n = 0, n_back = 0;
		struct buf b;
		int rc = hours_parse_range(str_of(t[i].text), r, &n, &err);

		buf_init(&b, 100);
		OK((rc == 0) == (t[i].why == NULL), "\"%s\" %s", t[i].text,
		    t[i].why ? "refused" : "read");
		IS_STR(err.text, t[i].why ? t[i].why : "", "its text");
		IS_INT(n,
		    rc != 0               ? 0
		    : t[i].second != NULL ? 2
					  : 1,
		    "how many");
		for (size_t k = 0; k < n; k++) {
			buf_reset(&b);
			hours_print_range(&b, &r[k]);
			IS_S(buf_str(&b),
			    str_of(k == 0 ? t[i].printed : t[i].second),
			    "printed");
			OK(hours_parse_range(
			       buf_str(&b), back, &n_back, NULL) == 0 &&
				n_back == 1 && back[0].days == r[k].days &&
				back[0].from_min == r[k].from_min &&
				back[0].to_min == r[k].to_min,
			    "and read again");
		}
		buf_fini(&b);
	}
}

static void test_holiday_text(void)
{
	static const struct {
		const char *text, *printed, *why;
	} t[] = {
	    {"2026-12-25", "2026-12-25", NULL},
	    {"12-25", "12-25", NULL},
	    {"12-25 Christmas Day", "12-25", NULL},
	    {" 2026-04-03\tKarfreitag ", "2026-04-03", NULL},
	    {"02-29", "02-29", NULL},
	    {"2028-02-29", "2028-02-29", NULL},
	    {"2026-02-29", NULL,
		"there is no day \"2026-02-29\" (year, month, day)"},
	    {"02-30", NULL, "there is no day \"02-30\" (year, month, day)"},
	    {"2026-13-01", NULL,
		"\"2026-13-01\": write the day as "
		"\"2026-01-13\""},
	    {"13-32", NULL, "there is no day \"13-32\" (year, month, day)"},
	    {"00-10", NULL, "there is no day \"00-10\" (year, month, day)"},
	    {"1969-12-25", NULL,
		"there is no day \"1969-12-25\" (year, month, day)"},
	    {"25-12", NULL,
		"\"25-12\": write the day as \"12-25\" (month, day)"},
	    {"12-25-", NULL,
		"\"12-25-\": write the day as \"12-25\" (month, day)"},
	    {"25.12.", NULL,
		"\"25.12.\": write the day as \"12-25\" (month, day)"},
	    {"3.10. Einheit", NULL,
		"\"3.10.\": write the day as \"10-03\" (month, day)"},
	    {"25.12.2026", NULL,
		"\"25.12.2026\": write the day as \"2026-12-25\""},
	    {"2026/12/25", NULL,
		"\"2026/12/25\": write the day as \"2026-12-25\""},
	    {"12/25/2026", NULL,
		"\"12/25/2026\": write the day as \"2026-12-25\""},
	    {"25/12/2026", NULL,
		"\"25/12/2026\": write the day as \"2026-12-25\""},
	    {"5/12/2026", NULL,
		"\"5/12/2026\" is not a day; write it as \"2026-12-25\" (year, "
		"month, day), or \"12-25\" for each year; its name may follow"},
	    {"2026-2-5", NULL, "\"2026-2-5\": write the day as \"2026-02-05\""},
	    {"26-12-25", NULL,
		"\"26-12-25\" is not a day; write it as \"2026-12-25\" (year, "
		"month, day), or \"12-25\" for each year; its name may follow"},
	    {"20261225", NULL,
		"\"20261225\" is not a day; write it as \"2026-12-25\" (year, "
		"month, day), or \"12-25\" for each year; its name may follow"},
	    {"Christmas", NULL,
		"\"Christmas\" is not a day; write it as \"2026-12-25\" (year, "
		"month, day), or \"12-25\" for each year; its name may follow"},
	    {"12-25Christmas", NULL,
		"\"12-25Christmas\" is not a day; write it as \"2026-12-25\" "
		"(year, month, day), or \"12-25\" for each year; its name may "
		"follow"},
	    {"", NULL,
		"\"\" is not a day; write it as \"2026-12-25\" (year, month, "
		"day), or \"12-25\" for each year; its name may follow"},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct hours_holiday day = {0};
		struct error err = {0};
		struct buf b;
		int rc = hours_parse_holiday(str_of(t[i].text), &day, &err);

		buf_init(&b, 100);
		OK((rc == 0) == (t[i].why == NULL), "\"%s\" %s", t[i].text,
		    t[i].why ? "refused" : "read");
		IS_STR(err.text, t[i].why ? t[i].why : "", "its text");
		if (rc == 0) {
			hours_print_holiday(&b, &day);
			IS_S(buf_str(&b), str_of(t[i].printed), "printed");
		}
		buf_fini(&b);
	}
}

/* Long, strange, with NUL: bounded, and nothing read that is not there. */
static void test_hostile_text(void)
{
	static char big[100000];
	struct hours_range r[2];
	struct hours_holiday day;
	uint64_t seed = 99;
	size_t n, read = 0;
	int rc;

	for (int i = 0; i < 100000; i++) {
		static const char letters[] = "mondailyfrsu-, 0123456789:./\0";
		size_t len = zonetest_random(&seed) % 24;
		char *s = malloc(len + 1); /* so that ASan sees its end */

		if (s == NULL)
			break;
		for (size_t k = 0; k < len; k++)
			s[k] = letters[zonetest_random(&seed) %
				       (sizeof(letters) - 1)];
		rc = hours_parse_range((struct str){s, len}, r, &n, NULL);
		read += rc == 0;
		rc = hours_parse_holiday((struct str){s, len}, &day, NULL);
		read += rc == 0;
		free(s);
	}
	OK(read > 0, "%zu of many random texts are read", read);
	memset(big, '8', sizeof(big));
	rc = hours_parse_range((struct str){big, sizeof(big)}, r, &n, NULL);
	IS_INT(rc, ERR_SYNTAX, "a long number");
	memset(big, 'm', sizeof(big));
	rc = hours_parse_range((struct str){big, sizeof(big)}, r, &n, NULL);
	IS_INT(rc, ERR_SYNTAX, "a long word");
	rc = hours_parse_holiday((struct str){big, sizeof(big)}, &day, NULL);
	IS_INT(rc, ERR_SYNTAX, "a long day");
}

struct sample {
	struct hours_range ranges[2 * MANY];
	struct hours_holiday holidays[MANY];
	struct hours h;
};

/* Texts up to NULL. */
static void make(
    struct sample *s, const char *const *ranges, const char *const *holidays)
{
	size_t n, nr = 0, nh = 0;

	for (; ranges != NULL && *ranges != NULL; ranges++, nr += n)
		if (hours_parse_range(
			str_of(*ranges), s->ranges + nr, &n, NULL) != 0)
			abort();
	for (; holidays != NULL && *holidays != NULL; holidays++, nh++)
		if (hours_parse_holiday(
			str_of(*holidays), &s->holidays[nh], NULL) != 0)
			abort();
	s->h = (struct hours){s->ranges, nr, s->holidays, nh};
}

/* "2026-11-22 23:59:59" in UTC. */
static int64_t read_ms(const char *text)
{
	struct tm tm = {0};

	if (strptime(text, "%Y-%m-%d %H:%M:%S", &tm) == NULL)
		abort();
	return (int64_t)timegm(&tm) * 1000;
}

static void test_examples(struct zones *zs)
{
	static const struct {
		const char *zone, *ranges[MANY], *holidays[MANY];
		const char *at, *open; /* NULL: never */
		const char *what;
	} t[] = {
	    {"UTC", {NULL}, {NULL}, "2026-11-22 03:04:05",
		"2026-11-22 03:04:05", "no hours: open"},
	    {"UTC", {NULL}, {"11-22"}, "2026-11-22 03:04:05",
		"2026-11-23 00:00:00", "no hours, a holiday"},
	    {"UTC", {"mon-fri 08:00-18:00"}, {NULL}, "2026-11-23 08:00:00",
		"2026-11-23 08:00:00", "at the opening"},
	    {"UTC", {"mon-fri 08:00-18:00"}, {NULL}, "2026-11-23 07:59:59",
		"2026-11-23 08:00:00", "a second before it"},
	    {"UTC", {"mon-fri 08:00-18:00"}, {NULL}, "2026-11-27 17:59:59",
		"2026-11-27 17:59:59", "the last second"},
	    {"UTC", {"mon-fri 08:00-18:00"}, {NULL}, "2026-11-27 18:00:00",
		"2026-11-30 08:00:00", "over the week-end"},
	    {"UTC", {"mon-fri 08:00-18:00"}, {"2026-11-30", "12-01"},
		"2026-11-27 18:00:00", "2026-12-02 08:00:00",
		"and two holidays"},
	    {"UTC", {"mon 08:00-09:00", "mon 11:00-12:00"}, {NULL},
		"2026-11-23 09:00:00", "2026-11-23 11:00:00",
		"the second range of a day"},
	    {"UTC", {"mon 11:00-12:00", "mon 08:00-09:00"}, {NULL},
		"2026-11-23 00:00:00", "2026-11-23 08:00:00",
		"the earlier one, though listed later"},
	    {"UTC", {"fri 22:00-06:00"}, {NULL}, "2026-11-28 05:59:59",
		"2026-11-28 05:59:59", "over midnight"},
	    {"UTC", {"fri 22:00-06:00"}, {"11-28"}, "2026-11-28 05:59:59",
		"2026-12-04 22:00:00",
		"a holiday closes the part that is its own"},
	    {"UTC", {"thu"}, {"02-29"}, "2024-02-29 12:00:00",
		"2024-03-07 00:00:00", "a holiday of leap years"},
	    {"UTC", {"mon"}, {"2027-11-30"}, "2026-11-29 00:00:00",
		"2026-11-30 00:00:00", "a holiday of another year"},
	    {"Europe/Berlin", {"daily 08:00-20:00"}, {NULL},
		"2026-03-28 20:00:00", "2026-03-29 06:00:00",
		"summer time begins over night"},
	    {"Europe/Berlin", {"sun 02:00-02:30"}, {NULL},
		"2026-03-28 12:00:00", "2026-04-05 00:00:00",
		"a range in the gap is skipped"},
	    {"Europe/Berlin", {"sun 02:30-04:00"}, {NULL},
		"2026-03-28 12:00:00", "2026-03-29 01:00:00",
		"one that outlasts it begins when it ends"},
	    {"Europe/Berlin", {"sun 02:00-02:30"}, {NULL},
		"2026-10-25 00:30:00", "2026-10-25 01:00:00",
		"the second time that it is two o'clock"},
	    {"Pacific/Apia", {"fri"}, {NULL}, "2011-12-24 12:00:00",
		"2012-01-05 10:00:00", "Samoa had no Friday that week"},
	    {"America/Sao_Paulo", {"sun"}, {NULL}, "2018-11-04 02:59:59",
		"2018-11-04 03:00:00", "a Sunday without midnight"},
	    {"Asia/Kolkata", {"business-days 09:00-17:00"}, {NULL},
		"2026-11-23 03:29:59", "2026-11-23 03:30:00", "half an hour"},
	    {"UTC", {"sat"}, {NULL}, "1969-12-28 00:00:00",
		"1970-01-03 00:00:00", "before 1970"},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct zone *z = zonetest_find(zs, t[i].zone);
		int64_t at = read_ms(t[i].at), open = read_ms(t[i].open);
		struct sample s;

		make(&s, t[i].ranges, t[i].holidays);
		IS_INT(hours_next_open_ms(&s.h, z, at), open, "%s, %s",
		    t[i].zone, t[i].what);
		OK(hours_is_open(&s.h, z, at) == (at == open), "open now?");
		OK(hours_is_open(&s.h, z, open), "open then");
	}
}

static void test_never(void)
{
	static struct hours_holiday all[366];
	struct hours h = {.holidays = all, .n_holidays = 366};
	const int64_t at = read_ms("2026-11-22 12:00:00");
	const struct zone *z = zone_utc();
	size_t n = 0;

	for (uint8_t m = 1; m <= 12; m++)
		for (uint8_t d = 1; d <= 31; d++)
			if (d <= (m == 2 ? 29 : 30 + ((m + m / 8) % 2)))
				all[n++] = (struct hours_holiday){0, m, d};
	IS_INT(n, 366, "all days of the year");
	IS_INT(hours_next_open_ms(&h, z, at), HOURS_NEVER, "never open");
	OK(!hours_is_open(&h, z, at), "nor now");
	h.n_holidays = 365; /* not the last of December */
	IS_INT(hours_next_open_ms(&h, z, at), read_ms("2026-12-31 00:00:00"),
	    "open once a year");
	all[31 + 28] = (struct hours_holiday){0, 12, 31};
	IS_INT(hours_next_open_ms(&h, z, at), read_ms("2028-02-29 00:00:00"),
	    "open on leap days");
	IS_INT(hours_next_open_ms(&h, z, read_ms("2096-03-01 00:00:00")),
	    HOURS_NEVER, "none in the next four years: 2100 has none");
}

static void test_extremes(void)
{
	static const int64_t t[] = {INT64_MIN, INT64_MIN + 1, -DAY_MS, 0,
	    INT64_MAX - HOURS_HORIZON_MS, INT64_MAX - 1, INT64_MAX};
	static const char *const mondays[] = {"mon 10:00-11:00", NULL};
	struct sample s;
	int64_t open;

	make(&s, mondays, NULL);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		open = hours_next_open_ms(&s.h, zone_utc(), t[i]);
		OK(open >= t[i] && (open == HOURS_NEVER ||
				       hours_is_open(&s.h, zone_utc(), open)),
		    "at %lld", (long long)t[i]);
	}
}

/* --- minute by minute --- */

static bool slow_is_open(const struct hours *h, int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	unsigned weekday;
	struct tm tm;
	bool open = h->n_ranges == 0;

	localtime_r(&t, &tm);
	weekday = (unsigned)(tm.tm_wday + 6) % 7;
	for (size_t i = 0; i < h->n_ranges; i++)
		open =
		    open ||
		    ((h->ranges[i].days >> weekday & 1) != 0 &&
			tm.tm_hour * 60 + tm.tm_min >= h->ranges[i].from_min &&
			tm.tm_hour * 60 + tm.tm_min < h->ranges[i].to_min);
	for (size_t i = 0; i < h->n_holidays; i++)
		if (h->holidays[i].month == tm.tm_mon + 1 &&
		    h->holidays[i].day == tm.tm_mday &&
		    (h->holidays[i].year == 0 ||
			h->holidays[i].year == tm.tm_year + 1900))
			open = false;
	return open;
}

static void random_hours(uint64_t *seed, int year, struct sample *s)
{
	size_t nr = zonetest_random(seed) % MANY;
	size_t nh = zonetest_random(seed) % MANY;

	for (size_t i = 0; i < nr; i++) {
		uint16_t from = (uint16_t)(zonetest_random(seed) % 1440);
		s->ranges[i].days = (uint8_t)(1 + zonetest_random(seed) % 127);
		s->ranges[i].from_min = from;
		s->ranges[i].to_min =
		    (uint16_t)(from + 1 +
			       zonetest_random(seed) % (1440U - from));
	}
	for (size_t i = 0; i < nh; i++)
		s->holidays[i] = (struct hours_holiday){
		    zonetest_random(seed) % 2 == 0 ? 0
						   : (int16_t)(year + i % 2),
		    (uint8_t)(1 + zonetest_random(seed) % 12),
		    (uint8_t)(1 + zonetest_random(seed) % 28)};
	s->h = (struct hours){s->ranges, nr, s->holidays, nh};
}

/* The days around at, backwards, so that the next opening and the next closing
 * are known. */
static bool same_days(const struct hours *h, const struct zone *z, int64_t at)
{
	int64_t open = HOURS_NEVER, closed = HOURS_NEVER;

	for (int64_t ms = at + 3 * DAY_MS; ms >= at - DAY_MS; ms -= MINUTE_MS) {
		bool now = slow_is_open(h, ms);
		int64_t got;

		open = now ? ms : open;
		closed = now ? closed : ms;
		if (hours_is_open(h, z, ms) != now ||
		    hours_is_open(h, z, ms + 59999) != now) {
			printf("# at %lld: not %d\n", (long long)ms, now);
			return false;
		}
		got = ms % (11 * MINUTE_MS) == 0
			  ? hours_next_closed_ms(h, z, ms)
			  : closed;
		if (closed == HOURS_NEVER ? got <= at + 3 * DAY_MS
					  : got != closed) {
			printf("# at %lld: closed %lld, not %lld\n",
			    (long long)ms, (long long)got, (long long)closed);
			return false;
		}
		if (ms % (7 * MINUTE_MS) != 0 && !now)
			continue;
		got = hours_next_open_ms(h, z, ms);
		if (open == HOURS_NEVER ? got <= at + 3 * DAY_MS
					: got != open) {
			printf("# at %lld: %lld, not %lld\n", (long long)ms,
			    (long long)got, (long long)open);
			return false;
		}
	}
	return true;
}

static void test_minutes(struct zones *zs, const char *name)
{
	const struct zone *z = zonetest_find(zs, name);
	uint64_t seed = 2026;
	bool ok = true;

	zonetest_use(name);
	for (int i = 0; i < RANDOM_HOURS && ok; i++) {
		int64_t s = zonetest_between(&seed, FROM_S, UNTIL_S);
		struct sample sample;

		if (i % 2 == 0) /* around a change, where there is one */
			s = zonetest_change(s, UNTIL_S);
		random_hours(&seed, (int)(1970 + s / (365 * DAY_S)), &sample);
		ok = same_days(&sample.h, z, s / 60 * MINUTE_MS);
	}
	OK(ok, "%s minute by minute", name);
}

int main(void)
{
	struct zones *zs = NULL;

	test_range_text();
	test_holiday_text();
	test_hostile_text();
	if (!OK(zones_open(&zs) == 0, "open"))
		return 1;
	test_examples(zs);
	test_never();
	test_extremes();
	for (size_t i = 0; i < ZONETEST_NAMES; i++)
		test_minutes(zs, zonetest_names[i]);
	zones_close(&zs);
	return tap_done();
}
