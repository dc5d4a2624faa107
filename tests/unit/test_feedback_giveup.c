/* test_feedback_giveup.c - failures that end what a person is sent: the last of
 * several in a row, and for the time being while a provider is in trouble. */
#include "tests/unit/feedbacktest.h"

#include "agent/in/lookback.h"
#include "policy/rules/spike.h"

/* --- the host is unknown --- */

static void host_fails(const char *to)
{
	uint64_t id = answertest_send(&A, to, "");

	IS_INT(dsn(id, to, "5.1.2", "Host or domain name not found"),
	    SEEN_BOUNCE, "unknown host");
}

static void test_hosts(void)
{
	const char *to = "h@gone.example", *quick = "q@gone.example";
	int64_t start = A.now_ms;

	for (int i = 0; i < 4; i++)
		host_fails(quick);
	IS_INT(answertest_suppressed(&A, quick), 0, "four in an hour: not yet");
	host_fails(to);
	answertest_time(&A, start + 2 * ANSWERTEST_DAY);
	host_fails(to);
	answertest_time(&A, start + 3 * ANSWERTEST_DAY);
	host_fails(to);
	IS_INT(answertest_suppressed(&A, to), 0, "three, but not over 3 days");
	answertest_time(&A, start + 3 * ANSWERTEST_DAY + 1000);
	host_fails(to);
	IS_INT(answertest_suppressed(&A, to), SUPPRESSION_HOST_UNKNOWN,
	    "in a row over more than three days");
}

static void test_hosts_between(void)
{
	const char *to = "b@gone.example";
	struct slot_change c = {.kind = SLOT_CHANGE_DELIVERED};
	struct error err;

	host_fails(to);
	answertest_time(&A, A.now_ms + 2 * ANSWERTEST_DAY);
	host_fails(to);
	c.message_id = answertest_send(&A, to, "");
	c.at_ms = A.now_ms;
	IS_INT(ops_slot_apply(A.t.store, &c, &err), 0, "one got through");
	answertest_time(&A, A.now_ms + 2 * ANSWERTEST_DAY);
	host_fails(to);
	IS_INT(answertest_suppressed(&A, to), 0,
	    "a delivery in between: they count anew");
}

/* However long ago: the history of the person has forgotten it by then. */
static void test_hosts_long_ago(void)
{
	const char *to = "a@gone.example";
	struct slot_change c = {.kind = SLOT_CHANGE_DELIVERED};
	struct error err;

	host_fails(to);
	answertest_time(&A, A.now_ms + 30 * ANSWERTEST_DAY);
	c.message_id = answertest_send(&A, to, "");
	c.at_ms = A.now_ms;
	IS_INT(ops_slot_apply(A.t.store, &c, &err), 0, "one got through");
	for (int i = 0; i < 80; i++) { /* days that are lived: lived.h */
		answertest_time(&A, A.now_ms + ANSWERTEST_DAY);
		(void)answertest_send(&A, "daily@lives.example", "");
	}
	host_fails(to);
	host_fails(to);
	IS_INT(answertest_suppressed(&A, to), 0, "one afternoon, not a row");
}

static void log_fails(const char *queue_id, const char *to, int64_t at_ms)
{
	struct act_failure f = {.queue_id = str_of(queue_id),
	    .rcpt = str_of(to),
	    .status = STR("5.1.2"),
	    .text = STR("Host or domain name not found"),
	    .at_ms = at_ms};
	struct error err = {0};

	(void)answertest_send(&A, to, queue_id);
	IS_INT(act_log_bounce(&A.app, A.rules, &f, &err), 0, "in the log");
}

/* What is read late was so before. */
static void test_hosts_told_late(void)
{
	const char *to = "l@gone.example";
	struct slot_change c = {
	    .kind = SLOT_CHANGE_DELIVERED, .at_ms = A.now_ms - ANSWERTEST_DAY};
	struct error err;

	c.message_id = answertest_send(&A, to, "");
	IS_INT(ops_slot_apply(A.t.store, &c, &err), 0, "one got through");
	log_fails("4qLate1", to, A.now_ms - 4 * ANSWERTEST_DAY);
	log_fails("4qLate2", to, A.now_ms - 2 * ANSWERTEST_DAY);
	answertest_time(&A, A.now_ms + 4 * ANSWERTEST_DAY);
	host_fails(to);
	IS_INT(answertest_suppressed(&A, to), 0,
	    "they failed before it got through");
}

/* --- a mailbox that is full for weeks --- */

