/* test_snapshot.c - backup, restore, check and rebuild of a ledger of
 * counters, with every kind of damage that they are there to find. */
#include "tests/unit/tap.h"
#include "tests/unit/toy_ledger.h"

#include "policy/base/buf.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/ledger/meta.h"
#include "policy/ledger/rebuild.h"
#include "policy/ledger/snapshot.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	EVENTS = 60
};

static char base[200];
static unsigned told; /* calls of progress() */

static void progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
	(void)arg;
	if (what[0] != '\0' && done <= total)
		told++;
}

static void die(void *arg, const char *what, uint64_t done, uint64_t total)
{
	(void)arg;
	(void)what;
	(void)done;
	(void)total;
	abort();
}

static const struct check_options options = {
    .reducers = &toy_reducers, .progress = progress};

static const char *sub(const char *name)
{
	static char room[200][300];
	static unsigned at;
	char *p = room[at++ % 200];

	(void)snprintf(p, sizeof(room[0]), "%s/%s", base, name);
	return p;
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static int add_and_blob(struct door_ctx *ctx, void *arg)
{
	unsigned *n = arg;
	char name[] = {(char)('a' + *n % 5)};
	char blob[400];

	memset(blob, 'b', sizeof(blob));
	blob[0] = (char)('A' + *n % 20);
	(void)door_emit(ctx, TOY_ADD, 1, (struct str){name, 1});
	return door_emit(ctx, TOY_BLOB, 2, (struct str){blob, sizeof(blob)});
}

static void fill(struct ledger *l, unsigned events)
{
	struct door *d = toy_door(l);

	for (unsigned i = 0; i < events / 2; i++)
		if (door_propose(d, add_and_blob, &i, NULL) != 0)
			bug("propose");
	door_close(&d);
}

static struct ledger *filled(const char *dir)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE | LEDGER_NO_SYNC);

	fill(l, EVENTS);
	return l;
}

static struct meta meta_of(struct ledger *l)
{
	struct ledger_txn *t;
	struct meta m;

	if (ledger_read_begin(l, &t) != 0 || meta_read(t, &m) != 0)
		bug("meta");
	ledger_read_end(&t);
	return m;
}

static struct ledger_txn *begin_write(struct ledger *l)
{
	struct ledger_txn *t;

	if (ledger_write_begin(l, &t) != 0)
		bug("write");
	return t;
}

static void commit(struct ledger_txn *t)
{
	if (ledger_commit(&t) != 0)
		bug("commit");
}

static struct str seq_key(uint64_t seq)
{
	static char raw[8];

	codec_put_u64(raw, seq);
	return (struct str){raw, 8};
}

/* --- backup and restore --- */

