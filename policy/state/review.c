/* review.c - see review.h. Record: version 1, lead, message id, kind, state,
 * opened_ms, deadline_ms, decided_ms, quote, author, reason. */
#include "policy/state/review.h"

#include "policy/base/codec.h"
#include "policy/state/counter.h"
#include "policy/state/tables.h"
#include "policy/state/wire.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
	RECORD_VERSION = 1,
	RECORD_MAX = 8192,
	PAYLOAD_MAX = 8192,
	DUE_KEY = 17,
	DROP_LOOK = 64, /* rows looked at: some are open, for years */
	DROP_MAX = 4,   /* with each that is decided */
};

struct row_key {
	char b[1 + LEAD_ID_BYTES];
	size_t n;
};

static struct str id_key(uint64_t id, struct row_key *k)
{
	k->b[0] = 'r';
	codec_put_u64(k->b + 1, id);
	return (struct str){k->b, 9};
}

static struct str lead_key(const unsigned char *lead, struct row_key *k)
{
	k->b[0] = 'l';
	memcpy(k->b + 1, lead, LEAD_ID_BYTES);
	return (struct str){k->b, 1 + LEAD_ID_BYTES};
}

static struct str due_key(int64_t deadline_ms, uint64_t id, struct row_key *k)
{
	k->b[0] = 'd';
	codec_put_u64(k->b + 1, (uint64_t)deadline_ms);
	codec_put_u64(k->b + 9, id);
	return (struct str){k->b, DUE_KEY};
}

static int decode(uint64_t id, struct str value, struct review_record *out)
{
	struct wire w = wire_open(value);
	struct str lead;

	*out = (struct review_record){.id = id};
	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	lead = wire_fixed(&w, LEAD_ID_BYTES);
	if (lead.n == LEAD_ID_BYTES)
		memcpy(out->lead.b, lead.p, LEAD_ID_BYTES);
	out->message_id = wire_u64(&w);
	out->kind = (enum review_kind)wire_u8(&w);
	out->state = (enum review_state)wire_u8(&w);
	out->opened_ms = wire_i64(&w);
	out->deadline_ms = wire_i64(&w);
	out->decided_ms = wire_i64(&w);
	out->quote = wire_bytes(&w);
	out->author = wire_bytes(&w);
	out->reason = wire_bytes(&w);
	return wire_done(&w);
}

static int write_record(struct ledger_txn *t, const struct review_record *r)
{
	struct row_key k;
	struct buf b;
	int rc;

	buf_init(&b, RECORD_MAX);
	wire_put_u8(&b, RECORD_VERSION);
	buf_add(&b, (struct str){(const char *)r->lead.b, LEAD_ID_BYTES});
	wire_put_u64(&b, r->message_id);
	wire_put_u8(&b, (uint8_t)r->kind);
	wire_put_u8(&b, (uint8_t)r->state);
	wire_put_i64(&b, r->opened_ms);
	wire_put_i64(&b, r->deadline_ms);
	wire_put_i64(&b, r->decided_ms);
	wire_put_bytes(&b, r->quote);
	wire_put_bytes(&b, r->author);
	wire_put_bytes(&b, r->reason);
	rc = buf_error(&b);
	if (rc == 0)
		rc =
		    ledger_put(t, TABLE_REVIEW, id_key(r->id, &k), buf_str(&b));
	buf_fini(&b);
	return rc;
}

/* --- reading --- */

int review_read(
    const struct ledger_txn *t, uint64_t id, struct review_record *out)
{
	struct row_key k;
	struct str value;
	int rc = ledger_get(t, TABLE_REVIEW, id_key(id, &k), &value);

	return rc != 0 ? rc : decode(id, value, out);
}

int review_of_lead(const struct ledger_txn *t, const struct lead_id *lead,
    struct review_record *out)
{
	struct row_key k;
	struct str value;
	int rc = ledger_get(t, TABLE_REVIEW, lead_key(lead->b, &k), &value);

	if (rc == 0 && value.n != 8)
		rc = ERR_CORRUPT;
	return rc != 0 ? rc : review_read(t, codec_get_u64(value.p), out);
}

