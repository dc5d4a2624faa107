/* spf_record.h - an SPF record (RFC 7208 section 12), read strictly: what the
 * grammar does not allow anywhere in it makes the whole record an error
 * (section 4.6), also in modifiers that are not used here. Pure. Threads: any.
 */
#ifndef POLICY_MAIL_SPF_RECORD_H
#define POLICY_MAIL_SPF_RECORD_H

#include "policy/base/arena.h"

enum {
	SPF_RECORD_MAX = 4096, /* bytes; more is an error */
};

enum spf_kind {
	SPF_KIND_ALL,
	SPF_KIND_INCLUDE,
	SPF_KIND_A,
	SPF_KIND_MX,
	SPF_KIND_PTR,
	SPF_KIND_IP4,
	SPF_KIND_IP6,
	SPF_KIND_EXISTS,
	SPF_KIND_REDIRECT,
};

struct spf_term {
	enum spf_kind kind;
	char qualifier;         /* '+', '-', '~', '?' */
	struct str spec;        /* domain-spec, with macros; empty: none */
	unsigned char addr[16]; /* of IP4 (the first four bytes) and IP6 */
	unsigned cidr4, cidr6;
};

struct spf_record {
	struct spf_term *v; /* mechanisms in order */
	size_t n;
	bool has_redirect;
	struct spf_term redirect;
};

/* Is the text of a TXT record one (section 4.5)? */
bool spf_record_is(struct str text);

/* ERR_SYNTAX; ERR_LIMIT: the arena is full. Strings are borrowed from text. */
int spf_record_parse(
    struct str text, struct arena *a, struct spf_record *out) MUST_CHECK;

/* A macro (section 7.1) at the beginning of s, which begins with '%'. */
struct spf_macro {
	char letter;   /* small; '%', ' ' and '-' (for %%, %_, %-) */
	bool escape;   /* it was a capital */
	unsigned keep; /* parts on the right; 0: all */
	bool reverse;
	struct str delims; /* empty: a dot */
	size_t n;          /* bytes of s */
};
int spf_macro_parse(struct str s, struct spf_macro *out) MUST_CHECK;

#endif
