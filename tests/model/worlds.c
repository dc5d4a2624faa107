/* worlds.c - random worlds, in which the product and the model decide side by
 * side. TAP on standard output; a world that goes wrong is made as small as it
 * stays wrong, and printed with the words that repeat it.
 *
 *   worlds [--seed S] [--steps N] [--ledger-steps N]
 *   worlds --world S [--ledger] [--keep I,J,...] [--without BITS]
 *
 * Exit status 1 where something is wrong. */
#include "tests/model/books.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	WORLDS_A_LEDGER = 40, /* then it is closed and another made */
	VARIED_STEPS = 20000  /* less need not reach all */
};

static struct world world;
static bool on_ledger; /* books are kept */

struct tried {
	uint64_t seed, without;
	bool keep[WORLD_STEPS];
};

static bool is_wrong(const struct tried *t, FILE *trace, char why[RUN_WHY])
{
	static struct tally unused;
	struct books *books = on_ledger ? books_open() : NULL;
	bool wrong;

	world_make(&world, t->seed, t->without);
	wrong = !run_world(&world, t->keep, books, trace, &unused, why);
	books_close(&books);
	return wrong;
}

/* Leaves out steps, many at once and then one by one, and limits, as long as
 * something stays wrong. */
static void shrink(struct tried *t)
{
	char why[RUN_WHY];

	for (int size = WORLD_STEPS / 2; size > 0; size /= 2)
		for (int from = 0; from < WORLD_STEPS; from += size) {
			struct tried less = *t;

			for (int i = from; i < from + size && i < WORLD_STEPS;
			     i++)
				less.keep[i] = false;
			if (is_wrong(&less, NULL, why))
				*t = less;
		}
	for (int i = 0; i < MODEL_LIMITS; i++) {
		struct tried less = *t;

		less.without |= UINT64_C(1) << i;
		if (is_wrong(&less, NULL, why))
			*t = less;
	}
}

static void show_people(void)
{
	for (int i = 0; i < world.n_people; i++)
		printf("# person %d: %s, company %d, role %s, size %d\n", i,
		    place_name(world.person[i].place), world.person[i].company,
		    world.role[i] != NULL ? world.role[i] : "-", world.size[i]);
}

static void show(struct tried *t)
{
	const char *between = "";
	char why[RUN_WHY];

	shrink(t);
	shrink(t);
	world_make(&world, t->seed, t->without);
	show_people();
	for (int i = 0; i < world.n_policies; i++)
		printf("# --- policy %d ---\n%s", i, world.policy[i].text);
	(void)is_wrong(t, stdout, why);
	printf("# %s\n# worlds --world %" PRIu64 "%s --without %#" PRIx64
	       " --keep ",
	    why, t->seed, on_ledger ? " --ledger" : "", t->without);
	for (int i = 0; i < WORLD_STEPS; i++)
		if (t->keep[i]) {
			printf("%s%d", between, i);
			between = ",";
		}
	printf("\n");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct tally_line *)a)->what,
	    ((const struct tally_line *)b)->what);
}

static void show_tally(struct tally *t, double seconds)
{
	qsort(t->line, (size_t)t->n_lines, sizeof(t->line[0]), by_name);
	for (int i = 0; i < t->n_lines; i++)
		printf("# %9ld %s\n", t->line[i].n, t->line[i].what);
	printf("# %ld steps, %ld decisions, %ld policies, %.1f s, "
	       "%.0f steps/s\n",
	    t->steps, t->decisions, t->parsed, seconds,
	    (double)t->steps / seconds);
}

/* Every reason that the worlds can give came up. */
static bool is_varied(const struct tally *t)
{
	static const char *const wanted[] = {"allow allowed",
	    "hold segment_cap", "hold person_cap", "hold company_cap",
	    "hold order", "hold yield", "hold closed", "hold stopped",
	    "reject person_cap", "defer segment_cap", "drop closed",
	    "reject suppressed", "reject objected", "reject withdrawn",
	    "reject no_consent", "reject not_compliant", "shadowed",
	    "wait ended: sent", "wait ended: not sent",
	    "earliest instants tried"};
	bool all = true;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		bool found = false;

		for (int k = 0; k < t->n_lines; k++)
			found |= strcmp(t->line[k].what, wanted[i]) == 0;
		if (!found)
			printf("# never came up: %s\n", wanted[i]);
		all &= found;
	}
	return all;
}

