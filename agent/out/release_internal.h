/* release_internal.h - the inside of release.h, for release.c (the loop),
 * release_one.c (one recipient), release_held.c (one of a held copy),
 * release_sent.c (whether he has it already),
 * release_report.c (what the sender is told), release_orphan.c (segments that
 * are gone) and release_upkeep.c (files and holds). Threads: one owner. */
#ifndef AGENT_OUT_RELEASE_INTERNAL_H
#define AGENT_OUT_RELEASE_INTERNAL_H

#include "agent/out/nondelivery.h"
#include "agent/out/release.h"
#include "agent/out/submit.h"
#include "policy/state/copy.h"
#include "policy/state/decide.h"

/* The version of the policy that took a segment away. */
struct release_removal {
	uint32_t version, label; /* what this is about: in force; segment */
	int64_t applied_ms;      /* 0: none did */
	enum policyver_orphans orphans;
};

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
	bool looking_anew;              /* since the policy is another */
	struct release_removal removal; /* found last */
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
/* What becomes of a copy whose segment was removed from the policy after the
 * copy was held: what the author chose ("orphans"). All others are decided. */
enum release_fate {
	RELEASE_DECIDE,
	RELEASE_KEEP, /* until its deadline, or until the segment is back */
	RELEASE_GIVE_BACK, /* to its sender */
};
int release_fate(struct release *r, const struct copy_record *row,
    enum release_fate *out, struct error *err) MUST_CHECK;

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
/* What is to be asked of one recipient. *in_out is of the arena. ERR_SYNTAX:
 * malformed address; ERR_NOT_FOUND: its stream is gone. */
int release_ask(struct release *r, const struct copy_record *row,
    struct str address, struct decide_in *in_out, struct error *err) MUST_CHECK;
/* How it would be decided now; *out is of the arena. ERR_SYNTAX: malformed
 * address; ERR_NOT_FOUND: its stream is gone. */
int release_explain(struct release *r, const struct copy_record *row,
    struct str address, int64_t now_ms, struct release_view *out,
    struct error *err) MUST_CHECK;
/* A verdict that waits: when it is worth while to try again, of what
 * decide_wait() says. */
int64_t release_instant(
    const struct verdict *v, const struct copy_wait *wait, int64_t now_ms);
/* The verdict of now on a recipient of a copy, with the key of its message, so
 * that REASON_DUPLICATE and REASON_IN_FLIGHT tell whether the MTA has it. As
 * release_explain(). */
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

/* Whatever is due of it, a bounded part. *more_out: call again at once. */
int release_upkeep(struct release *r, int64_t now_ms, bool *more_out,
    struct error *err) MUST_CHECK;

#endif
