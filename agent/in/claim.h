/* claim.h - what is to be believed only of who shows that they are who they say.
 *
 * A complaint without a token of ours: whom it names, who says so. Such a report
 * may come from anybody, so two things must be true of its author, the only
 * address of its only From field: it is declared (complaint-from), and DKIM or
 * SPF show that the mail is from its domain (authentic.h). DKIM does so only of one
 * that was written to us: providers sign reports to anybody who asks for them, of
 * mail that he wrote himself, and he may send them on.
 *
 * "I have left the company", in an answer that the milter matched by a
 * Message-ID: that stands in every copy and answer of the message, and some
 * programs make it so that others can guess it; From is anybody's to write. DKIM
 * or SPF must show that it is from their domain, and a signature cover what it
 * says: From, Subject, and the whole body (AUTHENTIC_OF_MAIL). What comes to an address with a token of ours needs no more: that cannot be made up.
 * Pure. Threads: any. */
#ifndef AGENT_IN_CLAIM_H
#define AGENT_IN_CLAIM_H

#include "agent/in/sort.h"
#include "agent/in/verify_wire.h"
#include "policy/conf/conf.h"
#include "policy/mail/address.h"
#include "policy/mail/reference.h"

struct claim {
	bool to_us; /* of a complaint: claim_is_to() */
	struct address author;
	struct address who; /* claim_named(); empty: redacted (RFC 6590) */
	/* Message-ID of what it returns, where that has one. */
	bool has_reference;
	struct reference reference;
};

/* The only address of the only field of that name, and as it is written there;
 * *yes_out: there is one, else they are not set. ERR_LIMIT, -ENOMEM. */
int claim_address(const struct header_list *l, const char *name,
    struct arena *a, struct address *out, struct str *written_out,
    bool *yes_out) MUST_CHECK;

/* The recipient that a report names, and as written there. Empty: none, or a
 * redacted one. ERR_LIMIT, -ENOMEM. */
int claim_recipient(const struct sort *s, struct arena *a, struct address *out,
    struct str *written_out) MUST_CHECK;
/* Whom a report names: that one, or else the only one in To of what it returns. */
int claim_named(const struct sort *s, struct arena *a, struct address *out,
    struct str *written_out) MUST_CHECK;

/* The only address of the mail's only From field; *yes_out: there is one, and it
 * is declared. ERR_LIMIT, -ENOMEM. */
int claim_author(const struct sort *s, const struct strs *declared,
    struct arena *a, struct address *out, bool *yes_out) MUST_CHECK;

/* *yes_out: an address of its only To field is one of these, or in a domain of
 * ours. ERR_LIMIT, -ENOMEM. */
int claim_is_to(const struct sort *s, const struct strs *addresses,
    const struct conf *conf, struct arena *a, bool *yes_out) MUST_CHECK;

/* *yes_out: the mail is one, and its author declared; else out is not set.
 * ERR_LIMIT, -ENOMEM. */
int claim_read(const struct sort *s, const struct strs *declared,
    struct arena *a, struct claim *out, bool *yes_out) MUST_CHECK;

/* *yes_out: the mail says of its author, the only address of its only From field,
 * that they have left, and no token is proof of it; out has the author alone.
 * ERR_LIMIT, -ENOMEM. */
int claim_left(const struct sort *s, struct arena *a, struct claim *out,
    bool *yes_out) MUST_CHECK;

/* What is to be verified: the message, and what the milter's origin field says
 * of its client where SPF could show the author (aligned with the sender). */
void claim_mail(const struct sort *s, const struct claim *c, struct str message,
    bool cut, struct verify_mail *out);

/* "From: a@b; dkim=pass header.d=b ...", as evidence; p == NULL: the arena is
 * full. */
struct str claim_evidence(
    const struct claim *c, const struct authentic *found, struct arena *a);

#endif