static void test_backup(void)
{
	struct ledger_options to = toy_options(sub("restored"), 0);
	struct ledger *l = filled(sub("live")), *r;
	unsigned char uuid[META_UUID];
	struct snapshot_info info, back;
	struct snapshot_restored what;
	struct error err = {0};
	struct ledger_txn *t;
	struct event ev;
	struct door *d;
	mode_t old;

	IS_INT(mkdir(sub("b2.partial"), 0755), 0, "an interrupted backup");
	IS_INT(snapshot_backup(l, sub("b2"), &options, &info, &err), ERR_EXISTS,
	    "is not overwritten: %s", err.text);
	old = umask(0);
	IS_INT(snapshot_backup(l, sub("b1"), &options, &info, &err), 0,
	    "backup %s", err.text);
	(void)umask(old);
	OK(told > 0, "progress was told");
	memcpy(uuid, info.meta.uuid, META_UUID);
	IS_INT(info.meta.last_seq, EVENTS, "its last event");
	IS_INT(info.report.events, EVENTS, "all events were read");
	IS_INT(mode_of(sub("b1")), 02750, "folder's mode");
	IS_INT(mode_of(sub("b1/data.mdb")), 0640, "file's mode");
	OK(access(sub("b1/lock.mdb"), F_OK) != 0, "nothing else in it");
	IS_INT(meta_of(l).snapshot_seq, EVENTS, "noted in the ledger");
	IS_INT(snapshot_backup(l, sub("b1"), &options, &info, &err), ERR_EXISTS,
	    "never overwritten: %s", err.text);

	fill(l, 10);
	IS_INT(snapshot_restore(sub("b1"), &to, &options, &back, &err), 0,
	    "restore %s", err.text);
	OK(back.meta.epoch == 2 && back.meta.last_seq == EVENTS + 1 &&
		memcmp(back.meta.uuid, uuid, META_UUID) == 0,
	    "the same ledger in a new epoch");
	IS_INT(mode_of(sub("restored")), 02770, "folder's mode");
	IS_INT(mode_of(sub("restored/data.mdb")), 0660, "file's mode");
	r = toy_open(sub("restored"), 0);
	IS_INT(toy_read(r, "a"), EVENTS / 10, "the counts of the backup");
	IS_INT(meta_of(r).epoch, 2, "epoch 2");
	OK(toy_gap_free(r), "gap-free");
	if (ledger_read_begin(r, &t) != 0)
		bug("read");
	IS_INT(event_get(t, EVENTS + 1, &ev), 0, "one event more");
	OK(snapshot_decode(&ev, &what) == 0 && what.epoch == 2 &&
		what.last_seq == EVENTS && ev.class == EVENT_AUDIT,
	    "it tells of the restore");
	ledger_read_end(&t);
	d = toy_door(r);
	IS_INT(door_propose(d, toy_add_fn, (char[]){"a"}, NULL), 0,
	    "and it goes on");
	door_close(&d);
	IS_INT(check_run(r, &options, &back.report, &err), 0, "whole: %s",
	    err.text);
	ledger_close(&r);
	IS_INT(snapshot_restore(sub("b1"), &to, &options, &back, &err),
	    ERR_EXISTS, "never over a ledger: %s", err.text);
	r = toy_open(sub("restored"), 0);
	IS_INT(toy_read(r, "a"), EVENTS / 10 + 1, "which stays");
	ledger_close(&r);
	to.schema = TOY_SCHEMA + 1;
	to.dir = sub("other");
	IS_INT(snapshot_restore(sub("b1"), &to, &options, &back, &err),
	    ERR_VERSION, "another schema: %s", err.text);
	OK(access(sub("other"), F_OK) != 0, "nothing was made");
	IS_INT(snapshot_restore(sub("nowhere"), &to, &options, &back, &err),
	    -ENOENT, "no backup there: %s", err.text);
	ledger_close(&l);
}

struct busy {
	struct door *d;
	atomic_bool stop;
};

static void *propose_on(void *arg)
{
	struct busy *b = arg;

	for (unsigned i = 0; !atomic_load(&b->stop); i++) {
		if (door_propose(b->d, add_and_blob, &i, NULL) != 0)
			return NULL;
		(void)usleep(200);
	}
	return arg;
}

static void test_backup_of_busy(void)
{
	struct ledger *l = filled(sub("busy")), *r;
	struct busy b = {.d = toy_door(l)};
	struct rebuild_report report;
	struct snapshot_info info;
	struct error err = {0};
	pthread_t thread;
	char name[20];
	void *got;

	if (pthread_create(&thread, NULL, propose_on, &b) != 0)
		bug("pthread_create");
	for (int i = 0; i < 5; i++) {
		(void)snprintf(name, sizeof(name), "busy%d", i);
		IS_INT(snapshot_backup(l, sub(name), &options, &info, &err), 0,
		    "backup %d while it is written to %s", i, err.text);
	}
	atomic_store(&b.stop, true);
	(void)pthread_join(thread, &got);
	OK(got != NULL, "no proposal failed meanwhile");
	IS_INT(
	    meta_of(l).snapshot_seq, info.meta.last_seq, "the newest is noted");
	door_close(&b.d);
	ledger_close(&l);
	r = toy_open(sub("busy4"), LEDGER_READ_ONLY | LEDGER_NO_LOCK);
	IS_INT(rebuild_compare(&(struct rebuild_source){r, NULL},
		   sub("scratch"), &options, &report, &err),
	    0, "its tables are those of its events %s", err.text);
	OK(report.events == info.meta.last_seq && report.same > 20,
	    "%llu events, %llu rows", (unsigned long long)report.events,
	    (unsigned long long)report.same);
	ledger_close(&r);
}

