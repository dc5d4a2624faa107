/* sesnote.h - what Amazon SES says of a message by e-mail of Amazon SNS: JSON
 * with a JSON text in it, which has one object a recipient.
 *
 * Read by its keys and not as JSON: mail servers break the one long line that
 * it is. Nothing here is trusted. Pure, linear. Threads: any. */
#ifndef POLICY_MAIL_SESNOTE_H
#define POLICY_MAIL_SESNOTE_H

#include "policy/mail/dsn.h"

enum sesnote_type {
	SESNOTE_OTHER, /* a delivery, an open, feedback that blames nothing... */
	SESNOTE_BOUNCE,
	SESNOTE_COMPLAINT,
};

struct sesnote {
	enum sesnote_type type;
	struct str reporting_mta;
	struct dsn_recipient *rcpt; /* of a complaint: the addresses alone */
	size_t n;                   /* at most SESNOTE_MAX */
};

enum {
	SESNOTE_MAX = 50, /* SES sends to so many at once */
	SESNOTE_TEXT_MAX = 256 << 10,
};

/* Is it from SNS, by its fields? */
bool sesnote_is(const struct header_list *head);

/* ERR_NOT_FOUND: no such text; ERR_LIMIT: the arena is full. A failure that
 * SES calls transient has a status of class 4. */
int sesnote_read(
    struct str text, struct arena *a, struct sesnote *out) MUST_CHECK;

#endif
