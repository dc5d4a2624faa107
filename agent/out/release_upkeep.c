/* release_upkeep.c - the files of the spool against the rows of the ledger,
 * and holds against what changed meanwhile; see release_internal.h. */
#include "agent/out/release_internal.h"

#include "policy/base/clock.h"
#include "policy/base/log.h"
#include "policy/base/when.h"
#include "policy/state/ops_copy.h"
#include "policy/state/person.h"

#include <string.h>

enum {
	ADOPT_MAX = 100, /* files a step */
	/* Rows a proposal: what it changes is one piece of work for the ledger's
	 * one writer, and the milter's decisions wait behind it. */
	LOOK_MAX = 16,
};
#define ADOPT_EVERY_MS INT64_C(2000)
#define SWEEP_EVERY_MS (15 * WHEN_MINUTE_MS)
#define LOOK_EVERY_MS WHEN_HOUR_MS
#define STEADY_MS WHEN_HOUR_MS
#define JUMP_MS WHEN_MINUTE_MS

/* Due also when the clock went back over the last time. */
static bool is_due(int64_t at_ms, int64_t every_ms, int64_t now_ms)
{
	return now_ms >= at_ms || at_ms > now_ms + every_ms;
}

/* --- undecided files get a row --- */

struct found {
	uint64_t id[ADOPT_MAX];
	size_t n;
};

static int collect(void *arg, uint64_t id, int64_t changed_ms)
{
	struct found *f = arg;

	(void)changed_ms;
	f->id[f->n++] = id;
	return f->n == ADOPT_MAX ? 1 : 0;
}

static int add_row(struct release *r, uint64_t id, const struct envelope *e,
    int64_t now_ms, struct error *err)
{
	struct copy_new c = {
	    .id = id,
	    .kind = COPY_UNDECIDED,
	    .segment = e->segment,
	    .stream = e->stream,
	    .arrived_ms = e->arrived_ms,
	    .wait = {.due_ms = now_ms,
		.deadline_ms = now_ms + OPS_COPY_LIFE_MS,
		.then = POLICY_THEN_BOUNCE},
	    .recipients = (uint32_t)e->n_rcpts,
	    .queue_id = e->queue_id,
	    .campaign = e->campaign,
	    .from_domain = e->from_domain,
	};
	int rc = ops_copy_add(r->app->store, &c, err);

	if (rc == 0)
		LOG_EV(LOG_LEVEL_NOTICE, "copy.adopted",
		    KV_I64("copy", (int64_t)id), KV_STR("qid", e->queue_id),
		    KV_I64("recipients", c.recipients));
	return rc == ERR_EXISTS ? 0 : rc;
}

/* The row first: a file among the others without one would be swept. */
static int adopt(
    struct release *r, uint64_t id, int64_t now_ms, struct error *err)
{
	struct spool_copy *c = NULL;
	struct error why = {0};
	int rc = spool_read(r->spool, id, &c, &why);

	if (rc != 0) {
		LOG_EV_LIMITED(
		    LOG_LEVEL_ERR, "copy.not_adopted", KV_Z("error", why.text));
		return 0;
	}
	rc = add_row(r, id, spool_copy_envelope(c), now_ms, err);
	if (rc == 0)
		rc = spool_adopt(r->spool, id, err);
	spool_copy_free(&c);
	return rc;
}

static int adopt_some(
    struct release *r, int64_t now_ms, bool *more, struct error *err)
{
	struct found f = {.n = 0};
	int rc = spool_each(r->spool, SPOOL_UNDECIDED, collect, &f, err);

	if (rc == 1) {
		*more = true;
		rc = 0;
	}
	for (size_t i = 0; rc == 0 && i < f.n; i++)
		rc = adopt(r, f.id[i], now_ms, err);
	return rc;
}

/* --- files without a row --- */

static int has_row(void *arg, uint64_t id)
{
	struct release *r = arg;
	struct ledger_txn *t = NULL;
	struct copy_record row;
	int rc = ledger_read_begin(r->app->store->ledger, &t);

	if (rc == 0)
		rc = copy_read(t, id, &row);
	ledger_read_end(&t);
	return rc == 0 ? 1 : rc == ERR_NOT_FOUND ? 0 : rc;
}

/* A message's file is there before its row. When the clock is put forward in
 * between, the file looks old and as if nobody wanted it. */
bool release_is_steady(
    struct release_steady *s, int64_t now_ms, int64_t mono_ms)
{
	int64_t ahead_ms = now_ms - mono_ms, jump = ahead_ms - s->ahead_ms;

	if (!s->known || jump > JUMP_MS || jump < -JUMP_MS)
		s->since_ms = mono_ms;
	s->known = true;
	s->ahead_ms = ahead_ms; /* what goes slowly is followed */
	return mono_ms - s->since_ms >= STEADY_MS;
}

static int sweep(struct release *r, int64_t now_ms, struct error *err)
{
	size_t n = 0;
	int rc = spool_sweep(r->spool, now_ms, has_row, r, &n, err);

	if (n > 0)
		LOG_EV(LOG_LEVEL_NOTICE, "spool.swept",
		    KV_I64("files", (int64_t)n));
	return rc;
}

/* --- holds whose instant may have changed --- */

struct look {
	struct copy_record row;
	struct str address; /* empty: not a hold, or nobody we know */
};

static int next_row(struct release *r, uint64_t after, struct look *l)
{
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(r->app->store->ledger, &t);

	arena_reset(r->looker.arena);
	l->address = STR("");
	if (rc == 0)
		rc = copy_next(t, after, &l->row);
	if (rc == 0)
		rc = copy_keep(&l->row, r->looker.arena);
	if (rc == 0 && l->row.kind == COPY_HELD &&
	    person_address(r->app->store, t, &l->row.lead, r->looker.arena,
		&l->address) != 0)
		l->address = STR("");
	ledger_read_end(&t);
	return rc;
}

