/* cfbl.h - CFBL-Feedback-ID as a mailbox provider returns it (RFC 9477 section
 * 5.2): fid = 1*(atext / ":" / CFWS), of which white space and comments mean
 * nothing and are left out.
 *
 * Section 3.5 wants a complaint ignored that has no DKIM signature of its From
 * domain. One with an id of ours is not: the id is a token with a MAC, which is what
 * that guards against (section 6.3); it shows that who wrote it has the message.
 * Without it that signature is needed (agent/in/believe.h). Pure. Threads: any. */
#ifndef POLICY_MAIL_CFBL_H
#define POLICY_MAIL_CFBL_H

#include "policy/base/arena.h"

enum {
	CFBL_COMMENT_DEPTH = 16,
};

/* The id in the value of that field, in the arena; empty: it is none. ERR_LIMIT:
 * the arena is full. */
int cfbl_feedback_id(
    struct arena *a, struct str value, struct str *out) MUST_CHECK;

#endif
