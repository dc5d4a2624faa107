/* model.h - the memory of an immutable model: its struct, an arena with all
 * that it points to, and a count of those who hold it. Internal to policy/conf.
 * Threads: the count is atomic; the rest is one owner's until it is shared. */
#ifndef POLICY_CONF_MODEL_H
#define POLICY_CONF_MODEL_H

#include "policy/base/arena.h"

/* Zeroed, held once; *arena_out belongs to it. size: bytes of the struct.
 * NULL when out of memory. */
void *model_new(
    size_t size, size_t arena_max, struct arena **arena_out) MUST_CHECK;
void model_ref(const void *model);
/* The last one frees struct and arena. NULL is fine. */
void model_unref(const void *model);

#endif
