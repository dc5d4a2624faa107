/* env.h - the ledger's storage: one LMDB environment, its tables, its
 * transactions. The only file that sees LMDB; its codes are mapped here.
 *
 * Tables are named by the array given at open; a table's number is its index
 * there. Two more are the ledger's own: LEDGER_META (policy/ledger/meta.h) and
 * LEDGER_EVENT (all events, key: 8-byte big endian sequence). Keys are
 * 1..LEDGER_KEY_MAX bytes and compare bytewise.
 *
 * The map is large and sparse, the file grows as needed and never shrinks
 * (policy/ledger/snapshot.h makes a compact copy). Never MDB_WRITEMAP: a full
 * disk would be SIGBUS. Durable unless LEDGER_NO_SYNC. Not for network file
 * systems.
 *
 * One process opens a ledger once (ERR_EXISTS otherwise: LMDB would lose its
 * file locks without a word) and never uses it across fork(). Any number of
 * processes may have it open at once.
 *
 * Transactions begin and end inside one function, never across I/O to a peer
 * nor between callbacks: an open reader keeps every page freed since. All that
 * ledger_get() and iterators hand out is borrowed until the transaction ends,
 * and in a write transaction until the next change.
 *
 * Codes: ERR_FULL (map or disk full, I/O error, read-only, quota),
 * ERR_CORRUPT, ERR_VERSION, ERR_BUSY (no reader slot), ERR_LIMIT (key or value
 * size, transaction too large), ERR_NOT_FOUND, ERR_EXISTS, -errno.
 *
 * Threads: struct ledger is internally locked. A transaction has one owner at
 * a time; a read transaction may move between threads, a write transaction
 * may not. */
#ifndef POLICY_LEDGER_ENV_H
#define POLICY_LEDGER_ENV_H

#include "policy/base/str.h"

struct MDB_cursor;
struct ledger;
struct ledger_txn;

enum {
	LEDGER_TABLES_MAX = 64,
	LEDGER_META = 254,
	LEDGER_EVENT = 255,
	LEDGER_KEY_MAX = 511,
};

enum ledger_flags {
	LEDGER_CREATE = 1,    /* make folder, file and tables where absent */
	LEDGER_READ_ONLY = 2, /* absent tables read as empty */
	LEDGER_NO_SYNC = 4,   /* commits are not durable: tests, rebuild */
	LEDGER_NO_LOCK = 8,   /* with READ_ONLY: a copy nobody else uses */
	LEDGER_RANDOM = 16,   /* rows are wanted singly: no read-ahead, which
	                       * reads up to megabytes for each row that is not
	                       * in memory; slows scans of a cold ledger */
	LEDGER_OLDER = 32,    /* with READ_ONLY: an older schema is fine too,
	                       * for who reads meta and events alone */
};

struct ledger_options {
	const char *dir;
	const char *const *tables; /* borrowed until ledger_close() */
	size_t n_tables;           /* at most LEDGER_TABLES_MAX */
	uint32_t schema;           /* layout version of the tables; > 0 */
	unsigned flags;            /* enum ledger_flags */
	size_t map_size;           /* bytes; 0: 256 GiB */
	unsigned max_readers;      /* all processes together; 0: 4096 */
	unsigned mode;             /* of files made here; 0: 0660 */
};

/* A file made here gets exactly `mode`, whatever the umask; its folder gets
 * the same with x and the set-group-id bit. ERR_VERSION when schema differs,
 * ERR_NOT_FOUND when there is no ledger and LEDGER_CREATE is not given. */
int ledger_open(struct ledger **out, const struct ledger_options *o,
    struct error *err) MUST_CHECK;
/* No transaction may be live. NULL is fine; sets *l = NULL. */
void ledger_close(struct ledger **l);

size_t ledger_n_tables(const struct ledger *l);
/* As given at open. */
uint32_t ledger_schema(const struct ledger *l);
/* The folder; lives as long as the ledger is open. */
const char *ledger_dir(const struct ledger *l);
/* Also of LEDGER_META and LEDGER_EVENT; NULL for any other number. */
const char *ledger_table_name(const struct ledger *l, unsigned table);

/* Frees the slots of readers that died (kill -9); done at open, worth doing
 * every minute. How many in *cleared_out (may be NULL). */
int ledger_reader_check(struct ledger *l, int *cleared_out) MUST_CHECK;
/* Makes commits of a LEDGER_NO_SYNC ledger durable. */
int ledger_sync(struct ledger *l) MUST_CHECK;
/* Writes a compact copy to DIR/data.mdb (DIR exists and is empty), which
 * folder_finish() makes durable. May run beside writers; holds a read
 * transaction meanwhile. */
int ledger_copy(
    struct ledger *l, const char *dir, struct error *err) MUST_CHECK;

