/* model.c - see model.h. */
#include "tests/model/model.h"

#include <stdlib.h>
#include <string.h>

enum {
	SOMEBODY = MODEL_PEOPLE /* and above: people who are ahead */
};

/* What is asked, with all that it is about. */
struct scene {
	const struct model_policy *p;
	const struct model_world *w;
	const struct model_question *q;
	const struct model_segment *s;
	const struct model_person *person;
	int64_t now, arrived;
	/* Nobody else waits, and what is on its way was delivered as soon as it
	 * was let go. */
	bool at_best;
};

/* Something that has a place in a limit, up to the instant it leaves. What
 * was sent has it from ever: a date in the future, where the clock went back,
 * counts at once. */
struct taken {
	int64_t from, leaves;
	int person;
};

struct places {
	struct taken v[MODEL_SENDS + MODEL_WAITING];
	int n;
};

/* --- limits --- */

int64_t model_leaves(const struct model_limit *l, int place, int64_t sent)
{
	switch (l->span) {
	case BY_DAY:
		return place_next_period(place, PLACE_DAY, sent);
	case BY_WEEK:
		return place_next_period(place, PLACE_WEEK, sent);
	case BY_MONTH:
		return place_next_period(place, PLACE_MONTH, sent);
	case ROLLING:
	case APART:
		break;
	}
	return sent + l->ms;
}

static int n_waiting(const struct scene *x)
{
	return x->at_best ? 0 : x->w->n_waiting;
}

/* Where a limit's days begin: a company's people live in several places. */
static int place_of(const struct scene *x, const struct model_limit *l)
{
	return l->scope == PER_COMPANY ? x->p->place : x->person->place;
}

/* Is what this person gets of that segment this limit's business? */
static bool is_in_scope(
    const struct scene *x, const struct model_limit *l, int person, int segment)
{
	if (l->scope == PER_COMPANY)
		return x->w->person[person].company == x->person->company;
	if (l->scope == PER_SEGMENT && segment != l->segment)
		return false;
	return person == x->q->person;
}

static bool binds(const struct scene *x, const struct model_limit *l)
{
	if (l->scope == PER_COMPANY && x->person->company < 0)
		return false;
	if (l->scope == PER_SEGMENT && l->segment != x->q->segment)
		return false;
	return l->audience < 0 ||
	       (x->person->audiences >> l->audience & 1) != 0;
}

/* On its way: as if delivered now, but no MTA keeps it longer than 6 days. */
static int64_t date_of(const struct scene *x, const struct model_send *m)
{
	int64_t now = x->now;

	if (x->at_best)
		return m->at_ms;
	if (m->fate == DELIVERED || m->at_ms + 6 * MODEL_DAY > now)
		return m->fate == DELIVERED ? m->at_ms : now;
	return m->at_ms + 6 * MODEL_DAY;
}

static void collect(
    const struct scene *x, const struct model_limit *l, struct places *out)
{
	out->n = 0;
	for (int i = 0; i < x->w->n_sends; i++) {
		const struct model_send *m = &x->w->send[i];

		if (!m->counts || m->fate == RELEASED ||
		    !is_in_scope(x, l, m->person, m->segment))
			continue;
		out->v[out->n++] = (struct taken){INT64_MIN,
		    model_leaves(l, place_of(x, l), date_of(x, m)), m->person};
	}
}

/* Is there a place for that person at t, with so many to be kept free? */
static bool has_room(const struct model_limit *l, const struct places *taken,
    int keep, int person, int64_t t)
{
	unsigned people = 0;
	int used = 0;

	for (int i = 0; i < taken->n; i++) {
		if (t < taken->v[i].from || t >= taken->v[i].leaves)
			continue;
		if (l->people && (people >> taken->v[i].person & 1) != 0)
			continue;
		people |= 1U << taken->v[i].person;
		used++;
	}
	if (l->people && (people >> person & 1) != 0 && l->most > keep)
		return true;
	return used + keep < l->most;
}

static int64_t first_room(const struct model_limit *l,
    const struct places *taken, int keep, int person, int64_t now)
{
	int64_t first = MODEL_NEVER;

	if (has_room(l, taken, keep, person, now))
		return now;
	for (int i = 0; i < taken->n; i++) {
		int64_t t = taken->v[i].leaves;

		if (t > now && t < first && has_room(l, taken, keep, person, t))
			first = t;
	}
	return first;
}

