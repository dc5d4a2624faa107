/* ops_slot.c - slots follow the MTA's log. */
#include "policy/state/ops.h"

enum {
	PAYLOAD_MAX = 2048,
	TEXT_MAX = 200,
	MESSAGES_MAX = 1000
};

/* Only forward: proposed -> queued -> delivered; released from any but
 * delivered. A late or repeated line changes nothing. A delivery counts even
 * after a release: the log said one thing too early, the mailbox has it. */
static bool is_step(enum slot_state from, enum slot_change_kind kind)
{
	switch (kind) {
	case SLOT_CHANGE_QUEUED:
		return from == SLOT_PROPOSED;
	case SLOT_CHANGE_DELIVERED:
		return from != SLOT_DELIVERED;
	case SLOT_CHANGE_RELEASED:
		return from == SLOT_PROPOSED || from == SLOT_QUEUED;
	case SLOT_CHANGE_MOVED:
		return true;
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
	case SLOT_CHANGE_MOVED:
		return EV_SLOT_MOVED;
	case SLOT_CHANGE_RELEASED:
		break;
	}
	return EV_SLOT_RELEASED;
}

static int encode(const struct slot_change *c, uint64_t id, struct buf *out)
{
	struct event_slot_changed e = {.message_id = id,
	    .at_ms = c->at_ms,
	    .status = str_cut(c->status, 0, TEXT_MAX),
	    .relay = str_cut(c->relay, 0, TEXT_MAX)};
	struct event_slot_moved moved = {id, c->next_id};

	if (c->kind == SLOT_CHANGE_MOVED)
		return message_encode_moved(&moved, out);
	if (c->kind == SLOT_CHANGE_RELEASED)
		e.release = (uint32_t)c->release;
	return message_encode_changed(&e, out);
}

static int change_one(
    struct door_ctx *ctx, const struct slot_change *c, uint64_t id)
{
	struct message_record r;
	struct buf b;
	int rc = message_read(door_txn(ctx), id, &r);

	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	if (!is_step(r.state, c->kind))
		return 0;
	buf_init(&b, PAYLOAD_MAX);
	rc = encode(c, id, &b);
	if (rc == 0)
		rc = door_emit(ctx, event_of(c->kind), 1, buf_str(&b));
	buf_fini(&b);
	return rc;
}

/* Which of several messages of one queue id are meant: those to that
 * recipient, or all when the log names none. One message is always meant:
 * rewriting may have changed the address since. */
static bool is_meant(const struct ledger_txn *t, const struct slot_change *c,
    uint64_t id, size_t n)
{
	struct message_record r;

	if (n == 1 || !c->has_lead)
		return true;
	return message_read(t, id, &r) == 0 && lead_id_eq(&r.lead, &c->lead);
}

int ops_slot_change(struct door_ctx *ctx, const struct slot_change *c)
{
	const struct ledger_txn *t = door_txn(ctx);
	uint64_t *ids;
	size_t n;
	int rc;

	if (c->message_id != 0)
		return change_one(ctx, c, c->message_id);
	ids = arena_array(door_arena(ctx), MESSAGES_MAX, sizeof(*ids));
	if (ids == NULL)
		return ERR_LIMIT;
	rc = message_by_queue(t, c->queue_id, ids, MESSAGES_MAX, &n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (is_meant(t, c, ids[i], n))
			rc = change_one(ctx, c, ids[i]);
	return rc == ERR_NOT_FOUND ? 0 : rc;
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
