/* ask.c - one decision, by the product and by the model. The product is asked
 * through struct facts, filled here; the model through struct model_world,
 * which is the record of the world itself. See run_internal.h. */
#include "tests/model/books.h"

#include "policy/base/zone.h"

#include <inttypes.h>
#include <string.h>

enum {
	PLACES = 16
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
		if (run_is_colleague(w, m->person, person))
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
		    .label = label[m->segment],
		    .arrived_ms = m->arrived_ms};

		if (m->id == q->id || !m->competes)
			continue;
		if (m->person == q->person)
			v->waiting[v->f.n_waiting++] = f;
		if (m->for_company && run_is_colleague(w, m->person, q->person))
			v->company_waiting[v->f.n_company_waiting++] = f;
	}
}

size_t ask_attributes(
    const struct run *r, int person, struct attribute_value out[2])
{
	const char *role = r->w->role[person];
	size_t n = 0;

	if (role != NULL)
		out[n++] = (struct attribute_value){.label = label_role,
		    .type = ATTRIBUTE_TEXT,
		    .text = str_of(role)};
	if (r->w->size[person] > 0)
		out[n++] = (struct attribute_value){.label = label_size,
		    .type = ATTRIBUTE_NUMBER,
		    .number = r->w->size[person]};
	return n;
}

const struct zone *ask_zone(int place)
{
	return zone[place];
}

uint32_t ask_label(int segment)
{
	return label[segment];
}

static void view_person(
    const struct run *r, const struct model_question *q, struct view *v)
{
	static const enum consent_state consents[] = {
	    CONSENT_NONE, CONSENT_GRANTED, CONSENT_WITHDRAWN, CONSENT_OBJECTED};
	const struct model_person *m = &r->now.person[q->person];
	struct facts *f = &v->f;

	f->n_attributes = ask_attributes(r, q->person, v->attributes);
	v->suppression = (struct suppression_fact){
	    .reason = SUPPRESSION_MANUAL, .until_ms = m->suppressed_until_ms};
	f->n_suppressions = m->suppressed;
	f->consent = consents[m->consent];
	f->has_company = m->company >= 0;
	f->person = person_id(q->person);
	f->zone = zone[m->place];
	f->policy_zone = zone[run_rules(r)->place];
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
	v->f.held_until_ms = q->held_until_ms;
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

	run_fail(r,
	    "person %d, segment s%d, message %" PRId64 ":\n"
	    "  product: %s %s earliest %s deadline %s%s\n"
	    "           %.*s: %.*s\n"
	    "  model:   %s %s earliest %s deadline %s%s\n"
	    "           %s: %s",
	    q->person, q->segment, q->id, verdict_action_name(v->action),
	    verdict_reason_name(v->reason), run_instant(v->earliest_ms, t[0]),
	    run_instant(v->deadline_ms, t[1]), v->shadowed ? " shadowed" : "",
	    STR_ARG(line->section), STR_ARG(line->text), a->action,
	    a->cause[0].reason, run_instant(a->earliest_ms, t[2]),
	    run_instant(a->deadline_ms, t[3]), a->shadowed ? " shadowed" : "",
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
			run_is_colleague(&r->now, m->person, q->person)) &&
		    model_is_ahead(run_rules(r), q, m))
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
	run_count(r, "earliest instants tried");
	if (is_free(&before, shadowed) || !is_free(&at, shadowed))
		run_fail(r, "earliest instant: %s before it, %s at it",
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

void ask_decide(
    struct run *r, const struct model_question *q, struct verdict *v)
{
	static struct view view;
	struct model_answer a;

	model_decide(run_rules(r), &r->now, q, &a);
	view_make(r, q, &view);
	verdict_decide(r->parsed[r->policy], segment_of(r, q->segment), &view.f,
	    r->now.now_ms, v);
	r->tally->decisions++;
	books_ask(r, q, v);
	run_count_two(
	    r, verdict_action_name(v->action), verdict_reason_name(v->reason));
	if (v->shadowed)
		run_count(r, "shadowed");
	if (is_estimate(r, q) && a.shadowed == v->shadowed &&
	    (strcmp(a.action, "allow") == 0) == (v->action == VERDICT_ALLOW))
		run_count(r, "estimates");
	else if (!is_same(&a, v))
		tell_difference(r, q, &a, v);
	else if (v->earliest_ms != 0 && !is_anybody_ahead(r, q))
		try_earliest(r, q, &view, v);
}