/* Each single failure of a write or allocation leaves nothing behind. */
static void test_failures(void)
{
	struct ledger_options to = toy_options(sub("fr"), 0);
	struct ledger *l = filled(sub("fl"));
	struct snapshot_info info;
	int rc = -1;
	long n;

	for (n = 1; rc != 0 && n < 20; n++) {
		fault_write_at(n);
		rc = snapshot_backup(l, sub("fb"), &options, &info, NULL);
		fault_write_at(0);
		if (rc != 0 && access(sub("fb"), F_OK) == 0)
			break;
		OK(access(sub("fb.partial"), F_OK) != 0,
		    "backup, write %ld: %d", n, rc);
	}
	OK(rc != 0 && info.meta.last_seq == EVENTS,
	    "the last failure: complete, but not noted");
	IS_INT(meta_of(l).snapshot_seq, 0, "indeed not");
	for (rc = -1, n = 1; rc != 0 && n < 30; n++) {
		fault_write_at(n);
		rc = snapshot_restore(sub("fb"), &to, &options, &info, NULL);
		fault_write_at(0);
		OK(rc == 0 || access(sub("fr/data.mdb"), F_OK) != 0,
		    "restore, write %ld: %d", n, rc);
	}
	IS_INT(rc, 0, "restored at last");
	to.dir = sub("fr2");
	for (rc = -1, n = 1; rc != 0 && n < 60; n++) {
		fault_alloc_at(n);
		rc = snapshot_restore(sub("fb"), &to, &options, &info, NULL);
		fault_alloc_at(0);
		if (rc != 0 && access(sub("fr2/data.mdb"), F_OK) == 0)
			break;
	}
	IS_INT(rc, 0, "restored after %ld allocations failed", n - 2);
	ledger_close(&l);
}

/* --- check --- */

static void test_check(void)
{
	struct check_report r;
	struct error err = {0};
	struct ledger *l = filled(sub("check"));
	struct event ev = {.type = 999, .version = 1};
	struct ledger_txn *t;
	char copy[600];
	struct str v;

	IS_INT(check_run(l, &options, &r, &err), 0, "whole %s", err.text);
	OK(r.events == EVENTS && r.first_seq == 1 && r.last_seq == EVENTS &&
		r.rows >= 25 + 6 &&
		r.damaged + r.unknown + r.missing + r.disorder == 0,
	    "report");
	t = begin_write(l);
	IS_INT(event_append(t, &ev), 0, "an event of the future");
	commit(t);
	IS_INT(check_run(l, &options, &r, &err), ERR_VERSION, "%s", err.text);
	IS_INT(r.unknown, 1, "one unknown");
	t = begin_write(l);
	if (ledger_get(t, LEDGER_EVENT, seq_key(7), &v) != 0 ||
	    v.n > sizeof(copy))
		bug("get");
	memcpy(copy, v.p, v.n);
	copy[v.n / 2] ^= 1;
	if (ledger_put(t, LEDGER_EVENT, seq_key(7), (struct str){copy, v.n}) !=
	    0)
		bug("put");
	commit(t);
	IS_INT(check_run(l, &options, &r, &err), ERR_CORRUPT, "%s", err.text);
	OK(r.damaged == 1 && r.unknown == 1, "one flipped bit");
	t = begin_write(l);
	if (ledger_del(t, LEDGER_EVENT, seq_key(7)) != 0 ||
	    ledger_del(t, LEDGER_EVENT, seq_key(20)) != 0 ||
	    ledger_del(t, LEDGER_EVENT, seq_key(21)) != 0 ||
	    ledger_del(t, LEDGER_EVENT, seq_key(EVENTS + 1)) != 0)
		bug("del");
	commit(t);
	IS_INT(check_run(l, &options, &r, &err), ERR_CORRUPT, "%s", err.text);
	OK(r.missing == 4 && r.damaged == 0 && r.unknown == 0,
	    "four missing, one of them the last");
	IS_INT(check_run(l, &options, &r, NULL), ERR_CORRUPT, "no text wanted");
	ledger_close(&l);
}

/* Copies a ledger's file with `n` bytes at `at` replaced. */
static void copy_damaged(const char *from, const char *to, size_t at, size_t n)
{
	struct buf b;

	buf_init(&b, (size_t)64 << 20);
	if (file_read(from, &b, NULL) != 0 || at + n > b.n)
		bug("%s", from);
	for (size_t i = 0; i < n; i++)
		b.p[at + i] ^= (char)(0x55 + i);
	if (file_write_atomic(to, buf_str(&b), 0644, NULL) != 0)
		bug("%s", to);
	buf_fini(&b);
}

static size_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

