/* test_dnscache.c - policy/mail/dnscache: what is kept, for how long, and how
 * much of it, whoever chooses the names. */
#include "tests/unit/tap.h"

#include "policy/base/fault.h"
#include "policy/mail/dnscache.h"

#include <errno.h>

enum {
	S = 1000,
	T = 1000000, /* some time */
};

static struct dnscache *new_cache(void)
{
	struct dnscache *c;

	if (dnscache_new(&c) != 0)
		bug("memory");
	return c;
}

static void put(struct dnscache *c, const char *name,
    enum resolver_status status, uint32_t ttl_s, int64_t at_ms)
{
	const struct str v[] = {STR("one"), STR("t\0wo"), STR("")};
	struct resolver_answer a = {
	    .status = status, .why = "", .ttl_s = ttl_s};

	if (status == RESOLVER_FOUND) {
		a.v = v;
		a.n = 3;
	}
	dnscache_put(c, RESOLVER_TXT, str_of(name), &a, at_ms);
}

static bool knows(struct dnscache *c, const char *name, int64_t at_ms)
{
	return dnscache_find(c, RESOLVER_TXT, str_of(name), at_ms) != NULL;
}

static void test_answers(void)
{
	struct dnscache *c = new_cache();
	const struct resolver_answer *a;

	OK(!knows(c, "a.example", T), "nothing so far");
	put(c, "a.Example", RESOLVER_FOUND, 60, T);
	a = dnscache_find(c, RESOLVER_TXT, STR("A.eXample"), T);
	OK(a != NULL && a->status == RESOLVER_FOUND && a->n == 3,
	    "found, in any case");
	OK(a != NULL && str_eq(a->v[0], STR("one")) &&
		str_eq(a->v[1], STR("t\0wo")) && a->v[2].n == 0,
	    "its records, in order");
	OK(dnscache_find(c, RESOLVER_A, STR("a.example"), T) == NULL,
	    "no other type");
	OK(!knows(c, "b.a.example", T) && !knows(c, "example", T),
	    "no name above or below");
	put(c, "a.example", RESOLVER_NXDOMAIN, 60, T + 1);
	a = dnscache_find(c, RESOLVER_TXT, STR("a.example"), T + 1);
	OK(a != NULL && a->status == RESOLVER_NXDOMAIN && a->n == 0,
	    "a later one is in its place");
	put(c, "a.example", RESOLVER_FOUND, 0, T + 2);
	OK(!knows(c, "a.example", T + 2),
	    "and is forgotten for a lifetime of 0");
	dnscache_free(&c);
	OK(c == NULL, "gone");
}

static void test_lifetimes(void)
{
	static const struct {
		const char *name;
		enum resolver_status status;
		uint32_t ttl_s;
		int64_t ms; /* that it is known */
	} cases[] = {
	    {"found.example", RESOLVER_FOUND, 60, 60 * S},
	    {"long.example", RESOLVER_FOUND, UINT32_MAX, 3600 * S},
	    {"once.example", RESOLVER_FOUND, 0, 0},
	    {"none.example", RESOLVER_NXDOMAIN, 60, 60 * S},
	    {"nodata.example", RESOLVER_NODATA, 86400, 300 * S},
	    {"nosoa.example", RESOLVER_NXDOMAIN, 0, 0},
	    {"trouble.example", RESOLVER_TROUBLE, 0, 5 * S},
	};
	struct dnscache *c = new_cache();

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		put(c, cases[i].name, cases[i].status, cases[i].ttl_s, T);
		OK(cases[i].ms == 0 ||
			knows(c, cases[i].name, T + cases[i].ms - 1),
		    "%s: known to the last", cases[i].name);
		OK(!knows(c, cases[i].name, T + cases[i].ms),
		    "%s: not a moment longer", cases[i].name);
	}
	put(c, "back.example", RESOLVER_FOUND, 60, T);
	OK(!knows(c, "back.example", T - 1), "not before it was asked");
	dnscache_free(&c);
}

/* The records of one are as large as an answer may be. */
static void put_large(struct dnscache *c, const char *name, int64_t at_ms)
{
	static char bytes[RESOLVER_BYTES_MAX];
	const struct str v[] = {{bytes, sizeof(bytes)}};
	const struct resolver_answer a = {
	    .status = RESOLVER_FOUND, .v = v, .n = 1, .why = "", .ttl_s = 3600};

	dnscache_put(c, RESOLVER_TXT, str_of(name), &a, at_ms);
}

static void test_bounds(bool large)
{
	struct dnscache *c = new_cache();
	struct dnscache_stats s;
	size_t most = 0, bytes = 0;
	char name[40];

	put(c, "asked.example", RESOLVER_FOUND, 3600, T);
	for (int i = 0; i < 100000; i++) {
		(void)snprintf(name, sizeof(name), "n%d.example", i);
		if (large)
			put_large(c, name, T + i / 100);
		else
			put(c, name, RESOLVER_NXDOMAIN, 300, T + i / 100);
		dnscache_stats(c, &s);
		most = s.entries > most ? s.entries : most;
		bytes = s.bytes > bytes ? s.bytes : bytes;
		if (!knows(c, "asked.example", T + i / 100))
			bug("gone at %d", i);
	}
	OK(true, "what is asked for all the time stays");
	OK(most <= DNSCACHE_ENTRIES && bytes <= DNSCACHE_BYTES,
	    "%zu entries, %zu bytes at most", most, bytes);
	OK(knows(c, name, T + 1000), "the last of them is there");
	OK(large ? bytes > DNSCACHE_BYTES / 2 : most > DNSCACHE_ENTRIES / 2,
	    "the room is used");
	/* its time is over: room goes back as others come */
	for (int i = 0; i < DNSCACHE_ENTRIES; i++)
		put(c, "one.example", RESOLVER_FOUND, 60, T + 4000 * S);
	dnscache_stats(c, &s);
	IS_INT((long long)s.entries, 1, "what is over goes");
	dnscache_free(&c);
}

static void test_memory(void)
{
	struct dnscache *c = NULL;

	fault_alloc_at(1);
	IS_INT(dnscache_new(&c), -ENOMEM, "no memory");
	fault_alloc_at(0);
	dnscache_free(&c);
	c = new_cache();
	put(c, "a.example", RESOLVER_FOUND, 60, T);
	fault_alloc_at(1);
	put(c, "a.example", RESOLVER_NXDOMAIN, 60, T);
	fault_alloc_at(0);
	OK(!knows(c, "a.example", T), "not kept, and the old one is not true");
	dnscache_free(&c);
}

int main(void)
{
	test_answers();
	test_lifetimes();
	test_bounds(false);
	test_bounds(true);
	test_memory();
	return tap_done();
}
