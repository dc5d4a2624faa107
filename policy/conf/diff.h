/* diff.h - what changed between two models of one schema, in plain words. It
 * compares values and not text: comments, the order of options and other ways
 * to write the same value are no change. Pure. Threads: any. */
#ifndef POLICY_CONF_DIFF_H
#define POLICY_CONF_DIFF_H

#include "policy/conf/section.h"

/* Calls emit with a line for each difference and returns how many there are:
 *   segment newsletter: at-most was "1 per 7d", is now "2 per 7d"
 *   segment webinar is new: purpose = "events"
 *   segment win-back is gone */
size_t diff_models(const struct section_schema *schema, const void *from,
    const void *to, void (*emit)(void *arg, const char *line), void *arg);

#endif
