/* run.c - see run.h. Instants and states are the run's own. */
#include "tests/model/books.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
	MISTAKES_MAX = 5 /* days on which the clock is months ahead */
};

const struct model_policy *run_rules(const struct run *r)
{
	return &r->w->policy[r->policy].rules;
}

bool run_is_colleague(const struct model_world *w, int a, int b)
{
	return w->person[a].company >= 0 &&
	       w->person[a].company == w->person[b].company;
}

/* --- what is told --- */

void run_fail(struct run *r, const char *format, ...)
{
	va_list ap;

	if (r->why[0] != '\0')
		return; /* the first is the cause */
	va_start(ap, format);
	(void)vsnprintf(r->why, RUN_WHY, format, ap);
	va_end(ap);
}

void run_count(struct run *r, const char *what)
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

void run_count_two(struct run *r, const char *a, const char *b)
{
	char what[48];

	(void)snprintf(what, sizeof(what), "%s %s", a, b);
	run_count(r, what);
}

const char *run_instant(int64_t ms, char out[40])
{
	char date[16];
	int64_t in_day = ms % MODEL_DAY;

	(void)snprintf(out, 40, "%s %02d:%02d:%02d.%03dZ",
	    place_date((int)(ms / MODEL_DAY), date), (int)(in_day / MODEL_HOUR),
	    (int)(in_day / 60000 % 60), (int)(in_day / 1000 % 60),
	    (int)(in_day % 1000));
	return ms == 0 ? "-" : out;
}

void run_tell(struct run *r, const char *format, ...)
{
	char at[40];
	va_list ap;

	if (r->trace == NULL)
		return;
	(void)fprintf(r->trace, "%s  ", run_instant(r->now.now_ms, at));
	va_start(ap, format);
	(void)vfprintf(r->trace, format, ap);
	va_end(ap);
	(void)fputc('\n', r->trace);
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

	model_decide(run_rules(r), &r->now, &q, out);
}

/* One that is ahead of q and could go, and for which q leaves no less free than
 * it needs itself: NULL, or it. */
