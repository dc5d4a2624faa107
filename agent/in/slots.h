/* slots.h - the MTA's log read into the ledger: what became of the messages
 * that we let go out.
 *
 * A step reads a bounded number of lines, turns them into changes of slots, and
 * stores these, a few in a proposal, so that decisions get in between; with the
 * last of them position and open sessions. Nothing is lost across kill -9, and
 * what is read again then changes nothing: slots only go forward. A slot whose SMTP session ended without a 250 is released at
 * once; one whose session's end leaves doubt, after 15 minutes without a sign,
 * with the log read to its end and without a gap since.
 *
 * Threads: one owner. */
#ifndef AGENT_IN_SLOTS_H
#define AGENT_IN_SLOTS_H

#include "agent/app.h"
#include "policy/base/when.h"

enum {
	SLOTS_WAIT_MS = 15 * WHEN_MINUTE_MS
};

struct slots;

/* Goes on where the ledger says. A log that may not be read is tried again by
 * each step, which fails so long. */
int slots_open(
    struct slots **out, struct app *app, struct error *err) MUST_CHECK;
void slots_close(struct slots **s); /* NULL is fine */

/* One bounded piece of work at the instant now_ms. *more_out: call again at
 * once. On failure nothing was lost: the next step reads it again. */
int slots_step(struct slots *s, int64_t now_ms, bool *more_out,
    struct error *err) MUST_CHECK;

struct slots_stats {
	uint64_t lines, unknown, outcomes, gaps, waiting;
};
void slots_stats(const struct slots *s, struct slots_stats *out);

#endif