bool model_is_ahead(const struct model_policy *p,
    const struct model_question *q, const struct model_waiting *w)
{
	if (w->id == q->id)
		return false;
	if (w->segment == q->segment)
		return q->id == 0 || w->id < q->id;
	return p->segment[w->segment].place < p->segment[q->segment].place;
}

static int64_t ready_of(const struct scene *x, const struct model_waiting *m);

static int keep_of(const struct scene *x, const struct model_limit *l)
{
	return l->keeps_free ? x->s->keep_free : 0;
}

/* Might it go before a place that is taken at the first instant with room is
 * free again? Of colleagues those matter that wait for the company. */
static bool wants_place(const struct scene *x, const struct model_limit *l,
    const struct places *taken, const struct model_waiting *m)
{
	int64_t room =
	    first_room(l, taken, keep_of(x, l), x->q->person, x->now);

	return m->competes && model_is_ahead(x->p, x->q, m) &&
	       is_in_scope(x, l, m->person, m->segment) &&
	       (m->person == x->q->person || m->for_company) &&
	       room != MODEL_NEVER &&
	       ready_of(x, m) < model_leaves(l, place_of(x, l), room);
}

/* Somebody else, who will not be among the limit's people any more when the
 * first of his messages goes. */
static bool wants_place_anew(const struct scene *x, const struct model_limit *l,
    const struct places *taken, int person)
{
	int64_t goes = MODEL_NEVER;

	for (int i = 0; i < n_waiting(x); i++) {
		const struct model_waiting *m = &x->w->waiting[i];

		if (m->person == person && wants_place(x, l, taken, m) &&
		    ready_of(x, m) < goes)
			goes = ready_of(x, m);
	}
	if (goes == MODEL_NEVER || person == x->q->person)
		return false;
	goes = goes > x->now ? goes : x->now;
	for (int i = 0; i < taken->n; i++)
		if (taken->v[i].person == person && taken->v[i].leaves > goes)
			return false;
	return true;
}

/* How many are ahead that want a place in this limit: messages, or the other
 * people whose they are. */
static int count_ahead(const struct scene *x, const struct model_limit *l,
    const struct places *taken)
{
	int n = 0;

	if (l->people) {
		for (int i = 0; i < x->w->n_people; i++)
			n += wants_place_anew(x, l, taken, i);
		return n;
	}
	for (int i = 0; i < n_waiting(x); i++)
		n += wants_place(x, l, taken, &x->w->waiting[i]);
	return n;
}

/* The instant at which the limit has room for the message in question once all
 * ahead of it went, each as soon as there was room. */
static int64_t turn_of(
    const struct scene *x, const struct model_limit *l, bool *by_order_out)
{
	int keep = keep_of(x, l);
	struct places taken;

	collect(x, l, &taken);
	*by_order_out =
	    l->most > 0 &&
	    (l->most <= keep || has_room(l, &taken, 0, x->q->person, x->now));
	for (int i = count_ahead(x, l, &taken); i > 0; i--) {
		int64_t t = first_room(l, &taken, keep, SOMEBODY + i, x->now);

		if (t == MODEL_NEVER)
			return t;
		taken.v[taken.n++] = (struct taken){
		    t, model_leaves(l, place_of(x, l), t), SOMEBODY + i};
	}
	return first_room(l, &taken, keep, x->q->person, x->now);
}

/* --- yield --- */

/* Until when it makes way; now when it does not. */
static int64_t yields_until(const struct scene *x)
{
	int64_t end = x->arrived + x->s->yield_ms, until = x->now;

	if (x->s->yield_ms == 0 || end <= x->now)
		return x->now;
	for (int i = 0; i < n_waiting(x); i++) {
		const struct model_waiting *m = &x->w->waiting[i];

		if (m->person == x->q->person && m->id != x->q->id &&
		    m->competes && (x->s->yields_to >> m->segment & 1) != 0)
			return end;
	}
	for (int i = 0; i < x->w->n_sends; i++) {
		const struct model_send *m = &x->w->send[i];
		int64_t t = date_of(x, m) + x->s->yield_ms;

		if (m->person == x->q->person && m->segment >= 0 && m->counts &&
		    m->fate != RELEASED &&
		    (x->s->yields_to >> m->segment & 1) != 0 && t > until)
			until = t;
	}
	return until < end ? until : end;
}

/* --- hours --- */

