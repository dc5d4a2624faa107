/* bench_paced.c - bench_paced DIR LEADS RATE SECONDS: how long a decision takes
 * while others use the ledger. RATE proposals a second, each when its instant
 * has come and whether or not those before it were answered (open loop: who
 * stands still shows), for people of the state folder DIR that makeledger made
 * with LEADS people. A line a figure, tab-separated: name, value, unit. */
#include "policy/base/clock.h"
#include "policy/state/decide.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	THREADS = 64,
	ARENA_MAX = 65536,
	MOST = 10000000
};

struct bench {
	struct store *store;
	uint64_t leads, rate, n;
	int64_t began_ns;
	atomic_uint_fast64_t next;
	int64_t *took_ns; /* of each */
};

static _Noreturn void give_up(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_paced: %s: %s\n", what, why);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void wait_until(int64_t ns)
{
	struct timespec ts = {ns / 1000000000, ns % 1000000000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) != 0)
		;
}

static void propose_one(struct bench *b, uint64_t n, struct arena *a)
{
	struct decide_in in = {
	    .mode = DECIDE_SEND,
	    .segment = STR("bench"),
	    .stream = STR("bench"),
	    .sender = STR("app@example.com"),
	    .same = {.key = (uint64_t)now_ns() | 1, .has_message_id = true},
	};
	struct decide_out out;
	struct error err = {0};
	char text[64], queue[32];

	(void)snprintf(text, sizeof(text), "lead%" PRIu64 "@example.org",
	    n * 7919 % b->leads + 1);
	(void)snprintf(
	    queue, sizeof(queue), "P%015" PRIX64, (uint64_t)now_ns());
	in.queue_id = str_of(queue);
	if (address_parse(a, str_of(text), &in.recipient, &err) != 0)
		give_up(text, err.text);
	if (decide_propose(b->store, &in, &out, &err) != 0)
		give_up("decide_propose", err.text);
	decide_fini(&out);
	arena_reset(a);
}

static void *propose(void *arg)
{
	struct bench *b = arg;
	struct arena *a = arena_new(ARENA_MAX);
	uint64_t n;

	while (a != NULL && (n = atomic_fetch_add(&b->next, 1)) < b->n) {
		int64_t due =
		    b->began_ns + (int64_t)(n * UINT64_C(1000000000) / b->rate);

		wait_until(due);
		propose_one(b, n, a);
		b->took_ns[n] = now_ns() - due;
	}
	arena_free(&a);
	return NULL;
}

static int by_time(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void measure(struct bench *b)
{
	pthread_t thread[THREADS];

	b->began_ns = now_ns();
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, propose, b) != 0)
			give_up("thread", "cannot start");
	for (size_t i = 0; i < THREADS; i++)
		(void)pthread_join(thread[i], NULL);
	qsort(b->took_ns, b->n, sizeof(*b->took_ns), by_time);
	(void)printf(
	    "paced.p50\t%.2f\tms\n", (double)b->took_ns[b->n / 2] / 1e6);
	(void)printf(
	    "paced.p99\t%.2f\tms\n", (double)b->took_ns[b->n * 99 / 100] / 1e6);
	(void)printf(
	    "paced.max\t%.2f\tms\n", (double)b->took_ns[b->n - 1] / 1e6);
}

static const struct conf *make_conf(const char *dir)
{
	const struct conf *conf;
	struct error err = {0};
	char text[4096];

	(void)snprintf(text, sizeof(text),
	    "state-dir = \"%s\"\nauthserv-id = \"mail.example.com\"\n"
	    "lead-key = \"%s/lead.key\"\nepoch-key = \"%s/epoch.key\"\n"
	    "token-key = \"%s/token.key\"\nmilter { socket = \"unix:/unused\" "
	    "}\n"
	    "stream rest { class = \"pass\" }\n",
	    dir, dir, dir, dir);
	if (conf_parse(&conf, "bench_paced", str_of(text), &err) != 0)
		give_up("conf", err.text);
	return conf;
}

int main(int argc, char **argv)
{
	struct bench b = {0};
	const struct conf *conf;
	struct error err = {0};

	if (argc != 5 || str_u64(str_of(argv[2]), UINT32_MAX, &b.leads) != 0 ||
	    str_u64(str_of(argv[3]), 100000, &b.rate) != 0 || b.leads == 0 ||
	    b.rate == 0) {
		(void)fputs(
		    "usage: bench_paced DIR LEADS RATE SECONDS\n", stderr);
		return 2;
	}
	b.n = (uint64_t)(strtod(argv[4], NULL) * (double)b.rate);
	if (b.n == 0 || b.n > MOST)
		give_up("SECONDS", "too few or too many");
	b.took_ns = calloc(b.n, sizeof(*b.took_ns));
	conf = make_conf(argv[1]);
	if (b.took_ns == NULL ||
	    store_open(&b.store, conf, STORE_CREATE, &err) != 0)
		give_up(argv[1], err.text);
	measure(&b);
	store_close(&b.store);
	conf_unref(&conf);
	free(b.took_ns);
	return 0;
}