/* What is changed of those that are looked at, in one step. */
struct changes {
	struct copy_decided v[LOOK_MAX];
	size_t n;
};

static struct copy_decided *change_of(
    struct changes *c, const struct copy_record *row)
{
	struct copy_decided *d = &c->v[c->n++];

	*d = (struct copy_decided){row->id, row->wakes, row->wait};
	return d;
}

/* Does it wait otherwise than its row says? */
static bool is_other(const struct copy_record *row, const struct copy_wait *now)
{
	const struct copy_wait *was = &row->wait;

	if (now->label != 0 && now->label != copy_label(row))
		return true;
	return now->due_ms != was->due_ms || now->reason != was->reason ||
	       now->deadline_ms != was->deadline_ms || now->then != was->then ||
	       now->queues != was->queues || now->rank != was->rank ||
	       memcmp(&now->company, &was->company, sizeof(now->company)) != 0;
}

/* What does not wait any more, or waits by "defer", has its turn. Of two
 * instants the row's stands if it is earlier: then it will be decided again; but
 * not where another policy made it, since people read it. A row that is due
 * shortly stands then, too: the message may be on its way, and only its file tells
 * that the limit which it seems to wait for is full of itself. */
static void look_again(struct changes *c, const struct copy_record *row,
    const struct decide_out *d, bool anew, int64_t now_ms)
{
	struct copy_wait wait;

	if (d->verdict.action != VERDICT_HOLD) {
		change_of(c, row)->wait.due_ms = now_ms;
		return;
	}
	decide_wait(d, now_ms, &wait);
	wait.due_ms = release_instant(&d->verdict, &wait, now_ms);
	if (wait.due_ms > row->wait.due_ms &&
	    (!anew || row->wait.due_ms - now_ms <= RELEASE_AGAIN_MS))
		wait.due_ms = row->wait.due_ms;
	if (!is_other(row, &wait))
		return;
	change_of(c, row)->wait = wait;
}

/* What is wrong with a message itself only its file tells, and nothing but
 * another policy cures; where there is no file nothing does. */
static bool is_worth_a_look(const struct release *r, const struct look *l)
{
	return l->row.wait.reason != REASON_TROUBLE &&
	       (l->row.wait.reason != REASON_NOT_COMPLIANT || r->looking_anew);
}

static int look_at(struct release *r, const struct look *l, int64_t now_ms,
    struct changes *c, struct error *err)
{
	struct release_view v;
	struct error ignored;
	enum judge_fate fate;
	int rc;

	if (l->row.kind != COPY_HELD || l->row.wait.due_ms <= now_ms)
		return 0;
	rc = judge_fate(r->app, &l->row, &fate, err);
	if (rc == 0 && fate == JUDGE_GIVE_BACK)
		change_of(c, &l->row)->wait.due_ms = now_ms;
	if (rc != 0 || fate != JUDGE_DECIDE || l->address.n == 0 ||
	    !is_worth_a_look(r, l))
		return rc;
	if (release_explain(
		&r->looker, &l->row, l->address, now_ms, &v, &ignored) == 0)
		look_again(c, &l->row, &v.decided, r->looking_anew, now_ms);
	decide_fini(&v.decided);
	return rc;
}

int release_look_at_some(struct release *r, int64_t now_ms, struct error *err)
{
	struct changes c = {.n = 0};
	uint64_t after = r->look_after;
	bool looking = r->looking;
	struct look l;
	int rc = 0;

	for (int i = 0; rc == 0 && looking && i < LOOK_MAX; i++) {
		rc = next_row(r, after, &l);
		looking = rc != ERR_NOT_FOUND;
		if (rc == 0) {
			after = l.row.id;
			rc = look_at(r, &l, now_ms, &c, err);
		}
	}
	if (rc != 0 && rc != ERR_NOT_FOUND)
		return error_of(err, rc, "copies");
	rc = ops_copy_wait(r->app->store, c.v, c.n, err);
	if (rc == 0) { /* else they are looked at again */
		r->looking = looking;
		r->look_after = after;
	}
	return rc;
}

static int start_look(struct release *r, int64_t now_ms, struct error *err)
{
	struct ledger_txn *t = NULL;
	uint32_t version = 0;
	int rc = ledger_read_begin(r->app->store->ledger, &t);

	if (rc == 0)
		rc = policyver_current(t, &version);
	ledger_read_end(&t);
	if (rc != 0)
		return error_of(err, rc, "policy");
	if (version == r->policy_version &&
	    !is_due(r->look_ms, LOOK_EVERY_MS, now_ms))
		return 0;
	r->looking_anew = version != r->policy_version;
	r->policy_version = version;
	r->look_ms = now_ms + LOOK_EVERY_MS;
	r->look_after = 0;
	r->looking = true;
	return 0;
}

int release_upkeep(
    struct release *r, int64_t now_ms, bool *more_out, struct error *err)
{
	int rc = 0;

	if (release_hand_state(&r->looker) == RELEASE_HAND_FREE)
		rc = start_look(r, now_ms, err);
	if (rc == 0 && is_due(r->adopt_ms, ADOPT_EVERY_MS, now_ms)) {
		r->adopt_ms = now_ms + ADOPT_EVERY_MS;
		rc = adopt_some(r, now_ms, more_out, err);
	}
	if (release_is_steady(&r->steady, now_ms, clock_mono_ms()) && rc == 0 &&
	    is_due(r->sweep_ms, SWEEP_EVERY_MS, now_ms)) {
		r->sweep_ms = now_ms + SWEEP_EVERY_MS;
		rc = sweep(r, now_ms, err);
	}
	return rc;
}
