/* test_door_kill.c - kill -9 while proposing: everything acknowledged is
 * there, once; nobody else is held up; two processes share a ledger fairly. */
#include "tests/unit/tap.h"
#include "tests/unit/toy_ledger.h"

#include "policy/base/clock.h"

#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

enum {
	ROUNDS = 30,
	THREADS = 3
};

static uint64_t rng_state = 20261122;

static uint64_t rng(void) /* xorshift64* */
{
	rng_state ^= rng_state >> 12;
	rng_state ^= rng_state << 25;
	rng_state ^= rng_state >> 27;
	return rng_state * 2685821657736338717U;
}

/* --- the child: proposes until it is killed, tells of each success --- */

struct worker {
	struct door *d;
	char name[3]; /* child and thread */
	int say;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	while (door_propose(w->d, toy_add_fn, w->name, NULL) == 0)
		if (write(w->say, w->name, 2) != 2)
			break;
	return NULL;
}

static _Noreturn void child_main(const char *dir, char who, int say)
{
	struct ledger *l = toy_open(dir, LEDGER_CREATE);
	struct worker w[THREADS];
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++) {
		w[i] = (struct worker){
		    .name = {who, (char)('0' + i), '\0'}, .say = say};
		w[i].d = i == 0 ? toy_door(l) : w[0].d;
		if (pthread_create(&t[i], NULL, work, &w[i]) != 0)
			_exit(1);
	}
	for (;;)
		(void)pause();
}

/* --- the parent --- */

struct child {
	pid_t pid;
	int heard;
	uint64_t acked[THREADS];
};

static void start(struct child *c, const char *dir, char who)
{
	int ends[2];

	if (pipe(ends) != 0)
		bug("pipe");
	fflush(stdout);
	c->pid = fork();
	if (c->pid == 0) {
		(void)close(ends[0]);
		child_main(dir, who, ends[1]);
	}
	(void)close(ends[1]);
	c->heard = ends[0];
	if (c->pid < 0)
		bug("fork");
}

/* Reads acknowledgements, all that there are or the next few. */
static bool hear(struct child *c)
{
	char p[512];
	ssize_t n = read(c->heard, p, sizeof(p));

	for (ssize_t i = 0; i + 1 < n; i += 2)
		c->acked[p[i + 1] - '0']++;
	return n > 0;
}

static void kill_and_hear(struct child *c)
{
	int status;

	(void)kill(c->pid, SIGKILL);
	if (waitpid(c->pid, &status, 0) != c->pid)
		bug("waitpid");
	while (hear(c))
		;
	(void)close(c->heard);
}

/* Acknowledged is stored; stored and not acknowledged is at most the one that
 * was on its way. Sets the counts to what is stored. */
static bool agrees(struct ledger *l, struct child *c, char who)
{
	bool good = true;

	for (int i = 0; i < THREADS; i++) {
		char name[3] = {who, (char)('0' + i), '\0'};
		uint64_t stored = toy_read(l, name);

		good =
		    good && stored >= c->acked[i] && stored <= c->acked[i] + 1;
		c->acked[i] = stored;
	}
	return good;
}

static uint64_t total(const struct child *c)
{
	uint64_t sum = 0;

	for (int i = 0; i < THREADS; i++)
		sum += c->acked[i];
	return sum;
}

static void test_kill(const char *dir)
{
	struct child c = {0};
	unsigned good = 0, whole = 0;
	uint64_t busiest = 0, before;

	printf("# seed %llu\n", (unsigned long long)rng_state);
	for (int round = 0; round < ROUNDS; round++) {
		struct ledger *l;

		before = total(&c);
		start(&c, dir, 'a');
		(void)hear(&c);
		(void)usleep((useconds_t)(rng() % 25000));
		kill_and_hear(&c);
		if (total(&c) - before > busiest)
			busiest = total(&c) - before;
		l = toy_open(dir, LEDGER_CREATE);
		good += agrees(l, &c, 'a');
		whole += toy_last_seq(l) == total(&c) && toy_gap_free(l);
		ledger_close(&l);
	}
	IS_INT(good, ROUNDS, "acknowledged is stored, once");
	IS_INT(whole, ROUNDS, "gap-free, one event each");
	OK(busiest > 0, "up to %llu proposals before a kill",
	    (unsigned long long)busiest);
}

