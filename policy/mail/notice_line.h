/* notice_line.h - one line of a notice: the addresses in it and how sure each
 * is to be one that failed. For notice_rcpt.c. Pure. Threads: any. */
#ifndef POLICY_MAIL_NOTICE_LINE_H
#define POLICY_MAIL_NOTICE_LINE_H

#include "policy/mail/notice.h"

/* An address that is there to be written to: "user@example.com". */
struct notice_address {
	struct str address;
	size_t from, to; /* where it stands in the line */
};

/* The first address at or after `at`; false when there is none. */
bool notice_line_address(
    struct str line, size_t at, struct notice_address *out);

/* How sure; before: what stands in the paragraph above the line's address. */
enum notice_strength notice_line_strength(
    struct str line, const struct notice_address *a, struct str before);

/* "550 <user@example.com>... User unknown": Sendmail's verdict. */
bool notice_line_is_verdict(struct str line, const struct notice_address *a);

/* "postmaster", "abuse"...: whom to ask, not who failed. */
bool notice_line_is_contact(struct str address);

#endif
