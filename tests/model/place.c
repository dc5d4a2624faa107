/* place.c - see place.h. What localtime_r() says is noted once, at every
 * change of the offset and at every change of the date; the rest looks it up
 * from the first line to the last. */
#include "tests/model/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	STEP_S = 6 * 3600, /* no zone changes twice within it */
	DAY_S = 86400,
	OFFSETS_MAX = 200,
	DAYS_MAX = 10000
};

struct offset {
	int64_t from_s;
	long offset_s;
};

struct date {
	int64_t from_s;
	int day;
};

struct place {
	const char *name;
	struct offset offset[OFFSETS_MAX];
	int n_offsets;
	int last; /* asked for: the next question is mostly near */
	struct date date[DAYS_MAX];
	int n_dates;
};

/* What each of them is there for. */
static struct place places[] = {
    {.name = "UTC"}, {.name = "Europe/Berlin"}, {.name = "America/New_York"},
    {.name = "Australia/Lord_Howe"}, /* half an hour of summer time */
    {.name = "America/Sao_Paulo"},   /* no midnight in October */
    {.name = "Pacific/Apia"},        /* no 30 December 2011 */
    {.name = "Africa/Casablanca"},   /* four changes a year */
    {.name = "Asia/Kathmandu"},      /* +05:45 */
    {.name = "America/St_Johns"},    /* changed at 00:01 until 2011 */
    {.name = "Pacific/Chatham"},     /* +12:45, +13:45 */
    {.name = "Asia/Beirut"},         /* changes at midnight */
    {.name = "Pacific/Kiritimati"},  /* +14 */
};

static int month_of[DAYS_MAX]; /* of the day, from FIRST_DAY */
static const int FIRST_DAY = (int)(PLACE_FIRST_MS / 1000 / DAY_S) - 2;

static long offset_at(int64_t s)
{
	time_t t = (time_t)s;
	struct tm tm;

	return localtime_r(&t, &tm) != NULL ? tm.tm_gmtoff : 0;
}

static void note_offset(struct place *p, int64_t from_s, long offset_s)
{
	if (p->n_offsets == OFFSETS_MAX)
		abort();
	p->offset[p->n_offsets++] = (struct offset){from_s, offset_s};
}

/* Somewhere in (a, b] the offset changes: where? */
static int64_t change_between(int64_t a, int64_t b)
{
	while (b - a > 1) {
		int64_t middle = a + (b - a) / 2;

		if (offset_at(middle) == offset_at(a))
			a = middle;
		else
			b = middle;
	}
	return b;
}

static void read_offsets(struct place *p)
{
	int64_t s = PLACE_FIRST_MS / 1000 - DAY_S;

	note_offset(p, s, offset_at(s));
	for (; s < PLACE_LAST_MS / 1000 + 40 * DAY_S; s += STEP_S)
		if (offset_at(s) != offset_at(s + STEP_S)) {
			int64_t at = change_between(s, s + STEP_S);

			note_offset(p, at, offset_at(at));
		}
}

static void note_date(struct place *p, int64_t from_s, int day)
{
	if (p->n_dates > 0 && p->date[p->n_dates - 1].day == day)
		return;
	if (p->n_dates == DAYS_MAX)
		abort();
	p->date[p->n_dates++] = (struct date){from_s, day};
}

/* The date changes where an offset begins, and at each local midnight. */
static void read_dates(struct place *p)
{
	for (int i = 0; i < p->n_offsets; i++) {
		const struct offset *o = &p->offset[i];
		int64_t end = i + 1 < p->n_offsets
				  ? o[1].from_s
				  : PLACE_LAST_MS / 1000 + 40 * DAY_S;
		int day = (int)((o->from_s + o->offset_s) / DAY_S);

		note_date(p, o->from_s, day);
		for (;;) {
			int64_t at = ++day * (int64_t)DAY_S - o->offset_s;

			if (at >= end)
				break;
			note_date(p, at, day);
		}
	}
}

static struct tm civil(int day)
{
	time_t t = (time_t)day * DAY_S;
	struct tm tm = {0};

	(void)gmtime_r(&t, &tm);
	return tm;
}

void place_init(void)
{
	for (int i = 0; i < place_count(); i++) {
		(void)setenv("TZ", places[i].name, 1);
		tzset();
		read_offsets(&places[i]);
		read_dates(&places[i]);
	}
	for (int i = 0; i < DAYS_MAX; i++) {
		struct tm tm = civil(FIRST_DAY + i);

		month_of[i] = tm.tm_year * 12 + tm.tm_mon;
	}
}

int place_count(void)
{
	return (int)(sizeof(places) / sizeof(places[0]));
}

const char *place_name(int place)
{
	return places[place].name;
}

/* The line of that instant; the first try is at most two lines off. */
static int line_at(const struct place *p, int64_t s)
{
	int i = (int)((s - p->date[0].from_s) / DAY_S);

	if (i < 0 || i >= p->n_dates)
		abort(); /* an instant outside the years that were read */
	while (i + 1 < p->n_dates && p->date[i + 1].from_s <= s)
		i++;
	while (p->date[i].from_s > s)
		i--;
	return i;
}

static int64_t seconds(int64_t ms)
{
	return ms >= 0 ? ms / 1000 : -1;
}

int place_day(int place, int64_t ms)
{
	const struct place *p = &places[place];

	return p->date[line_at(p, seconds(ms))].day;
}

int place_weekday(int day)
{
	return (day + 3) % 7; /* 1970-01-01 was a Thursday */
}

int place_minute(int place, int64_t ms)
{
	struct place *p = &places[place];
	int64_t s = seconds(ms);
	int i = p->last;

	while (i + 1 < p->n_offsets && p->offset[i + 1].from_s <= s)
		i++;
	while (p->offset[i].from_s > s)
		i--;
	p->last = i;
	return (int)((s + p->offset[i].offset_s) % DAY_S / 60);
}

static int period_of(enum place_unit unit, int day)
{
	if (unit == PLACE_DAY)
		return day;
	return unit == PLACE_WEEK ? (day + 3) / 7 : month_of[day - FIRST_DAY];
}

int64_t place_next_period(int place, enum place_unit unit, int64_t ms)
{
	const struct place *p = &places[place];
	int i = line_at(p, seconds(ms)),
	    shown = period_of(unit, p->date[i].day);

	/* Where the clock was put back over midnight the day was seen. */
	if (i > 0 && period_of(unit, p->date[i - 1].day) > shown)
		shown = period_of(unit, p->date[i - 1].day);
	while (period_of(unit, p->date[i].day) <= shown)
		if (++i == p->n_dates)
			abort();
	return p->date[i].from_s * 1000;
}

int64_t place_next_change(int place, int64_t ms)
{
	const struct place *p = &places[place];

	for (int i = 0; i < p->n_offsets; i++)
		if (p->offset[i].from_s * 1000 > ms)
			return p->offset[i].from_s * 1000;
	return INT64_MAX;
}

const char *place_date(int day, char out[16])
{
	struct tm tm = civil(day);

	(void)strftime(out, 16, "%Y-%m-%d", &tm);
	return out;
}