/* One of two processes is killed, again and again; the other never fails and
 * is never held up for long. */
static void test_survivor(const char *dir)
{
	struct ledger *l;
	struct child a = {0}, b = {0};
	int64_t longest = 0;
	unsigned good = 0;
	enum {
		KILLS = 10
	};

	start(&b, dir, 'b');
	(void)hear(&b);
	for (int round = 0; round < KILLS; round++) {
		int64_t from, took = 0;
		bool heard = true;

		start(&a, dir, 'a');
		(void)hear(&a);
		(void)usleep((useconds_t)(rng() % 15000));
		kill_and_hear(&a);
		from = clock_mono_ms();
		while (heard && took < 5) {
			heard = hear(&b);
			took = clock_mono_ms() - from;
		}
		good += heard;
		longest = took > longest ? took : longest;
	}
	IS_INT(good, KILLS, "the survivor goes on");
	OK(longest < TAP_ENDLESS_MS, "held up for %lld ms at most",
	    (long long)longest);
	kill_and_hear(&b);
	l = toy_open(dir, LEDGER_CREATE);
	/* The killed one's counts run over all its lives. */
	for (int i = 0; i < THREADS; i++) {
		char name[3] = {'a', (char)('0' + i), '\0'};
		uint64_t stored = toy_read(l, name);

		good = stored >= a.acked[i] && stored <= a.acked[i] + KILLS;
		OK(good, "thread %d: %llu acknowledged, %llu stored", i,
		    (unsigned long long)a.acked[i], (unsigned long long)stored);
		a.acked[i] = stored;
	}
	OK(agrees(l, &b, 'b'), "all of the survivor's are there");
	OK(toy_last_seq(l) == total(&a) + total(&b) && toy_gap_free(l),
	    "one sequence for both, gap-free");
	ledger_close(&l);
}

static bool is_fair(uint64_t na, uint64_t nb)
{
	return na > 0 && nb > 0 && na < 20 * nb && nb < 20 * na;
}

/* With what waits in the pipe, while it runs. */
static uint64_t total_now(const struct child *c)
{
	int waiting = 0;

	if (ioctl(c->heard, FIONREAD, &waiting) != 0)
		bug("pipe");
	return total(c) + (uint64_t)waiting / 2;
}

/* A busy machine may leave one of them alone for a while, a lock that is not
 * fair does so for ever. */
static void test_fair(const char *dir)
{
	struct child a = {0}, b = {0};
	struct ledger *l;
	uint64_t na, nb;
	enum {
		LOOKS = 40
	};

	start(&a, dir, 'a');
	start(&b, dir, 'b');
	(void)hear(&a);
	(void)hear(&b);
	for (int i = 0; i < LOOKS; i++) {
		(void)usleep(300000);
		if (is_fair(total_now(&a), total_now(&b)))
			break;
	}
	kill_and_hear(&a);
	kill_and_hear(&b);
	l = toy_open(dir, LEDGER_CREATE);
	OK(agrees(l, &a, 'a') && agrees(l, &b, 'b'), "both are there");
	na = total(&a);
	nb = total(&b);
	OK(is_fair(na, nb), "two processes take turns: %llu and %llu",
	    (unsigned long long)na, (unsigned long long)nb);
	OK(toy_last_seq(l) == na + nb && toy_gap_free(l), "gap-free");
	ledger_close(&l);
}

int main(void)
{
	char room[200], dir[300], *base = toy_dir(room, sizeof(room));

	(void)snprintf(dir, sizeof(dir), "%s/kill", base);
	test_kill(dir);
	(void)snprintf(dir, sizeof(dir), "%s/survivor", base);
	test_survivor(dir);
	(void)snprintf(dir, sizeof(dir), "%s/fair", base);
	test_fair(dir);
	toy_remove(base);
	return tap_done();
}
