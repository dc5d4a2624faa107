/* dkim_sign.h - DKIM-Signature header fields (RFC 6376, RFC 8463).
 *
 * relaxed/relaxed, no l=, no z=. The body is hashed beforehand (dkim_body.h);
 * the signed header fields are canonicalised and hashed once, whatever the
 * number of keys. Pure: the time comes in, nothing is read or written.
 *
 * Signed are: From, and of every name of the two lists all fields that are
 * there, bottom up (section 5.4.2). The names of the oversign list, and From,
 * are named in h= once more than they occur, so that none can be added later
 * (section 5.4); but for Date and Message-ID where they are missing, which an
 * MTA on the way may add (RFC 6409 8.2, 8.3). Threads: any. */
#ifndef POLICY_MAIL_DKIM_SIGN_H
#define POLICY_MAIL_DKIM_SIGN_H

#include "policy/mail/dkim_key.h"
#include "policy/mail/header.h"

enum {
	DKIM_SIGN_MAX_KEYS = 8,
	DKIM_SIGN_MAX_NAMES = 256, /* entries of h=; more is no mail of ours */
};

struct dkim_sign_names {
	const struct str *v;
	size_t n;
};

/* What is signed where present, and what is oversigned, unless the caller has
 * lists of its own. */
extern const struct dkim_sign_names dkim_sign_names;
extern const struct dkim_sign_names dkim_sign_oversign;

struct dkim_sign_input {
	struct dkim_key *const *keys;
	size_t nkeys;                      /* 1..DKIM_SIGN_MAX_KEYS */
	const struct header_list *headers; /* top first, as they will be sent */
	const unsigned char *body_hash;    /* DKIM_BODY_HASH bytes */
	int64_t now_s;                     /* t=, >= 0 */
	const struct dkim_sign_names *names;    /* NULL: dkim_sign_names */
	const struct dkim_sign_names *oversign; /* NULL: dkim_sign_oversign */
};

/* values_out[i] is the value for a field "DKIM-Signature" by keys[i], in the
 * arena: a blank, content on the first line, folded with LF and a tab so that
 * no line is longer than 78 where its parts allow, b= last. The fields go on
 * top of the message in any order; they do not sign each other.
 *
 * ERR_SYNTAX: no From, no key, a negative time. ERR_LIMIT: arena full, more
 * than DKIM_SIGN_MAX_NAMES in h=, too many keys. ERR_CRYPTO, -ENOMEM. */
int dkim_sign_message(const struct dkim_sign_input *in, struct arena *a,
    struct str *values_out, struct error *err) MUST_CHECK;

#endif
