/* codec.c - see codec.h. */
#include "policy/base/codec.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";
static const char b32_digits[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char b64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void codec_hex(const void *data, size_t n, char *out)
{
	const unsigned char *d = data;

	for (size_t i = 0; i < n; i++) {
		*out++ = hex_digits[d[i] >> 4];
		*out++ = hex_digits[d[i] & 15];
	}
	*out = '\0';
}

static int hex_value(char c)
{
	c = ascii_lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int codec_unhex(struct str s, size_t n, void *out)
{
	unsigned char *o = out;

	if (s.n != 2 * n)
		return ERR_SYNTAX;
	for (size_t i = 0; i < n; i++) {
		int hi = hex_value(s.p[2 * i]), lo = hex_value(s.p[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return ERR_SYNTAX;
		o[i] = (unsigned char)(hi << 4 | lo);
	}
	return 0;
}

void codec_base32(struct buf *out, const void *data, size_t n)
{
	const unsigned char *d = data;
	uint32_t acc = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < n; i++) {
		acc = acc << 8 | d[i];
		for (bits += 8; bits >= 5; bits -= 5)
			buf_addc(out, b32_digits[acc >> (bits - 5) & 31]);
	}
	if (bits > 0)
		buf_addc(out, b32_digits[acc << (5 - bits) & 31]);
}

static int b32_value(char c)
{
	c = ascii_lower(c);
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

int codec_unbase32(struct str s, void *out, size_t cap, size_t *n_out)
{
	unsigned char *o = out;
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		int v = b32_value(s.p[i]);
		if (v < 0)
			return ERR_SYNTAX;
		acc = (acc << 5 | (uint32_t)v) & 0xfff;
		bits += 5;
		if (bits < 8)
			continue;
		bits -= 8;
		if (n == cap)
			return ERR_LIMIT;
		o[n++] = (unsigned char)(acc >> bits);
	}
	if (bits >= 5 || (acc & ((1U << bits) - 1)) != 0)
		return ERR_SYNTAX;
	*n_out = n;
	return 0;
}

void codec_base64(struct buf *out, const void *data, size_t n)
{
	const unsigned char *d = data;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t v = (uint32_t)d[i] << 16 |
			     (left > 1 ? (uint32_t)d[i + 1] << 8 : 0) |
			     (left > 2 ? (uint32_t)d[i + 2] : 0);
		buf_addc(out, b64_digits[v >> 18]);
		buf_addc(out, b64_digits[v >> 12 & 63]);
		buf_addc(out, left > 1 ? b64_digits[v >> 6 & 63] : '=');
		buf_addc(out, left > 2 ? b64_digits[v & 63] : '=');
	}
}

static int b64_value(char c)
{
	const char *hit = c != '\0' ? strchr(b64_digits, c) : NULL;

	return hit != NULL ? (int)(hit - b64_digits) : -1;
}

int codec_unbase64(struct buf *out, struct str s)
{
	uint32_t acc = 0;
	unsigned bits = 0, pad = 0, digits = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		int v = b64_value(c);
		if (ascii_is_blank(c) || c == '\r' || c == '\n')
			continue;
		if (c == '=' && ++pad <= 2)
			continue;
		if (v < 0 || pad > 0)
			return ERR_SYNTAX;
		digits++;
		acc = (acc << 6 | (uint32_t)v) & 0xffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_addc(out, (char)(acc >> bits & 0xff));
		}
	}
	if (digits % 4 == 1 || (pad > 0 && (digits + pad) % 4 != 0))
		return ERR_SYNTAX;
	return buf_error(out);
}

void codec_put_u16(void *p, uint16_t v)
{
	unsigned char *b = p;

	b[0] = (unsigned char)(v >> 8);
	b[1] = (unsigned char)v;
}

void codec_put_u32(void *p, uint32_t v)
{
	codec_put_u16(p, (uint16_t)(v >> 16));
	codec_put_u16((char *)p + 2, (uint16_t)v);
}

void codec_put_u64(void *p, uint64_t v)
{
	codec_put_u32(p, (uint32_t)(v >> 32));
	codec_put_u32((char *)p + 4, (uint32_t)v);
}

uint16_t codec_get_u16(const void *p)
{
	const unsigned char *b = p;

	return (uint16_t)(b[0] << 8 | b[1]);
}

uint32_t codec_get_u32(const void *p)
{
	return (uint32_t)codec_get_u16(p) << 16 |
	       codec_get_u16((const char *)p + 2);
}

uint64_t codec_get_u64(const void *p)
{
	return (uint64_t)codec_get_u32(p) << 32 |
	       codec_get_u32((const char *)p + 4);
}
