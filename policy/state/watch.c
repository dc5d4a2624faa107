/* watch.c - see watch.h. One pass over the rows of the tally; scopes are found
 * by a hash table whose size is a power of two, at most half full. */
#include "policy/state/watch.h"

#include "policy/base/when.h"
#include "policy/state/counter.h"
#include "policy/state/tally.h"

enum {
	SLOTS_FIRST = 256,
};

struct look {
	struct arena *arena;
	const struct policy *policy;
	struct policy_breaker *rules; /* [0]: common; then each segment's */
	size_t n_rules;
	int64_t now_ms;
	struct watch *out;
	size_t cap;
	uint32_t *slots; /* index + 1 of a scope; 0: free */
	size_t n_slots;
};

static uint32_t hash_of(enum stop_kind kind, struct str label)
{
	return policy_label(label) ^ (uint32_t)kind * 2654435761U;
}

static uint32_t *slot_of(
    const struct look *l, enum stop_kind kind, struct str label)
{
	size_t at = hash_of(kind, label) & (l->n_slots - 1);

	for (;; at = (at + 1) & (l->n_slots - 1)) {
		const struct watch_scope *s;

		if (l->slots[at] == 0)
			return &l->slots[at];
		s = &l->out->v[l->slots[at] - 1];
		if (s->kind == kind && str_eq(s->label, label))
			return &l->slots[at];
	}
}

/* Twice the room; old arrays stay in the arena. */
static int grow(struct look *l)
{
	size_t cap = l->cap > 0 ? 2 * l->cap : SLOTS_FIRST / 2;
	struct watch_scope *v = arena_array(l->arena, cap, sizeof(*v));
	uint32_t *slots = arena_array(l->arena, 2 * cap, sizeof(*slots));

	if (v == NULL || slots == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < l->out->n; i++)
		v[i] = l->out->v[i];
	l->out->v = v;
	l->cap = cap;
	l->slots = slots;
	l->n_slots = 2 * cap;
	for (size_t i = 0; i < l->out->n; i++)
		*slot_of(l, v[i].kind, v[i].label) = (uint32_t)i + 1;
	return 0;
}

static const struct policy_breaker *rules_of(
    const struct look *l, enum stop_kind kind, struct str label)
{
	for (size_t i = 1; kind == STOP_SEGMENT && i < l->n_rules; i++)
		if (str_eq(l->rules[i].name, label))
			return &l->rules[i];
	return &l->rules[0];
}

static uint32_t first_hour(const struct look *l, const struct policy_breaker *b)
{
	return counter_hour(
	    l->now_ms > b->window_ms ? l->now_ms - b->window_ms : 0);
}

/* NULL with 0: left out. */
static int find(struct look *l, enum stop_kind kind, struct str label,
    struct watch_scope **out)
{
	uint32_t *slot = slot_of(l, kind, label);
	struct watch_scope *s;
	int rc;

	*out = *slot != 0 ? &l->out->v[*slot - 1] : NULL;
	if (*slot != 0)
		return 0;
	if (l->out->n == l->cap) {
		rc = grow(l);
		if (rc != 0)
			return rc;
		slot = slot_of(l, kind, label);
	}
	s = &l->out->v[l->out->n];
	*s = (struct watch_scope){
	    .kind = kind, .label = arena_str(l->arena, label)};
	if (s->label.p == NULL)
		return ERR_LIMIT;
	s->rules = rules_of(l, kind, label);
	s->from_hour = first_hour(l, s->rules);
	*slot = (uint32_t)++l->out->n;
	*out = s;
	return 0;
}

/* --- what is there in any case --- */

static int make_rules(struct look *l)
{
	size_t n = 1 + (l->policy != NULL ? l->policy->n_breakers : 0);

	l->rules = arena_array(l->arena, n, sizeof(*l->rules));
	if (l->rules == NULL)
		return ERR_LIMIT;
	l->n_rules = n;
	if (l->policy == NULL) {
		l->rules[0] = (struct policy_breaker){
		    .mode = POLICY_BREAKER_OFF, .window_ms = WHEN_DAY_MS};
		return 0;
	}
	l->rules[0] = l->policy->breaker;
	for (size_t i = 1; i < n; i++)
		l->rules[i] = policy_breaker_of(
		    l->policy, l->policy->breakers[i - 1].name);
	return 0;
}

static int add_segments(struct look *l)
{
	struct watch_scope *s;
	int rc = 0;

	for (size_t i = 0;
	     rc == 0 && l->policy != NULL && i < l->policy->n_segments; i++)
		rc = find(l, STOP_SEGMENT,
		    tally_label(l->policy->segments[i].name), &s);
	return rc;
}

static int add_stop(void *arg, const struct stop_record *r)
{
	struct look *l = arg;
	struct watch_scope *s;
	int rc = find(l, r->kind, r->label, &s);

	if (rc != 0)
		return rc;
	s->stop = *r;
	s->stop.label = s->label;
	s->stop.author = arena_str(l->arena, r->author);
	s->stop.reason = arena_str(l->arena, r->reason);
	if (s->stop.author.p == NULL || s->stop.reason.p == NULL)
		return ERR_LIMIT;
	/* An end in the future, for the clock went back, is no reason to look
	 * at nothing until then. */
	if (r->base_hour > s->from_hour &&
	    r->base_hour <= counter_hour(l->now_ms))
		s->from_hour = r->base_hour;
	return 0;
}

/* --- what was sent --- */

static int add_to(struct look *l, const struct tally_row *r,
    enum stop_kind kind, struct str label)
{
	struct watch_scope *s;
	int rc;

	if (label.n == 0)
		return 0;
	if (*slot_of(l, kind, label) == 0 && l->out->n >= WATCH_MAX) {
		l->out->cut = true;
		return 0;
	}
	rc = find(l, kind, label, &s);
	if (rc == 0 && r->hour >= s->from_hour)
		tally_sum(&s->counts, &r->counts);
	return rc;
}

/* Campaigns are as many as applications invent. */
static int add_row(void *arg, const struct tally_row *r)
{
	struct look *l = arg;
	int rc = add_to(l, r, STOP_SEGMENT, r->segment);

	if (rc == 0)
		rc = add_to(l, r, STOP_DOMAIN, r->domain);
	if (rc == 0 && r->hour >= first_hour(l, &l->rules[0]))
		rc = add_to(l, r, STOP_CAMPAIGN, r->campaign);
	return rc;
}

static void settle(struct watch_scope *s)
{
	if (s->stop.base_hour != 0 && s->from_hour == s->stop.base_hour)
		tally_less(&s->counts, &s->stop.base);
	breaker_judge(s->rules, &s->counts, &s->finding);
}

int watch_look(const struct ledger_txn *t, const struct policy *p,
    int64_t now_ms, struct arena *a, struct watch *out)
{
	struct look l = {.arena = a, .policy = p, .now_ms = now_ms, .out = out};
	uint32_t from = UINT32_MAX;
	int rc;

	*out = (struct watch){0};
	rc = make_rules(&l);
	if (rc == 0)
		rc = grow(&l);
	if (rc == 0)
		rc = add_segments(&l);
	if (rc == 0)
		rc = stop_each(t, add_stop, &l);
	for (size_t i = 0; rc == 0 && i < l.n_rules; i++)
		if (first_hour(&l, &l.rules[i]) < from)
			from = first_hour(&l, &l.rules[i]);
	if (rc == 0)
		rc = tally_each(t, from, UINT32_MAX, add_row, &l);
	for (size_t i = 0; rc == 0 && i < out->n; i++)
		settle(&out->v[i]);
	return rc;
}
