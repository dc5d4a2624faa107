/* lead.c - see lead.h.
 *
 * Record: version 2, created_ms, epoch, wrapped key, sealed address, number of
 * purposes (u8), then each: label, consent, flags (bit 0: subject), since_ms:
 * 14 bytes; and the history (slotlist.h). */
#include "policy/state/lead.h"

#include "policy/base/codec.h"
#include "policy/conf/policy.h"
#include "policy/state/tables.h"
#include "policy/state/wire.h"

#include <stddef.h>
#include <string.h>

enum {
	RECORD_VERSION = 2,
	RECORD_MAX = 32768,
	/* A stored purpose: where its fields are, and its size. */
	PURPOSE_CONSENT = 4,
	PURPOSE_FLAGS = 5,
	PURPOSE_SINCE = 6,
	PURPOSE = 14,
	PURPOSE_SUBJECT = 1,
};

/* A record as stored: all up to the number of purposes, the purposes; all up
 * to the history, and the history. */
struct stored {
	struct str start;
	const char *purposes;
	struct str head;
	struct slotlist history;
};

static struct str key_of(const struct lead_id *id)
{
	return (struct str){(const char *)id->b, sizeof(id->b)};
}

static void read_purpose(const char *p, struct lead_purpose *out)
{
	out->label = codec_get_u32(p);
	out->consent = (enum consent_state)(unsigned char)p[PURPOSE_CONSENT];
	out->since_ms = (int64_t)codec_get_u64(p + PURPOSE_SINCE);
	out->subject = (p[PURPOSE_FLAGS] & PURPOSE_SUBJECT) != 0;
}

static void write_purpose(const struct lead_purpose *in, char *p)
{
	codec_put_u32(p, in->label);
	p[PURPOSE_CONSENT] = (char)in->consent;
	p[PURPOSE_FLAGS] = in->subject ? PURPOSE_SUBJECT : 0;
	codec_put_u64(p + PURPOSE_SINCE, (uint64_t)in->since_ms);
}

static int open_purposes(struct str value, struct wire *w,
    struct lead_record *out, struct stored *st)
{
	st->start = str_cut(value, 0, value.n - w->rest.n);
	out->n_purposes = wire_u8(w);
	if (out->n_purposes > LEAD_PURPOSES_MAX)
		return ERR_CORRUPT;
	st->purposes = wire_fixed(w, out->n_purposes * PURPOSE).p;
	for (size_t i = 0; !w->bad && i < out->n_purposes; i++)
		read_purpose(st->purposes + i * PURPOSE, &out->purposes[i]);
	return w->bad ? ERR_CORRUPT : 0;
}

/* out->slots is left NULL. */
static int open_record(
    struct str value, struct lead_record *out, struct stored *st)
{
	struct wire w = wire_open(value);
	int rc;

	*out = (struct lead_record){0};
	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	out->created_ms = wire_i64(&w);
	out->epoch = wire_u64(&w);
	out->wrapped = wire_bytes(&w);
	out->address = wire_bytes(&w);
	rc = open_purposes(value, &w, out, st);
	if (rc != 0)
		return rc;
	st->head = str_cut(value, 0, value.n - w.rest.n);
	rc = slotlist_open(&w, SLOTLIST_SLOT, &st->history);
	out->n_slots = st->history.n;
	return rc != 0 ? rc : wire_done(&w);
}

/* As open_record(); of nobody all zero. */
static int fetch(const struct ledger_txn *t, const struct lead_id *id,
    struct lead_record *out, struct stored *st)
{
	struct str value;
	int rc = ledger_get(t, TABLE_LEAD, key_of(id), &value);

	if (rc == 0)
		return open_record(value, out, st);
	*out = (struct lead_record){0};
	return rc;
}

/* Ends b. */
static int store(struct ledger_txn *t, const struct lead_id *id, struct buf *b)
{
	int rc = buf_error(b);

	if (rc == 0)
		rc = ledger_put(t, TABLE_LEAD, key_of(id), buf_str(b));
	buf_fini(b);
	return rc;
}

int lead_read(const struct ledger_txn *t, const struct lead_id *id,
    struct arena *a, struct lead_record *out)
{
	struct stored st;
	int rc = fetch(t, id, out, &st);

	return rc != 0 ? rc : slotlist_facts(&st.history, a, &out->slots);
}

/* --- purposes --- */

/* n: none. */
static size_t find_purpose(const struct lead_record *r, uint32_t label)
{
	size_t i = 0;

	while (i < r->n_purposes && r->purposes[i].label != label)
		i++;
	return i;
}

const struct lead_purpose *lead_purpose_find(
    const struct lead_record *r, uint32_t label)
{
	size_t at = find_purpose(r, label);

	return at < r->n_purposes ? &r->purposes[at] : NULL;
}

int lead_purpose_read(const struct ledger_txn *t, const struct lead_id *id,
    uint32_t label, struct lead_purpose *out)
{
	const struct lead_purpose *p;
	struct lead_record r;
	struct stored unused;
	int rc = fetch(t, id, &r, &unused);

	if (rc != 0)
		return rc;
	p = lead_purpose_find(&r, label);
	if (p == NULL)
		return ERR_NOT_FOUND;
	*out = *p;
	return 0;
}

