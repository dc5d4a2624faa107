/* wire.c - see wire.h. */
#include "policy/state/wire.h"

#include "policy/base/codec.h"

#include <string.h>

struct wire wire_open(struct str record)
{
	return (struct wire){record, false};
}

struct str wire_fixed(struct wire *w, size_t n)
{
	struct str out;

	if (w->bad || n > w->rest.n) {
		w->bad = true;
		return STR("");
	}
	out = str_cut(w->rest, 0, n);
	w->rest = str_from(w->rest, n);
	return out;
}

uint8_t wire_u8(struct wire *w)
{
	struct str s = wire_fixed(w, 1);

	return s.n == 1 ? (uint8_t)s.p[0] : 0;
}

uint16_t wire_u16(struct wire *w)
{
	struct str s = wire_fixed(w, 2);

	return s.n == 2 ? codec_get_u16(s.p) : 0;
}

uint32_t wire_u32(struct wire *w)
{
	struct str s = wire_fixed(w, 4);

	return s.n == 4 ? codec_get_u32(s.p) : 0;
}

uint64_t wire_u64(struct wire *w)
{
	struct str s = wire_fixed(w, 8);

	return s.n == 8 ? codec_get_u64(s.p) : 0;
}

int64_t wire_i64(struct wire *w)
{
	return (int64_t)wire_u64(w);
}

struct str wire_bytes(struct wire *w)
{
	return wire_fixed(w, wire_u16(w));
}

int wire_done(const struct wire *w)
{
	return w->bad || w->rest.n > 0 ? ERR_CORRUPT : 0;
}

void wire_put_u8(struct buf *b, uint8_t v)
{
	buf_addc(b, (char)v);
}

void wire_put_u16(struct buf *b, uint16_t v)
{
	char *p = buf_extend(b, 2);

	if (p != NULL)
		codec_put_u16(p, v);
}

void wire_put_u32(struct buf *b, uint32_t v)
{
	char *p = buf_extend(b, 4);

	if (p != NULL)
		codec_put_u32(p, v);
}

void wire_put_u64(struct buf *b, uint64_t v)
{
	char *p = buf_extend(b, 8);

	if (p != NULL)
		codec_put_u64(p, v);
}

void wire_put_i64(struct buf *b, int64_t v)
{
	wire_put_u64(b, (uint64_t)v);
}

void wire_put_bytes(struct buf *b, struct str s)
{
	if (s.n > UINT16_MAX) {
		if (b->error == 0)
			b->error = ERR_LIMIT;
		return;
	}
	wire_put_u16(b, (uint16_t)s.n);
	buf_add(b, s);
}
