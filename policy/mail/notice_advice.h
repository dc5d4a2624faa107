/* notice_advice.h - what a notice says for the reader's good, and not of what
 * happened: "Reason: connection timed out. Common causes: the mailbox does not
 * exist ...", "If the address was misspelled, correct it". Pure, linear in the
 * text but for the number of words looked for. Threads: any. */
#ifndef POLICY_MAIL_NOTICE_ADVICE_H
#define POLICY_MAIL_NOTICE_ADVICE_H

#include "policy/base/buf.h"

/* Appends the text (UTF-8, LF; an empty line between paragraphs) to out without
 * its sentences of advice, of what may be, and lists of what it could be. */
void notice_advice_drop(struct str text, struct buf *out);

#endif