/* The record with the purposes that r has. */
static void put_purposes(
    const struct stored *st, const struct lead_record *r, struct buf *b)
{
	char *p;

	buf_add(b, st->start);
	wire_put_u8(b, (uint8_t)r->n_purposes);
	p = buf_extend(b, r->n_purposes * PURPOSE);
	for (size_t i = 0; p != NULL && i < r->n_purposes; i++)
		write_purpose(&r->purposes[i], p + i * PURPOSE);
	slotlist_copy(&st->history, b);
}

static int put_record(struct ledger_txn *t, const struct lead_id *id,
    const struct stored *st, const struct lead_record *r)
{
	struct buf b;

	buf_init(&b, RECORD_MAX);
	put_purposes(st, r, &b);
	return store(t, id, &b);
}

int lead_purpose_change(struct ledger_txn *t, const struct lead_id *id,
    uint32_t label, lead_purpose_fn *change, const void *arg)
{
	struct lead_record r;
	struct stored st;
	size_t at;
	int rc = fetch(t, id, &r, &st);

	if (rc != 0)
		return rc;
	at = find_purpose(&r, label);
	if (at == LEAD_PURPOSES_MAX)
		return 0;
	if (at == r.n_purposes)
		r.purposes[r.n_purposes++] =
		    (struct lead_purpose){.label = label};
	change(&r.purposes[at], arg);
	return put_record(t, id, &st, &r);
}

/* --- slots --- */

static int store_slot(struct ledger_txn *t, const struct lead_id *id,
    const struct stored *st, const struct slot_fact *slot, int64_t before_ms)
{
	struct buf b;

	buf_init(&b, RECORD_MAX);
	buf_expect(&b, st->head.n + SLOTLIST_ROOM(&st->history));
	buf_add(&b, st->head);
	slotlist_put(&st->history, slot, before_ms, &b);
	return store(t, id, &b);
}

int lead_slot_put(struct ledger_txn *t, const struct lead_id *id,
    const struct slot_fact *slot, int64_t prune_before_ms)
{
	struct lead_record unused;
	struct stored st;
	int rc = fetch(t, id, &unused, &st);

	return rc != 0 ? rc : store_slot(t, id, &st, slot, prune_before_ms);
}

int lead_slot_set(struct ledger_txn *t, const struct lead_id *id,
    uint64_t message_id, enum slot_state state, int64_t at_ms)
{
	struct lead_record unused;
	struct slot_fact slot;
	struct stored st;
	int rc = fetch(t, id, &unused, &st);

	if (rc != 0)
		return rc;
	if (!slotlist_find(&st.history, message_id, &slot))
		return ERR_NOT_FOUND;
	slot.state = state;
	slot.at_ms = at_ms;
	return store_slot(t, id, &st, &slot, 0);
}

static int write_new(
    struct ledger_txn *t, const struct lead_id *id, const struct lead_record *r)
{
	struct buf b;

	buf_init(&b, RECORD_MAX);
	wire_put_u8(&b, RECORD_VERSION);
	wire_put_i64(&b, r->created_ms);
	wire_put_u64(&b, r->epoch);
	wire_put_bytes(&b, r->wrapped);
	wire_put_bytes(&b, r->address);
	wire_put_u8(&b, 0);
	wire_put_u16(&b, 0);
	return store(t, id, &b);
}

static const struct payload_field created_fields[] = {
    {1, PAYLOAD_ID16, true, offsetof(struct event_lead_created, lead)},
    {2, PAYLOAD_U64, true, offsetof(struct event_lead_created, epoch)},
    {3, PAYLOAD_BYTES, true, offsetof(struct event_lead_created, wrapped)},
    {4, PAYLOAD_BYTES, true, offsetof(struct event_lead_created, address)},
};
const struct payload_desc lead_created_payload = PAYLOAD_DESC(created_fields,
    struct event_lead_created, LEAD_WRAPPED_MAX + LEAD_ADDRESS_MAX + 64);

int lead_event_decode(struct str payload, struct event_lead_created *out)
{
	return payload_decode(&lead_created_payload, payload, out);
}

int lead_reduce_created(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_lead_created e;
	struct lead_record r = {.created_ms = ev->time_ms};
	struct lead_id id;
	struct str there;
	int rc = lead_event_decode(ev->payload, &e);

	if (rc != 0)
		return error_of(err, rc, "lead event");
	memcpy(id.b, e.lead, sizeof(id.b));
	rc = ledger_get(t, TABLE_LEAD, key_of(&id), &there);
	if (rc == 0)
		return error_set(err, ERR_EXISTS, "lead is there already");
	if (rc != ERR_NOT_FOUND)
		return rc;
	r.epoch = e.epoch;
	r.wrapped = e.wrapped;
	r.address = e.address;
	return write_new(t, &id, &r);
}
