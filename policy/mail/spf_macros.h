/* spf_macros.h - macros of a domain-spec (RFC 7208 section 7) and what they
 * stand for. Pure. Threads: any. */
#ifndef POLICY_MAIL_SPF_MACROS_H
#define POLICY_MAIL_SPF_MACROS_H

#include "policy/mail/spf_record.h"

struct spf_vars {
	const unsigned char *client; /* 16 bytes, IPv4 as ::ffff:a.b.c.d */
	struct str local, domain;    /* of the sender */
	struct str helo;
	struct str current; /* whose record it is */
	struct str name;    /* validated, of the client; empty: "unknown" */
};

/* Whether %{p}, which needs lookups, is in it. */
bool spf_vars_need_name(struct str spec);

/* A domain-spec that spf_record_parse() let pass; the result, in the arena, has
 * no final dot and at most RESOLVER_NAME_MAX bytes: labels are taken off the
 * left (section 7.3). It may still be no domain name. ERR_LIMIT, ERR_SYNTAX. */
int spf_vars_expand(const struct spf_vars *v, struct str spec, struct arena *a,
    struct str *out) MUST_CHECK;

/* The name of the client's PTR record, in the arena; p == NULL: it is full. */
struct str spf_vars_reverse(const struct spf_vars *v, struct arena *a);

#endif
