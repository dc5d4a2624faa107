/* fuzz_sort.c - any bytes as a feedback mail that the MTA delivered, and as
 * the milter's origin field on it. */
#include "tests/fuzz/fuzz.h"

#include "agent/in/sort.h"

enum {
	ARENA = 16 << 20
};

static const struct str from_v[] = {STR("staff@provider.example")};
static const struct str to_v[] = {STR("fbl@b.example")};
static const struct strs complaint_from = {from_v, 1}, complaint_to = {to_v, 1};

static const struct sort_with *with(void)
{
	static struct bounce_rules *rules;
	static struct token_keys *keys;
	static struct sort_with w;

	if (rules != NULL)
		return &w;
	FUZZ_CHECK(bounce_rules_new(&rules) == 0);
	FUZZ_CHECK(token_keys_parse(&keys, "fuzz",
		       STR("4 202122232425262728292a2b2c2d2e2f"
			   "303132333435363738393a3b3c3d3e3f"),
		       NULL) == 0);
	/* tokens of the corpus are of 2026 and never expire here */
	w = (struct sort_with){
	    keys, rules, 0, false, NULL, &complaint_from, &complaint_to};
	return &w;
}

static void check_token(const struct sort *s, const struct sort_token *t)
{
	FUZZ_CHECK(t->token.message_id != 0);
	if (t->token.kind == TOKEN_UNSUBSCRIBE)
		FUZZ_CHECK(t->meaning == SEEN_UNSUBSCRIBE);
	else if (t->meaning == SEEN_BOUNCE)
		FUZZ_CHECK(t->token.kind != TOKEN_FEEDBACK && s->report.n > 0);
	else if (t->meaning == SEEN_COMPLAINT || t->meaning == SEEN_FRAUD ||
		 t->meaning == SEEN_VIRUS)
		FUZZ_CHECK(
		    s->report.source == REPORT_BY_ARF ||
		    (s->report.source == REPORT_BY_PLAIN && s->has_origin));
}

static void check_mail(struct str mail, struct arena *a)
{
	struct sort s;
	int rc = sort_mail(with(), mail, a, &s);

	FUZZ_CHECK(rc == 0 || rc == ERR_LIMIT);
	if (rc != 0)
		return;
	FUZZ_CHECK(s.n <= SORT_TOKENS_MAX);
	FUZZ_CHECK(s.n > 0 || s.kind == SEEN_UNPARSED);
	FUZZ_CHECK((s.kind == SEEN_UNPARSED) <= (s.reason != NULL));
	for (size_t i = 0; i < s.n; i++)
		check_token(&s, &s.tokens[i]);
}

/* What is believed is what we would have written. */
static void check_origin(struct str value, struct arena *a)
{
	unsigned char body[DKIM_BODY_HASH] = {0};
	struct origin o, again;
	struct str made;

	if (origin_read(with()->keys, value, body, a, &o) != 0)
		return;
	FUZZ_CHECK(origin_make(with()->keys, &o, a, &made) == 0);
	FUZZ_CHECK(origin_read(with()->keys, made, body, a, &again) == 0);
	FUZZ_CHECK(
	    str_eq(o.helo, again.helo) && str_eq(o.sender, again.sender));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n};
	struct arena *a = arena_new(ARENA);

	FUZZ_CHECK(a != NULL);
	check_mail(in, a);
	arena_reset(a);
	check_origin(in, a);
	arena_free(&a);
	return 0;
}
