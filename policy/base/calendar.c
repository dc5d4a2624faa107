/* calendar.c - see calendar.h. Days are counted in eras of 400 years, each of
 * 146097 days; the year is taken from March, so that the leap day is its last
 * and the lengths of its months follow one formula: (153 * month + 2) / 5. */
#include "policy/base/calendar.h"

#define DAY_MS INT64_C(86400000)
#define ERA_DAYS INT64_C(146097)
#define DAYS_TO_1970 INT64_C(719468) /* from 1 March of year 0 */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

int64_t calendar_days(int year, int month, int day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = floor_div(y, 400), year_of_era = y - era * 400;
	int64_t from_march = (month + 9) % 12;
	int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;

	return era * ERA_DAYS + year_of_era * 365 + year_of_era / 4 -
	       year_of_era / 100 + day_of_year - DAYS_TO_1970;
}

void calendar_civil(int64_t days, struct calendar_date *out)
{
	int64_t z = days + DAYS_TO_1970, era = floor_div(z, ERA_DAYS);
	int64_t doe = z - era * ERA_DAYS; /* of the era */
	int64_t yoe =
	    (doe - doe / 1460 + doe / 36524 - doe / (ERA_DAYS - 1)) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t from_march = (5 * doy + 2) / 153;

	out->day = (int)(doy - (153 * from_march + 2) / 5 + 1);
	out->month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
	out->year = (int)(yoe + era * 400 + (out->month <= 2));
	out->weekday = (int)(days + 3 - 7 * floor_div(days + 3, 7));
}

static int64_t local_day(const struct zone *z, int64_t t_ms)
{
	return floor_div(add(t_ms, zone_offset_ms(z, t_ms)), DAY_MS);
}

void calendar_date_of(
    const struct zone *z, int64_t t_ms, struct calendar_date *out)
{
	calendar_civil(local_day(z, t_ms), out);
}

/* The first instant of a local day. */
static int64_t midnight(const struct zone *z, int64_t day)
{
	int64_t local;

	if (__builtin_mul_overflow(day, DAY_MS, &local))
		return day < 0 ? INT64_MIN : INT64_MAX;
	return zone_instant_ms(z, local);
}

/* The day on which the period of a day begins, and the day after its end. */
static void period_of(enum calendar_unit u, int64_t day, int64_t period[2])
{
	struct calendar_date d;

	period[0] = day;
	period[1] = day + 1;
	if (u == CALENDAR_DAY)
		return;
	calendar_civil(day, &d);
	if (u == CALENDAR_WEEK) {
		period[0] = day - d.weekday;
		period[1] = period[0] + 7;
		return;
	}
	period[0] = day - d.day + 1;
	period[1] = d.month < 12 ? calendar_days(d.year, d.month + 1, 1)
				 : calendar_days(d.year + 1, 1, 1);
}

/* Start and end of the period that contains t. The date on the wall may be of
 * the one before: where a fold repeats the last minutes before midnight. */
static void find(
    const struct zone *z, enum calendar_unit u, int64_t t_ms, int64_t found[2])
{
	int64_t day = local_day(z, t_ms), period[2];

	do {
		period_of(u, day, period);
		found[1] = midnight(z, period[1]);
		day = period[1];
	} while (found[1] <= t_ms && found[1] != INT64_MAX);
	found[0] = midnight(z, period[0]);
}

int64_t calendar_start_ms(
    const struct zone *z, enum calendar_unit u, int64_t t_ms)
{
	int64_t found[2];

	find(z, u, t_ms, found);
	return found[0];
}

int64_t calendar_next_ms(
    const struct zone *z, enum calendar_unit u, int64_t t_ms)
{
	int64_t found[2];

	find(z, u, t_ms, found);
	return found[1];
}
