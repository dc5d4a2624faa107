/* copy.c - see copy.h.
 *
 * Record: version 3, kind, lead (16), added_ms, arrived_ms, due_ms, deadline_ms,
 * then, reason, queues, flags, rank (u16), company (16), policy version, line,
 * recipients, next, attempts, wakes, segment, stream, queue_id, campaign, From
 * domain; the label, if the flags say that it is another than the segment's; the
 * author, if they say that there is one. */
#include "policy/state/copy.h"

#include "policy/base/buf.h"
#include "policy/base/codec.h"
#include "policy/state/counter.h"
#include "policy/state/payload.h"
#include "policy/state/tables.h"
#include "policy/state/wire.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
	RECORD_VERSION = 3,
	FORCED = 1,   /* flags */
	LABELLED = 2, /* a label is at the end */
	NAMED = 4,    /* and an author */
	RECORD_MAX = 4096,
	PAYLOAD_MAX = 2048,
	WAKE_ATTEMPTS = 3,
};

struct id_key {
	char b[8];
};
struct due_key {
	char b[18];
};

static struct str id_key(uint64_t id, struct id_key *k)
{
	codec_put_u64(k->b, id);
	return (struct str){k->b, sizeof(k->b)};
}

/* Times are after 1970, so their unsigned form sorts. */
static struct str due_key(
    int64_t due_ms, uint32_t rank, uint64_t id, struct due_key *k)
{
	codec_put_u64(k->b, due_ms > 0 ? (uint64_t)due_ms : 0);
	codec_put_u16(
	    k->b + 8, rank < UINT16_MAX ? (uint16_t)rank : UINT16_MAX);
	codec_put_u64(k->b + 10, id);
	return (struct str){k->b, sizeof(k->b)};
}

uint32_t copy_label(const struct copy_record *r)
{
	return r->wait.label != 0 ? r->wait.label : policy_label(r->segment);
}

/* As it is stored: nearly all stand in the queue of their own name. */
static uint32_t label_besides(const struct copy_wait *w, struct str segment)
{
	return w->label != policy_label(segment) ? w->label : 0;
}

static void decode_wait(
    struct wire *w, struct copy_record *out, unsigned *flags_out)
{
	struct copy_wait *wait = &out->wait;
	struct str company;

	wait->due_ms = wire_i64(w);
	wait->deadline_ms = wire_i64(w);
	wait->then = (enum policy_then)wire_u8(w);
	wait->reason = (enum verdict_reason)wire_u8(w);
	wait->queues = wire_u8(w);
	*flags_out = wire_u8(w);
	out->forced = (*flags_out & FORCED) != 0;
	wait->rank = wire_u16(w);
	company = wire_fixed(w, COMPANY_ID_BYTES);
	if (company.n == COMPANY_ID_BYTES)
		memcpy(wait->company.b, company.p, COMPANY_ID_BYTES);
	wait->policy_version = wire_u32(w);
	wait->line = wire_u32(w);
}

static int decode(uint64_t id, struct str value, struct copy_record *out)
{
	struct wire w = wire_open(value);
	struct str lead;
	unsigned flags;

	*out = (struct copy_record){.id = id};
	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	out->kind = (enum copy_kind)wire_u8(&w);
	lead = wire_fixed(&w, LEAD_ID_BYTES);
	if (lead.n == LEAD_ID_BYTES)
		memcpy(out->lead.b, lead.p, LEAD_ID_BYTES);
	out->added_ms = wire_i64(&w);
	out->arrived_ms = wire_i64(&w);
	decode_wait(&w, out, &flags);
	out->recipients = wire_u32(&w);
	out->next = wire_u32(&w);
	out->attempts = wire_u32(&w);
	out->wakes = wire_u32(&w);
	out->segment = wire_bytes(&w);
	out->stream = wire_bytes(&w);
	out->queue_id = wire_bytes(&w);
	out->campaign = wire_bytes(&w);
	out->from_domain = wire_bytes(&w);
	if ((flags & LABELLED) != 0)
		out->wait.label = wire_u32(&w);
	if ((flags & NAMED) != 0)
		out->author = wire_bytes(&w);
	return wire_done(&w);
}

