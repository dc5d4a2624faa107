/* reference_row.c - see reference_row.h. */
#include "policy/state/reference_row.h"

#include "policy/base/codec.h"
#include "policy/state/tables.h"

#include <string.h>

enum {
	RUN_PREFIX = 1 + 4
};

struct str reference_run_prefix(
    unsigned level, uint32_t run, struct reference_key *k)
{
	k->b[0] = (char)level;
	codec_put_u32(k->b + 1, run);
	return (struct str){k->b, RUN_PREFIX};
}

struct str reference_prefix(unsigned level, uint32_t run,
    const unsigned char *digest, struct reference_key *k)
{
	(void)reference_run_prefix(level, run, k);
	memcpy(k->b + RUN_PREFIX, digest, REFERENCE_DIGEST);
	return (struct str){k->b, REFERENCE_PREFIX};
}

struct str reference_key(
    unsigned level, const struct reference_row *row, struct reference_key *k)
{
	(void)reference_prefix(level, row->run, row->digest, k);
	codec_put_u64(k->b + REFERENCE_PREFIX, row->id);
	return (struct str){k->b, REFERENCE_KEY};
}

int reference_row_parse(struct str key, struct reference_row *out)
{
	if (key.n != REFERENCE_KEY)
		return ERR_CORRUPT;
	out->run = codec_get_u32(key.p + 1);
	memcpy(out->digest, key.p + RUN_PREFIX, REFERENCE_DIGEST);
	out->id = codec_get_u64(key.p + REFERENCE_PREFIX);
	return 0;
}

int reference_new_parse(struct str key, struct str value, uint64_t *number_out,
    struct reference_row *out)
{
	if (key.n != REFERENCE_NEW_KEY || value.n != REFERENCE_DIGEST + 8)
		return ERR_CORRUPT;
	*number_out = codec_get_u64(key.p + 1);
	out->run = 0;
	memcpy(out->digest, value.p, REFERENCE_DIGEST);
	out->id = codec_get_u64(value.p + REFERENCE_DIGEST);
	return 0;
}

int reference_next_run(const struct ledger_txn *t, unsigned level,
    uint32_t from, uint32_t *run_out)
{
	struct reference_key k;
	struct reference_row row;
	struct ledger_iter it;
	struct str key, value;
	int rc = ledger_iter_open(t, TABLE_REFERENCE,
	    reference_run_prefix(level, from, &k), LEDGER_UP, &it);

	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0 && (key.n == 0 || (unsigned char)key.p[0] != level))
		rc = ERR_NOT_FOUND;
	if (rc == 0)
		rc = reference_row_parse(key, &row);
	if (rc == 0)
		*run_out = row.run;
	ledger_iter_close(&it);
	return rc;
}
