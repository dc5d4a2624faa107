/* tally.c - see tally.h. Record: delivered, refused, complaints, hard bounces,
 * opt-outs, 4 bytes each; where one of them is not 0, blocked and faults of ours
 * too. So rows of before these were counted are what a replay makes of them. */
#include "policy/state/tally.h"

#include "policy/base/codec.h"
#include "policy/base/when.h"
#include "policy/mail/domain.h"
#include "policy/state/counter.h"
#include "policy/state/lived.h"
#include "policy/state/tables.h"

#include <string.h>

enum {
	HOUR = 4,
	FIELDS = 7,
	FIELDS_SHORT = 5,
	RECORD = FIELDS * 4,
	RECORD_SHORT = FIELDS_SHORT * 4,
	PRUNE_AT_ONCE = 4,
};

struct row_key {
	char b[HOUR + 2 * (TALLY_LABEL_MAX + 1) + DOMAIN_MAX];
	size_t n;
};

struct str tally_label(struct str label)
{
	label = str_cut(label, 0, str_find(label, 0, '\0'));
	return str_cut(label, 0, TALLY_LABEL_MAX);
}

static void append(struct row_key *k, struct str s)
{
	if (s.n > 0)
		memcpy(k->b + k->n, s.p, s.n);
	k->n += s.n;
}

static void make_key(uint32_t hour, const struct message_record *m,
    struct str campaign, struct row_key *k)
{
	codec_put_u32(k->b, hour);
	k->n = HOUR;
	append(k, tally_label(m->segment));
	k->b[k->n++] = '\0';
	append(k, tally_label(campaign));
	k->b[k->n++] = '\0';
	append(k, str_cut(m->from_domain, 0, DOMAIN_MAX));
}

static struct str key_str(const struct row_key *k)
{
	return (struct str){k->b, k->n};
}

/* --- records --- */

static void fields_of(struct breaker_counts *c, uint64_t *v[FIELDS])
{
	v[0] = &c->delivered;
	v[1] = &c->refused;
	v[2] = &c->n[POLICY_COMPLAINTS];
	v[3] = &c->n[POLICY_HARD_BOUNCES];
	v[4] = &c->n[POLICY_UNSUBSCRIBES];
	v[5] = &c->blocked;
	v[6] = &c->n[POLICY_OUR_FAULTS];
}

static int decode(struct str value, struct breaker_counts *out)
{
	uint64_t *v[FIELDS];

	if (value.n != RECORD && value.n != RECORD_SHORT)
		return ERR_CORRUPT;
	*out = (struct breaker_counts){0};
	fields_of(out, v);
	for (size_t i = 0; i < value.n / 4; i++)
		*v[i] = codec_get_u32(value.p + 4 * i);
	return 0;
}

/* One less of each of `from`, one more of each of `to`. A count that is full
 * stays full, and none is below nothing. Returns how long the record is. */
static size_t count(
    struct breaker_counts *c, unsigned from, unsigned to, char out[RECORD])
{
	static const unsigned bits[FIELDS] = {TALLY_DELIVERED, TALLY_REFUSED,
	    TALLY_COMPLAINT, TALLY_HARD_BOUNCE, TALLY_UNSUBSCRIBE,
	    TALLY_BLOCKED, TALLY_OUR_FAULT};
	uint64_t *v[FIELDS];

	fields_of(c, v);
	for (size_t i = 0; i < FIELDS; i++) {
		if ((from & bits[i]) != 0 && *v[i] > 0)
			--*v[i];
		if ((to & bits[i]) != 0 && *v[i] < UINT32_MAX)
			++*v[i];
		codec_put_u32(out + 4 * i, (uint32_t)*v[i]);
	}
	return c->blocked == 0 && c->n[POLICY_OUR_FAULTS] == 0 ? RECORD_SHORT
							       : RECORD;
}

void tally_sum(struct breaker_counts *a, const struct breaker_counts *b)
{
	struct breaker_counts copy = *b;
	uint64_t *to[FIELDS], *from[FIELDS];

	fields_of(a, to);
	fields_of(&copy, from);
	for (size_t i = 0; i < FIELDS; i++)
		if (__builtin_add_overflow(*to[i], *from[i], to[i]))
			*to[i] = UINT64_MAX;
}

void tally_less(struct breaker_counts *a, const struct breaker_counts *b)
{
	struct breaker_counts copy = *b;
	uint64_t *to[FIELDS], *from[FIELDS];

	fields_of(a, to);
	fields_of(&copy, from);
	for (size_t i = 0; i < FIELDS; i++)
		*to[i] -= *to[i] < *from[i] ? *to[i] : *from[i];
}

/* --- retention --- */

static int first_key(const struct ledger_txn *t, struct row_key *out)
{
	struct ledger_iter it;
	struct str key, value;
	int rc = ledger_iter_open(t, TABLE_TALLY, STR(""), LEDGER_UP, &it);

	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0 && (key.n < HOUR || key.n > sizeof(out->b)))
		rc = ERR_CORRUPT;
	if (rc == 0) {
		memcpy(out->b, key.p, key.n);
		out->n = key.n;
	}
	ledger_iter_close(&it);
	return rc;
}

