/* maildate.h - a date as header fields have it. Pure. Threads: any. */
#ifndef AGENT_OUT_MAILDATE_H
#define AGENT_OUT_MAILDATE_H

#include "policy/base/buf.h"

/* "Sun, 22 Nov 2026 10:05:32 +0000" (RFC 5322 section 3.3), in UTC. */
void maildate_add(struct buf *out, int64_t ms);

#endif
