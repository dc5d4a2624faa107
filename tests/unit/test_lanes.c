/* test_lanes.c - who goes next: the rule by itself, the signs between
 * processes, and the door with both lanes filled. */
#include "tests/unit/tap.h"
#include "tests/unit/toy_ledger.h"

#include "policy/base/fault.h"
#include "policy/ledger/lanes.h"
#include "policy/ledger/turns.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum {
	BATCH_MAX = 8,
	BATCH_US = 5000,
	SECOND_US = 1000000,
};

static int64_t mono_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * SECOND_US + ts.tv_nsec / 1000;
}

/* --- the rule --- */

/* When somebody in front was seen, and now. */
#define QUIET LANES_NEVER_US
#define BUSY (INT64_C(1000) * SECOND_US - 1)
#define NOW (INT64_C(1000) * SECOND_US)

static const struct {
	const char *name;
	struct lanes_batch b;
	struct lanes_queue q;
	int64_t seen_us;
	enum lane want;
} choices[] = {
    {"nobody waits", {{0, 0}, {0, 0}}, {{0, 0}, 0}, QUIET, LANE_NONE},
    {"one in front", {{0, 0}, {0, 0}}, {{1, 0}, 0}, QUIET, LANE_FRONT},
    {"one behind", {{0, 0}, {0, 0}}, {{0, 1}, 0}, QUIET, LANE_BACK},
    {"both: in front", {{0, 0}, {0, 0}}, {{1, 1}, 0}, BUSY, LANE_FRONT},
    {"a second in front", {{1, 0}, {10, 0}}, {{1, 1}, 0}, BUSY, LANE_FRONT},
    {"joins those behind", {{0, 3}, {0, 4000}}, {{1, 1}, 0}, BUSY, LANE_FRONT},
    {"the share of those behind", {{1, 0}, {10, 0}}, {{0, 1}, 0}, BUSY,
	LANE_BACK},
    {"however late it is", {{4, 0}, {BATCH_US, 0}}, {{1, 1}, 0}, BUSY,
	LANE_BACK},
    {"but one then", {{4, 1}, {BATCH_US, 300}}, {{1, 1}, 0}, BUSY, LANE_NONE},
    {"one place is kept", {{BATCH_MAX - 1, 0}, {10, 0}}, {{1, 1}, 0}, BUSY,
	LANE_BACK},
    {"the share was had", {{BATCH_MAX - 2, 1}, {10, 10}}, {{1, 1}, 0}, BUSY,
	LANE_FRONT},
    {"full", {{BATCH_MAX - 1, 1}, {10, 10}}, {{1, 1}, 0}, BUSY, LANE_NONE},
    {"full of those behind", {{0, BATCH_MAX}, {0, 10}}, {{1, 1}, 0}, BUSY,
	LANE_NONE},
    {"the least, with one in front", {{1, 1}, {10, 249}}, {{0, 1}, 0}, BUSY,
	LANE_BACK},
    {"no more", {{1, 1}, {10, 250}}, {{0, 1}, 0}, BUSY, LANE_NONE},
    {"nor when all is quiet", {{1, 1}, {10, 250}}, {{0, 1}, 0}, QUIET,
	LANE_NONE},
    {"one elsewhere: the least", {{0, 1}, {0, 249}}, {{0, 1}, 1}, BUSY,
	LANE_BACK},
    {"no more than that", {{0, 1}, {0, 250}}, {{0, 1}, 1}, BUSY, LANE_NONE},
    {"part of a batch", {{0, 1}, {0, 749}}, {{0, 1}, 0}, BUSY, LANE_BACK},
    {"and its end", {{0, 1}, {0, 750}}, {{0, 1}, 0}, BUSY, LANE_NONE},
    {"all of it while quiet", {{0, 1}, {0, BATCH_US - 1}}, {{0, 1}, 0}, QUIET,
	LANE_BACK},
    {"and its end too", {{0, 1}, {0, BATCH_US}}, {{0, 1}, 0}, QUIET, LANE_NONE},
    {"remembered", {{0, 1}, {0, 750}}, {{0, 1}, 0}, NOW - LANES_CALM_US + 1,
	LANE_NONE},
    {"forgotten", {{0, 1}, {0, 750}}, {{0, 1}, 0}, NOW - LANES_CALM_US,
	LANE_BACK},
};

static void test_choices(const char *dir)
{
	(void)dir;
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		struct lanes l;

		lanes_init(&l, BATCH_MAX, BATCH_US);
		lanes_saw_front(&l, choices[i].seen_us);
		lanes_saw_front(&l, QUIET);
		IS_INT(lanes_next(&l, &choices[i].b, &choices[i].q, NOW),
		    choices[i].want, "%s", choices[i].name);
	}
}

