/* apply.h - the only place where a message is changed. All changes were
 * decided before; few and small. Threads: the session's. */
#ifndef MILTER_APPLY_H
#define MILTER_APPLY_H

#include "milter/mta.h"

/* sender_args: the original ESMTP arguments of MAIL; RET and ENVID go along
 * with a changed sender (RFC 3461). */
int apply_changes(const struct mta *mta, const struct change_list *changes,
    const struct strs *sender_args) MUST_CHECK;

#endif
