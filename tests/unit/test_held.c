/* test_held.c - held copies in the agent's hands: decided again when their time
 * has come, submitted only if they may go, woken when there is room, ended when
 * there is none; with the milter's real decisions behind a bridge. */
#include "tests/unit/releasetest.h"

#include "policy/base/calendar.h"
#include "policy/state/message.h"
#include "policy/state/ops_copy.h"
#include "policy/state/ops_leads.h"

#define LATE_MS INT64_C(70000) /* no agent is so busy */
#define RULES " legal-basis = legitimate-interest "

static const char order_text[] =
    "order = {demo, news}\n"
    "person { at-most = \"1 per 7d\" }\n"
    "company { at-most = \"4 per 7d\"  at-most-people = \"2 per 7d\" }\n"
    "segment demo { purpose = demos" RULES
    "  when-full = \"hold 20d, then bounce\" }\n"
    "segment news { purpose = news" RULES
    "  when-full = \"hold 30d, then drop\" }\n";
static const char never_text[] =
    "segment demo { purpose = demos" RULES
    "  at-most = \"0 per 7d\" when-full = \"hold 20d, then bounce\" }\n"
    "segment news { purpose = news" RULES
    "  at-most = \"0 per 7d\" when-full = \"hold 20d, then drop\" }\n";
static const char defer_text[] =
    "person { at-most = \"1 per 7d\" }\n"
    "segment demo { purpose = demos" RULES "  when-full = defer }\n"
    "segment news { purpose = news" RULES "  when-full = defer }\n";
static const char never_deferred_text[] =
    "segment news { purpose = news" RULES
    "  at-most = \"0 per 7d\"  when-full = defer }\n";
/* Closed but for one minute of another day, and patient for an hour. */
static const char hours_text[] =
    "segment demo { purpose = demos" RULES
    "  send-on = \"%s 03:00-03:01\" when-closed = \"hold 1h, then send\" }\n";

static void settle(const char *what)
{
	now = clock_now_ms() > now ? clock_now_ms() : now;
	releasetest_settle(what);
}

/* Copies of one millisecond have ids, and go, in no order. */
static void next_millisecond(void)
{
	int64_t was = clock_now_ms();

	while (clock_now_ms() <= was)
		(void)poll(NULL, 0, 1);
}

static void arrive(const char *to, const char *segment, enum answer want)
{
	static int serial;
	char rcpt[64], id[64], label[32];
	struct mail m = {.rcpts = {rcpt}, .segment = label, .id = id};

	(void)snprintf(rcpt, sizeof(rcpt), "<%s>", to);
	(void)snprintf(label, sizeof(label), " %s", segment);
	(void)snprintf(id, sizeof(id), " <held%d@app.example>", ++serial);
	next_millisecond();
	sessiontest_connect("apps");
	IS_INT(sessiontest_send(&m), want, "%s to %s", segment, to);
}

/* The last message of a person. */
static uint64_t last_of(const char *to)
{
	struct address a = storetest_address(&S.st, to);
	struct lead_record r = {0};
	struct ledger_txn *t;
	struct lead_id id;

	if (lead_id_of(S.st.store->lead_key, &a, &id) != 0 ||
	    ledger_read_begin(S.st.store->ledger, &t) != 0 ||
	    lead_read(t, &id, S.st.arena, &r) != 0 || r.n_slots == 0) {
		printf("Bail out! no slot of %s\n", to);
		exit(1);
	}
	ledger_read_end(&t);
	return r.slots[r.n_slots - 1].message_id;
}

static void change(const char *to, enum slot_change_kind kind)
{
	struct slot_change c = {.kind = kind,
	    .message_id = last_of(to),
	    .at_ms = clock_now_ms(),
	    .release = RELEASE_BOUNCED};
	struct error err = {0};

	IS_INT(ops_slot_apply(S.st.store, &c, &err), 0, "slot: %s", err.text);
}

static int reports(void)
{
	return bridge_count("<>><app@example.com>");
}

/* The id of the newest row. */
static uint64_t newest(struct copy_record *out)
{
	struct ledger_txn *t;
	uint64_t id = 0;

	if (ledger_read_begin(S.st.store->ledger, &t) != 0)
		exit(1);
	while (copy_next(t, id, out) == 0)
		id = out->id;
	ledger_read_end(&t);
	return id;
}

