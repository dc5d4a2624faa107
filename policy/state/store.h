/* store.h - the opened ledger with everything that is needed to use it: door,
 * policy in force, keys that open personal fields. One in each daemon.
 * Threads: all members are internally locked or immutable, but for that which is
 * the door's. */
#ifndef POLICY_STATE_STORE_H
#define POLICY_STATE_STORE_H

#include "policy/base/zone.h"
#include "policy/conf/conf.h"
#include "policy/ledger/door.h"
#include "policy/ledger/seal.h"
#include "policy/mail/lead_id.h"
#include "policy/state/lived.h"
#include "policy/state/policyver.h"
#include "policy/state/removed.h"

#include <stdatomic.h>

struct store {
	struct ledger *ledger;
	struct door *door; /* NULL when opened read-only */
	struct policyver_cache *policies;
	struct removed *removed; /* segments that were in a policy once */
	struct seal *seal;
	struct lead_key *lead_key;
	struct zones *zones; /* clocks on people's walls */
	struct lived lived;  /* of the door's thread alone */
	/* The process is going down: what takes long ends with ERR_STOPPING.
	 * NULL: it never does. Borrowed. */
	const atomic_bool *stopping;
};

enum store_flags {
	STORE_CREATE = 1,    /* the daemons: make the ledger where absent */
	STORE_READ_ONLY = 2, /* offline verbs: no door */
};

/* conf's state-dir, keys, map size. Makes state-dir and state-dir/ledger with
 * STORE_CREATE. ERR_KEY: a key cannot be read or used; ERR_VERSION: programs
 * of another version are needed; all else may be the disk's trouble. */
int store_open(struct store **out, const struct conf *conf, unsigned flags,
    struct error *err) MUST_CHECK;
void store_close(struct store **s); /* drains the door; NULL is fine */

/* Brings into memory what each decision needs of the disk besides the person's
 * own page, and the policy's time zone, so that the first minute after a boot is as fast as the next. Takes
 * a second at most, and no time where it is in memory. */
void store_warm(const struct store *s);

/* A new tzdata, seen without a restart: reads the zones in use again, and logs
 * event=zones.changed where some say something else. NULL is fine. */
void store_reload_zones(const struct store *s);

/* Makes state-dir where it is absent; store_open() with STORE_CREATE does it
 * too. Where conf names a group it belongs to that, with the set-group-id bit,
 * so that the ledger and the spool in it do; ERR_DENIED for one that is there
 * and does not, ERR_NOT_FOUND for an unknown group. */
int store_make_dir(const struct conf *conf, struct error *err) MUST_CHECK;

/* Logs what the door has done since it was opened: event=door.stats. */
void store_log_stats(const struct store *s);

/* "STATE-DIR/part" in out; ERR_LIMIT when it does not fit. */
int store_path(const struct conf *conf, const char *part, char *out, size_t cap,
    struct error *err) MUST_CHECK;

#endif
