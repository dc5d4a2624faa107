/* sort.h - what one feedback mail is: which messages of ours it is about, and
 * what it says of them.
 *
 * The messages come from tokens, each verified here, since the MTA's own
 * bounces never pass the milter. Where a token may be, first find wins:
 *   1. X-Original-To and Delivered-To, the topmost of each: the MTA's word
 *      for the envelope recipient (Postfix adds them on local delivery);
 *   2. To and Cc: for MTAs that add none;
 *   3. X-Tendril-Id and CFBL-Feedback-ID of the message that a report
 *      returns: for reports sent to another address of the message;
 *   4. of a feedback report, or a message that a provider sends on
 *      (sort_plain.h), any text in it (sort_search.h); that the message is the
 *      one complained of it does not show (named.h).
 * A complaint of a message that the milter found by its Message-ID alone is of
 * none, unless it has a token besides.
 * An answer (SEEN_REPLY) is what the milter has matched with a message of ours
 * (origin.answer), and what people write to one of these addresses: with an
 * envelope sender, and fields by which it answers something.
 * Before these, where the milter's origin field is there and right (origin.h):
 * the envelope recipients that it names. Nothing else in the mail is proof of
 * anything. Pure. Threads: any. */
#ifndef AGENT_IN_SORT_H
#define AGENT_IN_SORT_H

#include "policy/mail/origin.h"
#include "policy/mail/reply.h"
#include "policy/mail/report.h"
#include "policy/mail/token.h"
#include "policy/state/seen.h"

enum {
	/* More are not looked at: of the milter's word, and of the MTA's for
	 * this copy of the mail. */
	SORT_TOKENS_MAX = ORIGIN_RCPTS_MAX + 2,
};

struct sort_token {
	struct token token;
	enum seen_kind meaning; /* what the mail says about this message */
};

struct sort {
	struct report report;
	struct sort_token tokens[SORT_TOKENS_MAX];
	size_t n;
	bool returned; /* its tokens are those of place 3 above */
	bool quoted;   /* its only token is one of place 4 */
	/* Set by named.h: what it returns was sent on by hand; neither its To nor
	 * its Message-ID says of whom the report is. */
	bool resent;
	enum seen_kind kind; /* of the mail: the weightiest meaning */
	const char *reason;  /* SEEN_UNPARSED: why, in English */
	bool has_origin;     /* the milter's word, verified */
	struct origin origin;
	bool has_reply; /* somebody, or something, answers */
	struct reply reply;
};

struct sort_with {
	const struct token_keys *keys;
	const struct bounce_rules *rules;
	int64_t now_ms;
	bool cut; /* the end of the mail is missing: no origin then */
	const struct reply_rules *replies; /* NULL: answers are not read */
	/* As in conf; NULL: there are no complaints without form. */
	const struct strs *complaint_from, *complaint_to;
};

/* Borrows message and arena. ERR_LIMIT: more than the arena holds; -ENOMEM,
 * ERR_CRYPTO; no other errors: what has no meaning is SEEN_UNPARSED. */
int sort_mail(const struct sort_with *with, struct str message, struct arena *a,
    struct sort *out) MUST_CHECK;

/* Does its token show that who wrote it has the message? Not where the milter has
 * found the message by Message-ID, or may have: its field cannot be read. */
bool sort_has_proof(const struct sort *s);

/* Does a report that says this do something to a person, other than a failure? */
bool sort_speaks_of_person(enum seen_kind kind);

/* What a report says, whatever it is about. */
enum seen_kind sort_report_meaning(const struct report *r);

#endif