static struct copy_record row(uint64_t id)
{
	struct copy_record r = {0};

	if (ops_copy_get(S.st.store, id, S.st.arena, &r) != 0)
		r.id = 0;
	return r;
}

static void drop(uint64_t id)
{
	struct event_copy_word w = {id, STR("jo"), STR("")};
	struct error err = {0};

	IS_INT(ops_copy_say(S.st.store, OPS_COPY_DROP, &w, &err), 0, "drop");
	IS_INT(spool_remove(S.sh.spool, id, &err), 0, "and its file");
}

static void wait_anew(const struct copy_record *r, const struct copy_wait *w)
{
	struct copy_decided d = {r->id, r->wakes, *w};
	struct error err = {0};

	IS_INT(ops_copy_wait(S.st.store, &d, 1, &err), 0, "wait: %s", err.text);
}

/* One slot of a person: it goes to the earlier kind though that came later,
 * and nothing is submitted in vain. */
static void test_order(void)
{
	struct copy_record news, demo;
	int asked;

	sessiontest_apply(order_text);
	arrive("ann@ann.example", "news", ANSWER_CONTINUE);
	arrive("ann@ann.example", "news", ANSWER_DISCARD);
	(void)newest(&news);
	arrive("ann@ann.example", "demo", ANSWER_DISCARD);
	(void)newest(&demo);
	OK(news.wait.reason == REASON_PERSON_CAP &&
		demo.wait.reason == REASON_PERSON_CAP,
	    "both wait");
	settle("nothing is due");
	IS_INT(B.asked, 0, "nothing is submitted");
	change("ann@ann.example", SLOT_CHANGE_RELEASED);
	settle("a slot is free");
	IS_INT(releasetest_sent("ann@ann.example"), 1, "one goes, at once");
	IS_INT(B.asked, 1, "and one was submitted");
	OK(row(demo.id).id == 0, "the earlier kind");
	news = row(news.id);
	OK(news.wait.reason == REASON_PERSON_CAP &&
		news.wait.due_ms > now + 6 * WHEN_DAY_MS,
	    "the other waits for the next one");
	asked = B.asked;
	change("ann@ann.example", SLOT_CHANGE_RELEASED);
	settle("free again");
	IS_INT(releasetest_sent("ann@ann.example"), 2, "it goes");
	IS_INT(B.asked, asked + 1, "by one submission");
	releasetest_is_empty("order");
}

/* Two people of a company at most. */
static void test_company(void)
{
	arrive("bob@acme.example", "news", ANSWER_CONTINUE);
	arrive("carl@acme.example", "news", ANSWER_CONTINUE);
	arrive("dora@acme.example", "news", ANSWER_DISCARD);
	arrive("eve@acme.example", "news", ANSWER_DISCARD);
	settle("company");
	IS_INT(sessiontest_rows(NULL), 2, "two wait");
	change("bob@acme.example", SLOT_CHANGE_RELEASED);
	settle("one bounced");
	OK(releasetest_sent("dora@acme.example") == 1 &&
		releasetest_sent("eve@acme.example") == 0,
	    "the first in the queue goes, of another person");
	change("carl@acme.example", SLOT_CHANGE_RELEASED);
	settle("another bounced");
	IS_INT(releasetest_sent("eve@acme.example"), 1, "the next goes");
	releasetest_is_empty("company");
}

/* Decided at once when the policy of now can never let it go. */
static void test_ends(void)
{
	int before = reports(), asked;

	arrive("fay@fay.example", "news", ANSWER_CONTINUE);
	arrive("fay@fay.example", "news", ANSWER_DISCARD);
	arrive("fay@fay.example", "demo", ANSWER_DISCARD);
	asked = B.asked;
	sessiontest_apply(never_text);
	settle("never");
	IS_INT(reports(), before + 1, "bounced: the sender is told");
	OK(bridge_report_has("Status: 5.4.7\r\n"), "that it was in vain");
	IS_INT(releasetest_sent("fay@fay.example"), 0, "nothing went");
	IS_INT(B.asked, asked + 1, "but the report");
	releasetest_is_empty("never");
	sessiontest_apply(order_text);
}

/* A policy that says "defer" since it came: there is nobody to come again, so it
 * waits on, and no longer than it was to. */
