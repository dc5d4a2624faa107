/* secret.h - key material: owner and mode checked, never logged, cleansed.
 * Threads: immutable after load. */
#ifndef POLICY_BASE_SECRET_H
#define POLICY_BASE_SECRET_H

#include "policy/base/str.h"

struct secret;

/* Reads a key file of at most 64 KB. Refuses (ERR_KEY) a file that group or
 * others can read or write, that is not a regular file, or that is owned by
 * neither root nor the caller. With SECRET_GROUP_READ group may read (keys
 * shared by the two daemons through group tendril). */
enum {
	SECRET_GROUP_READ = 1
};
int secret_load(struct secret **out, const char *path, unsigned flags,
    struct error *err) MUST_CHECK;
/* Copies; for tests and derived keys. NULL when malloc fails. */
struct secret *secret_new(struct str bytes) MUST_CHECK;
void secret_free(struct secret **s);             /* cleanses; NULL is fine */
struct str secret_bytes(const struct secret *s); /* borrowed */

/* For programs that end while threads of theirs run: exit() is not to take
 * OpenSSL, its locks first, from under them. Before anything else of it is
 * used. */
void secret_keep_library(void);

#endif
