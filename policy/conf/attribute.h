/* attribute.h - what is known of a person by name: the types of attributes, and
 * their values as text.
 *
 * A policy declares attributes; four are reserved and need no declaration:
 * company, time-zone, language and name, all text.
 *
 * Values as text: a number is decimal, with "-" in front or nothing, of 64
 * bits; a flag is yes, no, true, false, 1 or 0 in any case; a date is
 * YYYY-MM-DD, years 1 to 9999 of the Gregorian calendar; text is UTF-8 of one
 * line, kept in NFC, trimmed. Pure. Threads: any. */
#ifndef POLICY_CONF_ATTRIBUTE_H
#define POLICY_CONF_ATTRIBUTE_H

#include "policy/base/arena.h"
#include "policy/base/buf.h"

enum {
	ATTRIBUTE_TEXT_MAX = 200, /* bytes of one value in NFC */
	ATTRIBUTE_RESERVED = 4
};

enum attribute_type {
	ATTRIBUTE_TEXT = 1,
	ATTRIBUTE_NUMBER = 2, /* int64 */
	ATTRIBUTE_FLAG = 3,
	ATTRIBUTE_DATE = 4 /* days since 1970-01-01 */
};

struct attribute {
	struct str name;
	uint32_t label; /* policy_label(name); never 0 */
	enum attribute_type type;
};

struct attribute_value {
	uint32_t label;
	enum attribute_type type;
	struct str text; /* of ATTRIBUTE_TEXT, never empty */
	int64_t number;  /* of the others; a flag is 0 or 1 */
};

/* The attributes that every policy has. */
const struct attribute *attribute_reserved(void); /* ATTRIBUTE_RESERVED many */

const char *attribute_type_name(enum attribute_type type);
/* 0 when there is no such type. */
enum attribute_type attribute_type_of(struct str name);

/* NULL when there is none; exact. */
const struct attribute *attribute_find(
    const struct attribute *v, size_t n, struct str name);
const struct attribute *attribute_by_label(
    const struct attribute *v, size_t n, uint32_t label);
/* The attribute whose name is nearest to a mistaken one; NULL when none is
 * near. */
const struct attribute *attribute_nearest(
    const struct attribute *v, size_t n, struct str name);

/* ERR_SYNTAX with what is wrong, a text too long included; ERR_LIMIT when the
 * arena is full. out->label is 0, out->text in the arena. An empty text is refused: an
 * attribute without a value is an absent one. */
int attribute_parse(enum attribute_type type, struct str text, struct arena *a,
    struct attribute_value *out, struct error *err) MUST_CHECK;
/* As attribute_parse() reads it back. */
void attribute_print(const struct attribute_value *v, struct buf *out);

/* Days since 1970 of an instant, in UTC. */
int64_t attribute_day_of(int64_t ms);

#endif
