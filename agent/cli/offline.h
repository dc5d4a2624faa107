/* offline.h - the ledger of a conf, opened without an agent. Threads: one. */
#ifndef AGENT_CLI_OFFLINE_H
#define AGENT_CLI_OFFLINE_H

#include "agent/cli/cli.h"
#include "policy/ledger/check.h"

/* Options for STATE-DIR/ledger, the folder's name in the arena; dir != NULL:
 * another folder. CLI_DONE, or told. */
int offline_options(
    struct cli *c, const char *dir, unsigned flags, struct ledger_options *out);
/* The reducers, and progress on a terminal. */
struct check_options offline_check_options(void);
/* Opens; told when it fails. */
int offline_open(
    struct cli *c, const char *dir, unsigned flags, struct ledger **out);
/* Fills members from a report: events, rows, damaged... */
void offline_put_report(struct value *o, const struct check_report *r);
void offline_print_report(const struct check_report *r);

#endif
