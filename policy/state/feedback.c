/* feedback.c - see feedback.h. Records: 'm': version 1, rank, reason, flags,
 * first_ms; failures in a row: version 1, count, first_ms. */
#include "policy/state/feedback.h"

#include "policy/base/codec.h"
#include "policy/base/when.h"
#include "policy/mail/msgid.h"
#include "policy/state/counter.h"
#include "policy/state/message.h"
#include "policy/state/spikeback.h"
#include "policy/state/tables.h"
#include "policy/state/tally.h"
#include "policy/state/wire.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
	RECORD_VERSION = 1,
	RECORD_MAX = 64,
	PAYLOAD_MAX = 4096,
	COMPLAINED = 1,
	BOUNCED_HARD = 2,
	OUR_FAULT = 4,
	VERSION_OUR_FAULT = 3, /* of the event: counted from there on */
	PRUNE_AT_ONCE = 4,
};

struct row_key {
	char b[1 + LEAD_ID_BYTES];
};

static struct str message_key(uint64_t id, struct row_key *k)
{
	k->b[0] = 'm';
	codec_put_u64(k->b + 1, id);
	return (struct str){k->b, 9};
}

static const struct {
	enum bounce_reason of;
	char letter;
} rows[] = {
    {BOUNCE_MAILBOX_FULL, 'f'},
    {BOUNCE_USER_UNKNOWN, 'n'},
    {BOUNCE_MAILBOX_DISABLED, 'd'},
    {BOUNCE_MAILBOX_MOVED, 'v'},
    {BOUNCE_HOST_UNKNOWN, 'h'}, /* the last: any other */
};

enum {
	N_ROWS = sizeof(rows) / sizeof(rows[0])
};

static struct str lead_key(
    const unsigned char *lead, enum bounce_reason of, struct row_key *k)
{
	size_t i = 0;

	while (i + 1 < N_ROWS && rows[i].of != of)
		i++;
	k->b[0] = rows[i].letter;
	memcpy(k->b + 1, lead, LEAD_ID_BYTES);
	return (struct str){k->b, 1 + LEAD_ID_BYTES};
}

int feedback_read(const struct ledger_txn *t, uint64_t message_id,
    struct feedback_record *out)
{
	struct row_key k;
	struct str value;
	struct wire w;
	uint8_t flags;
	int rc =
	    ledger_get(t, TABLE_FEEDBACK, message_key(message_id, &k), &value);

	*out = (struct feedback_record){0};
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	w = wire_open(value);
	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	out->rank = (enum giveup_rank)wire_u8(&w);
	out->reason = (enum bounce_reason)wire_u8(&w);
	flags = wire_u8(&w);
	out->complained = (flags & COMPLAINED) != 0;
	out->bounced_hard = (flags & BOUNCED_HARD) != 0;
	out->our_fault = (flags & OUR_FAULT) != 0;
	out->first_ms = wire_i64(&w);
	return wire_done(&w);
}

static int put_record(
    struct ledger_txn *t, uint64_t message_id, const struct feedback_record *r)
{
	struct row_key k;
	struct buf b;
	int rc;

	buf_init(&b, RECORD_MAX);
	wire_put_u8(&b, RECORD_VERSION);
	wire_put_u8(&b, (uint8_t)r->rank);
	wire_put_u8(&b, (uint8_t)r->reason);
	wire_put_u8(&b, (uint8_t)((r->complained ? COMPLAINED : 0) |
				  (r->bounced_hard ? BOUNCED_HARD : 0) |
				  (r->our_fault ? OUR_FAULT : 0)));
	wire_put_i64(&b, r->first_ms);
	rc = buf_error(&b);
	if (rc == 0)
		rc = ledger_put(t, TABLE_FEEDBACK, message_key(message_id, &k),
		    buf_str(&b));
	buf_fini(&b);
	return rc;
}

/* The message id of the first row. */
static int oldest(const struct ledger_txn *t, uint64_t *id_out)
{
	struct ledger_iter it;
	struct str key, value;
	int rc = ledger_iter_prefix(t, TABLE_FEEDBACK, STR("m"), &it);

	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0)
		*id_out = codec_get_u64(key.p + 1);
	ledger_iter_close(&it);
	return rc;
}

