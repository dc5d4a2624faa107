/* reply_html.h - the text of an HTML mail up to where a quote begins: <blockquote>,
 * and the marks of Gmail, Outlook, Yahoo and Thunderbird. The rest is htmltext.h's.
 * Linear. Pure. Threads: any. */
#ifndef POLICY_MAIL_REPLY_HTML_H
#define POLICY_MAIL_REPLY_HTML_H

#include "policy/base/arena.h"

/* From UTF-8 to UTF-8. ERR_LIMIT: the arena is full. */
int reply_html(struct str html, struct arena *a, struct str *out) MUST_CHECK;

#endif
