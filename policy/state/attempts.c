/* attempts.c - see attempts.h. */
#include "policy/state/attempts.h"

#include "policy/base/array.h"
#include "policy/base/when.h"
#include "policy/state/copy.h"

#include <stdlib.h>

enum {
	OPEN_MAX =
	    64, /* copies and deferred messages of one person at a time */
};

/* What is not at its end yet. */
struct open {
	uint32_t label;
	size_t attempt;
	uint32_t copy; /* 0: deferred */
	int64_t at_ms;
	bool refused; /* since it waits: for the person's sake */
};

struct reading {
	struct attempts *a;
	const struct past_row *rows;
	size_t n;
	int64_t since_ms;
	struct open open[OPEN_MAX];
	size_t n_open;
	int64_t moved_ms;
};

static int64_t at_of(const struct past_row *row)
{
	return (int64_t)row->at_ms;
}

static uint32_t label_of(const struct reading *r, const struct past_row *row)
{
	return past_what(r->a->past, row->what)->label;
}

/* Of its own person: */
static uint32_t first_of(const struct attempts *a)
{
	return (uint32_t)(a->n_people - 1);
}

static int add_change(struct attempts *a, const struct replay_change *c)
{
	int rc = ARRAY_ROOM(a->changes, a->cap_changes, a->n_changes + 1);

	if (rc != 0)
		return rc;
	a->changes[a->n_changes++] = *c;
	a->people[first_of(a)].n_changes++;
	return 0;
}

static int add_person(struct attempts *a)
{
	int rc = ARRAY_ROOM(a->people, a->cap_people, a->n_people + 1);

	if (rc == 0)
		a->people[a->n_people++] = (struct replay_person){0};
	return rc;
}

static int room_for_one(struct attempts *a)
{
	size_t cap = a->cap;
	int rc = ARRAY_ROOM(a->messages, cap, a->n + 1);

	return rc == 0 ? ARRAY_ROOM(a->v, a->cap, a->n + 1) : rc;
}

static int add_message(struct reading *r, const struct past_row *row,
    enum replay_fate recorded, struct replay_message **out)
{
	struct attempts *a = r->a;
	int rc = room_for_one(a);

	if (rc != 0)
		return rc;
	a->v[a->n] = (struct attempt){.recorded = recorded, .what = row->what};
	*out = &a->messages[a->n];
	**out = (struct replay_message){
	    .arrived_ms = at_of(row),
	    .person = first_of(a),
	    .label = label_of(r, row),
	    .counts = (row->flags & PAST_COUNTS) != 0,
	    .outcome = SLOT_DELIVERED,
	    .mark = (uint32_t)a->n,
	};
	a->n++;
	return 0;
}

static void set_outcome(
    struct replay_message *m, struct attempt *v, const struct past_row *row)
{
	m->outcome = (enum slot_state)row->code;
	m->outcome_after_ms = row->more;
	v->done_ms = at_of(row);
}

/* --- what is open --- */

/* The oldest one that is not remembered any more is no one's again. */
static void remember(struct reading *r, const struct open *o)
{
	if (r->n_open == OPEN_MAX) {
		for (size_t i = 1; i < OPEN_MAX; i++)
			r->open[i - 1] = r->open[i];
		r->n_open--;
	}
	r->open[r->n_open++] = *o;
}

static void forget(struct reading *r, size_t at)
{
	for (size_t i = at + 1; i < r->n_open; i++)
		r->open[i - 1] = r->open[i];
	r->n_open--;
}

/* n_open: none. */
static size_t find_copy(const struct reading *r, uint32_t copy)
{
	size_t i = 0;

	while (i < r->n_open && r->open[i].copy != copy)
		i++;
	return i;
}

static size_t find_deferred(
    const struct reading *r, uint32_t label, int64_t now_ms)
{
	size_t i = 0;

	while (i < r->n_open &&
	       (r->open[i].copy != 0 || r->open[i].label != label ||
		   now_ms - r->open[i].at_ms > ATTEMPTS_RETRY_MS))
		i++;
	return i;
}

/* --- rows --- */

/* The copy that this message came of; 0: none. It leaves after its message is
 * proposed. */
