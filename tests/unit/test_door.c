/* test_door.c - the door: batches, failures that stay with the guilty, full
 * maps, failing disks, kill -9, two processes. */
#include "tests/unit/tap.h"
#include "tests/unit/toy_ledger.h"

#include "policy/base/fault.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

enum {
	THREADS = 16,
	EACH = 200,
	PATIENCE_US = 300000
};

static char name_of(long i)
{
	return (char)('a' + i % 7);
}

static void *propose_many(void *arg)
{
	struct door *d = arg;
	long failed = 0;

	for (int i = 0; i < EACH; i++) {
		char name[2] = {name_of(i), '\0'};

		failed += door_propose(d, toy_add_fn, name, NULL) != 0;
	}
	return (void *)failed;
}

static void test_threads(const char *dir)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door *d = toy_door(l);
	pthread_t t[THREADS];
	struct door_stats st;
	uint64_t sum = 0;
	long failed = 0;
	void *got;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, propose_many, d) != 0)
			bug("pthread_create");
	for (int i = 0; i < THREADS; i++) {
		(void)pthread_join(t[i], &got);
		failed += (long)got;
	}
	IS_INT(failed, 0, "every proposal is accepted");
	for (int i = 0; i < 7; i++)
		sum += toy_read(l, (char[2]){name_of(i), '\0'});
	IS_INT(sum, THREADS * EACH, "every one counted once");
	IS_INT(toy_last_seq(l), THREADS * EACH, "one event each");
	OK(toy_gap_free(l), "gap-free");
	door_stats(d, &st);
	IS_INT(st.events, THREADS * EACH, "events in the statistics");
	IS_INT(st.proposals, THREADS * EACH, "proposals in the statistics");
	OK(st.commits < THREADS * EACH / 2, "one commit serves several: %llu",
	    (unsigned long long)st.commits);
	OK(st.batch_p50_us > 0 && st.batch_p50_us <= st.batch_p99_us &&
		st.batch_p99_us <= st.batch_max_us,
	    "batch times %lld %lld %lld us", (long long)st.batch_p50_us,
	    (long long)st.batch_p99_us, (long long)st.batch_max_us);
	door_close(&d);
	ledger_close(&l);
	OK(d == NULL && l == NULL, "closed");
}

/* --- one batch of known content --- */

/* A proposal of the tests: what to do, what it saw, what came out. */
struct step {
	enum {
		ADD,
		REFUSE,
		FAIL,
		SWALLOW,
		UNKNOWN,
		HUGE_EVENT,
		LARGEST,
		GREEDY,
		BLOB,
		DROP,
		QUIET
	} what;
	const char *name;
	size_t size; /* BLOB */
	unsigned runs;
	uint64_t seen; /* counter[name] before it */
	int rc;
	struct error err;
	bool answered;
};

static int step_fn(struct door_ctx *ctx, void *arg)
{
	static char big[EVENT_PAYLOAD_MAX + 1];
	struct step *s = arg;

	s->runs++;
	s->seen = toy_count(door_txn(ctx), str_of(s->name));
	switch (s->what) {
	case ADD:
		return door_emit(ctx, TOY_ADD, 1, str_of(s->name));
	case REFUSE:
		(void)door_emit(ctx, TOY_ADD, 1, str_of(s->name));
		return error_set(door_error(ctx), ERR_STALE, "policy 7 is new");
	case FAIL:
		(void)door_emit(ctx, TOY_ADD, 1, str_of(s->name));
		return door_emit(ctx, TOY_FAIL, 1, str_of(s->name));
	case SWALLOW:
		return door_emit(ctx, TOY_SWALLOW, 1, str_of(s->name));
	case UNKNOWN:
		(void)door_emit(ctx, TOY_ADD, 1, str_of(s->name));
		(void)door_emit(ctx, TOY_BLOB, 3, str_of(s->name));
		return 0;
	case HUGE_EVENT:
		(void)door_emit(
		    ctx, TOY_BLOB, 1, (struct str){big, sizeof(big)});
		return 0;
	case LARGEST:
		big[0] = s->name[0];
		return door_emit(
		    ctx, TOY_BLOB, 1, (struct str){big, EVENT_PAYLOAD_MAX});
	case GREEDY:
		for (int i = 0; i < 100; i++)
			(void)door_emit(
			    ctx, TOY_BLOB, 1, (struct str){big, 1 << 20});
		return 0;
	case BLOB:
		big[0] = s->name[0];
		return door_emit(ctx, TOY_BLOB, 1, (struct str){big, s->size});
	case DROP:
		return door_emit(ctx, TOY_DROP, 1, str_of(s->name));
	case QUIET:
	default:
		return 0;
	}
}

