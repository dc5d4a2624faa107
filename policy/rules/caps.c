/* caps.c - see caps.h.
 *
 * A limit of N, with `keep` slots to be left free, has room = N - keep places.
 * For the next message to come in, the room-th youngest slot has to leave; with
 * p messages ahead in the same room, the (room - p)-th youngest, since by then
 * those ahead have come in; and with more ahead than there are places, their
 * turns go round: each place is free again a window later. A slot leaves a
 * rolling window at its date + span, and one by the calendar when the period
 * begins that follows its own. The k-th youngest is found by counting, without
 * sorting or memory: slots stand as they came, so the first guess is nearly always
 * right, and the others halve what is left. The common case, not full, is one
 * pass. */
#include "policy/rules/caps.h"

enum {
	PEOPLE_MAX = 256 /* more than any limit */
};
_Static_assert((int)PEOPLE_MAX > (int)POLICY_MAX_PER_WINDOW, "limits act");

int64_t caps_add_ms(int64_t a, int64_t b)
{
	int64_t sum;

	if (!__builtin_add_overflow(a, b, &sum))
		return sum;
	return b > 0 ? CAPS_NEVER : INT64_MIN;
}

static const struct zone *zone_of(const struct caps_query *q)
{
	return q->zone != NULL ? q->zone : zone_utc();
}

static int64_t asked_ms(const struct caps_query *q)
{
	return q->asked_ms != 0 ? q->asked_ms : q->now_ms;
}

/* --- dates --- */

int64_t caps_slot_date(const struct slot_fact *s, int64_t now_ms, bool at_best)
{
	int64_t over_ms;

	if (!s->counts || s->state == SLOT_RELEASED)
		return CAPS_NEVER;
	if (s->state == SLOT_DELIVERED || at_best)
		return s->at_ms;
	over_ms = caps_add_ms(s->at_ms, CAPS_UNDATED_MS);
	return over_ms < now_ms ? over_ms : now_ms;
}

static int64_t slot_date(const struct caps_query *q, size_t i)
{
	const struct slot_fact *s = &q->slots[i];

	if (q->label != 0 && s->label != q->label)
		return CAPS_NEVER;
	return caps_slot_date(s, q->now_ms, q->at_best);
}

/* Equal dates are told apart by their place, so that the order is total. */
struct place {
	int64_t date;
	size_t at;
};

static bool is_younger(const struct place *a, const struct place *b)
{
	return a->date > b->date || (a->date == b->date && a->at < b->at);
}

static struct place place_of(const struct caps_query *q, size_t at)
{
	return (struct place){slot_date(q, at), at};
}

/* How many counted slots are younger. */
static size_t rank_of(const struct caps_query *q, const struct place *p)
{
	size_t younger = 0;

	for (size_t i = 0; i < q->n_slots; i++) {
		struct place other = place_of(q, i);

		younger += other.date != CAPS_NEVER && is_younger(&other, p);
	}
	return younger;
}

/* Counted slots between two that are not: the one at place `nth` of them, and
 * how many there are. */
static size_t between(const struct caps_query *q, const struct place *young,
    const struct place *old, size_t nth, struct place *out)
{
	size_t n = 0;

	for (size_t i = 0; i < q->n_slots; i++) {
		struct place p = place_of(q, i);

		if (p.date == CAPS_NEVER || !is_younger(young, &p) ||
		    !is_younger(&p, old))
			continue;
		if (n++ == nth)
			*out = p;
	}
	return n;
}

/* The date of the slot with k - 1 younger ones; false when there are fewer
 * than k. */
static bool kth_youngest(
    const struct caps_query *q, size_t k, int64_t *date_out)
{
	struct place young = {INT64_MAX, 0}, old = {INT64_MIN, SIZE_MAX}, p;
	size_t n = between(q, &young, &old, SIZE_MAX, &p), nth = n - k;

	if (n < k)
		return false;
	while (n > 0) {
		size_t rank;

		(void)between(q, &young, &old, nth, &p);
		rank = rank_of(q, &p);
		if (rank == k - 1) {
			*date_out = p.date;
			return true;
		}
		if (rank < k - 1)
			young = p;
		else
			old = p;
		n = between(q, &young, &old, SIZE_MAX, &p);
		nth = (n - 1) / 2;
	}
	return false;
}

/* --- windows --- */

