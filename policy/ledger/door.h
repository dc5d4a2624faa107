/* door.h - the one way to change the ledger.
 *
 * A proposal is a function that reads the ledger and decides: it emits events
 * or fails. One thread runs the proposals one after another inside one write
 * transaction, each seeing what those before it did, applies their events by
 * the reducers, commits, and only then answers. So a check and its
 * reservation are one step, an answer of 0 means durable, and one disk flush
 * serves all that wait at the moment. A batch is what queued up while the last
 * one was being written, bounded in count and time. Whoever comes alone never
 * waits for others; where the last batch had several, as many are waited for
 * again, no longer than that batch took and than gather_us, since the flush
 * costs the same for all.
 *
 * Proposals have two lanes: what an SMTP session waits for goes before all
 * else, in this process and among processes (lanes.h has the rule).
 *
 * A proposal's function
 *  - reads by door_txn() and never waits for anything;
 *  - may be run again, and must set all its outputs at its start: a batch
 *    that fails is undone and run again without the one that failed it;
 *  - sees none of its own events before it returns;
 *  - returns 0, or a code that fails it alone (its events are dropped).
 * The answer comes after the commit in either case, since a refusal may rest
 * on what earlier proposals of the batch did. When the commit fails, all of
 * its batch get that code (ERR_FULL for map or disk full, I/O error,
 * read-only), nothing has happened, and the next batch starts clean.
 *
 * Several processes may each have a door on one ledger; LMDB lets their
 * batches alternate. Threads: internally locked. Signals are blocked in the
 * door's thread. */
#ifndef POLICY_LEDGER_DOOR_H
#define POLICY_LEDGER_DOOR_H

#include "policy/base/arena.h"
#include "policy/ledger/event.h"

struct door;
struct door_ctx;

typedef int door_fn(struct door_ctx *ctx, void *arg);

/* --- inside a proposal --- */

/* The state as left by all proposals before this one. */
const struct ledger_txn *door_txn(const struct door_ctx *ctx);
/* The time that the events of this proposal will carry. */
int64_t door_now_ms(const struct door_ctx *ctx);
/* Scratch memory, gone when the function returns. Results that outlive it
 * belong into arg (and an arena there). */
struct arena *door_arena(struct door_ctx *ctx);
/* For the text of a failure; it reaches the proposer. */
struct error *door_error(struct door_ctx *ctx);
/* Copies payload. ERR_LIMIT above EVENT_PAYLOAD_MAX, when the scratch memory
 * is full, and ERR_VERSION for a type or version without reducer; the
 * proposal fails with that code even if it ignores it. */
int door_emit(
    struct door_ctx *ctx, unsigned type, unsigned version, struct str payload);

/* --- the door --- */

struct door_options {
	struct ledger *ledger;                /* borrowed until door_close() */
	const struct reducer_table *reducers; /* likewise */
	int64_t (*now_ms)(void); /* stamps events; NULL: clock_now_ms */
	size_t queue_max;        /* proposals waiting, each lane; 0: 4096 */
	size_t batch_max;        /* proposals in one commit; 0: 512; >= 2 */
	int64_t batch_us;        /* of deciding and applying; 0: 5000 */
	int64_t gather_us;       /* at most, for company; 0: 1000 */
	int64_t wait_ms;         /* see door_propose(); 0: 20000 */
	size_t arena_max;        /* scratch bytes a proposal; 0: 16 MiB */
};

int door_open(struct door **out, const struct door_options *o,
    struct error *err) MUST_CHECK;
/* Answers all that is queued, then stops. Proposals that come meanwhile get
 * ERR_STOPPING; none may begin once it has returned. NULL is fine; sets
 * *d = NULL. */
void door_close(struct door **d);

/* In the back lane. Blocks until durable or refused. ERR_BUSY when it did not
 * get its turn within wait_ms (queue full, or the disk stands still): it was not
 * run. Once taken up it is waited for without limit. Never from a proposal or a
 * `done`. */
int door_propose(
    struct door *d, door_fn *fn, void *arg, struct error *err) MUST_CHECK;
/* The same in front: for what an SMTP session waits for, and only that. */
int door_decide(
    struct door *d, door_fn *fn, void *arg, struct error *err) MUST_CHECK;

/* In the back lane. Never blocks. rc and err (never NULL) as door_propose()
 * would give them. Runs on the door's thread: hands over to the owner and
 * returns. */
typedef void door_done(void *cb_arg, int rc, const struct error *err);
/* 0: done will be called, once. Else (ERR_BUSY: queue full, ERR_STOPPING,
 * -ENOMEM) it will not. */
int door_submit(struct door *d, door_fn *fn, void *arg, door_done *done,
    void *cb_arg) MUST_CHECK;
/* The same, one of a row: what becomes durable of a row is a beginning of it.
 * Once one has failed, those after it fail with its code (and those before it,
 * where they were of the same batch and that had to be run again). *row is 0
 * before the first, and the door's until the last is answered. */
int door_submit_in_row(struct door *d, int *row, door_fn *fn, void *arg,
    door_done *done, void *cb_arg) MUST_CHECK;

struct door_stats {
	uint64_t proposals; /* answered */
	uint64_t refused;   /* of these, with a code other than 0 */
	uint64_t events;    /* durable */
	uint64_t batches;   /* including those without any event */
	uint64_t commits;   /* two disk flushes each: data, then the root */
	uint64_t failed_commits; /* or the transaction could not begin */
	uint64_t reruns;         /* batches undone and run again */
	uint64_t timeouts;       /* ERR_BUSY: by wait_ms or a full queue */
	size_t queued, queued_most;
	int64_t batch_p50_us, batch_p99_us, batch_max_us; /* since open */
};
void door_stats(struct door *d, struct door_stats *out);

#endif
