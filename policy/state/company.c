/* company.c - see company.h. Record: version 1, history. */
#include "policy/state/company.h"

#include "policy/state/tables.h"

#include <string.h>

enum {
	RECORD_VERSION = 1,
	RECORD_MAX = 1 + SLOTLIST_BYTES_MAX,
};

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

static int store(struct ledger_txn *t, const struct company_id *id,
    const struct slotlist *h, const struct slot_fact *slot, int64_t before_ms)
{
	struct buf b;
	int rc;

	buf_init(&b, RECORD_MAX + SLOTLIST_PEOPLE_SLOT);
	buf_expect(&b, 1 + SLOTLIST_ROOM(h));
	wire_put_u8(&b, RECORD_VERSION);
	slotlist_put(h, slot, before_ms, &b);
	rc = buf_error(&b);
	if (rc == 0)
		rc = ledger_put(t, TABLE_COMPANY, key_of(id), buf_str(&b));
	buf_fini(&b);
	return rc;
}

int company_slot_put(struct ledger_txn *t, const struct company_id *id,
    const struct slot_fact *slot, int64_t prune_before_ms)
{
	struct slotlist h;
	int rc = fetch(t, id, &h);

	return rc != 0 ? rc : store(t, id, &h, slot, prune_before_ms);
}

int company_slot_set(struct ledger_txn *t, const struct company_id *id,
    uint64_t message_id, enum slot_state state, int64_t at_ms)
{
	struct slot_fact slot;
	struct slotlist h;
	int rc = fetch(t, id, &h);

	if (rc != 0)
		return rc;
	if (!slotlist_find(&h, message_id, &slot))
		return ERR_NOT_FOUND;
	slot.state = state;
	slot.at_ms = at_ms;
	return store(t, id, &h, &slot, 0);
}
