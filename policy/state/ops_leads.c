/* ops_leads.c - see ops_leads.h.
 *
 * Rows are sorted by lead id, so that those of one person stand together (they
 * become one event) and the ledger's pages are touched in their order. A group
 * of rows is made ready outside the door: the event's payload is there, byte by
 * byte. Inside, the person's record must still be the one that was looked at
 * (the same key and attributes, or nobody still); a group for which it is not is
 * made ready once more. Groups go in waves: one is made ready while the one
 * before it is recorded. */
#include "policy/state/ops_leads.h"

#include "policy/mail/company_id.h"
#include "policy/state/crowd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	GROUPS_AT_ONCE = 64, /* in one proposal: well below a millisecond */
	PROPOSALS_AT_ONCE = 8,
	WAVE = GROUPS_AT_ONCE * PROPOSALS_AT_ONCE,
	TRIES = 5,
	WAVE_BYTES =
	    WAVE * (TRIES + 1) * (LEAD_ATTRIBUTES_MAX + LEAD_CREATED_MAX + 64),
	SCRATCH_MAX = 64 << 20 /* of one person's rows, if all are */
};

/* All rows of one person. */
struct group {
	struct ops_leads_row **rows; /* in the order of the call */
	size_t n;
	bool known; /* as it was when made ready */
	unsigned char wrapped[SEAL_WRAPPED];
	struct str attributes; /* sealed */
	unsigned char company[LEAD_COMPANY];
	unsigned type;      /* of the event; 0: nothing to record */
	struct str payload; /* in the arena of the wave */
	bool done, stale;
};

struct job {
	struct store *store;
	const struct ops_leads *in;
	struct arena *arena; /* of all groups */
	struct arena *keep;  /* of the wave that is being made ready */
	struct arena *scratch;
	struct ops_leads_row **sorted;
	struct group *groups;
	size_t n_groups;
};

struct slice {
	struct group *groups;
	size_t n;
};

/* Groups that are recorded together. */
struct wave {
	struct arena *keep;
	struct group *groups;
	size_t n;
	struct slice slices[PROPOSALS_AT_ONCE];
	struct crowd_member members[PROPOSALS_AT_ONCE];
	struct crowd *crowd; /* NULL: none is being recorded */
};

/* --- groups --- */

static int by_lead(const void *a, const void *b)
{
	const struct ops_leads_row *const *x = a, *const *y = b;
	int c = memcmp((*x)->lead.b, (*y)->lead.b, LEAD_ID_BYTES);

	return c != 0 ? c : (*x > *y) - (*x < *y);
}

static int sort_rows(struct job *j)
{
	size_t n = j->in->n;
	int rc = 0;

	j->sorted =
	    arena_array(j->arena, n + 1, sizeof(struct ops_leads_row *));
	j->groups = arena_array(j->arena, n + 1, sizeof(*j->groups));
	if (j->sorted == NULL || j->groups == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct ops_leads_row *row = &j->in->rows[i];

		rc = lead_id_of(j->store->lead_key, &row->address, &row->lead);
		j->sorted[i] = row;
	}
	if (rc != 0)
		return rc;
	if (n > 1)
		qsort(j->sorted, n, sizeof(*j->sorted), by_lead);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 ||
		    !lead_id_eq(&j->sorted[i]->lead, &j->sorted[i - 1]->lead))
			j->groups[j->n_groups++].rows = &j->sorted[i];
		j->groups[j->n_groups - 1].n++;
	}
	return 0;
}

/* --- making ready --- */

/* What is known after all rows, and what each of them did. */
static int apply_rows(struct job *j, const struct group *g,
    const struct attributes *there, struct attributes *out)
{
	bool known = g->known;

	*out = *there;
	for (size_t i = 0; i < g->n; i++) {
		struct ops_leads_row *row = g->rows[i];
		struct attributes next;
		int rc = attributes_change(
		    out, row->values, row->n, j->scratch, &next);

		if (rc == ERR_LIMIT && next.v != NULL) {
			row->outcome = OPS_LEADS_TOO_MANY;
			continue;
		}
		if (rc != 0)
			return rc;
		row->outcome = !known                      ? OPS_LEADS_NEW
			       : attributes_eq(out, &next) ? OPS_LEADS_UNCHANGED
							   : OPS_LEADS_CHANGED;
		known = true;
		*out = next;
	}
	return 0;
}

