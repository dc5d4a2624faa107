/* past.c - see past.h.
 *
 * Messages come from their table, which is ordered by time and has what became
 * of each; all else from the events, most of which are told by two bytes to be
 * of no interest. A copy's leaving names the copy only: while it waits, a hash
 * table leads from it to the row of its coming. */
#include "policy/state/past.h"

#include "policy/base/arena.h"
#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/conf/policy.h"
#include "policy/mail/msgid.h"
#include "policy/state/consent.h"
#include "policy/state/copy.h"
#include "policy/state/message.h"
#include "policy/state/refusal.h"
#include "policy/state/suppression.h"
#include "policy/state/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK = 10000, /* rows of the ledger in one snapshot */
	NAMES_MAX = 60000,
	NAMES_SLOTS = 131072,
	NAMES_BYTES = 16 << 20,
	NAME_MANY = 1, /* the name of those that are too many */
	FIRST_ROWS = 4096,
	BUCKETS = 65536,
};
#define CLOCK_SLACK_MS INT64_C(3600000) /* clocks go back */

struct names {
	struct arena *arena;
	struct str *v;
	size_t n;
	uint16_t *slots;  /* number, 0: free */
	unsigned last[2]; /* of a segment, a campaign: nearly always again */
};

/* From a copy that waits to its row. */
struct copies {
	struct {
		uint64_t id; /* 0: free */
		size_t row;
	} * v;
	size_t n, cap;
};

struct past {
	struct names names;
	struct copies copies;
	struct past_row *rows;
	size_t n, cap;
	uint64_t read;
	bool whole;
	const struct past_query *q;
};

/* --- names --- */

static uint64_t hash_of(struct str s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	return h != 0 ? h : 1;
}

static int names_open(struct names *x)
{
	x->arena = arena_new(NAMES_BYTES);
	x->v = fault_alloc() ? NULL : calloc(NAMES_MAX, sizeof(*x->v));
	x->slots =
	    fault_alloc() ? NULL : calloc(NAMES_SLOTS, sizeof(*x->slots));
	if (x->arena == NULL || x->v == NULL || x->slots == NULL)
		return -ENOMEM;
	x->v[0] = STR("");
	x->v[NAME_MANY] = STR("...");
	x->n = 2;
	return 0;
}

static uint16_t add_name(struct names *x, struct str s, size_t at)
{
	struct str copy = x->n < NAMES_MAX ? arena_str(x->arena, s) : STR_NULL;

	if (copy.p == NULL)
		return NAME_MANY;
	x->v[x->n] = copy;
	x->slots[at] = (uint16_t)x->n;
	return (uint16_t)x->n++;
}

static uint16_t name_of(struct names *x, struct str s, unsigned which)
{
	size_t at;

	if (s.n == 0)
		return 0;
	if (str_eq(x->v[x->last[which]], s))
		return (uint16_t)x->last[which];
	at = hash_of(s) % NAMES_SLOTS;
	while (x->slots[at] != 0 && !str_eq(x->v[x->slots[at]], s))
		at = (at + 1) % NAMES_SLOTS;
	x->last[which] = x->slots[at] != 0 ? x->slots[at] : add_name(x, s, at);
	return (uint16_t)x->last[which];
}

struct str past_name(const struct past *p, unsigned number)
{
	return number < p->names.n ? p->names.v[number] : STR("");
}

size_t past_n_names(const struct past *p)
{
	return p->names.n;
}

/* --- copies that wait --- */

