/* reference.c - see reference.h: an answer's message. */
#include "policy/state/reference.h"

#include "policy/base/when.h"
#include "policy/mail/msgid.h"
#include "policy/state/lead.h"
#include "policy/state/reference_row.h"
#include "policy/state/tables.h"

#include <string.h>

enum {
	ARENA_MAX = 1 << 20
};

/* Of one Message-ID. */
struct found {
	uint64_t of_lead; /* the newest of those that this person was sent; 0 */
	uint64_t any;
	unsigned n; /* how many there are; two are as good as more */
};

struct search {
	const struct ledger_txn *t;
	const struct reference_list *l;
	const struct lead_record *lead; /* NULL: nobody we know */
	int64_t now_ms;
	struct found v[REFERENCES_MAX]; /* as l */
};

bool reference_is_old(uint64_t message_id, int64_t now_ms)
{
	return msgid_time_ms(message_id) <
	       now_ms - REFERENCE_KEEP_WEEKS * 7 * WHEN_DAY_MS;
}

static bool was_sent(const struct search *s, uint64_t id)
{
	for (size_t i = 0; s->lead != NULL && i < s->lead->n_slots; i++)
		if (s->lead->slots[i].message_id == id)
			return true;
	return false;
}

static void note(struct search *s, size_t i, uint64_t id)
{
	struct found *f = &s->v[i];

	if (reference_is_old(id, s->now_ms))
		return;
	if (f->n < 2 && id != f->any)
		f->n++;
	f->any = id;
	if (id > f->of_lead && was_sent(s, id))
		f->of_lead = id;
}

static int look_at_new(struct search *s)
{
	const char prefix[] = {(char)REFERENCE_NEW};
	struct reference_row row;
	struct ledger_iter it;
	struct str key, value;
	uint64_t number;
	int rc = ledger_iter_prefix(
	    s->t, TABLE_REFERENCE, (struct str){prefix, sizeof(prefix)}, &it);

	if (rc != 0)
		return rc;
	while ((rc = ledger_iter_next(&it, &key, &value)) == 0) {
		rc = reference_new_parse(key, value, &number, &row);
		for (size_t i = 0; rc == 0 && i < s->l->n; i++)
			if (memcmp(s->l->v[i].digest, row.digest,
				REFERENCE_DIGEST) == 0)
				note(s, i, row.id);
		if (rc != 0)
			break;
	}
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Very many may have one Message-ID: what this person was sent is asked for by
 * its id. */
static int look_for_slots(
    struct search *s, unsigned level, uint32_t run, size_t i)
{
	struct reference_row row = {.run = run};
	int rc = 0;

	memcpy(row.digest, s->l->v[i].digest, REFERENCE_DIGEST);
	for (size_t k = 0; s->lead != NULL && k < s->lead->n_slots; k++) {
		struct reference_key key;
		struct str value;

		row.id = s->lead->slots[k].message_id;
		rc = ledger_get(s->t, TABLE_REFERENCE,
		    reference_key(level, &row, &key), &value);
		if (rc == 0)
			note(s, i, row.id);
		else if (rc != ERR_NOT_FOUND)
			return rc;
	}
	return 0;
}

static int look_at_run(
    struct search *s, unsigned level, uint32_t run, size_t i)
{
	struct reference_key k;
	struct reference_row row;
	struct ledger_iter it;
	struct str key, value;
	unsigned n = 0;
	int rc = ledger_iter_prefix(s->t, TABLE_REFERENCE,
	    reference_prefix(level, run, s->l->v[i].digest, &k), &it);

	if (rc != 0)
		return rc;
	while (n < 2 && (rc = ledger_iter_next(&it, &key, &value)) == 0) {
		rc = reference_row_parse(key, &row);
		if (rc != 0)
			break;
		note(s, i, row.id);
		n++;
	}
	ledger_iter_close(&it);
	if (rc != 0 && rc != ERR_NOT_FOUND)
		return rc;
	return n > 0 ? look_for_slots(s, level, run, i) : 0;
}

static int look_at_level(struct search *s, unsigned level)
{
	uint32_t run = 0;
	int rc = reference_next_run(s->t, level, 0, &run);

	while (rc == 0) {
		for (size_t i = 0; rc == 0 && i < s->l->n; i++)
			rc = look_at_run(s, level, run, i);
		if (rc == 0 && run == UINT32_MAX)
			break;
		if (rc == 0)
			rc = reference_next_run(s->t, level, run + 1, &run);
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int choose(const struct search *s, uint64_t *id_out)
{
	for (size_t i = 0; i < s->l->n; i++) {
		*id_out = s->v[i].of_lead;
		if (*id_out != 0)
			return 0;
	}
	for (size_t i = 0; i < s->l->n; i++) {
		*id_out = s->v[i].any;
		if (s->v[i].n > 0)
			return s->v[i].n == 1 ? 0 : ERR_NOT_FOUND;
	}
	return ERR_NOT_FOUND;
}

static int look(struct search *s)
{
	int rc = look_at_new(s);

	for (unsigned level = 1; rc == 0 && level <= REFERENCE_LEVELS; level++)
		rc = look_at_level(s, level);
	return rc;
}

int reference_find(const struct ledger_txn *t, const struct reference_list *l,
    const struct lead_id *from, int64_t now_ms, uint64_t *id_out)
{
	struct search s = {.t = t, .l = l, .now_ms = now_ms};
	struct arena *a = arena_new(ARENA_MAX);
	struct lead_record lead;
	int rc = a != NULL ? 0 : ERR_LIMIT;

	if (rc == 0 && from != NULL) {
		rc = lead_read(t, from, a, &lead);
		s.lead = rc == 0 ? &lead : NULL;
		rc = rc == ERR_NOT_FOUND ? 0 : rc;
	}
	if (rc == 0 && l->n > 0)
		rc = look(&s);
	arena_free(&a);
	return rc == 0 ? choose(&s, id_out) : rc;
}