static const struct model_waiting *find_passed(
    const struct run *r, const struct model_question *q)
{
	const struct model_segment *s = run_rules(r)->segment;
	struct model_answer a;

	for (int i = 0; i < r->now.n_waiting; i++) {
		const struct model_waiting *m = &r->now.waiting[i];

		if (m->person != q->person || !m->competes ||
		    !model_is_ahead(run_rules(r), q, m) ||
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
static void hear_at_once(struct run *r, int i)
{
	r->now.send[i].fate = i % 5 == 4 ? RELEASED : DELIVERED;
	r->flight[i].heard_ms = r->now.now_ms;
	books_hear(r, i);
}

static void let_go(struct run *r, const struct model_question *q,
    const struct model_waiting *passed)
{
	const struct model_segment *s = &run_rules(r)->segment[q->segment];
	const struct model_limit *l;
	struct model_answer a;

	add_send(r, q, !q->seed, !q->seed && !s->shadow);
	books_send(r, q, r->now.n_sends - 1);
	if (r->prompt)
		hear_at_once(r, r->now.n_sends - 1);
	r->sent++;
	if (!q->seed && !s->shadow && s->closed.then != THEN_SEND &&
	    !model_is_open(s, r->now.person[q->person].place, r->now.now_ms))
		run_fail(r, "message %" PRId64 " was let go at a closed hour",
		    q->id);
	if (passed == NULL || s->shadow || q->seed)
		return;
	ask_again(r, passed, &a);
	l = a.cause[0].limit;
	if (l != NULL && !a.shadowed)
		run_fail(r,
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
	r->hold[i] = (struct hold){v->earliest_ms, v->deadline_ms,
	    v->then == POLICY_THEN_DROP, r->policies};
}

static void add_waiting(
    struct run *r, const struct model_question *q, const struct verdict *v)
{
	int i = r->now.n_waiting++;

	r->now.waiting[i] = (struct model_waiting){.id = ++r->last_id,
	    .person = q->person,
	    .segment = q->segment,
	    .seed = q->seed,
	    .arrived_ms = r->now.now_ms};
	note_hold(r, i, v);
	books_hold(r, q, r->last_id);
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

/* It waits no more: sent as the newest send, or not, and then dropped or not. */
static void note_end(struct run *r, int64_t id, bool sent, bool dropped)
{
	for (int i = 0; i < r->n_fates; i++) {
		struct fate *f = &r->fate[i];

		if (f->id != id)
			continue;
		f->done_ms = r->now.now_ms;
		f->send = sent ? r->now.n_sends - 1 : -1;
		f->dropped = dropped;
	}
}

/* True if it goes on to wait. A policy that says "defer" since it came holds
 * it to the same end: nobody is there to come again. */
static bool waits_on(struct run *r, int i, struct verdict *v)
{
	struct hold was = r->hold[i];

	if (v->action != VERDICT_HOLD && v->action != VERDICT_DEFER)
		return false;
	note_hold(r, i, v);
	if (v->action == VERDICT_DEFER) {
		r->hold[i].deadline_ms = was.deadline_ms;
		r->hold[i].drops = was.drops;
		if (r->now.now_ms >= was.deadline_ms) {
			v->action = was.drops ? VERDICT_DROP : VERDICT_REJECT;
			return false;
		}
	}
	books_wait(r, r->now.waiting[i].id, v);
	return true;
}

/* Until when it was to be held by the policy in force. */
static int64_t held_until(const struct run *r, int i)
{
	return r->hold[i].policies == r->policies ? r->hold[i].deadline_ms : 0;
}

/* Decides on a waiting one; true if it waits no more. */
static bool decide_waiting(struct run *r, int i)
{
	const struct model_waiting m = r->now.waiting[i];
	struct model_question q = {.person = m.person,
	    .segment = m.segment,
	    .arrived_ms = m.arrived_ms,
	    .id = m.id,
	    .seed = m.seed,
	    .compliant = true,
	    .held_until_ms = held_until(r, i)};
	const struct model_waiting *passed = NULL;
	struct model_waiting ahead;
	struct verdict v;
	bool goes;

	ask_decide(r, &q, &v);
	run_tell(r, "  waiting %" PRId64 " (person %d, s%d): %s %s", m.id,
	    m.person, m.segment, verdict_action_name(v.action),
	    verdict_reason_name(v.reason));
	if (waits_on(r, i, &v))
		return false;
	goes = v.action == VERDICT_ALLOW;
	if (goes)
		passed = find_passed(r, &q);
	if (passed != NULL)
		ahead = *passed;
	take_waiting(r, i);
	if (goes)
		let_go(r, &q, passed != NULL ? &ahead : NULL);
	else
		r->ended++;
	books_end(r, m.id, goes);
	note_end(r, m.id, goes, v.action == VERDICT_DROP);
	run_count(r, goes ? "wait ended: sent" : "wait ended: not sent");
	return true;
}

/* Once over all that wait, those that go first in front. */
static bool release_once(struct run *r)
{
	bool moved = false;

	for (int place = 0; place < run_rules(r)->n_segments; place++)
		for (int i = 0; i < r->now.n_waiting && r->why[0] == '\0';) {
			int s = r->now.waiting[i].segment;

			if (run_rules(r)->segment[s].place == place &&
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
			run_fail(r, "message %" PRId64 " waits beyond its end",
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

static void note_arrival(
    struct run *r, const struct model_question *q, const struct verdict *v)
{
	struct fate *f = &r->fate[r->n_fates++];

	*f = (struct fate){.q = *q,
	    .arrived_ms = r->now.now_ms,
	    .done_ms = r->now.now_ms,
	    .send = -1,
	    .id = v->action == VERDICT_HOLD ? r->last_id : 0,
	    .held = v->action == VERDICT_HOLD,
	    .deferred = v->action == VERDICT_DEFER,
	    .dropped = v->action == VERDICT_DROP,
	    .refused = v->reason == REASON_NO_CONSENT};
	if (v->action == VERDICT_ALLOW)
		f->send = r->now.n_sends - 1;
	if (v->action == VERDICT_HOLD && r->now.n_waiting == MODEL_WAITING)
		r->plain = false; /* the next one finds no room */
}

static void arrive(struct run *r, const struct world_step *s, bool really)
{
	struct model_question q = {
	    .person = (int)(s->a % (unsigned)r->w->n_people),
	    .segment = (int)(s->b % (unsigned)run_rules(r)->n_segments),
	    .seed = s->c % 32 == 0,
	    .compliant = r->plain || s->c % 41 != 0};
	struct verdict v;

	ask_decide(r, &q, &v);
	run_tell(r, "%s person %d, s%d%s: %s %s",
	    really ? "comes for" : "ask for", q.person, q.segment,
	    q.seed ? " (seed)" : "", verdict_action_name(v.action),
	    verdict_reason_name(v.reason));
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
	note_arrival(r, &q, &v);
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
	r->flight[i].heard_ms = now;
	if (r->plain &&
	    now > r->flight[i].let_go_ms + MTA_KEEPS_DAYS * MODEL_DAY)
		return; /* too late for a date of now */
	latest = r->flight[i].let_go_ms + MTA_KEEPS_DAYS * MODEL_DAY;
	latest = latest < now ? latest : now;
	if (s->b % 5 == 0) {
		m->fate = RELEASED;
	} else {
		m->fate = DELIVERED;
		r->flight[i].odd = r->flight[i].jumps != r->jumps;
		if (r->flight[i].odd && now < latest + 30 * MODEL_DAY)
			latest = now;
		m->at_ms = latest;
		if (!r->plain && s->b % 5 == 1 &&
		    latest > r->flight[i].let_go_ms)
			m->at_ms -= s->ms % (latest - r->flight[i].let_go_ms);
	}
	books_hear(r, i);
	run_tell(r, "heard of send %d (person %d): %s", i, m->person,
	    m->fate == RELEASED ? "released" : "delivered");
	if (r->now.n_waiting > 0)
		release(r);
}

/* What somebody was sent goes along. Of somebody who waits, the copy's row
 * learns it with the next decision only. */
static void change_company(struct run *r, int person, int company)
{
	for (int i = 0; i < r->now.n_waiting; i++)
		if (r->now.waiting[i].person == person)
			return;
	r->now.person[person].company = company;
	r->moves++;
	books_company(r, person);
	run_count(r, "somebody is of another company");
	run_tell(r, "person %d is of company %d now", person, company);
}

static void change_person(struct run *r, const struct world_step *s)
{
	struct model_person *m =
	    &r->now.person[s->a % (unsigned)r->w->n_people];

	switch (s->b % 5) {
	case 4:
		change_company(
		    r, (int)(s->a % (unsigned)r->w->n_people), (int)(s->c % 3));
		return;
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
	if (r->books != NULL && m->consent == NO_WORD)
		m->consent = GRANTED; /* a word is not taken back */
	books_person(r, (int)(s->a % (unsigned)r->w->n_people));
	run_tell(r, "person %u changes",
	    (unsigned)(s->a % (unsigned)r->w->n_people));
}

static bool is_suppressed(const struct run *r, int person)
{
	const struct model_person *m = &r->now.person[person];

	return m->suppressed && (m->suppressed_until_ms == 0 ||
				    r->now.now_ms < m->suppressed_until_ms);
}

static void write_letter(struct run *r, const struct world_step *s)
{
	struct model_question q = {
	    .person = (int)(s->a % (unsigned)r->w->n_people), .segment = -1};

	if (r->books != NULL && is_suppressed(r, q.person))
		return; /* refused, which the run does not model */
	run_tell(r, "one-to-one mail to person %d", q.person);
	add_send(r, &q, true, false);
	books_letter(r, q.person, r->now.n_sends - 1);
}

/* Somebody is written to then, in vain; the next messages come at that instant;
 * see come_back(). */
static void go_ahead(struct run *r, const struct world_step *s)
{
	int n = r->now.n_sends;

	r->mistakes++;
	r->jumps++;
	r->ahead_ms = (70 + s->c % 400) * MODEL_DAY;
	r->now.now_ms += r->ahead_ms;
	run_count(r, "the clock was set far ahead");
	run_tell(
	    r, "the clock is %" PRId64 " days ahead", r->ahead_ms / MODEL_DAY);
	write_letter(r, s);
	if (r->now.n_sends > n) {
		r->now.send[n].fate = RELEASED;
		books_hear(r, n);
	}
	if (r->now.n_waiting > 0)
		release(r);
}

/* All that counted before counts again. */
static void come_back(struct run *r)
{
	if (r->ahead_ms == 0)
		return;
	r->jumps++;
	r->now.now_ms -= r->ahead_ms;
	r->ahead_ms = 0;
	run_tell(r, "the clock is right again");
	if (r->now.n_waiting > 0)
		release(r);
}

static void jump(struct run *r, const struct world_step *s)
{
	int64_t by = s->a % 2 == 0 ? s->ms : -s->ms;

	r->jumps++;
	r->now.now_ms += by * (1 + s->b % 3);
	run_tell(r, "the clock was set by %" PRId64 " ms", by * (1 + s->b % 3));
	if (r->now.n_waiting > 0)
		release(r);
}

static void remove_waiting(struct run *r, int at)
{
	int64_t id = r->now.waiting[at].id;

	take_waiting(r, at);
	r->ended++;
	books_end(r, id, false);
}

static void change_policy(struct run *r, int policy)
{
	r->policies += policy != r->policy;
	r->policy = policy;
	books_policy(r);
	run_tell(r, "policy %d is in force", r->policy);
	release(r);
}

/* In a plain world nothing else happens, and no two things at once. */
static bool is_plain(enum world_op op)
{
	return op == OP_ARRIVE || op == OP_PASS || op == OP_EDGE ||
	       op == OP_OUTCOME || op == OP_ASK || op == OP_STOP;
}

/* A simulation knows from when to when. */
static void note_stop(struct run *r, int segment)
{
	struct replay_stop *v = r->stop[segment];
	int *n = &r->n_stops[segment];

	if (r->now.stopped[segment])
		v[(*n)++] = (struct replay_stop){r->now.now_ms, INT64_MAX};
	else
		v[*n - 1].until_ms = r->now.now_ms;
}

/* In a plain world not while something of it waits: when that is found to be
 * stopped is a matter of when it is looked at. */
static bool may_stop(const struct run *r, int segment)
{
	if (!r->plain || r->now.stopped[segment])
		return true;
	for (int i = 0; i < r->now.n_waiting; i++)
		if (r->now.waiting[i].segment == segment)
			return false;
	return r->n_stops[segment] < RUN_STOPS;
}

static void stop(struct run *r, int segment)
{
	if (!may_stop(r, segment))
		return;
	r->now.stopped[segment] ^= true;
	if (r->plain)
		note_stop(r, segment);
	books_stop(r, segment);
	run_tell(r, "s%d %s", segment,
	    r->now.stopped[segment] ? "is stopped" : "goes on");
	release(r);
}

/* To an instant at which nothing happened yet. */
static void pass_on(struct run *r)
{
	long before;

	do {
		before = r->sent + r->ended;
		pass(r, r->now.now_ms + 1);
	} while (r->sent + r->ended != before && r->why[0] == '\0');
}

/* A plain world goes on to the end of all that waits, and of all stops. */
static void finish(struct run *r)
{
	for (int i = 0; i < MODEL_SEGMENTS; i++) {
		if (!r->now.stopped[i])
			continue;
		pass_on(r);
		stop(r, i);
	}
	pass(r, r->now.now_ms + 120 * MODEL_DAY);
}

/* Nothing in it lets a message go but what wakes it in the ledger too: time,
 * an outcome, the end of another one. */
bool run_step_wakes(const struct run *r)
{
	return (is_plain(r->op) && r->op != OP_STOP) || r->op == OP_REMOVE;
}

static void make_step(struct run *r, const struct world_step *s)
{
	if (r->plain && !is_plain(s->op))
		return;
	r->op = s->op;
	if (r->plain)
		pass_on(r);
	if (s->op != OP_ARRIVE && s->op != OP_LETTER && s->op != OP_ASK)
		come_back(r);
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
		if (r->w->far && r->mistakes < MISTAKES_MAX)
			go_ahead(r, s);
		else
			jump(r, s);
		break;
	case OP_OUTCOME:
		hear(r, s);
		break;
	case OP_POLICY:
		change_policy(r, (int)(s->a % (unsigned)r->w->n_policies));
		break;
	case OP_REMOVE:
		if (r->now.n_waiting == 0)
			break;
		remove_waiting(r, (int)(s->a % (unsigned)r->now.n_waiting));
		break;
	case OP_STOP:
		stop(r, (int)(s->a % MODEL_SEGMENTS));
		break;
	case OP_LETTER:
		write_letter(r, s);
		break;
	case OP_PERSON:
		/* An older word does not take the place of a newer one. */
		if (r->books == NULL || r->jumps == 0)
			change_person(r, s);
		release(r);
		break;
	case WORLD_OPS:
		break;
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
			run_fail(r, "policy %d: %s", i, err.text);
		r->tally->parsed++;
	}
}

static void check_all(struct run *r)
{
	long accounted = r->sent + r->ended + r->refused + r->now.n_waiting;

	if (r->arrived != accounted)
		run_fail(r, "%ld messages came, and of %ld something became",
		    r->arrived, accounted);
	for (int i = 0; i < r->now.n_sends && r->why[0] == '\0'; i++)
		judge_deliveries(r, i);
	if (r->plain && r->why[0] == '\0')
		again_check(r);
}

bool run_world(const struct world *w, const bool *keep, struct books *books,
    FILE *trace, struct tally *tally, char why[RUN_WHY])
{
	static struct run r;

	memset(&r, 0, sizeof(r));
	r.w = w;
	r.books = books;
	r.plain = w->seed % 4 == 0;
	r.prompt = w->seed % 8 == 0;
	r.trace = trace;
	r.tally = tally;
	r.why = why;
	why[0] = '\0';
	r.now.now_ms = w->start_ms;
	r.now.n_people = w->n_people;
	memcpy(r.now.person, w->person, sizeof(r.now.person));
	parse_policies(&r);
	books_begin(&r);
	for (int i = 0; i < w->n_steps && why[0] == '\0'; i++) {
		if (keep != NULL && !keep[i])
			continue;
		if (trace != NULL)
			(void)fprintf(
			    trace, "%3d %s\n", i, world_op_name(w->step[i].op));
		run_count_two(&r, "step", world_op_name(w->step[i].op));
		make_step(&r, &w->step[i]);
		tally->steps++;
	}
	if (r.plain)
		finish(&r);
	if (why[0] == '\0')
		check_all(&r);
	for (int i = 0; i < w->n_policies; i++)
		if (r.parsed[i] != NULL)
			policy_unref(&r.parsed[i]);
	return why[0] == '\0';
}
