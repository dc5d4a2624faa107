/* ops_slot.c - slots follow the MTA's log. */
#include "policy/base/when.h"
#include "policy/state/ops.h"

enum {
	TEXT_MAX = 200,
	MESSAGES_MAX = 1000,
	STAMP_MS = 2000,  /* a log's stamps may have seconds only */
	QUEUE_DAYS = 30,  /* a message is in a queue, at most */
	ACTIVE_MS = 60000 /* the queue manager takes it up at first; later it
			     tries again, and says the same again */
};

/* Somebody says that it did not go out; else nobody said that it did. */
static bool is_told(const struct slot_change *c)
{
	return !c->at_end && c->release != RELEASE_NEVER_QUEUED;
}

/* Had the log spoken of it before another one began? Compared are stamps of one
 * log: of its own beginning, which is told again where lines are read again, none
 * is later. Of one that was handed on to that queue id only its end says this:
 * what else was told of it before is of another id, and that id may begin after
 * it. */
static bool is_over(const struct message_record *r, const struct slot_change *c)
{
	bool ended = r->state == SLOT_DELIVERED || r->state == SLOT_RELEASED;

	return r->state != SLOT_PROPOSED && !message_is_assumed(r) &&
	       (ended || str_eq(r->queue_id, c->queue_id)) &&
	       c->at_ms > r->changed_ms;
}

/* Only forward: proposed -> queued -> delivered; released from any but
 * delivered. A late or repeated line changes nothing. A delivery counts even
 * after a release: the log said one thing too early, the mailbox has it. What
 * was assumed to be delivered gives way to what is told. */
bool ops_slot_is_step(
    const struct message_record *r, const struct slot_change *c)
{
	switch (c->kind) {
	case SLOT_CHANGE_QUEUED:
		return r->state == SLOT_PROPOSED;
	case SLOT_CHANGE_DELIVERED:
		return r->state != SLOT_DELIVERED || message_is_assumed(r);
	case SLOT_CHANGE_RELEASED:
		if (message_is_assumed(r))
			return is_told(c);
		return r->state == SLOT_PROPOSED || r->state == SLOT_QUEUED;
	case SLOT_CHANGE_MOVED:
		return true;
	case SLOT_CHANGE_BEGUN:
		return is_over(r, c);
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
	case SLOT_CHANGE_BEGUN:
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
	    .relay = str_cut(c->relay, 0, TEXT_MAX),
	    .provider = str_cut(c->provider, 0, TEXT_MAX)};
	struct event_slot_moved moved = {id, c->next_id, c->queue_id};

	if (event_of(c->kind) == EV_SLOT_MOVED)
		return payload_emit(
		    ctx, EV_SLOT_MOVED, &message_moved_payload, &moved);
	if (c->kind == SLOT_CHANGE_QUEUED)
		e.provider = STR("");
	if (c->kind == SLOT_CHANGE_RELEASED)
		e.release = (uint32_t)c->release;
	return payload_emit(
	    ctx, event_of(c->kind), &message_changed_payload, &e);
}

/* What the changes before this one have done: a proposal does not see its own
 * events. */
struct overlay {
	struct overlay_slot {
		uint64_t id;
		enum slot_state state;
		int64_t changed_ms;
	} * v;
	size_t n, cap; /* cap: of moves, too */
	struct overlay_move {
		uint64_t id;
		struct str from, to;
	} * moves;
	size_t n_moves;
	struct ops_slot_counts counts;
};

static bool overlay_went_on(
    const struct overlay *o, struct str queue_id, uint64_t id)
{
	for (size_t i = 0; i < o->n_moves; i++)
		if (o->moves[i].id == id && str_eq(o->moves[i].from, queue_id))
			return true;
	return false;
}

static bool overlay_lost(
    const struct overlay *o, struct str queue_id, uint64_t id)
{
	for (size_t i = 0; i < o->n_moves; i++)
		if (o->moves[i].id == id && o->moves[i].to.n == 0 &&
		    str_eq(o->moves[i].from, queue_id))
			return true;
	return false;
}

