/* encword.h - encoded words in header fields (RFC 2047).
 *
 * "=?utf-8?Q?caf=C3=A9?=" becomes the bytes it stands for, in whatever
 * character set they are: enough to look for words, not to show to a person.
 * White space between two encoded words goes. What is not well-formed, or
 * longer than ENCWORD_MAX, stays as it is. Linear. Threads: any. */
#ifndef POLICY_MAIL_ENCWORD_H
#define POLICY_MAIL_ENCWORD_H

#include "policy/base/arena.h"

enum {
	ENCWORD_MAX = 512, /* RFC 2047 says 75; real mail does not */
};

/* A view where nothing is encoded, else in the arena. ERR_LIMIT when that is
 * full, -ENOMEM. */
int encword_decode(struct str s, struct arena *a, struct str *out) MUST_CHECK;

#endif
