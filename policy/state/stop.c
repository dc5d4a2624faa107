/* stop.c - see stop.h. Record: version, stopped, since_ms, until_ms, cause, seq,
 * base hour, base counts, author, reason. Version 2 has two base counts more,
 * blocked and faults of ours; with neither it is version 1, so that a row of
 * before is what a replay makes of it. */
#include "policy/state/stop.h"

#include "policy/base/codec.h"
#include "policy/base/when.h"
#include "policy/mail/domain.h"
#include "policy/state/counter.h"
#include "policy/state/lived.h"
#include "policy/state/tables.h"
#include "policy/state/tally.h"
#include "policy/state/wire.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
	RECORD_PLAIN = 1,
	RECORD_OUR_FAULTS = 2,
	RECORD_MAX = 2048,
	PAYLOAD_MAX = 4096,
	LABEL_MAX = DOMAIN_MAX, /* campaigns and segments are shorter */
	PRUNE_AT_ONCE = 4,
	PRUNE_LOOKS = 64, /* rows */
};

struct row_key {
	char b[1 + LABEL_MAX];
	size_t n;
};

struct str stop_label(enum stop_kind kind, struct str label)
{
	return kind == STOP_DOMAIN ? str_cut(label, 0, DOMAIN_MAX)
				   : tally_label(label);
}

static struct str make_key(
    enum stop_kind kind, struct str label, struct row_key *k)
{
	label = stop_label(kind, label);
	k->b[0] = (char)kind;
	if (label.n > 0)
		memcpy(k->b + 1, label.p, label.n);
	k->n = 1 + label.n;
	return (struct str){k->b, k->n};
}

/* --- records --- */

static struct stop_cause get_cause(struct wire *w)
{
	struct stop_cause c;

	c.rate = wire_u32(w);
	c.count = wire_u64(w);
	c.of = wire_u64(w);
	c.line = wire_u32(w);
	c.policy_version = wire_u32(w);
	c.policy_line = wire_u32(w);
	return c;
}

static void put_cause(struct buf *b, const struct stop_cause *c)
{
	wire_put_u32(b, c->rate);
	wire_put_u64(b, c->count);
	wire_put_u64(b, c->of);
	wire_put_u32(b, c->line);
	wire_put_u32(b, c->policy_version);
	wire_put_u32(b, c->policy_line);
}

static struct breaker_counts get_counts(struct wire *w, uint8_t version)
{
	struct breaker_counts c = {0};

	c.delivered = wire_u64(w);
	c.refused = wire_u64(w);
	c.n[POLICY_COMPLAINTS] = wire_u64(w);
	c.n[POLICY_HARD_BOUNCES] = wire_u64(w);
	c.n[POLICY_UNSUBSCRIBES] = wire_u64(w);
	if (version == RECORD_PLAIN)
		return c;
	c.blocked = wire_u64(w);
	c.n[POLICY_OUR_FAULTS] = wire_u64(w);
	return c;
}

static uint8_t version_of(const struct breaker_counts *c)
{
	return c->blocked == 0 && c->n[POLICY_OUR_FAULTS] == 0
		   ? RECORD_PLAIN
		   : RECORD_OUR_FAULTS;
}

static void put_counts(struct buf *b, const struct breaker_counts *c)
{
	wire_put_u64(b, c->delivered);
	wire_put_u64(b, c->refused);
	wire_put_u64(b, c->n[POLICY_COMPLAINTS]);
	wire_put_u64(b, c->n[POLICY_HARD_BOUNCES]);
	wire_put_u64(b, c->n[POLICY_UNSUBSCRIBES]);
	if (version_of(c) == RECORD_PLAIN)
		return;
	wire_put_u64(b, c->blocked);
	wire_put_u64(b, c->n[POLICY_OUR_FAULTS]);
}

