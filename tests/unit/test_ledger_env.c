/* test_ledger_env.c - storage: opening and refusing to open, rows, iterators,
 * snapshots, other processes. */
#include "tests/unit/tap.h"
#include "tests/unit/toy_ledger.h"

#include "policy/base/clock.h"
#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/ledger/folder.h"
#include "policy/ledger/meta.h"
#include "policy/ledger/turns.h"

#include <grp.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum {
	TEAM = 61000, /* a group, and the first of its users */
	TOGETHER = 4,
	ROUNDS = 20,
};

static char base[200];

static const char *sub(const char *name)
{
	static char room[200][300];
	static unsigned at;
	char *p = room[at++ % 200];

	(void)snprintf(p, sizeof(room[0]), "%s/%s", base, name);
	return p;
}

static int try_open(
    const char *dir, unsigned flags, uint32_t schema, struct error *err)
{
	struct ledger_options o = toy_options(dir, flags);
	struct ledger *l;
	int rc;

	o.schema = schema;
	rc = ledger_open(&l, &o, err);
	ledger_close(&l);
	return rc;
}

static struct ledger_txn *begin_write(struct ledger *l)
{
	struct ledger_txn *t;

	if (ledger_write_begin(l, &t) != 0)
		bug("ledger_write_begin");
	return t;
}

static struct ledger_txn *begin_read(struct ledger *l)
{
	struct ledger_txn *t;

	if (ledger_read_begin(l, &t) != 0)
		bug("ledger_read_begin");
	return t;
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static bool all_cloexec(const char *dir)
{
	struct dirent *e;
	DIR *d = opendir("/proc/self/fd");
	bool all = d != NULL;
	unsigned seen = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char link[300], path[600];
		ssize_t n;
		int fd;

		(void)snprintf(
		    link, sizeof(link), "/proc/self/fd/%s", e->d_name);
		n = readlink(link, path, sizeof(path) - 1);
		if (n <= 0 ||
		    !str_starts((struct str){path, (size_t)n}, str_of(dir)))
			continue;
		fd = (int)strtol(e->d_name, NULL, 10);
		seen++;
		all = all && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
	}
	if (d != NULL)
		(void)closedir(d);
	return all && seen >= 2;
}

/* As the daemons are: two users of one group, whatever the umask. Where this
 * is not root, one user. */
static int be_one_of(int i)
{
	(void)umask(i % 2 == 0 ? 077 : 027);
	if (geteuid() != 0)
		return 0;
	return setgid(TEAM) == 0 && setuid((uid_t)(TEAM + i)) == 0 ? 0 : 1;
}

static int start_together(int i)
{
	struct error err = {0};
	const char *dir = sub("team/ledger");
	struct turns *t = NULL;
	int rc = be_one_of(i);

	if (rc == 0)
		rc = try_open(dir, LEDGER_CREATE, TOY_SCHEMA, &err);
	if (rc == 0)
		rc = turns_open(&t, dir, &err);
	turns_close(&t);
	if (rc != 0)
		(void)fprintf(stderr, "# %d: %s\n", i, err.text);
	return rc;
}

/* Nobody finds what another has half made. */
static void test_first_start(void)
{
	int failed = 0, status;
	pid_t pid[TOGETHER];

	IS_INT(mkdir(sub("team"), 0777), 0, "a folder");
	if (chmod(base, 0711) != 0 ||
	    (geteuid() == 0 && chown(sub("team"), 0, TEAM) != 0) ||
	    chmod(sub("team"), 02770) != 0)
		bug("team");
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < TOGETHER; i++) {
			pid[i] = fork();
			if (pid[i] == 0)
				_exit(start_together(i) != 0);
			if (pid[i] < 0)
				bug("fork");
		}
		for (int i = 0; i < TOGETHER; i++)
			failed += waitpid(pid[i], &status, 0) != pid[i] ||
				  status != 0;
		OK(mode_of(sub("team/ledger")) == 02770 &&
			mode_of(sub("team/ledger/data.mdb")) == 0660 &&
			mode_of(sub("team/ledger/lock.mdb")) == 0660,
		    "modes");
		folder_remove(sub("team/ledger"));
	}
	IS_INT(failed, 0, "all that started together opened it");
}

