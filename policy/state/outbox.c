/* outbox.c - see outbox.h. Record: version 1, state, lead (16), queued_ms,
 * due_ms, attempts, code, reason, target, diagnostic, status. */
#include "policy/state/outbox.h"

#include "policy/base/codec.h"
#include "policy/base/when.h"
#include "policy/mail/msgid.h"
#include "policy/state/counter.h"
#include "policy/state/message.h"
#include "policy/state/tables.h"
#include "policy/state/wire.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
	RECORD_VERSION = 1,
	RECORD_MAX = 16384,
	ROW_KEY = 1 + 8 + 1,
	DUE_KEY = 1 + 8 + 8 + 1,
	STATUS_MAX = 20,
	PRUNE_AT_ONCE = 4,
	PRUNE_LOOKS = 8, /* rows that wait still are passed over */
};
#define KEEP_MS (5 * WHEN_DAY_MS)

struct key {
	char b[DUE_KEY];
};

static struct str row_key(uint64_t id, uint32_t kind, struct key *k)
{
	k->b[0] = 'r';
	codec_put_u64(k->b + 1, id);
	k->b[9] = (char)kind;
	return (struct str){k->b, ROW_KEY};
}

/* Times are after 1970, so their unsigned form sorts. */
static struct str due_key(
    int64_t due_ms, uint64_t id, uint32_t kind, struct key *k)
{
	k->b[0] = 'd';
	codec_put_u64(k->b + 1, due_ms > 0 ? (uint64_t)due_ms : 0);
	codec_put_u64(k->b + 9, id);
	k->b[17] = (char)kind;
	return (struct str){k->b, DUE_KEY};
}

static int decode(struct str value, struct outbox_record *out)
{
	struct wire w = wire_open(value);
	struct str lead;

	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	out->state = (enum outbox_state)wire_u8(&w);
	lead = wire_fixed(&w, LEAD_ID_BYTES);
	if (lead.n == LEAD_ID_BYTES)
		memcpy(out->lead.b, lead.p, LEAD_ID_BYTES);
	out->queued_ms = wire_i64(&w);
	out->due_ms = wire_i64(&w);
	out->attempts = wire_u32(&w);
	out->code = wire_u32(&w);
	out->reason = (enum bounce_reason)wire_u8(&w);
	out->target = wire_bytes(&w);
	out->diagnostic = wire_bytes(&w);
	out->status = wire_bytes(&w);
	return wire_done(&w);
}

int outbox_read(const struct ledger_txn *t, uint64_t message_id,
    enum outbox_kind kind, struct outbox_record *out)
{
	struct key k;
	struct str value;
	int rc = ledger_get(
	    t, TABLE_OUTBOX, row_key(message_id, (uint32_t)kind, &k), &value);

	*out = (struct outbox_record){.message_id = message_id, .kind = kind};
	return rc != 0 ? rc : decode(value, out);
}

static void encode(const struct outbox_record *r, struct buf *b)
{
	wire_put_u8(b, RECORD_VERSION);
	wire_put_u8(b, (uint8_t)r->state);
	buf_add(b, (struct str){(const char *)r->lead.b, LEAD_ID_BYTES});
	wire_put_i64(b, r->queued_ms);
	wire_put_i64(b, r->due_ms);
	wire_put_u32(b, r->attempts);
	wire_put_u32(b, r->code);
	wire_put_u8(b, (uint8_t)r->reason);
	wire_put_bytes(b, r->target);
	wire_put_bytes(b, r->diagnostic);
	wire_put_bytes(b, r->status);
}

