/* reply_quote.h - the lines by which mail programs introduce what they quote, in
 * some forty languages, and by their form in others. Lines are UTF-8 without
 * blanks at their ends; `rest` is the text behind the line. Pure. Threads: any. */
#ifndef POLICY_MAIL_REPLY_QUOTE_H
#define POLICY_MAIL_REPLY_QUOTE_H

#include "policy/base/str.h"

/* Begins with ">", or with what Japanese programs write for it. */
bool reply_quote_is_mark(struct str line);

/* "On 3 May, Ben <ben@example.com> wrote:": of a known verb it says when, or who;
 * without one both, with the address in angle brackets. Not "I wrote on 3 May:". */
bool reply_quote_is_intro(struct str s);
bool reply_quote_ends_intro(struct str line);   /* with a colon */
bool reply_quote_begins_intro(struct str line); /* "On ", and a number */

/* As GroupWise introduces what it does not mark. */
bool reply_quote_is_between_marks(struct str line);

/* "-----Original Message-----"; in other words what stands between dashes and
 * above a header, an introduction or a quote. */
bool reply_quote_is_rule(struct str line, struct str rest);

/* The first line of a block of From:, Sent:, To:, Subject:, in any order. */
bool reply_quote_is_block(struct str line, struct str rest);

#endif