static void test_open(void)
{
	struct ledger_options o = toy_options(sub("open"), LEDGER_CREATE);
	struct ledger *l, *again;
	struct error err = {0};
	struct ledger_stat st;
	char path[700];
	mode_t old;

	IS_INT(try_open(sub("open"), 0, TOY_SCHEMA, &err), -ENOENT,
	    "no folder: %s", err.text);
	IS_INT(mkdir(sub("empty"), 0755), 0, "an empty folder");
	IS_INT(try_open(sub("empty"), 0, TOY_SCHEMA, &err), ERR_NOT_FOUND,
	    "no ledger: %s", err.text);
	OK(access(sub("empty/data.mdb"), F_OK) != 0, "and none is made");
	old = umask(077);
	IS_INT(ledger_open(&l, &o, &err), 0, "create");
	(void)umask(old);
	IS_INT(mode_of(sub("open")), 02770, "folder's mode");
	IS_INT(mode_of(sub("open/data.mdb")), 0660, "file's mode");
	IS_INT(mode_of(sub("open/lock.mdb")), 0660, "lock file's mode");
	OK(all_cloexec(sub("open")), "no descriptor survives exec");
	IS_INT(ledger_open(&again, &o, &err), ERR_EXISTS, "second open: %s",
	    err.text);
	OK(again == NULL, "gives nothing");
	(void)snprintf(path, sizeof(path), "%s/../open/.", sub("open"));
	o.dir = path;
	IS_INT(ledger_open(&again, &o, &err), ERR_EXISTS, "by another path");
	IS_INT(symlink(sub("open"), sub("link")), 0, "symlink");
	o.dir = sub("link");
	IS_INT(ledger_open(&again, &o, &err), ERR_EXISTS, "by a symlink");
	IS_S(str_of(ledger_table_name(l, T_BLOB)), STR("blob"), "a table");
	IS_S(str_of(ledger_table_name(l, LEDGER_META)), STR("meta"), "meta");
	OK(ledger_table_name(l, 2) == NULL, "no such table");
	IS_INT(ledger_n_tables(l), 2, "two tables");
	ledger_stat(l, &st);
	OK(st.map_size == 64 << 20 && st.page_size >= 4096 &&
		st.max_readers == 4096 && st.used > 0 && st.used < st.map_size,
	    "statistics");
	ledger_close(&l);
	ledger_close(&l);
	IS_INT(chmod(sub("open/data.mdb"), 0600), 0, "an admin's choice");
	IS_INT(try_open(sub("open"), LEDGER_CREATE, TOY_SCHEMA, &err), 0,
	    "open again");
	IS_INT(mode_of(sub("open/data.mdb")), 0600, "stays");
}

static void test_schema(void)
{
	struct error err = {0};

	IS_INT(try_open(sub("schema"), LEDGER_CREATE, 7, &err), 0, "version 7");
	IS_INT(try_open(sub("schema"), LEDGER_CREATE, 8, &err), ERR_VERSION,
	    "newer program");
	OK(strstr(err.text, "version 7") != NULL &&
		strstr(err.text, "version 8") != NULL &&
		strstr(err.text, "older release") != NULL,
	    "names both: %s", err.text);
	IS_INT(try_open(sub("schema"), LEDGER_READ_ONLY, 6, &err), ERR_VERSION,
	    "older program");
	OK(strstr(err.text, "version 7") != NULL &&
		strstr(err.text, "version 6") != NULL &&
		strstr(err.text, "newer release") != NULL,
	    "names both: %s", err.text);
	IS_INT(try_open(sub("schema"), 0, 7, &err), 0, "the same");
}

static void test_not_lmdb(void)
{
	struct error err = {0};
	int fd;

	IS_INT(mkdir(sub("junk"), 0755), 0, "folder");
	fd = open(sub("junk/data.mdb"), O_CREAT | O_WRONLY, 0644);
	for (int i = 0; i < 4096; i++)
		if (write(fd, "junk", 4) != 4)
			bug("write");
	(void)close(fd);
	IS_INT(try_open(sub("junk"), LEDGER_CREATE, 7, &err), ERR_CORRUPT,
	    "a file of junk: %s", err.text);
}

