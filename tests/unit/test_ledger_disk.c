/* test_ledger_disk.c - a disk that fails under LMDB. The functions by which
 * LMDB writes are replaced in this program: what they would do on a full or
 * dying disk, they do at the n-th call. */
#include "tests/unit/tap.h"
#include "tests/unit/toy_ledger.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum fault {
	NO_FAULT,
	PAGES_FULL,  /* page writes: ENOSPC */
	PAGES_SHORT, /* page writes stop halfway, as on a full disk */
	SYNC_FAILS,  /* fdatasync: EIO */
	ROOT_FAILS,  /* write of the meta page: EIO, nothing written */
	ROOT_LIES,   /* the same, but it was written */
};

static _Atomic(enum fault) fault;
static atomic_int hits;

/* LMDB writes whole pages, but of its meta page only the changed bytes. */
static bool is_root(size_t n)
{
	return n < 1024;
}

static bool strikes(enum fault f)
{
	if (atomic_load(&fault) != f)
		return false;
	atomic_fetch_add(&hits, 1);
	return true;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (!is_root(n) && strikes(PAGES_FULL)) {
		errno = ENOSPC;
		return -1;
	}
	if (!is_root(n) && strikes(PAGES_SHORT))
		n /= 2;
	if (is_root(n) && strikes(ROOT_LIES)) {
		/* Once: that LMDB may put the old root back. */
		atomic_store(&fault, NO_FAULT);
		(void)syscall(SYS_pwrite64, fd, p, n, at);
		errno = EIO;
		return -1;
	}
	if (is_root(n) && strikes(ROOT_FAILS)) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	if (strikes(PAGES_FULL)) {
		errno = ENOSPC;
		return -1;
	}
	if (n > 1 && strikes(PAGES_SHORT))
		n--;
	return syscall(SYS_writev, fd, v, n);
}

int fdatasync(int fd)
{
	if (strikes(SYNC_FAILS)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

struct reading {
	struct ledger *l;
	atomic_bool stop;
	atomic_uint good, bad;
};

static void *read_on(void *arg)
{
	struct reading *r = arg;

	while (!atomic_load(&r->stop)) {
		struct ledger_txn *t;
		uint64_t last = 0;
		bool good = ledger_read_begin(r->l, &t) == 0;

		if (good) {
			good = ledger_last_seq(t, &last) == 0 &&
			       toy_count(t, STR("a")) == last;
			ledger_read_end(&t);
		}
		atomic_fetch_add(good ? &r->good : &r->bad, 1);
	}
	return NULL;
}

/* Until the reader has come round once more. */
static void let_read(struct reading *r)
{
	unsigned good = atomic_load(&r->good), bad = atomic_load(&r->bad);

	while (atomic_load(&r->good) == good && atomic_load(&r->bad) == bad)
		(void)usleep(50);
}

static void test_fault(const char *dir, enum fault f, const char *what)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door *d = toy_door(l);
	struct reading r = {.l = l};
	struct error err = {0};
	pthread_t thread;
	char name[] = "a";

	printf("# %s\n", what);
	IS_INT(door_propose(d, toy_add_fn, name, &err), 0, "before");
	if (pthread_create(&thread, NULL, read_on, &r) != 0)
		bug("pthread_create");
	let_read(&r);
	atomic_store(&hits, 0);
	for (int i = 0; i < 3; i++) {
		atomic_store(&fault, f);
		IS_INT(door_propose(d, toy_add_fn, name, &err), ERR_FULL,
		    "refused: %s", err.text);
		let_read(&r);
		IS_INT(toy_read(l, "a"), 1, "and nothing has happened");
	}
	atomic_store(&fault, NO_FAULT);
	OK(atomic_load(&hits) >= 3, "the disk failed %d times",
	    atomic_load(&hits));
	IS_INT(door_propose(d, toy_add_fn, name, &err), 0,
	    "the disk is well again: %s", err.text);
	IS_INT(toy_read(l, "a"), 2, "and it goes on");
	atomic_store(&r.stop, true);
	(void)pthread_join(thread, NULL);
	IS_INT(atomic_load(&r.bad), 0, "readers noticed nothing");
	door_close(&d);
	ledger_close(&l);
	l = toy_open(dir, 0);
	IS_INT(toy_read(l, "a"), 2, "opened again: the same");
	OK(toy_last_seq(l) == 2 && toy_gap_free(l), "gap-free");
	ledger_close(&l);
}

/* The disk is full for good: each proposal is refused at once, reading goes
 * on, opening too. */
static void test_full_for_long(const char *dir)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door *d = toy_door(l);
	char name[] = "a";
	unsigned refused = 0;

	IS_INT(door_propose(d, toy_add_fn, name, NULL), 0, "before");
	atomic_store(&fault, PAGES_FULL);
	for (int i = 0; i < 200; i++)
		refused += door_propose(d, toy_add_fn, name, NULL) == ERR_FULL;
	IS_INT(refused, 200, "200 refused");
	IS_INT(toy_read(l, "a"), 1, "reading goes on");
	door_close(&d);
	ledger_close(&l);
	l = toy_open(dir, LEDGER_CREATE);
	IS_INT(toy_read(l, "a"), 1, "a full disk does not hinder a start");
	atomic_store(&fault, NO_FAULT);
	ledger_close(&l);
}

int main(void)
{
	static const struct {
		enum fault f;
		const char *what;
	} t[] = {
	    {PAGES_FULL, "disk full"},
	    {PAGES_SHORT, "disk full halfway"},
	    {SYNC_FAILS, "flush fails"},
	    {ROOT_FAILS, "root page cannot be written"},
	    {ROOT_LIES, "root page was written, but the disk says no"},
	};
	char room[200], dir[300], *base = toy_dir(room, sizeof(room));

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)snprintf(dir, sizeof(dir), "%s/%zu", base, i);
		test_fault(dir, t[i].f, t[i].what);
	}
	(void)snprintf(dir, sizeof(dir), "%s/long", base);
	test_full_for_long(dir);
	toy_remove(base);
	return tap_done();
}
