/* seen.c - see seen.h. Each new row removes a few that are too old, so the
 * table never needs a sweep of its own. */
#include "policy/state/seen.h"

#include "policy/base/codec.h"
#include "policy/base/when.h"
#include "policy/state/counter.h"
#include "policy/state/payload.h"
#include "policy/state/tables.h"
#include "policy/state/wire.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
	RECORD_VERSION = 1,
	PAYLOAD_MAX = 256,
	PRUNE_AT_ONCE = 4,
	AGE_KEY = 1 + 8 + SEEN_DIGEST,
};
#define KEEP_MS (30 * WHEN_DAY_MS)

#define AT(field) offsetof(struct event_feedback_mail, field)
static const struct payload_field mail_fields[] = {
    {1, PAYLOAD_ID32, true, AT(digest)},
    {2, PAYLOAD_U32, true, AT(kind)},
    {3, PAYLOAD_U64, false, AT(message_id)},
};
#undef AT
static const struct payload_desc mail =
    PAYLOAD_DESC(mail_fields, struct event_feedback_mail, PAYLOAD_MAX);

struct digest_key {
	char b[1 + SEEN_DIGEST];
};
struct age_key {
	char b[AGE_KEY];
};

static struct str digest_key(const unsigned char *digest, struct digest_key *k)
{
	k->b[0] = 'd';
	memcpy(k->b + 1, digest, SEEN_DIGEST);
	return (struct str){k->b, sizeof(k->b)};
}

/* Times are after 1970, so their unsigned form sorts. */
static struct str age_key(
    int64_t ms, const unsigned char *digest, struct age_key *k)
{
	k->b[0] = 't';
	codec_put_u64(k->b + 1, ms > 0 ? (uint64_t)ms : 0);
	memcpy(k->b + 9, digest, SEEN_DIGEST);
	return (struct str){k->b, sizeof(k->b)};
}

int seen_as(const struct ledger_txn *t, const unsigned char digest[SEEN_DIGEST],
    enum seen_kind *out)
{
	struct digest_key k;
	struct str value;
	struct wire w;
	int rc = ledger_get(t, TABLE_SEEN, digest_key(digest, &k), &value);

	*out = (enum seen_kind)0;
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	w = wire_open(value);
	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	(void)wire_i64(&w);
	*out = (enum seen_kind)wire_u8(&w);
	return wire_done(&w);
}

int seen_emit(struct door_ctx *ctx, const unsigned char digest[SEEN_DIGEST],
    enum seen_kind kind, uint64_t message_id)
{
	struct event_feedback_mail e = {
	    .kind = (uint32_t)kind, .message_id = message_id};

	memcpy(e.digest, digest, sizeof(e.digest));
	return payload_emit(ctx, EV_FEEDBACK_MAIL, &mail, &e);
}

static int put(
    struct ledger_txn *t, const struct event_feedback_mail *e, int64_t time_ms)
{
	struct digest_key dk;
	struct age_key ak;
	struct buf b;
	int rc;

	buf_init(&b, PAYLOAD_MAX);
	wire_put_u8(&b, RECORD_VERSION);
	wire_put_i64(&b, time_ms);
	wire_put_u8(&b, (uint8_t)e->kind);
	rc = buf_error(&b);
	if (rc == 0)
		rc = ledger_put(
		    t, TABLE_SEEN, digest_key(e->digest, &dk), buf_str(&b));
	if (rc == 0)
		rc = ledger_put(
		    t, TABLE_SEEN, age_key(time_ms, e->digest, &ak), STR("1"));
	buf_fini(&b);
	return rc;
}

/* The oldest row, if it is of before `before_ms`. */
static int oldest(
    const struct ledger_txn *t, int64_t before_ms, struct age_key *out)
{
	struct ledger_iter it;
	struct str key, value;
	int rc = ledger_iter_prefix(t, TABLE_SEEN, STR("t"), &it);

	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0 && key.n != AGE_KEY)
		rc = ERR_CORRUPT;
	if (rc == 0 && (int64_t)codec_get_u64(key.p + 1) >= before_ms)
		rc = ERR_NOT_FOUND;
	if (rc == 0)
		memcpy(out->b, key.p, AGE_KEY);
	ledger_iter_close(&it);
	return rc;
}

static int prune(struct ledger_txn *t, int64_t before_ms)
{
	struct digest_key dk;
	struct age_key ak;
	int rc = 0;

	for (int i = 0; rc == 0 && i < PRUNE_AT_ONCE; i++) {
		rc = oldest(t, before_ms, &ak);
		if (rc != 0)
			break;
		rc =
		    ledger_del(t, TABLE_SEEN, (struct str){ak.b, sizeof(ak.b)});
		if (rc == 0)
			rc = ledger_del(t, TABLE_SEEN,
			    digest_key((unsigned char *)ak.b + 9, &dk));
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int seen_decode(struct str payload, struct event_feedback_mail *out)
{
	return payload_decode(&mail, payload, out);
}

int seen_reduce(struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_feedback_mail e;
	char name[COUNTER_NAME_MAX];
	int rc = seen_decode(ev->payload, &e);

	if (rc == 0)
		rc = prune(t, ev->time_ms - KEEP_MS);
	if (rc == 0)
		rc = put(t, &e, ev->time_ms);
	if (rc == 0) {
		(void)snprintf(name, sizeof(name), "feedback.%s",
		    seen_kind_name((enum seen_kind)e.kind));
		rc = counter_add(t, ev->time_ms, name, STR(""));
	}
	return error_of(err, rc, "feedback mail");
}

const char *seen_kind_name(enum seen_kind kind)
{
	switch (kind) {
	case SEEN_BOUNCE:
		return "bounce";
	case SEEN_DELAYED:
		return "delayed";
	case SEEN_DELIVERED:
		return "delivered";
	case SEEN_COMPLAINT:
		return "complaint";
	case SEEN_UNSUBSCRIBE:
		return "unsubscribe";
	case SEEN_AUTO_REPLY:
		return "auto_reply";
	case SEEN_REPORT:
		return "report";
	case SEEN_EXPIRED:
		return "expired";
	case SEEN_UNPARSED:
		return "unparsed";
	case SEEN_REPLY:
		return "reply";
	case SEEN_FRAUD:
		return "fraud";
	case SEEN_VIRUS:
		return "virus";
	case SEEN_NOT_SPAM:
		return "not_spam";
	}
	return "unknown";
}
