/* wire.h - records of tables: big endian fields one after another, the first
 * byte is the record's version. A reader that runs over the end, or does not
 * use all, makes wire_done() ERR_CORRUPT; single reads need no check.
 * Threads: one owner. */
#ifndef POLICY_STATE_WIRE_H
#define POLICY_STATE_WIRE_H

#include "policy/base/buf.h"

struct wire {
	struct str rest;
	bool bad;
};

struct wire wire_open(struct str record);
uint8_t wire_u8(struct wire *w);
uint16_t wire_u16(struct wire *w);
uint32_t wire_u32(struct wire *w);
uint64_t wire_u64(struct wire *w);
int64_t wire_i64(struct wire *w);
struct str wire_fixed(struct wire *w, size_t n); /* n bytes, borrowed */
struct str wire_bytes(struct wire *w);           /* u16 length before it */
int wire_done(const struct wire *w) MUST_CHECK;

void wire_put_u8(struct buf *b, uint8_t v);
void wire_put_u16(struct buf *b, uint16_t v);
void wire_put_u32(struct buf *b, uint32_t v);
void wire_put_u64(struct buf *b, uint64_t v);
void wire_put_i64(struct buf *b, int64_t v);
/* Longer than 65535 bytes: the buffer's error is set to ERR_LIMIT. */
void wire_put_bytes(struct buf *b, struct str s);

#endif
