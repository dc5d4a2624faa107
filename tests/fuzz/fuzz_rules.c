/* fuzz_rules.c - any bytes as a file of rules for bounces; what it makes of them
 * then classifies those bytes. */
#include "tests/fuzz/fuzz.h"

#include "policy/rules/bounce.h"

static void tell(void *arg, bool is_error, const char *line)
{
	size_t *errors = arg;

	FUZZ_CHECK(str_starts(str_of(line), STR("f:")));
	*errors += is_error;
}

static void check(const struct bounce_rules *r, struct str text)
{
	struct bounce_evidence e = {.outcome = BOUNCE_DELAYED,
	    .status = text,
	    .diagnostic = text,
	    .notice = text,
	    .mta = text,
	    .rcpt = text};
	struct bounce_answer a;

	bounce_classify(r, &e, &a);
	FUZZ_CHECK(a.class != BOUNCE_CLASS_PERSON && a.by.text != NULL);
	e.outcome = BOUNCE_FAILED;
	bounce_classify(r, &e, &a);
	FUZZ_CHECK(a.class == bounce_class_of(a.reason));
	FUZZ_CHECK(a.reason <= BOUNCE_AUTO_REPLY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n};
	struct bounce_rules *r;
	struct error err = {0};
	size_t errors = 0;
	int rc = bounce_rules_read("f", in, tell, &errors, &r, &err);

	FUZZ_CHECK((rc == 0) == (r != NULL));
	FUZZ_CHECK((rc == ERR_SYNTAX) == (errors > 0));
	FUZZ_CHECK(rc == 0 || err.code == rc);
	if (rc == 0)
		check(r, in);
	bounce_rules_free(&r);
	return 0;
}
