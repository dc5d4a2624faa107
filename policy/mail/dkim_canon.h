/* dkim_canon.h - relaxed header canonicalisation (RFC 6376 section 3.4.2).
 * Pure. Threads: any. */
#ifndef POLICY_MAIL_DKIM_CANON_H
#define POLICY_MAIL_DKIM_CANON_H

#include "policy/base/str.h"

/* Bytes that dkim_canon_field() may write. */
#define DKIM_CANON_FIELD_MAX(name, value) ((name).n + (value).n + 3)

/* Writes the field as it is hashed, its final CRLF included: name in lower
 * case, colon, value unfolded, each run of blanks and tabs as one blank, none
 * at the ends. Folding may be CRLF or bare LF; 8-bit bytes and a CR that no LF
 * follows stay as they are. Returns the number of bytes written. */
size_t dkim_canon_field(char *out, struct str name, struct str value);

#endif
