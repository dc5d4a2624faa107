/* zonetest.h - glibc's idea of local time, with its own reading of tzdata: an
 * oracle for zone.h and all that stands on it. Sets TZ of the test process. */
#ifndef TESTS_UNIT_ZONETEST_H
#define TESTS_UNIT_ZONETEST_H

#include "policy/base/zone.h"
#include "tests/unit/tap.h"

#include <time.h>

#define HOUR_S INT64_C(3600)
#define DAY_S (24 * HOUR_S)
#define FROM_S INT64_C(631152000)   /* 1990-01-01 */
#define UNTIL_S INT64_C(2145916800) /* 2038-01-01 */

static const char *const zonetest_names[] = {"Africa/Abidjan", "Africa/Cairo",
    "Africa/Casablanca", "Africa/El_Aaiun", "Africa/Johannesburg",
    "Africa/Juba", "Africa/Monrovia", "Africa/Sao_Tome", "Africa/Windhoek",
    "America/Adak", "America/Anchorage", "America/Argentina/San_Luis",
    "America/Asuncion", "America/Bogota", "America/Caracas", "America/Chicago",
    "America/Ciudad_Juarez", "America/Havana", "America/Los_Angeles",
    "America/Mexico_City", "America/Miquelon", "America/New_York",
    "America/Nuuk", "America/Port-au-Prince", "America/Santiago",
    "America/Sao_Paulo", "America/Scoresbysund", "America/St_Johns",
    "Antarctica/Casey", "Antarctica/Macquarie", "Antarctica/Troll",
    "Asia/Amman", "Asia/Beirut", "Asia/Gaza", "Asia/Hong_Kong",
    "Asia/Kathmandu", "Asia/Kolkata", "Asia/Pyongyang", "Asia/Tehran",
    "Asia/Tokyo", "Atlantic/Azores", "Australia/Eucla", "Australia/Lord_Howe",
    "Australia/Sydney", "EST5EDT", "Etc/GMT+12", "Etc/GMT-14", "Europe/Berlin",
    "Europe/Dublin", "Europe/Istanbul", "Europe/London", "Europe/Moscow",
    "Europe/Volgograd", "GMT0", "Pacific/Apia", "Pacific/Auckland",
    "Pacific/Chatham", "Pacific/Fiji", "Pacific/Kiritimati",
    "Pacific/Kwajalein", "Pacific/Norfolk", "Pacific/Tongatapu", "UTC"};
enum {
	ZONETEST_NAMES = sizeof(zonetest_names) / sizeof(zonetest_names[0])
};

static void zonetest_use(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

static int64_t zonetest_offset_s(int64_t s)
{
	time_t t = (time_t)s;
	struct tm tm;

	localtime_r(&t, &tm);
	return tm.tm_gmtoff;
}

/* xorshift64*: the same numbers in each run. */
static uint64_t zonetest_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

static int64_t zonetest_between(uint64_t *state, int64_t from, int64_t to)
{
	return from + (int64_t)(zonetest_random(state) % (uint64_t)(to - from));
}

/* First second after s at which glibc's offset is another; at most until_s.
 * No change in tzdata is undone within half a day. */
__attribute__((unused)) static int64_t zonetest_change(
    int64_t s, int64_t until_s)
{
	const int64_t offset = zonetest_offset_s(s);
	int64_t same = s, other = s;

	do {
		same = other;
		other += 12 * HOUR_S;
		if (other > until_s)
			other = until_s;
		if (other == same)
			return until_s;
	} while (zonetest_offset_s(other) == offset);
	while (other - same > 1) {
		int64_t mid = same + (other - same) / 2;
		if (zonetest_offset_s(mid) == offset)
			same = mid;
		else
			other = mid;
	}
	return other;
}

/* The first second whose local time is local_s or later, by glibc alone. */
__attribute__((unused)) static int64_t zonetest_instant_s(int64_t local_s)
{
	int64_t from = local_s - 30 * HOUR_S, end;

	for (;; from = end) {
		int64_t t = local_s - zonetest_offset_s(from);
		end = zonetest_change(from, from + 2 * DAY_S);
		if (t < from)
			return from;
		if (t < end)
			return t;
	}
}

__attribute__((unused)) static const struct zone *zonetest_find(
    struct zones *zs, const char *name)
{
	const struct zone *z = NULL;

	if (zones_find(zs, str_of(name), &z) != 0) {
		printf("Bail out! no zone %s: is tzdata installed?\n", name);
		exit(1);
	}
	return z;
}

#endif
