/* hours_text.c - see hours.h: hours and holidays as people write them.
 *
 * What is read is strict, so that a file says one thing to everybody. What is
 * refused is read once more, loosely, to name the form that was meant: "8-18"
 * is answered with "08:00-18:00". */
#include "policy/base/calendar.h"
#include "policy/base/hours.h"

enum {
	SHOWN = 60, /* bytes of the text that an error repeats */
};

static const char day_names[7][4] = {
    "mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static const struct {
	const char *word;
	uint8_t days;
} groups[] = {
    {"daily", HOURS_DAYS_ALL},
    {"business-days", HOURS_DAYS_BUSINESS},
};

/* What people write for days, and what we read. */
static const struct {
	const char *word, *instead;
} other_words[] = {
    {"monday", "mon"},
    {"tuesday", "tue"},
    {"tues", "tue"},
    {"wednesday", "wed"},
    {"thursday", "thu"},
    {"thurs", "thu"},
    {"friday", "fri"},
    {"saturday", "sat"},
    {"sunday", "sun"},
    {"weekday", "mon-fri"},
    {"weekdays", "mon-fri"},
    {"workday", "business-days"},
    {"workdays", "business-days"},
    {"working-days", "business-days"},
    {"business-day", "business-days"},
    {"business", "business-days"},
    {"weekend", "sat-sun"},
    {"weekends", "sat-sun"},
    {"everyday", "daily"},
    {"every", "daily"},
    {"always", "daily"},
    {"all", "daily"},
};

static struct str shown(struct str s)
{
	return str_cut(str_trim(s), 0, SHOWN);
}

static struct str skip_blanks(struct str s)
{
	while (s.n > 0 && ascii_is_blank(s.p[0]))
		s = str_from(s, 1);
	return s;
}

/* Takes c and the blanks around it off *rest. */
static bool take(struct str *rest, char c)
{
	struct str s = skip_blanks(*rest);

	if (s.n == 0 || s.p[0] != c)
		return false;
	*rest = skip_blanks(str_from(s, 1));
	return true;
}

static bool is_letter(char c)
{
	return ascii_is_alnum(c) && !ascii_is_digit(c);
}

/* Takes the leading letters off *rest. */
static struct str take_letters(struct str *rest)
{
	size_t n = 0;
	struct str word;

	while (n < rest->n && is_letter(rest->p[n]))
		n++;
	word = str_cut(*rest, 0, n);
	*rest = str_from(*rest, n);
	return word;
}

/* At most four digits; the number of digits, 0 if there is none. */
static size_t take_number(struct str *rest, int *out)
{
	size_t n = 0;

	*out = 0;
	while (n < rest->n && n < 4 && ascii_is_digit(rest->p[n]))
		*out = *out * 10 + (rest->p[n++] - '0');
	*rest = str_from(*rest, n);
	return n;
}

/* --- days --- */

static const char *word_instead(struct str word)
{
	for (size_t i = 0; i < sizeof(other_words) / sizeof(other_words[0]);
	     i++)
		if (str_ieq(word, str_of(other_words[i].word)))
			return other_words[i].instead;
	return NULL;
}

/* At the beginning of s, which may be "working-days" or "monday-friday". */
static int bad_day(struct str s, struct error *err)
{
	struct str letters = s, word;
	const char *instead;
	size_t n = 0;

	while (n < s.n && (is_letter(s.p[n]) || s.p[n] == '-'))
		n++;
	word = str_cut(s, 0, n);
	instead = word_instead(word);
	if (instead == NULL) {
		letters = take_letters(&letters);
		instead = word_instead(letters);
		word = instead != NULL ? letters : word;
	}
	if (instead != NULL)
		return error_set(err, ERR_SYNTAX, "\"%.*s\" is written \"%s\"",
		    STR_ARG(word), instead);
	return error_set(err, ERR_SYNTAX,
	    "\"%.*s\" is not a day; the days are mon, tue, wed, thu, fri, sat, "
	    "sun, or daily, or business-days",
	    STR_ARG(shown(word.n > 0 ? word : s)));
}