static unsigned flags_of(const struct copy_record *r)
{
	return (r->forced ? FORCED : 0) |
	       (label_besides(&r->wait, r->segment) != 0 ? LABELLED : 0) |
	       (r->author.n > 0 ? NAMED : 0);
}

static void encode_wait(const struct copy_record *r, struct buf *b)
{
	const struct copy_wait *w = &r->wait;

	wire_put_i64(b, w->due_ms);
	wire_put_i64(b, w->deadline_ms);
	wire_put_u8(b, (uint8_t)w->then);
	wire_put_u8(b, (uint8_t)w->reason);
	wire_put_u8(b, (uint8_t)w->queues);
	wire_put_u8(b, (uint8_t)flags_of(r));
	wire_put_u16(b, w->rank < UINT16_MAX ? (uint16_t)w->rank : UINT16_MAX);
	buf_add(b, (struct str){(const char *)w->company.b, COMPANY_ID_BYTES});
	wire_put_u32(b, w->policy_version);
	wire_put_u32(b, w->line);
}

static void encode(const struct copy_record *r, struct buf *b)
{
	wire_put_u8(b, RECORD_VERSION);
	wire_put_u8(b, (uint8_t)r->kind);
	buf_add(b, (struct str){(const char *)r->lead.b, LEAD_ID_BYTES});
	wire_put_i64(b, r->added_ms);
	wire_put_i64(b, r->arrived_ms);
	encode_wait(r, b);
	wire_put_u32(b, r->recipients);
	wire_put_u32(b, r->next);
	wire_put_u32(b, r->attempts);
	wire_put_u32(b, r->wakes);
	wire_put_bytes(b, r->segment);
	wire_put_bytes(b, r->stream);
	wire_put_bytes(b, r->queue_id);
	wire_put_bytes(b, r->campaign);
	wire_put_bytes(b, r->from_domain);
	if ((flags_of(r) & LABELLED) != 0)
		wire_put_u32(b, r->wait.label);
	if (r->author.n > 0)
		wire_put_bytes(b, r->author);
}

static struct str due_key_of(const struct copy_record *r, struct due_key *k)
{
	return due_key(r->wait.due_ms, r->wait.rank, r->id, k);
}

static int put_record(struct ledger_txn *t, const struct copy_record *r)
{
	struct id_key k;
	struct buf b;
	int rc;

	buf_init(&b, RECORD_MAX);
	encode(r, &b);
	rc = buf_error(&b);
	if (rc == 0)
		rc = ledger_put(t, TABLE_COPY, id_key(r->id, &k), buf_str(&b));
	buf_fini(&b);
	return rc;
}

int copy_read(const struct ledger_txn *t, uint64_t id, struct copy_record *out)
{
	struct id_key k;
	struct str value;
	int rc = ledger_get(t, TABLE_COPY, id_key(id, &k), &value);

	return rc != 0 ? rc : decode(id, value, out);
}

int copy_keep(struct copy_record *r, struct arena *a)
{
	struct str *v[] = {&r->segment, &r->stream, &r->queue_id, &r->campaign,
	    &r->from_domain, &r->author};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		*v[i] = arena_str(a, *v[i]);
		if (v[i]->p == NULL)
			return ERR_LIMIT;
	}
	return 0;
}

int copy_next(
    const struct ledger_txn *t, uint64_t after, struct copy_record *out)
{
	struct ledger_iter it;
	struct str key, value;
	struct id_key k;
	int rc;

	if (after == UINT64_MAX)
		return ERR_NOT_FOUND;
	rc = ledger_iter_open(
	    t, TABLE_COPY, id_key(after + 1, &k), LEDGER_UP, &it);
	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0)
		rc = key.n == 8 ? decode(codec_get_u64(key.p), value, out)
				: ERR_CORRUPT;
	ledger_iter_close(&it);
	return rc;
}

