/* authres.h - Authentication-Results (RFC 8601): what a host found out of a
 * mail, for those behind it.
 *
 *   Authentication-Results: mail.example.com;
 *       spf=pass smtp.mailfrom=arf.example.net;
 *       dkim=pass header.d=example.net header.s=s1
 *
 * A field is believed by the name at its head, so one with our name that came
 * from outside is a forgery and removed (section 5); what another host wrote is
 * none of our business and stays. Strangers' fields are read with what section
 * 2.2 allows: comments, quotes, folding; what cannot be read is not ours.
 * Pure. Threads: any. */
#ifndef POLICY_MAIL_AUTHRES_H
#define POLICY_MAIL_AUTHRES_H

#include "policy/base/arena.h"
#include "policy/base/buf.h"
#include "policy/mail/authentic.h"

#define AUTHRES_FIELD "Authentication-Results"

/* The value as on the wire (leading blank, folded with LF), in the arena;
 * "none" where nothing was found out. ERR_LIMIT. */
int authres_make(struct str authserv_id, const struct authentic *found,
    struct arena *a, struct str *out) MUST_CHECK;

/* Appends the results alone: "; spf=pass smtp.mailfrom=..." on one line. */
void authres_results(struct buf *out, const struct authentic *found);

/* The name at the head of a field's value; borrowed, without quotes. ERR_SYNTAX:
 * there is none. */
int authres_server(struct str value, struct str *out) MUST_CHECK;

/* Does it say that it is ours? Without regard to case, as a domain is. Also
 * where the name is hidden in quotes, or followed by a version. */
bool authres_is_ours(struct str value, struct str authserv_id);

#endif
