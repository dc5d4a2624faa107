/* sched.c - see sched.h. The C library has no sched_setattr(2) before 2.41. */
#include "policy/base/sched.h"

#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	SHORT_NS = 100000 /* the least that the kernel takes */
};

/* The first version of struct sched_attr. */
struct attributes {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

void sched_short_slices(void)
{
#if defined SYS_sched_getattr && defined SYS_sched_setattr
	struct attributes a = {.size = sizeof(a)};

	if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) != 0 ||
	    a.policy != SCHED_OTHER)
		return;
	a.size = sizeof(a);
	a.runtime_ns = SHORT_NS;
	(void)syscall(SYS_sched_setattr, 0, &a, 0);
#endif
}