/* Bit rot in the file itself: every kind of outcome is an orderly one. */
static void test_bit_rot(void)
{
	struct ledger_options lo =
	    toy_options(sub("rot"), LEDGER_READ_ONLY | LEDGER_NO_LOCK);
	struct ledger *l = filled(sub("healthy"));
	unsigned found = 0, crashed = 0, whole = 0, strange = 0, refused = 0;
	struct snapshot_info info;
	struct error err = {0};
	size_t size, page = 4096;

	if (snapshot_backup(l, sub("rotb"), &options, &info, NULL) != 0 ||
	    mkdir(sub("rot"), 0755) != 0)
		bug("backup");
	ledger_close(&l);
	size = file_size(sub("rotb/data.mdb"));
	for (size_t at = 2 * page; at < size; at += page / 2) {
		struct check_report r;
		int rc;

		copy_damaged(sub("rotb/data.mdb"), sub("rot/data.mdb"),
		    at % page == 0 ? at + 10 : at, at % 3 == 0 ? 1 : 40);
		rc = check_folder(&lo, &options, &r, &err);
		crashed += r.crashed;
		whole += rc == 0;
		found += rc == ERR_CORRUPT || rc == ERR_VERSION;
		strange += rc == ERR_CORRUPT && err.text[0] == '\0';
	}
	lo = toy_options(sub("rot4"), 0);
	for (size_t at = 2 * page; at < size; at += page) {
		copy_damaged(
		    sub("rotb/data.mdb"), sub("rot/data.mdb"), at, 100);
		if (snapshot_restore(sub("rot"), &lo, &options, &info, NULL))
			refused++;
		toy_remove(lo.dir);
	}
	lo = toy_options(sub("rot"), LEDGER_READ_ONLY | LEDGER_NO_LOCK);
	OK(refused > 0, "%u damaged backups refused, none crashed us", refused);
	OK(found > 0 && strange == 0,
	    "%u damages found (%u of them by a crash), %u not (in the "
	    "tables' values, or on no page in use)",
	    found, crashed, whole);
	copy_damaged(sub("rotb/data.mdb"), sub("rot/data.mdb"), 0, 0);
	IS_INT(check_folder(&lo, &options, &info.report, &err), 0,
	    "the sound copy is whole");
	IS_INT(info.report.events, EVENTS, "and was read");
	IS_INT(check_folder(&lo,
		   &(struct check_options){
		       .reducers = &toy_reducers, .progress = die},
		   &info.report, &err),
	    ERR_CORRUPT, "a crash: %s", err.text);
	OK(info.report.crashed && strstr(err.text, "signal 6") != NULL,
	    "is told as one");
	copy_damaged(sub("rotb/data.mdb"), sub("rot/data.mdb"), 0, 2 * page);
	IS_INT(check_folder(&lo, &options, &info.report, &err), ERR_CORRUPT,
	    "both roots gone: %s", err.text);
	OK(!info.report.crashed, "no crash");
	lo.dir = sub("nothing");
	IS_INT(check_folder(&lo, &options, &info.report, &err), -ENOENT,
	    "nothing there: %s", err.text);
	if (mkdir(sub("rot2"), 0755) != 0)
		bug("mkdir");
	copy_damaged(sub("rotb/data.mdb"), sub("rot2/data.mdb"), 0, 2 * page);
	lo = toy_options(sub("rot3"), 0);
	IS_INT(snapshot_restore(sub("rot2"), &lo, &options, &info, &err),
	    ERR_CORRUPT, "a damaged backup is not restored");
	OK(access(sub("rot3"), F_OK) != 0, "nothing was made");
}

/* --- rebuild --- */

