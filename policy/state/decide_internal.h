/* decide_internal.h - one decision at work, for decide.c (verdict, policy),
 * decide_emit.c (what is recorded of it) and decide_all.c. */
#ifndef POLICY_STATE_DECIDE_INTERNAL_H
#define POLICY_STATE_DECIDE_INTERNAL_H

#include "policy/rules/dup.h"
#include "policy/state/decide.h"

enum {
	DECIDE_STALE_TRIES = 5,
};

struct decide_work {
	struct store *store;
	const struct decide_in *in;
	struct decide_out *out;
	enum comply_result compliance;
	struct facts facts;
	enum dup_answer dup;
	uint64_t dup_of;
};

/* Policy, segment and compliance of w, by the cache. */
int decide_load_policy(struct decide_work *w, struct error *err) MUST_CHECK;
/* ERR_STALE when another version is in force. */
int decide_check_policy(
    const struct decide_out *out, const struct ledger_txn *t) MUST_CHECK;
/* Facts and verdict, in any transaction; facts are in the arena. */
int decide_in_txn(struct decide_work *w, const struct ledger_txn *t,
    struct arena *a, int64_t now_ms) MUST_CHECK;
struct verdict decide_trouble(void);

/* Records the verdict, makes the slot. */
int decide_emit(struct decide_work *w, struct door_ctx *ctx) MUST_CHECK;
/* The same with a message id that the caller drew. */
int decide_emit_slot(struct decide_work *w, struct door_ctx *ctx,
    uint64_t message_id) MUST_CHECK;
int decide_emit_refusal(struct decide_work *w, struct door_ctx *ctx) MUST_CHECK;
/* An id that no message has; inside the proposal, where that can be known. */
int decide_draw_id(struct door_ctx *ctx, uint64_t *out) MUST_CHECK;

#endif
