/* mask.h - addresses out of a text that somebody else wrote. Pure. Threads:
 * any. */
#ifndef POLICY_BASE_MASK_H
#define POLICY_BASE_MASK_H

#include "policy/base/buf.h"

/* Appends s with "-" in place of each mailbox address, also one that is part of
 * a longer word ("bounce+jane=a.example@b.example") or has its local part in
 * quotes. What is none but looks like one goes, too. Linear. Of s no more than
 * out has room for. */
void mask_addresses(struct str s, struct buf *out);

#endif
