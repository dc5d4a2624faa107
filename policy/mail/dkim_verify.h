/* dkim_verify.h - DKIM verification by libopendkim (the only file that sees
 * it): of our own signatures, before a message leaves, and of other people's.
 *
 * That another code base verifies what dkim_sign made is the point, so nothing
 * of dkim_sign, dkim_body or dkim_canon is used here. No DNS: records come
 * from a function of the caller, asked by name.
 *
 * Message bytes are hostile. Bounded: header fields, signatures looked at,
 * bytes of one signature field, of a record. A header with a NUL is refused,
 * since libopendkim would hash only what is before it.
 *
 * Threads: a verifier is immutable after open; any number of threads may
 * verify with it at once. (One library handle shares one resolver state, which
 * is not locked; with a lookup function the resolver is never reached.) The
 * lookup function runs on the caller's thread. */
#ifndef POLICY_MAIL_DKIM_VERIFY_H
#define POLICY_MAIL_DKIM_VERIFY_H

#include "policy/mail/dkim_key.h"
#include "policy/mail/header.h"

enum {
	DKIM_VERIFY_MAX_SIGNATURES = 8, /* from the top; the rest is skipped */
	DKIM_VERIFY_MAX_FIELDS = 4000,
	DKIM_VERIFY_MAX_FIELD = 16384, /* bytes of a DKIM-Signature field */
	DKIM_VERIFY_MAX_RECORD = 1024, /* libopendkim's buffer for a record */
};

/* Flag: take t= and x= as they are. For our own messages, whose t= comes from
 * a clock that is not this library's. Else t= in the future (5 minutes of
 * drift) or x= in the past is DKIM_RESULT_INVALID. Good for 20 years to both
 * sides of the system's clock; t= before 1990 is still "in the future". */
enum {
	DKIM_VERIFY_ANY_TIME = 1
};

struct dkim_verifier;

int dkim_verify_open(
    struct dkim_verifier **out, unsigned flags, struct error *err) MUST_CHECK;
void dkim_verify_close(struct dkim_verifier **v); /* NULL is fine */

/* Appends the TXT value of a name to txt_out, character-strings joined. 0,
 * ERR_NOT_FOUND (no such record), or any other code for "not known now". */
typedef int dkim_lookup_fn(void *arg, struct str name, struct buf *txt_out);

enum dkim_result {
	DKIM_RESULT_PASS,
	DKIM_RESULT_FAIL,      /* header or body is not what was signed */
	DKIM_RESULT_WEAK,      /* verifies, but RFC 8301 forbids to believe
			          it: rsa-sha1, or less than 1024 bits */
	DKIM_RESULT_INVALID,   /* permanent error in the signature or its key */
	DKIM_RESULT_TEMPERROR, /* the record could not be had now */
};

/* "pass", "fail", "weak", "invalid", "temperror" */
const char *dkim_result_text(enum dkim_result result);

struct dkim_signature {
	enum dkim_result result;
	struct str domain, selector, alg; /* d=, s=, a=; empty if unreadable */
	bool partial; /* has l=: bytes after that length are not signed */
	/* A From or Subject field of the mail is not in h=, as often as it is
	 * there: anybody may have put it there since. */
	bool loose;
	/* Nor is To, or there is none: it may have been meant for others. Or
	 * Content-Type is not: another boundary makes other parts of the same
	 * bytes, those which a message that it returns has in its text. */
	bool unbound;
	const char *reason; /* static text; "" for DKIM_RESULT_PASS */
};

struct dkim_verify_result {
	size_t n;       /* in v, in the order of the header */
	size_t skipped; /* too many, or too long, to be looked at */
	struct dkim_signature v[DKIM_VERIFY_MAX_SIGNATURES];
};

struct dkim_message {
	const struct header_list *headers; /* top first */
	struct str body; /* whole, with CRLF or LF line ends */
};

/* out->n == 0: not signed. Strings of out are in the arena. Fails only where
 * nothing can be said of the message: ERR_LIMIT (too many fields, arena full),
 * ERR_SYNTAX (NUL in the header), -ENOMEM, ERR_CRYPTO. */
int dkim_verify_message(const struct dkim_verifier *v,
    const struct dkim_message *m, dkim_lookup_fn *lookup, void *arg,
    struct arena *a, struct dkim_verify_result *out) MUST_CHECK;

/* Does the message carry a signature by each of these keys that verifies
 * against the record the key itself stands for? 0, else ERR_CRYPTO with the
 * key and the reason in err, or an error of dkim_verify_message(). */
struct dkim_verify_keys {
	struct dkim_key *const *v;
	size_t n;
};
int dkim_verify_ours(const struct dkim_verifier *v,
    const struct dkim_message *m, struct dkim_verify_keys keys, struct arena *a,
    struct error *err) MUST_CHECK;

#endif
