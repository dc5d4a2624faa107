/* env.c - see env.h.
 *
 * Read transactions are pooled: an ended one is reset, which gives up its
 * snapshot and keeps its reader slot, and the next reader renews it. That is
 * why MDB_NOTLS is set: sessions hop threads.
 *
 * The map lock is held shared while a transaction is live and exclusively for
 * the two things that LMDB allows only without any: taking over a map size
 * that another process has grown (MDB_MAP_RESIZED), and closing and opening
 * the environment again after MDB_PANIC. LMDB panics for good when the write
 * of its meta page fails; one failed write of the disk must not end the
 * daemon's life, so the next writer starts the environment afresh.
 *
 * The list of open ledgers is this file's one mutable global: LMDB breaks
 * silently when a process opens the same file twice, because closing either
 * drops the process's fcntl() locks on both. */
#include "policy/ledger/env.h"

#include "policy/base/clock.h"
#include "policy/base/codec.h"
#include "policy/base/fault.h"

#include <lmdb.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

enum {
	OWN_TABLES = 2,
	IDLE_MAX = 64, /* pooled read transactions */
	TRIES = 4,
	DEFAULT_READERS = 4096,
	DEFAULT_MODE = 0660,
};
static const size_t default_map = (size_t)256 << 30;

struct ledger {
	MDB_env *env; /* NULL: starting it afresh failed */
	struct ledger_options o;
	char dir[PATH_MAX];
	MDB_dbi dbi[LEDGER_TABLES_MAX + OWN_TABLES];
	bool have[LEDGER_TABLES_MAX + OWN_TABLES];
	pthread_rwlock_t map_lock;
	pthread_mutex_t pool_lock;
	struct ledger_txn *idle;
	size_t n_idle;
	dev_t dev;
	ino_t ino;
	struct ledger *next; /* in the list of open ledgers */
};

struct ledger_txn {
	struct ledger *l;
	MDB_txn *txn;
	struct ledger_txn *next; /* in the pool */
	uint64_t last_seq;       /* of a write transaction */
	bool writes, seq_changed;
	int failed;
};

static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ledger *open_list;

/* LMDB's codes are below -30000, errno's are positive. */
static int map_code(int rc)
{
	switch (rc) {
	case 0:
		return 0;
	case MDB_NOTFOUND:
		return ERR_NOT_FOUND;
	case MDB_KEYEXIST:
		return ERR_EXISTS;
	case MDB_MAP_FULL:
	case MDB_PANIC: /* a write of the meta page failed */
	case ENOSPC:
	case EIO: /* what LMDB makes of a short write on a full disk */
	case EROFS:
	case EDQUOT:
	case EFBIG:
		return ERR_FULL;
	case MDB_TXN_FULL:
	case MDB_READERS_FULL:
	case MDB_DBS_FULL:
	case MDB_BAD_VALSIZE:
		return ERR_LIMIT;
	case MDB_VERSION_MISMATCH:
		return ERR_VERSION;
	case MDB_MAP_RESIZED:
		return -EAGAIN;
	default:
		return rc > 0 ? -rc : ERR_CORRUPT;
	}
}

static int fail(
    const struct ledger *l, int rc, const char *what, struct error *err)
{
	return error_set(
	    err, map_code(rc), "%s: %s: %s", l->dir, what, mdb_strerror(rc));
}

static struct str str_val(MDB_val v)
{
	return (struct str){v.mv_data, v.mv_size};
}

/* LMDB does not write through the pointer of a key or value given to it. */
static MDB_val val_str(struct str s)
{
	return (MDB_val){s.n, (void *)(uintptr_t)s.p};
}

static size_t slot(const struct ledger *l, unsigned table)
{
	if (table < l->o.n_tables)
		return table;
	if (table == LEDGER_META)
		return l->o.n_tables;
	if (table != LEDGER_EVENT)
		bug("ledger: no table %u", table);
	return l->o.n_tables + 1;
}

size_t ledger_n_tables(const struct ledger *l)
{
	return l->o.n_tables;
}