/* 0..6; -1: not a day. */
static int day_of(struct str word)
{
	for (int i = 0; i < 7; i++)
		if (str_ieq(word, str_of(day_names[i])))
			return i;
	return -1;
}

/* "daily", "business-days": with what follows them in place of a day. */
static bool take_group(struct str *rest, uint8_t *days)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		struct str word = str_of(groups[i].word);
		struct str after = str_from(*rest, word.n);
		if (!str_istarts(*rest, word) ||
		    (after.n > 0 &&
			(ascii_is_alnum(after.p[0]) || after.p[0] == '-')))
			continue;
		*days |= groups[i].days;
		*rest = after;
		return true;
	}
	return false;
}

/* "mon" or "mon-fri" or a group. */
static int take_day_span(struct str *rest, uint8_t *days, struct error *err)
{
	struct str ahead = *rest, start;
	int from, to;

	if (take_group(rest, days))
		return 0;
	from = to = day_of(take_letters(rest));
	if (from < 0)
		return bad_day(ahead, err);
	ahead = *rest;
	if (take(&ahead, '-')) {
		start = ahead;
		to = day_of(take_letters(&ahead));
		if (to < 0)
			return bad_day(start, err);
		*rest = ahead;
	}
	for (int d = from;; d = (d + 1) % 7) {
		*days |= (uint8_t)(1U << (unsigned)d);
		if (d == to)
			return 0;
	}
}

static int take_days(struct str *rest, uint8_t *days_out, struct error *err)
{
	int rc;

	*days_out = 0;
	if (rest->n > 0 && ascii_is_digit(rest->p[0])) {
		*days_out = HOURS_DAYS_ALL;
		return 0;
	}
	do {
		rc = take_day_span(rest, days_out, err);
		if (rc != 0)
			return rc;
	} while (take(rest, ','));
	return 0;
}

/* --- times --- */

/* A time of day as people write it: "08:00", and also "8", "8.30", "0830",
 * "8am". The minute, or -1; *strict_out says it was of the form we read. */
static int take_time(struct str *rest, bool *strict_out)
{
	int hour, minute = 0;
	size_t digits = take_number(rest, &hour), more = 2;
	struct str half;

	*strict_out = false;
	if (digits > 2) {
		minute = hour % 100;
		hour /= 100;
	} else if (digits > 0 && rest->n > 0 &&
		   str_find(STR(":.h"), 0, rest->p[0]) < 3) {
		*strict_out = rest->p[0] == ':';
		*rest = str_from(*rest, 1);
		more = take_number(rest, &minute);
	}
	half = *rest;
	half = str_cut(skip_blanks(half), 0, 2);
	if (str_ieq(half, STR("am")) || str_ieq(half, STR("pm"))) {
		*rest = str_from(skip_blanks(*rest), 2);
		*strict_out = false;
		if (hour < 1 || hour > 12)
			return -1;
		hour = hour % 12 + (ascii_lower(half.p[0]) == 'p' ? 12 : 0);
	}
	if (digits == 0 || more != 2 || minute > 59 ||
	    hour * 60 + minute > HOURS_DAY_END)
		return -1;
	return hour * 60 + minute;
}

static int take_times(
    struct str *rest, int *from_out, int *to_out, struct error *err)
{
	const struct str whole = *rest;
	bool strict[2] = {false, false};
	int from = take_time(rest, &strict[0]), to = -1;

	if (from >= 0 && take(rest, '-'))
		to = take_time(rest, &strict[1]);
	if (from < 0 || to < 0)
		return error_set(err, ERR_SYNTAX,
		    "\"%.*s\" is not from one time of the day to another; "
		    "write it as \"08:00-18:00\"",
		    STR_ARG(shown(whole)));
	if (from == HOURS_DAY_END)
		return error_set(err, ERR_SYNTAX,
		    "the day ends at 24:00; one that begins is written "
		    "\"00:00\"");
	if (!strict[0] || !strict[1])
		return error_set(err, ERR_SYNTAX,
		    "\"%.*s\": write the times as \"%02d:%02d-%02d:%02d\"",
		    STR_ARG(shown(whole)), from / 60, from % 60, to / 60,
		    to % 60);
	if (from == to)
		return error_set(err, ERR_SYNTAX,
		    "\"%.*s\" begins when it ends; a whole day is written "
		    "\"00:00-24:00\"",
		    STR_ARG(shown(whole)));
	*from_out = from;
	*to_out = to;
	return 0;
}

