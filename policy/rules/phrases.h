/* phrases.h - which of a fixed set of phrases occur in a text. Pure.
 *
 * Phrases are folded words with one blank between them: "user unknown". A
 * phrase matches whole words; a "*" at its end lets the last word go on
 * ("blacklist*" finds "blacklisted"), one at its head lets the first word
 * begin earlier, for languages that write no blanks.
 *
 * Text and phrases are folded alike: case does not count in ASCII, Latin,
 * Greek and Cyrillic letters, nor do the accents of Latin ones, in UTF-8 or in
 * ISO-8859-1. All that is no letter and no digit is a gap between words. Passed
 * over are words with "@" in them (addresses say nothing of why), and bare
 * reply and status codes ("550-5.1.1"), which continued SMTP replies repeat in
 * the middle of a sentence.
 *
 * Aho-Corasick: the time is linear in the text, whatever the phrases.
 * Threads: immutable after phrases_new(). */
#ifndef POLICY_RULES_PHRASES_H
#define POLICY_RULES_PHRASES_H

#include "policy/base/buf.h"

enum {
	PHRASES_MAX = 8192,      /* phrases in one set */
	PHRASES_TEXT_MAX = 8192, /* bytes of a text that are looked at */
};

struct phrases;

/* Phrases are numbered by their place in v; the same one may come twice; NULL
 * entries match nothing. ERR_SYNTAX for one that is not in the form above,
 * ERR_LIMIT, -ENOMEM. Borrows nothing. */
int phrases_new(
    const char *const *v, size_t n, struct phrases **out) MUST_CHECK;
void phrases_free(struct phrases **p); /* NULL is fine; sets *p = NULL */

#define PHRASES_WORDS(n) (((n) + 63) / 64)

/* Sets bit i of hits (PHRASES_WORDS(n) words, zeroed by the caller) for each
 * phrase i in the text. */
void phrases_match(const struct phrases *p, struct str text, uint64_t *hits);

bool phrases_has(const uint64_t *hits, size_t i);

/* Calls fn for each place where phrase i ends: with the number, from 1, of the
 * word of the text that it ends in. In the order of the text. Returns how many
 * words there are, without those that are passed over. */
typedef void phrases_fn(void *arg, size_t i, unsigned word);
unsigned phrases_each(
    const struct phrases *p, struct str text, phrases_fn *fn, void *arg);

/* Appends the text as matching sees it: " user unknown ". */
void phrases_fold(struct str text, struct buf *out);

/* "550", "550-", "5.1.1", "550-5.1.1", "(#5.7.1)": nothing but codes? */
bool phrases_is_code(struct str word);

#endif
