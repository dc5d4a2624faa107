/* test_release.c - copies go back to the MTA: the agent's loop against the
 * milter's real decisions, with an MTA that fails in every place. */
#include "tests/unit/releasetest.h"

#include "agent/out/nondelivery.h"
#include "agent/out/release_internal.h"
#include "agent/out/submit.h"
#include "policy/state/ops.h"
#include "policy/state/ops_copy.h"

#include <errno.h>

#define DAY_MS INT64_C(86400000)
#define LATE_MS INT64_C(70000) /* no agent is so busy */

static int64_t due_of(uint64_t id)
{
	struct copy_record r = {0};

	return ops_copy_get(S.st.store, id, S.st.arena, &r) == 0 ? r.wait.due_ms
								 : -1;
}

static void is_empty(const char *what)
{
	releasetest_is_empty(what);
	IS_INT(
	    sessiontest_files(SPOOL_UNDECIDED), 0, "%s: none undecided", what);
}

/* A message by SMTP from an application. */
static enum answer arrive(struct mail *m)
{
	sessiontest_connect("apps");
	return sessiontest_send(m);
}

static void test_taken(void)
{
	struct mail m = {
	    .rcpts = {"<t1@b.example>", "<t2@b.example>", "<t3@b.example>"},
	    .segment = " demo"};

	IS_INT(arrive(&m), ANSWER_DISCARD, "taken over");
	releasetest_settle("taken");
	for (int i = 1; i <= 3; i++) {
		char want[64];
		(void)snprintf(
		    want, sizeof(want), "<app@example.com>><t%d@b.example>", i);
		IS_INT(bridge_count(want), 1, "recipient %d, once", i);
	}
	is_empty("taken");
}

/* The MTA takes it under that queue id, and its 250 is lost; the log is quiet
 * from here. */
static void lose_answer(char *queue_id, size_t cap)
{
	atomic_store(&B.quiet_log, true);
	bridge_fail(BRIDGE_HANG_UP, 1);
	releasetest_settle("hang up");
	(void)snprintf(queue_id, cap, "4rel%05dz", atomic_load(&B.ids) - 1);
}

/* The MTA took it, and nobody heard the 250. */
static void test_exactly_once(void)
{
	struct mail m = {.rcpts = {"<once1@b.example>", "<once2@b.example>"},
	    .segment = " demo"};

	IS_INT(arrive(&m), ANSWER_DISCARD, "taken over");
	bridge_fail(BRIDGE_HANG_UP, 1);
	releasetest_settle("hang up");
	IS_INT(sessiontest_rows(NULL), 1, "not done yet");
	releasetest_start();
	now += 60000;
	releasetest_settle("again");
	IS_INT(bridge_count("<app@example.com>><once1@b.example>"), 1,
	    "the first, exactly once");
	IS_INT(bridge_count("<app@example.com>><once2@b.example>"), 1,
	    "the second, exactly once");
	is_empty("exactly once");
}

/* The same, and the log has not told yet that the first went. */
static void test_in_flight(void)
{
	struct mail m = {.rcpts = {"<fly1@b.example>", "<fly2@b.example>"},
	    .segment = " demo",
	    .id = " <fly@app.example>"};
	struct slot_change c = {
	    .kind = SLOT_CHANGE_QUEUED, .at_ms = clock_now_ms()};
	char queue_id[32];
	struct error err = {0};

	IS_INT(arrive(&m), ANSWER_DISCARD, "taken over");
	lose_answer(queue_id, sizeof(queue_id));
	now += 60000;
	releasetest_settle("in flight");
	IS_INT(bridge_count("<app@example.com>><fly1@b.example>"), 1, "once");
	IS_INT(bridge_count("<app@example.com>><fly2@b.example>"), 1,
	    "the other does not wait for him");
	IS_INT(sessiontest_rows(NULL), 1, "he waits as a copy of his own");
	atomic_store(&B.quiet_log, false);
	c.queue_id = str_of(queue_id);
	IS_INT(ops_slot_apply(S.st.store, &c, &err), 0, "the log tells");
	now += 3600000;
	releasetest_settle("told");
	IS_INT(bridge_count("<app@example.com>><fly1@b.example>"), 1,
	    "still once");
	is_empty("in flight");
}

