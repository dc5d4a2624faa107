/* store.c - see store.h. */
#include "policy/state/store.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/base/log.h"
#include "policy/state/reducers.h"
#include "policy/state/suppression.h"
#include "policy/state/tables.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	GROUP_SPACE = 16384,
	WARM_MS = 1000,
};

int store_path(const struct conf *conf, const char *part, char *out, size_t cap,
    struct error *err)
{
	int n = snprintf(out, cap, "%.*s/%s", STR_ARG(conf->state_dir), part);

	if (n < 0 || (size_t)n >= cap)
		return error_set(err, ERR_LIMIT, "state-dir is too long");
	return 0;
}

static int find_group(const struct conf *conf, gid_t *out, struct error *err)
{
	char space[GROUP_SPACE];
	struct group g, *found = NULL;

	if (getgrnam_r(conf->group.p, &g, space, sizeof(space), &found) != 0 ||
	    found == NULL)
		return error_set(err, ERR_NOT_FOUND, "%.*s: no group %.*s",
		    STR_ARG(conf->path), STR_ARG(conf->group));
	*out = g.gr_gid;
	return 0;
}

/* The set-group-id bit gives all that is made below to the same group. A new
 * folder that cannot be given away is not left behind. */
static int give(
    const struct conf *conf, const char *dir, gid_t gid, struct error *err)
{
	int rc;

	if (chown(dir, (uid_t)-1, gid) == 0 && chmod(dir, 02770) == 0)
		return 0;
	rc = -errno;
	(void)rmdir(dir);
	return error_set(err, rc, "%s: cannot be given to group %.*s: %s", dir,
	    STR_ARG(conf->group), error_text(rc));
}

static int check_group(
    const struct conf *conf, const char *dir, gid_t gid, struct error *err)
{
	struct stat st;

	if (stat(dir, &st) != 0)
		return error_set(
		    err, -errno, "%s: %s", dir, error_text(-errno));
	if (st.st_gid == gid && (st.st_mode & S_ISGID) != 0)
		return 0;
	return error_set(err, ERR_DENIED,
	    "%s: not of group %.*s with the set-group-id bit, as the conf has "
	    "it: chgrp it and chmod g+s it",
	    dir, STR_ARG(conf->group));
}

int store_make_dir(const struct conf *conf, struct error *err)
{
	char dir[PATH_MAX];
	gid_t gid;
	int rc = store_path(conf, "", dir, sizeof(dir), err);

	if (rc == 0 && conf->group.n == 0)
		return file_mkdir(dir, 0770, err);
	if (rc == 0)
		rc = find_group(conf, &gid, err);
	if (rc != 0)
		return rc;
	if (mkdir(dir, 0770) == 0)
		return give(conf, dir, gid, err);
	if (errno == EEXIST)
		return check_group(conf, dir, gid, err);
	rc = errno == EROFS || errno == ENOSPC || errno == EDQUOT ? ERR_FULL
								  : -errno;
	return error_set(err, rc, "%s: %s", dir, error_text(-errno));
}

static int open_ledger(
    struct store *s, const struct conf *conf, unsigned flags, struct error *err)
{
	bool create = (flags & STORE_CREATE) != 0;
	bool read_only = (flags & STORE_READ_ONLY) != 0;
	char dir[PATH_MAX];
	struct ledger_options o = {
	    .dir = dir,
	    .tables = reducers.tables,
	    .n_tables = reducers.n_tables,
	    .schema = STATE_SCHEMA,
	    .flags = (create ? (unsigned)LEDGER_CREATE : 0) |
		     (unsigned)(read_only ? LEDGER_READ_ONLY : LEDGER_RANDOM),
	    .map_size = conf->map_bytes,
	};
	int rc = store_path(conf, "ledger", dir, sizeof(dir), err);

	if (rc == 0 && create)
		rc = store_make_dir(conf, err);
	return rc != 0 ? rc : ledger_open(&s->ledger, &o, err);
}

/* ERR_KEY whatever is wrong with a key, a missing file too: no trouble of the
 * disk's, and waiting does not cure it. */
static int load_keys(
    struct store *s, const struct conf *conf, struct error *err)
{
	int rc = lead_key_load(&s->lead_key, conf->lead_key.p, err);

	if (rc == 0)
		rc = seal_load(&s->seal, conf->epoch_key.p, err);
	if (rc == 0 || rc == -ENOMEM)
		return rc;
	if (err != NULL)
		err->code = ERR_KEY;
	return ERR_KEY;
}

static int open_rest(
    struct store *s, const struct conf *conf, unsigned flags, struct error *err)
{
	struct door_options o = {
	    .ledger = s->ledger,
	    .reducers = &reducers,
	};
	int rc = load_keys(s, conf, err);

