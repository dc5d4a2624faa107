/* array.h - a heap array that grows as it is filled.
 *
 * The owner keeps pointer and capacity, both zero at first, and frees the
 * pointer. Threads: one owner at a time. */
#ifndef POLICY_BASE_ARRAY_H
#define POLICY_BASE_ARRAY_H

#include "policy/base/error.h"

#include <stddef.h>

/* Room for n elements in v, of which there are cap. What is there stays, also
 * on failure; what is new is not initialised. The room at least doubles. 0;
 * -ENOMEM. */
#define ARRAY_ROOM(v, cap, n)                                                  \
	array_room((void *)&(v), &(cap), (n), sizeof(*(v)))

/* at: where the pointer to the first element is. */
int array_room(void *at, size_t *cap, size_t n, size_t size) MUST_CHECK;

#endif