static int decode(struct str key, struct str value, struct stop_record *out)
{
	struct wire w = wire_open(value);
	uint8_t version;

	*out = (struct stop_record){0};
	if (key.n < 1)
		return ERR_CORRUPT;
	out->kind = (enum stop_kind)(unsigned char)key.p[0];
	out->label = str_from(key, 1);
	version = wire_u8(&w);
	if (version != RECORD_PLAIN && version != RECORD_OUR_FAULTS)
		return ERR_VERSION;
	out->stopped = wire_u8(&w) != 0;
	out->since_ms = wire_i64(&w);
	out->until_ms = wire_i64(&w);
	out->cause = get_cause(&w);
	out->seq = wire_u64(&w);
	out->base_hour = wire_u32(&w);
	out->base = get_counts(&w, version);
	out->author = wire_bytes(&w);
	out->reason = wire_bytes(&w);
	return wire_done(&w);
}

static int put_record(struct ledger_txn *t, const struct stop_record *r)
{
	struct row_key k;
	struct buf b;
	int rc;

	buf_init(&b, RECORD_MAX);
	wire_put_u8(&b, version_of(&r->base));
	wire_put_u8(&b, r->stopped ? 1 : 0);
	wire_put_i64(&b, r->since_ms);
	wire_put_i64(&b, r->until_ms);
	put_cause(&b, &r->cause);
	wire_put_u64(&b, r->seq);
	wire_put_u32(&b, r->base_hour);
	put_counts(&b, &r->base);
	wire_put_bytes(&b, r->author);
	wire_put_bytes(&b, r->reason);
	rc = buf_error(&b);
	if (rc == 0)
		rc = ledger_put(t, TABLE_STOP, make_key(r->kind, r->label, &k),
		    buf_str(&b));
	buf_fini(&b);
	return rc;
}

int stop_read(const struct ledger_txn *t, enum stop_kind kind, struct str label,
    struct stop_record *out)
{
	struct row_key k;
	struct str value, key = make_key(kind, label, &k);
	int rc = ledger_get(t, TABLE_STOP, key, &value);

	if (rc != 0)
		return rc;
	rc = decode(key, value, out);
	out->label = stop_label(kind, label);
	return rc;
}

bool stop_holds(const struct stop_record *r, int64_t now_ms)
{
	return r->stopped && (r->until_ms == 0 || now_ms < r->until_ms);
}

int stop_find(const struct ledger_txn *t, const struct stop_names *names,
    int64_t now_ms, struct stop_record *out)
{
	const struct {
		enum stop_kind kind;
		struct str label;
	} v[] = {
	    {STOP_SEGMENT, names->segment},
	    {STOP_CAMPAIGN, names->campaign},
	    {STOP_DOMAIN, names->domain},
	};
	struct ledger_table_stat st;
	int rc = ledger_table_stat(t, TABLE_STOP, &st);

	*out = (struct stop_record){0};
	if (rc != 0 || st.rows == 0)
		return rc;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		rc = v[i].label.n > 0 ? stop_read(t, v[i].kind, v[i].label, out)
				      : ERR_NOT_FOUND;
		if (rc == 0 && stop_holds(out, now_ms))
			return 0;
		if (rc != 0 && rc != ERR_NOT_FOUND)
			return rc;
	}
	*out = (struct stop_record){0};
	return 0;
}

