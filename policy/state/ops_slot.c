/* ops_slot.c - slots follow the MTA's log. */
#include "policy/state/ops.h"

enum {
	TEXT_MAX = 200,
	MESSAGES_MAX = 1000
};

/* Only forward: proposed -> queued -> delivered; released from any but
 * delivered. A late or repeated line changes nothing. A delivery counts even
 * after a release: the log said one thing too early, the mailbox has it. */
bool ops_slot_is_step(enum slot_state from, enum slot_change_kind kind)
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

static int emit_change(
    struct door_ctx *ctx, const struct slot_change *c, uint64_t id)
{
	struct event_slot_changed e = {.message_id = id,
	    .at_ms = c->at_ms,
	    .status = str_cut(c->status, 0, TEXT_MAX),
	    .relay = str_cut(c->relay, 0, TEXT_MAX)};
	struct event_slot_moved moved = {id, c->next_id};

	if (c->kind == SLOT_CHANGE_MOVED)
		return payload_emit(
		    ctx, EV_SLOT_MOVED, &message_moved_payload, &moved);
	if (c->kind == SLOT_CHANGE_RELEASED)
		e.release = (uint32_t)c->release;
	return payload_emit(
	    ctx, event_of(c->kind), &message_changed_payload, &e);
}

/* What the changes before this one have done: a proposal does not see its own
 * events. */
struct overlay {
	struct {
		uint64_t id;
		enum slot_state state;
	} * v;
	size_t n, cap;
	const struct slot_change **moves; /* in their order */
	size_t n_moves;
};

/* The queue id that the ledger knows the message by. */
static struct str known_id(const struct overlay *o, struct str queue_id)
{
	for (size_t i = o->n_moves; i-- > 0;)
		if (str_eq(o->moves[i]->next_id, queue_id))
			queue_id = o->moves[i]->queue_id;
	return queue_id;
}

static enum slot_state *overlay_find(struct overlay *o, uint64_t id)
{
	for (size_t i = o->n; i-- > 0;)
		if (o->v[i].id == id)
			return &o->v[i].state;
	return NULL;
}

static enum slot_state state_after(
    enum slot_state from, enum slot_change_kind kind)
{
	switch (kind) {
	case SLOT_CHANGE_QUEUED:
		return SLOT_QUEUED;
	case SLOT_CHANGE_DELIVERED:
		return SLOT_DELIVERED;
	case SLOT_CHANGE_RELEASED:
		return SLOT_RELEASED;
	case SLOT_CHANGE_MOVED:
		break;
	}
	return from;
}

static int change_one(struct door_ctx *ctx, const struct slot_change *c,
    uint64_t id, struct overlay *o)
{
	struct message_record r;
	enum slot_state *seen = overlay_find(o, id);
	int rc = message_read(door_txn(ctx), id, &r);

	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	if (seen == NULL) {
		if (o->n == o->cap)
			return ERR_LIMIT;
		o->v[o->n].id = id;
		o->v[o->n].state = r.state;
		seen = &o->v[o->n++].state;
	}
	if (!ops_slot_is_step(*seen, c->kind))
		return 0;
	*seen = state_after(*seen, c->kind);
	return emit_change(ctx, c, id);
}

/* The messages of a queue id and whose they are: lines about one id stand
 * together, and there may be as many of them as messages. */
struct group {
	struct str queue_id; /* as the ledger knows it; empty: none yet */
	uint64_t *ids;
	struct lead_id *leads;
	size_t n;
};

static int group_load(
    const struct ledger_txn *t, struct str queue_id, struct group *g)
{
	struct message_record r;
	int rc;

	if (g->queue_id.n > 0 && str_eq(g->queue_id, queue_id))
		return 0;
	g->queue_id = STR("");
	rc = message_by_queue(t, queue_id, g->ids, MESSAGES_MAX, &g->n);
	for (size_t i = 0; rc == 0 && i < g->n; i++) {
		rc = message_read(t, g->ids[i], &r);
		if (rc == 0)
			g->leads[i] = r.lead;
	}
	if (rc == 0)
		g->queue_id = queue_id;
	return rc;
}

/* Which of several messages of one queue id are meant: those to that
 * recipient, or all when the log names none. One message is always meant:
 * rewriting may have changed the address since. */
static bool is_meant(
    const struct group *g, size_t i, const struct slot_change *c)
{
	return g->n == 1 || !c->has_lead || lead_id_eq(&g->leads[i], &c->lead);
}

static int state_of(const struct ledger_txn *t, uint64_t id, struct overlay *o,
    enum slot_state *out)
{
	struct message_record r;
	enum slot_state *seen = overlay_find(o, id);
	int rc = seen == NULL ? message_read(t, id, &r) : 0;

	*out = seen != NULL ? *seen : rc == 0 ? r.state : SLOT_RELEASED;
	return rc;
}

/* At the end of a queue id that one message was delivered by, a message that
 * is still open has been delivered as well: unknown is sent. */
static int close_open(struct door_ctx *ctx, const struct slot_change *c,
    const struct group *g, struct overlay *o)
{
	const struct ledger_txn *t = door_txn(ctx);
	struct slot_change delivered = *c;
	enum slot_state state;
	bool any = false;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < g->n; i++) {
		rc = state_of(t, g->ids[i], o, &state);
		any |= state == SLOT_DELIVERED;
	}
	delivered.kind = SLOT_CHANGE_DELIVERED;
	for (size_t i = 0; rc == 0 && i < g->n; i++) {
		rc = state_of(t, g->ids[i], o, &state);
		if (rc == 0 && state != SLOT_RELEASED)
			rc =
			    change_one(ctx, any ? &delivered : c, g->ids[i], o);
	}
	return rc;
}

static int change_all(struct door_ctx *ctx, const struct slot_change *c,
    struct group *g, struct overlay *o)
{
	int rc;

	if (c->message_id != 0)
		return change_one(ctx, c, c->message_id, o);
	rc = group_load(door_txn(ctx), known_id(o, c->queue_id), g);
	if (c->kind == SLOT_CHANGE_MOVED)
		o->moves[o->n_moves++] = c;
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	if (c->at_end && g->n > 1)
		return close_open(ctx, c, g, o);
	for (size_t i = 0; rc == 0 && i < g->n; i++)
		if (is_meant(g, i, c))
			rc = change_one(ctx, c, g->ids[i], o);
	return rc;
}

int ops_slot_changes(
    struct door_ctx *ctx, const struct slot_change *v, size_t n)
{
	struct arena *a = door_arena(ctx);
	struct group g = {.ids = arena_array(a, MESSAGES_MAX, sizeof(*g.ids)),
	    .leads = arena_array(a, MESSAGES_MAX, sizeof(*g.leads))};
	struct overlay o = {.cap = n + MESSAGES_MAX};
	int rc = 0;

	o.v = arena_array(a, o.cap, sizeof(*o.v));
	o.moves = arena_array(a, n, sizeof(struct slot_change *));
	if (g.ids == NULL || g.leads == NULL || o.v == NULL || o.moves == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = change_all(ctx, &v[i], &g, &o);
	return rc;
}

static int apply_fn(struct door_ctx *ctx, void *arg)
{
	return ops_slot_changes(ctx, arg, 1);
}

int ops_slot_apply(
    struct store *s, const struct slot_change *c, struct error *err)
{
	struct slot_change copy = *c;

	return door_propose(s->door, apply_fn, &copy, err);
}
