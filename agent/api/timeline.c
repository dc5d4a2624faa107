/* timeline.c - see timeline.h.
 *
 * An event of a copy or of a message names an id only. Whose it is the tables
 * tell while they have the row; after that, the events before it do: so the
 * ids of the person's messages and copies are kept while reading upwards. */
#include "agent/api/timeline.h"

enum {
	IDS_FIRST = 64
};

struct ids {
	uint64_t *v;
	size_t n, cap;
};

struct walk {
	struct timeline *tl;
	struct ids ids; /* of messages and copies alike: both are msgid.h's */
};

static bool has(const struct ids *ids, uint64_t id)
{
	for (size_t i = ids->n; id != 0 && i > 0; i--)
		if (ids->v[i - 1] == id)
			return true;
	return false;
}

static int keep(struct walk *w, uint64_t id)
{
	struct ids *ids = &w->ids;

	if (id == 0 || has(ids, id))
		return 0;
	if (ids->n == ids->cap) {
		size_t cap = ids->cap > 0 ? 2 * ids->cap : IDS_FIRST;
		uint64_t *v = arena_array(w->tl->arena, cap, sizeof(*v));

		if (v == NULL)
			return ERR_LIMIT;
		for (size_t i = 0; i < ids->n; i++)
			v[i] = ids->v[i];
		ids->v = v;
		ids->cap = cap;
	}
	ids->v[ids->n++] = id;
	return 0;
}

static bool is_meant(const struct walk *w, const struct trace_about *a)
{
	const struct timeline *tl = w->tl;

	if (tl->lead == NULL && a->queue_id.n > 0)
		return str_eq(a->queue_id, tl->queue_id);
	if (tl->lead != NULL && a->has_lead)
		return lead_id_eq(&a->lead, tl->lead);
	return has(&w->ids, a->message_id) || has(&w->ids, a->copy_id);
}

static int look(struct walk *w, uint64_t seq, timeline_fn *emit, void *arg)
{
	struct trace_about about;
	struct event ev;
	int rc = event_get(w->tl->t, seq, &ev);

	if (rc == ERR_NOT_FOUND) /* pruned */
		return 0;
	if (rc == 0)
		rc = trace_about(w->tl->t, &ev, &about);
	if (rc != 0 || !is_meant(w, &about))
		return rc;
	rc = keep(w, about.message_id);
	if (rc == 0)
		rc = keep(w, about.copy_id);
	return rc != 0 || seq <= w->tl->after ? rc : emit(arg, &ev);
}

int timeline_each(struct timeline *tl, timeline_fn *emit, void *arg)
{
	struct walk w = {.tl = tl};
	struct trace_tags want = {
	    .lead = tl->lead != NULL ? trace_tag_lead(tl->lead) : 0,
	    .queue = tl->lead != NULL ? 0 : trace_tag_queue(tl->queue_id)};
	struct trace_iter it;
	uint64_t seq;
	int rc = trace_open(tl->t, &want, 0, &it);

	if (rc != 0)
		return rc;
	while ((rc = trace_next(&it, &seq)) == 0) {
		rc = look(&w, seq, emit, arg);
		if (rc != 0)
			break;
	}
	trace_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}