/* A full cap: one of three waits, the others go; he goes when it is time. */
static void test_split_and_hold(void)
{
	struct mail first = {.rcpts = {"<cap@b.example>"}, .segment = " news"};
	struct mail m = {
	    .rcpts = {"<c1@b.example>", "<cap@b.example>", "<c2@b.example>"},
	    .segment = " news"};
	struct slot_change c = {.kind = SLOT_CHANGE_QUEUED,
	    .queue_id = STR("4abcQ1"),
	    .at_ms = clock_now_ms()};
	struct error err = {0};
	uint64_t id;

	IS_INT(arrive(&first), ANSWER_CONTINUE, "his first of the week");
	IS_INT(ops_slot_apply(S.st.store, &c, &err), 0, "queued");
	IS_INT(arrive(&m), ANSWER_DISCARD, "taken over");
	releasetest_settle("split");
	IS_INT(bridge_count("<app@example.com>><c1@b.example>"), 1, "before");
	IS_INT(bridge_count("<app@example.com>><c2@b.example>"), 1, "behind");
	IS_INT(bridge_count("<app@example.com>><cap@b.example>"), 0, "waits");
	IS_INT(sessiontest_rows(&id), 1, "as a held copy");
	IS_INT(sessiontest_files(SPOOL_COPIES), 1, "with a name of its own");
	OK(due_of(id) > clock_now_ms() + 6 * DAY_MS &&
		due_of(id) < clock_now_ms() + 8 * DAY_MS,
	    "until next week");
	IS_INT(B.asked > 0, 1, "asked");
	{
		int before = B.asked;
		now += DAY_MS;
		releasetest_settle("next day");
		IS_INT(B.asked, before, "not submitted in vain");
	}
	now -= DAY_MS;
	c.kind = SLOT_CHANGE_RELEASED;
	c.release = RELEASE_BOUNCED;
	IS_INT(ops_slot_apply(S.st.store, &c, &err), 0, "the first bounced");
	now += 3700000;
	releasetest_settle("looked at again");
	IS_INT(bridge_count("<app@example.com>><cap@b.example>"), 1,
	    "within the hour");
	now -= 3700000;
	is_empty("split");
}

/* A cap that is full of the very message: its instant is not the cap's. */
static void test_own_slot(void)
{
	struct mail m = {.rcpts = {"<own1@b.example>", "<own2@b.example>"},
	    .segment = " news"};
	uint64_t id;

	IS_INT(arrive(&m), ANSWER_DISCARD, "taken over");
	atomic_store(&B.quiet_log, true);
	bridge_fail(BRIDGE_HANG_UP, 1);
	releasetest_settle("own slot");
	atomic_store(&B.quiet_log, false);
	now += 60000;
	releasetest_settle("own slot, again");
	IS_INT(sessiontest_rows(&id), 1, "he waits");
	OK(due_of(id) < now + 3600000, "and not for a week");
	{
		struct slot_change c = {
		    .kind = SLOT_CHANGE_QUEUED, .at_ms = clock_now_ms()};
		struct error err = {0};
		char queue_id[32];

		for (int i = 0; i < B.asked; i++) {
			(void)snprintf(
			    queue_id, sizeof(queue_id), "4rel%05dz", i);
			c.queue_id = str_of(queue_id);
			IS_INT(ops_slot_apply(S.st.store, &c, &err), 0, "log");
		}
	}
	now += 3600000;
	releasetest_settle("own slot, told");
	IS_INT(bridge_count("<app@example.com>><own1@b.example>"), 1, "once");
	IS_INT(bridge_count("<app@example.com>><own2@b.example>"), 1, "once");
	is_empty("own slot");
}

