/* reply_clause.h - an answer clause by clause, and which words of the tables
 * (reply_words.h) stand where in each. A clause is what stands between two marks
 * of punctuation or two line ends, so that "not" in one denies nothing of another.
 *
 * Places are words, from 1; in text of a language without blanks between words
 * they are characters, and blanks do not count at all. Linear in the text. Pure.
 * Threads: any; struct reply_rules is immutable. */
#ifndef POLICY_MAIL_REPLY_CLAUSE_H
#define POLICY_MAIL_REPLY_CLAUSE_H

#include "policy/mail/reply.h"
#include "policy/mail/reply_words.h"

enum {
	CLAUSE_MAX = 1000, /* bytes; what is longer is cut */
	CLAUSE_LOWER_MAX = 4 * CLAUSE_MAX,
	CLAUSE_HITS_MAX = 96, /* words found; more are not placed */
};

struct clause_hit {
	uint64_t word;      /* of enum reply_word, one or more */
	unsigned from, end; /* places, both within */
	bool denied;        /* it is part of a longer one that says no such
			     * thing: the "not" of "not interested" */
};

enum clause_end {
	ENDS_CLAUSE,
	ENDS_SENTENCE,
	ENDS_PARAGRAPH,
};

struct clause {
	struct str text; /* trimmed; may be empty */
	enum clause_end end;
	bool dense;      /* of a language without blanks */
	uint64_t words;  /* all that were found, together */
	unsigned length; /* in places */
	size_t n;
	struct clause_hit v[CLAUSE_HITS_MAX];
};

/* All phrases of the tables; *n_out of them. Borrowed. */
const struct reply_phrase *clause_phrases(
    const struct reply_rules *r, size_t *n_out);

/* Cuts the next clause off text at *at; false at its end. Finds no words. */
bool clause_next(struct str text, size_t *at, struct clause *out);

/* Fills in all but text and end. */
void clause_read(const struct reply_rules *r, struct clause *c);

/* In lower case, without what typing makes of it: full width, typographic
 * apostrophes, the dot of a Turkish capital, a Greek tonos. *n_out 0 for what is
 * no text. */
void clause_lower(struct str s, char out[CLAUSE_LOWER_MAX], size_t *n_out);

#endif
