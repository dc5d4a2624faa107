/* charset.h - text in the character sets that mail comes in, as UTF-8.
 *
 * Enough to look for words and addresses: a character that cannot be
 * converted becomes "?". Latin-1 and its Windows brother are done here, others
 * by iconv(3), and only those of a list: a name out of a mail never reaches
 * it. Text of a set that is not in the list stays as it is. Linear. Threads:
 * any. */
#ifndef POLICY_MAIL_CHARSET_H
#define POLICY_MAIL_CHARSET_H

#include "policy/base/arena.h"

/* charset: as in Content-Type; empty is US-ASCII. *out is a view of text where
 * nothing has to be converted, else in the arena, at most four times as long.
 * ERR_LIMIT: the arena is full. */
int charset_to_utf8(struct str charset, struct str text, struct arena *a,
    struct str *out) MUST_CHECK;

/* The UTF-8 of a code point below 0x110000: 1 to 4 bytes. */
size_t charset_put_utf8(uint32_t c, char *to);

#endif
