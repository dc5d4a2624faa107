/* attributes.h - a person's attributes as they are kept: one deterministic CBOR
 * map, label -> [type, value], sealed with the person's key.
 *
 * Labels ascend; a text is a text string, numbers and dates (days) are
 * integers, a flag is a boolean. Names are the policy's affair: what a policy no
 * longer declares stays, unseen, until it is set anew or taken away.
 * Threads: any. */
#ifndef POLICY_STATE_ATTRIBUTES_H
#define POLICY_STATE_ATTRIBUTES_H

#include "policy/conf/attribute.h"
#include "policy/state/person.h"

enum {
	ATTRIBUTES_MAX = 64,    /* of a person */
	ATTRIBUTES_BYTES = 4096 /* of the map */
};

struct attributes {
	struct attribute_value *v; /* by label, ascending */
	size_t n;
};

/* Into an arena; texts are copied. ERR_CORRUPT for what encode never wrote. */
int attributes_decode(
    struct str map, struct arena *a, struct attributes *out) MUST_CHECK;
/* Appends. ERR_LIMIT above the bounds. */
int attributes_encode(const struct attributes *x, struct buf *out) MUST_CHECK;

/* Empty is none, on both sides. */
int attributes_open(const struct person *p, struct str sealed, struct arena *a,
    struct attributes *out) MUST_CHECK;
int attributes_seal(const struct person *p, const struct attributes *x,
    struct arena *a, struct str *out) MUST_CHECK;

/* What is there with the changes: a value takes the place of one with its
 * label; type 0 takes it away. out->v is in the arena, and NULL when that is
 * full. ERR_LIMIT: too many, or too long together. */
int attributes_change(const struct attributes *there,
    const struct attribute_value *changes, size_t n, struct arena *a,
    struct attributes *out) MUST_CHECK;
bool attributes_eq(const struct attributes *x, const struct attributes *y);
/* NULL: not there. */
const struct attribute_value *attributes_find(
    const struct attributes *x, uint32_t label);

#endif
