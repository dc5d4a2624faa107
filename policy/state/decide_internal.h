/* decide_internal.h - one decision at work, for decide.c (verdict, policy),
 * decide_facts.c (what is asked besides the person's record), decide_look.c (what
 * is done before the door), decide_emit.c (what is recorded of it) and
 * decide_all.c. Threads: one owner. */
#ifndef POLICY_STATE_DECIDE_INTERNAL_H
#define POLICY_STATE_DECIDE_INTERNAL_H

#include "policy/rules/dup.h"
#include "policy/state/attributes.h"
#include "policy/state/decide.h"
#include "policy/state/facts_load.h"
#include "policy/state/person.h"

enum {
	DECIDE_STALE_TRIES = 5,
};

struct decide_work {
	struct store *store;
	const struct decide_in *in;
	struct decide_out *out;
	enum comply_result compliance;
	struct facts_query query;
	struct lead_record lead; /* of the transaction that is going on */
	struct facts facts;
	enum dup_answer dup;
	uint64_t dup_of;
	/* What a slot carries, sealed with the person's key; see
	 * decide_ready(). */
	struct arena *arena;
	struct person person;
	bool opened; /* person is that of some record */
	bool ready;
	/* The person's attributes, and as what they were sealed. */
	struct attributes attributes;
	struct str attributes_sealed;
	struct str app_one_click, app_sender;
	uint64_t subject_id;
};

/* The arena is borrowed. fini also when init failed. */
int decide_work_init(
    struct decide_work *w, struct arena *a, struct error *err) MUST_CHECK;
void decide_work_fini(struct decide_work *w);

/* Policy, segment and compliance of w, by the cache. */
int decide_load_policy(struct decide_work *w, struct error *err) MUST_CHECK;
/* ERR_STALE when another version is in force. */
int decide_check_policy(
    const struct decide_out *out, const struct ledger_txn *t) MUST_CHECK;
/* Facts and verdict, in any transaction; facts are in the arena. */
int decide_in_txn(struct decide_work *w, const struct ledger_txn *t,
    struct arena *a, int64_t now_ms) MUST_CHECK;
struct verdict decide_trouble(void);
/* The facts that facts_load() leaves; after it. */
int decide_facts(struct decide_work *w, const struct ledger_txn *t,
    struct arena *a, int64_t now_ms) MUST_CHECK;
bool decide_is_one_to_one(enum decide_mode mode);

/* The verdicts of now for n works that have their policy, outside the door;
 * and decide_ready() where they allow. Changes nothing. ERR_STALE as above. */
int decide_look(struct decide_work *v, size_t n, struct error *err) MUST_CHECK;
/* The person's attributes into facts, where the policy asks for any: opened
 * anew only if they are not those that were opened before. After
 * facts_load(). */
int decide_attributes(struct decide_work *w) MUST_CHECK;
/* Person's key, sealed fields, subject id: what w->lead asks for and is not
 * there yet. In any transaction, after decide_in_txn(). */
int decide_ready(struct decide_work *w) MUST_CHECK;
bool decide_is_refuse_only(enum decide_mode mode);
bool decide_is_shadow(enum decide_mode mode);
/* The verdict, or its being a shadow's, lets the message go. */
bool decide_has_slot(const struct decide_work *w);

/* Records the verdict, makes the slot. */
int decide_emit(struct decide_work *w, struct door_ctx *ctx) MUST_CHECK;
/* The same with a message id that the caller drew. */
int decide_emit_slot(struct decide_work *w, struct door_ctx *ctx,
    uint64_t message_id) MUST_CHECK;
int decide_emit_refusal(struct decide_work *w, struct door_ctx *ctx) MUST_CHECK;
/* An id that no message has; inside the proposal, where that can be known. */
int decide_draw_id(struct door_ctx *ctx, uint64_t *out) MUST_CHECK;

#endif