static void fill_up(const char *to)
{
	uint64_t id = answertest_send(&A, to, "4qFull");
	struct act_failure line = {.queue_id = STR("4qFull"),
	    .status = STR("5.2.2"),
	    .text = STR("552 5.2.2 mailbox full")};
	struct error err = {0};

	IS_INT(dsn(id, to, "5.2.2", "552 5.2.2 mailbox full"), SEEN_BOUNCE,
	    "%s is full", to);
	line.rcpt = str_of(to);
	IS_INT(act_log_bounce(&A.app, A.rules, &line, &err), 0,
	    "the log's line of the same");
}

static void test_full(void)
{
	const char *who = "full@full.example", *alive = "alive@full.example";
	const char *kept = "kept@full.example";
	uint64_t id;

	for (int i = 0; i < 4; i++) {
		fill_up(who);
		fill_up(alive);
		answertest_time(&A, A.now_ms + 5 * ANSWERTEST_DAY);
	}
	IS_INT(answertest_suppressed(&A, who), 0, "four times in 20 days");
	id = answertest_send(&A, alive, "");
	storetest_change(&A.t, id, SLOT_CHANGE_DELIVERED);
	fill_up(who);
	fill_up(alive);
	IS_INT(answertest_suppressed(&A, who), SUPPRESSION_MAILBOX_FULL,
	    "the fifth, more than 14 days after the first");
	IS_INT(answertest_suppressed(&A, alive), 0,
	    "not of one that took a message meanwhile");
	for (int i = 0; i < 9; i++)
		fill_up("today@full.example");
	IS_INT(answertest_suppressed(&A, "today@full.example"), 0,
	    "nor nine times in a day");
	IS_INT(storetest_policy(&A.t, "segment news { purpose = newsletter }\n"
				      "segment demo { purpose = demos\n"
				      "  legal-basis = legitimate-interest\n"
				      "  mailbox-full = \"never\"\n"
				      "  host-unknown = \"2 over 1d\" }\n"),
	    0, "another policy");
	for (int i = 0; i < 6; i++) {
		fill_up(kept);
		answertest_time(&A, A.now_ms + 5 * ANSWERTEST_DAY);
	}
	IS_INT(answertest_suppressed(&A, kept), 0, "never, by the policy");
	host_fails("two@gone.example");
	answertest_time(&A, A.now_ms + ANSWERTEST_DAY + 1000);
	host_fails("two@gone.example");
	IS_INT(answertest_suppressed(&A, "two@gone.example"),
	    SUPPRESSION_HOST_UNKNOWN, "two over a day, by the policy");
}

/* --- people who are given up later, by the policy --- */

/* A message fails: a report, and the log's line of the same. */
static void fails_as(const char *to, const char *status, const char *text)
{
	uint64_t id = answertest_send(&A, to, "4qAs");
	struct act_failure line = {.queue_id = STR("4qAs")};
	struct error err = {0};

	line.status = str_of(status);
	line.text = str_of(text);
	line.rcpt = str_of(to);
	IS_INT(dsn(id, to, status, text), SEEN_BOUNCE, "%s fails", to);
	IS_INT(act_log_bounce(&A.app, A.rules, &line, &err), 0, "its line");
}

static const struct {
	const char *who, *status, *text;
	int ends_in;
} later[] = {
    {"unknown@later.example", "5.1.1", "550 5.1.1 no such user",
	SUPPRESSION_USER_UNKNOWN},
    {"disabled@later.example", "5.2.1", "550 5.2.1 mailbox disabled",
	SUPPRESSION_MAILBOX_DISABLED},
    {"moved@later.example", "5.1.6", "551 5.1.6 mailbox has moved", 0},
    {"delivered@later.example", "5.1.1", "550 5.1.1 no such user", 0},
};

enum {
	N_LATER = sizeof(later) / sizeof(later[0])
};

static void later_fail(int days)
{
	answertest_time(&A, A.now_ms + days * ANSWERTEST_DAY + 1000);
	for (size_t i = 0; i < N_LATER; i++)
		fails_as(later[i].who, later[i].status, later[i].text);
}

