/* reply_footer.h - what a writer's own program put below their name: links, offers
 * to the reader ("Not interested? Unsubscribe here") and disclaimers, none of which
 * is a wish of theirs. Told by whom they speak of: a wish speaks of me and of your
 * mails, an offer of you and of our mails. Lines are UTF-8. Pure. Threads: any. */
#ifndef POLICY_MAIL_REPLY_FOOTER_H
#define POLICY_MAIL_REPLY_FOOTER_H

#include "policy/base/str.h"

enum {
	REPLY_FOOTER_MAX = 600, /* of a longer one the beginning is looked at */
};

/* A closing ("Best regards"), or what looks as a name does below an empty line. */
bool reply_footer_is_name(struct str line, bool below_empty);

/* Says nothing of whether it stands below a name: that is the caller's to ask. */
bool reply_footer_is_offer(struct str text);

#endif