/* A disk where a commit takes fixed_us, and cost times what deciding took: what
 * a batch takes after a while. */
static const struct {
	int64_t fixed_us, cost_pct;
	int64_t least_us, most_us; /* want */
} disks[] = {
    {400, 20, 1350, 1650},
    {400, 100, 1350, 1650},
    {100, 400, 1350, 1650},
    {1000, 20, 1350, 1650},
    {1400, 100, 1800, 2000}, /* the least, from here on */
    {400, 2000, 5500, 5700},
    {100000, 20, 100000, 100400},
    {0, 0, 1490, 1500},
};

static void test_budget(const char *dir)
{
	(void)dir;
	for (size_t i = 0; i < sizeof(disks) / sizeof(disks[0]); i++) {
		int64_t us = 0, commit_us = 0;
		struct lanes l;

		lanes_init(&l, BATCH_MAX, BATCH_US);
		lanes_saw_front(&l, NOW);
		for (int turn = 0; turn < 200; turn++) {
			us = lanes_budget_us(&l, NOW);
			commit_us =
			    disks[i].fixed_us + us * disks[i].cost_pct / 100;
			lanes_note(&l, &(struct lanes_batch){{0, 1}, {0, us}},
			    commit_us);
		}
		OK(us + commit_us >= disks[i].least_us &&
			us + commit_us <= disks[i].most_us,
		    "disk %zu: %lld + %lld us", i, (long long)us,
		    (long long)commit_us);
	}
}

/* Batches with somebody in front tell nothing of what those behind cost. */
static void test_notes(const char *dir)
{
	struct lanes l, before;

	(void)dir;
	lanes_init(&l, BATCH_MAX, BATCH_US);
	before = l;
	lanes_note(&l, &(struct lanes_batch){{3, 0}, {100, 0}}, 900);
	lanes_note(&l, &(struct lanes_batch){{3, 1}, {100, 5}}, 900);
	lanes_note(&l, &(struct lanes_batch){{0, 1}, {0, 0}}, 0);
	lanes_note(&l, &(struct lanes_batch){{0, 1}, {0, 9}}, -1);
	IS_INT(l.share_ppm, before.share_ppm, "no new share");
	lanes_note(&l, &(struct lanes_batch){{0, 1}, {0, 5}}, 900);
	OK(l.share_ppm < before.share_ppm, "a new share");
}

/* Endless queues on both sides, for a thousand batches of random proposals. */
static void test_nobody_starves(const char *dir)
{
	struct lanes_queue q = {{true, true}, false};
	unsigned seed = 7, batches[LANES] = {0}, late = 0;
	struct lanes l;

	(void)dir;
	lanes_init(&l, BATCH_MAX, BATCH_US);
	for (int i = 0; i < 1000; i++) {
		struct lanes_batch b = {0};
		enum lane lane;

		q.elsewhere = i % 2 == 0;
		while ((lane = lanes_next(&l, &b, &q, NOW)) != LANE_NONE) {
			int64_t us;

			seed = seed * 1103515245 + 12345;
			us = seed / 65536 % 1500;
			late += lane == LANE_FRONT && b.n[LANE_BACK] > 1;
			b.n[lane]++;
			b.us[lane] += us;
		}
		batches[LANE_FRONT] += b.n[LANE_FRONT] > 0;
		batches[LANE_BACK] += b.n[LANE_BACK] > 0;
		lanes_note(&l, &b, 700);
	}
	IS_INT(batches[LANE_FRONT], 1000, "in front: each batch");
	IS_INT(batches[LANE_BACK], 1000, "behind: each batch");
	IS_INT(late, 0, "nobody in front behind two from behind");
}

/* --- between processes: two descriptions of the file are as two of them --- */

static struct turns *open_turns(const char *dir)
{
	struct error err = {0};
	struct turns *t;

	if (turns_open(&t, dir, &err) != 0)
		bug("turns: %s", err.text);
	return t;
}

