/* past.c - see past.h.
 *
 * Messages come from their table, which is ordered by time and has what became
 * of each; all else from the events, most of which are told by two bytes to be
 * of no interest. A copy's leaving names the copy only: while it waits, a hash
 * table leads from it to the person. */
#include "policy/state/past.h"

#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/base/when.h"
#include "policy/conf/policy.h"
#include "policy/mail/msgid.h"
#include "policy/state/consent.h"
#include "policy/state/copy.h"
#include "policy/state/lead.h"
#include "policy/state/message.h"
#include "policy/state/refusal.h"
#include "policy/state/suppression.h"
#include "policy/state/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK = 10000, /* rows of the ledger in one snapshot */
	FIRST_ROWS = 4096,
	COPIES_FIRST = 256,
	BUCKETS = 65536,
	PARTS_MAX = 65536,
};
#define CLOCK_SLACK_MS INT64_C(3600000) /* clocks go back */

/* From a copy that waits to its person and its number in the rows. */
struct waiting_copy {
	uint64_t id; /* 0: free */
	uint32_t person, number;
};

struct copies {
	struct waiting_copy *v;
	size_t n, cap;
	uint32_t last; /* number given */
};

struct past {
	struct pastnames *names;
	struct paststops *stops;
	struct pastpeople people;
	struct copies copies;
	struct past_row *rows;
	size_t n, cap;
	uint64_t read;
	bool whole;
	int64_t begins_ms;
	const struct past_query *q;
	struct past_part *part; /* the caller's */
};

/* --- copies that wait --- */

static size_t copy_slot(const struct copies *c, uint64_t id)
{
	size_t at =
	    (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (c->cap - 1);

	while (c->v[at].id != 0 && c->v[at].id != id)
		at = (at + 1) & (c->cap - 1);
	return at;
}

static int copies_resize(struct copies *c, size_t cap)
{
	struct copies more = {.n = 0, .cap = cap, .last = c->last};

	more.v = fault_alloc() ? NULL : calloc(more.cap, sizeof(*more.v));
	if (more.v == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < c->cap; i++) {
		if (c->v[i].id == 0 || c->v[i].person == PASTPEOPLE_GONE)
			continue;
		more.v[copy_slot(&more, c->v[i].id)] = c->v[i];
		more.n++;
	}
	free(c->v);
	*c = more;
	return 0;
}

static int copies_put(struct copies *c, uint64_t id, uint32_t person)
{
	int rc = 2 * c->n >= c->cap
		     ? copies_resize(c, c->cap > 0 ? 2 * c->cap : COPIES_FIRST)
		     : 0;
	size_t at;

	if (rc != 0)
		return rc;
	at = copy_slot(c, id);
	c->n += c->v[at].id == 0;
	c->v[at] = (struct waiting_copy){id, person, ++c->last};
	return 0;
}

static void copies_clear(struct copies *c)
{
	if (c->n > 0)
		memset(c->v, 0, c->cap * sizeof(*c->v));
	c->n = 0;
	c->last = 0;
}

/* --- memory --- */

static size_t bytes_of(const struct past *p, size_t rows)
{
	return rows * sizeof(*p->rows) + p->people.n * PASTPEOPLE_BYTES +
	       p->copies.cap * sizeof(*p->copies.v);
}

/* The rows of those who stay, and their copies. */
static void thin_rows(struct past *p, const uint32_t *now)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct past_row row = p->rows[i];

		row.person = now[row.person];
		if (row.person != PASTPEOPLE_GONE)
			p->rows[n++] = row;
	}
	p->n = n;
	for (size_t i = 0; i < p->copies.cap; i++) {
		struct waiting_copy *c = &p->copies.v[i];

		if (c->id == 0)
			continue;
		c->person = now[c->person];
		p->copies.n -= c->person == PASTPEOPLE_GONE;
	}
}

/* The table becomes as small as it may be. */
static int thin_copies(struct copies *c)
{
	size_t cap = c->cap;

	while (cap > COPIES_FIRST && 4 * c->n < cap)
		cap /= 2;
	return cap > 0 ? copies_resize(c, cap) : 0;
}

/* Half of this part is read later. */
static int thin(struct past *p)
{
	uint32_t *now;

	if (p->part->parts >= PARTS_MAX)
		return ERR_LIMIT;
	now = fault_alloc() ? NULL : calloc(p->people.n + 1, sizeof(*now));
	if (now == NULL)
		return -ENOMEM;
	p->part->parts *= 2;
	pastpeople_thin(&p->people, p->part->parts, p->part->part, now);
	thin_rows(p, now);
	free(now);
	return thin_copies(&p->copies);
}

