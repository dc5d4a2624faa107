/* tell.h - what a new policy changes for the people who get mail, in the words
 * of those who answer for the mailings. policy_diff() tells every option that
 * differs; this tells what comes of it. Pure. Threads: any. */
#ifndef POLICY_CONF_TELL_H
#define POLICY_CONF_TELL_H

#include "policy/conf/policy.h"

/* Calls emit with a sentence for each effect and returns how many there are:
 *   newsletter: each person may now get two in any 7 days instead of one
 *   newsletter is now sent mon-fri 08:00-18:00 only, where the person lives
 *   win-back now goes before newsletter
 * Names of segments stand for themselves. Differences without an effect on
 * who gets what and when (titles, List-Id) have no sentence. */
size_t policy_tell(const struct policy *from, const struct policy *to,
    void (*emit)(void *arg, const char *line), void *arg);

#endif