static void test_rows(void)
{
	struct ledger *l = toy_open(sub("rows"), LEDGER_CREATE);
	char key[LEDGER_KEY_MAX + 1];
	struct ledger_table_stat ts;
	struct ledger_txn *w, *r;
	struct str v;

	memset(key, 'k', sizeof(key));
	w = begin_write(l);
	IS_INT(ledger_get(w, T_BLOB, STR("a"), &v), ERR_NOT_FOUND, "absent");
	OK(v.p == NULL && v.n == 0, "no value");
	IS_INT(ledger_put(w, T_BLOB, STR("a"), STR("1")), 0, "put");
	IS_INT(ledger_put(w, T_BLOB, STR("b"), STR("")), 0, "empty value");
	OK(ledger_get(w, T_BLOB, STR("a"), &v) == 0 && str_eq(v, STR("1")),
	    "the writer sees it");
	r = begin_read(l);
	IS_INT(ledger_get(r, T_BLOB, STR("a"), &v), ERR_NOT_FOUND,
	    "a reader does not");
	IS_INT(ledger_append(w, T_BLOB, STR("a"), STR("x")), ERR_EXISTS,
	    "append below the last");
	IS_INT(ledger_append(w, T_BLOB, STR("c"), STR("3")), 0, "append");
	IS_INT(ledger_del(w, T_BLOB, STR("zz")), ERR_NOT_FOUND, "del absent");
	IS_INT(ledger_txn_failed(w), 0, "none of these spoils it");
	IS_INT(ledger_put(
		   w, T_BLOB, (struct str){key, LEDGER_KEY_MAX}, STR("long")),
	    0, "longest key");
	IS_INT(ledger_commit(&w), 0, "commit");
	OK(w == NULL, "ended");
	IS_INT(ledger_get(r, T_BLOB, STR("a"), &v), ERR_NOT_FOUND,
	    "the old snapshot stays");
	ledger_read_end(&r);
	OK(r == NULL, "reader ended");
	r = begin_read(l);
	OK(ledger_get(r, T_BLOB, STR("a"), &v) == 0 && str_eq(v, STR("1")),
	    "a new one sees it");
	OK(ledger_get(r, T_BLOB, STR("b"), &v) == 0 && v.n == 0, "empty value");
	OK(ledger_table_stat(r, T_BLOB, &ts) == 0 && ts.rows == 4 &&
		ts.pages == 1 && ts.depth == 1,
	    "four rows");
	IS_INT(ledger_put(r, T_BLOB, STR("a"), STR("2")), -EACCES,
	    "no change in a read transaction");
	ledger_read_end(&r);
	ledger_read_end(&r);

	w = begin_write(l);
	IS_INT(ledger_put(w, T_BLOB, STR("a"), STR("9")), 0, "put");
	ledger_abort(&w);
	ledger_abort(&w);
	w = begin_write(l);
	OK(ledger_get(w, T_BLOB, STR("a"), &v) == 0 && str_eq(v, STR("1")),
	    "abort undoes");
	IS_INT(
	    ledger_put(w, T_BLOB, STR_NULL, STR("x")), ERR_LIMIT, "empty key");
	IS_INT(ledger_put(w, T_BLOB, (struct str){key, sizeof(key)}, STR("x")),
	    ERR_LIMIT, "key too long");
	IS_INT(ledger_txn_failed(w), ERR_LIMIT, "spoils the transaction");
	IS_INT(ledger_commit(&w), ERR_LIMIT, "cannot be committed");
	w = begin_write(l);
	IS_INT(ledger_del(w, T_BLOB, STR("a")), 0, "del");
	IS_INT(ledger_get(w, T_BLOB, STR("a"), &v), ERR_NOT_FOUND, "gone");
	IS_INT(ledger_commit(&w), 0, "commit");
	ledger_close(&l);
}

static void collect(struct ledger_iter *it, char *out)
{
	struct str k, v;
	size_t n = 0;

	while (n < 30 && ledger_iter_next(it, &k, &v) == 0) {
		if (!str_eq(k, v))
			bug("value differs");
		memcpy(out + n, k.p, k.n);
		n += k.n;
		out[n++] = ' ';
	}
	out[n > 0 ? n - 1 : 0] = '\0';
	if (ledger_iter_next(it, &k, &v) != ERR_NOT_FOUND)
		bug("the end is not the end");
	ledger_iter_close(it);
	ledger_iter_close(it);
}

