/* maildir_aside.h - feedback mail that nobody could read, kept for people:
 * unparsed/ID.eml and ID.reason beside the Maildir's folders. Ids are ordered
 * by time. Only maildir.c uses this. Threads: one owner. */
#ifndef AGENT_IN_MAILDIR_ASIDE_H
#define AGENT_IN_MAILDIR_ASIDE_H

#include "policy/base/str.h"

/* Moves `name` of the folder `from` into unparsed/ of `root`. The reason is
 * written first, so a mail is never there without one. -errno. */
int maildir_aside(
    int root, int from, const char *name, const char *reason) MUST_CHECK;

/* Removes what is older than 30 days or too much in unparsed/, and what lies
 * in tmp/ for 36 hours. Trouble is left to the next time. */
void maildir_sweep(int root, int64_t now_ms);

#endif
