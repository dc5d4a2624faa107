/* spf.h - one question of SPF (RFC 7208), taken apart so that an evaluator of
 * records need not be trusted with what strangers wrote in them.
 *
 * Each record is read here (spf_record.h) and written again in few words, which
 * mean the same for this client: a network that holds it is `all`, one that does
 * not is left out, and what needs DNS becomes a name of ours:
 *
 *   v=spf1 a:%{d2}/24 ip4:10.0.0.0/8 -include:x.example ip4:192.0.2.0/24 ~all
 *   v=spf1 +exists:t1.spf.example -include:t2.spf.example +all
 *
 * The evaluator keeps the order, qualifiers, nesting. When it asks for
 * a name of ours, the term behind it is done here: macros, lookups, whether it
 * matches, and the limits of section 4.6.4, whose excess, like a record that
 * is wrong or that could not be had, decides the whole question
 * (spf_decided()).
 *
 * Bounded: 10 terms that look up, 10 names of an MX or PTR, 2 lookups without
 * an answer, SPF_TERMS_MAX terms. Pure but for the lookups, which the caller
 * does. Threads: one owner. */
#ifndef POLICY_MAIL_SPF_H
#define POLICY_MAIL_SPF_H

#include "policy/mail/authentic.h"
#include "policy/mail/resolver.h"
#include "policy/mail/spf_record.h"

enum {
	SPF_TERMS_MAX = 4096, /* of all records of one question */
	SPF_LOOKUPS_MAX = 10,
	SPF_VOID_MAX = 2,
	SPF_NAMES_MAX = 10,
};

/* The records' bytes are borrowed until the next call. A name that may not be
 * asked is answered RESOLVER_NXDOMAIN. */
typedef void spf_lookup_fn(void *arg, enum resolver_type type, struct str name,
    struct resolver_answer *out);

struct spf_question {
	unsigned char client[16]; /* IPv4 as ::ffff:a.b.c.d */
	struct str helo, sender;  /* sender empty: the null sender */
};

struct spf;

/* 0; ERR_NOT_FOUND: there is no domain to ask (section 4.3), the result is
 * none; ERR_LIMIT: the arena is full. Borrows all. */
int spf_new(struct spf **out, const struct spf_question *q,
    spf_lookup_fn *lookup, void *arg, struct arena *a) MUST_CHECK;

/* Whose record is asked first: a name of ours, with a NUL behind it. */
struct str spf_root(const struct spf *s);

/* What the evaluator is to be told about a name of ours; anything else does not
 * exist. */
enum spf_reply {
	SPF_REPLY_NOTHING,
	SPF_REPLY_RECORD, /* TXT: the record in *out, with a NUL behind it */
	SPF_REPLY_MATCH,  /* A: an address, any */
};
enum spf_reply spf_ask(
    struct spf *s, enum resolver_type type, struct str name, struct str *out);

/* What outweighs the evaluator's result: temperror, permerror, or at the very
 * beginning none; false: nothing. */
bool spf_decided(const struct spf *s, enum authentic_result *out);

/* The client's address in the last four bytes, or in all sixteen. */
bool spf_is_ip4(const unsigned char client[16]);

#endif
