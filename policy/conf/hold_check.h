/* hold_check.h - holds that end before what they wait for: findings of `tendril
 * check`. What cannot be released by its deadline is refused or dropped at once
 * (policy/rules/verdict.h), so a hold that is too short keeps nothing.
 * Threads: one. */
#ifndef POLICY_CONF_HOLD_CHECK_H
#define POLICY_CONF_HOLD_CHECK_H

#include "policy/conf/policy.h"

typedef void hold_check_fn(void *arg, int line, const char *text);

/* when-full of the segment beside each limit that binds it. Found are those of
 * which a place comes free so rarely that more than half of what is over the
 * limit would be refused although it could go later; "then drop" says that such
 * mail is not wanted, and is not found. */
void hold_check_full(const struct policy *p, const struct policy_segment *s,
    hold_check_fn *emit, void *arg);

/* when-closed of the segment beside the longest stretch in which its hours and
 * holidays let nothing go, among those that begin in the year after now_ms, in
 * the policy's zone and in others that put their clocks back at other times: a
 * night has an hour more then. */
void hold_check_closed(const struct policy *p, const struct policy_segment *s,
    int64_t now_ms, hold_check_fn *emit, void *arg);

#endif
