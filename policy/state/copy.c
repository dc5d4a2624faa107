/* copy.c - see copy.h. Record: version 3, kind, lead (16), added_ms, due_ms,
 * deadline_ms, then, recipients, next, attempts, segment, stream, queue_id,
 * campaign, From domain. */
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
	RECORD_MAX = 2048,
	PAYLOAD_MAX = 2048,
	SEGMENT_MAX = 128,
};

struct id_key {
	char b[8];
};
struct due_key {
	char b[16];
};

static struct str id_key(uint64_t id, struct id_key *k)
{
	codec_put_u64(k->b, id);
	return (struct str){k->b, sizeof(k->b)};
}

/* Times are after 1970, so their unsigned form sorts. */
static struct str due_key(int64_t due_ms, uint64_t id, struct due_key *k)
{
	codec_put_u64(k->b, due_ms > 0 ? (uint64_t)due_ms : 0);
	codec_put_u64(k->b + 8, id);
	return (struct str){k->b, sizeof(k->b)};
}

static int decode(uint64_t id, struct str value, struct copy_record *out)
{
	struct wire w = wire_open(value);
	struct str lead;

	*out = (struct copy_record){.id = id};
	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	out->kind = (enum copy_kind)wire_u8(&w);
	lead = wire_fixed(&w, LEAD_ID_BYTES);
	if (lead.n == LEAD_ID_BYTES)
		memcpy(out->lead.b, lead.p, LEAD_ID_BYTES);
	out->added_ms = wire_i64(&w);
	out->due_ms = wire_i64(&w);
	out->deadline_ms = wire_i64(&w);
	out->then = (enum policy_then)wire_u8(&w);
	out->recipients = wire_u32(&w);
	out->next = wire_u32(&w);
	out->attempts = wire_u32(&w);
	out->segment = wire_bytes(&w);
	out->stream = wire_bytes(&w);
	out->queue_id = wire_bytes(&w);
	out->campaign = wire_bytes(&w);
	out->from_domain = wire_bytes(&w);
	return wire_done(&w);
}

static void encode(const struct copy_record *r, struct buf *b)
{
	wire_put_u8(b, RECORD_VERSION);
	wire_put_u8(b, (uint8_t)r->kind);
	buf_add(b, (struct str){(const char *)r->lead.b, LEAD_ID_BYTES});
	wire_put_i64(b, r->added_ms);
	wire_put_i64(b, r->due_ms);
	wire_put_i64(b, r->deadline_ms);
	wire_put_u8(b, (uint8_t)r->then);
	wire_put_u32(b, r->recipients);
	wire_put_u32(b, r->next);
	wire_put_u32(b, r->attempts);
	wire_put_bytes(b, r->segment);
	wire_put_bytes(b, r->stream);
	wire_put_bytes(b, r->queue_id);
	wire_put_bytes(b, r->campaign);
	wire_put_bytes(b, r->from_domain);
}

static int put_due(struct ledger_txn *t, const struct copy_record *r)
{
	struct due_key k;

	return ledger_put(
	    t, TABLE_DUE, due_key(r->due_ms, r->id, &k), STR("c"));
}

static int del_due(struct ledger_txn *t, const struct copy_record *r)
{
	struct due_key k;

	return ledger_del(t, TABLE_DUE, due_key(r->due_ms, r->id, &k));
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
	    &r->from_domain};

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
	int rc = ledger_iter_open(
	    t, TABLE_DUE, due_key(c->due_ms, c->id + 1, &k), LEDGER_UP, &it);

	*found_out = false;
	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0 && key.n == 16) {
		c->due_ms = (int64_t)codec_get_u64(key.p);
		c->id = codec_get_u64(key.p + 8);
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
    {30, PAYLOAD_BYTES, false, AT(campaign)},
    {31, PAYLOAD_BYTES, false, AT(from_domain)},
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
};
#undef AT
static const struct payload_desc recipient =
    PAYLOAD_DESC(recipient_fields, struct event_copy_recipient, PAYLOAD_MAX);

static const struct payload_field due_fields[] = {
    {1, PAYLOAD_U64, true, offsetof(struct event_copy_due, id)},
    {2, PAYLOAD_I64, true, offsetof(struct event_copy_due, due_ms)},
};
static const struct payload_desc due =
    PAYLOAD_DESC(due_fields, struct event_copy_due, PAYLOAD_MAX);

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