	if (rc == 0 && policyver_cache_open(&s->policies, s->ledger) != 0)
		rc = error_set(err, -ENOMEM, "out of memory");
	if (rc == 0 && removed_open(&s->removed, s->ledger) != 0)
		rc = error_set(err, -ENOMEM, "out of memory");
	if (rc == 0 && (flags & STORE_READ_ONLY) == 0)
		rc = door_open(&s->door, &o, err);
	return rc;
}

/* Once, where it is opened to decide. */
static int warn_of_md5(struct store *s, struct error *err)
{
	struct ledger_txn *t;
	bool some = false;
	int rc;

	if (!suppression_md5_forbidden())
		return 0;
	rc = ledger_read_begin(s->ledger, &t);
	if (rc == 0) {
		rc = suppression_any(t, SUPPRESS_MD5, &some);
		ledger_read_end(&t);
	}
	if (rc != 0)
		return error_of(err, rc, "ledger");
	LOG_EV(LOG_LEVEL_WARNING, "hash.forbidden",
	    KV_Z("entries", some ? "some" : "none"));
	return 0;
}

int store_open(struct store **out, const struct conf *conf, unsigned flags,
    struct error *err)
{
	struct store *s;
	int rc;

	*out = NULL;
	if (conf->lead_key.n == 0 || conf->epoch_key.n == 0)
		return error_set(err, ERR_KEY,
		    "%.*s: lead-key and epoch-key are needed",
		    STR_ARG(conf->path));
	s = fault_alloc() ? NULL : calloc(1, sizeof(*s));
	if (s == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	rc = error_of(err, zones_open(&s->zones), "time zones");
	if (rc == 0)
		rc = open_ledger(s, conf, flags, err);
	if (rc == 0)
		rc = open_rest(s, conf, flags, err);
	if (rc == 0 && (flags & STORE_READ_ONLY) == 0)
		rc = warn_of_md5(s, err);
	if (rc != 0)
		store_close(&s);
	*out = s;
	return rc;
}

void store_close(struct store **s)
{
	if (*s == NULL)
		return;
	door_close(&(*s)->door);
	policyver_cache_close(&(*s)->policies);
	removed_close(&(*s)->removed);
	seal_free(&(*s)->seal);
	lead_key_free(&(*s)->lead_key);
	zones_close(&(*s)->zones);
	ledger_close(&(*s)->ledger);
	free(*s);
	*s = NULL;
}

/* Whoever decides by it says so where it is not there. */
static void load_zone(const struct store *s)
{
	const struct policy *p = NULL;
	const struct zone *z;

	if (policyver_cache_get(s->policies, &p, NULL) == 0 && p != NULL &&
	    p->time_zone.n > 0)
		(void)!zones_find(s->zones, p->time_zone, &z);
	policy_unref(&p);
}

void store_reload_zones(const struct store *s)
{
	size_t n = s != NULL ? zones_reload(s->zones) : 0;

	if (n > 0)
		LOG_EV(LOG_LEVEL_NOTICE, "zones.changed",
		    KV_I64("zones", (int64_t)n));
}

void store_warm(const struct store *s)
{
	int64_t from_ms = clock_mono_ms();
	struct ledger_txn *t;
	uint64_t looks;

	load_zone(s);
	if (ledger_read_begin(s->ledger, &t) != 0)
		return; /* who needs it will say so */
	looks = ledger_warm(t, TABLE_LEAD, from_ms + WARM_MS);
	ledger_read_end(&t);
	LOG_EV(LOG_LEVEL_INFO, "ledger.warm", KV_I64("looks", (int64_t)looks),
	    KV_I64("ms", clock_mono_ms() - from_ms));
}

void store_log_stats(const struct store *s)
{
	struct door_stats st;

	if (s == NULL || s->door == NULL)
		return;
	door_stats(s->door, &st);
	LOG_EV(LOG_LEVEL_NOTICE, "door.stats",
	    KV_I64("proposals", (int64_t)st.proposals),
	    KV_I64("refused", (int64_t)st.refused),
	    KV_I64("events", (int64_t)st.events),
	    KV_I64("batches", (int64_t)st.batches),
	    KV_I64("commits", (int64_t)st.commits),
	    KV_I64("failed_commits", (int64_t)st.failed_commits),
	    KV_I64("reruns", (int64_t)st.reruns),
	    KV_I64("timeouts", (int64_t)st.timeouts),
	    KV_I64("queued_most", (int64_t)st.queued_most),
	    KV_I64("batch_p50_us", st.batch_p50_us),
	    KV_I64("batch_p99_us", st.batch_p99_us),
	    KV_I64("batch_max_us", st.batch_max_us));
}
