/* bench_simulate.c - bench_simulate DIR DAYS MEMORY: simulates another policy
 * for the messages of the last DAYS days on the state folder DIR that
 * makeledger made, with at most MEMORY bytes, and tells how fast. A line a
 * figure, tab-separated: name, value, unit.
 *
 * read: rows of the ledger a second, by cursor (messages, events); decisions:
 * verdicts a second while playing: people's records read, as-if histories kept,
 * what waits decided again, counted by segment, campaign and hour; whole: of the
 * whole run. -core: a second of the processor in place of the clock: what a busy
 * machine, and a disk that is waited for, do not change. */
#include "policy/base/clock.h"
#include "policy/state/simulate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TEXT = 4096,
	ARENA_MAX = 16 << 20,
};
#define DAY_MS INT64_C(86400000)

static const char policy_text[] =
    "order = {demo, bench, news}\n"
    "person { at-most = {\"2 per 7d\", \"6 per 30d\"} }\n"
    "segment demo { purpose = demos  legal-basis = legitimate-interest\n"
    "  when-full = \"hold 5d, then bounce\" }\n"
    "segment bench { purpose = bench  at-most = \"1 per 7d\"\n"
    "  when-full = \"hold 5d, then bounce\" }\n"
    "segment news { purpose = newsletter  when-full = drop }\n";

static _Noreturn void give_up(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_simulate: %s: %s\n", what, why);
	exit(1);
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
	if (conf_parse(&conf, "bench_simulate", str_of(text), &err) != 0)
		give_up("conf", err.text);
	return conf;
}

static void print_rates(const struct simulate_report *r)
{
	double n = (double)r->decisions;

	(void)printf("read\t%.0f\trows/s\n", (double)r->read / r->read_s);
	(void)printf("decisions\t%.0f\t/s\n", n / r->play_s);
	(void)printf("decisions-core\t%.0f\t/s\n", n / r->play_cpu_s);
	(void)printf("whole\t%.0f\t/s\n", n / (r->read_s + r->play_s));
	(void)printf(
	    "whole-core\t%.0f\t/s\n", n / (r->read_cpu_s + r->play_cpu_s));
	(void)printf("took\t%.2f\ts\n", r->read_s + r->play_s);
	(void)printf("cpu\t%.2f\ts\n", r->read_cpu_s + r->play_cpu_s);
}

static void print(const struct simulate_report *r)
{
	const uint64_t *n = r->all.n[SIMULATE_NEW];
	uint64_t messages = 0;

	for (size_t f = 0; f < REPLAY_FATES; f++)
		messages += n[f];
	(void)printf("messages\t%" PRIu64 "\tmessages\n", messages);
	(void)printf("people\t%" PRIu64 "\tpeople\n", r->people);
	(void)printf("held\t%" PRIu64 "\tmessages\n", n[REPLAY_HELD]);
	(void)printf("bounced\t%" PRIu64 "\tmessages\n", n[REPLAY_BOUNCED]);
	(void)printf("parts\t%u\tparts\n", r->parts);
	print_rates(r);
}

int main(int argc, char **argv)
{
	struct simulate_query q = {.by = SIMULATE_BY_SEGMENT |
					 SIMULATE_BY_CAMPAIGN |
					 SIMULATE_BY_HOUR};
	struct simulate_report report;
	const struct conf *conf;
	struct store *store;
	struct arena *a = arena_new(ARENA_MAX);
	struct error err = {0};
	uint64_t days = 0, memory = 0;

	if (argc != 4 || str_u64(str_of(argv[2]), 1000, &days) != 0 ||
	    str_u64(str_of(argv[3]), SIZE_MAX, &memory) != 0 || a == NULL) {
		(void)fputs("usage: bench_simulate DIR DAYS MEMORY\n", stderr);
		return 2;
	}
	conf = make_conf(argv[1]);
	if (store_open(&store, conf, STORE_READ_ONLY, &err) != 0 ||
	    policy_parse(
		&q.policy, "bench.policy", STR(policy_text), 0, &err) != 0)
		give_up(argv[1], err.text);
	q.memory_max = (size_t)memory;
	q.until_ms = clock_now_ms();
	q.since_ms = q.until_ms - (int64_t)days * DAY_MS;
	if (simulate_run(store, &q, a, &report, &err) != 0)
		give_up("simulate", err.text);
	print(&report);
	policy_unref(&q.policy);
	store_close(&store);
	conf_unref(&conf);
	arena_free(&a);
	return 0;
}