/* Suppressed meanwhile: the sender gets a report. */
static void test_report(void)
{
	struct mail m = {
	    .rcpts = {"<gone1@b.example>", "<j\xc3\xb6rg@b.example>"},
	    .segment = " demo",
	    .rcpt_args = "NOTIFY=FAILURE,DELAY"};

	IS_INT(arrive(&m), ANSWER_DISCARD, "taken over");
	sessiontest_suppress("gone1@b.example");
	sessiontest_suppress("j\xc3\xb6rg@b.example");
	m.rcpt_args = NULL;
	releasetest_settle("report");
	IS_INT(bridge_count("<>><app@example.com>"), 2, "two reports");
	OK(bridge_report_has("message/global-delivery-status") &&
		bridge_report_has("Final-Recipient: utf-8;j\xc3\xb6rg@"),
	    "the second in UTF-8");
	OK(bridge_report_has("Action: failed\r\nStatus: 5.7.1\r\n"
			     "Diagnostic-Code: smtp; 550 5.7.1 Recipient is "
			     "suppressed (suppressed)\r\n"),
	    "with status and reason");
	OK(bridge_report_has("message/global-headers\r\n") &&
		bridge_report_has(
		    "\r\n\r\nFrom: News <news@example.com>\r\n") &&
		!bridge_report_has("\r\nhi\r\n"),
	    "returns the header, not the body");
	is_empty("report");
}

static void test_no_report(void)
{
	struct envelope_rcpt nobody = {.address = STR("gone1@b.example")};
	struct envelope bounce = {.rcpts = &nobody, .n_rcpts = 1};
	struct mail m = {.rcpts = {"<gone1@b.example>", "<ok@b.example>"},
	    .segment = " demo",
	    .rcpt_args = "NOTIFY=NEVER"};
	int before = bridge_count("<>><app@example.com>");

	OK(!nondelivery_is_wanted(&bounce, 0), "none to the null sender");
	bounce.sender = STR("app@example.com");
	OK(nondelivery_is_wanted(&bounce, 0), "one to others");
	IS_INT(arrive(&m), ANSWER_DISCARD, "taken over");
	releasetest_settle("no report");
	IS_INT(bridge_count("<>><app@example.com>"), before, "NOTIFY=NEVER");
	IS_INT(bridge_count("<app@example.com>><ok@b.example>"), 1, "sent");
	m.rcpt_args = NULL;
	m.rcpts[1] = "<ok2@b.example>";
	IS_INT(arrive(&m), ANSWER_DISCARD, "taken over");
	bridge_fail(BRIDGE_REPORT_550, 1);
	releasetest_settle("report refused");
	is_empty("a report that nobody takes");
	m.rcpts[1] = "<ok3@b.example>";
	IS_INT(arrive(&m), ANSWER_DISCARD, "taken over");
	bridge_fail(BRIDGE_RCPT_550, 1);
	releasetest_settle("refused by the MTA");
	IS_INT(bridge_count("<>><app@example.com>"), before + 1, "a report");
	OK(bridge_report_has("550 5.1.1 No such user"), "says what it said");
	is_empty("refused by the MTA");
}

/* The report went, and nobody heard the 250. */
static void test_report_once(void)
{
	struct mail m = {.rcpts = {"<gone1@b.example>", "<ok4@b.example>"},
	    .segment = " demo"};
	int before = bridge_count("<>><app@example.com>");

	IS_INT(arrive(&m), ANSWER_DISCARD, "taken over");
	bridge_fail(BRIDGE_HANG_UP, 1);
	releasetest_settle("report, hang up");
	releasetest_start();
	now += 60000;
	releasetest_settle("report, again");
	IS_INT(bridge_count("<>><app@example.com>"), before + 1, "one report");
	IS_INT(bridge_count("<app@example.com>><ok4@b.example>"), 1, "sent");
	is_empty("one report");
}

/* The milter let it go, the MTA did not take it. */
static void test_report_not_taken(void)
{
	struct mail m = {.rcpts = {"<gone1@b.example>", "<ok5@b.example>"},
	    .segment = " demo"};
	int before = bridge_count("<>><app@example.com>");

	IS_INT(arrive(&m), ANSWER_DISCARD, "taken over");
	bridge_fail(BRIDGE_LATE_451, 1);
	releasetest_settle("report not taken");
	now += 60000;
	releasetest_settle("report not taken, again");
	IS_INT(bridge_count("<>><app@example.com>"), before + 1, "then it is");
	IS_INT(bridge_count("<app@example.com>><ok5@b.example>"), 1, "sent");
	is_empty("report not taken");
}

