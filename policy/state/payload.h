/* payload.h - an event's payload as a C struct and a table of its fields.
 *
 * Deterministic CBOR: a map with small integer keys in ascending order; a
 * field that has its zero value (0, empty, false) is left out unless it is
 * required. Unknown keys, wrong types and missing required fields are
 * ERR_CORRUPT: events are ours alone.
 * Threads: any. */
#ifndef POLICY_STATE_PAYLOAD_H
#define POLICY_STATE_PAYLOAD_H

#include "policy/base/buf.h"

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
};

#define PAYLOAD_DESC(fields)                                                   \
	{                                                                      \
		(fields), sizeof(fields) / sizeof((fields)[0])                 \
	}

/* Text that is not valid UTF-8 is ERR_SYNTAX. */
int payload_encode(
    const struct payload_desc *d, const void *s, struct buf *out) MUST_CHECK;
/* Fields that are absent keep the zero that s was given. */
int payload_decode(
    const struct payload_desc *d, struct str payload, void *s) MUST_CHECK;

#endif
