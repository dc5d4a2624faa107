/* slots.c - see slots.h.
 *
 * A change may cost 50 microseconds and more: whoever waits for the person or the
 * company is woken, and the company's history is written. Hundreds of them in one
 * proposal would hold the door for as long as ten decisions. So the changes of a
 * step are a row of proposals (door.h): while nobody else waits all of them share
 * one commit, as one proposal would; a decision that comes waits for one. */
#include "agent/in/slots.h"

#include "agent/in/act.h"
#include "agent/in/mtalog_files.h"
#include "agent/in/mtalog_source.h"
#include "agent/in/outcome.h"
#include "agent/in/slotchange.h"
#include "agent/in/waits.h"
#include "agent/ruleset.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/log.h"
#include "policy/state/crowd.h"
#include "policy/state/message.h"
#include "policy/state/mtalogpos.h"
#include "policy/state/ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BATCH_LINES = 500,
	CHANGES_MAX = 2 * BATCH_LINES,
	PIECE = 16, /* changes in a proposal: less than a millisecond */
	PIECES_MAX = CHANGES_MAX / PIECE + 1,
	/* of one line: recipients, how many they are, a session, what was said
	 * too early, behind the move before this line's and its own */
	EARLY = 2 * OUTCOME_EARLY,
	LINE_MAX_CHANGES = MTALOG_RCPTS_MAX + OUTCOME_IDS + EARLY + 5,
	LINE_MAX_FAILURES = MTALOG_RCPTS_MAX + EARLY,
	FAILURES_MAX = BATCH_LINES + LINE_MAX_FAILURES,
	HOPS_MAX = 8,
	IN_QUEUE_MAX = 1000, /* messages of one queue id */
	ARENA_MAX = 8 << 20,
	/* Stored with each position, so all must fit one event: a session is
	 * at most 600 bytes there, an outcome that came too early 1400, all
	 * waits together 100 000. */
	SESSIONS_MAX = 1024,
	BOOK_MAX = 900000,
	STORE_MS = 30000,
	/* of mail that is not on record: not of ours, or not yet */
	OTHERS_WAIT_MAX = 64,
	/* a position that moved without a line of the MTA's */
	PASSED_STORE_MS = 60000,
	/* a journal that is new to us: as far back as a file that is rotated
	 * each week reaches, and the MTA keeps a message */
	FIRST_MS = 7 * WHEN_DAY_MS,
	POSITION_MAX = 400
};

struct slots {
	struct app *app;
	struct mtalog_source *source;
	struct outcome_book *book;
	struct waits *waits;
	struct arena *arena; /* of the batch */
	struct slot_change *changes;
	size_t n_changes;
	struct act_failure *failures; /* FAILURES_MAX */
	size_t n_failures;
	size_t lines;      /* of the next batch, at most */
	bool full, moved;  /* moved: the position is another than stored */
	bool unplaced;     /* the changes are stored before the position */
	const char *gap;   /* why, of the source; NULL: a line told */
	int64_t stored_ms; /* when it was last stored; 0: never */
	size_t stored_n;   /* which position that was */
	char stored[POSITION_MAX];
	struct mtalog_when when;
	struct slots_stats stats;
};

/* Was something told of the message under its own queue id by then, or under any
 * its end? */
static bool tells_of(
    const struct slot_change *c, const struct message_record *r)
{
	switch (c->kind) {
	case SLOT_CHANGE_DELIVERED:
	case SLOT_CHANGE_RELEASED:
		return true;
	case SLOT_CHANGE_QUEUED:
		return str_eq(c->queue_id, r->queue_id);
	case SLOT_CHANGE_MOVED:
	case SLOT_CHANGE_BEGUN:
		break;
	}
	return false;
}

/* Is the queue id another message's since that change, by what the ledger knows
 * or will with the changes before it? As in ops_slot.c. */
static bool is_over(const struct slots *s, const struct slot_change *begun,
    const struct message_record *r)
{
	if (ops_slot_is_step(r, begun))
		return true;
	for (const struct slot_change *c = s->changes; c < begun; c++)
		if (str_eq(c->queue_id, begun->queue_id) &&
		    c->at_ms < begun->at_ms && tells_of(c, r))
			return true;
	return false;
}

