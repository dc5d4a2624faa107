/* snapshot.h - backup and restore.
 *
 * A backup is a folder with one compact data.mdb: a consistent state of the
 * running ledger, synced, and verified by opening it and reading all of it. It
 * holds wrapped keys of leads but no epoch key: without that file it tells
 * nothing of anybody.
 *
 * A restored ledger is another history from its last event on: it gets a new
 * epoch number, and says so in an audit event (EV_LEDGER_RESTORED), so that
 * nobody takes the checkpoints of before for its own.
 *
 * Threads: one owner; daemons may go on meanwhile. */
#ifndef POLICY_LEDGER_SNAPSHOT_H
#define POLICY_LEDGER_SNAPSHOT_H

#include "policy/ledger/check.h"
#include "policy/ledger/meta.h"

struct snapshot_info {
	struct meta meta; /* of the copy, resp. of the restored ledger */
	struct check_report report;
};

/* Writes a backup to dir, which must not exist. It appears under that name
 * when it is complete and verified; until then it is DIR.partial (ERR_EXISTS
 * when that is left from an interrupted one). Its last event is noted in the
 * ledger, which lets older events be pruned. The file gets mode 0640, the
 * folder 0750 and the set-group-id bit. */
int snapshot_backup(struct ledger *l, const char *dir,
    const struct check_options *o, struct snapshot_info *out,
    struct error *err) MUST_CHECK;

/* Restores the backup in dir into to->dir, which must be empty or absent
 * (ERR_EXISTS); flags of *to are not used. The backup is checked first, by
 * check_folder(): for programs with one thread. On failure to->dir is empty
 * again. */
int snapshot_restore(const char *dir, const struct ledger_options *to,
    const struct check_options *o, struct snapshot_info *out,
    struct error *err) MUST_CHECK;

/* Payload of EV_LEDGER_RESTORED version 1. */
struct snapshot_restored {
	uint64_t epoch;          /* key 0: the new one */
	uint64_t last_seq;       /* key 1: of the backup */
	unsigned char nonce[16]; /* key 2: tells apart two restores of one */
};
int snapshot_decode(
    const struct event *ev, struct snapshot_restored *out) MUST_CHECK;

#endif
