/* door.c - see door.h.
 *
 * A batch runs in one write transaction: take a proposal off the queue of the
 * lane that lanes.h names, run its function, append its events and apply them,
 * until the queues are empty or a bound is reached; commit; answer all. A
 * function that fails costs nothing: its events were only collected. A reducer
 * or put that fails leaves the transaction half changed, so it is aborted, what
 * stood before the guilty one is run and committed again, and the guilty one
 * opens the next transaction: if it fails there too, as the first, nobody else
 * is to blame. Every proposal runs at most three times for one that fails so.
 *
 * A proposal that waits in door_propose() lives on its caller's stack. `state`
 * tells who owns it: QUEUED - whoever holds the lock may take it off the
 * queue; TAKEN - the door thread; DONE - the caller, and the door thread no
 * longer touches it after the sem_post().
 *
 * Whoever waits and is woken wakes some others in turn: each sem_post() may
 * cost the one who calls it its turn on the processor, and while the door
 * thread waits for one, nothing is committed. */
#include "policy/ledger/door.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/histogram.h"
#include "policy/base/sched.h"
#include "policy/ledger/lanes.h"
#include "policy/ledger/turns.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	QUEUED,
	TAKEN,
	DONE
};

enum {
	WAKES = 4
};

struct proposal {
	struct proposal *next;
	enum lane lane;
	door_fn *fn;
	void *arg;
	door_done *done; /* NULL: someone waits on sem */
	void *cb_arg;
	int *row; /* NULL: stands alone */
	sem_t sem;
	atomic_int state;
	int rc;
	struct error err;
	struct proposal *others; /* whom it wakes, by `next` */
};

struct emitted {
	struct emitted *next;
	struct event ev;
};

struct door_ctx {
	struct door *d;
	struct ledger_txn *txn;
	struct arena *arena;
	struct emitted *first, **last;
	int64_t now_ms;
	int failed; /* by door_emit() */
	struct error err;
};

struct queue {
	struct proposal *head, **tail;
	size_t n;
	size_t want; /* so many wake the door thread */
};

struct door {
	struct door_options o;
	pthread_t thread;
	pthread_mutex_t lock; /* of the queues, stopping, stats, times */
	pthread_cond_t work, room;
	struct queue queue[LANES];
	size_t callers; /* inside propose() */
	bool stopping;
	struct door_stats stats;
	struct histogram times;
	/* The door thread's own. */
	struct door_ctx ctx;
	struct lanes lanes;
	struct turns *turns;
	struct proposal **batch; /* room for o.batch_max */
	size_t n_batch;
	struct lanes_batch mix;
	int64_t took_us; /* all of the last one */
};

