/* release_internal.h - the inside of release.h, for release.c (the loop),
 * release_one.c (one recipient) and release_upkeep.c (files and holds).
 * Threads: one owner. */
#ifndef AGENT_OUT_RELEASE_INTERNAL_H
#define AGENT_OUT_RELEASE_INTERNAL_H

#include "agent/out/release.h"
#include "agent/out/submit.h"
#include "policy/state/copy.h"
#include "policy/state/decide.h"

struct release {
	struct app *app;
	struct spool *spool;
	struct submit *submit;
	struct arena *arena; /* of the copy at work */
	/* trouble on the way */
	int64_t retry_ms;  /* nothing is submitted before; 0: none */
	unsigned troubles; /* in a row */
	/* upkeep */
	int64_t adopt_ms, sweep_ms, look_ms; /* when it is due */
	uint32_t policy_version; /* that holds were looked at with */
	uint64_t look_after;     /* a walk over the holds is here */
	bool looking;
};

/* One copy at work. */
struct release_work {
	struct release *r;
	struct copy_record row; /* strings in r->arena */
	struct spool_copy *copy;
	const struct envelope *envelope;
	int64_t now_ms;
};

enum release_next {
	RELEASE_GO_ON,    /* the recipient is done with, the copy goes on */
	RELEASE_PUT_OFF,  /* the copy waits */
	RELEASE_STOP_ALL, /* trouble on the way */
};

/* Brings the recipient `index` to its end, or puts it off. Negative: nothing
 * can be recorded. */
int release_one(struct release_work *w, uint32_t index,
    enum release_next *next_out, struct error *err) MUST_CHECK;
struct release_view {
	struct address recipient;
	struct decide_out decided; /* for decide_fini() in every case */
};
/* How it would be decided now; *out is of the arena. ERR_SYNTAX: malformed
 * address; ERR_NOT_FOUND: its stream is gone. */
int release_explain(struct release *r, const struct copy_record *row,
    struct str address, int64_t now_ms, struct release_view *out,
    struct error *err) MUST_CHECK;
/* A verdict that waits: when it is worth while to try again. */
int64_t release_instant(
    const struct verdict *v, const struct copy_record *row, int64_t now_ms);

/* Whatever is due of it, a bounded part. *more_out: call again at once. */
int release_upkeep(struct release *r, int64_t now_ms, bool *more_out,
    struct error *err) MUST_CHECK;

#endif
