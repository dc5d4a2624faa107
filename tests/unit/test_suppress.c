/* test_suppress.c - what one suppression does to another, and whom they
 * cover. */
#include "tests/unit/storetest.h"

#include "policy/base/clock.h"

#define DAY_MS INT64_C(86400000)

static struct storetest T;

static void open_all(void)
{
	struct ops_policy in = {.path = STR("p"),
	    .text = STR("segment demo { purpose = demos "
			"legal-basis = legitimate-interest }\n"
			"segment news { purpose = news "
			"legal-basis = legitimate-interest }\n"),
	    .author = STR("test"),
	    .reason = STR("why")};
	struct error err = {0};
	uint32_t version;

	storetest_open(&T);
	IS_INT(ops_policy_apply(T.store, &in, &version, &err), 0, "policy %s",
	    err.text);
}

static bool add(const char *target, const char *segment,
    enum suppression_reason reason, int64_t until_ms)
{
	struct ops_suppress in = {.reason = reason,
	    .segment = str_of(segment),
	    .until_ms = until_ms,
	    .origin = STR("test"),
	    .author = STR("test")};
	struct error err = {0};
	bool changed = false;

	if (ops_target_parse(T.arena, str_of(target), &in.target, &err) != 0 ||
	    ops_suppress_add(T.store, &in, &changed, &err) != 0)
		OK(false, "suppress %s: %s", target, err.text);
	return changed;
}

static enum verdict_reason ask(const char *to, int64_t at_ms)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&T, to),
	    .segment = STR("demo"),
	    .stream = STR("apps")};
	struct decide_out out;
	struct error err = {0};

	if (decide_explain(T.store, &in, NULL, at_ms, &out, &err) != 0)
		printf("# explain: %s\n", err.text);
	decide_fini(&out);
	return out.verdict.reason;
}

/* The last word counts only if it says more. */
static void test_weight(void)
{
	static const struct {
		enum suppression_reason first, then;
		int first_days, then_days; /* 0: for ever; -1: is over */
		bool changed;
	} cases[] = {
	    {SUPPRESSION_OPT_OUT, SUPPRESSION_MANUAL, 0, 7, false},
	    {SUPPRESSION_OPT_OUT, SUPPRESSION_IMPORTED, 0, 0, false},
	    {SUPPRESSION_COMPLAINT, SUPPRESSION_USER_UNKNOWN, 0, 0, false},
	    {SUPPRESSION_COMPLAINT, SUPPRESSION_COMPLAINT, 0, 0, false},
	    {SUPPRESSION_USER_UNKNOWN, SUPPRESSION_COMPLAINT, 0, 0, true},
	    {SUPPRESSION_MANUAL, SUPPRESSION_OPT_OUT, 7, 0, true},
	    {SUPPRESSION_COMPLAINT, SUPPRESSION_MANUAL, 7, 30, true},
	    {SUPPRESSION_COMPLAINT, SUPPRESSION_MANUAL, 30, 7, false},
	    {SUPPRESSION_COMPLAINT, SUPPRESSION_MANUAL, -1, 7, true},
	};
	int64_t now = clock_now_ms();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char to[40];
		int64_t a = cases[i].first_days, b = cases[i].then_days;

		(void)snprintf(to, sizeof(to), "w%zu@w.example", i);
		OK(add(to, "", cases[i].first, a != 0 ? now + a * DAY_MS : 0),
		    "case %zu: first", i);
		IS_INT(
		    add(to, "", cases[i].then, b != 0 ? now + b * DAY_MS : 0),
		    cases[i].changed, "case %zu: then", i);
	}
	IS_INT(ask("w0@w.example", now + 8 * DAY_MS), REASON_SUPPRESSED,
	    "an opt-out outlives a pause of a week");
}

int main(void)
{
	open_all();
	test_weight();
	storetest_close(&T);
	return tap_done();
}
