/* spikeback.c - see spikeback.h. Records: 'u': version 1; 's': version 1, hour,
 * at_ms, made.
 *
 * A window is few hours, so what is meant is found by few prefixes, however
 * many suppressions there are. The reducer takes the rows out up to the last
 * that was dealt with: what is left of them is what is left to do. */
#include "policy/state/spikeback.h"

#include "policy/base/codec.h"
#include "policy/rules/spike.h"
#include "policy/state/counter.h"
#include "policy/state/ops.h"
#include "policy/state/suppression.h"
#include "policy/state/tables.h"
#include "policy/state/wire.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
	RECORD_VERSION = 1,
	RECORD_MAX = 32,
	PAYLOAD_MAX = 512,
	PRUNE_AT_ONCE = 4,
	HOUR_AT = 1,
	PROVIDER_AT = 5,
	FAILURE_TAIL = 8 + LEAD_ID_BYTES,
};

struct failure {
	uint32_t hour;
	int64_t at_ms;
	struct lead_id lead;
};

/* A spike that waits; hour 0: none. */
struct waiting {
	uint32_t hour;
	int64_t at_ms;
	uint64_t made;
};

struct row_key {
	char b[PROVIDER_AT + SPIKEBACK_PROVIDER_MAX + 1 + FAILURE_TAIL];
	size_t n;
};

/* --- rows --- */

/* All failures of that hour and provider begin so. */
static struct str hour_key(
    uint32_t hour, struct str provider, struct row_key *k)
{
	provider = str_cut(provider, 0, SPIKEBACK_PROVIDER_MAX);
	k->b[0] = 'u';
	codec_put_u32(k->b + HOUR_AT, hour);
	if (provider.n > 0)
		memcpy(k->b + PROVIDER_AT, provider.p, provider.n);
	k->b[PROVIDER_AT + provider.n] = '\0';
	k->n = PROVIDER_AT + provider.n + 1;
	return (struct str){k->b, k->n};
}

static struct str failure_key(
    struct str provider, const struct failure *f, struct row_key *k)
{
	char *at = k->b + hour_key(f->hour, provider, k).n;

	codec_put_u64(at, (uint64_t)f->at_ms);
	memcpy(at + 8, f->lead.b, LEAD_ID_BYTES);
	k->n += FAILURE_TAIL;
	return (struct str){k->b, k->n};
}

static struct str waiting_key(struct str provider, struct row_key *k)
{
	provider = str_cut(provider, 0, SPIKEBACK_PROVIDER_MAX);
	k->b[0] = 's';
	if (provider.n > 0)
		memcpy(k->b + 1, provider.p, provider.n);
	k->n = 1 + provider.n;
	return (struct str){k->b, k->n};
}

static int decode_failure(struct str key, struct failure *out)
{
	const char *at;

	if (key.n < PROVIDER_AT + 1 + FAILURE_TAIL)
		return ERR_CORRUPT;
	at = key.p + key.n - FAILURE_TAIL;
	out->hour = codec_get_u32(key.p + HOUR_AT);
	out->at_ms = (int64_t)codec_get_u64(at);
	memcpy(out->lead.b, at + 8, LEAD_ID_BYTES);
	return 0;
}

static int read_waiting(
    const struct ledger_txn *t, struct str provider, struct waiting *out)
{
	struct row_key k;
	struct str value;
	struct wire w;
	int rc =
	    ledger_get(t, TABLE_FEEDBACK, waiting_key(provider, &k), &value);

	*out = (struct waiting){0};
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	w = wire_open(value);
	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	out->hour = wire_u32(&w);
	out->at_ms = wire_i64(&w);
	out->made = wire_u64(&w);
	return wire_done(&w);
}

static int put_waiting(
    struct ledger_txn *t, struct str provider, const struct waiting *w)
{
	struct row_key k;
	struct buf b;
	int rc;

	buf_init(&b, RECORD_MAX);
	wire_put_u8(&b, RECORD_VERSION);
	wire_put_u32(&b, w->hour);
	wire_put_i64(&b, w->at_ms);
	wire_put_u64(&b, w->made);
	rc = buf_error(&b);
	if (rc == 0)
		rc = ledger_put(
		    t, TABLE_FEEDBACK, waiting_key(provider, &k), buf_str(&b));
	buf_fini(&b);
	return rc;
}

