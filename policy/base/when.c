/* when.c - see when.h. Every refusal names the form that would have worked:
 * these texts come from people who write policies, not from programs. */
#include "policy/base/when.h"

static const struct unit {
	char letter;
	int64_t ms;
	const char *words[4]; /* what people write instead */
} units[] = {
    {'w', WHEN_WEEK_MS, {"week", "weeks", "wk", "wks"}},
    {'d', WHEN_DAY_MS, {"day", "days", NULL, NULL}},
    {'h', WHEN_HOUR_MS, {"hour", "hours", "hr", "hrs"}},
    {'m', WHEN_MINUTE_MS, {"minute", "minutes", "min", "mins"}},
    {'s', WHEN_SECOND_MS, {"second", "seconds", "sec", "secs"}},
};
/* Calendar words and the rolling form nearest to each. Nobody limits mail to
 * so many a quarter: it would allow them all in its first week. */
static const struct {
	const char *word, *rolling;
	enum calendar_unit unit; /* 0: not counted by the calendar */
} calendar[] = {
    {"day", "1d", CALENDAR_DAY},
    {"week", "7d", CALENDAR_WEEK},
    {"month", "30d", CALENDAR_MONTH},
    {"quarter", "90d", 0},
    {"year", "365d", 0},
};

enum {
	N_UNITS = sizeof(units) / sizeof(units[0]),
	N_CALENDAR = sizeof(calendar) / sizeof(calendar[0]),
};

static struct str skip_blanks(struct str s)
{
	while (s.n > 0 && ascii_is_blank(s.p[0]))
		s = str_from(s, 1);
	return s;
}

/* Takes the leading run of digits or of other non-blank bytes off *rest. */
static struct str take_run(struct str *rest, bool digits)
{
	size_t n = 0;
	struct str run;

	while (n < rest->n && !ascii_is_blank(rest->p[n]) &&
	       ascii_is_digit(rest->p[n]) == digits)
		n++;
	run = str_cut(*rest, 0, n);
	*rest = str_from(*rest, n);
	return run;
}

/* A number without leading zero: 010 is eight to some and ten to others. */
static int plain_number(
    struct str s, uint64_t max, uint64_t *out, struct error *err)
{
	int rc;

	if (s.n > 1 && s.p[0] == '0')
		return error_set(err, ERR_SYNTAX,
		    "\"%.*s\" starts with a zero; write it without",
		    STR_ARG(s));
	rc = str_u64(s, max, out);
	if (rc == ERR_LIMIT)
		return error_set(err, ERR_LIMIT,
		    "\"%.*s\" is too large: at most %llu", STR_ARG(s),
		    (unsigned long long)max);
	if (rc != 0)
		return error_set(err, ERR_SYNTAX,
		    "\"%.*s\" is not a whole number", STR_ARG(s));
	return 0;
}

static int bad_unit(struct str number, struct str word, struct error *err)
{
	if (word.n == 0)
		return error_set(err, ERR_SYNTAX,
		    "\"%.*s\" has no unit; write for example \"%.*sd\" or "
		    "\"%.*sh\"",
		    STR_ARG(number), STR_ARG(number), STR_ARG(number));
	for (size_t i = 0; i < N_UNITS; i++) {
		if (word.n == 1 && ascii_lower(word.p[0]) == units[i].letter)
			return error_set(err, ERR_SYNTAX,
			    "unit \"%.*s\" must be a small letter; write "
			    "\"%.*s%c\"",
			    STR_ARG(word), STR_ARG(number), units[i].letter);
		for (size_t j = 0; j < 4; j++)
			if (units[i].words[j] != NULL &&
			    str_ieq(word, str_of(units[i].words[j])))
				return error_set(err, ERR_SYNTAX,
				    "unit \"%.*s\" is written \"%c\"; write "
				    "\"%.*s%c\"",
				    STR_ARG(word), units[i].letter,
				    STR_ARG(number), units[i].letter);
	}
	return error_set(err, ERR_SYNTAX,
	    "unknown unit \"%.*s\"; the units are w, d, h, m (minutes) and s",
	    STR_ARG(word));
}

/* One "12h"; *next is the first unit that may follow. */
static int take_part(
    struct str *rest, size_t *next, int64_t *sum, struct error *err)
{
	struct str number = take_run(rest, true), word;
	uint64_t v;
	size_t u = 0;
	int64_t ms;
	int rc;

