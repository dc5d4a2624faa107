/* cfbl.h - CFBL-Feedback-ID as a mailbox provider returns it (RFC 9477 section
 * 5.2): atoms and ":", and between any of them white space and comments, which
 * mean nothing and are left out. Pure. Threads: any. */
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
