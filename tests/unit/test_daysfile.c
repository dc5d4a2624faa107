/* test_daysfile.c - files of holidays: lines and calendars, what is refused,
 * how they come into a policy; and the feasts of those in contrib/policies,
 * computed. */
#include "tests/unit/tap.h"

#include "policy/base/calendar.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/conf/daysfile.h"
#include "policy/conf/policy.h"

enum {
	ARENA = 8 << 20
};

/* "12-25 Christmas;2026-01-01", or the error. */
static void show(struct str text, struct buf *out)
{
	struct arena *arena = arena_new(ARENA);
	struct error err = {0};
	struct daysfile f;

	buf_init(out, 1 << 20);
	if (daysfile_read(arena, "days", text, &f, &err) != 0)
		buf_addz(out, err.text);
	for (size_t i = 0; i < f.n; i++) {
		buf_addz(out, i > 0 ? ";" : "");
		hours_print_holiday(out, &f.days[i].day);
		buf_addz(out, f.days[i].name.n > 0 ? " " : "");
		buf_add(out, f.days[i].name);
	}
	arena_free(&arena);
}

struct text_case {
	const char *text, *want;
};

static void check(const struct text_case *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct buf got;

		show(str_of(v[i].text), &got);
		IS_S(buf_str(&got), str_of(v[i].want), "%s", v[i].want);
		buf_fini(&got);
	}
}

static void test_lines(void)
{
	static const struct text_case v[] = {
	    {"2026-12-25 Christmas Day\n12-26\n",
		"2026-12-25 Christmas Day;12-26"},
	    {"# a comment\n\n  12-25  Noël # the day\r\n", "12-25 Noël"},
	    {"\xef\xbb\xbf"
	     "12-25",
		"12-25"},
	    {"12-25\n12-25 again\n2026-12-25", "12-25;2026-12-25"},
	    {"12-25 a \"b\" \\c\td'e", "12-25 a  b   c d'e"},
	    {"01-06 Drei K\xf6nige", "01-06 Drei K?nige"}, /* Latin-1 */
	    {"12-25 \"Noël\"", "12-25 Noël"},
	    {"", "days: no day"},
	    {"# nothing\n", "days: no day"},
	    {"12-25\n2026-02-29 leap\n",
		"days:2: there is no day \"2026-02-29\" (year, month, day)"},
	    {"12-25\n\n25.12.2026\n",
		"days:3: \"25.12.2026\": write the day as \"2026-12-25\""},
	    {"Christmas",
		"days:1: \"Christmas\" is not a day; write it as "
		"\"2026-12-25\" (year, month, day), or \"12-25\" for each "
		"year; its name may follow"},
	};

	check(v, sizeof(v) / sizeof(v[0]));
}

#define CALENDAR(events)                                                       \
	"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" events "END:VCALENDAR\r\n"
#define EVENT(lines) "BEGIN:VEVENT\r\n" lines "END:VEVENT\r\n"
#define DAY(d) "DTSTART;VALUE=DATE:" d "\r\n"