/* --- both --- */

static uint8_t day_after(uint8_t days)
{
	return (uint8_t)((days << 1 | days >> 6) & HOURS_DAYS_ALL);
}

static size_t fill(struct hours_range out[2], uint8_t days, int from, int to)
{
	bool over_midnight = from > to;

	out[0].days = days;
	out[0].from_min = (uint16_t)from;
	out[0].to_min = (uint16_t)(over_midnight ? HOURS_DAY_END : to);
	if (!over_midnight || to == 0)
		return 1;
	out[1].days = day_after(days);
	out[1].from_min = 0;
	out[1].to_min = (uint16_t)to;
	return 2;
}

/* The dashes of word processors: U+2012 to U+2015, U+2212. */
static bool has_long_dash(struct str s)
{
	return str_contains(s, STR("\xe2\x80\x92")) ||
	       str_contains(s, STR("\xe2\x80\x93")) ||
	       str_contains(s, STR("\xe2\x80\x94")) ||
	       str_contains(s, STR("\xe2\x80\x95")) ||
	       str_contains(s, STR("\xe2\x88\x92"));
}

/* A blank and a digit. */
static bool hours_follow(struct str rest)
{
	struct str next = skip_blanks(rest);

	return next.n > 0 && next.n < rest.n && ascii_is_digit(next.p[0]);
}

int hours_parse_range(
    struct str s, struct hours_range out[2], size_t *n_out, struct error *err)
{
	const struct str whole = str_trim(s);
	struct str rest = whole;
	int from = 0, to = HOURS_DAY_END, rc;
	uint8_t days;

	if (rest.n == 0)
		return error_set(err, ERR_SYNTAX,
		    "empty; hours are written as \"mon-fri 08:00-18:00\"");
	if (has_long_dash(rest))
		return error_set(err, ERR_SYNTAX,
		    "a long dash; write the short one, as in \"mon-fri "
		    "08:00-18:00\"");
	rc = take_days(&rest, &days, err);
	if (rc != 0)
		return rc;
	if (rest.n > 0) {
		if (rest.p != whole.p && !hours_follow(rest))
			return error_set(err, ERR_SYNTAX,
			    "\"%.*s\" cannot follow days; write them as in "
			    "\"mon-fri 08:00-18:00\" or \"mon,wed "
			    "08:00-18:00\"",
			    STR_ARG(shown(rest)));
		rest = skip_blanks(rest);
		rc = take_times(&rest, &from, &to, err);
		if (rc != 0)
			return rc;
	}
	if (str_trim(rest).n > 0)
		return error_set(err, ERR_SYNTAX,
		    "\"%.*s\" is too much: days, then from when to when, as in "
		    "\"mon-fri 08:00-18:00\"; more hours are a text of their "
		    "own",
		    STR_ARG(shown(rest)));
	*n_out = fill(out, days, from, to);
	return 0;
}

static void print_days(struct buf *out, unsigned days)
{
	bool some = false;

	if ((days & HOURS_DAYS_ALL) == HOURS_DAYS_ALL) {
		buf_addz(out, "daily");
		return;
	}
	for (unsigned d = 0; d < 7; d++) {
		unsigned last = d;
		if ((days >> d & 1) == 0)
			continue;
		while (last < 6 && (days >> (last + 1) & 1) != 0)
			last++;
		buf_printf(out, "%s%s", some ? "," : "", day_names[d]);
		if (last > d)
			buf_printf(out, "-%s", day_names[last]);
		some = true;
		d = last;
	}
}

void hours_print_range(struct buf *out, const struct hours_range *r)
{
	print_days(out, r->days);
	if (r->from_min == 0 && r->to_min == HOURS_DAY_END)
		return;
	buf_printf(out, " %02d:%02d-%02d:%02d", r->from_min / 60,
	    r->from_min % 60, r->to_min / 60, r->to_min % 60);
}

/* --- holidays --- */

