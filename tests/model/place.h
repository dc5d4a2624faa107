/* place.h - local time by the C library's own zones, for the model: slow to
 * set up, plain to read. Shares nothing with the product, which reads the
 * zones with another library.
 *
 * Instants are ms since 1970 between PLACE_FIRST_MS and PLACE_LAST_MS; days are
 * numbered from 1970-01-01 of the local calendar. Threads: one. */
#ifndef TESTS_MODEL_PLACE_H
#define TESTS_MODEL_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#define PLACE_FIRST_MS INT64_C(1230768000000) /* 2009 */
#define PLACE_LAST_MS INT64_C(2051222400000)  /* 2035 */

enum place_unit {
	PLACE_DAY,
	PLACE_WEEK, /* from Monday */
	PLACE_MONTH
};

/* Reads all zones. To be called once, first. */
void place_init(void);
int place_count(void);
const char *place_name(int place);

/* What the wall shows: the local day, its day of the week (0: Monday), the
 * minute of it. */
int place_day(int place, int64_t ms);
int place_weekday(int day);
int place_minute(int place, int64_t ms);
/* The first instant after it at which a day, week or month begins that the wall
 * has not shown before. */
int64_t place_next_period(int place, enum place_unit unit, int64_t ms);
/* The first instant after it at which the offset from UTC changes; INT64_MAX
 * when there is none. */
int64_t place_next_change(int place, int64_t ms);
/* "2024-02-29". */
const char *place_date(int day, char out[16]);

#endif
