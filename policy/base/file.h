/* file.h - whole files, in and out, durably. Threads: any. */
#ifndef POLICY_BASE_FILE_H
#define POLICY_BASE_FILE_H

#include "policy/base/buf.h"

/* Appends the file's bytes to out (whose max is the bound: ERR_LIMIT). */
int file_read(const char *path, struct buf *out, struct error *err) MUST_CHECK;
/* The same, and waits for a pipe's writer: never in a daemon. */
int file_read_pipe(
    const char *path, struct buf *out, struct error *err) MUST_CHECK;
int file_read_fd(int fd, struct buf *out, struct error *err) MUST_CHECK;

/* Writes to a temporary name in the same folder, fsyncs, renames over path,
 * fsyncs the folder. The mode is as given, whatever the umask, from when the
 * file has its name. On failure nothing at path has changed. */
int file_write_atomic(const char *path, struct str data, unsigned mode,
    struct error *err) MUST_CHECK;
/* The same, but fails with ERR_EXISTS where path is there already. */
int file_create_durable(const char *path, struct str data, unsigned mode,
    struct error *err) MUST_CHECK;

int file_sync_dir(const char *dir, struct error *err) MUST_CHECK;
/* The folder that path is in: after a rename or unlink. */
int file_sync_parent(const char *path, struct error *err) MUST_CHECK;
/* Writes all or fails. */
int file_write_all(int fd, struct str data) MUST_CHECK;
/* Descriptors for this process: as many as the system allows, at most `want`,
 * never fewer than there are. For start-up. */
void file_raise_limit(unsigned long want);
/* mkdir, fine when the folder is there. */
int file_mkdir(const char *dir, unsigned mode, struct error *err) MUST_CHECK;

#endif
