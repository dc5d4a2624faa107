/* test_outcomes.c - /v1/outcomes: what became of messages, told by a program. */
#include "tests/unit/apitest.h"

#include "policy/base/clock.h"
#include "policy/state/message.h"

static struct apitest A;
static uint64_t ids[8];

static void prepare(void)
{
	IS_INT(apitest_post(&A, "/v1/policy",
		   "{\"text\": \"segment demo { purpose = demo  legal-basis = "
		   "legitimate-interest  at-most = \\\"1 per 7d\\\" when-full "
		   "= reject }\\n\", \"reason\": \"test\"}"),
	    200, "a policy");
}

static uint64_t send(const char *to, const char *queue_id, uint64_t key)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .segment = STR("demo"),
	    .stream = STR("app"),
	    .queue_id = str_of(queue_id),
	    .log_followed = true,
	    .same = {.key = key, .has_message_id = true},
	    .recipient = storetest_address(&A.st, to)};
	struct decide_out out;
	struct error err = {0};

	IS_INT(
	    decide_propose(A.st.store, &in, &out, &err), 0, "sent to %s", to);
	decide_fini(&out);
	return out.message_id;
}

static enum slot_state state_of(uint64_t id, int64_t *at_out)
{
	struct message_record r = {0};
	struct ledger_txn *t;

	if (ledger_read_begin(A.st.store->ledger, &t) != 0 ||
	    message_read(t, id, &r) != 0)
		OK(false, "message");
	ledger_read_end(&t);
	*at_out = r.changed_ms;
	return r.state;
}

static void tell(const char *outcomes, int want)
{
	char body[1000];

	(void)snprintf(body, sizeof(body), "{\"outcomes\": [%s]}", outcomes);
	IS_INT(apitest_post(&A, "/v1/outcomes", body), want, "%s", outcomes);
}

static const char *verdict_of(const char *who)
{
	char target[200];

	(void)snprintf(
	    target, sizeof(target), "/v1/explain?address=%s&segment=demo", who);
	IS_INT(apitest_get(&A, target), 200, "explain %s", who);
	return str_eq(apitest_str(&A, "verdict"), STR("allow")) ? "allow"
								: "no";
}

static void test_steps(void)
{
	int64_t at, before = clock_now_ms();

	ids[0] = send("a@x.example", "Q1", 1);
	ids[1] = send("b@x.example", "Q2", 2);
	tell("{\"queue_id\": \"Q1\", \"outcome\": \"delivered\", \"at\": "
	     "\"2001-01-01\"}",
	    200);
	IS_INT(apitest_i64(&A, "changed"), 1, "one step");
	IS_S(apitest_str(&A, "results.0.result"), STR("changed"), "its row");
	IS_INT(state_of(ids[0], &at), SLOT_DELIVERED, "delivered");
	OK(at >= before - 1000, "never before it was handed in");
	IS_STR(verdict_of("a@x.example"), "no", "and counts");
	tell("{\"queue_id\": \"Q1\", \"outcome\": \"delivered\", \"at\": "
	     "\"2999-01-01\"}, {\"queue_id\": \"Q1\", \"outcome\": "
	     "\"bounced\"}",
	    200);
	IS_INT(apitest_i64(&A, "unchanged"), 2, "again, and a late bounce");
	IS_INT(apitest_i64(&A, "changed"), 0, "change nothing");
	tell("{\"queue_id\": \"Q2\", \"recipient\": \"B@X.example\", "
	     "\"outcome\": \"bounced\", \"status\": \"5.1.1\"}",
	    200);
	IS_INT(state_of(ids[1], &at), SLOT_RELEASED, "released");
	IS_STR(verdict_of("b@x.example"), "allow", "and counts no more");
}

static void test_by_message(void)
{
	char one[200];
	int64_t at;

	ids[2] = send("c@x.example", "Q3", 3);
	(void)snprintf(one, sizeof(one),
	    "{\"message\": \"%llu\", \"outcome\": \"delivered\", \"at\": "
	    "\"2999-01-01\"}",
	    (unsigned long long)ids[2]);
	tell(one, 200);
	IS_INT(state_of(ids[2], &at), SLOT_DELIVERED, "by its own id");
	OK(at <= clock_now_ms(), "never in the future");
}

static void test_nothing_made_up(void)
{
	int64_t at;

	ids[3] = send("d@x.example", "Q4", 4);
	ids[4] = send("e@x.example", "Q4", 5);
	tell("{\"queue_id\": \"Q9\", \"outcome\": \"bounced\"}, "
	     "{\"queue_id\": \"Q4\", \"outcome\": \"bounced\"}, "
	     "{\"queue_id\": \"Q4\", \"recipient\": \"z@x.example\", "
	     "\"outcome\": \"bounced\"}, "
	     "{\"message\": \"77\", \"outcome\": \"bounced\"}",
	    200);
	IS_INT(apitest_i64(&A, "unknown"), 3, "no such messages");
	IS_S(apitest_str(&A, "results.1.result"), STR("several"), "whose?");
	IS_INT(state_of(ids[3], &at), SLOT_PROPOSED, "untouched");
	tell("{\"queue_id\": \"Q4\", \"recipient\": \"e@x.example\", "
	     "\"outcome\": \"removed\"}",
	    200);
	IS_INT(state_of(ids[4], &at), SLOT_RELEASED, "that one");
	IS_INT(state_of(ids[3], &at), SLOT_PROPOSED, "and no other");
}

static void test_mistakes(void)
{
	static const char *const wrong[] = {
	    "{\"queue_id\": \"Q1\", \"outcome\": \"read\"}",
	    "{\"outcome\": \"bounced\"}",
	    "{\"message\": \"0\", \"outcome\": \"bounced\"}",
	    "{\"queue_id\": \"Q1\", \"outcome\": \"bounced\", \"at\": \"x\"}",
	    "{\"queue_id\":\"Q1\",\"outcome\":\"bounced\",\"recipient\":\"x\"}",
	    "17",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		tell(wrong[i], 200);
		IS_INT(apitest_i64(&A, "errors"), 1, "told of that one");
		OK(apitest_str(&A, "results.0.error").n > 0, "in its row");
	}
	IS_INT(apitest_post(&A, "/v1/outcomes", "{}"), 400, "none at all");
	A.uid = 65534;
	tell("{\"queue_id\": \"Q1\", \"outcome\": \"bounced\"}", 403);
	A.uid = geteuid();
}

int main(void)
{
	apitest_open(&A);
	prepare();
	test_steps();
	test_by_message();
	test_nothing_made_up();
	test_mistakes();
	apitest_close(&A);
	return tap_done();
}
