/* counter.c - see counter.h. */
#include "policy/state/counter.h"

#include "policy/base/codec.h"
#include "policy/base/when.h"
#include "policy/state/tables.h"

#include <string.h>

enum {
	OF_MAX = 100,
};

struct row_key {
	char b[4 + COUNTER_NAME_MAX + 1 + OF_MAX];
	size_t n;
};

uint32_t counter_hour(int64_t ms)
{
	if (ms < WHEN_HOUR_MS)
		return 1;
	return ms / WHEN_HOUR_MS < UINT32_MAX ? (uint32_t)(ms / WHEN_HOUR_MS)
					      : UINT32_MAX;
}

bool counter_is_by_purpose(struct str name)
{
	return str_starts(name, STR("consent."));
}

bool counter_is_by_provider(struct str name)
{
	return str_starts(name, STR("provider."));
}

/* All but the hour. */
static int make_key(const char *name, struct str of, struct row_key *k)
{
	size_t n = strlen(name);

	if (n > COUNTER_NAME_MAX)
		return ERR_LIMIT;
	of = str_cut(of, 0, OF_MAX);
	memcpy(k->b + 4, name, n + 1);
	if (of.n > 0)
		memcpy(k->b + 4 + n + 1, of.p, of.n);
	k->n = 4 + n + 1 + of.n;
	return 0;
}

static int add_to(
    struct ledger_txn *t, struct row_key *k, uint32_t hour, uint64_t n)
{
	struct str key = {k->b, k->n}, value;
	uint64_t count = 0;
	char out[8];
	int rc;

	codec_put_u32(k->b, hour);
	rc = ledger_get(t, TABLE_COUNTER, key, &value);
	if (rc == 0 && value.n != 8)
		return ERR_CORRUPT;
	if (rc == 0)
		count = codec_get_u64(value.p);
	else if (rc != ERR_NOT_FOUND)
		return rc;
	codec_put_u64(out, count + n);
	return ledger_put(
	    t, TABLE_COUNTER, key, (struct str){out, sizeof(out)});
}

/* `of` may be borrowed from a row of the same transaction: it is copied
 * into the key before the first change. */
int counter_add_n(struct ledger_txn *t, int64_t time_ms, const char *name,
    struct str of, uint64_t n)
{
	struct row_key k;
	int rc = make_key(name, of, &k);

	if (rc == 0)
		rc = add_to(t, &k, 0, n);
	return rc != 0 ? rc : add_to(t, &k, counter_hour(time_ms), n);
}

int counter_add(
    struct ledger_txn *t, int64_t time_ms, const char *name, struct str of)
{
	return counter_add_n(t, time_ms, name, of, 1);
}

int counter_read(const struct ledger_txn *t, uint32_t hour, const char *name,
    struct str of, uint64_t *out)
{
	struct str value;
	struct row_key k;
	int rc = make_key(name, of, &k);

	*out = 0;
	if (rc != 0)
		return rc;
	codec_put_u32(k.b, hour);
	rc = ledger_get(t, TABLE_COUNTER, (struct str){k.b, k.n}, &value);
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	if (value.n != 8)
		return ERR_CORRUPT;
	*out = codec_get_u64(value.p);
	return 0;
}

static int decode(struct str key, struct str value, struct counter_row *out)
{
	size_t nul = str_find(key, 4, '\0');
	struct str *of;

	if (key.n < 6 || nul == key.n || value.n != 8)
		return ERR_CORRUPT;
	out->hour = codec_get_u32(key.p);
	out->name = str_cut(key, 4, nul - 4);
	out->segment = out->purpose = out->provider = STR("");
	of = &out->segment;
	if (counter_is_by_purpose(out->name))
		of = &out->purpose;
	else if (counter_is_by_provider(out->name))
		of = &out->provider;
	*of = str_from(key, nul + 1);
	out->count = codec_get_u64(value.p);
	return 0;
}

int counter_each(const struct ledger_txn *t, uint32_t from_hour,
    uint32_t to_hour, int (*emit)(void *arg, const struct counter_row *r),
    void *arg)
{
	struct counter_row r;
	struct ledger_iter it;
	struct str key, value;
	char from[4];
	int rc;

	codec_put_u32(from, from_hour);
	rc = ledger_iter_open(
	    t, TABLE_COUNTER, (struct str){from, sizeof(from)}, LEDGER_UP, &it);
	if (rc != 0)
		return rc;
	while ((rc = ledger_iter_next(&it, &key, &value)) == 0) {
		rc = decode(key, value, &r);
		if (rc != 0 || r.hour > to_hour)
			break;
		rc = emit(arg, &r);
		if (rc != 0)
			break;
	}
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* A row's key is longer than its hour, and so above the hour alone. */
int counter_hour_before(
    const struct ledger_txn *t, uint32_t hour, uint32_t *out)
{
	struct ledger_iter it;
	struct str key, value;
	char from[4];
	int rc;

	*out = 0;
	codec_put_u32(from, hour);
	rc = ledger_iter_open(t, TABLE_COUNTER,
	    (struct str){from, sizeof(from)}, LEDGER_DOWN, &it);
	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0)
		*out = codec_get_u32(key.p);
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}
