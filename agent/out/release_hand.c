/* release_hand.c - a thread that works on one copy after the other, with a
 * connection of its own; see release_internal.h.
 *
 * Nearly all of a copy's time is waiting: for the milter's commit, for the MTA,
 * for our own record of it. So several are at work, and what they propose at a
 * time shares a flush of the disk. Nothing else changes for a copy: it is
 * decided, submitted and recorded in that order, by one thread. Which copies may
 * be at work at a time is the loop's to say (release.c). */
#include "agent/out/release_internal.h"

#include "agent/out/claims.h"
#include "policy/base/clock.h"
#include "policy/base/log.h"
#include "policy/base/when.h"
#include "policy/state/ops_copy.h"

#include <errno.h>

enum {
	ARENA_MAX = 1 << 20,
};
#define LOST_MS WHEN_HOUR_MS
#define PATIENCE_MS WHEN_MINUTE_MS

/* A row whose file cannot be read: an operator must look. It stays, since
 * nobody else knows that there was a message; but it leaves its queues, since
 * what cannot go must not keep others from going. */
static int put_off_lost(
    struct release_work *w, const struct error *why, struct error *err)
{
	struct copy_decided d = {w->row.id, w->row.wakes, w->row.wait};
	int64_t due_ms = w->now_ms + LOST_MS;

	LOG_EV(LOG_LEVEL_ERR, "copy.lost", KV_I64("copy", (int64_t)w->row.id),
	    KV_Z("error", why->text));
	if (w->row.kind != COPY_HELD)
		return ops_copy_due(w->r->app->store, w->row.id, due_ms, err);
	d.wait.due_ms = due_ms;
	d.wait.reason = REASON_TROUBLE;
	d.wait.queues = 0;
	return ops_copy_wait(w->r->app->store, &d, 1, err);
}

static int finish(struct release_work *w, struct error *err)
{
	LOG_EV(LOG_LEVEL_INFO, "copy.done", KV_I64("copy", (int64_t)w->row.id),
	    KV_Z("kind", copy_kind_name(w->row.kind)));
	return spool_remove(w->r->spool, w->row.id, err);
}

/* Recipients one after the other, for a while; the rest has its turn again. */
static int work_on(
    struct release_work *w, enum release_next *next, struct error *err)
{
	int64_t end_ms = clock_mono_ms() + RELEASE_STEP_MS;
	uint32_t index = w->row.next;
	int rc = 0;

	*next = RELEASE_GO_ON;
	for (int i = 0;
	     rc == 0 && *next == RELEASE_GO_ON && i < RELEASE_TURN_MAX &&
	     index < w->row.recipients && clock_mono_ms() < end_ms &&
	     !atomic_load(&w->r->app->stopping);
	     i++) {
		rc = release_one(w, index, next, err);
		index += rc == 0 && *next == RELEASE_GO_ON;
	}
	if (rc == 0 && index == w->row.recipients)
		rc = finish(w, err);
	return rc;
}

static int work_on_file(
    struct release_work *w, enum release_next *next, struct error *err)
{
	struct error why = {0};
	int rc = spool_read(w->r->spool, w->row.id, &w->copy, &why);

	*next = RELEASE_PUT_OFF;
	if (rc == 0) {
		w->envelope = spool_copy_envelope(w->copy);
		if (w->row.recipients > w->envelope->n_rcpts)
			rc = error_set(&why, ERR_CORRUPT, "recipients");
	}
	if (rc == 0)
		rc = work_on(w, next, err);
	else if (rc == -ENOMEM)
		*err = why;
	else
		rc = put_off_lost(w, &why, err);
	spool_copy_free(&w->copy);
	return rc;
}

/* As it is by now: an operator may have dropped it, or said something else. */
static int read_again(struct release_work *w)
{
	return ops_copy_get(
	    w->r->app->store, w->row.id, w->hand->arena, &w->row);
}