static int put_row(struct ledger_txn *t, const struct outbox_record *r)
{
	struct key k;
	struct buf b;
	int rc;

	buf_init(&b, RECORD_MAX);
	encode(r, &b);
	rc = buf_error(&b);
	if (rc == 0)
		rc = ledger_put(t, TABLE_OUTBOX,
		    row_key(r->message_id, (uint32_t)r->kind, &k), buf_str(&b));
	if (rc == 0 && r->state == OUTBOX_WAITS)
		rc = ledger_put(t, TABLE_OUTBOX,
		    due_key(r->due_ms, r->message_id, (uint32_t)r->kind, &k),
		    STR("1"));
	buf_fini(&b);
	return rc;
}

int outbox_next_due(const struct ledger_txn *t, int64_t now_ms,
    struct outbox_cursor *cursor, struct outbox_record *out)
{
	struct ledger_iter it;
	struct str key, value;
	struct key k;
	int rc = ledger_iter_open(t, TABLE_OUTBOX,
	    due_key(cursor->due_ms, cursor->message_id, cursor->kind + 1, &k),
	    LEDGER_UP, &it);

	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0 && (key.n != DUE_KEY || key.p[0] != 'd' ||
			   (int64_t)codec_get_u64(key.p + 1) > now_ms))
		rc = ERR_NOT_FOUND;
	if (rc == 0) {
		cursor->due_ms = (int64_t)codec_get_u64(key.p + 1);
		cursor->message_id = codec_get_u64(key.p + 9);
		cursor->kind = (unsigned char)key.p[17];
	}
	ledger_iter_close(&it);
	if (rc != 0)
		return rc;
	rc = outbox_read(
	    t, cursor->message_id, (enum outbox_kind)cursor->kind, out);
	return rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc;
}

/* --- events --- */

#define AT(field) offsetof(struct event_relay_queued, field)
static const struct payload_field queued_fields[] = {
    {1, PAYLOAD_U64, true, AT(message_id)},
    {2, PAYLOAD_U32, true, AT(kind)},
    {3, PAYLOAD_ID16, true, AT(lead)},
    {4, PAYLOAD_BYTES, true, AT(target)},
    {5, PAYLOAD_BYTES, false, AT(diagnostic)},
    {6, PAYLOAD_BYTES, false, AT(status)},
    {7, PAYLOAD_U32, false, AT(reason)},
};
#undef AT
const struct payload_desc outbox_queued_payload =
    PAYLOAD_DESC(queued_fields, struct event_relay_queued, RECORD_MAX);

#define AT(field) offsetof(struct event_relay_tried, field)
static const struct payload_field tried_fields[] = {
    {1, PAYLOAD_U64, true, AT(message_id)},
    {2, PAYLOAD_U32, true, AT(kind)},
    {3, PAYLOAD_U32, true, AT(state)},
    {4, PAYLOAD_U32, false, AT(code)},
    {5, PAYLOAD_I64, false, AT(due_ms)},
};
#undef AT
const struct payload_desc outbox_tried_payload =
    PAYLOAD_DESC(tried_fields, struct event_relay_tried, RECORD_MAX);

int outbox_decode_queued(struct str payload, struct event_relay_queued *out)
{
	return payload_decode(&outbox_queued_payload, payload, out);
}

int outbox_decode_tried(struct str payload, struct event_relay_tried *out)
{
	return payload_decode(&outbox_tried_payload, payload, out);
}

/* *target: in the message's record. Empty: not to be relayed. */
static int find_target(struct door_ctx *ctx, const struct event_relay_queued *e,
    struct str *target)
{
	struct message_record m;
	struct outbox_record there;
	int rc = outbox_read(
	    door_txn(ctx), e->message_id, (enum outbox_kind)e->kind, &there);

	*target = STR("");
	if (rc != ERR_NOT_FOUND)
		return rc;
	rc = message_read(door_txn(ctx), e->message_id, &m);
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	if (memcmp(m.lead.b, e->lead, sizeof(e->lead)) == 0)
		*target =
		    e->kind == OUTBOX_OPT_OUT ? m.app_one_click : m.app_sender;
	return 0;
}