/* The first due entry behind the cursor. */
static int next_entry(
    const struct ledger_txn *t, struct copy_cursor *c, bool *found_out)
{
	struct ledger_iter it;
	struct str key, value;
	struct due_key k;
	int rc = ledger_iter_open(t, TABLE_DUE,
	    due_key(c->due_ms, c->rank, c->id + 1, &k), LEDGER_UP, &it);

	*found_out = false;
	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0 && key.n == sizeof(k.b)) {
		c->due_ms = (int64_t)codec_get_u64(key.p);
		c->rank = codec_get_u16(key.p + 8);
		c->id = codec_get_u64(key.p + 10);
		*found_out = true;
	}
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int copy_next_due(const struct ledger_txn *t, int64_t now_ms,
    struct copy_cursor *cursor, struct copy_record *out, int64_t *next_ms_out)
{
	bool found;
	int rc = next_entry(t, cursor, &found);

	if (next_ms_out != NULL)
		*next_ms_out = 0;
	if (rc != 0)
		return rc;
	if (!found)
		return ERR_NOT_FOUND;
	if (cursor->due_ms > now_ms) {
		if (next_ms_out != NULL)
			*next_ms_out = cursor->due_ms;
		return ERR_NOT_FOUND;
	}
	rc = copy_read(t, cursor->id, out);
	return rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc;
}

#define AT(field) offsetof(struct event_copy_added, field)
static const struct payload_field added_fields[] = {
    {1, PAYLOAD_U64, true, AT(id)},
    {2, PAYLOAD_U32, true, AT(kind)},
    {3, PAYLOAD_ID16, false, AT(lead)},
    {4, PAYLOAD_BYTES, false, AT(segment)},
    {5, PAYLOAD_TEXT, false, AT(stream)},
    {6, PAYLOAD_I64, true, AT(due_ms)},
    {7, PAYLOAD_I64, false, AT(deadline_ms)},
    {8, PAYLOAD_U32, false, AT(then)},
    {9, PAYLOAD_U32, true, AT(recipients)},
    {10, PAYLOAD_U32, false, AT(first)},
    {11, PAYLOAD_BYTES, false, AT(queue_id)},
    {12, PAYLOAD_I64, false, AT(arrived_ms)},
    {13, PAYLOAD_U32, false, AT(reason)},
    {14, PAYLOAD_U32, false, AT(queues)},
    {15, PAYLOAD_U32, false, AT(rank)},
    {16, PAYLOAD_ID16, false, AT(company)},
    {17, PAYLOAD_U32, false, AT(policy_version)},
    {18, PAYLOAD_U32, false, AT(line)},
    {30, PAYLOAD_BYTES, false, AT(campaign)},
    {31, PAYLOAD_BYTES, false, AT(from_domain)},
    {32, PAYLOAD_U32, false, AT(label)},
};
#undef AT
static const struct payload_desc added =
    PAYLOAD_DESC(added_fields, struct event_copy_added, PAYLOAD_MAX);

#define AT(field) offsetof(struct event_copy_recipient, field)
static const struct payload_field recipient_fields[] = {
    {1, PAYLOAD_U64, true, AT(id)},
    {2, PAYLOAD_U32, true, AT(index)},
    {3, PAYLOAD_U32, true, AT(outcome)},
    {4, PAYLOAD_BYTES, false, AT(queue_id)},
    {5, PAYLOAD_TEXT, false, AT(author)},
};
#undef AT
static const struct payload_desc recipient =
    PAYLOAD_DESC(recipient_fields, struct event_copy_recipient, PAYLOAD_MAX);

