/* fuzz_policy.c - any bytes as the marketer's rules. */
#include "tests/fuzz/fuzz.h"

#include "policy/base/buf.h"
#include "policy/conf/policy.h"

static void count(void *arg, const char *line)
{
	size_t *n = arg;

	FUZZ_CHECK(line[0] != '\0');
	(*n)++;
}

static void check_rule(const struct policy_line *rule)
{
	FUZZ_CHECK(rule->line >= 1 && rule->text.n > 0);
	FUZZ_CHECK(str_find(rule->text, 0, '\n') == rule->text.n);
}

static void check_segment(const struct policy *p, size_t i)
{
	const struct policy_segment *s = &p->segments[i];

	FUZZ_CHECK(policy_segment_find(p, s->name) == s);
	FUZZ_CHECK(s->purpose.n > 0 && s->list_id.n > 0);
	check_rule(&s->rule);
	check_rule(&s->purpose_rule);
	check_rule(&s->basis_rule);
	check_rule(&s->when_full.rule);
	check_rule(&s->not_compliant.rule);
	for (size_t k = 0; k < s->caps.n; k++) {
		FUZZ_CHECK(s->caps.windows[k].span_ms > 0);
		check_rule(&s->caps.windows[k].rule);
	}
}

/* What was accepted prints as a policy that reads to the same rules. */
static void check_policy(const struct policy *p)
{
	const struct policy *again;
	struct buf text;
	size_t n = 0;

	for (size_t i = 0; i < p->n_segments; i++)
		check_segment(p, i);
	buf_init(&text, 32 << 20);
	policy_print(p, &text);
	FUZZ_CHECK(policy_parse(&again, "f", buf_str(&text), 1, NULL) == 0);
	FUZZ_CHECK(policy_diff(p, again, count, &n) == 0 && n == 0);
	policy_warnings(p, INT64_C(1793404800000), count, &n);
	policy_unref(&again);
	buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = {(const char *)data, n};
	struct error err = {0};
	const struct policy *p;

	if (policy_parse(&p, "f", text, 1, &err) == 0) {
		check_policy(p);
		policy_unref(&p);
	} else {
		FUZZ_CHECK(str_starts(str_of(err.text), STR("f:")));
		FUZZ_CHECK(!fuzz_disagree(&err));
	}
	return 0;
}
