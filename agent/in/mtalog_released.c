/* mtalog_released.c - see mtalog_released.h. A stamp may have no more than
 * seconds, so one of the second of since_ms counts. */
#include "agent/in/mtalog_released.h"

#include "agent/in/mtalog_files.h"
#include "agent/in/mtalog_prefix.h"
#include "policy/base/clock.h"
#include "policy/base/when.h"

#include <errno.h>
#include <stdio.h>

enum {
	LINE_MAX_BYTES = 8192
};

struct search {
	struct str queue_id;
	int64_t since_ms;
	struct mtalog_when when;
	struct error *err;
};

static bool says_so(const struct search *s, struct str line)
{
	struct mtalog_prefix p;
	struct str text;

	if (!str_contains(line, s->queue_id) ||
	    mtalog_prefix_parse(line, &s->when, &p) != 0 ||
	    !str_ends(p.program, STR("/postsuper")) ||
	    p.time_ms <= s->since_ms - WHEN_SECOND_MS)
		return false;
	text = str_trim(p.text);
	if (!str_starts(text, s->queue_id))
		return false;
	text = str_from(text, s->queue_id.n);
	return str_eq(text, STR(": released from hold")) ||
	       str_eq(text, STR(": requeued"));
}

/* The rest of a line longer than any of ours is not looked at: whoever wrote
 * it may have put there what looks like a line. */
static bool search_lines(const struct search *s, FILE *f)
{
	char line[LINE_MAX_BYTES];
	bool at_start = true;

	while (fgets(line, sizeof(line), f) != NULL) {
		struct str text = str_of(line);

		if (at_start && says_so(s, text))
			return true;
		at_start = str_ends(text, STR("\n"));
	}
	return false;
}

static int search_file(void *arg, const struct mtalog_file *file)
{
	const struct search *s = arg;
	int found, failed;
	FILE *f;

	if (file->mtime_ns / 1000000 <= s->since_ms - WHEN_SECOND_MS)
		return 0;
	if (file->compressed)
		return error_set(s->err, ERR_UNAVAILABLE,
		    "%s: may have what became of it, and is compressed",
		    file->path);
	f = fopen(file->path, "re");
	if (f == NULL)
		return error_of(s->err, -errno, file->path);
	found = search_lines(s, f);
	failed = ferror(f);
	(void)fclose(f);
	return found || !failed ? found : error_of(s->err, -EIO, file->path);
}

int mtalog_released(
    const char *path, struct str queue_id, int64_t since_ms, struct error *err)
{
	int64_t now_ms = clock_now_ms();
	struct search s = {
	    .queue_id = queue_id,
	    .since_ms = since_ms,
	    .when = {now_ms, mtalog_utc_offset(now_ms)},
	    .err = err,
	};

	return queue_id.n == 0 ? 0
			       : mtalog_files_each(path, search_file, &s, err);
}