#define AT(field) offsetof(struct event_copy_due, field)
static const struct payload_field due_fields[] = {
    {1, PAYLOAD_U64, true, AT(id)},
    {2, PAYLOAD_I64, true, AT(due_ms)},
    {3, PAYLOAD_BOOL, false, AT(decided)},
    {4, PAYLOAD_I64, false, AT(deadline_ms)},
    {5, PAYLOAD_U32, false, AT(then)},
    {6, PAYLOAD_U32, false, AT(reason)},
    {7, PAYLOAD_U32, false, AT(queues)},
    {8, PAYLOAD_U32, false, AT(rank)},
    {9, PAYLOAD_ID16, false, AT(company)},
    {10, PAYLOAD_U32, false, AT(policy_version)},
    {11, PAYLOAD_U32, false, AT(line)},
    {12, PAYLOAD_U32, false, AT(label)},
};
#undef AT
static const struct payload_desc due =
    PAYLOAD_DESC(due_fields, struct event_copy_due, PAYLOAD_MAX);

#define AT(field) offsetof(struct event_copy_word, field)
static const struct payload_field word_fields[] = {
    {1, PAYLOAD_U64, true, AT(id)},
    {2, PAYLOAD_TEXT, false, AT(author)},
    {3, PAYLOAD_TEXT, false, AT(reason)},
};
#undef AT
static const struct payload_desc word =
    PAYLOAD_DESC(word_fields, struct event_copy_word, PAYLOAD_MAX);

int copy_decode_added(struct str payload, struct event_copy_added *out)
{
	return payload_decode(&added, payload, out);
}

int copy_decode_recipient(struct str payload, struct event_copy_recipient *out)
{
	return payload_decode(&recipient, payload, out);
}

int copy_decode_due(struct str payload, struct event_copy_due *out)
{
	return payload_decode(&due, payload, out);
}

int copy_decode_word(struct str payload, struct event_copy_word *out)
{
	return payload_decode(&word, payload, out);
}

int copy_emit_added(struct door_ctx *ctx, const struct copy_new *c)
{
	struct event_copy_added e = {.id = c->id,
	    .kind = (uint32_t)c->kind,
	    .segment = c->segment,
	    .stream = c->stream,
	    .due_ms = c->wait.due_ms,
	    .deadline_ms = c->wait.deadline_ms,
	    .then = (uint32_t)c->wait.then,
	    .recipients = c->recipients,
	    .first = c->first,
	    .queue_id = c->queue_id,
	    .arrived_ms = c->arrived_ms,
	    .reason = (uint32_t)c->wait.reason,
	    .queues = c->wait.queues,
	    .rank = c->wait.rank,
	    .policy_version = c->wait.policy_version,
	    .line = c->wait.line,
	    .campaign = c->campaign,
	    .from_domain = c->from_domain,
	    .label = label_besides(&c->wait, c->segment)};
	struct copy_record r;
	int rc = copy_read(door_txn(ctx), c->id, &r);

	if (rc != ERR_NOT_FOUND)
		return rc == 0 ? ERR_EXISTS : rc;
	memcpy(e.lead, c->lead.b, sizeof(e.lead));
	memcpy(e.company, c->wait.company.b, sizeof(e.company));
	return payload_emit(ctx, EV_COPY_ADDED, &added, &e);
}

static int emit_recipient(
    struct door_ctx *ctx, const struct event_copy_recipient *e)
{
	struct copy_record r;
	int rc = copy_read(door_txn(ctx), e->id, &r);

	if (rc == ERR_NOT_FOUND || (rc == 0 && e->index < r.next))
		return 0;
	return rc != 0 ? rc
		       : payload_emit(ctx, EV_COPY_RECIPIENT, &recipient, e);
}

int copy_emit_recipient(struct door_ctx *ctx, uint64_t id, uint32_t index,
    enum copy_outcome outcome)
{
	struct event_copy_recipient e = {
	    .id = id, .index = index, .outcome = (uint32_t)outcome};

