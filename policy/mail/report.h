/* report.h - what is this mail? Sorts what comes back to a bounce or feedback
 * address: delivery reports, complaints, receipts, automatic answers.
 *
 * The structure decides first (RFC 6522 parts, wherever an MTA puts them:
 * OpenSMTPD sends them in multipart/mixed), then what an MTA wrote for people
 * to read (notice.h), then the fields of the mail (RFC 3834). Nothing is believed to be from whom it says: whoever acts on a
 * report must have found a token of ours in it. Pure. Threads: any. */
#ifndef POLICY_MAIL_REPORT_H
#define POLICY_MAIL_REPORT_H

#include "policy/mail/arf.h"
#include "policy/mail/header.h"
#include "policy/mail/mdn.h"
#include "policy/rules/bounce.h"

/* Names are API: see report_kind_name(). */
enum report_kind {
	REPORT_NONE,        /* nothing to act on */
	REPORT_HARD,        /* a recipient failed for good, class person */
	REPORT_SOFT,        /* failures of any other class */
	REPORT_DELAYED,     /* nothing failed yet */
	REPORT_DELIVERED,   /* delivered, relayed or expanded */
	REPORT_COMPLAINT,   /* the mailbox owner called it spam */
	REPORT_UNSUBSCRIBE, /* the mailbox provider asks to stop */
	REPORT_AUTO_REPLY,
};

/* By what it was recognised. */
enum report_source {
	REPORT_BY_NOTHING,
	REPORT_BY_DSN,         /* RFC 3464 */
	REPORT_BY_ARF,         /* RFC 5965 */
	REPORT_BY_MDN,         /* RFC 8098 */
	REPORT_BY_HEADERS,     /* RFC 3834 and what came before it */
	REPORT_BY_FAILED_LIST, /* X-Failed-Recipients and the notice */
	REPORT_BY_NOTICE,      /* words for people alone: notice.h */
	REPORT_BY_SES,         /* Amazon SES by SNS: sesnote.h */
	REPORT_BY_FORWARD,     /* a report that a person forwarded: told for
	                          what it says, never to be acted upon */
	REPORT_BY_PLAIN,       /* the message alone, which a declared reporter
	                          sent on (agent/in/sort_plain.h); not by
	                          report_classify() */
};

/* Strings are empty where the report does not say. */
struct report_recipient {
	struct str address;  /* Final-Recipient, or the original one where the
	                        final one is no mail address */
	struct str original; /* Original-Recipient, as written */
	struct str original_xtext; /* see dsn.h */
	struct str returned_to;    /* of a notice: the only address in To of the
	                           returned message, if it is another. A hint:
	                           whoever forwards his mail is not dead */
	struct str status;     /* of field and diagnostic, the code that says
	                          more */
	struct str diagnostic; /* one line, without its type */
	enum bounce_reason reason;
	enum bounce_class class;
	enum bounce_outcome outcome;
	struct bounce_by by; /* the rule that decided; lives as the rules;
	                        text NULL: none did */
};

struct report {
	enum report_kind kind;
	enum report_source source;
	enum bounce_reason reason; /* of the mail: as its worst recipient */
	struct report_recipient *rcpt;
	size_t n;
	bool cut;  /* more recipients or parts than the limits allow */
	bool weak; /* REPORT_AUTO_REPLY: its words may show that a person wrote
	              it, by whose subject alone it is one */
	enum arf_type feedback; /* REPORT_BY_ARF */
	struct str envelope_id;
	struct str reporting_mta;
	struct str queue_id;
	enum mdn_type disposition;      /* REPORT_BY_MDN */
	struct str original_message_id; /* the same */
	struct header_list head;        /* fields of this mail */
	struct header_list original; /* of the mail it is about, if returned */
};

/* Borrows message and arena: the result lives as long as both. ERR_LIMIT when
 * the arena is full (a megabyte will do for honest mail), -ENOMEM; no other
 * errors: what is not understood is REPORT_NONE. Lines end with LF or CRLF; in a
 * mail without any LF, with CR. */
int report_classify(const struct bounce_rules *rules, struct str message,
    struct arena *a, struct report *out) MUST_CHECK;

/* "hard", "auto-reply", ...; "dsn", "arf", ...; never NULL. */
const char *report_kind_name(enum report_kind kind);
const char *report_source_name(enum report_source source);

#endif