int spikeback_next(
    const struct ledger_txn *t, char out[SPIKEBACK_PROVIDER_MAX + 1])
{
	struct ledger_iter it;
	struct str key, value;
	int rc = ledger_iter_prefix(t, TABLE_FEEDBACK, STR("s"), &it);

	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0)
		(void)snprintf(out, SPIKEBACK_PROVIDER_MAX + 1, "%.*s",
		    STR_ARG(str_from(key, 1)));
	ledger_iter_close(&it);
	return rc;
}

/* --- in a proposal --- */

/* Of one hour, behind the *n that are there. */
static int collect_hour(const struct ledger_txn *t, struct str provider,
    uint32_t hour, int64_t at_ms, struct failure *v, size_t *n)
{
	struct ledger_iter it;
	struct str key, value;
	struct row_key k;
	int rc = ledger_iter_prefix(
	    t, TABLE_FEEDBACK, hour_key(hour, provider, &k), &it);

	if (rc != 0)
		return rc;
	while (*n < SPIKEBACK_AT_ONCE &&
	       (rc = ledger_iter_next(&it, &key, &value)) == 0) {
		rc = decode_failure(key, &v[*n]);
		if (rc != 0 || v[*n].at_ms > at_ms)
			break;
		(*n)++;
	}
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int collect(const struct ledger_txn *t, struct str provider,
    const struct waiting *w, struct failure *v, size_t *n_out)
{
	int rc = 0;

	*n_out = 0;
	for (uint32_t i = 0; rc == 0 && i < SPIKE_WINDOW_HOURS; i++)
		rc = collect_hour(t, provider, w->hour + i, w->at_ms, v, n_out);
	return rc;
}

/* Nobody's word, no other failure's, and not yet provisional. */
static bool is_made_by(
    const struct suppression_record *r, const struct failure *f)
{
	return r->reason == SUPPRESSION_USER_UNKNOWN && r->until_ms == 0 &&
	       r->since_ms == f->at_ms && suppression_is_of_failure(r);
}

static int hold(struct door_ctx *ctx, const struct failure *f, uint32_t *made)
{
	struct str what = {(const char *)f->lead.b, LEAD_ID_BYTES};
	struct suppression_record r;
	int rc = suppression_read(door_txn(ctx), SUPPRESS_LEAD, what, 0, &r);

	if (rc != 0 || !is_made_by(&r, f))
		return rc == ERR_NOT_FOUND ? 0 : rc;
	rc = ops_suppress_end_emit(ctx, &r, f->at_ms + SPIKE_HOLD_MS);
	*made += rc == 0;
	return rc;
}

/* Of the window in which a spike is seen at now_ms, as spikes_read() has it. */
static uint32_t first_hour(int64_t now_ms)
{
	uint32_t hour = counter_hour(now_ms);

	return hour >= SPIKE_WINDOW_HOURS ? hour - (SPIKE_WINDOW_HOURS - 1) : 1;
}

int spikeback_emit(struct door_ctx *ctx, struct str provider, bool seen,
    struct spikeback_out *out)
{
	struct failure v[SPIKEBACK_AT_ONCE];
	struct event_spike e = {.provider = provider};
	struct waiting w;
	size_t n = 0;
	int rc = read_waiting(door_txn(ctx), provider, &w);
	bool begun = w.hour != 0;

	*out = (struct spikeback_out){0};
	if (rc != 0 || (!begun && !seen))
		return rc;
	if (!begun)
		w = (struct waiting){.at_ms = door_now_ms(ctx),
		    .hour = first_hour(door_now_ms(ctx))};
	rc = collect(door_txn(ctx), provider, &w, v, &n);
	if (rc != 0 || (!begun && n == 0))
		return rc;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = hold(ctx, &v[i], &e.made);
	e.hour = w.hour;
	e.at_ms = w.at_ms;
	e.done = n < SPIKEBACK_AT_ONCE;
	if (n > 0) {
		e.to_hour = v[n - 1].hour;
		e.to_ms = v[n - 1].at_ms;
		memcpy(e.to_lead, v[n - 1].lead.b, sizeof(e.to_lead));
	}
	*out = (struct spikeback_out){e.made, w.made + e.made, e.done};
	return rc != 0 ? rc
		       : payload_emit(ctx, EV_SPIKE, &spikeback_payload, &e);
}

/* --- reducers --- */

/* The first failure on record, of an hour before that one. */
static int oldest(
    const struct ledger_txn *t, uint32_t before, struct row_key *out)
{
	struct ledger_iter it;
	struct str key, value;
	int rc = ledger_iter_prefix(t, TABLE_FEEDBACK, STR("u"), &it);

	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0 && key.n > sizeof(out->b))
		rc = ERR_CORRUPT;
	if (rc == 0 && codec_get_u32(key.p + HOUR_AT) >= before)
		rc = ERR_NOT_FOUND;
	if (rc == 0) {
		memcpy(out->b, key.p, key.n);
		out->n = key.n;
	}
	ledger_iter_close(&it);
	return rc;
}

