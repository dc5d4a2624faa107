/* delay.c - see delay.h. The limits are asked one after another; then what the
 * message yields to; then the hours, at the instant at which all others are
 * free, since hours close again. So does a limit on people, for whom it knows now
 * and will not know then: at last such limits are asked once more. */
#include "policy/rules/delay.h"

#include "policy/conf/audience.h"
#include "policy/rules/caps.h"

enum {
	READY_MAX = 16 /* of a segment, asked for one by one */
};

struct search {
	const struct policy *p;
	const struct policy_segment *s;
	const struct facts *f;
	int64_t now_ms;
	bool shadow;
	struct delay *out;
	int64_t ready_ms[FACTS_WAITING_MAX]; /* of those that wait */
};

static int64_t arrived_ms(const struct search *x)
{
	return x->f->arrived_ms != 0 ? x->f->arrived_ms : x->now_ms;
}

/* --- order --- */

static size_t place_of(const struct policy *p, uint32_t label)
{
	size_t i = 0;

	while (i < p->n_segments && p->segments[i].label != label)
		i++;
	return i;
}

bool verdict_is_ahead(const struct policy *p, const struct policy_segment *s,
    const struct facts *f, const struct waiting_fact *w)
{
	if (w->copy_id == f->copy_id)
		return false;
	if (w->label == s->label)
		return f->copy_id == 0 || w->copy_id < f->copy_id;
	return place_of(p, w->label) < place_of(p, s->label);
}

/* Those that go before, of one scope. */
struct ahead {
	struct caps_ahead v[2 * FACTS_WAITING_MAX];
	size_t n;
};

static void add_ahead(struct ahead *out, uint64_t person, int64_t ready_ms)
{
	if (out->n < 2 * FACTS_WAITING_MAX)
		out->v[out->n++] = (struct caps_ahead){person, ready_ms};
}

static bool is_patient(const struct policy_segment *s)
{
	return s->yield.span_ms > 0 || s->when_closed.then == POLICY_THEN_SEND;
}

/* Before which another one of this person cannot go whoever else waits: at
 * best, as nobody knows yet when the others were delivered. Two of a segment are
 * the same in that, if nothing of theirs ends a while after they came; else the
 * older one is not later, so that of many its instant will do. */
static void find_ready(struct search *x)
{
	const struct facts *f = x->f;
	size_t known = SIZE_MAX, asked = 0;

	for (size_t i = 0; i < f->n_waiting; i++) {
		const struct waiting_fact *w = &f->waiting[i];
		size_t place = place_of(x->p, w->label);
		const struct policy_segment *s = &x->p->segments[place];
		struct facts alone = *f;
		struct delay d;

		x->ready_ms[i] = 0;
		if (place == x->p->n_segments ||
		    !verdict_is_ahead(x->p, x->s, f, w))
			continue;
		if (known == SIZE_MAX || f->waiting[known].label != w->label)
			asked = 0;
		if (asked > 0 && (!is_patient(s) || asked >= READY_MAX)) {
			x->ready_ms[i] = x->ready_ms[known];
			continue;
		}
		alone.n_waiting = alone.n_company_waiting = 0;
		alone.arrived_ms = w->arrived_ms;
		alone.copy_id = w->copy_id;
		alone.at_best = true;
		delay_find(x->p, s, &alone, x->now_ms, false, &d);
		if (d.reason != REASON_ALLOWED)
			x->ready_ms[i] = d.earliest_ms;
		known = i;
		asked++;
	}
}

/* Whatever the person's own wait for, they will want a place of the company's
 * too; of the colleagues' those that wait for just that. What else these wait
 * for is not known here. */
static void find_ahead(const struct search *x, enum policy_scope scope,
    uint32_t label, struct ahead *out)
{
	const struct facts *f = x->f;
	bool company = scope == POLICY_PER_COMPANY;

	out->n = 0;
	for (size_t i = 0; i < f->n_waiting; i++) {
		const struct waiting_fact *w = &f->waiting[i];

		if ((label == 0 || w->label == label) &&
		    verdict_is_ahead(x->p, x->s, f, w))
			add_ahead(out, f->person, x->ready_ms[i]);
	}
	for (size_t i = 0; company && i < f->n_company_waiting; i++) {
		const struct waiting_fact *w = &f->company_waiting[i];

		if (w->person != f->person &&
		    verdict_is_ahead(x->p, x->s, f, w))
			add_ahead(out, w->person, 0);
	}
}

/* --- limits --- */

static enum verdict_reason reason_of(
    enum policy_scope scope, const struct caps_answer *a)
{
	static const enum verdict_reason reasons[] = {
	    [POLICY_PER_PERSON] = REASON_PERSON_CAP,
	    [POLICY_PER_COMPANY] = REASON_COMPANY_CAP,
	    [POLICY_PER_SEGMENT] = REASON_SEGMENT_CAP,
	};

	return a->by_order ? REASON_ORDER : reasons[scope];
}

