/* mtalog_released.c - see mtalog_released.h. A stamp may have no more than
 * seconds, so one of the second of since_ms counts. */
#include "agent/in/mtalog_released.h"

#include "agent/in/mtalog_files.h"
#include "agent/in/mtalog_journal.h"
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

static bool says_so(const struct search *s, const struct mtalog_prefix *p)
{
	struct str text = str_trim(p->text);

	if (!str_ends(p->program, STR("/postsuper")) ||
	    p->time_ms <= s->since_ms - WHEN_SECOND_MS)
		return false;
	if (!str_starts(text, s->queue_id))
		return false;
	text = str_from(text, s->queue_id.n);
	return str_eq(text, STR(": released from hold")) ||
	       str_eq(text, STR(": requeued"));
}

static bool line_says_so(const struct search *s, struct str line)
{
	struct mtalog_prefix p;

	return str_contains(line, s->queue_id) &&
	       mtalog_prefix_parse(line, &s->when, &p) == 0 && says_so(s, &p);
}

/* The rest of a line longer than any of ours is not looked at: whoever wrote
 * it may have put there what looks like a line. */
static bool search_lines(const struct search *s, FILE *f)
{
	char line[LINE_MAX_BYTES];
	bool at_start = true;

	while (fgets(line, sizeof(line), f) != NULL) {
		struct str text = str_of(line);

		if (at_start && line_says_so(s, text))
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

static int search_entry(void *arg, const struct mtalog_journal_item *item)
{
	return item->kind == MTALOG_JOURNAL_LINE && says_so(arg, &item->line);
}

static int search_journal(
    struct search *s, const struct conf_mta_log *log, struct str dir)
{
	struct mtalog_journal *j = NULL;
	struct mtalog_writers writers;
	int rc = mtalog_writers_of(log->writers, &writers, s->err);

	if (rc == 0)
		rc = mtalog_journal_open(&j, dir, &writers, STR(""),
		    s->since_ms - WHEN_SECOND_MS, s->err);
	do
		rc = rc == 0 ? mtalog_journal_next(
				   j, SIZE_MAX, search_entry, s, s->err)
			     : rc;
	while (rc == 0 && !mtalog_journal_at_end(j));
	mtalog_journal_close(&j);
	return rc;
}

int mtalog_released(const struct conf_mta_log *log, struct str queue_id,
    int64_t since_ms, struct error *err)
{
	int64_t now_ms = clock_now_ms();
	struct search s = {
	    .queue_id = queue_id,
	    .since_ms = since_ms,
	    .when = {now_ms, mtalog_utc_offset(now_ms)},
	    .err = err,
	};
	struct str dir;

	if (queue_id.n == 0 || log->file.n == 0)
		return 0;
	if (conf_log_is_journal(log->file, &dir))
		return search_journal(&s, log, dir);
	return mtalog_files_each(log->file.p, search_file, &s, err);
}
