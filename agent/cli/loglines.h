/* loglines.h - the lines of a log file as rotation left it: plain, or
 * compressed, which the program of that kind unpacks (gzip, bzip2, xz, zstd,
 * lz4), found by PATH. "-" is standard input. Bounded: lines are cut at
 * LOGLINES_MAX bytes. Threads: one. */
#ifndef AGENT_CLI_LOGLINES_H
#define AGENT_CLI_LOGLINES_H

#include "policy/base/error.h"
#include "policy/base/str.h"

enum {
	LOGLINES_MAX = 8192 /* as of the follower */
};

struct loglines;

/* ERR_NOT_FOUND: no program unpacks it; -errno. */
int loglines_open(
    struct loglines **out, const char *path, struct error *err) MUST_CHECK;
/* 1: a line, without its newline, valid until the next call; 0: the end. A
 * negative code: it could not be read, or unpacked to its end. */
int loglines_next(
    struct loglines *l, struct str *out, struct error *err) MUST_CHECK;
void loglines_close(struct loglines **l); /* NULL is fine */

#endif
