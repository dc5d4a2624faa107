/* textfind.h - does a reader of this message see these words? For the postal
 * address that a policy demands in every mail.
 *
 * The text parts that are shown (text/plain, text/html, not attachments) are
 * decoded; of both sides only letters and digits are compared, ASCII letters
 * without case, so that line breaks, markup, punctuation and blanks do not
 * matter. Charsets: UTF-8, US-ASCII, ISO-8859-1 and windows-1252; of others
 * the ASCII letters count. HTML: tags, comments, <style> and <script> are
 * passed over, numeric references and the common named ones are decoded.
 *
 * Looked at are the first TEXTFIND_MAX bytes of the body. Linear; pure but for
 * its own memory. Threads: any. */
#ifndef POLICY_MAIL_TEXTFIND_H
#define POLICY_MAIL_TEXTFIND_H

#include "policy/mail/header.h"

enum {
	TEXTFIND_MAX = 1 << 20
};

/* -ENOMEM: nobody knows whether it has them. Words without any letter or digit
 * are never found, nor is anything below Content- fields beyond all bounds. */
int textfind_in_message(const struct header_list *headers, struct str body,
    struct str words, bool *found_out) MUST_CHECK;

#endif