static struct str company_of(const struct attributes *x)
{
	const struct attribute_value *v =
	    attributes_find(x, policy_label(STR("company")));

	return v != NULL ? v->text : STR("");
}

static int keep(struct job *j, struct group *g, unsigned type, struct buf *b)
{
	g->payload = arena_str(j->keep, buf_str(b));
	g->type = type;
	return g->payload.p != NULL ? 0 : ERR_LIMIT;
}

static int ready_new(struct job *j, struct group *g, const struct person *p,
    const struct attributes *after)
{
	struct person_details d = {.company = company_of(after),
	    .origin = j->in->origin,
	    .author = j->in->author};
	struct buf b;
	int rc = attributes_seal(p, after, j->scratch, &d.attributes);

	buf_init(&b, LEAD_CREATED_MAX);
	if (rc == 0)
		rc = person_created(p, &g->rows[0]->address, &d, &b);
	if (rc == 0)
		rc = keep(j, g, EV_LEAD_CREATED, &b);
	buf_fini(&b);
	return rc;
}

static int ready_changed(struct job *j, struct group *g, const struct person *p,
    const struct attributes *before, const struct attributes *after)
{
	struct event_lead_changed e = {
	    .origin = j->in->origin, .author = j->in->author};
	struct buf b;
	int rc = company_id_of(j->store->lead_key, company_of(after),
	    &g->rows[0]->address, e.company);

	if (rc != 0 || (attributes_eq(before, after) &&
			   memcmp(e.company, g->company, LEAD_COMPANY) == 0))
		return rc;
	memcpy(e.lead, p->id.b, sizeof(e.lead));
	rc = attributes_seal(p, after, j->scratch, &e.attributes);
	buf_init(&b, LEAD_CREATED_MAX);
	if (rc == 0)
		rc = payload_encode(&lead_changed_payload, &e, &b);
	if (rc == 0)
		rc = keep(j, g, EV_LEAD_CHANGED, &b);
	buf_fini(&b);
	return rc;
}

/* Nobody is made known by rows that were all refused. */
static bool is_refused(const struct group *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->rows[i]->outcome != OPS_LEADS_TOO_MANY)
			return false;
	return true;
}

static int ready_opened(
    struct job *j, struct group *g, const struct person *p, struct str sealed)
{
	struct attributes before, after;
	int rc = attributes_open(p, sealed, j->scratch, &before);

	if (rc == 0)
		rc = apply_rows(j, g, &before, &after);
	if (rc != 0 || is_refused(g) || j->in->dry_run)
		return rc;
	return g->known ? ready_changed(j, g, p, &before, &after)
			: ready_new(j, g, p, &after);
}

static int make_ready(
    struct job *j, struct group *g, const struct ledger_txn *t)
{
	const struct lead_id *id = &g->rows[0]->lead;
	struct lead_record r;
	struct person p;
	int rc = lead_peek(t, id, &r);

	if (rc != 0 && rc != ERR_NOT_FOUND)
		return rc;
	rc = person_of(&p, j->store, id, &r);
	g->type = 0;
	g->known = p.known;
	memcpy(g->wrapped, p.wrapped, SEAL_WRAPPED);
	memcpy(g->company, r.company, LEAD_COMPANY);
	g->attributes = arena_str(j->keep, r.attributes);
	if (rc == 0 && g->attributes.p == NULL)
		rc = ERR_LIMIT;
	if (rc == 0)
		rc = ready_opened(j, g, &p, r.attributes);
	g->done = rc == 0 && g->type == 0;
	person_fini(&p);
	arena_reset(j->scratch);
	return rc;
}

static int make_all_ready(struct job *j, const struct wave *w)
{
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(j->store->ledger, &t);

	j->keep = w->keep;
	for (size_t i = 0; rc == 0 && i < w->n; i++)
		if (!w->groups[i].done)
			rc = make_ready(j, &w->groups[i], t);
	ledger_read_end(&t);
	return rc;
}

/* --- recording --- */

static bool is_as_it_was(const struct group *g, const struct lead_record *r)
{
	struct str wrapped = {(const char *)g->wrapped, SEAL_WRAPPED};

	if (!g->known)
		return r->wrapped.n == 0;
	return str_eq(wrapped, r->wrapped) &&
	       str_eq(g->attributes, r->attributes) &&
	       memcmp(g->company, r->company, LEAD_COMPANY) == 0;
}

