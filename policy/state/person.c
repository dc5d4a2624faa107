/* person.c - see person.h. */
#include "policy/state/person.h"

#include "policy/mail/company_id.h"

#include <string.h>

enum {
	FIELD_MAX = 60000,
};

int person_of(struct person *p, const struct store *s, const struct lead_id *id,
    const struct lead_record *lead)
{
	*p = (struct person){.store = s, .id = *id};
	if (lead->wrapped.n == 0)
		return seal_key_init(&p->key);
	if (lead->wrapped.n != SEAL_WRAPPED)
		return ERR_CORRUPT;
	p->known = true;
	memcpy(p->wrapped, lead->wrapped.p, SEAL_WRAPPED);
	return seal_unwrap(s->seal, id->b, lead->wrapped, &p->key);
}

bool person_is(const struct person *p, const struct lead_record *lead)
{
	struct str mine = {(const char *)p->wrapped, SEAL_WRAPPED};

	return p->known ? str_eq(lead->wrapped, mine) : lead->wrapped.n == 0;
}

int person_open(struct person *p, const struct store *s,
    const struct ledger_txn *t, const struct address *address)
{
	struct lead_record lead;
	struct lead_id id;
	int rc;

	*p = (struct person){.store = s};
	rc = lead_id_of(s->lead_key, address, &id);
	if (rc != 0)
		return rc;
	rc = lead_peek(t, &id, &lead);
	return rc == 0 || rc == ERR_NOT_FOUND ? person_of(p, s, &id, &lead)
					      : rc;
}

int person_open_id(struct person *p, const struct store *s,
    const struct ledger_txn *t, const struct lead_id *id)
{
	struct lead_record lead;
	int rc = lead_peek(t, id, &lead);

	*p = (struct person){.store = s, .id = *id};
	return rc == 0 ? person_of(p, s, id, &lead) : rc;
}

int person_next(struct person *p, const struct ledger_txn *t)
{
	const struct store *s = p->store;
	struct lead_record lead;
	int rc = lead_peek(t, &p->id, &lead);

	if (rc == 0 && !lead.moved)
		rc = ERR_NOT_FOUND;
	if (rc != 0)
		return rc;
	person_fini(p);
	return person_open_id(p, s, t, &lead.moved_to);
}

void person_fini(struct person *p)
{
	seal_key_fini(&p->key);
}

static int seal_into(const struct person *p, enum person_field field,
    struct str plain, struct buf *out)
{
	return seal_encrypt(p->store->seal, &p->key,
	    (struct seal_place){p->id.b, (uint32_t)field}, plain, out);
}

int person_created(const struct person *p, const struct address *address,
    const struct person_details *details, struct buf *out)
{
	struct event_lead_created e = {.epoch = seal_epoch(p->store->seal),
	    .attributes = details->attributes,
	    .origin = details->origin,
	    .author = details->author};
	struct buf wrapped, sealed;
	int rc;

	buf_init(&wrapped, LEAD_WRAPPED_MAX);
	buf_init(&sealed, LEAD_ADDRESS_MAX);
	memcpy(e.lead, p->id.b, sizeof(e.lead));
	rc = seal_wrap(p->store->seal, p->id.b, &p->key, &wrapped);
	if (rc == 0)
		rc = seal_into(p, PERSON_ADDRESS, address->text, &sealed);
	if (rc == 0)
		rc = company_id_of(
		    p->store->lead_key, details->company, address, e.company);
	e.wrapped = buf_str(&wrapped);
	e.address = buf_str(&sealed);
	if (rc == 0)
		rc = payload_encode(&lead_created_payload, &e, out);
	buf_fini(&wrapped);
	buf_fini(&sealed);
	return rc;
}

int person_emit(
    const struct person *p, struct door_ctx *ctx, const struct address *address)
{
	static const struct person_details none;
	struct buf payload;
	int rc;

	if (p->known)
		return 0;
	buf_init(&payload, LEAD_CREATED_MAX);
	rc = person_created(p, address, &none, &payload);
	if (rc == 0)
		rc = door_emit(ctx, EV_LEAD_CREATED,
		    event_kind(EV_LEAD_CREATED)->version, buf_str(&payload));
	buf_fini(&payload);
	return rc;
}

static int to_arena(struct buf *b, int rc, struct arena *a, struct str *out)
{
	if (rc == 0) {
		*out = arena_str(a, buf_str(b));
		if (out->p == NULL)
			rc = ERR_LIMIT;
	}
	buf_fini(b);
	return rc;
}

int person_seal(const struct person *p, enum person_field field,
    struct str plain, struct arena *a, struct str *out)
{
	struct buf b;

	*out = STR("");
	if (plain.n == 0)
		return 0;
	buf_init(&b, FIELD_MAX);
	return to_arena(&b, seal_into(p, field, plain, &b), a, out);
}

int person_open_field(const struct person *p, enum person_field field,
    struct str sealed, struct arena *a, struct str *out)
{
	struct buf b;

	*out = STR("");
	if (sealed.n == 0)
		return 0;
	buf_init(&b, FIELD_MAX);
	return to_arena(&b,
	    seal_decrypt(p->store->seal, &p->key,
		(struct seal_place){p->id.b, (uint32_t)field}, sealed, &b),
	    a, out);
}

int person_address(const struct store *s, const struct ledger_txn *t,
    const struct lead_id *id, struct arena *a, struct str *out)
{
	struct person p = {.store = s, .id = *id};
	struct lead_record r;
	int rc = lead_read(t, id, a, &r);

	*out = STR("");
	if (rc == 0)
		rc = seal_unwrap(s->seal, id->b, r.wrapped, &p.key);
	if (rc == 0)
		rc = person_open_field(&p, PERSON_ADDRESS, r.address, a, out);
	person_fini(&p);
	return rc;
}