static void step_done(void *arg, int rc, const struct error *err)
{
	struct step *s = arg;

	s->rc = rc;
	s->err = *err;
	s->answered = true;
}

struct gate {
	sem_t inside, open;
	unsigned runs; /* its batch may be run again */
};

static int gate_fn(struct door_ctx *ctx, void *arg)
{
	struct gate *g = arg;

	(void)ctx;
	if (g->runs++ > 0)
		return 0;
	(void)sem_post(&g->inside);
	while (sem_wait(&g->open) != 0)
		;
	return 0;
}

static void gate_done(void *arg, int rc, const struct error *err)
{
	(void)arg;
	(void)rc;
	(void)err;
}

/* The door's thread stands in the gate until gate_leave(). */
static void gate_enter(struct gate *g, struct door *d)
{
	g->runs = 0;
	if (sem_init(&g->inside, 0, 0) != 0 || sem_init(&g->open, 0, 0) != 0 ||
	    door_submit(d, gate_fn, g, gate_done, NULL) != 0)
		bug("gate");
	while (sem_wait(&g->inside) != 0)
		;
}

static void gate_leave(struct gate *g)
{
	(void)sem_post(&g->open);
}

static struct door *patient_door(struct ledger *l)
{
	struct door_options o = {
	    .ledger = l, .reducers = &toy_reducers, .batch_us = 10000000};
	struct door *d;

	if (door_open(&d, &o, NULL) != 0)
		bug("door_open");
	return d;
}

/* Runs the steps as one batch and waits for all answers. */
static void run_steps(struct door *d, struct step *s, size_t n)
{
	struct step quiet = {.what = QUIET, .name = "q"};
	struct gate g;

	gate_enter(&g, d);
	for (size_t i = 0; i < n; i++)
		if (door_submit(d, step_fn, &s[i], step_done, &s[i]) != 0)
			bug("door_submit");
	gate_leave(&g);
	/* Behind them in the queue: when it is answered, they are. */
	if (door_propose(d, step_fn, &quiet, NULL) == ERR_BUSY)
		bug("the door stands still");
	for (size_t i = 0; i < n; i++)
		if (!s[i].answered)
			bug("step %zu has no answer", i);
}

