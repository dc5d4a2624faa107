/* reference_put.c - see reference.h; what is done with each RUN of rows, and
 * when, so that never two kinds of it fall on one message. */
#include "policy/state/reference.h"

#include "policy/base/codec.h"
#include "policy/base/when.h"
#include "policy/mail/msgid.h"
#include "policy/state/reference_row.h"
#include "policy/state/tables.h"

#include <stdlib.h>
#include <string.h>

enum {
	FAN = 1 << REFERENCE_FAN_BITS,
	/* Of RUN numbers, the one at which this is done. */
	AT_FLUSH = 1,
	AT_MERGE_1 = 128,
	AT_MERGE_2 = 256,
	AT_PRUNE = 384,
	/* Rows that are moved or removed at once: more than come meanwhile, so
	 * that what fell behind catches up. */
	STEP = 2 * REFERENCE_RUN,
};

/* Rows to be moved, or removed. */
struct step {
	struct reference_row v[STEP];
	size_t n;
};

static int by_digest(const void *a, const void *b)
{
	const struct reference_row *x = a, *y = b;
	int order = memcmp(x->digest, y->digest, REFERENCE_DIGEST);

	return order != 0 ? order : (x->id > y->id) - (x->id < y->id);
}

static struct str new_key(uint64_t number, struct reference_key *k)
{
	k->b[0] = (char)REFERENCE_NEW;
	codec_put_u64(k->b + 1, number);
	return (struct str){k->b, REFERENCE_NEW_KEY};
}

/* 0: there was none yet. One always stays, for its number. */
static int newest(const struct ledger_txn *t, uint64_t *number_out)
{
	struct reference_row row;
	struct ledger_iter it;
	struct str key, value;
	int rc =
	    ledger_iter_open(t, TABLE_REFERENCE, STR(""), LEDGER_DOWN, &it);

	*number_out = 0;
	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0)
		rc = reference_new_parse(key, value, number_out, &row);
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int put_new(struct ledger_txn *t, uint64_t number,
    const unsigned char *digest, uint64_t id)
{
	char value[REFERENCE_DIGEST + 8];
	struct reference_key k;

	memcpy(value, digest, REFERENCE_DIGEST);
	codec_put_u64(value + REFERENCE_DIGEST, id);
	return ledger_put(t, TABLE_REFERENCE, new_key(number, &k),
	    (struct str){value, sizeof(value)});
}

/* --- new rows become a run --- */

