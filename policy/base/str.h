/* str.h - a borrowed run of bytes with its length. Mail data holds NUL and has
 * no end mark, so module borders pass this and never a bare char pointer.
 * Pure. Threads: any. */
#ifndef POLICY_BASE_STR_H
#define POLICY_BASE_STR_H

#include "policy/base/error.h"

#include <stddef.h>
#include <stdint.h>

struct str {
	const char *p; /* may be NULL only if n == 0 */
	size_t n;
};

struct strs {
	const struct str *v;
	size_t n;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_NULL ((struct str){NULL, 0})
/* For printf's %.*s */
#define STR_ARG(s) (int)(s).n, (s).n > 0 ? (s).p : ""

struct str str_of(const char *z); /* NULL gives the empty str */
bool str_eq(struct str a, struct str b);
bool str_ieq(struct str a, struct str b); /* ASCII case only */
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_iends(struct str s, struct str suffix);
int str_cmp(struct str a, struct str b); /* bytewise, then length */

struct str str_from(struct str s, size_t at);          /* at > n: empty */
struct str str_cut(struct str s, size_t at, size_t n); /* clamped */
struct str str_trim(struct str s); /* blanks, tabs, CR, LF on both ends */
size_t str_words(struct str s);    /* what these stand between */
/* Index of the first c at or after `at`; s.n when there is none. */
size_t str_find(struct str s, size_t at, char c);
size_t str_rfind(struct str s, char c); /* s.n when there is none */
bool str_contains(struct str s, struct str part);
bool str_icontains(struct str s, struct str part);

/* Takes the part before the next c off *rest; false when *rest is used up.
 * "a,,b" gives "a", "", "b"; an empty rest with p == NULL gives nothing. */
bool str_next(struct str *rest, char c, struct str *out);

/* Decimal digits only: no sign, blank or base prefix. ERR_SYNTAX, or
 * ERR_LIMIT above max. */
int str_u64(struct str s, uint64_t max, uint64_t *out) MUST_CHECK;

/* Edit distance, capped at 32-byte inputs; used for "did you mean". */
unsigned str_distance(struct str a, struct str b);

char ascii_lower(char c);
bool ascii_is_alnum(char c);
bool ascii_is_digit(char c);
bool ascii_is_blank(char c); /* blank or tab */

#endif