static void test_one_batch(const char *dir)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door *d = patient_door(l);
	struct step s[] = {{.what = ADD, .name = "a"},
	    {.what = REFUSE, .name = "a"}, {.what = ADD, .name = "a"},
	    {.what = QUIET, .name = "a"}, {.what = UNKNOWN, .name = "a"},
	    {.what = HUGE_EVENT, .name = "a"}, {.what = LARGEST, .name = "a"},
	    {.what = GREEDY, .name = "a"}, {.what = ADD, .name = "a"}};
	static const int want[] = {
	    0, ERR_STALE, 0, 0, ERR_VERSION, ERR_LIMIT, 0, ERR_LIMIT, 0};
	static const uint64_t seen[] = {0, 1, 1, 2, 2, 2, 2, 2, 2};
	struct door_stats st;

	run_steps(d, s, 9);
	for (size_t i = 0; i < 9; i++) {
		IS_INT(s[i].rc, want[i], "step %zu: %s", i, s[i].err.text);
		IS_INT(s[i].seen, seen[i], "sees what those before it did");
		IS_INT(s[i].runs, 1, "ran once");
	}
	IS_STR(s[1].err.text, "policy 7 is new", "the text arrives");
	OK(s[0].err.code == 0 && s[1].err.code == ERR_STALE, "and the code");
	IS_INT(toy_read(l, "a"), 3, "three were counted");
	IS_INT(toy_last_seq(l), 4, "a refused one leaves no event");
	door_stats(d, &st);
	OK(st.commits == 1 && st.reruns == 0 && st.failed_commits == 0,
	    "one commit for all");
	OK(st.refused == 4 && st.proposals >= 10, "statistics");
	door_close(&d);
	ledger_close(&l);
}

static void test_reducer_fails(const char *dir)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door *d = patient_door(l);
	struct step s[] = {{.what = ADD, .name = "a"},
	    {.what = ADD, .name = "a"}, {.what = FAIL, .name = "a"},
	    {.what = ADD, .name = "a"}, {.what = SWALLOW, .name = "a"},
	    {.what = ADD, .name = "a"}};
	static const int want[] = {0, 0, ERR_DENIED, 0, ERR_LIMIT, 0};
	static const uint64_t seen[] = {0, 1, 2, 2, 3, 3};
	struct door_stats st;

	run_steps(d, s, 6);
	for (size_t i = 0; i < 6; i++) {
		IS_INT(s[i].rc, want[i], "step %zu: %s", i, s[i].err.text);
		IS_INT(s[i].seen, seen[i], "its last run saw the truth");
		OK(s[i].runs >= 1 && s[i].runs <= 3, "ran %u times", s[i].runs);
	}
	IS_STR(s[2].err.text, "toy says no", "the reducer's text arrives");
	IS_INT(toy_read(l, "a"), 4, "the others were counted, once");
	IS_INT(toy_last_seq(l), 4, "and have their events");
	OK(toy_gap_free(l), "gap-free");
	door_stats(d, &st);
	OK(st.reruns == 4 && st.commits == 3 && st.failed_commits == 0,
	    "undone %llu times, committed %llu times",
	    (unsigned long long)st.reruns, (unsigned long long)st.commits);
	door_close(&d);
	ledger_close(&l);
}

/* Every single put, delete and commit of a batch fails once. */
static void test_write_fails(const char *dir)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door *d = patient_door(l);
	uint64_t want = 0;
	unsigned commits = 0, rescued = 0;
	bool right = true;

	for (long n = 1; n <= 12; n++) {
		struct step s[3] = {{.what = ADD, .name = "a"},
		    {.what = ADD, .name = "a"}, {.what = ADD, .name = "a"}};
		struct door_stats before, after;

		door_stats(d, &before);
		fault_write_at(n);
		run_steps(d, s, 3);
		fault_write_at(0);
		door_stats(d, &after);
		for (size_t i = 0; i < 3; i++) {
			want += s[i].rc == 0;
			right = right && (s[i].rc == 0 || s[i].rc == ERR_FULL);
		}
		commits += after.failed_commits > before.failed_commits;
		rescued += after.reruns > before.reruns && s[0].rc == 0 &&
			   s[1].rc == 0 && s[2].rc == 0;
		right = right && toy_read(l, "a") == want &&
			toy_last_seq(l) == want;
	}
	OK(right, "what was answered is what is stored");
	OK(commits >= 1, "%u failed commits: all of the batch get it", commits);
	OK(rescued >= 2, "%u batches were undone and nobody lost", rescued);
	OK(toy_gap_free(l), "gap-free");
	door_close(&d);
	ledger_close(&l);
}

/* While another process writes, proposals queue up; the wait must not count
 * into the time of the batch, or it would be cut to one proposal. */