static void test_later(void)
{
	uint64_t id;

	answertest_time(&A, A.now_ms + 40 * ANSWERTEST_DAY);
	IS_INT(storetest_policy(&A.t, "segment news { purpose = newsletter }\n"
				      "segment demo { purpose = demos\n"
				      "  legal-basis = legitimate-interest\n"
				      "  user-unknown = \"3 over 2d\"\n"
				      "  mailbox-disabled = \"3 over 2d\"\n"
				      "  host-unknown = \"at once\"\n"
				      "  mailbox-moved = \"never\" }\n"),
	    0, "a patient policy");
	later_fail(0);
	later_fail(1);
	for (size_t i = 0; i < N_LATER; i++)
		IS_INT(answertest_suppressed(&A, later[i].who), 0,
		    "%s failed twice", later[i].who);
	id = answertest_send(&A, later[N_LATER - 1].who, "");
	storetest_change(&A.t, id, SLOT_CHANGE_DELIVERED);
	later_fail(1);
	for (size_t i = 0; i < N_LATER; i++)
		IS_INT(answertest_suppressed(&A, later[i].who),
		    later[i].ends_in, "%s failed thrice", later[i].who);
	host_fails("gone@nowhere.example");
	IS_INT(answertest_suppressed(&A, "gone@nowhere.example"),
	    SUPPRESSION_HOST_UNKNOWN, "at once");
}

/* Each reason has a row of its own, and an earlier row does not shorten what
 * goes at once. */
static void test_later_mixed(void)
{
	const char *who = "mixed@later.example";

	fails_as(who, "5.1.1", "550 5.1.1 no such user");
	fails_as(who, "5.2.1", "550 5.2.1 mailbox disabled");
	answertest_time(&A, A.now_ms + 3 * ANSWERTEST_DAY);
	fails_as(who, "5.1.1", "550 5.1.1 no such user");
	fails_as(who, "5.2.1", "550 5.2.1 mailbox disabled");
	IS_INT(answertest_suppressed(&A, who), 0, "two of each are not three");
}

/* The guard is for suppressions: failures that end nothing yet need none, and
 * they are failures of the provider all the same. */
static void test_later_spike(void)
{
	const char *who = "thrice@calm2.example";
	char other[64];

	for (int i = 0; i < 2; i++) {
		fails_as(who, "5.1.1", "550 5.1.1 no such user");
		answertest_time(&A, A.now_ms + 2 * ANSWERTEST_DAY);
	}
	for (int i = 0; i < 25; i++) {
		(void)snprintf(other, sizeof(other), "t%d@calm2.example", i);
		fails_as(other, "5.1.1", "550 5.1.1 no such user");
		if (answertest_suppressed(&A, other) != 0)
			OK(false, "%s is suppressed", other);
	}
	fails_as(who, "5.1.1", "550 5.1.1 no such user");
	IS_INT(answertest_suppressed(&A, who), SUPPRESSION_USER_UNKNOWN,
	    "the third of one, amid first ones of many");
	{
		int provisional =
		    answertest_counter(&A, "suppression.provisional");

		IS_INT(provisional, 1, "for the time being");
	}
	answertest_policy(&A);
}

/* --- a provider in trouble --- */

/* The row that a failure made of a person; all zero: none. */
static struct suppression_record row_of(const char *who)
{
	struct address addr = storetest_address(&A.t, who);
	struct suppression_record r = {0};
	struct ledger_txn *t;
	struct lead_id id;

	if (lead_id_of(A.t.store->lead_key, &addr, &id) == 0 &&
	    ledger_read_begin(A.t.store->ledger, &t) == 0) {
		if (suppression_read(t, SUPPRESS_LEAD,
			(struct str){(const char *)id.b, sizeof(id.b)}, 0,
			&r) != 0)
			r = (struct suppression_record){0};
		ledger_read_end(&t);
	}
	return r; /* its strings are gone */
}

static void fail_one(const char *to)
{
	uint64_t id = answertest_send(&A, to, "");

	IS_INT(dsn(id, to, "5.1.1", "550 5.1.1 no such user"), SEEN_BOUNCE,
	    "%s fails", to);
}

static void fail_many(int from, int to)
{
	char who[64];

	for (int i = from; i < to; i++) {
		(void)snprintf(who, sizeof(who), "s%d@spike.example", i);
		fail_one(who);
	}
}

