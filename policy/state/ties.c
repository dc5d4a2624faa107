/* ties.c - see ties.h. */
#include "policy/state/ties.h"

#include "policy/base/array.h"
#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/mail/company_id.h"
#include "policy/state/person.h"
#include "policy/state/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK = 2000, /* people in one snapshot */
	SCRATCH_MAX = 1 << 20,
	FIRST = 4096,
};

struct member {
	uint64_t lead, company; /* tags; lead 0: free */
};

struct move {
	struct lead_id from, to;
};

struct ties {
	const struct store *store;
	struct arena *scratch;
	struct member *members; /* a hash table */
	size_t n_members, cap_members;
	struct move *moves; /* by from: people are read in that order */
	size_t n_moves, cap_moves;
};

/* --- companies --- */

static size_t member_at(const struct ties *t, uint64_t lead)
{
	size_t at = (size_t)(lead * UINT64_C(0x9e3779b97f4a7c15) >> 24) &
		    (t->cap_members - 1);

	while (t->members[at].lead != 0 && t->members[at].lead != lead)
		at = (at + 1) & (t->cap_members - 1);
	return at;
}

static int members_grow(struct ties *t)
{
	struct ties more = {.n_members = t->n_members,
	    .cap_members =
		t->cap_members > 0 ? 2 * t->cap_members : (size_t)FIRST};

	more.members = fault_alloc()
			   ? NULL
			   : calloc(more.cap_members, sizeof(*more.members));
	if (more.members == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < t->cap_members; i++)
		if (t->members[i].lead != 0)
			more.members[member_at(&more, t->members[i].lead)] =
			    t->members[i];
	free(t->members);
	t->members = more.members;
	t->cap_members = more.cap_members;
	return 0;
}

uint64_t ties_company_tag(const unsigned char company[LEAD_COMPANY])
{
	return codec_get_u64(company);
}

void ties_company_of(const struct store *s, const struct lead_id *id,
    const struct lead_record *r, struct arena *scratch,
    unsigned char out[LEAD_COMPANY])
{
	struct address address;
	struct person p;
	struct str text;

	memcpy(out, r->company, LEAD_COMPANY);
	if (!company_id_is_none(out) || person_of(&p, s, id, r) != 0)
		return;
	if (person_open_field(&p, PERSON_ADDRESS, r->address, scratch, &text) !=
		0 ||
	    address_parse(scratch, text, &address, NULL) != 0 ||
	    company_id_of(s->lead_key, STR(""), &address, out) != 0)
		memset(out, 0, LEAD_COMPANY);
	person_fini(&p);
}

static int note_company(
    struct ties *t, const struct lead_id *id, const struct lead_record *r)
{
	unsigned char company[LEAD_COMPANY];
	size_t at;
	int rc;

	arena_reset(t->scratch);
	ties_company_of(t->store, id, r, t->scratch, company);
	if (company_id_is_none(company))
		return 0;
	rc = 2 * t->n_members >= t->cap_members ? members_grow(t) : 0;
	if (rc != 0)
		return rc;
	at = member_at(t, lead_id_tag(id));
	t->n_members += t->members[at].lead == 0;
	t->members[at] =
	    (struct member){lead_id_tag(id), ties_company_tag(company)};
	return 0;
}

/* --- moves --- */

static int note_move(
    struct ties *t, const struct lead_id *from, const struct lead_id *to)
{
	int rc = ARRAY_ROOM(t->moves, t->cap_moves, t->n_moves + 1);

	if (rc == 0)
		t->moves[t->n_moves++] = (struct move){*from, *to};
	return rc;
}

static int by_from(const void *a, const void *b)
{
	const struct lead_id *x = a;
	const struct move *y = b;

	return memcmp(x->b, y->from.b, sizeof(x->b));
}

const struct lead_id *ties_next(
    const struct ties *t, const struct lead_id *lead)
{
	const struct move *m =
	    t->n_moves > 0
		? bsearch(lead, t->moves, t->n_moves, sizeof(*m), by_from)
		: NULL;

	return m != NULL ? &m->to : NULL;
}

uint64_t ties_group(const struct ties *t, const struct lead_id *lead)
{
	const struct lead_id *next = ties_next(t, lead);
	uint64_t tag;
	size_t at;

	for (int i = 0; next != NULL && i < LEAD_MOVES_MAX; i++) {
		lead = next;
		next = ties_next(t, lead);
	}
	tag = lead_id_tag(lead);
	if (t->cap_members == 0)
		return tag;
	at = member_at(t, tag);
	return t->members[at].lead != 0 ? t->members[at].company : tag;
}

/* --- all people --- */

static void next_id(struct lead_id *id)
{
	for (size_t b = sizeof(id->b); b-- > 0;)
		if (++id->b[b] != 0)
			break;
}

static int read_one(struct ties *t, const struct ledger_txn *txn,
    bool companies, const struct lead_id *id)
{
	struct lead_record r;
	int rc = lead_peek(txn, id, &r);

	if (rc == 0 && r.moved)
		rc = note_move(t, id, &r.moved_to);
	if (rc == 0 && companies)
		rc = note_company(t, id, &r);
	return rc;
}

static int read_some(struct ties *t, const struct ledger_txn *txn,
    bool companies, struct lead_id *next)
{
	struct ledger_iter it;
	struct str key, value;
	int rc = ledger_iter_open(txn, TABLE_LEAD,
	    (struct str){(const char *)next->b, sizeof(next->b)}, LEDGER_UP,
	    &it);

	for (int i = 0; rc == 0 && i < CHUNK; i++) {
		rc = ledger_iter_next(&it, &key, &value);
		if (rc != 0)
			break;
		memcpy(next->b, key.p, sizeof(next->b));
		rc = read_one(t, txn, companies, next);
		next_id(next);
	}
	ledger_iter_close(&it);
	return rc;
}

static int read_all(struct ties *t, bool companies,
    bool (*progress)(void *arg, double share), void *arg)
{
	struct lead_id next = {{0}};
	int rc = 0;

	while (rc == 0) {
		struct ledger_txn *txn = NULL;
		/* Ids are hashes: as far as the first bytes say. */
		double share = (double)lead_id_tag(&next) / 0x1p64;

		if (progress != NULL && !progress(arg, share))
			return ERR_STOPPING;
		rc = ledger_read_begin(t->store->ledger, &txn);
		if (rc == 0)
			rc = read_some(t, txn, companies, &next);
		ledger_read_end(&txn);
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int ties_read(struct ties **out, const struct store *s, bool companies,
    bool (*progress)(void *arg, double share), void *arg)
{
	struct ties *t = fault_alloc() ? NULL : calloc(1, sizeof(*t));
	int rc = -ENOMEM;

	*out = t;
	if (t == NULL)
		return rc;
	t->store = s;
	t->scratch = arena_new(SCRATCH_MAX);
	if (t->scratch != NULL)
		rc = read_all(t, companies, progress, arg);
	if (rc != 0)
		ties_free(out);
	return rc;
}

size_t ties_bytes(const struct ties *t)
{
	return t->cap_members * sizeof(*t->members) +
	       t->cap_moves * sizeof(*t->moves);
}

void ties_free(struct ties **t)
{
	if (*t == NULL)
		return;
	arena_free(&(*t)->scratch);
	free((*t)->members);
	free((*t)->moves);
	free(*t);
	*t = NULL;
}
