/* fuzz_dsn.c - any bytes as a mail that came back, and as a diagnostic. */
#include "tests/fuzz/fuzz.h"

#include "policy/mail/dsn.h"
#include "policy/mail/report.h"

enum {
	ARENA = 16 << 20
};

static const struct bounce_rules *compiled(void)
{
	static struct bounce_rules *rules;

	if (rules == NULL)
		FUZZ_CHECK(bounce_rules_new(&rules) == 0);
	return rules;
}

static void check_recipient(const struct report_recipient *r)
{
	FUZZ_CHECK(r->class == bounce_class_of(r->reason));
	if (r->class != BOUNCE_CLASS_PERSON)
		return;
	FUZZ_CHECK(r->outcome == BOUNCE_FAILED);
	FUZZ_CHECK(r->status.n == 0 || r->status.p[0] != '4');
}

static void check_answer(struct str text)
{
	struct bounce_evidence e = {.outcome = BOUNCE_DELAYED,
	    .status = text,
	    .diagnostic = text,
	    .notice = text,
	    .mta = text,
	    .rcpt = text};
	struct bounce_answer answer;

	bounce_classify(compiled(), &e, &answer);
	FUZZ_CHECK(answer.class != BOUNCE_CLASS_PERSON);
	FUZZ_CHECK(answer.by.text != NULL);
	e.outcome = BOUNCE_FAILED;
	e.status = STR("4.1.1");
	bounce_classify(compiled(), &e, &answer);
	FUZZ_CHECK(answer.class != BOUNCE_CLASS_PERSON);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n}, out;
	struct arena *a = arena_new(ARENA);
	struct report r;

	if (a == NULL)
		return 0;
	check_answer(in);
	if (dsn_xtext(in, a, &out) == 0)
		FUZZ_CHECK(out.n <= n);
	if (dsn_utf8_xtext(in, a, &out) == 0)
		FUZZ_CHECK(out.n <= n);
	if (report_classify(compiled(), in, a, &r) == 0) {
		FUZZ_CHECK(r.n <= DSN_MAX_RECIPIENTS);
		for (size_t i = 0; i < r.n; i++)
			check_recipient(&r.rcpt[i]);
	}
	arena_free(&a);
	return 0;
}
