/* world.c - see world.h. */
#include "tests/model/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- chance --- */

static uint64_t state;

/* splitmix64 */
static uint64_t draw(void)
{
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static int below(int n)
{
	return (int)(draw() % (unsigned)n);
}

static bool one_in(int n)
{
	return below(n) == 0;
}

static int64_t up_to(int64_t ms)
{
	return (int64_t)(draw() % (uint64_t)(ms + 1));
}

#define PICK(array) (&(array)[below((int)(sizeof(array) / sizeof(*(array))))])

/* --- limits --- */

static const struct {
	const char *text;
	enum model_span span;
	int64_t ms;
} spans[] = {
    {"90m", ROLLING, 90 * MODEL_HOUR / 60},
    {"20h", ROLLING, 20 * MODEL_HOUR},
    {"1d", ROLLING, MODEL_DAY},
    {"36h", ROLLING, 36 * MODEL_HOUR},
    {"5d", ROLLING, 5 * MODEL_DAY},
    {"7d", ROLLING, 7 * MODEL_DAY},
    {"30d", ROLLING, 30 * MODEL_DAY},
    {"day", BY_DAY, 0},
    {"day", BY_DAY, 0},
    {"week", BY_WEEK, 0},
    {"week", BY_WEEK, 0},
    {"month", BY_MONTH, 0},
};

static const struct {
	const char *text;
	int64_t ms;
} aparts[] = {
    {"1h", MODEL_HOUR},
    {"20h", 20 * MODEL_HOUR},
    {"3d", 3 * MODEL_DAY},
};

/* What is made: the rules and, line by line, their text. */
struct maker {
	struct model_policy *p;
	char *text;
	uint64_t without;
	int n_limits; /* with those left out */
};

static void say(struct maker *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct maker *m, const char *format, ...)
{
	size_t n = strlen(m->text);
	va_list ap;
	int more;

	va_start(ap, format);
	more = vsnprintf(m->text + n, WORLD_POLICY_BYTES - n, format, ap);
	va_end(ap);
	if (more < 0 || (size_t)more >= WORLD_POLICY_BYTES - n)
		abort();
}

/* False if it is to be left out. */
static bool add_limit(struct maker *m, const struct model_limit *l)
{
	int number = m->n_limits++;

	if (number >= MODEL_LIMITS || (m->without >> number & 1) != 0)
		return false;
	m->p->limit[m->p->n_limits++] = *l;
	return true;
}

/* Up to max values of at-most or at-most-people, each of at least `least`. */
static void add_windows(
    struct maker *m, const struct model_limit *like, int max, int least)
{
	static const int mosts[] = {0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5};
	const char *option = like->people ? "at-most-people" : "at-most";
	const char *last = "", *open = "{";

	for (int n = below(max + 1); n > 0; n--) {
		struct model_limit l = *like;
		size_t k = (size_t)(PICK(spans) - spans);

		if (strcmp(spans[k].text, last) == 0)
			continue; /* two for the same time are refused */
		last = spans[k].text;
		l.keeps_free = strcmp(l.section, "person") == 0;
		l.span = spans[k].span;
		l.ms = spans[k].ms;
		l.most = *PICK(mosts);
		l.most = l.most < least ? least : l.most;
		(void)snprintf(l.text, sizeof(l.text), "%s = \"%d per %s\"",
		    option, l.most, last);
		if (!add_limit(m, &l))
			continue;
		if (*open == '{')
			say(m, "  %s = ", option);
		say(m, "%s\"%d per %s\"", open, l.most, last);
		open = ", ";
	}
	if (*open != '{')
		say(m, "}\n");
}

static void add_apart(struct maker *m, const struct model_limit *like)
{
	struct model_limit l = *like;
	size_t k = (size_t)(PICK(aparts) - aparts);

	l.span = APART;
	l.ms = aparts[k].ms;
	l.most = 1;
	(void)snprintf(
	    l.text, sizeof(l.text), "apart = \"%s\"", aparts[k].text);
	if (add_limit(m, &l))
		say(m, "  %s\n", l.text);
}

/* The limits of one section. */
static void add_limits(
    struct maker *m, const struct model_limit *like, int least)
{
	struct model_limit l = *like;

	add_windows(m, &l, 2, least);
	if (l.scope == PER_COMPANY) {
		l.people = true;
		add_windows(m, &l, 1, least);
		l.people = false;
	}
	if (one_in(3))
		add_apart(m, &l);
}

static const char *const audiences[] = {
    "role = cto",
    "role in {cto, it} and size >= 200",
    "not role = cto",
    "size < 50 or role is missing",
};

/* limit lN { }: one that would limit nothing is taken back. */
static void add_named_limit(struct maker *m, int number)
{
	static const char *const pers[] = {"segment", "person", "company"};
	struct model_limit l = {.scope = (enum model_scope)below(3),
	    .segment = below(m->p->n_segments),
	    .audience = below(5) - 1,
	    .shadow = one_in(8)};
	size_t start = strlen(m->text);
	int before = m->p->n_limits;

	(void)snprintf(l.section, sizeof(l.section), "limit l%d", number);
	say(m, "%s {\n  per = %s\n", l.section, pers[l.scope]);
	if (l.scope == PER_SEGMENT)
		say(m, "  segment = s%d\n", l.segment);
	if (l.audience >= 0)
		say(m, "  for = a%d\n", l.audience);
	if (l.shadow)
		say(m, "  mode = shadow\n");
	add_limits(m, &l, 0);
	say(m, "}\n");
	if (m->p->n_limits == before)
		m->text[start] = '\0';
}

static void add_scope(
    struct maker *m, enum model_scope scope, const char *section, int least)
{
	struct model_limit l = {
	    .scope = scope, .audience = -1, .shadow = one_in(8)};

	(void)snprintf(l.section, sizeof(l.section), "%s", section);
	say(m, "%s {\n", section);
	if (l.shadow)
		say(m, "  mode = shadow\n");
	add_limits(m, &l, least);
	say(m, "}\n");
}

/* --- segments --- */

static const struct {
	const char *text;
	struct model_range range[2];
	int n;
} hours[] = {
    {"mon-fri 08:00-18:00", {{0x1f, 480, 1080}}, 1},
    {"mon-fri 08:00-18:00", {{0x1f, 480, 1080}}, 1},
    {"daily 09:15-20:07", {{0x7f, 555, 1207}}, 1},
    {"mon,wed 10:00-16:00", {{0x05, 600, 960}}, 1},
    {"fri 22:00-06:00", {{0x10, 1320, 1440}, {0x20, 0, 360}}, 2},
    {"sat-sun", {{0x60, 0, 1440}}, 1},
    {"daily 00:00-00:30", {{0x7f, 0, 30}}, 1},
    {"daily 01:30-02:45", {{0x7f, 90, 165}}, 1},
};

static const struct {
	const char *text;
	struct model_when when;
} whens[] = {
    {"hold 1d, then bounce", {HOLD, MODEL_DAY, THEN_BOUNCE}},
    {"hold 5d, then bounce", {HOLD, 5 * MODEL_DAY, THEN_BOUNCE}},
    {"hold 5d, then drop", {HOLD, 5 * MODEL_DAY, THEN_DROP}},
    {"hold 40d, then bounce", {HOLD, 40 * MODEL_DAY, THEN_BOUNCE}},
    {"hold 10h, then drop", {HOLD, 10 * MODEL_HOUR, THEN_DROP}},
    {"defer", {DEFER, 5 * MODEL_DAY, THEN_BOUNCE}},
    {"reject", {REJECT, 5 * MODEL_DAY, THEN_BOUNCE}},
    {"drop", {DROP, 5 * MODEL_DAY, THEN_BOUNCE}},
    /* when-closed only */
    {"hold 6h, then send", {HOLD, 6 * MODEL_HOUR, THEN_SEND}},
    {"hold 3d, then send", {HOLD, 3 * MODEL_DAY, THEN_SEND}},
};

enum {
	HOLDS = 5, /* the first of them */
	FULLS = 8,
	CLOSEDS = 10
};

static void pick_when(
    struct maker *m, const char *option, int n, struct model_when *out)
{
	size_t k = (size_t)below(one_in(2) ? HOLDS : n);

	*out = whens[k].when;
	say(m, "  %s = \"%s\"\n", option, whens[k].text);
}

/* A day near the start; or each year, so that it is several days. */
static void add_holidays(
    struct maker *m, struct model_segment *s, int number, int day)
{
	char date[16], other[16];
	bool yearly = one_in(4);

	day += below(12) - 1;
	place_date(day, date);
	say(m, "holidays h%d { days = {\"%s\"} }\n", number,
	    yearly ? date + 5 : date);
	if (!yearly)
		s->holiday[s->n_holidays++] = day;
	for (int d = day - 800; yearly && d < day + 2000; d++)
		if (strcmp(place_date(d, other) + 5, date + 5) == 0)
			s->holiday[s->n_holidays++] = d;
}

static void add_hours(struct maker *m, struct model_segment *s, int number)
{
	size_t k = (size_t)(PICK(hours) - hours);

	if (s->n_holidays > 0)
		say(m, "  holidays = {h%d}\n", number);
	if (s->n_holidays > 0 && one_in(4))
		return; /* closed on these days only */
	say(m, "  send-on = {\"%s\"}\n", hours[k].text);
	memcpy(s->range, hours[k].range, sizeof(hours[k].range));
	s->n_ranges = hours[k].n;
}

static void add_yield(struct maker *m, struct model_segment *s, int number)
{
	static const char *const texts[] = {"5h", "2d"};
	int k = below(2);
	const char *between = "";

	s->yield_ms = k == 0 ? 5 * MODEL_HOUR : 2 * MODEL_DAY;
	say(m, "  yield = \"%s to {", texts[k]);
	s->yields_to = 1U << (number == 0 ? 1 : below(number));
	if (one_in(3))
		s->yields_to = (1U << m->p->n_segments) - 1U;
	s->yields_to &= ~(1U << number);
	for (int i = 0; i < m->p->n_segments; i++)
		if ((s->yields_to >> i & 1) != 0) {
			say(m, "%ss%d", between, i);
			between = ", ";
		}
	say(m, "}\"\n");
}

static void add_segment(struct maker *m, int number, int day)
{
	struct model_segment *s = &m->p->segment[number];
	struct model_limit l = {
	    .scope = PER_SEGMENT, .segment = number, .audience = -1};

	if (one_in(5))
		add_holidays(m, s, number, day);
	(void)snprintf(l.section, sizeof(l.section), "segment s%d", number);
	s->by_consent = one_in(2);
	say(m, "%s {\n  purpose = news\n  legal-basis = %s\n", l.section,
	    s->by_consent ? "consent" : "legitimate-interest");
	s->shadow = one_in(10);
	if (s->shadow)
		say(m, "  mode = shadow\n");
	s->keep_free = one_in(4) ? 1 + below(2) : 0;
	say(m, "  keep-free = %d\n", s->keep_free);
	if (!one_in(4))
		add_limits(m, &l, 0);
	pick_when(m, "when-full", FULLS, &s->full);
	pick_when(m, "when-closed", CLOSEDS, &s->closed);
	if (one_in(3)) /* which is the default */
		s->not_compliant = (struct model_when){.action = REJECT};
	else
		pick_when(m, "not-compliant", HOLDS, &s->not_compliant);
	if (s->n_holidays > 0 || one_in(3))
		add_hours(m, s, number);
	if (m->p->n_segments > 1 && one_in(4))
		add_yield(m, s, number);
	say(m, "}\n");
}

/* The first few by name, the rest as they stand in the file. */
static void add_order(struct maker *m)
{
	struct model_policy *p = m->p;
	int order[MODEL_SEGMENTS], named = below(p->n_segments + 1);
	int place = 0;
	bool taken[MODEL_SEGMENTS] = {false};

	for (int i = 0; i < p->n_segments; i++) {
		int k = below(i + 1);

		order[i] = order[k];
		order[k] = i;
	}
	for (int i = 0; i < named; i++) {
		say(m, "%ss%d", i == 0 ? "order = {" : ", ", order[i]);
		p->segment[order[i]].place = place++;
		taken[order[i]] = true;
	}
	if (named > 0)
		say(m, "}\n");
	for (int i = 0; i < p->n_segments; i++)
		if (!taken[i])
			p->segment[i].place = place++;
}

static void make_policy(
    struct world_policy *out, int n_segments, int day, uint64_t without)
{
	struct maker m = {&out->rules, out->text, without, 0};

	memset(&out->rules, 0, sizeof(out->rules));
	out->text[0] = '\0';
	out->rules.n_segments = n_segments;
	out->rules.place = below(place_count());
	say(&m, "time-zone = \"%s\"\n", place_name(out->rules.place));
	add_order(&m);
	say(&m, "attribute role { type = text }\n"
		"attribute size { type = number }\n");
	for (int i = 0; i < 4; i++)
		say(&m, "audience a%d { condition = \"%s\" }\n", i,
		    audiences[i]);
	add_scope(&m, PER_PERSON, "person", 3); /* above any keep-free */
	if (!one_in(3))
		add_scope(&m, PER_COMPANY, "company", 0);
	for (int i = below(4); i > 0; i--)
		add_named_limit(&m, i);
	for (int i = 0; i < n_segments; i++)
		add_segment(&m, i, day);
}

/* --- people and steps --- */

static void make_person(struct world *w, int i, int home)
{
	static const char *const roles[] = {NULL, "cto", "it", "sales"};
	static const int sizes[] = {0, 10, 200, 5000};
	struct model_person *m = &w->person[i];
	const char *role = *PICK(roles);
	int size = *PICK(sizes);
	bool cto = role != NULL && strcmp(role, "cto") == 0;
	bool it = role != NULL && strcmp(role, "it") == 0;

	*m = (struct model_person){.company = below(4) - 1,
	    .place = one_in(3) ? below(place_count()) : home,
	    .consent = one_in(8) ? NO_WORD : GRANTED};
	m->audiences = (cto ? 1U : 0) | ((cto || it) && size >= 200 ? 2U : 0) |
		       (!cto ? 4U : 0) |
		       ((size > 0 && size < 50) || role == NULL ? 8U : 0);
	w->role[i] = role;
	w->size[i] = size;
}

/* Days with a strange night behind them, where they have it. */
static const struct {
	const char *place;
	int64_t ms;
} strange[] = {
    {"Pacific/Apia", 1325116800000},        /* 2011-12-29, a Friday less */
    {"America/Sao_Paulo", 1507939200000},   /* 2017-10-14: no midnight */
    {"America/Sao_Paulo", 1518825600000},   /* 2018-02-17: 23:00 twice */
    {"America/St_Johns", 1299888000000},    /* 2011-03-12: at 00:01 */
    {"America/St_Johns", 1320451200000},    /* 2011-11-05: and back */
    {"America/St_Johns", 1257033600000},    /* 2009-11-01, a Sunday */
    {"Asia/Beirut", 1585353600000},         /* 2020-03-28: no midnight */
    {"Asia/Beirut", 1603497600000},         /* 2020-10-24: 23:00 twice */
    {"Africa/Casablanca", 1494979200000},   /* 2017-05-17: Ramadan */
    {"Australia/Lord_Howe", 1301702400000}, /* 2011-04-02 */
    {"Europe/Berlin", 1427500800000},       /* 2015-03-28 */
    {"Europe/Berlin", 1330387200000},       /* 2012-02-28 */
    {"Asia/Kathmandu", 1582848000000},      /* 2020-02-28 */
    {"UTC", 1709164800000},                 /* 2024-02-29 */
    {"Pacific/Kiritimati", 1293753600000},  /* 2010-12-31 */
};

/* Where most of the people live, and when it begins. */
static int64_t pick_start(int *home)
{
	int64_t t = INT64_C(1262304000000) + up_to(14 * 365 * MODEL_DAY);
	int64_t change;
	size_t k = (size_t)(PICK(strange) - strange);

	*home = below(place_count());
	if (one_in(2)) {
		while (strcmp(place_name(*home), strange[k].place) != 0)
			*home = (*home + 1) % place_count();
		return strange[k].ms + MODEL_DAY - up_to(2 * MODEL_DAY);
	}
	if (one_in(2))
		return t;
	change = place_next_change(*home, t);
	return change == INT64_MAX ? t : change - up_to(2 * MODEL_DAY);
}

static enum world_op pick_op(bool jumps)
{
	static const enum world_op ops[] = {OP_ARRIVE, OP_ARRIVE, OP_ARRIVE,
	    OP_ARRIVE, OP_ARRIVE, OP_PASS, OP_PASS, OP_PASS, OP_NAP, OP_EDGE,
	    OP_EDGE, OP_EDGE, OP_OUTCOME, OP_OUTCOME, OP_OUTCOME, OP_ASK,
	    OP_ASK};
	static const enum world_op rare[] = {
	    OP_JUMP, OP_POLICY, OP_REMOVE, OP_STOP, OP_LETTER, OP_PERSON};
	enum world_op op = one_in(8) ? *PICK(rare) : *PICK(ops);

	return op == OP_JUMP && !jumps ? OP_ASK : op;
}

static void make_step(struct world_step *s, bool jumps)
{
	static const int64_t spans_ms[] = {1, 1000, 60000, MODEL_HOUR,
	    6 * MODEL_HOUR, MODEL_DAY, MODEL_DAY, 3 * MODEL_DAY,
	    10 * MODEL_DAY};

	s->op = pick_op(jumps);
	s->a = (uint32_t)draw();
	s->b = (uint32_t)draw();
	s->c = (uint32_t)draw();
	s->ms = 1 + up_to(*PICK(spans_ms));
}

void world_make(struct world *w, uint64_t seed, uint64_t without)
{
	int home, n_segments, day;
	bool jumps;

	state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
	w->start_ms = pick_start(&home);
	jumps = one_in(3);
	w->far = jumps && one_in(2);
	n_segments = 1 + below(MODEL_SEGMENTS);
	w->seed = seed;
	w->n_people = 1 + below(MODEL_PEOPLE);
	for (int i = 0; i < w->n_people; i++)
		make_person(w, i, home);
	w->n_steps = 20 + below(WORLD_STEPS - 19);
	for (int i = 0; i < w->n_steps; i++)
		make_step(&w->step[i], jumps);
	day = place_day(home, w->start_ms);
	w->n_policies = 1 + below(WORLD_POLICIES);
	for (int i = 0; i < w->n_policies; i++)
		make_policy(&w->policy[i], n_segments, day, without);
}

const char *world_op_name(enum world_op op)
{
	static const char *const names[] = {"arrive", "pass", "nap", "edge",
	    "jump", "outcome", "policy", "remove", "stop", "letter", "person",
	    "ask"};

	return names[op];
}