/* The first instant at which a slot of that date counts no longer. */
static int64_t leaves_ms(
    const struct policy_window *w, const struct caps_query *q, int64_t date)
{
	return w->span_ms > 0 ? caps_add_ms(date, w->span_ms)
			      : calendar_next_ms(zone_of(q), w->unit, date);
}

/* What holds of a window then: of one by the calendar, when its period began. */
struct now {
	const struct policy_window *w;
	int64_t now_ms, start_ms;
};

static struct now now_of(
    const struct policy_window *w, const struct caps_query *q)
{
	struct now n = {.w = w, .now_ms = asked_ms(q)};

	if (w->span_ms == 0)
		n.start_ms = calendar_start_ms(zone_of(q), w->unit, n.now_ms);
	return n;
}

static bool is_in(const struct now *n, int64_t date)
{
	if (date == CAPS_NEVER)
		return false;
	return n->w->span_ms > 0 ? caps_add_ms(date, n->w->span_ms) > n->now_ms
				 : date >= n->start_ms;
}

static size_t count_in(
    const struct policy_window *w, const struct caps_query *q)
{
	struct now n = now_of(w, q);
	size_t count = 0;

	for (size_t i = 0; i < q->n_slots; i++)
		count += is_in(&n, slot_date(q, i));
	return count;
}

/* Keeps the rule with the latest instant. */
static void note(struct caps_answer *out, int64_t earliest_ms, bool by_order,
    const struct policy_line *rule)
{
	if (!out->full || earliest_ms > out->earliest_ms) {
		out->earliest_ms = earliest_ms;
		out->rule = rule;
		out->by_order = by_order;
	}
	out->full = true;
}

/* So many windows later. */
static int64_t rounds_later(const struct policy_window *w,
    const struct caps_query *q, int64_t from_ms, size_t rounds)
{
	int64_t t = from_ms;

	for (size_t i = 0; i < rounds && t != CAPS_NEVER; i++)
		t = leaves_ms(w, q, t);
	return t;
}

/* The instant at which the turn comes of a message with p ahead, in a window
 * of room places. */
static int64_t turn_ms(const struct policy_window *w,
    const struct caps_query *q, size_t room, size_t p)
{
	int64_t date, at = asked_ms(q);

	if (kth_youngest(q, room - p % room, &date))
		at = leaves_ms(w, q, date);
	if (at < asked_ms(q))
		at = asked_ms(q);
	return rounds_later(w, q, at, p / room);
}

/* When the person of that message first sends; asked of each one once, else
 * CAPS_NEVER. */
static int64_t first_goes_ms(
    const struct caps_query *q, size_t at, int64_t again_ms)
{
	int64_t first_ms = again_ms;

	for (size_t i = 0; i < q->n_ahead; i++) {
		const struct caps_ahead *a = &q->ahead[i];

		if (a->person != q->ahead[at].person || a->ready_ms >= again_ms)
			continue;
		if (i < at)
			return CAPS_NEVER;
		first_ms = a->ready_ms < first_ms ? a->ready_ms : first_ms;
	}
	return first_ms > asked_ms(q) ? first_ms : asked_ms(q);
}

/* Somebody else, who adds one to the people of the window when he sends. */
static bool is_new_person(const struct policy_window *w,
    const struct caps_query *q, size_t at, int64_t again_ms)
{
	int64_t goes_ms;

	if (q->ahead[at].person == q->person)
		return false;
	goes_ms = first_goes_ms(q, at, again_ms);
	for (size_t i = 0; i < q->n_slots && goes_ms != CAPS_NEVER; i++) {
		int64_t date = slot_date(q, i);

		if (q->slots[i].person == q->ahead[at].person &&
		    date != CAPS_NEVER && leaves_ms(w, q, date) > goes_ms)
			return false;
	}
	return goes_ms != CAPS_NEVER;
}

/* How many ahead want a place of this window before one that is taken as soon
 * as there is room is free again: messages, or the other people whose they
 * are. */
static size_t count_ahead(const struct policy_window *w,
    const struct caps_query *q, size_t room, bool people)
{
	int64_t again_ms;
	size_t count = 0;

	if (q->n_ahead == 0)
		return 0;
	again_ms = leaves_ms(w, q, turn_ms(w, q, room, 0));
	for (size_t i = 0; i < q->n_ahead; i++)
		count += q->ahead[i].ready_ms < again_ms &&
			 (!people || is_new_person(w, q, i, again_ms));
	return count;
}

