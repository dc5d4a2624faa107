/* waits.h - queue ids whose SMTP session is over, but of which the log has not
 * said whether they were taken: each with the instant at which silence is an
 * answer. Bounded; the one that would be first is forgotten when there is no
 * room (its slot stays committed). Threads: one owner. */
#ifndef AGENT_IN_WAITS_H
#define AGENT_IN_WAITS_H

#include "policy/base/buf.h"

struct waits;

struct waits *waits_new(void) MUST_CHECK; /* NULL when malloc fails */
void waits_free(struct waits **w);
void waits_add(struct waits *w, struct str queue_id, int64_t until_ms);
void waits_remove(struct waits *w, struct str queue_id);
void waits_clear(struct waits *w);
size_t waits_count(const struct waits *w);
/* Those whose instant has come are given to fn and forgotten, until it answers
 * false: that one and the rest stay. */
void waits_take(struct waits *w, int64_t now_ms,
    bool (*fn)(void *arg, struct str queue_id, int64_t until_ms), void *arg);

void waits_export(const struct waits *w, struct buf *out);
/* ERR_CORRUPT leaves nothing. */
int waits_import(struct waits *w, struct str text) MUST_CHECK;

#endif