static void test_calendars(void)
{
	static const struct text_case v[] = {
	    {CALENDAR(EVENT(DAY("20261225") "SUMMARY:Christmas\r\n")
		     EVENT("summary;language=de:Stephanstag\r\n"
			   "dtstart;value=date:20261226\r\n")),
		"2026-12-25 Christmas;2026-12-26 Stephanstag"},
	    /* The end is the first day that is none. */
	    {CALENDAR(EVENT(DAY("20261224") "DTEND;VALUE=DATE:20261227\r\n"
					    "SUMMARY:Closed\r\n")),
		"2026-12-24 Closed;2026-12-25 Closed;2026-12-26 Closed"},
	    {CALENDAR(EVENT(DAY("20261224") "DTEND;VALUE=DATE:20261224\r\n")),
		"2026-12-24"},
	    /* Folded, and with a colon in a quoted parameter. */
	    {CALENDAR(EVENT("DTST\r\n ART;X=\"a:b\";VALUE\r\n =DATE:20\r\n"
			    " 261225\r\nSUMMARY:Christ\r\n mas\r\n")),
		"2026-12-25 Christmas"},
	    /* Alarms and time zones have dates of their own. */
	    {CALENDAR("BEGIN:VTIMEZONE\r\nBEGIN:STANDARD\r\n"
		      "DTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY\r\n"
		      "END:STANDARD\r\nEND:VTIMEZONE\r\n" EVENT(
			  DAY("20261225") "BEGIN:VALARM\r\nDURATION:PT5M\r\n"
					  "END:VALARM\r\n")),
		"2026-12-25"},
	    {CALENDAR(EVENT(DAY("20261225"))
		     EVENT(DAY("20261226") "STATUS:CANCELLED\r\n")),
		"2026-12-25"},
	    {CALENDAR(EVENT("DTSTART:20261225T080000Z\r\n")),
		"days:4: an event with a time of day; a holiday is a whole "
		"day (DTSTART;VALUE=DATE:20261225)"},
	    {CALENDAR(EVENT("DTSTART;VALUE=DATE-TIME:20261225\r\n")),
		"days:4: an event with a time of day; a holiday is a whole "
		"day (DTSTART;VALUE=DATE:20261225)"},
	    {CALENDAR(EVENT(
		 "SUM\r\n MARY:a\r\n" DAY("20261225") "RRULE:FREQ=YEARLY\r\n")),
		"days:7: an event that repeats; write each of its days, or in "
		"a file of lines \"12-25\" for each year"},
	    {CALENDAR(EVENT("SUMMARY:none\r\n")),
		"days:3: an event without DTSTART"},
	    {CALENDAR(EVENT(DAY("20260229"))),
		"days:3: DTSTART: there is no such day"},
	    {CALENDAR(EVENT(DAY("20261225") "DTEND;VALUE=DATE:20261224\r\n")),
		"days:3: DTEND: no day, or one before DTSTART"},
	    {CALENDAR(EVENT(DAY("20261225") "DTEND;VALUE=DATE:99991231\r\n")),
		"days:3: at most 500 days"},
	    {CALENDAR(EVENT(DAY("20261225") "DURATION:P1D\r\n")),
		"days:5: DURATION: write DTEND;VALUE=DATE instead"},
	    {CALENDAR(EVENT(DAY("20261225") "BEGIN:VEVENT\r\n")),
		"days:5: an event within an event"},
	    {"BEGIN:VCALENDAR\nBEGIN:VEVENT\n" DAY("20261225"),
		"days:2: an event without END:VEVENT: is the file cut?"},
	    {CALENDAR(""), "days: no day"},
	};

	check(v, sizeof(v) / sizeof(v[0]));
}

static void test_bounds(void)
{
	struct buf text, got;

	buf_init(&text, 1 << 20);
	for (int i = 0; i < DAYSFILE_MAX_DAYS + 1; i++) {
		struct calendar_date d;

		if (i == DAYSFILE_MAX_DAYS) {
			show(buf_str(&text), &got);
			IS_S(str_cut(buf_str(&got), 0, 10), STR("2026-01-01"),
			    "500 days are taken");
			buf_fini(&got);
		}
		calendar_civil(calendar_days(2026, 1, 1) + i, &d);
		buf_printf(&text, "%04d-%02d-%02d\n", d.year, d.month, d.day);
	}
	show(buf_str(&text), &got);
	IS_S(buf_str(&got), STR("days:501: at most 500 days"), "and no more");
	buf_fini(&got);
	while (text.n <= DAYSFILE_MAX_BYTES)
		buf_addz(&text, "# and a long comment at the end\n");
	show(buf_str(&text), &got);
	IS_S(buf_str(&got), STR("days: more than 256 KB"), "nor a large file");
	buf_fini(&got);
	buf_fini(&text);
}

/* Any byte of a calendar changed: never more than an error. */
static void test_one_byte(void)
{
	static const char text[] =
	    CALENDAR(EVENT(DAY("20261224") "DTEND;VALUE=DATE:20261226\r\n"
					   "SUMMARY:Christ\r\n mas\r\n"));
	size_t accepted = 0, silent = 0;

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		for (const char *c = ":;\n \"9\\\xc3"; *c != '\0'; c++) {
			char changed[sizeof(text)];
			struct buf got;

			memcpy(changed, text, sizeof(text));
			changed[i] = *c;
			show(str_of(changed), &got);
			accepted += str_starts(buf_str(&got), STR("2026"));
			silent += got.n == 0;
			buf_fini(&got);
		}
	OK(accepted > 50, "%zu changes are accepted", accepted);
	IS_INT(silent, 0, "the others say why not");
}

