/* authentic.h - what SPF (RFC 7208) and DKIM (RFC 6376) say of a mail, and
 * whether that makes its author's domain true. Pure. Threads: any. */
#ifndef POLICY_MAIL_AUTHENTIC_H
#define POLICY_MAIL_AUTHENTIC_H

#include "policy/base/str.h"

enum {
	AUTHENTIC_SIGNATURES_MAX = 8, /* more are not looked at */
};

/* The words of RFC 8601 section 2.7; names are API. */
enum authentic_result {
	AUTHENTIC_NONE,
	AUTHENTIC_PASS,
	AUTHENTIC_FAIL,
	AUTHENTIC_SOFTFAIL, /* SPF only */
	AUTHENTIC_NEUTRAL,
	AUTHENTIC_POLICY, /* holds, but is not to be believed: RFC 8301 */
	AUTHENTIC_TEMPERROR,
	AUTHENTIC_PERMERROR,
};
#define AUTHENTIC_RESULTS 8

struct authentic_signature {
	enum authentic_result result;
	bool partial; /* l=: bytes behind that length are anybody's */
	struct str domain, selector;
	bool loose;       /* a From or Subject is not signed: dkim_verify.h */
	bool unbound; /* nor is To or Content-Type */
};

struct authentic {
	enum authentic_result spf; /* NONE also: not asked */
	/* That SPF is about, canonical: of MAIL FROM, and with a null sender
	 * that of HELO (RFC 7208 section 2.4). */
	struct str spf_domain;
	size_t n;
	struct authentic_signature v[AUTHENTIC_SIGNATURES_MAX];
};

/* "pass"; never NULL. */
const char *authentic_name(enum authentic_result r);

enum authentic_word {
	AUTHENTIC_NO,
	AUTHENTIC_YES,
	AUTHENTIC_LATER, /* a record could not be had that may make it yes */
};
enum authentic_of {
	/* A report, whom it was written to, and where its parts begin: a
	 * signature holds for whoever sends it on to us, too. */
	AUTHENTIC_OF_BODY,
	AUTHENTIC_OF_MAIL, /* the words of an answer, with its Subject */
	/* By SPF alone: of a report that was written to others. */
	AUTHENTIC_OF_CLIENT,
};
/* Is that part of the mail from that domain (canonical, of its only From
 * address)? By a whole signature that passes, or by SPF, of a domain that is
 * aligned with it as DMARC has it (RFC 7489 section 3.1, relaxed). */
enum authentic_word authentic_judge(
    const struct authentic *a, struct str from_domain, enum authentic_of what);

/* Is the author, an address in canonical form, one of the declared: an address
 * itself, or a domain, which stands for itself and all below it? */
bool authentic_is_declared(
    const struct strs *declared, struct str address, struct str domain);

#endif
