/* bench_decide.c - bench_decide DIR LEADS FIRST SECONDS THREADS: decisions
 * without mail around them, on the state folder DIR that makeledger made with
 * LEADS people.
 *
 * First proposals: THREADS threads, each deciding, reserving durably and
 * waiting, for distinct people from number FIRST on in an order that no cache
 * likes; then verdicts alone (decide_explain) by one thread, of the same
 * people. A line a figure, tab-separated: name, value, unit. CPU is that of
 * the whole process. */
#include "policy/base/clock.h"
#include "policy/state/decide.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
	THREADS_MAX = 256,
	ARENA_MAX = 65536,
	TEXT = 4096,
	EXPLAIN_MAX = 100000,
};

struct bench {
	struct store *store;
	uint64_t leads, first, step;
	atomic_uint_fast64_t next; /* how many were asked for */
	atomic_bool stop;
};

static _Noreturn void give_up(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_decide: %s: %s\n", what, why);
	exit(1);
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double cpu_s(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return seconds_of(u.ru_utime) + seconds_of(u.ru_stime);
}

static double now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The n-th of the people: each once before any twice. */
static uint64_t person(const struct bench *b, uint64_t n)
{
	unsigned __int128 at = (unsigned __int128)n * b->step;

	return (b->first + (uint64_t)(at % b->leads)) % b->leads + 1;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

static struct decide_in ask(
    const struct bench *b, uint64_t n, struct arena *a, char text[64])
{
	struct decide_in in = {
	    .mode = DECIDE_SEND,
	    .segment = STR("bench"),
	    .stream = STR("bench"),
	    .sender = STR("app@example.com"),
	    .queue_id = STR_NULL,
	    .same = {.key = n << 20 | 1, .has_message_id = true},
	};
	struct error err = {0};

	(void)snprintf(text, 64, "lead%" PRIu64 "@example.org", person(b, n));
	if (address_parse(a, str_of(text), &in.recipient, &err) != 0)
		give_up(text, err.text);
	(void)snprintf(text, 64, "Q%012" PRIX64, n);
	in.queue_id = str_of(text);
	return in;
}

static void propose_one(struct bench *b, uint64_t n, struct arena *a)
{
	char text[64];
	struct decide_in in = ask(b, n, a, text);
	struct decide_out out;
	struct error err = {0};

	if (decide_propose(b->store, &in, &out, &err) != 0)
		give_up("decide_propose", err.text);
	if (out.verdict.action != VERDICT_ALLOW)
		give_up("not allowed", verdict_reason_name(out.verdict.reason));
	decide_fini(&out);
	arena_reset(a);
}

static void *propose(void *arg)
{
	struct bench *b = arg;
	struct arena *a = arena_new(ARENA_MAX);

	while (a != NULL && !atomic_load(&b->stop)) {
		uint64_t n = atomic_fetch_add(&b->next, 1);

		if (n >= b->leads)
			break;
		propose_one(b, n, a);
	}
	arena_free(&a);
	return NULL;
}

static void measure_proposals(struct bench *b, double seconds, size_t threads)
{
	pthread_t thread[THREADS_MAX];
	struct door_stats before, st;
	double cpu, took, n;

	door_stats(b->store->door, &before);
	took = -now_s();
	cpu = -cpu_s();
	for (size_t i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, propose, b) != 0)
			give_up("thread", "cannot start");
	while (took + now_s() < seconds && atomic_load(&b->next) < b->leads)
		(void)usleep(1000);
	atomic_store(&b->stop, true);
	for (size_t i = 0; i < threads; i++)
		(void)pthread_join(thread[i], NULL);
	took += now_s();
	cpu += cpu_s();
	door_stats(b->store->door, &st);
	n = (double)(st.proposals - before.proposals);
	(void)printf("propose.rate\t%.0f\t/s\n", n / took);
	(void)printf("propose.cpu\t%.1f\tus\n", cpu / n * 1e6);
	(void)printf("propose.commits\t%.0f\t/s\n",
	    (double)(st.commits - before.commits) / took);
	(void)printf("propose.batch\t%.1f\tproposals\n",
	    n / (double)(st.batches - before.batches));
	(void)printf(
	    "propose.batch_p50\t%.2f\tms\n", (double)st.batch_p50_us / 1e3);
}

static void measure_explain(struct bench *b)
{
	uint64_t n = atomic_load(&b->next);
	struct arena *a = arena_new(ARENA_MAX);
	double cpu = -cpu_s(), took = -now_s();

	n = n < EXPLAIN_MAX ? n : EXPLAIN_MAX;
	for (uint64_t i = 0; a != NULL && i < n; i++) {
		char text[64];
		struct decide_in in = ask(b, i, a, text);
		struct decide_out out;
		struct error err = {0};

		if (decide_explain(
			b->store, &in, NULL, clock_now_ms(), &out, &err) != 0)
			give_up("decide_explain", err.text);
		decide_fini(&out);
		arena_reset(a);
	}
	took += now_s();
	cpu += cpu_s();
	arena_free(&a);
	(void)printf("explain.cpu\t%.1f\tus\n", cpu / (double)n * 1e6);
	(void)printf("explain.rate\t%.0f\t/s\n", (double)n / took);
}

static const struct conf *make_conf(const char *dir)
{
	const struct conf *conf;
	struct error err = {0};
	char text[TEXT];

	(void)snprintf(text, sizeof(text),
	    "state-dir = \"%s\"\nauthserv-id = \"mail.example.com\"\n"
	    "lead-key = \"%s/lead.key\"\nepoch-key = \"%s/epoch.key\"\n"
	    "token-key = \"%s/token.key\"\nmilter { socket = \"unix:/unused\" "
	    "}\n"
	    "stream rest { class = \"pass\" }\n",
	    dir, dir, dir, dir);
	if (conf_parse(&conf, "bench_decide", str_of(text), &err) != 0)
		give_up("conf", err.text);
	return conf;
}

int main(int argc, char **argv)
{
	struct bench b = {0};
	const struct conf *conf;
	struct error err = {0};
	uint64_t threads = 0;
	double seconds;

	if (argc != 6 || str_u64(str_of(argv[2]), UINT32_MAX, &b.leads) != 0 ||
	    str_u64(str_of(argv[3]), UINT32_MAX, &b.first) != 0 ||
	    str_u64(str_of(argv[5]), THREADS_MAX, &threads) != 0 ||
	    b.leads == 0 || threads == 0) {
		(void)fputs("usage: bench_decide DIR LEADS FIRST SECONDS "
			    "THREADS\n",
		    stderr);
		return 2;
	}
	seconds = strtod(argv[4], NULL);
	b.step = b.leads * 618 / 1000;
	while (b.step == 0 || common_divisor(b.step, b.leads) != 1)
		b.step++;
	conf = make_conf(argv[1]);
	if (store_open(&b.store, conf, STORE_CREATE, &err) != 0)
		give_up(argv[1], err.text);
	measure_proposals(&b, seconds, (size_t)threads);
	measure_explain(&b);
	store_close(&b.store);
	conf_unref(&conf);
	return 0;
}