/* Three or two numbers with separators between them, in any order. */
struct loose_date {
	int v[3];
	size_t digits[3], n;
	char sep; /* the first one */
	bool strict;
};

static bool take_date(struct str *rest, struct loose_date *out)
{
	*out = (struct loose_date){.strict = true};
	while (out->n < 3) {
		size_t i = out->n;
		out->digits[i] = take_number(rest, &out->v[i]);
		if (out->digits[i] == 0) {
			out->strict = false;
			break;
		}
		out->n++;
		if (rest->n == 0 || str_find(STR("-./"), 0, rest->p[0]) == 3)
			break;
		if (i == 0)
			out->sep = rest->p[0];
		out->strict = out->strict && rest->p[0] == '-' && i < 2;
		*rest = str_from(*rest, 1);
	}
	for (size_t i = 0; i < out->n; i++)
		out->strict = out->strict &&
			      out->digits[i] == (out->n == 3 && i == 0 ? 4 : 2);
	return out->n >= 2;
}

/* Which number is what: 0 where there is no year. */
static void order_date(
    const struct loose_date *d, int *year, int *month, int *day)
{
	const bool year_first = d->n == 3 && d->digits[0] == 4;
	const bool day_first = !year_first && d->sep == '.';
	const size_t first = year_first ? 1 : 0;

	*year = d->n < 3 ? 0 : d->v[year_first ? 0 : 2];
	*month = d->v[first + (day_first ? 1 : 0)];
	*day = d->v[first + (day_first ? 0 : 1)];
}

static bool is_date(int year, int month, int day)
{
	struct calendar_date back;

	if ((year != 0 && (year < 1970 || year > 9999)) || month < 1 ||
	    month > 12 || day < 1 || day > 31)
		return false;
	/* The 29th of February of each year is in some. */
	calendar_civil(
	    calendar_days(year != 0 ? year : 2000, month, day), &back);
	return back.month == month;
}

static int bad_form(struct str s, struct error *err)
{
	return error_set(err, ERR_SYNTAX,
	    "\"%.*s\" is not a day; write it as \"2026-12-25\" (year, month, "
	    "day), or \"12-25\" for each year; its name may follow",
	    STR_ARG(shown(s)));
}

static int instead(
    struct str s, int year, int month, int day, struct error *err)
{
	if (year != 0)
		return error_set(err, ERR_SYNTAX,
		    "\"%.*s\": write the day as \"%04d-%02d-%02d\"",
		    STR_ARG(shown(s)), year, month, day);
	return error_set(err, ERR_SYNTAX,
	    "\"%.*s\": write the day as \"%02d-%02d\" (month, day)",
	    STR_ARG(shown(s)), month, day);
}

/* Is the order of the two numbers plain from how they are written? */
static bool is_plain(const struct loose_date *d, int month, int day)
{
	return d->sep != '/' || d->digits[0] == 4 || month > 12 || day > 12;
}

int hours_parse_holiday(
    struct str s, struct hours_holiday *out, struct error *err)
{
	struct str rest = str_trim(s), text = rest;
	struct loose_date d;
	int year, month, day;

	if (!take_date(&rest, &d) || (rest.n > 0 && !ascii_is_blank(rest.p[0])))
		return bad_form(s, err);
	text = str_cut(text, 0, text.n - rest.n);
	order_date(&d, &year, &month, &day);
	if (d.n == 3 && year < 100)
		return bad_form(text, err);
	if (!is_date(year, month, day)) {
		if (is_date(year, day, month) && is_plain(&d, month, day))
			return instead(text, year, day, month, err);
		return error_set(err, ERR_SYNTAX,
		    "there is no day \"%.*s\" (year, month, day)",
		    STR_ARG(shown(text)));
	}
	if (!d.strict)
		return is_plain(&d, month, day)
			   ? instead(text, year, month, day, err)
			   : bad_form(text, err);
	out->year = (int16_t)year;
	out->month = (uint8_t)month;
	out->day = (uint8_t)day;
	return 0;
}

void hours_print_holiday(struct buf *out, const struct hours_holiday *h)
{
	if (h->year != 0)
		buf_printf(out, "%04d-", h->year);
	buf_printf(out, "%02d-%02d", h->month, h->day);
}
