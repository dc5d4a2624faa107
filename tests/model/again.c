/* again.c - a simulation (policy/rules/replay.h) of all that came in a world,
 * under the policy that was in force, tells the same story of each message; see
 * run_internal.h. Only for plain worlds: what a simulation does not know of (a
 * clock that is set, an operator) does not happen in them. */
#include "tests/model/run_internal.h"

#include "policy/base/zone.h"
#include "policy/rules/replay.h"

#include <inttypes.h>
#include <stdlib.h>

struct group {
	struct replay_person people[MODEL_PEOPLE];
	struct replay_change consent[MODEL_PEOPLE];
	struct attribute_value values[MODEL_PEOPLE][2];
	uint32_t index[MODEL_PEOPLE];
	struct replay_message messages[WORLD_STEPS];
	struct replay_result results[WORLD_STEPS];
	int fate[WORLD_STEPS]; /* whose message it is */
	struct replay_group g;
};

static void add_person(const struct run *r, int person, struct group *out)
{
	static const enum consent_state consents[] = {
	    CONSENT_NONE, CONSENT_GRANTED, CONSENT_WITHDRAWN, CONSENT_OBJECTED};
	size_t n = out->g.n_people++;
	struct replay_person *p = &out->people[n];

	out->index[person] = (uint32_t)n;
	out->consent[n] = (struct replay_change){.at_ms = INT64_MIN,
	    .label = policy_label(STR("news")),
	    .consent = consents[r->now.person[person].consent]};
	*p = (struct replay_person){.changes = &out->consent[n],
	    .n_changes = r->now.person[person].consent != NO_WORD,
	    .attributes = out->values[n],
	    .n_attributes = ask_attributes(r, person, out->values[n]),
	    .zone = ask_zone(r->now.person[person].place)};
}

static void add_message(const struct run *r, int i, struct group *out)
{
	const struct fate *f = &r->fate[i];
	struct replay_message *m = &out->messages[out->g.n_messages];

	out->fate[out->g.n_messages++] = i;
	*m = (struct replay_message){.arrived_ms = f->arrived_ms,
	    .person = out->index[f->q.person],
	    .label = ask_label(f->q.segment),
	    .counts = !f->q.seed,
	    .outcome = SLOT_QUEUED,
	    .compliance = COMPLY_OK,
	    .stops = r->stop[f->q.segment],
	    .n_stops = (size_t)r->n_stops[f->q.segment]};
	if (f->send < 0 || r->now.send[f->send].fate == ON_ITS_WAY)
		return;
	m->outcome = r->now.send[f->send].fate == RELEASED ? SLOT_RELEASED
							   : SLOT_DELIVERED;
	m->outcome_after_ms = r->flight[f->send].heard_ms - f->done_ms;
}

static enum replay_fate wanted(const struct fate *f)
{
	if (f->send >= 0)
		return f->held ? REPLAY_HELD : REPLAY_SENT;
	if (f->refused)
		return REPLAY_REFUSED;
	if (f->deferred)
		return REPLAY_DEFERRED;
	return f->dropped ? REPLAY_DROPPED : REPLAY_BOUNCED;
}

static void compare(struct run *r, const struct group *g)
{
	for (size_t i = 0; i < g->g.n_messages; i++) {
		const struct fate *f = &r->fate[g->fate[i]];
		const struct replay_result *is = &g->results[i];
		char t[3][40];

		run_count_two(r, "simulated",
		    is->reason == REASON_STOPPED && is->fate == REPLAY_HELD
			? "held by a stop"
			: replay_fate_name(is->fate));
		if (is->fate != wanted(f) || is->done_ms != f->done_ms)
			run_fail(r,
			    "simulation: person %d, s%d, came %s: %s %s, and "
			    "it was %s %s",
			    f->q.person, f->q.segment,
			    run_instant(f->arrived_ms, t[0]),
			    replay_fate_name(is->fate),
			    run_instant(is->done_ms, t[1]),
			    replay_fate_name(wanted(f)),
			    run_instant(f->done_ms, t[2]));
	}
}

/* All of a company, or one person without. */
static void play(struct run *r, struct replay *replay, int first)
{
	static struct group g;
	int company = r->now.person[first].company;

	g.g = (struct replay_group){.people = g.people,
	    .messages = g.messages,
	    .company = company >= 0};
	for (int i = first; i < r->now.n_people; i++)
		if (i == first ||
		    (company >= 0 && r->now.person[i].company == company))
			add_person(r, i, &g);
	for (int i = 0; i < r->n_fates; i++) {
		int person = r->fate[i].q.person;

		if (person == first ||
		    (company >= 0 && r->now.person[person].company == company))
			add_message(r, i, &g);
	}
	if (replay_run(replay, &g.g, g.results) != 0)
		abort();
	compare(r, &g);
}

static bool is_first(const struct run *r, int person)
{
	for (int i = 0; i < person; i++)
		if (run_is_colleague(&r->now, i, person))
			return false;
	return true;
}

/* Did something wait in vain? When it is found that it cannot go in time is a
 * matter of when it is looked at, and others may go for it. */
static bool is_in_vain(const struct run *r)
{
	for (int i = 0; i < r->n_fates; i++)
		if (r->fate[i].held && r->fate[i].send < 0)
			return true;
	return false;
}

/* Behind a send without a date the instant moves on as time does: what waits
 * goes when it was told, and that depends on when it was looked at. */
static bool is_held(const struct run *r)
{
	for (int i = 0; i < r->n_fates; i++)
		if (r->fate[i].held)
			return true;
	return false;
}

/* What waits already is held to the end that it had where a rule says "defer":
 * by what it was told when it was looked at last. */
static bool defers(const struct model_policy *p)
{
	for (int i = 0; i < p->n_segments; i++)
		if (p->segment[i].full.action == DEFER ||
		    p->segment[i].closed.action == DEFER)
			return true;
	return false;
}

/* How long a message makes way is told when it is looked at, and what is told
 * is kept (verdict.h). */
static bool yields(const struct model_policy *p)
{
	for (int i = 0; i < p->n_segments; i++)
		if (p->segment[i].yield_ms > 0)
			return true;
	return false;
}

void again_check(struct run *r)
{
	struct replay *replay = NULL;

	/* Nor with a company, whose limits keep the order only among those who
	 * are known to wait for them. */
	if (is_in_vain(r) ||
	    (is_held(r) &&
		(!r->prompt || defers(run_rules(r)) || yields(run_rules(r)))) ||
	    r->parsed[r->policy]->needs_company)
		return;
	if (replay_new(&replay, r->parsed[r->policy],
		ask_zone(run_rules(r)->place)) != 0)
		abort();
	for (int i = 0; i < r->now.n_people; i++)
		if (is_first(r, i))
			play(r, replay, i);
	replay_free(&replay);
}
