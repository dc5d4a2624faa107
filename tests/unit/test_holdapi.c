/* test_holdapi.c - /v1/holds beside a real release: what is told of a copy is
 * what the release does, and nothing is dropped that the MTA has. */
#include "tests/unit/releasetest.h"

#include "agent/out/claims.h"
#include "policy/state/ops_copy.h"
#include "tests/unit/apitest.h"

#define RULES " legal-basis = legitimate-interest "

static const char policy_text[] =
    "person { at-most = \"1 per 7d\" }\n"
    "segment demo { purpose = demos" RULES "  not-compliant = \"hold 5d\"\n"
    "  when-full = \"hold 20d, then bounce\" }\n"
    "segment news { purpose = news" RULES
    "  when-full = \"hold 30d, then drop\" }\n";

static struct apitest A;

static void settle(const char *what)
{
	now = clock_now_ms() > now ? clock_now_ms() : now;
	releasetest_settle(what);
}

static void arrive(const char *listener, const struct mail *m, enum answer want)
{
	sessiontest_connect(listener);
	IS_INT(sessiontest_send(m), want, "%s", m->rcpts[0]);
}

/* The id of the only copy, as text. */
static const char *only(void)
{
	static char text[24];
	uint64_t id = 0;

	IS_INT(sessiontest_rows(&id), 1, "one copy");
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
	return text;
}

static void show(const char *id)
{
	char path[80];

	(void)snprintf(path, sizeof(path), "/v1/holds/show?id=%s", id);
	IS_INT(apitest_get(&A, path), 200, "show");
}

static int drop(const char *id)
{
	char body[80];

	(void)snprintf(body, sizeof(body), "{\"id\": \"%s\"}", id);
	return apitest_post(&A, "/v1/holds/drop", body);
}

/* A name that the policy has not, by a stream where such count as demo; one of
 * a list, so that the copy has the name that it came with. */
static void test_unknown(void)
{
	struct mail m = {.rcpts = {"<una@una.example>"}, .segment = " news"};

	arrive("apps", &m, ANSWER_CONTINUE);
	m.segment = " nosuch";
	m.rcpts[1] = "<ulf@ulf.example>";
	arrive("stand", &m, ANSWER_DISCARD);
	settle("a list");
	IS_INT(
	    releasetest_sent("ulf@ulf.example"), 1, "who may have it has it");
	show(only());
	IS_S(apitest_str(&A, "segment"), STR("nosuch"), "the name it has");
	IS_S(apitest_str(&A, "counts_as"), STR("demo"), "the one that decides");
	IS_S(apitest_str(&A, "now.verdict"), STR("hold"), "what is now");
	IS_S(apitest_str(&A, "now.reason"), STR("person_cap"), "and why");
	IS_INT(apitest_get(&A, "/v1/holds?segment=demo"), 200, "list");
	IS_INT(value_count(apitest_at(&A, "holds")), 1, "found by that, too");
	IS_S(apitest_str(&A, "holds.0.counts_as"), STR("demo"), "there");
	IS_INT(drop(only()), 200, "dropped");
	IS_INT(apitest_i64(&A, "changed"), 1, "one");
	releasetest_is_empty("unknown");
}

/* Two authors: nothing that we sign. */
static void test_compliance(void)
{
	struct mail m = {.rcpts = {"<col@col.example>"},
	    .segment = " demo",
	    .extra = {"From", " other@example.com"}};
	char body[80];
	int asked = B.asked;

	arrive("apps", &m, ANSWER_DISCARD);
	show(only());
	IS_S(apitest_str(&A, "reason"), STR("not_compliant"), "why it waits");
	IS_S(apitest_str(&A, "now.verdict"), STR("hold"), "what is now");
	IS_S(apitest_str(&A, "now.reason"), STR("not_compliant"), "why");
	IS_S(
	    apitest_str(&A, "now.compliance"), STR("no_from"), "what it lacks");
	(void)snprintf(body, sizeof(body), "{\"id\": \"%s\"}", only());
	IS_INT(apitest_post(&A, "/v1/holds/release", body), 200, "released");
	settle("released");
	IS_INT(B.asked, asked, "as it was told: it is not tried");
	show(only());
	IS_S(apitest_str(&A, "due"), apitest_str(&A, "deadline"),
	    "no instant but the last");
	IS_INT(drop(only()), 200, "dropped");
	releasetest_is_empty("compliance");
}

