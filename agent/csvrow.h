/* csvrow.h - rows of comma-separated values as RFC 4180 has them: quoted cells
 * may hold separators, line ends and, twice, quotes. Lines may end in LF alone.
 * Pure. Threads: any. */
#ifndef AGENT_CSVROW_H
#define AGENT_CSVROW_H

#include "policy/base/arena.h"

enum {
	CSVROW_COLUMNS_MAX = 256
};

/* The bytes of the first row of s with its line end; 0 when s ends within it
 * (a last row without line end is all of s, to be known by the caller).
 * *lines_out: how many lines of the text it takes. */
size_t csvrow_length(struct str s, size_t *lines_out);

/* The cells of a row without its line end, trimmed if they are not quoted; in
 * the arena where quotes had to be undone, else borrowed. ERR_SYNTAX: text
 * behind a closing quote, or no such quote; ERR_LIMIT: more than cap cells, of
 * which the first cap are there; -ENOMEM: the arena is full. *n_out: how many
 * are there, whatever comes back. */
int csvrow_cells(struct str row, char separator, struct arena *a,
    struct str *cells, size_t cap, size_t *n_out) MUST_CHECK;

/* What parts the cells of a heading: of comma, semicolon and tab the one that
 * is most often outside quotes; comma for none. */
char csvrow_separator(struct str heading);

#endif
