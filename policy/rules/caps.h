/* caps.h - how many sends a person and a segment may get, and when the next.
 * Pure: no clock, no storage. Threads: any.
 *
 * Rolling windows: a slot delivered at t counts at every instant of
 * [t, t + span) and no longer at t + span. Slots that are proposed or queued
 * have no date yet: they count in every window that contains now and are
 * taken as delivered now where an instant is computed. But no MTA keeps a
 * message for ever: one that has no date after CAPS_UNDATED_MS (a hole in the
 * log, a queue deleted by hand) counts as delivered at that instant, so that
 * what is unknown stays committed and yet ends. A date in the future, after
 * the clock went back, counts at once. Released slots and
 * slots that do not count (seeds) are left out. */
#ifndef POLICY_RULES_CAPS_H
#define POLICY_RULES_CAPS_H

#include "policy/base/when.h"
#include "policy/conf/policy.h"
#include "policy/rules/facts.h"

#define CAPS_NEVER INT64_MAX
/* Six days: Postfix gives up after five (maximal_queue_lifetime). */
#define CAPS_UNDATED_MS (6 * WHEN_DAY_MS)

struct caps_answer {
	bool full;
	int64_t earliest_ms; /* when full: first instant allowed by this scope,
	                      * CAPS_NEVER for "0 per" */
	const struct policy_line *rule; /* the rule that gives the earliest */
};

/* How many slots count in a window of that span now. */
size_t caps_used(
    const struct facts *facts, uint32_t label, int64_t span_ms, int64_t now_ms);

/* label: slots of that segment only; 0: all. reserve: slots that must be left
 * free besides this one (keep-free). */
void caps_decide(const struct policy_caps *caps, const struct facts *facts,
    uint32_t label, uint32_t reserve, int64_t now_ms, struct caps_answer *out);

#endif
