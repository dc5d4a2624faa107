/* reply.h - an answer to a message of ours, from a person or from what answers
 * for them: which of the two, and what it says.
 *
 * Looked at are the mail's fields (RFC 3834, and the marks of older programs and
 * of ticket systems) and the words that were written now: quoted text, signatures
 * and what lies below them say nothing of the person's will (reply_text.h). The
 * words are those of a table (reply_words.h), in some twenty languages; where they
 * are not sure the answer is that of a person, which a person will read.
 *
 * Linear in the mail, of which REPLY_TEXT_MAX bytes are looked at. Pure. Threads:
 * any; struct reply_rules is immutable. */
#ifndef POLICY_MAIL_REPLY_H
#define POLICY_MAIL_REPLY_H

#include "policy/mail/report.h"

enum {
	REPLY_TEXT_MAX = 16384,
	REPLY_QUOTE_MAX = 500,
};

/* Numbers are stored; names are API. */
enum reply_kind {
	REPLY_HUMAN = 1,
	REPLY_OPT_OUT = 2,   /* a person who asks for no more mail */
	REPLY_VACATION = 3,  /* automatic: away, and will be back */
	REPLY_AUTO = 4,      /* automatic, of any other kind */
	REPLY_CHALLENGE = 5, /* wants us to prove that we are people */
	REPLY_LEFT = 6,      /* the person is there no more */
	REPLY_TICKET = 7,    /* a ticket was opened */
	REPLY_RECEIPT = 8,   /* it was read (RFC 8098) */
};

struct reply {
	enum reply_kind kind;
	/* REPLY_LEFT: automatic, and in words that can mean nothing but that
	 * the employer was left. Then it depends on whom it names. */
	bool sure;
	bool certain; /* sure, and of who writes, or of this address */
	bool automatic;
	struct str text;  /* the words written now, UTF-8 */
	struct str quote; /* of them those that decided; or their beginning */
	struct str
	    successor; /* REPLY_LEFT: the first other address; or empty */
};

struct reply_rules;
/* -ENOMEM; ERR_SYNTAX and ERR_LIMIT are faults of the table. */
int reply_rules_new(struct reply_rules **out) MUST_CHECK;
void reply_rules_free(struct reply_rules **r); /* NULL is fine */

struct reply_in {
	const struct report *report; /* of the same mail */
	struct str message;
	bool null_sender; /* it came with an empty envelope sender */
};

/* For what is no bounce and no complaint. Strings are in the arena. ERR_LIMIT:
 * the arena is full; -ENOMEM. */
int reply_read(const struct reply_rules *rules, const struct reply_in *in,
    struct arena *a, struct reply *out) MUST_CHECK;

/* REPLY_LEFT: is it said of the person of that canonical address: certain, or
 * sure and naming them by a part of the address that is a name? */
bool reply_says_left(const struct reply *r, struct str address);

const char *reply_kind_name(enum reply_kind kind); /* "human" */

#endif
