/* mdn.h - receipts: message disposition notifications (RFC 8098, and RFC 2298
 * before it).
 *
 * Tells what became of a message in the mailbox: nothing of delivery failed,
 * whatever the type says ("failed" is the program's trouble with it, "denied"
 * its owner's refusal to tell). Nothing here is trusted. Threads: any. */
#ifndef POLICY_MAIL_MDN_H
#define POLICY_MAIL_MDN_H

#include "policy/mail/mime.h"

enum mdn_type {
	MDN_OTHER,     /* absent, or a word we do not know */
	MDN_DISPLAYED, /* shown to somebody: not proof of being read */
	MDN_DELETED,
	MDN_DISPATCHED, /* forwarded, printed, faxed */
	MDN_PROCESSED,  /* by a rule or program, maybe unseen */
	MDN_DENIED,     /* RFC 2298 */
	MDN_FAILED,     /* RFC 2298 */
};

/* Who acted, and who agreed to the receipt. */
enum mdn_mode {
	MDN_UNKNOWN,
	MDN_MANUAL,
	MDN_AUTOMATIC,
};

/* Strings are on one line and empty where absent. */
struct mdn {
	enum mdn_type type;
	enum mdn_mode action, sending;
	struct str modifiers;       /* "error", "error,expired" */
	struct str final, original; /* addresses */
	struct str message_id;      /* Original-Message-ID, as written */
	struct str reporting_ua;
	struct str error; /* Error, Failure or Warning: the first */
	bool has_original;
	struct header_list returned; /* fields of the message it is about */
};

/* ERR_NOT_FOUND: no message/disposition-notification part; ERR_LIMIT: the
 * arena is full; -ENOMEM. */
int mdn_parse(
    const struct mime *m, struct arena *a, struct mdn *out) MUST_CHECK;

/* "displayed", ...; "other"; never NULL. */
const char *mdn_type_name(enum mdn_type type);

#endif