	return emit_recipient(ctx, &e);
}

int copy_emit_sent(
    struct door_ctx *ctx, uint64_t id, uint32_t index, struct str queue_id)
{
	struct event_copy_recipient e = {.id = id,
	    .index = index,
	    .outcome = COPY_SENT,
	    .queue_id = queue_id};

	return emit_recipient(ctx, &e);
}

int copy_emit_due(struct door_ctx *ctx, uint64_t id, int64_t due_ms)
{
	struct event_copy_due e = {.id = id, .due_ms = due_ms};
	struct copy_record r;
	int rc = copy_read(door_txn(ctx), id, &r);

	if (rc == ERR_NOT_FOUND)
		return 0;
	return rc != 0 ? rc : payload_emit(ctx, EV_COPY_DUE, &due, &e);
}

int copy_emit_wait(struct door_ctx *ctx, const struct copy_decided *d)
{
	const struct copy_wait *wait = &d->wait;
	struct event_copy_due e = {.id = d->id,
	    .due_ms = wait->due_ms,
	    .decided = true,
	    .deadline_ms = wait->deadline_ms,
	    .then = (uint32_t)wait->then,
	    .reason = (uint32_t)wait->reason,
	    .queues = wait->queues,
	    .rank = wait->rank,
	    .policy_version = wait->policy_version,
	    .line = wait->line};
	struct copy_record r;
	int rc = copy_read(door_txn(ctx), d->id, &r);

	if (rc == ERR_NOT_FOUND || (rc == 0 && r.wakes != d->wakes))
		return 0;
	if (rc != 0)
		return rc;
	memcpy(e.company, wait->company.b, sizeof(e.company));
	e.label = label_besides(wait, r.segment);
	return payload_emit(ctx, EV_COPY_DUE, &due, &e);
}

static int emit_word(
    struct door_ctx *ctx, unsigned type, const struct event_copy_word *w)
{
	struct copy_record r;
	int rc = copy_read(door_txn(ctx), w->id, &r);

	return rc != 0 ? rc : payload_emit(ctx, type, &word, w);
}

int copy_emit_forced(struct door_ctx *ctx, const struct event_copy_word *w)
{
	return emit_word(ctx, EV_COPY_FORCED, w);
}

int copy_emit_released(struct door_ctx *ctx, const struct event_copy_word *w)
{
	return emit_word(ctx, EV_COPY_RELEASED, w);
}

int copy_emit_dropped(struct door_ctx *ctx, const struct event_copy_word *w)
{
	return emit_word(ctx, EV_COPY_DROPPED, w);
}

/* --- reducers --- */

static int count_added(
    struct ledger_txn *t, const struct event *ev, const struct copy_record *r)
{
	char name[COUNTER_NAME_MAX];

	(void)snprintf(
	    name, sizeof(name), "copy.added.%s", copy_kind_name(r->kind));
	return counter_add(t, ev->time_ms, name, r->segment);
}

static int count_done(struct ledger_txn *t, const struct event *ev,
    const struct copy_record *r, enum copy_outcome o, uint32_t n)
{
	char name[COUNTER_NAME_MAX];

	(void)snprintf(
	    name, sizeof(name), "copy.done.%s", copy_outcome_name(o));
	return counter_add_n(t, ev->time_ms, name, r->segment, n);
}

static int put_due(struct ledger_txn *t, const struct copy_record *r)
{
	struct due_key k;

	return ledger_put(t, TABLE_DUE, due_key_of(r, &k), STR("c"));
}

static int del_due(struct ledger_txn *t, const struct copy_record *r)
{
	struct due_key k;

	return ledger_del(t, TABLE_DUE, due_key_of(r, &k));
}

