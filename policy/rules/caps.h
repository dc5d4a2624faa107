/* caps.h - how many sends a person, a company and a segment may get, and when
 * the next. Pure: no clock, no storage. Threads: any.
 *
 * A slot delivered at t counts in a rolling window at every instant of
 * [t, t + span) and no longer at t + span; in a window by the calendar at every
 * instant of the local day, week (from Monday) or month that contains t. Slots
 * that are proposed or queued have no date yet: they count in every window that
 * contains now and are taken as delivered now where an instant is computed. But
 * no MTA keeps a message for ever: one that has no date after CAPS_UNDATED_MS
 * (a hole in the log, a queue deleted by hand) counts as delivered at that
 * instant, so that what is unknown stays committed and yet ends. A date in the
 * future, after the clock went back, counts at once. Released slots and slots
 * that do not count (seeds) are left out.
 *
 * A limit of N with n slots counted, `keep` to be kept free and a messages ahead
 * of this one is full if n + keep + a >= N. Those are ahead that may themselves
 * go before a place taken at the first instant with room is free again: whoever
 * goes before then takes nothing from the others, so that no place is kept for
 * nobody (what schedulers call backfilling). Of people, somebody who is still in
 * the window then adds nobody. The earliest instant with some ahead is the one at which this
 * message's turn comes if each of them goes as soon as the limit lets it. */
#ifndef POLICY_RULES_CAPS_H
#define POLICY_RULES_CAPS_H

#include "policy/base/when.h"
#include "policy/conf/policy.h"
#include "policy/rules/facts.h"

#define CAPS_NEVER INT64_MAX
/* Six days: Postfix gives up after five (maximal_queue_lifetime). */
#define CAPS_UNDATED_MS (6 * WHEN_DAY_MS)

/* a + b, at most CAPS_NEVER and at least INT64_MIN: a clock may show
 * anything. */
int64_t caps_add_ms(int64_t a, int64_t b);

/* A message that goes before the one in question. */
struct caps_ahead {
	uint64_t person;
	int64_t ready_ms; /* before which it cannot go anyhow; 0: none */
};

struct caps_query {
	const struct slot_fact *slots; /* of the scope, any order */
	size_t n_slots;
	uint32_t label;  /* slots of that segment only; 0: all */
	uint32_t keep;   /* slots to be left free (keep-free) */
	uint64_t person; /* for people windows: who it is */
	const struct caps_ahead *ahead;
	size_t n_ahead;
	const struct zone *zone; /* NULL: UTC */
	bool at_best;            /* as in struct facts */
	int64_t now_ms;
	int64_t asked_ms; /* a later instant that is asked for; else 0 */
};

struct caps_answer {
	bool full;
	bool by_order;       /* full only because of those ahead, or of
	                      * what is kept free for those before it */
	int64_t earliest_ms; /* when full: first instant allowed by this scope,
	                      * CAPS_NEVER for "0 per" */
	const struct policy_line *rule; /* the rule that gives the earliest */
};

void caps_decide(const struct policy_caps *caps, const struct caps_query *q,
    struct caps_answer *out);

/* The date a slot counts with at now_ms; CAPS_NEVER when it does not count. */
int64_t caps_slot_date(const struct slot_fact *s, int64_t now_ms, bool at_best);

/* How many slots count in that window now. */
size_t caps_used(const struct policy_window *w, const struct caps_query *q);
/* How long a slot may count in any of the caps' windows, at most. */
int64_t caps_longest_ms(const struct policy_caps *caps);

#endif