bool model_is_open(const struct model_segment *s, int place, int64_t ms)
{
	int day = place_day(place, ms), minute = place_minute(place, ms);

	for (int i = 0; i < s->n_holidays; i++)
		if (s->holiday[i] == day)
			return false;
	if (s->n_ranges == 0)
		return true;
	for (int i = 0; i < s->n_ranges; i++)
		if ((s->range[i].days >> place_weekday(day) & 1) != 0 &&
		    minute >= s->range[i].from && minute < s->range[i].to)
			return true;
	return false;
}

/* Quarters of an hour are tried, for no range begins between them, and the
 * instants at which the clock is changed. */
static int64_t next_open(const struct model_segment *s, int place, int64_t ms)
{
	const int64_t quarter = MODEL_HOUR / 4;
	int64_t change = place_next_change(place, ms), t = ms;

	while (!model_is_open(s, place, t)) {
		int64_t next = t - t % quarter + quarter;

		t = t < change && change < next ? change : next;
		if (t >= change)
			change = place_next_change(place, t);
		if (t > ms + 30 * MODEL_DAY)
			abort(); /* the worlds have no such hours */
	}
	return t;
}

/* From t on, when do the hours let it go? */
static int64_t hours_let_go(const struct scene *x, int64_t t)
{
	int64_t patience = x->arrived + x->s->closed.hold_ms, open;
	bool then_send =
	    x->s->closed.action == HOLD && x->s->closed.then == THEN_SEND;

	if (t == MODEL_NEVER || (then_send && t >= patience))
		return t;
	open = next_open(x->s, x->person->place, t);
	return then_send && open > patience ? patience : open;
}

/* --- the verdict --- */

struct wait {
	int64_t earliest, deadline;
	struct model_when when;
	bool skipped; /* a rule in shadow was left out */
};

static void add_cause(
    struct model_answer *a, const char *reason, const struct model_limit *l)
{
	a->cause[a->n_causes++] = (struct model_cause){reason, l};
}

static void ask_limit(const struct scene *x, const struct model_limit *l,
    struct wait *out, struct model_answer *a)
{
	static const char *const reasons[] = {
	    "segment_cap", "person_cap", "company_cap"};
	bool by_order;
	int64_t t = turn_of(x, l, &by_order);

	if (t <= x->now || t < out->earliest)
		return;
	if (t > out->earliest)
		a->n_causes = 0;
	out->earliest = t;
	add_cause(a, by_order ? "order" : reasons[l->scope], l);
}

static void ask_limits(const struct scene *x, bool with_shadow,
    struct wait *out, struct model_answer *a)
{
	for (int i = 0; i < x->p->n_limits; i++) {
		const struct model_limit *l = &x->p->limit[i];

		if (!binds(x, l))
			continue;
		if (!with_shadow && (l->shadow || x->s->shadow))
			out->skipped = true;
		else
			ask_limit(x, l, out, a);
	}
	if (a->n_causes == 0)
		return;
	out->when = x->s->full;
	out->deadline = x->arrived + x->s->full.hold_ms;
}

/* The first instant from t on at which every limit has room, as what was sent
 * will stand then, and the hours are open. */
static int64_t all_have_room(const struct scene *x, bool with_shadow, int64_t t)
{
	struct places taken;
	int64_t later = t;

	do {
		t = later;
		for (int i = 0; i < x->p->n_limits; i++) {
			const struct model_limit *l = &x->p->limit[i];

			if (!binds(x, l) ||
			    (!with_shadow && (l->shadow || x->s->shadow)))
				continue;
			collect(x, l, &taken);
			later = first_room(l, &taken,
			    l->keeps_free ? x->s->keep_free : 0, x->q->person,
			    later);
		}
		later = hours_let_go(x, later);
	} while (later > t);
	return t;
}

static void find_wait(const struct scene *x, bool with_shadow, struct wait *out,
    struct model_answer *a)
{
	int64_t t;

	*out = (struct wait){.earliest = x->now};
	a->n_causes = 0;
	if (x->q->seed)
		return;
	ask_limits(x, with_shadow, out, a);
	if (!with_shadow && x->s->shadow) {
		out->skipped = true;
		return;
	}
	t = yields_until(x);
	if (t > x->now && a->n_causes == 0) {
		add_cause(a, "yield", NULL);
		out->when = (struct model_when){HOLD, 0, THEN_SEND};
		out->deadline = x->arrived + x->s->yield_ms;
	}
	out->earliest = t > out->earliest ? t : out->earliest;
	t = hours_let_go(x, out->earliest);
	if (t > x->now && a->n_causes == 0) {
		add_cause(a, "closed", NULL);
		out->when = x->s->closed;
		out->deadline = x->arrived + x->s->closed.hold_ms;
	}
	out->earliest = t == MODEL_NEVER ? t : all_have_room(x, with_shadow, t);
}

