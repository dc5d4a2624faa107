/* domain.h - one canonical form for each domain name.
 *
 *   Bücher.Example.   ->  xn--bcher-kva.example
 *
 * Lower case, A-labels (RFC 5890), no final dot. A name that is ASCII already
 * is only lowered and checked: an A-label in it is never decoded, since to the
 * DNS it is just a label; so names whose U-label form IDNA2008 refuses
 * (xn--ls8h.la) work as A-labels. Canonical of canonical changes nothing.
 *
 * Labels: letters, digits, hyphens (not at either end) and underscores, which
 * RFC 1123 does not have but mail domains do; 1..63 bytes each, 253 in all
 * (RFC 1035 section 2.3.4, without the root). A name whose last label is all
 * digits is refused (RFC 3696 section 2): it is an address without brackets.
 * Pure. Threads: any. */
#ifndef POLICY_MAIL_DOMAIN_H
#define POLICY_MAIL_DOMAIN_H

#include "policy/base/arena.h"

enum {
	DOMAIN_MAX = 253,
	DOMAIN_LABEL_MAX = 63
};

/* *n_out <= DOMAIN_MAX bytes of out are written. ERR_SYNTAX: the name is at
 * fault, too long included; err says what is wrong, without the name. -ENOMEM. */
int domain_canonical(struct str in, char out[DOMAIN_MAX], size_t *n_out,
    struct error *err) MUST_CHECK;

/* The same into an arena (ERR_LIMIT when it is full). */
int domain_parse(struct arena *a, struct str in, struct str *out,
    struct error *err) MUST_CHECK;

#endif
