/* test_outcomes.c - /v1/outcomes: what became of messages, told by a program. */
#include "tests/unit/apitest.h"
#include "tests/unit/rebuilttest.h"

#include "policy/base/clock.h"
#include "policy/state/message.h"
#include "policy/state/tally.h"

static struct apitest A;
static uint64_t ids[8];
static bool no_log;

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
	    .log_followed = !no_log,
	    .from_domain = STR("example.com"),
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
	     "\"removed\"}",
	    200);
	IS_INT(apitest_i64(&A, "unchanged"), 2, "again, and a late removal");
	IS_INT(apitest_i64(&A, "changed"), 0, "change nothing");
	tell("{\"queue_id\": \"Q2\", \"recipient\": \"B@X.example\", "
	     "\"outcome\": \"bounced\", \"status\": \"5.2.2\"}",
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
	/* a millisecond later than at the moment of acceptance (message.h) */
	OK(at <= clock_now_ms() + 1, "never in the future");
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

static int add_row(void *arg, const struct tally_row *r)
{
	if (str_eq(r->campaign, STR("")))
		tally_sum(arg, &r->counts);
	return 0;
}

/* What the breaker sees. */
static struct breaker_counts tallied(void)
{
	struct breaker_counts c = {0};
	struct ledger_txn *t;

	if (ledger_read_begin(A.st.store->ledger, &t) != 0 ||
	    tally_each(t, 0, UINT32_MAX, add_row, &c) != 0)
		OK(false, "tally");
	ledger_read_end(&t);
	return c;
}

/* Without a log a message counts as delivered when it is accepted: that is a
 * guess, and what is told outweighs it. */
static void test_no_log(void)
{
	struct breaker_counts before = tallied(), after;
	int64_t at, accepted;
	uint64_t id;

	no_log = true;
	id = send("f@x.example", "Q5", 6);
	IS_INT(state_of(id, &accepted), SLOT_DELIVERED, "at acceptance");
	IS_STR(verdict_of("f@x.example"), "no", "and counts");
	tell("{\"queue_id\": \"Q5\", \"outcome\": \"removed\"}", 200);
	IS_INT(apitest_i64(&A, "changed"), 1, "it did not go out");
	IS_INT(state_of(id, &at), SLOT_RELEASED, "released");
	IS_STR(verdict_of("f@x.example"), "allow", "and counts no more");
	id = send("g@x.example", "Q6", 7);
	(void)state_of(id, &accepted);
	tell("{\"queue_id\": \"Q6\", \"outcome\": \"delivered\", \"at\": "
	     "\"2001-01-01\"}",
	    200);
	IS_INT(apitest_i64(&A, "changed"), 1, "it did go out");
	IS_INT(state_of(id, &at), SLOT_DELIVERED, "delivered");
	IS_INT(at, accepted + 1, "told apart from what was assumed");
	tell("{\"queue_id\": \"Q6\", \"outcome\": \"removed\"}, "
	     "{\"queue_id\": \"Q6\", \"outcome\": \"delivered\"}",
	    200);
	IS_INT(apitest_i64(&A, "unchanged"), 2, "that stays");
	IS_INT(state_of(id, &at), SLOT_DELIVERED, "delivered");
	after = tallied();
	IS_INT(after.delivered - before.delivered, 1, "the other one counts");
	no_log = false;
}

/* What the rates see of a message is where it stands, whatever was said of it
 * before; each step is told by /v1/outcomes. */
struct tallied {
	const char *name;
	bool no_log;
	/* d(elivered), r(emoved), h(ard bounce), s(oft), b(locked) */
	const char *steps;
	uint64_t delivered, refused, hard, blocked, ours;
};

static const struct tallied tallied_steps[] = {
    {"accepted", true, "", 1, 0, 0, 0, 0},
    {"accepted, delivered", true, "d", 1, 0, 0, 0, 0},
    {"accepted, removed", true, "r", 0, 0, 0, 0, 0},
    {"accepted, removed, delivered", true, "rd", 1, 0, 0, 0, 0},
    {"accepted, removed and delivered, twice told", true, "rrdrd", 1, 0, 0, 0,
	0},
    {"accepted, soft", true, "s", 0, 0, 0, 0, 0},
    {"accepted, soft, delivered", true, "sd", 1, 0, 0, 0, 0},
    {"accepted, hard", true, "h", 0, 1, 1, 0, 0},
    {"accepted, hard, delivered", true, "hd", 1, 0, 1, 0, 0},
    {"accepted, removed, hard, delivered", true, "rhd", 1, 0, 1, 0, 0},
    {"accepted, delivered, hard", true, "dh", 1, 0, 1, 0, 0},
    {"proposed", false, "", 0, 0, 0, 0, 0},
    {"proposed, removed, delivered", false, "rd", 1, 0, 0, 0, 0},
    {"proposed, hard", false, "h", 0, 1, 1, 0, 0},
    {"proposed, hard, delivered", false, "hd", 1, 0, 1, 0, 0},
    {"proposed, delivered, hard, removed", false, "dhr", 1, 0, 1, 0, 0},
    {"accepted, blocked", true, "b", 0, 0, 0, 1, 1},
    {"accepted, blocked twice, delivered", true, "bbd", 1, 0, 0, 0, 1},
    {"accepted, removed, blocked", true, "rb", 0, 0, 0, 1, 1},
    {"accepted, blocked, hard", true, "bh", 0, 1, 1, 1, 1},
    {"accepted, blocked, hard, delivered", true, "bhd", 1, 0, 1, 0, 1},
    {"accepted, delivered, blocked", true, "db", 1, 0, 0, 0, 1},
    {"proposed, blocked", false, "b", 0, 0, 0, 1, 1},
    {"proposed, delivered, blocked, removed", false, "dbr", 1, 0, 0, 0, 1},
    {"proposed, hard, blocked: says less", false, "hb", 0, 1, 1, 0, 0},
};

static const char *outcome_of(char step)
{
	switch (step) {
	case 'd':
		return "\"outcome\": \"delivered\"";
	case 'r':
		return "\"outcome\": \"removed\"";
	case 'h':
		return "\"outcome\": \"bounced\", \"status\": \"5.1.1\"";
	case 'b':
		return "\"outcome\": \"bounced\", \"status\": \"5.7.26\"";
	default:
		return "\"outcome\": \"bounced\", \"status\": \"5.2.2\"";
	}
}

static void test_rates(void)
{
	char to[64], queue_id[32], one[200];

	for (size_t i = 0; i < sizeof(tallied_steps) / sizeof(tallied_steps[0]);
	     i++) {
		const struct tallied *t = &tallied_steps[i];
		struct breaker_counts c = tallied(), before = c;

		(void)snprintf(to, sizeof(to), "r%zu@x.example", i);
		(void)snprintf(queue_id, sizeof(queue_id), "R%zu", i);
		no_log = t->no_log;
		(void)send(to, queue_id, 100 + i);
		no_log = false;
		for (const char *s = t->steps; *s != '\0'; s++) {
			(void)snprintf(one, sizeof(one),
			    "{\"queue_id\": \"%s\", %s}", queue_id,
			    outcome_of(*s));
			tell(one, 200);
		}
		c = tallied();
		IS_INT(c.delivered - before.delivered, t->delivered,
		    "%s: delivered", t->name);
		IS_INT(c.refused - before.refused, t->refused, "%s: refused",
		    t->name);
		IS_INT(c.n[POLICY_HARD_BOUNCES] - before.n[POLICY_HARD_BOUNCES],
		    t->hard, "%s: hard bounces", t->name);
		IS_INT(c.blocked - before.blocked, t->blocked, "%s: blocked",
		    t->name);
		IS_INT(c.n[POLICY_OUR_FAULTS] - before.n[POLICY_OUR_FAULTS],
		    t->ours, "%s: faults of ours", t->name);
	}
	rebuilttest_is_same(&A.st, 10);
}

static int old_step(struct door_ctx *ctx, void *arg)
{
	const struct event_slot_changed *e = arg;
	struct buf b;
	int rc;

	buf_init(&b, 200);
	rc = payload_encode(&message_changed_payload, e, &b);
	if (rc == 0)
		rc = door_emit(ctx,
		    e->release != 0 ? EV_SLOT_RELEASED : EV_SLOT_DELIVERED, 1,
		    buf_str(&b));
	buf_fini(&b);
	return rc;
}

/* Events of version 1 make of a ledger what they always made of it. */
static void test_old_rates(void)
{
	struct breaker_counts before = tallied();
	struct event_slot_changed e = {
	    .release = RELEASE_REMOVED, .at_ms = clock_now_ms() + 1000};
	struct error err = {0};

	no_log = true;
	e.message_id = send("old@x.example", "O1", 99);
	no_log = false;
	IS_INT(door_propose(A.st.store->door, old_step, &e, &err), 0,
	    "removed: %s", err.text);
	IS_INT(tallied().delivered - before.delivered, 1, "stays counted");
	e.release = 0;
	IS_INT(door_propose(A.st.store->door, old_step, &e, &err), 0,
	    "delivered: %s", err.text);
	IS_INT(tallied().delivered - before.delivered, 2, "and counts again");
	rebuilttest_is_same(&A.st, 10);
}

/* Silence says nothing against what was accepted. */
static void test_silence(void)
{
	struct slot_change c = {.kind = SLOT_CHANGE_RELEASED,
	    .queue_id = STR("Q7"),
	    .at_ms = clock_now_ms(),
	    .release = RELEASE_NEVER_QUEUED};
	struct error err = {0};
	uint64_t id;
	int64_t at;

	no_log = true;
	id = send("h@x.example", "Q7", 8);
	no_log = false;
	IS_INT(ops_slot_apply(A.st.store, &c, &err), 0, "no sign of it");
	IS_INT(state_of(id, &at), SLOT_DELIVERED, "counts all the same");
	c.release = RELEASE_REMOVED;
	c.at_end = true;
	IS_INT(ops_slot_apply(A.st.store, &c, &err), 0, "the queue is done");
	IS_INT(state_of(id, &at), SLOT_DELIVERED, "counts all the same");
	c.at_end = false;
	IS_INT(ops_slot_apply(A.st.store, &c, &err), 0, "deleted by name");
	IS_INT(state_of(id, &at), SLOT_RELEASED, "does not");
}

static void bounce(const char *queue_id, const char *status, const char *text)
{
	char one[400];

	(void)snprintf(one, sizeof(one),
	    "{\"queue_id\": \"%s\", \"outcome\": \"bounced\", \"status\": "
	    "\"%s\", \"diagnostic\": \"%s\"}",
	    queue_id, status, text);
	tell(one, 200);
}

static void is_given_up(const char *who)
{
	(void)verdict_of(who);
	IS_S(apitest_str(&A, "reason"), STR("suppressed"), "%s", who);
}

/* As from the log or a DSN: recorded, counted, and the person given up where
 * the words say so. */
static void test_bounces(void)
{
	struct breaker_counts before = tallied(), after;
	int64_t at;

	no_log = true;
	ids[5] = send("i@x.example", "Q10", 10);
	bounce("Q10", "5.1.1", "550 5.1.1 user unknown");
	IS_INT(apitest_i64(&A, "changed"), 1, "a hard bounce");
	IS_INT(state_of(ids[5], &at), SLOT_RELEASED, "frees the slot");
	is_given_up("i@x.example");
	after = tallied();
	IS_INT(after.n[POLICY_HARD_BOUNCES] - before.n[POLICY_HARD_BOUNCES], 1,
	    "for the rates");
	IS_INT(after.delivered - before.delivered, 0, "none was delivered");
	IS_INT(after.refused - before.refused, 1, "of one message");
	bounce("Q10", "5.1.1", "550 5.1.1 user unknown");
	IS_INT(apitest_i64(&A, "unchanged"), 1, "told again");
	IS_INT(tallied().n[POLICY_HARD_BOUNCES], after.n[POLICY_HARD_BOUNCES],
	    "it is one");
	ids[6] = send("j@x.example", "Q11", 11);
	bounce("Q11", "5.2.2", "552 5.2.2 mailbox full");
	IS_INT(state_of(ids[6], &at), SLOT_RELEASED, "a full mailbox");
	IS_STR(verdict_of("j@x.example"), "allow", "may be written to again");
	no_log = false;
	ids[6] = send("k@x.example", "Q12", 12);
	tell("{\"queue_id\": \"Q12\", \"outcome\": \"delivered\"}", 200);
	bounce("Q12", "5.1.1", "550 5.1.1 user unknown");
	IS_INT(apitest_i64(&A, "changed"), 1, "after its delivery");
	IS_INT(state_of(ids[6], &at), SLOT_DELIVERED, "the slot stays");
	is_given_up("k@x.example");
	IS_INT(apitest_get(&A, "/v1/journal?type=bounce"), 200, "journal");
	IS_S(apitest_str(&A, "events.1.by"), STR("api"), "who told");
	IS_S(apitest_str(&A, "events.1.bounce"), STR("user_unknown"), "why");
	rebuilttest_is_same(&A.st, 10);
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
	test_no_log();
	test_silence();
	test_bounces();
	test_rates();
	test_old_rates();
	test_mistakes();
	apitest_close(&A);
	return tap_done();
}
