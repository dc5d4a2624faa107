/* reload.h - a new configuration for a running agent, at SIGUSR1.
 *
 * Taken over at once: roles, seeds, streams and domains, base-url, mode, names,
 * log-level, the rules for bounces, whose file is read again.
 * What parts opened at their start (sockets, folders, keys, the MTA's log,
 * the ledger) must stay as it was: a file that changes it is refused, and the
 * running configuration stays, as for any other mistake.
 *
 * Whoever reads app->conf may hold on to it for as long as he likes: replaced
 * ones are kept to the end. Files that say the same as the running ones are
 * not new ones. Threads: main only. */
#ifndef AGENT_RELOAD_H
#define AGENT_RELOAD_H

#include "agent/app.h"

struct reload;

/* Takes app->conf as loaded from path, which is borrowed; app->rules is
 * there. */
int reload_open(struct reload **out, struct app *app, const char *path,
    struct error *err) MUST_CHECK;
/* When nobody reads app->conf any more; drops it too. NULL is fine. */
void reload_close(struct reload **r);

/* *changed_out: false when the file says what it said. app->conf_refused tells
 * how it ended. */
int reload_now(
    struct reload *r, bool *changed_out, struct error *err) MUST_CHECK;

#endif
