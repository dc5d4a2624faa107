/* ops_stop.c - see ops_stop.h. */
#include "policy/state/ops_stop.h"

struct job {
	const struct ops_stop *in;
	bool changed;
};

/* ERR_STALE: not as it was seen. */
static int read_now(const struct door_ctx *ctx, const struct ops_stop *in,
    struct stop_record *r)
{
	int rc = stop_read(door_txn(ctx), in->kind, in->label, r);

	if (rc == ERR_NOT_FOUND) {
		*r = (struct stop_record){0};
		rc = 0;
	}
	return rc == 0 && in->if_seen && r->seq != in->seen ? ERR_STALE : rc;
}

static bool is_same(const struct ops_stop *in, const struct stop_record *now)
{
	if (in->cause.rate != 0)
		return true; /* whoever stopped it */
	return now->cause.rate == 0 && now->until_ms == in->until_ms &&
	       str_eq(now->reason, str_cut(in->reason, 0, STOP_REASON_MAX));
}

static int begin_fn(struct door_ctx *ctx, void *arg)
{
	struct job *j = arg;
	const struct ops_stop *in = j->in;
	struct event_stopped e = {.kind = (uint32_t)in->kind,
	    .label = stop_label(in->kind, in->label),
	    .until_ms = in->until_ms,
	    .author = str_cut(in->author, 0, STOP_AUTHOR_MAX),
	    .reason = str_cut(in->reason, 0, STOP_REASON_MAX),
	    .cause = in->cause};
	struct stop_record now;
	int rc = read_now(ctx, in, &now);

	j->changed = false;
	if (rc != 0)
		return rc == ERR_STALE ? 0 : rc;
	if (stop_holds(&now, door_now_ms(ctx)) && is_same(in, &now))
		return 0;
	if (now.seq == 0 && in->cause.rate == 0 && in->kind != STOP_SEGMENT)
		rc = stop_has_room(
		    door_txn(ctx), door_now_ms(ctx), door_error(ctx));
	if (rc != 0)
		return rc;
	j->changed = true;
	return payload_emit(ctx, EV_STOPPED, &stop_stopped_payload, &e);
}

static int end_fn(struct door_ctx *ctx, void *arg)
{
	struct job *j = arg;
	const struct ops_stop *in = j->in;
	struct event_resumed e = {.kind = (uint32_t)in->kind,
	    .label = stop_label(in->kind, in->label),
	    .author = str_cut(in->author, 0, STOP_AUTHOR_MAX),
	    .reason = str_cut(in->reason, 0, STOP_REASON_MAX)};
	struct stop_record now;
	int rc = read_now(ctx, in, &now);

	j->changed = false;
	if (rc != 0)
		return rc == ERR_STALE ? 0 : rc;
	if (!now.stopped)
		return 0;
	j->changed = true;
	return payload_emit(ctx, EV_RESUMED, &stop_resumed_payload, &e);
}

static int propose(struct store *s, door_fn *fn, const struct ops_stop *in,
    bool *changed_out, struct error *err)
{
	struct job j = {.in = in};
	int rc = stop_label(in->kind, in->label).n > 0
		     ? door_propose(s->door, fn, &j, err)
		     : error_set(err, ERR_SYNTAX, "an empty name");

	*changed_out = rc == 0 && j.changed;
	return rc;
}

int ops_stop_begin(struct store *s, const struct ops_stop *in,
    bool *changed_out, struct error *err)
{
	return propose(s, begin_fn, in, changed_out, err);
}

int ops_stop_end(struct store *s, const struct ops_stop *in, bool *changed_out,
    struct error *err)
{
	return propose(s, end_fn, in, changed_out, err);
}