/* As one is who was decided about. */
static void known(struct address a)
{
	struct ops_consent c = {.address = a,
	    .purpose = STR("x"),
	    .state = CONSENT_GRANTED,
	    .origin = STR("test"),
	    .author = STR("test")};
	struct error err = {0};
	bool changed;

	IS_INT(ops_consent_set(S.st.store, &c, &changed, &err), 0, "known: %s",
	    err.text);
}

static const char *held_sender = "app@example.com";
static const char *held_segment = "demo";
static int64_t held_for_ms = -1;

static uint64_t held(const char *rcpt, int64_t deadline_ms,
    enum policy_then then, const char *stream)
{
	const char *const fields[] = {
	    "From", " news@example.com", "X-Tendril-Segment", held_segment};
	struct header_list l = {0};
	struct error err = {0};
	struct address a = storetest_address(&S.st, rcpt);
	struct copy_new c = {.kind = COPY_HELD,
	    .stream = str_of(stream),
	    .segment = str_of(held_segment),
	    .wait.due_ms = now + held_for_ms,
	    .wait.deadline_ms = deadline_ms,
	    .wait.then = then,
	    .recipients = 1};
	static const struct str args[] = {
	    {"RET=FULL", 8}, {"ENVID=my+2Bid", 13}};
	struct envelope_rcpt r = {.address = str_of(rcpt)};
	struct envelope e = {.kind = COPY_HELD,
	    .arrived_ms = now,
	    .sender = str_of(held_sender),
	    .sender_args = {args, 2},
	    .rcpts = &r,
	    .n_rcpts = 1};

	known(a);
	for (size_t i = 0; i < 4; i += 2)
		if (header_add(&l, S.st.arena, str_of(fields[i]),
			str_of(fields[i + 1])) != 0)
			exit(1);
	if (lead_id_of(S.st.store->lead_key, &a, &c.lead) != 0 ||
	    spool_add(S.sh.spool, &e,
		&(struct spool_message){&l, STR("the body\r\n")}, &c.id,
		&err) != 0 ||
	    ops_copy_add(S.st.store, &c, &err) != 0)
		exit(1);
	return c.id;
}

static void test_deadline(void)
{
	int64_t over = now - LATE_MS;
	uint64_t id;
	int before = bridge_count("<>><app@example.com>");

	(void)held("late1@b.example", over, POLICY_THEN_DROP, "apps");
	releasetest_settle("drop");
	IS_INT(bridge_count("<>><app@example.com>"), before, "dropped");
	is_empty("drop");
	(void)held("late2@b.example", over, POLICY_THEN_BOUNCE, "apps");
	releasetest_settle("bounce");
	IS_INT(bridge_count("<>><app@example.com>"), before + 1, "bounced");
	OK(bridge_report_has("Status: 5.4.7\r\n") &&
		!bridge_report_has("Diagnostic-Code") &&
		bridge_report_has("Original-Envelope-Id: my+id\r\n"),
	    "says why");
	OK(bridge_report_has("message/rfc822\r\n") &&
		bridge_report_has("\r\n\r\nthe body\r\n"),
	    "RET=FULL returns all");
	IS_INT(
	    bridge_count("<app@example.com>><late2@b.example>"), 0, "not sent");
	is_empty("bounce");
	id = held("late3@b.example", over, POLICY_THEN_BOUNCE, "apps");
	bridge_fail(BRIDGE_END_450, 1);
	releasetest_settle("report later");
	IS_INT(bridge_count("<>><app@example.com>"), before + 1,
	    "a report that has to wait");
	OK(due_of(id) > now, "does not get lost");
	now = due_of(id);
	releasetest_settle("report later");
	IS_INT(bridge_count("<>><app@example.com>"), before + 2, "sent then");
	is_empty("report later");
}