static uint32_t copy_of(const struct reading *r, const struct past_row *row)
{
	uint32_t label = label_of(r, row);

	for (size_t i = 0; i < r->n_open; i++) {
		if (r->open[i].copy == 0 || r->open[i].label != label)
			continue;
		for (const struct past_row *w = row; w < r->rows + r->n; w++)
			if (w->kind == PAST_LEFT && w->mark == row->mark &&
			    w->more == r->open[i].copy)
				return w->more;
	}
	return 0;
}

static int on_message(struct reading *r, const struct past_row *row)
{
	struct attempts *a = r->a;
	uint32_t copy = r->n_open > 0 ? copy_of(r, row) : 0;
	size_t at = copy != 0 ? find_copy(r, copy)
			      : find_deferred(r, label_of(r, row), at_of(row));
	struct replay_message *m;
	int rc;

	if (at < r->n_open && (row->flags & PAST_NURTURE) != 0) {
		size_t i = r->open[at].attempt;

		set_outcome(&a->messages[i], &a->v[i], row);
		a->v[i].recorded = REPLAY_HELD;
		if (past_what(a->past, a->v[i].what)->campaign == 0)
			a->v[i].what = row->what;
		forget(r, at);
		return 0;
	}
	rc = add_message(r, row, REPLAY_SENT, &m);
	if (rc != 0)
		return rc;
	set_outcome(m, &a->v[m->mark], row);
	m->fixed = at_of(row) < r->since_ms || (row->flags & PAST_NURTURE) == 0;
	return 0;
}

/* Waits, until it left. */
static int on_held(struct reading *r, const struct past_row *row)
{
	struct replay_message *m;
	int rc = add_message(r, row, REPLAY_HELD, &m);

	if (rc != 0)
		return rc;
	r->a->v[m->mark].stopped = row->code == REASON_STOPPED;
	remember(r, &(struct open){.label = m->label,
			.attempt = m->mark,
			.copy = row->more,
			.at_ms = at_of(row)});
	return 0;
}

/* A copy that was sent is still open here only if its message was not found. */
static int on_left(struct reading *r, const struct past_row *row)
{
	size_t at = find_copy(r, row->more);
	struct attempt *v;

	if (at == r->n_open)
		return 0;
	v = &r->a->v[r->open[at].attempt];
	switch ((enum copy_outcome)row->code) {
	case COPY_SENT:
	case COPY_DUPLICATE:
	case COPY_SPLIT:
		v->done_ms = at_of(row);
		break;
	case COPY_BOUNCED:
		v->recorded =
		    r->open[at].refused ? REPLAY_REFUSED : REPLAY_BOUNCED;
		break;
	case COPY_DROPPED:
	case COPY_REMOVED:
		v->recorded = REPLAY_DROPPED;
		break;
	}
	forget(r, at);
	return 0;
}

static enum replay_fate fate_of(const struct past_row *row)
{
	if (row->action == VERDICT_DROP)
		return REPLAY_DROPPED;
	if (row->action == VERDICT_DEFER)
		return REPLAY_DEFERRED;
	return row->code == REASON_STOPPED ||
		       verdict_reason_competes((enum verdict_reason)row->code)
		   ? REPLAY_BOUNCED
		   : REPLAY_REFUSED;
}

static void note_reason(struct replay_message *m, const struct past_row *row)
{
	if (row->code == REASON_NOT_COMPLIANT)
		m->compliance = (enum comply_result)row->mark;
	if (row->code != REASON_SUPPRESSED &&
	    row->code != REASON_SUPPRESSED_SEGMENT)
		return;
	m->suppression = (enum suppression_reason)row->mark;
	m->suppression_of_segment = row->code == REASON_SUPPRESSED_SEGMENT;
}

/* What is decided while a copy of that segment waits is the copy's. */
static bool note_held(
    struct reading *r, uint32_t label, const struct past_row *row)
{
	bool held = false;

	for (size_t i = 0; i < r->n_open; i++) {
		if (r->open[i].copy == 0 || r->open[i].label != label)
			continue;
		r->open[i].refused = fate_of(row) == REPLAY_REFUSED;
		held = true;
	}
	return held;
}

