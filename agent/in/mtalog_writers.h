/* mtalog_writers.h - whose entries in the systemd journal are the MTA's.
 * Threads: any. */
#ifndef AGENT_IN_MTALOG_WRITERS_H
#define AGENT_IN_MTALOG_WRITERS_H

#include "policy/base/error.h"
#include "policy/base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	MTALOG_WRITERS_MAX = 32
};

struct mtalog_writers {
	uint32_t uid[MTALOG_WRITERS_MAX];
	size_t n;
};

/* Root, who can write in anybody's name anyway, and `users`: names of this
 * machine's users, or numbers (a container's journal has its own). None: the
 * user postfix, if there is one. ERR_NOT_FOUND: no such user; ERR_LIMIT. */
int mtalog_writers_of(struct strs users, struct mtalog_writers *out,
    struct error *err) MUST_CHECK;

/* uid: as the journal has it, "106". */
bool mtalog_writers_has(const struct mtalog_writers *w, struct str uid);

#endif