/* The queues that a copy stands in, by bits. */
static size_t queues_of(
    const struct copy_record *r, unsigned bits, struct wait_queue out[2])
{
	size_t n = 0;

	if ((bits & COPY_WAITS_FOR_PERSON) != 0)
		out[n++] = wait_queue_of(WAIT_PERSON, r->lead.b);
	if ((bits & COPY_WAITS_FOR_COMPANY) != 0)
		out[n++] = wait_queue_of(WAIT_COMPANY, r->wait.company.b);
	return n;
}

static int enqueue(
    struct ledger_txn *t, const struct copy_record *r, uint32_t label)
{
	struct waiting_fact w = {.copy_id = r->id,
	    .person = lead_id_tag(&r->lead),
	    .label = label,
	    .arrived_ms = r->arrived_ms};
	struct wait_queue q[2];
	size_t n = queues_of(r, r->wait.queues, q);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = wait_put(t, &q[i], &w);
	return rc;
}

static int dequeue(
    struct ledger_txn *t, const struct copy_record *r, uint32_t label)
{
	struct wait_queue q[2];
	size_t n = queues_of(r, r->wait.queues, q);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = wait_del(t, &q[i], label, r->id);
	return rc;
}

/* All that a row stands in besides its own; its strings may be gone with the
 * first change. */
static int put_all(struct ledger_txn *t, const struct copy_record *r)
{
	uint32_t label = copy_label(r);
	int rc = put_record(t, r);

	if (rc == 0)
		rc = put_due(t, r);
	return rc == 0 ? enqueue(t, r, label) : rc;
}

/* Counted also where it is due: whoever decides it just now knows nothing of
 * this room. One that the MTA did not take several times in a row waits for the
 * MTA: the room may be what its own last attempt has left. */
static int wake_one(struct ledger_txn *t, uint64_t id, int64_t now_ms)
{
	struct copy_record r;
	bool sleeps;
	int rc = copy_read(t, id, &r);

	if (rc != 0)
		return rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc;
	sleeps = r.wait.due_ms > now_ms && r.attempts < WAKE_ATTEMPTS;
	if (sleeps)
		rc = del_due(t, &r);
	if (rc == 0)
		rc = copy_read(t, id, &r);
	r.wakes++;
	if (sleeps)
		r.wait.due_ms = now_ms;
	if (rc == 0)
		rc = put_record(t, &r);
	return rc == 0 && sleeps ? put_due(t, &r) : rc;
}

/* The first of a queue, the best of them first. */
struct firsts {
	struct {
		uint64_t id;
		uint32_t rank;
	} v[COPY_WAKE_MAX];
	size_t n;
};

static void put_first(struct firsts *f, uint64_t id, uint32_t rank)
{
	size_t at = f->n;

	while (
	    at > 0 && (f->v[at - 1].rank > rank ||
			  (f->v[at - 1].rank == rank && f->v[at - 1].id > id)))
		at--;
	if (at == COPY_WAKE_MAX)
		return;
	if (f->n < COPY_WAKE_MAX)
		f->n++;
	for (size_t i = f->n - 1; i > at; i--)
		f->v[i] = f->v[i - 1];
	f->v[at].id = id;
	f->v[at].rank = rank;
}

/* One look for each segment that has somebody waiting: as many as a policy has
 * kinds of mail. Their order is what the rows know of the policy. */
