/* token.h - what comes back: in a bounce address, a link, a header. A token
 * names a message of ours and proves that we made it; it tells a stranger
 * nothing (no address, no segment).
 *
 *   byte 0      version (2 bits, 1), kind (3 bits), key id (3 bits)
 *   bytes 1-8   message id (msgid.h), big-endian
 *   then        u and p: subject id, 8 bytes; c: link index, 2 bytes
 *   last 10     HMAC-SHA-256, cut, of a label for the kind and all before
 *
 * as base32 in lower case, without padding; read in any case, since mail
 * systems change it.
 *
 *   kind           bytes  characters  as sent
 *   b, o, f, r, R   19        31      b-... 33, f-... 33
 *   c               21        34      in a URL
 *   u, p            27        44      u-... 46
 *
 * Forging one takes 2^80 guesses at a server that answers each. One text for
 * each value (but for case); kinds are not interchangeable, by the label too.
 * Pure. Threads: any. */
#ifndef POLICY_MAIL_TOKEN_H
#define POLICY_MAIL_TOKEN_H

#include "policy/mail/token_keys.h"

/* The field by which a message of ours is known when it comes back. */
#define TOKEN_FIELD "X-Tendril-Id"

/* The numbers are on the wire: never change one. All eight are taken. */
enum token_kind {
	TOKEN_BOUNCE = 0,      /* b: envelope sender (VERP) */
	TOKEN_UNSUBSCRIBE = 1, /* u: one purpose of one lead; never expires */
	TOKEN_PREFERENCES = 2, /* p: the preference page; never expires */
	TOKEN_CLICK = 3,       /* c: one link of one message */
	TOKEN_OPEN = 4,        /* o: the pixel */
	TOKEN_FEEDBACK = 5,    /* f: complaints (CFBL-Address) */
	TOKEN_RAW = 6,         /* X-Tendril-Id: compose this message now */
	TOKEN_COMPOSED = 7,    /* X-Tendril-Id: composed, renew headers only */
};
/* Sets of kinds, for token_parse(). */
#define TOKEN_SET(kind) (1U << (kind))

enum {
	TOKEN_TEXT_MAX = 44
};

struct token {
	enum token_kind kind;
	uint64_t message_id; /* not 0 */
	uint64_t subject_id; /* u and p: not 0; else 0 */
	uint16_t link;       /* c; else 0 */
};

/* Signs with the newest key. -EINVAL when a field is set or missing against
 * the kind; ERR_CRYPTO. out is NUL-terminated. */
int token_make(const struct token_keys *keys, const struct token *t,
    char out[TOKEN_TEXT_MAX + 1]) MUST_CHECK;

/* kinds: the set that is right where the text was found. Anything else - not
 * base32, other length, other kind, unknown key or version, wrong HMAC - is
 * ERR_NOT_FOUND, so that an answer tells nothing; and ERR_CRYPTO. */
int token_parse(const struct token_keys *keys, unsigned kinds, struct str text,
    struct token *out) MUST_CHECK;

/* 'b', 'u', 'p', 'c', 'o', 'f', 'r', 'R': for logs and addresses. */
char token_letter(enum token_kind kind);
/* Characters of a token of that kind. */
size_t token_length(enum token_kind kind);

#endif