static void decide_window(const struct policy_window *w,
    const struct caps_query *q, bool people, struct caps_answer *out)
{
	size_t room, used, ahead;

	if (w->max <= q->keep) {
		note(out, CAPS_NEVER, w->max > 0, &w->rule);
		return;
	}
	room = w->max - q->keep;
	used = count_in(w, q);
	ahead = count_ahead(w, q, room, people);
	if (used + ahead < room)
		return;
	note(out, turn_ms(w, q, room, ahead), used < w->max, &w->rule);
}

/* --- people --- */

/* The youngest slot of each person, dated; of too many people the youngest. */
struct people {
	struct slot_fact v[PEOPLE_MAX];
	size_t n;
};

static struct slot_fact *find_person(struct people *p, uint64_t person)
{
	struct slot_fact *oldest = &p->v[0];

	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].person == person)
			return &p->v[i];
		if (p->v[i].at_ms < oldest->at_ms)
			oldest = &p->v[i];
	}
	if (p->n == PEOPLE_MAX)
		return oldest;
	p->v[p->n] = (struct slot_fact){.at_ms = INT64_MIN};
	return &p->v[p->n++];
}

static void collect_people(const struct caps_query *q, struct people *out)
{
	out->n = 0;
	for (size_t i = 0; i < q->n_slots; i++) {
		int64_t date = slot_date(q, i);
		struct slot_fact *at;

		if (date == CAPS_NEVER)
			continue;
		at = find_person(out, q->slots[i].person);
		if (date > at->at_ms)
			*at = (struct slot_fact){.at_ms = date,
			    .person = q->slots[i].person,
			    .state = SLOT_DELIVERED,
			    .counts = true};
	}
}

/* Takes the person out; was it in that window? */
static bool take_person(
    const struct policy_window *w, const struct caps_query *q, struct people *p)
{
	struct now n = now_of(w, q);

	for (size_t i = 0; i < p->n; i++) {
		int64_t date = p->v[i].at_ms;

		if (p->v[i].person != q->person)
			continue;
		p->v[i] = p->v[--p->n];
		return is_in(&n, date);
	}
	return false;
}

/* Somebody who is among the company's people already adds nobody. */
static void decide_people(const struct policy_window *w,
    const struct caps_query *q, struct caps_answer *out)
{
	struct people p;
	struct caps_query of_people = *q;

	collect_people(q, &p);
	if (take_person(w, q, &p) && w->max > q->keep)
		return;
	of_people.slots = p.v;
	of_people.n_slots = p.n;
	of_people.label = 0;
	decide_window(w, &of_people, true, out);
}

/* "1 per" that long. */
static void decide_apart(const struct policy_caps *caps,
    const struct caps_query *q, struct caps_answer *out)
{
	struct policy_window one = {.max = 1, .span_ms = caps->apart_ms};
	size_t used = count_in(&one, q), ahead = count_ahead(&one, q, 1, false);

	if (used + ahead > 0)
		note(out, turn_ms(&one, q, 1, ahead), used == 0,
		    &caps->apart_rule);
}

size_t caps_used(const struct policy_window *w, const struct caps_query *q)
{
	return count_in(w, q);
}

void caps_decide(const struct policy_caps *caps, const struct caps_query *q,
    struct caps_answer *out)
{
	*out = (struct caps_answer){0};
	for (size_t i = 0; i < caps->n; i++)
		decide_window(&caps->windows[i], q, false, out);
	for (size_t i = 0; i < caps->n_people; i++)
		decide_people(&caps->people[i], q, out);
	if (caps->apart_ms > 0)
		decide_apart(caps, q, out);
}

/* A local day, week or month with its longest change of the clock. */
static int64_t longest_of(const struct policy_window *w)
{
	static const int64_t days[] = {
	    [CALENDAR_DAY] = 2,
	    [CALENDAR_WEEK] = 8,
	    [CALENDAR_MONTH] = 32,
	};

	return w->span_ms > 0 ? w->span_ms : days[w->unit] * WHEN_DAY_MS;
}

int64_t caps_longest_ms(const struct policy_caps *caps)
{
	int64_t longest = caps->apart_ms;

	for (size_t i = 0; i < caps->n + caps->n_people; i++) {
		const struct policy_window *w =
		    i < caps->n ? &caps->windows[i]
				: &caps->people[i - caps->n];
		int64_t ms = longest_of(w);

		longest = ms > longest ? ms : longest;
	}
	return longest;
}