static struct caps_query query_of(
    const struct search *x, enum policy_scope scope, uint32_t label)
{
	const struct facts *f = x->f;
	struct caps_query q = {
	    .slots = f->slots,
	    .n_slots = f->n_slots,
	    .label = label,
	    .zone = f->zone,
	    .at_best = f->at_best,
	    .now_ms = x->now_ms,
	};

	if (scope == POLICY_PER_COMPANY) {
		q.slots = f->company_slots;
		q.n_slots = f->n_company_slots;
		q.person = f->person;
		q.zone = f->policy_zone;
	}
	return q;
}

static bool binds(const struct search *x, const struct policy_caps *caps,
    enum policy_scope scope)
{
	const struct facts *f = x->f;

	if (caps->n == 0 && caps->n_people == 0 && caps->apart_ms == 0)
		return false;
	if (scope == POLICY_PER_COMPANY && !f->has_company)
		return false;
	return caps->audience == NULL ||
	       audience_contains(caps->audience->condition, f->attributes,
		   f->n_attributes, f->today);
}

/* Of several full limits the one that opens last is told; all are asked. */
static void ask(const struct search *x, const struct policy_caps *caps,
    enum policy_scope scope, uint32_t label)
{
	struct delay *d = x->out;
	struct caps_answer a;
	struct caps_query q;
	struct ahead ahead;

	if (!binds(x, caps, scope))
		return;
	if (!x->shadow && (x->s->shadow || caps->shadow)) {
		d->skipped = true;
		return;
	}
	q = query_of(x, scope, label);
	if (caps == &x->p->person)
		q.keep = x->s->keep_free;
	find_ahead(x, scope, label, &ahead);
	q.ahead = ahead.v;
	q.n_ahead = ahead.n;
	caps_decide(caps, &q, &a);
	if (!a.full)
		return;
	if (d->reason != REASON_ALLOWED && a.earliest_ms <= d->earliest_ms)
		return;
	d->reason = reason_of(scope, &a);
	d->scope = scope;
	d->rule = a.rule;
	d->earliest_ms = a.earliest_ms;
}

static void ask_limits(const struct search *x)
{
	const struct policy *p = x->p;

	ask(x, &x->s->caps, POLICY_PER_SEGMENT, x->s->label);
	ask(x, &p->person, POLICY_PER_PERSON, 0);
	ask(x, &p->company, POLICY_PER_COMPANY, 0);
	for (size_t i = 0; i < p->n_limits; i++) {
		const struct policy_limit *l = &p->limits[i];

		if (l->label == 0 || l->label == x->s->label)
			ask(x, &l->caps, l->per, l->label);
	}
	if (x->out->reason == REASON_ALLOWED)
		return;
	x->out->when = &x->s->when_full;
	x->out->deadline_ms =
	    caps_add_ms(arrived_ms(x), x->s->when_full.hold_ms);
}

/* --- yield --- */

static bool is_yielded_to(const struct policy_yield *y, uint32_t label)
{
	for (size_t i = 0; i < y->n; i++)
		if (y->labels[i] == label)
			return true;
	return false;
}

/* Until when the others have the way; now_ms when they do not want it. */
static int64_t yield_until_ms(const struct search *x, int64_t end_ms)
{
	const struct policy_yield *y = &x->s->yield;
	const struct facts *f = x->f;
	int64_t until = x->now_ms;

	for (size_t i = 0; i < f->n_waiting; i++)
		if (is_yielded_to(y, f->waiting[i].label) &&
		    f->waiting[i].copy_id != f->copy_id)
			return end_ms;
	for (size_t i = 0; i < f->n_slots; i++) {
		int64_t date =
		    caps_slot_date(&f->slots[i], x->now_ms, f->at_best);

		if (date == CAPS_NEVER || !is_yielded_to(y, f->slots[i].label))
			continue;
		date = caps_add_ms(date, y->span_ms);
		until = date > until ? date : until;
	}
	return until < end_ms ? until : end_ms;
}

static void ask_yield(const struct search *x)
{
	static const struct policy_when wait_and_send = {
	    .action = POLICY_HOLD, .then = POLICY_THEN_SEND};
	const struct policy_yield *y = &x->s->yield;
	struct delay *d = x->out;
	int64_t end_ms = caps_add_ms(arrived_ms(x), y->span_ms), until;

	if (y->span_ms == 0 || end_ms <= x->now_ms)
		return;
	until = yield_until_ms(x, end_ms);
	if (until <= x->now_ms)
		return;
	if (until > d->earliest_ms || d->reason == REASON_ALLOWED)
		d->earliest_ms = until;
	if (d->reason != REASON_ALLOWED)
		return;
	d->reason = REASON_YIELD;
	d->rule = &y->rule;
	d->when = &wait_and_send;
	d->deadline_ms = end_ms;
}

/* --- hours --- */

/* The first instant from t on at which the hours let it go: an open one, or the
 * end of its patience. */
