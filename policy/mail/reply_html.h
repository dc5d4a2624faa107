/* reply_html.h - the text of an HTML mail without what it quotes, by the marks that
 * mail programs leave (Gmail, Outlook, Yahoo, Thunderbird, Apple and others).
 *
 * A quote that has an end goes and leaves a line ">" in its place, so that
 * reply_text.h sees what introduced it and goes on behind: people write below what
 * they quote, too. Of one that has none (Outlook) the rest goes. The tags that
 * remain are htmltext.h's. Linear; nothing recurses. Pure. Threads: any. */
#ifndef POLICY_MAIL_REPLY_HTML_H
#define POLICY_MAIL_REPLY_HTML_H

#include "policy/base/arena.h"

/* From UTF-8 to UTF-8. ERR_LIMIT: the arena is full; -ENOMEM. */
int reply_html(struct str html, struct arena *a, struct str *out) MUST_CHECK;

#endif
