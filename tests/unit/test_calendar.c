/* test_calendar.c - dates, and where days, weeks and months begin: examples
 * that people argue about, then every period of 48 years by glibc's clock. */
#include "tests/unit/zonetest.h"

#include "policy/base/calendar.h"

enum {
	FIRST_DAY = 7305, /* 1990-01-01 */
	N_DAYS = 17530,
	RANDOM_INSTANTS = 4000,
};

/* "2011-12-29 23:59:59" as if it were UTC. */
static int64_t read_s(const char *text)
{
	struct tm tm = {0};

	if (strptime(text, "%Y-%m-%d %H:%M:%S", &tm) == NULL)
		abort();
	return (int64_t)timegm(&tm);
}

/* timegm() and gmtime_r() as oracles. */
static void test_civil(void)
{
	struct calendar_date d;
	bool ok = true;

	for (int64_t day = -800000; day < 3000000 && ok; day++) {
		time_t t = (time_t)(day * DAY_S);
		struct tm tm;

		gmtime_r(&t, &tm);
		calendar_civil(day, &d);
		ok = d.year == tm.tm_year + 1900 && d.month == tm.tm_mon + 1 &&
		     d.day == tm.tm_mday && d.weekday == (tm.tm_wday + 6) % 7 &&
		     calendar_days(d.year, d.month, d.day) == day;
		if (!ok)
			printf("# day %lld: %d-%d-%d %d\n", (long long)day,
			    d.year, d.month, d.day, d.weekday);
	}
	OK(ok, "each day from the year -221 to 10183");
	IS_INT(calendar_days(1970, 1, 1), 0, "the first day");
	IS_INT(calendar_days(2026, 4, 31), calendar_days(2026, 5, 1),
	    "31 April is 1 May");
	IS_INT(calendar_days(-2147483647 - 1, 1, 1), -784353015833,
	    "the lowest year");
	IS_INT(calendar_days(2147483647, 12, 31), 784351576776,
	    "the highest year");
}

