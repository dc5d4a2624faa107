/* load_stat.c - see load_stat.h.
 *
 * The histogram has 64 buckets to each power of two, so that its size is fixed
 * and the error of a percentile below 1.6 %. */
#include "tests/bench/load_stat.h"

#include "policy/base/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	SUB_BITS = 6,
	SUB = 1 << SUB_BITS
};

static size_t bucket_of(uint64_t us)
{
	unsigned shift = 0;

	while (us >> shift >= 2 * SUB)
		shift++;
	return (size_t)shift * SUB + (size_t)(us >> shift);
}

/* The largest value that falls into it. */
static uint64_t bucket_top(size_t i)
{
	unsigned shift = i < 2 * SUB ? 0 : (unsigned)(i / SUB - 1);
	uint64_t head = i - (size_t)shift * SUB;

	return ((head + 1) << shift) - 1;
}

void load_hist_add(struct load_hist *h, uint64_t us)
{
	size_t i = bucket_of(us);

	h->bucket[i < LOAD_BUCKETS ? i : LOAD_BUCKETS - 1]++;
	h->n++;
	if (us > h->max_us)
		h->max_us = us;
}

double load_hist_ms(const struct load_hist *h, double share)
{
	uint64_t seen = 0, want = (uint64_t)(share * (double)h->n + 0.5);
	uint64_t us = 0;

	if (h->n == 0)
		return 0;
	want = want < 1 ? 1 : want;
	for (size_t i = 0; i < LOAD_BUCKETS && seen < want; i++) {
		seen += h->bucket[i];
		us = bucket_top(i);
	}
	return (double)(us < h->max_us ? us : h->max_us) / 1000;
}

static int read_proc(pid_t pid, const char *name, struct buf *out)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	buf_init(out, 1 << 16);
	return file_read(path, out, NULL);
}

/* The number after "Key:" in /proc/PID/status; 0 when it is not there. */
static uint64_t status_value(struct str text, struct str key)
{
	struct str line;
	uint64_t value = 0;

	while (str_next(&text, '\n', &line)) {
		struct str number;

		if (!str_starts(line, key))
			continue;
		number = str_trim(str_from(line, key.n));
		number = str_cut(number, 0, str_find(number, 0, ' '));
		if (str_u64(number, UINT64_MAX, &value) != 0)
			value = 0;
	}
	return value;
}

/* Fields 14 and 15 of /proc/PID/stat, counted after the command's last ')',
 * in clock ticks. */
static int cpu_ticks(struct str text, uint64_t *out)
{
	struct str rest = str_from(text, str_rfind(text, ')') + 1), field;
	uint64_t value;

	*out = 0;
	rest = str_trim(rest);
	for (unsigned i = 3; i <= 15; i++) {
		if (!str_next(&rest, ' ', &field))
			return ERR_SYNTAX;
		if (i < 14)
			continue;
		if (str_u64(field, UINT64_MAX, &value) != 0)
			return ERR_SYNTAX;
		*out += value;
	}
	return 0;
}

int load_proc_read(pid_t pid, struct load_proc *out, struct error *err)
{
	struct buf stat, status;
	uint64_t ticks = 0;
	int rc = read_proc(pid, "stat", &stat);
	int rc2 = read_proc(pid, "status", &status);

	*out = (struct load_proc){0};
	if (rc == 0)
		rc = rc2;
	if (rc == 0)
		rc = cpu_ticks(buf_str(&stat), &ticks);
	if (rc == 0) {
		out->cpu_us = ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
		out->rss_kb = status_value(buf_str(&status), STR("VmRSS:"));
		out->peak_kb = status_value(buf_str(&status), STR("VmHWM:"));
		out->threads = status_value(buf_str(&status), STR("Threads:"));
	} else {
		rc = error_set(
		    err, ERR_NOT_FOUND, "process %ld: not there", (long)pid);
	}
	buf_fini(&stat);
	buf_fini(&status);
	return rc;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t load_median(uint64_t *v, size_t n)
{
	if (n == 0)
		return 0;
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}
