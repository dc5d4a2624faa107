/* idn.h - international domain names to A-labels. The only file that sees
 * libidn2. Pure. Threads: any. */
#ifndef POLICY_MAIL_IDN_H
#define POLICY_MAIL_IDN_H

#include "policy/base/str.h"

/* A domain in UTF-8 to what the DNS is asked for: IDNA2008 (RFC 5891) after
 * the non-transitional mapping of UTS #46, so that capitals, wide forms and
 * the ideographic full stop may be typed. in: valid UTF-8 without NUL. Writes
 * at most cap bytes.
 *
 * The result is ASCII but not yet a host name: the mapping can give any ASCII
 * character (U+2100 becomes "a/c", U+FF20 becomes "@") and empty labels, and
 * the library's own STD3 switch is not used since it drops what it does not
 * like in silence. domain.h checks what comes out.
 *
 * ERR_SYNTAX: not allowed by IDNA2008 (emoji among others) or too long, err
 * says which rule; -ENOMEM. */
int idn_to_ascii(struct str in, char *out, size_t cap, size_t *n_out,
    struct error *err) MUST_CHECK;

#endif
