/* decide_all.c - the recipients of one message in one step; see decide.h.
 *
 * First all verdicts, from the state before; then, if nobody is refused, all
 * slots. A proposal does not see its own events, so what two recipients could
 * share is looked after here: a person who stands in the list twice has one
 * slot (and one key), and ids differ. */
#include "policy/state/decide_internal.h"

#include "policy/base/fault.h"

#include <errno.h>
#include <stdlib.h>

enum {
	ARENA_MAX = 64 << 20, /* two sealed fields each, 60 000 bytes at most */
};

struct all {
	struct decide_work *work;
	size_t n;
	struct arena *arena; /* of the sealed fields */
};

static bool is_shadow(const struct all *all)
{
	return decide_is_shadow(all->work[0].in->mode);
}

static bool refuses(const struct decide_work *w)
{
	return w->out->verdict.action != VERDICT_ALLOW;
}

static int decide_each(struct all *all, struct door_ctx *ctx, bool *refused)
{
	int rc = 0;

	*refused = false;
	for (size_t i = 0; rc == 0 && i < all->n; i++) {
		struct decide_work *w = &all->work[i];

		w->out->message_id = w->out->subject_id = 0;
		rc = decide_in_txn(
		    w, door_txn(ctx), door_arena(ctx), door_now_ms(ctx));
		*refused |= rc == 0 && refuses(w);
	}
	return rc;
}

/* A shadow's verdicts are all told, since none can be seen by what it did. */
static int record_verdicts(struct all *all, struct door_ctx *ctx)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < all->n; i++)
		if (is_shadow(all) || refuses(&all->work[i]))
			rc = decide_emit_refusal(&all->work[i], ctx);
	return rc;
}

/* An earlier recipient of the list who is the same person; n: none. */
static size_t find_same(const struct all *all, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (lead_id_eq(
			&all->work[i].out->lead, &all->work[at].out->lead))
			return i;
	return all->n;
}

static int draw_other(
    const struct all *all, size_t at, struct door_ctx *ctx, uint64_t *id_out)
{
	size_t i = 0;
	int rc = 0;

	do {
		rc = decide_draw_id(ctx, id_out);
		for (i = 0; i < at; i++)
			if (all->work[i].out->message_id == *id_out)
				break;
	} while (rc == 0 && i < at);
	return rc;
}

static int make_slots(struct all *all, struct door_ctx *ctx)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < all->n; i++) {
		struct decide_out *out = all->work[i].out;
		size_t same = find_same(all, i);
		uint64_t id;

		if (same < all->n) {
			out->message_id = all->work[same].out->message_id;
			out->subject_id = all->work[same].out->subject_id;
			continue;
		}
		rc = draw_other(all, i, ctx, &id);
		if (rc == 0)
			rc = decide_emit_slot(&all->work[i], ctx, id);
	}
	return rc;
}

static int all_fn(struct door_ctx *ctx, void *arg)
{
	struct all *all = arg;
	bool refused;
	int rc = decide_check_policy(all->work[0].out, door_txn(ctx));

	if (rc == 0)
		rc = decide_each(all, ctx, &refused);
	if (rc == 0 && (refused || is_shadow(all)))
		rc = record_verdicts(all, ctx);
	if (rc == 0 && (!refused || is_shadow(all)))
		rc = make_slots(all, ctx);
	return rc;
}

/* The policy of the first rules them all. */
static int load_policies(struct all *all, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < all->n; i++)
		rc = decide_load_policy(&all->work[i], err);
	for (size_t i = 1; rc == 0 && i < all->n; i++)
		if (all->work[i].out->policy != all->work[0].out->policy)
			rc = ERR_STALE;
	return rc;
}

static int propose(struct all *all, struct error *err)
{
	int rc = ERR_STALE;

	for (int i = 0; i < DECIDE_STALE_TRIES && rc == ERR_STALE; i++) {
		rc = load_policies(all, err);
		if (rc == 0)
			rc = decide_look(all->work, all->n, err);
		if (rc == 0)
			rc = door_decide(
			    all->work[0].store->door, all_fn, all, err);
	}
	return rc;
}

static int init_works(struct all *all, struct store *s,
    const struct decide_in *in, struct decide_out *out, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < all->n; i++)
		all->work[i] = (struct decide_work){
		    .store = s, .in = &in[i], .out = &out[i]};
	for (size_t i = 0; rc == 0 && i < all->n; i++)
		rc = decide_work_init(&all->work[i], all->arena, err);
	return rc;
}

int decide_propose_all(struct store *s, const struct decide_in *in, size_t n,
    struct decide_out *out, struct error *err)
{
	struct all all = {.n = n};
	int rc;

	for (size_t i = 0; i < n; i++)
		out[i] = (struct decide_out){.verdict = decide_trouble()};
	if (n == 0 || n > DECIDE_ALL_MAX)
		return error_set(err, ERR_LIMIT, "%zu recipients", n);
	all.arena = arena_new(ARENA_MAX);
	all.work = fault_alloc() ? NULL : calloc(n, sizeof(*all.work));
	if (all.work == NULL || all.arena == NULL) {
		rc = error_set(err, -ENOMEM, "out of memory");
		goto out;
	}
	rc = init_works(&all, s, in, out, err);
	if (rc == 0)
		rc = propose(&all, err);
	for (size_t i = 0; i < n; i++) {
		if (rc != 0)
			out[i].verdict = decide_trouble();
		decide_work_fini(&all.work[i]);
	}
out:
	free(all.work);
	arena_free(&all.arena);
	return rc;
}
