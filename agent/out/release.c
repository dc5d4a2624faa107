/* release.c - see release.h. The loop finds what is due and gives it to a free
 * hand; whatever happens the row moves or goes, so that the next one gets its
 * turn.
 *
 * At work at a time are copies that do not know of each other: never two of one
 * person, so that his order is kept and none is decided on what another is just
 * about to change; and of those with several recipients, who may be anybody, one.
 * Of a company whose limits count, one: whoever is decided first has its place,
 * and that is to be the older. Between copies of other people nothing is shared that the
 * milter's proposal does not decide.
 *
 * Once there was trouble on the way, one copy alone tries it: so a message that
 * is the cause itself is found, and the others are not put off for it. */
#include "agent/out/release_internal.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/when.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	TROUBLES_MAX = 3, /* that may be one message's fault */
	IDLE_MS = 1000,
	SLICE_MS = 100, /* in which a stop is seen */
	NAP_MS = 50,    /* what is due so soon is waited for */
	/* Due copies that are passed over in a round, since others of theirs
	 * are at work: from the first one on, and from where the last round
	 * stopped. A company may have a hundred thousand that are due. */
	PASSED_MAX = 256,
	BEYOND_MS = 1,
};
#define RETRY_FIRST_MS (2 * WHEN_SECOND_MS)
#define RETRY_LAST_MS (2 * WHEN_MINUTE_MS)

/* --- open and close --- */

static int open_hands(struct release *r, struct error *err)
{
	int rc = release_hand_open(r, &r->looker, true, err);

	for (size_t i = 0; rc == 0 && i < RELEASE_HANDS; i++)
		rc = release_hand_open(r, &r->hands[i], false, err);
	return rc;
}

