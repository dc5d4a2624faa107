/* spool_internal.h - the inside of the spool, for spool.c, spool_list.c and
 * stage.c. Threads: any; a spool is immutable once open. */
#ifndef POLICY_SPOOL_SPOOL_INTERNAL_H
#define POLICY_SPOOL_SPOOL_INTERNAL_H

#include "policy/spool/spool.h"

#include <limits.h>

struct spool {
	char dir[2][PATH_MAX - 64]; /* by enum spool_place */
};

enum {
	SPOOL_NAME = 16 /* hex digits */
};
#define SPOOL_SUFFIX ".eml"
#define SPOOL_TEMP ".tmp"

struct spool_path {
	char z[PATH_MAX];
};

/* The folders of the spool, and `more` below them. */
int spool_make_dirs(
    const struct spool *s, const char *more, struct error *err) MUST_CHECK;
/* A whole file, synced, under a temporary name in that folder; the caller
 * gives it another and unlinks this. */
int spool_write_temp(const struct spool *s, enum spool_place place,
    const struct envelope *e, const struct spool_message *m,
    struct spool_path *out, struct error *err) MUST_CHECK;
/* Renames `from`, of the same file system, to the name of a copy whose id is
 * drawn for now_ms and free; durable. ERR_NOT_FOUND: there is no `from`. */
int spool_move_in(const struct spool *s, const char *from,
    enum spool_place place, int64_t now_ms, uint64_t *id_out,
    struct error *err) MUST_CHECK;

/* Foreign codes that mean "no room": ERR_FULL; others as they are. */
int spool_code(int rc);

#endif