/* The MTA took it, the 250 was lost, and then the copy's time was over. */
static void test_lost_before_deadline(void)
{
	int before = bridge_count("<>><app@example.com>");
	uint64_t id;

	id = held("dead1@b.example", now + 10000, POLICY_THEN_BOUNCE, "apps");
	bridge_fail(BRIDGE_HANG_UP, 1);
	releasetest_settle("hang up");
	OK(due_of(id) > now && due_of(id) <= now + 10000, "not done yet");
	releasetest_start();
	now += 10000 + LATE_MS;
	releasetest_settle("deadline");
	IS_INT(bridge_count("<app@example.com>><dead1@b.example>"), 1, "once");
	IS_INT(bridge_count("<>><app@example.com>"), before,
	    "what was delivered has not failed");
	is_empty("lost before the deadline");
}

/* The same, and the log has not told yet: nobody knows until it does. */
static void test_in_flight_at_deadline(void)
{
	int before = bridge_count("<>><app@example.com>");
	struct slot_change c = {.kind = SLOT_CHANGE_RELEASED,
	    .release = RELEASE_REJECTED,
	    .at_ms = clock_now_ms()};
	struct error err = {0};
	char queue_id[32];
	uint64_t id;

	id = held("dead2@b.example", now + 10000, POLICY_THEN_BOUNCE, "apps");
	lose_answer(queue_id, sizeof(queue_id));
	now += 10000;
	releasetest_settle("deadline");
	OK(due_of(id) > now, "put off, over the deadline");
	IS_INT(bridge_count("<>><app@example.com>"), before, "no report yet");
	atomic_store(&B.quiet_log, false);
	c.queue_id = str_of(queue_id);
	IS_INT(ops_slot_apply(S.st.store, &c, &err), 0, "it did not go");
	now = due_of(id) + LATE_MS;
	releasetest_settle("told");
	IS_INT(bridge_count("<>><app@example.com>"), before + 1,
	    "then it has failed");
	is_empty("in flight at the deadline");
}

static void test_gone_stream(void)
{
	uint64_t id = held("str@b.example", 0, POLICY_THEN_BOUNCE, "nosuch");
	struct error err = {0};

	releasetest_settle("stream gone");
	OK(due_of(id) > now, "put off");
	IS_INT(ops_copy_done(S.st.store, id, 0, COPY_REMOVED, &err), 0, "-");
	IS_INT(spool_remove(S.sh.spool, id, &err), 0, "-");
	id = held("lost@b.example", 0, POLICY_THEN_BOUNCE, "apps");
	IS_INT(spool_remove(S.sh.spool, id, &err), 0, "its file is lost");
	(void)held("behind@b.example", 0, POLICY_THEN_BOUNCE, "apps");
	releasetest_settle("file lost");
	OK(due_of(id) > now, "put off, not forgotten");
	IS_INT(bridge_count("<app@example.com>><behind@b.example>"), 1,
	    "those behind it go");
	IS_INT(ops_copy_done(S.st.store, id, 0, COPY_REMOVED, &err), 0, "-");
	is_empty("lost");
}

/* --- segments that are gone --- */

static const char without_demo[] =
    "segment news { purpose = news legal-basis = legitimate-interest }\n";

static void apply(const char *text, enum policyver_orphans orphans)
{
	static int serial;
	struct error err = {0};
	uint32_t version;
	struct ops_policy in = {.path = STR("p"),
	    .author = STR("test"),
	    .reason = STR("why"),
	    .orphans = orphans};

	in.text = str_of(arena_printf(S.st.arena, "%s# %d\n", text, ++serial));
	IS_INT(ops_policy_apply(S.st.store, &in, &version, &err), 0,
	    "policy: %s", err.text);
}