/* In UTC, unless the text of an instant says otherwise. */
static void test_examples(struct zones *zs)
{
	static const struct {
		const char *zone;
		enum calendar_unit unit;
		const char *at, *start, *next, *what;
	} t[] = {
	    {"UTC", CALENDAR_DAY, "2026-11-22 23:59:59", "2026-11-22 00:00:00",
		"2026-11-23 00:00:00", "a day"},
	    {"UTC", CALENDAR_WEEK, "2026-11-22 23:59:59", "2026-11-16 00:00:00",
		"2026-11-23 00:00:00", "a Sunday ends the week"},
	    {"UTC", CALENDAR_WEEK, "2026-11-23 00:00:00", "2026-11-23 00:00:00",
		"2026-11-30 00:00:00", "a Monday begins it"},
	    {"UTC", CALENDAR_WEEK, "1969-12-31 12:00:00", "1969-12-29 00:00:00",
		"1970-01-05 00:00:00", "the week of 1970"},
	    {"UTC", CALENDAR_MONTH, "2028-02-29 12:00:00",
		"2028-02-01 00:00:00", "2028-03-01 00:00:00", "a leap day"},
	    {"UTC", CALENDAR_MONTH, "2026-12-31 23:59:59",
		"2026-12-01 00:00:00", "2027-01-01 00:00:00", "New Year"},
	    {"UTC", CALENDAR_MONTH, "1969-12-31 23:59:59",
		"1969-12-01 00:00:00", "1970-01-01 00:00:00", "before 1970"},
	    {"Europe/Berlin", CALENDAR_DAY, "2026-03-29 12:00:00",
		"2026-03-28 23:00:00", "2026-03-29 22:00:00", "23 hours"},
	    {"Europe/Berlin", CALENDAR_DAY, "2026-10-25 12:00:00",
		"2026-10-24 22:00:00", "2026-10-25 23:00:00", "25 hours"},
	    {"Europe/Berlin", CALENDAR_MONTH, "2026-10-25 12:00:00",
		"2026-09-30 22:00:00", "2026-10-31 23:00:00",
		"a month over the change"},
	    {"Europe/Berlin", CALENDAR_WEEK, "2026-10-25 22:59:59",
		"2026-10-18 22:00:00", "2026-10-25 23:00:00",
		"a week over the change"},
	    {"America/Sao_Paulo", CALENDAR_DAY, "2018-11-04 12:00:00",
		"2018-11-04 03:00:00", "2018-11-05 02:00:00",
		"no midnight: the day begins at one"},
	    {"America/Sao_Paulo", CALENDAR_DAY, "2018-11-04 02:59:59",
		"2018-11-03 03:00:00", "2018-11-04 03:00:00", "the day before"},
	    {"America/Sao_Paulo", CALENDAR_DAY, "2018-02-18 02:30:00",
		"2018-02-17 02:00:00", "2018-02-18 03:00:00",
		"the hour before midnight twice"},
	    {"Africa/Cairo", CALENDAR_DAY, "2026-04-24 12:00:00",
		"2026-04-23 22:00:00", "2026-04-24 21:00:00",
		"no midnight in Cairo"},
	    {"Asia/Beirut", CALENDAR_DAY, "2026-03-29 12:00:00",
		"2026-03-28 22:00:00", "2026-03-29 21:00:00",
		"no midnight in Beirut"},
	    {"America/Havana", CALENDAR_DAY, "2026-11-01 05:30:00",
		"2026-11-01 04:00:00", "2026-11-02 05:00:00",
		"midnight twice: the first counts"},
	    {"America/St_Johns", CALENDAR_DAY, "2010-11-07 02:45:00",
		"2010-11-07 02:30:00", "2010-11-08 03:30:00",
		"Saturday shown again after Sunday's midnight"},
	    {"Pacific/Apia", CALENDAR_DAY, "2011-12-30 09:59:59",
		"2011-12-29 10:00:00", "2011-12-30 10:00:00",
		"the 29th in Samoa"},
	    {"Pacific/Apia", CALENDAR_DAY, "2011-12-30 10:00:00",
		"2011-12-30 10:00:00", "2011-12-31 10:00:00", "then the 31st"},
	    {"Pacific/Apia", CALENDAR_WEEK, "2011-12-30 10:00:00",
		"2011-12-26 10:00:00", "2012-01-01 10:00:00",
		"a week of six days"},
	    {"Australia/Lord_Howe", CALENDAR_DAY, "2026-04-05 00:00:00",
		"2026-04-04 13:00:00", "2026-04-05 13:30:00",
		"half an hour more"},
	    {"Australia/Lord_Howe", CALENDAR_DAY, "2026-10-04 00:00:00",
		"2026-10-03 13:30:00", "2026-10-04 13:00:00",
		"half an hour less"},
	    {"Asia/Kathmandu", CALENDAR_DAY, "2026-11-22 18:15:00",
		"2026-11-22 18:15:00", "2026-11-23 18:15:00",
		"a quarter of an hour"},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct zone *z = zonetest_find(zs, t[i].zone);
		int64_t at = read_s(t[i].at) * 1000;

		IS_INT(calendar_start_ms(z, t[i].unit, at),
		    read_s(t[i].start) * 1000, "%s, %s: start", t[i].zone,
		    t[i].what);
		IS_INT(calendar_next_ms(z, t[i].unit, at),
		    read_s(t[i].next) * 1000, "%s, %s: next", t[i].zone,
		    t[i].what);
	}
}

/* Does day begin a period? */
static bool begins(enum calendar_unit u, int64_t day)
{
	time_t t = (time_t)(day * DAY_S);
	struct tm tm;

	gmtime_r(&t, &tm);
	return u == CALENDAR_DAY ||
	       (u == CALENDAR_WEEK ? tm.tm_wday == 1 : tm.tm_mday == 1);
}

/* The first instants of all periods, rising, each once. */
static size_t all_starts(
    enum calendar_unit u, const int64_t *midnight, int64_t starts[N_DAYS])
{
	size_t n = 0;

	for (int64_t i = 0; i < N_DAYS; i++)
		if (begins(u, FIRST_DAY + i) &&
		    (n == 0 || starts[n - 1] != midnight[i]))
			starts[n++] = midnight[i];
	return n;
}

