/* suppression.c - see suppression.h. Record: version 1, reason, since_ms,
 * until_ms, seq, segment, origin, author. */
#include "policy/state/suppression.h"

#include "policy/base/buf.h"
#include "policy/base/codec.h"
#include "policy/state/copy.h"
#include "policy/state/counter.h"
#include "policy/state/tables.h"
#include "policy/state/wire.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
	RECORD_VERSION = 1,
	RECORD_MAX = 2048,
	PAYLOAD_MAX = 8192,
	WHAT_MAX = 255
};

struct row_key {
	char b[1 + WHAT_MAX + 4];
	size_t n;
};

static int make_key(enum suppression_kind kind, struct str what, uint32_t label,
    struct row_key *out)
{
	if (what.n == 0 || what.n > WHAT_MAX)
		return ERR_LIMIT;
	out->b[0] = (char)kind;
	memcpy(out->b + 1, what.p, what.n);
	codec_put_u32(out->b + 1 + what.n, label);
	out->n = 1 + what.n + 4;
	return 0;
}

static struct str key_str(const struct row_key *k)
{
	return (struct str){k->b, k->n};
}

static int decode(
    struct str key, struct str value, struct suppression_record *out)
{
	struct wire w = wire_open(value);

	*out = (struct suppression_record){0};
	if (key.n < 6)
		return ERR_CORRUPT;
	out->kind = (enum suppression_kind)(unsigned char)key.p[0];
	out->what = str_cut(key, 1, key.n - 5);
	out->label = codec_get_u32(key.p + key.n - 4);
	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	out->reason = (enum suppression_reason)wire_u8(&w);
	out->since_ms = wire_i64(&w);
	out->until_ms = wire_i64(&w);
	out->seq = wire_u64(&w);
	out->segment = wire_bytes(&w);
	out->origin = wire_bytes(&w);
	out->author = wire_bytes(&w);
	return wire_done(&w);
}

int suppression_read(const struct ledger_txn *t, enum suppression_kind kind,
    struct str what, uint32_t label, struct suppression_record *out)
{
	struct row_key k;
	struct str value;
	int rc = make_key(kind, what, label, &k);

	if (rc == 0)
		rc = ledger_get(t, TABLE_SUPPRESSION, key_str(&k), &value);
	if (rc == 0)
		rc = decode(key_str(&k), value, out);
	if (rc == 0)
		out->what = what;
	return rc;
}