static void test_orphans_kept(void)
{
	int before = bridge_count("<>><app@example.com>");
	int64_t begun = now;
	uint64_t due, later;

	held_for_ms = DAY_MS;
	later = held(
	    "keep1@b.example", now + 5 * DAY_MS, POLICY_THEN_BOUNCE, "apps");
	held_for_ms = -1;
	due = held(
	    "keep2@b.example", now + 5 * DAY_MS, POLICY_THEN_BOUNCE, "apps");
	apply(without_demo, POLICYVER_ORPHANS_HOLD);
	releasetest_settle("kept");
	IS_INT(sessiontest_rows(NULL), 2, "both are kept");
	OK(due_of(due) > now && due_of(later) > now, "not in vain");
	now += 2 * DAY_MS;
	releasetest_settle("kept for days");
	IS_INT(sessiontest_rows(NULL), 2, "their instant changes nothing");
	apply(sessiontest_policy, POLICYVER_ORPHANS_NONE);
	releasetest_settle("the segment is back");
	IS_INT(bridge_count("<app@example.com>><keep1@b.example>"), 1, "sent");
	IS_INT(bridge_count("<app@example.com>><keep2@b.example>"), 1, "sent");
	IS_INT(bridge_count("<>><app@example.com>"), before, "no report");
	is_empty("kept");
	(void)held("keep3@b.example", now + DAY_MS, POLICY_THEN_BOUNCE, "apps");
	apply(without_demo, POLICYVER_ORPHANS_HOLD);
	now += DAY_MS + 1;
	releasetest_settle("deadline");
	IS_INT(bridge_count("<>><app@example.com>"), before + 1, "then back");
	is_empty("deadline");
	apply(sessiontest_policy, POLICYVER_ORPHANS_NONE);
	now = begun;
}

/* Also when the next version is there before anybody looked, and the agent
 * hears no answer; never to the null sender; and not what came later. */
static void test_orphans_given_back(void)
{
	int before = bridge_count("<>><app@example.com>");
	uint64_t other;

	held_for_ms = DAY_MS;
	(void)held(
	    "back1@b.example", now + 5 * DAY_MS, POLICY_THEN_DROP, "apps");
	held_sender = "";
	(void)held(
	    "back2@b.example", now + 5 * DAY_MS, POLICY_THEN_BOUNCE, "apps");
	held_sender = "app@example.com";
	held_segment = "news";
	other = held(
	    "back3@b.example", now + 5 * DAY_MS, POLICY_THEN_BOUNCE, "apps");
	held_segment = "demo";
	apply(without_demo, POLICYVER_ORPHANS_BOUNCE);
	apply(without_demo, POLICYVER_ORPHANS_NONE);
	(void)held(
	    "back4@b.example", now + 5 * DAY_MS, POLICY_THEN_BOUNCE, "wait");
	bridge_fail(BRIDGE_HANG_UP, 1);
	releasetest_settle("given back");
	releasetest_start();
	now += 60000;
	releasetest_settle("given back, again");
	IS_INT(bridge_count("<>><app@example.com>"), before + 1, "one report");
	OK(bridge_report_has("back1@b.example") &&
		bridge_report_has("Status: 5.7.1\r\n") &&
		bridge_report_has("no such kind of message any more"),
	    "says why");
	IS_INT(bridge_count("<>><>"), 0, "none to the null sender");
	IS_INT(bridge_count("<app@example.com>><back3@b.example>"), 1,
	    "another segment's may go");
	OK(due_of(other) < 0, "and went");
	IS_INT(sessiontest_rows(NULL), 1, "what came later waits");
	apply(sessiontest_policy, POLICYVER_ORPHANS_NONE);
	releasetest_settle("a segment that was never known");
	IS_INT(bridge_count("<app@example.com>><back4@b.example>"), 1,
	    "is decided when it is");
	held_for_ms = -1;
	is_empty("given back");
}

/* --- trouble on the way --- */

static void test_trouble(enum bridge_fault f, const char *what)
{
	struct mail m = {.segment = " demo"};
	char rcpt[2][40], want[120];
	int rows;

	for (int i = 0; i < 2; i++) {
		(void)snprintf(
		    rcpt[i], sizeof(rcpt[i]), "<trb%d%d@b.example>", (int)f, i);
		m.rcpts[i] = rcpt[i];
	}
	IS_INT(arrive(&m), ANSWER_DISCARD, "%s: taken over", what);
	bridge_fail(f, 12);
	for (int i = 0; i < 4; i++) {
		releasetest_settle(what);
		now += 300000;
	}
	rows = sessiontest_rows(NULL);
	OK(rows == 1 || rows == 2, "%s: kept", what);
	OK(atomic_load(&B.faults_left) > 0, "%s: no hot loop", what);
	bridge_fail(BRIDGE_NONE, 0);
	now += 3600000;
	releasetest_settle(what);
	for (int i = 0; i < 2; i++) {
		(void)snprintf(
		    want, sizeof(want), "<app@example.com>>%s", rcpt[i]);
		IS_INT(bridge_count(want), 1, "%s: then once", what);
	}
	is_empty(what);
}

