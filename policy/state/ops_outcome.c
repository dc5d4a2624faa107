/* ops_outcome.c - see ops_outcome.h. */
#include "policy/state/ops_outcome.h"

#include "policy/state/crowd.h"
#include "policy/state/message.h"
#include "policy/state/person.h"

#include <string.h>

enum {
	MESSAGES_MAX = 500, /* of one queue id */
};

struct job {
	struct store *store;
	struct ops_outcome *o;
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

/* Before the slot's step, so that the message counts once in the rates. */
static int tell_failure(struct door_ctx *ctx, const struct job *j,
    const struct message_record *r, uint64_t id, bool *news_out)
{
	struct ops_failure f;
	struct ops_bounce in = {.message_id = id,
	    .source = FEEDBACK_BY_API,
	    .failures = &f,
	    .n = 1,
	    .relay = j->o->relay};
	struct ops_feedback_out out;
	int rc;

	*news_out = false;
	if (j->o->failure == NULL)
		return 0;
	f = *j->o->failure;
	memset(f.address, 0, sizeof(f.address));
	rc = person_address(
	    j->store, door_txn(ctx), &r->lead, door_arena(ctx), &f.address[0]);
	if (rc == 0)
		rc = ops_bounce_emit(ctx, j->store, &in, &out);
	*news_out = rc == 0 && out.news;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int outcome_fn(struct door_ctx *ctx, void *arg)
{
	struct job *j = arg;
	struct ops_outcome *o = j->o;
	struct slot_change change = o->change;
	struct message_record r;
	bool news;
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
	rc = tell_failure(ctx, j, &r, change.message_id, &news);
	o->result = news || ops_slot_is_step(&r, &change)
			? OPS_OUTCOME_CHANGED
			: OPS_OUTCOME_UNCHANGED;
	return rc != 0 ? rc : ops_slot_changes(ctx, &change, 1);
}

static int some(struct store *s, struct ops_outcome *v, size_t n)
{
	struct crowd_member members[CROWD_MAX];
	struct job jobs[CROWD_MAX];
	struct crowd *crowd = NULL;
	int rc;

	for (size_t i = 0; i < n; i++) {
		jobs[i] = (struct job){s, &v[i]};
		members[i] = (struct crowd_member){.arg = &jobs[i]};
	}
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