static size_t copy_slot(const struct copies *c, uint64_t id)
{
	size_t at =
	    (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (c->cap - 1);

	while (c->v[at].id != 0 && c->v[at].id != id)
		at = (at + 1) & (c->cap - 1);
	return at;
}

static int copies_grow(struct copies *c)
{
	struct copies more = {.n = c->n, .cap = c->cap > 0 ? 2 * c->cap : 1024};

	more.v = fault_alloc() ? NULL : calloc(more.cap, sizeof(*more.v));
	if (more.v == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < c->cap; i++)
		if (c->v[i].id != 0)
			more.v[copy_slot(&more, c->v[i].id)] = c->v[i];
	free(c->v);
	*c = more;
	return 0;
}

static int copies_put(struct copies *c, uint64_t id, size_t row)
{
	int rc = 2 * c->n >= c->cap ? copies_grow(c) : 0;
	size_t at;

	if (rc != 0)
		return rc;
	at = copy_slot(c, id);
	c->n += c->v[at].id == 0;
	c->v[at].id = id;
	c->v[at].row = row;
	return 0;
}

/* --- rows --- */

/* There is room: see walk_some(). */
static struct past_row *add_row(struct past *p, const struct lead_id *lead,
    enum past_kind kind, int64_t at_ms)
{
	struct past_row *row = &p->rows[p->n++];

	*row = (struct past_row){
	    .lead = *lead, .kind = (uint8_t)kind, .at_ms = at_ms};
	row->group = p->q->group != NULL ? p->q->group(p->q->arg, lead)
					 : lead_id_tag(lead);
	return row;
}

static int make_room(struct past *p)
{
	size_t cap = p->cap > 0 ? 2 * p->cap : (size_t)FIRST_ROWS;
	struct past_row *v;

	if (p->n < p->cap)
		return 0;
	if (p->n >= p->q->max_rows)
		return ERR_FULL;
	cap = cap < p->q->max_rows ? cap : p->q->max_rows;
	v = fault_alloc() ? NULL : realloc(p->rows, cap * sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	p->rows = v;
	p->cap = cap;
	return 0;
}

static bool is_wanted(const struct past *p, const struct lead_id *lead)
{
	const struct past_query *q = p->q;
	uint64_t group;

	if (q->parts <= 1)
		return true;
	group = q->group != NULL ? q->group(q->arg, lead) : lead_id_tag(lead);
	return group % q->parts == q->part;
}

static int on_message(struct past *p, struct str value)
{
	struct message_record r;
	struct past_row *row;
	struct lead_id lead;
	int rc = message_lead(value, &lead);

	if (rc != 0 || !is_wanted(p, &lead))
		return rc;
	rc = message_decode(value, &r);
	if (rc != 0 || r.proposed_ms > p->q->until_ms)
		return rc;
	row = add_row(p, &r.lead, PAST_MESSAGE, r.proposed_ms);
	row->end_ms = r.changed_ms;
	row->mark = hash_of(r.queue_id);
	row->label = r.label;
	row->code = (uint8_t)r.state;
	row->segment = name_of(&p->names, r.segment, 0);
	row->campaign = name_of(&p->names, r.campaign, 1);
	row->flags = (uint8_t)((r.counts ? PAST_COUNTS : 0) |
			       (r.purpose.n > 0 ? PAST_NURTURE : 0));
	return 0;
}

static struct lead_id lead_of(const unsigned char b[LEAD_ID_BYTES])
{
	struct lead_id id;

	memcpy(id.b, b, sizeof(id.b));
	return id;
}

/* What says nothing of a message that came: ours, or told otherwise too. */
static bool is_attempt(const struct event_refusal *e)
{
	switch ((enum verdict_reason)e->reason) {
	case REASON_DUPLICATE:
	case REASON_IN_FLIGHT:
	case REASON_NO_POLICY:
	case REASON_TAKEN:
	case REASON_NOT_NURTURE:
	case REASON_TROUBLE:
		return false;
	case REASON_ALLOWED:
	case REASON_SUPPRESSED:
	case REASON_SUPPRESSED_SEGMENT:
	case REASON_OBJECTED:
	case REASON_WITHDRAWN:
	case REASON_NO_CONSENT:
	case REASON_NOT_COMPLIANT:
	case REASON_STOPPED:
	case REASON_SEGMENT_CAP:
	case REASON_PERSON_CAP:
	case REASON_UNKNOWN_SEGMENT:
	case REASON_COMPANY_CAP:
	case REASON_ORDER:
	case REASON_YIELD:
	case REASON_CLOSED:
		break;
	}
	return !e->shadowed && e->segment.n > 0 && e->action != VERDICT_HOLD &&
	       e->action != VERDICT_ALLOW;
}

static int on_refusal(struct past *p, const struct event *ev)
{
	struct event_refusal e;
	struct past_row *row;
	struct lead_id lead;
	int rc = refusal_decode(ev->payload, &e);

	if (rc != 0 || !is_attempt(&e))
		return rc;
	lead = lead_of(e.lead);
	if (!is_wanted(p, &lead))
		return 0;
	row = add_row(p, &lead, PAST_REFUSED, ev->time_ms);
	row->label = policy_label(e.segment);
	row->segment = name_of(&p->names, e.segment, 0);
	row->code = (uint8_t)e.reason;
	row->detail = (uint8_t)e.detail;
	row->action = (uint8_t)e.action;
	row->flags = PAST_COUNTS | PAST_NURTURE;
	return 0;
}

static int on_copy(struct past *p, const struct event *ev)
{
	struct event_copy_added e;
	struct past_row *row;
	struct lead_id lead;
	int rc = copy_decode_added(ev->payload, &e);

	if (rc != 0 || e.kind != COPY_HELD)
		return rc;
	lead = lead_of(e.lead);
	if (!is_wanted(p, &lead))
		return 0;
	rc = copies_put(&p->copies, e.id, p->n);
	if (rc != 0)
		return rc;
	row = add_row(p, &lead, PAST_HELD,
	    e.arrived_ms != 0 ? e.arrived_ms : ev->time_ms);
	row->label = policy_label(e.segment);
	row->segment = name_of(&p->names, e.segment, 0);
	row->campaign = name_of(&p->names, e.campaign, 1);
	row->copy = e.id;
	row->flags = PAST_COUNTS | PAST_NURTURE;
	return 0;
}

/* Of copies that came in this time, of people who are wanted. */
static int on_copy_left(struct past *p, const struct event *ev)
{
	struct event_copy_recipient e;
	struct past_row *row;
	size_t at;
	int rc = copy_decode_recipient(ev->payload, &e);

	if (rc != 0 || p->copies.cap == 0)
		return rc;
	at = copy_slot(&p->copies, e.id);
	if (p->copies.v[at].id == 0)
		return 0;
	row = add_row(
	    p, &p->rows[p->copies.v[at].row].lead, PAST_LEFT, ev->time_ms);
	row->copy = e.id;
	row->mark = hash_of(e.queue_id);
	row->code = (uint8_t)e.outcome;
	return 0;
}

static int on_consent(struct past *p, const struct event *ev)
{
	struct event_consent e;
	struct past_row *row;
	struct lead_id lead;
	int rc = consent_decode(ev->payload, &e);

	if (rc != 0)
		return rc;
	lead = lead_of(e.lead);
	if (!is_wanted(p, &lead))
		return 0;
	row = add_row(p, &lead, PAST_CONSENT, ev->time_ms);
	row->label = e.label;
	row->code = (uint8_t)e.state;
	return 0;
}

static int on_suppression(struct past *p, const struct event *ev)
{
	struct event_unsuppressed lifted = {0};
	struct event_suppressed e = {0};
	struct past_row *row;
	struct lead_id lead;
	int rc = ev->type == EV_SUPPRESSED
		     ? suppression_decode(ev->payload, &e)
		     : suppression_decode_removed(ev->payload, &lifted);

	if (rc == 0 && ev->type != EV_SUPPRESSED)
		e = (struct event_suppressed){.kind = lifted.kind,
		    .what = lifted.what,
		    .label = lifted.label};
	if (rc != 0 || e.kind != SUPPRESS_LEAD || e.what.n != LEAD_ID_BYTES)
		return rc;
	memcpy(lead.b, e.what.p, LEAD_ID_BYTES);
	if (!is_wanted(p, &lead))
		return 0;
	row = add_row(p, &lead, PAST_SUPPRESSION, ev->time_ms);
	row->label = e.label;
	row->code = (uint8_t)e.reason;
	return 0;
}

static int on_event(struct past *p, struct str key, struct str value)
{
	unsigned type = value.n >= 2 ? codec_get_u16(value.p) : 0;
	int (*on)(struct past * p, const struct event *ev) =
	    type == EV_DECIDED || type == EV_REFUSED           ? on_refusal
	    : type == EV_COPY_ADDED                            ? on_copy
	    : type == EV_COPY_RECIPIENT                        ? on_copy_left
	    : type == EV_CONSENT                               ? on_consent
	    : type == EV_SUPPRESSED || type == EV_UNSUPPRESSED ? on_suppression
							       : NULL;
	struct event ev;
	int rc;

	if (on == NULL)
		return 0;
	rc = event_decode(key, value, &ev);
	if (rc != 0 || ev.time_ms < p->q->since_ms ||
	    ev.time_ms > p->q->until_ms)
		return rc;
	return on(p, &ev);
}

/* --- cursors --- */

/* A walk over one of the two tables. */
struct walk {
	unsigned table;
	uint64_t next, last; /* keys; behind last nothing is wanted */
	int (*on)(struct past *p, struct str key, struct str value);
};

static int on_message_row(struct past *p, struct str key, struct str value)
{
	(void)key;
	return on_message(p, value);
}

static int walk_some(struct past *p, const struct ledger_txn *t, struct walk *w)
{
	char from[8];
	struct ledger_iter it;
	struct str key, value;
	int rc;

	codec_put_u64(from, w->next);
	rc = ledger_iter_open(
	    t, w->table, (struct str){from, sizeof(from)}, LEDGER_UP, &it);
	if (rc != 0)
		return rc;
	for (int i = 0; rc == 0 && i < CHUNK; i++) {
		rc = make_room(p);
		if (rc == 0)
			rc = ledger_iter_next(&it, &key, &value);
		if (rc != 0)
			break;
		w->next = codec_get_u64(key.p) + 1;
		if (w->next - 1 > w->last) {
			rc = ERR_NOT_FOUND;
			break;
		}
		p->read++;
		rc = w->on(p, key, value);
	}
	ledger_iter_close(&it);
	return rc;
}

/* share: of the whole, what this walk is from and to. */
static int walk_all(struct past *p, struct ledger *l, struct walk *w,
    const double share[2], double *share_out)
{
	uint64_t first = w->next;
	int rc = 0;

	while (rc == 0) {
		struct ledger_txn *t = NULL;
		double done = w->last > first ? (double)(w->next - first) /
						    (double)(w->last - first)
					      : 1;

		*share_out =
		    share[0] + (share[1] - share[0]) * (done < 1 ? done : 1);
		if (p->q->progress != NULL &&
		    !p->q->progress(p->q->arg, *share_out))
			return ERR_STOPPING;
		rc = ledger_read_begin(l, &t);
		if (rc == 0)
			rc = walk_some(p, t, w);
		ledger_read_end(&t);
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int past_find_event(const struct ledger_txn *t, int64_t ms, uint64_t *seq_out)
{
	uint64_t low = 1, high = 0;
	struct event ev;
	int rc = ledger_last_seq(t, &high);

	high++;
	while (rc == 0 && low < high) {
		uint64_t middle = low + (high - low) / 2;

		rc = event_get(t, middle, &ev);
		if (rc == ERR_NOT_FOUND) { /* was pruned */
			low = middle + 1;
			rc = 0;
		} else if (rc == 0 && ev.time_ms < ms - CLOCK_SLACK_MS) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	*seq_out = low;
	return rc;
}

static int find_events(struct past *p, struct ledger *l, struct walk *w)
{
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(l, &t);

	if (rc == 0)
		rc = ledger_last_seq(t, &w->last);
	if (rc == 0)
		rc = past_find_event(t, p->q->since_ms, &w->next);
	ledger_read_end(&t);
	p->whole = w->next <= 1;
	return rc;
}

/* --- order --- */

static int by_person_and_time(const void *a, const void *b)
{
	const struct past_row *x = a, *y = b;
	int c;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	c = memcmp(x->lead.b, y->lead.b, sizeof(x->lead.b));
	if (c != 0)
		return c;
	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return x->kind - y->kind;
}

static size_t bucket_of(const struct past_row *r)
{
	return (size_t)(r->group * UINT64_C(0x9e3779b97f4a7c15) >> 48);
}

/* Each row to its bucket, in place: what stands where it does not belong goes
 * home, and what stood there goes on. */
static void sort_into_buckets(
    struct past_row *v, size_t *next, const size_t *ends)
{
	for (size_t b = 0; b < BUCKETS; b++) {
		while (next[b] < ends[b]) {
			struct past_row *row = &v[next[b]];
			size_t home = bucket_of(row);
			struct past_row other;

			if (home != b) {
				other = v[next[home]];
				v[next[home]] = *row;
				*row = other;
			}
			next[home]++;
		}
	}
}

/* Into buckets by group first, small enough for the nearest memory. */
static int sort_rows(struct past *p)
{
	size_t *ends =
	    fault_alloc() ? NULL : calloc(2 * (size_t)BUCKETS, sizeof(*ends));
	size_t *next = ends != NULL ? ends + BUCKETS : NULL, at = 0;

	if (ends == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < p->n; i++)
		ends[bucket_of(&p->rows[i])]++;
	for (size_t b = 0; b < BUCKETS; b++) {
		next[b] = at;
		at += ends[b];
		ends[b] = at;
	}
	sort_into_buckets(p->rows, next, ends);
	for (size_t b = 0; b < BUCKETS; b++) {
		at = b > 0 ? ends[b - 1] : 0;
		if (ends[b] > at)
			qsort(p->rows + at, ends[b] - at, sizeof(*p->rows),
			    by_person_and_time);
	}
	free(ends);
	return 0;
}

/* --- all --- */

int past_read(struct past *p, struct ledger *l, const struct past_query *q,
    double *share_out, struct error *err)
{
	static const double messages[2] = {0, 0.5}, events[2] = {0.5, 1};
	struct walk w = {.table = TABLE_MESSAGE,
	    .next = msgid_floor(q->from_ms),
	    .last = msgid_floor(q->until_ms + 1),
	    .on = on_message_row};
	int rc;

	p->q = q;
	p->n = 0;
	if (p->copies.n > 0)
		memset(p->copies.v, 0, p->copies.cap * sizeof(*p->copies.v));
	p->copies.n = 0;
	rc = walk_all(p, l, &w, messages, share_out);
	w.table = LEDGER_EVENT;
	w.on = on_event;
	if (rc == 0)
		rc = find_events(p, l, &w);
	if (rc == 0)
		rc = walk_all(p, l, &w, events, share_out);
	if (rc == 0)
		rc = sort_rows(p);
	return error_of(err, rc, "ledger");
}

const struct past_row *past_rows(const struct past *p, size_t *n_out)
{
	*n_out = p->n;
	return p->rows;
}

bool past_is_whole(const struct past *p)
{
	return p->whole;
}

uint64_t past_n_read(const struct past *p)
{
	return p->read;
}

int past_new(struct past **out)
{
	struct past *p = fault_alloc() ? NULL : calloc(1, sizeof(*p));
	int rc = p != NULL ? names_open(&p->names) : -ENOMEM;

	if (rc != 0)
		past_free(&p);
	*out = p;
	return rc;
}

void past_free(struct past **p)
{
	if (*p == NULL)
		return;
	arena_free(&(*p)->names.arena);
	free((*p)->names.v);
	free((*p)->names.slots);
	free((*p)->copies.v);
	free((*p)->rows);
	free(*p);
	*p = NULL;
}
