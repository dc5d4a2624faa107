/* message.c - see message.h.
 *
 * Record: version 2, lead (16), company (16), proposed_ms, changed_ms, state,
 * subject id, label, policy version, then segment, purpose, stream, campaign,
 * queue id, one-click, sender as counted bytes, whether it counts, From domain. */
#include "policy/state/message.h"

#include "policy/base/codec.h"
#include "policy/state/copy.h"
#include "policy/state/counter.h"
#include "policy/state/feedback.h"
#include "policy/state/lead.h"
#include "policy/state/reference.h"
#include "policy/state/subject.h"
#include "policy/state/tables.h"
#include "policy/state/tally.h"
#include "policy/state/wire.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
	RECORD_VERSION = 2,
	RECORD_MAX = 16384,
	PAYLOAD_MAX = 65536,
	VERSION_ENDS_ROWS = 4, /* of a delivery: failures begin anew */
};

struct id_key {
	char b[8];
};
enum {
	QUEUE_ID_MAX = 100
};
struct queue_key {
	char b[QUEUE_ID_MAX + 9];
	size_t n;
};
static const struct str queue_here = STR("q"), queue_left = STR("m"),
			queue_lost = STR("x");

static struct str id_key(uint64_t id, struct id_key *k)
{
	codec_put_u64(k->b, id);
	return (struct str){k->b, sizeof(k->b)};
}

int message_decode(struct str value, struct message_record *out)
{
	struct wire w = wire_open(value);
	struct str lead, company;

	*out = (struct message_record){0};
	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	lead = wire_fixed(&w, LEAD_ID_BYTES);
	if (lead.n == LEAD_ID_BYTES)
		memcpy(out->lead.b, lead.p, LEAD_ID_BYTES);
	company = wire_fixed(&w, COMPANY_ID_BYTES);
	if (company.n == COMPANY_ID_BYTES)
		memcpy(out->company.b, company.p, COMPANY_ID_BYTES);
	out->proposed_ms = wire_i64(&w);
	out->changed_ms = wire_i64(&w);
	out->state = (enum slot_state)wire_u8(&w);
	out->subject_id = wire_u64(&w);
	out->label = wire_u32(&w);
	out->policy_version = wire_u32(&w);
	out->segment = wire_bytes(&w);
	out->purpose = wire_bytes(&w);
	out->stream = wire_bytes(&w);
	out->campaign = wire_bytes(&w);
	out->queue_id = wire_bytes(&w);
	out->app_one_click = wire_bytes(&w);
	out->app_sender = wire_bytes(&w);
	out->counts = wire_u8(&w) != 0;
	out->from_domain = wire_bytes(&w);
	return wire_done(&w);
}

int message_lead(struct str value, struct lead_id *out)
{
	if (value.n < 1 + LEAD_ID_BYTES)
		return ERR_CORRUPT;
	if (value.p[0] != RECORD_VERSION)
		return ERR_VERSION;
	memcpy(out->b, value.p + 1, LEAD_ID_BYTES);
	return 0;
}

static void encode(const struct message_record *r, struct buf *out)
{
	wire_put_u8(out, RECORD_VERSION);
	buf_add(out, (struct str){(const char *)r->lead.b, LEAD_ID_BYTES});
	buf_add(
	    out, (struct str){(const char *)r->company.b, COMPANY_ID_BYTES});
	wire_put_i64(out, r->proposed_ms);
	wire_put_i64(out, r->changed_ms);
	wire_put_u8(out, (uint8_t)r->state);
	wire_put_u64(out, r->subject_id);
	wire_put_u32(out, r->label);
	wire_put_u32(out, r->policy_version);
	wire_put_bytes(out, r->segment);
	wire_put_bytes(out, r->purpose);
	wire_put_bytes(out, r->stream);
	wire_put_bytes(out, r->campaign);
	wire_put_bytes(out, r->queue_id);
	wire_put_bytes(out, r->app_one_click);
	wire_put_bytes(out, r->app_sender);
	wire_put_u8(out, r->counts ? 1 : 0);
	wire_put_bytes(out, r->from_domain);
}

