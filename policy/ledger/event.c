/* event.c - see event.h. */
#include "policy/ledger/event.h"

#include "policy/base/codec.h"
#include "policy/ledger/crc32c.h"

#include <errno.h>
#include <string.h>

enum {
	OWN_TYPE_MAX = 15,
	SEQ_KEY = 8
};

/* A number given twice in events.def is a duplicate case here. */
const struct event_kind *event_kind(unsigned type)
{
	switch (type) {
#define EVENT(number, name, version, class, writer)                            \
	case (number): {                                                       \
		static const struct event_kind kind = {                        \
		    (number), (version), (class), #name, (writer)};            \
		return &kind;                                                  \
	}
#include "policy/ledger/events.def"
#undef EVENT
	default:
		return NULL;
	}
}

static const struct reducer *lookup(
    const struct reducer_table *rt, unsigned type)
{
	size_t low = 0, high = rt->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (rt->v[mid].type == type)
			return &rt->v[mid];
		if (rt->v[mid].type < type)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

int reducer_find(const struct reducer_table *rt, unsigned type,
    unsigned version, const struct reducer **out)
{
	const struct event_kind *own;

	*out = NULL;
	if (version == 0)
		return ERR_VERSION;
	if (type <= OWN_TYPE_MAX) {
		own = event_kind(type);
		return own != NULL && version <= own->version ? 0 : ERR_VERSION;
	}
	*out = lookup(rt, type);
	if (*out == NULL || version > (*out)->version) {
		*out = NULL;
		return ERR_VERSION;
	}
	return 0;
}

int reducer_apply(const struct reducer_table *rt, struct ledger_txn *t,
    const struct event *ev, struct error *err)
{
	const struct reducer *r;
	int rc = reducer_find(rt, ev->type, ev->version, &r);

	if (rc != 0)
		return error_set(err, rc,
		    "event %llu: type %u version %u is unknown to this "
		    "program",
		    (unsigned long long)ev->seq, ev->type, ev->version);
	if (r == NULL)
		return 0;
	return rt->around != NULL ? rt->around(t, ev, r->apply, err)
				  : r->apply(t, ev, err);
}

static uint32_t checksum(
    const unsigned char *key, const unsigned char *p, size_t n)
{
	return crc32c(crc32c(0, key, SEQ_KEY), p, n);
}

int event_append(struct ledger_txn *t, struct event *ev)
{
	size_t n = EVENT_HEAD + ev->payload.n;
	unsigned char key[SEQ_KEY], *p;
	uint64_t last;
	int rc;

	if (ev->payload.n > EVENT_PAYLOAD_MAX)
		return ERR_LIMIT;
	rc = ledger_last_seq(t, &last);
	if (rc != 0)
		return rc;
	rc = ledger_append_event(t, last + 1, n + EVENT_TAIL, &p);
	if (rc != 0)
		return rc;
	ev->seq = last + 1;
	codec_put_u64(key, ev->seq);
	codec_put_u16(p, ev->type);
	p[2] = ev->version;
	p[3] = ev->class;
	codec_put_u64(p + 4, (uint64_t)ev->time_ms);
	if (ev->payload.n > 0)
		memcpy(p + EVENT_HEAD, ev->payload.p, ev->payload.n);
	codec_put_u32(p + n, checksum(key, p, n));
	return 0;
}

int event_decode(struct str key, struct str value, struct event *out)
{
	const unsigned char *k = (const unsigned char *)key.p;
	const unsigned char *p = (const unsigned char *)value.p;
	size_t n = value.n - EVENT_TAIL;

	*out = (struct event){0};
	if (key.n != SEQ_KEY)
		return ERR_CORRUPT;
	out->seq = codec_get_u64(k);
	if (value.n < EVENT_HEAD + EVENT_TAIL ||
	    n - EVENT_HEAD > EVENT_PAYLOAD_MAX ||
	    codec_get_u32(p + n) != checksum(k, p, n))
		return ERR_CORRUPT;
	out->type = codec_get_u16(p);
	out->version = p[2];
	out->class = p[3];
	out->time_ms = (int64_t)codec_get_u64(p + 4);
	out->payload = str_cut(value, EVENT_HEAD, n - EVENT_HEAD);
	return 0;
}

int event_get(const struct ledger_txn *t, uint64_t seq, struct event *out)
{
	unsigned char raw[SEQ_KEY];
	struct str key = {(const char *)raw, sizeof(raw)}, value;
	int rc;

	codec_put_u64(raw, seq);
	rc = ledger_get(t, LEDGER_EVENT, key, &value);
	return rc == 0 ? event_decode(key, value, out) : rc;
}

int event_iter_open(const struct ledger_txn *t, uint64_t seq,
    enum ledger_order order, struct ledger_iter *out)
{
	unsigned char raw[SEQ_KEY];

	codec_put_u64(raw, seq);
	return ledger_iter_open(t, LEDGER_EVENT,
	    (struct str){(const char *)raw, sizeof(raw)}, order, out);
}

int event_iter_next(struct ledger_iter *it, struct event *out)
{
	struct str key, value;
	int rc = ledger_iter_next(it, &key, &value);

	*out = (struct event){0};
	return rc == 0 ? event_decode(key, value, out) : rc;
}