static void test_iter(void)
{
	static const char *const rows[] = {"b", "ba", "bb", "d", "da"};
	static const struct {
		const char *from;
		enum ledger_order order;
		const char *want;
	} t[] = {
	    {"", LEDGER_UP, "b ba bb d da"},
	    {"a", LEDGER_UP, "b ba bb d da"},
	    {"b", LEDGER_UP, "b ba bb d da"},
	    {"baa", LEDGER_UP, "bb d da"},
	    {"da", LEDGER_UP, "da"},
	    {"db", LEDGER_UP, ""},
	    {"", LEDGER_DOWN, "da d bb ba b"},
	    {"z", LEDGER_DOWN, "da d bb ba b"},
	    {"da", LEDGER_DOWN, "da d bb ba b"},
	    {"c", LEDGER_DOWN, "bb ba b"},
	    {"b", LEDGER_DOWN, "b"},
	    {"a", LEDGER_DOWN, ""},
	};
	static const char *const prefixes[][2] = {{"b", "b ba bb"},
	    {"ba", "ba"}, {"c", ""}, {"", "b ba bb d da"}, {"dab", ""}};
	struct ledger *l = toy_open(sub("iter"), LEDGER_CREATE);
	struct ledger_txn *w = begin_write(l), *r;
	struct ledger_iter it;
	char got[60];

	IS_INT(ledger_iter_open(w, T_BLOB, STR("x"), LEDGER_DOWN, &it), 0,
	    "empty table");
	collect(&it, got);
	IS_STR(got, "", "gives nothing");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (ledger_put(w, T_BLOB, str_of(rows[i]), str_of(rows[i])))
			bug("put");
	IS_INT(ledger_iter_open(w, T_BLOB, STR("d"), LEDGER_UP, &it), 0,
	    "in a write transaction");
	collect(&it, got);
	IS_STR(got, "d da", "sees its own rows");
	IS_INT(ledger_commit(&w), 0, "commit");
	r = begin_read(l);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (ledger_iter_open(
			r, T_BLOB, str_of(t[i].from), t[i].order, &it) != 0)
			bug("iter");
		collect(&it, got);
		IS_STR(got, t[i].want, "%s from '%s'",
		    t[i].order == LEDGER_UP ? "up" : "down", t[i].from);
	}
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (ledger_iter_prefix(r, T_BLOB, str_of(prefixes[i][0]), &it))
			bug("iter");
		collect(&it, got);
		IS_STR(got, prefixes[i][1], "prefix '%s'", prefixes[i][0]);
	}
	ledger_read_end(&r);
	ledger_close(&l);
}

static void *read_in_thread(void *arg)
{
	struct ledger_txn *t = arg;
	struct str v;
	bool ok =
	    ledger_get(t, T_BLOB, STR("k"), &v) == 0 && str_eq(v, STR("v"));

	ledger_read_end(&t);
	return ok ? arg : NULL;
}

/* As many looks as inner pages and as many again; none where there are none,
 * nor when it is too late. */
static void test_warm(void)
{
	enum {
		ROWS = 2000
	};
	struct ledger *l = toy_open(sub("warm"), LEDGER_CREATE);
	int64_t endless = clock_mono_ms() + TAP_ENDLESS_MS;
	struct ledger_txn *t = begin_write(l);
	struct ledger_table_stat ts;
	char value[1000] = {0};
	uint64_t looks;

	IS_INT(ledger_warm(t, T_BLOB, endless), 0, "an empty table");
	for (uint64_t i = 0; i < ROWS; i++) {
		char key[16] = {0};

		codec_put_u64(key, UINT64_MAX / ROWS * i);
		if (ledger_put(t, T_BLOB, (struct str){key, sizeof(key)},
			(struct str){value, sizeof(value)}) != 0)
			bug("put");
	}
	OK(ledger_table_stat(t, T_BLOB, &ts) == 0 && ts.depth == 3,
	    "a tree with inner pages");
	looks = ledger_warm(t, T_BLOB, endless);
	OK(looks >= 6 && looks % 2 == 0 && looks < ts.pages,
	    "%" PRIu64 " looks for %" PRIu64 " pages", looks, ts.pages);
	IS_INT(ledger_warm(t, T_BLOB, clock_mono_ms()), 0, "too late");
	ledger_abort(&t);
	ledger_close(&l);
}

