/* wait.h - who waits for what: held copies stand in the queue of the person
 * and, where a limit of the company holds them, in that of the company.
 *
 * Key of TABLE_WAIT: scope, id (16 bytes), label of the segment that decides,
 * copy id; so each segment's copies stand together, the oldest first. Record:
 * the person, arrived_ms (both of waiting_fact).
 * Rows are made and removed by the reducers of copies (copy.c) alone.
 * Threads: as the transaction. */
#ifndef POLICY_STATE_WAIT_H
#define POLICY_STATE_WAIT_H

#include "policy/conf/policy.h"
#include "policy/ledger/env.h"
#include "policy/rules/facts.h"

enum wait_scope {
	WAIT_PERSON = 'p',  /* id: lead id */
	WAIT_COMPANY = 'c', /* id: company id */
};

enum {
	WAIT_ID_BYTES = 16,
};

struct wait_queue {
	enum wait_scope scope;
	unsigned char id[WAIT_ID_BYTES];
};

struct wait_queue wait_queue_of(enum wait_scope scope, const void *id);

/* One that is there is replaced. */
int wait_put(struct ledger_txn *t, const struct wait_queue *q,
    const struct waiting_fact *w) MUST_CHECK;
/* 0 also when it is not there. */
int wait_del(struct ledger_txn *t, const struct wait_queue *q, uint32_t label,
    uint64_t copy_id) MUST_CHECK;

/* Nobody waits: one look, nearly always of a page that is in memory. */
int wait_is_empty(const struct ledger_txn *t, const struct wait_queue *q,
    bool *out) MUST_CHECK;

/* Of one segment, the oldest first, those with an id below `before`; at most
 * cap. *n_out is added to. */
struct wait_list {
	struct waiting_fact *v;
	size_t n, cap;
};
int wait_of_segment(const struct ledger_txn *t, const struct wait_queue *q,
    uint32_t label, uint64_t before, struct wait_list *list) MUST_CHECK;

/* Those that go before that copy (0: one that comes now) of the segment `own`:
 * of segments before it in the policy's order, and older ones of its own. */
int wait_ahead(const struct ledger_txn *t, const struct wait_queue *q,
    const struct policy *p, const struct policy_segment *own, uint64_t copy_id,
    struct wait_list *list) MUST_CHECK;

/* The oldest, but for the copy `except` (0: none), of the first segment that has
 * one, by labels from `label` on: with one label above it, and so on, the heads
 * of all. ERR_NOT_FOUND. */
int wait_first(const struct ledger_txn *t, const struct wait_queue *q,
    uint32_t label, uint64_t except, struct waiting_fact *out) MUST_CHECK;

#endif
