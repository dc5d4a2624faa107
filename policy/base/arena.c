/* arena.c - see arena.h. Blocks grow from 4 KB to 64 KB; a larger request gets
 * a block of its own, so that a peer's size never sets our block size. */
#include "policy/base/arena.h"

#include "policy/base/fault.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST = 4096,
	LARGEST = 65536,
	ALIGN = 16
};

struct block {
	struct block *next;
	size_t cap, used;
	_Alignas(ALIGN) unsigned char data[];
};

struct arena {
	struct block *head; /* newest first */
	size_t max, charged, grow;
};

struct arena *arena_new(size_t max)
{
	struct arena *a = fault_alloc() ? NULL : calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->max = max;
	a->grow = FIRST;
	return a;
}

static void free_blocks(struct block *b)
{
	while (b != NULL) {
		struct block *next = b->next;
		free(b);
		b = next;
	}
}

void arena_free(struct arena **a)
{
	if (*a == NULL)
		return;
	free_blocks((*a)->head);
	free(*a);
	*a = NULL;
}

void arena_reset(struct arena *a)
{
	struct block *keep = a->head;

	if (keep != NULL && keep->cap <= LARGEST) {
		free_blocks(keep->next);
		keep->next = NULL;
		keep->used = 0;
	} else {
		free_blocks(keep);
		a->head = NULL;
	}
	a->charged = 0;
	a->grow = FIRST;
}

static struct block *add_block(struct arena *a, size_t need)
{
	size_t cap = need > a->grow ? need : a->grow;
	struct block *b = fault_alloc() ? NULL : malloc(sizeof(*b) + cap);

	if (b == NULL)
		return NULL;
	if (a->grow < LARGEST)
		a->grow *= 2;
	b->cap = cap;
	b->used = 0;
	b->next = a->head;
	a->head = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
	struct block *b = a->head;
	void *p;

	if (n > SIZE_MAX - ALIGN)
		return NULL;
	n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (n > a->max - a->charged)
		return NULL;
	if (b == NULL || n > b->cap - b->used) {
		b = add_block(a, n);
		if (b == NULL)
			return NULL;
	}
	p = b->data + b->used;
	b->used += n;
	a->charged += n;
	return memset(p, 0, n);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n))
		return NULL;
	return arena_alloc(a, n);
}

void *arena_room(
    struct arena *a, void *v, size_t n, size_t *cap, size_t first, size_t size)
{
	size_t more = *cap > 0 ? *cap * 2 : first;
	void *copy;

	if (n < *cap)
		return v;
	copy = arena_array(a, more, size);
	if (copy == NULL)
		return NULL;
	if (n > 0)
		memcpy(copy, v, n * size);
	*cap = more;
	return copy;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = s.n < SIZE_MAX ? arena_alloc(a, s.n + 1) : NULL;

	if (p == NULL)
		return STR_NULL;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return (struct str){p, s.n};
}

char *arena_z(struct arena *a, const char *z)
{
	struct str s = arena_str(a, str_of(z));

	return (char *)(uintptr_t)s.p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p = NULL;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0)
		p = arena_alloc(a, (size_t)n + 1);
	if (p != NULL)
		(void)vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return p;
}
