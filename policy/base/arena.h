/* arena.h - memory that is freed all at once, with a bound.
 *
 * One arena per owner (a connection, a message, a proposal). Every allocation
 * is charged against max; a full arena gives NULL, which callers turn into
 * ERR_LIMIT and hence into a tempfail of that message alone.
 * Memory is 16-byte aligned and zeroed. Threads: one owner at a time. */
#ifndef POLICY_BASE_ARENA_H
#define POLICY_BASE_ARENA_H

#include "policy/base/str.h"

struct arena;

/* max: bytes of payload. NULL when malloc fails. */
struct arena *arena_new(size_t max) MUST_CHECK;
void arena_free(struct arena **a); /* NULL is fine; sets *a = NULL */
void arena_reset(struct arena *a); /* drops all, keeps one block */

void *arena_alloc(struct arena *a, size_t n) MUST_CHECK;
void *arena_array(struct arena *a, size_t count, size_t size) MUST_CHECK;
/* For an array v that grows one by one, *cap elements of `size` bytes of which n
 * are used: v itself while one more fits, else a copy of twice the room
 * (`first` elements at the beginning). NULL on failure: v is as it was. */
void *arena_room(struct arena *a, void *v, size_t n, size_t *cap, size_t first,
    size_t size) MUST_CHECK;
/* Copies; the copy has a NUL after it that is not counted. p == NULL on
 * failure (also the copy of an empty str has p != NULL). */
struct str arena_str(struct arena *a, struct str s) MUST_CHECK;
char *arena_z(struct arena *a, const char *z) MUST_CHECK;
char *arena_printf(struct arena *a, const char *fmt, ...)
    PRINTF_LIKE(2, 3) MUST_CHECK;

#endif