int release_open(struct release **out, struct app *app, struct error *err)
{
	struct release *r = fault_alloc() ? NULL : calloc(1, sizeof(*r));
	int rc;

	*out = NULL;
	if (r == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	r->app = app;
	if (pthread_mutex_init(&r->lock, NULL) != 0 ||
	    pthread_cond_init(&r->done, NULL) != 0)
		bug("release: locks");
	rc = spool_open(&r->spool, app->conf->state_dir, err);
	if (rc == 0)
		rc = open_hands(r, err);
	if (rc != 0)
		release_close(&r);
	*out = r;
	return rc;
}

void release_close(struct release **r)
{
	if (*r == NULL)
		return;
	(void)pthread_mutex_lock(&(*r)->lock);
	(*r)->closing = true;
	(void)pthread_mutex_unlock(&(*r)->lock);
	release_hand_close(&(*r)->looker);
	for (size_t i = 0; i < RELEASE_HANDS; i++)
		release_hand_close(&(*r)->hands[i]);
	spool_close(&(*r)->spool);
	(void)pthread_cond_destroy(&(*r)->done);
	(void)pthread_mutex_destroy(&(*r)->lock);
	free(*r);
	*r = NULL;
}

/* --- the way to the MTA --- */

/* A clock that went back must not hold us for long. */
static bool is_held_back(const struct release *r, int64_t now_ms)
{
	return r->retry_ms > now_ms && r->retry_ms <= now_ms + RETRY_LAST_MS;
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

/* What those tell that were at work when it began is one trouble. */
static void see_way(
    struct release *r, const struct release_hand *h, int64_t now_ms)
{
	if (h->work.way == RELEASE_WAY_WORKS && h->way == r->way)
		r->troubles = 0;
	if (h->work.way == RELEASE_WAY_TROUBLE) {
		r->way++;
		r->troubles += !is_held_back(r, now_ms);
	}
	if (!is_held_back(r, now_ms) &&
	    (h->next == RELEASE_STOP_ALL || r->troubles >= TROUBLES_MAX))
		hold_back(r, now_ms);
}

/* --- who is at work --- */

/* One that is done is free again. A copy that failed is as it was. */
static int collect_one(struct release_hand *h, struct error *err)
{
	if (release_hand_state(h) != RELEASE_HAND_DONE)
		return 0;
	release_hand_take(h);
	if (h->rc != 0)
		*err = h->err;
	return h->rc;
}

static int collect(struct release *r, int64_t now_ms, struct error *err)
{
	int rc = collect_one(&r->looker, err);

	for (size_t i = 0; rc == 0 && i < RELEASE_HANDS; i++) {
		struct release_hand *h = &r->hands[i];
		bool done = release_hand_state(h) == RELEASE_HAND_DONE;

		rc = collect_one(h, err);
		if (done && h->passed) /* the person's next one may go */
			r->beyond = (struct copy_cursor){0};
		if (rc == 0 && done)
			see_way(r, h, now_ms);
	}
	return rc;
}

static struct release_hand *find_free(struct release *r)
{
	for (size_t i = 0; i < RELEASE_HANDS; i++)
		if (release_hand_state(&r->hands[i]) == RELEASE_HAND_FREE)
			return &r->hands[i];
	return NULL;
}

static bool is_busy(struct release *r)
{
	for (size_t i = 0; i < RELEASE_HANDS; i++)
		if (release_hand_state(&r->hands[i]) != RELEASE_HAND_FREE)
			return true;
	return false;
}

/* Zero leads, of copies with several recipients, are equal too. Of a company
 * whose limits count, the older goes first as well: whoever is decided first has
 * the place. */
static bool excludes(
    const struct release_hand *h, const struct copy_record *row)
{
	return h->copy_id == row->id || lead_id_eq(&h->lead, &row->lead) ||
	       (!company_is_none(&h->company) &&
		   memcmp(&h->company, &row->wait.company,
		       sizeof(h->company)) == 0);
}

static bool is_excluded(struct release *r, const struct copy_record *row)
{
	static const struct lead_id anybody;

	for (size_t i = 0; i < RELEASE_HANDS; i++) {
		struct release_hand *h = &r->hands[i];

		if (release_hand_state(h) == RELEASE_HAND_FREE ||
		    !excludes(h, row))
			continue;
		h->passed |= lead_id_eq(&h->lead, &row->lead) &&
			     !lead_id_eq(&row->lead, &anybody) &&
			     h->copy_id != row->id;
		return true;
	}
	return false;
}

/* A hand that is done frees a person, or the way is known to work. */
static void wait_for_hand(struct release *r, int64_t ms)
{
	struct timespec until;
	bool done = false;
	int rc = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (ms < SLICE_MS ? ms : SLICE_MS) * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void)pthread_mutex_lock(&r->lock);
	while (rc == 0 && !done) {
		done = r->looker.state == RELEASE_HAND_DONE;
		for (size_t i = 0; i < RELEASE_HANDS; i++)
			done |= r->hands[i].state == RELEASE_HAND_DONE;
		if (!done)
			rc = pthread_cond_clockwait(
			    &r->done, &r->lock, CLOCK_MONOTONIC, &until);
	}
	(void)pthread_mutex_unlock(&r->lock);
}

/* --- what is due --- */

/* The first copy behind the cursor that is due; strings go to the arena.
 * next_ms_out: when one will be, 0: none. */
static int next_due(struct release *r, int64_t now_ms,
    struct copy_cursor *cursor, struct release_hand *h, int64_t *next_ms_out)
{
	struct ledger_txn *t = NULL;
	struct copy_record *row = &h->work.row;
	int rc = ledger_read_begin(r->app->store->ledger, &t);

	arena_reset(h->arena);
	if (rc == 0)
		rc = copy_next_due(t, now_ms, cursor, row, next_ms_out);
	if (rc == 0)
		rc = copy_keep(row, h->arena);
	ledger_read_end(&t);
	return rc;
}

static void give_to(struct release *r, struct release_hand *h)
{
	bool together = is_busy(r);

	for (size_t i = 0; together && i < RELEASE_HANDS; i++)
		atomic_store(&r->hands[i].together, true);
	atomic_store(&h->together, together);
	h->copy_id = h->work.row.id;
	h->lead = h->work.row.lead;
	h->company = h->work.row.wait.company;
	h->passed = false;
	release_hand_give(h);
}

static bool may_give(struct release *r, int64_t now_ms)
{
	return !is_held_back(r, now_ms) && !atomic_load(&r->app->stopping) &&
	       (r->troubles == 0 || !is_busy(r));
}

/* From the cursor on. 0: no hand is free, or so many were passed over;
 * ERR_NOT_FOUND: no more is due. */
static int give_from(struct release *r, int64_t now_ms,
    struct copy_cursor *cursor, int64_t *next_ms_out)
{
	struct release_hand *h;

	for (int passed = 0; passed < PASSED_MAX && may_give(r, now_ms);) {
		int rc;

		h = find_free(r);
		if (h == NULL)
			break;
		h->work =
		    (struct release_work){.r = r, .hand = h, .now_ms = now_ms};
		rc = next_due(r, now_ms, cursor, h, next_ms_out);
		if (rc != 0)
			return rc;
		if (is_excluded(r, &h->work.row))
			passed++;
		else
			give_to(r, h);
	}
	return 0;
}

static bool is_behind(const struct copy_cursor *a, const struct copy_cursor *b)
{
	if (a->due_ms != b->due_ms)
		return a->due_ms > b->due_ms;
	return a->rank != b->rank ? a->rank > b->rank : a->id > b->id;
}

/* *next_ms_out: when there is something to be given; 0: nothing is due, or there
 * is more than hands. Hands that find none of theirs among the first look
 * further, a part of it each round. */
static int give(
    struct release *r, int64_t now_ms, int64_t *next_ms_out, struct error *err)
{
	struct copy_cursor from = {0};
	int rc;

	*next_ms_out = 0;
	rc = give_from(r, now_ms, &from, next_ms_out);
	if (rc == 0 && find_free(r) != NULL && may_give(r, now_ms)) {
		if (is_behind(&from, &r->beyond))
			r->beyond = from;
		rc = give_from(r, now_ms, &r->beyond, next_ms_out);
		if (rc == 0 && find_free(r) != NULL)
			*next_ms_out = now_ms + BEYOND_MS;
	}
	if (rc == ERR_NOT_FOUND)
		r->beyond = (struct copy_cursor){0};
	return rc == ERR_NOT_FOUND ? 0 : error_of(err, rc, "copies");
}

/* --- the loop --- */

static bool is_looking(struct release *r)
{
	return release_hand_state(&r->looker) != RELEASE_HAND_FREE;
}

static void look_on(struct release *r, int64_t now_ms)
{
	if (is_looking(r) || !r->looking)
		return;
	r->looker.work.now_ms = now_ms;
	release_hand_give(&r->looker);
}

/* One round. *wait_ms_out: 0: there is more to be done. */
static int turn(struct release *r, int64_t now_ms, int64_t left_ms,
    int64_t *wait_ms_out, struct error *err)
{
	int64_t next_ms = 0, wait_ms;
	int rc = collect(r, now_ms, err);

	*wait_ms_out = 0;
	if (rc == 0)
		rc = give(r, now_ms, &next_ms, err);
	if (rc != 0)
		return rc;
	look_on(r, now_ms);
	wait_ms = next_ms > now_ms ? next_ms - now_ms : IDLE_MS;
	if (is_busy(r) || is_looking(r))
		wait_for_hand(r, wait_ms < left_ms ? wait_ms : left_ms);
	else if (is_held_back(r, now_ms))
		*wait_ms_out = r->retry_ms - now_ms;
	else if (wait_ms < NAP_MS)
		wait_for_hand(r, wait_ms);
	else
		*wait_ms_out = wait_ms;
	return 0;
}

/* So much has passed at least: two readings that are rounded down may differ by
 * one more. A clock that is ahead of the milter's submits what is refused, and is
 * put off for that. */
static int64_t passed_since(int64_t begin_ms)
{
	int64_t ms = clock_mono_ms() - begin_ms;

	return ms > 0 ? ms - 1 : 0;
}

int release_step(
    struct release *r, int64_t now_ms, int64_t *wait_ms_out, struct error *err)
{
	int64_t begin_ms = clock_mono_ms(), took_ms = 0;
	bool more = false;
	int rc = release_upkeep(r, now_ms, &more, err);

	*wait_ms_out = 0;
	while (rc == 0 && *wait_ms_out == 0 && took_ms < RELEASE_STEP_MS &&
	       !atomic_load(&r->app->stopping)) {
		rc = turn(r, now_ms + took_ms, RELEASE_STEP_MS - took_ms,
		    wait_ms_out, err);
		took_ms = passed_since(begin_ms);
	}
	if (rc != 0 || more)
		*wait_ms_out = rc != 0 ? IDLE_MS : 0;
	else if (*wait_ms_out > IDLE_MS)
		*wait_ms_out = IDLE_MS;
	return rc;
}