static void test_waits_for_writer(const char *dir)
{
	enum {
		MANY = 50
	};
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door *d = patient_door(l);
	struct step s[MANY];
	struct door_stats st = {0};
	struct ledger_txn *t;

	if (ledger_write_begin(l, &t) != 0)
		bug("write");
	for (int i = 0; i < MANY; i++) {
		s[i] = (struct step){.what = ADD, .name = "a"};
		if (door_submit(d, step_fn, &s[i], step_done, &s[i]) != 0)
			bug("submit");
	}
	(void)usleep(PATIENCE_US + 20000);
	ledger_abort(&t);
	while (st.proposals < MANY) {
		(void)usleep(1000);
		door_stats(d, &st);
	}
	IS_INT(st.commits, 1, "one commit for all that waited");
	IS_INT(st.batches, 1, "one batch");
	door_close(&d);
	IS_INT(toy_read(l, "a"), MANY, "all counted");
	ledger_close(&l);
}

/* --- a row --- */

/* Two that stand alone, behind what waits at the gate; and all are answered. */
static void run_open(struct door *d, struct gate *g, struct step other[2])
{
	for (int i = 0; i < 2; i++) {
		other[i] = (struct step){.what = ADD, .name = "b"};
		if (i == 0 && door_submit(d, step_fn, &other[0], step_done,
				  &other[0]) != 0)
			bug("submit");
	}
	gate_leave(g);
	if (door_propose(d, step_fn, &other[1], NULL) != 0)
		bug("propose");
}

/* What is durable of it is a beginning, however it fails; others in the same
 * batch know nothing of it. */
static void test_row(const char *dir)
{
	static const struct {
		int what, want;
	} t[] = {{REFUSE, ERR_STALE}, {FAIL, ERR_DENIED}};
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door *d = patient_door(l);
	struct step other[2], s[4];

	for (size_t k = 0; k < sizeof(t) / sizeof(t[0]); k++) {
		uint64_t a = toy_read(l, "a"), b = toy_read(l, "b");
		struct gate g;
		int row = 0;

		for (int i = 0; i < 4; i++)
			s[i] = (struct step){.what = ADD, .name = "a"};
		s[1].what = t[k].what;
		gate_enter(&g, d);
		for (int i = 0; i < 4; i++)
			if (door_submit_in_row(
				d, &row, step_fn, &s[i], step_done, &s[i]) != 0)
				bug("submit");
		run_open(d, &g, other);
		IS_INT(s[0].rc, 0, "row %zu: the first", k);
		for (int i = 1; i < 4; i++)
			IS_INT(s[i].rc, t[k].want, "row %zu: step %d", k, i);
		IS_INT(s[2].runs + s[3].runs, 0, "row %zu: not run", k);
		IS_INT(row, t[k].want, "row %zu: why", k);
		IS_INT(toy_read(l, "a") - a, 1, "row %zu: a beginning", k);
		IS_INT(toy_read(l, "b") - b, 2, "row %zu: the others", k);
	}
	door_close(&d);
	ledger_close(&l);
}

/* --- company --- */

static void submit_steps(struct door *d, struct step *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		s[i] = (struct step){.what = ADD, .name = "a"};
		if (door_submit(d, step_fn, &s[i], step_done, &s[i]) != 0)
			bug("submit");
	}
}

/* The statistics come before the answers: until the door is closed a step is
 * still the door's. */
static uint64_t wait_answered(struct door *d, uint64_t n)
{
	struct door_stats st = {0};

	while (st.proposals < n) {
		(void)usleep(1000);
		door_stats(d, &st);
	}
	return st.batches;
}

static struct door *gathering_door(struct ledger *l, int64_t gather_us)
{
	struct door_options o = {.ledger = l,
	    .reducers = &toy_reducers,
	    .batch_us = 10000000,
	    .gather_us = gather_us};
	struct door *d;

