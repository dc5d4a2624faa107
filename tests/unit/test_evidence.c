/* test_evidence.c - what a suppression rests on, and taking back those of a bad
 * time, by the private API. */
#include "tests/unit/answertest.h"
#include "tests/unit/apitest.h"

#include "policy/base/digest.h"

static struct answertest A;
static struct apitest API;

static void take(struct str mail)
{
	struct sort_with with = {
	    A.app.tokens, A.rules, A.now_ms, false, NULL, NULL, NULL};
	unsigned char digest[SEEN_DIGEST];
	struct arena *arena = arena_new(8 << 20);
	struct sort s = {0};
	struct act_item item = {.mail = &s, .digest = digest};

	if (digest_sha256(mail, digest) != 0 ||
	    sort_mail(&with, mail, arena, &s) != 0) {
		printf("Bail out! sort\n");
		exit(1);
	}
	act_mails(&A.app, &item, 1);
	IS_INT(item.rc, 0, "taken %s", item.err.text);
	arena_free(&arena);
}

static void bounce(const char *to, const char *queue_id, const char *text)
{
	uint64_t id = answertest_send(&A, to, queue_id);

	take(answertest_dsn(
	    &A, answertest_address(&A, TOKEN_BOUNCE, id), to, "5.1.1", text));
}

static void log_bounce(const char *to, const char *queue_id)
{
	struct act_failure f = {
	    .status = STR("5.1.1"), .text = STR("550 5.1.1 no such user")};
	struct error err = {0};

	f.queue_id = str_of(queue_id);
	f.rcpt = str_of(to);
	(void)answertest_send(&A, to, queue_id);
	IS_INT(
	    act_log_bounce(&A.app, A.rules, &f, &err), 0, "log: %s", err.text);
}

static void complain(const char *to)
{
	uint64_t id = answertest_send(&A, to, "");
	const char *f = answertest_address(&A, TOKEN_FEEDBACK, id);

	take(str_of(arena_printf(A.t.arena,
	    "X-Original-To: %s\nFrom: fbl@isp.example\nTo: %s\n"
	    "MIME-Version: 1.0\nContent-Type: multipart/report;\n"
	    "\treport-type=feedback-report; boundary=b\n\n--b\n"
	    "Content-Type: message/feedback-report\n\n"
	    "Feedback-Type: abuse\nVersion: 1\nUser-Agent: x/1\n\n--b\n"
	    "Content-Type: message/rfc822\n\nFrom: news@example.com\n\n.\n"
	    "--b--\n",
	    f, f)));
}

static void show(const char *target)
{
	char path[200];

	(void)snprintf(
	    path, sizeof(path), "/v1/suppressions/show?target=%s", target);
	IS_INT(apitest_get(&API, path), 200, "show %s", target);
}

#define ROW "suppressions.0."

static void test_report(void)
{
	bounce("r@show.example", "4qRep",
	    "550 5.1.1 gone\r\n\tX-Evil: yes \033[2J <b>");
	show("r@show.example");
	IS_INT(apitest_bool(&API, "suppressed"), 1, "suppressed");
	IS_S(apitest_str(&API, ROW "reason"), STR("user_unknown"), "why");
	IS_S(apitest_str(&API, ROW "origin"), STR("bounce"), "how it came");
	IS_S(apitest_str(&API, ROW "author"), STR("tendril-agent"), "who");
	IS_INT(apitest_bool(&API, ROW "in_force"), 1, "in force");
	IS_S(apitest_str(&API, ROW "evidence.by"), STR("dsn"), "a report");
	IS_S(apitest_str(&API, ROW "evidence.status"), STR("5.1.1"), "status");
	OK(str_starts(apitest_str(&API, ROW "evidence.diagnostic"),
	       STR("550 5.1.1 gone")),
	    "diagnostic");
	OK(memchr(API.text.p, '\n', API.text.n - 1) == NULL &&
		memchr(API.text.p, '\033', API.text.n) == NULL,
	    "no control byte of the report stands in the reply");
	IS_S(apitest_str(&API, ROW "sent.segment"), STR("demo"), "segment");
	IS_S(apitest_str(&API, ROW "sent.queue_id"), STR("4qRep"), "queue id");
	IS_INT(apitest_i64(&API, ROW "sent.policy"), 1, "policy");
	IS_INT(apitest_get(&API,
		   "/v1/suppressions/show?target=r@show.example&redact=1"),
	    200, "redacted");
	OK(memmem(API.text.p, API.text.n, "r@show.example", 14) == NULL &&
		apitest_str(&API, ROW "evidence.diagnostic").n == 0,
	    "neither address nor text of the mail");
}