static void test_defer(void)
{
	const char *to = "fin@fin.example";
	struct copy_record was, r;
	struct copy_wait w;

	arrive(to, "news", ANSWER_CONTINUE);
	arrive(to, "news", ANSWER_DISCARD);
	(void)newest(&was);
	sessiontest_apply(defer_text);
	settle("defer");
	r = row(was.id);
	OK(r.id == was.id && r.wait.deadline_ms == was.wait.deadline_ms &&
		r.wait.then == was.wait.then &&
		r.wait.policy_version > was.wait.policy_version,
	    "decided again, it waits until the same end");
	w = r.wait;
	w.due_ms = w.deadline_ms = now;
	wait_anew(&r, &w);
	settle("end");
	IS_INT(releasetest_sent(to), 0, "did not go");
	releasetest_is_empty("defer");
	sessiontest_apply(order_text);
}

/* It was to be sent in the end, and now it may never go and is deferred. */
static void test_never_deferred(void)
{
	const char *to = "flo@flo.example";
	int before = reports();
	struct copy_record r;
	struct copy_wait w;

	arrive(to, "news", ANSWER_CONTINUE);
	arrive(to, "news", ANSWER_DISCARD);
	(void)newest(&r);
	sessiontest_apply(never_deferred_text);
	w = r.wait;
	w.then = POLICY_THEN_SEND;
	w.due_ms = w.deadline_ms = now;
	wait_anew(&r, &w);
	settle("never, deferred");
	IS_INT(releasetest_sent(to), 0, "did not go");
	IS_INT(reports(), before + 1, "the sender is told");
	releasetest_is_empty("never, deferred");
	sessiontest_apply(order_text);
}

/* The agent was away when its turn and its deadline came. */
static void test_too_late(void)
{
	struct copy_record r;
	struct copy_wait w;
	int before = reports();

	for (int i = 0; i < 2; i++) {
		const char *to = i == 0 ? "gil@gil.example" : "gus@gus.example";

		arrive(to, "demo", ANSWER_CONTINUE);
		arrive(to, "demo", ANSWER_DISCARD);
		(void)newest(&r);
		w = r.wait;
		w.due_ms = now;
		w.deadline_ms = i == 0 ? now - LATE_MS : now;
		wait_anew(&r, &w);
		change(to, SLOT_CHANGE_RELEASED);
	}
	settle("late");
	IS_INT(releasetest_sent("gil@gil.example"), 0,
	    "far too late: it does not go");
	IS_INT(reports(), before + 1, "it is given back");
	IS_INT(
	    releasetest_sent("gus@gus.example"), 1, "a little late: it goes");
	releasetest_is_empty("late");
}

/* "then send": the rule ends, the message goes. */
static void test_then_send(void)
{
	static const char *const days[] = {
	    "mon", "tue", "wed", "thu", "fri", "sat", "sun"};
	struct copy_record r;
	struct calendar_date day;
	const char *to = "hal@hal.example";
	char text[sizeof(hours_text) + 8];
	struct spool_copy *c = NULL;
	struct envelope e;
	struct error err = {0};
	struct header_list l = {0};
	struct copy_new n;

	calendar_date_of(zone_utc(), now + 3 * WHEN_DAY_MS, &day);
	(void)snprintf(text, sizeof(text), hours_text, days[day.weekday]);
	sessiontest_apply(text);
	arrive(to, "demo", ANSWER_DISCARD);
	(void)newest(&r);
	OK(r.wait.reason == REASON_CLOSED && r.wait.then == POLICY_THEN_SEND &&
		r.wait.deadline_ms <= r.arrived_ms + WHEN_HOUR_MS &&
		r.wait.due_ms <= r.wait.deadline_ms,
	    "closed: at most an hour");
	/* The same as if it had come an hour ago. */
	if (spool_read(S.sh.spool, r.id, &c, &err) != 0 ||
	    header_add(&l, S.st.arena, STR("From"), STR(" news@example.com")) !=
		0 ||
	    header_add(
		&l, S.st.arena, STR("X-Tendril-Segment"), STR(" demo")) != 0)
		exit(1);
	e = *spool_copy_envelope(c);
	e.arrived_ms = now - WHEN_HOUR_MS;
	n = (struct copy_new){.kind = COPY_HELD,
	    .lead = r.lead,
	    .segment = STR("demo"),
	    .stream = STR("apps"),
	    .arrived_ms = e.arrived_ms,
	    .wait = r.wait,
	    .recipients = 1};
	n.wait.due_ms = n.wait.deadline_ms = now;
	if (spool_add(S.sh.spool, &e,
		&(struct spool_message){&l, STR("the body\r\n")}, &n.id,
		&err) != 0 ||
	    ops_copy_add(S.st.store, &n, &err) != 0)
		exit(1);
	spool_copy_free(&c);
	settle("patience is over");
	IS_INT(releasetest_sent(to), 1, "it goes, closed or not");
	IS_INT(sessiontest_rows(NULL), 1, "the young one waits");
	drop(r.id);
	sessiontest_apply(order_text);
	releasetest_is_empty("then send");
}