const char *ledger_table_name(const struct ledger *l, unsigned table)
{
	if (table == LEDGER_META)
		return "meta";
	if (table == LEDGER_EVENT)
		return "event";
	return table < l->o.n_tables ? l->o.tables[table] : NULL;
}

/* --- the list of open ledgers --- */

static int list_add(struct ledger *l, struct error *err)
{
	struct ledger *other;
	struct stat st;
	int rc = 0;

	if (stat(l->dir, &st) != 0)
		return error_set(
		    err, -errno, "%s: %s", l->dir, error_text(-errno));
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	(void)pthread_mutex_lock(&open_lock);
	for (other = open_list; other != NULL; other = other->next)
		if (other->dev == l->dev && other->ino == l->ino)
			break;
	if (other == NULL) {
		l->next = open_list;
		open_list = l;
	} else {
		rc = error_set(err, ERR_EXISTS,
		    "%s: this process has the ledger open already", l->dir);
	}
	(void)pthread_mutex_unlock(&open_lock);
	return rc;
}

static void list_remove(struct ledger *l)
{
	struct ledger **at;

	(void)pthread_mutex_lock(&open_lock);
	for (at = &open_list; *at != NULL; at = &(*at)->next) {
		if (*at == l) {
			*at = l->next;
			break;
		}
	}
	(void)pthread_mutex_unlock(&open_lock);
}

/* --- meta rows --- */

static int meta_get(
    MDB_txn *txn, MDB_dbi dbi, const char *name, size_t n, unsigned char *out)
{
	MDB_val key = val_str(str_of(name)), val;
	int rc = mdb_get(txn, dbi, &key, &val);

	if (rc != 0)
		return map_code(rc);
	if (val.mv_size != n)
		return ERR_CORRUPT;
	memcpy(out, val.mv_data, n);
	return 0;
}

static int meta_put(MDB_txn *txn, MDB_dbi dbi, const char *name,
    const unsigned char *p, size_t n)
{
	MDB_val key = val_str(str_of(name)), val = {n, (void *)(uintptr_t)p};

	return mdb_put(txn, dbi, &key, &val, 0);
}