/* Ids are ordered by time. Not the row of the event at work. */
static int prune(struct ledger_txn *t, const struct event *ev, uint64_t but)
{
	int64_t before = ev->time_ms - FEEDBACK_KEEP_DAYS * WHEN_DAY_MS;
	struct row_key k;
	uint64_t id;
	int rc = 0;

	for (int i = 0; rc == 0 && i < PRUNE_AT_ONCE; i++) {
		rc = oldest(t, &id);
		if (rc == 0 && (id == but || msgid_time_ms(id) >= before))
			break;
		if (rc == 0)
			rc = ledger_del(t, TABLE_FEEDBACK, message_key(id, &k));
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int feedback_row(const struct ledger_txn *t, const struct lead_id *lead,
    enum bounce_reason of, struct giveup_row *out)
{
	struct row_key k;
	struct str value;
	struct wire w;
	int rc =
	    ledger_get(t, TABLE_FEEDBACK, lead_key(lead->b, of, &k), &value);

	*out = (struct giveup_row){0};
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	w = wire_open(value);
	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	out->count = wire_u32(&w);
	out->first_ms = wire_i64(&w);
	return wire_done(&w);
}

static int put_row(struct ledger_txn *t, const struct event_bounce *e)
{
	struct row_key k;
	struct buf b;
	int rc;

	if (e->in_row == 0)
		return 0;
	buf_init(&b, RECORD_MAX);
	wire_put_u8(&b, RECORD_VERSION);
	wire_put_u32(&b, e->in_row);
	wire_put_i64(&b, e->row_first_ms);
	rc = buf_error(&b);
	if (rc == 0)
		rc = ledger_put(t, TABLE_FEEDBACK,
		    lead_key(e->lead, (enum bounce_reason)e->reason, &k),
		    buf_str(&b));
	buf_fini(&b);
	return rc;
}

int feedback_is_alive(struct ledger_txn *t, const unsigned char *lead)
{
	struct row_key k;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < N_ROWS; i++) {
		rc = ledger_del(
		    t, TABLE_FEEDBACK, lead_key(lead, rows[i].of, &k));
		if (rc == ERR_NOT_FOUND)
			rc = 0;
	}
	return rc;
}

int feedback_delivered(
    struct ledger_txn *t, const struct lead_id *lead, int64_t at_ms)
{
	struct giveup_row row;
	struct row_key k;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < N_ROWS; i++) {
		rc = feedback_row(t, lead, rows[i].of, &row);
		if (rc == 0 && row.count > 0 && at_ms > row.first_ms)
			rc = ledger_del(t, TABLE_FEEDBACK,
			    lead_key(lead->b, rows[i].of, &k));
	}
	return rc;
}

#define AT(field) offsetof(struct event_bounce, field)
static const struct payload_field bounce_fields[] = {
    {1, PAYLOAD_U64, true, AT(message_id)},
    {2, PAYLOAD_ID16, true, AT(lead)},
    {3, PAYLOAD_U32, true, AT(source)},
    {4, PAYLOAD_U32, false, AT(reason)},
    {5, PAYLOAD_U32, false, AT(class)},
    {6, PAYLOAD_U32, true, AT(rank)},
    {7, PAYLOAD_U32, false, AT(in_row)},
    {8, PAYLOAD_I64, false, AT(row_first_ms)},
    {9, PAYLOAD_BYTES, false, AT(status)},
    {10, PAYLOAD_BYTES, false, AT(diagnostic)},
    {11, PAYLOAD_TEXT, false, AT(provider)},
    {12, PAYLOAD_BOOL, false, AT(unconfirmed)},
};
#undef AT
const struct payload_desc feedback_bounce_payload =
    PAYLOAD_DESC(bounce_fields, struct event_bounce, PAYLOAD_MAX);

#define AT(field) offsetof(struct event_complaint, field)
static const struct payload_field complaint_fields[] = {
    {1, PAYLOAD_U64, true, AT(message_id)},
    {2, PAYLOAD_ID16, true, AT(lead)},
    {3, PAYLOAD_U32, false, AT(reason)},
    {4, PAYLOAD_TEXT, false, AT(provider)},
};
#undef AT
const struct payload_desc feedback_complaint_payload =
    PAYLOAD_DESC(complaint_fields, struct event_complaint, PAYLOAD_MAX);

int feedback_decode_bounce(struct str payload, struct event_bounce *out)
{
	return payload_decode(&feedback_bounce_payload, payload, out);
}

static int count(struct ledger_txn *t, const struct event *ev, const char *kind,
    uint32_t reason, uint64_t message_id)
{
	char name[COUNTER_NAME_MAX];
	struct message_record m;
	int rc = message_read(t, message_id, &m);

	if (rc != 0)
		return rc;
	(void)snprintf(name, sizeof(name), "%s.%s", kind,
	    bounce_reason_name((enum bounce_reason)reason));
	return counter_add(t, ev->time_ms, name, m.segment);
}

