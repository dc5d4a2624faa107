/* simtally.c - see simtally.h. */
#include "policy/state/simtally.h"

#include "policy/base/array.h"
#include "policy/base/fault.h"

#include <errno.h>
#include <stdlib.h>

enum {
	FIRST = 64,
	RULES_MAX = 4096,
};

/* --- tables by key --- */

static struct simtally_row *find(const struct simtally_table *t, uint64_t key)
{
	size_t at =
	    (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 24) & (t->cap - 1);

	while (t->v[at].used && t->v[at].key != key)
		at = (at + 1) & (t->cap - 1);
	return &t->v[at];
}

static int table_grow(struct simtally_table *t)
{
	struct simtally_table more = {
	    .n = t->n, .cap = t->cap > 0 ? 2 * t->cap : (size_t)FIRST};

	more.v = fault_alloc() ? NULL : calloc(more.cap, sizeof(*more.v));
	if (more.v == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < t->cap; i++)
		if (t->v[i].used)
			*find(&more, t->v[i].key) = t->v[i];
	free(t->v);
	*t = more;
	return 0;
}

static int table_row(struct simtally_table *t, uint64_t key,
    const struct lead_id *lead, struct simtally_row **out)
{
	int rc = 2 * t->n >= t->cap ? table_grow(t) : 0;

	if (rc != 0)
		return rc;
	*out = find(t, key);
	if (!(*out)->used && t->n >= SIMTALLY_ROWS_MAX) {
		key = SIMTALLY_OTHERS;
		*out = find(t, key);
	}
	if ((*out)->used)
		return 0;
	**out = (struct simtally_row){.key = key, .used = true};
	if (lead != NULL)
		(*out)->lead = *lead;
	t->n++;
	return 0;
}

/* --- counting --- */

static void count(struct simulate_counts *c, const struct simtally_message *m)
{
	for (unsigned w = 0; w < m->ways; w++) {
		c->n[w][m->fate[w]]++;
		c->stopped[w] += m->stopped[w];
	}
	c->changed += m->changed;
}

int simtally_add(struct simtally *t, const struct simtally_message *m)
{
	struct simtally_row *row;
	int rc = 0;

	count(&t->all, m);
	for (unsigned w = 0; w < m->ways; w++)
		if (m->fate[w] == REPLAY_HELD && m->held_ms[w] > 0)
			histogram_add(&t->held_ms[w], m->held_ms[w]);
	for (size_t k = 0; rc == 0 && k < SIMTALLY_KINDS; k++) {
		if (!m->counted[k])
			continue;
		rc = table_row(&t->tables[k], m->key[k], m->lead, &row);
		if (rc == 0)
			count(&row->counts, m);
	}
	return rc;
}

static struct simulate_rule *find_rule(const struct simtally *t,
    enum simulate_way way, const struct replay_result *r)
{
	for (size_t i = 0; i < t->n_rules[way]; i++) {
		struct simulate_rule *x = &t->rules[way][i];

		if (x->rule == r->rule && x->reason == r->reason &&
		    x->shadowed == r->shadowed)
			return x;
	}
	return NULL;
}

static int add_rule(struct simtally *t, enum simulate_way way,
    const struct replay_result *r, struct simulate_rule **out)
{
	int rc =
	    ARRAY_ROOM(t->rules[way], t->cap_rules[way], t->n_rules[way] + 1);

	if (rc != 0)
		return rc;
	*out = &t->rules[way][t->n_rules[way]++];
	**out = (struct simulate_rule){
	    .rule = r->rule, .reason = r->reason, .shadowed = r->shadowed};
	return 0;
}

int simtally_rule(
    struct simtally *t, enum simulate_way way, const struct replay_result *r)
{
	struct simulate_rule *x;
	int rc = 0;

	if (r->reason == REASON_ALLOWED)
		return 0;
	x = find_rule(t, way, r);
	if (x == NULL && t->n_rules[way] == RULES_MAX)
		return 0;
	if (x == NULL)
		rc = add_rule(t, way, r, &x);
	if (rc == 0)
		x->n[r->fate]++;
	return rc;
}

/* --- order --- */

static uint64_t total(const struct simulate_counts *c)
{
	uint64_t n = 0;

	for (size_t f = 0; f < REPLAY_FATES; f++)
		n += c->n[SIMULATE_RECORDED][f];
	return n;
}

/* Unused ones last. */
static int by_changes(const void *a, const void *b)
{
	const struct simtally_row *x = a, *y = b;

	if (x->used != y->used)
		return x->used ? -1 : 1;
	if (x->counts.changed != y->counts.changed)
		return x->counts.changed > y->counts.changed ? -1 : 1;
	if (total(&x->counts) != total(&y->counts))
		return total(&x->counts) > total(&y->counts) ? -1 : 1;
	return x->key < y->key ? -1 : x->key > y->key;
}

static int by_key(const void *a, const void *b)
{
	const struct simtally_row *x = a, *y = b;

	if (x->used != y->used)
		return x->used ? -1 : 1;
	return x->key < y->key ? -1 : x->key > y->key;
}

size_t simtally_sort(struct simtally *t, enum simtally_kind kind)
{
	struct simtally_table *x = &t->tables[kind];

	if (x->cap > 0)
		qsort(x->v, x->cap, sizeof(*x->v),
		    kind == SIMTALLY_HOUR ? by_key : by_changes);
	return x->n;
}

static int by_weight(const void *a, const void *b)
{
	const struct simulate_rule *x = a, *y = b;
	uint64_t n[2] = {0, 0};

	for (size_t f = 0; f < REPLAY_FATES; f++) {
		n[0] += x->n[f];
		n[1] += y->n[f];
	}
	return n[0] > n[1] ? -1 : n[0] < n[1];
}

void simtally_sort_rules(struct simtally *t, enum simulate_way way)
{
	if (t->n_rules[way] > 0)
		qsort(t->rules[way], t->n_rules[way], sizeof(*t->rules[way]),
		    by_weight);
}

void simtally_fini(struct simtally *t)
{
	for (size_t k = 0; k < SIMTALLY_KINDS; k++)
		free(t->tables[k].v);
	for (size_t w = 0; w < SIMULATE_WAYS; w++)
		free(t->rules[w]);
	*t = (struct simtally){0};
}
