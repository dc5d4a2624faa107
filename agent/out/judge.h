/* judge.h - what is decided now about a recipient of a copy: for the release,
 * which acts on it, and for whoever asks what the release would do. One
 * function, so that what is told is what will be done. Read-only.
 *
 * With the copy's file the message itself is judged too: is it one that the MTA
 * has already (REASON_DUPLICATE, REASON_IN_FLIGHT), does it comply. Whether keys
 * can be used only the milter knows, since it alone may read them: here those
 * count that are declared. Threads: any; the arena has one owner. */
#ifndef AGENT_OUT_JUDGE_H
#define AGENT_OUT_JUDGE_H

#include "agent/app.h"
#include "policy/spool/spool.h"
#include "policy/state/decide.h"

struct judge_in {
	struct app *app;
	struct arena *arena;
	const struct copy_record *row;
	struct str address;            /* the recipient's */
	const struct spool_copy *copy; /* NULL: by the row alone */
};

/* What is to be asked by the row. *out is of the arena. ERR_SYNTAX: malformed
 * address; ERR_NOT_FOUND: its stream is gone. */
int judge_ask(const struct judge_in *j, struct decide_in *out,
    struct error *err) MUST_CHECK;
/* The answer; decide_fini(out) in every case. As judge_ask(). */
int judge_copy(const struct judge_in *j, int64_t now_ms, struct decide_out *out,
    struct error *err) MUST_CHECK;

/* What becomes of a copy whose segment was removed from the policy after the
 * copy was held: what the author chose ("orphans"). All others are decided. */
enum judge_fate {
	JUDGE_DECIDE,
	JUDGE_KEEP,      /* until its deadline, or until the segment is back */
	JUDGE_GIVE_BACK, /* to its sender */
};
int judge_fate(struct app *app, const struct copy_record *row,
    enum judge_fate *out, struct error *err) MUST_CHECK;

#endif
