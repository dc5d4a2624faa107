/* spike.h - do so many mailboxes of a provider fail at once that it may be the
 * provider's fault, and not the mailboxes'? Pure. Threads: any.
 *
 * A directory that is down answers "no such user" to everybody. Where the share
 * of user_unknown among what a provider decided in the last hours is more than
 * SPIKE_TIMES that of the weeks before, a person is given up for the time being
 * only: for SPIKE_HOLD_MS. Then another mailing decides: a second failure more
 * than SPIKE_CONFIRM_MS after the first, or one when the spike is over, is for
 * ever. A list of dead addresses looks the same, and ends so. Who failed within
 * the window before it was seen is treated alike (policy/state/spikeback.h). */
#ifndef POLICY_RULES_SPIKE_H
#define POLICY_RULES_SPIKE_H

#include "policy/base/when.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	SPIKE_TIMES = 5,
	SPIKE_MIN = 20,                /* failures; fewer are no spike */
	SPIKE_WINDOW_HOURS = 2,        /* with the one that has begun */
	SPIKE_BASE_HOURS = 4 * 7 * 24, /* before these */
	/* A base of fewer decisions says little: SPIKE_USUAL of a thousand is
	 * taken then. One without failures is taken as SPIKE_LEAST. */
	SPIKE_BASE_MIN = 500,
	SPIKE_USUAL = 10,
	SPIKE_LEAST = 2,
	/* Without deliveries on record (no log is followed) numbers are
	 * compared, hour by hour, and not shares: of that many hours. */
	SPIKE_BASE_HOURS_MIN = 5,
};
#define SPIKE_HOLD_MS (3 * WHEN_DAY_MS)
#define SPIKE_CONFIRM_MS (1 * WHEN_DAY_MS)

/* What a provider decided: messages taken, and refused as user_unknown. */
struct spike_counts {
	uint64_t delivered, unknown;
};
struct spike_facts {
	struct spike_counts now;  /* of the window, with this failure */
	struct spike_counts base; /* of the weeks before */
	uint64_t base_hours;      /* of those, the hours with failures */
};

/* Can it be one, whatever was before? What was need not be read then. */
bool spike_may_be(const struct spike_counts *now);
bool spike_is(const struct spike_facts *f);

/* Of the same person: since when provisionally given up (0: never), and the
 * newest delivery (0: none). */
struct spike_past {
	int64_t failed_ms, delivered_ms;
};
/* Does a failure at at_ms confirm the earlier one? */
bool spike_confirms(const struct spike_past *p, int64_t at_ms);

#endif
