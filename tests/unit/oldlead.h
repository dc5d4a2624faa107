/* oldlead.h - a person who is known as version 1 of the event made people known:
 * without a company. */
#ifndef TESTS_UNIT_OLDLEAD_H
#define TESTS_UNIT_OLDLEAD_H

#include "tests/unit/storetest.h"

#include "policy/state/person.h"

struct oldlead {
	struct store *store;
	struct address address;
};

static int oldlead_emit(struct door_ctx *ctx, void *arg)
{
	struct oldlead *o = arg;
	struct event_lead_created e = {.epoch = seal_epoch(o->store->seal)};
	struct buf wrapped, payload;
	struct person p;
	int rc = person_open(&p, o->store, door_txn(ctx), &o->address);

	buf_init(&wrapped, SEAL_WRAPPED);
	buf_init(&payload, LEAD_CREATED_MAX);
	memcpy(e.lead, p.id.b, sizeof(e.lead));
	if (rc == 0)
		rc = seal_wrap(o->store->seal, p.id.b, &p.key, &wrapped);
	e.wrapped = buf_str(&wrapped);
	if (rc == 0)
		rc = person_seal(&p, PERSON_ADDRESS, o->address.text,
		    door_arena(ctx), &e.address);
	if (rc == 0)
		rc = payload_encode(&lead_created_payload, &e, &payload);
	if (rc == 0)
		rc = door_emit(ctx, EV_LEAD_CREATED, 1, buf_str(&payload));
	buf_fini(&payload);
	buf_fini(&wrapped);
	person_fini(&p);
	return rc;
}

static int oldlead_add(struct storetest *t, const char *address)
{
	struct oldlead o = {t->store, storetest_address(t, address)};

	return door_propose(t->store->door, oldlead_emit, &o, NULL);
}

#endif
