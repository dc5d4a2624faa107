/* ops_copy.c - see ops_copy.h. */
#include "policy/state/ops_copy.h"

#include "policy/state/person.h"

static int add_fn(struct door_ctx *ctx, void *arg)
{
	return copy_emit_added(ctx, arg);
}

int ops_copy_add(struct store *s, const struct copy_new *c, struct error *err)
{
	struct copy_new copy = *c;

	return door_decide(s->door, add_fn, &copy, err);
}

struct done {
	uint64_t id;
	uint32_t index;
	enum copy_outcome outcome;
};

static int done_fn(struct door_ctx *ctx, void *arg)
{
	const struct done *d = arg;

	return copy_emit_recipient(ctx, d->id, d->index, d->outcome);
}

int ops_copy_done(struct store *s, uint64_t id, uint32_t index,
    enum copy_outcome outcome, struct error *err)
{
	struct done d = {id, index, outcome};

	return door_propose(s->door, done_fn, &d, err);
}

struct sent {
	uint64_t id;
	uint32_t index;
	struct str queue_id;
};

static int sent_fn(struct door_ctx *ctx, void *arg)
{
	const struct sent *s = arg;

	return copy_emit_sent(ctx, s->id, s->index, s->queue_id);
}

int ops_copy_sent(struct store *s, uint64_t id, uint32_t index,
    struct str queue_id, struct error *err)
{
	struct sent e = {id, index, queue_id};

	return door_propose(s->door, sent_fn, &e, err);
}

struct due {
	uint64_t id;
	int64_t due_ms;
};

static int due_fn(struct door_ctx *ctx, void *arg)
{
	const struct due *d = arg;

	return copy_emit_due(ctx, d->id, d->due_ms);
}

int ops_copy_due(
    struct store *s, uint64_t id, int64_t due_ms, struct error *err)
{
	struct due d = {id, due_ms};

	return door_propose(s->door, due_fn, &d, err);
}

struct decided {
	const struct copy_decided *v;
	size_t n;
};

static int wait_fn(struct door_ctx *ctx, void *arg)
{
	const struct decided *d = arg;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < d->n; i++)
		rc = copy_emit_wait(ctx, &d->v[i]);
	return rc;
}

int ops_copy_wait(
    struct store *s, const struct copy_decided *v, size_t n, struct error *err)
{
	struct decided d = {v, n};

	return n == 0 ? 0 : door_propose(s->door, wait_fn, &d, err);
}

struct say {
	enum ops_copy_word what;
	const struct event_copy_word *word;
};

static int say_fn(struct door_ctx *ctx, void *arg)
{
	const struct say *s = arg;

	switch (s->what) {
	case OPS_COPY_FORCE:
		return copy_emit_forced(ctx, s->word);
	case OPS_COPY_RELEASE:
		return copy_emit_released(ctx, s->word);
	case OPS_COPY_DROP:
		return copy_emit_dropped(ctx, s->word);
	}
	return ERR_CORRUPT;
}

int ops_copy_say(struct store *s, enum ops_copy_word what,
    const struct event_copy_word *w, struct error *err)
{
	struct say say = {what, w};

	return door_propose(s->door, say_fn, &say, err);
}

struct split {
	struct store *store;
	struct done done;
	const struct address *recipient;
	struct copy_new held;
};

static int emit_lead(struct split *s, struct door_ctx *ctx)
{
	struct person p;
	int rc = person_open(&p, s->store, door_txn(ctx), s->recipient);

	if (rc == 0)
		rc = person_emit(&p, ctx, s->recipient);
	person_fini(&p);
	return rc;
}

static int split_fn(struct door_ctx *ctx, void *arg)
{
	struct split *s = arg;
	struct copy_record r;
	int rc = copy_read(door_txn(ctx), s->done.id, &r);

	if (rc == 0 && s->done.index < r.next)
		rc = ERR_NOT_FOUND;
	if (rc == 0)
		rc = emit_lead(s, ctx);
	if (rc == 0)
		rc = copy_emit_added(ctx, &s->held);
	return rc != 0 ? rc : done_fn(ctx, &s->done);
}

int ops_copy_split(struct store *s, uint64_t id, uint32_t index,
    const struct address *recipient, const struct copy_new *held,
    struct error *err)
{
	struct split p = {s, {id, index, COPY_SPLIT}, recipient, *held};

	return door_propose(s->door, split_fn, &p, err);
}

int ops_copy_get(
    struct store *s, uint64_t id, struct arena *a, struct copy_record *out)
{
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(s->ledger, &t);

	if (rc == 0)
		rc = copy_read(t, id, out);
	if (rc == 0)
		rc = copy_keep(out, a);
	ledger_read_end(&t);
	return rc;
}