	if (door_open(&d, &o, NULL) != 0)
		bug("door_open");
	return d;
}

/* Three and the gate in one batch, which takes a while; then as many are
 * waited for. */
static void test_gather(const char *dir)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door *d = gathering_door(l, 60 * INT64_C(1000000));
	struct step first[3], s[4], alone = {.what = ADD, .name = "b"};
	struct step last = {.what = ADD, .name = "c"};
	struct door_stats st;
	struct gate g;

	IS_INT(door_propose(d, step_fn, &alone, NULL), 0, "the first one");
	IS_INT(door_propose(d, step_fn, &alone, NULL), 0, "one after it");
	gate_enter(&g, d);
	submit_steps(d, first, 3);
	(void)usleep(5 * PATIENCE_US);
	gate_leave(&g);
	IS_INT(wait_answered(d, 6), 3, "one batch for the gate and three");
	submit_steps(d, s, 3);
	(void)usleep(PATIENCE_US / 10);
	door_stats(d, &st);
	IS_INT(st.proposals, 6, "three wait for a fourth");
	submit_steps(d, s + 3, 1);
	IS_INT(wait_answered(d, 10), 4, "four go in one batch");
	if (door_submit(d, step_fn, &last, step_done, &last) != 0)
		bug("submit");
	door_close(&d);
	OK(last.answered && last.rc == 0, "the last one does not stop a stop");
	IS_INT(toy_read(l, "c"), 1, "and is durable");
	ledger_close(&l);
}

/* Company that does not come is not waited for longer than the batch before
 * took, nor longer than allowed. */
static void test_gather_ends(const char *dir)
{
	static const struct {
		int64_t gather_us;
		useconds_t hold_us;
	} cases[] = {{60 * INT64_C(1000000), 1000}, {1000, 2 * PATIENCE_US}};
	struct ledger *l = toy_open(dir, LEDGER_CREATE);

	for (size_t i = 0; i < 2; i++) {
		struct door *d = gathering_door(l, cases[i].gather_us);
		struct step s[3], alone = {.what = ADD, .name = "b"};
		struct gate g;

		gate_enter(&g, d);
		submit_steps(d, s, 3);
		(void)usleep(cases[i].hold_us);
		gate_leave(&g);
		(void)wait_answered(d, 4);
		IS_INT(door_propose(d, step_fn, &alone, NULL), 0,
		    "alone after three");
		IS_INT(toy_read(l, "b"), i + 1, "durable");
		door_close(&d);
	}
	ledger_close(&l);
}

/* --- a full map --- */

static void test_map_full(const char *dir)
{
	struct ledger_options lo = toy_options(dir, LEDGER_CREATE);
	struct step s[] = {{.what = ADD, .name = "n"},
	    {.what = BLOB, .name = "x", .size = 600000},
	    {.what = ADD, .name = "n"}};
	struct step blob = {.what = BLOB, .size = 60000};
	struct step drop = {.what = DROP, .name = "b"};
	char name[2] = "a";
	struct ledger *l;
	struct door *d;
	int rc = 0, kept = 0;

	lo.map_size = (size_t)1 << 20;
	if (ledger_open(&l, &lo, NULL) != 0)
		bug("open");
	d = patient_door(l);
	run_steps(d, s, 3);
	OK(s[0].rc == 0 && s[2].rc == 0, "small ones fit");
	IS_INT(s[1].rc, ERR_FULL, "a large one does not: %s", s[1].err.text);
	IS_INT(toy_read(l, "n"), 2, "only the guilty one failed");
	blob.name = name;
	while (rc == 0 && kept < 26) {
		name[0] = (char)('a' + kept);
		rc = door_propose(d, step_fn, &blob, NULL);
		kept += rc == 0;
	}
	IS_INT(rc, ERR_FULL, "full after %d", kept);
	OK(kept >= 3 && toy_gap_free(l), "all before it are there");
	IS_INT(toy_last_seq(l), 2 + kept, "each with its event");
	IS_INT(door_propose(d, step_fn, &drop, NULL), 0, "make room");
	name[0] = 'b';
	blob.size = 20000;
	IS_INT(door_propose(d, step_fn, &blob, NULL), 0, "and it goes on");
	door_close(&d);
	ledger_close(&l);
	lo.map_size = (size_t)8 << 20;
	if (ledger_open(&l, &lo, NULL) != 0)
		bug("open");
	d = toy_door(l);
	name[0] = 'z';
	blob.size = 600000;
	IS_INT(door_propose(d, step_fn, &blob, NULL), 0, "a larger map");
	OK(toy_gap_free(l), "gap-free");
	door_close(&d);
	ledger_close(&l);
}