static void test_others(void)
{
	log_bounce("l@show.example", "4qLog");
	show("l@show.example");
	IS_S(apitest_str(&API, ROW "evidence.by"), STR("log"), "by the log");
	IS_S(apitest_str(&API, ROW "sent.queue_id"), STR("4qLog"), "queue id");
	complain("c@show.example");
	show("c@show.example");
	IS_S(apitest_str(&API, ROW "evidence.complaint"), STR("abuse"),
	    "a complaint");
	IS_INT(apitest_post(&API, "/v1/suppressions",
		   "{\"target\": \"m@show.example\", \"note\": \"phoned\"}"),
	    200, "by hand");
	show("m@show.example");
	IS_S(apitest_str(&API, ROW "note"), STR("phoned"), "with its note");
	OK(apitest_at(&API, ROW "evidence") == NULL, "and no failure");
	show("nobody@show.example");
	IS_INT(apitest_bool(&API, "suppressed"), 0, "an unknown person");
	IS_INT(apitest_post(
		   &API, "/v1/suppressions", "{\"target\": \"@d.example\"}"),
	    200, "a domain");
	show("@d.example");
	IS_INT(apitest_bool(&API, "suppressed"), 1, "is suppressed");
	IS_INT(apitest_get(&API, "/v1/suppressions/show"), 400, "of whom?");
}

static void test_history(void)
{
	IS_INT(apitest_send(&API, SERVER_DELETE, "/v1/suppressions", "",
		   "{\"target\": \"r@show.example\", \"note\": \"is back\"}"),
	    200, "taken back");
	show("r@show.example");
	IS_INT(apitest_bool(&API, "suppressed"), 0, "not suppressed");
	IS_INT((int)value_count(apitest_at(&API, "events")), 3,
	    "failure, suppression, end");
	IS_S(apitest_str(&API, "events.0.type"), STR("bounce"), "first");
	IS_S(apitest_str(&API, "events.1.type"), STR("suppressed"), "second");
	IS_S(apitest_str(&API, "events.2.type"), STR("unsuppressed"), "third");
	IS_S(apitest_str(&API, "events.2.why"), STR("is back"), "and why");
}

/* --- undo --- */

static void undo(const char *more, int status, int found, int undone)
{
	char body[400];

	(void)snprintf(body, sizeof(body),
	    "{\"reason\": \"user_unknown\", \"since\": \"1h\"%s}", more);
	IS_INT(apitest_post(&API, "/v1/suppressions/undo", body), status,
	    "undo%s: status", more);
	if (status != 200)
		return;
	IS_INT((int)apitest_i64(&API, "found"), found, "undo%s: found", more);
	IS_INT(
	    (int)apitest_i64(&API, "undone"), undone, "undo%s: undone", more);
}

#define AT_U ", \"provider\": \"u.example\""
#define WHY ", \"note\": \"their directory was down\""

static void test_undo(void)
{
	answertest_time(&A, A.now_ms + ANSWERTEST_DAY);
	bounce("one@u.example", "4qU1", "550 no such user");
	bounce("two@mx.u.example", "4qU2", "550 no such user");
	bounce("three@notu.example", "4qU3", "550 no such user");
	complain("four@u.example");
	IS_INT(apitest_post(&API, "/v1/suppressions",
		   "{\"target\": \"five@u.example\", \"origin\": \"bounce\","
		   " \"reason\": \"user_unknown\"}"),
	    200, "one by hand, of the same reason and origin");
	undo(AT_U ", \"dry_run\": true", 200, 2, 0);
	IS_INT(answertest_suppressed(&A, "one@u.example"),
	    SUPPRESSION_USER_UNKNOWN, "a dry run changes nothing");
	undo(AT_U, 400, 0, 0); /* without a note */
	undo(AT_U WHY ", \"until\": \"2020-01-01\"", 400, 0, 0);
	undo(AT_U WHY, 200, 2, 2);
	IS_INT(answertest_suppressed(&A, "one@u.example"), 0, "undone");
	IS_INT(answertest_suppressed(&A, "two@mx.u.example"), 0,
	    "below the domain too");
	IS_INT(answertest_suppressed(&A, "three@notu.example"),
	    SUPPRESSION_USER_UNKNOWN, "another provider's is not");
	IS_INT(answertest_suppressed(&A, "four@u.example"),
	    SUPPRESSION_COMPLAINT, "nor a complaint");
	IS_INT(answertest_suppressed(&A, "five@u.example"),
	    SUPPRESSION_USER_UNKNOWN, "nor what a person entered");
	undo(AT_U WHY, 200, 0, 0);
	show("one@u.example");
	IS_S(apitest_str(&API, "events.2.why"), STR("their directory was down"),
	    "on record");
	undo(WHY, 200, 1, 1); /* any provider: three@ */
	IS_INT(answertest_suppressed(&A, "l@show.example"),
	    SUPPRESSION_USER_UNKNOWN, "that of yesterday stays");
	bounce("one@u.example", "4qU4", "550 no such user");
	IS_INT(answertest_suppressed(&A, "one@u.example"),
	    SUPPRESSION_USER_UNKNOWN, "who fails again is suppressed again");
}

