/* mtalog_nojournal.c - mtalog_journal.h where libsystemd was not there when this
 * was built. */
#include "agent/in/mtalog_journal.h"

int mtalog_journal_open(struct mtalog_journal **out, struct str dir,
    const struct mtalog_writers *writers, struct str from, int64_t since_ms,
    struct error *err)
{
	(void)dir;
	(void)writers;
	(void)from;
	(void)since_ms;
	*out = NULL;
	return error_set(err, ERR_UNAVAILABLE,
	    "the journal cannot be read: built without libsystemd "
	    "(libsystemd-dev)");
}

void mtalog_journal_close(struct mtalog_journal **j)
{
	*j = NULL;
}

int mtalog_journal_next(struct mtalog_journal *j, size_t max,
    mtalog_journal_fn *fn, void *arg, struct error *err)
{
	(void)j;
	(void)max;
	(void)fn;
	(void)arg;
	return error_set(err, ERR_UNAVAILABLE, "built without libsystemd");
}

bool mtalog_journal_at_end(const struct mtalog_journal *j)
{
	(void)j;
	return true;
}

struct str mtalog_journal_position(const struct mtalog_journal *j)
{
	(void)j;
	return STR("");
}