	if (number.n == 0)
		return error_set(err, ERR_SYNTAX,
		    "\"%.*s\" is not a number with a unit such as \"7d\" or "
		    "\"20h\"",
		    STR_ARG(*rest));
	rc = plain_number(number, UINT32_MAX, &v, err);
	if (rc != 0)
		return rc;
	*rest = skip_blanks(*rest);
	word = take_run(rest, false);
	while (u < N_UNITS && !(word.n == 1 && word.p[0] == units[u].letter))
		u++;
	if (u == N_UNITS)
		return bad_unit(number, word, err);
	if (u < *next)
		return error_set(err, ERR_SYNTAX,
		    "units must fall, each once, as in \"1d 12h\"");
	*next = u + 1;
	if (__builtin_mul_overflow((int64_t)v, units[u].ms, &ms) ||
	    __builtin_add_overflow(*sum, ms, sum) || *sum > WHEN_MAX_MS)
		return error_set(
		    err, ERR_LIMIT, "longer than ten years (3660d)");
	return 0;
}

int when_duration(struct str s, int64_t *ms_out, struct error *err)
{
	struct str rest = skip_blanks(s);
	size_t next = 0;
	int64_t sum = 0;

	if (rest.n == 0)
		return error_set(err, ERR_SYNTAX,
		    "empty; a duration is written as \"7d\" or \"20h\"");
	while (rest.n > 0) {
		int rc = take_part(&rest, &next, &sum, err);
		if (rc != 0)
			return rc;
		rest = skip_blanks(rest);
	}
	if (sum == 0)
		return error_set(
		    err, ERR_SYNTAX, "must be longer than nothing");
	*ms_out = sum;
	return 0;
}

void when_format(struct buf *out, int64_t ms)
{
	bool some = false;

	for (size_t u = 0; u < N_UNITS; u++) {
		int64_t n = ms / units[u].ms;
		/* "7d" reads better than "1w" and people write it so. */
		if (units[u].letter == 'w' || n == 0)
			continue;
		buf_printf(out, "%s%lld%c", some ? " " : "", (long long)n,
		    units[u].letter);
		ms -= n * units[u].ms;
		some = true;
	}
	if (ms > 0)
		buf_printf(out, "%s%lldms", some ? " " : "", (long long)ms);
	else if (!some)
		buf_addz(out, "0s");
}

/* "2 per 7d" -> "2" and "7d". */
static bool split_limit(struct str s, struct str *n_out, struct str *span_out)
{
	struct str rest = skip_blanks(s), per;

	*n_out = take_run(&rest, true);
	rest = skip_blanks(rest);
	per = take_run(&rest, false);
	*span_out = str_trim(rest);
	return n_out->n > 0 && str_eq(per, STR("per"));
}

static int not_by_calendar(size_t i, uint32_t n, struct error *err)
{
	return error_set(err, ERR_SYNTAX,
	    "\"per %s\" is not counted by the calendar, only day, week and "
	    "month "
	    "are; write the rolling form \"%u per %s\"",
	    calendar[i].word, n, calendar[i].rolling);
}

/* The row of a calendar word; N_CALENDAR for another one. */
static size_t calendar_row(struct str word)
{
	size_t i = 0;

	while (i < N_CALENDAR && !str_ieq(word, str_of(calendar[i].word)))
		i++;
	return i;
}

int when_limit(struct str s, struct when_limit *out, struct error *err)
{
	struct str number, span;
	uint64_t n;
	size_t row;
	int rc;

	*out = (struct when_limit){0};
	if (!split_limit(s, &number, &span))
		return error_set(err, ERR_SYNTAX,
		    "\"%.*s\" is not of the form \"2 per 7d\" or \"2 per "
		    "week\"",
		    STR_ARG(s));
	rc = plain_number(number, UINT32_MAX, &n, err);
	if (rc != 0)
		return rc;
	out->n = (uint32_t)n;
	row = calendar_row(span);
	if (row == N_CALENDAR)
		return when_duration(span, &out->span_ms, err);
	if (calendar[row].unit == 0)
		return not_by_calendar(row, out->n, err);
	out->unit = calendar[row].unit;
	return 0;
}

int when_size(struct str s, size_t *out, struct error *err)
{
	static const char letters[] = "KMGT";
	struct str rest = s, number = take_run(&rest, true);
	unsigned shift = 0;
	uint64_t v;
	int rc;

	if (number.n == 0)
		return error_set(err, ERR_SYNTAX,
		    "\"%.*s\" is not a size such as \"50M\" or \"4096\"",
		    STR_ARG(s));
	rc = plain_number(number, SIZE_MAX, &v, err);
	if (rc != 0)
		return rc;
	if (rest.n == 1)
		for (unsigned i = 0; letters[i] != '\0'; i++)
			if (rest.p[0] == letters[i])
				shift = 10 * (i + 1);
	if (rest.n > 0 && shift == 0)
		return error_set(err, ERR_SYNTAX,
		    "unknown unit \"%.*s\"; a size ends in K, M, G, T or "
		    "nothing (bytes), as in \"50M\"",
		    STR_ARG(rest));
	if (v > SIZE_MAX >> shift)
		return error_set(
		    err, ERR_LIMIT, "\"%.*s\" is too large", STR_ARG(s));
	*out = (size_t)v << shift;
	return 0;
}