static void test_undo_refuses(void)
{
	static const char *const reasons[] = {
	    "complaint", "opt_out", "manual", "imported", "nonsense", ""};
	char body[200];

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		(void)snprintf(body, sizeof(body),
		    "{\"reason\": \"%s\", \"since\": \"1h\" " WHY "}",
		    reasons[i]);
		IS_INT(apitest_post(&API, "/v1/suppressions/undo", body), 400,
		    "never by \"%s\"", reasons[i]);
	}
	IS_INT(apitest_post(&API, "/v1/suppressions/undo",
		   "{\"reason\": \"user_unknown\" " WHY "}"),
	    400, "not without a beginning");
}

/* Found, but made anew since: left alone. */
static void test_undo_late(void)
{
	struct ops_suppress in = {
	    .target = {.kind = SUPPRESS_LEAD},
	    .author = STR("alice"),
	    .if_event = 1,
	};
	struct ops_suppress_result result = {.rc = -1};

	in.target.address = storetest_address(&A.t, "one@u.example");
	IS_INT(ops_suppress_remove_all(A.t.store, &in, 1, &result), 0, "tried");
	OK(result.rc == 0 && !result.changed, "not the one that was found");
	IS_INT(answertest_suppressed(&A, "one@u.example"),
	    SUPPRESSION_USER_UNKNOWN, "stays");
}

/* --- stats --- */

static bool has_row(const char *key, const char *value, const char *name, int n)
{
	const struct value *rows = apitest_at(&API, "rows");
	int64_t count;

	for (size_t i = 0; i < value_count(rows); i++) {
		const struct value *o = value_at(rows, i);
		if (str_eq(value_get_str(o, key), str_of(value)) &&
		    str_eq(value_get_str(o, "name"), str_of(name)) &&
		    value_get_i64(o, "count", &count) && count == n)
			return true;
	}
	return false;
}

static void test_stats(void)
{
	uint64_t id = answertest_send(&A, "full@u.example", "");

	take(answertest_dsn(&A, answertest_address(&A, TOKEN_BOUNCE, id),
	    "full@u.example", "5.2.2", "552 5.2.2 mailbox full"));
	IS_INT(apitest_get(&API, "/v1/stats?by=provider"), 200, "by provider");
	OK(has_row("provider", "u.example", "provider.user_unknown", 3),
	    "of the domain that has the mailboxes");
	OK(has_row("provider", "notu.example", "provider.user_unknown", 1),
	    "and of others");
	IS_INT(
	    apitest_get(&API, "/v1/stats?by=reason&from=2h"), 200, "by reason");
	OK(has_row("reason", "user_unknown", "bounce.hard", 4) &&
		has_row("reason", "mailbox_full", "bounce.soft", 1) &&
		has_row("reason", "abuse", "complaint", 1),
	    "why it came back");
	OK(memmem(API.text.p, API.text.n, "verdict", 7) == NULL,
	    "and nothing else");
	IS_INT(apitest_get(&API, "/v1/stats?by=segment"), 200, "by segment");
	OK(has_row("segment", "demo", "bounce.soft.mailbox_full", 1),
	    "of a segment");
	IS_INT(apitest_get(&API, "/v1/stats?by=segment&segment=news"), 200,
	    "one segment");
	IS_INT((int)value_count(apitest_at(&API, "rows")), 0,
	    "nothing came back of it");
	IS_INT(apitest_get(&API, "/v1/stats?by=moon"), 400, "no such group");
}

int main(void)
{
	answertest_open(&A);
	API = (struct apitest){.uid = geteuid(), .app = A.app};
	buf_init(&API.text, 16 << 20);
	test_report();
	test_others();
	test_history();
	test_undo();
	test_undo_refuses();
	test_undo_late();
	test_stats();
	value_free(&API.reply);
	buf_fini(&API.text);
	answertest_close(&A);
	return tap_done();
}
