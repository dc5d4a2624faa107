/* histogram.c - see histogram.h. Values 0 to 3 have a bucket each; above, the
 * octave [2^k, 2^(k+1)) has four. */
#include "policy/base/histogram.h"

static unsigned bucket_of(uint64_t v)
{
	unsigned k;

	if (v < 4)
		return (unsigned)v;
	k = 63 - (unsigned)__builtin_clzll(v);
	return 4 * (k - 1) + (unsigned)((v >> (k - 2)) & 3);
}

/* The largest value in bucket b. */
static uint64_t bucket_end(unsigned b)
{
	unsigned k = b / 4 + 1;

	if (b < 4)
		return b;
	return (((uint64_t)(b % 4) + 5) << (k - 2)) - 1;
}

void histogram_add(struct histogram *h, int64_t value)
{
	if (value < 0)
		value = 0;
	h->bucket[bucket_of((uint64_t)value)]++;
	h->count++;
	if (value > h->max)
		h->max = value;
}

int64_t histogram_at(const struct histogram *h, unsigned per_mille)
{
	uint64_t want = (h->count * per_mille + 999) / 1000, seen = 0;
	int64_t end;

	for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++) {
		seen += h->bucket[b];
		if (seen >= want && seen > 0) {
			end = (int64_t)bucket_end(b);
			return end < h->max ? end : h->max;
		}
	}
	return 0;
}