static void test_rebuild(void)
{
	struct ledger *l = filled(sub("re")), *r;
	struct rebuild_source s = {l, NULL};
	struct rebuild_report report;
	struct error err = {0};
	struct ledger_txn *t;
	struct meta was = meta_of(l), is;

	IS_INT(rebuild_compare(&s, sub("s1"), &options, &report, &err), 0,
	    "same %s", err.text);
	OK(report.events == EVENTS && report.same == 25 &&
		report.differ + report.only_live + report.only_rebuilt == 0,
	    "all rows");
	OK(access(sub("s1"), F_OK) != 0, "the scratch folder is gone");
	t = begin_write(l);
	if (ledger_put(t, T_COUNTER, STR("a"), STR("\0\0\0\0\0\0\0\1")) != 0 ||
	    ledger_put(t, T_COUNTER, STR("zz"), STR("?")) != 0 ||
	    ledger_del(t, T_BLOB, STR("A")) != 0)
		bug("tamper");
	commit(t);
	IS_INT(rebuild_compare(&s, sub("s1"), &options, &report, &err),
	    ERR_CORRUPT, "%s", err.text);
	OK(report.same == 23 && report.differ == 1 && report.only_live == 1 &&
		report.only_rebuilt == 1,
	    "each kind of difference once");
	OK(strstr(err.text, "table counter, key 61") != NULL,
	    "the first is named");
	IS_INT(rebuild_write(&s, sub("new"), &options, &err), 0, "write %s",
	    err.text);
	IS_INT(rebuild_write(&s, sub("new"), &options, &err), ERR_EXISTS,
	    "not over a ledger");
	r = toy_open(sub("new"), 0);
	is = meta_of(r);
	OK(memcmp(is.uuid, was.uuid, META_UUID) == 0 && is.epoch == 1 &&
		is.last_seq == EVENTS && is.created_ms == was.created_ms,
	    "the same ledger");
	IS_INT(toy_read(r, "a"), EVENTS / 10, "mended");
	s.from = r;
	IS_INT(rebuild_compare(&s, sub("s1"), &options, &report, &err), 0,
	    "and whole %s", err.text);
	ledger_close(&r);
	s.from = l;
	t = begin_write(l);
	if (ledger_del(t, LEDGER_EVENT, seq_key(9)) != 0)
		bug("del");
	commit(t);
	IS_INT(rebuild_compare(&s, sub("s1"), &options, &report, &err),
	    ERR_CORRUPT, "%s", err.text);
	t = begin_write(l);
	if (ledger_put(t, LEDGER_EVENT, seq_key(9), STR("too short")) != 0)
		bug("put");
	commit(t);
	IS_INT(rebuild_compare(&s, sub("s1"), &options, &report, &err),
	    ERR_CORRUPT, "%s", err.text);
	ledger_close(&l);
}

static struct ledger_options of_schema(
    const char *dir, uint32_t schema, unsigned flags)
{
	struct ledger_options o = toy_options(dir, flags);

	o.schema = schema;
	return o;
}

/* A ledger of an older release, its tables in a layout of then. */
static void test_rebuild_older(void)
{
	struct ledger_options o =
	    of_schema(sub("older"), TOY_SCHEMA + 1, LEDGER_READ_ONLY);
	struct ledger *l = filled(sub("older"));
	struct rebuild_source s = {NULL, NULL};
	struct meta was = meta_of(l), is;
	struct error err = {0};

	ledger_close(&l);
	IS_INT(ledger_open(&l, &o, &err), ERR_VERSION, "%s", err.text);
	OK(strstr(err.text, "rebuild --write") != NULL, "the way on is told");
	o.flags |= LEDGER_OLDER;
	IS_INT(ledger_open(&s.from, &o, &err), 0, "for its events");
	IS_INT(rebuild_write(&s, sub("today"), &options, &err), 0, "write %s",
	    err.text);
	ledger_close(&s.from);
	o = of_schema(sub("today"), TOY_SCHEMA + 1, 0);
	IS_INT(ledger_open(&l, &o, &err), 0, "today's schema");
	is = meta_of(l);
	OK(is.schema == TOY_SCHEMA + 1 && is.last_seq == EVENTS &&
		memcmp(is.uuid, was.uuid, META_UUID) == 0,
	    "the same ledger");
	IS_INT(toy_read(l, "a"), EVENTS / 10, "with its rows");
	ledger_close(&l);
	o = of_schema(
	    sub("today"), TOY_SCHEMA, LEDGER_READ_ONLY | LEDGER_OLDER);
	IS_INT(ledger_open(&l, &o, &err), ERR_VERSION, "a newer one: %s",
	    err.text);
}

/* More events than go into one transaction of the replay. */
static void test_rebuild_chunks(void)
{
	enum {
		MANY = 12001
	};
	struct ledger *l = toy_open(sub("many"), LEDGER_CREATE), *r;
	struct event ev = {.type = TOY_ADD, .version = 1, .payload = STR("a")};
	struct ledger_txn *t = begin_write(l);
	struct rebuild_source s = {l, NULL};
	struct rebuild_report report;
	struct error err = {0};

	for (unsigned i = 0; i < MANY; i++)
		if (event_append(t, &ev) != 0 || toy_add(t, &ev, NULL) != 0)
			bug("append");
	commit(t);
	told = 0;
	IS_INT(rebuild_compare(&s, sub("s3"), &options, &report, &err), 0,
	    "same %s", err.text);
	IS_INT(report.events, MANY, "all replayed");
	OK(told == 3, "in three transactions");
	IS_INT(rebuild_write(&s, sub("many2"), &options, &err), 0, "write %s",
	    err.text);
	r = toy_open(sub("many2"), 0);
	IS_INT(toy_read(r, "a"), MANY, "counted again");
	ledger_close(&r);
	t = begin_write(l);
	ev.type = TOY_FAIL;
	if (event_append(t, &ev) != 0)
		bug("append");
	commit(t);
	IS_INT(rebuild_compare(&s, sub("s3"), &options, &report, &err),
	    ERR_DENIED, "a reducer that fails: %s", err.text);
	t = begin_write(l);
	ev.type = 999;
	if (ledger_del(t, LEDGER_EVENT, seq_key(ev.seq)) != 0 ||
	    event_append(t, &ev) != 0)
		bug("append");
	commit(t);
	IS_INT(rebuild_write(&s, sub("many3"), &options, &err), ERR_CORRUPT,
	    "a gap: %s", err.text);
	ledger_close(&l);
}