/* Of open ones the first key from `from` on; ERR_NOT_FOUND. */
static int next_due(
    const struct ledger_txn *t, struct str from, struct review_cursor *out)
{
	struct ledger_iter it;
	struct str key, value;
	int rc = ledger_iter_open(t, TABLE_REVIEW, from, LEDGER_UP, &it);

	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0 && str_eq(key, from))
		rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0 && (key.n != DUE_KEY || key.p[0] != 'd'))
		rc = ERR_NOT_FOUND;
	if (rc == 0)
		*out = (struct review_cursor){(int64_t)codec_get_u64(key.p + 1),
		    codec_get_u64(key.p + 9)};
	ledger_iter_close(&it);
	return rc;
}

int review_next_open(const struct ledger_txn *t, struct review_cursor *after,
    struct review_record *out)
{
	struct row_key k;
	int rc = next_due(t, due_key(after->deadline_ms, after->id, &k), after);

	return rc != 0 ? rc : review_read(t, after->id, out);
}

int review_before(
    const struct ledger_txn *t, uint64_t before, struct review_record *out)
{
	struct ledger_iter it;
	struct str key, value;
	struct row_key k;
	int rc = ledger_iter_open(t, TABLE_REVIEW,
	    id_key(before != 0 ? before - 1 : UINT64_MAX, &k), LEDGER_DOWN,
	    &it);

	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0 && (key.n != 9 || key.p[0] != 'r'))
		rc = ERR_NOT_FOUND;
	if (rc == 0)
		rc = decode(codec_get_u64(key.p + 1), value, out);
	ledger_iter_close(&it);
	return rc;
}

