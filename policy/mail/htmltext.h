/* htmltext.h - the words of an HTML page, line by line, for notices that come
 * in no other form.
 *
 * Block elements and <br> begin a new line, table cells are set apart by a
 * blank, other tags vanish; white space runs become one blank; comments,
 * <style>, <script> and <title> are passed over; character references are read
 * (htmlentity.h). Input and output are UTF-8. Linear. Threads: any. */
#ifndef POLICY_MAIL_HTMLTEXT_H
#define POLICY_MAIL_HTMLTEXT_H

#include "policy/base/arena.h"

/* The text in the arena, no longer than the page. ERR_LIMIT. */
int htmltext_read(struct str page, struct arena *a, struct str *out) MUST_CHECK;

#endif