/* An absent number reads as 0. */
static int meta_get_u64(
    const struct ledger_txn *t, const char *name, uint64_t *out)
{
	unsigned char raw[8] = {0};
	size_t at = slot(t->l, LEDGER_META);
	int rc = t->l->have[at]
		     ? meta_get(t->txn, t->l->dbi[at], name, sizeof(raw), raw)
		     : 0;

	*out = codec_get_u64(raw);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int meta_put_u64(MDB_txn *txn, MDB_dbi dbi, const char *name, uint64_t v)
{
	unsigned char raw[8];

	codec_put_u64(raw, v);
	return meta_put(txn, dbi, name, raw, sizeof(raw));
}

static int meta_create(struct ledger *l, MDB_txn *txn, MDB_dbi dbi)
{
	unsigned char uuid[LEDGER_UUID], schema[4];
	int rc;

	if (getrandom(uuid, sizeof(uuid), 0) != (ssize_t)sizeof(uuid))
		return EIO;
	codec_put_u32(schema, l->o.schema);
	rc = meta_put(txn, dbi, "schema", schema, sizeof(schema));
	if (rc == 0)
		rc = meta_put(txn, dbi, "uuid", uuid, sizeof(uuid));
	if (rc == 0)
		rc =
		    meta_put_u64(txn, dbi, "created", (uint64_t)clock_now_ms());
	if (rc == 0)
		rc = meta_put_u64(txn, dbi, "epoch", 1);
	return rc;
}

/* --- open and close --- */

static int check_schema(
    struct ledger *l, MDB_txn *txn, MDB_dbi dbi, struct error *err)
{
	unsigned char raw[4];
	uint32_t there;
	int rc = meta_get(txn, dbi, "schema", sizeof(raw), raw);

	if (rc == ERR_NOT_FOUND && (l->o.flags & LEDGER_CREATE) != 0) {
		rc = meta_create(l, txn, dbi);
		return rc == 0 ? 0 : fail(l, rc, "create", err);
	}
	if (rc != 0)
		return error_set(
		    err, rc, "%s: not a ledger: %s", l->dir, error_text(rc));
	there = codec_get_u32(raw);
	if (there == l->o.schema)
		return 0;
	return error_set(err, ERR_VERSION,
	    "%s: the ledger has schema version %u, this program works with "
	    "version %u: %s",
	    l->dir, there, l->o.schema,
	    there > l->o.schema ? "install the newer release that wrote it"
				: "it was written by an older release");
}

static int open_table(
    struct ledger *l, MDB_txn *txn, unsigned table, struct error *err)
{
	unsigned flags = l->o.flags & LEDGER_CREATE ? MDB_CREATE : 0;
	size_t at = slot(l, table);
	int rc =
	    mdb_dbi_open(txn, ledger_table_name(l, table), flags, &l->dbi[at]);

	l->have[at] = rc == 0;
	if (rc == MDB_NOTFOUND && (l->o.flags & LEDGER_READ_ONLY) != 0 &&
	    table != LEDGER_META)
		return 0;
	if (rc == MDB_NOTFOUND)
		return error_set(err, ERR_NOT_FOUND,
		    "%s: no ledger here (table %s is absent)", l->dir,
		    ledger_table_name(l, table));
	return rc == 0 ? 0 : fail(l, rc, ledger_table_name(l, table), err);
}

static int open_tables(struct ledger *l, struct error *err)
{
	bool read_only = (l->o.flags & LEDGER_READ_ONLY) != 0;
	MDB_txn *txn;
	int rc = mdb_txn_begin(l->env, NULL, read_only ? MDB_RDONLY : 0, &txn);

	if (rc != 0)
		return fail(l, rc, "begin", err);
	rc = open_table(l, txn, LEDGER_META, err);
	if (rc == 0)
		rc = check_schema(l, txn, l->dbi[slot(l, LEDGER_META)], err);
	if (rc == 0)
		rc = open_table(l, txn, LEDGER_EVENT, err);
	for (unsigned i = 0; i < l->o.n_tables && rc == 0; i++)
		rc = open_table(l, txn, i, err);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = mdb_txn_commit(txn);
	return rc == 0 ? 0 : fail(l, rc, "commit", err);
}

static int env_create(struct ledger *l, MDB_env **out)
{
	unsigned readers =
	    l->o.max_readers > 0 ? l->o.max_readers : DEFAULT_READERS;
	int rc = mdb_env_create(out);

	if (rc == 0)
		rc = mdb_env_set_maxdbs(
		    *out, (MDB_dbi)(l->o.n_tables + OWN_TABLES));
	if (rc == 0)
		rc = mdb_env_set_maxreaders(*out, readers);
	if (rc == 0)
		rc = mdb_env_set_mapsize(
		    *out, l->o.map_size > 0 ? l->o.map_size : default_map);
	return rc;
}

/* Starts LMDB on l->dir; on failure l->env is NULL. */
static int env_start(struct ledger *l, struct error *err)
{
	unsigned flags = MDB_NOTLS;
	mode_t mode = l->o.mode > 0 ? l->o.mode : DEFAULT_MODE;
	int rc, dead;

	flags |= l->o.flags & LEDGER_READ_ONLY ? MDB_RDONLY : 0;
	flags |= l->o.flags & LEDGER_NO_SYNC ? MDB_NOSYNC : 0;
	flags |= l->o.flags & LEDGER_NO_LOCK ? MDB_NOLOCK : 0;
	l->env = NULL;
	rc = env_create(l, &l->env);
	if (rc == 0)
		rc = mdb_env_open(l->env, l->dir, flags, mode);
	if (rc == 0)
		rc = mdb_reader_check(l->env, &dead);
	if (rc != 0)
		rc = fail(l, rc, "open", err);
	else
		rc = open_tables(l, err);
	if (rc != 0 && l->env != NULL) {
		mdb_env_close(l->env);
		l->env = NULL;
	}
	return rc;
}

static bool file_absent(
    const struct ledger *l, const char *name, char path[PATH_MAX])
{
	struct stat st;
	int n = snprintf(path, PATH_MAX, "%s/%s", l->dir, name);

	return n > 0 && n < PATH_MAX && stat(path, &st) != 0 && errno == ENOENT;
}

static int make_folder(const struct ledger *l, mode_t mode, struct error *err)
{
	if (mkdir(l->dir, mode & 0777) != 0)
		return errno == EEXIST
			   ? 0
			   : error_set(err, map_code(errno), "%s: %s", l->dir,
				 error_text(-errno));
	/* mkdir() leaves the set-group-id bit out and applies the umask. */
	if (chmod(l->dir, mode) != 0)
		return error_set(
		    err, map_code(errno), "%s: %s", l->dir, error_text(-errno));
	return 0;
}

/* Opens, creating what is absent; files made here get the very mode. */
static int start_in_folder(struct ledger *l, struct error *err)
{
	mode_t mode = l->o.mode > 0 ? l->o.mode : DEFAULT_MODE;
	char data[PATH_MAX], lock[PATH_MAX];
	bool no_data = file_absent(l, "data.mdb", data);
	bool no_lock = file_absent(l, "lock.mdb", lock);
	int rc;

	if (no_data && (l->o.flags & LEDGER_CREATE) == 0)
		return error_set(err, ERR_NOT_FOUND,
		    "%s: no ledger here (data.mdb is absent)", l->dir);
	rc = env_start(l, err);
	if (rc != 0)
		return rc;
	if ((no_data && chmod(data, mode) != 0) ||
	    (no_lock && chmod(lock, mode) != 0 && errno != ENOENT)) {
		rc = error_set(
		    err, -errno, "%s: chmod: %s", l->dir, error_text(-errno));
		mdb_env_close(l->env);
		l->env = NULL;
	}
	return rc;
}

static struct ledger *ledger_alloc(const struct ledger_options *o)
{
	struct ledger *l = fault_alloc() ? NULL : calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->o = *o;
	memcpy(l->dir, o->dir, strlen(o->dir) + 1);
	l->o.dir = l->dir;
	if (pthread_rwlock_init(&l->map_lock, NULL) != 0 ||
	    pthread_mutex_init(&l->pool_lock, NULL) != 0)
		bug("ledger: locks");
	return l;
}

static void ledger_dealloc(struct ledger *l)
{
	(void)pthread_rwlock_destroy(&l->map_lock);
	(void)pthread_mutex_destroy(&l->pool_lock);
	free(l);
}

int ledger_open(
    struct ledger **out, const struct ledger_options *o, struct error *err)
{
	mode_t mode = o->mode > 0 ? o->mode : DEFAULT_MODE;
	struct ledger *l;
	int rc = 0;

	*out = NULL;
	if (o->n_tables > LEDGER_TABLES_MAX || o->schema == 0)
		bug("ledger_open: %zu tables, schema %u", o->n_tables,
		    o->schema);
	if (strlen(o->dir) >= PATH_MAX)
		return error_set(err, -ENAMETOOLONG, "%s: too long", o->dir);
	l = ledger_alloc(o);
	if (l == NULL)
		return error_set(err, -ENOMEM, "%s: out of memory", o->dir);
	if ((o->flags & LEDGER_CREATE) != 0)
		rc = make_folder(l, S_ISGID | mode | ((mode & 0444) >> 2), err);
	if (rc == 0)
		rc = list_add(l, err);
	if (rc != 0) {
		ledger_dealloc(l);
		return rc;
	}
	rc = start_in_folder(l, err);
	if (rc != 0) {
		list_remove(l);
		ledger_dealloc(l);
		return rc;
	}
	*out = l;
	return 0;
}

static void drop_idle(struct ledger *l)
{
	while (l->idle != NULL) {
		struct ledger_txn *t = l->idle;

		l->idle = t->next;
		mdb_txn_abort(t->txn);
		free(t);
	}
	l->n_idle = 0;
}

void ledger_close(struct ledger **l)
{
	if (*l == NULL)
		return;
	drop_idle(*l);
	if ((*l)->env != NULL)
		mdb_env_close((*l)->env);
	list_remove(*l);
	ledger_dealloc(*l);
	*l = NULL;
}

/* --- what concerns the whole environment --- */

static void map_shared(struct ledger *l)
{
	if (pthread_rwlock_rdlock(&l->map_lock) != 0)
		bug("ledger: too many transactions");
}

static void map_release(struct ledger *l)
{
	(void)pthread_rwlock_unlock(&l->map_lock);
}

static int adopt_map(struct ledger *l)
{
	int rc;

	(void)pthread_rwlock_wrlock(&l->map_lock);
	rc = l->env != NULL ? mdb_env_set_mapsize(l->env, 0) : MDB_PANIC;
	map_release(l);
	return rc;
}

static int restart(struct ledger *l)
{
	int rc;

	(void)pthread_rwlock_wrlock(&l->map_lock);
	drop_idle(l);
	if (l->env != NULL)
		mdb_env_close(l->env);
	rc = env_start(l, NULL);
	map_release(l);
	return rc == 0 ? 0 : EIO;
}

int ledger_reader_check(struct ledger *l, int *cleared_out)
{
	int rc, dead = 0;

	map_shared(l);
	rc = l->env != NULL ? mdb_reader_check(l->env, &dead) : MDB_PANIC;
	map_release(l);
	if (cleared_out != NULL)
		*cleared_out = dead;
	return map_code(rc);
}

int ledger_sync(struct ledger *l)
{
	int rc;

	map_shared(l);
	rc = l->env != NULL ? mdb_env_sync(l->env, 1) : MDB_PANIC;
	map_release(l);
	return map_code(rc);
}

int ledger_copy(struct ledger *l, const char *dir, struct error *err)
{
	int rc;

	map_shared(l);
	rc = l->env != NULL ? mdb_env_copy2(l->env, dir, MDB_CP_COMPACT)
			    : MDB_PANIC;
	map_release(l);
	if (rc == 0)
		return 0;
	return error_set(err, map_code(rc), "%s: copy to %s: %s", l->dir, dir,
	    mdb_strerror(rc));
}

void ledger_stat(struct ledger *l, struct ledger_stat *out)
{
	MDB_envinfo info;
	MDB_stat st;

	*out = (struct ledger_stat){0};
	map_shared(l);
	if (l->env != NULL && mdb_env_info(l->env, &info) == 0 &&
	    mdb_env_stat(l->env, &st) == 0) {
		out->page_size = st.ms_psize;
		out->map_size = info.me_mapsize;
		out->used = (info.me_last_pgno + 1) * (uint64_t)st.ms_psize;
		out->last_txn = info.me_last_txnid;
		out->readers = info.me_numreaders;
		out->max_readers = info.me_maxreaders;
	}
	map_release(l);
}

/* --- transactions --- */

static struct ledger_txn *pool_take(struct ledger *l)
{
	struct ledger_txn *t;

	(void)pthread_mutex_lock(&l->pool_lock);
	t = l->idle;
	if (t != NULL) {
		l->idle = t->next;
		l->n_idle--;
	}
	(void)pthread_mutex_unlock(&l->pool_lock);
	return t;
}

static bool pool_give(struct ledger *l, struct ledger_txn *t)
{
	bool kept = false;

	(void)pthread_mutex_lock(&l->pool_lock);
	if (l->n_idle < IDLE_MAX) {
		t->next = l->idle;
		l->idle = t;
		l->n_idle++;
		kept = true;
	}
	(void)pthread_mutex_unlock(&l->pool_lock);
	return kept;
}

static int txn_new(struct ledger *l, bool writes, struct ledger_txn **out)
{
	struct ledger_txn *t = fault_alloc() ? NULL : calloc(1, sizeof(*t));
	int rc;

	if (t == NULL)
		return ENOMEM;
	t->l = l;
	t->writes = writes;
	rc = l->env == NULL ? MDB_PANIC
			    : mdb_txn_begin(l->env, NULL,
				  writes ? 0 : MDB_RDONLY, &t->txn);
	if (rc != 0) {
		free(t);
		return rc;
	}
	*out = t;
	return 0;
}

/* With the map lock held shared. */
static int reader_start(struct ledger *l, struct ledger_txn **out)
{
	struct ledger_txn *t = pool_take(l);
	int rc;

	if (t == NULL)
		return txn_new(l, false, out);
	rc = mdb_txn_renew(t->txn);
	if (rc != 0) {
		mdb_txn_abort(t->txn);
		free(t);
		return rc;
	}
	*out = t;
	return 0;
}

/* What can be mended between two tries of a begin; 0: try again. */
static int mend(struct ledger *l, int rc, bool writes)
{
	int cleared;

	if (rc == MDB_MAP_RESIZED)
		return adopt_map(l);
	if (rc == MDB_READERS_FULL)
		return ledger_reader_check(l, &cleared) == 0 && cleared > 0
			   ? 0
			   : rc;
	if (rc == MDB_PANIC && writes)
		return restart(l);
	return rc;
}

static int begin(struct ledger *l, bool writes, struct ledger_txn **out)
{
	int rc = 0;

	*out = NULL;
	for (int i = 0; i < TRIES; i++) {
		map_shared(l);
		rc = writes ? txn_new(l, true, out) : reader_start(l, out);
		if (rc == 0)
			return 0;
		map_release(l);
		rc = mend(l, rc, writes);
		if (rc != 0)
			break;
	}
	return rc == 0 ? -EAGAIN : map_code(rc);
}

int ledger_read_begin(struct ledger *l, struct ledger_txn **out)
{
	return begin(l, false, out);
}

void ledger_read_end(struct ledger_txn **t)
{
	struct ledger *l;

	if (*t == NULL)
		return;
	l = (*t)->l;
	mdb_txn_reset((*t)->txn);
	if (!pool_give(l, *t)) {
		mdb_txn_abort((*t)->txn);
		free(*t);
	}
	map_release(l);
	*t = NULL;
}

int ledger_write_begin(struct ledger *l, struct ledger_txn **out)
{
	int rc = begin(l, true, out);

	if (rc != 0)
		return rc;
	rc = meta_get_u64(*out, "seq", &(*out)->last_seq);
	if (rc != 0)
		ledger_abort(out);
	return rc;
}

void ledger_abort(struct ledger_txn **t)
{
	struct ledger *l;

	if (*t == NULL)
		return;
	l = (*t)->l;
	mdb_txn_abort((*t)->txn);
	free(*t);
	*t = NULL;
	map_release(l);
}

int ledger_commit(struct ledger_txn **t)
{
	struct ledger *l = (*t)->l;
	int rc = (*t)->failed;

	if (rc == 0 && (*t)->seq_changed)
		rc = map_code(meta_put_u64((*t)->txn,
		    l->dbi[slot(l, LEDGER_META)], "seq", (*t)->last_seq));
	if (rc == 0 && fault_write())
		rc = ERR_FULL;
	if (rc != 0) {
		ledger_abort(t);
		return rc;
	}
	rc = mdb_txn_commit((*t)->txn);
	free(*t);
	*t = NULL;
	map_release(l);
	return map_code(rc);
}

int ledger_txn_failed(const struct ledger_txn *t)
{
	return t->failed;
}

/* --- rows --- */

int ledger_get(const struct ledger_txn *t, unsigned table, struct str key,
    struct str *value_out)
{
	size_t at = slot(t->l, table);
	MDB_val k = val_str(key), v;
	int rc = t->l->have[at] ? mdb_get(t->txn, t->l->dbi[at], &k, &v)
				: MDB_NOTFOUND;

	*value_out = rc == 0 ? str_val(v) : STR_NULL;
	return map_code(rc);
}

/* Remembers the first change that failed: the transaction is lost then. */
static int changed(struct ledger_txn *t, int rc)
{
	int code = map_code(rc);

	if (code != 0 && code != ERR_NOT_FOUND && code != ERR_EXISTS &&
	    t->failed == 0)
		t->failed = code;
	return code;
}

static int put(struct ledger_txn *t, unsigned table, struct str key, MDB_val *v,
    unsigned flags)
{
	MDB_val k = val_str(key);

	if (fault_write())
		return changed(t, ENOSPC);
	return changed(
	    t, mdb_put(t->txn, t->l->dbi[slot(t->l, table)], &k, v, flags));
}

int ledger_put(
    struct ledger_txn *t, unsigned table, struct str key, struct str value)
{
	MDB_val v = val_str(value);

	return put(t, table, key, &v, 0);
}

int ledger_append(
    struct ledger_txn *t, unsigned table, struct str key, struct str value)
{
	MDB_val v = val_str(value);

	return put(t, table, key, &v, MDB_APPEND);
}

int ledger_del(struct ledger_txn *t, unsigned table, struct str key)
{
	MDB_val k = val_str(key);

	if (fault_write())
		return changed(t, ENOSPC);
	return changed(
	    t, mdb_del(t->txn, t->l->dbi[slot(t->l, table)], &k, NULL));
}

int ledger_table_stat(
    const struct ledger_txn *t, unsigned table, struct ledger_table_stat *out)
{
	size_t at = slot(t->l, table);
	MDB_stat st;
	int rc;

	*out = (struct ledger_table_stat){0};
	if (!t->l->have[at])
		return 0;
	rc = mdb_stat(t->txn, t->l->dbi[at], &st);
	if (rc != 0)
		return map_code(rc);
	out->rows = st.ms_entries;
	out->pages =
	    st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages;
	out->depth = st.ms_depth;
	return 0;
}

int ledger_free_pages(const struct ledger_txn *t, uint64_t *out)
{
	static const MDB_dbi free_dbi = 0;
	MDB_cursor *c;
	MDB_val k, v;
	int rc = mdb_cursor_open(t->txn, free_dbi, &c);

	*out = 0;
	if (rc != 0)
		return map_code(rc);
	while ((rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0) {
		size_t n;

		memcpy(&n, v.mv_data, sizeof(n));
		*out += n;
	}
	mdb_cursor_close(c);
	return rc == MDB_NOTFOUND ? 0 : map_code(rc);
}

/* --- iterators --- */

/* Puts the cursor on the first row to be handed out. */
static int iter_seek(struct ledger_iter *it, struct str from)
{
	bool up = it->order == LEDGER_UP;
	MDB_val k = val_str(from), v;
	int rc;

	if (from.n == 0)
		return mdb_cursor_get(
		    it->cursor, &k, &v, up ? MDB_FIRST : MDB_LAST);
	rc = mdb_cursor_get(it->cursor, &k, &v, MDB_SET_RANGE);
	if (up || (rc != 0 && rc != MDB_NOTFOUND))
		return rc;
	if (rc == MDB_NOTFOUND)
		return mdb_cursor_get(it->cursor, &k, &v, MDB_LAST);
	if (str_eq(str_val(k), from))
		return 0;
	return mdb_cursor_get(it->cursor, &k, &v, MDB_PREV);
}

int ledger_iter_open(const struct ledger_txn *t, unsigned table,
    struct str from, enum ledger_order order, struct ledger_iter *out)
{
	size_t at = slot(t->l, table);
	int rc;

	*out = (struct ledger_iter){.order = order};
	if (!t->l->have[at]) {
		out->state = LEDGER_ITER_END;
		return 0;
	}
	rc = mdb_cursor_open(t->txn, t->l->dbi[at], &out->cursor);
	if (rc != 0)
		return map_code(rc);
	rc = iter_seek(out, from);
	if (rc == MDB_NOTFOUND) {
		out->state = LEDGER_ITER_END;
		rc = 0;
	}
	if (rc != 0)
		ledger_iter_close(out);
	return map_code(rc);
}

int ledger_iter_prefix(const struct ledger_txn *t, unsigned table,
    struct str prefix, struct ledger_iter *out)
{
	int rc = ledger_iter_open(t, table, prefix, LEDGER_UP, out);

	out->prefix = prefix;
	return rc;
}

int ledger_iter_next(
    struct ledger_iter *it, struct str *key_out, struct str *value_out)
{
	MDB_cursor_op step = it->order == LEDGER_UP ? MDB_NEXT : MDB_PREV;
	MDB_val k, v;
	int rc = MDB_NOTFOUND;

	*key_out = *value_out = STR_NULL;
	if (it->state != LEDGER_ITER_END)
		rc = mdb_cursor_get(it->cursor, &k, &v,
		    it->state == LEDGER_ITER_AT ? MDB_GET_CURRENT : step);
	if (rc == 0 && !str_starts(str_val(k), it->prefix))
		rc = MDB_NOTFOUND;
	it->state = rc == 0 ? LEDGER_ITER_GO : LEDGER_ITER_END;
	if (rc != 0)
		return map_code(rc);
	*key_out = str_val(k);
	*value_out = str_val(v);
	return 0;
}

void ledger_iter_close(struct ledger_iter *it)
{
	if (it->cursor != NULL)
		mdb_cursor_close(it->cursor);
	it->cursor = NULL;
	it->state = LEDGER_ITER_END;
}

/* --- meta and event numbers --- */

int ledger_meta_read(const struct ledger_txn *t, struct ledger_meta *out)
{
	MDB_dbi dbi = t->l->dbi[slot(t->l, LEDGER_META)];
	uint64_t created = 0;
	int rc;

	*out = (struct ledger_meta){.schema = t->l->o.schema};
	rc = meta_get(t->txn, dbi, "uuid", LEDGER_UUID, out->uuid);
	if (rc == 0)
		rc = meta_get_u64(t, "created", &created);
	if (rc == 0)
		rc = meta_get_u64(t, "epoch", &out->epoch);
	if (rc == 0)
		rc = ledger_last_seq(t, &out->last_seq);
	if (rc == 0)
		rc = meta_get_u64(t, "pruned", &out->pruned_seq);
	if (rc == 0)
		rc = meta_get_u64(t, "snapshot", &out->snapshot_seq);
	out->created_ms = (int64_t)created;
	return rc;
}

static int meta_set(struct ledger_txn *t, const char *name, uint64_t v)
{
	return changed(t,
	    meta_put_u64(t->txn, t->l->dbi[slot(t->l, LEDGER_META)], name, v));
}

int ledger_meta_set_epoch(struct ledger_txn *t, uint64_t epoch)
{
	return meta_set(t, "epoch", epoch);
}

int ledger_meta_set_snapshot(struct ledger_txn *t, uint64_t seq)
{
	return meta_set(t, "snapshot", seq);
}

int ledger_last_seq(const struct ledger_txn *t, uint64_t *out)
{
	if (!t->writes)
		return meta_get_u64(t, "seq", out);
	*out = t->last_seq;
	return 0;
}

int ledger_append_event(
    struct ledger_txn *t, uint64_t seq, size_t n, unsigned char **room_out)
{
	unsigned char key[8];
	MDB_val v = {n, NULL};
	int rc;

	if (seq != t->last_seq + 1)
		bug("ledger: event %llu after %llu", (unsigned long long)seq,
		    (unsigned long long)t->last_seq);
	codec_put_u64(key, seq);
	rc = put(t, LEDGER_EVENT, (struct str){(const char *)key, sizeof(key)},
	    &v, MDB_APPEND | MDB_RESERVE);
	/* The number is free by the invariant: a row there is damage. */
	if (rc == ERR_EXISTS)
		rc = changed(t, MDB_CORRUPTED);
	*room_out = v.mv_data;
	if (rc != 0)
		return rc;
	t->last_seq = seq;
	t->seq_changed = true;
	return 0;
}
