/* mtalog_files.h - a log file and what rotation has made of it: PATH, then
 * PATH.1, PATH-20261122, PATH.20261122-103846, plain or compressed, in the
 * same folder. Threads: any. */
#ifndef AGENT_IN_MTALOG_FILES_H
#define AGENT_IN_MTALOG_FILES_H

#include "policy/base/error.h"

#include <stdint.h>
#include <sys/stat.h>

struct mtalog_file {
	const char *path; /* valid during the visit */
	uint64_t dev, inode, size;
	int64_t mtime_ns;
	bool is_live;    /* PATH itself */
	bool compressed; /* and the plain file is gone */
};

typedef int mtalog_file_fn(void *arg, const struct mtalog_file *file);

/* Visits the regular files in no order; a visit that returns other than 0
 * ends the walk and is the result. -errno when the folder cannot be read. */
int mtalog_files_each(const char *path, mtalog_file_fn *fn, void *arg,
    struct error *err) MUST_CHECK;

/* Of this host's local time, which the stamps without a zone are of, as of
 * now. */
int32_t mtalog_utc_offset(int64_t now_ms);

/* Fills all but path, is_live and compressed. */
void mtalog_file_of(const struct stat *st, struct mtalog_file *out);

#endif