static void test_signs(const char *dir)
{
	struct turns *a, *b;
	struct stat st;
	char path[400];
	mode_t mask;

	if (mkdir(dir, 0700) != 0)
		bug("mkdir");
	mask = umask(077);
	a = open_turns(dir);
	(void)umask(mask);
	b = open_turns(dir);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, TURNS_FILE);
	OK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0660, "its mode");
	OK(!turns_waits(a, LANE_FRONT) && !turns_waits(a, LANE_BACK),
	    "nobody waits");
	IS_INT(turns_front_us(a, mono_us()), LANES_NEVER_US, "nor has yet");
	turns_ask(a, LANE_FRONT, mono_us());
	OK(turns_waits(b, LANE_FRONT), "seen by others");
	OK(!turns_waits(a, LANE_FRONT), "one does not wait for oneself");
	OK(!turns_waits(b, LANE_BACK), "in that lane");
	turns_end(a);
	turns_end(a);
	OK(!turns_waits(b, LANE_FRONT), "until it has the ledger");
	OK(mono_us() - turns_front_us(b, mono_us()) < 60 * (int64_t)SECOND_US,
	    "it is remembered");
	IS_INT(turns_front_us(b, 1), LANES_NEVER_US,
	    "a time to come is of an earlier start of the machine");
	turns_ask(a, LANE_BACK, 0);
	OK(turns_waits(b, LANE_BACK) && !turns_waits(b, LANE_FRONT), "behind");
	turns_close(&a);
	OK(!turns_waits(b, LANE_BACK), "closed");
	turns_close(&b);
	turns_close(&b);
	OK(b == NULL, "twice is fine");
}

static int64_t time_of_ask(struct turns *t, enum lane lane)
{
	int64_t from_us = mono_us();

	turns_ask(t, lane, from_us);
	turns_end(t);
	return mono_us() - from_us;
}

/* Waits are long enough for the other to come, and end when it does not. */
static void test_ways(const char *dir)
{
	struct turns *a, *b;
	int64_t us;

	if (mkdir(dir, 0700) != 0)
		bug("mkdir");
	a = open_turns(dir);
	b = open_turns(dir);
	turns_ask(a, LANE_FRONT, mono_us());
	us = time_of_ask(b, LANE_BACK);
	OK(us >= TURNS_WAY_US, "behind gives way: %lld us", (long long)us);
	turns_end(a);
	turns_ask(a, LANE_BACK, mono_us());
	for (int i = 0; i < 2 * (TURNS_AHEAD + 1); i++) {
		bool lets = i % (TURNS_AHEAD + 1) == TURNS_AHEAD;

		us = time_of_ask(b, LANE_FRONT);
		OK(!lets || us >= TURNS_LET_US, "in front, %d: %lld us", i,
		    (long long)us);
	}
	turns_end(a);
	for (int i = 0; i < TURNS_AHEAD; i++)
		(void)time_of_ask(b, LANE_FRONT);
	turns_ask(a, LANE_BACK, mono_us());
	for (int i = 0; i < TURNS_AHEAD; i++)
		(void)time_of_ask(b, LANE_FRONT);
	us = time_of_ask(b, LANE_FRONT);
	OK(us >= TURNS_LET_US, "counted only while one behind waits");
	turns_close(&a);
	turns_close(&b);
}

static void test_dead(const char *dir)
{
	struct turns *t;
	int ready[2];
	pid_t child;
	char byte;

	if (mkdir(dir, 0700) != 0 || pipe(ready) != 0)
		bug("mkdir");
	t = open_turns(dir);
	child = fork();
	if (child == 0) {
		turns_ask(open_turns(dir), LANE_FRONT, mono_us());
		(void)!write(ready[1], "", 1);
		for (;;)
			(void)pause();
	}
	if (child < 0 || read(ready[0], &byte, 1) != 1)
		bug("fork");
	OK(turns_waits(t, LANE_FRONT), "another process waits");
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	OK(!turns_waits(t, LANE_FRONT), "killed: its sign is gone");
	(void)close(ready[0]);
	(void)close(ready[1]);
	turns_close(&t);
}

static void test_no_file(const char *dir)
{
	struct error err = {0};
	struct turns *t;
	char path[400];

	IS_INT(turns_open(&t, dir, &err), -ENOENT, "no folder: %s", err.text);
	OK(t == NULL, "nothing");
	if (mkdir(dir, 0700) != 0)
		bug("mkdir");
	fault_alloc_at(1);
	IS_INT(turns_open(&t, dir, &err), -ENOMEM, "no memory");
	fault_alloc_at(0);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, TURNS_FILE);
	if (mkdir(path, 0700) != 0)
		bug("mkdir");
	IS_INT(turns_open(&t, dir, &err), -EISDIR, "no file: %s", err.text);
}

/* --- the door --- */

struct put {
	const char *name; /* of the counter */
	uint64_t seen;    /* of all counters' sum: the events before it */
	int rc;
	struct door *d;
};

