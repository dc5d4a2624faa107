/* headblock.h - header fields out of raw bytes (RFC 5322 section 2.2).
 *
 * A line ends with LF, with or without a CR before it; a CR alone is data, and
 * so is NUL. A field is a name of printable US-ASCII without colon or blank,
 * optional blanks (obsolete syntax, section 4.5), a colon, and the value with
 * all following lines that begin with a blank or tab. Anything else, the empty
 * line included, ends the block: as in Postfix, a line that is no field is the
 * first line of the body.
 *
 * Linear in the bytes of the block. Values are views of the input; nothing is
 * unfolded or copied. Threads: any. */
#ifndef POLICY_MAIL_HEADBLOCK_H
#define POLICY_MAIL_HEADBLOCK_H

#include "policy/mail/header.h"

/* The field that begins at *at; moves *at behind it. False at the end of the
 * block, with *at left on the line that ended it. out->value begins right
 * after the colon and has no final line end. */
bool headblock_next(struct str block, size_t *at, struct header *out);

/* Moves *at over an empty line (LF or CRLF); false when there is none. */
bool headblock_skip_empty(struct str block, size_t *at);

/* The next field at or after *at, wherever it is: empty lines are stepped over
 * and set *gap_out, lines that are no field are passed over. For the fields in
 * the body of a report, which many hands write badly. False at the end. */
bool headblock_seek(
    struct str block, size_t *at, struct header *out, bool *gap_out);

/* Where the first field begins: behind a byte order mark and an mbox "From "
 * line, which some stores and editors put there. */
size_t headblock_start(struct str message);

/* The fields at the head of a message, in order, added to *list_out, and where
 * its body begins: behind the empty line, or at the line that is no field.
 * ERR_LIMIT when the arena is full. */
int headblock_parse(struct str message, struct arena *a,
    struct header_list *list_out, size_t *body_at_out) MUST_CHECK;

#endif