/* at_best: the earliest instant then. */
static void act(const struct scene *x, const struct model_when *when,
    const struct wait *wait, int64_t at_best, struct model_answer *a)
{
	int64_t earliest = wait->earliest, deadline = wait->deadline;
	static const char *const actions[] = {
	    "hold", "defer", "reject", "drop"};

	a->action = actions[when->action];
	a->earliest_ms = earliest == MODEL_NEVER ? 0 : earliest;
	if (when->action != HOLD)
		return;
	a->deadline_ms = deadline;
	if (when->then == THEN_SEND && earliest != MODEL_NEVER) {
		a->deadline_ms = earliest > deadline ? earliest : deadline;
		return;
	}
	if (x->q->held_until_ms > deadline)
		deadline = x->q->held_until_ms;
	a->deadline_ms = deadline;
	if ((earliest > deadline && at_best > deadline) || x->now >= deadline) {
		a->action = when->then == THEN_DROP ? "drop" : "reject";
		a->deadline_ms = 0;
	}
}

static const char *refusal(const struct scene *x)
{
	const struct model_person *m = x->person;

	if (m->suppressed &&
	    (m->suppressed_until_ms == 0 || x->now < m->suppressed_until_ms))
		return "suppressed";
	if (m->consent == OBJECTED)
		return "objected";
	if (m->consent == WITHDRAWN)
		return "withdrawn";
	return m->consent == NO_WORD && x->s->by_consent ? "no_consent" : NULL;
}

static int64_t find_at_best(const struct scene *x, bool with_shadow)
{
	struct scene y = *x;
	struct model_answer a;
	struct wait wait;

	y.at_best = true;
	find_wait(&y, with_shadow, &wait, &a);
	return wait.earliest;
}

/* Before which another one that waits cannot go at best. Of a colleague's
 * nothing is known but that it waits for the company. */
static int64_t ready_of(const struct scene *x, const struct model_waiting *m)
{
	struct model_question q = {.person = m->person,
	    .segment = m->segment,
	    .arrived_ms = m->arrived_ms,
	    .id = m->id};
	struct scene y = {x->p, x->w, &q, &x->p->segment[m->segment], x->person,
	    x->now, m->arrived_ms, true};

	return m->person == x->q->person ? find_at_best(&y, false) : 0;
}

static void decide_wait(const struct scene *x, struct model_answer *a)
{
	struct wait wait;

	find_wait(x, false, &wait, a);
	if (a->n_causes == 0 && wait.skipped) {
		find_wait(x, true, &wait, a);
		a->shadowed = a->n_causes > 0;
	}
	if (a->n_causes == 0)
		return;
	act(x, &wait.when, &wait, find_at_best(x, a->shadowed), a);
	if (a->shadowed)
		a->action = "allow";
}

void model_decide(const struct model_policy *p, const struct model_world *w,
    const struct model_question *q, struct model_answer *a)
{
	struct scene x = {p, w, q, &p->segment[q->segment],
	    &w->person[q->person], w->now_ms,
	    q->arrived_ms != 0 ? q->arrived_ms : w->now_ms, false};
	const char *no = refusal(&x);
	struct model_when stop;
	struct wait wait;

	memset(a, 0, sizeof(*a));
	a->action = no != NULL ? "reject" : "allow";
	if (no != NULL) {
		add_cause(a, no, NULL);
	} else if (!q->compliant) {
		wait = (struct wait){
		    .deadline = x.arrived + x.s->not_compliant.hold_ms};
		act(&x, &x.s->not_compliant, &wait, 0, a);
		add_cause(a, "not_compliant", NULL);
	} else if (w->stopped[q->segment]) {
		/* held, whatever a full limit means */
		stop = x.s->full;
		stop.action = HOLD;
		wait = (struct wait){.deadline = x.arrived + stop.hold_ms};
		act(&x, &stop, &wait, 0, a);
		add_cause(a, "stopped", NULL);
	} else {
		decide_wait(&x, a);
	}
	if (a->n_causes == 0)
		add_cause(a, "allowed", NULL);
}