static int emit_queued(struct door_ctx *ctx, struct event_relay_queued *e)
{
	int rc = find_target(ctx, e, &e->target);

	if (rc != 0 || e->target.n == 0)
		return rc;
	return payload_emit(ctx, EV_RELAY_QUEUED, &outbox_queued_payload, e);
}

int outbox_emit_opt_out(
    struct door_ctx *ctx, uint64_t message_id, const struct lead_id *lead)
{
	struct event_relay_queued e = {
	    .message_id = message_id, .kind = OUTBOX_OPT_OUT};

	memcpy(e.lead, lead->b, sizeof(e.lead));
	return emit_queued(ctx, &e);
}

int outbox_emit_bounce(struct door_ctx *ctx, const struct outbox_bounce *b)
{
	struct event_relay_queued e = {.message_id = b->message_id,
	    .kind = OUTBOX_BOUNCE,
	    .diagnostic = b->diagnostic,
	    .status = str_cut(b->status, 0, STATUS_MAX),
	    .reason = (uint32_t)b->reason};

	memcpy(e.lead, b->lead.b, sizeof(e.lead));
	return emit_queued(ctx, &e);
}

/* When to try again after that many failures; the last one is repeated. */
static int64_t delay_ms(uint32_t failures)
{
	static const int64_t v[] = {WHEN_MINUTE_MS, 5 * WHEN_MINUTE_MS,
	    30 * WHEN_MINUTE_MS, 2 * WHEN_HOUR_MS, 6 * WHEN_HOUR_MS,
	    12 * WHEN_HOUR_MS, WHEN_DAY_MS};
	const size_t last = sizeof(v) / sizeof(*v) - 1;

	return v[failures - 1 < last ? failures - 1 : last];
}

int outbox_emit_tried(struct door_ctx *ctx, const struct outbox_tried *t,
    enum outbox_state *state_out)
{
	struct event_relay_tried e = {.message_id = t->message_id,
	    .kind = (uint32_t)t->kind,
	    .code = t->code};
	struct outbox_record r;
	int rc = outbox_read(door_txn(ctx), t->message_id, t->kind, &r);

	*state_out = r.state;
	if (rc != 0 || r.state != OUTBOX_WAITS)
		return rc;
	e.due_ms = door_now_ms(ctx) + delay_ms(r.attempts + 1);
	if (t->done)
		e.state = OUTBOX_DONE;
	else if (t->hopeless || e.due_ms > r.queued_ms + KEEP_MS)
		e.state = OUTBOX_GIVEN_UP;
	else
		e.state = OUTBOX_WAITS;
	if (e.state != OUTBOX_WAITS)
		e.due_ms = 0;
	*state_out = (enum outbox_state)e.state;
	return payload_emit(ctx, EV_RELAY_TRIED, &outbox_tried_payload, &e);
}

static int count(
    struct ledger_txn *t, int64_t time_ms, uint32_t kind, const char *what)
{
	char name[COUNTER_NAME_MAX];

	(void)snprintf(name, sizeof(name), "relay.%s.%s",
	    outbox_kind_name((enum outbox_kind)kind), what);
	return counter_add(t, time_ms, name, STR(""));
}

bool outbox_is_aged(uint64_t message_id, int64_t now_ms)
{
	return msgid_time_ms(message_id) <
	       now_ms - OUTBOX_KEEP_DAYS * WHEN_DAY_MS;
}

struct old {
	struct key keys[PRUNE_AT_ONCE];
	size_t n;
};

/* The first rows, as far as they are finished and their messages old: message
 * ids are ordered by time. */