static int record_fn(struct door_ctx *ctx, void *arg)
{
	struct slice *s = arg;
	int rc = 0;

	for (size_t i = 0; i < s->n && rc == 0; i++) {
		struct group *g = &s->groups[i];
		struct lead_record r;

		g->stale = false;
		if (g->done)
			continue;
		rc = lead_peek(door_txn(ctx), &g->rows[0]->lead, &r);
		if (rc != 0 && rc != ERR_NOT_FOUND)
			return rc;
		g->stale = !is_as_it_was(g, &r);
		rc = g->stale ? 0
			      : door_emit(ctx, g->type,
				    event_kind(g->type)->version, g->payload);
	}
	return rc;
}

static bool is_done(const struct wave *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (!w->groups[i].done)
			return false;
	return true;
}

/* Makes the wave ready and begins to record it. */
static int begin_wave(struct job *j, struct wave *w)
{
	size_t n = 0;
	int rc = make_all_ready(j, w);

	if (rc != 0 || is_done(w))
		return rc;
	for (size_t i = 0; i < w->n; i += GROUPS_AT_ONCE, n++) {
		size_t left = w->n - i;

		w->slices[n] = (struct slice){&w->groups[i],
		    left < GROUPS_AT_ONCE ? left : GROUPS_AT_ONCE};
		w->members[n] = (struct crowd_member){.arg = &w->slices[n]};
	}
	return crowd_begin(&w->crowd, j->store->door, record_fn, w->members, n);
}

/* Waits for what was begun. */
static int end_wave(struct wave *w)
{
	bool begun = w->crowd != NULL;
	int rc = 0;

	crowd_end(&w->crowd);
	for (size_t i = 0, n = 0; begun && rc == 0 && n < w->n; i++) {
		rc = w->members[i].rc;
		for (size_t k = 0; k < w->slices[i].n && rc == 0; k++)
			w->slices[i].groups[k].done =
			    !w->slices[i].groups[k].stale;
		n += w->slices[i].n;
	}
	return rc;
}

/* The same, and all again for which others were quicker. */
static int finish_wave(struct job *j, struct wave *w)
{
	int rc = end_wave(w);

	for (int i = 0; i < TRIES && rc == 0 && !is_done(w); i++) {
		rc = begin_wave(j, w);
		if (rc == 0)
			rc = end_wave(w);
	}
	return rc == 0 && !is_done(w) ? ERR_BUSY : rc;
}

static int set_waves(struct job *j, struct wave *waves)
{
	struct wave *now = &waves[0], *before = &waves[1], *next;
	size_t at = 0;
	int rc = 0;

	while (at < j->n_groups && rc == 0) {
		size_t left = j->n_groups - at;

		arena_reset(now->keep);
		now->groups = &j->groups[at];
		now->n = left < WAVE ? left : WAVE;
		at += now->n;
		rc = begin_wave(j, now);
		if (rc == 0)
			rc = finish_wave(j, before);
		next = before;
		before = now;
		now = next;
	}
	return rc == 0 ? finish_wave(j, before) : rc;
}

static int set_all(struct job *j)
{
	struct wave waves[2] = {
	    {.keep = arena_new(WAVE_BYTES)}, {.keep = arena_new(WAVE_BYTES)}};
	int rc = -ENOMEM;

	if (waves[0].keep != NULL && waves[1].keep != NULL)
		rc = sort_rows(j);
	if (rc == 0)
		rc = set_waves(j, waves);
	for (size_t i = 0; i < 2; i++) {
		crowd_end(&waves[i].crowd);
		arena_free(&waves[i].keep);
	}
	return rc;
}

int ops_leads_set(
    struct store *s, const struct ops_leads *in, struct error *err)
{
	struct job j = {.store = s, .in = in};
	int rc = -ENOMEM;

	if (in->n > OPS_LEADS_MAX)
		return error_set(err, ERR_LIMIT, "more than %d leads at once",
		    OPS_LEADS_MAX);
	j.arena =
	    arena_new((in->n + 2) * (sizeof(struct group) + sizeof(void *)));
	j.scratch = arena_new(SCRATCH_MAX);
	if (j.arena != NULL && j.scratch != NULL)
		rc = set_all(&j);
	arena_free(&j.arena);
	arena_free(&j.scratch);
	return error_of(err, rc, "leads");
}
