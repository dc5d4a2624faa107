/* clock.h - where the time comes from. Decisions never read it: `now` comes in
 * as an argument. Threads: immutable after init.
 *
 * The environment variable TENDRIL_CLOCK_FILE (tests only) names a file that
 * holds the wall clock in milliseconds since 1970; read at each call, so a
 * test can move the time of a running program both ways. */
#ifndef POLICY_BASE_CLOCK_H
#define POLICY_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_now_ms(void);  /* wall clock, ms since 1970-01-01T00:00Z */
int64_t clock_mono_ms(void); /* never goes back; for deadlines only */

/* "2026-11-22T10:05:32Z"; out must hold CLOCK_TEXT bytes. Years 0..9999,
 * clamped outside. */
enum {
	CLOCK_TEXT = 21
};
void clock_format(int64_t ms, char out[CLOCK_TEXT]);

#endif
