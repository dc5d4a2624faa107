/* turns.h - whose turn it is to write, among processes: lanes.h, rule 5.
 *
 * LMDB's lock of writers knows no order: who has it and wants it again at once
 * nearly always gets it again, before another process has woken. So each door
 * shows by a lock on a byte of a file in the ledger's folder that it waits, and
 * in which lane, and looks whether others do. A lock goes with the process that
 * holds it, however it ends. The file's content is when somebody in front asked
 * last, to the second, by the monotonic clock. All this only ever delays: what
 * is right does not rest on it.
 *
 * Threads: one owner. */
#ifndef POLICY_LEDGER_TURNS_H
#define POLICY_LEDGER_TURNS_H

#include "policy/base/error.h"
#include "policy/ledger/lanes.h"

#define TURNS_FILE "turns.lock"

enum {
	/* How long others are let go first, at most. Who waits for the ledger
	 * takes it as soon as a processor is free for it, and where imports
	 * keep all of them busy that can take milliseconds. */
	TURNS_WAY_US = 10000, /* by those behind */
	TURNS_LET_US = 2000,  /* by those in front */
	TURNS_AHEAD = 4,      /* times in front of one behind */
};

struct turns;

/* Makes the file in the folder dir where it is absent. -errno, ERR_FULL. */
int turns_open(
    struct turns **out, const char *dir, struct error *err) MUST_CHECK;
void turns_close(struct turns **t); /* NULL is fine; sets *t = NULL */

/* Before waiting for the ledger: lets others go first where they should, then
 * shows that one waits in that lane. */
void turns_ask(struct turns *t, enum lane lane, int64_t now_us);
/* One has the ledger, or gave up. */
void turns_end(struct turns *t);
/* Does another process wait in that lane, now? About a microsecond. */
bool turns_waits(const struct turns *t, enum lane lane);
/* When somebody in front asked last, of any process; LANES_NEVER_US. */
int64_t turns_front_us(const struct turns *t, int64_t now_us);

#endif
