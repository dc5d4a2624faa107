/* load_stat.h - figures: a histogram of latencies, and what /proc tells of the
 * filter's process. Threads: one owner. */
#ifndef TESTS_BENCH_LOAD_STAT_H
#define TESTS_BENCH_LOAD_STAT_H

#include "policy/base/error.h"

#include <stdint.h>
#include <sys/types.h>

/* Microseconds; a value is kept to within 1 part in 64. */
enum {
	LOAD_BUCKETS = 64 * 32
};
struct load_hist {
	uint64_t n, max_us;
	uint64_t bucket[LOAD_BUCKETS];
};

void load_hist_add(struct load_hist *h, uint64_t us);
/* The smallest value that `share` (0 to 1) of all are not above; 0 if none. */
double load_hist_ms(const struct load_hist *h, double share);

struct load_proc {
	uint64_t cpu_us;          /* user and system, all threads */
	uint64_t rss_kb, peak_kb; /* VmRSS, VmHWM */
	uint64_t threads;
};

/* ERR_NOT_FOUND: no such process. */
int load_proc_read(
    pid_t pid, struct load_proc *out, struct error *err) MUST_CHECK;

/* The middle one of n numbers, which it sorts; 0 when n is 0. */
uint64_t load_median(uint64_t *v, size_t n);

#endif
