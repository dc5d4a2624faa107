/* caps.c - see caps.h.
 *
 * For a window "max per span" the k-th youngest slot, k = max - reserve, is
 * the one that has to leave before another may come in: the scope is full
 * while its date + span > now. The common case, not full, is one pass; the
 * k-th youngest is found by counting, without sorting or memory. */
#include "policy/rules/caps.h"

/* A clock may show anything. */
static int64_t add_clamped(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? CAPS_NEVER : sum;
}

/* The date a slot counts with; CAPS_NEVER when it does not count. */
static int64_t slot_date(
    const struct slot_fact *s, uint32_t label, int64_t now_ms)
{
	int64_t over_ms;

	if (!s->counts || s->state == SLOT_RELEASED)
		return CAPS_NEVER;
	if (label != 0 && s->label != label)
		return CAPS_NEVER;
	if (s->state == SLOT_DELIVERED)
		return s->at_ms;
	over_ms = add_clamped(s->at_ms, CAPS_UNDATED_MS);
	return over_ms < now_ms ? over_ms : now_ms;
}

/* How many counted slots are younger than date; equal ones are told apart by
 * their place, so that the order is total. */
static size_t rank_of(const struct facts *f, uint32_t label, int64_t now_ms,
    size_t at, int64_t date)
{
	size_t younger = 0;

	for (size_t i = 0; i < f->n_slots; i++) {
		int64_t other = slot_date(&f->slots[i], label, now_ms);
		if (other == CAPS_NEVER || i == at)
			continue;
		younger += other > date || (other == date && i < at);
	}
	return younger;
}

/* The date of the slot with k - 1 younger ones; false when there are fewer
 * than k. From the end: slots stand there as they came, so the first tries are
 * the youngest, and k is small next to the history. */
static bool kth_youngest(const struct facts *f, uint32_t label, int64_t now_ms,
    size_t k, int64_t *date_out)
{
	for (size_t i = f->n_slots; i-- > 0;) {
		int64_t date = slot_date(&f->slots[i], label, now_ms);
		if (date == CAPS_NEVER ||
		    rank_of(f, label, now_ms, i, date) != k - 1)
			continue;
		*date_out = date;
		return true;
	}
	return false;
}

/* Keeps the rule with the latest instant. */
static void note(struct caps_answer *out, int64_t earliest_ms, int64_t now_ms,
    const struct policy_line *rule)
{
	if (earliest_ms <= now_ms)
		return;
	if (!out->full || earliest_ms > out->earliest_ms) {
		out->earliest_ms = earliest_ms;
		out->rule = rule;
	}
	out->full = true;
}

static size_t count_within(
    const struct facts *f, uint32_t label, int64_t now_ms, int64_t span_ms)
{
	size_t count = 0;

	for (size_t i = 0; i < f->n_slots; i++) {
		int64_t date = slot_date(&f->slots[i], label, now_ms);
		count +=
		    date != CAPS_NEVER && add_clamped(date, span_ms) > now_ms;
	}
	return count;
}

size_t caps_used(
    const struct facts *facts, uint32_t label, int64_t span_ms, int64_t now_ms)
{
	return count_within(facts, label, now_ms, span_ms);
}

void caps_decide(const struct policy_caps *caps, const struct facts *facts,
    uint32_t label, uint32_t reserve, int64_t now_ms, struct caps_answer *out)
{
	int64_t date;

	*out = (struct caps_answer){0};
	for (size_t i = 0; i < caps->n; i++) {
		const struct policy_window *w = &caps->windows[i];
		if (w->max <= reserve)
			note(out, CAPS_NEVER, now_ms, &w->rule);
		else if (count_within(facts, label, now_ms, w->span_ms) <
			 w->max - reserve)
			continue;
		else if (kth_youngest(
			     facts, label, now_ms, w->max - reserve, &date))
			note(out, add_clamped(date, w->span_ms), now_ms,
			    &w->rule);
	}
	if (caps->apart_ms > 0 && kth_youngest(facts, label, now_ms, 1, &date))
		note(out, add_clamped(date, caps->apart_ms), now_ms,
		    &caps->apart_rule);
}