int copy_emit_added(struct door_ctx *ctx, const struct copy_new *c)
{
	struct event_copy_added e = {.id = c->id,
	    .kind = (uint32_t)c->kind,
	    .segment = c->segment,
	    .stream = c->stream,
	    .due_ms = c->due_ms,
	    .deadline_ms = c->deadline_ms,
	    .then = (uint32_t)c->then,
	    .recipients = c->recipients,
	    .first = c->first,
	    .queue_id = c->queue_id,
	    .campaign = c->campaign,
	    .from_domain = c->from_domain};
	struct copy_record r;
	int rc = copy_read(door_txn(ctx), c->id, &r);

	if (rc != ERR_NOT_FOUND)
		return rc == 0 ? ERR_EXISTS : rc;
	memcpy(e.lead, c->lead.b, sizeof(e.lead));
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
	struct event_copy_recipient e = {id, index, COPY_SENT, queue_id};

	return emit_recipient(ctx, &e);
}

int copy_emit_due(struct door_ctx *ctx, uint64_t id, int64_t due_ms)
{
	struct event_copy_due e = {id, due_ms};
	struct copy_record r;
	int rc = copy_read(door_txn(ctx), id, &r);

	if (rc == ERR_NOT_FOUND)
		return 0;
	return rc != 0 ? rc : payload_emit(ctx, EV_COPY_DUE, &due, &e);
}

static int count(struct ledger_txn *t, const struct event *ev, const char *what,
    const char *which, struct str segment)
{
	char name[COUNTER_NAME_MAX];

	(void)snprintf(name, sizeof(name), "%s%s", what, which);
	return counter_add(t, ev->time_ms, name, segment);
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
	    .due_ms = e.due_ms,
	    .deadline_ms = e.deadline_ms,
	    .then = (enum policy_then)e.then,
	    .recipients = e.recipients,
	    .next = e.first};
	memcpy(r.lead.b, e.lead, sizeof(r.lead.b));
	rc = put_record(t, &r);
	if (rc == 0)
		rc = put_due(t, &r);
	if (rc == 0)
		rc = count(
		    t, ev, "copy.added.", copy_kind_name(r.kind), e.segment);
	return error_of(err, rc, "copy");
}

/* Gone with its last recipient. */
static int step(struct ledger_txn *t, struct copy_record *r, uint32_t index)
{
	struct id_key k;
	int rc;

	r->next = index + 1;
	r->attempts = 0;
	if (r->next < r->recipients)
		return put_record(t, r);
	rc = del_due(t, r);
	return rc != 0 ? rc : ledger_del(t, TABLE_COPY, id_key(r->id, &k));
}

int copy_reduce_recipient(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_copy_recipient e;
	struct copy_record r;
	char segment[SEGMENT_MAX];
	size_t n = 0;
	int rc = copy_decode_recipient(ev->payload, &e);

	if (rc == 0)
		rc = copy_read(t, e.id, &r);
	if (rc != 0)
		return error_of(err, rc, "copy event");
	/* The row's bytes are gone with the first change. */
	while (n < r.segment.n && n < SEGMENT_MAX) {
		segment[n] = r.segment.p[n];
		n++;
	}
	rc = step(t, &r, e.index);
	if (rc == 0)
		rc = count(t, ev, "copy.done.",
		    copy_outcome_name((enum copy_outcome)e.outcome),
		    (struct str){segment, n});
	return error_of(err, rc, "copy");
}

int copy_reduce_due(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_copy_due e;
	struct copy_record r;
	int rc = copy_decode_due(ev->payload, &e);

	if (rc == 0)
		rc = copy_read(t, e.id, &r);
	if (rc == 0)
		rc = del_due(t, &r);
	if (rc != 0)
		return error_of(err, rc, "copy event");
	rc = copy_read(t, e.id, &r);
	r.due_ms = e.due_ms;
	r.attempts++;
	if (rc == 0)
		rc = put_record(t, &r);
	if (rc == 0)
		rc = put_due(t, &r);
	return error_of(err, rc, "copy");
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
