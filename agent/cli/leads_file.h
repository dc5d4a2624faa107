/* leads_file.h - lists of people as files: import and export. For verb_lead.c.
 * Threads: one. */
#ifndef AGENT_CLI_LEADS_FILE_H
#define AGENT_CLI_LEADS_FILE_H

#include "agent/cli/cli.h"

int leads_import(struct cli *c);
int leads_export(struct cli *c);

#endif
