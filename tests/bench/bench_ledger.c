/* bench_ledger.c - bench_ledger DIR SECONDS: durable proposals a second through
 * the door, by 1, 8 and 64 threads, against LMDB used by hand with one
 * transaction for each put; events appended by one thread that does not wait;
 * rows read. A line a figure, tab-separated: name, value, unit, anchor, its
 * value, ratio.
 *
 * Both sides have a table of 100 000 rows, 16-byte random keys, 64-byte values.
 * A proposal reads a row, and its event (16 bytes) changes it; by hand a row is
 * read and changed, and no event kept. */
#include "policy/base/codec.h"
#include "policy/ledger/door.h"

#include <lmdb.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	ROWS = 100000,
	KEY = 16,
	VALUE = 64,
	THREADS_MAX = 64,
	IN_FLIGHT = 2048,
	EV_TOUCH = 100,
	EV_OPENED = 101,
};

struct rng {
	uint64_t s;
};

static uint64_t rng(struct rng *r) /* splitmix64 */
{
	uint64_t z = (r->s += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* The key of row i: random, the same in every run. */
static void row_key(unsigned i, char key[KEY])
{
	struct rng r = {i};

	codec_put_u64(key, rng(&r));
	codec_put_u64(key + 8, rng(&r));
}

static double now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static _Noreturn void give_up(const char *what, int rc)
{
	fprintf(stderr, "bench_ledger: %s: %d\n", what, rc);
	exit(1);
}

/* --- by hand --- */

struct raw {
	MDB_env *env;
	MDB_dbi dbi;
};

static void raw_open(struct raw *r, const char *dir)
{
	char key[KEY], value[VALUE] = {0};
	MDB_txn *t;
	int rc = mkdir(dir, 0700);

	if (rc != 0 || (rc = mdb_env_create(&r->env)) != 0 ||
	    (rc = mdb_env_set_mapsize(r->env, (size_t)4 << 30)) != 0 ||
	    (rc = mdb_env_open(r->env, dir, MDB_NOTLS, 0600)) != 0 ||
	    (rc = mdb_txn_begin(r->env, NULL, 0, &t)) != 0 ||
	    (rc = mdb_dbi_open(t, NULL, 0, &r->dbi)) != 0)
		give_up("lmdb", rc);
	for (unsigned i = 0; i < ROWS && rc == 0; i++) {
		MDB_val k = {KEY, key}, v = {VALUE, value};

		row_key(i, key);
		rc = mdb_put(t, r->dbi, &k, &v, 0);
	}
	if (rc != 0 || (rc = mdb_txn_commit(t)) != 0)
		give_up("lmdb", rc);
}

static void raw_touch(struct raw *r, struct rng *rand)
{
	char key[KEY], value[VALUE];
	MDB_val k = {KEY, key}, v;
	MDB_txn *t;
	int rc;

	row_key((unsigned)(rng(rand) % ROWS), key);
	if ((rc = mdb_txn_begin(r->env, NULL, 0, &t)) != 0 ||
	    (rc = mdb_get(t, r->dbi, &k, &v)) != 0)
		give_up("lmdb get", rc);
	memcpy(value, v.mv_data, VALUE);
	codec_put_u64(value, codec_get_u64(value) + 1);
	v = (MDB_val){VALUE, value};
	if ((rc = mdb_put(t, r->dbi, &k, &v, 0)) != 0 ||
	    (rc = mdb_txn_commit(t)) != 0)
		give_up("lmdb put", rc);
}

static double raw_write_rate(struct raw *r, double seconds)
{
	struct rng rand = {1};
	double from = now_s();
	unsigned n = 0;

	while (now_s() - from < seconds) {
		raw_touch(r, &rand);
		n++;
	}
	return n / (now_s() - from);
}

static double raw_read_rate(struct raw *r, double seconds)
{
	struct rng rand = {2};
	double from = now_s();
	unsigned n = 0;
	MDB_txn *t;
	int rc = mdb_txn_begin(r->env, NULL, MDB_RDONLY, &t);

	while (rc == 0 && ((n & 63) != 0 || now_s() - from < seconds)) {
		char key[KEY];
		MDB_val k = {KEY, key}, v;

		mdb_txn_reset(t);
		row_key((unsigned)(rng(&rand) % ROWS), key);
		rc = mdb_txn_renew(t);
		if (rc == 0)
			rc = mdb_get(t, r->dbi, &k, &v);
		n++;
	}
	if (rc != 0)
		give_up("lmdb get", rc);
	mdb_txn_abort(t);
	return n / (now_s() - from);
}

/* --- through the door --- */

static int touch(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	char value[VALUE] = {0};
	struct str v;
	int rc = ledger_get(t, 0, ev->payload, &v);

	(void)err;
	if (rc == 0)
		memcpy(value, v.p, v.n < VALUE ? v.n : VALUE);
	else if (rc != ERR_NOT_FOUND)
		return rc;
	codec_put_u64(value, codec_get_u64(value) + 1);
	return ledger_put(t, 0, ev->payload, (struct str){value, VALUE});
}

static int opened(
    struct ledger_txn *t, const struct event *ev, struct error *err)
{
	(void)t;
	(void)ev;
	(void)err;
	return 0;
}

static const struct reducer reducers[] = {
    {EV_TOUCH, 1, EVENT_ACTIVITY, touch},
    {EV_OPENED, 1, EVENT_ACTIVITY, opened},
};
static const char *const tables[] = {"row"};
static const struct reducer_table reducer_table = {
    reducers, 2, tables, 1, NULL};

static struct ledger *ledger_start(const char *dir)
{
	struct ledger_options o = {.dir = dir,
	    .tables = tables,
	    .n_tables = 1,
	    .schema = 1,
	    .flags = LEDGER_CREATE};
	char key[KEY], value[VALUE] = {0};
	struct ledger_txn *t;
	struct ledger *l;
	int rc = ledger_open(&l, &o, NULL);

	if (rc != 0 || (rc = ledger_write_begin(l, &t)) != 0)
		give_up("ledger", rc);
	for (unsigned i = 0; i < ROWS && rc == 0; i++) {
		row_key(i, key);
		rc = ledger_put(
		    t, 0, (struct str){key, KEY}, (struct str){value, VALUE});
	}
	if (rc != 0 || (rc = ledger_commit(&t)) != 0)
		give_up("ledger", rc);
	return l;
}

struct proposer {
	struct door *d;
	struct rng rand;
	atomic_bool *stop;
	unsigned n;
	pthread_t thread;
};

static int touch_fn(struct door_ctx *ctx, void *arg)
{
	struct str key = {arg, KEY}, v;
	int rc = ledger_get(door_txn(ctx), 0, key, &v);

	return rc == 0 ? door_emit(ctx, EV_TOUCH, 1, key) : rc;
}

static void *propose(void *arg)
{
	struct proposer *p = arg;

	while (!atomic_load(p->stop)) {
		char key[KEY];
		int rc;

		row_key((unsigned)(rng(&p->rand) % ROWS), key);
		rc = door_propose(p->d, touch_fn, key, NULL);
		if (rc != 0)
			give_up("door_propose", rc);
		p->n++;
	}
	return NULL;
}

static double propose_rate(struct door *d, unsigned threads, double seconds)
{
	struct proposer p[THREADS_MAX] = {0};
	atomic_bool stop = false;
	double from = now_s();
	unsigned n = 0;

	for (unsigned i = 0; i < threads; i++) {
		p[i] =
		    (struct proposer){.d = d, .rand = {i + 10}, .stop = &stop};
		if (pthread_create(&p[i].thread, NULL, propose, &p[i]) != 0)
			give_up("pthread_create", -1);
	}
	(void)usleep((useconds_t)(seconds * 1e6));
	atomic_store(&stop, true);
	for (unsigned i = 0; i < threads; i++) {
		(void)pthread_join(p[i].thread, NULL);
		n += p[i].n;
	}
	return n / (now_s() - from);
}

/* Two events of the size of a recorded open each: who, when, what. */
static int opened_fn(struct door_ctx *ctx, void *arg)
{
	static const char open_event[40];

	(void)arg;
	return door_emit(
	    ctx, EV_OPENED, 1, (struct str){open_event, sizeof(open_event)});
}

static void opened_done(void *arg, int rc, const struct error *err)
{
	(void)err;
	if (rc != 0)
		give_up("door_submit", rc);
	(void)sem_post(arg);
}

static double append_rate(struct door *d, double seconds)
{
	double from = now_s();
	unsigned n = 0;
	sem_t room;

	if (sem_init(&room, 0, IN_FLIGHT) != 0)
		give_up("sem_init", -1);
	while ((n & 63) != 0 || now_s() - from < seconds) {
		while (sem_wait(&room) != 0)
			;
		if (door_submit(d, opened_fn, NULL, opened_done, &room) != 0)
			give_up("door_submit", -1);
		n++;
	}
	for (unsigned i = 0; i < IN_FLIGHT; i++)
		while (sem_wait(&room) != 0)
			;
	(void)sem_destroy(&room);
	return n / (now_s() - from);
}

static double read_rate(struct ledger *l, double seconds)
{
	struct rng rand = {2};
	double from = now_s();
	unsigned n = 0;

	while ((n & 63) != 0 || now_s() - from < seconds) {
		struct ledger_txn *t;
		char key[KEY];
		struct str v;
		int rc;

		row_key((unsigned)(rng(&rand) % ROWS), key);
		rc = ledger_read_begin(l, &t);
		if (rc == 0)
			rc = ledger_get(t, 0, (struct str){key, KEY}, &v);
		ledger_read_end(&t);
		if (rc != 0)
			give_up("ledger_get", rc);
		n++;
	}
	return n / (now_s() - from);
}

static void line(const char *name, double value, const char *unit,
    const char *anchor, double against)
{
	printf("%s\t%.0f\t%s\t%s\t%.0f\t%.2f\n", name, value, unit, anchor,
	    against, against > 0 ? value / against : 0);
}

static void measure(const char *dir, double seconds)
{
	static const unsigned threads[] = {1, 8, 64};
	struct door_options o = {.reducers = &reducer_table};
	double by_hand, read_by_hand;
	char path[600], name[40];
	struct door_stats st;
	struct raw raw;
	struct door *d;

	(void)snprintf(path, sizeof(path), "%s/lmdb", dir);
	raw_open(&raw, path);
	(void)snprintf(path, sizeof(path), "%s/ledger", dir);
	o.ledger = ledger_start(path);
	if (door_open(&d, &o, NULL) != 0)
		give_up("door_open", -1);
	by_hand = raw_write_rate(&raw, seconds);
	for (size_t i = 0; i < 3; i++) {
		double rate = propose_rate(d, threads[i], seconds);

		(void)snprintf(
		    name, sizeof(name), "ledger.proposals.%u", threads[i]);
		line(name, rate, "/s", "lmdb.txn_per_put", by_hand);
	}
	line("ledger.events", append_rate(d, seconds), "/s", "lmdb.txn_per_put",
	    by_hand);
	read_by_hand = raw_read_rate(&raw, seconds);
	line("ledger.reads", read_rate(o.ledger, seconds), "/s",
	    "lmdb.renew_and_get", read_by_hand);
	door_stats(d, &st);
	fprintf(stderr,
	    "door: %llu proposals in %llu commits, batch p50 %lld us, p99 "
	    "%lld us\n",
	    (unsigned long long)st.proposals, (unsigned long long)st.commits,
	    (long long)st.batch_p50_us, (long long)st.batch_p99_us);
	door_close(&d);
	ledger_close(&o.ledger);
	mdb_env_close(raw.env);
}

static void clean_up(const char *dir)
{
	static const char *const names[] = {"lmdb/data.mdb", "lmdb/lock.mdb",
	    "lmdb", "ledger/data.mdb", "ledger/lock.mdb", "ledger/turns.lock",
	    "ledger", ""};
	char path[600];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (remove(path) != 0 && errno != ENOENT)
			perror(path);
	}
}

int main(int argc, char **argv)
{
	double seconds = argc == 3 ? strtod(argv[2], NULL) : 0;
	char dir[500];

	if (seconds <= 0 || seconds > 60) {
		fprintf(stderr, "usage: bench_ledger DIR SECONDS\n");
		return 2;
	}
	(void)snprintf(dir, sizeof(dir), "%s/bench-ledger-XXXXXX", argv[1]);
	if (mkdtemp(dir) == NULL) {
		perror(argv[1]);
		return 1;
	}
	measure(dir, seconds);
	clean_up(dir);
	return 0;
}
