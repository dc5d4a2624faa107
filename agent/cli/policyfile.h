/* policyfile.h - a policy as its author has it: a file that may name other
 * files, and the whole text that daemons and ledger get. Threads: one. */
#ifndef AGENT_CLI_POLICYFILE_H
#define AGENT_CLI_POLICYFILE_H

#include "agent/cli/cli.h"

/* The text of the policy at path ("-": standard input), with the days of its
 * days-file options in it (policy/conf/policytext.h). In c's arena. CLI_DONE; CLI_USAGE with err empty: the
 * policy could not be read, which is told; CLI_NO: err says "file:line: what"
 * of the policy or of such a file. */
int policyfile_read(
    struct cli *c, const char *path, struct str *out, struct error *err);
/* The same, which tells both. */
int policyfile_get(struct cli *c, const char *path, struct str *out);

#endif
