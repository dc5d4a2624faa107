/* nfc.h - UTF-8 and its composed normal form (RFC 5198, UAX #15). The only
 * file that sees libunistring. Pure. Threads: any. */
#ifndef POLICY_MAIL_NFC_H
#define POLICY_MAIL_NFC_H

#include "policy/base/str.h"

/* Well-formed UTF-8 (RFC 3629): no surrogates, no overlong forms. */
bool nfc_is_utf8(struct str s);

/* Writes NFC of in to out and its length to *n_out. ERR_SYNTAX: not UTF-8;
 * ERR_LIMIT: more than cap bytes; -ENOMEM. in and out must not overlap.
 *
 * Stable: text of assigned characters keeps its form in every later version
 * of Unicode, so what is derived from it (lead ids) may be kept for ever. */
int nfc_normalize(
    struct str in, char *out, size_t cap, size_t *n_out) MUST_CHECK;

/* The same in lower case: Unicode's toLowerCase, of no language, then NFC, as
 * RFC 8265 section 3.3 does to user names. Sharp s stays, a capital sigma at a
 * word's end becomes a final one. */
int nfc_lower(struct str in, char *out, size_t cap, size_t *n_out) MUST_CHECK;

#endif
