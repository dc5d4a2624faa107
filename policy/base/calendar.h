/* calendar.h - days, weeks and months as the clock on the wall has them.
 *
 * A period begins at the first instant whose local time is its first midnight
 * or later: after the gap where that midnight does not exist, at the first of
 * the two where it exists twice (the minutes that the clock repeats after it
 * belong to the new period, whatever date they show). So periods follow each
 * other without gap or overlap, and one that a zone left out (Samoa's 30
 * December 2011) has none. Pure. Threads: any. */
#ifndef POLICY_BASE_CALENDAR_H
#define POLICY_BASE_CALENDAR_H

#include "policy/base/zone.h"

enum calendar_unit {
	CALENDAR_DAY = 1,
	CALENDAR_WEEK = 2, /* from Monday (ISO 8601) */
	CALENDAR_MONTH = 3,
};

struct calendar_date {
	int year;
	int month, day; /* 1..12, 1..31 */
	int weekday;    /* 0 = Monday */
};

/* First instant of the period that contains t, and of the next one, which is
 * later than t. Clamped to INT64_MIN and INT64_MAX. */
int64_t calendar_start_ms(
    const struct zone *z, enum calendar_unit u, int64_t t_ms);
int64_t calendar_next_ms(
    const struct zone *z, enum calendar_unit u, int64_t t_ms);

/* The date that the wall shows at t. */
void calendar_date_of(
    const struct zone *z, int64_t t_ms, struct calendar_date *out);

/* Days since 1970-01-01 in the proleptic Gregorian calendar and back. The day
 * may be beyond its month: 31 April is 1 May. */
int64_t calendar_days(int year, int month, int day);
void calendar_civil(int64_t days, struct calendar_date *out);

#endif
