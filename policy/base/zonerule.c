/* zonerule.c - see zonerule.h. */
#include "policy/base/zonerule.h"

#include "policy/base/calendar.h"

#define DAY_S INT64_C(86400)

static bool take(struct str *rest, char c)
{
	if (rest->n == 0 || rest->p[0] != c)
		return false;
	*rest = str_from(*rest, 1);
	return true;
}

/* Digits, at most `max`. */
static bool take_number(struct str *rest, int max, int *out)
{
	int v = 0;
	size_t n = 0;

	while (n < rest->n && ascii_is_digit(rest->p[n])) {
		v = v * 10 + (rest->p[n++] - '0');
		if (v > max)
			return false;
	}
	*rest = str_from(*rest, n);
	*out = v;
	return n > 0;
}

/* "CET" or "<+03>". */
static bool take_name(struct str *rest)
{
	size_t n = 0;

	if (take(rest, '<')) {
		while (
		    n < rest->n && (ascii_is_alnum(rest->p[n]) ||
				       rest->p[n] == '+' || rest->p[n] == '-'))
			n++;
		*rest = str_from(*rest, n);
		return n > 0 && take(rest, '>');
	}
	while (n < rest->n && ascii_is_alnum(rest->p[n]) &&
	       !ascii_is_digit(rest->p[n]))
		n++;
	*rest = str_from(*rest, n);
	return n >= 3;
}

/* [+-]h[:mm[:ss]] */
static bool take_time(struct str *rest, int max_hours, int32_t *out)
{
	bool negative = take(rest, '-');
	int h, m = 0, s = 0;

	if (!negative)
		(void)take(rest, '+');
	if (!take_number(rest, max_hours, &h))
		return false;
	if (take(rest, ':')) {
		if (!take_number(rest, 59, &m))
			return false;
		if (take(rest, ':') && !take_number(rest, 59, &s))
			return false;
	}
	*out = (h * 60 + m) * 60 + s;
	if (negative)
		*out = -*out;
	return true;
}

static bool take_date(struct str *rest, struct zonerule_date *out)
{
	bool ok;

	*out = (struct zonerule_date){.time_s = 2 * 3600};
	if (take(rest, 'M')) {
		out->kind = ZONERULE_WEEKDAY;
		ok = take_number(rest, 12, &out->month) && out->month > 0 &&
		     take(rest, '.') && take_number(rest, 5, &out->week) &&
		     out->week > 0 && take(rest, '.') &&
		     take_number(rest, 6, &out->day);
	} else if (take(rest, 'J')) {
		out->kind = ZONERULE_JULIAN;
		ok = take_number(rest, 365, &out->day) && out->day > 0;
	} else {
		out->kind = ZONERULE_DAY;
		ok = take_number(rest, 365, &out->day);
	}
	if (ok && take(rest, '/'))
		ok = take_time(rest, 167, &out->time_s);
	return ok;
}

/* What POSIX writes is to be added to local time. */
int zonerule_parse(struct str s, struct zonerule *out)
{
	struct str rest = s;
	int32_t west;

	*out = (struct zonerule){0};
	if (!take_name(&rest) || !take_time(&rest, 24, &west))
		return ERR_SYNTAX;
	out->std_s = -west;
	if (rest.n == 0)
		return 0;
	if (!take_name(&rest))
		return ERR_SYNTAX;
	west = -out->std_s - 3600;
	if (rest.n > 0 && rest.p[0] != ',' && !take_time(&rest, 24, &west))
		return ERR_SYNTAX;
	out->dst_s = -west;
	out->has_dst = true;
	if (!take(&rest, ',') || !take_date(&rest, &out->start) ||
	    !take(&rest, ',') || !take_date(&rest, &out->end) || rest.n > 0)
		return ERR_SYNTAX;
	return 0;
}

/* Days since 1970. */
static int64_t day_of(const struct zonerule_date *d, int year)
{
	const int64_t new_year = calendar_days(year, 1, 1);
	struct calendar_date first;
	int64_t day, length;

	if (d->kind == ZONERULE_DAY)
		return new_year + d->day;
	if (d->kind == ZONERULE_JULIAN) /* 60 is always 1 March */
		return d->day < 60 ? new_year + d->day - 1
				   : calendar_days(year, 3, 1) + d->day - 60;
	day = calendar_days(year, d->month, 1);
	calendar_civil(day, &first);
	length =
	    calendar_days(year + d->month / 12, d->month % 12 + 1, 1) - day;
	/* Sunday is 0 here and 6 there. */
	first.day = (d->day + 6 - first.weekday) % 7 + 7 * (d->week - 1);
	while (first.day >= length)
		first.day -= 7;
	return day + first.day;
}

void zonerule_changes(
    const struct zonerule *r, int year, struct zonerule_change out[2])
{
	struct zonerule_change start = {
	    day_of(&r->start, year) * DAY_S + r->start.time_s - r->std_s,
	    r->dst_s};
	struct zonerule_change end = {
	    day_of(&r->end, year) * DAY_S + r->end.time_s - r->dst_s, r->std_s};
	bool start_first = start.at_s <= end.at_s;

	out[0] = start_first ? start : end;
	out[1] = start_first ? end : start;
}