static int64_t mono_us(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		bug("clock_gettime");
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* --- inside a proposal --- */

const struct ledger_txn *door_txn(const struct door_ctx *ctx)
{
	return ctx->txn;
}

int64_t door_now_ms(const struct door_ctx *ctx)
{
	return ctx->now_ms;
}

struct arena *door_arena(struct door_ctx *ctx)
{
	return ctx->arena;
}

struct error *door_error(struct door_ctx *ctx)
{
	return &ctx->err;
}

static int emit_failed(
    struct door_ctx *ctx, int rc, unsigned type, const char *why)
{
	if (ctx->failed == 0)
		ctx->failed =
		    error_set(&ctx->err, rc, "event of type %u: %s", type, why);
	return rc;
}

int door_emit(
    struct door_ctx *ctx, unsigned type, unsigned version, struct str payload)
{
	const struct reducer_table *rt = ctx->d->o.reducers;
	const struct reducer *r;
	struct emitted *e;

	if (reducer_find(rt, type, version, &r) != 0)
		return emit_failed(ctx, ERR_VERSION, type, "no reducer");
	if (payload.n > EVENT_PAYLOAD_MAX)
		return emit_failed(ctx, ERR_LIMIT, type, "payload too large");
	e = arena_alloc(ctx->arena, sizeof(*e));
	if (e != NULL)
		e->ev.payload = arena_str(ctx->arena, payload);
	if (e == NULL || e->ev.payload.p == NULL)
		return emit_failed(ctx, ERR_LIMIT, type, "scratch memory full");
	e->ev.type = (uint16_t)type;
	e->ev.version = (uint8_t)version;
	e->ev.class = r != NULL ? r->class : event_kind(type)->class;
	e->ev.time_ms = ctx->now_ms;
	*ctx->last = e;
	ctx->last = &e->next;
	return 0;
}

/* --- the door thread: one batch --- */

struct outcome {
	size_t bad;      /* the proposal that spoilt the transaction */
	uint64_t events; /* applied */
};

/* What the proposer will get: a text of its own, or the code's. */
static void tell(struct proposal *p, int rc, const struct error *err)
{
	p->rc = rc;
	p->err = (struct error){0};
	if (rc != 0 && err->code != 0)
		p->err = *err;
	else if (rc != 0)
		(void)error_set(&p->err, rc, "ledger: %s", error_text(rc));
	p->err.code = rc;
	if (rc != 0 && p->row != NULL && *p->row == 0)
		*p->row = rc;
}

/* 0: applied, or refused alone. Else the transaction is spoilt. */
static int run_one(struct door *d, struct proposal *p, struct outcome *oc)
{
	struct door_ctx *ctx = &d->ctx;
	int rc = 0;

	arena_reset(ctx->arena);
	ctx->first = NULL;
	ctx->last = &ctx->first;
	ctx->failed = 0;
	ctx->err = (struct error){0};
	ctx->now_ms = d->o.now_ms();
	p->rc = p->row != NULL ? *p->row : 0;
	if (p->rc == 0)
		p->rc = p->fn(ctx, p->arg);
	if (p->rc == 0)
		p->rc = ctx->failed;
	tell(p, p->rc, &ctx->err);
	for (struct emitted *e = ctx->first; e != NULL && p->rc == 0 && rc == 0;
	     e = e->next) {
		rc = event_append(ctx->txn, &e->ev);
		if (rc == 0)
			rc = reducer_apply(
			    d->o.reducers, ctx->txn, &e->ev, &ctx->err);
		if (rc == 0) /* a reducer may have dropped the code */
			rc = ledger_txn_failed(ctx->txn);
		oc->events++;
	}
	return rc;
}

/* Under the lock. */
static struct proposal *dequeue(struct door *d, enum lane lane)
{
	struct queue *q = &d->queue[lane];
	struct proposal *p = q->head;

	q->head = p->next;
	if (q->head == NULL)
		q->tail = &q->head;
	q->n--;
	d->stats.queued--;
	return p;
}

/* Puts the next one into the batch, unless that is complete. */
static bool take(struct door *d)
{
	int64_t now_us = mono_us();
	struct lanes_queue q = {.elsewhere = d->mix.n[LANE_BACK] > 0 &&
					     turns_waits(d->turns, LANE_FRONT)};
	struct proposal *p = NULL;
	enum lane lane;

	if (q.elsewhere)
		lanes_saw_front(&d->lanes, now_us);
	(void)pthread_mutex_lock(&d->lock);
	q.waits[LANE_FRONT] = d->queue[LANE_FRONT].head != NULL;
	q.waits[LANE_BACK] = d->queue[LANE_BACK].head != NULL;
	lane = lanes_next(&d->lanes, &d->mix, &q, now_us);
	if (lane != LANE_NONE) {
		p = dequeue(d, lane);
		atomic_store(&p->state, TAKEN);
		d->batch[d->n_batch++] = p;
		d->mix.n[lane]++;
		/* Of both lanes: a signal might wake one that waits for the
		 * other. */
		(void)pthread_cond_broadcast(&d->room);
	}
	(void)pthread_mutex_unlock(&d->lock);
	if (lane == LANE_FRONT)
		lanes_saw_front(&d->lanes, now_us);
	return p != NULL;
}

/* As the first of the batch is, or who waits by now. */
static enum lane lane_of_batch(struct door *d)
{
	bool front = d->mix.n[LANE_FRONT] > 0;

	(void)pthread_mutex_lock(&d->lock);
	front = front || d->queue[LANE_FRONT].head != NULL;
	(void)pthread_mutex_unlock(&d->lock);
	return front ? LANE_FRONT : LANE_BACK;
}

/* Waits for its turn among the processes. */
static int begin(struct door *d)
{
	enum lane lane = lane_of_batch(d);
	int64_t now_us = mono_us();
	int rc;

	if (lane == LANE_BACK)
		lanes_saw_front(&d->lanes, turns_front_us(d->turns, now_us));
	turns_ask(d->turns, lane, now_us);
	rc = ledger_write_begin(d->o.ledger, &d->ctx.txn);
	turns_end(d->turns);
	return rc;
}

static int run_timed(struct door *d, struct proposal *p, struct outcome *oc)
{
	int64_t from_us = mono_us();
	int rc = run_one(d, p, oc);

	d->mix.us[p->lane] += mono_us() - from_us;
	return rc;
}

/* whole: it was all of the batch that was run, so its times are known. */
static int commit(struct door *d, bool whole)
{
	int64_t from_us = mono_us();
	int rc = ledger_commit(&d->ctx.txn);

	if (rc == 0 && whole)
		lanes_note(&d->lanes, &d->mix, mono_us() - from_us);
	return rc;
}

/* Runs batch[from..to) in one transaction and commits; with `grow` also what
 * is queued. On failure oc->bad is the one whose events could not be applied,
 * or beyond the batch: all have failed. */
static int attempt(
    struct door *d, size_t from, size_t to, bool grow, struct outcome *oc)
{
	int rc = begin(d);

	*oc = (struct outcome){.bad = SIZE_MAX};
	if (rc != 0)
		return rc;
	for (size_t i = from; rc == 0; i++) {
		if (i >= (grow ? d->n_batch : to) && !(grow && take(d)))
			break;
		rc = run_timed(d, d->batch[i], oc);
		if (rc != 0)
			oc->bad = i;
	}
	if (rc != 0 || oc->events == 0)
		ledger_abort(&d->ctx.txn);
	else
		rc = commit(d, grow);
	d->ctx.txn = NULL;
	return rc;
}

static void count_attempt(struct door *d, int rc, const struct outcome *oc)
{
	(void)pthread_mutex_lock(&d->lock);
	if (rc == 0) {
		d->stats.commits += oc->events > 0;
		d->stats.events += oc->events;
	} else if (oc->bad == SIZE_MAX) {
		d->stats.failed_commits++;
	} else {
		d->stats.reruns++;
	}
	(void)pthread_mutex_unlock(&d->lock);
}

/* Each turn either decides some proposals or makes `to` smaller. */
static void decide_batch(struct door *d)
{
	static const struct error nothing = {0};
	size_t from = 0, to = d->n_batch;
	bool grow = true;

	while (from < to) {
		struct outcome oc;
		int rc = attempt(d, from, to, grow, &oc);

		count_attempt(d, rc, &oc);
		if (grow)
			to = d->n_batch;
		grow = false;
		if (rc != 0 && oc.bad != SIZE_MAX && oc.bad > from) {
			to = oc.bad;
			continue;
		}
		if (rc != 0 && oc.bad == from) {
			to = from + 1;
			tell(d->batch[from], rc, &d->ctx.err);
		} else if (rc != 0) {
			for (size_t i = from; i < to; i++)
				tell(d->batch[i], rc, &nothing);
		}
		from = to;
		to = d->n_batch;
	}
}

static void call_back(struct proposal *p)
{
	p->done(p->cb_arg, p->rc, &p->err);
	(void)sem_destroy(&p->sem);
	free(p);
}

static void wake(struct proposal *p)
{
	atomic_store(&p->state, DONE);
	(void)sem_post(&p->sem);
}

/* Whoever is woken may be gone at once. */
static void wake_others(struct proposal *p)
{
	while (p != NULL) {
		struct proposal *next = p->next;

		wake(p);
		p = next;
	}
}

/* Those that wait are a tree: batch[i] wakes batch[WAKES * i + 1] and the next
 * ones. Overwrites the batch. */
static void answer(struct proposal **batch, size_t n)
{
	size_t n_waiting = 0;

	for (size_t i = 0; i < n; i++) {
		struct proposal *p = batch[i], *by;

		if (p->done != NULL) {
			call_back(p);
			continue;
		}
		p->next = p->others = NULL;
		if (n_waiting > 0) {
			by = batch[(n_waiting - 1) / WAKES];
			p->next = by->others;
			by->others = p;
		}
		batch[n_waiting++] = p;
	}
	if (n_waiting > 0)
		wake(batch[0]);
}

static void run_batch(struct door *d)
{
	int64_t from_us = mono_us();
	uint64_t refused = 0;

	d->n_batch = 0;
	d->mix = (struct lanes_batch){0};
	if (!take(d))
		return;
	decide_batch(d);
	for (size_t i = 0; i < d->n_batch; i++)
		refused += d->batch[i]->rc != 0;
	d->took_us = mono_us() - from_us;
	(void)pthread_mutex_lock(&d->lock);
	d->stats.batches++;
	d->stats.proposals += d->n_batch;
	d->stats.refused += refused;
	histogram_add(&d->times, d->took_us);
	(void)pthread_mutex_unlock(&d->lock);
	answer(d->batch, d->n_batch);
}

static struct timespec mono_in_us(int64_t us)
{
	struct timespec ts;
	int64_t at = mono_us() + us;

	ts.tv_sec = (time_t)(at / 1000000);
	ts.tv_nsec = (long)(at % 1000000) * 1000;
	return ts;
}

/* Under the lock. Where the last batch had company, so many are waited for
 * again: what a commit costs is shared by all that are in it. No longer than
 * that batch took, so that the wait is worth its while on a slow disk and on
 * a fast one. Those in front do not wait for company from behind. */
static void gather(struct door *d)
{
	enum lane lane = d->queue[LANE_FRONT].n > 0 ? LANE_FRONT : LANE_BACK;
	struct queue *q = &d->queue[lane];
	int64_t most_us =
	    d->took_us < d->o.gather_us ? d->took_us : d->o.gather_us;
	struct timespec until = mono_in_us(most_us);
	int rc = 0;

	if (d->mix.n[lane] <= 1)
		return;
	q->want = d->mix.n[lane];
	while (q->n < q->want && !d->stopping && rc == 0 &&
	       (lane == LANE_FRONT || d->queue[LANE_FRONT].n == 0))
		rc = pthread_cond_clockwait(
		    &d->work, &d->lock, CLOCK_MONOTONIC, &until);
	q->want = 1;
}

static bool wait_for_work(struct door *d)
{
	bool more;

	(void)pthread_mutex_lock(&d->lock);
	while (d->stats.queued == 0 && !d->stopping)
		(void)pthread_cond_wait(&d->work, &d->lock);
	gather(d);
	more = d->stats.queued > 0 || !d->stopping;
	(void)pthread_mutex_unlock(&d->lock);
	return more;
}

static void *door_main(void *arg)
{
	struct door *d = arg;

	sched_short_slices();
	while (wait_for_work(d))
		run_batch(d);
	return NULL;
}

/* --- the callers' side --- */

static struct timespec deadline_in(int64_t ms)
{
	struct timespec ts;
	int64_t at = clock_mono_ms() + ms;

	ts.tv_sec = (time_t)(at / 1000);
	ts.tv_nsec = (long)(at % 1000) * 1000000;
	return ts;
}

/* deadline == NULL: does not wait for room. */
static int enqueue(
    struct door *d, struct proposal *p, const struct timespec *deadline)
{
	struct queue *q = &d->queue[p->lane];
	int rc = 0;

	(void)pthread_mutex_lock(&d->lock);
	while (q->n >= d->o.queue_max && !d->stopping && rc == 0)
		rc = deadline == NULL
			 ? ETIMEDOUT
			 : pthread_cond_clockwait(
			       &d->room, &d->lock, CLOCK_MONOTONIC, deadline);
	if (d->stopping) {
		rc = ERR_STOPPING;
	} else if (rc != 0) {
		rc = ERR_BUSY;
		d->stats.timeouts++;
	} else {
		*q->tail = p;
		q->tail = &p->next;
		q->n++;
		d->stats.queued++;
		if (d->stats.queued > d->stats.queued_most)
			d->stats.queued_most = d->stats.queued;
		if (q->n >= q->want)
			(void)pthread_cond_signal(&d->work);
	}
	(void)pthread_mutex_unlock(&d->lock);
	return rc;
}

/* Takes a proposal that waited too long off the queue; false when the door
 * thread has it. */
static bool withdraw(struct door *d, struct proposal *p)
{
	struct queue *q = &d->queue[p->lane];
	struct proposal **at;
	bool mine;

	(void)pthread_mutex_lock(&d->lock);
	mine = atomic_load(&p->state) == QUEUED;
	for (at = &q->head; mine && *at != NULL; at = &(*at)->next) {
		if (*at != p)
			continue;
		*at = p->next;
		if (*at == NULL)
			q->tail = at;
		q->n--;
		d->stats.queued--;
		d->stats.timeouts++;
		break;
	}
	(void)pthread_mutex_unlock(&d->lock);
	return mine;
}

static int await(
    struct door *d, struct proposal *p, const struct timespec *deadline)
{
	int rc;

	do
		rc = sem_clockwait(&p->sem, CLOCK_MONOTONIC, deadline);
	while (rc != 0 && errno == EINTR);
	if (rc != 0 && withdraw(d, p))
		return ERR_BUSY;
	while (rc != 0)
		rc = sem_wait(&p->sem);
	if (atomic_load(&p->state) != DONE)
		bug("door: woken before the answer");
	wake_others(p->others);
	return p->rc;
}

static void caller_enters(struct door *d)
{
	(void)pthread_mutex_lock(&d->lock);
	d->callers++;
	(void)pthread_mutex_unlock(&d->lock);
}

static void caller_leaves(struct door *d)
{
	(void)pthread_mutex_lock(&d->lock);
	if (--d->callers == 0 && d->stopping)
		(void)pthread_cond_broadcast(&d->room);
	(void)pthread_mutex_unlock(&d->lock);
}

static int propose(
    struct door *d, enum lane lane, door_fn *fn, void *arg, struct error *err)
{
	struct timespec deadline = deadline_in(d->o.wait_ms);
	struct proposal p = {.lane = lane, .fn = fn, .arg = arg};
	int rc;

	if (sem_init(&p.sem, 0, 0) != 0)
		bug("sem_init");
	caller_enters(d);
	rc = enqueue(d, &p, &deadline);
	if (rc == 0)
		rc = await(d, &p, &deadline);
	caller_leaves(d);
	(void)sem_destroy(&p.sem);
	if (rc != 0 && p.err.code == 0)
		tell(&p, rc, &p.err); /* never run */
	if (rc != 0 && err != NULL)
		*err = p.err;
	return rc;
}

int door_propose(struct door *d, door_fn *fn, void *arg, struct error *err)
{
	return propose(d, LANE_BACK, fn, arg, err);
}

int door_decide(struct door *d, door_fn *fn, void *arg, struct error *err)
{
	return propose(d, LANE_FRONT, fn, arg, err);
}

int door_submit_in_row(struct door *d, int *row, door_fn *fn, void *arg,
    door_done *done, void *cb_arg)
{
	struct proposal *p = fault_alloc() ? NULL : calloc(1, sizeof(*p));
	int rc;

	if (p == NULL)
		return -ENOMEM;
	p->lane = LANE_BACK;
	p->fn = fn;
	p->arg = arg;
	p->done = done;
	p->cb_arg = cb_arg;
	p->row = row;
	if (sem_init(&p->sem, 0, 0) != 0)
		bug("sem_init");
	rc = enqueue(d, p, NULL);
	if (rc != 0)
		free(p);
	return rc;
}

int door_submit(
    struct door *d, door_fn *fn, void *arg, door_done *done, void *cb_arg)
{
	return door_submit_in_row(d, NULL, fn, arg, done, cb_arg);
}

void door_stats(struct door *d, struct door_stats *out)
{
	(void)pthread_mutex_lock(&d->lock);
	*out = d->stats;
	out->batch_p50_us = histogram_at(&d->times, 500);
	out->batch_p99_us = histogram_at(&d->times, 990);
	out->batch_max_us = d->times.max;
	(void)pthread_mutex_unlock(&d->lock);
}

/* --- open and close --- */

static void set_defaults(struct door_options *o)
{
	if (o->now_ms == NULL)
		o->now_ms = clock_now_ms;
	if (o->queue_max == 0)
		o->queue_max = 4096;
	if (o->batch_max == 0)
		o->batch_max = 512;
	if (o->batch_us == 0)
		o->batch_us = 5000;
	if (o->gather_us == 0)
		o->gather_us = 1000;
	if (o->wait_ms == 0)
		o->wait_ms = 20000;
	if (o->arena_max == 0)
		o->arena_max = (size_t)16 << 20;
}

static void door_dealloc(struct door *d)
{
	turns_close(&d->turns);
	arena_free(&d->ctx.arena);
	free(d->batch);
	(void)pthread_mutex_destroy(&d->lock);
	(void)pthread_cond_destroy(&d->work);
	(void)pthread_cond_destroy(&d->room);
	free(d);
}

static struct door *door_alloc(const struct door_options *o)
{
	struct door *d = fault_alloc() ? NULL : calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->o = *o;
	set_defaults(&d->o);
	d->ctx.d = d;
	for (size_t i = 0; i < LANES; i++)
		d->queue[i] =
		    (struct queue){.tail = &d->queue[i].head, .want = 1};
	lanes_init(&d->lanes, d->o.batch_max, d->o.batch_us);
	if (pthread_mutex_init(&d->lock, NULL) != 0 ||
	    pthread_cond_init(&d->work, NULL) != 0 ||
	    pthread_cond_init(&d->room, NULL) != 0)
		bug("door: locks");
	d->ctx.arena = arena_new(d->o.arena_max);
	if (!fault_alloc())
		d->batch = calloc(d->o.batch_max, sizeof(struct proposal *));
	if (d->ctx.arena == NULL || d->batch == NULL) {
		door_dealloc(d);
		return NULL;
	}
	return d;
}

/* The thread starts with every signal blocked: they belong to the main one. */
static int start_thread(struct door *d)
{
	sigset_t all, old;
	int rc;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&d->thread, NULL, door_main, d);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0)
		(void)pthread_setname_np(d->thread, "door");
	return -rc;
}

int door_open(
    struct door **out, const struct door_options *o, struct error *err)
{
	struct door *d = door_alloc(o);
	int rc;

	*out = NULL;
	if (d == NULL)
		return error_set(err, -ENOMEM, "door: out of memory");
	rc = turns_open(&d->turns, ledger_dir(o->ledger), err);
	if (rc == 0)
		rc = error_of(err, start_thread(d), "door: thread");
	if (rc != 0) {
		door_dealloc(d);
		return rc;
	}
	*out = d;
	return 0;
}

void door_close(struct door **d)
{
	if (*d == NULL)
		return;
	(void)pthread_mutex_lock(&(*d)->lock);
	(*d)->stopping = true;
	(void)pthread_cond_signal(&(*d)->work);
	(void)pthread_cond_broadcast(&(*d)->room);
	(void)pthread_mutex_unlock(&(*d)->lock);
	(void)pthread_join((*d)->thread, NULL);
	(void)pthread_mutex_lock(&(*d)->lock);
	while ((*d)->callers > 0)
		(void)pthread_cond_wait(&(*d)->room, &(*d)->lock);
	(void)pthread_mutex_unlock(&(*d)->lock);
	door_dealloc(*d);
	*d = NULL;
}
