/* verb_hold_adopt.h - one command of tendril hold: an enum cli_exit. Threads:
 * one. */
#ifndef AGENT_CLI_VERB_HOLD_ADOPT_H
#define AGENT_CLI_VERB_HOLD_ADOPT_H

#include "agent/cli/cli.h"

int verb_hold_adopt(struct cli *c);

#endif
