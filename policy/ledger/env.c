/* env.c - see env.h.
 *
 * Read transactions are pooled: an ended one is reset, which gives up its
 * snapshot and keeps its reader slot, and the next reader renews it. That is
 * why MDB_NOTLS is set: sessions hop threads.
 *
 * Live transactions are counted (a lock will not do: it would have to be given
 * back by the thread that took it), because LMDB allows two things only while
 * there are none: taking over a map size that another process has grown
 * (MDB_MAP_RESIZED), and closing and opening the environment again after
 * MDB_PANIC. LMDB panics for good when the write of its meta page fails; one
 * failed write of the disk must not end the daemon's life, so the next writer
 * starts the environment afresh. Who waits to be alone does not keep others
 * from starting: a thread may hold one reader and begin a second. */
#include "policy/ledger/env.h"

#include "policy/base/clock.h"
#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/ledger/folder.h"
#include "policy/ledger/meta.h"

#include <lmdb.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

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
	struct folder *folder;
	MDB_dbi dbi[LEDGER_TABLES_MAX + OWN_TABLES];
	bool have[LEDGER_TABLES_MAX + OWN_TABLES];
	pthread_mutex_t lock; /* of the fields below */
	pthread_cond_t calm;  /* the last one left */
	size_t live;
	bool alone;
	unsigned starts; /* of the environment */
	struct ledger_txn *idle;
	size_t n_idle;
};

struct ledger_txn {
	struct ledger *l;
	MDB_txn *txn;
	struct ledger_txn *next; /* in the pool */
	uint64_t last_seq;       /* of a write transaction */
	bool writes, seq_changed;
	int failed;
};

static int read_seq(const struct ledger_txn *t, uint64_t *out);
static int write_seq(struct ledger_txn *t);

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
	case MDB_READERS_FULL: /* of other processes: they end */
		return ERR_BUSY;
	case MDB_TXN_FULL:
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

