/* lead.c - see lead.h.
 *
 * Record: version 1, created_ms, epoch, wrapped key, sealed address, number of
 * slots (u16), then each slot: message id, at_ms, key, label, state, flags
 * (bit 0: counts): 30 bytes. */
#include "policy/state/lead.h"

#include "policy/conf/policy.h"
#include "policy/rules/caps.h"
#include "policy/state/payload.h"
#include "policy/state/tables.h"
#include "policy/state/wire.h"

#include <stddef.h>
#include <string.h>

enum {
	RECORD_VERSION = 1,
	RECORD_MAX = 32768,
	SLOT_COUNTS = 1
};

_Static_assert((int)LEAD_SLOTS_MAX > (int)POLICY_MAX_PER_WINDOW, "limits act");

static struct str key_of(const struct lead_id *id)
{
	return (struct str){(const char *)id->b, sizeof(id->b)};
}

static void read_slot(struct wire *w, struct slot_fact *out)
{
	out->message_id = wire_u64(w);
	out->at_ms = wire_i64(w);
	out->key = wire_u64(w);
	out->label = wire_u32(w);
	out->state = (enum slot_state)wire_u8(w);
	out->counts = (wire_u8(w) & SLOT_COUNTS) != 0;
}

/* slots must have room for LEAD_SLOTS_MAX + 1. */
static int decode(
    struct str value, struct slot_fact *slots, struct lead_record *out)
{
	struct wire w = wire_open(value);

	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	out->created_ms = wire_i64(&w);
	out->epoch = wire_u64(&w);
	out->wrapped = wire_bytes(&w);
	out->address = wire_bytes(&w);
	out->n_slots = wire_u16(&w);
	if (out->n_slots > LEAD_SLOTS_MAX)
		return ERR_CORRUPT;
	out->slots = slots;
	for (size_t i = 0; i < out->n_slots; i++)
		read_slot(&w, &slots[i]);
	return wire_done(&w);
}

static void encode(const struct lead_record *r, struct buf *out)
{
	wire_put_u8(out, RECORD_VERSION);
	wire_put_i64(out, r->created_ms);
	wire_put_u64(out, r->epoch);
	wire_put_bytes(out, r->wrapped);
	wire_put_bytes(out, r->address);
	wire_put_u16(out, (uint16_t)r->n_slots);
	for (size_t i = 0; i < r->n_slots; i++) {
		const struct slot_fact *s = &r->slots[i];
		wire_put_u64(out, s->message_id);
		wire_put_i64(out, s->at_ms);
		wire_put_u64(out, s->key);
		wire_put_u32(out, s->label);
		wire_put_u8(out, (uint8_t)s->state);
		wire_put_u8(out, s->counts ? SLOT_COUNTS : 0);
	}
}

int lead_read(const struct ledger_txn *t, const struct lead_id *id,
    struct arena *a, struct lead_record *out)
{
	struct slot_fact *slots;
	struct str value;
	int rc = ledger_get(t, TABLE_LEAD, key_of(id), &value);

	*out = (struct lead_record){0};
	if (rc != 0)
		return rc;
	slots = arena_array(a, LEAD_SLOTS_MAX + 1, sizeof(*slots));
	return slots != NULL ? decode(value, slots, out) : ERR_LIMIT;
}

static int write_record(
    struct ledger_txn *t, const struct lead_id *id, const struct lead_record *r)
{
	struct buf b;
	int rc;

	buf_init(&b, RECORD_MAX);
	encode(r, &b);
	rc = buf_error(&b);
	if (rc == 0)
		rc = ledger_put(t, TABLE_LEAD, key_of(id), buf_str(&b));
	buf_fini(&b);
	return rc;
}

/* The latest instant at which the slot may count as delivered. */
static int64_t latest_ms(const struct slot_fact *s)
{
	bool dated = s->state == SLOT_DELIVERED || s->state == SLOT_RELEASED;

	return dated ? s->at_ms : s->at_ms + CAPS_UNDATED_MS;
}

/* Drops what no rule can ask for any more; then, if need be, the oldest. */
static void prune(struct lead_record *r, int64_t before_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n_slots; i++)
		if (latest_ms(&r->slots[i]) >= before_ms)
			r->slots[kept++] = r->slots[i];
	r->n_slots = kept;
	if (kept < LEAD_SLOTS_MAX)
		return;
	memmove(r->slots, r->slots + 1, (kept - 1) * sizeof(*r->slots));
	r->n_slots--;
}

static struct slot_fact *find_slot(struct lead_record *r, uint64_t message_id)
{
	for (size_t i = 0; i < r->n_slots; i++)
		if (r->slots[i].message_id == message_id)
			return &r->slots[i];
	return NULL;
}

int lead_slot_put(struct ledger_txn *t, const struct lead_id *id,
    const struct slot_fact *slot, int64_t prune_before_ms)
{
	struct slot_fact slots[LEAD_SLOTS_MAX + 1];
	struct slot_fact *same;
	struct lead_record r;
	struct str value;
	int rc = ledger_get(t, TABLE_LEAD, key_of(id), &value);

	if (rc == 0)
		rc = decode(value, slots, &r);
	if (rc != 0)
		return rc;
	same = find_slot(&r, slot->message_id);
	if (same == NULL) {
		prune(&r, prune_before_ms);
		same = &r.slots[r.n_slots++];
	}
	*same = *slot;
	return write_record(t, id, &r);
}

int lead_slot_set(struct ledger_txn *t, const struct lead_id *id,
    uint64_t message_id, enum slot_state state, int64_t at_ms)
{
	struct slot_fact slots[LEAD_SLOTS_MAX + 1];
	struct slot_fact *slot;
	struct lead_record r;
	struct str value;
	int rc = ledger_get(t, TABLE_LEAD, key_of(id), &value);

	if (rc == 0)
		rc = decode(value, slots, &r);
	if (rc != 0)
		return rc;
	slot = find_slot(&r, message_id);
	if (slot == NULL)
		return ERR_NOT_FOUND;
	slot->state = state;
	slot->at_ms = at_ms;
	return write_record(t, id, &r);
}

static const struct payload_field created_fields[] = {
    {1, PAYLOAD_ID16, true, offsetof(struct event_lead_created, lead)},
    {2, PAYLOAD_U64, true, offsetof(struct event_lead_created, epoch)},
    {3, PAYLOAD_BYTES, true, offsetof(struct event_lead_created, wrapped)},
    {4, PAYLOAD_BYTES, true, offsetof(struct event_lead_created, address)},
};
static const struct payload_desc created = PAYLOAD_DESC(created_fields);

int lead_event_encode(const struct event_lead_created *e, struct buf *out)
{
	return payload_encode(&created, e, out);
}

int lead_event_decode(struct str payload, struct event_lead_created *out)
{
	*out = (struct event_lead_created){0};
	return payload_decode(&created, payload, out);
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
		return error_set(err, rc, "lead event: %s", error_text(rc));
	memcpy(id.b, e.lead, sizeof(id.b));
	rc = ledger_get(t, TABLE_LEAD, key_of(&id), &there);
	if (rc == 0)
		return error_set(err, ERR_EXISTS, "lead is there already");
	if (rc != ERR_NOT_FOUND)
		return rc;
	r.epoch = e.epoch;
	r.wrapped = e.wrapped;
	r.address = e.address;
	return write_record(t, &id, &r);
}