/* Another policy makes another instant, earlier or later: who lists what waits
 * sees that one, not the one of the policy before. */
static void test_another_policy(void)
{
	static const char text[] = "person { at-most = \"1 per %dd\" }\n"
				   "segment news { purpose = news" RULES
				   "  when-full = \"hold 60d, then drop\" }\n";
	static const int days[] = {20, 10, 30};
	char policy[400];
	struct copy_record r;
	uint64_t id;

	arrive("pia@pia.example", "news", ANSWER_CONTINUE);
	change("pia@pia.example", SLOT_CHANGE_DELIVERED);
	arrive("pia@pia.example", "news", ANSWER_DISCARD);
	id = newest(&r);
	OK(r.wait.due_ms < now + 7 * WHEN_DAY_MS + LATE_MS, "seven days");
	for (size_t i = 0; i < 3; i++) {
		int64_t want = now + days[i] * WHEN_DAY_MS;

		(void)snprintf(policy, sizeof(policy), text, days[i]);
		sessiontest_apply(policy);
		settle("another policy");
		r = row(id);
		OK(r.wait.due_ms > want - LATE_MS &&
			r.wait.due_ms < want + LATE_MS,
		    "then %d", days[i]);
	}
	IS_INT(releasetest_sent("pia@pia.example"), 0, "it waits all the time");
	sessiontest_apply(order_text);
	drop(id);
}

/* An operator's word. */
static void test_forced(void)
{
	struct copy_record r;
	struct error err = {0};

	arrive("ida@ida.example", "news", ANSWER_CONTINUE);
	arrive("ida@ida.example", "news", ANSWER_DISCARD);
	(void)newest(&r);
	settle("before");
	IS_INT(releasetest_sent("ida@ida.example"), 0, "it waits");
	IS_INT(
	    ops_copy_say(S.st.store, OPS_COPY_FORCE,
		&(struct event_copy_word){r.id, STR("jo"), STR("why")}, &err),
	    0, "let go");
	settle("forced");
	IS_INT(releasetest_sent("ida@ida.example"), 1, "sent");
	IS_INT(
	    (int)storetest_slots(&S.st, "ida@ida.example"), 2, "and counted");
	releasetest_is_empty("forced");
}

/* The MTA took it and its 250 was lost: the limit is full of that very slot,
 * and yet the copy is known to have gone. */
static void test_lost_answer(void)
{
	struct copy_record r;
	int asked;

	arrive("kim@kim.example", "news", ANSWER_CONTINUE);
	arrive("kim@kim.example", "news", ANSWER_DISCARD);
	(void)newest(&r);
	bridge_fail(BRIDGE_HANG_UP, 1);
	change("kim@kim.example", SLOT_CHANGE_RELEASED);
	settle("hang up");
	OK(row(r.id).id != 0, "not done yet");
	asked = B.asked;
	now += WHEN_MINUTE_MS;
	settle("again");
	IS_INT(releasetest_sent("kim@kim.example"), 1, "once");
	IS_INT(B.asked, asked, "and not submitted again");
	releasetest_is_empty("lost answer");
}

/* The same, and its log is silent for some seconds: the agent that starts anew
 * meanwhile, and looks at all that waits, does not take the limit for another's
 * and put the copy off for days. */
