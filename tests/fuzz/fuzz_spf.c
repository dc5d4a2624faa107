/* fuzz_spf.c - any bytes as SPF records and as what else DNS says, a line for
 * each answer, through libspf2 as in tendril-verify. The first line is the
 * sender. */
#include "tests/fuzz/fuzz.h"

#include "agent/verify/spf_check.h"
#include "policy/mail/spf_macros.h"

#include <string.h>

enum {
	ARENA = 16 << 20,
	/* each of ten terms may ask for ten names, and each may have %{p} */
	ASKED_MAX = 1 + (SPF_LOOKUPS_MAX + 1) * (2 * SPF_NAMES_MAX + 3),
};

struct world {
	struct str rest;
	int asked;
	struct str v[RESOLVER_RECORDS_MAX];
};

/* "!" is trouble, "-" nothing; else records with tabs between them. */
static void lookup(void *arg, enum resolver_type type, struct str name,
    struct resolver_answer *out)
{
	struct world *w = arg;
	struct str line, record;

	(void)type;
	FUZZ_CHECK(name.n > 0 && name.n <= RESOLVER_NAME_MAX);
	FUZZ_CHECK(++w->asked <= ASKED_MAX);
	*out = (struct resolver_answer){.status = RESOLVER_NXDOMAIN, .v = w->v};
	if (!str_next(&w->rest, '\n', &line) || str_eq(line, STR("-")))
		return;
	if (str_eq(line, STR("!"))) {
		out->status = RESOLVER_TROUBLE;
		return;
	}
	while (out->n < RESOLVER_RECORDS_MAX && str_next(&line, '\t', &record))
		w->v[out->n++] = record;
	if (out->n > 0)
		out->status = RESOLVER_FOUND;
}

static void check_record(struct str text, struct arena *a)
{
	struct spf_record r;
	int rc = spf_record_parse(text, a, &r);

	FUZZ_CHECK(rc == 0 || rc == ERR_SYNTAX || rc == ERR_LIMIT);
	FUZZ_CHECK(rc != 0 || spf_record_is(text));
	for (size_t i = 0; rc == 0 && i < r.n; i++)
		FUZZ_CHECK(r.v[i].cidr4 <= 32 && r.v[i].cidr6 <= 128);
}

static struct spf_checker *checker(void)
{
	static struct spf_checker *c;

	if (c == NULL)
		FUZZ_CHECK(spf_checker_open(&c) == 0);
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n}, sender = STR_NULL;
	struct world w = {.rest = in};
	struct spf_dns dns = {lookup, &w};
	struct spf_question q = {.client = {[10] = 0xff, 0xff, 192, 0, 2, 1},
	    .helo = STR("mx.example.net")};
	enum authentic_result r;
	struct arena *a = arena_new(ARENA);
	int rc;

	FUZZ_CHECK(a != NULL);
	(void)str_next(&w.rest, '\n', &sender);
	q.sender = sender;
	if (n % 2 == 1)
		memcpy(q.client, "\x20\1\x0d\xb8", 4);
	rc = spf_check(checker(), &q, &dns, a, &r);
	FUZZ_CHECK(rc == 0 || rc == ERR_LIMIT);
	FUZZ_CHECK(r < AUTHENTIC_RESULTS && r != AUTHENTIC_POLICY);
	arena_reset(a);
	check_record(in, a);
	arena_free(&a);
	return 0;
}
