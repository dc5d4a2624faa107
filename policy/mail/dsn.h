/* dsn.h - delivery status notifications (RFC 3464, RFC 6533).
 *
 * Reads the message/delivery-status (or message/global-delivery-status) parts
 * of a scanned message and the fields of the returned one. Bad grouping is
 * forgiven: fields are known by name; a group ends at an empty line only when
 * it has a recipient and an action or status, and always where a field of its
 * kind comes again. Nothing here is trusted: whoever calls must have a token.
 * Threads: any. */
#ifndef POLICY_MAIL_DSN_H
#define POLICY_MAIL_DSN_H

#include "policy/mail/mime.h"

enum {
	DSN_MAX_RECIPIENTS = 1000,
};

enum dsn_action {
	DSN_NO_ACTION, /* absent or an unknown word */
	DSN_FAILED,
	DSN_DELAYED,
	DSN_DELIVERED,
	DSN_RELAYED,
	DSN_EXPANDED,
};

/* Strings are on one line and empty where the field is absent. */
struct dsn_recipient {
	struct str final_type, final; /* "rfc822", "user@example.com" */
	struct str original_type, original;
	/* `original` read as xtext (RFC 3461 section 4) where that is another
	 * address: some MTAs return ORCPT undecoded, and "a+2Bb@" cannot be
	 * told from an address with "+2Bb" in it. */
	struct str original_xtext;
	enum dsn_action action;
	struct str status;      /* "5.1.1"; empty if malformed */
	struct str status_note; /* "(no such user)": what follows the code */
	struct str remote_mta;
	struct str diagnostic_type, diagnostic;    /* "smtp", "550 no" */
	struct str last_attempt, will_retry_until; /* as written */
};

struct dsn {
	struct str reporting_mta;
	struct str envelope_id;  /* Original-Envelope-Id */
	struct str arrival_date; /* as written */
	struct str queue_id;     /* X-Postfix-Queue-ID */
	struct str sender;       /* X-Postfix-Sender */
	struct dsn_recipient *rcpt;
	size_t n;
	bool cut;          /* DSN_MAX_RECIPIENTS reached */
	bool has_original; /* a message or its headers came back */
	struct header_list original;
};

/* m must outlive *out. ERR_NOT_FOUND when there is no status part; ERR_LIMIT
 * when the arena is full; -ENOMEM. */
int dsn_parse(
    const struct mime *m, struct arena *a, struct dsn *out) MUST_CHECK;

/* The same of a text that has such fields in it, as broken reports and notices
 * do. ERR_NOT_FOUND when it names no recipient. */
int dsn_read(struct str text, struct arena *a, struct dsn *out) MUST_CHECK;

/* RFC 3461 section 4: "+2B" stands for "+". *out is a view where nothing had
 * to be decoded. ERR_SYNTAX for what is not xtext. */
int dsn_xtext(struct str s, struct arena *a, struct str *out) MUST_CHECK;

/* RFC 6533 section 3: "\x{E9}" stands for U+00E9; the result is UTF-8. The
 * same conventions; control characters and surrogates are ERR_SYNTAX. */
int dsn_utf8_xtext(struct str s, struct arena *a, struct str *out) MUST_CHECK;

#endif