static void test_listener_down(void)
{
	struct mail m = {.rcpts = {"<down1@b.example>", "<down2@b.example>"},
	    .segment = " demo"};
	struct error err = {0};
	int64_t wait, due;
	uint64_t id;

	IS_INT(arrive(&m), ANSWER_DISCARD, "taken over");
	(void)sessiontest_rows(&id);
	due = due_of(id);
	bridge_stop();
	for (int i = 0; i < 10; i++)
		IS_INT(release_step(R, now + i, &wait, &err), 0, "down: %s",
		    err.text);
	OK(wait > 0, "waits");
	IS_INT(due_of(id), due, "no row is touched");
	bridge_start();
	sessiontest_reload("");
	releasetest_load_conf();
	releasetest_start();
	releasetest_settle("up again");
	IS_INT(bridge_count("<app@example.com>><down2@b.example>"), 1, "sent");
	is_empty("listener down");
}

/* --- files without a row --- */

/* One whose row is about to come looks old when the clock is put forward. */
static void test_sweep(void)
{
	const int64_t hour = 3600000;
	char path[128];
	struct error err = {0};
	int64_t wait;

	(void)snprintf(
	    path, sizeof(path), "%s/spool/0000000000000abc.eml", S.st.dir);
	IS_INT(file_write_atomic(path, STR("x"), 0600, &err), 0, "a file: %s",
	    err.text);
	R->steady = (struct release_steady){.known = true,
	    .ahead_ms = now - clock_mono_ms(),
	    .since_ms = clock_mono_ms() - 2 * hour};
	IS_INT(release_step(R, now + 3 * hour, &wait, &err), 0, "put forward");
	OK(access(path, F_OK) == 0, "its row may yet come");
	IS_INT(release_step(R, now + 4 * hour, &wait, &err), 0, "and again");
	OK(access(path, F_OK) == 0, "still not");
	R->steady.since_ms -= 2 * hour;
	IS_INT(release_step(R, now + 4 * hour, &wait, &err), 0, "later");
	OK(access(path, F_OK) != 0, "none came: swept");
}

static void test_steady(void)
{
	static const struct {
		int64_t now_s, mono_s;
		bool steady;
		const char *what;
	} asked[] = {
	    {1000, 10, false, "at first"},
	    {4599, 3609, false, "a second before"},
	    {4600, 3610, true, "an hour later"},
	    {4650, 3612, true, "what is less than a minute is no jump"},
	    {8650, 3620, false, "put forward"},
	    {12249, 7219, false, "an hour less a second since"},
	    {12250, 7220, true, "since then an hour"},
	    {50, 7221, false, "put back"},
	    {3650, 10821, true, "an hour from there"},
	};
	struct release_steady s = {0};

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		IS_INT(release_is_steady(
			   &s, asked[i].now_s * 1000, asked[i].mono_s * 1000),
		    asked[i].steady, "%s", asked[i].what);
}

/* --- undecided --- */

