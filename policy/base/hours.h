/* hours.h - when mail may go: ranges of the local day, without holidays.
 *
 * A range counts by the clock on the wall: what a gap leaves out does not
 * exist, what a fold repeats is open twice. Holidays close whole local dates
 * in every range. Pure. Threads: any. */
#ifndef POLICY_BASE_HOURS_H
#define POLICY_BASE_HOURS_H

#include "policy/base/buf.h"
#include "policy/base/zone.h"

enum {
	HOURS_DAYS_ALL = 0x7f,
	HOURS_DAYS_BUSINESS = 0x1f,
	HOURS_DAY_END = 1440, /* minutes */
};

#define HOURS_NEVER INT64_MAX
/* How far hours_next_open_ms() looks: four years. */
#define HOURS_HORIZON_MS (1461 * INT64_C(86400000))

struct hours_range {
	uint8_t days;              /* bit 0 Monday .. bit 6 Sunday */
	uint16_t from_min, to_min; /* of the day; from < to <= HOURS_DAY_END */
};

struct hours_holiday {
	int16_t year; /* 0: each year */
	uint8_t month, day;
};

/* No ranges: open on all days. The arrays are the caller's. */
struct hours {
	const struct hours_range *ranges;
	size_t n_ranges;
	const struct hours_holiday *holidays;
	size_t n_holidays;
};

/* "mon-fri 08:00-18:00", "mon,wed 9:00-12:00", "daily 08:00-20:00",
 * "business-days 09:00-17:00" (mon-fri), "sat-sun" (whole days), "08:00-20:00"
 * (daily). "fri 22:00-06:00" ends on Saturday and gives two ranges. A span of
 * days may go over Sunday ("sun-thu"). Days in any case. ERR_SYNTAX; err says
 * to whoever wrote it what to write instead. */
int hours_parse_range(struct str s, struct hours_range out[2], size_t *n_out,
    struct error *err) MUST_CHECK;

/* "2026-12-25" or, each year, "12-25"; what follows a blank is its name.
 * ERR_SYNTAX as above. */
int hours_parse_holiday(
    struct str s, struct hours_holiday *out, struct error *err) MUST_CHECK;

/* As hours_parse_range() and hours_parse_holiday() read it. */
void hours_print_range(struct buf *out, const struct hours_range *r);
void hours_print_holiday(struct buf *out, const struct hours_holiday *h);

bool hours_is_open(const struct hours *h, const struct zone *z, int64_t t_ms);

/* t_ms when it is open; else the first open instant after it. HOURS_NEVER:
 * none before t_ms + HOURS_HORIZON_MS. */
int64_t hours_next_open_ms(
    const struct hours *h, const struct zone *z, int64_t t_ms);
/* t_ms when it is closed; else the first closed instant after it. HOURS_NEVER
 * as above. */
int64_t hours_next_closed_ms(
    const struct hours *h, const struct zone *z, int64_t t_ms);

/* The longest closed stretch that begins in [from_ms, to_ms), and where: the
 * first of several. 0: none. HOURS_NEVER: one of them does not end. */
int64_t hours_longest_closed_ms(const struct hours *h, const struct zone *z,
    int64_t from_ms, int64_t to_ms, int64_t *start_out);

#endif
