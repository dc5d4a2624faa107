/* payload.h - an event's payload as a C struct and a table of its fields.
 *
 * Deterministic CBOR: a map with small integer keys in ascending order; a
 * field that has its zero value (0, empty, false) is left out unless it is
 * required. Unknown keys, wrong types and missing required fields are
 * ERR_CORRUPT: events are ours alone. The struct that is handed in must be the
 * one that the description was made for.
 * Threads: any. */
#ifndef POLICY_STATE_PAYLOAD_H
#define POLICY_STATE_PAYLOAD_H

#include "policy/base/buf.h"

struct door_ctx;

enum payload_type {
	PAYLOAD_U64,   /* uint64_t */
	PAYLOAD_U32,   /* uint32_t */
	PAYLOAD_I64,   /* int64_t */
	PAYLOAD_BOOL,  /* bool */
	PAYLOAD_BYTES, /* struct str; borrowed from the payload when read */
	PAYLOAD_TEXT,  /* struct str, UTF-8 */
	PAYLOAD_ID16,  /* unsigned char[16] */
	PAYLOAD_ID32,  /* unsigned char[32] */
};

struct payload_field {
	uint8_t key; /* for ever; ascending in the table */
	uint8_t type;
	bool required;
	size_t offset;
};

struct payload_desc {
	const struct payload_field *v;
	size_t n;
	size_t size; /* of the struct */
	size_t max;  /* bytes that may be emitted */
};

#define PAYLOAD_DESC(fields, type, max)                                        \
	{                                                                      \
		(fields), sizeof(fields) / sizeof((fields)[0]), sizeof(type),  \
		    (max)                                                      \
	}

/* Text that is not valid UTF-8 is ERR_SYNTAX. */
int payload_encode(
    const struct payload_desc *d, const void *s, struct buf *out) MUST_CHECK;
/* All of *s is set; fields that are absent are zero. */
int payload_decode(
    const struct payload_desc *d, struct str payload, void *s) MUST_CHECK;
/* In a proposal: emits the newest version of the event. ERR_LIMIT above d->max. */
int payload_emit(struct door_ctx *ctx, unsigned type,
    const struct payload_desc *d, const void *s) MUST_CHECK;

#endif
