/* paststops.c - see paststops.h. */
#include "policy/state/paststops.h"

#include "policy/base/arena.h"
#include "policy/base/array.h"
#include "policy/base/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	LABELS_MAX = 16 << 20,
	SCOPES = 3, /* segment, campaign, domain */
};

struct stop {
	enum stop_kind kind;
	struct str label;
	int64_t from_ms, until_ms; /* until: 0: goes on */
	int64_t limit_ms;          /* when it ends by itself; 0: never */
};

struct range {
	size_t first, n;
};

struct paststops {
	struct arena *labels;
	struct stop *v;
	size_t n, cap;
	size_t *open; /* indexes of those that go on */
	size_t n_open, cap_open;
	struct range *ranges; /* of each what; NULL: there are no stops */
	size_t n_ranges;
	struct replay_stop *pool;
	size_t n_pool, cap_pool;
};

/* --- as they came --- */

/* n_open: none. */
static size_t find_open(
    const struct paststops *p, enum stop_kind kind, struct str label)
{
	for (size_t i = 0; i < p->n_open; i++) {
		const struct stop *s = &p->v[p->open[i]];

		if (s->kind == kind && str_eq(s->label, label))
			return i;
	}
	return p->n_open;
}

static int add(struct paststops *p, enum stop_kind kind, struct str label,
    int64_t from_ms, struct stop **out)
{
	struct str copy = arena_str(p->labels, label);
	int rc =
	    copy.p != NULL ? ARRAY_ROOM(p->v, p->cap, p->n + 1) : ERR_LIMIT;

	if (rc != 0)
		return rc;
	*out = &p->v[p->n++];
	**out = (struct stop){.kind = kind, .label = copy, .from_ms = from_ms};
	return 0;
}

static int add_open(struct paststops *p, enum stop_kind kind, struct str label,
    int64_t from_ms, int64_t limit_ms)
{
	struct stop *s;
	int rc = ARRAY_ROOM(p->open, p->cap_open, p->n_open + 1);

	if (rc == 0)
		rc = add(p, kind, label, from_ms, &s);
	if (rc != 0)
		return rc;
	s->limit_ms = limit_ms;
	p->open[p->n_open++] = p->n - 1;
	return 0;
}

struct begin {
	struct paststops *p;
	uint64_t first_seq;
};

static int on_row(void *arg, const struct stop_record *r)
{
	struct begin *b = arg;

	return r->stopped && r->seq < b->first_seq
		   ? add_open(b->p, r->kind, r->label, INT64_MIN, r->until_ms)
		   : 0;
}

int paststops_begin(
    struct paststops *p, const struct ledger_txn *t, uint64_t first_seq)
{
	struct begin b = {p, first_seq};

	arena_reset(p->labels);
	p->n = p->n_open = p->n_pool = p->n_ranges = 0;
	return stop_each(t, on_row, &b);
}

/* Another stop of what is stopped takes the place of the first: it is one. */
static int on_stopped(struct paststops *p, const struct event *ev)
{
	struct event_stopped e;
	int rc = stop_decode_stopped(ev->payload, &e);
	size_t at;

	if (rc != 0)
		return rc;
	at = find_open(p, (enum stop_kind)e.kind, e.label);
	if (at == p->n_open)
		return add_open(p, (enum stop_kind)e.kind, e.label, ev->time_ms,
		    e.until_ms);
	p->v[p->open[at]].limit_ms = e.until_ms;
	return 0;
}

static int on_resumed(struct paststops *p, const struct event *ev)
{
	struct event_resumed e;
	struct stop *s;
	int rc = stop_decode_resumed(ev->payload, &e);
	size_t at;

	if (rc != 0)
		return rc;
	at = find_open(p, (enum stop_kind)e.kind, e.label);
	if (at < p->n_open) {
		s = &p->v[p->open[at]];
		p->open[at] = p->open[--p->n_open];
	} else {
		rc = add(p, (enum stop_kind)e.kind, e.label, INT64_MIN, &s);
	}
	if (rc == 0)
		s->until_ms = ev->time_ms;
	return rc;
}

int paststops_event(struct paststops *p, const struct event *ev)
{
	return ev->type == EV_STOPPED ? on_stopped(p, ev) : on_resumed(p, ev);
}

/* --- of each kind of message --- */

static int by_scope(const void *a, const void *b)
{
	const struct stop *x = a, *y = b;
	int c;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	c = str_cmp(x->label, y->label);
	if (c != 0)
		return c;
	return x->from_ms < y->from_ms ? -1 : x->from_ms > y->from_ms;
}

