/* inbound.h - answers of people on their way in: mail of a stream of class
 * inbound that names, in In-Reply-To or References, a message that we let go out
 * (policy/state/reference.h).
 *
 * Such a mail is changed in two ways, at its end: our origin field (origin.h) on
 * top, and one more recipient, the feedback address of that message, with
 * NOTIFY=NEVER, so that the agent gets a copy. What such a mail brings along as if
 * it were ours - an origin field, Authentication-Results with our name - goes. All
 * else of it, and all other mail, stays as it came; where anything is in doubt or fails - no ledger, no bounce
 * domain, several whom it may answer - the mail is accepted as it is. In shadow
 * mode nothing is changed. Threads: the session's. */
#ifndef MILTER_INBOUND_H
#define MILTER_INBOUND_H

#include "milter/session_internal.h"

/* At the end of the header, of mail that is none of ours. True: it answers
 * s->answered, and its body is wanted. */
bool inbound_answers(struct session *s);

/* The end of such a message: makes the changes. Never a refusal. */
enum answer inbound_end(struct session *s);

#endif