/* --- in a policy --- */

struct file {
	const char *name, *text;
};

static int open_file(
    void *arg, struct str name, struct str *text_out, struct error *err)
{
	const struct file *f = arg;

	if (!str_eq(name, str_of(f->name)))
		return error_set(
		    err, ERR_NOT_FOUND, "%.*s: not there", STR_ARG(name));
	*text_out = str_of(f->text);
	return 0;
}

static void expand(const char *policy, struct file f, struct buf *out)
{
	struct arena *arena = arena_new(ARENA);
	struct error err = {0};
	struct str text = STR_NULL;
	int rc = daysfile_expand(
	    arena, "p", str_of(policy), open_file, &f, &text, &err);

	buf_init(out, 1 << 20);
	if (rc != 0)
		buf_addz(out, err.text);
	else
		buf_add(out, text);
	arena_free(&arena);
}

static void test_expand(void)
{
	static const struct {
		const char *policy, *want;
	} v[] = {
	    {"holidays de { days-file = \"a.txt\" } # ours\n"
	     "holidays at {\n\tdays-file = {\"a.txt\"}\n}\n",
		"holidays de { days = {\"12-25 Noël\", \"12-26\"} /* a.txt, "
		"SHA-256 56ea23231a31 */ } # ours\n"
		"holidays at {\n\tdays = {\"12-25 Noël\", \"12-26\"} /* "
		"a.txt, SHA-256 56ea23231a31 */\n}\n"},
	    {"holidays de { days = \"12-25\" }\n",
		"holidays de { days = \"12-25\" }\n"},
	    {"# days-file = \"a.txt\"\nsegment a { list-id = \"days-file\" }\n",
		"# days-file = \"a.txt\"\nsegment a { list-id = \"days-file\" "
		"}\n"},
	    /* What is broken is told by who parses it. */
	    {"holidays de { days-file = \"a.txt\"\n",
		"holidays de { days-file = \"a.txt\"\n"},
	    {"\nholidays de { days-file = \"b.txt\" }\n",
		"p:2: days-file: b.txt: not there"},
	    {"holidays de {\ndays = \"12-25\"\ndays-file = \"a.txt\" }\n",
		"p:3: days-file and days: one of them; or two sections, and "
		"holidays = {a, b}"},
	    {"holidays de { days-file = {\"a.txt\", \"b.txt\"} }\n",
		"p:1: days-file is the name of one file, in quotes"},
	    {"holidays de { days-file = \"a*/b\" }\n",
		"p:1: days-file is the name of one file, in quotes"},
	    {"holidays de { days-file =\n\"a.txt\" }\n",
		"p:1: days-file and its file stand on a line"},
	};
	struct file f = {"a.txt", "12-25 Noël\n12-26\n"};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct buf got;

		expand(v[i].policy, f, &got);
		IS_S(buf_str(&got), str_of(v[i].want), "policy %zu", i);
		buf_fini(&got);
	}
}

/* The names go before the line is too long for a policy. */
static void test_expand_long(void)
{
	struct error err = {0};
	struct buf days, policy;
	const struct policy *p;

	buf_init(&days, 1 << 20);
	for (int i = 0; i < DAYSFILE_MAX_DAYS; i++) {
		struct calendar_date d;

		calendar_civil(calendar_days(2026, 1, 1) + i, &d);
		buf_printf(&days,
		    "%04d-%02d-%02d a day with a long name of its own\n",
		    d.year, d.month, d.day);
	}
	expand("holidays de { days-file = \"a\" }\n",
	    (struct file){"a", days.p}, &policy);
	IS_INT(policy_parse(&p, "p", buf_str(&policy), 1, &err), 0,
	    "500 days with long names: %s", err.text);
	IS_INT(p->holidays[0].n, DAYSFILE_MAX_DAYS, "all of them");
	policy_unref(&p);
	buf_fini(&days);
	buf_fini(&policy);
}

