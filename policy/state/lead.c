/* lead.c - see lead.h.
 *
 * Record: version 3, created_ms, epoch, wrapped key, sealed address, company (16
 * bytes), sealed attributes, moved_to (0 or 16 bytes with their length), number
 * of purposes (u8), then each: label, consent, flags (bit 0: subject), since_ms:
 * 14 bytes; and the history (slotlist.h). */
#include "policy/state/lead.h"

#include "policy/base/codec.h"
#include "policy/conf/policy.h"
#include "policy/state/copy.h"
#include "policy/state/tables.h"
#include "policy/state/wire.h"

#include <stddef.h>
#include <string.h>

enum {
	RECORD_VERSION = 3,
	RECORD_MAX = 32768,
	ARENA_MAX = 65536,
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

static int open_details(struct wire *w, struct lead_record *out)
{
	struct str company = wire_fixed(w, LEAD_COMPANY), moved;

	out->attributes = wire_bytes(w);
	moved = wire_bytes(w);
	if (w->bad || (moved.n != 0 && moved.n != LEAD_ID_BYTES))
		return ERR_CORRUPT;
	memcpy(out->company, company.p, LEAD_COMPANY);
	out->moved = moved.n > 0;
	if (out->moved)
		memcpy(out->moved_to.b, moved.p, LEAD_ID_BYTES);
	return 0;
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
	rc = open_details(&w, out);
	if (rc != 0)
		return rc;
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

int lead_peek(const struct ledger_txn *t, const struct lead_id *id,
    struct lead_record *out)
{
	struct stored unused;
	int rc = fetch(t, id, out, &unused);

	out->n_slots = 0;
	return rc;
}

int lead_list(const struct ledger_txn *t, const struct lead_id *after,
    lead_list_fn *emit, void *arg)
{
	struct ledger_iter rows;
	struct str key, value;
	int rc = ledger_iter_open(t, TABLE_LEAD,
	    after != NULL ? key_of(after) : STR(""), LEDGER_UP, &rows);

	if (rc != 0)
		return rc;
	while ((rc = ledger_iter_next(&rows, &key, &value)) == 0) {
		struct lead_record r;
		struct lead_id id;
		struct stored unused;

		if (key.n != sizeof(id.b)) {
			rc = ERR_CORRUPT;
			break;
		}
		memcpy(id.b, key.p, sizeof(id.b));
		if (after != NULL && lead_id_eq(&id, after))
			continue;
		rc = open_record(value, &r, &unused);
		r.n_slots = 0;
		if (rc == 0)
			rc = emit(arg, &id, &r);
		if (rc != 0)
			break;
	}
	ledger_iter_close(&rows);
	return rc == ERR_NOT_FOUND ? 0 : rc;
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

struct company_id lead_company(const struct lead_record *r)
{
	struct company_id c;

	memcpy(c.b, r->company, sizeof(c.b));
	return c;
}

int lead_slot_put(struct ledger_txn *t, const struct lead_id *id,
    const struct slot_fact *slot, int64_t prune_before_ms)
{
	struct slot_fact of_company = *slot;
	struct company_id company;
	struct lead_record r;
	struct stored st;
	int rc = fetch(t, id, &r, &st);

	if (rc != 0)
		return rc;
	company = lead_company(&r);
	of_company.person = lead_id_tag(id);
	rc = store_slot(t, id, &st, slot, prune_before_ms);
	return rc != 0 ? rc
		       : company_slot_put(
			     t, &company, &of_company, prune_before_ms);
}

/* ERR_NOT_FOUND: no such slot there. */
static int set_slot(struct ledger_txn *t, const struct lead_id *id,
    const struct slot_fact *to, struct lead_record *out)
{
	struct company_id company;
	struct slot_fact slot;
	struct stored st;
	int rc = fetch(t, id, out, &st);

	if (rc != 0)
		return rc;
	if (!slotlist_find(&st.history, to->message_id, &slot))
		return ERR_NOT_FOUND;
	slot.state = to->state;
	slot.at_ms = to->at_ms;
	company = lead_company(out);
	rc = store_slot(t, id, &st, &slot, 0);
	return rc != 0 ? rc
		       : company_slot_set(
			     t, &company, to->message_id, to->state, to->at_ms);
}

/* A message to a lead that has moved since counts where it went, too. */
int lead_slot_set(struct ledger_txn *t, const struct lead_id *id,
    uint64_t message_id, enum slot_state state, int64_t at_ms)
{
	struct slot_fact to = {
	    .message_id = message_id, .state = state, .at_ms = at_ms};
	struct lead_record r;
	int rc = set_slot(t, id, &to, &r);

	for (int i = 0; r.moved && i < LEAD_MOVES_MAX; i++) {
		struct lead_id next = r.moved_to;
		int moved = set_slot(t, &next, &to, &r);

		if (moved != 0 && moved != ERR_NOT_FOUND)
			return moved;
	}
	return rc;
}

int lead_slots_enter(struct ledger_txn *t, const struct lead_id *id,
    const struct company_id *company)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct lead_record r = {0};
	int rc = a != NULL ? lead_read(t, id, a, &r) : ERR_LIMIT;

	for (size_t i = 0; i < r.n_slots; i++)
		r.slots[i].person = lead_id_tag(id);
	if (rc == 0)
		rc =
		    company_person_put(t, company, r.slots, r.n_slots, r.moved);
	arena_free(&a);
	return rc;
}

/* --- events --- */

/* The record up to the purposes. */
static void put_start(const struct lead_record *r, struct buf *b)
{
	wire_put_u8(b, RECORD_VERSION);
	wire_put_i64(b, r->created_ms);
	wire_put_u64(b, r->epoch);
	wire_put_bytes(b, r->wrapped);
	wire_put_bytes(b, r->address);
	buf_add(b, (struct str){(const char *)r->company, LEAD_COMPANY});
	wire_put_bytes(b, r->attributes);
	wire_put_bytes(b, (struct str){(const char *)r->moved_to.b,
			      r->moved ? LEAD_ID_BYTES : 0});
}

/* The record as r says, with the purposes and slots that there are. */
static int store_details(struct ledger_txn *t, const struct lead_id *id,
    const struct stored *st, const struct lead_record *r)
{
	struct stored with = *st;
	struct buf start, b;
	int rc;

	buf_init(&start, RECORD_MAX);
	put_start(r, &start);
	rc = buf_error(&start);
	with.start = buf_str(&start);
	if (rc == 0) {
		buf_init(&b, RECORD_MAX);
		put_purposes(&with, r, &b);
		rc = store(t, id, &b);
	}
	buf_fini(&start);
	return rc;
}

static int write_new(
    struct ledger_txn *t, const struct lead_id *id, const struct lead_record *r)
{
	struct buf b;

	buf_init(&b, RECORD_MAX);
	put_start(r, &b);
	wire_put_u8(&b, 0);
	wire_put_u16(&b, 0);
	return store(t, id, &b);
}

static const struct payload_field created_fields[] = {
    {1, PAYLOAD_ID16, true, offsetof(struct event_lead_created, lead)},
    {2, PAYLOAD_U64, true, offsetof(struct event_lead_created, epoch)},
    {3, PAYLOAD_BYTES, true, offsetof(struct event_lead_created, wrapped)},
    {4, PAYLOAD_BYTES, true, offsetof(struct event_lead_created, address)},
    {5, PAYLOAD_ID16, false, offsetof(struct event_lead_created, company)},
    {6, PAYLOAD_BYTES, false, offsetof(struct event_lead_created, attributes)},
    {7, PAYLOAD_TEXT, false, offsetof(struct event_lead_created, origin)},
    {8, PAYLOAD_TEXT, false, offsetof(struct event_lead_created, author)},
};
const struct payload_desc lead_created_payload =
    PAYLOAD_DESC(created_fields, struct event_lead_created, LEAD_CREATED_MAX);

static const struct payload_field changed_fields[] = {
    {1, PAYLOAD_ID16, true, offsetof(struct event_lead_changed, lead)},
    {2, PAYLOAD_BYTES, false, offsetof(struct event_lead_changed, attributes)},
    {3, PAYLOAD_ID16, false, offsetof(struct event_lead_changed, company)},
    {4, PAYLOAD_TEXT, false, offsetof(struct event_lead_changed, origin)},
    {5, PAYLOAD_TEXT, false, offsetof(struct event_lead_changed, author)},
};
const struct payload_desc lead_changed_payload =
    PAYLOAD_DESC(changed_fields, struct event_lead_changed, LEAD_CREATED_MAX);

static const struct payload_field merged_fields[] = {
    {1, PAYLOAD_ID16, true, offsetof(struct event_lead_merged, lead)},
    {2, PAYLOAD_ID16, true, offsetof(struct event_lead_merged, to)},
    {3, PAYLOAD_TEXT, false, offsetof(struct event_lead_merged, origin)},
    {4, PAYLOAD_TEXT, false, offsetof(struct event_lead_merged, author)},
};
const struct payload_desc lead_merged_payload =
    PAYLOAD_DESC(merged_fields, struct event_lead_merged, LEAD_CREATED_MAX);

int lead_event_decode(struct str payload, struct event_lead_created *out)
{
	return payload_decode(&lead_created_payload, payload, out);
}

int lead_event_decode_changed(
    struct str payload, struct event_lead_changed *out)
{
	return payload_decode(&lead_changed_payload, payload, out);
}

int lead_event_decode_merged(struct str payload, struct event_lead_merged *out)
{
	return payload_decode(&lead_merged_payload, payload, out);
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
	r.attributes = e.attributes;
	memcpy(r.company, e.company, LEAD_COMPANY);
	return write_new(t, &id, &r);
}

/* What the person was sent is the new one's from now on. */
static int change_company(struct ledger_txn *t, const struct lead_id *id,
    const struct company_id *from, const struct company_id *to)
{
	int rc;

	if (memcmp(from->b, to->b, sizeof(to->b)) == 0)
		return 0;
	rc = company_person_del(t, from, lead_id_tag(id));
	return rc != 0 ? rc : lead_slots_enter(t, id, to);
}

int lead_reduce_changed(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_lead_changed e;
	struct company_id from, to;
	struct lead_record r;
	struct stored st;
	struct lead_id id;
	struct wait_queue q;
	int rc = lead_event_decode_changed(ev->payload, &e);

	if (rc != 0)
		return error_of(err, rc, "lead event");
	memcpy(id.b, e.lead, sizeof(id.b));
	rc = fetch(t, &id, &r, &st);
	if (rc != 0)
		return error_of(err, rc, "lead");
	from = lead_company(&r);
	r.attributes = e.attributes;
	memcpy(r.company, e.company, LEAD_COMPANY);
	to = lead_company(&r);
	rc = store_details(t, &id, &st, &r);
	if (rc == 0)
		rc = change_company(t, &id, &from, &to);
	if (rc != 0)
		return rc;
	/* Another zone, or another audience: what waits may go earlier. So may
	 * those of the company that has one less. */
	q = wait_queue_of(WAIT_PERSON, id.b);
	rc = copy_wake(t, &q, ev->time_ms);
	if (rc == 0 && !company_is_none(&from) &&
	    memcmp(&from, &to, sizeof(to)) != 0) {
		q = wait_queue_of(WAIT_COMPANY, from.b);
		rc = copy_wake(t, &q, ev->time_ms);
	}
	return error_of(err, rc, "what waits");
}

/* In the arena first: each slot that is put may move the page. */
static int copy_slots(
    struct ledger_txn *t, const struct lead_id *from, const struct lead_id *to)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct lead_record r = {0};
	int rc = a != NULL ? lead_read(t, from, a, &r) : ERR_LIMIT;

	for (size_t i = 0; i < r.n_slots && rc == 0; i++)
		rc = lead_slot_put(t, to, &r.slots[i], 0);
	arena_free(&a);
	return rc;
}

int lead_reduce_merged(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_lead_merged e;
	struct lead_record r;
	struct lead_id from, to;
	struct stored st;
	int rc = lead_event_decode_merged(ev->payload, &e);

	if (rc != 0)
		return error_of(err, rc, "lead event");
	memcpy(from.b, e.lead, sizeof(from.b));
	memcpy(to.b, e.to, sizeof(to.b));
	rc = copy_slots(t, &from, &to);
	if (rc == 0)
		rc = fetch(t, &from, &r, &st);
	if (rc != 0)
		return error_of(err, rc, "lead");
	r.moved = true;
	r.moved_to = to;
	return store_details(t, &from, &st, &r);
}
