/* model.c - see model.h. The count stands in front of the struct. */
#include "policy/conf/model.h"

#include "policy/base/fault.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

struct box {
	struct arena *arena;
	atomic_long refs;
	max_align_t model[];
};

/* The count is the one thing of a model that changes. */
static struct box *box_of(const void *model)
{
	return (struct box *)((uintptr_t)model - offsetof(struct box, model));
}

static void box_free(struct box *b)
{
	arena_free(&b->arena);
	free(b);
}

void *model_new(size_t size, size_t arena_max, struct arena **arena_out)
{
	struct box *b = fault_alloc() ? NULL : calloc(1, sizeof(*b) + size);

	if (b == NULL)
		return NULL;
	atomic_init(&b->refs, 1);
	b->arena = arena_new(arena_max);
	if (b->arena == NULL) {
		box_free(b);
		return NULL;
	}
	*arena_out = b->arena;
	return b->model;
}

void model_ref(const void *model)
{
	(void)atomic_fetch_add_explicit(
	    &box_of(model)->refs, 1, memory_order_relaxed);
}

void model_unref(const void *model)
{
	struct box *b = model != NULL ? box_of(model) : NULL;

	if (b != NULL &&
	    atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
		box_free(b);
}