static void test_spike(void)
{
	int64_t first_ms;

	answertest_time(&A, A.now_ms + 40 * ANSWERTEST_DAY);
	fail_many(0, 19);
	IS_INT(row_of("s18@spike.example").until_ms, 0, "no spike yet");
	fail_many(19, 22);
	first_ms = A.now_ms;
	IS_INT(row_of("s19@spike.example").until_ms, first_ms + SPIKE_HOLD_MS,
	    "amid a spike: for the time being");
	IS_INT(row_of("s0@spike.example").until_ms, first_ms + SPIKE_HOLD_MS,
	    "and so those before it was seen");
	IS_INT(answertest_suppressed(&A, "s19@spike.example"),
	    SUPPRESSION_USER_UNKNOWN, "nothing is sent meanwhile");
	IS_INT(
	    answertest_counter(&A, "suppression.provisional"), 23, "counted");
	fail_one("other@calm.example");
	IS_INT(row_of("other@calm.example").until_ms, 0,
	    "another provider is not meant");
	answertest_time(&A, A.now_ms + SPIKE_HOLD_MS);
	fail_one("s19@spike.example");
	IS_INT(row_of("s19@spike.example").until_ms, 0,
	    "it fails again when the spike is over: for ever");
	answertest_time(&A, first_ms + 8 * ANSWERTEST_DAY);
	fail_one("s1@spike.example");
	fail_many(101, 119);
	fail_one("s20@spike.example");
	IS_INT(row_of("s20@spike.example").until_ms, 0,
	    "or amid another one, days later");
	fail_one("s200@spike.example");
	OK(row_of("s200@spike.example").until_ms > A.now_ms,
	    "which is one for those who fail first");
	OK(row_of("s101@spike.example").until_ms > A.now_ms,
	    "seen by then or not");
	IS_INT(row_of("s1@spike.example").until_ms, 0,
	    "but whose failure confirms another is given up for ever");
}

static int64_t until_of(const char *domain, int i)
{
	char who[64];

	(void)snprintf(who, sizeof(who), "%d@%s", i, domain);
	return row_of(who).until_ms;
}

/* How many of from..to are given up for the time being. */
static int held_of(const char *domain, int from, int to)
{
	int n = 0;

	for (int i = from; i < to; i++)
		n += until_of(domain, i) != 0;
	return n;
}

static void fail_list(const char *domain, int from, int to)
{
	char who[64];

	for (int i = from; i < to; i++) {
		(void)snprintf(who, sizeof(who), "%d@%s", i, domain);
		fail_one(who);
	}
}

static void lift(const char *who)
{
	struct ops_suppress in = {.author = STR("alice"), .note = STR("why")};
	struct error err = {0};
	bool changed;

	in.target.address = storetest_address(&A.t, who);
	in.target.kind = SUPPRESS_LEAD;
	OK(ops_suppress_remove(A.t.store, &in, &changed, &err) == 0 && changed,
	    "%s is let go", who);
}

static void enter(const char *who, enum suppression_reason reason)
{
	struct ops_suppress in = {.reason = reason,
	    .origin = STR("manual"),
	    .author = STR("alice"),
	    .note = STR("why")};
	struct error err = {0};
	bool changed;

	in.target.address = storetest_address(&A.t, who);
	in.target.kind = SUPPRESS_LEAD;
	OK(ops_suppress_add(A.t.store, &in, &changed, &err) == 0 && changed,
	    "%s is entered", who);
}

/* What the agent does by itself; how often it found something. */
static int work_off(void)
{
	struct error err = {0};
	bool more = true;
	int n = -1;

	while (more && n < 100) {
		IS_INT(lookback_work(&A.app, &more, &err), 0, "worked off");
		n++;
	}
	return n;
}

/* Five failures an hour, for five hours; hours later fifty of them are no more
 * than that, and one more is a spike. */
static void before_a_spike(const char *domain)
{
	answertest_time(&A, A.now_ms / WHEN_HOUR_MS * WHEN_HOUR_MS);
	for (int h = 0; h < 5; h++) {
		answertest_time(&A, A.now_ms + WHEN_HOUR_MS);
		fail_list(domain, 100 + 5 * h, 105 + 5 * h);
	}
	answertest_time(&A, A.now_ms + 3 * WHEN_HOUR_MS);
	fail_list(domain, 0, 20);
	answertest_time(&A, A.now_ms + WHEN_HOUR_MS + 1);
	fail_list(domain, 20, 50);
	IS_INT(held_of(domain, 0, 125), 0, "no spike yet");
}

