/* mimeparam.h - structured MIME header values: "type/subtype; name=value".
 *
 * RFC 2045 section 5.1 with what real mail needs: comments, folding, blanks
 * round "=", a missing ";", values with specials but no quotes, a missing
 * closing quote; and the continuations and percent signs of RFC 2231. Only the
 * first MIMEPARAM_MAX bytes of a value are looked at. Linear. Threads: any. */
#ifndef POLICY_MAIL_MIMEPARAM_H
#define POLICY_MAIL_MIMEPARAM_H

#include "policy/base/arena.h"

enum {
	MIMEPARAM_MAX = 16384,
	MIMEPARAM_SEGMENTS = 16, /* name*0 to name*15 */
};

/* The first token of the value ("attachment", "base64"); a view, may be
 * empty. */
struct str mimeparam_token(struct str value);

/* Views of type and subtype as written; false when the value does not begin
 * with token "/" token, which RFC 2045 section 5.2 makes text/plain. */
bool mimeparam_type(
    struct str value, struct str *type_out, struct str *subtype_out);

/* The first parameter of that name, unquoted, its RFC 2231 segments joined and
 * percent-decoded (the bytes stay in their character set). A view where
 * nothing had to be changed, else in the arena.
 * ERR_NOT_FOUND; ERR_LIMIT when the arena is full. */
int mimeparam_get(struct str value, struct str name, struct arena *a,
    struct str *out) MUST_CHECK;

#endif
