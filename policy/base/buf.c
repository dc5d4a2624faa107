/* buf.c - see buf.h. */
#include "policy/base/buf.h"

#include "policy/base/fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
	free(b->p);
	*b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->error = 0;
	if (b->p != NULL)
		b->p[0] = '\0';
}

static int set_capacity(struct buf *b, size_t cap)
{
	char *p = fault_alloc() ? NULL : realloc(b->p, cap);

	if (p == NULL)
		return -ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

static bool reserve(struct buf *b, size_t more)
{
	size_t need, cap = b->cap > 0 ? b->cap : 64;

	if (b->error != 0)
		return false;
	if (more > b->max - b->n) {
		b->error = ERR_LIMIT;
		return false;
	}
	need = b->n + more + 1;
	if (need <= b->cap)
		return true;
	while (cap < need)
		cap *= 2;
	b->error = set_capacity(b, cap);
	return b->error == 0;
}

char *buf_extend(struct buf *b, size_t n)
{
	char *p;

	if (!reserve(b, n))
		return NULL;
	p = b->p + b->n;
	b->n += n;
	b->p[b->n] = '\0';
	return p;
}

void buf_expect(struct buf *b, size_t more)
{
	size_t room = b->max - b->n;

	more = more < room ? more : room;
	if (b->error != 0 || b->n + more < b->cap)
		return;
	b->error = set_capacity(b, b->n + more + 1);
	if (b->error == 0)
		b->p[b->n] = '\0';
}

void buf_add(struct buf *b, struct str s)
{
	char *p = buf_extend(b, s.n);

	if (p != NULL && s.n > 0)
		memcpy(p, s.p, s.n);
}

void buf_addz(struct buf *b, const char *z)
{
	buf_add(b, str_of(z));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, (struct str){&c, 1});
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		b->error = b->error != 0 ? b->error : -EINVAL;
	else if (reserve(b, (size_t)n)) {
		(void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
	va_end(ap);
}

void buf_truncate(struct buf *b, size_t n)
{
	if (n > b->n)
		bug("buf_truncate beyond the end");
	b->n = n;
	if (b->p != NULL)
		b->p[n] = '\0';
}

struct str buf_str(const struct buf *b)
{
	return (struct str){b->p != NULL ? b->p : "", b->n};
}

int buf_error(const struct buf *b)
{
	return b->error;
}