/* For one more. */
static int make_room(struct past *p)
{
	size_t cap = p->cap > 0 ? 2 * p->cap : (size_t)FIRST_ROWS;
	size_t most = p->q->memory_max / sizeof(*p->rows);
	struct past_row *v;
	int rc = 0;

	while (rc == 0 && bytes_of(p, p->n + 1) > p->q->memory_max)
		rc = thin(p);
	if (rc != 0 || p->n < p->cap)
		return rc;
	cap = cap < most ? cap : most;
	v = fault_alloc() ? NULL : realloc(p->rows, cap * sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	p->rows = v;
	p->cap = cap;
	return 0;
}

/* --- rows --- */

static uint32_t hash_of(struct str s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 32;
	return h != 0 ? (uint32_t)h : 1;
}

static uint64_t group_of(const struct past *p, const struct lead_id *lead)
{
	return p->q->group != NULL ? p->q->group(p->q->arg, lead)
				   : lead_id_tag(lead);
}

static bool is_wanted(const struct past *p, const struct lead_id *lead)
{
	return p->part->parts <= 1 ||
	       group_of(p, lead) % p->part->parts == p->part->part;
}

/* There is room: see walk_some(). */
static struct past_row *put_row(
    struct past *p, uint32_t person, enum past_kind kind, int64_t at_ms)
{
	struct past_row *row = &p->rows[p->n++];

	*row = (struct past_row){.person = person,
	    .kind = (unsigned)kind & 7,
	    .at_ms = (uint64_t)(at_ms > 0 ? at_ms : 0) & 0xffffffffffff};
	return row;
}

static int add_row(struct past *p, const struct lead_id *lead,
    enum past_kind kind, int64_t at_ms, struct past_row **out)
{
	uint32_t person;
	bool is_new;
	int rc = pastpeople_add(&p->people, lead, &person, &is_new);

	if (rc != 0)
		return rc;
	if (is_new)
		p->people.v[person].group = group_of(p, lead);
	*out = put_row(p, person, kind, at_ms);
	return 0;
}

static uint32_t span(int64_t from_ms, int64_t to_ms)
{
	if (to_ms <= from_ms)
		return 0;
	return to_ms - from_ms < UINT32_MAX ? (uint32_t)(to_ms - from_ms)
					    : UINT32_MAX;
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
	rc = add_row(p, &r.lead, PAST_MESSAGE, r.proposed_ms, &row);
	if (rc != 0)
		return rc;
	row->more = span(r.proposed_ms, r.changed_ms);
	row->mark = hash_of(r.queue_id);
	row->code = (unsigned)r.state & 0xff;
	row->what =
	    pastnames_what(p->names, r.segment, r.campaign, r.from_domain);
	row->flags = ((r.counts ? PAST_COUNTS : 0U) |
			 (r.purpose.n > 0 ? PAST_NURTURE : 0U)) &
		     3;
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
	case REASON_PAUSED:
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
	rc = add_row(p, &lead, PAST_REFUSED, ev->time_ms, &row);
	if (rc != 0)
		return rc;
	row->what =
	    pastnames_what(p->names, e.segment, e.campaign, e.from_domain);
	row->code = e.reason & 0xff;
	row->mark = e.detail;
	row->action = e.action & 7;
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
	rc = add_row(p, &lead, PAST_HELD,
	    e.arrived_ms != 0 ? e.arrived_ms : ev->time_ms, &row);
	if (rc == 0)
		rc = copies_put(&p->copies, e.id, row->person);
	if (rc != 0)
		return rc;
	row->what =
	    pastnames_what(p->names, e.segment, e.campaign, e.from_domain);
	row->code = e.reason & 0xff;
	row->more = p->copies.last;
	row->flags = PAST_COUNTS | PAST_NURTURE;
	return 0;
}

/* Of copies that came in this time, of people who are wanted. */
static void add_left(struct past *p, const struct event *ev, uint64_t id,
    struct str queue_id, uint32_t outcome)
{
	const struct waiting_copy *c;
	struct past_row *row;

	if (p->copies.cap == 0)
		return;
	c = &p->copies.v[copy_slot(&p->copies, id)];
	if (c->id == 0)
		return;
	row = put_row(p, c->person, PAST_LEFT, ev->time_ms);
	row->more = c->number;
	row->mark = hash_of(queue_id);
	row->code = outcome & 0xff;
}

static int on_copy_left(struct past *p, const struct event *ev)
{
	struct event_copy_recipient e;
	int rc = copy_decode_recipient(ev->payload, &e);

	if (rc == 0)
		add_left(p, ev, e.id, e.queue_id, e.outcome);
	return rc;
}

static int on_copy_dropped(struct past *p, const struct event *ev)
{
	struct event_copy_word e;
	int rc = copy_decode_word(ev->payload, &e);

	if (rc == 0)
		add_left(p, ev, e.id, STR(""), COPY_REMOVED);
	return rc;
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
	rc = add_row(p, &lead, PAST_CONSENT, ev->time_ms, &row);
	if (rc != 0)
		return rc;
	row->what = e.label;
	row->code = e.state & 0xff;
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
	rc = add_row(p, &lead, PAST_SUPPRESSION, ev->time_ms, &row);
	if (rc != 0)
		return rc;
	row->what = e.label;
	row->code = (unsigned)e.reason & 0xff;
	row->more =
	    (uint32_t)((e.until_ms + WHEN_MINUTE_MS - 1) / WHEN_MINUTE_MS);
	return 0;
}

static int on_move(struct past *p, const struct event *ev)
{
	struct event_lead_merged e;
	struct past_row *row;
	struct lead_id lead;
	int rc = lead_event_decode_merged(ev->payload, &e);

	if (rc != 0)
		return rc;
	lead = lead_of(e.lead);
	return is_wanted(p, &lead)
		   ? add_row(p, &lead, PAST_MOVED, ev->time_ms, &row)
		   : 0;
}

static int on_stop(struct past *p, const struct event *ev)
{
	return paststops_event(p->stops, ev);
}

struct reader {
	int (*on)(struct past *p, const struct event *ev);
	bool always; /* at whatever time: it says since when something is */
};

static struct reader reader_of(unsigned type)
{
	switch (type) {
	case EV_DECIDED:
	case EV_REFUSED:
		return (struct reader){on_refusal, false};
	case EV_COPY_ADDED:
		return (struct reader){on_copy, false};
	case EV_COPY_RECIPIENT:
		return (struct reader){on_copy_left, false};
	case EV_COPY_DROPPED:
		return (struct reader){on_copy_dropped, false};
	case EV_CONSENT:
		return (struct reader){on_consent, false};
	case EV_SUPPRESSED:
	case EV_UNSUPPRESSED:
		return (struct reader){on_suppression, false};
	case EV_LEAD_MERGED:
		return (struct reader){on_move, true};
	case EV_STOPPED:
	case EV_RESUMED:
		return (struct reader){on_stop, true};
	default:
		return (struct reader){NULL, false};
	}
}

static int on_event(struct past *p, struct str key, struct str value)
{
	struct reader r = reader_of(value.n >= 2 ? codec_get_u16(value.p) : 0);
	struct event ev;
	int rc;

	if (r.on == NULL)
		return 0;
	rc = event_decode(key, value, &ev);
	if (rc != 0 || (!r.always && (ev.time_ms < p->q->since_ms ||
					 ev.time_ms > p->q->until_ms)))
		return rc;
	return r.on(p, &ev);
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
static int walk_all(
    struct past *p, struct ledger *l, struct walk *w, const double share[2])
{
	uint64_t first = w->next;
	int rc = 0;

	while (rc == 0) {
		struct ledger_txn *t = NULL;
		double done = w->last > first ? (double)(w->next - first) /
						    (double)(w->last - first)
					      : 1;

		done = share[0] + (share[1] - share[0]) * (done < 1 ? done : 1);
		if (p->q->progress != NULL && !p->q->progress(p->q->arg, done))
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

static int find_begin(const struct ledger_txn *t, int64_t *ms_out)
{
	struct ledger_iter it;
	struct event ev;
	int rc = event_iter_open(t, 1, LEDGER_UP, &it);

	if (rc == 0)
		rc = event_iter_next(&it, &ev);
	ledger_iter_close(&it);
	*ms_out = rc == 0 ? ev.time_ms : 0;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int find_events(struct past *p, struct ledger *l, struct walk *w)
{
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(l, &t);

	if (rc == 0)
		rc = find_begin(t, &p->begins_ms);
	if (rc == 0)
		rc = ledger_last_seq(t, &w->last);
	if (rc == 0)
		rc = past_find_event(t, p->q->since_ms, &w->next);
	if (rc == 0)
		rc = paststops_begin(p->stops, t, w->next);
	ledger_read_end(&t);
	p->whole = w->next <= 1;
	return rc;
}

/* --- order --- */

static int by_person_and_time(const void *a, const void *b)
{
	const struct past_row *x = a, *y = b;

	if (x->person != y->person)
		return x->person < y->person ? -1 : 1;
	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

/* So many people in a row to a bucket. */
struct buckets {
	uint32_t people;
	size_t *next, *ends; /* of each: where its rows lie */
};

static size_t bucket_of(const struct buckets *b, const struct past_row *r)
{
	return r->person / b->people;
}

/* Each row to its bucket, in place: what stands where it does not belong goes
 * home, and what stood there goes on. */
static void sort_into_buckets(struct past_row *v, const struct buckets *of)
{
	size_t *next = of->next;

	for (size_t b = 0; b < BUCKETS; b++) {
		while (next[b] < of->ends[b]) {
			struct past_row *row = &v[next[b]];
			size_t home = bucket_of(of, row);
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

/* Into buckets of people first, small enough for the nearest memory. */
static void sort_rows(struct past *p, struct buckets *of)
{
	size_t at = 0;

	for (size_t i = 0; i < p->n; i++)
		of->ends[bucket_of(of, &p->rows[i])]++;
	for (size_t b = 0; b < BUCKETS; b++) {
		of->next[b] = at;
		at += of->ends[b];
		of->ends[b] = at;
	}
	sort_into_buckets(p->rows, of);
	for (size_t b = 0; b < BUCKETS; b++) {
		at = b > 0 ? of->ends[b - 1] : 0;
		if (of->ends[b] > at)
			qsort(p->rows + at, of->ends[b] - at, sizeof(*p->rows),
			    by_person_and_time);
	}
}

/* People by group, rows by people. */
static int sort_all(struct past *p)
{
	size_t n = 2 * (size_t)BUCKETS;
	struct buckets b = {.people = (uint32_t)(p->people.n / BUCKETS + 1)};
	uint32_t *now =
	    fault_alloc() ? NULL : calloc(p->people.n + 1, sizeof(*now));
	int rc = now != NULL ? pastpeople_sort(&p->people, now) : -ENOMEM;

	b.next = fault_alloc() ? NULL : calloc(n, sizeof(*b.next));
	if (b.next == NULL)
		rc = -ENOMEM;
	if (rc == 0) {
		b.ends = b.next + BUCKETS;
		for (size_t i = 0; i < p->n; i++)
			p->rows[i].person = now[p->rows[i].person];
		sort_rows(p, &b);
	}
	free(now);
	free(b.next);
	return rc;
}

/* --- all --- */

static int read_all(struct past *p, struct ledger *l)
{
	static const double messages[2] = {0, 0.5}, events[2] = {0.5, 1};
	struct walk w = {.table = TABLE_MESSAGE,
	    .next = msgid_floor(p->q->from_ms),
	    .last = msgid_floor(p->q->until_ms + 1),
	    .on = on_message_row};
	int rc = walk_all(p, l, &w, messages);

	w.table = LEDGER_EVENT;
	w.on = on_event;
	if (rc == 0)
		rc = find_events(p, l, &w);
	if (rc == 0)
		rc = walk_all(p, l, &w, events);
	if (rc == 0)
		rc = paststops_finish(p->stops, p->names, p->q->until_ms);
	return rc == 0 ? sort_all(p) : rc;
}

int past_read(struct past *p, struct ledger *l, const struct past_query *q,
    struct past_part *part, struct error *err)
{
	int rc;

	p->q = q;
	p->part = part;
	p->n = 0;
	pastpeople_clear(&p->people);
	copies_clear(&p->copies);
	rc = read_all(p, l);
	return rc == ERR_LIMIT
		   ? error_set(err, rc,
			 "more memory is needed: one company alone has more "
			 "messages than fit")
		   : error_of(err, rc, "ledger");
}

const struct past_row *past_rows(const struct past *p, size_t *n_out)
{
	*n_out = p->n;
	return p->rows;
}

const struct past_person *past_person(const struct past *p, uint32_t number)
{
	return &p->people.v[number];
}

const struct paststops *past_stops(const struct past *p)
{
	return p->stops;
}

bool past_is_whole(const struct past *p)
{
	return p->whole;
}

int64_t past_begins_ms(const struct past *p)
{
	return p->begins_ms;
}

const struct past_what *past_what(const struct past *p, uint32_t what)
{
	return pastnames_at(p->names, what);
}

struct str past_name(const struct past *p, unsigned number)
{
	return pastnames_text(p->names, number);
}

uint64_t past_n_read(const struct past *p)
{
	return p->read;
}

void past_keep_segment(struct past *p, struct str name)
{
	pastnames_keep(p->names, name);
}

int past_new(struct past **out)
{
	struct past *p = fault_alloc() ? NULL : calloc(1, sizeof(*p));
	int rc = p != NULL ? pastnames_new(&p->names) : -ENOMEM;

	if (rc == 0)
		rc = paststops_new(&p->stops);
	if (rc != 0)
		past_free(&p);
	*out = p;
	return rc;
}

void past_free(struct past **p)
{
	if (*p == NULL)
		return;
	pastnames_free(&(*p)->names);
	paststops_free(&(*p)->stops);
	pastpeople_fini(&(*p)->people);
	free((*p)->copies.v);
	free((*p)->rows);
	free(*p);
	*p = NULL;
}
