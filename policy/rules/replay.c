/* replay.c - see replay.h.
 *
 * Events (an outcome, a wake) stand in a heap by time; arrivals come sorted.
 * At one instant outcomes go first, then those that wait, by order and age,
 * then arrivals. An entry of the heap is void when its message is due at
 * another instant meanwhile.
 *
 * Slots of a person lie together, in the order of sending; what no rule can ask
 * for any more falls off the front, and of what is left the youngest count, as
 * in the ledger's histories. */
#include "policy/rules/replay.h"

#include "policy/base/array.h"
#include "policy/base/fault.h"
#include "policy/conf/attribute.h"
#include "policy/rules/caps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLOTS_MAX = 250, /* as the ledger keeps them */
	WOKEN_MAX = 16,
	TRIES_MAX = 2000, /* of one message */
	RETRY_MS = 60000,
};
#define NONE UINT32_MAX

/* A history: of a person or of the company. */
struct slots {
	struct slot_fact *v;
	size_t first, n;
};

struct person_state {
	struct slots slots;
	uint32_t waiting; /* first message, NONE */
};

struct message_state {
	int64_t due_ms;
	uint32_t segment; /* index in the policy, NONE */
	uint32_t next_waiting;
	uint32_t slot, company_slot; /* where they lie */
	uint32_t before, after;      /* in the company's queue */
	uint16_t tries;
	bool waits, competes, in_queue;
	int64_t deadline_ms; /* of the last hold, and what then */
	enum policy_then then;
};

struct queue {
	uint32_t first, last;
};

struct entry {
	int64_t at_ms;
	uint32_t rank; /* 0: an outcome; else 1 + place of the segment */
	uint32_t message;
};

struct replay {
	const struct policy *policy;
	const struct zone *zone;
	uint32_t *purposes;   /* labels, of each segment */
	struct queue *queues; /* of the company, of each segment */
	int64_t horizon_ms;
	uint64_t decisions;
	/* Of the group that is played. */
	const struct replay_group *g;
	struct replay_result *out;
	struct person_state *people;
	struct message_state *messages;
	struct slot_fact *room; /* all slots of people, then the company's */
	struct slots company;
	size_t next_move;
	struct entry *heap;
	size_t n_heap, cap_heap;
	size_t cap_people, cap_messages, cap_room;
	struct waiting_fact waiting[FACTS_WAITING_MAX];
	struct waiting_fact company_waiting[FACTS_WAITING_MAX];
};

/* --- the heap --- */

static bool is_before(const struct entry *a, const struct entry *b)
{
	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms;
	if (a->rank != b->rank)
		return a->rank < b->rank;
	return a->message < b->message;
}

static void swap(struct entry *a, struct entry *b)
{
	struct entry t = *a;

	*a = *b;
	*b = t;
}

static void sift_down(struct replay *r)
{
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= r->n_heap)
			return;
		if (child + 1 < r->n_heap &&
		    is_before(&r->heap[child + 1], &r->heap[child]))
			child++;
		if (!is_before(&r->heap[child], &r->heap[i]))
			return;
		swap(&r->heap[i], &r->heap[child]);
		i = child;
	}
}

static int push(
    struct replay *r, int64_t at_ms, uint32_t rank, uint32_t message)
{
	size_t i = r->n_heap;

	int rc = ARRAY_ROOM(r->heap, r->cap_heap, i + 1);

