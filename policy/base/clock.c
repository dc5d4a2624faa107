/* clock.c - see clock.h. */
#include "policy/base/clock.h"

#include "policy/base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool from_file(const char *path, int64_t *ms_out)
{
	char text[32];
	uint64_t v;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text));
	(void)close(fd);
	if (n <= 0 || str_u64(str_trim((struct str){text, (size_t)n}),
			  INT64_MAX, &v) != 0)
		return false;
	*ms_out = (int64_t)v;
	return true;
}

static int64_t read_ms(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		bug("clock_gettime");
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
	const char *path = getenv("TENDRIL_CLOCK_FILE");
	int64_t ms;

	if (path != NULL && from_file(path, &ms))
		return ms;
	return read_ms(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

void clock_format(int64_t ms, char out[CLOCK_TEXT])
{
	static const int64_t lowest = -62167219200, highest = 253402300799;
	int64_t s = ms >= 0 ? ms / 1000 : (ms - 999) / 1000;
	time_t t;
	struct tm tm;

	s = s < lowest ? lowest : s > highest ? highest : s;
	t = (time_t)s;
	if (gmtime_r(&t, &tm) == NULL)
		bug("gmtime_r");
	(void)strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