/* Who gets such a policy as it is says what to do. */
static void test_unexpanded(void)
{
	struct error err = {0};
	const struct policy *p;

	OK(policy_parse(&p, "p",
	       STR("holidays de {\n  days-file = \"de.txt\"\n}\n"), 1,
	       &err) != 0,
	    "not without the days");
	IS_STR(err.text,
	    "p:2: option \"days-file\" in holidays de: only \"tendril policy "
	    "apply\" and \"tendril check\" read such a file, and put its days "
	    "in here; apply the policy that way, or write days = {...}",
	    "says why");
}

/* --- the files that come with it --- */

/* Days since 1970 of Easter Sunday (Meeus, Jones and Butcher). */
static int64_t easter(int y)
{
	int a = y % 19, b = y / 100, c = y % 100;
	int g = (8 * b + 13) / 25;
	int h = (19 * a + b - b / 4 - g + 15) % 30;
	int l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
	int m = (a + 11 * h + 19 * l) / 433;
	int month = (h + l - 7 * m + 90) / 25;

	return calendar_days(y, month, (h + l - 7 * m + 33 * month + 19) % 32);
}

static bool has_day(const struct daysfile *f, int64_t day, const char *name)
{
	struct calendar_date d;

	calendar_civil(day, &d);
	for (size_t i = 0; i < f->n; i++)
		if (f->days[i].day.year == d.year &&
		    f->days[i].day.month == d.month &&
		    f->days[i].day.day == d.day)
			return str_eq(f->days[i].name, str_of(name));
	return false;
}

struct feast {
	const char *file, *name;
	int from_easter; /* days */
};

static const struct feast feasts[] = {
    {"de", "Karfreitag", -2},
    {"de", "Ostermontag", 1},
    {"de", "Christi Himmelfahrt", 39},
    {"de", "Pfingstmontag", 50},
    {"at", "Ostermontag", 1},
    {"at", "Christi Himmelfahrt", 39},
    {"at", "Pfingstmontag", 50},
    {"at", "Fronleichnam", 60},
    {"ch", "Karfreitag", -2},
    {"ch", "Ostermontag", 1},
    {"ch", "Auffahrt", 39},
    {"ch", "Pfingstmontag", 50},
    {"fr", "Lundi de Pâques", 1},
    {"fr", "Ascension", 39},
    {"fr", "Lundi de Pentecôte", 50},
    {"uk", "Good Friday", -2},
    {"uk", "Easter Monday", 1},
};

/* The n-th (-1: last) weekday of a month; 0 = Monday. */
struct weekday_feast {
	const char *file, *name;
	int month, weekday, n;
};

static const struct weekday_feast weekday_feasts[] = {
    {"uk", "Early May bank holiday", 5, 0, 1},
    {"uk", "Spring bank holiday", 5, 0, -1},
    {"uk", "Summer bank holiday", 8, 0, -1},
    {"us", "Martin Luther King Jr. Day", 1, 0, 3},
    {"us", "Washington's Birthday", 2, 0, 3},
    {"us", "Memorial Day", 5, 0, -1},
    {"us", "Labor Day", 9, 0, 1},
    {"us", "Columbus Day", 10, 0, 2},
    {"us", "Thanksgiving Day", 11, 3, 4},
};

static int weekday_of(int64_t day)
{
	return (int)((day + 3) % 7); /* 1970 began with a Thursday */
}

static int64_t nth_weekday(int year, const struct weekday_feast *f)
{
	int64_t day = calendar_days(year, f->month, 1);
	int64_t next = calendar_days(year, f->month + 1, 1);

	if (f->n < 0) {
		for (day = next - 1; weekday_of(day) != f->weekday; day--)
			;
		return day;
	}
	while (weekday_of(day) != f->weekday)
		day++;
	return day + 7 * (f->n - 1);
}

/* A fixed day of every year; the weekday on which a weekend's is made up for,
 * as the file's kind has it. */
