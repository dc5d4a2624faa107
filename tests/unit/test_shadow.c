/* test_shadow.c - /v1/shadow: what a limit in shadow would have done. */
#include "tests/unit/apitest.h"

#include "policy/base/clock.h"

static struct apitest A;

static void apply(const char *person)
{
	char body[1000];

	(void)snprintf(body, sizeof(body),
	    "{\"text\": \"person { at-most = \\\"2 per 7d\\\" %s }\\n"
	    "segment demo {\\n  purpose = demo\\n"
	    "  legal-basis = legitimate-interest\\n"
	    "  at-most = \\\"1 per 7d\\\"\\n  when-full = drop\\n"
	    "  mode = shadow\\n}\\n\", \"reason\": \"test\"}",
	    person);
	IS_INT(apitest_post(&A, "/v1/policy", body), 200, "a policy");
}

static struct verdict send(const char *to, uint64_t key)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .segment = STR("demo"),
	    .stream = STR("app"),
	    .queue_id = STR("Q"),
	    .same = {.key = key, .has_message_id = true},
	    .recipient = storetest_address(&A.st, to)};
	struct decide_out out;
	struct error err = {0};

	IS_INT(
	    decide_propose(A.st.store, &in, &out, &err), 0, "sent to %s", to);
	decide_fini(&out);
	return out.verdict;
}

int main(void)
{
	struct verdict v;

	apitest_open(&A);
	IS_INT(apitest_get(&A, "/v1/shadow"), 200, "before anything");
	IS_INT(value_count(apitest_at(&A, "rows")), 0, "no rows");
	apply("");
	v = send("ann@x.example", 1);
	OK(v.action == VERDICT_ALLOW && !v.shadowed, "the first");
	v = send("ann@x.example", 2);
	OK(v.action == VERDICT_ALLOW && v.shadowed, "the second goes too");
	IS_INT(v.would, VERDICT_DROP, "would have been dropped");
	(void)send("ann@x.example", 3);
	(void)send("bob@x.example", 4);
	(void)send("bob@x.example", 5);
	IS_INT(storetest_slots(&A.st, "ann@x.example"), 3, "all count");
	IS_INT(apitest_get(&A, "/v1/shadow?since=1d"), 200, "the report");
	IS_INT(value_count(apitest_at(&A, "rows")), 1, "one line");
	IS_S(apitest_str(&A, "rows.0.segment"), STR("demo"), "segment");
	IS_S(apitest_str(&A, "rows.0.would"), STR("drop"), "action");
	IS_INT(apitest_i64(&A, "rows.0.messages"), 3, "messages");
	IS_S(apitest_str(&A, "rows.0.rule"), STR("at-most = \"1 per 7d\""),
	    "by that line");
	IS_INT(apitest_i64(&A, "rows.0.line"), 5, "of the policy");
	OK(str_ends(
	       apitest_str(&A, "rows.0.examples.0.address"), STR("@x.example")),
	    "for example");
	IS_INT(apitest_get(&A, "/v1/shadow?segment=news"), 200, "another");
	IS_INT(value_count(apitest_at(&A, "rows")), 0, "segment");
	IS_INT(
	    apitest_get(&A, "/v1/explain?address=ann@x.example&segment=demo"),
	    200, "explain");
	IS_S(apitest_str(&A, "verdict"), STR("allow"), "allows");
	IS_S(apitest_str(&A, "would"), STR("drop"), "and says what it would");
	IS_INT(apitest_get(&A, "/v1/stats?name=shadow"), 200, "stats");
	OK(value_count(apitest_at(&A, "rows")) > 0, "counted");
	IS_INT(apitest_get(&A, "/v1/shadow?since=x"), 400, "no time");
	apitest_close(&A);
	return tap_done();
}
