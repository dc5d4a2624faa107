/* outcome_early.h - what was said of queue ids that nobody had spoken of yet.
 *
 * A relay that hands on may be done with a message before the line is written
 * that tells its new queue id: what it said then is kept here, the newest
 * EARLY_MAX of the last EARLY_MS. Bounded. Pure. Threads: one owner. */
#ifndef AGENT_IN_OUTCOME_EARLY_H
#define AGENT_IN_OUTCOME_EARLY_H

#include "agent/in/outcome.h"

enum {
	EARLY_MAX = OUTCOME_EARLY,
	EARLY_MS = 10000, /* stamps may have seconds only */
};

struct early_table;

struct early_table *early_new(void) MUST_CHECK; /* NULL: no memory */
void early_free(struct early_table **t);
void early_clear(struct early_table *t);

/* One with a longer address than any real one is not kept. */
void early_put(struct early_table *t, const struct outcome *o);

/* A round gives each at most once: early_round(), then early_take() until it
 * is false; oldest first, none of before since_ms. Nothing is forgotten. The
 * strings are valid until the next early_put(). */
void early_round(struct early_table *t);
bool early_take(struct early_table *t, struct str queue_id, int64_t since_ms,
    struct outcome *out);

/* Lines "E KIND TIME SINCE" and seven strings in hex, "-" for none, of those
 * since since_ms; import of what stands behind "E ". ERR_SYNTAX, ERR_LIMIT. */
void early_export(
    const struct early_table *t, int64_t since_ms, struct buf *out);
int early_import(struct early_table *t, struct str line) MUST_CHECK;

#endif
