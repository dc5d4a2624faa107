/* mtalog_released.h - was a message let go out of Postfix's hold queue by hand
 * (postsuper -H; or -r, with which it comes in anew under another queue id)? A
 * search through the log and what rotation made of it, for `tendril hold adopt`
 * alone: what the agent follows says nothing of messages that Tendril has not
 * decided. Threads: any. */
#ifndef AGENT_IN_MTALOG_RELEASED_H
#define AGENT_IN_MTALOG_RELEASED_H

#include "policy/conf/conf.h"

/* 1: a line that is not older than since_ms says so; 0: none does.
 * ERR_UNAVAILABLE: a file that may have it is compressed; -errno. */
int mtalog_released(const struct conf_mta_log *log, struct str queue_id,
    int64_t since_ms, struct error *err) MUST_CHECK;

#endif
