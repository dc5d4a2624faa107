/* when.h - durations, limits and sizes in the text of a policy. Pure.
 *
 * A duration is a number and one unit, or several in falling order: "20h",
 * "7d", "1d 12h", "90s", "15m", "2w". There is no month or year: those are
 * calendar units, of a limit only. Threads: any. */
#ifndef POLICY_BASE_WHEN_H
#define POLICY_BASE_WHEN_H

#include "policy/base/buf.h"
#include "policy/base/calendar.h"

#define WHEN_SECOND_MS INT64_C(1000)
#define WHEN_MINUTE_MS (60 * WHEN_SECOND_MS)
#define WHEN_HOUR_MS (60 * WHEN_MINUTE_MS)
#define WHEN_DAY_MS (24 * WHEN_HOUR_MS)
#define WHEN_WEEK_MS (7 * WHEN_DAY_MS)
#define WHEN_MAX_MS (3660 * WHEN_DAY_MS)

/* 0 < result <= WHEN_MAX_MS. err says what is wrong with the text. */
int when_duration(struct str s, int64_t *ms_out, struct error *err) MUST_CHECK;
/* "1d 12h"; exact, shortest. */
void when_format(struct buf *out, int64_t ms);

/* "N per 7d" counts in each 7 days; "N per day", "week" or "month" by the
 * calendar of a zone. */
struct when_limit {
	uint32_t n;
	int64_t span_ms;         /* rolling; 0: by the calendar */
	enum calendar_unit unit; /* if span_ms is 0 */
};

/* ERR_SYNTAX, ERR_LIMIT; for a quarter and a year err names the rolling
 * form. */
int when_limit(
    struct str s, struct when_limit *out, struct error *err) MUST_CHECK;

/* Sizes: "50M", "256K", "1G", "4096" (bytes). */
int when_size(struct str s, size_t *out, struct error *err) MUST_CHECK;

#endif