static int put_fn(struct door_ctx *ctx, void *arg)
{
	struct put *p = arg;
	int rc = ledger_last_seq(door_txn(ctx), &p->seen);

	return rc != 0 ? rc : door_emit(ctx, TOY_ADD, 1, str_of(p->name));
}

static void put_done(void *arg, int rc, const struct error *err)
{
	struct put *p = arg;

	(void)err;
	p->rc = rc;
}

static void put_behind(struct door *d, struct put *p)
{
	*p = (struct put){.name = "b", .rc = 1, .d = d};
	if (door_submit(d, put_fn, p, put_done, p) != 0)
		bug("submit");
}

static void *decide(void *arg)
{
	struct put *p = arg;

	p->rc = door_decide(p->d, put_fn, p, NULL);
	return NULL;
}

static size_t queued(struct door *d)
{
	struct door_stats st;

	door_stats(d, &st);
	return st.queued;
}

static void start_decision(struct door *d, struct put *p, pthread_t *t)
{
	size_t n = queued(d);

	*p = (struct put){.name = "f", .rc = 1, .d = d};
	if (pthread_create(t, NULL, decide, p) != 0)
		bug("pthread_create");
	while (queued(d) <= n)
		(void)usleep(1000);
}

struct gate {
	sem_t inside, open;
};

static int gate_fn(struct door_ctx *ctx, void *arg)
{
	struct gate *g = arg;

	(void)ctx;
	(void)sem_post(&g->inside);
	while (sem_wait(&g->open) != 0)
		;
	return 0;
}

static void no_answer(void *arg, int rc, const struct error *err)
{
	(void)arg;
	(void)rc;
	(void)err;
}

static void gate_enter(struct gate *g, struct door *d)
{
	if (sem_init(&g->inside, 0, 0) != 0 || sem_init(&g->open, 0, 0) != 0 ||
	    door_submit(d, gate_fn, g, no_answer, NULL) != 0)
		bug("gate");
	while (sem_wait(&g->inside) != 0)
		;
}

static struct door *open_door(struct ledger *l, size_t queue_max)
{
	struct door_options o = {.ledger = l,
	    .reducers = &toy_reducers,
	    .queue_max = queue_max,
	    .wait_ms = TAP_ENDLESS_MS,
	    .batch_us = 60 * (int64_t)SECOND_US};
	struct door *d;

	if (door_open(&d, &o, NULL) != 0)
		bug("door_open");
	return d;
}

enum {
	SOME = 5
};

/* Both lanes fill while the door stands in a gate. */
static void test_order(const char *dir)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door *d = open_door(l, 0);
	struct put behind[SOME], front[SOME];
	pthread_t t[SOME];
	struct gate g;
	bool right = true;

	gate_enter(&g, d);
	for (int i = 0; i < SOME; i++) {
		put_behind(d, &behind[i]);
		start_decision(d, &front[i], &t[i]);
	}
	(void)sem_post(&g.open);
	for (int i = 0; i < SOME; i++)
		(void)pthread_join(t[i], NULL);
	door_close(&d);
	for (int i = 0; i < SOME; i++) {
		right = right && front[i].rc == 0 && behind[i].rc == 0;
		IS_INT(front[i].seen, i, "in front, %d", i);
		IS_INT(behind[i].seen, SOME + i, "behind, %d", i);
	}
	OK(right, "all answered");
	ledger_close(&l);
}

/* Each lane has room of its own. */
static void test_room(const char *dir)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door *d = open_door(l, SOME);
	struct put behind[SOME], front[SOME], more;
	pthread_t t[SOME];
	struct gate g;
	int failed = 0;

	gate_enter(&g, d);
	for (int i = 0; i < SOME; i++)
		put_behind(d, &behind[i]);
	IS_INT(door_submit(d, put_fn, &more, put_done, &more), ERR_BUSY,
	    "behind it is full");
	for (int i = 0; i < SOME; i++)
		start_decision(d, &front[i], &t[i]);
	(void)sem_post(&g.open);
	for (int i = 0; i < SOME; i++) {
		(void)pthread_join(t[i], NULL);
		failed += front[i].rc != 0;
	}
	IS_INT(failed, 0, "in front it is not");
	door_close(&d);
	IS_INT(toy_read(l, "b"), SOME, "those behind came too");
	ledger_close(&l);
}

static void *close_door(void *arg)
{
	struct door *d = arg;

	door_close(&d);
	return NULL;
}

