/* release.c - see release.h. Each due copy is worked on until it is done, put
 * off, or the step's time is over; whatever happens its row moves or goes, so
 * that the next one gets its turn. */
#include "agent/out/release_internal.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/log.h"
#include "policy/base/when.h"
#include "policy/state/ops_copy.h"

#include <errno.h>
#include <stdlib.h>

enum {
	ARENA_MAX = 1 << 20,
	TROUBLES_MAX = 3, /* that may be one message's fault */
	IDLE_MS = 1000,
};
#define RETRY_FIRST_MS (2 * WHEN_SECOND_MS)
#define RETRY_LAST_MS (2 * WHEN_MINUTE_MS)
#define LOST_MS WHEN_HOUR_MS

int release_open(struct release **out, struct app *app, struct error *err)
{
	struct release *r = fault_alloc() ? NULL : calloc(1, sizeof(*r));
	int rc;

	*out = NULL;
	if (r == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	r->app = app;
	r->arena = arena_new(ARENA_MAX);
	rc = r->arena != NULL ? spool_open(&r->spool, app->conf->state_dir, err)
			      : error_set(err, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = submit_open(&r->submit, app, err);
	if (rc != 0)
		release_close(&r);
	*out = r;
	return rc;
}

void release_close(struct release **r)
{
	if (*r == NULL)
		return;
	submit_close(&(*r)->submit);
	spool_close(&(*r)->spool);
	arena_free(&(*r)->arena);
	free(*r);
	*r = NULL;
}

/* The first copy that is due; strings go to the arena. next_ms_out: when one
 * will be, 0: none. */
static int next_due(struct release *r, int64_t now_ms, struct copy_record *out,
    int64_t *next_ms_out)
{
	struct copy_cursor from = {0};
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(r->app->store->ledger, &t);

	arena_reset(r->arena);
	if (rc == 0)
		rc = copy_next_due(t, now_ms, &from, out, next_ms_out);
	if (rc == 0)
		rc = copy_keep(out, r->arena);
	ledger_read_end(&t);
	return rc;
}

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

static int work_on(struct release_work *w, unsigned *budget, int64_t end_ms,
    enum release_next *next, struct error *err)
{
	uint32_t index = w->row.next;
	int rc = 0;

	*next = RELEASE_GO_ON;
	while (rc == 0 && *next == RELEASE_GO_ON && *budget > 0 &&
	       index < w->row.recipients && clock_mono_ms() < end_ms) {
		--*budget;
		rc = release_one(w, index, next, err);
		index += rc == 0 && *next == RELEASE_GO_ON;
	}
	if (rc == 0 && index == w->row.recipients)
		rc = finish(w, err);
	return rc;
}

static int release_copy(struct release_work *w, unsigned *budget,
    int64_t end_ms, enum release_next *next, struct error *err)
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
		rc = work_on(w, budget, end_ms, next, err);
	else if (rc == -ENOMEM)
		*err = why;
	else
		rc = put_off_lost(w, &why, err);
	spool_copy_free(&w->copy);
	return rc;
}

/* Longer and longer, until something works. */
static void hold_back(struct release *r, int64_t now_ms)
{
	int64_t wait = RETRY_FIRST_MS;

	for (unsigned i = TROUBLES_MAX; i < r->troubles && wait < RETRY_LAST_MS;
	     i++)
		wait *= 2;
	r->retry_ms = now_ms + (wait < RETRY_LAST_MS ? wait : RETRY_LAST_MS);
}

/* *wait_ms_out: 0 when the step's time is over and there may be more. */
static int release_due(
    struct release *r, int64_t now_ms, int64_t *wait_ms_out, struct error *err)
{
	int64_t end_ms = clock_mono_ms() + RELEASE_STEP_MS, next_ms = 0;
	unsigned budget = RELEASE_STEP_MAX;
	int rc = 0;

	while (rc == 0 && budget > 0 && clock_mono_ms() < end_ms &&
	       !atomic_load(&r->app->stopping)) {
		struct release_work w = {.r = r, .now_ms = now_ms};
		enum release_next next;

		rc = next_due(r, now_ms, &w.row, &next_ms);
		if (rc == ERR_NOT_FOUND) {
			*wait_ms_out =
			    next_ms > now_ms ? next_ms - now_ms : IDLE_MS;
			return 0;
		}
		if (rc != 0)
			return error_of(err, rc, "copies");
		rc = release_copy(&w, &budget, end_ms, &next, err);
		if (rc != 0)
			break;
		if (next == RELEASE_STOP_ALL || r->troubles >= TROUBLES_MAX) {
			hold_back(r, now_ms);
			*wait_ms_out = r->retry_ms - now_ms;
			return 0;
		}
	}
	*wait_ms_out = 0;
	return rc;
}

int release_step(
    struct release *r, int64_t now_ms, int64_t *wait_ms_out, struct error *err)
{
	bool more = false;
	int rc;

	*wait_ms_out = IDLE_MS;
	rc = release_upkeep(r, now_ms, &more, err);
	if (rc != 0)
		return rc;
	/* A clock that went back must not hold us for long. */
	if (r->retry_ms > now_ms && r->retry_ms <= now_ms + RETRY_LAST_MS)
		*wait_ms_out = r->retry_ms - now_ms;
	else
		rc = release_due(r, now_ms, wait_ms_out, err);
	if (more || *wait_ms_out < 0)
		*wait_ms_out = 0;
	else if (*wait_ms_out > IDLE_MS)
		*wait_ms_out = IDLE_MS;
	return rc;
}
