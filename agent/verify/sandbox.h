/* sandbox.h - from here on a process computes, reads and writes what it has
 * open, and nothing else: seccomp for the calls, rlimits for memory, processor
 * time, files. There is no way back. Threads: before there are others. */
#ifndef AGENT_VERIFY_SANDBOX_H
#define AGENT_VERIFY_SANDBOX_H

#include "policy/base/error.h"

enum {
	SANDBOX_MEMORY = 512 << 20, /* address space */
	SANDBOX_CPU_S = 120,        /* of the whole process */
};

/* Any other system call, and memory that could be run, kills the process
 * (SIGSYS). -ENOTSUP: a processor that the filter does not know; -errno.
 * Built with a sanitizer, whose runtime needs more, it keeps the limit of time
 * and leaves out the one of memory. */
int sandbox_enter(void) MUST_CHECK;

#endif
