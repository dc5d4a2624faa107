/* run.h - other programs, found by PATH, without a shell. Threads: one. */
#ifndef AGENT_CLI_RUN_H
#define AGENT_CLI_RUN_H

#include "policy/base/buf.h"

struct run_result {
	int status;     /* of exit(); 128 + n: ended by signal n */
	struct buf out; /* standard output, at most max bytes */
	struct buf err; /* standard error, its beginning */
};

/* argv ends with NULL. Standard input is empty, the environment is ours.
 * 0: it ran, whatever its status. ERR_LIMIT: more output than max bytes;
 * ERR_NOT_FOUND: no such program; -errno. run_fini() in every case. */
int run_program(const char *const *argv, size_t max, struct run_result *out,
    struct error *err) MUST_CHECK;
void run_fini(struct run_result *r);

#endif
