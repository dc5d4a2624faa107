/* rebuild.h - the tables again, from the events alone.
 *
 * Tables are what the reducers made of the events; replaying all events must
 * give the same bytes. rebuild_compare() proves it for a ledger;
 * rebuild_write() makes a ledger anew whose tables are damaged, or of an older
 * schema: only the layout of tables has one, events stay as they are. Where
 * events were pruned the replay starts from `base`, a backup that holds those
 * pruned (or more); else base is NULL.
 *
 * Both hold one snapshot of `from` to the end: run them on a backup, or be
 * aware that a live ledger's file grows meanwhile. Damaged pages can crash the
 * reading process: check_folder() first. Threads: one owner. */
#ifndef POLICY_LEDGER_REBUILD_H
#define POLICY_LEDGER_REBUILD_H

#include "policy/ledger/check.h"

struct rebuild_source {
	struct ledger *from; /* for writing, LEDGER_OLDER is fine */
	struct ledger *base; /* NULL, or opened read-only */
};

/* Writes a ledger into dir, which must be empty or absent. Same uuid, epoch
 * and numbers; durable when it returns 0. ERR_EXISTS, ERR_CORRUPT (an event
 * is damaged or missing), ERR_NOT_FOUND (pruned, and base does not reach),
 * what a reducer returned. On failure dir holds an unfinished ledger. */
int rebuild_write(const struct rebuild_source *s, const char *dir,
    const struct check_options *o, struct error *err) MUST_CHECK;

struct rebuild_report {
	uint64_t events; /* replayed */
	uint64_t same;   /* rows */
	uint64_t differ, only_live, only_rebuilt;
};

/* Rebuilds into scratch (empty or absent; removed again) and compares every
 * table. ERR_CORRUPT and the first difference in err, or as above. */
int rebuild_compare(const struct rebuild_source *s, const char *scratch,
    const struct check_options *o, struct rebuild_report *out,
    struct error *err) MUST_CHECK;

#endif