/* begun: the last of the changes by which a message began there, or NULL. */
static bool is_on_record(const struct slots *s, const struct ledger_txn *t,
    struct str id, const struct slot_change *begun)
{
	uint64_t ids[IN_QUEUE_MAX];
	struct message_record r;
	size_t n;

	if (message_in_queue(t, id, ids, IN_QUEUE_MAX, &n) != 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (begun == NULL || (message_read(t, ids[i], &r) == 0 &&
					 !is_over(s, begun, &r)))
			return true;
	return false;
}

/* By the first n changes. Who was handed on to a queue id stays there when that
 * begins: the hop may begin it behind the line that names it. */
static bool is_known_by(const struct slots *s, const struct ledger_txn *t,
    struct str id, size_t n, int hops)
{
	const struct slot_change *begun = NULL;

	for (size_t i = n; i-- > 0;) {
		const struct slot_change *c = &s->changes[i];

		if (c->kind == SLOT_CHANGE_BEGUN && begun == NULL &&
		    str_eq(c->queue_id, id))
			begun = c;
		if (c->kind == SLOT_CHANGE_MOVED && hops < HOPS_MAX &&
		    str_eq(c->next_id, id) &&
		    is_known_by(s, t, c->queue_id, i, hops + 1))
			return true;
	}
	return is_on_record(s, t, id, begun);
}

/* Is a message on record under that queue id, or will be with this batch? */
static bool is_known(void *arg, struct str id)
{
	const struct slots *s = arg;
	struct ledger_txn *t = NULL;
	bool yes;

	if (ledger_read_latest(s->app->store->ledger, &t) != 0)
		return false;
	yes = is_known_by(s, t, id, s->n_changes, 0);
	ledger_read_end(&t);
	return yes;
}

static void remember_stored(struct slots *s, int64_t now_ms)
{
	struct str now = mtalog_source_position(s->source);

	s->stored_n = now.n < POSITION_MAX ? now.n : POSITION_MAX;
	memcpy(s->stored, now.p, s->stored_n);
	s->stored_ms = now_ms;
	s->moved = false;
}

static int open_parts(
    struct slots *s, const struct mtalogpos *stored, struct error *err)
{
	int rc = mtalog_source_open(&s->source, &s->app->conf->mta_log,
	    stored->position, clock_now_ms() - FIRST_MS, err);