/* --- the queue --- */

struct waiter {
	struct door *d;
	struct step step;
	int rc;
};

static void *propose_step(void *arg)
{
	struct waiter *w = arg;

	w->rc = door_propose(w->d, step_fn, &w->step, NULL);
	return NULL;
}

static struct door *short_door(struct ledger *l, int64_t wait_ms)
{
	struct door_options o = {.ledger = l,
	    .reducers = &toy_reducers,
	    .queue_max = 4,
	    .wait_ms = wait_ms};
	struct door *d;

	if (door_open(&d, &o, NULL) != 0)
		bug("door_open");
	return d;
}

static void test_queue(const char *dir)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door *d = short_door(l, 60);
	struct step s[5] = {0}, late = {.what = ADD, .name = "late"};
	struct door_stats st;
	struct error err = {0};
	struct gate g;
	int rc = 0;

	gate_enter(&g, d);
	IS_INT(door_propose(d, step_fn, &late, &err), ERR_BUSY,
	    "not its turn in time");
	OK(err.code == ERR_BUSY && err.text[0] != '\0', "told: %s", err.text);
	for (int i = 0; i < 5; i++) {
		s[i] = (struct step){.what = ADD, .name = "s"};
		rc = door_submit(d, step_fn, &s[i], step_done, &s[i]);
		IS_INT(rc, i < 4 ? 0 : ERR_BUSY, "submit %d", i);
	}
	err = (struct error){0};
	IS_INT(
	    door_propose(d, step_fn, &late, &err), ERR_BUSY, "no room in time");
	OK(err.code == ERR_BUSY && err.text[0] != '\0', "told: %s", err.text);
	gate_leave(&g);
	(void)wait_answered(d, 5);
	IS_INT(toy_read(l, "s"), 4, "the queued ones ran");
	door_stats(d, &st);
	OK(st.queued == 0 && st.queued_most == 4 && st.timeouts == 3,
	    "statistics");
	door_close(&d);
	IS_INT(late.runs, 0, "those that gave up were never run");
	IS_INT(toy_read(l, "late"), 0, "and left nothing");
	ledger_close(&l);
}

/* Many threads in one batch, with some that do not wait: those that wait wake
 * each other, and each gets its own answer. */
static void test_waiters(const char *dir)
{
	enum {
		MANY = 40
	};
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door *d = patient_door(l);
	struct step s[MANY / 4];
	struct waiter w[MANY];
	struct door_stats st = {0};
	pthread_t t[MANY];
	int wrong = 0;
	struct gate g;

	gate_enter(&g, d);
	for (int i = 0; i < MANY; i++) {
		w[i] = (struct waiter){.d = d,
		    .step = {.what = i % 3 == 0 ? REFUSE : ADD, .name = "a"}};
		if (pthread_create(&t[i], NULL, propose_step, &w[i]) != 0)
			bug("pthread_create");
		if (i % 4 == 0)
			submit_steps(d, &s[i / 4], 1);
	}
	while (st.queued < MANY + MANY / 4) {
		(void)usleep(1000);
		door_stats(d, &st);
	}
	gate_leave(&g);
	for (int i = 0; i < MANY; i++) {
		(void)pthread_join(t[i], NULL);
		wrong += w[i].rc != (i % 3 == 0 ? ERR_STALE : 0);
	}
	IS_INT(wrong, 0, "each got its own answer");
	door_stats(d, &st);
	IS_INT(st.commits, 1, "of one commit");
	door_close(&d);
	IS_INT(toy_read(l, "a"), 26 + MANY / 4, "all that was to be counted");
	ledger_close(&l);
}