static void test_close(const char *dir)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door *d = open_door(l, 0);
	struct put behind[SOME], front[SOME], more = {.name = "b"};
	pthread_t t[SOME], closing;
	struct gate g;
	int failed = 0, rc = 0;

	gate_enter(&g, d);
	for (int i = 0; i < SOME; i++) {
		put_behind(d, &behind[i]);
		start_decision(d, &front[i], &t[i]);
	}
	if (pthread_create(&closing, NULL, close_door, d) != 0)
		bug("pthread_create");
	while (rc != ERR_STOPPING) {
		(void)usleep(1000);
		rc = door_submit(d, gate_fn, &g, no_answer, NULL);
		if (rc == 0) /* it was early: one gate more */
			(void)sem_post(&g.open);
	}
	IS_INT(door_decide(d, put_fn, &more, NULL), ERR_STOPPING,
	    "none begins in front");
	(void)sem_post(&g.open);
	(void)pthread_join(closing, NULL);
	for (int i = 0; i < SOME; i++) {
		(void)pthread_join(t[i], NULL);
		failed += front[i].rc != 0 || behind[i].rc != 0;
	}
	IS_INT(failed, 0, "all that was queued is answered");
	IS_INT(toy_read(l, "f") + toy_read(l, "b"), 2 * SOME, "and durable");
	ledger_close(&l);
}

/* --- two processes --- */

enum {
	TURNS = 100,
	WRITERS = 4,
	RUN_US = 300,
};

struct writer {
	struct door *d;
	bool front;
};

static int slow_fn(struct door_ctx *ctx, void *arg)
{
	int64_t until_us = mono_us() + RUN_US;

	while (mono_us() < until_us)
		;
	return toy_add_fn(ctx, arg);
}

static void *write_on(void *arg)
{
	struct writer *w = arg;
	char name[] = "w";

	while (w->front ? door_decide(w->d, slow_fn, name, NULL) == 0
			: door_propose(w->d, slow_fn, name, NULL) == 0)
		;
	return NULL;
}

/* The child: writes without a pause until it is killed. */
static _Noreturn void hammer(const char *dir, bool front, int ready)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE | LEDGER_NO_SYNC);
	struct writer w = {toy_door(l), front};
	pthread_t t;

	for (int i = 0; i < WRITERS; i++)
		if (pthread_create(&t, NULL, write_on, &w) != 0)
			bug("pthread_create");
	(void)!write(ready, "", 1);
	for (;;)
		(void)pause();
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* How many commits of the other process one proposal waits for: of a hundred,
 * the one in the middle. */
static uint64_t commits_between(const char *dir, bool front)
{
	struct ledger *l;
	struct door *d;
	uint64_t waited[TURNS];
	char name[] = "p", byte;
	int ready[2], failed = 0;
	pid_t child;

	if (pipe(ready) != 0)
		bug("pipe");
	child = fork();
	if (child == 0)
		hammer(dir, !front, ready[1]);
	if (child < 0 || read(ready[0], &byte, 1) != 1)
		bug("fork");
	l = toy_open(dir, LEDGER_CREATE | LEDGER_NO_SYNC);
	d = toy_door(l);
	for (int i = 0; i < TURNS; i++) {
		struct ledger_stat before, after;

		ledger_stat(l, &before);
		failed += front ? door_decide(d, toy_add_fn, name, NULL) != 0
				: door_propose(d, toy_add_fn, name, NULL) != 0;
		ledger_stat(l, &after);
		waited[i] = after.last_txn - before.last_txn - 1;
		(void)usleep(500);
	}
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	IS_INT(failed, 0, "all answered");
	door_close(&d);
	ledger_close(&l);
	(void)close(ready[0]);
	(void)close(ready[1]);
	qsort(waited, TURNS, sizeof(waited[0]), by_value);
	return waited[TURNS / 2];
}

static void test_two_processes(const char *dir)
{
	uint64_t n = commits_between(dir, true);

	OK(n <= 2, "in front: behind %llu commits of the other",
	    (unsigned long long)n);
	n = commits_between(dir, false);
	OK(n <= TURNS_AHEAD + 3, "behind: after %llu commits of the other",
	    (unsigned long long)n);
}

int main(void)
{
	static void (*const tests[])(const char *) = {test_choices, test_budget,
	    test_notes, test_nobody_starves, test_signs, test_ways, test_dead,
	    test_no_file, test_order, test_room, test_close,
	    test_two_processes};
	char room[200], dir[300], *base = toy_dir(room, sizeof(room));

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		(void)snprintf(dir, sizeof(dir), "%s/%zu", base, i);
		tests[i](dir);
	}
	toy_remove(base);
	return tap_done();
}