/* More readers at once than the pool keeps, ended in other threads. */
static void test_readers(void)
{
	enum {
		MANY = 300
	};
	struct ledger *l = toy_open(sub("readers"), LEDGER_CREATE);
	struct ledger_txn *w = begin_write(l), *t[MANY];
	struct ledger_stat st;
	pthread_t thread;
	unsigned good = 0;
	void *got;

	if (ledger_put(w, T_BLOB, STR("k"), STR("v")) || ledger_commit(&w))
		bug("put");
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MANY; i++)
			t[i] = begin_read(l);
		for (int i = 0; i < MANY; i++) {
			if (i % 100 != 0) {
				ledger_read_end(&t[i]);
				good++;
				continue;
			}
			if (pthread_create(
				&thread, NULL, read_in_thread, t[i]) != 0)
				bug("pthread_create");
			(void)pthread_join(thread, &got);
			good += got != NULL;
		}
	}
	IS_INT(good, 3 * MANY, "300 readers at once, three times");
	ledger_stat(l, &st);
	OK(st.readers <= MANY, "slots are used again: %u", st.readers);
	ledger_close(&l);
}

static void test_reader_limit(void)
{
	struct ledger_options o = toy_options(sub("limit"), LEDGER_CREATE);
	struct ledger_txn *a, *b, *c;
	struct ledger *l;

	o.max_readers = 2;
	if (ledger_open(&l, &o, NULL) != 0)
		bug("open");
	a = begin_read(l);
	b = begin_read(l);
	IS_INT(ledger_read_begin(l, &c), ERR_BUSY, "no slot left");
	OK(c == NULL, "nothing given");
	ledger_read_end(&a);
	IS_INT(ledger_read_begin(l, &c), 0, "a slot again");
	ledger_read_end(&b);
	ledger_read_end(&c);
	ledger_close(&l);
}

static void test_read_only(void)
{
	static const char *const more[] = {"blob", "counter", "later"};
	struct ledger_options o = toy_options(sub("ro"), LEDGER_CREATE);
	struct ledger *l = toy_open(sub("ro"), LEDGER_CREATE);
	struct ledger_txn *t = begin_write(l);
	struct error err = {0};
	struct ledger_table_stat ts;
	struct ledger_iter it;
	struct str k, v;

	if (ledger_put(t, T_BLOB, STR("k"), STR("v")) || ledger_commit(&t))
		bug("put");
	ledger_close(&l);
	o.tables = more;
	o.n_tables = 3;
	o.flags = LEDGER_READ_ONLY | LEDGER_NO_LOCK;
	IS_INT(ledger_open(&l, &o, &err), 0, "one table more than there is");
	t = begin_read(l);
	OK(ledger_get(t, 0, STR("k"), &v) == 0 && str_eq(v, STR("v")), "reads");
	IS_INT(ledger_get(t, 2, STR("k"), &v), ERR_NOT_FOUND, "empty");
	IS_INT(ledger_iter_open(t, 2, STR("k"), LEDGER_UP, &it), 0, "iter");
	IS_INT(ledger_iter_next(&it, &k, &v), ERR_NOT_FOUND, "no rows");
	ledger_iter_close(&it);
	OK(ledger_table_stat(t, 2, &ts) == 0 && ts.rows == 0, "no rows");
	ledger_read_end(&t);
	IS_INT(ledger_write_begin(l, &t), -EACCES, "no writer");
	ledger_close(&l);
	o.flags = 0;
	IS_INT(ledger_open(&l, &o, &err), ERR_NOT_FOUND,
	    "a writer wants all tables: %s", err.text);
	o.flags = LEDGER_CREATE;
	IS_INT(ledger_open(&l, &o, &err), 0, "and may make them");
	ledger_close(&l);
}

static void be_nobody(void)
{
	if (geteuid() == 0 &&
	    (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0 ||
		setresuid(65534, 65534, 65534) != 0))
		_exit(99);
}

/* Runs fn in a child; its exit code. */
static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(fn());
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		bug("fork");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static int open_forbidden(void)
{
	struct error err = {0};
	int rc;

	be_nobody();
	rc = try_open(sub("shut/new"), LEDGER_CREATE, TOY_SCHEMA, &err);
	if (rc != -EACCES)
		return 1;
	rc = try_open(sub("sealed"), LEDGER_CREATE, TOY_SCHEMA, &err);
	if (rc != -EACCES || strstr(err.text, "sealed") == NULL)
		return 2;
	rc = try_open(
	    sub("sealed"), LEDGER_READ_ONLY | LEDGER_NO_LOCK, TOY_SCHEMA, &err);
	return rc == 0 ? 0 : 3;
}