static bool is_hard(const struct event_bounce *e)
{
	return e->rank != GIVEUP_OTHER_PERSON &&
	       e->class == BOUNCE_CLASS_PERSON;
}

/* Refused for what we are. Who forwards our mail may be refused for what they
 * are: not a report that names somebody else. */
static bool is_our_fault(const struct event *ev, const struct event_bounce *e)
{
	return ev->version >= VERSION_OUR_FAULT &&
	       e->rank != GIVEUP_OTHER_PERSON && e->class == BOUNCE_CLASS_US;
}

/* What the breaker sees of it that it has not seen of the message yet; the
 * record knows then. */
static unsigned note_rates(const struct event *ev, const struct event_bounce *e,
    struct feedback_record *r)
{
	unsigned what = 0;

	if (is_hard(e) && !r->bounced_hard)
		what |= TALLY_HARD_BOUNCE;
	if (is_our_fault(ev, e) && !r->our_fault)
		what |= TALLY_OUR_FAULT;
	r->bounced_hard |= is_hard(e);
	r->our_fault |= is_our_fault(ev, e);
	return what;
}

static const char *counter_kind(const struct event_bounce *e)
{
	if (e->rank == GIVEUP_OTHER_PERSON)
		return "bounce.other_person";
	return is_hard(e) ? "bounce.hard" : "bounce.soft";
}

static int count_provider(struct ledger_txn *t, const struct event *ev,
    uint32_t reason, struct str provider)
{
	char name[COUNTER_NAME_MAX];

	if (provider.n == 0)
		return 0;
	(void)snprintf(name, sizeof(name), "provider.%s",
	    bounce_reason_name((enum bounce_reason)reason));
	return counter_add(t, ev->time_ms, name, provider);
}

/* user_unknown once a message, for spikes.h: a failure that says more comes
 * with a higher rank. */
static int count_refusal(
    struct ledger_txn *t, const struct event *ev, const struct event_bounce *e)
{
	if (e->rank == GIVEUP_OTHER_PERSON ||
	    (e->reason == BOUNCE_USER_UNKNOWN && e->rank != GIVEUP_PERSON))
		return 0;
	return count_provider(t, ev, e->reason, e->provider);
}

int feedback_reduce_bounce(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct feedback_record r;
	struct event_bounce e;
	unsigned news = 0;
	int rc = feedback_decode_bounce(ev->payload, &e);

	if (rc == 0)
		rc = feedback_read(t, e.message_id, &r);
	if (rc == 0) {
		news = note_rates(ev, &e, &r);
		r.rank = (enum giveup_rank)e.rank;
		r.reason = (enum bounce_reason)e.reason;
		if (r.first_ms == 0)
			r.first_ms = ev->time_ms;
		rc = put_record(t, e.message_id, &r);
	}
	if (rc == 0)
		rc = put_row(t, &e);
	if (rc == 0)
		rc = prune(t, ev, e.message_id);
	if (rc == 0)
		rc = count(t, ev, counter_kind(&e), e.reason, e.message_id);
	if (rc == 0)
		rc = count_refusal(t, ev, &e);
	if (rc == 0 && e.unconfirmed)
		rc = spikeback_note(t, ev->time_ms, e.provider, e.lead);
	if (rc == 0 && news != 0)
		rc = message_tally(t, e.message_id, news, ev->time_ms);
	return error_of(err, rc, "bounce");
}

int feedback_decode_complaint(struct str payload, struct event_complaint *out)
{
	return payload_decode(&feedback_complaint_payload, payload, out);
}

int feedback_reduce_complaint(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_complaint e;
	struct feedback_record r;
	bool first = false;
	int rc = feedback_decode_complaint(ev->payload, &e);

	if (rc == 0)
		rc = feedback_read(t, e.message_id, &r);
	if (rc == 0) {
		first = !r.complained;
		r.complained = true;
		if (r.first_ms == 0)
			r.first_ms = ev->time_ms;
		rc = put_record(t, e.message_id, &r);
	}
	if (rc == 0)
		rc = prune(t, ev, e.message_id);
	if (rc == 0)
		rc = count(t, ev, "complaint", e.reason, e.message_id);
	if (rc == 0)
		rc = count_provider(t, ev, e.reason, e.provider);
	if (rc == 0 && first)
		rc = message_tally(
		    t, e.message_id, TALLY_COMPLAINT, ev->time_ms);
	return error_of(err, rc, "complaint");
}