static void prune(struct ledger *l, uint64_t to)
{
	struct ledger_txn *t = begin_write(l);
	struct meta m;

	if (meta_read(t, &m) != 0)
		bug("meta");
	for (uint64_t seq = m.pruned_seq + 1; seq <= to; seq++)
		if (ledger_del(t, LEDGER_EVENT, seq_key(seq)) != 0)
			bug("del");
	m.pruned_seq = to;
	if (meta_write(t, &m) != 0)
		bug("meta");
	commit(t);
}

static void test_pruned(void)
{
	unsigned flags = LEDGER_READ_ONLY | LEDGER_NO_LOCK;
	struct ledger *l = filled(sub("pr")), *b, *r, *x;
	struct rebuild_report report;
	struct rebuild_source s;
	struct snapshot_info info;
	struct check_report c;
	struct error err = {0};

	if (snapshot_backup(l, sub("prb"), &options, &info, NULL) != 0)
		bug("backup");
	fill(l, 20);
	prune(l, EVENTS - 5);
	IS_INT(check_run(l, &options, &c, &err), 0, "pruned is not missing %s",
	    err.text);
	IS_INT(c.first_seq, EVENTS - 4, "the first one left");
	s = (struct rebuild_source){l, NULL};
	IS_INT(rebuild_compare(&s, sub("s2"), &options, &report, &err),
	    ERR_NOT_FOUND, "%s", err.text);
	b = toy_open(sub("prb"), flags);
	s.base = b;
	IS_INT(rebuild_compare(&s, sub("s2"), &options, &report, &err), 0,
	    "backup and the events after it %s", err.text);
	IS_INT(report.events, 20, "only those were replayed");
	IS_INT(rebuild_write(&s, sub("prn"), &options, &err), 0, "write %s",
	    err.text);
	r = toy_open(sub("prn"), 0);
	OK(toy_gap_free(r) && meta_of(r).pruned_seq == 0,
	    "with the events of the backup");
	IS_INT(check_run(r, &options, &c, &err), 0, "whole %s", err.text);
	ledger_close(&r);
	prune(l, EVENTS + 2);
	IS_INT(rebuild_compare(&s, sub("s2"), &options, &report, &err),
	    ERR_NOT_FOUND, "%s", err.text);
	x = filled(sub("stranger"));
	s.base = x;
	IS_INT(rebuild_compare(&s, sub("s2"), &options, &report, &err),
	    ERR_NOT_FOUND, "%s", err.text);
	ledger_close(&x);
	ledger_close(&b);
	ledger_close(&l);
}

static void test_decode(void)
{
	struct event ev = {.type = EV_LEDGER_RESTORED,
	    .version = 1,
	    .payload = STR("\xa3\x00\x02\x01\x18\x3c\x02\x50"
			   "0123456789abcdef")};
	struct snapshot_restored r;

	IS_INT(snapshot_decode(&ev, &r), 0, "golden bytes");
	OK(r.epoch == 2 && r.last_seq == 60 &&
		memcmp(r.nonce, "0123456789abcdef", 16) == 0,
	    "what they say");
	ev.payload.n--;
	IS_INT(snapshot_decode(&ev, &r), ERR_SYNTAX, "cut short");
	ev.version = 2;
	IS_INT(snapshot_decode(&ev, &r), ERR_VERSION, "of the future");
}

int main(void)
{
	(void)toy_dir(base, sizeof(base));
	test_backup();
	test_backup_of_busy();
	test_failures();
	test_check();
	test_bit_rot();
	test_rebuild();
	test_rebuild_older();
	test_rebuild_chunks();
	test_pruned();
	test_decode();
	toy_remove(base);
	return tap_done();
}