static void test_lost_answer_and_restart(void)
{
	struct copy_record r;
	int64_t due_ms;

	arrive("lea@lea.example", "news", ANSWER_CONTINUE);
	arrive("lea@lea.example", "news", ANSWER_DISCARD);
	(void)newest(&r);
	bridge_fail(BRIDGE_HANG_UP, 1);
	change("lea@lea.example", SLOT_CHANGE_RELEASED);
	settle("hang up");
	due_ms = row(r.id).wait.due_ms;
	OK(due_ms > 0 && due_ms < now + WHEN_MINUTE_MS, "again soon");
	releasetest_start();
	settle("a new start");
	OK(row(r.id).id == 0 || row(r.id).wait.due_ms <= due_ms, "still soon");
	now += WHEN_MINUTE_MS;
	settle("again");
	IS_INT(releasetest_sent("lea@lea.example"), 1, "once");
	releasetest_is_empty("lost answer, new start");
}

/* One whose file is lost stays for the operator to see, and is in nobody's way:
 * neither at once nor when all are looked at anew. */
static void test_lost_file(void)
{
	struct copy_record lost, behind;
	struct error err = {0};
	char text[sizeof(order_text) + 8];

	arrive("lia@lia.example", "news", ANSWER_CONTINUE);
	arrive("lia@lia.example", "news", ANSWER_DISCARD);
	(void)newest(&lost);
	arrive("lia@lia.example", "news", ANSWER_DISCARD);
	(void)newest(&behind);
	IS_INT(spool_remove(S.sh.spool, lost.id, &err), 0, "its file is lost");
	change("lia@lia.example", SLOT_CHANGE_RELEASED);
	settle("a slot is free");
	OK(row(behind.id).id == 0, "the one behind it goes");
	IS_INT(releasetest_sent("lia@lia.example"), 1, "by the MTA");
	(void)snprintf(text, sizeof(text), "# new\n%s", order_text);
	sessiontest_apply(text);
	settle("looked at anew");
	lost = row(lost.id);
	OK(lost.id != 0 && lost.wait.due_ms > now, "the row stays");
	OK(lost.wait.queues == 0 && lost.wait.reason == REASON_TROUBLE,
	    "in no queue");
	IS_INT(ops_copy_done(S.st.store, lost.id, 0, COPY_REMOVED, &err), 0,
	    "dropped");
	releasetest_is_empty("lost file");
}

static void move_to(const char *who, const char *company)
{
	struct attribute_value value = {.label = policy_label(STR("company")),
	    .type = ATTRIBUTE_TEXT,
	    .text = str_of(company)};
	struct ops_leads_row lead = {
	    .address = storetest_address(&S.st, who), .values = &value, .n = 1};
	struct ops_leads in = {.rows = &lead, .n = 1};
	struct error err = {0};

	IS_INT(ops_leads_set(S.st.store, &in, &err), 0, "set: %s", err.text);
}

/* Who works elsewhere now waits in the queue of that company, though all else
 * of the wait is as it was. */
static void test_other_company(void)
{
	struct copy_record was, is;

	arrive("mia@old.example", "news", ANSWER_CONTINUE);
	arrive("nic@old.example", "news", ANSWER_CONTINUE);
	arrive("ola@old.example", "news", ANSWER_DISCARD);
	(void)newest(&was);
	OK(was.wait.reason == REASON_COMPANY_CAP, "waits for the old one");
	arrive("pat@new.example", "news", ANSWER_CONTINUE);
	arrive("quy@new.example", "news", ANSWER_CONTINUE);
	move_to("ola@old.example", "new.example");
	sessiontest_apply(order_text);
	settle("looked at anew");
	is = row(was.id);
	OK(is.wait.reason == REASON_COMPANY_CAP, "waits");
	OK(memcmp(&is.wait.company, &was.wait.company,
	       sizeof(is.wait.company)) != 0,
	    "for the new one");
	change("quy@new.example", SLOT_CHANGE_RELEASED);
	settle("a place there");
	IS_INT(releasetest_sent("ola@old.example"), 1, "goes");
	releasetest_is_empty("other company");
}

int main(void)
{
	releasetest_open();
	releasetest_start();
	test_order();
	test_company();
	test_ends();
	test_defer();
	test_never_deferred();
	test_too_late();
	test_then_send();
	test_another_policy();
	test_forced();
	test_lost_answer();
	test_lost_answer_and_restart();
	test_lost_file();
	test_other_company();
	releasetest_close();
	return tap_done();
}
