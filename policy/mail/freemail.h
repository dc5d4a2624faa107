/* freemail.h - providers of mailboxes for everybody, whose users have nothing to
 * do with each other. The table is small: the large ones.
 * Pure. Threads: any. */
#ifndef POLICY_MAIL_FREEMAIL_H
#define POLICY_MAIL_FREEMAIL_H

#include "policy/base/str.h"

/* A canonical domain (domain.h): such a provider's, or one below it. */
bool freemail_is_one(struct str domain);

#endif
