/* histogram.h - how long things took: counts in buckets a quarter of an octave
 * wide, so that a percentile is right within 19 %, whatever the range.
 * Values below 0 count as 0. Threads: one owner. */
#ifndef POLICY_BASE_HISTOGRAM_H
#define POLICY_BASE_HISTOGRAM_H

#include <stdint.h>

enum {
	HISTOGRAM_BUCKETS = 252
};

struct histogram { /* zero is empty */
	uint64_t count, bucket[HISTOGRAM_BUCKETS];
	int64_t max;
};

void histogram_add(struct histogram *h, int64_t value);
/* The upper end of the bucket that holds the share `per_mille` of all values,
 * never above the largest value seen; 0 when empty. */
int64_t histogram_at(const struct histogram *h, unsigned per_mille);

#endif
