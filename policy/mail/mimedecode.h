/* mimedecode.h - content transfer encodings undone (RFC 2045 section 6).
 *
 * Both decode all they can and append it to out. The result is 0 when the
 * input was well-formed, ERR_SYNTAX when something had to be passed over or
 * guessed (out still holds the best reading), ERR_LIMIT or -ENOMEM when out
 * has no room for as many bytes as came in. Linear. Threads: any. */
#ifndef POLICY_MAIL_MIMEDECODE_H
#define POLICY_MAIL_MIMEDECODE_H

#include "policy/base/buf.h"

/* White space is free; other bytes outside the alphabet are passed over
 * (section 6.8); padding ends a run, and a new run may follow it. */
int mimedecode_base64(struct str s, struct buf *out) MUST_CHECK;

/* Line ends stay as they are; blanks before a line end are dropped
 * (section 6.7, rule 3); a "=" that begins no valid escape is kept. */
int mimedecode_qp(struct str s, struct buf *out) MUST_CHECK;

#endif