static int prune(struct ledger_txn *t, uint32_t hour)
{
	struct row_key k;
	int rc = 0;

	for (int i = 0;
	     hour > SPIKEBACK_KEEP_HOURS && rc == 0 && i < PRUNE_AT_ONCE; i++) {
		rc = oldest(t, hour - SPIKEBACK_KEEP_HOURS, &k);
		if (rc == 0)
			rc = ledger_del(
			    t, TABLE_FEEDBACK, (struct str){k.b, k.n});
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int spikeback_note(struct ledger_txn *t, int64_t now_ms, struct str provider,
    const unsigned char *lead)
{
	const char version = RECORD_VERSION;
	struct failure f = {.hour = counter_hour(now_ms), .at_ms = now_ms};
	struct row_key k;
	int rc;

	memcpy(f.lead.b, lead, LEAD_ID_BYTES);
	rc = ledger_put(t, TABLE_FEEDBACK, failure_key(provider, &f, &k),
	    (struct str){&version, 1});
	return rc == 0 ? prune(t, f.hour) : rc;
}

#define AT(field) offsetof(struct event_spike, field)
static const struct payload_field fields[] = {
    {1, PAYLOAD_TEXT, true, AT(provider)},
    {2, PAYLOAD_U32, true, AT(hour)},
    {3, PAYLOAD_I64, true, AT(at_ms)},
    {4, PAYLOAD_U32, false, AT(to_hour)},
    {5, PAYLOAD_I64, false, AT(to_ms)},
    {6, PAYLOAD_ID16, false, AT(to_lead)},
    {7, PAYLOAD_U32, false, AT(made)},
    {8, PAYLOAD_BOOL, false, AT(done)},
};
#undef AT
const struct payload_desc spikeback_payload =
    PAYLOAD_DESC(fields, struct event_spike, PAYLOAD_MAX);

int spikeback_decode(struct str payload, struct event_spike *out)
{
	return payload_decode(&spikeback_payload, payload, out);
}

/* The first failure of an hour, up to `to`. */
static int first_of(const struct ledger_txn *t, uint32_t hour,
    struct str provider, struct str to, struct row_key *out)
{
	struct ledger_iter it;
	struct str key, value;
	int rc = ledger_iter_prefix(
	    t, TABLE_FEEDBACK, hour_key(hour, provider, out), &it);

	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0 && key.n > sizeof(out->b))
		rc = ERR_CORRUPT;
	if (rc == 0 && str_cmp(key, to) > 0)
		rc = ERR_NOT_FOUND;
	if (rc == 0) {
		memcpy(out->b, key.p, key.n);
		out->n = key.n;
	}
	ledger_iter_close(&it);
	return rc;
}

static int take_out(struct ledger_txn *t, const struct event_spike *e)
{
	struct failure last = {.hour = e->to_hour, .at_ms = e->to_ms};
	struct row_key to, k;
	int rc = 0;

	memcpy(last.lead.b, e->to_lead, LEAD_ID_BYTES);
	(void)failure_key(e->provider, &last, &to);
	for (uint32_t i = 0; rc == 0 && i < SPIKE_WINDOW_HOURS; i++) {
		while (rc == 0) {
			rc = first_of(t, e->hour + i, e->provider,
			    (struct str){to.b, to.n}, &k);
			if (rc == 0)
				rc = ledger_del(
				    t, TABLE_FEEDBACK, (struct str){k.b, k.n});
		}
		if (rc == ERR_NOT_FOUND)
			rc = 0;
	}
	return rc;
}

int spikeback_reduce(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_spike e;
	struct waiting w;
	struct row_key k;
	int rc = spikeback_decode(ev->payload, &e);

	if (rc == 0)
		rc = read_waiting(t, e.provider, &w);
	if (rc == 0)
		rc = take_out(t, &e);
	if (rc == 0 && !e.done) {
		w = (struct waiting){e.hour, e.at_ms, w.made + e.made};
		rc = put_waiting(t, e.provider, &w);
	} else if (rc == 0 && w.hour != 0) {
		rc = ledger_del(t, TABLE_FEEDBACK, waiting_key(e.provider, &k));
	}
	return error_of(err, rc, "spike");
}