static bool overlay_has_queue(
    const struct overlay *o, struct str queue_id, uint64_t id)
{
	for (size_t i = 0; i < o->n_moves; i++)
		if (o->moves[i].id == id && str_eq(o->moves[i].to, queue_id))
			return true;
	return false;
}

static struct overlay_slot *overlay_find(struct overlay *o, uint64_t id)
{
	for (size_t i = o->n; i-- > 0;)
		if (o->v[i].id == id)
			return &o->v[i];
	return NULL;
}

/* The message as it will be after what came before. */
static int read_now(const struct ledger_txn *t, uint64_t id, struct overlay *o,
    struct message_record *out)
{
	const struct overlay_slot *seen = overlay_find(o, id);
	int rc = message_read(t, id, out);

	if (rc == 0 && seen != NULL) {
		out->state = seen->state;
		out->changed_ms = seen->changed_ms;
	}
	return rc;
}

static int overlay_set(struct overlay *o, const struct overlay_slot *slot)
{
	struct overlay_slot *seen = overlay_find(o, slot->id);

	if (seen == NULL && o->n == o->cap)
		return ERR_LIMIT;
	if (seen == NULL)
		seen = &o->v[o->n++];
	*seen = *slot;
	return 0;
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
	case SLOT_CHANGE_BEGUN:
		break;
	}
	return from;
}

/* Of another message that had the same queue id? */
static bool is_anothers(
    const struct message_record *r, const struct slot_change *c)
{
	return c->history &&
	       (c->at_ms < r->proposed_ms - STAMP_MS ||
		   c->at_ms > r->proposed_ms + QUEUE_DAYS * WHEN_DAY_MS);
}

/* A log that is read again moves nothing twice. */
static int is_there(struct door_ctx *ctx, const struct slot_change *c,
    uint64_t id, const struct overlay *o, bool *out)
{
	*out = false;
	if (event_of(c->kind) != EV_SLOT_MOVED)
		return 0;
	*out = c->next_id.n == 0 ? overlay_lost(o, c->queue_id, id)
				 : overlay_has_queue(o, c->next_id, id);
	if (*out)
		return 0;
	return c->next_id.n == 0
		   ? message_lost_queue(door_txn(ctx), c->queue_id, id, out)
		   : message_has_queue(door_txn(ctx), c->next_id, id, out);
}

static int overlay_move(
    struct overlay *o, const struct slot_change *c, uint64_t id)
{
	if (event_of(c->kind) != EV_SLOT_MOVED)
		return 0;
	if (o->n_moves == o->cap)
		return ERR_LIMIT;
	o->moves[o->n_moves++] =
	    (struct overlay_move){id, c->queue_id, c->next_id};
	return 0;
}

/* That it was sent may stand in a hole of the log: unknown is sent. */
static bool is_doubtful(
    const struct message_record *r, const struct slot_change *c)
{
	return c->at_end && c->kind == SLOT_CHANGE_RELEASED &&
	       c->since_ms > 0 && r->changed_ms <= c->since_ms;
}

static int change_one(struct door_ctx *ctx, const struct slot_change *c,
    uint64_t id, struct overlay *o)
{
	struct overlay_slot next = {.id = id};
	struct slot_change delivered = *c;
	struct message_record r;
	bool there;
	int rc = read_now(door_txn(ctx), id, o, &r);

	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	delivered.kind = SLOT_CHANGE_DELIVERED;
	rc = is_there(ctx, c, id, o, &there);
	if (rc != 0 || there || is_anothers(&r, c) || !ops_slot_is_step(&r, c))
		return rc;
	if (is_doubtful(&r, c))
		c = &delivered;
	next.state = state_after(r.state, c->kind);
	next.changed_ms = event_of(c->kind) == EV_SLOT_MOVED
			      ? r.changed_ms
			      : message_told_ms(&r, next.state, c->at_ms);
	o->counts.steps++;
	rc = overlay_set(o, &next);
	if (rc == 0)
		rc = overlay_move(o, c, id);
	return rc != 0 ? rc : emit_change(ctx, c, id);
}

/* The messages of a queue id and whose they are: lines about one id stand
 * together, and there may be as many of them as messages. */
