/* msgid.h - message ids: 8 bytes that sort by time, so that a table keyed by
 * them is appended to and not torn up.
 *
 *   42 bits  milliseconds since 2020-01-01T00:00Z (until 2159)
 *   22 bits  random
 *
 * Kept and sent as big-endian bytes. Two messages of one millisecond draw the
 * same id once in 4 million pairs - at 4000 messages/s about every twelve
 * minutes - so whoever records an id must refuse one that is taken and draw
 * again. Not secret and not proof of anything: tokens carry an HMAC for that.
 * Pure: time and random come in as arguments. Threads: any. */
#ifndef POLICY_MAIL_MSGID_H
#define POLICY_MAIL_MSGID_H

#include <stdint.h>

/* Never 0. The lower 22 bits of `random` count. Times before 2020 or after
 * 2159 are clamped. */
uint64_t msgid_make(int64_t now_ms, uint32_t random);

/* Wall clock in ms since 1970, as given to msgid_make(). */
int64_t msgid_time_ms(uint64_t id);

/* The least id of that instant: where a range by time begins. */
uint64_t msgid_floor(int64_t ms);

#endif