static bool as_listed(const struct zone *z, enum calendar_unit u,
    const int64_t *starts, size_t i, int64_t at_ms)
{
	int64_t start = calendar_start_ms(z, u, at_ms);
	int64_t next = calendar_next_ms(z, u, at_ms);

	if (start == starts[i] * 1000 && next == starts[i + 1] * 1000)
		return true;
	printf("# at %lld ms: %lld to %lld, not %lld to %lld\n",
	    (long long)at_ms, (long long)start / 1000, (long long)next / 1000,
	    (long long)starts[i], (long long)starts[i + 1]);
	return false;
}

static void test_against_glibc(struct zones *zs, const char *name)
{
	static const char *const units[] = {"", "days", "weeks", "months"};
	static int64_t midnight[N_DAYS], starts[N_DAYS];
	const struct zone *z = zonetest_find(zs, name);
	uint64_t seed = 4711;

	zonetest_use(name);
	for (int64_t i = 0; i < N_DAYS; i++)
		midnight[i] = zonetest_instant_s((FIRST_DAY + i) * DAY_S);
	for (int u = CALENDAR_DAY; u <= CALENDAR_MONTH; u++) {
		enum calendar_unit unit = (enum calendar_unit)u;
		size_t n = all_starts(unit, midnight, starts);
		bool ok = n > 500;

		for (size_t i = 0; i + 1 < n && ok; i++)
			ok = as_listed(z, unit, starts, i, starts[i] * 1000) &&
			     as_listed(z, unit, starts, i,
				 starts[i + 1] * 1000 - 1) &&
			     as_listed(z, unit, starts, i,
				 zonetest_between(&seed, starts[i] * 1000,
				     starts[i + 1] * 1000));
		OK(ok, "%s: %zu %s", name, n, units[u]);
	}
}

/* The date on the wall. */
static void test_dates(struct zones *zs, const char *name)
{
	const struct zone *z = zonetest_find(zs, name);
	uint64_t seed = 1;
	bool ok = true;

	zonetest_use(name);
	for (int i = 0; i < RANDOM_INSTANTS && ok; i++) {
		int64_t s = zonetest_between(&seed, FROM_S, UNTIL_S);
		time_t t = (time_t)s;
		struct calendar_date d;
		struct tm tm;

		localtime_r(&t, &tm);
		calendar_date_of(z, s * 1000, &d);
		ok = d.year == tm.tm_year + 1900 && d.month == tm.tm_mon + 1 &&
		     d.day == tm.tm_mday && d.weekday == (tm.tm_wday + 6) % 7;
	}
	OK(ok, "%s: dates", name);
}

static void test_extremes(struct zones *zs)
{
	static const char *const names[] = {
	    "Europe/Berlin", "Etc/GMT+12", "Etc/GMT-14", "UTC"};
	static const int64_t t[] = {INT64_MIN, INT64_MIN + 1,
	    INT64_MIN + DAY_S * 1000, INT64_MAX - DAY_S * 1000 * 40,
	    INT64_MAX - 1, INT64_MAX};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct zone *z = zonetest_find(zs, names[i]);
		struct calendar_date d;
		bool ok = true;

		for (size_t k = 0; k < sizeof(t) / sizeof(t[0]); k++)
			for (int u = CALENDAR_DAY; u <= CALENDAR_MONTH; u++) {
				enum calendar_unit unit = (enum calendar_unit)u;
				int64_t next = calendar_next_ms(z, unit, t[k]);

				calendar_date_of(z, t[k], &d);
				ok = ok &&
				     calendar_start_ms(z, unit, t[k]) <= t[k] &&
				     (next > t[k] || next == INT64_MAX) &&
				     (t[k] < 0 ? d.year < -292000000
					       : d.year > 292000000);
			}
		OK(ok, "%s at the ends of time", names[i]);
	}
}

int main(void)
{
	struct zones *zs = NULL;

	test_civil();
	if (!OK(zones_open(&zs) == 0, "open"))
		return 1;
	test_examples(zs);
	for (size_t i = 0; i < ZONETEST_NAMES; i++) {
		test_against_glibc(zs, zonetest_names[i]);
		test_dates(zs, zonetest_names[i]);
	}
	test_extremes(zs);
	zones_close(&zs);
	return tap_done();
}