static void test_forbidden(void)
{
	struct ledger *l = toy_open(sub("sealed"), LEDGER_CREATE);

	ledger_close(&l);
	if (mkdir(sub("shut"), 0555) != 0 || chmod(base, 0755) != 0 ||
	    chmod(sub("sealed"), 0555) != 0 ||
	    chmod(sub("sealed/data.mdb"), 0444) != 0 ||
	    chmod(sub("sealed/lock.mdb"), 0444) != 0)
		bug("chmod");
	IS_INT(in_child(open_forbidden), 0,
	    "a folder that may only be read: refused, or read");
	if (chmod(sub("shut"), 0755) != 0 || chmod(sub("sealed"), 0755) != 0)
		bug("chmod");
}

static int grow_map(void)
{
	struct ledger_options o = toy_options(sub("grow"), 0);
	static char big[100000];
	struct ledger_txn *t;
	struct ledger *l;

	o.map_size = (size_t)8 << 20;
	if (ledger_open(&l, &o, NULL) != 0 || ledger_write_begin(l, &t) != 0)
		return 1;
	for (char c = 'a'; c < 'a' + 20; c++)
		if (ledger_put(t, T_BLOB, (struct str){&c, 1},
			(struct str){big, sizeof(big)}) != 0)
			return 2;
	if (ledger_commit(&t) != 0)
		return 3;
	ledger_close(&l);
	return 0;
}

/* A child that waits for the word before it runs fn: it must be made before
 * this process opens the ledger, which does not survive a fork(). */
struct child {
	pid_t pid;
	int go, said; /* ends of pipes that stay here */
};

static int say_fd; /* in the child */

static struct child child_start(int (*fn)(void))
{
	struct child c;
	int go[2], said[2];
	char word;

	if (pipe(go) != 0 || pipe(said) != 0)
		bug("pipe");
	fflush(stdout);
	c.pid = fork();
	if (c.pid == 0) {
		(void)close(go[1]);
		(void)close(said[0]);
		say_fd = said[1];
		_exit(read(go[0], &word, 1) == 1 ? fn() : 98);
	}
	(void)close(go[0]);
	(void)close(said[1]);
	c.go = go[1];
	c.said = said[0];
	if (c.pid < 0)
		bug("fork");
	return c;
}

static void child_go(const struct child *c)
{
	if (write(c->go, "g", 1) != 1)
		bug("write");
}

