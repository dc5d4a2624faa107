/* zone.h - local time: the offset of a time zone from UTC at an instant, and
 * the instant of a local time.
 *
 * An instant is ms since 1970-01-01T00:00Z. A local time is the same count as
 * if the zone's clock showed UTC: local = instant + offset. Where the clock is
 * put forward some local times do not exist (a gap), where it is put back some
 * exist twice (a fold). All int64_t are taken; results are clamped.
 *
 * A zone is known from 1970 to 2129. Before, it has its offset of 1970-01-01;
 * beyond, its last rule goes on ("last Sunday of March"), with the calendar of
 * the year. It is what this machine's tzdata said when it was loaded, or at
 * the last zones_reload().
 *
 * Threads: a zone is immutable; zones are internally locked. */
#ifndef POLICY_BASE_ZONE_H
#define POLICY_BASE_ZONE_H

#include "policy/base/buf.h"

struct zone;
struct zones; /* those loaded so far, by name */

enum {
	ZONE_NAME_MAX = 64,
	ZONES_MAX = 700, /* tzdata has 600 names */
};

/* -ENOMEM. */
int zones_open(struct zones **out) MUST_CHECK;
/* Ends all zones found. NULL is fine; sets *zs = NULL. */
void zones_close(struct zones **zs);

/* A zone by its IANA name, as "Europe/Berlin"; names come from strangers.
 * ERR_NOT_FOUND: no such zone here, or not the form of a name; ERR_LIMIT:
 * ZONES_MAX are loaded and this is another; ERR_CORRUPT: a damaged file;
 * -ENOMEM, -EMFILE and the like. *out lives until
 * zones_close(). What was found once is found again without a lock; what was
 * not found may stay so. */
int zones_find(
    struct zones *zs, struct str name, const struct zone **out) MUST_CHECK;

/* Reads again what was found, for a new tzdata. Who has a zone may use it on:
 * one that says something else now is kept beside the new one until
 * zones_close(), which costs some kilobytes for each. One that cannot be read
 * any more stays as it was. Returns how many say something else. What was not
 * found is looked for again. */
size_t zones_reload(struct zones *zs);

/* The zone that somebody may have meant by a name that is none: written with
 * other capitals, or with a blank or "-" in place of "_". Appended to out; false
 * where there is none, or no room. It reads the folders of the zones, so not to
 * be asked for each of many names. */
bool zones_like(struct zones *zs, struct str name, struct buf *out) MUST_CHECK;

const struct zone *zone_utc(void); /* static */
struct str zone_name(const struct zone *z);

int64_t zone_offset_ms(const struct zone *z, int64_t utc_ms);

/* The same, and in *until_out > utc_ms an instant up to which (exclusive) the
 * offset stays; INT64_MAX when it never changes again. */
int64_t zone_offset_until_ms(
    const struct zone *z, int64_t utc_ms, int64_t *until_out);

/* The first instant whose local time is local_ms or, in a gap, later: the
 * instant at which the gap ends. In a fold the first of the two. */
int64_t zone_instant_ms(const struct zone *z, int64_t local_ms);

#endif
