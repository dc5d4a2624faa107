/* reference.c - see reference.h. */
#include "policy/state/reference.h"

#include "policy/base/codec.h"
#include "policy/base/when.h"
#include "policy/mail/msgid.h"
#include "policy/state/lead.h"
#include "policy/state/tables.h"

#include <string.h>

enum {
	WEEK = 2, /* bytes */
	PREFIX = WEEK + REFERENCE_DIGEST,
	KEY = PREFIX + 8,
	PRUNE_AT_ONCE = 4,
	ARENA_MAX = 1 << 20,
};

struct row_key {
	char b[KEY];
};

static uint16_t week_of(int64_t ms)
{
	return ms > 0 ? (uint16_t)(ms / (7 * WHEN_DAY_MS)) : 0;
}

static void put_week(uint16_t week, char *out)
{
	out[0] = (char)(week >> 8);
	out[1] = (char)(week & 0xff);
}

static struct str row_key(
    const unsigned char *digest, uint64_t message_id, struct row_key *k)
{
	put_week(week_of(msgid_time_ms(message_id)), k->b);
	memcpy(k->b + WEEK, digest, REFERENCE_DIGEST);
	codec_put_u64(k->b + PREFIX, message_id);
	return (struct str){k->b, KEY};
}

/* ERR_NOT_FOUND: nothing is of a week before that. */
static int oldest(
    const struct ledger_txn *t, uint16_t before, struct row_key *out)
{
	struct ledger_iter it;
	struct str key, value;
	char limit[WEEK];
	int rc = ledger_iter_open(t, TABLE_REFERENCE, STR(""), LEDGER_UP, &it);

	if (rc != 0)
		return rc;
	put_week(before, limit);
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0 && key.n != KEY)
		rc = ERR_CORRUPT;
	if (rc == 0 && memcmp(key.p, limit, WEEK) >= 0)
		rc = ERR_NOT_FOUND;
	if (rc == 0)
		memcpy(out->b, key.p, KEY);
	ledger_iter_close(&it);
	return rc;
}

static int prune(struct ledger_txn *t, uint16_t week)
{
	struct row_key k;
	int rc = 0;

	for (int i = 0; rc == 0 && i < PRUNE_AT_ONCE; i++) {
		rc = oldest(t,
		    week > REFERENCE_KEEP_WEEKS
			? (uint16_t)(week - REFERENCE_KEEP_WEEKS)
			: 0,
		    &k);
		if (rc == 0)
			rc = ledger_del(
			    t, TABLE_REFERENCE, (struct str){k.b, KEY});
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int reference_put(
    struct ledger_txn *t, const unsigned char *digest, uint64_t message_id)
{
	struct row_key k;
	int rc = prune(t, week_of(msgid_time_ms(message_id)));

	return rc != 0 ? rc
		       : ledger_put(t, TABLE_REFERENCE,
			     row_key(digest, message_id, &k), STR("1"));
}

/* Of what this person was sent, as far as the history goes back. */
static int find_of_lead(const struct ledger_txn *t,
    const struct reference_list *l, const struct lead_record *lead,
    uint64_t *id_out)
{
	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = lead->n_slots; k > 0; k--) {
			struct row_key key;
			struct str value;
			uint64_t id = lead->slots[k - 1].message_id;
			int rc = ledger_get(t, TABLE_REFERENCE,
			    row_key(l->v[i].digest, id, &key), &value);

			if (rc == 0)
				*id_out = id;
			if (rc != ERR_NOT_FOUND)
				return rc;
		}
	}
	return ERR_NOT_FOUND;
}

/* Adds to *n_out how many rows that week has; two are as good as more. */
static int count_week(const struct ledger_txn *t, uint16_t week,
    const struct reference *r, uint64_t *id_out, size_t *n_out)
{
	struct ledger_iter it;
	struct str key, value;
	char prefix[PREFIX];
	int rc;

	put_week(week, prefix);
	memcpy(prefix + WEEK, r->digest, REFERENCE_DIGEST);
	rc = ledger_iter_prefix(
	    t, TABLE_REFERENCE, (struct str){prefix, PREFIX}, &it);
	if (rc != 0)
		return rc;
	while (*n_out < 2 && (rc = ledger_iter_next(&it, &key, &value)) == 0) {
		if (key.n != KEY) {
			rc = ERR_CORRUPT;
			break;
		}
		*id_out = codec_get_u64(key.p + PREFIX);
		(*n_out)++;
	}
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* ERR_EXISTS: several have it. */
static int find_alone(const struct ledger_txn *t, const struct reference *r,
    int64_t now_ms, uint64_t *id_out)
{
	uint16_t week = week_of(now_ms);
	size_t n = 0;
	int rc = 0;

	for (int i = 0; rc == 0 && n < 2 && i <= REFERENCE_KEEP_WEEKS; i++)
		if (week >= i)
			rc = count_week(t, (uint16_t)(week - i), r, id_out, &n);
	if (rc != 0)
		return rc;
	return n == 0 ? ERR_NOT_FOUND : n == 1 ? 0 : ERR_EXISTS;
}

static int find_by_lead(const struct ledger_txn *t,
    const struct reference_list *l, const struct lead_id *from,
    uint64_t *id_out)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct lead_record lead;
	int rc = a != NULL ? lead_read(t, from, a, &lead) : ERR_LIMIT;

	if (rc == 0)
		rc = find_of_lead(t, l, &lead, id_out);
	arena_free(&a);
	return rc;
}

int reference_find(const struct ledger_txn *t, const struct reference_list *l,
    const struct lead_id *from, int64_t now_ms, uint64_t *id_out)
{
	int rc = ERR_NOT_FOUND;

	if (from != NULL && l->n > 0)
		rc = find_by_lead(t, l, from, id_out);
	for (size_t i = 0; rc == ERR_NOT_FOUND && i < l->n; i++)
		rc = find_alone(t, &l->v[i], now_ms, id_out);
	return rc == ERR_EXISTS ? ERR_NOT_FOUND : rc;
}