static double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* True if all is well; the first world that is not is told. */
static bool run_steps(uint64_t seed, long steps, struct tally *tally)
{
	struct books *books = NULL;
	char why[RUN_WHY];
	bool good = true;

	for (uint64_t i = 0; good && tally->steps < steps; i++) {
		struct tried t = {.seed = seed + i};

		memset(t.keep, true, sizeof(t.keep));
		world_make(&world, t.seed, 0);
		if (on_ledger && (i % WORLDS_A_LEDGER == 0 || world.far)) {
			books_close(&books);
			books = books_open();
		}
		good = run_world(&world, NULL, books, NULL, tally, why);
		if (!good) {
			books_close(&books);
			printf("# %s\n# in world %" PRIu64 "; smaller:\n", why,
			    t.seed);
			show(&t);
		}
	}
	books_close(&books);
	return good;
}

static bool run_many(uint64_t seed, long steps, long ledger_steps)
{
	static struct tally tally, on_books;
	double start = now_s();
	bool good, varied, books;

	printf("# --seed %" PRIu64 " --steps %ld --ledger-steps %ld\n", seed,
	    steps, ledger_steps);
	(void)fflush(stdout); /* known, too, if this ends before its time */
	good = run_steps(seed, steps, &tally);
	show_tally(&tally, now_s() - start);
	varied = !good || steps < VARIED_STEPS || is_varied(&tally);
	on_ledger = true;
	start = now_s();
	books = run_steps(seed, ledger_steps, &on_books);
	printf("# on a ledger: %ld steps, %ld decisions, %.1f s\n",
	    on_books.steps, on_books.decisions, now_s() - start);
	printf("%sok 1 - product and model agree, and every promise is kept\n"
	       "%sok 2 - every state and reason came up\n"
	       "%sok 3 - proposal and explanation on a ledger say the same\n"
	       "1..3\n",
	    good ? "" : "not ", varied ? "" : "not ", books ? "" : "not ");
	return good && varied && books;
}

static void read_keep(char *list, bool keep[WORLD_STEPS])
{
	memset(keep, false, WORLD_STEPS);
	for (char *at = list; *at != '\0';) {
		unsigned long i = strtoul(at, &at, 10);

		if (i < WORLD_STEPS)
			keep[i] = true;
		if (*at != ',')
			break;
		at++;
	}
}

static int repeat(struct tried *t)
{
	char why[RUN_WHY];
	bool wrong;

	world_make(&world, t->seed, t->without);
	show_people();
	for (int i = 0; i < world.n_policies; i++)
		printf("# --- policy %d ---\n%s", i, world.policy[i].text);
	wrong = is_wrong(t, stdout, why);
	printf("# %s\n", wrong ? why : "all is well");
	return wrong;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"steps", required_argument, NULL, 'n'},
	    {"seed", required_argument, NULL, 's'},
	    {"ledger-steps", required_argument, NULL, 'l'},
	    {"ledger", no_argument, NULL, 'b'},
	    {"world", required_argument, NULL, 'w'},
	    {"keep", required_argument, NULL, 'k'},
	    {"without", required_argument, NULL, 'o'},
	    {NULL, 0, NULL, 0},
	};
	struct tried t = {0};
	uint64_t seed =
	    (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid() * 7919;
	long steps = 100000, ledger_steps = 1000;
	bool one = false;
	int o, rc;

	memset(t.keep, true, sizeof(t.keep));
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (o) {
		case 'n':
			steps = strtol(optarg, NULL, 10);
			break;
		case 'l':
			ledger_steps = strtol(optarg, NULL, 10);
			break;
		case 'b':
			on_ledger = true;
			break;
		case 's':
			seed = strtoull(optarg, NULL, 10);
			break;
		case 'w':
			t.seed = strtoull(optarg, NULL, 10);
			one = true;
			break;
		case 'k':
			read_keep(optarg, t.keep);
			break;
		case 'o':
			t.without = strtoull(optarg, NULL, 0);
			break;
		default:
			return 2;
		}
	place_init();
	if (run_init() != 0)
		return 1;
	rc = one ? repeat(&t) : !run_many(seed, steps, ledger_steps);
	run_fini();
	return rc;
}
