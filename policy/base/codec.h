/* codec.h - hex, base32 (RFC 4648 alphabet, lower case, no padding) and big
 * endian integers. Pure. Threads: any. */
#ifndef POLICY_BASE_CODEC_H
#define POLICY_BASE_CODEC_H

#include "policy/base/buf.h"

/* out: 2 * n + 1 bytes, NUL-terminated. */
void codec_hex(const void *data, size_t n, char *out);
/* Exactly n bytes from 2 * n hex digits; either case. */
int codec_unhex(struct str s, size_t n, void *out) MUST_CHECK;

#define CODEC_BASE32_LEN(n) (((n)*8 + 4) / 5)
void codec_base32(struct buf *out, const void *data, size_t n);
/* Either case; refuses padding, other characters and non-zero spare bits, so
 * each value has one text (but for case). *n_out <= cap. */
int codec_unbase32(
    struct str s, void *out, size_t cap, size_t *n_out) MUST_CHECK;

/* Standard base64 (RFC 4648 section 4) with padding; decoder for keys and DNS
 * records: skips white space, stops at anything else with ERR_SYNTAX. */
void codec_base64(struct buf *out, const void *data, size_t n);
int codec_unbase64(struct buf *out, struct str s) MUST_CHECK;

void codec_put_u16(void *p, uint16_t v);
void codec_put_u32(void *p, uint32_t v);
void codec_put_u64(void *p, uint64_t v);
uint16_t codec_get_u16(const void *p);
uint32_t codec_get_u32(const void *p);
uint64_t codec_get_u64(const void *p);

#endif
