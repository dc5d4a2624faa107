/* ops_outcome.c - see ops_outcome.h. */
#include "policy/state/ops_outcome.h"

#include "policy/state/crowd.h"
#include "policy/state/message.h"

enum {
	MESSAGES_MAX = 500, /* of one queue id */
};

/* Of several messages of a queue id the one of that person. */
static int pick(const struct ledger_txn *t, struct ops_outcome *o,
    const uint64_t *ids, size_t n, uint64_t *out)
{
	struct message_record r;

	*out = 0;
	if (n > 1 && !o->change.has_lead) {
		o->result = OPS_OUTCOME_SEVERAL;
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		int rc = message_read(t, ids[i], &r);

		if (rc != 0)
			return rc;
		if (!o->change.has_lead || lead_id_eq(&r.lead, &o->change.lead))
			*out = ids[i];
	}
	return 0;
}

/* 0 in *out: none, and the result says why. */
static int find(struct door_ctx *ctx, struct ops_outcome *o, uint64_t *out)
{
	uint64_t *ids =
	    arena_array(door_arena(ctx), MESSAGES_MAX, sizeof(*ids));
	size_t n = 0;
	int rc;

	*out = o->change.message_id;
	o->result = OPS_OUTCOME_UNKNOWN;
	if (*out != 0)
		return 0;
	if (ids == NULL)
		return ERR_LIMIT;
	rc = message_by_queue(
	    door_txn(ctx), o->change.queue_id, ids, MESSAGES_MAX, &n);
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	return pick(door_txn(ctx), o, ids, n, out);
}

static int outcome_fn(struct door_ctx *ctx, void *arg)
{
	struct ops_outcome *o = arg;
	struct slot_change change = o->change;
	struct message_record r;
	int rc = find(ctx, o, &change.message_id);

	if (rc != 0 || change.message_id == 0)
		return rc;
	rc = message_read(door_txn(ctx), change.message_id, &r);
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	if (o->change.has_lead && !lead_id_eq(&r.lead, &o->change.lead))
		return 0;
	if (change.at_ms < r.proposed_ms)
		change.at_ms = r.proposed_ms;
	if (change.at_ms > door_now_ms(ctx))
		change.at_ms = door_now_ms(ctx);
	o->result = ops_slot_is_step(r.state, change.kind)
			? OPS_OUTCOME_CHANGED
			: OPS_OUTCOME_UNCHANGED;
	return ops_slot_changes(ctx, &change, 1);
}

static int some(struct store *s, struct ops_outcome *v, size_t n)
{
	struct crowd_member members[CROWD_MAX];
	struct crowd *crowd = NULL;
	int rc;

	for (size_t i = 0; i < n; i++)
		members[i] = (struct crowd_member){.arg = &v[i]};
	rc = crowd_begin(&crowd, s->door, outcome_fn, members, n);
	crowd_end(&crowd);
	for (size_t i = 0; rc == 0 && i < n; i++)
		v[i].rc = members[i].rc;
	return rc;
}

int ops_outcome_all(struct store *s, struct ops_outcome *v, size_t n)
{
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < n; at += CROWD_MAX)
		rc = some(s, v + at, n - at < CROWD_MAX ? n - at : CROWD_MAX);
	return rc;
}
