/* company.c - see company.h. Record: version 1, history. The row of how far it is
 * has a key that no company has: version 1, state, lead id. */
#include "policy/state/company.h"

#include "policy/state/tables.h"

#include <string.h>

enum {
	RECORD_VERSION = 1,
	RECORD_MAX = 1 + SLOTLIST_BYTES_MAX,
	CLEAR_MAX = 1000,
};

static const struct str keeping_key = {"k", 1};

bool company_is_none(const struct company_id *id)
{
	static const struct company_id none;

	return memcmp(id->b, none.b, sizeof(id->b)) == 0;
}

static struct str key_of(const struct company_id *id)
{
	return (struct str){(const char *)id->b, sizeof(id->b)};
}

/* Of a company without a record: empty. */
static int fetch(const struct ledger_txn *t, const struct company_id *id,
    struct slotlist *out)
{
	struct str value;
	struct wire w;
	int rc = ledger_get(t, TABLE_COMPANY, key_of(id), &value);

	*out = (struct slotlist){.slots = "", .size = SLOTLIST_PEOPLE_SLOT};
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	w = wire_open(value);
	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	rc = slotlist_open(&w, SLOTLIST_PEOPLE_SLOT, out);
	return rc != 0 ? rc : wire_done(&w);
}

int company_slots(const struct ledger_txn *t, const struct company_id *id,
    struct arena *a, struct slot_fact **out, size_t *n_out)
{
	struct slotlist h;
	int rc = fetch(t, id, &h);

	*n_out = rc == 0 ? h.n : 0;
	return rc != 0 ? rc : slotlist_facts(&h, a, out);
}

/* --- are they kept? --- */

int company_keeping(const struct ledger_txn *t, struct company_keeping *out)
{
	struct str value, id;
	struct wire w;
	int rc = ledger_get(t, TABLE_COMPANY, keeping_key, &value);

	*out = (struct company_keeping){.state = COMPANY_NOT_KEPT};
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	w = wire_open(value);
	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	out->state = (enum company_state)wire_u8(&w);
	id = wire_fixed(&w, LEAD_ID_BYTES);
	if (id.n == LEAD_ID_BYTES)
		memcpy(out->done.b, id.p, LEAD_ID_BYTES);
	return wire_done(&w);
}

int company_keeping_set(struct ledger_txn *t, const struct company_keeping *k)
{
	struct buf b;
	int rc;

	buf_init(&b, 2 + LEAD_ID_BYTES);
	wire_put_u8(&b, RECORD_VERSION);
	wire_put_u8(&b, (uint8_t)k->state);
	buf_add(&b, (struct str){(const char *)k->done.b, LEAD_ID_BYTES});
	rc = buf_error(&b);
	if (rc == 0)
		rc = ledger_put(t, TABLE_COMPANY, keeping_key, buf_str(&b));
	buf_fini(&b);
	return rc;
}

static int is_kept(
    const struct ledger_txn *t, const struct company_id *id, bool *out)
{
	struct company_keeping k = {.state = COMPANY_NOT_KEPT};
	int rc = company_is_none(id) ? 0 : company_keeping(t, &k);

	*out = k.state == COMPANY_FILLING || k.state == COMPANY_KEPT;
	return rc;
}

/* In two steps: a change moves what a cursor stands on. */
int company_clear(struct ledger_txn *t, size_t n, bool *left_out)
{
	struct company_id ids[CLEAR_MAX];
	struct ledger_iter it;
	struct str key, value;
	size_t found = 0;
	int rc = ledger_iter_open(t, TABLE_COMPANY, STR(""), LEDGER_UP, &it);

	n = n < CLEAR_MAX ? n : CLEAR_MAX;
	*left_out = false;
	if (rc != 0)
		return rc;
	while (found < n && (rc = ledger_iter_next(&it, &key, &value)) == 0)
		if (key.n == COMPANY_ID_BYTES)
			memcpy(ids[found++].b, key.p, COMPANY_ID_BYTES);
	ledger_iter_close(&it);
	*left_out = rc == 0;
	rc = rc == ERR_NOT_FOUND ? 0 : rc;
	for (size_t i = 0; rc == 0 && i < found; i++)
		rc = ledger_del(t, TABLE_COMPANY, key_of(&ids[i]));
	return rc;
}

/* --- slots --- */

/* Ends b, which has all of the record. */
static int store(
    struct ledger_txn *t, const struct company_id *id, struct buf *b)
{
	int rc = buf_error(b);

	if (rc == 0)
		rc = ledger_put(t, TABLE_COMPANY, key_of(id), buf_str(b));
	buf_fini(b);
	return rc;
}

static void begin(struct buf *b, const struct slotlist *h)
{
	buf_init(b, RECORD_MAX + SLOTLIST_PEOPLE_SLOT);
	buf_expect(b, 1 + SLOTLIST_ROOM(h));
	wire_put_u8(b, RECORD_VERSION);
}

static int store_slot(struct ledger_txn *t, const struct company_id *id,
    const struct slotlist *h, const struct slot_fact *slot, int64_t before_ms)
{
	struct buf b;

	begin(&b, h);
	slotlist_put(h, slot, before_ms, &b);
	return store(t, id, &b);
}

int company_slot_put(struct ledger_txn *t, const struct company_id *id,
    const struct slot_fact *slot, int64_t prune_before_ms)
{
	struct slotlist h;
	bool kept;
	int rc = is_kept(t, id, &kept);

	if (rc != 0 || !kept)
		return rc;
	rc = fetch(t, id, &h);
	return rc != 0 ? rc : store_slot(t, id, &h, slot, prune_before_ms);
}

int company_slot_set(struct ledger_txn *t, const struct company_id *id,
    uint64_t message_id, enum slot_state state, int64_t at_ms)
{
	struct slot_fact slot;
	struct slotlist h;
	bool kept;
	int rc = is_kept(t, id, &kept);

	if (rc != 0 || !kept)
		return rc;
	rc = fetch(t, id, &h);
	if (rc != 0 || !slotlist_find(&h, message_id, &slot))
		return rc;
	slot.state = state;
	slot.at_ms = at_ms;
	return store_slot(t, id, &h, &slot, 0);
}

int company_person_del(
    struct ledger_txn *t, const struct company_id *id, uint64_t person)
{
	struct slotlist h;
	struct buf b;
	bool kept;
	int rc = is_kept(t, id, &kept);

	if (rc != 0 || !kept)
		return rc;
	rc = fetch(t, id, &h);
	if (rc != 0 || h.n == 0)
		return rc;
	begin(&b, &h);
	slotlist_without(&h, person, &b);
	return store(t, id, &b);
}

int company_person_put(struct ledger_txn *t, const struct company_id *id,
    const struct slot_fact *v, size_t n, bool moved)
{
	struct slotlist h;
	struct buf b;
	bool kept;
	int rc = is_kept(t, id, &kept);

	if (rc != 0 || !kept || n == 0)
		return rc;
	rc = fetch(t, id, &h);
	if (rc != 0)
		return rc;
	begin(&b, &h);
	slotlist_put_all(&h, v, n, moved, &b);
	return store(t, id, &b);
}
