/* asuser.h - something done with the rights of another user: to see what a
 * daemon would see, its groups, folders on the way and access lists included.
 * Threads: called while there is one. */
#ifndef AGENT_CLI_ASUSER_H
#define AGENT_CLI_ASUSER_H

#include "policy/base/error.h"

typedef void asuser_emit(void *arg, const char *line);

bool asuser_exists(const char *name);

/* Runs fn in a child that has become that user; each line that it emits there
 * is emitted here. Caller is root, or that user. ERR_NOT_FOUND: no such user;
 * ERR_UNAVAILABLE: the child did not come to its end; -errno. */
int asuser_run(const char *name,
    void (*fn)(void *fn_arg, asuser_emit *emit, void *arg), void *fn_arg,
    asuser_emit *emit, void *arg, struct error *err) MUST_CHECK;

#endif
