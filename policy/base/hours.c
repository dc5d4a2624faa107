/* hours.c - see hours.h. The text forms are in hours_text.c.
 *
 * Time is walked in spans of one offset, within which local time is a straight
 * line: gaps and folds then need no thought, a range that lies in a gap is in
 * no span, one in a fold is in two. */
#include "policy/base/hours.h"

#include "policy/base/calendar.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MS (1440 * MINUTE_MS)

static const struct hours_range whole_week = {HOURS_DAYS_ALL, 0, HOURS_DAY_END};

/* No sum below leaves int64_t for instants between these. */
#define LATEST_MS (INT64_MAX - HOURS_HORIZON_MS - 2 * DAY_MS)
#define EARLIEST_MS (-LATEST_MS)

static int64_t floor_day(int64_t local_ms)
{
	return local_ms / DAY_MS - (local_ms % DAY_MS < 0);
}

/* Monday's is the lowest; 1970 began with a Thursday. */
static unsigned weekday_bit(int64_t day)
{
	int64_t weekday = (day + 3) % 7;

	return 1U << (unsigned)(weekday < 0 ? weekday + 7 : weekday);
}

static bool is_holiday(const struct hours *h, int64_t day)
{
	struct calendar_date d;

	if (h->n_holidays == 0)
		return false;
	calendar_civil(day, &d);
	for (size_t i = 0; i < h->n_holidays; i++) {
		const struct hours_holiday *off = &h->holidays[i];
		if (off->day == d.day && off->month == d.month &&
		    (off->year == 0 || off->year == d.year))
			return true;
	}
	return false;
}

/* The first open moment of a local day at or after ms of it; DAY_MS when there
 * is none. Moments are ms of the day. */
static int64_t opens_at(const struct hours *h, int64_t day, int64_t ms)
{
	const struct hours_range *r = h->ranges;
	size_t n = h->n_ranges;
	const unsigned bit = weekday_bit(day);
	int64_t first = DAY_MS;

	if (n == 0) {
		r = &whole_week;
		n = 1;
	}
	for (size_t i = 0; i < n; i++) {
		int64_t from = r[i].from_min * MINUTE_MS;
		if ((r[i].days & bit) == 0 || ms >= r[i].to_min * MINUTE_MS)
			continue;
		from = from > ms ? from : ms;
		first = from < first ? from : first;
	}
	return first < DAY_MS && is_holiday(h, day) ? DAY_MS : first;
}

/* The end of what is open at ms of a local day, which may be DAY_MS; ms when it
 * is closed then. */
static int64_t closes_at(const struct hours *h, int64_t day, int64_t ms)
{
	const struct hours_range *r = h->n_ranges > 0 ? h->ranges : &whole_week;
	const size_t n = h->n_ranges > 0 ? h->n_ranges : 1;
	const unsigned bit = weekday_bit(day);
	int64_t end = ms;

	if (is_holiday(h, day))
		return ms;
	for (size_t i = 0; i < n; i++) {
		int64_t to = r[i].to_min * MINUTE_MS;

		if ((r[i].days & bit) == 0 || r[i].from_min * MINUTE_MS > end ||
		    to <= end)
			continue;
		end = to;
		i = SIZE_MAX; /* one before it may go on from there */
	}
	return end;
}

static int64_t clamp(int64_t t_ms)
{
	if (t_ms < EARLIEST_MS)
		return EARLIEST_MS;
	return t_ms < LATEST_MS ? t_ms : LATEST_MS;
}

bool hours_is_open(const struct hours *h, const struct zone *z, int64_t t_ms)
{
	const int64_t t = clamp(t_ms), local = t + zone_offset_ms(z, t);
	const int64_t day = floor_day(local), ms = local - day * DAY_MS;

	return opens_at(h, day, ms) == ms;
}

/* opens_at() or closes_at(). */
typedef int64_t moment_fn(const struct hours *h, int64_t day, int64_t ms);

/* The first such moment of [from, to) in local time; HOURS_NEVER. */
static int64_t first_of(
    const struct hours *h, int64_t from, int64_t to, moment_fn *moment)
{
	int64_t day = floor_day(from), ms = from - day * DAY_MS, at;

	for (; day * DAY_MS + ms < to; day++) {
		at = moment(h, day, ms);
		if (at < DAY_MS)
			return day * DAY_MS + at < to ? day * DAY_MS + at
						      : HOURS_NEVER;
		ms = 0;
	}
	return HOURS_NEVER;
}

/* Span by span of one offset. */
static int64_t next_ms(const struct hours *h, const struct zone *z,
    int64_t t_ms, moment_fn *moment)
{
	int64_t t = clamp(t_ms), until, offset, local;
	const int64_t limit = t + HOURS_HORIZON_MS;

	if (t < t_ms)
		return HOURS_NEVER;
	while (t < limit) {
		offset = zone_offset_until_ms(z, t, &until);
		until = until < limit ? until : limit;
		local = first_of(h, t + offset, until + offset, moment);
		if (local != HOURS_NEVER)
			return local - offset;
		t = until;
	}
	return HOURS_NEVER;
}

int64_t hours_next_open_ms(
    const struct hours *h, const struct zone *z, int64_t t_ms)
{
	return next_ms(h, z, t_ms, opens_at);
}

int64_t hours_next_closed_ms(
    const struct hours *h, const struct zone *z, int64_t t_ms)
{
	return next_ms(h, z, t_ms, closes_at);
}

int64_t hours_longest_closed_ms(const struct hours *h, const struct zone *z,
    int64_t from_ms, int64_t to_ms, int64_t *start_out)
{
	int64_t longest = 0, closes, opens = from_ms;

	*start_out = from_ms;
	for (;;) {
		closes = hours_next_closed_ms(h, z, opens);
		if (closes >= to_ms)
			return longest;
		opens = hours_next_open_ms(h, z, closes);
		if (opens == HOURS_NEVER || opens - closes > longest) {
			*start_out = closes;
			longest = opens == HOURS_NEVER ? opens : opens - closes;
		}
		if (opens == HOURS_NEVER)
			return longest;
	}
}
