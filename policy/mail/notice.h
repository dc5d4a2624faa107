/* notice.h - bounces without, or with broken, delivery-status parts: what
 * qmail, old Sendmail, Exim, Exchange, Notes, GroupWise and many others write
 * for people to read.
 *
 * A notice is recognised by who sends it (the null sender, MAILER-DAEMON, the
 * postmaster), by marks that MTAs leave in its fields, and by what it says: no
 * one of these alone is enough. Then its lines are read: which addresses it is
 * about, and which lines belong to which of them (a paragraph, a line of a
 * transcript, an SMTP dialogue). Lines of the returned message are cut off
 * first, and nothing is read of them but its header fields.
 *
 * Nothing here is trusted: whoever acts must have found a token of ours. Pure,
 * bounded by the limits below, linear in the text but for addresses, of which
 * at most NOTICE_RECIPIENTS_MAX are compared with each line. Threads: any. */
#ifndef POLICY_MAIL_NOTICE_H
#define POLICY_MAIL_NOTICE_H

#include "policy/mail/mime.h"

enum {
	NOTICE_TEXT_MAX = 32 << 10, /* bytes that are looked at */
	NOTICE_LINES_MAX = 1000,    /* lines of them */
	NOTICE_RECIPIENTS_MAX = 64, /* addresses */
	NOTICE_EVIDENCE_MAX = 4096, /* bytes of one recipient's evidence */
	NOTICE_ADDRESS_MAX = 320,   /* longer is no address */
};

/* What the fields of a mail say for its being a notice. */
struct notice_signs {
	bool from_mta;     /* From: MAILER-DAEMON, postmaster... */
	bool null_sender;  /* Return-Path: <> or MAILER-DAEMON */
	bool marked;       /* a field that only notices have */
	bool from_list;    /* List-Id, List-Unsubscribe */
	bool subject_says; /* "Returned mail", "Undeliverable"... */
	bool late;         /* the subject speaks of a delay */
	bool answers;      /* from an address that can be answered, and itself
	                      an answer: In-Reply-To, References */
};

/* Who owns a line: a recipient's number, or one of these. */
enum {
	NOTICE_COMMON = -1, /* nobody's: introduction, transcript */
};

struct notice_line {
	struct str text; /* trimmed */
	int owner;
};

/* How sure the address is to be one that failed, by where it stood. */
enum notice_strength {
	NOTICE_NO_ADDRESS,
	NOTICE_MENTIONED,  /* somewhere in a reply or dialogue */
	NOTICE_BARE,       /* "user", no domain, in the place of one */
	NOTICE_SENTENCE,   /* "your mail to <user@example.com> ..." */
	NOTICE_LABELLED,   /* "Recipient: user@example.com" */
	NOTICE_TRANSCRIPT, /* "550 <user@example.com>... User unknown" */
	NOTICE_LISTED,     /* it begins its line */
};

struct notice_recipient {
	struct str address;
	size_t line;
	enum notice_strength strength;
};

struct notice {
	struct str text;  /* UTF-8, LF; without the returned message */
	struct str words; /* lower case, white space runs are one blank */
	struct notice_line *line;
	size_t n_lines;
	struct notice_recipient *rcpt;
	size_t n;
	bool cut;          /* more than NOTICE_RECIPIENTS_MAX */
	bool has_returned; /* part or text of the message it is about */
	struct header_list returned; /* its fields; maybe none */
};

/* ERR_LIMIT, -ENOMEM as all below. */
int notice_signs(
    const struct mime *m, struct arena *a, struct notice_signs *out) MUST_CHECK;

/* Text and lines of the notice, and the returned message's fields. */
int notice_read(
    const struct mime *m, struct arena *a, struct notice *out) MUST_CHECK;

bool notice_is_bounce(const struct notice_signs *s, const struct notice *n);
/* Does it say that the MTA is still trying; that it did deliver? */
bool notice_is_delay(const struct notice_signs *s, const struct notice *n);
bool notice_is_success(const struct notice *n);

/* Fills n->rcpt with the addresses that the notice is about. head: the
 * notice's own fields, whose addresses are not. */
int notice_find_recipients(struct notice *n, const struct header_list *head,
    struct arena *a) MUST_CHECK;

/* Recipients known from elsewhere, in place of finding them. */
int notice_set_recipients(struct notice *n, const struct str *v, size_t count,
    struct arena *a) MUST_CHECK;

/* How far from a recipient's own lines to look. */
enum notice_reach {
	NOTICE_OWN,   /* its own */
	NOTICE_AFTER, /* and nobody's, below the first address */
	NOTICE_ALL,   /* and nobody's above */
};

/* What the notice says of recipient i, on one line; of an SMTP dialogue the
 * remote server's refusals alone. Empty: nothing. */
int notice_evidence(const struct notice *n, size_t i, enum notice_reach reach,
    struct arena *a, struct str *out) MUST_CHECK;
/* The same without advice (notice_advice.h). */
int notice_evidence_told(const struct notice *n, size_t i,
    enum notice_reach reach, struct arena *a, struct str *out) MUST_CHECK;

/* Was recipient i refused in answer to DATA, after RCPT had been accepted? By
 * the dialogue, and by the words of a paragraph or diagnostic. */
bool notice_after_data(const struct notice *n, size_t i);
bool notice_says_after_data(struct str text);

#endif
