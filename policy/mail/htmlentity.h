/* htmlentity.h - character references of HTML: numeric ones and the names that
 * letters of Western languages have. Pure. Threads: any. */
#ifndef POLICY_MAIL_HTMLENTITY_H
#define POLICY_MAIL_HTMLENTITY_H

#include "policy/base/str.h"

/* The length of the reference that begins s ("&auml;", "&#228;", "&#xe4;") and
 * its code point, below 0x110000; 0 when there is none. */
size_t htmlentity_read(struct str s, uint32_t *c_out);

#endif