int review_count(
    const struct ledger_txn *t, int64_t now_ms, struct review_count *out)
{
	struct review_cursor c = {0};
	struct row_key k;
	int rc;

	*out = (struct review_count){0};
	while ((rc = next_due(t, due_key(c.deadline_ms, c.id, &k), &c)) == 0) {
		out->open++;
		out->overdue += c.deadline_ms <= now_ms;
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* --- events --- */

#define AT(field) offsetof(struct event_review_opened, field)
static const struct payload_field opened_fields[] = {
    {1, PAYLOAD_U64, true, AT(id)},
    {2, PAYLOAD_ID16, true, AT(lead)},
    {3, PAYLOAD_U64, false, AT(message_id)},
    {4, PAYLOAD_U32, true, AT(kind)},
    {5, PAYLOAD_I64, true, AT(deadline_ms)},
    {6, PAYLOAD_BYTES, false, AT(quote)},
};
#undef AT
const struct payload_desc review_opened_payload =
    PAYLOAD_DESC(opened_fields, struct event_review_opened, PAYLOAD_MAX);

#define AT(field) offsetof(struct event_review_decided, field)
static const struct payload_field decided_fields[] = {
    {1, PAYLOAD_U64, true, AT(id)},
    {2, PAYLOAD_ID16, true, AT(lead)},
    {3, PAYLOAD_U32, true, AT(state)},
    {4, PAYLOAD_TEXT, false, AT(author)},
    {5, PAYLOAD_BYTES, false, AT(reason)},
};
#undef AT
const struct payload_desc review_decided_payload =
    PAYLOAD_DESC(decided_fields, struct event_review_decided, PAYLOAD_MAX);

int review_decode_opened(struct str payload, struct event_review_opened *out)
{
	return payload_decode(&review_opened_payload, payload, out);
}

int review_decode_decided(struct str payload, struct event_review_decided *out)
{
	return payload_decode(&review_decided_payload, payload, out);
}

static int count(
    struct ledger_txn *t, int64_t now_ms, const char *what, const char *name)
{
	char text[COUNTER_NAME_MAX];

	(void)snprintf(text, sizeof(text), "review.%s.%s", what, name);
	return counter_add(t, now_ms, text, STR(""));
}

int review_reduce_opened(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_review_opened e;
	struct review_record r;
	struct row_key k;
	char id[8];
	int rc = review_decode_opened(ev->payload, &e);

	if (rc != 0)
		return error_of(err, rc, "review event");
	r = (struct review_record){.id = e.id,
	    .message_id = e.message_id,
	    .kind = (enum review_kind)e.kind,
	    .state = REVIEW_OPEN,
	    .opened_ms = ev->time_ms,
	    .deadline_ms = e.deadline_ms,
	    .quote = e.quote};
	memcpy(r.lead.b, e.lead, sizeof(r.lead.b));
	codec_put_u64(id, e.id);
	rc = write_record(t, &r);
	if (rc == 0)
		rc = ledger_put(t, TABLE_REVIEW, lead_key(e.lead, &k),
		    (struct str){id, sizeof(id)});
	if (rc == 0)
		rc = ledger_put(t, TABLE_REVIEW,
		    due_key(e.deadline_ms, e.id, &k), STR("1"));
	if (rc == 0)
		rc = count(t, ev->time_ms, "opened",
		    review_kind_name((enum review_kind)e.kind));
	return error_of(err, rc, "review");
}

/* The oldest that were decided too long ago; *n of them. */
static int find_old(struct ledger_txn *t, int64_t before_ms,
    uint64_t out[DROP_MAX], size_t *n_out)
{
	struct review_record r;
	struct ledger_iter it;
	struct str key, value;
	struct row_key k;
	int rc =
	    ledger_iter_open(t, TABLE_REVIEW, id_key(0, &k), LEDGER_UP, &it);

	*n_out = 0;
	if (rc != 0)
		return rc;
	for (int i = 0; i < DROP_LOOK && *n_out < DROP_MAX; i++) {
		rc = ledger_iter_next(&it, &key, &value);
		if (rc != 0 || key.n != 9 || key.p[0] != 'r')
			break;
		rc = decode(codec_get_u64(key.p + 1), value, &r);
		if (rc != 0)
			break;
		if (r.state != REVIEW_OPEN && r.decided_ms < before_ms)
			out[(*n_out)++] = r.id;
	}
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int drop_old(struct ledger_txn *t, int64_t now_ms)
{
	uint64_t ids[DROP_MAX];
	struct row_key k;
	size_t n;
	int rc = find_old(t, now_ms - REVIEW_KEEP_MS, ids, &n);

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = ledger_del(t, TABLE_REVIEW, id_key(ids[i], &k));
	return rc;
}

/* Unless another one has its place. */
static int drop_of_lead(
    struct ledger_txn *t, const unsigned char *lead, uint64_t id)
{
	struct row_key k;
	struct str value;
	int rc = ledger_get(t, TABLE_REVIEW, lead_key(lead, &k), &value);

	if (rc == 0 && value.n == 8 && codec_get_u64(value.p) == id)
		rc = ledger_del(t, TABLE_REVIEW, lead_key(lead, &k));
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int review_reduce_decided(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_review_decided e;
	struct review_record r;
	struct row_key k;
	int rc = review_decode_decided(ev->payload, &e);

	if (rc == 0)
		rc = review_read(t, e.id, &r);
	if (rc == 0)
		rc = ledger_del(
		    t, TABLE_REVIEW, due_key(r.deadline_ms, e.id, &k));
	if (rc == 0)
		rc = drop_of_lead(t, e.lead, e.id);
	if (rc == 0) /* the changes may have moved what was borrowed */
		rc = review_read(t, e.id, &r);
	if (rc == 0) {
		r.state = (enum review_state)e.state;
		r.decided_ms = ev->time_ms;
		r.author = e.author;
		r.reason = e.reason;
		rc = write_record(t, &r);
	}
	if (rc == 0)
		rc = drop_old(t, ev->time_ms);
	if (rc == 0)
		rc = count(t, ev->time_ms, "decided",
		    review_state_name((enum review_state)e.state));
	return error_of(err, rc, "review");
}

const char *review_kind_name(enum review_kind kind)
{
	switch (kind) {
	case REVIEW_OPT_OUT:
		return "opt_out";
	case REVIEW_LEFT:
		return "left";
	}
	return "unknown";
}

const char *review_state_name(enum review_state state)
{
	switch (state) {
	case REVIEW_OPEN:
		return "open";
	case REVIEW_UNSUBSCRIBED:
		return "unsubscribed";
	case REVIEW_RESUMED:
		return "resumed";
	}
	return "unknown";
}