static void check_fixed(const struct daysfile *f, const char *file, int year)
{
	static const struct {
		const char *file, *name;
		int month, day;
	} v[] = {
	    {"de", "Tag der Deutschen Einheit", 10, 3},
	    {"at", "Nationalfeiertag", 10, 26},
	    {"ch", "Bundesfeier", 8, 1},
	    {"fr", "Fête nationale", 7, 14},
	    {"uk", "Christmas Day", 12, 25},
	    {"us", "Independence Day", 7, 4},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (strcmp(v[i].file, file) == 0)
			OK(has_day(f, calendar_days(year, v[i].month, v[i].day),
			       v[i].name),
			    "%s %d: %s", file, year, v[i].name);
}

static void check_observed(const struct daysfile *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct hours_holiday h = f->days[i].day;
		struct str name = f->days[i].name;
		int64_t day = calendar_days(h.year, h.month, h.day);
		struct buf observed;

		if (weekday_of(day) < 5 || !str_starts(name, STR("Ind")))
			continue;
		buf_init(&observed, 100);
		buf_printf(&observed, "%.*s (observed)", STR_ARG(name));
		OK(has_day(
		       f, day + (weekday_of(day) == 5 ? -1 : 1), observed.p),
		    "us %d: %s", h.year, observed.p);
		buf_fini(&observed);
	}
}

static void check_file(const char *file, size_t days)
{
	struct arena *arena = arena_new(ARENA);
	struct error err = {0};
	struct daysfile f;
	struct buf text;
	const char *dir = getenv("TENDRIL_SRCDIR");
	char name[500];

	(void)snprintf(name, sizeof(name),
	    "%s/contrib/policies/holidays/%s.txt", dir != NULL ? dir : ".",
	    file);
	buf_init(&text, 1 << 20);
	IS_INT(file_read(name, &text, &err), 0, "%s is there", name);
	IS_INT(daysfile_read(arena, name, buf_str(&text), &f, &err), 0,
	    "%s: %s", name, err.text);
	IS_INT(f.n, days, "%s: number of days", file);
	for (int year = 2026; year <= 2028; year++) {
		check_fixed(&f, file, year);
		for (size_t i = 0; i < sizeof(feasts) / sizeof(*feasts); i++)
			if (strcmp(feasts[i].file, file) == 0)
				OK(has_day(&f,
				       easter(year) + feasts[i].from_easter,
				       feasts[i].name),
				    "%s %d: %s", file, year, feasts[i].name);
		for (size_t i = 0;
		     i < sizeof(weekday_feasts) / sizeof(*weekday_feasts); i++)
			if (strcmp(weekday_feasts[i].file, file) == 0)
				OK(has_day(&f,
				       nth_weekday(year, &weekday_feasts[i]),
				       weekday_feasts[i].name),
				    "%s %d: %s", file, year,
				    weekday_feasts[i].name);
	}
	check_observed(&f);
	buf_fini(&text);
	arena_free(&arena);
}

static void test_files(void)
{
	IS_INT(easter(2000), calendar_days(2000, 4, 23), "Easter of 2000");
	IS_INT(easter(2024), calendar_days(2024, 3, 31), "of 2024");
	IS_INT(easter(2038), calendar_days(2038, 4, 25), "of 2038");
	check_file("de", 3 * 9);
	check_file("at", 3 * 13);
	check_file("ch", 3 * 8);
	check_file("fr", 3 * 11);
	check_file("uk", 3 * 8 + 4);
	check_file("us", 3 * 11 + 6);
}

static void test_faults(void)
{
	struct file f = {"a", "12-25 x\n"};
	long n = 0;
	int rc;

	do {
		struct arena *arena = arena_new(ARENA);
		struct error err = {0};
		struct str text;

		fault_alloc_at(++n);
		rc = daysfile_expand(arena, "p",
		    STR("holidays de { days-file = \"a\" }\n"), open_file, &f,
		    &text, &err);
		fault_alloc_at(0);
		/* lint's failure hands the text back as it is. */
		if (rc == 0 && !str_contains(text, STR("12-25")))
			rc = 1;
		OK(rc <= 0 ? rc == 0 || err.text[0] != '\0' : n < 10,
		    "allocation %ld: said, or the text is as it was", n);
		arena_free(&arena);
	} while (rc != 0 && n < 100);
	OK(rc == 0 && n > 1, "each of %ld may fail", n - 1);
}

int main(void)
{
	test_lines();
	test_calendars();
	test_bounds();
	test_one_byte();
	test_expand();
	test_expand_long();
	test_unexpanded();
	test_files();
	test_faults();
	return tap_done();
}