static int on_refused(struct reading *r, const struct past_row *row)
{
	bool deferred = row->action == VERDICT_DEFER;
	uint32_t label = label_of(r, row);
	struct replay_message *m;
	int rc;

	if (note_held(r, label, row) ||
	    find_deferred(r, label, at_of(row)) < r->n_open)
		return 0;
	rc = add_message(r, row, fate_of(row), &m);
	if (rc != 0)
		return rc;
	note_reason(m, row);
	if (deferred)
		remember(r, &(struct open){.label = label,
				.attempt = m->mark,
				.at_ms = at_of(row)});
	return 0;
}

static int on_change(struct reading *r, const struct past_row *row)
{
	struct replay_change c = {
	    .at_ms = at_of(row),
	    .label = row->what,
	    .is_suppression = row->kind == PAST_SUPPRESSION,
	};

	if (c.is_suppression) {
		c.suppression = (enum suppression_reason)row->code;
		c.until_ms = row->more * WHEN_MINUTE_MS;
	} else
		c.consent = (enum consent_state)row->code;
	return add_change(r->a, &c);
}

static int on_row(struct reading *r, const struct past_row *row)
{
	switch ((enum past_kind)row->kind) {
	case PAST_MESSAGE:
		return on_message(r, row);
	case PAST_REFUSED:
		return on_refused(r, row);
	case PAST_HELD:
		return on_held(r, row);
	case PAST_LEFT:
		return on_left(r, row);
	case PAST_MOVED:
		r->moved_ms = at_of(row);
		return 0;
	case PAST_CONSENT:
	case PAST_SUPPRESSION:
		break;
	}
	return on_change(r, row);
}

int attempts_add(struct attempts *a, const struct past_row *rows, size_t n,
    int64_t since_ms, int64_t *moved_ms_out)
{
	struct reading r = {.a = a,
	    .rows = rows,
	    .n = n,
	    .since_ms = since_ms,
	    .moved_ms = INT64_MIN};
	int rc = add_person(a);

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = on_row(&r, &rows[i]);
	*moved_ms_out = r.moved_ms;
	return rc;
}

/* --- what was before --- */

static struct replay_change *changes_of_last(const struct attempts *a)
{
	return a->changes + a->n_changes - a->people[first_of(a)].n_changes;
}

const struct replay_change *attempts_first_change(
    const struct attempts *a, uint32_t purpose)
{
	const struct replay_change *c;

	if (a->people[first_of(a)].n_changes == 0)
		return NULL;
	for (c = changes_of_last(a); c < a->changes + a->n_changes; c++)
		if (!c->is_suppression && c->label == purpose)
			return c;
	return NULL;
}

int attempts_add_first(
    struct attempts *a, uint32_t purpose, enum consent_state state)
{
	struct replay_change c = {
	    .at_ms = INT64_MIN, .label = purpose, .consent = state};
	struct replay_change *v;
	int rc = add_change(a, &c);

	if (rc != 0)
		return rc;
	v = changes_of_last(a);
	for (size_t i = a->people[first_of(a)].n_changes - 1; i > 0; i--)
		v[i] = v[i - 1];
	v[0] = c;
	return 0;
}

/* --- all --- */

static int by_arrival(const void *a, const void *b)
{
	const struct replay_message *x = a, *y = b;

	if (x->arrived_ms != y->arrived_ms)
		return x->arrived_ms < y->arrived_ms ? -1 : 1;
	return x->mark < y->mark ? -1 : x->mark > y->mark;
}

void attempts_finish(struct attempts *a)
{
	const struct replay_change *c = a->changes;
	bool sorted = true;

	for (size_t i = 0; i < a->n_people; i++) {
		a->people[i].changes = c;
		if (c != NULL) /* of all people, or of none */
			c += a->people[i].n_changes;
	}
	for (size_t i = 1; sorted && i < a->n; i++)
		sorted = by_arrival(&a->messages[i - 1], &a->messages[i]) < 0;
	if (!sorted)
		qsort(a->messages, a->n, sizeof(*a->messages), by_arrival);
}

void attempts_reset(struct attempts *a)
{
	a->n = a->n_people = a->n_changes = 0;
}

void attempts_fini(struct attempts *a)
{
	free(a->messages);
	free(a->v);
	free(a->people);
	free(a->changes);
	*a = (struct attempts){0};
}
