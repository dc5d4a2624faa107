/* release_internal.h - the inside of release.h, for release.c (the loop),
 * release_hand.c (one copy, in a thread of its own), release_one.c (one
 * recipient), release_held.c (one of a held copy), release_sent.c (whether he
 * has it already), release_report.c (what the sender is told) and
 * release_upkeep.c (files and holds). What is decided of a copy judge.h says.
 *
 * Threads: the loop's own is the owner of all but what a hand works on: its
 * connection, its arena and one copy; or the walk over the holds. They hand over
 * under the lock. */
#ifndef AGENT_OUT_RELEASE_INTERNAL_H
#define AGENT_OUT_RELEASE_INTERNAL_H

#include "agent/out/judge.h"
#include "agent/out/nondelivery.h"
#include "agent/out/release.h"
#include "agent/out/submit.h"
#include "policy/base/when.h"
#include "policy/state/copy.h"
#include "policy/state/decide.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	/* Copies at a time. Each costs the MTA a process and the ledger a
	 * proposal in a batch: a few make a disk's flush serve several, many
	 * would make others wait. */
	RELEASE_HANDS = 8,
	/* Recipients of one copy before others get their turn. */
	RELEASE_TURN_MAX = 100,
};

/* How long a copy that went wrong is put off, at most. */
#define RELEASE_AGAIN_MS (30 * WHEN_MINUTE_MS)

/* What a copy told of the way to the MTA. */
enum release_way {
	RELEASE_WAY_UNKNOWN,
	RELEASE_WAY_WORKS,
	RELEASE_WAY_TROUBLE,
};

enum release_next {
	RELEASE_GO_ON,    /* the recipient is done with, the copy goes on */
	RELEASE_PUT_OFF,  /* the copy waits */
	RELEASE_STOP_ALL, /* trouble on the way */
};

struct release;
struct release_hand;

/* One copy at work. */
struct release_work {
	struct release *r;
	struct release_hand *hand;
	struct copy_record row; /* strings in the hand's arena */
	struct spool_copy *copy;
	const struct envelope *envelope;
	int64_t now_ms;
	enum release_way way;
};

enum release_hand_state {
	RELEASE_HAND_FREE,  /* the loop's */
	RELEASE_HAND_GIVEN, /* its own, with a copy */
	RELEASE_HAND_DONE,  /* the loop's, with what became of it */
};

/* Who works on a copy, or looks at what waits. */
struct release_hand {
	struct release *r;
	struct arena *arena;   /* of the copy at work */
	struct submit *submit; /* NULL: it looks */
	unsigned way;          /* r->way at its last copy */
	bool reconnects;
	pthread_t thread;
	bool has_thread;
	pthread_cond_t given;
	enum release_hand_state state; /* under the lock */
	atomic_bool together;          /* others were at work meanwhile */
	uint64_t copy_id;    /* of the copy at work, for the loop to look at */
	struct lead_id lead; /* and whose it is */
	struct company_id company; /* none: no limit of a company counts */
	bool passed; /* another one of that person was passed over */
	struct release_work work;
	enum release_next next; /* of the copy that is done, with rc and err */
	int rc;
	struct error err;
};

/* How far the wall clock is ahead of the monotonic one, and since when that has
 * been so; all zero at first. */
struct release_steady {
	bool known;
	int64_t ahead_ms, since_ms;
};

struct release {
	struct app *app;
	struct spool *spool;
	struct release_hand looker;
	struct release_hand hands[RELEASE_HANDS];
	pthread_mutex_t lock;
	pthread_cond_t done; /* a hand is */
	bool closing;        /* under the lock */
	/* trouble on the way */
	int64_t retry_ms;  /* nothing is submitted before; 0: none */
	unsigned troubles; /* in a row */
	unsigned way;      /* another one after each trouble */
	/* So far went the look behind many that are passed over. */
	struct copy_cursor beyond;
	/* upkeep */
	int64_t adopt_ms, sweep_ms, look_ms; /* when it is due */
	struct release_steady steady;
	/* the walk: the looker's while it is at work */
	uint32_t policy_version; /* that holds were looked at with */
	uint64_t look_after;     /* a walk over the holds is here */
	bool looking;
	bool looking_anew; /* since the policy is another */
};