static int find_firsts(struct ledger_txn *t, const struct wait_queue *q,
    uint64_t except, struct firsts *out)
{
	struct waiting_fact w = {.label = 0};
	struct copy_record r;
	int rc = wait_first(t, q, 0, except, &w);

	out->n = 0;
	while (rc == 0) {
		rc = copy_read(t, w.copy_id, &r);
		if (rc != 0)
			return rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc;
		put_first(out, r.id, r.wait.rank);
		if (w.label == UINT32_MAX)
			return 0;
		rc = wait_first(t, q, w.label + 1, except, &w);
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int wake_besides(struct ledger_txn *t, const struct wait_queue *q,
    uint64_t except, int64_t now_ms)
{
	struct firsts firsts;
	int rc = find_firsts(t, q, except, &firsts);

	for (size_t i = 0; rc == 0 && i < firsts.n; i++)
		rc = wake_one(t, firsts.v[i].id, now_ms);
	return rc;
}

int copy_wake(struct ledger_txn *t, const struct wait_queue *q, int64_t now_ms)
{
	return wake_besides(t, q, 0, now_ms);
}

/* Who waits with it, by bits of its queues. */
static int wake_queues(struct ledger_txn *t, const struct copy_record *r,
    unsigned bits, int64_t now_ms)
{
	struct wait_queue q[2];
	size_t n = queues_of(r, bits, q);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = wake_besides(t, &q[i], r->id, now_ms);
	return rc;
}

static struct copy_wait wait_of_added(const struct event_copy_added *e)
{
	struct copy_wait w = {.due_ms = e->due_ms,
	    .deadline_ms = e->deadline_ms,
	    .then = (enum policy_then)e->then,
	    .reason = (enum verdict_reason)e->reason,
	    .queues = e->queues,
	    .rank = e->rank,
	    .policy_version = e->policy_version,
	    .line = e->line,
	    .label = e->label};

	memcpy(w.company.b, e->company, sizeof(w.company.b));
	return w;
}

int copy_reduce_added(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_copy_added e;
	struct copy_record r;
	int rc = copy_decode_added(ev->payload, &e);

	if (rc != 0)
		return error_of(err, rc, "copy event");
	r = (struct copy_record){.id = e.id,
	    .kind = (enum copy_kind)e.kind,
	    .segment = e.segment,
	    .stream = e.stream,
	    .queue_id = e.queue_id,
	    .campaign = e.campaign,
	    .from_domain = e.from_domain,
	    .added_ms = ev->time_ms,
	    .arrived_ms = e.arrived_ms != 0 ? e.arrived_ms : ev->time_ms,
	    .wait = wait_of_added(&e),
	    .recipients = e.recipients,
	    .next = e.first};
	memcpy(r.lead.b, e.lead, sizeof(r.lead.b));
	rc = put_all(t, &r);
	if (rc == 0)
		rc = count_added(t, ev, &r);
	return error_of(err, rc, "copy");
}

/* Gone, and whoever waits behind it is looked at. */
static int end(
    struct ledger_txn *t, const struct copy_record *r, int64_t now_ms)
{
	uint32_t label = copy_label(r);
	struct id_key k;
	int rc = del_due(t, r);

	if (rc == 0)
		rc = ledger_del(t, TABLE_COPY, id_key(r->id, &k));
	if (rc == 0)
		rc = dequeue(t, r, label);
	return rc == 0 ? wake_queues(t, r, r->wait.queues, now_ms) : rc;
}

/* Recipients are done: counted first, since the row's bytes are gone with the
 * first change; r is read again. */
static int read_and_count(struct ledger_txn *t, const struct event *ev,
    uint64_t id, enum copy_outcome o, struct copy_record *r)
{
	int rc = copy_read(t, id, r);

	if (rc == 0)
		rc = count_done(t, ev, r, o,
		    ev->type == EV_COPY_DROPPED ? r->recipients - r->next : 1);
	return rc == 0 ? copy_read(t, id, r) : rc;
}

int copy_reduce_recipient(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_copy_recipient e;
	struct copy_record r;
	int rc = copy_decode_recipient(ev->payload, &e);

	if (rc == 0)
		rc = read_and_count(
		    t, ev, e.id, (enum copy_outcome)e.outcome, &r);
	if (rc != 0)
		return error_of(err, rc, "copy event");
	r.next = e.index + 1;
	r.attempts = 0;
	rc =
	    r.next < r.recipients ? put_record(t, &r) : end(t, &r, ev->time_ms);
	return error_of(err, rc, "copy");
}

int copy_reduce_dropped(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_copy_word e;
	struct copy_record r;
	int rc = copy_decode_word(ev->payload, &e);

	if (rc == 0)
		rc = read_and_count(t, ev, e.id, COPY_REMOVED, &r);
	if (rc == 0)
		rc = end(t, &r, ev->time_ms);
	return error_of(err, rc, "copy event");
}

static struct copy_wait wait_of_due(const struct event_copy_due *e)
{
	struct copy_wait w = {.due_ms = e->due_ms,
	    .deadline_ms = e->deadline_ms,
	    .then = (enum policy_then)e->then,
	    .reason = (enum verdict_reason)e->reason,
	    .queues = e->queues,
	    .rank = e->rank,
	    .policy_version = e->policy_version,
	    .line = e->line,
	    .label = e->label};

	memcpy(w.company.b, e->company, sizeof(w.company.b));
	return w;
}

/* Out of all that the row stands in; r is read again. */
static int take_out(struct ledger_txn *t, uint64_t id, struct copy_record *r)
{
	int rc = copy_read(t, id, r);

	if (rc == 0)
		rc = dequeue(t, r, copy_label(r));
	if (rc == 0)
		rc = del_due(t, r);
	return rc == 0 ? copy_read(t, id, r) : rc;
}

/* Those queues that it has left. */
static unsigned left_of(
    const struct copy_record *was, const struct copy_wait *now)
{
	unsigned left = was->wait.queues & ~now->queues;

	if (memcmp(&was->wait.company, &now->company, sizeof(now->company)) !=
	    0)
		left |= was->wait.queues & COPY_WAITS_FOR_COMPANY;
	return left;
}

int copy_reduce_due(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_copy_due e;
	struct copy_record r, was;
	unsigned left = 0;
	int rc = copy_decode_due(ev->payload, &e);

	if (rc == 0)
		rc = take_out(t, e.id, &r);
	if (rc != 0)
		return error_of(err, rc, "copy event");
	was = r;
	r.wait.due_ms = e.due_ms;
	if (e.decided) {
		r.wait = wait_of_due(&e);
		r.attempts = 0;
		left = left_of(&was, &r.wait);
	} else {
		r.attempts++;
	}
	rc = put_all(t, &r);
	if (rc == 0)
		rc = wake_queues(t, &was, left, ev->time_ms);
	return error_of(err, rc, "copy");
}

/* Due by an operator's word: whatever is being decided of it just now does not
 * know of that. */
static int reduce_word(struct ledger_txn *t, const struct event *ev,
    bool forced, struct error *err)
{
	struct event_copy_word e;
	struct copy_record r;
	int rc = copy_decode_word(ev->payload, &e);

	if (rc == 0)
		rc = take_out(t, e.id, &r);
	if (rc != 0)
		return error_of(err, rc, "copy event");
	r.forced |= forced;
	if (r.wait.due_ms > ev->time_ms)
		r.wait.due_ms = ev->time_ms;
	if (ev->type != EV_COPY_FORCED || ev->version > 1) {
		r.author = e.author;
		r.wakes++;
	}
	return error_of(err, put_all(t, &r), "copy");
}

int copy_reduce_forced(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	return reduce_word(t, ev, true, err);
}

int copy_reduce_released(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	return reduce_word(t, ev, false, err);
}

const char *copy_kind_name(enum copy_kind k)
{
	switch (k) {
	case COPY_HELD:
		return "held";
	case COPY_TAKEN:
		return "taken";
	case COPY_UNDECIDED:
		return "undecided";
	}
	return "unknown";
}

const char *copy_outcome_name(enum copy_outcome o)
{
	switch (o) {
	case COPY_SENT:
		return "sent";
	case COPY_DUPLICATE:
		return "duplicate";
	case COPY_BOUNCED:
		return "bounced";
	case COPY_DROPPED:
		return "dropped";
	case COPY_REMOVED:
		return "removed";
	case COPY_SPLIT:
		return "split";
	}
	return "unknown";
}