static int write_record(
    struct ledger_txn *t, uint64_t id, const struct message_record *r)
{
	struct id_key k;
	struct buf b;
	int rc;

	buf_init(&b, RECORD_MAX);
	encode(r, &b);
	rc = buf_error(&b);
	if (rc == 0)
		rc = ledger_put(t, TABLE_MESSAGE, id_key(id, &k), buf_str(&b));
	buf_fini(&b);
	return rc;
}

int message_read(
    const struct ledger_txn *t, uint64_t id, struct message_record *out)
{
	struct id_key k;
	struct str value;
	int rc = ledger_get(t, TABLE_MESSAGE, id_key(id, &k), &value);

	return rc != 0 ? rc : message_decode(value, out);
}

/* Queue ids hold letters and digits; anything else is none of ours. */
static int queue_key(struct str queue_id, uint64_t id, struct queue_key *k)
{
	if (queue_id.n == 0 || queue_id.n > QUEUE_ID_MAX)
		return ERR_NOT_FOUND;
	memcpy(k->b, queue_id.p, queue_id.n);
	k->b[queue_id.n] = '\0';
	codec_put_u64(k->b + queue_id.n + 1, id);
	k->n = queue_id.n + 9;
	return 0;
}

int message_has_queue(
    const struct ledger_txn *t, struct str queue_id, uint64_t id, bool *out)
{
	struct queue_key k;
	struct str value;
	int rc = queue_key(queue_id, id, &k);

	if (rc == 0)
		rc = ledger_get(t, TABLE_QUEUE, (struct str){k.b, k.n}, &value);
	*out = rc == 0;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int is_in_queue_as(const struct ledger_txn *t, struct str queue_id,
    uint64_t id, struct str as, bool *out)
{
	struct queue_key k;
	struct str value;
	int rc = queue_key(queue_id, id, &k);

	*out = false;
	if (rc == 0)
		rc = ledger_get(t, TABLE_QUEUE, (struct str){k.b, k.n}, &value);
	if (rc == 0)
		*out = str_eq(value, as);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int message_went_on(
    const struct ledger_txn *t, struct str queue_id, uint64_t id, bool *out)
{
	return is_in_queue_as(t, queue_id, id, queue_left, out);
}

int message_lost_queue(
    const struct ledger_txn *t, struct str queue_id, uint64_t id, bool *out)
{
	return is_in_queue_as(t, queue_id, id, queue_lost, out);
}

int message_by_queue(const struct ledger_txn *t, struct str queue_id,
    uint64_t *ids_out, size_t cap, size_t *n_out)
{
	struct ledger_iter it;
	struct str key, value;
	struct queue_key k;
	int rc = queue_key(queue_id, 0, &k);

	*n_out = 0;
	if (rc != 0)
		return rc;
	rc = ledger_iter_prefix(
	    t, TABLE_QUEUE, (struct str){k.b, queue_id.n + 1}, &it);
	if (rc != 0)
		return rc;
	while (*n_out < cap && (rc = ledger_iter_next(&it, &key, &value)) == 0)
		if (key.n == k.n)
			ids_out[(*n_out)++] =
			    codec_get_u64(key.p + queue_id.n + 1);
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND && *n_out > 0 ? 0 : rc;
}

int message_in_queue(const struct ledger_txn *t, struct str queue_id,
    uint64_t *ids_out, size_t cap, size_t *n_out)
{
	size_t n, kept = 0;
	bool lost;
	int rc = message_by_queue(t, queue_id, ids_out, cap, &n);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = message_lost_queue(t, queue_id, ids_out[i], &lost);
		if (rc == 0 && !lost)
			ids_out[kept++] = ids_out[i];
	}
	*n_out = kept;
	return rc;
}

#define AT(field) offsetof(struct event_slot_proposed, field)
static const struct payload_field proposed_fields[] = {
    {1, PAYLOAD_ID16, true, AT(lead)},
    {2, PAYLOAD_U64, true, AT(message_id)},
    {3, PAYLOAD_U64, false, AT(key)},
    {4, PAYLOAD_U64, false, AT(subject_id)},
    {5, PAYLOAD_U32, false, AT(label)},
    {6, PAYLOAD_U32, false, AT(policy_version)},
    {7, PAYLOAD_TEXT, false, AT(segment)},
    {8, PAYLOAD_TEXT, false, AT(purpose)},
    {9, PAYLOAD_TEXT, false, AT(stream)},
    {10, PAYLOAD_BYTES, false, AT(campaign)},
    {11, PAYLOAD_BYTES, false, AT(queue_id)},
    {12, PAYLOAD_BYTES, false, AT(app_one_click)},
    {13, PAYLOAD_BYTES, false, AT(app_sender)},
    {14, PAYLOAD_BOOL, false, AT(counts)},
    {15, PAYLOAD_BOOL, false, AT(delivered)},
    {16, PAYLOAD_BOOL, false, AT(shadowed)},
    {17, PAYLOAD_I64, false, AT(prune_before_ms)},
    {18, PAYLOAD_BYTES, false, AT(from_domain)},
    {19, PAYLOAD_ID16, false, AT(company)},
    {20, PAYLOAD_BYTES, false, AT(reference)},
};
#undef AT
const struct payload_desc message_proposed_payload =
    PAYLOAD_DESC(proposed_fields, struct event_slot_proposed, PAYLOAD_MAX);

#define AT(field) offsetof(struct event_slot_changed, field)
static const struct payload_field changed_fields[] = {
    {1, PAYLOAD_U64, true, AT(message_id)},
    {2, PAYLOAD_I64, true, AT(at_ms)},
    {3, PAYLOAD_U32, false, AT(release)},
    {4, PAYLOAD_BYTES, false, AT(status)},
    {5, PAYLOAD_BYTES, false, AT(relay)},
    {6, PAYLOAD_BYTES, false, AT(provider)},
};
#undef AT
const struct payload_desc message_changed_payload =
    PAYLOAD_DESC(changed_fields, struct event_slot_changed, PAYLOAD_MAX);

static const struct payload_field moved_fields[] = {
    {1, PAYLOAD_U64, true, offsetof(struct event_slot_moved, message_id)},
    {2, PAYLOAD_BYTES, true, offsetof(struct event_slot_moved, queue_id)},
    {3, PAYLOAD_BYTES, false, offsetof(struct event_slot_moved, from)},
};
const struct payload_desc message_moved_payload =
    PAYLOAD_DESC(moved_fields, struct event_slot_moved, PAYLOAD_MAX);

static const struct payload_field duplicate_fields[] = {
    {1, PAYLOAD_U64, true, offsetof(struct event_duplicate, message_id)},
    {2, PAYLOAD_BYTES, false, offsetof(struct event_duplicate, queue_id)},
};
const struct payload_desc message_duplicate_payload =
    PAYLOAD_DESC(duplicate_fields, struct event_duplicate, PAYLOAD_MAX);

#define AT(field) offsetof(struct event_more_recipients, field)
static const struct payload_field more_fields[] = {
    {1, PAYLOAD_U64, true, AT(message_id)},
    {2, PAYLOAD_BYTES, true, AT(queue_id)},
    {3, PAYLOAD_U32, false, AT(decided)},
    {4, PAYLOAD_U32, false, AT(recipients)},
};
#undef AT
const struct payload_desc message_more_payload =
    PAYLOAD_DESC(more_fields, struct event_more_recipients, PAYLOAD_MAX);

int message_decode_proposed(struct str payload, struct event_slot_proposed *out)
{
	return payload_decode(&message_proposed_payload, payload, out);
}

int message_decode_changed(struct str payload, struct event_slot_changed *out)
{
	return payload_decode(&message_changed_payload, payload, out);
}

int message_decode_moved(struct str payload, struct event_slot_moved *out)
{
	return payload_decode(&message_moved_payload, payload, out);
}

int message_decode_duplicate(struct str payload, struct event_duplicate *out)
{
	return payload_decode(&message_duplicate_payload, payload, out);
}

int message_decode_more(struct str payload, struct event_more_recipients *out)
{
	return payload_decode(&message_more_payload, payload, out);
}

static struct message_record record_of(
    const struct event_slot_proposed *e, int64_t time_ms)
{
	struct message_record r = {
	    .proposed_ms = time_ms,
	    .changed_ms = time_ms,
	    .state = e->delivered ? SLOT_DELIVERED : SLOT_PROPOSED,
	    .subject_id = e->subject_id,
	    .label = e->label,
	    .policy_version = e->policy_version,
	    .segment = e->segment,
	    .purpose = e->purpose,
	    .stream = e->stream,
	    .campaign = e->campaign,
	    .queue_id = e->queue_id,
	    .app_one_click = e->app_one_click,
	    .app_sender = e->app_sender,
	    .counts = e->counts,
	    .from_domain = e->from_domain,
	};

	memcpy(r.lead.b, e->lead, sizeof(r.lead.b));
	memcpy(r.company.b, e->company, sizeof(r.company.b));
	return r;
}

static int put_queue(
    struct ledger_txn *t, struct str queue_id, uint64_t id, struct str value)
{
	struct queue_key k;

	if (queue_key(queue_id, id, &k) != 0)
		return 0;
	return ledger_put(t, TABLE_QUEUE, (struct str){k.b, k.n}, value);
}

/* A segment of a policy has a purpose. Another name is the application's
 * invention: a row for each would never end. */
static struct str counted_segment(struct str segment, struct str purpose)
{
	return purpose.n > 0 ? segment : STR("");
}

/* The company whose history has it: the person's, where the record of the person
 * sees to it; or, by_message, that which the message names, of somebody who was
 * known before records had it (LEAD_CREATED version 1). */
struct home {
	struct company_id company;
	bool by_message;
};

static int home_of(const struct ledger_txn *t, const struct message_record *r,
    struct home *out)
{
	struct lead_record lead;
	int rc = lead_peek(t, &r->lead, &lead);

	out->company = lead_company(&lead);
	out->by_message =
	    company_is_none(&out->company) && !company_is_none(&r->company);
	if (out->by_message)
		out->company = r->company;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int put_slot(struct ledger_txn *t, const struct message_record *r,
    struct slot_fact *slot, int64_t prune_before_ms)
{
	struct home home;
	int rc = lead_slot_put(t, &r->lead, slot, prune_before_ms);

	if (rc != 0 || company_is_none(&r->company))
		return rc;
	rc = home_of(t, r, &home);
	if (rc != 0 || !home.by_message)
		return rc;
	slot->person = lead_id_tag(&r->lead);
	return company_slot_put(t, &home.company, slot, prune_before_ms);
}

int message_reduce_proposed(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_slot_proposed e;
	struct message_record r;
	struct slot_fact slot;
	struct wait_queue q;
	int rc = message_decode_proposed(ev->payload, &e);

	if (rc != 0)
		return error_of(err, rc, "slot event");
	r = record_of(&e, ev->time_ms);
	slot = (struct slot_fact){
	    .message_id = e.message_id,
	    .at_ms = ev->time_ms,
	    .key = e.key,
	    .label = e.label,
	    .state = r.state,
	    .counts = e.counts,
	};
	rc = write_record(t, e.message_id, &r);
	if (rc == 0)
		rc = put_queue(t, e.queue_id, e.message_id, queue_here);
	if (rc == 0)
		rc = put_slot(t, &r, &slot, e.prune_before_ms);
	if (rc == 0 && e.reference.n == REFERENCE_DIGEST)
		rc = reference_put(
		    t, (const unsigned char *)e.reference.p, e.message_id);
	if (rc == 0 && e.subject_id != 0)
		rc = subject_put(t, e.subject_id, &r.lead, e.purpose);
	if (rc == 0)
		rc = counter_add(t, ev->time_ms,
		    e.shadowed ? "verdict.allow.shadowed"
			       : "verdict.allow.allowed",
		    counted_segment(e.segment, e.purpose));
	if (rc == 0 && e.delivered)
		rc = tally_add(t, &r, TALLY_DELIVERED, ev->time_ms);
	/* What goes first may have to wait longer now, and what is behind it
	 * need not. */
	q = wait_queue_of(WAIT_PERSON, r.lead.b);
	if (rc == 0 && e.counts)
		rc = copy_wake(t, &q, ev->time_ms);
	return error_of(err, rc, "slot");
}

int message_tally(
    struct ledger_txn *t, uint64_t id, unsigned what, int64_t now_ms)
{
	struct message_record r;
	int rc = message_read(t, id, &r);

	if (rc == 0 && (what & TALLY_HARD_BOUNCE) != 0 &&
	    r.state != SLOT_DELIVERED)
		what |= TALLY_REFUSED;
	if (rc == 0 && (what & TALLY_OUR_FAULT) != 0 &&
	    r.state != SLOT_DELIVERED)
		what |= TALLY_BLOCKED;
	if (rc == 0)
		rc = tally_add(t, &r, what, now_ms);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Where the rates have a message: among those delivered while its slot says so,
 * else among those refused where it bounced hard, or blocked. Version 1 of the events counted
 * each delivery that had not been assumed, and took nothing back. */
static int tally_step(struct ledger_txn *t, const struct event *ev, uint64_t id,
    enum slot_state from, enum slot_state to)
{
	bool was = from == SLOT_DELIVERED, is = to == SLOT_DELIVERED;
	struct feedback_record f = {0};
	struct message_record r;
	unsigned other;
	int rc;

	if (was == is || (ev->version == 1 && was))
		return 0;
	rc = message_read(t, id, &r);
	if (rc == 0 && ev->version > 1)
		rc = feedback_read(t, id, &f);
	if (rc != 0)
		return rc;
	other = f.bounced_hard ? TALLY_REFUSED : 0;
	other |= f.our_fault ? TALLY_BLOCKED : 0;
	return tally_move(t, &r, is ? other : TALLY_DELIVERED,
	    is ? TALLY_DELIVERED : other, ev->time_ms);
}

static int count_provider(struct ledger_txn *t, const struct event *ev,
    const struct event_slot_changed *e, const char *what)
{
	char name[COUNTER_NAME_MAX];

	if (e->provider.n == 0)
		return 0;
	(void)snprintf(name, sizeof(name), "provider.%s", what);
	return counter_add(t, ev->time_ms, name, e->provider);
}

/* A slot that was pruned from the history still has its message record. */
static int count_change(struct ledger_txn *t, const struct event *ev,
    const struct event_slot_changed *e, enum slot_state state)
{
	char what[COUNTER_NAME_MAX - 10], name[COUNTER_NAME_MAX];
	struct message_record r;
	int rc = message_read(t, e->message_id, &r);

	if (rc != 0)
		return rc;
	(void)snprintf(what, sizeof(what), "%s%s%s", slot_state_name(state),
	    e->release != 0 ? "." : "",
	    e->release != 0 ? slot_release_name((enum slot_release)e->release)
			    : "");
	(void)snprintf(name, sizeof(name), "slot.%s", what);
	rc = counter_add(
	    t, ev->time_ms, name, counted_segment(r.segment, r.purpose));
	return rc != 0 ? rc : count_provider(t, ev, e, what);
}

/* Of a slot that was pruned nothing is left to be changed. */
static int set_slot(struct ledger_txn *t, const struct message_record *r,
    const struct home *home, uint64_t id, int64_t at_ms)
{
	int rc = lead_slot_set(t, &r->lead, id, r->state, at_ms);

	if (rc == ERR_NOT_FOUND)
		rc = 0;
	return rc != 0 || !home->by_message
		   ? rc
		   : company_slot_set(t, &home->company, id, r->state, at_ms);
}

static int wake_company(
    struct ledger_txn *t, const struct company_id *company, int64_t now_ms)
{
	struct wait_queue q = wait_queue_of(WAIT_COMPANY, company->b);

	return company_is_none(company) ? 0 : copy_wake(t, &q, now_ms);
}

/* There is room for what waits first, or will be earlier than was thought while
 * the slot had no date: of the person and the company. Also for those who wait
 * under an address of later: the slot went along. */
static int wake_waiting(struct ledger_txn *t, const struct lead_id *lead,
    const struct home *home, int64_t now_ms)
{
	struct lead_record r = {.moved = true, .moved_to = *lead};
	int rc = home->by_message ? wake_company(t, &home->company, now_ms) : 0;

	for (int i = 0; rc == 0 && r.moved && i <= LEAD_MOVES_MAX; i++) {
		struct lead_id id = r.moved_to;
		struct wait_queue q = wait_queue_of(WAIT_PERSON, id.b);
		struct company_id company;

		rc = copy_wake(t, &q, now_ms);
		if (rc == 0)
			rc = lead_peek(t, &id, &r);
		company = lead_company(&r);
		if (rc == 0)
			rc = wake_company(t, &company, now_ms);
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int change_state(struct ledger_txn *t, const struct event *ev,
    enum slot_state state, struct error *err)
{
	struct event_slot_changed e;
	struct message_record r;
	struct home home;
	enum slot_state from;
	int rc = message_decode_changed(ev->payload, &e);

	if (rc == 0)
		rc = message_read(t, e.message_id, &r);
	if (rc == 0)
		rc = home_of(t, &r, &home);
	if (rc != 0)
		return error_of(err, rc, "slot event");
	from = r.state;
	r.state = state;
	r.changed_ms = message_told_ms(&r, state, e.at_ms);
	rc = write_record(t, e.message_id, &r);
	if (rc == 0)
		rc = set_slot(t, &r, &home, e.message_id, e.at_ms);
	if (rc == 0 && state != SLOT_QUEUED)
		rc = wake_waiting(t, &r.lead, &home, ev->time_ms);
	if (rc == 0)
		rc = count_change(t, ev, &e, state);
	if (rc == 0)
		rc = tally_step(t, ev, e.message_id, from, state);
	if (rc == 0 && state == SLOT_DELIVERED &&
	    ev->version >= VERSION_ENDS_ROWS)
		rc = feedback_delivered(t, &r.lead, e.at_ms);
	return error_of(err, rc, "slot");
}

int message_reduce_queued(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	return change_state(t, ev, SLOT_QUEUED, err);
}

int message_reduce_delivered(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	return change_state(t, ev, SLOT_DELIVERED, err);
}

int message_reduce_released(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	return change_state(t, ev, SLOT_RELEASED, err);
}

/* Both queue ids lead to the message from now on; without a second one the
 * first does, for who asks, but not for the log. */
int message_reduce_moved(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_slot_moved e;
	int rc = message_decode_moved(ev->payload, &e);

	if (rc == 0 && e.from.n > 0)
		rc = put_queue(t, e.from, e.message_id,
		    e.queue_id.n > 0 ? queue_left : queue_lost);
	if (rc == 0)
		rc = put_queue(t, e.queue_id, e.message_id, queue_here);
	return error_of(err, rc, "slot moved");
}

/* On record only: the first one's slot stands. */
int message_reduce_duplicate(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_duplicate e;
	struct message_record r;
	int rc = message_decode_duplicate(ev->payload, &e);

	if (rc == 0)
		rc = message_read(t, e.message_id, &r);
	if (rc == 0)
		rc = counter_add(t, ev->time_ms, "verdict.drop.duplicate",
		    counted_segment(r.segment, r.purpose));
	return error_of(err, rc, "duplicate");
}

/* Counted, no more: whom the MTA adds is the operator's to know. */
int message_reduce_more(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_more_recipients e;
	struct message_record r;
	int rc = message_decode_more(ev->payload, &e);

	if (rc == 0)
		rc = message_read(t, e.message_id, &r);
	if (rc == 0)
		rc = counter_add(t, ev->time_ms, "queue.more_recipients",
		    counted_segment(r.segment, r.purpose));
	return error_of(err, rc, "more recipients");
}

const char *slot_release_name(enum slot_release r)
{
	switch (r) {
	case RELEASE_BOUNCED:
		return "bounced";
	case RELEASE_EXPIRED:
		return "expired";
	case RELEASE_REMOVED:
		return "removed";
	case RELEASE_REJECTED:
		return "rejected";
	case RELEASE_NEVER_QUEUED:
		return "never_queued";
	case RELEASE_TROUBLE:
		return "trouble";
	}
	return "unknown";
}
