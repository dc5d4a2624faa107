/* reply_left.h - does a text say that its writer, or somebody, has left their
 * employer? Who has left the office for today, works no more on Fridays or has
 * handed a task on has not: what is said of a time or place that passes, near by,
 * takes it back. Fed with the clauses of a text in their order. Pure. Threads: one
 * owner. */
#ifndef POLICY_MAIL_REPLY_LEFT_H
#define POLICY_MAIL_REPLY_LEFT_H

#include "policy/base/str.h"
#include "policy/mail/reply_words.h"

struct reply_left {
	/* set by the owner, the rest 0 */
	const struct reply_phrase *v; /* all phrases; borrowed */
	size_t n;
	struct str firm; /* how the writer's domain calls their employer, lower
			  * case; or empty */

	/* what was found: see reply_left_end() */
	struct str clause; /* p NULL: nobody has left */
	bool sure;         /* in words that mean the employer */
	bool myself;       /* of who writes, or of this address; then sure */

	/* of its own */
	unsigned sentence, left_in, passes_in; /* counted from 1 */
	int looks;
	bool passes, taken_back;
};

/* words: enum reply_word of the clause; ends: it is the last of its sentence. */
void reply_left_add(
    struct reply_left *l, struct str clause, unsigned words, bool ends);

/* After the last clause. */
void reply_left_end(struct reply_left *l);

/* "acme" of "a.b@mail.acme.co.uk"; empty for what is no name of an employer. */
struct str reply_left_firm(struct str address);

#endif