static int fail(int rc, const char *what, struct error *err)
{
	return error_set(err, map_code(rc), "%s: %s", what, mdb_strerror(rc));
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

uint32_t ledger_schema(const struct ledger *l)
{
	return l->o.schema;
}

const char *ledger_dir(const struct ledger *l)
{
	return l->o.dir;
}

const char *ledger_table_name(const struct ledger *l, unsigned table)
{
	if (table == LEDGER_META)
		return "meta";
	if (table == LEDGER_EVENT)
		return "event";
	return table < l->o.n_tables ? l->o.tables[table] : NULL;
}

/* --- open and close --- */

static int open_table(struct ledger *l, MDB_txn *txn, unsigned table)
{
	unsigned flags = l->o.flags & LEDGER_CREATE ? MDB_CREATE : 0;
	size_t at = slot(l, table);
	int rc =
	    mdb_dbi_open(txn, ledger_table_name(l, table), flags, &l->dbi[at]);

	l->have[at] = rc == 0;
	if (rc == MDB_NOTFOUND && (l->o.flags & LEDGER_READ_ONLY) != 0 &&
	    table != LEDGER_META)
		return 0;
	return rc;
}

static int open_tables(struct ledger *l, struct error *err)
{
	bool writes = (l->o.flags & LEDGER_READ_ONLY) == 0;
	struct ledger_txn t = {.l = l, .writes = writes};
	int rc, code = 0;

	rc = mdb_txn_begin(l->env, NULL, writes ? 0 : MDB_RDONLY, &t.txn);
	if (rc != 0)
		return fail(rc, "begin", err);
	rc = open_table(l, t.txn, LEDGER_META);
	if (rc == 0)
		rc = open_table(l, t.txn, LEDGER_EVENT);
	for (unsigned i = 0; i < l->o.n_tables && rc == 0; i++)
		rc = open_table(l, t.txn, i);
	if (rc != 0)
		code = fail(rc, "no complete ledger here: tables", err);
	else
		code = meta_admit(&t, l->o.schema, l->o.flags, err);
	if (code != 0) {
		mdb_txn_abort(t.txn);
		return code;
	}
	rc = mdb_txn_commit(t.txn);
	return rc == 0 ? 0 : fail(rc, "commit", err);
}

static int env_create(struct ledger *l)
{
	size_t dbs = l->o.n_tables + OWN_TABLES;
	int rc = mdb_env_create(&l->env);

	if (rc == 0)
		rc = mdb_env_set_maxdbs(l->env, (MDB_dbi)dbs);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(l->env, l->o.max_readers);
	if (rc == 0)
		rc = mdb_env_set_mapsize(l->env, l->o.map_size);
	return rc;
}

/* LMDB 0.9.24 opens its data file without O_CLOEXEC: a child of the agent must
 * not get a descriptor of the ledger. */
static int close_on_exec(const struct ledger *l)
{
	int fd, rc = mdb_env_get_fd(l->env, &fd);

	if (rc == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		rc = errno;
	return rc;
}

/* Starts LMDB in the folder; on failure l->env is NULL. */
static int env_start(struct ledger *l, struct error *err)
{
	unsigned flags = MDB_NOTLS;
	int rc, dead;

	flags |= l->o.flags & LEDGER_READ_ONLY ? MDB_RDONLY : 0;
	flags |= l->o.flags & LEDGER_NO_SYNC ? MDB_NOSYNC : 0;
	flags |= l->o.flags & LEDGER_NO_LOCK ? MDB_NOLOCK : 0;
	flags |= l->o.flags & LEDGER_RANDOM ? MDB_NORDAHEAD : 0;
	l->env = NULL;
	rc = env_create(l);
	if (rc == 0)
		rc = mdb_env_open(l->env, l->o.dir, flags, l->o.mode);
	if (rc == 0)
		rc = close_on_exec(l);
	if (rc == 0)
		rc = mdb_reader_check(l->env, &dead);
	if (rc != 0)
		rc = fail(rc, "open", err);
	else
		rc = open_tables(l, err);
	if (rc == 0)
		rc = folder_made(l->folder, l->o.mode, err);
	if (rc != 0 && l->env != NULL) {
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
	if (l->o.map_size == 0)
		l->o.map_size = default_map;
	if (l->o.max_readers == 0)
		l->o.max_readers = DEFAULT_READERS;
	if (l->o.mode == 0)
		l->o.mode = DEFAULT_MODE;
	if (pthread_mutex_init(&l->lock, NULL) != 0 ||
	    pthread_cond_init(&l->calm, NULL) != 0)
		bug("ledger: locks");
	return l;
}

static void ledger_dealloc(struct ledger *l)
{
	folder_release(&l->folder);
	(void)pthread_mutex_destroy(&l->lock);
	(void)pthread_cond_destroy(&l->calm);
	free(l);
}

static int start_in_folder(struct ledger *l, struct error *err)
{
	bool create = (l->o.flags & LEDGER_CREATE) != 0;
	int rc =
	    folder_claim(&l->folder, l->o.dir, create ? l->o.mode : 0, err);

	if (rc != 0)
		return rc;
	l->o.dir = folder_path(l->folder);
	if (folder_is_new(l->folder) && !create)
		return error_set(err, ERR_NOT_FOUND,
		    "%s: no ledger here (data.mdb is absent)", l->o.dir);
	rc = env_start(l, err);
	if (rc != 0)
		error_prefix(err, "%s", l->o.dir);
	return rc;
}

int ledger_open(
    struct ledger **out, const struct ledger_options *o, struct error *err)
{
	struct ledger *l;
	int rc;

	*out = NULL;
	if (o->n_tables > LEDGER_TABLES_MAX || o->schema == 0 ||
	    ((o->flags & (LEDGER_NO_LOCK | LEDGER_OLDER)) != 0 &&
		(o->flags & LEDGER_READ_ONLY) == 0))
		bug("ledger_open: %zu tables, schema %u, flags %u", o->n_tables,
		    o->schema, o->flags);
	l = ledger_alloc(o);
	if (l == NULL)
		return error_set(err, -ENOMEM, "%s: out of memory", o->dir);
	rc = start_in_folder(l, err);
	if (rc != 0) {
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
	ledger_dealloc(*l);
	*l = NULL;
}

/* --- what concerns the whole environment --- */

/* Counts a transaction in, with a pooled one if `pooled` and there is one. */
static struct ledger_txn *enter(struct ledger *l, bool pooled)
{
	struct ledger_txn *t = NULL;

	(void)pthread_mutex_lock(&l->lock);
	while (l->alone)
		(void)pthread_cond_wait(&l->calm, &l->lock);
	l->live++;
	if (pooled && l->idle != NULL) {
		t = l->idle;
		l->idle = t->next;
		l->n_idle--;
	}
	(void)pthread_mutex_unlock(&l->lock);
	return t;
}

/* Counts one out. t: a reset one for the pool, or NULL; false when the pool is
 * full. */
static bool leave(struct ledger *l, struct ledger_txn *t)
{
	bool kept = false;

	(void)pthread_mutex_lock(&l->lock);
	if (t != NULL && l->n_idle < IDLE_MAX) {
		t->next = l->idle;
		l->idle = t;
		l->n_idle++;
		kept = true;
	}
	if (t == NULL || kept) {
		l->live--;
		if (l->live == 0)
			(void)pthread_cond_broadcast(&l->calm);
	}
	(void)pthread_mutex_unlock(&l->lock);
	return kept;
}

static void enter_alone(struct ledger *l)
{
	(void)pthread_mutex_lock(&l->lock);
	while (l->alone || l->live > 0)
		(void)pthread_cond_wait(&l->calm, &l->lock);
	l->alone = true;
	(void)pthread_mutex_unlock(&l->lock);
}

static void leave_alone(struct ledger *l)
{
	(void)pthread_mutex_lock(&l->lock);
	l->alone = false;
	(void)pthread_cond_broadcast(&l->calm);
	(void)pthread_mutex_unlock(&l->lock);
}

static int adopt_map(struct ledger *l)
{
	int rc;

	enter_alone(l);
	rc = l->env != NULL ? mdb_env_set_mapsize(l->env, 0) : MDB_PANIC;
	leave_alone(l);
	return rc;
}

/* Unless another thread has done so since `starts` was read. */
static int restart(struct ledger *l, unsigned starts)
{
	int rc = 0;

	enter_alone(l);
	if (l->starts == starts || l->env == NULL) {
		drop_idle(l);
		if (l->env != NULL)
			mdb_env_close(l->env);
		rc = env_start(l, NULL);
		l->starts++;
	}
	leave_alone(l);
	return rc == 0 ? 0 : EIO;
}

int ledger_reader_check(struct ledger *l, int *cleared_out)
{
	int rc, dead = 0;

	(void)enter(l, false);
	rc = l->env != NULL ? mdb_reader_check(l->env, &dead) : MDB_PANIC;
	(void)leave(l, NULL);
	if (cleared_out != NULL)
		*cleared_out = dead;
	return map_code(rc);
}

int ledger_sync(struct ledger *l)
{
	int rc;

	(void)enter(l, false);
	rc = l->env != NULL ? mdb_env_sync(l->env, 1) : MDB_PANIC;
	(void)leave(l, NULL);
	return map_code(rc);
}

int ledger_copy(struct ledger *l, const char *dir, struct error *err)
{
	int rc;

	(void)enter(l, false);
	rc = l->env != NULL ? mdb_env_copy2(l->env, dir, MDB_CP_COMPACT)
			    : MDB_PANIC;
	(void)leave(l, NULL);
	if (rc == 0)
		return 0;
	return error_set(err, map_code(rc), "%s: copy to %s: %s", l->o.dir, dir,
	    mdb_strerror(rc));
}

void ledger_stat(struct ledger *l, struct ledger_stat *out)
{
	MDB_envinfo info;
	MDB_stat st;

	*out = (struct ledger_stat){0};
	(void)enter(l, false);
	if (l->env != NULL && mdb_env_info(l->env, &info) == 0 &&
	    mdb_env_stat(l->env, &st) == 0) {
		out->page_size = st.ms_psize;
		out->map_size = info.me_mapsize;
		out->used = (info.me_last_pgno + 1) * (uint64_t)st.ms_psize;
		out->last_txn = info.me_last_txnid;
		out->readers = info.me_numreaders;
		out->max_readers = info.me_maxreaders;
	}
	(void)leave(l, NULL);
}

/* --- transactions --- */

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

/* Renews what the pool gave, or makes a new one. */
static int reader_start(
    struct ledger *l, struct ledger_txn *pooled, struct ledger_txn **out)
{
	int rc;

	if (pooled == NULL)
		return txn_new(l, false, out);
	rc = mdb_txn_renew(pooled->txn);
	if (rc != 0) {
		mdb_txn_abort(pooled->txn);
		free(pooled);
		return rc;
	}
	*out = pooled;
	return 0;
}

/* What can be mended between two tries of a begin; 0: try again. */
static int mend(struct ledger *l, int rc, unsigned starts)
{
	int cleared;

	if (rc == MDB_MAP_RESIZED)
		return adopt_map(l);
	if (rc == MDB_PANIC)
		return restart(l, starts);
	if (rc == MDB_READERS_FULL && ledger_reader_check(l, &cleared) == 0 &&
	    cleared > 0)
		return 0;
	return rc;
}

static int begin(struct ledger *l, bool writes, struct ledger_txn **out)
{
	struct ledger_txn *t;
	unsigned starts;
	int rc = 0;

	*out = NULL;
	for (int i = 0; i < TRIES; i++) {
		t = enter(l, !writes);
		starts = l->starts; /* changes only while nobody is in */
		rc = writes ? txn_new(l, true, out) : reader_start(l, t, out);
		if (rc == 0)
			return 0;
		(void)leave(l, NULL);
		rc = mend(l, rc, starts);
		if (rc != 0)
			return map_code(rc);
	}
	return ERR_FULL;
}

int ledger_read_begin(struct ledger *l, struct ledger_txn **out)
{
	return begin(l, false, out);
}

/* Has a root page been written since it began? */
static bool is_behind(const struct ledger_txn *t)
{
	MDB_envinfo info;

	return mdb_env_info(t->l->env, &info) == 0 &&
	       info.me_last_txnid > mdb_txn_id(t->txn);
}

int ledger_read_latest(struct ledger *l, struct ledger_txn **out)
{
	struct ledger_txn *turn = NULL;
	int rc = begin(l, false, out);

	if (rc != 0 || !is_behind(*out))
		return rc;
	ledger_read_end(out);
	rc = ledger_write_begin(l, &turn);
	if (rc != 0)
		return rc;
	ledger_abort(&turn);
	return begin(l, false, out);
}

/* Gives a transaction up altogether. */
static void end(struct ledger_txn *t)
{
	struct ledger *l = t->l;

	mdb_txn_abort(t->txn);
	free(t);
	(void)leave(l, NULL);
}

void ledger_read_end(struct ledger_txn **t)
{
	struct ledger *l;

	if (*t == NULL)
		return;
	l = (*t)->l;
	mdb_txn_reset((*t)->txn);
	(*t)->failed = 0;
	if (!leave(l, *t))
		end(*t);
	*t = NULL;
}

int ledger_write_begin(struct ledger *l, struct ledger_txn **out)
{
	int rc = begin(l, true, out);

	if (rc != 0)
		return rc;
	rc = read_seq(*out, &(*out)->last_seq);
	if (rc != 0)
		ledger_abort(out);
	return rc;
}

void ledger_abort(struct ledger_txn **t)
{
	if (*t != NULL)
		end(*t);
	*t = NULL;
}

int ledger_commit(struct ledger_txn **t)
{
	struct ledger *l = (*t)->l;
	int rc = (*t)->failed;

	if (rc == 0 && (*t)->seq_changed)
		rc = write_seq(*t);
	if (rc == 0 && fault_write())
		rc = ERR_FULL;
	if (rc != 0) {
		ledger_abort(t);
		return rc;
	}
	rc = mdb_txn_commit((*t)->txn);
	free(*t);
	*t = NULL;
	(void)leave(l, NULL);
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

/* An inner page that is full spans twice the keys of one that was split. */
uint64_t ledger_warm(
    const struct ledger_txn *t, unsigned table, int64_t until_ms)
{
	size_t at = slot(t->l, table);
	uint64_t looks, i;
	MDB_stat st;

	if (!t->l->have[at] || mdb_stat(t->txn, t->l->dbi[at], &st) != 0)
		return 0;
	looks = 2 * (uint64_t)st.ms_branch_pages;
	for (i = 0; i < looks && clock_mono_ms() < until_ms; i++) {
		char key[8];
		MDB_val k = {sizeof(key), key}, v;

		codec_put_u64(key, UINT64_MAX / looks * i);
		(void)mdb_get(t->txn, t->l->dbi[at], &k, &v);
	}
	return i;
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

/* --- event numbers: row "seq" of LEDGER_META --- */

static int read_seq(const struct ledger_txn *t, uint64_t *out)
{
	struct str v;
	int rc = ledger_get(t, LEDGER_META, STR("seq"), &v);

	*out = rc == 0 && v.n == 8 ? codec_get_u64(v.p) : 0;
	if (rc == 0 && v.n != 8)
		return ERR_CORRUPT;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int write_seq(struct ledger_txn *t)
{
	char raw[8];

	codec_put_u64(raw, t->last_seq);
	return ledger_put(
	    t, LEDGER_META, STR("seq"), (struct str){raw, sizeof(raw)});
}

int ledger_last_seq(const struct ledger_txn *t, uint64_t *out)
{
	if (!t->writes)
		return read_seq(t, out);
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
