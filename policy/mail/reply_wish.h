/* reply_wish.h - does somebody ask for no more mail? Also gathers the other words
 * of an answer, for whoever asks what it is. Linear. Pure. Threads: any. */
#ifndef POLICY_MAIL_REPLY_WISH_H
#define POLICY_MAIL_REPLY_WISH_H

#include "policy/mail/reply.h"
#include "policy/mail/reply_left.h"

struct wish_reading {
	struct reply_left left; /* set up by the caller: reply_left.h */
	uint64_t found;         /* of enum reply_word, in all clauses */
	struct str opt_out;     /* a clause of the text; p NULL: none */
};

/* Fills in found and opt_out, and feeds left. */
void wish_read(
    const struct reply_rules *r, struct str text, struct wish_reading *out);

/* A text of few words, one of which says it all: "Please remove". */
bool wish_is_one_word(
    const struct reply_rules *r, struct str text, struct str *clause_out);

#endif
