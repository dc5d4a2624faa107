/* release.h - gives copies back to the MTA when their time has come: held
 * ones at their instant, taken and undecided ones at once, recipient by
 * recipient. The milter decides anew at each submission and says it by SMTP:
 *
 *   250   the recipient is done (also where the milter knew the message as
 *         one that went before: a crash between the 250 and our record is
 *         repaired by submitting again, and the person has it once)
 *   4xx   it waits: a held copy gets another instant, a recipient of several
 *         becomes a held copy of its own, so that nobody waits for him
 *   5xx   it is done, and the sender gets a report (nondelivery.h)
 *
 * A held copy of nurture mail is decided, read-only, before it is submitted
 * (release_held.c): only what may go is. What waits gets instant, deadline, end
 * and reason anew from the verdict of the policy in force; what cannot go by its
 * deadline bounces or is dropped at once, as its policy says; what may go is sent
 * up to a minute after it, as late as the agent may be.
 * Several copies are at work at a time, each with a connection of its own; never
 * two of one person, whose messages go in their order. So a server that stalls on
 * one does not keep the others waiting.
 *
 * Trouble on the way (listener, milter, ledger) stops all for a while; it
 * changes no row unless one message alone may be its cause.
 *
 * Beside that: undecided files are adopted, files without rows are swept, and
 * all holds are looked at again when another policy is in force (instant, end and
 * reason are by that one then; some thousands of them a second) and each hour
 * (a slot may have been released since). Threads: one owner; it has some of its
 * own. */
#ifndef AGENT_OUT_RELEASE_H
#define AGENT_OUT_RELEASE_H

#include "agent/app.h"

struct release;

/* conf->agent.release must be set. */
int release_open(
    struct release **out, struct app *app, struct error *err) MUST_CHECK;
/* Waits for the copies at work, which app->stopping makes short. NULL is
 * fine. */
void release_close(struct release **r);

/* Works for RELEASE_STEP_MS at most; what is at work then goes on by itself.
 * *wait_ms_out: until the next step is worth while; 0: there is more. Negative:
 * the ledger or the spool; the next step goes on where this one ended. */
enum {
	RELEASE_STEP_MS = 500,
};
int release_step(struct release *r, int64_t now_ms, int64_t *wait_ms_out,
    struct error *err) MUST_CHECK;

#endif
