/* timeline.c - see timeline.h.
 *
 * An event of a copy or of a message names an id only. Whose it is the tables
 * tell while they have the row; after that, the events before it do: so the
 * ids of the person's messages and copies are kept while reading upwards.
 *
 * A queue id is asked for twice: which others its message had is known from the
 * events themselves, and those of another can be older than the one that names
 * it (the slot is there before the 250 that told the agent the id). */
#include "agent/api/timeline.h"

#include "policy/state/copy.h"
#include "policy/state/message.h"

#include <stdlib.h>

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
	struct str *queues; /* the one asked for, then those followed */
	size_t n_queues;
	uint64_t first; /* number of the first event that can be meant */
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

static bool has_queue(const struct walk *w, struct str id)
{
	for (size_t i = 0; i < w->n_queues; i++)
		if (str_eq(w->queues[i], id))
			return true;
	return false;
}

static bool is_meant(const struct walk *w, const struct trace_about *a)
{
	const struct timeline *tl = w->tl;

	if (tl->lead == NULL && a->queue_id.n > 0 && has_queue(w, a->queue_id))
		return true;
	if (tl->lead != NULL && a->has_lead)
		return lead_id_eq(&a->lead, tl->lead) ||
		       (a->has_other && lead_id_eq(&a->other, tl->lead));
	return has(&w->ids, a->message_id) || has(&w->ids, a->copy_id);
}

static void add_queue(struct walk *w, struct str id)
{
	if (id.n > 0 && w->n_queues <= TIMELINE_FOLLOWED && !has_queue(w, id))
		w->queues[w->n_queues++] = id;
}

/* Other ids of the same message: of a copy the MTA's for that recipient; of one
 * that the MTA queued anew the first, under which all else is on record. */
static int follow(struct walk *w, const struct event *ev)
{
	struct event_copy_recipient done;
	struct event_slot_moved moved;
	struct message_record r;
	int rc = 0;

	if (ev->type == EV_COPY_RECIPIENT) {
		rc = copy_decode_recipient(ev->payload, &done);
		if (rc == 0)
			add_queue(w, done.queue_id);
	} else if (ev->type == EV_SLOT_MOVED) {
		rc = message_decode_moved(ev->payload, &moved);
		if (rc == 0 &&
		    message_read(w->tl->t, moved.message_id, &r) == 0)
			add_queue(w, r.queue_id);
		w->first = 1; /* that began before */
	}
	return rc;
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
	if (rc != 0)
		return rc;
	if (w->first == 0)
		w->first = seq;
	if (emit == NULL)
		return follow(w, &ev);
	return seq <= w->tl->after ? 0 : emit(arg, &ev);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int set_want(struct walk *w, struct trace_want *out)
{
	uint32_t *tags;

	*out = (struct trace_want){0};
	if (w->tl->lead != NULL) {
		out->lead = trace_tag_lead(w->tl->lead);
		return 0;
	}
	tags = arena_array(w->tl->arena, w->n_queues, sizeof(*tags));
	if (tags == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < w->n_queues; i++)
		tags[i] = trace_tag_queue(w->queues[i]);
	qsort(tags, w->n_queues, sizeof(*tags), by_value);
	out->queues = tags;
	out->n_queues = w->n_queues;
	return 0;
}

/* emit NULL: the queue ids that the message had are added to the walk's. */
static int walk_on(struct walk *w, timeline_fn *emit, void *arg)
{
	struct trace_want want;
	struct trace_iter it;
	uint64_t seq;
	int rc = set_want(w, &want);

	if (rc == 0)
		rc = trace_open(w->tl->t, &want, w->first, &it);
	if (rc != 0)
		return rc;
	while ((rc = trace_next(&it, &seq)) == 0) {
		rc = look(w, seq, emit, arg);
		if (rc != 0)
			break;
	}
	trace_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int timeline_each(struct timeline *tl, timeline_fn *emit, void *arg)
{
	struct walk w = {.tl = tl};
	int rc = 0;

	if (tl->lead == NULL) {
		w.queues = arena_array(
		    tl->arena, TIMELINE_FOLLOWED + 1, sizeof(*w.queues));
		if (w.queues == NULL)
			return ERR_LIMIT;
		add_queue(&w, tl->queue_id);
		if (w.n_queues > 0)
			rc = walk_on(&w, NULL, NULL);
	}
	return rc == 0 ? walk_on(&w, emit, arg) : rc;
}
