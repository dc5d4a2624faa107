/* mtalog_prefix.c - see mtalog_prefix.h. Fixed columns are read as such: this
 * runs for every line of the log. */
#include "agent/in/mtalog_prefix.h"

#include <string.h>

enum {
	DAY_S = 86400,
	SYSLOG_STAMP = 15, /* "Nov 22 10:05:32" */
	RFC3339_STAMP = 19 /* "2026-11-22T10:05:32" */
};

/* Days since 1970-01-01 of a date of the Gregorian calendar; month 1..12. The
 * year is counted from March, so that the leap day is its last. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year =
	    (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

static int64_t year_of(int64_t ms)
{
	int64_t days = ms / 1000 / DAY_S;
	int64_t year = 1970 + days * 400 / 146097;

	while (days_of(year, 1, 1) > days)
		year--;
	while (days_of(year + 1, 1, 1) <= days)
		year++;
	return year;
}

static bool is_date(int64_t year, int month, int day)
{
	static const int length[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (month < 1 || month > 12 || day < 1)
		return false;
	return day <= length[month - 1] + (month == 2 && leap);
}

/* -1: not n digits. */
static int digits(const char *p, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (!ascii_is_digit(p[i]))
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

/* Seconds into the day of "hh:mm:ss", -1 if it is none. 60: a leap second. */
static int time_of_day(const char *p)
{
	int h = digits(p, 2), m = digits(p + 3, 2), s = digits(p + 6, 2);

	if (h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60)
		return -1;
	return p[2] == ':' && p[5] == ':' ? h * 3600 + m * 60 + s : -1;
}

static int month_of(const char *p)
{
	static const char name[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (memcmp(p, name + (size_t)i * 3, 3) == 0)
			return i + 1;
	return -1;
}

static int syslog_stamp(
    struct str *line, const struct mtalog_when *when, int64_t *ms_out)
{
	int month, day, tod;
	int64_t year;

	if (line->n <= SYSLOG_STAMP || line->p[SYSLOG_STAMP] != ' ')
		return ERR_SYNTAX;
	month = month_of(line->p);
	day =
	    line->p[4] == ' ' ? digits(line->p + 5, 1) : digits(line->p + 4, 2);
	tod = time_of_day(line->p + 7);
	if (tod < 0 || month < 0 || line->p[3] != ' ' || line->p[6] != ' ')
		return ERR_SYNTAX;
	year = year_of(when->reference_ms) + 1;
	for (int i = 0; i < 3; i++, year--) {
		int64_t s = days_of(year, month, day) * DAY_S + tod -
			    when->utc_offset_s;
		*ms_out = s * 1000;
		if (!is_date(year, month, day) ||
		    *ms_out > when->reference_ms + DAY_S * 1000LL)
			continue;
		*line = str_from(*line, SYSLOG_STAMP + 1);
		return 0;
	}
	return ERR_SYNTAX;
}

/* Takes ".123456" off; the first three digits count. */
static int64_t take_fraction(struct str *s)
{
	int64_t ms = 0, unit = 100;

	if (s->n == 0 || s->p[0] != '.')
		return 0;
	*s = str_from(*s, 1);
	for (; s->n > 0 && ascii_is_digit(s->p[0]); *s = str_from(*s, 1)) {
		ms += (s->p[0] - '0') * unit;
		unit /= 10;
	}
	return ms;
}

/* Takes "Z " or "+01:00 " off. */
static int take_zone(struct str *s, int64_t *offset_s_out)
{
	int h, m;

	*offset_s_out = 0;
	if (s->n >= 2 && s->p[0] == 'Z' && s->p[1] == ' ') {
		*s = str_from(*s, 2);
		return 0;
	}
	if (s->n < 7 || s->p[3] != ':' || s->p[6] != ' ')
		return ERR_SYNTAX;
	h = digits(s->p + 1, 2);
	m = digits(s->p + 4, 2);
	if ((s->p[0] != '+' && s->p[0] != '-') || h < 0 || m < 0)
		return ERR_SYNTAX;
	*offset_s_out = (s->p[0] == '-' ? -1 : 1) * (h * 3600 + m * 60);
	*s = str_from(*s, 7);
	return 0;
}

static int rfc3339_stamp(struct str *line, int64_t *ms_out)
{
	struct str rest = str_from(*line, RFC3339_STAMP);
	int year, month, day, tod;
	int64_t offset_s, ms;

	if (line->n <= RFC3339_STAMP || line->p[10] != 'T')
		return ERR_SYNTAX;
	year = digits(line->p, 4);
	month = digits(line->p + 5, 2);
	day = digits(line->p + 8, 2);
	tod = time_of_day(line->p + 11);
	if (line->p[4] != '-' || line->p[7] != '-' || tod < 0 ||
	    !is_date(year, month, day))
		return ERR_SYNTAX;
	ms = take_fraction(&rest);
	if (take_zone(&rest, &offset_s) != 0)
		return ERR_SYNTAX;
	*ms_out =
	    (days_of(year, month, day) * DAY_S + tod - offset_s) * 1000 + ms;
	*line = rest;
	return 0;
}

static void skip_priority(struct str *line)
{
	size_t end;

	if (line->n == 0 || line->p[0] != '<')
		return;
	end = str_find(str_cut(*line, 0, 5), 0, '>');
	if (end < 5)
		*line = str_from(*line, end + 1);
}

/* "postfix/smtp[123]" -> program and process id. */
static int split_tag(struct str tag, struct mtalog_prefix *out)
{
	size_t at = str_rfind(tag, '[');
	uint64_t pid = 0;

	if (at < tag.n && tag.p[tag.n - 1] == ']' &&
	    str_u64(str_cut(tag, at + 1, tag.n - at - 2), UINT32_MAX, &pid) !=
		0)
		return ERR_SYNTAX;
	out->program = str_cut(tag, 0, at);
	out->pid = (uint32_t)pid;
	return out->program.n > 0 ? 0 : ERR_SYNTAX;
}

int mtalog_prefix_parse(
    struct str line, const struct mtalog_when *when, struct mtalog_prefix *out)
{
	size_t at;
	int rc;

	skip_priority(&line);
	if (line.n > 0 && ascii_is_digit(line.p[0]))
		rc = rfc3339_stamp(&line, &out->time_ms);
	else
		rc = syslog_stamp(&line, when, &out->time_ms);
	if (rc != 0)
		return rc;
	at = str_find(line, 0, ' ');
	out->host = str_cut(line, 0, at);
	line = str_from(line, at + 1);
	at = str_find(line, 0, ':');
	if (at + 1 >= line.n || line.p[at + 1] != ' ' || out->host.n == 0)
		return ERR_SYNTAX;
	out->text = str_from(line, at + 2);
	return split_tag(str_cut(line, 0, at), out);
}

bool mtalog_prefix_is_loss(const struct mtalog_prefix *p)
{
	if (str_eq(p->program, STR("rsyslogd")))
		return str_contains(p->text, STR("due to rate-limiting"));
	return str_eq(p->program, STR("systemd-journald")) &&
	       str_starts(p->text, STR("Suppressed "));
}