/* --- one copy --- */

/* Starts the hand's thread. looks: it is for the walk, else for copies. h is all
 * zero; close it in every case. */
int release_hand_open(struct release *r, struct release_hand *h, bool looks,
    struct error *err) MUST_CHECK;
/* r->closing is set: waits for the copy at work. */
void release_hand_close(struct release_hand *h);
/* To a free hand: h->work, and the strings in its arena, are set; of the one that
 * looks, now_ms. */
void release_hand_give(struct release_hand *h);
enum release_hand_state release_hand_state(struct release_hand *h);
/* One that is done is free. */
void release_hand_take(struct release_hand *h);

/* Brings the recipient `index` to its end, or puts it off. Negative: nothing
 * can be recorded. */
int release_one(struct release_work *w, uint32_t index,
    enum release_next *next_out, struct error *err) MUST_CHECK;
/* The recipient is given up: a report to the sender where he wants one, then
 * the recipient is done. n: status, reason, code. */
int release_bounce(struct release_work *w, uint32_t index,
    struct nondelivery *n, enum release_next *next,
    struct error *err) MUST_CHECK;
/* Not before due_ms, or the copy's deadline. */
int release_put_off(struct release_work *w, int64_t due_ms,
    enum release_next *next, struct error *err) MUST_CHECK;
/* Longer with each attempt. */
int64_t release_again_ms(const struct release_work *w);

/* What the ledger has of a recipient whose last answer may have been lost. */
enum release_sent {
	RELEASE_NOT_SENT,
	RELEASE_SENT,
	RELEASE_IN_FLIGHT, /* the MTA's log has not told yet */
};
int release_sent(struct release_work *w, uint32_t index, enum release_sent *out,
    struct error *err) MUST_CHECK;

struct release_view {
	struct address recipient;
	struct decide_out decided; /* for decide_fini() in every case */
};
/* How it would be decided now, by the row alone; *out is of the arena.
 * ERR_SYNTAX: malformed address; ERR_NOT_FOUND: its stream is gone. */
int release_explain(struct release_hand *h, const struct copy_record *row,
    struct str address, int64_t now_ms, struct release_view *out,
    struct error *err) MUST_CHECK;
/* A verdict that waits: when it is worth while to try again, of what
 * decide_wait() says. */
int64_t release_instant(
    const struct verdict *v, const struct copy_wait *wait, int64_t now_ms);
/* The verdict of now on a recipient of the copy at work, by its file too
 * (judge.h). As release_explain(). */
int release_look(struct release_work *w, uint32_t index, struct decide_out *out,
    struct error *err) MUST_CHECK;

/* --- one recipient --- */
/* A held copy: what is decided now is done. */
int release_held(struct release_work *w, uint32_t index,
    enum release_next *next, struct error *err) MUST_CHECK;
/* It goes on waiting, as the verdict says. */
int release_hold(struct release_work *w, const struct decide_out *d,
    enum release_next *next, struct error *err) MUST_CHECK;
int release_submit(struct release_work *w, uint32_t index,
    enum release_next *next, struct error *err) MUST_CHECK;
/* Its time is over: reported or dropped. */
int release_expire(struct release_work *w, uint32_t index,
    enum policy_then then, enum release_next *next,
    struct error *err) MUST_CHECK;

/* --- upkeep --- */
/* Whatever is due of it, a bounded part. *more_out: call again at once. */
/* Has the wall clock gone on without a jump for an hour? Else the ages of files
 * say nothing. To be asked often. */
bool release_is_steady(
    struct release_steady *s, int64_t now_ms, int64_t mono_ms);

int release_upkeep(struct release *r, int64_t now_ms, bool *more_out,
    struct error *err) MUST_CHECK;
/* The next few of the walk over the holds, while r->looking. */
int release_look_at_some(
    struct release *r, int64_t now_ms, struct error *err) MUST_CHECK;

#endif
