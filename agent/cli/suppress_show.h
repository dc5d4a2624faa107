/* suppress_show.h - what a suppression rests on, and taking back those of a
 * bad time. For verb_suppress.c. Threads: one. */
#ifndef AGENT_CLI_SUPPRESS_SHOW_H
#define AGENT_CLI_SUPPRESS_SHOW_H

#include "agent/cli/cli.h"

/* Of a reply to check and show: "suppressed", "paused, not suppressed"... */
const char *suppress_state(const struct value *reply);
int suppress_show(struct cli *c);
int suppress_undo(struct cli *c);

#endif