static void test_lost_file(void)
{
	struct mail m = {.rcpts = {"<lou@lou.example>"}, .segment = " news"};
	struct error err = {0};
	uint64_t id;

	arrive("apps", &m, ANSWER_CONTINUE);
	arrive("apps", &m, ANSWER_DISCARD);
	(void)only();
	(void)sessiontest_rows(&id);
	IS_INT(spool_remove(S.sh.spool, id, &err), 0, "its file is lost");
	show(only());
	IS_S(apitest_str(&A, "now.reason"), STR("trouble"), "it cannot go");
	OK(apitest_str(&A, "file").n > 0, "why");
	IS_INT(drop(only()), 200, "dropped");
	releasetest_is_empty("lost file");
}

/* --- at the same time --- */

static int told_changed, told_busy, told_status;
static char at_work[24];

static void drop_at_end(void)
{
	B.at_end = NULL;
	(void)apitest_post(&A, "/v1/holds/drop", "{\"segment\": \"news\"}");
	told_changed = (int)apitest_i64(&A, "changed");
	told_busy = (int)apitest_i64(&A, "busy");
	told_status = drop(at_work);
}

static void release_slot(const char *queue_id)
{
	struct slot_change c = {.kind = SLOT_CHANGE_RELEASED,
	    .queue_id = str_of(queue_id),
	    .at_ms = clock_now_ms(),
	    .release = RELEASE_BOUNCED};
	struct error err = {0};

	IS_INT(ops_slot_apply(S.st.store, &c, &err), 0, "room: %s", err.text);
}

/* One message of a person goes, another is held; then there is room. */
static void hold(const char *to, const char *queue_id)
{
	char rcpt[64];
	struct mail m = {.rcpts = {rcpt}, .segment = " news"};

	(void)snprintf(rcpt, sizeof(rcpt), "<%s>", to);
	S.script.queue_id = queue_id;
	arrive("apps", &m, ANSWER_CONTINUE);
	S.script.queue_id = "4abcQ1";
	arrive("apps", &m, ANSWER_DISCARD);
	(void)snprintf(at_work, sizeof(at_work), "%s", only());
	release_slot(queue_id);
}

static void test_at_work(void)
{
	hold("wim@wim.example", "4work1");
	B.at_end = drop_at_end;
	settle("dropped while it is submitted");
	IS_INT(told_changed, 0, "nothing was dropped");
	IS_INT(told_busy, 1, "since it is on its way");
	IS_INT(told_status, 503, "so it is told of it alone");
	IS_INT(releasetest_sent("wim@wim.example"), 1, "and it went, once");
	IS_INT(drop(at_work), 404, "then it is gone");
	releasetest_is_empty("at work");
}

/* The MTA has it, its answer was lost. */
static void test_was_sent(void)
{
	int asked;

	hold("sam@sam.example", "4sent1");
	bridge_fail(BRIDGE_HANG_UP, 1);
	settle("hang up");
	asked = B.asked;
	IS_INT(drop(at_work), 409, "it was sent");
	OK(str_find(apitest_str(&A, "error"), 0, 'M') <
		apitest_str(&A, "error").n,
	    "so it is told");
	releasetest_is_empty("was sent");
	IS_INT(apitest_get(&A, "/v1/journal?tail=1"), 200, "journal");
	IS_S(apitest_str(&A, "events.0.outcome"), STR("sent"), "on record");
	now += WHEN_MINUTE_MS;
	settle("after it");
	IS_INT(releasetest_sent("sam@sam.example"), 1, "once");
	IS_INT(B.asked, asked, "and not submitted again");
}