static void test_undecided(void)
{
	struct mail m = {.rcpts = {"und1@b.example", "und2@b.example"},
	    .sender = "app@example.com",
	    .segment = " demo"};

	atomic_store(&S.sh.store, NULL);
	sessiontest_connect_local();
	IS_INT(sessiontest_send(&m), ANSWER_DISCARD, "no ledger: undecided");
	atomic_store(&S.sh.store, S.st.store);
	now += 10000;
	releasetest_settle("undecided");
	IS_INT(bridge_count("<app@example.com>><und1@b.example>"), 1, "first");
	IS_INT(bridge_count("<app@example.com>><und2@b.example>"), 1, "second");
	is_empty("undecided");
	m.rcpts[1] = NULL;
	m.rcpts[0] = "und3@b.example";
	m.segment = " later";
	sessiontest_connect_local();
	IS_INT(sessiontest_send(&m), ANSWER_DISCARD, "policy says defer");
	now += 10000;
	releasetest_settle("deferred");
	IS_INT(sessiontest_rows(NULL), 1, "waits");
	IS_INT(
	    bridge_count("<app@example.com>><und3@b.example>"), 0, "not yet");
	sessiontest_apply("person { at-most = \"100 per 7d\" }\n"
			  "segment demo { purpose = demos\n"
			  "  legal-basis = legitimate-interest }\n"
			  "segment later { purpose = later\n"
			  "  legal-basis = legitimate-interest }\n");
	releasetest_settle("another policy");
	IS_INT(bridge_count("<app@example.com>><und3@b.example>"), 1,
	    "sent as soon as the policy allows");
	is_empty("deferred");
}

/* Whatever allocation or write fails in a step: no recipient is lost, none
 * has it twice. */
static void test_faults(void (*fail_at)(long), const char *what)
{
	struct mail m = {.segment = " demo"};
	char rcpt[2][40], want[120];
	struct error err = {0};
	int64_t wait;
	long n;

	for (int i = 0; i < 2; i++) {
		(void)snprintf(
		    rcpt[i], sizeof(rcpt[i]), "<%s%d@b.example>", what, i);
		m.rcpts[i] = rcpt[i];
	}
	IS_INT(arrive(&m), ANSWER_DISCARD, "%s: taken over", what);
	for (n = 1; n < 300 && sessiontest_rows(NULL) > 0; n++) {
		fail_at(n);
		if (release_step(R, now, &wait, &err) != 0)
			now += 1;
		fail_at(0);
		now += 3600000;
	}
	now += 3600000;
	releasetest_settle(what);
	for (int i = 0; i < 2; i++) {
		(void)snprintf(
		    want, sizeof(want), "<app@example.com>>%s", rcpt[i]);
		IS_INT(bridge_count(want), 1, "%s: once, %ld failing", what, n);
	}
	is_empty(what);
}

/* What the MTA called the message it took. */
static void test_queue_id_of_reply(void)
{
	static const struct {
		const char *text, *want;
	} t[] = {
	    {"Ok: queued as 4jXZhH6vf1z1bY2T", "4jXZhH6vf1z1bY2T"},
	    {"Ok: queued as 3F2A1B0C9D", "3F2A1B0C9D"},
	    {"queued as 4jXZhH0pGdz1bY5L, queued as 4jXZhH6vf1z1bY2T",
		"4jXZhH6vf1z1bY2T"},
	    {"48MA5jQ1012345 Message accepted for delivery", "48MA5jQ1012345"},
	    {"Ok: queued as <script>", ""},
	    {"Message accepted for delivery", ""},
	    {" Message accepted for delivery", ""},
	    {"Ok", ""},
	    {"", ""},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct smtp_reply r = {.code = 250};

		(void)snprintf(r.text, sizeof(r.text), "%s", t[i].text);
		IS_S(submit_queue_id(&r), str_of(t[i].want), "\"%s\"",
		    t[i].text);
	}
}

int main(void)
{
	releasetest_open();
	sessiontest_apply(sessiontest_policy);
	now += 1000;
	releasetest_start();
	test_queue_id_of_reply();
	test_taken();
	test_exactly_once();
	test_in_flight();
	test_split_and_hold();
	test_own_slot();
	test_report();
	test_no_report();
	test_report_once();
	test_report_not_taken();
	test_deadline();
	test_lost_before_deadline();
	test_in_flight_at_deadline();
	test_orphans_kept();
	test_orphans_given_back();
	test_gone_stream();
	test_trouble(BRIDGE_RCPT_451, "milter down");
	test_trouble(BRIDGE_END_451_43, "4.3.0");
	test_trouble(BRIDGE_END_450, "4.2.0");
	test_listener_down();
	test_faults(fault_alloc_at, "alloc");
	test_faults(fault_write_at, "write");
	test_sweep();
	test_steady();
	test_undecided();
	releasetest_close();
	return tap_done();
}