static int child_end(struct child *c)
{
	int status = -1;

	(void)close(c->go);
	(void)close(c->said);
	if (waitpid(c->pid, &status, 0) != c->pid)
		bug("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : 1000 + WTERMSIG(status);
}

/* Another process has a larger map and fills it beyond ours. */
static void test_map_resized(void)
{
	struct ledger_options o = toy_options(sub("grow"), LEDGER_CREATE);
	struct child c = child_start(grow_map);
	struct ledger_stat st;
	struct ledger_txn *t;
	struct ledger *l;
	struct str v;

	o.map_size = (size_t)1 << 20;
	if (ledger_open(&l, &o, NULL) != 0)
		bug("open");
	t = begin_read(l);
	ledger_read_end(&t);
	/* None of these may leave a transaction counted as live: the new map
	 * would wait for it. */
	ledger_stat(l, &st);
	if (ledger_reader_check(l, NULL) != 0 || ledger_sync(l) != 0 ||
	    mkdir(sub("growcopy"), 0755) != 0 ||
	    ledger_copy(l, sub("growcopy"), NULL) != 0)
		bug("copy");
	child_go(&c);
	IS_INT(child_end(&c), 0, "the other one grows it");
	t = begin_read(l);
	OK(ledger_get(t, T_BLOB, STR("t"), &v) == 0 && v.n == 100000,
	    "we follow");
	ledger_read_end(&t);
	t = begin_write(l);
	IS_INT(ledger_put(t, T_BLOB, STR("z"), STR("z")), 0, "and write on");
	IS_INT(ledger_commit(&t), 0, "commit");
	ledger_stat(l, &st);
	OK(st.map_size >= 2 << 20, "a map of %llu bytes now",
	    (unsigned long long)st.map_size);
	ledger_close(&l);
}

static int read_and_hang(void)
{
	struct ledger *l = toy_open(sub("stale"), 0);
	struct ledger_txn *t = begin_read(l);

	if (t == NULL || write(say_fd, "r", 1) != 1)
		return 1;
	for (;;)
		(void)pause();
}

static void test_stale_reader(void)
{
	struct child c = child_start(read_and_hang);
	struct ledger *l = toy_open(sub("stale"), LEDGER_CREATE);
	int cleared = -1;
	char word;

	child_go(&c);
	OK(read(c.said, &word, 1) == 1, "another process reads");
	IS_INT(ledger_reader_check(l, &cleared), 0, "reader check");
	IS_INT(cleared, 0, "leaves the living alone");
	(void)kill(c.pid, SIGKILL);
	IS_INT(child_end(&c), 1000 + SIGKILL, "killed");
	IS_INT(ledger_reader_check(l, &cleared), 0, "reader check");
	IS_INT(cleared, 1, "one dead slot cleared");
	ledger_close(&l);
}

static int hold_all_slots(void)
{
	struct ledger *l = toy_open(sub("slots"), 0);
	struct ledger_txn *a = begin_read(l), *b = begin_read(l);

	if (a == NULL || b == NULL || write(say_fd, "r", 1) != 1)
		return 1;
	for (;;)
		(void)pause();
}

/* All slots are held by a reader that died: the next to begin clears them. */
static void test_stale_slots(void)
{
	struct ledger_options o = toy_options(sub("slots"), LEDGER_CREATE);
	struct child c = child_start(hold_all_slots);
	struct ledger_txn *t;
	struct ledger *l;
	char word;

	o.max_readers = 2;
	if (ledger_open(&l, &o, NULL) != 0)
		bug("open");
	child_go(&c);
	OK(read(c.said, &word, 1) == 1, "another process has both slots");
	IS_INT(ledger_read_begin(l, &t), ERR_BUSY, "none for us");
	(void)kill(c.pid, SIGKILL);
	IS_INT(child_end(&c), 1000 + SIGKILL, "killed");
	IS_INT(ledger_read_begin(l, &t), 0, "now there is one");
	ledger_read_end(&t);
	ledger_close(&l);
}

static int write_and_hang(void)
{
	struct ledger *l = toy_open(sub("untold"), 0);
	struct ledger_txn *t = begin_write(l);

	if (t == NULL || write(say_fd, "w", 1) != 1)
		return 1;
	for (;;)
		(void)pause();
}

/* What LMDB's readers begin by stands in the lock file; it is set back as if the
 * last writer had been killed before he set it. */
static void untell(uint64_t last)
{
	char path[300];
	uint64_t *words;
	size_t at = 1, n = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/lock.mdb", sub("untold"));
	fd = open(path, O_RDWR);
	words =
	    fd < 0 ? MAP_FAILED
		   : mmap(NULL, 256, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (words == MAP_FAILED)
		bug("lock.mdb");
	for (size_t i = 1; i < 16; i++)
		if (words[i] == last) {
			at = i;
			n++;
		}
	if (n != 1)
		bug("the last transaction in lock.mdb");
	words[at]--;
	(void)munmap(words, 256);
	(void)close(fd);
}

static void test_killed_before_told(void)
{
	struct child c = child_start(write_and_hang);
	struct ledger *l = toy_open(sub("untold"), LEDGER_CREATE);
	struct ledger_stat st;
	struct ledger_txn *t;
	struct str v;
	char word;

	for (int i = 0; i < 20; i++) { /* a number that is no other's */
		t = begin_write(l);
		if (ledger_put(
			t, T_BLOB, STR("k"), str_of(i < 19 ? "a" : "b")) != 0 ||
		    ledger_commit(&t) != 0)
			bug("commit");
	}
	ledger_stat(l, &st);
	child_go(&c);
	OK(read(c.said, &word, 1) == 1, "another process writes");
	untell(st.last_txn);
	(void)kill(c.pid, SIGKILL);
	IS_INT(child_end(&c), 1000 + SIGKILL, "killed");
	t = begin_read(l);
	OK(ledger_get(t, T_BLOB, STR("k"), &v) == 0 && str_eq(v, STR("a")),
	    "a reader does not know of the last commit");
	ledger_read_end(&t);
	IS_INT(ledger_read_latest(l, &t), 0, "who asks for the latest");
	OK(ledger_get(t, T_BLOB, STR("k"), &v) == 0 && str_eq(v, STR("b")),
	    "does");
	ledger_read_end(&t);
	t = begin_read(l);
	OK(ledger_get(t, T_BLOB, STR("k"), &v) == 0 && str_eq(v, STR("b")),
	    "and so do all from then on");
	ledger_read_end(&t);
	ledger_close(&l);
}

static int use_wrong_table(void)
{
	struct ledger *l = toy_open(sub("wrong"), LEDGER_CREATE);
	struct ledger_txn *t = begin_read(l);
	struct str v;

	(void)close(STDERR_FILENO);
	return ledger_get(t, TOY_TABLES, STR("k"), &v) == 0;
}

static int use_wrong_options(void)
{
	struct error err;

	(void)close(STDERR_FILENO);
	return try_open(sub("wrong"), LEDGER_NO_LOCK, TOY_SCHEMA, &err);
}

/* Mistakes of the program end it. */
static void test_bugs(void)
{
	struct child c = child_start(use_wrong_table);

	child_go(&c);
	IS_INT(child_end(&c), 1000 + SIGABRT, "a table that is none");
	c = child_start(use_wrong_options);
	child_go(&c);
	IS_INT(child_end(&c), 1000 + SIGABRT, "no lock, but writing");
}

static void test_meta(void)
{
	struct ledger *l = toy_open(sub("meta"), LEDGER_CREATE);
	struct meta first, m;
	struct ledger_txn *t = begin_read(l);

	IS_INT(meta_read(t, &first), 0, "read");
	OK(first.schema == TOY_SCHEMA && first.epoch == 1 &&
		first.last_seq == 0 && first.created_ms > 0,
	    "a new ledger");
	ledger_read_end(&t);
	t = begin_write(l);
	m = first;
	m.epoch = 5;
	m.snapshot_seq = 77;
	m.pruned_seq = 33;
	IS_INT(meta_write(t, &m), 0, "write");
	IS_INT(ledger_commit(&t), 0, "commit");
	ledger_close(&l);
	l = toy_open(sub("meta"), 0);
	t = begin_read(l);
	IS_INT(meta_read(t, &m), 0, "read again");
	OK(m.epoch == 5 && m.snapshot_seq == 77 && m.pruned_seq == 33 &&
		m.created_ms == first.created_ms &&
		memcmp(m.uuid, first.uuid, META_UUID) == 0,
	    "stays");
	ledger_read_end(&t);
	ledger_close(&l);
}

/* --- failures --- */

static void test_no_memory(void)
{
	struct ledger *l = NULL;
	struct ledger_options o = toy_options(sub("mem"), LEDGER_CREATE);
	struct event ev = {.type = TOY_ADD, .version = 1, .payload = STR("a")};
	struct ledger_txn *t = NULL;
	int rc = -1;

	for (long n = 1; rc != 0 && n < 20; n++) {
		fault_alloc_at(n);
		rc = ledger_open(&l, &o, NULL);
		OK(rc == 0 || (rc == -ENOMEM && l == NULL),
		    "open, allocation %ld: %d", n, rc);
	}
	fault_alloc_at(1);
	IS_INT(ledger_read_begin(l, &t), -ENOMEM, "reader");
	fault_alloc_at(1);
	IS_INT(ledger_write_begin(l, &t), -ENOMEM, "writer");
	fault_alloc_at(0);
	IS_INT(ledger_write_begin(l, &t), 0, "and no lock was kept");
	IS_INT(event_append(t, &ev), 0, "an event");
	fault_write_at(1);
	IS_INT(
	    ledger_put(t, T_BLOB, STR("k"), STR("v")), ERR_FULL, "put fails");
	fault_write_at(0);
	IS_INT(ledger_put(t, T_BLOB, STR("k"), STR("v")), 0, "then works");
	IS_INT(ledger_commit(&t), ERR_FULL, "but it is too late");
	IS_INT(toy_last_seq(l), 0, "nothing is stored");
	ledger_close(&l);
}

int main(void)
{
	(void)toy_dir(base, sizeof(base));
	test_open();
	test_first_start();
	test_schema();
	test_not_lmdb();
	test_rows();
	test_iter();
	test_warm();
	test_readers();
	test_reader_limit();
	test_read_only();
	test_forbidden();
	test_map_resized();
	test_stale_reader();
	test_stale_slots();
	test_killed_before_told();
	test_bugs();
	test_meta();
	test_no_memory();
	toy_remove(base);
	return tap_done();
}
