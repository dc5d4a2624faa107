/* mtalog_journal_dirs.h - may this process read the journal? libsystemd passes
 * over what it may not open without a word; so would what stands there.
 * Threads: any. */
#ifndef AGENT_IN_MTALOG_JOURNAL_DIRS_H
#define AGENT_IN_MTALOG_JOURNAL_DIRS_H

#include "policy/base/error.h"
#include "policy/base/str.h"

/* dir: as in mtalog_journal.h. The files of people (user-UID.journal) need not
 * be readable. -EACCES; -ENOENT: there is no such folder, or no journal on this
 * machine. */
int mtalog_journal_readable(struct str dir, struct error *err) MUST_CHECK;

#endif