static size_t first_of(
    const struct paststops *p, enum stop_kind kind, struct str label)
{
	const struct stop key = {
	    .kind = kind, .label = label, .from_ms = INT64_MIN};
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_scope(&p->v[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int put(struct paststops *p, int64_t from_ms, int64_t until_ms)
{
	int rc = ARRAY_ROOM(p->pool, p->cap_pool, p->n_pool + 1);

	if (rc == 0)
		p->pool[p->n_pool++] = (struct replay_stop){from_ms, until_ms};
	return rc;
}

static int put_scope(struct paststops *p, enum stop_kind kind, struct str name)
{
	struct str label = stop_label(kind, name);
	int rc = 0;

	if (name.n == 0)
		return 0;
	for (size_t i = first_of(p, kind, label);
	     rc == 0 && i < p->n && p->v[i].kind == kind &&
	     str_eq(p->v[i].label, label);
	     i++)
		if (p->v[i].from_ms < p->v[i].until_ms)
			rc = put(p, p->v[i].from_ms, p->v[i].until_ms);
	return rc;
}

static int by_time(const void *a, const void *b)
{
	const struct replay_stop *x = a, *y = b;

	return x->from_ms < y->from_ms ? -1 : x->from_ms > y->from_ms;
}

/* Those that meet are one. */
static void unite(struct paststops *p, struct range *r)
{
	size_t n = p->n_pool - r->first, last = 0;
	struct replay_stop *v = n > 0 ? p->pool + r->first : NULL;

	if (n > 1)
		qsort(v, n, sizeof(*v), by_time);
	for (size_t i = 1; i < n; i++) {
		if (v[i].from_ms > v[last].until_ms)
			v[++last] = v[i];
		else if (v[i].until_ms > v[last].until_ms)
			v[last].until_ms = v[i].until_ms;
	}
	r->n = n > 0 ? last + 1 : 0;
	p->n_pool = r->first + r->n;
}

static int put_all(struct paststops *p, const struct pastnames *names)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->n_ranges; i++) {
		const struct past_what *w = pastnames_at(names, (uint32_t)i);
		const struct {
			enum stop_kind kind;
			unsigned name;
		} scopes[SCOPES] = {{STOP_SEGMENT, w->segment},
		    {STOP_CAMPAIGN, w->campaign}, {STOP_DOMAIN, w->domain}};

		p->ranges[i] = (struct range){.first = p->n_pool};
		for (size_t k = 0; rc == 0 && k < SCOPES; k++)
			rc = put_scope(p, scopes[k].kind,
			    pastnames_text(names, scopes[k].name));
		if (rc == 0)
			unite(p, &p->ranges[i]);
	}
	return rc;
}

int paststops_finish(
    struct paststops *p, const struct pastnames *names, int64_t until_ms)
{
	size_t n = pastnames_n(names);
	struct range *v;

	if (p->n == 0)
		return 0;
	for (size_t i = 0; i < p->n_open; i++) {
		struct stop *s = &p->v[p->open[i]];

		s->until_ms = s->limit_ms != 0 ? s->limit_ms : until_ms;
	}
	qsort(p->v, p->n, sizeof(*p->v), by_scope);
	p->n_open = 0;
	v = fault_alloc() ? NULL : realloc(p->ranges, n * sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	p->ranges = v;
	p->n_ranges = n;
	return put_all(p, names);
}

const struct replay_stop *paststops_of(
    const struct paststops *p, uint32_t what, size_t *n_out)
{
	*n_out = what < p->n_ranges ? p->ranges[what].n : 0;
	return *n_out > 0 ? p->pool + p->ranges[what].first : NULL;
}

size_t paststops_n(const struct paststops *p)
{
	return p->n;
}

/* --- all --- */

int paststops_new(struct paststops **out)
{
	struct paststops *p = fault_alloc() ? NULL : calloc(1, sizeof(*p));

	*out = p;
	if (p == NULL)
		return -ENOMEM;
	p->labels = arena_new(LABELS_MAX);
	if (p->labels == NULL)
		paststops_free(out);
	return *out != NULL ? 0 : -ENOMEM;
}

void paststops_free(struct paststops **p)
{
	if (*p == NULL)
		return;
	arena_free(&(*p)->labels);
	free((*p)->v);
	free((*p)->open);
	free((*p)->ranges);
	free((*p)->pool);
	free(*p);
	*p = NULL;
}