static int prune(struct ledger_txn *t, uint32_t before)
{
	struct row_key k;
	int rc = 0;

	for (int i = 0; rc == 0 && i < PRUNE_AT_ONCE; i++) {
		rc = first_key(t, &k);
		if (rc == 0 && codec_get_u32(k.b) >= before)
			break;
		if (rc == 0)
			rc = ledger_del(t, TABLE_TALLY, key_str(&k));
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* --- counting --- */

static int rows_of(const struct ledger_txn *t, uint32_t hour, uint32_t *out)
{
	char head[HOUR];
	struct str value;
	int rc;

	codec_put_u32(head, hour);
	rc = ledger_get(
	    t, TABLE_TALLY, (struct str){head, sizeof(head)}, &value);
	*out = rc == 0 && value.n == 4 ? codec_get_u32(value.p) : 0;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int put_rows_of(struct ledger_txn *t, uint32_t hour, uint32_t n)
{
	char head[HOUR], value[4];

	codec_put_u32(head, hour);
	codec_put_u32(value, n);
	return ledger_put(t, TABLE_TALLY, (struct str){head, sizeof(head)},
	    (struct str){value, sizeof(value)});
}

static int read_row(const struct ledger_txn *t, const struct row_key *k,
    struct breaker_counts *out)
{
	struct str value;
	int rc = ledger_get(t, TABLE_TALLY, key_str(k), &value);

	*out = (struct breaker_counts){0};
	return rc == 0 ? decode(value, out) : rc;
}

/* The first hour that may still be asked for. */
static int oldest_hour(
    const struct ledger_txn *t, int64_t now_ms, uint32_t *out)
{
	int64_t before_ms;
	int rc = lived_before(
	    t, now_ms, TALLY_KEEP_HOURS * WHEN_HOUR_MS, &before_ms);

	*out = before_ms != 0 ? counter_hour(before_ms) : 0;
	return rc;
}

/* A row that is not there yet: one more of its hour, or where the hour is full
 * the row without campaign. */
static int new_row(struct ledger_txn *t, uint32_t hour, int64_t now_ms,
    const struct row_key *plain, struct row_key *k, struct breaker_counts *c)
{
	uint32_t n, oldest;
	int rc = oldest_hour(t, now_ms, &oldest);

	if (rc == 0)
		rc = prune(t, oldest);
	if (rc == 0)
		rc = rows_of(t, hour, &n);
	if (rc == 0 && n < TALLY_ROWS_MAX)
		return put_rows_of(t, hour, n + 1);
	if (rc == 0) {
		*k = *plain;
		rc = read_row(t, k, c);
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* m may be borrowed from a row of the same transaction: keys are made of it
 * before the first change. */
int tally_move(struct ledger_txn *t, const struct message_record *m,
    unsigned from, unsigned to, int64_t now_ms)
{
	uint32_t hour = counter_hour(m->proposed_ms);
	uint32_t now = counter_hour(now_ms), oldest = 0;
	struct row_key k, plain;
	struct breaker_counts c;
	char value[RECORD];
	size_t n;
	int rc = 0;

	if (now > TALLY_KEEP_HOURS && hour < now - TALLY_KEEP_HOURS)
		rc = oldest_hour(t, now_ms, &oldest);
	if (rc != 0 || !m->counts || m->purpose.n == 0 || hour < oldest)
		return rc;
	make_key(hour, m, m->campaign, &k);
	make_key(hour, m, STR(""), &plain);
	rc = read_row(t, &k, &c);
	if (rc == ERR_NOT_FOUND)
		rc = new_row(t, hour, now_ms, &plain, &k, &c);
	if (rc != 0)
		return rc;
	n = count(&c, from, to, value);
	return ledger_put(t, TABLE_TALLY, key_str(&k), (struct str){value, n});
}

int tally_add(struct ledger_txn *t, const struct message_record *m,
    unsigned what, int64_t now_ms)
{
	return tally_move(t, m, 0, what, now_ms);
}

/* --- reading --- */

static int decode_row(struct str key, struct str value, struct tally_row *out)
{
	size_t first = str_find(key, HOUR, '\0');
	size_t second = first < key.n ? str_find(key, first + 1, '\0') : key.n;

	if (second == key.n)
		return ERR_CORRUPT;
	out->hour = codec_get_u32(key.p);
	out->segment = str_cut(key, HOUR, first - HOUR);
	out->campaign = str_cut(key, first + 1, second - first - 1);
	out->domain = str_from(key, second + 1);
	return decode(value, &out->counts);
}

int tally_each(const struct ledger_txn *t, uint32_t from_hour, uint32_t to_hour,
    int (*emit)(void *arg, const struct tally_row *r), void *arg)
{
	struct tally_row r;
	struct ledger_iter it;
	struct str key, value;
	char from[HOUR];
	int rc;

	codec_put_u32(from, from_hour);
	rc = ledger_iter_open(
	    t, TABLE_TALLY, (struct str){from, sizeof(from)}, LEDGER_UP, &it);
	if (rc != 0)
		return rc;
	while ((rc = ledger_iter_next(&it, &key, &value)) == 0) {
		if (key.n < HOUR)
			rc = ERR_CORRUPT;
		else if (codec_get_u32(key.p) > to_hour)
			break;
		else if (key.n > HOUR)
			rc = decode_row(key, value, &r);
		if (rc == 0 && key.n > HOUR)
			rc = emit(arg, &r);
		if (rc != 0)
			break;
	}
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}
