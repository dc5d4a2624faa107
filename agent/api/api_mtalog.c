/* api_mtalog.c - /v1/mtalog: outcomes that `tendril mtalog import` has read in
 * older logs. They date and release slots, and nothing else: what a bounce of
 * long ago says of a person has been said since, by mail. */
#include "agent/api/routes.h"

#include "agent/in/slotchange.h"
#include "policy/state/ops_history.h"

static int kind_of(struct str name, enum outcome_kind *out)
{
	for (int k = OUTCOME_QUEUED; k <= OUTCOME_SESSION_END; k++)
		if (str_eq(name, str_of(outcome_name((enum outcome_kind)k)))) {
			*out = (enum outcome_kind)k;
			return 0;
		}
	return ERR_SYNTAX;
}

static int read_one(const struct value *e, struct outcome *o)
{
	int64_t count = 0;

	*o = (struct outcome){
	    .queue_id = value_get_str(e, "queue_id"),
	    .rcpt = value_get_str(e, "recipient"),
	    .next_id = value_get_str(e, "next_id"),
	    .relay = value_get_str(e, "relay"),
	    .dsn = value_get_str(e, "status"),
	};
	(void)value_get_i64(e, "since_ms", &o->since_ms);
	(void)value_get_bool(e, "refused", &o->refused);
	(void)value_get_bool(e, "late", &o->late);
	(void)value_get_i64(e, "count", &count);
	if (count > 0 && count <= UINT32_MAX)
		o->count = (uint32_t)count;
	if (o->queue_id.n == 0 || !value_get_i64(e, "at_ms", &o->time_ms))
		return ERR_SYNTAX;
	return kind_of(value_get_str(e, "kind"), &o->kind);
}

static int read_all(struct api_call *c, const struct value *list,
    struct slot_change *v, size_t *n_out)
{
	*n_out = 0;
	for (size_t i = 0; i < value_count(list); i++) {
		struct outcome o;

		if (read_one(value_at(list, i), &o) != 0)
			return error_set(&c->err, ERR_SYNTAX,
			    "outcome %zu is none of a log", i);
		if (slotchange_of(c->app->store, c->rq->arena, &o, &v[*n_out]))
			(*n_out)++;
	}
	return 0;
}

int api_mtalog(struct api_call *c)
{
	const struct value *list = value_get(c->body, "outcomes");
	struct ops_slot_counts counts = {0};
	struct slot_change *v;
	bool dry = false;
	size_t n;
	int rc;

	(void)value_get_bool(c->body, "dry_run", &dry);
	if (!value_is_array(list) || value_count(list) > OPS_HISTORY_MAX)
		return error_set(&c->err, ERR_SYNTAX,
		    "\"outcomes\" is no array of at most %d", OPS_HISTORY_MAX);
	v = arena_array(c->rq->arena, value_count(list) + 1, sizeof(*v));
	if (v == NULL)
		return ERR_LIMIT;
	rc = read_all(c, list, v, &n);
	if (rc == 0)
		rc = ops_history(c->app->store, v, n, dry, &counts, &c->err);
	value_put_i64(c->reply, "changed", (int64_t)counts.steps);
	value_put_i64(c->reply, "unknown", (int64_t)counts.unknown);
	value_put_i64(c->reply, "more_recipients", (int64_t)counts.more);
	if (rc == 0 && !dry)
		slotchange_tell_more(&counts);
	return rc;
}
