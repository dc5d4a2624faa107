/* audience.h - who a rule is for: a condition on a person's attributes,
 * compiled once.
 *
 *   role in {cto, it} and employees >= 200
 *   country = de            not customer           (a or b) and c
 *   role is missing         role is known          role != cto
 *   renewal < 2027-01-31    renewal within 30d     last-order within last 90d
 *
 * Attributes and their types are the policy's; a mistaken name, type or value
 * is refused with its column. `not` binds first (to one comparison or
 * parenthesis), then `and`, then `or`. A flag stands alone or as "customer =
 * no". Text takes =, != and in, and is compared without regard to ASCII case,
 * else byte by byte in NFC; numbers and dates also take < <= > >=. "within 30d"
 * is from today to 30 days ahead, "within last 30d" from 30 days ago to today,
 * both ends included, whole days or weeks. A value with blanks or signs stands
 * in single or double quotes; a quote inside is written twice. Keywords may
 * have capitals; a value or name that is a keyword needs no quotes where only
 * a value can stand.
 *
 * A comparison with an attribute that the person lacks is false, != too, and
 * so is one whose value is of another type than the policy says today: hence
 * "not role = cto" holds for a person without a role and "role != cto" does
 * not. There are two truth values only.
 *
 * Pure. Threads: any; an audience is immutable and lives in its arena. */
#ifndef POLICY_CONF_AUDIENCE_H
#define POLICY_CONF_AUDIENCE_H

#include "policy/conf/attribute.h"

enum {
	AUDIENCE_MAX_BYTES = 4096, /* of a condition's text */
	AUDIENCE_MAX_TERMS = 256,  /* comparisons and values in { } */
	AUDIENCE_MAX_DEPTH = 16    /* of parentheses and not */
};

struct audience;

/* attributes: those that the policy has, which must live as long. ERR_SYNTAX:
 * err says what and at which column, counted in characters from 1 ("column 14:
 * there is no attribute "rol"; did you mean "role"?"). ERR_LIMIT: above a
 * bound, or the arena is full. */
int audience_parse(struct arena *a, const struct attribute *attributes,
    size_t n, struct str text, const struct audience **out,
    struct error *err) MUST_CHECK;

/* v: what is known of the person, in any order. today: days since 1970. Linear
 * in the terms, allocates nothing. */
bool audience_contains(const struct audience *x,
    const struct attribute_value *v, size_t n, int64_t today);

/* The canonical text, which parses to the same audience. */
void audience_print(const struct audience *x, struct buf *out);

/* A word of the language, which no attribute may be named. */
bool audience_is_keyword(struct str word);

#endif