static void test_room(const char *dir)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct waiter w = {.d = short_door(l, TAP_ENDLESS_MS),
	    .step = {.what = ADD, .name = "patient"}};
	struct step s[4];
	pthread_t thread;
	struct gate g;

	gate_enter(&g, w.d);
	submit_steps(w.d, s, 4);
	if (pthread_create(&thread, NULL, propose_step, &w) != 0)
		bug("pthread_create");
	(void)usleep(20000);
	gate_leave(&g);
	(void)pthread_join(thread, NULL);
	IS_INT(w.rc, 0, "one that waited for room gets it");
	IS_INT(toy_read(l, "patient"), 1, "and ran");
	door_close(&w.d);
	ledger_close(&l);
}

struct closing {
	struct door *d;
	struct step extra;
	int rc;
	unsigned called;
	sigset_t blocked;
};

static void submit_again(void *arg, int rc, const struct error *err)
{
	struct closing *c = arg;

	(void)err;
	c->called++;
	(void)pthread_sigmask(SIG_BLOCK, NULL, &c->blocked);
	c->rc = rc != 0 ? rc
			: door_submit(
			      c->d, step_fn, &c->extra, step_done, &c->extra);
}

static void *close_door(void *arg)
{
	struct closing *c = arg;
	struct door *d = c->d;

	door_close(&d);
	return NULL;
}

static void test_close(const char *dir)
{
	enum {
		MANY = 100
	};
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct step quiet = {.what = QUIET, .name = "q"};
	struct closing c = {.d = toy_door(l)};
	struct step s[MANY];
	unsigned done = 0;
	pthread_t thread;
	struct gate g;
	int rc = 0;

	gate_enter(&g, c.d);
	for (int i = 0; i < MANY; i++) {
		s[i] = (struct step){.what = ADD, .name = "a"};
		if (door_submit(c.d, step_fn, &s[i], step_done, &s[i]) != 0)
			bug("submit");
	}
	c.extra = (struct step){.what = ADD, .name = "extra"};
	if (door_submit(c.d, step_fn, &quiet, submit_again, &c) != 0 ||
	    pthread_create(&thread, NULL, close_door, &c) != 0)
		bug("submit");
	while (rc == 0) { /* until door_close() has begun */
		(void)usleep(1000);
		rc = door_submit(c.d, step_fn, &quiet, step_done, &quiet);
	}
	IS_INT(rc, ERR_STOPPING, "the door is closing");
	gate_leave(&g);
	(void)pthread_join(thread, NULL);
	for (int i = 0; i < MANY; i++)
		done += s[i].answered && s[i].rc == 0;
	IS_INT(done, MANY, "all that was queued is answered");
	IS_INT(toy_read(l, "a"), MANY, "and done");
	IS_INT(c.called, 1, "the last callback came");
	IS_INT(c.rc, ERR_STOPPING, "nothing new is taken");
	IS_INT(c.extra.runs, 0, "nor run");
	OK(sigismember(&c.blocked, SIGTERM) == 1 &&
		sigismember(&c.blocked, SIGHUP) == 1 &&
		sigismember(&c.blocked, SIGINT) == 1 &&
		sigismember(&c.blocked, SIGUSR1) == 1,
	    "the door's thread takes no signals");
	ledger_close(&l);
}

/* --- events as stored --- */

static int64_t scripted_ms;