/* Claimed, so that nobody is told meanwhile that it was dropped. */
static int work(
    struct release_work *w, enum release_next *next, struct error *err)
{
	struct claims *claims = w->r->app->claims;
	uint64_t id = w->row.id;
	int rc = claims_take(claims, id, PATIENCE_MS);

	*next = RELEASE_PUT_OFF;
	if (rc != 0)
		return 0;
	rc = read_again(w);
	if (rc == 0)
		rc = work_on_file(w, next, err);
	else
		rc = rc == ERR_NOT_FOUND ? 0 : error_of(err, rc, "copies");
	claims_give(claims, id);
	return rc;
}

/* --- the thread --- */

static bool wait_for_work(struct release_hand *h)
{
	struct release *r = h->r;
	bool given;

	(void)pthread_mutex_lock(&r->lock);
	while (h->state != RELEASE_HAND_GIVEN && !r->closing)
		(void)pthread_cond_wait(&h->given, &r->lock);
	given = h->state == RELEASE_HAND_GIVEN;
	(void)pthread_mutex_unlock(&r->lock);
	return given;
}

static int work_with(struct release_hand *h)
{
	if (h->reconnects)
		submit_drop(h->submit);
	return work(&h->work, &h->next, &h->err);
}

static void *hand_main(void *arg)
{
	struct release_hand *h = arg;

	while (wait_for_work(h)) {
		h->err = (struct error){0};
		if (h->submit == NULL)
			h->rc =
			    release_look_at_some(h->r, h->work.now_ms, &h->err);
		else
			h->rc = work_with(h);
		(void)pthread_mutex_lock(&h->r->lock);
		h->state = RELEASE_HAND_DONE;
		(void)pthread_cond_signal(&h->r->done);
		(void)pthread_mutex_unlock(&h->r->lock);
	}
	submit_close(
	    &h->submit); /* which says good-bye, here at the same time */
	return NULL;
}

int release_hand_open(
    struct release *r, struct release_hand *h, bool looks, struct error *err)
{
	int rc = 0;

	h->r = r;
	h->arena = arena_new(ARENA_MAX);
	if (h->arena == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	if (!looks)
		rc = submit_open(&h->submit, r->app, err);
	if (rc != 0)
		return rc;
	if (pthread_cond_init(&h->given, NULL) != 0)
		bug("release: locks");
	rc = pthread_create(&h->thread, NULL, hand_main, h);
	h->has_thread = rc == 0;
	if (rc == 0)
		return 0;
	(void)pthread_cond_destroy(&h->given);
	return error_of(err, -rc, "thread");
}

void release_hand_close(struct release_hand *h)
{
	if (h->has_thread) {
		(void)pthread_mutex_lock(&h->r->lock);
		(void)pthread_cond_signal(&h->given);
		(void)pthread_mutex_unlock(&h->r->lock);
		(void)pthread_join(h->thread, NULL);
		(void)pthread_cond_destroy(&h->given);
	}
	submit_close(&h->submit);
	arena_free(&h->arena);
}

enum release_hand_state release_hand_state(struct release_hand *h)
{
	enum release_hand_state s;

	(void)pthread_mutex_lock(&h->r->lock);
	s = h->state;
	(void)pthread_mutex_unlock(&h->r->lock);
	return s;
}

void release_hand_take(struct release_hand *h)
{
	(void)pthread_mutex_lock(&h->r->lock);
	h->state = RELEASE_HAND_FREE;
	(void)pthread_mutex_unlock(&h->r->lock);
}

void release_hand_give(struct release_hand *h)
{
	struct release *r = h->r;

	h->reconnects = h->way != r->way;
	h->way = r->way;
	(void)pthread_mutex_lock(&r->lock);
	h->state = RELEASE_HAND_GIVEN;
	(void)pthread_cond_signal(&h->given);
	(void)pthread_mutex_unlock(&r->lock);
}