int stop_each(const struct ledger_txn *t,
    int (*emit)(void *arg, const struct stop_record *r), void *arg)
{
	struct stop_record r;
	struct ledger_iter it;
	struct str key, value;
	int rc = ledger_iter_open(t, TABLE_STOP, STR(""), LEDGER_UP, &it);

	if (rc != 0)
		return rc;
	while ((rc = ledger_iter_next(&it, &key, &value)) == 0) {
		rc = decode(key, value, &r);
		if (rc == 0)
			rc = emit(arg, &r);
		if (rc != 0)
			break;
	}
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* --- events --- */

#define AT(field) offsetof(struct event_stopped, field)
static const struct payload_field stopped_fields[] = {
    {1, PAYLOAD_U32, true, AT(kind)},
    {2, PAYLOAD_BYTES, true, AT(label)},
    {3, PAYLOAD_I64, false, AT(until_ms)},
    {4, PAYLOAD_TEXT, false, AT(author)},
    {5, PAYLOAD_TEXT, false, AT(reason)},
    {6, PAYLOAD_U32, false, AT(cause.rate)},
    {7, PAYLOAD_U64, false, AT(cause.count)},
    {8, PAYLOAD_U64, false, AT(cause.of)},
    {9, PAYLOAD_U32, false, AT(cause.line)},
    {10, PAYLOAD_U32, false, AT(cause.policy_version)},
    {11, PAYLOAD_U32, false, AT(cause.policy_line)},
};
#undef AT
const struct payload_desc stop_stopped_payload =
    PAYLOAD_DESC(stopped_fields, struct event_stopped, PAYLOAD_MAX);

#define AT(field) offsetof(struct event_resumed, field)
static const struct payload_field resumed_fields[] = {
    {1, PAYLOAD_U32, true, AT(kind)},
    {2, PAYLOAD_BYTES, true, AT(label)},
    {3, PAYLOAD_TEXT, false, AT(author)},
    {4, PAYLOAD_TEXT, false, AT(reason)},
};
#undef AT
const struct payload_desc stop_resumed_payload =
    PAYLOAD_DESC(resumed_fields, struct event_resumed, PAYLOAD_MAX);

int stop_decode_stopped(struct str payload, struct event_stopped *out)
{
	return payload_decode(&stop_stopped_payload, payload, out);
}

int stop_decode_resumed(struct str payload, struct event_resumed *out)
{
	return payload_decode(&stop_resumed_payload, payload, out);
}

/* --- room --- */

struct room {
	int64_t now_ms;
	size_t by_hand;
};

static int count_by_hand(void *arg, const struct stop_record *r)
{
	struct room *room = arg;

	room->by_hand += r->kind != STOP_SEGMENT && r->cause.rate == 0 &&
			 stop_holds(r, room->now_ms);
	return 0;
}

int stop_has_room(const struct ledger_txn *t, int64_t now_ms, struct error *err)
{
	struct room room = {.now_ms = now_ms};
	struct ledger_table_stat st;
	int rc = ledger_table_stat(t, TABLE_STOP, &st);

	if (rc == 0 && st.rows >= STOP_BY_HAND_MAX)
		rc = stop_each(t, count_by_hand, &room);
	if (rc != 0)
		return error_of(err, rc, "stops");
	if (room.by_hand >= STOP_BY_HAND_MAX)
		return error_set(err, ERR_LIMIT,
		    "%d campaigns and domains are stopped by hand: resume some "
		    "of them, or pause their segments",
		    STOP_BY_HAND_MAX);
	if (st.rows >= STOP_ROWS_MAX)
		return error_set(err, ERR_LIMIT,
		    "%d names were stopped within %d days: pause the segment",
		    STOP_ROWS_MAX, TALLY_KEEP_HOURS / 24);
	return 0;
}

/* --- reducers --- */

struct prune {
	uint32_t before; /* hour */
	struct row_key keys[PRUNE_AT_ONCE];
	size_t n, looks;
};

/* Rows from one key up to another (exclusive; empty: the end). */
static int collect_old(const struct ledger_txn *t, struct str from,
    struct str until, struct prune *p)
{
	struct stop_record r;
	struct ledger_iter it;
	struct str key, value;
	int rc = ledger_iter_open(t, TABLE_STOP, from, LEDGER_UP, &it);

	if (rc != 0)
		return rc;
	while (p->looks < PRUNE_LOOKS && p->n < PRUNE_AT_ONCE) {
		rc = ledger_iter_next(&it, &key, &value);
		if (rc != 0 || (until.n > 0 && str_cmp(key, until) >= 0))
			break;
		p->looks++;
		rc = decode(key, value, &r);
		if (rc != 0)
			break;
		if (!r.stopped && r.base_hour < p->before)
			(void)make_key(r.kind, r.label, &p->keys[p->n++]);
	}
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Some rows of ended stops that no window needs, with each change: those behind
 * the row that changes, and on from the beginning, so that however many there
 * are it costs the same. */
static int prune(
    struct ledger_txn *t, enum stop_kind kind, struct str label, int64_t now_ms)
{
	struct prune p = {.n = 0};
	struct row_key k;
	struct str key = make_key(kind, label, &k);
	int64_t before_ms;
	int rc = lived_before(
	    t, now_ms, TALLY_KEEP_HOURS * WHEN_HOUR_MS, &before_ms);

	p.before = before_ms != 0 ? counter_hour(before_ms) : 0;
	if (rc == 0)
		rc = collect_old(t, key, STR(""), &p);
	if (rc == 0)
		rc = collect_old(t, STR(""), key, &p);
	for (size_t i = 0; rc == 0 && i < p.n; i++)
		rc = ledger_del(
		    t, TABLE_STOP, (struct str){p.keys[i].b, p.keys[i].n});
	return rc;
}

static int count_stop(struct ledger_txn *t, const struct event *ev,
    const char *what, enum stop_kind kind, struct str label)
{
	char name[COUNTER_NAME_MAX];

	(void)snprintf(
	    name, sizeof(name), "stop.%s.%s", what, stop_kind_name(kind));
	return counter_add(
	    t, ev->time_ms, name, kind == STOP_SEGMENT ? label : STR(""));
}

int stop_reduce_stopped(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_stopped e;
	struct stop_record r = {0};
	int rc = stop_decode_stopped(ev->payload, &e);

	if (rc == 0)
		rc = prune(t, (enum stop_kind)e.kind, e.label, ev->time_ms);
	if (rc == 0)
		rc = stop_read(t, (enum stop_kind)e.kind, e.label, &r);
	if (rc != 0 && rc != ERR_NOT_FOUND)
		return error_of(err, rc, "stop");
	r.kind = (enum stop_kind)e.kind;
	r.label = e.label;
	r.stopped = true;
	r.since_ms = ev->time_ms;
	r.until_ms = e.until_ms;
	r.cause = e.cause;
	r.author = e.author;
	r.reason = e.reason;
	r.seq = ev->seq;
	rc = put_record(t, &r);
	if (rc == 0)
		rc = count_stop(t, ev,
		    e.cause.rate != 0 ? "breaker" : "by_hand", r.kind, e.label);
	return error_of(err, rc, "stop");
}

/* What the hour of the end has so far, of one scope. */
struct base {
	enum stop_kind kind;
	struct str label;
	struct breaker_counts sum;
};

static int add_base(void *arg, const struct tally_row *row)
{
	struct base *b = arg;
	struct str label = b->kind == STOP_SEGMENT    ? row->segment
			   : b->kind == STOP_CAMPAIGN ? row->campaign
						      : row->domain;

	if (str_eq(label, b->label))
		tally_sum(&b->sum, &row->counts);
	return 0;
}

int stop_reduce_resumed(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	uint32_t hour = counter_hour(ev->time_ms);
	struct event_resumed e;
	struct stop_record r = {0};
	struct base b = {0};
	int rc = stop_decode_resumed(ev->payload, &e);

	if (rc != 0)
		return error_of(err, rc, "stop event");
	b.kind = (enum stop_kind)e.kind;
	b.label = stop_label(b.kind, e.label);
	rc = tally_each(t, hour, hour, add_base, &b);
	r.kind = b.kind;
	r.label = e.label;
	r.since_ms = ev->time_ms;
	r.author = e.author;
	r.reason = e.reason;
	r.seq = ev->seq;
	r.base_hour = hour;
	r.base = b.sum;
	if (rc == 0)
		rc = put_record(t, &r);
	if (rc == 0)
		rc = count_stop(t, ev, "resumed", r.kind, e.label);
	return error_of(err, rc, "stop");
}

const char *stop_kind_name(enum stop_kind k)
{
	static const char *const names[] = {
	    "none", "segment", "campaign", "domain"};

	return (unsigned)k < sizeof(names) / sizeof(names[0]) ? names[k]
							      : "unknown";
}
