/* mtalog_source.c - see mtalog_source.h. */
#include "agent/in/mtalog_source.h"

#include "agent/in/mtalog_follow.h"
#include "agent/in/mtalog_journal.h"
#include "policy/base/fault.h"
#include "policy/base/log.h"

#include <errno.h>
#include <stdlib.h>

struct mtalog_source {
	struct mtalog_follow *follow; /* one of the two */
	struct mtalog_journal *journal;
	struct mtalog_pos pos; /* of follow */
	unsigned char stored[MTALOG_POS_BYTES];
	bool goes_on;
	uint64_t foreign;
	/* during mtalog_source_next() */
	const struct mtalog_when *when;
	mtalog_source_fn *fn;
	void *arg;
};

static int open_file(struct mtalog_source *s, const struct conf_mta_log *log,
    struct str position, struct error *err)
{
	s->goes_on =
	    position.n > 0 && mtalog_pos_decode(position, &s->pos) == 0;
	if (!s->goes_on)
		s->pos = (struct mtalog_pos){0};
	return mtalog_follow_open(
	    &s->follow, log->file.p, s->goes_on ? &s->pos : NULL, 0, err);
}

static int open_journal(struct mtalog_source *s, const struct conf_mta_log *log,
    struct str dir, struct str position, int64_t since_ms, struct error *err)
{
	struct mtalog_writers writers;
	int rc = mtalog_writers_of(log->writers, &writers, err);

	if (rc != 0)
		return rc;
	rc = mtalog_journal_open(
	    &s->journal, dir, &writers, position, since_ms, err);
	s->goes_on = rc == 0 && position.n > 0;
	if (rc != ERR_SYNTAX && rc != ERR_VERSION)
		return rc;
	return mtalog_journal_open(
	    &s->journal, dir, &writers, STR(""), since_ms, err);
}

int mtalog_source_open(struct mtalog_source **out,
    const struct conf_mta_log *log, struct str position, int64_t since_ms,
    struct error *err)
{
	struct mtalog_source *s = fault_alloc() ? NULL : calloc(1, sizeof(*s));
	struct str dir;
	int rc;

	*out = NULL;
	if (s == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	if (conf_log_is_journal(log->file, &dir))
		rc = open_journal(s, log, dir, position, since_ms, err);
	else
		rc = open_file(s, log, position, err);
	if (rc != 0)
		mtalog_source_close(&s);
	*out = s;
	return rc;
}

void mtalog_source_close(struct mtalog_source **s)
{
	if (*s == NULL)
		return;
	mtalog_follow_close(&(*s)->follow);
	mtalog_journal_close(&(*s)->journal);
	free(*s);
	*s = NULL;
}

bool mtalog_source_goes_on(const struct mtalog_source *s)
{
	return s->goes_on;
}

static int on_file_item(void *arg, const struct mtalog_item *item)
{
	struct mtalog_source *s = arg;
	struct mtalog_line line;
	struct mtalog_source_item out = {.line = &line};
	int rc;

	if (item->gap == MTALOG_NO_GAP)
		(void)mtalog_parse(item->line, s->when, &line);
	else
		out = (struct mtalog_source_item){
		    .why = mtalog_gap_text(item->gap)};
	rc = s->fn(s->arg, &out);
	if (rc == 0)
		s->pos = item->after;
	return rc;
}

/* Other programs log with facility mail, too; what no parser knows is theirs. */
static void tell_foreign(
    struct mtalog_source *s, const struct mtalog_journal_item *item)
{
	struct mtalog_line line;

	if (mtalog_text(&item->line, &line) == MTALOG_OTHER)
		return;
	s->foreign++;
	LOG_EV_LIMITED(LOG_LEVEL_WARNING, "mtalog.foreign",
	    KV_STR("uid", item->uid), KV_STR("program", item->line.program),
	    KV_STR("qid", line.queue_id), KV_I64("count", (int64_t)s->foreign));
}

static int on_journal_item(void *arg, const struct mtalog_journal_item *item)
{
	struct mtalog_source *s = arg;
	struct mtalog_line line;
	struct mtalog_source_item out = {.line = &line};

	if (item->kind == MTALOG_JOURNAL_FOREIGN) {
		tell_foreign(s, item);
		return 0;
	}
	if (item->kind == MTALOG_JOURNAL_GAP)
		out = (struct mtalog_source_item){.why = item->why};
	else
		(void)mtalog_text(&item->line, &line);
	return s->fn(s->arg, &out);
}

int mtalog_source_next(struct mtalog_source *s, const struct mtalog_when *when,
    size_t max, mtalog_source_fn *fn, void *arg, struct error *err)
{
	s->when = when;
	s->fn = fn;
	s->arg = arg;
	return s->journal != NULL
		   ? mtalog_journal_next(
			 s->journal, max, on_journal_item, s, err)
		   : mtalog_follow_next(s->follow, max, on_file_item, s, err);
}

bool mtalog_source_at_end(const struct mtalog_source *s)
{
	return s->journal != NULL ? mtalog_journal_at_end(s->journal)
				  : mtalog_follow_at_end(s->follow);
}

struct str mtalog_source_position(struct mtalog_source *s)
{
	if (s->journal != NULL)
		return mtalog_journal_position(s->journal);
	mtalog_pos_encode(&s->pos, s->stored);
	return (struct str){(const char *)s->stored, sizeof(s->stored)};
}

int mtalog_source_check(const struct conf_mta_log *log, struct error *err)
{
	struct mtalog_source *s = NULL;
	int rc =
	    log->file.n > 0 ? mtalog_source_open(&s, log, STR(""), 0, err) : 0;

	mtalog_source_close(&s);
	return rc;
}
