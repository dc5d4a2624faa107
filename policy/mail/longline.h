/* longline.h - finds lines that the way out may split. RFC 5321 section
 * 4.5.3.1.6 promises an application 998 bytes a line, without the CRLF; what
 * is longer, Postfix splits after we signed (smtp_line_length_limit, default
 * 998), and then no signature verifies. We neither forbid nor split: the
 * admin is told.
 *
 * Pure. Threads: one owner at a time. */
#ifndef POLICY_MAIL_LONGLINE_H
#define POLICY_MAIL_LONGLINE_H

#include "policy/mail/header.h"

enum {
	LONGLINE_MAX = 998
};

struct longline {   /* all zero before the first chunk */
	size_t run; /* bytes since the last LF */
	bool found;
};

/* Chunks may split anything. Lines end in LF, with or without a CR. One look
 * for each 998 bytes where lines are short. */
void longline_update(struct longline *l, struct str chunk);

/* A line of a field, with its name and colon, is too long. Values as milters
 * get them: folds are LF or CRLF. */
bool longline_in_headers(const struct header_list *headers);

#endif
