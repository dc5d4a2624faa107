/* mtalog_source.h - the MTA's log as tendril.conf names it, a file
 * (mtalog_follow.h) or the systemd journal (mtalog_journal.h): parsed lines and
 * gaps, each once, and a position to be stored with what they meant.
 *
 * An entry of the journal that somebody else wrote is not given; one that looks
 * like the MTA's is logged (mtalog.foreign). Threads: one at a time. */
#ifndef AGENT_IN_MTALOG_SOURCE_H
#define AGENT_IN_MTALOG_SOURCE_H

#include "agent/in/mtalog.h"
#include "policy/conf/conf.h"

struct mtalog_source_item {
	const struct mtalog_line *line; /* NULL: a gap; valid during the call */
	const char *why;                /* of a gap; lives on */
};

/* Not 0: stops; the item counts as not given and comes again. */
typedef int mtalog_source_fn(void *arg, const struct mtalog_source_item *item);

struct mtalog_source;

/* position: a stored one; one that is none, or of the other kind, counts as
 * none. Without one a file is read from its start, the journal from since_ms.
 * A journal that cannot be read is an error, and so is a writer who is no user
 * here. */
int mtalog_source_open(struct mtalog_source **out,
    const struct conf_mta_log *log, struct str position, int64_t since_ms,
    struct error *err) MUST_CHECK;
void mtalog_source_close(struct mtalog_source **s); /* NULL is fine */

/* Did it begin at the stored position? */
bool mtalog_source_goes_on(const struct mtalog_source *s);

/* Gives up to max items. 0, or what fn returned, or an error (try again later:
 * nothing is lost). */
int mtalog_source_next(struct mtalog_source *s, const struct mtalog_when *when,
    size_t max, mtalog_source_fn *fn, void *arg, struct error *err) MUST_CHECK;

/* After mtalog_source_next: all that was written has been given. */
bool mtalog_source_at_end(const struct mtalog_source *s);

/* After the last item given, or behind it: what says nothing of mail moves the
 * journal's, too. Valid until the next call. */
struct str mtalog_source_position(struct mtalog_source *s);

/* May that log be read, as far as that can be told without reading it? A file
 * need not be there yet; no log is fine. */
int mtalog_source_check(
    const struct conf_mta_log *log, struct error *err) MUST_CHECK;

#endif