static void test_spike_back(void)
{
	const char *const all = "back.example";
	int64_t first_ms, added;
	uint64_t events;

	answertest_time(&A, A.now_ms + 40 * ANSWERTEST_DAY);
	before_a_spike(all);
	first_ms = A.now_ms - WHEN_HOUR_MS - 1;
	fail_one("more@calm.example");
	lift("7@back.example");
	lift("28@back.example"); /* at the very instant it failed */
	enter("28@back.example", SUPPRESSION_USER_UNKNOWN);
	enter("9@back.example", SUPPRESSION_MANUAL);
	added = answertest_counter(&A, "suppression.added.user_unknown");
	fail_list(all, 50, 52);
	IS_INT(held_of(all, 0, 50), 47 - (50 - 2 * SPIKEBACK_AT_ONCE),
	    "two failures look back on some each");
	IS_INT(until_of(all, 0), first_ms + SPIKE_HOLD_MS,
	    "counted from their own failure");
	IS_INT(row_of("0@back.example").since_ms, first_ms,
	    "which stays their beginning");
	OK(work_off() > 0, "and the agent goes on");
	IS_INT(held_of(all, 0, 50), 47, "with all of them");
	IS_INT(held_of(all, 100, 125), 0, "not with those of before");
	IS_INT(row_of("7@back.example").since_ms, 0, "nor who was let go");
	IS_INT(until_of(all, 28) + until_of(all, 9), 0, "nor people's word");
	IS_INT(row_of("more@calm.example").until_ms, 0, "nor other providers");
	IS_INT(answertest_counter(&A, "suppression.added.user_unknown"),
	    added + 2, "nobody is added twice");
	events = answertest_events(&A);
	IS_INT(work_off(), 0, "then it is done");
	IS_INT(answertest_events(&A) - events, 0, "for good");
}

/* Those made provisional afterwards are confirmed as all are; their messages
 * were on their way before. */
static void test_spike_back_confirmed(void)
{
	const char *who = "1@again.example";
	uint64_t ids[3];
	int64_t until_ms;

	answertest_time(&A, A.now_ms + 40 * ANSWERTEST_DAY);
	for (size_t i = 0; i < 3; i++)
		ids[i] = answertest_send(&A, who, "");
	IS_INT(dsn(ids[0], who, "5.1.1", "550 no such user"), SEEN_BOUNCE,
	    "one fails");
	until_ms = A.now_ms + SPIKE_HOLD_MS;
	fail_list("again.example", 2, 22);
	IS_INT(row_of(who).until_ms, until_ms, "before a spike is seen");
	answertest_time(&A, A.now_ms + WHEN_HOUR_MS);
	IS_INT(dsn(ids[1], who, "5.1.1", "550 no such user"), SEEN_BOUNCE,
	    "another of the same day");
	IS_INT(row_of(who).until_ms, until_ms, "changes nothing");
	answertest_time(&A, A.now_ms + ANSWERTEST_DAY);
	fail_list("again.example", 100, 230);
	OK(until_of("again.example", 229) != 0, "amid the next spike");
	IS_INT(dsn(ids[2], who, "5.1.1", "550 no such user"), SEEN_BOUNCE,
	    "one of another day");
	IS_INT(row_of(who).until_ms, 0, "is for ever");
}

/* Killed at any time: what is left is in the ledger. Failures that come
 * meanwhile do not begin anew. */
static void test_spike_back_left(void)
{
	const char *const all = "left.example";

	answertest_time(&A, A.now_ms + 40 * ANSWERTEST_DAY);
	before_a_spike(all);
	fail_list(all, 50, 51);
	IS_INT(held_of(all, 0, 50), SPIKEBACK_AT_ONCE, "some");
	answertest_time(&A, A.now_ms + 9 * WHEN_HOUR_MS);
	fail_list(all, 60, 62);
	IS_INT(held_of(all, 0, 50), SPIKEBACK_AT_ONCE,
	    "hours later, without a spike, a failure does nothing for them");
	IS_INT(work_off(), 2, "but the agent does");
	IS_INT(held_of(all, 0, 50), 50, "all");
	IS_INT(held_of(all, 60, 62), 0, "and none of after it");
}

/* Two messages were on their way: what the first did is not prolonged. */
static void test_spike_twice(void)
{
	const char *who = "twice@spike.example";
	uint64_t a = answertest_send(&A, who, ""), b;
	int64_t until_ms;

	b = answertest_send(&A, who, "");
	IS_INT(dsn(a, who, "5.1.1", "550 no such user"), SEEN_BOUNCE, "one");
	until_ms = row_of(who).until_ms;
	OK(until_ms > A.now_ms, "provisional");
	answertest_time(&A, A.now_ms + 1800 * 1000);
	IS_INT(dsn(b, who, "5.1.1", "550 no such user"), SEEN_BOUNCE, "two");
	IS_INT(row_of(who).until_ms, until_ms, "as it was");
}

int main(void)
{
	answertest_open(&A);
	test_hosts();
	test_hosts_between();
	test_hosts_long_ago();
	test_hosts_told_late();
	test_full();
	test_later();
	test_later_mixed();
	test_later_spike();
	test_spike();
	test_spike_twice();
	test_spike_back();
	test_spike_back_confirmed();
	test_spike_back_left();
	rebuilttest_is_same(&A.t, 100);
	answertest_close(&A);
	return tap_done();
}
