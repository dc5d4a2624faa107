/* feedback_rcpt.h - mail that comes in for our own addresses: b-TOKEN, u-TOKEN
 * and f-TOKEN in a declared bounce-domain (verp.h).
 *
 * At RCPT a forged or truncated token, one of another kind and a bounce token
 * of more than VERP_BOUNCE_DAYS get 550 5.1.1 - but for local submission,
 * where MTAs cannot refuse a recipient. A mail with a valid one is changed in
 * one way only, at its end: our origin field (origin.h) on top, and what came
 * along as if it were ours removed. Nothing of this on the release
 * listener nor in shadow mode. Threads: the session's. */
#ifndef MILTER_FEEDBACK_RCPT_H
#define MILTER_FEEDBACK_RCPT_H

#include "milter/session_internal.h"

/* rcpt: without <>. CONTINUE, or REJECT with the reply set; a valid address
 * is added to s->feedback. */
enum answer feedback_rcpt(struct session *s, struct str rcpt);

/* The end of a message that is none of ours but for its recipient. */
enum answer feedback_rcpt_end(struct session *s);

/* Our fields that came from outside, forged: origin fields, and
 * Authentication-Results with our name (RFC 8601 section 5). A new list in the
 * message's arena, with room for `more`; highest index of a name first, so that
 * the others keep theirs. ERR_LIMIT. */
int feedback_remove_forged(
    struct session *s, size_t more, struct change_list *out) MUST_CHECK;

/* The origin field as a change, naming these addresses; answer: see origin.h. */
int feedback_origin(struct session *s, const struct strs *rcpts,
    uint64_t answer, struct change *out) MUST_CHECK;

#endif