/* Those before `number`. */
static int collect_new(
    const struct ledger_txn *t, uint64_t number, struct step *s)
{
	const char prefix[] = {(char)REFERENCE_NEW};
	struct ledger_iter it;
	struct str key, value;
	uint64_t at = 0;
	int rc = ledger_iter_prefix(
	    t, TABLE_REFERENCE, (struct str){prefix, sizeof(prefix)}, &it);

	if (rc != 0)
		return rc;
	while (s->n < STEP && (rc = ledger_iter_next(&it, &key, &value)) == 0) {
		rc = reference_new_parse(key, value, &at, &s->v[s->n]);
		if (rc != 0 || at >= number)
			break;
		s->n++;
	}
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int put_rows(struct ledger_txn *t, unsigned level, struct step *s)
{
	struct reference_key k;
	int rc = 0;

	/* In order, so that pages are filled. */
	qsort(s->v, s->n, sizeof(s->v[0]), by_digest);
	for (size_t i = 0; rc == 0 && i < s->n; i++)
		rc = ledger_put(t, TABLE_REFERENCE,
		    reference_key(level, &s->v[i], &k), STR("1"));
	return rc;
}

static int flush(struct ledger_txn *t, uint64_t number, struct step *s)
{
	uint32_t run = (uint32_t)((number - 1) / REFERENCE_RUN - 1);
	struct reference_key k;
	int rc = collect_new(t, number, s);

	for (size_t i = 0; i < s->n; i++)
		s->v[i].run = run;
	for (size_t i = 0; rc == 0 && i < s->n; i++)
		rc = ledger_del(
		    t, TABLE_REFERENCE, new_key(number - s->n + i, &k));
	return rc == 0 ? put_rows(t, 1, s) : rc;
}

/* --- runs become one of the next level --- */

/* Of a step's worth of digests: a group of `level` has FAN ^ level of them. */
static unsigned slice_of(unsigned level, const unsigned char *digest)
{
	return codec_get_u32(digest) >> (32 - level * REFERENCE_FAN_BITS);
}

/* Of the rows of a run those up to the slice, as many as there is room for;
 * with an empty *s only the first one, and *slice becomes its. */
static int collect(const struct ledger_txn *t, unsigned level, uint32_t run,
    unsigned slice, struct step *s)
{
	struct reference_key k;
	struct ledger_iter it;
	struct str key, value;
	int rc = ledger_iter_prefix(
	    t, TABLE_REFERENCE, reference_run_prefix(level, run, &k), &it);

	if (rc != 0)
		return rc;
	while (s->n < STEP && (rc = ledger_iter_next(&it, &key, &value)) == 0) {
		rc = reference_row_parse(key, &s->v[s->n]);
		if (rc != 0 || slice_of(level, s->v[s->n].digest) > slice)
			break;
		s->n++;
	}
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* The first slice that any run of the group has rows of. */
static int first_slice(const struct ledger_txn *t, unsigned level,
    uint32_t group, unsigned *slice_out)
{
	uint32_t first = group << REFERENCE_FAN_BITS;
	int rc = 0;

	*slice_out = UINT32_MAX;
	for (uint32_t run = first; rc == 0 && run < first + FAN; run++) {
		struct reference_key k;
		struct reference_row row;
		struct ledger_iter it;
		struct str key, value;

		rc = ledger_iter_prefix(t, TABLE_REFERENCE,
		    reference_run_prefix(level, run, &k), &it);
		if (rc != 0)
			break;
		rc = ledger_iter_next(&it, &key, &value);
		if (rc == 0)
			rc = reference_row_parse(key, &row);
		if (rc == 0 && slice_of(level, row.digest) < *slice_out)
			*slice_out = slice_of(level, row.digest);
		ledger_iter_close(&it);
		rc = rc == ERR_NOT_FOUND ? 0 : rc;
	}
	return rc;
}

/* The group whose turn it is, if nothing more will come to it from below.
 * ERR_NOT_FOUND. */
static int group_due(const struct ledger_txn *t, unsigned level,
    uint64_t number, uint32_t *group_out)
{
	uint64_t flushed = (number - 1) / REFERENCE_RUN, end;
	uint32_t run, below;
	int rc = reference_next_run(t, level, 0, &run);

	if (rc != 0)
		return rc;
	*group_out = run >> REFERENCE_FAN_BITS;
	end = ((uint64_t)*group_out + 1) << (level * REFERENCE_FAN_BITS);
	if (flushed < end)
		return ERR_NOT_FOUND;
	for (unsigned l = 1; rc == 0 && l < level; l++) {
		rc = reference_next_run(t, l, 0, &below);
		if (rc == 0 &&
		    below < end >> ((l - 1) * REFERENCE_FAN_BITS))
			return ERR_NOT_FOUND;
		rc = rc == ERR_NOT_FOUND ? 0 : rc;
	}
	return rc;
}

static int merge(
    struct ledger_txn *t, unsigned level, uint64_t number, struct step *s)
{
	struct reference_key k;
	uint32_t group, first;
	unsigned slice;
	int rc = group_due(t, level, number, &group);

	if (rc == 0)
		rc = first_slice(t, level, group, &slice);
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	first = group << REFERENCE_FAN_BITS;
	for (uint32_t run = first; rc == 0 && run < first + FAN; run++)
		rc = collect(t, level, run, slice, s);
	for (size_t i = 0; rc == 0 && i < s->n; i++) {
		rc = ledger_del(
		    t, TABLE_REFERENCE, reference_key(level, &s->v[i], &k));
		s->v[i].run = group;
	}
	return rc == 0 ? put_rows(t, level + 1, s) : rc;
}

/* --- what is old goes --- */

static bool all_old(const struct step *s, int64_t now_ms)
{
	for (size_t i = 0; i < s->n; i++)
		if (!reference_is_old(s->v[i].id, now_ms))
			return false;
	return s->n > 0;
}

/* The oldest run's first rows, if they are old all of them: by their digests
 * they are any of the run's, so the rest will be soon. */
static int prune(struct ledger_txn *t, int64_t now_ms, struct step *s)
{
	unsigned level = REFERENCE_LEVELS;
	struct reference_key k;
	uint32_t run;
	int rc = reference_next_run(t, level, 0, &run);

	while (rc == ERR_NOT_FOUND && level > 1)
		rc = reference_next_run(t, --level, 0, &run);
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	rc = collect(t, level, run, UINT32_MAX, s);
	if (rc != 0 || !all_old(s, now_ms))
		return rc;
	for (size_t i = 0; rc == 0 && i < s->n; i++)
		rc = ledger_del(
		    t, TABLE_REFERENCE, reference_key(level, &s->v[i], &k));
	return rc;
}

static int keep_order(struct ledger_txn *t, uint64_t number, int64_t now_ms)
{
	unsigned at = (unsigned)(number % REFERENCE_RUN);
	struct step *s;
	int rc = 0;

	if (number < REFERENCE_RUN ||
	    (at != AT_FLUSH && at != AT_MERGE_1 && at != AT_MERGE_2 &&
		at != AT_PRUNE))
		return 0;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return ERR_LIMIT;
	if (at == AT_FLUSH)
		rc = flush(t, number, s);
	else if (at == AT_PRUNE)
		rc = prune(t, now_ms, s);
	else
		rc = merge(t, at == AT_MERGE_1 ? 1 : 2, number, s);
	free(s);
	return rc;
}

int reference_put(
    struct ledger_txn *t, const unsigned char *digest, uint64_t message_id)
{
	uint64_t number;
	int rc = newest(t, &number);

	if (rc == 0)
		rc = put_new(t, ++number, digest, message_id);
	return rc == 0 ? keep_order(t, number, msgid_time_ms(message_id)) : rc;
}
