/* policyver.c - see policyver.h. Record: version 1, applied_ms, seq, hash (32),
 * orphans, author, reason, then the text to the end. */
#include "policy/state/policyver.h"

#include "policy/base/buf.h"
#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/state/tables.h"
#include "policy/state/wire.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RECORD_VERSION = 1,
	RECORD_MAX = 2 << 20
};

struct row_key {
	char b[4];
};

static struct str make_key(uint32_t version, struct row_key *k)
{
	codec_put_u32(k->b, version);
	return (struct str){k->b, sizeof(k->b)};
}

int policyver_current(const struct ledger_txn *t, uint32_t *version_out)
{
	struct ledger_iter it;
	struct str key, value;
	int rc = ledger_iter_open(t, TABLE_POLICY, STR_NULL, LEDGER_DOWN, &it);

	*version_out = 0;
	if (rc != 0)
		return rc;
	rc = ledger_iter_next(&it, &key, &value);
	if (rc == 0 && key.n == 4)
		*version_out = codec_get_u32(key.p);
	ledger_iter_close(&it);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int policyver_read(
    const struct ledger_txn *t, uint32_t version, struct policyver_record *out)
{
	struct str value, hash;
	struct row_key k;
	struct wire w;
	int rc = ledger_get(t, TABLE_POLICY, make_key(version, &k), &value);

	*out = (struct policyver_record){.version = version};
	if (rc != 0)
		return rc;
	w = wire_open(value);
	if (wire_u8(&w) != RECORD_VERSION)
		return ERR_VERSION;
	out->applied_ms = wire_i64(&w);
	out->seq = wire_u64(&w);
	hash = wire_fixed(&w, sizeof(out->hash));
	if (hash.n == sizeof(out->hash))
		memcpy(out->hash, hash.p, hash.n);
	out->orphans = (enum policyver_orphans)wire_u8(&w);
	out->author = wire_bytes(&w);
	out->reason = wire_bytes(&w);
	out->text = wire_fixed(&w, w.rest.n);
	return wire_done(&w);
}

static const struct payload_field fields[] = {
    {1, PAYLOAD_U32, true, offsetof(struct event_policy, version)},
    {2, PAYLOAD_ID32, true, offsetof(struct event_policy, hash)},
    {3, PAYLOAD_TEXT, true, offsetof(struct event_policy, text)},
    {4, PAYLOAD_TEXT, false, offsetof(struct event_policy, author)},
    {5, PAYLOAD_TEXT, false, offsetof(struct event_policy, reason)},
    {6, PAYLOAD_U32, false, offsetof(struct event_policy, orphans)},
};
const struct payload_desc policyver_payload =
    PAYLOAD_DESC(fields, struct event_policy, EVENT_PAYLOAD_MAX);

int policyver_decode(struct str payload, struct event_policy *out)
{
	return payload_decode(&policyver_payload, payload, out);
}

int policyver_reduce(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	struct event_policy e;
	struct row_key k;
	struct buf b;
	int rc = policyver_decode(ev->payload, &e);

	if (rc != 0)
		return error_of(err, rc, "policy event");
	buf_init(&b, RECORD_MAX);
	wire_put_u8(&b, RECORD_VERSION);
	wire_put_i64(&b, ev->time_ms);
	wire_put_u64(&b, ev->seq);
	buf_add(&b, (struct str){(const char *)e.hash, sizeof(e.hash)});
	wire_put_u8(&b, (uint8_t)e.orphans);
	wire_put_bytes(&b, e.author);
	wire_put_bytes(&b, e.reason);
	buf_add(&b, e.text);
	rc = buf_error(&b);
	if (rc == 0) /* versions only grow: ERR_EXISTS on any other */
		rc = ledger_append(
		    t, TABLE_POLICY, make_key(e.version, &k), buf_str(&b));
	buf_fini(&b);
	return rc != 0 ? error_set(err, rc, "policy %u: %s", e.version,
			     error_text(rc))
		       : 0;
}

int policyver_load(const struct ledger_txn *t, uint32_t version,
    const struct policy **out, struct error *err)
{
	struct policyver_record r;
	char path[32];
	int rc = policyver_read(t, version, &r);

	*out = NULL;
	if (rc != 0)
		return error_set(
		    err, rc, "policy version %u: %s", version, error_text(rc));
	(void)snprintf(path, sizeof(path), "policy:%u", version);
	return policy_parse(out, path, r.text, version, err);
}

struct policyver_cache {
	struct ledger *ledger;
	pthread_mutex_t lock;
	const struct policy *now; /* NULL: none yet */
};

int policyver_cache_open(struct policyver_cache **out, struct ledger *l)
{
	struct policyver_cache *c =
	    fault_alloc() ? NULL : calloc(1, sizeof(*c));

	*out = c;
	if (c == NULL)
		return -ENOMEM;
	c->ledger = l;
	pthread_mutex_init(&c->lock, NULL);
	return 0;
}

void policyver_cache_close(struct policyver_cache **c)
{
	if (*c == NULL)
		return;
	policy_unref(&(*c)->now);
	pthread_mutex_destroy(&(*c)->lock);
	free(*c);
	*c = NULL;
}

/* Under the lock: parses the version in force if it is not the kept one. */
static int refresh(
    struct policyver_cache *c, const struct ledger_txn *t, struct error *err)
{
	const struct policy *fresh;
	uint32_t version;
	int rc = policyver_current(t, &version);

	if (rc != 0)
		return error_of(err, rc, "policy");
	if (version == 0 || (c->now != NULL && c->now->version == version))
		return 0;
	rc = policyver_load(t, version, &fresh, err);
	if (rc != 0)
		return rc;
	policy_unref(&c->now);
	c->now = fresh;
	return 0;
}

int policyver_cache_get(
    struct policyver_cache *c, const struct policy **out, struct error *err)
{
	struct ledger_txn *t;
	int rc = ledger_read_begin(c->ledger, &t);

	*out = NULL;
	if (rc != 0)
		return error_of(err, rc, "ledger");
	pthread_mutex_lock(&c->lock);
	rc = refresh(c, t, err);
	if (rc == 0 && c->now != NULL)
		*out = policy_ref(c->now);
	pthread_mutex_unlock(&c->lock);
	ledger_read_end(&t);
	return rc;
}