	if (rc != 0)
		return rc;
	r->heap[r->n_heap++] = (struct entry){at_ms, rank, message};
	while (i > 0 && is_before(&r->heap[i], &r->heap[(i - 1) / 2])) {
		swap(&r->heap[i], &r->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	return 0;
}

static struct entry pop(struct replay *r)
{
	struct entry top = r->heap[0];

	r->heap[0] = r->heap[--r->n_heap];
	sift_down(r);
	return top;
}

/* --- who waits --- */

static const struct replay_message *message(const struct replay *r, uint32_t i)
{
	return &r->g->messages[i];
}

/* Behind the older ones of its segment, which are nearly always all. */
static void enter_queue(struct replay *r, uint32_t i)
{
	struct message_state *m = &r->messages[i];
	struct queue *q = &r->queues[m->segment];
	uint32_t before = q->last;

	if (m->in_queue)
		return;
	while (before != NONE && before > i)
		before = r->messages[before].before;
	m->before = before;
	m->after = before != NONE ? r->messages[before].after : q->first;
	*(before != NONE ? &r->messages[before].after : &q->first) = i;
	*(m->after != NONE ? &r->messages[m->after].before : &q->last) = i;
	m->in_queue = true;
}

static void leave_queue(struct replay *r, uint32_t i)
{
	struct message_state *m = &r->messages[i];
	struct queue *q = &r->queues[m->segment];

	if (!m->in_queue)
		return;
	*(m->before != NONE ? &r->messages[m->before].after : &q->first) =
	    m->after;
	*(m->after != NONE ? &r->messages[m->after].before : &q->last) =
	    m->before;
	m->in_queue = false;
}

/* Is due at another instant. */
static int set_due(struct replay *r, uint32_t i, int64_t due_ms)
{
	struct message_state *m = &r->messages[i];

	m->due_ms = due_ms;
	return push(r, due_ms, 1 + m->segment, i);
}

static int wake_person(struct replay *r, uint32_t person, int64_t now_ms)
{
	uint32_t i = r->people[person].waiting;
	int rc = 0;

	for (; rc == 0 && i != NONE; i = r->messages[i].next_waiting)
		if (r->messages[i].due_ms > now_ms)
			rc = set_due(r, i, now_ms);
	return rc;
}

/* The others of the person, and the first of the company's queues. */
static int wake(struct replay *r, uint32_t person, int64_t now_ms)
{
	size_t woken = 0;
	uint32_t i;
	int rc = wake_person(r, person, now_ms);

	for (size_t s = 0; rc == 0 && s < r->policy->n_segments; s++) {
		i = r->queues[s].first;
		if (i == NONE || woken++ == WOKEN_MAX ||
		    r->messages[i].due_ms <= now_ms)
			continue;
		rc = set_due(r, i, now_ms);
	}
	return rc;
}

static void start_waiting(struct replay *r, uint32_t i)
{
	struct message_state *m = &r->messages[i];
	struct person_state *p = &r->people[message(r, i)->person];

	if (m->waits)
		return;
	m->waits = true;
	m->next_waiting = p->waiting;
	p->waiting = i;
}

static int stop_waiting(struct replay *r, uint32_t i, int64_t now_ms)
{
	struct message_state *m = &r->messages[i];
	uint32_t person = message(r, i)->person;
	uint32_t *at = &r->people[person].waiting;

	if (!m->waits)
		return 0;
	while (*at != i)
		at = &r->messages[*at].next_waiting;
	*at = m->next_waiting;
	m->waits = false;
	leave_queue(r, i);
	return wake(r, person, now_ms);
}

/* --- what was sent --- */

/* What has a date that no rule looks back to. */
static void forget(const struct replay *r, struct slots *s, int64_t now_ms)
{
	while (s->first < s->n) {
		int64_t date = caps_slot_date(&s->v[s->first], now_ms, false);

		if (date != CAPS_NEVER && date >= now_ms - r->horizon_ms)
			break;
		s->first++;
	}
	if (s->n - s->first > SLOTS_MAX)
		s->first = s->n - SLOTS_MAX;
}

static uint32_t add_slot(struct slots *s, const struct slot_fact *f)
{
	s->v[s->n] = *f;
	return (uint32_t)s->n++;
}

static int send(struct replay *r, uint32_t i, int64_t now_ms)
{
	const struct replay_message *m = message(r, i);
	struct message_state *st = &r->messages[i];
	struct slot_fact f = {
	    .message_id = (uint64_t)i + 1,
	    .at_ms = now_ms,
	    .label = m->label,
	    .state = SLOT_QUEUED,
	    .counts = m->counts,
	};
	bool soon = m->outcome == SLOT_DELIVERED || m->outcome == SLOT_RELEASED;
	int rc;

	if (soon && m->outcome_after_ms <= 0)
		f.state = m->outcome;
	st->slot = add_slot(&r->people[m->person].slots, &f);
	if (r->g->company) {
		f.person = (uint64_t)m->person + 1;
		st->company_slot = add_slot(&r->company, &f);
	}
	rc = wake_person(r, m->person, now_ms);
	return rc == 0 && soon && m->outcome_after_ms > 0
		   ? push(r, caps_add_ms(now_ms, m->outcome_after_ms), 0, i)
		   : rc;
}

static void settle_in(
    struct slots *s, size_t at, enum slot_state state, int64_t now_ms)
{
	s->v[at].state = state;
	s->v[at].at_ms = now_ms;
}

/* n: it is not there, or was forgotten. */
static size_t find_slot(const struct slots *s, uint32_t i)
{
	size_t at = s->first;

	while (at < s->n && s->v[at].message_id != (uint64_t)i + 1)
		at++;
	return at;
}

/* Also of those as whom the person has gone on since. */
static int settle_moved(struct replay *r, uint32_t i, int64_t now_ms)
{
	uint32_t person = message(r, i)->person;
	enum slot_state state = message(r, i)->outcome;
	int rc = 0;

	for (size_t k = 0; rc == 0 && k < r->next_move; k++) {
		struct slots *s = &r->people[r->g->moves[k].to].slots;
		size_t at;

		if (r->g->moves[k].from != person)
			continue;
		person = r->g->moves[k].to;
		at = find_slot(s, i);
		if (at < s->n)
			settle_in(s, at, state, now_ms);
		if (state == SLOT_RELEASED)
			rc = wake(r, person, now_ms);
	}
	return rc;
}

static int settle_slot(struct replay *r, uint32_t i, int64_t now_ms)
{
	const struct replay_message *m = message(r, i);
	const struct message_state *st = &r->messages[i];
	int rc = 0;

	settle_in(&r->people[m->person].slots, st->slot, m->outcome, now_ms);
	if (r->g->company)
		settle_in(&r->company, st->company_slot, m->outcome, now_ms);
	if (m->outcome == SLOT_RELEASED)
		rc = wake(r, m->person, now_ms);
	return rc == 0 && r->next_move > 0 ? settle_moved(r, i, now_ms) : rc;
}

/* --- who goes on as another --- */

static int by_date(const void *a, const void *b)
{
	const struct slot_fact *x = a, *y = b;

	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return x->message_id < y->message_id ? -1
					     : x->message_id > y->message_id;
}

/* There is room for it: see count_slots(). */
static void move_one(struct replay *r, const struct replay_move *move)
{
	const struct slots *from = &r->people[move->from].slots;
	struct slots *to = &r->people[move->to].slots;

	for (size_t i = from->first; i < from->n; i++)
		to->v[to->n++] = from->v[i];
	qsort(to->v + to->first, to->n - to->first, sizeof(*to->v), by_date);
	for (size_t i = to->first; i < to->n; i++) {
		uint32_t m = (uint32_t)(to->v[i].message_id - 1);

		if (message(r, m)->person == move->to)
			r->messages[m].slot = (uint32_t)i;
	}
}

/* All up to then. */
static void move_until(struct replay *r, int64_t until_ms)
{
	while (r->next_move < r->g->n_moves &&
	       r->g->moves[r->next_move].at_ms <= until_ms)
		move_one(r, &r->g->moves[r->next_move++]);
}

/* --- what is known --- */

static enum consent_state consent_of(
    const struct replay_person *p, uint32_t purpose, int64_t now_ms)
{
	enum consent_state state = CONSENT_NONE;

	for (size_t i = 0; i < p->n_changes && p->changes[i].at_ms <= now_ms;
	     i++)
		if (!p->changes[i].is_suppression &&
		    p->changes[i].label == purpose)
			state = p->changes[i].consent;
	return state;
}

/* As recorded when it came; what was lifted or added later, by the changes. */
static size_t suppressions_of(const struct replay_person *p,
    const struct replay_message *m, int64_t now_ms,
    struct suppression_fact out[2])
{
	enum suppression_reason found[2] = {0, 0}; /* all; its segment */
	size_t n = 0;

	found[m->suppression_of_segment ? 1 : 0] = m->suppression;
	for (size_t i = 0; i < p->n_changes && p->changes[i].at_ms <= now_ms;
	     i++) {
		const struct replay_change *c = &p->changes[i];

		if (c->is_suppression && c->at_ms > m->arrived_ms &&
		    (c->label == 0 || c->label == m->label))
			found[c->label != 0] = c->suppression;
	}
	for (size_t i = 0; i < 2; i++)
		if (found[i] != 0)
			out[n++] = (struct suppression_fact){
			    .label = i == 0 ? 0 : m->label, .reason = found[i]};
	return n;
}

/* The newest word on it; NULL: there is none. */
static const struct replay_change *pause_of(
    const struct replay_person *p, int64_t now_ms)
{
	const struct replay_change *found = NULL;

	for (size_t i = 0; i < p->n_changes && p->changes[i].at_ms <= now_ms;
	     i++)
		if (p->changes[i].is_suppression &&
		    p->changes[i].label == SUPPRESSION_PAUSE_LABEL)
			found = &p->changes[i];
	return found;
}

/* NULL: it is not stopped then. */
static const struct replay_stop *stop_of(
    const struct replay_message *m, int64_t now_ms)
{
	for (size_t i = 0; i < m->n_stops && m->stops[i].from_ms <= now_ms; i++)
		if (now_ms < m->stops[i].until_ms)
			return &m->stops[i];
	return NULL;
}

static size_t waiting_of(struct replay *r, uint32_t i)
{
	uint32_t w = r->people[message(r, i)->person].waiting;
	size_t n = 0;

	for (; w != NONE && n < FACTS_WAITING_MAX;
	     w = r->messages[w].next_waiting)
		if (w != i && r->messages[w].competes)
			r->waiting[n++] =
			    (struct waiting_fact){.copy_id = (uint64_t)w + 1,
				.label = message(r, w)->label,
				.arrived_ms = message(r, w)->arrived_ms};
	return n;
}

/* Those of the company that may be ahead. */
static size_t company_waiting_of(struct replay *r, uint32_t i)
{
	size_t n = 0;

	for (uint32_t s = 0; s <= r->messages[i].segment; s++) {
		uint32_t w = r->queues[s].first;

		for (; w != NONE && n < FACTS_WAITING_MAX;
		     w = r->messages[w].after) {
			if (w == i)
				continue;
			if (s == r->messages[i].segment && w > i)
				break;
			r->company_waiting[n++] =
			    (struct waiting_fact){.copy_id = (uint64_t)w + 1,
				.person = (uint64_t)message(r, w)->person + 1,
				.label = message(r, w)->label,
				.arrived_ms = message(r, w)->arrived_ms};
		}
	}
	return n;
}

static void fill_company(
    struct replay *r, uint32_t i, int64_t now_ms, struct facts *f)
{
	struct slots *s = &r->company;

	forget(r, s, now_ms);
	f->has_company = true;
	f->person = (uint64_t)message(r, i)->person + 1;
	f->company_slots = s->v + s->first;
	f->n_company_slots = s->n - s->first;
	f->company_waiting = r->company_waiting;
	f->n_company_waiting = company_waiting_of(r, i);
}

static void decide(
    struct replay *r, uint32_t i, int64_t now_ms, struct verdict *out)
{
	const struct replay_message *m = message(r, i);
	const struct message_state *st = &r->messages[i];
	const struct replay_person *p = &r->g->people[m->person];
	struct slots *s = &r->people[m->person].slots;
	const struct replay_change *pause = pause_of(p, now_ms);
	struct suppression_fact suppressions[2];
	struct facts f = {
	    .suppressions = suppressions,
	    .n_suppressions = suppressions_of(p, m, now_ms, suppressions),
	    .consent = consent_of(p, r->purposes[st->segment], now_ms),
	    .compliance = m->compliance,
	    .waiting = r->waiting,
	    .n_waiting = waiting_of(r, i),
	    .attributes = p->attributes,
	    .n_attributes = p->n_attributes,
	    .zone = p->zone != NULL ? p->zone : r->zone,
	    .policy_zone = r->zone,
	    .arrived_ms = m->arrived_ms,
	    .copy_id = st->waits ? (uint64_t)i + 1 : 0,
	    .held_until_ms = st->waits ? st->deadline_ms : 0,
	    .seed = !m->counts,
	    .segment_stopped = stop_of(m, now_ms) != NULL,
	};

	if (pause != NULL) {
		f.paused = pause->suppression;
		f.paused_until_ms = pause->until_ms;
	}
	forget(r, s, now_ms);
	f.slots = s->v + s->first;
	f.n_slots = s->n - s->first;
	f.today = attribute_day_of(
	    caps_add_ms(now_ms, zone_offset_ms(f.zone, now_ms)));
	if (r->g->company)
		fill_company(r, i, now_ms, &f);
	r->decisions++;
	verdict_decide(
	    r->policy, &r->policy->segments[st->segment], &f, now_ms, out);
}

/* --- the play --- */

static enum replay_fate fate_of(const struct verdict *v)
{
	switch (v->action) {
	case VERDICT_DROP:
		return REPLAY_DROPPED;
	case VERDICT_DEFER:
		return REPLAY_DEFERRED;
	case VERDICT_REJECT:
	case VERDICT_ALLOW:
	case VERDICT_HOLD:
		break;
	}
	return verdict_reason_competes(v->reason) || v->reason == REASON_STOPPED
		   ? REPLAY_BOUNCED
		   : REPLAY_REFUSED;
}

/* The first reason stays: why it had to wait. */
static void note_reason(struct replay_result *out, const struct verdict *v)
{
	if (out->reason != 0 && out->reason != REASON_ALLOWED)
		return;
	out->reason = v->reason;
	out->rule = v->rule;
	out->shadowed = v->shadowed;
}

static int hold(
    struct replay *r, uint32_t i, int64_t now_ms, const struct verdict *v)
{
	struct message_state *m = &r->messages[i];
	struct message_state was = *m;
	bool competes = verdict_reason_competes(v->reason);
	const struct replay_stop *stop =
	    v->reason == REASON_STOPPED ? stop_of(message(r, i), now_ms) : NULL;
	int64_t due_ms = stop != NULL       ? stop->until_ms
			 : v->look_ms != 0 ? v->look_ms
					   : v->earliest_ms;
	int rc = 0;

	if (due_ms == 0 || due_ms > v->deadline_ms)
		due_ms = v->deadline_ms;
	if (due_ms <= now_ms)
		due_ms = caps_add_ms(now_ms, RETRY_MS);
	start_waiting(r, i);
	m->competes = competes;
	m->deadline_ms = v->deadline_ms;
	m->then = v->then;
	if (r->g->company && competes && v->scope == POLICY_PER_COMPANY)
		enter_queue(r, i);
	else
		leave_queue(r, i);
	if ((was.in_queue && !m->in_queue) ||
	    (was.waits && was.competes && !competes))
		rc = wake(r, message(r, i)->person, now_ms);
	return rc != 0 ? rc : set_due(r, i, due_ms);
}

static int end(
    struct replay *r, uint32_t i, int64_t now_ms, enum replay_fate fate)
{
	struct replay_result *out = &r->out[i];
	bool sent = fate == REPLAY_SENT || fate == REPLAY_HELD;
	int rc = sent ? send(r, i, now_ms) : 0;

	out->fate = fate;
	out->done_ms = now_ms;
	return rc != 0 ? rc : stop_waiting(r, i, now_ms);
}

/* "Defer" to what waits already: there is nobody to come again, so it is held,
 * to the end that it had. */
static void keep(
    const struct message_state *m, int64_t now_ms, struct verdict *v)
{
	if (!m->waits || v->action != VERDICT_DEFER)
		return;
	v->action = VERDICT_HOLD;
	v->then = m->then;
	v->deadline_ms = m->deadline_ms;
	if (now_ms >= m->deadline_ms && m->then != POLICY_THEN_SEND)
		v->action =
		    m->then == POLICY_THEN_DROP ? VERDICT_DROP : VERDICT_REJECT;
}

static int try(struct replay *r, uint32_t i, int64_t now_ms)
{
	struct message_state *m = &r->messages[i];
	struct verdict v;

	decide(r, i, now_ms, &v);
	note_reason(&r->out[i], &v);
	keep(m, now_ms, &v);
	if (v.action == VERDICT_ALLOW)
		return end(r, i, now_ms, m->waits ? REPLAY_HELD : REPLAY_SENT);
	if (v.action == VERDICT_HOLD && ++m->tries < TRIES_MAX)
		return hold(r, i, now_ms, &v);
	return end(r, i, now_ms, fate_of(&v));
}

static int arrive(struct replay *r, uint32_t i)
{
	const struct replay_message *m = message(r, i);

	if (m->fixed)
		return send(r, i, m->arrived_ms);
	if (r->messages[i].segment != NONE)
		return try(r, i, m->arrived_ms);
	r->out[i] = (struct replay_result){.fate = REPLAY_REFUSED,
	    .reason = REASON_UNKNOWN_SEGMENT,
	    .done_ms = m->arrived_ms};
	return 0;
}

/* All that happens up to then. */
static int play_until(struct replay *r, int64_t until_ms)
{
	int rc = 0;

	while (rc == 0 && r->n_heap > 0 && r->heap[0].at_ms <= until_ms) {
		struct entry e = pop(r);
		const struct message_state *m = &r->messages[e.message];

		move_until(r, e.at_ms);
		if (e.rank == 0)
			rc = settle_slot(r, e.message, e.at_ms);
		else if (m->waits && m->due_ms == e.at_ms)
			rc = try(r, e.message, e.at_ms);
	}
	return rc;
}

/* How many slots each may get: whoever goes on as another takes his along.
 * Returns how many that are in all. */
static size_t count_slots(struct replay *r, const struct replay_group *g)
{
	size_t n = g->n_messages * (g->company ? 2 : 1);

	for (size_t i = 0; i < g->n_people; i++)
		r->people[i] = (struct person_state){.waiting = NONE};
	for (size_t i = 0; i < g->n_messages; i++)
		r->people[g->messages[i].person].slots.n++;
	for (size_t i = 0; i < g->n_moves; i++) {
		size_t more = r->people[g->moves[i].from].slots.n;

		r->people[g->moves[i].to].slots.n += more;
		n += more;
	}
	return n;
}

static int make_room(struct replay *r, const struct replay_group *g)
{
	int rc = ARRAY_ROOM(r->people, r->cap_people, g->n_people);

	if (rc == 0)
		rc = ARRAY_ROOM(r->messages, r->cap_messages, g->n_messages);
	if (rc == 0)
		rc = ARRAY_ROOM(r->room, r->cap_room, count_slots(r, g));
	return rc;
}

static uint32_t segment_of(const struct replay *r, uint32_t label)
{
	for (uint32_t s = 0; s < r->policy->n_segments; s++)
		if (r->policy->segments[s].label == label)
			return s;
	return NONE;
}

/* Each person's part of the room is as large as all of it may get. */
static void lay_out(struct replay *r, const struct replay_group *g)
{
	struct slot_fact *room = r->room;

	for (uint32_t i = 0; i < g->n_messages; i++) {
		r->messages[i] = (struct message_state){
		    .segment = segment_of(r, g->messages[i].label)};
		r->out[i] = (struct replay_result){0};
	}
	for (size_t i = 0; i < g->n_people; i++) {
		size_t n = r->people[i].slots.n;

		r->people[i].slots = (struct slots){.v = room};
		room += n;
	}
	r->company = (struct slots){.v = room};
	for (size_t s = 0; s < r->policy->n_segments; s++)
		r->queues[s] = (struct queue){NONE, NONE};
	r->n_heap = 0;
	r->next_move = 0;
}

int replay_run(
    struct replay *r, const struct replay_group *g, struct replay_result *out)
{
	int rc = make_room(r, g);

	r->g = g;
	r->out = out;
	if (rc == 0)
		lay_out(r, g);
	for (uint32_t i = 0; rc == 0 && i < g->n_messages; i++) {
		rc = play_until(r, g->messages[i].arrived_ms);
		move_until(r, g->messages[i].arrived_ms);
		if (rc == 0)
			rc = arrive(r, i);
	}
	return rc != 0 ? rc : play_until(r, INT64_MAX);
}

/* --- the player --- */

static void look_back(struct replay *r, int64_t ms)
{
	r->horizon_ms = ms > r->horizon_ms ? ms : r->horizon_ms;
}

static void find_horizon(struct replay *r)
{
	const struct policy *p = r->policy;

	look_back(r, caps_longest_ms(&p->person));
	look_back(r, caps_longest_ms(&p->company));
	for (size_t i = 0; i < p->n_limits; i++)
		look_back(r, caps_longest_ms(&p->limits[i].caps));
	for (size_t i = 0; i < p->n_segments; i++) {
		look_back(r, caps_longest_ms(&p->segments[i].caps));
		look_back(r, p->segments[i].yield.span_ms);
		r->purposes[i] = policy_label(p->segments[i].purpose);
	}
}

int replay_new(
    struct replay **out, const struct policy *p, const struct zone *zone)
{
	struct replay *r = fault_alloc() ? NULL : calloc(1, sizeof(*r));
	size_t n = p->n_segments > 0 ? p->n_segments : 1;

	*out = NULL;
	if (r == NULL)
		return -ENOMEM;
	r->policy = p;
	r->zone = zone != NULL ? zone : zone_utc();
	r->purposes = fault_alloc() ? NULL : calloc(n, sizeof(*r->purposes));
	r->queues = fault_alloc() ? NULL : calloc(n, sizeof(*r->queues));
	if (r->purposes == NULL || r->queues == NULL) {
		replay_free(&r);
		return -ENOMEM;
	}
	find_horizon(r);
	*out = r;
	return 0;
}

void replay_free(struct replay **r)
{
	if (*r == NULL)
		return;
	free((*r)->purposes);
	free((*r)->queues);
	free((*r)->people);
	free((*r)->messages);
	free((*r)->room);
	free((*r)->heap);
	free(*r);
	*r = NULL;
}

uint64_t replay_decisions(const struct replay *r)
{
	return r->decisions;
}

int64_t replay_horizon_ms(const struct replay *r)
{
	return r->horizon_ms;
}

const char *replay_fate_name(enum replay_fate f)
{
	static const char *const names[] = {
	    [REPLAY_SENT] = "sent",
	    [REPLAY_HELD] = "held",
	    [REPLAY_BOUNCED] = "bounced",
	    [REPLAY_DROPPED] = "dropped",
	    [REPLAY_DEFERRED] = "deferred",
	    [REPLAY_REFUSED] = "refused",
	};

	return (size_t)f < REPLAY_FATES ? names[f] : "unknown";
}
