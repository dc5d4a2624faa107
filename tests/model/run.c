/* run.c - see run.h. Instants and states are the run's own; the product is
 * asked through struct facts, filled here, and the model through struct
 * model_world, which is the record of the world itself. */
#include "tests/model/run.h"

#include "policy/base/zone.h"
#include "policy/conf/policy.h"
#include "policy/rules/verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
	PLACES = 16,
	LABEL_LETTER = 77, /* one-to-one: of no segment */
	MTA_KEEPS_DAYS = 5 /* Postfix: maximal_queue_lifetime */
};

/* What is known of a send besides what counts. */
struct flight {
	int policy; /* in force when it was let go */
	int64_t let_go_ms;
	int jumps;   /* of the clock, before it was let go */
	bool judged; /* by limits that were enforced */
	bool odd;    /* the clock was set while it was on its way */
};

/* The end of a wait, beside model_waiting. */
struct hold {
	int64_t earliest_ms, deadline_ms;
	bool drops;
};

struct run {
	const struct world *w;
	struct model_world now;
	struct hold hold[MODEL_WAITING];
	struct flight flight[MODEL_SENDS];
	const struct policy *parsed[WORLD_POLICIES];
	int policy; /* in force */
	int64_t last_id;
	int jumps;
	long arrived, sent, ended, refused;
	FILE *trace;
	struct tally *tally;
	char *why;
};

static struct zones *zones;
static const struct zone *zone[PLACES];
static uint32_t label[MODEL_SEGMENTS], label_role, label_size;

int run_init(void)
{
	if (zones_open(&zones) != 0 || place_count() > PLACES)
		return -1;
	for (int i = 0; i < place_count(); i++)
		if (zones_find(zones, str_of(place_name(i)), &zone[i]) != 0) {
			(void)fprintf(
			    stderr, "no zone %s here\n", place_name(i));
			return -1;
		}
	for (int i = 0; i < MODEL_SEGMENTS; i++) {
		char name[] = {'s', (char)('0' + i), '\0'};

		label[i] = policy_label(str_of(name));
	}
	label_role = policy_label(STR("role"));
	label_size = policy_label(STR("size"));
	return 0;
}

void run_fini(void)
{
	zones_close(&zones);
}

static const struct model_policy *rules(const struct run *r)
{
	return &r->w->policy[r->policy].rules;
}

/* --- what is told --- */

