/* stage.h - mail of the MTA's hold queue on its way into the spool.
 *
 * A message must be in one place: with the MTA or with us. It is copied, then
 * deleted there, then given to the agent as an undecided copy; a crash may fall
 * between any two of these. So the copy waits under the MTA's own name for the
 * message, where nobody looks who sends:
 *
 *   STATE-DIR/spool/adopting/QUEUEID.eml
 *
 *   the MTA has it, no file here   nothing has happened
 *   both                           copied: delete it there, then commit
 *   a file here only               deleted: commit
 *   neither                        done; stage_commit() is one rename(2)
 *
 * Queue ids are letters and digits (ERR_SYNTAX otherwise). Codes are those of
 * spool.h. Threads: one owner; one process at a time. */
#ifndef POLICY_SPOOL_STAGE_H
#define POLICY_SPOOL_STAGE_H

#include "policy/spool/spool.h"

struct stage;

/* Makes the folder and locks it for this process. The spool is borrowed.
 * ERR_UNAVAILABLE: another process has it. */
int stage_open(
    struct stage **out, struct spool *s, struct error *err) MUST_CHECK;
void stage_close(struct stage **st); /* NULL is fine */

/* Durable when 0. ERR_EXISTS: it is there. */
int stage_add(struct stage *st, struct str queue_id, const struct envelope *e,
    const struct spool_message *m, struct error *err) MUST_CHECK;
/* 1, 0 or a negative code; *added_ms_out: when it was added. */
int stage_has(struct stage *st, struct str queue_id, int64_t *added_ms_out,
    struct error *err) MUST_CHECK;
/* The MTA keeps the message after all. No error when there is none. */
int stage_remove(
    struct stage *st, struct str queue_id, struct error *err) MUST_CHECK;
/* From now on it is an undecided copy. ERR_NOT_FOUND: it was never added, or
 * is one already. */
int stage_commit(struct stage *st, struct str queue_id, int64_t now_ms,
    uint64_t *id_out, struct error *err) MUST_CHECK;

/* The queue ids there, in no order. Stops at emit's first non-zero answer and
 * returns it. */
typedef int stage_emit_fn(void *arg, struct str queue_id);
int stage_each(struct stage *st, stage_emit_fn *emit, void *arg,
    struct error *err) MUST_CHECK;

#endif