/* The same, and the MTA's log has not told yet. */
static void test_may_be_sent(void)
{
	hold("may@may.example", "4may1");
	atomic_store(&B.quiet_log, true);
	bridge_fail(BRIDGE_HANG_UP, 1);
	settle("hang up");
	atomic_store(&B.quiet_log, false);
	IS_INT(drop(at_work), 503, "nobody knows");
	IS_INT(sessiontest_rows(NULL), 1, "it stays");
	(void)snprintf(at_work, sizeof(at_work), "4rel%05dz", B.ids - 1);
	release_slot(at_work);
	IS_INT(drop(only()), 200, "the log says that it did not go: dropped");
	releasetest_is_empty("may be sent");
}

/* Of two the first has it; the other one never gets it. */
static void test_rest(void)
{
	struct mail m = {.rcpts = {"<one@two.example>", "<two@two.example>"},
	    .segment = " news"};

	arrive("apps", &m, ANSWER_DISCARD);
	bridge_fail(BRIDGE_HANG_UP, 1);
	settle("hang up");
	IS_INT(drop(only()), 200, "the rest is dropped");
	releasetest_is_empty("rest");
	IS_INT(releasetest_sent("one@two.example"), 1, "the first has it");
	IS_INT(releasetest_sent("two@two.example"), 0, "the second has not");
	now += WHEN_MINUTE_MS;
	settle("after it");
	IS_INT(releasetest_sent("one@two.example") +
		   releasetest_sent("two@two.example"),
	    1, "for good");
}

/* --- claims --- */

static void *give_soon(void *arg)
{
	(void)poll(NULL, 0, 50);
	claims_give(arg, 7);
	return NULL;
}

static void test_claims(void)
{
	struct claims *c = NULL;
	pthread_t thread;
	int rc = 0;

	IS_INT(claims_take(NULL, 7, 0), 0, "nobody else works");
	claims_give(NULL, 7);
	fault_alloc_at(1);
	IS_INT(claims_open(&c), -ENOMEM, "no memory");
	fault_alloc_at(0);
	claims_close(&c);
	IS_INT(claims_open(&c), 0, "open");
	IS_INT(claims_take(c, 7, 0), 0, "first");
	IS_INT(claims_take(c, 7, 0), ERR_BUSY, "taken");
	IS_INT(claims_take(c, 7, 20), ERR_BUSY, "for longer than this");
	IS_INT(claims_take(c, 8, 0), 0, "another one");
	claims_give(c, 8);
	claims_give(c, 8);
	if (pthread_create(&thread, NULL, give_soon, c) != 0)
		exit(1);
	IS_INT(claims_take(c, 7, TAP_ENDLESS_MS), 0, "when it is given back");
	(void)pthread_join(thread, NULL);
	for (uint64_t id = 100; rc == 0 && id < 99 + CLAIMS_MAX; id++)
		rc = claims_take(c, id, 0);
	IS_INT(rc, 0, "as many as there is room for");
	IS_INT(claims_take(c, 99, 0), ERR_BUSY, "and no more");
	claims_give(c, 7);
	IS_INT(claims_take(c, 99, 0), 0, "one was given back");
	claims_close(&c);
}

static void open_all(void)
{
	releasetest_open();
	if (claims_open(&app.claims) != 0)
		bug("claims");
	A.app.conf = app.conf;
	A.app.store = app.store;
	A.app.claims = app.claims;
	A.uid = geteuid();
	buf_init(&A.text, 1 << 20);
	releasetest_start();
	sessiontest_apply(policy_text);
}

int main(void)
{
	open_all();
	test_unknown();
	test_compliance();
	test_lost_file();
	test_at_work();
	test_was_sent();
	test_may_be_sent();
	test_rest();
	test_claims();
	releasetest_close();
	claims_close(&app.claims);
	value_free(&A.reply);
	buf_fini(&A.text);
	return tap_done();
}
