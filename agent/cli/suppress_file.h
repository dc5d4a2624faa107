/* suppress_file.h - lists of suppressions as files: import and export. For
 * verb_suppress.c. Threads: one. */
#ifndef AGENT_CLI_SUPPRESS_FILE_H
#define AGENT_CLI_SUPPRESS_FILE_H

#include "agent/cli/cli.h"

int suppress_import(struct cli *c);
int suppress_export(struct cli *c);

#endif