static int64_t scripted_clock(void)
{
	scripted_ms -= 10;
	return scripted_ms;
}

static int two_events(struct door_ctx *ctx, void *arg)
{
	char *scratch = arena_alloc(door_arena(ctx), 10);

	if (scratch == NULL || scratch[9] != 0)
		return ERR_LIMIT;
	*(int64_t *)arg = door_now_ms(ctx);
	memcpy(scratch, "ab", 2);
	if (door_emit(ctx, TOY_ADD, 1, (struct str){scratch, 1}) != 0)
		return ERR_LIMIT;
	scratch[0] = 'x';
	return door_emit(ctx, TOY_BLOB, 2, (struct str){scratch, 2});
}

static void test_events(const char *dir)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door_options o = {
	    .ledger = l, .reducers = &toy_reducers, .now_ms = scripted_clock};
	struct ledger_txn *t;
	struct event e[4];
	struct door *d;
	int64_t now[2];

	scripted_ms = 5000;
	if (door_open(&d, &o, NULL) != 0)
		bug("door_open");
	IS_INT(door_propose(d, two_events, &now[0], NULL), 0, "first");
	IS_INT(door_propose(d, two_events, &now[1], NULL), 0, "second");
	if (ledger_read_begin(l, &t) != 0)
		bug("read");
	for (unsigned i = 0; i < 4; i++)
		IS_INT(event_get(t, i + 1, &e[i]), 0, "event %u", i + 1);
	IS_S(e[0].payload, STR("a"), "payload was copied");
	IS_S(e[1].payload, STR("xb"), "payload");
	OK(e[0].time_ms == now[0] && e[1].time_ms == now[0] &&
		e[2].time_ms == now[1],
	    "the time that the function saw");
	OK(now[1] < now[0], "a clock that goes back is recorded as it is");
	OK(e[0].class == EVENT_ACTIVITY && e[1].class == EVENT_AUDIT &&
		e[1].version == 2 && e[0].version == 1,
	    "class of the type, version as emitted");
	ledger_read_end(&t);
	door_close(&d);
	ledger_close(&l);
}

static void test_no_memory(const char *dir)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct door_options o = {.ledger = l, .reducers = &toy_reducers};
	struct step s = {.what = ADD, .name = "a"};
	struct door *d = NULL;
	int rc = -1;

	for (long n = 1; rc != 0 && n < 10; n++) {
		fault_alloc_at(n);
		rc = door_open(&d, &o, NULL);
		OK(rc == 0 ? d != NULL : rc == -ENOMEM && d == NULL,
		    "open, allocation %ld", n);
	}
	fault_alloc_at(1);
	IS_INT(door_submit(d, step_fn, &s, step_done, &s), -ENOMEM, "submit");
	for (long n = 1; n < 4; n++) {
		fault_alloc_at(n);
		rc = door_propose(d, step_fn, &s, NULL);
		OK(rc == 0 || rc == -ENOMEM || rc == ERR_LIMIT,
		    "propose, allocation %ld: %d", n, rc);
	}
	fault_alloc_at(0);
	IS_INT(door_propose(d, step_fn, &s, NULL), 0, "then it works");
	IS_INT(toy_last_seq(l), toy_read(l, "a"), "events and table agree");
	door_close(&d);
	ledger_close(&l);
}

int main(void)
{
	static void (*const tests[])(const char *) = {test_threads,
	    test_one_batch, test_reducer_fails, test_write_fails,
	    test_waits_for_writer, test_row, test_gather, test_gather_ends,
	    test_map_full, test_queue, test_waiters, test_room, test_close,
	    test_events, test_no_memory};
	char room[200], dir[300], *base = toy_dir(room, sizeof(room));

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		(void)snprintf(dir, sizeof(dir), "%s/%zu", base, i);
		tests[i](dir);
	}
	toy_remove(base);
	return tap_done();
}
