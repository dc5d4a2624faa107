/* snapshot.h - conf and keys of one moment, counted. Sessions take one at
 * MAIL; reload builds a new one, and on any error the old one stays. The log's
 * level follows the newest.
 * Threads: struct snapshots is internally locked; a snapshot is immutable. */
#ifndef MILTER_SNAPSHOT_H
#define MILTER_SNAPSHOT_H

#include "milter/keyring.h"
#include "policy/conf/policy.h"

struct snapshot {
	const struct conf *conf;
	const struct policy *file_policy; /* conf's policy-file, or NULL */
	struct keyring *keyring;
};

struct snapshots;

/* Loads everything; the first load must succeed. path is copied. */
int snapshots_open(
    struct snapshots **out, const char *path, struct error *err) MUST_CHECK;
void snapshots_close(struct snapshots **s);
/* -EBUSY: the file names another socket, folder or key of the ledger than what
 * is open. */
int snapshots_reload(struct snapshots *s, struct error *err) MUST_CHECK;

/* Never NULL. */
const struct snapshot *snapshots_get(struct snapshots *s);
void snapshot_unref(const struct snapshot **snap); /* NULL is fine */

#endif
