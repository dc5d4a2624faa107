/* person.h - a lead with its key opened: for writing and reading sealed
 * fields. fini cleanses the key.
 * Threads: as the transaction. */
#ifndef POLICY_STATE_PERSON_H
#define POLICY_STATE_PERSON_H

#include "policy/mail/address.h"
#include "policy/state/lead.h"
#include "policy/state/store.h"

/* What is sealed; part of what is authenticated. For ever. */
enum person_field {
	PERSON_ADDRESS = 1,
	PERSON_APP_ONE_CLICK = 2,
	PERSON_APP_SENDER = 3,
	PERSON_EVIDENCE = 4,   /* of a consent: client address, wording */
	PERSON_DIAGNOSTIC = 5, /* of a bounce */
	PERSON_ENVELOPE = 6,   /* of a spool copy */
	PERSON_ATTRIBUTES = 7, /* see attributes.h */
};

struct person {
	const struct store *store;
	struct lead_id id;
	struct seal_key key;
	bool known; /* has a record; else a key was drawn for it */
	unsigned char wrapped[SEAL_WRAPPED]; /* the key in that record */
};

/* From the record that facts_load() or lead_read() gave; one that is all zero
 * is that of an unknown person, who gets a fresh key. Needs no transaction but
 * that of the record. */
int person_of(struct person *p, const struct store *s, const struct lead_id *id,
    const struct lead_record *lead) MUST_CHECK;
/* Does the record, read later, still hold this key? If not (the person was
 * forgotten, or became known) what was sealed with it is of no use. */
bool person_is(const struct person *p, const struct lead_record *lead);
/* By address: an unknown person gets a fresh key. By id: ERR_NOT_FOUND. */
int person_open(struct person *p, const struct store *s,
    const struct ledger_txn *t, const struct address *address) MUST_CHECK;
int person_open_id(struct person *p, const struct store *s,
    const struct ledger_txn *t, const struct lead_id *id) MUST_CHECK;
/* The lead as which this one goes on, in its place. ERR_NOT_FOUND: it did not
 * move, or is not known. */
int person_next(struct person *p, const struct ledger_txn *t) MUST_CHECK;
void person_fini(struct person *p);

/* Emits EV_LEAD_CREATED for an unknown person; nothing for a known one. */
int person_emit(const struct person *p, struct door_ctx *ctx,
    const struct address *address) MUST_CHECK;
/* That event's payload, with what is known besides; needs no transaction. */
struct person_details {
	struct str company;    /* the attribute of that name, or empty */
	struct str attributes; /* sealed */
	struct str origin, author;
};
int person_created(const struct person *p, const struct address *address,
    const struct person_details *details, struct buf *out) MUST_CHECK;

/* Both results are in the arena; an empty plain text gives an empty result. */
int person_seal(const struct person *p, enum person_field field,
    struct str plain, struct arena *a, struct str *out) MUST_CHECK;
int person_open_field(const struct person *p, enum person_field field,
    struct str sealed, struct arena *a, struct str *out) MUST_CHECK;
/* The canonical address of a known lead, in the arena. */
int person_address(const struct store *s, const struct ledger_txn *t,
    const struct lead_id *id, struct arena *a, struct str *out) MUST_CHECK;

#endif
