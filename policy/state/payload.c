/* payload.c - see payload.h. */
#include "policy/state/payload.h"

#include "policy/ledger/cbor.h"
#include "policy/ledger/door.h"

#include <string.h>

static const void *at(const void *s, const struct payload_field *f)
{
	return (const char *)s + f->offset;
}

static size_t fixed_size(const struct payload_field *f)
{
	return f->type == PAYLOAD_ID16 ? 16 : 32;
}

static bool is_zero(const void *s, const struct payload_field *f)
{
	static const unsigned char zeroes[32];

	switch ((enum payload_type)f->type) {
	case PAYLOAD_U64:
	case PAYLOAD_I64:
		return memcmp(at(s, f), zeroes, 8) == 0;
	case PAYLOAD_U32:
		return memcmp(at(s, f), zeroes, 4) == 0;
	case PAYLOAD_BOOL:
		return !*(const bool *)at(s, f);
	case PAYLOAD_BYTES:
	case PAYLOAD_TEXT:
		return ((const struct str *)at(s, f))->n == 0;
	case PAYLOAD_ID16:
	case PAYLOAD_ID32:
		return memcmp(at(s, f), zeroes, fixed_size(f)) == 0;
	}
	return false;
}

static void write_field(
    struct cbor_writer *w, const void *s, const struct payload_field *f)
{
	const void *p = at(s, f);

	cbor_write_key(w, f->key);
	switch ((enum payload_type)f->type) {
	case PAYLOAD_U64:
		cbor_write_uint(w, *(const uint64_t *)p);
		break;
	case PAYLOAD_U32:
		cbor_write_uint(w, *(const uint32_t *)p);
		break;
	case PAYLOAD_I64:
		cbor_write_int(w, *(const int64_t *)p);
		break;
	case PAYLOAD_BOOL:
		cbor_write_bool(w, *(const bool *)p);
		break;
	case PAYLOAD_BYTES:
		cbor_write_bytes(w, *(const struct str *)p);
		break;
	case PAYLOAD_TEXT:
		cbor_write_text(w, *(const struct str *)p);
		break;
	case PAYLOAD_ID16:
	case PAYLOAD_ID32:
		cbor_write_bytes(w, (struct str){p, fixed_size(f)});
		break;
	}
}

int payload_encode(const struct payload_desc *d, const void *s, struct buf *out)
{
	struct cbor_writer w;
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->v[i].required || !is_zero(s, &d->v[i]);
	cbor_writer_init(&w, out);
	cbor_write_map(&w, n);
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].required || !is_zero(s, &d->v[i]))
			write_field(&w, s, &d->v[i]);
	return cbor_writer_end(&w);
}

static void read_field(
    struct cbor_reader *r, void *s, const struct payload_field *f)
{
	void *p = (char *)s + f->offset;

	switch ((enum payload_type)f->type) {
	case PAYLOAD_U64:
		*(uint64_t *)p = cbor_read_uint(r, UINT64_MAX);
		break;
	case PAYLOAD_U32:
		*(uint32_t *)p = (uint32_t)cbor_read_uint(r, UINT32_MAX);
		break;
	case PAYLOAD_I64:
		*(int64_t *)p = cbor_read_int(r);
		break;
	case PAYLOAD_BOOL:
		*(bool *)p = cbor_read_bool(r);
		break;
	case PAYLOAD_BYTES:
		*(struct str *)p = cbor_read_bytes(r);
		break;
	case PAYLOAD_TEXT:
		*(struct str *)p = cbor_read_text(r);
		break;
	case PAYLOAD_ID16:
	case PAYLOAD_ID32:
		cbor_read_fixed(r, p, fixed_size(f));
		break;
	}
}

int payload_decode(const struct payload_desc *d, struct str payload, void *s)
{
	struct cbor_reader r;
	uint64_t key;
	size_t i = 0;

	memset(s, 0, d->size);
	cbor_reader_init(&r, payload);
	(void)cbor_read_map(&r);
	while (cbor_read_key(&r, &key)) {
		/* Both the keys and the table ascend. */
		for (; i < d->n && d->v[i].key < key; i++)
			if (d->v[i].required)
				return ERR_CORRUPT;
		if (i == d->n || d->v[i].key != key)
			return ERR_CORRUPT;
		read_field(&r, s, &d->v[i++]);
	}
	for (; i < d->n; i++)
		if (d->v[i].required)
			return ERR_CORRUPT;
	return cbor_reader_end(&r) != 0 ? ERR_CORRUPT : 0;
}

int payload_emit(struct door_ctx *ctx, unsigned type,
    const struct payload_desc *d, const void *s)
{
	const struct event_kind *kind = event_kind(type);
	struct buf b;
	int rc;

	if (kind == NULL)
		return ERR_VERSION;
	buf_init(&b, d->max);
	rc = payload_encode(d, s, &b);
	if (rc == 0)
		rc = door_emit(ctx, type, kind->version, buf_str(&b));
	buf_fini(&b);
	return rc;
}