struct group {
	struct str queue_id; /* empty: none yet */
	uint64_t *ids;
	struct lead_id *leads;
	bool *gone; /* on, under another queue id */
	int64_t *proposed_ms, first_ms;
	size_t n;
};

/* Those that came to it within this proposal. */
static int group_add_moved(
    const struct overlay *o, struct str queue_id, struct group *g)
{
	size_t n = g->n;

	for (size_t i = 0; i < o->n_moves; i++) {
		bool known = !str_eq(o->moves[i].to, queue_id);

		for (size_t k = 0; !known && k < n; k++)
			known = g->ids[k] == o->moves[i].id;
		if (known)
			continue;
		if (g->n == MESSAGES_MAX)
			return ERR_LIMIT;
		g->ids[g->n++] = o->moves[i].id;
	}
	return g->n > 0 ? 0 : ERR_NOT_FOUND;
}

/* The message as the n-th of the group, unless the queue id is another's by now
 * (message_lost_queue). */
static int group_add(const struct ledger_txn *t, const struct overlay *o,
    struct str queue_id, uint64_t id, struct group *g)
{
	struct message_record r;
	bool gone = false, lost = false;
	int rc = message_read(t, id, &r);

	if (rc == 0)
		rc = message_went_on(t, queue_id, id, &gone);
	if (rc == 0)
		rc = message_lost_queue(t, queue_id, id, &lost);
	if (rc != 0 || lost || overlay_lost(o, queue_id, id))
		return rc;
	g->ids[g->n] = id;
	g->leads[g->n] = r.lead;
	g->gone[g->n] = gone || overlay_went_on(o, queue_id, id);
	g->proposed_ms[g->n] = r.proposed_ms;
	if (g->n == 0 || r.proposed_ms < g->first_ms)
		g->first_ms = r.proposed_ms;
	g->n++;
	return 0;
}

static int group_load(const struct ledger_txn *t, const struct overlay *o,
    struct str queue_id, struct group *g)
{
	size_t n;
	int rc;

	if (g->queue_id.n > 0 && str_eq(g->queue_id, queue_id))
		return 0;
	g->queue_id = STR("");
	rc = message_by_queue(t, queue_id, g->ids, MESSAGES_MAX, &g->n);
	if (rc == 0 || rc == ERR_NOT_FOUND)
		rc = group_add_moved(o, queue_id, g);
	n = g->n;
	g->n = 0;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = group_add(t, o, queue_id, g->ids[i], g);
	if (rc == 0 && g->n == 0)
		rc = ERR_NOT_FOUND;
	if (rc == 0)
		g->queue_id = queue_id;
	return rc;
}

/* One that had the queue id after the message of that line: only where there is
 * one of before, since clocks may differ. */
static bool is_of_others(
    const struct group *g, size_t i, const struct slot_change *c)
{
	int64_t until_ms = c->at_ms + STAMP_MS;

	return g->proposed_ms[i] > until_ms && g->first_ms <= until_ms;
}

/* Which of several messages of one queue id are meant: those to that
 * recipient, or all when the log names none. One message is always meant:
 * rewriting may have changed the address since. */
static bool is_meant(
    const struct group *g, size_t i, const struct slot_change *c)
{
	if ((c->rest && g->gone[i]) || is_of_others(g, i, c))
		return false;
	if (c->kind == SLOT_CHANGE_BEGUN)
		return true;
	return g->n == 1 || !c->has_lead || lead_id_eq(&g->leads[i], &c->lead);
}

/* At the end of a queue id that one message was delivered by, a message that
 * is still open has been delivered as well: unknown is sent. */
static int close_open(struct door_ctx *ctx, const struct slot_change *c,
    const struct group *g, struct overlay *o)
{
	const struct ledger_txn *t = door_txn(ctx);
	struct slot_change delivered = *c;
	struct message_record r;
	bool any = false;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < g->n; i++) {
		if (is_of_others(g, i, c))
			continue;
		rc = read_now(t, g->ids[i], o, &r);
		any |= rc == 0 && (r.state == SLOT_DELIVERED || g->gone[i]);
	}
	delivered.kind = SLOT_CHANGE_DELIVERED;
	for (size_t i = 0; rc == 0 && i < g->n; i++) {
		if (is_of_others(g, i, c))
			continue;
		rc = read_now(t, g->ids[i], o, &r);
		if (rc == 0 && r.state != SLOT_RELEASED && !g->gone[i])
			rc =
			    change_one(ctx, any ? &delivered : c, g->ids[i], o);
	}
	return rc;
}

