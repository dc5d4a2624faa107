/* buf.h - a growing byte buffer with a maximum given at creation.
 *
 * Appends are sticky: after the first failure (ERR_LIMIT or -ENOMEM) every
 * later append does nothing and buf_error() tells the code, so a run of
 * appends needs one check at its end. The content is followed by a NUL that
 * is not counted. Threads: one owner. */
#ifndef POLICY_BASE_BUF_H
#define POLICY_BASE_BUF_H

#include "policy/base/str.h"

struct buf {
	char *p;
	size_t n, cap, max;
	int error; /* 0 or the first failure */
};

void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);  /* frees; the buffer may be init'ed again */
void buf_reset(struct buf *b); /* empties, keeps memory, clears the error */

void buf_add(struct buf *b, struct str s);
void buf_addz(struct buf *b, const char *z);
void buf_addc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Room for n bytes that the caller fills; NULL on failure. */
char *buf_extend(struct buf *b, size_t n);
/* Memory for so many more bytes (up to max), where appending would double what
 * is there. */
void buf_expect(struct buf *b, size_t more);
void buf_truncate(struct buf *b, size_t n); /* n <= b->n */

struct str buf_str(const struct buf *b); /* borrowed until the next change */
int buf_error(const struct buf *b) MUST_CHECK;

#endif
