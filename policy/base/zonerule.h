/* zonerule.h - the rule by which a zone goes on for ever: the TZ string at the
 * end of its file (RFC 8536, section 3.3; POSIX.1-2017, 8.3), as
 * "CET-1CEST,M3.5.0,M10.5.0/3". Pure. Threads: any. */
#ifndef POLICY_BASE_ZONERULE_H
#define POLICY_BASE_ZONERULE_H

#include "policy/base/str.h"

enum zonerule_kind {
	ZONERULE_WEEKDAY, /* Mm.w.d */
	ZONERULE_JULIAN,  /* Jn: 29 February is not counted */
	ZONERULE_DAY,     /* n: from 0 */
};

/* A local time of each year; `day` is 0 = Sunday in the first kind. */
struct zonerule_date {
	enum zonerule_kind kind;
	int month, week, day;
	int32_t time_s; /* may be negative, or more than a day */
};

struct zonerule {
	int32_t std_s, dst_s; /* to be added to UTC */
	bool has_dst;
	struct zonerule_date start, end; /* of what is called daylight saving */
};

struct zonerule_change {
	int64_t at_s;
	int32_t offset_s; /* from then on */
};

/* ERR_SYNTAX. */
int zonerule_parse(struct str s, struct zonerule *out) MUST_CHECK;

/* The two changes of a year, the earlier one first; of a rule that has_dst. */
void zonerule_changes(
    const struct zonerule *r, int year, struct zonerule_change out[2]);

#endif