static int64_t opens_ms(const struct search *x, int64_t t_ms)
{
	const struct policy_segment *s = x->s;
	const struct zone *z = x->f->zone;
	int64_t end_ms = caps_add_ms(arrived_ms(x), s->when_closed.hold_ms),
		open;

	if (t_ms == CAPS_NEVER)
		return t_ms;
	if (s->when_closed.then == POLICY_THEN_SEND && t_ms >= end_ms &&
	    s->when_closed.action == POLICY_HOLD)
		return t_ms;
	open = hours_next_open_ms(s->hours, z != NULL ? z : zone_utc(), t_ms);
	if (s->when_closed.action != POLICY_HOLD ||
	    s->when_closed.then != POLICY_THEN_SEND)
		return open;
	return open < end_ms ? open : end_ms;
}

static void ask_hours(const struct search *x)
{
	const struct policy_segment *s = x->s;
	struct delay *d = x->out;
	bool waits = d->reason != REASON_ALLOWED;
	int64_t open;

	if (s->hours == NULL)
		return;
	open = opens_ms(x, waits ? d->earliest_ms : x->now_ms);
	if (open <= x->now_ms)
		return;
	d->earliest_ms = open;
	if (waits)
		return;
	d->reason = REASON_CLOSED;
	d->rule = &s->hours_rule;
	d->when = &s->when_closed;
	d->deadline_ms = caps_add_ms(arrived_ms(x), s->when_closed.hold_ms);
}

/* --- who is ahead closes --- */

/* The first instant after now at which those hours close; CAPS_NEVER. */
static int64_t closes_ms(const struct search *x, const struct hours *hours)
{
	const struct zone *z = x->f->zone != NULL ? x->f->zone : zone_utc();
	int64_t open = hours_next_open_ms(hours, z, x->now_ms);

	return open != HOURS_NEVER ? hours_next_closed_ms(hours, z, open)
				   : HOURS_NEVER;
}

/* What is ahead may go before a place is free again, or may not: that changes
 * as time goes when it closes, and by nothing else that nobody tells of. */
static void find_look(const struct search *x)
{
	const struct facts *f = x->f;
	struct delay *d = x->out;
	int64_t look = d->earliest_ms;
	size_t asked = x->p->n_segments;

	for (size_t i = 0; d->reason != REASON_ALLOWED && i < f->n_waiting;
	     i++) {
		const struct waiting_fact *w = &f->waiting[i];
		size_t place = place_of(x->p, w->label);
		int64_t t;

		if (place == asked || place == x->p->n_segments ||
		    x->p->segments[place].hours == NULL ||
		    !verdict_is_ahead(x->p, x->s, f, w))
			continue;
		asked = place;
		t = closes_ms(x, x->p->segments[place].hours);
		look = t < look ? t : look;
	}
	d->look_ms = look < d->earliest_ms ? look : 0;
}

/* --- all together --- */

/* From t on, the first instant at which a company's limit on people lets it go.
 * Who is among its people now need not be so any more then. */
static int64_t people_ms(const struct search *x, const struct policy_caps *caps,
    enum policy_scope scope, int64_t t_ms)
{
	const struct policy_caps people = {
	    .people = caps->people, .n_people = caps->n_people};
	struct caps_answer a;
	struct caps_query q;

	if (caps->n_people == 0 || !binds(x, caps, scope) ||
	    (!x->shadow && (x->s->shadow || caps->shadow)))
		return t_ms;
	q = query_of(x, scope, 0);
	q.asked_ms = t_ms;
	caps_decide(&people, &q, &a);
	return a.full ? a.earliest_ms : t_ms;
}

/* Each limit closes once at most, so this ends. */
static void settle(const struct search *x)
{
	const struct policy *p = x->p;
	struct delay *d = x->out;
	int64_t t;

	if (d->reason == REASON_ALLOWED)
		return;
	do {
		t = d->earliest_ms;
		d->earliest_ms =
		    people_ms(x, &p->company, POLICY_PER_COMPANY, t);
		for (size_t i = 0; i < p->n_limits; i++)
			d->earliest_ms = people_ms(x, &p->limits[i].caps,
			    p->limits[i].per, d->earliest_ms);
		if (d->earliest_ms > t && x->s->hours != NULL)
			d->earliest_ms = opens_ms(x, d->earliest_ms);
	} while (d->earliest_ms > t);
}

void delay_find(const struct policy *p, const struct policy_segment *s,
    const struct facts *f, int64_t now_ms, bool shadow, struct delay *out)
{
	struct search x;

	*out = (struct delay){.reason = REASON_ALLOWED, .earliest_ms = now_ms};
	if (f->seed)
		return;
	x.p = p;
	x.s = s;
	x.f = f;
	x.now_ms = now_ms;
	x.shadow = shadow;
	x.out = out;
	find_ready(&x);
	ask_limits(&x);
	if (!shadow && s->shadow) {
		out->skipped = true;
		return;
	}
	ask_yield(&x);
	ask_hours(&x);
	settle(&x);
	find_look(&x);
}
