/* nurture.h - a nurture message at its end: decided, held, taken over or sent
 * on. Threads: the session's. */
#ifndef MILTER_NURTURE_H
#define MILTER_NURTURE_H

#include "milter/eom_internal.h"

/* Segment and campaign by the stream's rules, reduced to what can be stored:
 * at most 64 and 256 bytes, printable ASCII. ERR_LIMIT: no memory. */
int nurture_labels(struct message *m) MUST_CHECK;

/* A decide_comply_fn: how the struct message complies with a segment. */
int nurture_comply(void *arg, const struct policy_segment *seg,
    enum comply_result *out) MUST_CHECK;

enum answer nurture_run(struct message *m);

#endif
