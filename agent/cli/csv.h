/* csv.h - lines of comma-separated values (RFC 4180), in and out: what lists of
 * addresses come as. A quoted cell ends with its line: none of ours holds a
 * line end. Pure. Threads: any. */
#ifndef AGENT_CLI_CSV_H
#define AGENT_CLI_CSV_H

#include "policy/base/arena.h"
#include "policy/base/buf.h"

/* Takes the next cell off *rest, without quotes and blanks around it; commas
 * and semicolons part cells. False at the end. p == NULL on a full arena. */
bool csv_next(struct str *rest, struct arena *a, struct str *out);
/* Appends a cell, quoted where it must be. */
void csv_put(struct buf *out, struct str cell);

#endif
