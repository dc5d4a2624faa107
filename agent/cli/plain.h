/* plain.h - text from outside made fit for a terminal. Not fit are bytes that
 * are no UTF-8 (RFC 3629), control characters (C0, DEL, C1), what ends a line
 * or a paragraph (U+2028, U+2029), and what changes the direction of the text
 * around it: marks, embeddings, overrides and isolates (U+061C, U+200E, U+200F,
 * U+202A to U+202E, U+2066 to U+206F, Unicode TR 36 section 3.1), and U+FEFF.
 * Letters of any script stay, with the joiners they need. Pure. Threads: any. */
#ifndef AGENT_CLI_PLAIN_H
#define AGENT_CLI_PLAIN_H

#include "policy/base/buf.h"

/* In place; returns the new length, never a greater one. What is not fit
 * becomes a blank, a byte that is no UTF-8 a "?". */
size_t plain_text(char *p, size_t n);
/* The same, where newlines are the caller's own and stay. */
size_t plain_lines(char *p, size_t n);
/* JSON that says the same: what is not fit is escaped (which it can only need
 * inside of a string), newlines between values stay. Appended to out. */
void plain_json(struct str json, struct buf *out);

#endif
