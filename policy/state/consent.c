/* consent.c - see consent.h. Record: version 1, state, since_ms, seq, purpose,
 * origin, author. */
#include "policy/state/consent.h"

#include "policy/base/buf.h"
#include "policy/base/codec.h"
#include "policy/state/counter.h"
#include "policy/state/lead.h"
#include "policy/state/message.h"
#include "policy/state/tables.h"
#include "policy/state/tally.h"
#include "policy/state/wire.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
	RECORD_VERSION = 1,
	RECORD_MAX = 2048,
	PAYLOAD_MAX = 70000,
};

struct row_key {
	char b[LEAD_ID_BYTES + 4];
};

static struct str make_key(
    const unsigned char *lead, uint32_t label, struct row_key *k)
{
	memcpy(k->b, lead, LEAD_ID_BYTES);
	codec_put_u32(k->b + LEAD_ID_BYTES, label);
	return (struct str){k->b, sizeof(k->b)};
}

static int decode(struct str value, struct consent_record *out)
{
	struct wire w = wire_open(value);

	*out = (struct consent_record){0};
	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	out->state = (enum consent_state)wire_u8(&w);
	out->since_ms = wire_i64(&w);
	out->seq = wire_u64(&w);
	out->purpose = wire_bytes(&w);
	out->origin = wire_bytes(&w);
	out->author = wire_bytes(&w);
	return wire_done(&w);
}

int consent_read(const struct ledger_txn *t, const struct lead_id *lead,
    uint32_t label, struct consent_record *out)
{
	struct row_key k;
	struct str value;
	int rc =
	    ledger_get(t, TABLE_CONSENT, make_key(lead->b, label, &k), &value);

	return rc != 0 ? rc : decode(value, out);
}

int consent_each(const struct ledger_txn *t, const struct lead_id *lead,
    int (*emit)(void *arg, const struct consent_record *r), void *arg)
{
	struct consent_record r;
	struct ledger_iter it;
	struct str key, value;
	int rc = ledger_iter_prefix(t, TABLE_CONSENT,
	    (struct str){(const char *)lead->b, LEAD_ID_BYTES}, &it);

	if (rc != 0)
		return rc;
	while ((rc = ledger_iter_next(&it, &key, &value)) == 0) {
		rc = decode(value, &r);
		if (rc == 0)
			rc = emit(arg, &r);
		if (rc != 0)
			break;
	}
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

#define AT(field) offsetof(struct event_consent, field)
static const struct payload_field fields[] = {
    {1, PAYLOAD_ID16, true, AT(lead)},
    {2, PAYLOAD_U32, true, AT(label)},
    {3, PAYLOAD_U32, true, AT(state)},
    {4, PAYLOAD_TEXT, true, AT(purpose)},
    {5, PAYLOAD_TEXT, false, AT(origin)},
    {6, PAYLOAD_TEXT, false, AT(author)},
    {7, PAYLOAD_I64, false, AT(said_ms)},
    {8, PAYLOAD_U64, false, AT(message_id)},
    {9, PAYLOAD_BYTES, false, AT(evidence)},
};
#undef AT
const struct payload_desc consent_payload =
    PAYLOAD_DESC(fields, struct event_consent, PAYLOAD_MAX);

int consent_decode(struct str payload, struct event_consent *out)
{
	return payload_decode(&consent_payload, payload, out);
}

static int64_t since_of(const struct event *ev, const struct event_consent *e)
{
	return e->said_ms != 0 ? e->said_ms : ev->time_ms;
}

static int put_row(
    struct ledger_txn *t, const struct event *ev, const struct event_consent *e)
{
	struct row_key k;
	struct buf b;
	int rc;

	buf_init(&b, RECORD_MAX);
	wire_put_u8(&b, RECORD_VERSION);
	wire_put_u8(&b, (uint8_t)e->state);
	wire_put_i64(&b, since_of(ev, e));
	wire_put_u64(&b, ev->seq);
	wire_put_bytes(&b, e->purpose);
	wire_put_bytes(&b, e->origin);
	wire_put_bytes(&b, e->author);
	rc = buf_error(&b);
	if (rc == 0)
		rc = ledger_put(t, TABLE_CONSENT,
		    make_key(e->lead, e->label, &k), buf_str(&b));
	buf_fini(&b);
	return rc;
}

struct now {
	enum consent_state state;
	int64_t since_ms;
};

static void set_now(struct lead_purpose *p, const void *arg)
{
	const struct now *now = arg;

	p->consent = now->state;
	p->since_ms = now->since_ms;
}

/* What a decision asks, in the person's own record. */
static int put_in_record(
    struct ledger_txn *t, const struct event *ev, const struct event_consent *e)
{
	struct now now = {(enum consent_state)e->state, since_of(ev, e)};
	struct lead_id id;

	memcpy(id.b, e->lead, sizeof(id.b));
	return lead_purpose_change(t, &id, e->label, set_now, &now);
}

int consent_reduce(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	char name[COUNTER_NAME_MAX];
	struct event_consent e;
	int rc = consent_decode(ev->payload, &e);

	if (rc != 0)
		return error_of(err, rc, "consent event");
	rc = put_in_record(t, ev, &e);
	if (rc == ERR_NOT_FOUND)
		return error_set(
		    err, rc, "consent of a person who is not known");
	if (rc == 0)
		rc = put_row(t, ev, &e);
	if (rc == 0) {
		(void)snprintf(name, sizeof(name), "consent.%s",
		    consent_state_name((enum consent_state)e.state));
		rc = counter_add(t, ev->time_ms, name, e.purpose);
	}
	if (rc == 0 && e.message_id != 0 && e.state != CONSENT_GRANTED)
		rc = message_tally(
		    t, e.message_id, TALLY_UNSUBSCRIBE, ev->time_ms);
	return error_of(err, rc, "consent");
}
