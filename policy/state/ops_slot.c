/* ops_slot.c - slots follow the MTA's log. */
#include "policy/state/ops.h"

enum {
	PAYLOAD_MAX = 2048,
	TEXT_MAX = 200
};

/* Only forward: proposed -> queued -> delivered; released from any but
 * delivered. A late or repeated line changes nothing. */
static bool is_step(enum slot_state from, enum slot_change_kind kind)
{
	switch (kind) {
	case SLOT_CHANGE_QUEUED:
		return from == SLOT_PROPOSED;
	case SLOT_CHANGE_DELIVERED:
		return from == SLOT_PROPOSED || from == SLOT_QUEUED;
	case SLOT_CHANGE_RELEASED:
		return from == SLOT_PROPOSED || from == SLOT_QUEUED;
	}
	return false;
}

static unsigned event_of(enum slot_change_kind kind)
{
	switch (kind) {
	case SLOT_CHANGE_QUEUED:
		return EV_SLOT_QUEUED;
	case SLOT_CHANGE_DELIVERED:
		return EV_SLOT_DELIVERED;
	case SLOT_CHANGE_RELEASED:
		break;
	}
	return EV_SLOT_RELEASED;
}

int ops_slot_change(struct door_ctx *ctx, const struct slot_change *c)
{
	struct event_slot_changed e = {.message_id = c->message_id,
	    .at_ms = c->at_ms,
	    .status = str_cut(c->status, 0, TEXT_MAX),
	    .relay = str_cut(c->relay, 0, TEXT_MAX)};
	struct message_record r;
	struct buf b;
	int rc = 0;

	if (e.message_id == 0)
		rc =
		    message_by_queue(door_txn(ctx), c->queue_id, &e.message_id);
	if (rc == 0)
		rc = message_read(door_txn(ctx), e.message_id, &r);
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	if (!is_step(r.state, c->kind))
		return 0;
	if (c->kind == SLOT_CHANGE_RELEASED)
		e.release = (uint32_t)c->release;
	buf_init(&b, PAYLOAD_MAX);
	rc = message_encode_changed(&e, &b);
	if (rc == 0)
		rc = door_emit(ctx, event_of(c->kind), 1, buf_str(&b));
	buf_fini(&b);
	return rc;
}

static int apply_fn(struct door_ctx *ctx, void *arg)
{
	return ops_slot_change(ctx, arg);
}

int ops_slot_apply(
    struct store *s, const struct slot_change *c, struct error *err)
{
	struct slot_change copy = *c;

	return door_propose(s->door, apply_fn, &copy, err);
}
