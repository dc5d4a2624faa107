/* fault.c - see fault.h. The two counters are test switches, never set by the
 * programs themselves. */
#include "policy/base/fault.h"

#include <stdatomic.h>

static atomic_long alloc_left, write_left;

static bool hit(atomic_long *left)
{
	if (atomic_load_explicit(left, memory_order_relaxed) <= 0)
		return false;
	return atomic_fetch_sub(left, 1) == 1;
}

void fault_alloc_at(long n)
{
	atomic_store(&alloc_left, n);
}

void fault_write_at(long n)
{
	atomic_store(&write_left, n);
}

bool fault_alloc(void)
{
	return hit(&alloc_left);
}

bool fault_write(void)
{
	return hit(&write_left);
}