	if (rc != 0)
		return rc;
	remember_stored(s, s->stored_ms);
	s->book = outcome_new(SESSIONS_MAX);
	s->waits = waits_new();
	if (s->book == NULL || s->waits == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	outcome_handoffs(
	    s->book, s->app->conf->mta_log.handoff_relays, is_known, s);
	if (!mtalog_source_goes_on(s->source))
		return 0;
	/* A book that cannot be read is a gap: what is undecided stays
	 * committed. */
	if (outcome_import(s->book, stored->book) != 0 ||
	    waits_import(s->waits, stored->waits) != 0) {
		waits_clear(s->waits);
		s->stats.gaps++;
		LOG_EV(LOG_LEVEL_WARNING, "mtalog.sessions_lost");
	}
	return 0;
}

static int open_stored(struct slots *s, struct error *err)
{
	struct mtalogpos stored = {0};
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(s->app->store->ledger, &t);

	if (rc == 0)
		rc = mtalogpos_read(t, s->app->conf->mta_log.file, &stored);
	if (rc != 0 && rc != ERR_NOT_FOUND) {
		ledger_read_end(&t);
		return error_of(err, rc, "log position");
	}
	rc = open_parts(s, &stored, err);
	ledger_read_end(&t);
	return rc;
}

static void close_parts(struct slots *s)
{
	mtalog_source_close(&s->source);
	outcome_free(&s->book);
	waits_free(&s->waits);
}

/* A follower waits for its file as long as it takes; where no program writes
 * one, nobody would know. */
static void tell_missing(const struct app *app)
{
	struct str file = app->conf->mta_log.file, dir;

	if (!conf_log_is_journal(file, &dir) && access(file.p, F_OK) != 0 &&
	    errno == ENOENT)
		LOG_EV(
		    LOG_LEVEL_WARNING, "mtalog.missing", KV_STR("file", file));
}

int slots_open(struct slots **out, struct app *app, struct error *err)
{
	struct slots *s = fault_alloc() ? NULL : calloc(1, sizeof(*s));
	int rc = 0;

	*out = NULL;
	if (s == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	s->app = app;
	s->lines = BATCH_LINES;
	s->arena = arena_new(ARENA_MAX);
	s->changes = calloc(CHANGES_MAX, sizeof(*s->changes));
	s->failures = calloc(FAILURES_MAX, sizeof(*s->failures));
	if (s->arena == NULL || s->changes == NULL || s->failures == NULL)
		rc = error_set(err, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = open_stored(s, err);
	/* Opt-outs must not wait for rights to a log: the steps tell and try. */
	if (rc == -EACCES)
		rc = 0;
	if (rc == 0)
		tell_missing(app);
	else
		slots_close(&s);
	*out = s;
	return rc;
}

void slots_close(struct slots **s)
{
	if (*s == NULL)
		return;
	close_parts(*s);
	arena_free(&(*s)->arena);
	free((*s)->failures);
	free((*s)->changes);
	free(*s);
	*s = NULL;
}

static void add_change(struct slots *s, const struct slot_change *c)
{
	struct slot_change *copy = &s->changes[s->n_changes];

	if (s->n_changes == CHANGES_MAX) {
		s->full = true;
		return;
	}
	*copy = *c;
	copy->queue_id = arena_str(s->arena, c->queue_id);
	copy->next_id = arena_str(s->arena, c->next_id);
	copy->status = arena_str(s->arena, c->status);
	copy->relay = arena_str(s->arena, c->relay);
	copy->provider = arena_str(s->arena, c->provider);
	if (copy->provider.p == NULL || copy->queue_id.p == NULL ||
	    copy->next_id.p == NULL || copy->status.p == NULL ||
	    copy->relay.p == NULL)
		s->full = true;
	else
		s->n_changes++;
}

/* What the server said of one recipient may speak of the person. */
static void add_failure(struct slots *s, const struct outcome *o)
{
	struct act_failure *f = &s->failures[s->n_failures];

	if (s->n_failures == FAILURES_MAX) {
		s->full = true;
		return;
	}
	f->queue_id = arena_str(s->arena, o->queue_id);
	f->rcpt = arena_str(s->arena, o->rcpt);
	f->rewritten = arena_str(s->arena, o->rewritten);
	f->status = arena_str(s->arena, o->dsn);
	f->text = arena_str(s->arena, o->text);
	f->relay = arena_str(s->arena, o->relay);
	f->at_ms = o->time_ms;
	if (f->relay.p == NULL || f->queue_id.p == NULL || f->rcpt.p == NULL ||
	    f->rewritten.p == NULL || f->status.p == NULL || f->text.p == NULL)
		s->full = true;
	else
		s->n_failures++;
}

/* Most of a log is about mail of others, of which nothing is to be stored: each
 * time would cost a flush, and its event stay. What is decided of a message is on
 * record before the MTA has its answer, so before the log tells of its fate; also
 * where the milter was killed right then. */
static bool is_ours(const struct slots *s, struct str id)
{
	struct ledger_txn *t = NULL;
	uint64_t any;
	size_t n;
	int rc;

	for (size_t i = 0; i < s->n_changes; i++)
		if (s->changes[i].kind == SLOT_CHANGE_MOVED &&
		    str_eq(s->changes[i].next_id, id))
			return true;
	rc = ledger_read_latest(s->app->store->ledger, &t);
	if (rc == 0)
		rc = message_by_queue(t, id, &any, 1, &n);
	ledger_read_end(&t);
	return rc != ERR_NOT_FOUND;
}

/* A message whose session the MTA gave up may be decided after that: so some of
 * what is not on record is waited for, too, but never so many that the others
 * are forgotten for it. */
static void wait_for(struct slots *s, const struct outcome *o)
{
	if (waits_count(s->waits) < OTHERS_WAIT_MAX || is_ours(s, o->queue_id))
		waits_add(s->waits, o->queue_id, o->time_ms + SLOTS_WAIT_MS);
}

static void on_gap(struct slots *s, const char *why)
{
	s->stats.gaps++;
	waits_clear(s->waits);
	LOG_EV(LOG_LEVEL_WARNING, "mtalog.gap", KV_Z("why", why));
}

static void on_outcome(void *arg, const struct outcome *o)
{
	struct slots *s = arg;
	struct slot_change c;

	s->stats.outcomes++;
	if (o->kind == OUTCOME_GAP) {
		on_gap(s, s->gap != NULL ? s->gap : "lines are missing");
		return;
	}
	if (o->kind == OUTCOME_UNNAMED)
		LOG_EV(LOG_LEVEL_WARNING, "mtalog.deleted_unnamed",
		    KV_I64("count", o->count));
	if (o->kind == OUTCOME_SESSION_END && !o->refused) {
		wait_for(s, o);
		return;
	}
	if (o->kind != OUTCOME_BEGUN)
		waits_remove(s->waits, o->queue_id);
	if (!is_ours(s, o->queue_id) ||
	    !slotchange_of(s->app->store, s->arena, o, &c))
		return;
	add_change(s, &c);
	if (o->kind == OUTCOME_BOUNCED)
		add_failure(s, o);
}

static int on_item(void *arg, const struct mtalog_source_item *item)
{
	struct slots *s = arg;

	if (s->full || s->n_changes + LINE_MAX_CHANGES > CHANGES_MAX ||
	    s->n_failures + LINE_MAX_FAILURES > FAILURES_MAX)
		return ERR_LIMIT; /* enough for one batch; comes again */
	s->moved = true;
	if (item->line == NULL) {
		s->gap = item->why;
		outcome_gap(s->book, on_outcome, s);
		s->gap = NULL;
		return 0;
	}
	s->stats.lines++;
	if (item->line->kind == MTALOG_UNKNOWN)
		s->stats.unknown++;
	outcome_line(s->book, item->line, on_outcome, s);
	return 0;
}

static bool on_wait_over(void *arg, struct str queue_id, int64_t until_ms)
{
	struct slots *s = arg;
	struct slot_change c = {.kind = SLOT_CHANGE_RELEASED,
	    .queue_id = queue_id,
	    .at_ms = until_ms,
	    .release = RELEASE_NEVER_QUEUED};

	if (s->n_changes >= s->lines || s->full)
		return false;
	s->moved = true;
	if (is_ours(s, queue_id))
		add_change(s, &c);
	return !s->full;
}

static int store_position(struct door_ctx *ctx, const struct slots *s)
{
	struct mtalogpos p = {.path = s->app->conf->mta_log.file};
	struct buf book, waits;
	int rc;

	buf_init(&book, BOOK_MAX);
	buf_init(&waits, BOOK_MAX);
	outcome_export(s->book, &book);
	waits_export(s->waits, &waits);
	p.position = mtalog_source_position(s->source);
	p.book = buf_str(&book);
	p.waits = buf_str(&waits);
	rc = buf_error(&book) != 0 ? buf_error(&book) : buf_error(&waits);
	if (rc == 0)
		rc = mtalogpos_emit(ctx, &p);
	buf_fini(&book);
	buf_fini(&waits);
	return rc;
}

/* Some of the changes; behind the last of them the position. */
struct piece {
	const struct slots *s;
	size_t from, n;
	struct ops_slot_counts counts;
};

static int store_fn(struct door_ctx *ctx, void *arg)
{
	struct piece *p = arg;
	int rc = ops_slot_changes_counted(
	    ctx, p->s->changes + p->from, p->n, &p->counts);

	if (rc == 0 && p->from + p->n == p->s->n_changes && !p->s->unplaced)
		rc = store_position(ctx, p->s);
	return rc;
}

static int store_pieces(
    struct slots *s, struct piece *v, size_t n, struct error *err)
{
	struct crowd_member members[PIECES_MAX];
	struct crowd *crowd = NULL;
	int rc;

	for (size_t i = 0; i < n; i++)
		members[i] = (struct crowd_member){.arg = &v[i]};
	rc = crowd_begin_row(&crowd, s->app->store->door, store_fn, members, n);
	crowd_end(&crowd);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = members[i].rc;
	return error_of(err, rc, "ledger");
}

/* One alone waits for room at the door. */
static int store_all(struct slots *s, struct error *err)
{
	struct piece v[PIECES_MAX];
	size_t n = 0, from = 0;
	int rc;

	do {
		size_t left = s->n_changes - from;

		v[n] = (struct piece){
		    .s = s, .from = from, .n = left < PIECE ? left : PIECE};
		from += v[n++].n;
	} while (from < s->n_changes);
	rc = n == 1 ? door_propose(s->app->store->door, store_fn, v, err)
		    : store_pieces(s, v, n, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		slotchange_tell_more(&v[i].counts);
	return rc;
}

/* After a failure what is in memory is ahead of the ledger: begin again from
 * what is stored. ERR_LIMIT: the batch was too much for one proposal (a line
 * may speak of a thousand recipients), so the next is smaller. */
static int restart(struct slots *s, int rc)
{
	struct error unused;

	if (rc == ERR_LIMIT && s->lines > 1)
		s->lines /= 2;
	s->moved = false;
	close_parts(s);
	(void)open_stored(s, &unused);
	return rc;
}

/* Before the position is stored: killed in between, they are read again and
 * known by their message. */
static int act_on_failures(struct slots *s, struct error *err)
{
	struct bounce_rules *rules = ruleset_get(s->app->rules);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->n_failures; i++)
		rc = act_log_bounce(s->app, rules, &s->failures[i], err);
	bounce_rules_free(&rules);
	return rc;
}

/* The changes go first: a failure of a queue id that is new is found only with
 * them, and one behind a delivery begins a row anew. Then without the position,
 * since it has to be read again if the failure is not acted on. */
static int store_batch(struct slots *s, struct error *err)
{
	int rc = 0;

	if (s->n_failures > 0 && s->n_changes > 0) {
		s->unplaced = true;
		rc = store_all(s, err);
		s->unplaced = false;
		s->n_changes = 0;
	}
	if (rc == 0)
		rc = act_on_failures(s, err);
	return rc == 0 ? store_all(s, err) : rc;
}

/* The journal goes on with the entries of others. */
static bool has_passed(const struct slots *s, int64_t now_ms)
{
	struct str now = mtalog_source_position(s->source);

	return now_ms - s->stored_ms >= PASSED_STORE_MS &&
	       !str_eq(now, (struct str){s->stored, s->stored_n});
}

/* Lines that changed no slot may be read again after a crash: their position
 * need not be stored each time. */
static int store(struct slots *s, int64_t now_ms, struct error *err)
{
	int rc;

	s->moved |= has_passed(s, now_ms);
	if (!s->moved ||
	    (s->n_changes == 0 && now_ms - s->stored_ms < STORE_MS &&
		now_ms >= s->stored_ms))
		return 0;
	rc = store_batch(s, err);
	if (rc != 0)
		return restart(s, rc);
	remember_stored(s, now_ms);
	s->lines = s->lines < BATCH_LINES / 2 ? 2 * s->lines : BATCH_LINES;
	return 0;
}

/* Where it could not be opened so far. */
static int reopen(struct slots *s, struct error *err)
{
	int rc;

	if (s->source != NULL && s->book != NULL && s->waits != NULL)
		return 0;
	close_parts(s);
	rc = open_stored(s, err);
	if (rc != 0)
		close_parts(s);
	return rc;
}

int slots_step(
    struct slots *s, int64_t now_ms, bool *more_out, struct error *err)
{
	int rc;

	*more_out = false;
	rc = reopen(s, err);
	if (rc != 0)
		return rc;
	arena_reset(s->arena);
	s->n_changes = s->n_failures = 0;
	s->full = false;
	s->when = (struct mtalog_when){now_ms, mtalog_utc_offset(now_ms)};
	rc = mtalog_source_next(s->source, &s->when, s->lines, on_item, s, err);
	if (s->full)
		rc = error_set(err, -ENOMEM, "out of memory");
	if (rc != 0 && rc != ERR_LIMIT)
		return restart(s, rc);
	*more_out = !mtalog_source_at_end(s->source);
	if (!*more_out) {
		waits_take(s->waits, now_ms, on_wait_over, s);
		*more_out = s->n_changes >= s->lines;
	}
	s->stats.waiting = waits_count(s->waits);
	return store(s, now_ms, err);
}

void slots_stats(const struct slots *s, struct slots_stats *out)
{
	*out = s->stats;
}
