/* mtalog_ends.c - see mtalog_ends.h. A ring, the oldest gives way. */
#include "agent/cli/mtalog_ends.h"

#include "agent/in/outcome_session.h"
#include "policy/base/fault.h"

#include <stdlib.h>
#include <string.h>

struct waiting {
	struct session_id id; /* n 0: free */
	int64_t time_ms, since_ms;
};

struct ends {
	size_t next; /* where the next one goes: the oldest */
	struct waiting v[ENDS_MAX];
};

struct ends *ends_new(void)
{
	return fault_alloc() ? NULL : calloc(1, sizeof(struct ends));
}

void ends_free(struct ends **e)
{
	free(*e);
	*e = NULL;
}

static struct waiting *find(struct ends *e, struct str id)
{
	for (size_t i = 0; id.n > 0 && i < ENDS_MAX; i++)
		if (str_eq((struct str){e->v[i].id.p, e->v[i].id.n}, id))
			return &e->v[i];
	return NULL;
}

static void pass_on(struct waiting *w, outcome_fn *fn, void *arg)
{
	struct outcome o = {.kind = OUTCOME_QUEUED,
	    .queue_id = {w->id.p, w->id.n},
	    .time_ms = w->time_ms,
	    .since_ms = w->since_ms};

	if (w->id.n > 0)
		fn(arg, &o);
	w->id.n = 0;
}

static void let_wait(
    struct ends *e, const struct outcome *o, outcome_fn *fn, void *arg)
{
	struct waiting *w = &e->v[e->next];

	e->next = (e->next + 1) % ENDS_MAX;
	pass_on(w, fn, arg);
	*w = (struct waiting){.id = {.n = (unsigned char)o->queue_id.n},
	    .time_ms = o->time_ms,
	    .since_ms = o->since_ms};
	memcpy(w->id.p, o->queue_id.p, o->queue_id.n);
}

/* Queued, and not to how many. */
static bool is_end(const struct outcome *o)
{
	return o->kind == OUTCOME_QUEUED && o->count == 0 && !o->late &&
	       o->rcpt.n == 0 && o->queue_id.n > 0 &&
	       o->queue_id.n <= OUTCOME_ID_MAX;
}

void ends_outcome(
    struct ends *e, const struct outcome *o, outcome_fn *fn, void *arg)
{
	struct waiting *w = find(e, o->queue_id);

	if (w != NULL && o->kind == OUTCOME_QUEUED && o->count > 0)
		w->id.n = 0;
	else if (w != NULL)
		pass_on(w, fn, arg);
	if (is_end(o))
		let_wait(e, o, fn, arg);
	else
		fn(arg, o);
}

void ends_flush(struct ends *e, outcome_fn *fn, void *arg)
{
	for (size_t i = 0; i < ENDS_MAX; i++)
		pass_on(&e->v[(e->next + i) % ENDS_MAX], fn, arg);
}
