/* dkim_body.h - relaxed body canonicalisation (RFC 6376 section 3.4.4) and its
 * SHA-256, in one pass over the chunks that a milter is given.
 *
 * Chunks may be of any size and split anything, a CRLF too. The body is taken
 * as it will leave by SMTP:
 *  - CRLF ends a line; so does a bare LF, which every MTA sends as CRLF.
 *  - A CR that no LF follows is an ordinary byte, as in the RFC. Verifiers
 *    differ on it (libopendkim drops it); Postfix replaces it by a blank
 *    before milters see the message (cleanup_replace_stray_cr_lf).
 *  - A body that does not end with a line end is given one; of empty lines at
 *    the end none is left; a body of nothing else is the empty body.
 *
 * One object serves one message after the other; memory is constant. Threads:
 * one owner at a time. */
#ifndef POLICY_MAIL_DKIM_BODY_H
#define POLICY_MAIL_DKIM_BODY_H

#include "policy/base/str.h"

enum {
	DKIM_BODY_HASH = 32
};

struct dkim_body;

/* Ready for the first message. NULL when out of memory. */
struct dkim_body *dkim_body_new(void) MUST_CHECK;
void dkim_body_free(struct dkim_body **b); /* NULL is fine; sets *b = NULL */

/* Forgets what was fed. */
void dkim_body_reset(struct dkim_body *b);
void dkim_body_update(struct dkim_body *b, struct str bytes);
/* The hash for bh=; feed no more before the next reset. ERR_CRYPTO when
 * OpenSSL failed at any step since the last reset. */
int dkim_body_final(
    struct dkim_body *b, unsigned char hash_out[DKIM_BODY_HASH]) MUST_CHECK;

#endif