struct ledger_stat {
	uint64_t page_size;
	uint64_t map_size; /* bytes */
	uint64_t used;     /* bytes of the map that were ever used */
	uint64_t last_txn;
	unsigned readers, max_readers; /* slots used, slots there */
};
void ledger_stat(struct ledger *l, struct ledger_stat *out);

/* --- transactions --- */

/* Taken from a pool: about a microsecond. The snapshot is that of now. */
int ledger_read_begin(struct ledger *l, struct ledger_txn **out) MUST_CHECK;
void ledger_read_end(struct ledger_txn **t); /* NULL is fine */
/* The same, with what somebody committed who was killed before he could tell:
 * LMDB's readers see that after the next writer only, whose turn is taken here if
 * need be. For who must not go on as if it were not there. */
int ledger_read_latest(struct ledger *l, struct ledger_txn **out) MUST_CHECK;

/* For the door, and for offline work on a ledger of one's own. Waits for the
 * writers of other threads and processes. */
int ledger_write_begin(struct ledger *l, struct ledger_txn **out) MUST_CHECK;
/* Durable when it returns 0. Ends the transaction also when it fails, and
 * then nothing of it has happened (short of a disk that writes the root page,
 * denies it, and then fails to take the old one back). */
int ledger_commit(struct ledger_txn **t) MUST_CHECK;
void ledger_abort(struct ledger_txn **t); /* NULL is fine */
/* The first code by which a change failed in this write transaction: it can
 * only be aborted then. 0 if none. */
int ledger_txn_failed(const struct ledger_txn *t);

int ledger_get(const struct ledger_txn *t, unsigned table, struct str key,
    struct str *value_out) MUST_CHECK;
int ledger_put(struct ledger_txn *t, unsigned table, struct str key,
    struct str value) MUST_CHECK;
/* key must be above all keys there: ERR_EXISTS. Fills pages to the brim. */
int ledger_append(struct ledger_txn *t, unsigned table, struct str key,
    struct str value) MUST_CHECK;
int ledger_del(struct ledger_txn *t, unsigned table, struct str key) MUST_CHECK;

struct ledger_table_stat {
	uint64_t rows, pages;
	unsigned depth;
};
int ledger_table_stat(const struct ledger_txn *t, unsigned table,
    struct ledger_table_stat *out) MUST_CHECK;
/* Brings the inner pages of a table's tree into memory, by looking for keys
 * that lie evenly spread: good for keys that do, such as hashes. Ends when all
 * are likely to be there, or at until_ms (clock_mono_ms). Returns for how many
 * keys it looked. After a cold start each row else costs two reads from the
 * disk instead of one, until all inner pages were asked for by chance. */
uint64_t ledger_warm(
    const struct ledger_txn *t, unsigned table, int64_t until_ms);
/* Pages on the free list; walks it, so not at each metrics request. */
int ledger_free_pages(const struct ledger_txn *t, uint64_t *out) MUST_CHECK;

/* --- iterators: closed before their transaction ends; the table must not
 * change meanwhile --- */

enum ledger_order {
	LEDGER_UP,
	LEDGER_DOWN
};

struct ledger_iter {
	struct MDB_cursor *cursor; /* NULL: an absent table, or closed */
	struct str prefix;
	enum ledger_order order;
	enum {
		LEDGER_ITER_AT,
		LEDGER_ITER_GO,
		LEDGER_ITER_END
	} state;
};

/* LEDGER_UP: from the first key >= from; LEDGER_DOWN: from the last key <=
 * from. An empty `from` is the first or the last key. */
int ledger_iter_open(const struct ledger_txn *t, unsigned table,
    struct str from, enum ledger_order order,
    struct ledger_iter *out) MUST_CHECK;
/* All keys that start with prefix (borrowed until close), in order. */
int ledger_iter_prefix(const struct ledger_txn *t, unsigned table,
    struct str prefix, struct ledger_iter *out) MUST_CHECK;
/* ERR_NOT_FOUND at the end. */
int ledger_iter_next(struct ledger_iter *it, struct str *key_out,
    struct str *value_out) MUST_CHECK;
void ledger_iter_close(struct ledger_iter *it); /* twice is fine */

/* --- numbers of events --- */

/* The newest event's number, 0 when there was none yet; in a write transaction
 * with what was appended so far. */
int ledger_last_seq(const struct ledger_txn *t, uint64_t *out) MUST_CHECK;
/* Room for the n bytes of event `seq`, which must be the last plus one;
 * filled before the next change. For policy/ledger/event.c. */
int ledger_append_event(struct ledger_txn *t, uint64_t seq, size_t n,
    unsigned char **room_out) MUST_CHECK;

#endif