int suppression_each(const struct ledger_txn *t, enum suppression_kind kind,
    struct str what, int (*emit)(void *arg, const struct suppression_record *r),
    void *arg)
{
	struct suppression_record r;
	struct ledger_iter it;
	struct str key, value;
	struct row_key k;
	int rc = make_key(kind, what, 0, &k);

	if (rc != 0)
		return rc;
	k.n -= 4;
	rc = ledger_iter_prefix(t, TABLE_SUPPRESSION, key_str(&k), &it);
	if (rc != 0)
		return rc;
	while ((rc = ledger_iter_next(&it, &key, &value)) == 0) {
		if (key.n != k.n + 4)
			continue; /* a longer domain with this beginning */
		rc = decode(key, value, &r);
		if (rc == 0)
			rc = emit(arg, &r);
		if (rc != 0)
			break;
	}
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int suppression_names_of(const struct lead_id *lead,
    const struct address *address, unsigned kinds,
    struct suppression_names *out)
{
	int rc = 0;

	*out = (struct suppression_names){
	    .lead = *lead, .domain = address->domain, .kinds = kinds};
	if ((kinds & SUPPRESSION_BIT(SUPPRESS_SHA256)) != 0)
		rc = address_digest(
		    address, ADDRESS_DIGEST_SHA256, &out->sha256);
	if (rc != 0 || (kinds & SUPPRESSION_BIT(SUPPRESS_MD5)) == 0)
		return rc;
	rc = address_digest(address, ADDRESS_DIGEST_MD5, &out->md5);
	if (rc == -ENOTSUP)
		out->kinds &= ~SUPPRESSION_BIT(SUPPRESS_MD5);
	return rc == -ENOTSUP ? 0 : rc;
}

bool suppression_md5_forbidden(void)
{
	unsigned char ignored[DIGEST_MD5];

	return digest_md5(STR(""), ignored) == -ENOTSUP;
}

int suppression_any(
    const struct ledger_txn *t, enum suppression_kind kind, bool *yes_out)
{
	const char first = (char)kind;
	struct ledger_iter it;
	struct str key, value;
	int rc = ledger_iter_prefix(
	    t, TABLE_SUPPRESSION, (struct str){&first, 1}, &it);

	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	*yes_out = rc == 0;
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int suppression_kinds(const struct ledger_txn *t, unsigned *out)
{
	static const enum suppression_kind kinds[] = {
	    SUPPRESS_LEAD, SUPPRESS_DOMAIN, SUPPRESS_SHA256, SUPPRESS_MD5};
	bool yes;
	int rc = 0;

	*out = 0;
	for (size_t i = 0; rc == 0 && i < sizeof(kinds) / sizeof(kinds[0]);
	     i++) {
		rc = suppression_any(t, kinds[i], &yes);
		if (rc == 0 && yes)
			*out |= SUPPRESSION_BIT(kinds[i]);
	}
	return rc;
}

static int by_domain(const struct ledger_txn *t, struct str domain,
    int (*emit)(void *arg, const struct suppression_record *r), void *arg)
{
	int rc;

	do {
		rc = suppression_each(t, SUPPRESS_DOMAIN, domain, emit, arg);
		domain = str_from(domain, str_find(domain, 0, '.') + 1);
	} while (rc == 0 && str_find(domain, 0, '.') < domain.n);
	return rc;
}

static bool looks_for(
    const struct suppression_names *names, enum suppression_kind kind)
{
	return (names->kinds & SUPPRESSION_BIT(kind)) != 0;
}

int suppression_by_names(const struct ledger_txn *t,
    const struct suppression_names *names,
    int (*emit)(void *arg, const struct suppression_record *r), void *arg)
{
	struct str lead = {(const char *)names->lead.b, LEAD_ID_BYTES};
	struct str sha256 = {(const char *)names->sha256.b, DIGEST_SHA256};
	struct str md5 = {(const char *)names->md5.b, DIGEST_MD5};
	int rc = 0;

	if (looks_for(names, SUPPRESS_LEAD))
		rc = suppression_each(t, SUPPRESS_LEAD, lead, emit, arg);
	if (rc == 0 && looks_for(names, SUPPRESS_DOMAIN))
		rc = by_domain(t, names->domain, emit, arg);
	if (rc == 0 && looks_for(names, SUPPRESS_SHA256))
		rc = suppression_each(t, SUPPRESS_SHA256, sha256, emit, arg);
	if (rc == 0 && looks_for(names, SUPPRESS_MD5))
		rc = suppression_each(t, SUPPRESS_MD5, md5, emit, arg);
	return rc;
}

int suppression_binding(const struct ledger_txn *t, const struct lead_id *lead,
    const struct address *address,
    int (*emit)(void *arg, const struct suppression_record *r), void *arg)
{
	struct suppression_names names;
	int rc = suppression_names_of(lead, address, SUPPRESSION_ALL, &names);

	return rc != 0 ? rc : suppression_by_names(t, &names, emit, arg);
}

int suppression_next(const struct ledger_txn *t, struct str after,
    struct str *key_out, struct suppression_record *out)
{
	struct ledger_iter it;
	struct str value;
	int rc = ledger_iter_open(t, TABLE_SUPPRESSION, after, LEDGER_UP, &it);

	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, key_out, &value);
	if (rc == 0 && after.n > 0 && str_eq(*key_out, after))
		rc = ledger_iter_next(&it, key_out, &value);
	if (rc == 0)
		rc = decode(*key_out, value, out);
	ledger_iter_close(&it);
	return rc;
}

#define AT(field) offsetof(struct event_suppressed, field)
static const struct payload_field added_fields[] = {
    {1, PAYLOAD_U32, true, AT(kind)},
    {2, PAYLOAD_BYTES, true, AT(what)},
    {3, PAYLOAD_U32, false, AT(label)},
    {4, PAYLOAD_U32, true, AT(reason)},
    {5, PAYLOAD_I64, false, AT(until_ms)},
    {6, PAYLOAD_TEXT, false, AT(segment)},
    {7, PAYLOAD_TEXT, false, AT(origin)},
    {8, PAYLOAD_TEXT, false, AT(author)},
    {9, PAYLOAD_U64, false, AT(message_id)},
    {10, PAYLOAD_BYTES, false, AT(note)},
    {11, PAYLOAD_TEXT, false, AT(remark)},
    {12, PAYLOAD_I64, false, AT(since_ms)},
    {13, PAYLOAD_U64, false, AT(first_seq)},
};
#undef AT
const struct payload_desc suppression_added_payload =
    PAYLOAD_DESC(added_fields, struct event_suppressed, PAYLOAD_MAX);

#define AT(field) offsetof(struct event_unsuppressed, field)
static const struct payload_field removed_fields[] = {
    {1, PAYLOAD_U32, true, AT(kind)},
    {2, PAYLOAD_BYTES, true, AT(what)},
    {3, PAYLOAD_U32, false, AT(label)},
    {4, PAYLOAD_TEXT, false, AT(author)},
    {5, PAYLOAD_TEXT, false, AT(why)},
    {6, PAYLOAD_BYTES, false, AT(note)},
};
#undef AT
const struct payload_desc suppression_removed_payload =
    PAYLOAD_DESC(removed_fields, struct event_unsuppressed, PAYLOAD_MAX);

int suppression_decode(struct str payload, struct event_suppressed *out)
{
	return payload_decode(&suppression_added_payload, payload, out);
}

int suppression_decode_removed(
    struct str payload, struct event_unsuppressed *out)
{
	return payload_decode(&suppression_removed_payload, payload, out);
}

int suppression_reduce(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	char name[COUNTER_NAME_MAX];
	struct event_suppressed e;
	struct row_key k;
	struct buf b;
	int rc = suppression_decode(ev->payload, &e);

	if (rc == 0)
		rc = make_key(
		    (enum suppression_kind)e.kind, e.what, e.label, &k);
	if (rc != 0)
		return error_of(err, rc, "suppression event");
	buf_init(&b, RECORD_MAX);
	wire_put_u8(&b, RECORD_VERSION);
	wire_put_u8(&b, (uint8_t)e.reason);
	wire_put_i64(&b, e.first_seq != 0 ? e.since_ms : ev->time_ms);
	wire_put_i64(&b, e.until_ms);
	wire_put_u64(&b, ev->seq);
	wire_put_bytes(&b, e.segment);
	wire_put_bytes(&b, e.origin);
	wire_put_bytes(&b, e.author);
	rc = buf_error(&b);
	if (rc == 0)
		rc = ledger_put(t, TABLE_SUPPRESSION, key_str(&k), buf_str(&b));
	buf_fini(&b);
	if (rc == 0 && e.first_seq == 0) {
		(void)snprintf(name, sizeof(name), "suppression.added.%s",
		    suppression_reason_name((enum suppression_reason)e.reason));
		rc = counter_add(t, ev->time_ms, name, e.segment);
	}
	if (rc == 0 && e.until_ms != 0 && str_eq(e.origin, STR("bounce")) &&
	    str_eq(e.author, STR("tendril-agent")))
		rc = counter_add(
		    t, ev->time_ms, "suppression.provisional", e.segment);
	return error_of(err, rc, "suppression");
}

int suppression_reduce_removed(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_unsuppressed e;
	struct wait_queue q;
	struct row_key k;
	int rc = suppression_decode_removed(ev->payload, &e);

	if (rc == 0)
		rc = make_key(
		    (enum suppression_kind)e.kind, e.what, e.label, &k);
	if (rc == 0)
		rc = ledger_del(t, TABLE_SUPPRESSION, key_str(&k));
	if (rc == 0)
		rc =
		    counter_add(t, ev->time_ms, "suppression.removed", STR(""));
	if (rc == 0 && e.kind == SUPPRESS_LEAD &&
	    e.label == SUPPRESSION_PAUSE_LABEL && e.what.n == LEAD_ID_BYTES) {
		q = wait_queue_of(WAIT_PERSON, e.what.p);
		rc = copy_wake(t, &q, ev->time_ms);
	}
	return error_of(err, rc, "suppression");
}