static int find_old(const struct ledger_txn *t, int64_t now_ms, struct old *out)
{
	struct ledger_iter it;
	struct str key, value;
	int rc = ledger_iter_prefix(t, TABLE_OUTBOX, STR("r"), &it);

	out->n = 0;
	if (rc != 0)
		return rc;
	for (int i = 0; i < PRUNE_LOOKS && out->n < PRUNE_AT_ONCE; i++) {
		struct outbox_record r;

		rc = ledger_iter_next(&it, &key, &value);
		if (rc == 0 && (key.n != ROW_KEY || decode(value, &r) != 0))
			rc = ERR_CORRUPT;
		if (rc != 0 ||
		    !outbox_is_aged(codec_get_u64(key.p + 1), now_ms))
			break;
		if (r.state != OUTBOX_WAITS)
			memcpy(out->keys[out->n++].b, key.p, ROW_KEY);
	}
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int prune(struct ledger_txn *t, int64_t now_ms)
{
	struct old old;
	int rc = find_old(t, now_ms, &old);

	for (size_t i = 0; rc == 0 && i < old.n; i++)
		rc = ledger_del(
		    t, TABLE_OUTBOX, (struct str){old.keys[i].b, ROW_KEY});
	return rc;
}

int outbox_reduce_queued(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_relay_queued e;
	struct outbox_record r;
	int rc = outbox_decode_queued(ev->payload, &e);

	if (rc == 0) {
		r = (struct outbox_record){.message_id = e.message_id,
		    .kind = (enum outbox_kind)e.kind,
		    .state = OUTBOX_WAITS,
		    .queued_ms = ev->time_ms,
		    .due_ms = ev->time_ms,
		    .target = e.target,
		    .diagnostic = e.diagnostic,
		    .status = e.status,
		    .reason = (enum bounce_reason)e.reason};
		memcpy(r.lead.b, e.lead, sizeof(r.lead.b));
		rc = put_row(t, &r);
	}
	if (rc == 0)
		rc = prune(t, ev->time_ms);
	if (rc == 0)
		rc = count(t, ev->time_ms, e.kind, "queued");
	return error_of(err, rc, "outbox");
}

static int apply_tried(struct ledger_txn *t, const struct event_relay_tried *e)
{
	struct outbox_record r;
	struct buf copy; /* the record is borrowed and about to change */
	struct key k;
	struct str value;
	int rc = ledger_get(
	    t, TABLE_OUTBOX, row_key(e->message_id, e->kind, &k), &value);

	if (rc != 0)
		return rc;
	buf_init(&copy, RECORD_MAX);
	buf_add(&copy, value);
	r = (struct outbox_record){
	    .message_id = e->message_id, .kind = (enum outbox_kind)e->kind};
	rc = buf_error(&copy);
	if (rc == 0)
		rc = decode(buf_str(&copy), &r);
	if (rc == 0)
		rc = ledger_del(t, TABLE_OUTBOX,
		    due_key(r.due_ms, e->message_id, e->kind, &k));
	r.state = (enum outbox_state)e->state;
	r.attempts++;
	r.code = e->code;
	r.due_ms = e->due_ms;
	if (r.state != OUTBOX_WAITS)
		r.target = r.diagnostic = STR("");
	if (rc == 0)
		rc = put_row(t, &r);
	buf_fini(&copy);
	return rc;
}

int outbox_reduce_tried(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_relay_tried e;
	int rc = outbox_decode_tried(ev->payload, &e);

	if (rc == 0)
		rc = apply_tried(t, &e);
	if (rc == 0)
		rc = count(t, ev->time_ms, e.kind,
		    e.state == OUTBOX_WAITS
			? "retry"
			: outbox_state_name((enum outbox_state)e.state));
	return error_of(err, rc, "outbox");
}

const char *outbox_kind_name(enum outbox_kind kind)
{
	switch (kind) {
	case OUTBOX_OPT_OUT:
		return "opt_out";
	case OUTBOX_BOUNCE:
		return "bounce";
	}
	return "unknown";
}

const char *outbox_state_name(enum outbox_state state)
{
	switch (state) {
	case OUTBOX_WAITS:
		return "waits";
	case OUTBOX_DONE:
		return "done";
	case OUTBOX_GIVEN_UP:
		return "given_up";
	}
	return "unknown";
}
