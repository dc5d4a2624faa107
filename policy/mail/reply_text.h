/* reply_text.h - the words that somebody wrote now: of a mail's text without
 * what it quotes, its signature, and what mail programs put below.
 *
 * Taken is the first text/plain part that is shown and has words of the writer,
 * else the first text/html, whose tags become line ends and blanks. Lines that
 * begin with ">" go; and all from the first of these on:
 *   "On ... wrote:" and its like, on up to three lines
 *   "-----Original Message-----" and its like
 *   a block of From:, Sent:, Subject: (reply_quote.h)
 *   "-- ", the signature's beginning; a quote in HTML that has no end
 * But what follows quoted lines that stand right below one of these, or below a
 * signature, is the writer's again: people answer in between and at the end. Gone
 * are lines such as "Sent from my iPhone", and below the writer's name what offers
 * something to the reader (reply_footer.h). Linear. Pure. Threads: any. */
#ifndef POLICY_MAIL_REPLY_TEXT_H
#define POLICY_MAIL_REPLY_TEXT_H

#include "policy/mail/mime.h"

enum {
	REPLY_RAW_MAX =
	    262144, /* of a part, decoded: a quoted page and below it */
};

/* UTF-8, lines end with LF; empty where there is no text; in the arena. ERR_LIMIT:
 * the arena is full; -ENOMEM. */
int reply_text(const struct mime *m, struct arena *a, size_t max,
    struct str *out) MUST_CHECK;

/* The same of a text that is UTF-8 already. */
int reply_text_own(
    struct str text, struct arena *a, size_t max, struct str *out) MUST_CHECK;

/* Any bytes as UTF-8: as they are where they are well-formed, else by the
 * charset (charset.h), else from ISO-8859-1. */
int reply_text_utf8(struct str s, struct str charset, struct arena *a,
    struct str *out) MUST_CHECK;

#endif