static void fail(struct run *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void fail(struct run *r, const char *format, ...)
{
	va_list ap;

	if (r->why[0] != '\0')
		return; /* the first is the cause */
	va_start(ap, format);
	(void)vsnprintf(r->why, RUN_WHY, format, ap);
	va_end(ap);
}

static void count(struct run *r, const char *what)
{
	struct tally *t = r->tally;
	int i = 0;

	while (i < t->n_lines && strcmp(t->line[i].what, what) != 0)
		i++;
	if (i == RUN_KINDS)
		return;
	if (i == t->n_lines) {
		(void)snprintf(
		    t->line[i].what, sizeof(t->line[i].what), "%s", what);
		t->n_lines++;
	}
	t->line[i].n++;
}

static void count_two(struct run *r, const char *a, const char *b)
{
	char what[48];

	(void)snprintf(what, sizeof(what), "%s %s", a, b);
	count(r, what);
}

static const char *instant(int64_t ms, char out[40])
{
	char date[16];
	int64_t in_day = ms % MODEL_DAY;

	(void)snprintf(out, 40, "%s %02d:%02d:%02d.%03dZ",
	    place_date((int)(ms / MODEL_DAY), date), (int)(in_day / MODEL_HOUR),
	    (int)(in_day / 60000 % 60), (int)(in_day / 1000 % 60),
	    (int)(in_day % 1000));
	return ms == 0 ? "-" : out;
}

static void tell(struct run *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void tell(struct run *r, const char *format, ...)
{
	char at[40];
	va_list ap;

	if (r->trace == NULL)
		return;
	(void)fprintf(r->trace, "%s  ", instant(r->now.now_ms, at));
	va_start(ap, format);
	(void)vfprintf(r->trace, format, ap);
	va_end(ap);
	(void)fputc('\n', r->trace);
}

/* --- the product's facts --- */

struct view {
	struct facts f;
	struct slot_fact slots[MODEL_SENDS], company_slots[MODEL_SENDS];
	struct waiting_fact waiting[MODEL_WAITING],
	    company_waiting[MODEL_WAITING];
	struct attribute_value attributes[2];
	struct suppression_fact suppression;
};

static uint64_t person_id(int person)
{
	return (uint64_t)person * 1000 + 17;
}

static bool is_colleague(const struct model_world *w, int a, int b)
{
	return w->person[a].company >= 0 &&
	       w->person[a].company == w->person[b].company;
}

static void view_slots(const struct model_world *w, int person, struct view *v)
{
	static const enum slot_state states[] = {
	    SLOT_PROPOSED, SLOT_DELIVERED, SLOT_RELEASED};

	for (int i = 0; i < w->n_sends; i++) {
		const struct model_send *m = &w->send[i];
		struct slot_fact s = {.message_id = (uint64_t)i + 1,
		    .at_ms = m->at_ms,
		    .label = m->segment >= 0 ? label[m->segment] : LABEL_LETTER,
		    .state = states[m->fate],
		    .counts = m->counts};

		if (s.state == SLOT_PROPOSED && i % 2 == 0)
			s.state = SLOT_QUEUED;
		if (m->person == person)
			v->slots[v->f.n_slots++] = s;
		s.person = person_id(m->person);
		if (is_colleague(w, m->person, person))
			v->company_slots[v->f.n_company_slots++] = s;
	}
}

static void view_waiting(
    const struct model_world *w, const struct model_question *q, struct view *v)
{
	for (int i = 0; i < w->n_waiting; i++) {
		const struct model_waiting *m = &w->waiting[i];
		struct waiting_fact f = {.copy_id = (uint64_t)m->id,
		    .person = person_id(m->person),
		    .label = label[m->segment]};

		if (m->id == q->id || !m->competes)
			continue;
		if (m->person == q->person)
			v->waiting[v->f.n_waiting++] = f;
		if (m->for_company && is_colleague(w, m->person, q->person))
			v->company_waiting[v->f.n_company_waiting++] = f;
	}
}

static void view_person(
    const struct run *r, const struct model_question *q, struct view *v)
{
	static const enum consent_state consents[] = {
	    CONSENT_NONE, CONSENT_GRANTED, CONSENT_WITHDRAWN, CONSENT_OBJECTED};
	const struct model_person *m = &r->now.person[q->person];
	const char *role = r->w->role[q->person];
	struct facts *f = &v->f;

	if (role != NULL)
		v->attributes[f->n_attributes++] =
		    (struct attribute_value){.label = label_role,
			.type = ATTRIBUTE_TEXT,
			.text = str_of(role)};
	if (r->w->size[q->person] > 0)
		v->attributes[f->n_attributes++] =
		    (struct attribute_value){.label = label_size,
			.type = ATTRIBUTE_NUMBER,
			.number = r->w->size[q->person]};
	v->suppression = (struct suppression_fact){
	    .reason = SUPPRESSION_MANUAL, .until_ms = m->suppressed_until_ms};
	f->n_suppressions = m->suppressed;
	f->consent = consents[m->consent];
	f->has_company = m->company >= 0;
	f->person = person_id(q->person);
	f->zone = zone[m->place];
	f->policy_zone = zone[rules(r)->place];
}

static void view_make(
    const struct run *r, const struct model_question *q, struct view *v)
{
	memset(&v->f, 0, sizeof(v->f));
	view_slots(&r->now, q->person, v);
	view_waiting(&r->now, q, v);
	view_person(r, q, v);
	v->f.slots = v->slots;
	v->f.company_slots = v->company_slots;
	v->f.waiting = v->waiting;
	v->f.company_waiting = v->company_waiting;
	v->f.attributes = v->attributes;
	v->f.suppressions = &v->suppression;
	v->f.compliance = q->compliant ? COMPLY_OK : COMPLY_NO_FROM;
	v->f.arrived_ms = q->arrived_ms;
	v->f.copy_id = (uint64_t)q->id;
	v->f.seed = q->seed;
	v->f.segment_stopped = r->now.stopped[q->segment];
}

/* --- one decision, twice --- */

static bool is_rule(
    const struct policy_line *line, const char *section, const char *text)
{
	return line != NULL && str_eq(line->section, str_of(section)) &&
	       str_eq(line->text, str_of(text));
}

static bool is_cause(const struct model_cause *c, const struct verdict *v)
{
	static const enum policy_scope scopes[] = {
	    POLICY_PER_SEGMENT, POLICY_PER_PERSON, POLICY_PER_COMPANY};

	if (strcmp(c->reason, verdict_reason_name(v->reason)) != 0)
		return false;
	if (c->limit != NULL)
		return is_rule(v->rule, c->limit->section, c->limit->text) &&
		       v->scope == scopes[c->limit->scope];
	if (v->reason == REASON_YIELD)
		return str_starts(v->rule->text, STR("yield = "));
	if (v->reason == REASON_CLOSED)
		return str_starts(v->rule->text, STR("send-on = ")) ||
		       str_starts(v->rule->text, STR("holidays = "));
	return true;
}

static bool is_same(const struct model_answer *a, const struct verdict *v)
{
	bool cause = false;

	for (int i = 0; i < a->n_causes; i++)
		cause |= is_cause(&a->cause[i], v);
	return cause &&
	       strcmp(a->action, verdict_action_name(v->action)) == 0 &&
	       a->earliest_ms == v->earliest_ms && a->shadowed == v->shadowed &&
	       (v->action != VERDICT_HOLD || a->deadline_ms == v->deadline_ms);
}

static void tell_difference(struct run *r, const struct model_question *q,
    const struct model_answer *a, const struct verdict *v)
{
	static const struct policy_line none;
	const struct policy_line *line = v->rule != NULL ? v->rule : &none;
	const struct model_limit *l = a->cause[0].limit;
	char t[4][40];

	fail(r,
	    "person %d, segment s%d, message %" PRId64 ":\n"
	    "  product: %s %s earliest %s deadline %s%s\n"
	    "           %.*s: %.*s\n"
	    "  model:   %s %s earliest %s deadline %s%s\n"
	    "           %s: %s",
	    q->person, q->segment, q->id, verdict_action_name(v->action),
	    verdict_reason_name(v->reason), instant(v->earliest_ms, t[0]),
	    instant(v->deadline_ms, t[1]), v->shadowed ? " shadowed" : "",
	    STR_ARG(line->section), STR_ARG(line->text), a->action,
	    a->cause[0].reason, instant(a->earliest_ms, t[2]),
	    instant(a->deadline_ms, t[3]), a->shadowed ? " shadowed" : "",
	    l != NULL ? l->section : "", l != NULL ? l->text : "");
}

static const struct policy_segment *segment_of(const struct run *r, int segment)
{
	char name[] = {'s', (char)('0' + segment), '\0'};

	return policy_segment_find(r->parsed[r->policy], str_of(name));
}

static bool is_anybody_ahead(
    const struct run *r, const struct model_question *q)
{
	for (int i = 0; i < r->now.n_waiting; i++) {
		const struct model_waiting *m = &r->now.waiting[i];

		if (m->competes &&
		    (m->person == q->person ||
			is_colleague(&r->now, m->person, q->person)) &&
		    model_is_ahead(rules(r), q, m))
			return true;
	}
	return false;
}

/* Free of what held it: of rules in shadow too where it was those. */
static bool is_free(const struct verdict *v, bool shadowed)
{
	return shadowed ? v->reason == REASON_ALLOWED
			: v->action == VERDICT_ALLOW;
}

/* With nobody ahead: as if all were delivered now, it is refused a millisecond
 * before the instant that was named, and free to go at it. */
static void try_earliest(struct run *r, const struct model_question *q,
    struct view *v, const struct verdict *now)
{
	const int64_t earliest = now->earliest_ms;
	const bool shadowed = now->shadowed;
	const struct policy_segment *s = segment_of(r, q->segment);
	struct verdict before, at;

	for (size_t i = 0; i < v->f.n_slots + v->f.n_company_slots; i++) {
		struct slot_fact *f = i < v->f.n_slots
					  ? &v->slots[i]
					  : &v->company_slots[i - v->f.n_slots];
		int64_t over = f->at_ms + 6 * MODEL_DAY;

		if (f->state != SLOT_PROPOSED && f->state != SLOT_QUEUED)
			continue;
		f->state = SLOT_DELIVERED;
		f->at_ms = over < r->now.now_ms ? over : r->now.now_ms;
	}
	v->f.arrived_ms = q->arrived_ms != 0 ? q->arrived_ms : r->now.now_ms;
	verdict_decide(r->parsed[r->policy], s, &v->f, earliest - 1, &before);
	verdict_decide(r->parsed[r->policy], s, &v->f, earliest, &at);
	count(r, "earliest instants tried");
	if (is_free(&before, shadowed) || !is_free(&at, shadowed))
		fail(r, "earliest instant: %s before it, %s at it",
		    verdict_reason_name(before.reason),
		    verdict_reason_name(at.reason));
}

/* With somebody ahead and a date in the future, for the clock went back, the
 * instant is an estimate, and with it the end of the wait. */
static bool is_estimate(const struct run *r, const struct model_question *q)
{
	if (!is_anybody_ahead(r, q))
		return false;
	for (int i = 0; i < r->now.n_sends; i++)
		if (r->now.send[i].at_ms > r->now.now_ms)
			return true;
	return false;
}

static void decide(
    struct run *r, const struct model_question *q, struct verdict *v)
{
	static struct view view;
	struct model_answer a;

	model_decide(rules(r), &r->now, q, &a);
	view_make(r, q, &view);
	verdict_decide(r->parsed[r->policy], segment_of(r, q->segment), &view.f,
	    r->now.now_ms, v);
	r->tally->decisions++;
	count_two(
	    r, verdict_action_name(v->action), verdict_reason_name(v->reason));
	if (v->shadowed)
		count(r, "shadowed");
	if (is_estimate(r, q) && a.shadowed == v->shadowed &&
	    (strcmp(a.action, "allow") == 0) == (v->action == VERDICT_ALLOW))
		count(r, "estimates");
	else if (!is_same(&a, v))
		tell_difference(r, q, &a, v);
	else if (v->earliest_ms != 0 && !is_anybody_ahead(r, q))
		try_earliest(r, q, &view, v);
}

/* --- what is let go --- */

/* What is said of that one, waiting, now. */
static void ask_again(const struct run *r, const struct model_waiting *m,
    struct model_answer *out)
{
	struct model_question q = {.person = m->person,
	    .segment = m->segment,
	    .arrived_ms = m->arrived_ms,
	    .id = m->id,
	    .compliant = true};

	model_decide(rules(r), &r->now, &q, out);
}

/* One that is ahead of q and could go, and for which q leaves no less free than
 * it needs itself: NULL, or it. */
static const struct model_waiting *find_passed(
    const struct run *r, const struct model_question *q)
{
	const struct model_segment *s = rules(r)->segment;
	struct model_answer a;

	for (int i = 0; i < r->now.n_waiting; i++) {
		const struct model_waiting *m = &r->now.waiting[i];

		if (m->person != q->person || !m->competes ||
		    !model_is_ahead(rules(r), q, m) ||
		    s[m->segment].keep_free > s[q->segment].keep_free)
			continue;
		ask_again(r, m, &a);
		if (strcmp(a.cause[0].reason, "allowed") == 0)
			return m;
	}
	return NULL;
}

static void add_send(
    struct run *r, const struct model_question *q, bool counts, bool judged)
{
	struct model_world *w = &r->now;

	w->send[w->n_sends] = (struct model_send){.person = q->person,
	    .segment = q->segment,
	    .fate = ON_ITS_WAY,
	    .at_ms = w->now_ms,
	    .counts = counts};
	r->flight[w->n_sends] = (struct flight){.policy = r->policy,
	    .let_go_ms = w->now_ms,
	    .jumps = r->jumps,
	    .judged = judged};
	w->n_sends++;
}

/* The order is kept: nobody ahead has lost by it a place that he could have
 * had. And the hours are kept. */
static void let_go(struct run *r, const struct model_question *q,
    const struct model_waiting *passed)
{
	const struct model_segment *s = &rules(r)->segment[q->segment];
	const struct model_limit *l;
	struct model_answer a;

	add_send(r, q, !q->seed, !q->seed && !s->shadow);
	r->sent++;
	if (!q->seed && !s->shadow && s->closed.then != THEN_SEND &&
	    !model_is_open(s, r->now.person[q->person].place, r->now.now_ms))
		fail(r, "message %" PRId64 " was let go at a closed hour",
		    q->id);
	if (passed == NULL || s->shadow || q->seed)
		return;
	ask_again(r, passed, &a);
	l = a.cause[0].limit;
	if (l != NULL && !a.shadowed)
		fail(r,
		    "message %" PRId64 " (s%d) took the place of %" PRId64
		    " (s%d), which goes before it and now waits: %s",
		    q->id, q->segment, passed->id, passed->segment, l->text);
}

/* --- what waits --- */

static void note_hold(struct run *r, int i, const struct verdict *v)
{
	struct model_waiting *m = &r->now.waiting[i];

	m->competes = verdict_reason_competes(v->reason);
	m->for_company =
	    m->competes && v->scope == POLICY_PER_COMPANY &&
	    (v->reason == REASON_COMPANY_CAP || v->reason == REASON_ORDER);
	r->hold[i] = (struct hold){
	    v->earliest_ms, v->deadline_ms, v->then == POLICY_THEN_DROP};
}

static void add_waiting(
    struct run *r, const struct model_question *q, const struct verdict *v)
{
	int i = r->now.n_waiting++;

	r->now.waiting[i] = (struct model_waiting){.id = ++r->last_id,
	    .person = q->person,
	    .segment = q->segment,
	    .arrived_ms = r->now.now_ms};
	note_hold(r, i, v);
}

/* Older ones stay in front. */
static void take_waiting(struct run *r, int at)
{
	r->now.n_waiting--;
	for (int i = at; i < r->now.n_waiting; i++) {
		r->now.waiting[i] = r->now.waiting[i + 1];
		r->hold[i] = r->hold[i + 1];
	}
}

/* Decides on a waiting one; true if it waits no more. A policy that says
 * "defer" since it came holds it: nobody is there to come again. */
static bool decide_waiting(struct run *r, int i)
{
	const struct model_waiting m = r->now.waiting[i];
	struct model_question q = {.person = m.person,
	    .segment = m.segment,
	    .arrived_ms = m.arrived_ms,
	    .id = m.id,
	    .compliant = true};
	const struct model_waiting *passed = NULL;
	struct model_waiting ahead;
	struct verdict v;

	decide(r, &q, &v);
	tell(r, "  waiting %" PRId64 " (person %d, s%d): %s %s", m.id, m.person,
	    m.segment, verdict_action_name(v.action),
	    verdict_reason_name(v.reason));
	if (v.action == VERDICT_HOLD)
		note_hold(r, i, &v);
	else if (v.action == VERDICT_DEFER)
		r->hold[i].earliest_ms = v.earliest_ms;
	if (v.action == VERDICT_HOLD ||
	    (v.action == VERDICT_DEFER &&
		r->now.now_ms < r->hold[i].deadline_ms))
		return false;
	if (v.action == VERDICT_ALLOW)
		passed = find_passed(r, &q);
	if (passed != NULL)
		ahead = *passed;
	take_waiting(r, i);
	if (v.action == VERDICT_ALLOW)
		let_go(r, &q, passed != NULL ? &ahead : NULL);
	else
		r->ended++;
	count(r, v.action == VERDICT_ALLOW ? "wait ended: sent"
					   : "wait ended: not sent");
	return true;
}

/* Once over all that wait, those that go first in front. */
static bool release_once(struct run *r)
{
	bool moved = false;

	for (int place = 0; place < rules(r)->n_segments; place++)
		for (int i = 0; i < r->now.n_waiting && r->why[0] == '\0';) {
			int s = r->now.waiting[i].segment;

			if (rules(r)->segment[s].place == place &&
			    decide_waiting(r, i))
				moved = true;
			else
				i++;
		}
	return moved;
}

static void release(struct run *r)
{
	for (int i = 0; i < 2 * MODEL_WAITING && release_once(r); i++)
		;
	for (int i = 0; i < r->now.n_waiting; i++)
		if (r->hold[i].deadline_ms <= r->now.now_ms)
			fail(r, "message %" PRId64 " waits beyond its end",
			    r->now.waiting[i].id);
}

/* The next instant at which something waiting is due; limit when none is. */
static int64_t next_due(const struct run *r, int64_t limit)
{
	int64_t next = limit;

	for (int i = 0; i < r->now.n_waiting; i++) {
		const struct hold *h = &r->hold[i];

		if (h->earliest_ms > r->now.now_ms && h->earliest_ms < next)
			next = h->earliest_ms;
		if (h->deadline_ms > r->now.now_ms && h->deadline_ms < next)
			next = h->deadline_ms;
	}
	return next;
}

static void pass(struct run *r, int64_t until)
{
	while (r->now.now_ms < until && r->why[0] == '\0') {
		r->now.now_ms = next_due(r, until);
		if (r->now.n_waiting > 0)
			release(r);
	}
}

/* --- steps --- */

static void arrive(struct run *r, const struct world_step *s, bool really)
{
	struct model_question q = {
	    .person = (int)(s->a % (unsigned)r->w->n_people),
	    .segment = (int)(s->b % (unsigned)rules(r)->n_segments),
	    .seed = s->c % 32 == 0,
	    .compliant = s->c % 41 != 0};
	struct verdict v;

	decide(r, &q, &v);
	tell(r, "%s person %d, s%d%s: %s %s", really ? "comes for" : "ask for",
	    q.person, q.segment, q.seed ? " (seed)" : "",
	    verdict_action_name(v.action), verdict_reason_name(v.reason));
	if (!really || r->why[0] != '\0')
		return;
	r->arrived++;
	if (v.action == VERDICT_ALLOW)
		let_go(r, &q, find_passed(r, &q));
	else if (v.action == VERDICT_HOLD && q.compliant &&
		 r->now.n_waiting < MODEL_WAITING)
		add_waiting(r, &q, &v);
	else
		r->refused++;
}

/* The first thing that is due, a change of clocks, a local midnight; or just
 * before it or after. */
static void go_to_edge(struct run *r, const struct world_step *s)
{
	int place = r->now.person[s->b % (unsigned)r->w->n_people].place;
	static const int64_t near[] = {0, 0, 0, -1, 1, -1000, 60000};
	int64_t now = r->now.now_ms, t = next_due(r, INT64_MAX);

	if (s->a % 4 == 0)
		t = place_next_change(place, now);
	if (s->a % 4 == 1 || t == INT64_MAX)
		t = place_next_period(
		    place, (enum place_unit)(s->c / 8 % 3), now);
	t += near[s->c % (sizeof(near) / sizeof(near[0]))];
	if (t <= now || t > now + 60 * MODEL_DAY)
		t = now + s->ms;
	pass(r, t);
}

/* An MTA tells after some time what it did; it keeps nothing for ever. */
static void hear(struct run *r, const struct world_step *s)
{
	int n = r->now.n_sends, i = n > 0 ? (int)(s->a % (unsigned)n) : 0;
	struct model_send *m = &r->now.send[i];
	int64_t latest = r->flight[i].let_go_ms + MTA_KEEPS_DAYS * MODEL_DAY;
	int64_t now = r->now.now_ms;

	while (i < n && r->now.send[i].fate != ON_ITS_WAY)
		i++;
	if (i == n)
		return;
	m = &r->now.send[i];
	latest = r->flight[i].let_go_ms + MTA_KEEPS_DAYS * MODEL_DAY;
	latest = latest < now ? latest : now;
	if (s->b % 5 == 0) {
		m->fate = RELEASED;
	} else {
		m->fate = DELIVERED;
		r->flight[i].odd = r->flight[i].jumps != r->jumps;
		m->at_ms = r->flight[i].odd ? now : latest;
		if (s->b % 5 == 1 && latest > r->flight[i].let_go_ms)
			m->at_ms -= s->ms % (latest - r->flight[i].let_go_ms);
	}
	tell(r, "heard of send %d (person %d): %s", i, m->person,
	    m->fate == RELEASED ? "released" : "delivered");
	if (r->now.n_waiting > 0)
		release(r);
}

static void change_person(struct run *r, const struct world_step *s)
{
	struct model_person *m =
	    &r->now.person[s->a % (unsigned)r->w->n_people];

	switch (s->b % 4) {
	case 0:
		m->consent = (enum model_consent)(s->c % 4);
		break;
	case 1:
		m->consent = GRANTED;
		break;
	case 2:
		m->suppressed = !m->suppressed;
		m->suppressed_until_ms = 0;
		break;
	default:
		m->suppressed = true;
		m->suppressed_until_ms = r->now.now_ms + s->ms;
	}
	tell(r, "person %u changes",
	    (unsigned)(s->a % (unsigned)r->w->n_people));
}

static void write_letter(struct run *r, const struct world_step *s)
{
	struct model_question q = {
	    .person = (int)(s->a % (unsigned)r->w->n_people), .segment = -1};

	tell(r, "one-to-one mail to person %d", q.person);
	add_send(r, &q, true, false);
}

static void jump(struct run *r, const struct world_step *s)
{
	int64_t by = s->a % 2 == 0 ? s->ms : -s->ms;

	r->jumps++;
	r->now.now_ms += by * (1 + s->b % 3);
	tell(r, "the clock was set by %" PRId64 " ms", by * (1 + s->b % 3));
	if (r->now.n_waiting > 0)
		release(r);
}

static void make_step(struct run *r, const struct world_step *s)
{
	switch (s->op) {
	case OP_ARRIVE:
	case OP_ASK:
		arrive(r, s, s->op == OP_ARRIVE);
		break;
	case OP_PASS:
		pass(r, r->now.now_ms + s->ms);
		break;
	case OP_NAP:
		r->now.now_ms += s->ms;
		break;
	case OP_EDGE:
		go_to_edge(r, s);
		break;
	case OP_JUMP:
		jump(r, s);
		break;
	case OP_OUTCOME:
		hear(r, s);
		break;
	case OP_POLICY:
		r->policy = (int)(s->a % (unsigned)r->w->n_policies);
		tell(r, "policy %d is in force", r->policy);
		release(r);
		break;
	case OP_REMOVE:
		if (r->now.n_waiting == 0)
			break;
		take_waiting(r, (int)(s->a % (unsigned)r->now.n_waiting));
		r->ended++;
		break;
	case OP_STOP:
		r->now.stopped[s->a % MODEL_SEGMENTS] ^= true;
		release(r);
		break;
	case OP_LETTER:
		write_letter(r, s);
		break;
	case OP_PERSON:
		change_person(r, s);
		release(r);
		break;
	case WORLD_OPS:
		break;
	}
}

/* --- what was delivered --- */

static bool is_counted(
    const struct run *r, int i, const struct model_limit *l, int person)
{
	const struct model_send *m = &r->now.send[i];

	if (!m->counts || m->fate != DELIVERED || r->flight[i].odd)
		return false;
	if (l->scope == PER_COMPANY)
		return is_colleague(&r->now, m->person, person);
	return m->person == person &&
	       (l->scope == PER_PERSON || m->segment == l->segment);
}

/* Do the deliveries a and b count together in the window that ends with the
 * delivery `end`? */
static bool is_within(
    const struct run *r, const struct model_limit *l, int place, int end, int i)
{
	int64_t to = r->now.send[end].at_ms, at = r->now.send[i].at_ms;

	if (l->span == ROLLING || l->span == APART)
		return at <= to && at > to - l->ms;
	return model_leaves(l, place, at) == model_leaves(l, place, to);
}

/* No stretch of time that has the delivery x has more than the limit allows,
 * of it and those that were let go before it. */
static void check_window(
    struct run *r, const struct model_limit *l, int place, int x)
{
	int person = r->now.send[x].person;

	for (int end = 0; end <= x; end++) {
		unsigned people = 0;
		int n = 0;

		if (!is_counted(r, end, l, person) ||
		    !is_within(r, l, place, end, x))
			continue;
		for (int i = 0; i <= x; i++) {
			unsigned bit = 1U << r->now.send[i].person;

			if (!is_counted(r, i, l, person) ||
			    !is_within(r, l, place, end, i))
				continue;
			n += !l->people || (people & bit) == 0;
			people |= bit;
		}
		if (n > l->most)
			fail(r,
			    "deliveries: %d within \"%s\" of %s, person %d; "
			    "send %d is the last",
			    n, l->text, l->section, person, x);
	}
}

/* Had this person been written to before? Then at-most-people lets it be. */
static bool is_known(const struct run *r, int x)
{
	for (int i = 0; i < x; i++)
		if (r->now.send[i].person == r->now.send[x].person)
			return true;
	return false;
}

static void check_deliveries(struct run *r, int x)
{
	const struct model_send *m = &r->now.send[x];
	const struct model_policy *p = &r->w->policy[r->flight[x].policy].rules;
	unsigned audiences = r->now.person[m->person].audiences;

	if (!r->flight[x].judged || m->fate != DELIVERED || r->flight[x].odd)
		return;
	for (int i = 0; i < p->n_limits; i++) {
		const struct model_limit *l = &p->limit[i];

		if (l->shadow || (l->people && is_known(r, x)) ||
		    (l->scope == PER_SEGMENT && l->segment != m->segment) ||
		    (l->audience >= 0 && (audiences >> l->audience & 1) == 0))
			continue;
		check_window(r, l,
		    l->scope == PER_COMPANY ? p->place
					    : r->now.person[m->person].place,
		    x);
	}
}

/* --- a world --- */

static void parse_policies(struct run *r)
{
	for (int i = 0; i < r->w->n_policies; i++) {
		struct error err = {0};

		if (policy_parse(&r->parsed[i], "world.policy",
			str_of(r->w->policy[i].text), (uint32_t)i + 1,
			&err) != 0)
			fail(r, "policy %d: %s", i, err.text);
		r->tally->parsed++;
	}
}

static void check_all(struct run *r)
{
	long accounted = r->sent + r->ended + r->refused + r->now.n_waiting;

	if (r->arrived != accounted)
		fail(r, "%ld messages came, and of %ld something became",
		    r->arrived, accounted);
	for (int i = 0; i < r->now.n_sends && r->why[0] == '\0'; i++)
		check_deliveries(r, i);
}

bool run_world(const struct world *w, const bool *keep, FILE *trace,
    struct tally *tally, char why[RUN_WHY])
{
	static struct run r;

	memset(&r, 0, sizeof(r));
	r.w = w;
	r.trace = trace;
	r.tally = tally;
	r.why = why;
	why[0] = '\0';
	r.now.now_ms = w->start_ms;
	r.now.n_people = w->n_people;
	memcpy(r.now.person, w->person, sizeof(r.now.person));
	parse_policies(&r);
	for (int i = 0; i < w->n_steps && why[0] == '\0'; i++) {
		if (keep != NULL && !keep[i])
			continue;
		if (trace != NULL)
			(void)fprintf(
			    trace, "%3d %s\n", i, world_op_name(w->step[i].op));
		count_two(&r, "step", world_op_name(w->step[i].op));
		make_step(&r, &w->step[i]);
		tally->steps++;
	}
	if (why[0] == '\0')
		check_all(&r);
	for (int i = 0; i < w->n_policies; i++)
		if (r.parsed[i] != NULL)
			policy_unref(&r.parsed[i]);
	return why[0] == '\0';
}