/* Is it new in the queue? The end of its session may be told before. What is
 * read after the fact may have been read before: then it is over by now. */
static bool is_taken_up(
    const struct message_record *r, const struct slot_change *c)
{
	if (r->state == SLOT_PROPOSED)
		return true;
	if (c->late)
		return !c->history || r->state == SLOT_QUEUED;
	return r->state == SLOT_QUEUED && !c->history &&
	       c->at_ms < r->changed_ms + ACTIVE_MS;
}

/* Whoever is added behind our back gets what was decided for another. Of nurture,
 * where each recipient was decided; read anew after a crash it may be told twice. */
static int tell_more(struct door_ctx *ctx, const struct slot_change *c,
    const struct group *g, struct overlay *o)
{
	struct event_more_recipients e = {.message_id = g->ids[g->n - 1],
	    .queue_id = c->queue_id,
	    .decided = (uint32_t)g->n,
	    .recipients = c->recipients};
	struct message_record r;
	int rc;

	if (c->kind != SLOT_CHANGE_QUEUED || c->recipients <= g->n)
		return 0;
	rc = read_now(door_txn(ctx), e.message_id, o, &r);
	if (rc != 0 || r.purpose.n == 0 || !is_taken_up(&r, c) ||
	    is_anothers(&r, c))
		return rc;
	o->counts.more++;
	o->counts.more_id = e.message_id;
	o->counts.decided = e.decided;
	o->counts.recipients = e.recipients;
	return payload_emit(ctx, EV_MORE_RECIPIENTS, &message_more_payload, &e);
}

static int change_all(struct door_ctx *ctx, const struct slot_change *c,
    struct group *g, struct overlay *o)
{
	int rc;

	if (c->message_id != 0)
		return change_one(ctx, c, c->message_id, o);
	rc = group_load(door_txn(ctx), o, c->queue_id, g);
	o->counts.unknown +=
	    rc == ERR_NOT_FOUND && c->kind != SLOT_CHANGE_BEGUN;
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	if (c->at_end && g->n > 1)
		return close_open(ctx, c, g, o);
	rc = tell_more(ctx, c, g, o);
	for (size_t i = 0; rc == 0 && i < g->n; i++)
		if (is_meant(g, i, c))
			rc = change_one(ctx, c, g->ids[i], o);
	if (event_of(c->kind) == EV_SLOT_MOVED)
		g->queue_id = STR(""); /* both groups are others now */
	return rc;
}

int ops_slot_changes(
    struct door_ctx *ctx, const struct slot_change *v, size_t n)
{
	struct ops_slot_counts unused;

	return ops_slot_changes_counted(ctx, v, n, &unused);
}

int ops_slot_changes_counted(struct door_ctx *ctx, const struct slot_change *v,
    size_t n, struct ops_slot_counts *out)
{
	struct arena *a = door_arena(ctx);
	struct group g = {.ids = arena_array(a, MESSAGES_MAX, sizeof(*g.ids)),
	    .leads = arena_array(a, MESSAGES_MAX, sizeof(*g.leads)),
	    .gone = arena_array(a, MESSAGES_MAX, sizeof(*g.gone)),
	    .proposed_ms =
		arena_array(a, MESSAGES_MAX, sizeof(*g.proposed_ms))};
	struct overlay o = {.cap = n + MESSAGES_MAX};
	int rc = 0;

	o.v = arena_array(a, o.cap, sizeof(*o.v));
	o.moves = arena_array(a, o.cap, sizeof(*o.moves));
	if (g.ids == NULL || g.leads == NULL || g.gone == NULL || o.v == NULL ||
	    o.moves == NULL || g.proposed_ms == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = change_all(ctx, &v[i], &g, &o);
	*out = o.counts;
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
