/* mtalog_journal.h - reads the systemd journal, each entry of the MTA once:
 * across rotation, restart and kill -9, as mtalog_follow.h reads files.
 *
 * The MTA's are the entries of facility mail that root or one of `writers` has
 * written, whatever program they name (syslog_name of Postfix is free). Anybody
 * can write into the journal with any facility and program; whose entry it is
 * (_UID) is set by journald. Those of others are given too, as FOREIGN, so that
 * the caller can tell of a line that looks like the MTA's.
 *
 * Like the follower it keeps nothing on disk: the caller stores the position
 * with what the items meant, and opens with it next time. The position moves
 * over all entries, not only mail's: so it goes with the journal, and a quiet
 * MTA's last entry may be deleted without harm. A gap item says that the entry
 * of the position is there no more (vacuumed, or another journal): entries may
 * be missing in between. What journald itself suppressed is a line of
 * systemd-journald, given if it may be of the MTA's unit.
 *
 * Bounds: 20 KB of memory beside what libsystemd maps; texts of up to
 * MTALOG_LINE_MAX bytes, longer ones are cut there.
 * Threads: one at a time. A build without libsystemd has mtalog_nojournal.c in
 * its place: ERR_UNAVAILABLE. */
#ifndef AGENT_IN_MTALOG_JOURNAL_H
#define AGENT_IN_MTALOG_JOURNAL_H

#include "agent/in/mtalog_prefix.h"
#include "agent/in/mtalog_writers.h"
#include "policy/base/error.h"

enum mtalog_journal_kind {
	MTALOG_JOURNAL_LINE,
	MTALOG_JOURNAL_FOREIGN, /* written by somebody else */
	MTALOG_JOURNAL_GAP      /* no line */
};

struct mtalog_journal_item {
	enum mtalog_journal_kind kind;
	struct mtalog_prefix line; /* valid during the call */
	struct str uid;            /* FOREIGN: whose; empty: not known */
	const char *why;           /* GAP */
};

/* Not 0: stops; the item counts as not given and comes again. */
typedef int mtalog_journal_fn(
    void *arg, const struct mtalog_journal_item *item);

struct mtalog_journal;

/* dir: a folder of journal files, those of its subfolders belong to it; empty:
 * this machine's journal. It has to be readable now: -EACCES, -ENOENT. from: a
 * stored position, or empty to begin at since_ms. writers is copied.
 * ERR_SYNTAX, ERR_VERSION: not a position. */
int mtalog_journal_open(struct mtalog_journal **out, struct str dir,
    const struct mtalog_writers *writers, struct str from, int64_t since_ms,
    struct error *err) MUST_CHECK;
void mtalog_journal_close(struct mtalog_journal **j); /* NULL is fine */

/* Gives up to max items and looks at a bounded number of entries. 0, or what fn
 * returned, or an error (try again later: nothing is lost). Does not wait, but
 * for 50 ms where a file seems to be missing. */
int mtalog_journal_next(struct mtalog_journal *j, size_t max,
    mtalog_journal_fn *fn, void *arg, struct error *err) MUST_CHECK;

/* After mtalog_journal_next: all that was written has been given. */
bool mtalog_journal_at_end(const struct mtalog_journal *j);

/* After what was given last, stored form, at most MTALOG_JOURNAL_POS_MAX bytes;
 * valid until the next call. */
enum {
	MTALOG_JOURNAL_POS_MAX = 400
};
struct str mtalog_journal_position(const struct mtalog_journal *j);

#endif
