/* test_api.c - the private API: routes, roles, each handler against a store. */
#include "tests/unit/apitest.h"

#include "policy/state/copy.h"
#include "policy/state/reducers.h"

#include <semaphore.h>

#define POLICY_1                                                               \
	"person { at-most = {\\\"2 per 7d\\\"} }\\n"                           \
	"segment newsletter {\\n  purpose = newsletter\\n"                     \
	"  at-most = \\\"1 per 7d\\\"\\n}\\n"                                  \
	"segment webinar { purpose = events }\\n"
#define POLICY_2                                                               \
	"person { at-most = {\\\"2 per 7d\\\"} }\\n"                           \
	"segment newsletter {\\n  purpose = newsletter\\n"                     \
	"  at-most = \\\"3 per 7d\\\"\\n}\\n"                                  \
	"segment webinar { purpose = events }\\n"
#define POLICY_NO_WEBINAR "segment newsletter { purpose = newsletter }\\n"

static void apply(struct apitest *a, const char *text)
{
	char body[2000];

	(void)snprintf(body, sizeof(body),
	    "{\"text\": \"%s\", \"reason\": \"for the test\"}", text);
	IS_INT(apitest_post(a, "/v1/policy", body), 200, "a policy is applied");
}

static void test_routes(struct apitest *a)
{
	static const struct {
		enum server_method method;
		const char *target, *type, *body;
		int status;
		const char *name;
	} cases[] = {
	    {SERVER_GET, "/v1/nothing", "", "", 404, "unknown path"},
	    {SERVER_GET, "/v1/policy/", "", "", 404, "a slash too many"},
	    {SERVER_GET, "/v1/polic", "", "", 404, "a part of a path"},
	    {SERVER_GET, "/", "", "", 404, "the root"},
	    {SERVER_DELETE, "/v1/policy", "", "", 405, "method not there"},
	    {SERVER_HEAD, "/v1/policy", "", "", 405, "HEAD"},
	    {SERVER_OTHER, "/healthz", "", "", 405, "unknown method"},
	    {SERVER_POST, "/v1/policy", "", "{", 400, "broken JSON"},
	    {SERVER_POST, "/v1/policy", "", "[]", 400, "an array"},
	    {SERVER_POST, "/v1/policy", "", "{\"a\":1,\"a\":2}", 400,
		"a key twice"},
	    {SERVER_POST, "/v1/policy", "", "", 400, "no body"},
	    {SERVER_POST, "/v1/policy", "text/plain", "x", 400,
		"text where JSON is wanted"},
	    {SERVER_GET, "/healthz", "", "", 200, "healthz"},
	    {SERVER_GET, "/metrics", "", "", 200, "metrics"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		IS_INT(apitest_send(a, cases[i].method, cases[i].target,
			   cases[i].type, cases[i].body),
		    cases[i].status, "%s", cases[i].name);
		if (cases[i].status >= 400)
			OK(apitest_str(a, "error").n > 0, "%s: says why",
			    cases[i].name);
	}
}

struct role_test {
	struct apitest *a;
	size_t n;
};

/* Every route but /healthz is closed to who has no role. */
static void one_route(void *arg, const struct api_route *r)
{
	struct role_test *t = arg;
	int status = apitest_send(t->a, r->method, r->path, "", "");

	t->n++;
	if (r->role == API_NOBODY)
		IS_INT(status, 200, "%s is open", r->path);
	else
		IS_INT(status, 403, "%s is closed to strangers", r->path);
}

static void test_roles(struct apitest *a)
{
	struct role_test t = {.a = a};

	a->uid = 4000000001;
	api_routes(one_route, &t);
	OK(t.n > 10, "routes were tried");
	IS_INT(apitest_get(a, "/v1/policy"), 403, "a stranger");
	OK(str_contains(apitest_str(a, "error"), STR("auditor")),
	    "told which role is needed");
	a->uid = geteuid();
	a->no_peer = true;
	IS_INT(apitest_get(a, "/v1/policy/log"), 403, "nobody known");
	a->no_peer = false;
}

struct manual {
	struct buf text;
};

/* The table in tendril-agent(8) is the table of routes. */
static void one_line(void *arg, const struct api_route *r)
{
	static const char *const methods[] = {
	    "GET", "HEAD", "POST", "DELETE", "?"};
	struct manual *m = arg;
	char line[200];

	(void)snprintf(line, sizeof(line), ".It %s %s Ta %s\n",
	    methods[r->method], r->path,
	    r->role == API_NOBODY ? "anybody" : api_role_name(r->role));
	OK(str_contains(buf_str(&m->text), str_of(line)), "manual: %s %s",
	    methods[r->method], r->path);
}

static void test_manual(void)
{
	const char *dir = getenv("TENDRIL_SRCDIR");
	struct manual m;
	char path[4096];

	buf_init(&m.text, 1 << 20);
	(void)snprintf(path, sizeof(path), "%s/agent/tendril-agent.8",
	    dir != NULL ? dir : ".");
	IS_INT(file_read(path, &m.text, NULL), 0, "the manual");
	api_routes(one_line, &m);
	buf_fini(&m.text);
}

static void test_policy(struct apitest *a)
{
	IS_INT(apitest_get(a, "/v1/policy"), 404, "none yet");
	IS_INT(apitest_get(a, "/v1/policy/log"), 200, "an empty log");
	IS_INT(value_count(apitest_at(a, "versions")), 0, "is empty");
	IS_INT(apitest_post(a, "/v1/policy", "{\"text\": \"x\"}"), 400,
	    "no reason");
	IS_INT(apitest_post(a, "/v1/policy",
		   "{\"text\": \"segment a {\", \"reason\": \"r\", "
		   "\"path\": \"my.policy\"}"),
	    400, "does not parse");
	OK(str_starts(apitest_str(a, "error"), STR("my.policy:1:")),
	    "file and line are told");
	apply(a, POLICY_1);
	IS_INT(apitest_i64(a, "version"), 1, "version 1");
	IS_INT(apitest_post(a, "/v1/policy",
		   "{\"text\": \"" POLICY_1 "\", \"reason\": \"r\"}"),
	    200, "the same again");
	IS_INT(apitest_i64(a, "version"), 1, "is version 1");
	IS_INT(apitest_bool(a, "changed"), 0, "and no news");
	IS_INT(apitest_post(a, "/v1/policy",
		   "{\"text\": \"" POLICY_2 "\", \"reason\": \"r\", "
		   "\"base\": 7}"),
	    409, "another base");
	apply(a, POLICY_2);
	IS_INT(apitest_i64(a, "version"), 2, "version 2");
	IS_INT(apitest_bool(a, "changed"), 1, "is news");
	IS_S(apitest_str(a, "changes.0"),
	    STR("segment newsletter: at-most was \"1 per 7d\", is now \"3 per "
		"7d\""),
	    "what changed is told");
	IS_INT(apitest_get(a, "/v1/policy?version=1"), 200, "an old version");
	IS_INT(apitest_bool(a, "in_force"), 0, "not in force");
	OK(str_contains(apitest_str(a, "text"), STR("\"1 per 7d\"")),
	    "its text");
	IS_INT(apitest_get(a, "/v1/policy?version=9"), 404, "no version 9");
	IS_INT(apitest_get(a, "/v1/policy?version=x"), 400, "no number");
	IS_INT(apitest_get(a, "/v1/policy/log"), 200, "the log");
	IS_INT(apitest_i64(a, "versions.0.version"), 2, "newest first");
	IS_S(
	    apitest_str(a, "versions.1.reason"), STR("for the test"), "reason");
}

static void test_policy_diff(struct apitest *a)
{
	IS_INT(apitest_get(a, "/v1/policy/diff"), 200, "the last change");
	IS_INT(apitest_i64(a, "from"), 1, "from 1");
	IS_INT(apitest_i64(a, "to"), 2, "to 2");
	IS_INT(value_count(apitest_at(a, "changes")), 1, "one change");
	IS_INT(apitest_get(a, "/v1/policy/diff?from=2&to=1"), 200, "backwards");
	IS_S(apitest_str(a, "changes.0"),
	    STR("segment newsletter: at-most was \"3 per 7d\", is now \"1 per "
		"7d\""),
	    "the other way round");
	IS_INT(apitest_get(a, "/v1/policy/diff?from=8"), 404, "no version 8");
	IS_INT(apitest_post(a, "/v1/policy/diff",
		   "{\"text\": \"" POLICY_NO_WEBINAR "\"}"),
	    200, "against a text");
	IS_INT(value_count(apitest_at(a, "changes")), 4, "four changes");
	IS_INT(apitest_post(a, "/v1/policy/check",
		   "{\"text\": \"" POLICY_NO_WEBINAR "\"}"),
	    200, "a dry run");
	IS_INT(apitest_i64(a, "in_force"), 2, "against version 2");
	IS_INT(value_count(apitest_at(a, "orphans")), 0, "nobody is orphaned");
	IS_INT(apitest_post(a, "/v1/policy/revert",
		   "{\"version\": 1, \"reason\": \"back\"}"),
	    200, "revert");
	IS_INT(apitest_i64(a, "version"), 3, "is a new version");
	IS_INT(apitest_post(a, "/v1/policy/revert",
		   "{\"version\": 77, \"reason\": \"back\"}"),
	    404, "revert to nothing");
}

static int add_copy(struct door_ctx *ctx, void *arg)
{
	struct copy_new c = {.id = 4711,
	    .kind = COPY_HELD,
	    .segment = STR("webinar"),
	    .stream = STR("news"),
	    .wait.due_ms = 1000,
	    .recipients = 1};

	(void)arg;
	return copy_emit_added(ctx, &c);
}

static int drop_copy(struct door_ctx *ctx, void *arg)
{
	(void)arg;
	return copy_emit_recipient(ctx, 4711, 0, COPY_REMOVED);
}

static void test_orphans(struct apitest *a)
{
	struct policyver_record r = {0};
	struct ledger_txn *t;
	struct error err;

	OK(door_propose(a->st.store->door, add_copy, NULL, &err) == 0,
	    "a message is held for webinar");
	IS_INT(apitest_post(a, "/v1/policy",
		   "{\"text\": \"" POLICY_NO_WEBINAR "\", \"reason\": \"r\"}"),
	    409, "webinar cannot just go");
	IS_S(
	    apitest_str(a, "orphans.0.segment"), STR("webinar"), "it is named");
	IS_INT(apitest_i64(a, "orphans.0.held"), 1, "with what is held");
	IS_INT(apitest_post(a, "/v1/policy",
		   "{\"text\": \"" POLICY_NO_WEBINAR
		   "\", \"reason\": \"r\", \"orphans\": \"burn\"}"),
	    400, "no such choice");
	IS_INT(apitest_post(a, "/v1/policy",
		   "{\"text\": \"" POLICY_NO_WEBINAR
		   "\", \"reason\": \"r\", \"orphans\": \"bounce\"}"),
	    200, "with a choice it goes");
	IS_S(apitest_str(a, "orphans.0.orphans"), STR("bounce"), "is told");
	IS_INT(apitest_i64(a, "orphans.0.held"), 1, "with how many");
	OK(ledger_read_begin(a->st.store->ledger, &t) == 0 &&
		policyver_read(t, (uint32_t)apitest_i64(a, "version"), &r) == 0,
	    "the version is there");
	IS_INT(r.orphans, POLICYVER_ORPHANS_BOUNCE, "the choice is on record");
	ledger_read_end(&t);
	OK(door_propose(a->st.store->door, drop_copy, NULL, &err) == 0,
	    "the copy goes");
	apply(a, POLICY_1);
}

static void test_suppression(struct apitest *a)
{
	IS_INT(apitest_post(a, "/v1/suppressions",
		   "{\"target\": \"Jane@A.example\", \"note\": \"phone\"}"),
	    200, "add");
	IS_INT(apitest_bool(a, "changed"), 1, "changed");
	IS_INT(apitest_post(
		   a, "/v1/suppressions", "{\"target\": \"jane@a.example\"}"),
	    200, "again");
	IS_INT(apitest_bool(a, "changed"), 0, "nothing to change");
	IS_INT(apitest_get(a, "/v1/suppressions/check?target=JANE@a.example"),
	    200, "check");
	IS_INT(apitest_bool(a, "suppressed"), 1, "suppressed");
	IS_S(apitest_str(a, "suppressions.0.reason"), STR("manual"), "reason");
	IS_S(apitest_str(a, "suppressions.0.target"), STR("jane@a.example"),
	    "the address is opened");
	IS_INT(apitest_get(
		   a, "/v1/suppressions/check?target=jane@a.example&redact=1"),
	    200, "redacted");
	OK(str_starts(apitest_str(a, "suppressions.0.target"), STR("lead:")),
	    "no address");
	IS_INT(apitest_send(a, SERVER_DELETE, "/v1/suppressions", "",
		   "{\"target\": \"jane@a.example\"}"),
	    200, "remove");
	IS_INT(apitest_bool(a, "changed"), 1, "removed");
	IS_INT(apitest_get(a, "/v1/suppressions/check?target=jane@a.example"),
	    200, "check");
	IS_INT(apitest_bool(a, "suppressed"), 0, "not suppressed");
}

/* Hashes are of "joe@b.example". */
static void test_suppression_kinds(struct apitest *a)
{
	static const struct {
		const char *target, *asks;
	} cases[] = {
	    {"@b.example", "x@deep.b.example"},
	    {"@xn--bcher-kva.example", "x@B\\u00fccher.example"},
	    {"sha256:"
	     "df3bb2ab69a5d8d93db5c0a0fd2d7f02d6cfdb18ee5ba1c2d0ae0bb5c4b7d36f",
		NULL},
	};
	char body[300];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(body, sizeof(body), "{\"target\": \"%s\"}",
		    cases[i].target);
		IS_INT(apitest_post(a, "/v1/suppressions", body), 200, "%s",
		    cases[i].target);
	}
	IS_INT(apitest_get(a, "/v1/suppressions/check?target=x@deep.b.example"),
	    200, "by domain");
	IS_INT(apitest_bool(a, "suppressed"), 1, "suppressed by its domain");
	IS_INT(apitest_post(a, "/v1/suppressions", "{\"target\": \"x\"}"), 400,
	    "no address");
	IS_INT(apitest_post(a, "/v1/suppressions",
		   "{\"target\": \"@b.example\", \"reason\": \"dislike\"}"),
	    400, "no such reason");
	IS_INT(apitest_post(a, "/v1/suppressions",
		   "{\"target\": \"@b.example\", \"until\": \"soon\"}"),
	    400, "no such time");
	IS_INT(apitest_post(a, "/v1/suppressions",
		   "{\"target\": \"@b.example\", \"until\": \"2020-01-01\"}"),
	    400, "over already");
	IS_INT(apitest_post(a, "/v1/suppressions",
		   "{\"target\": \"@b.example\", \"until\": \"2031-05-01\", "
		   "\"segment\": \"webinar\"}"),
	    200, "until a day");
	IS_INT(apitest_get(a, "/v1/suppressions/check?target=@b.example"), 200,
	    "check a domain");
	IS_INT(value_count(apitest_at(a, "suppressions")), 2, "both rows");
}

static void test_suppression_list(struct apitest *a)
{
	char target[200];
	size_t n = 0;

	IS_INT(apitest_get(a, "/v1/suppressions"), 200, "list");
	IS_INT(value_count(apitest_at(a, "suppressions")), 4, "all");
	OK(apitest_at(a, "next") != NULL && apitest_str(a, "next").p == NULL,
	    "no next page");
	IS_INT(apitest_get(a, "/v1/suppressions?segment=webinar"), 200,
	    "one segment");
	IS_INT(value_count(apitest_at(a, "suppressions")), 1, "one row");
	IS_S(apitest_str(a, "suppressions.0.until"),
	    STR("2031-05-01T00:00:00Z"), "until");
	(void)snprintf(target, sizeof(target), "/v1/suppressions?limit=1");
	while (n < 10 && apitest_get(a, target) == 200) {
		n += value_count(apitest_at(a, "suppressions"));
		if (apitest_str(a, "next").n == 0)
			break;
		(void)snprintf(target, sizeof(target),
		    "/v1/suppressions?limit=1&after=%.*s",
		    STR_ARG(apitest_str(a, "next")));
	}
	IS_INT(n, 4, "page by page, the same");
	IS_INT(apitest_get(a, "/v1/suppressions?after=zz"), 400, "bad after");
	IS_INT(apitest_get(a, "/v1/suppressions?limit=99999999"), 400,
	    "too many at once");
}

static void test_consent(struct apitest *a)
{
	static const struct {
		const char *body;
		int status;
		const char *name;
	} bad[] = {
	    {"{}", 400, "nothing"},
	    {"{\"address\": \"jo@c.example\", \"purpose\": \"events\"}", 400,
		"no state"},
	    {"{\"address\": \"jo@c.example\", \"purpose\": \"events\", "
	     "\"state\": \"maybe\"}",
		400, "no such state"},
	    {"{\"address\": \"jo\", \"purpose\": \"events\", "
	     "\"state\": \"granted\"}",
		400, "no address"},
	    {"{\"address\": \"jo@c.example\", \"purpose\": \"events\", "
	     "\"state\": \"granted\", \"said\": \"2026-13-01\"}",
		400, "no such day"},
	    {"{\"address\": \"jo@c.example\", \"purpose\": \"events\", "
	     "\"state\": \"granted\", \"said\": \"2126-01-31\"}",
		400, "a year to come"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		IS_INT(apitest_post(a, "/v1/consent", bad[i].body),
		    bad[i].status, "%s", bad[i].name);
	IS_INT(apitest_post(a, "/v1/consent",
		   "{\"address\": \"jo@c.example\", \"purpose\": \"newsletter\""
		   ", \"state\": \"granted\", \"origin\": \"form\", "
		   "\"said\": \"2026-01-31\", \"evidence\": \"192.0.2.1\"}"),
	    200, "grant");
	IS_INT(apitest_get(a, "/v1/consent?address=jo@c.example"), 200, "show");
	IS_S(apitest_str(a, "purposes.0.state"), STR("granted"), "granted");
	IS_S(apitest_str(a, "purposes.0.origin"), STR("form"), "origin");
	IS_S(apitest_str(a, "purposes.0.since"), STR("2026-01-31T00:00:00Z"),
	    "said then");
	IS_INT(
	    apitest_get(a, "/v1/consent?address=who@c.example"), 200, "nobody");
	IS_INT(value_count(apitest_at(a, "purposes")), 0, "nothing");
}

static void test_explain(struct apitest *a)
{
	IS_INT(apitest_get(
		   a, "/v1/explain?address=jo@c.example&segment=newsletter"),
	    200, "explain");
	IS_S(apitest_str(a, "verdict"), STR("allow"), "allowed");
	IS_INT(
	    apitest_get(a, "/v1/explain?address=jo@c.example&segment=webinar"),
	    200, "explain");
	IS_S(apitest_str(a, "verdict"), STR("reject"), "rejected");
	IS_S(
	    apitest_str(a, "reason"), STR("no_consent"), "for want of consent");
	IS_INT(apitest_i64(a, "line"), 6, "by that line");
	IS_S(apitest_str(a, "section"), STR("segment webinar"),
	    "of the section");
	IS_INT(apitest_get(a, "/v1/explain?address=jo@c.example"), 400,
	    "no segment");
	IS_INT(apitest_get(a, "/v1/explain?address=jo&segment=webinar"), 400,
	    "no address");
	IS_INT(apitest_post(a, "/v1/check",
		   "{\"segment\": \"newsletter\", \"recipients\": "
		   "[\"jo@c.example\", \"no address\", \"x@b.example\"]}"),
	    200, "check many");
	IS_S(apitest_str(a, "results.0.verdict"), STR("allow"), "first");
	OK(apitest_str(a, "results.1.error").n > 0, "second is no address");
	IS_S(apitest_str(a, "results.2.reason"), STR("suppressed"), "third");
	IS_INT(apitest_post(a, "/v1/check",
		   "{\"segment\": \"newsletter\", \"recipients\": []}"),
	    200, "check nobody");
	IS_INT(apitest_post(a, "/v1/check", "{\"segment\": \"newsletter\"}"),
	    400, "whom?");
	IS_INT(apitest_post(a, "/v1/check",
		   "{\"segment\": \"newsletter\", \"recipients\": "
		   "\"jo@c.example\"}"),
	    400, "a text is no list");
	IS_S(apitest_str(a, "error"),
	    STR("\"recipients\" is missing, or no array"), "why");
	IS_INT(
	    apitest_send(a, SERVER_POST, "/v1/check?segment=newsletter&lines=1",
		"text/plain", "jo@c.example\r\n\r\nx@b.example\n"),
	    200, "check lines");
	IS_STR(a->type, "application/x-ndjson", "type");
	OK(str_starts(buf_str(&a->text), STR("{\"address\":\"jo@c.example\"")),
	    "first line");
}

struct gate {
	sem_t in, out;
};

static int gate_fn(struct door_ctx *ctx, void *arg)
{
	struct gate *g = arg;

	(void)ctx;
	(void)sem_post(&g->in);
	(void)sem_wait(&g->out);
	return 0;
}

static void gate_done(void *arg, int rc, const struct error *err)
{
	struct gate *g = arg;

	(void)rc;
	(void)err;
	(void)sem_post(&g->in);
}

/* A disk that stands still is no mistake of the caller's. */
static void test_busy(struct apitest *a)
{
	static const char body[] = "{\"address\": \"jo@c.example\", "
				   "\"purpose\": \"news\", "
				   "\"state\": \"granted\"}";
	struct store *store = a->st.store;
	struct door *door = store->door;
	struct door_options o = {
	    .ledger = store->ledger, .reducers = &reducers, .wait_ms = 30};
	struct gate g;

	(void)sem_init(&g.in, 0, 0);
	(void)sem_init(&g.out, 0, 0);
	IS_INT(door_open(&store->door, &o, NULL), 0, "a door");
	IS_INT(door_submit(store->door, gate_fn, &g, gate_done, &g), 0,
	    "that is busy");
	(void)sem_wait(&g.in);
	IS_INT(apitest_post(a, "/v1/consent", body), 503, "not now");
	IS_S(apitest_str(a, "error"), STR("ledger: busy"), "why");
	(void)sem_post(&g.out);
	(void)sem_wait(&g.in);
	IS_INT(apitest_post(a, "/v1/consent", body), 200, "now");
	door_close(&store->door);
	store->door = door;
}

static void put_policy(struct apitest *a, const char *text)
{
	IS_INT(storetest_policy(&a->st, text), 0, "policy");
}

/* What the answer is worth: nothing is done where all is tried only. */
static void test_shadow(struct apitest *a)
{
	static const char ask[] =
	    "/v1/explain?address=sam@s.example&segment=newsletter";
	static const char lead[] = "/v1/leads?address=sam@s.example";
	struct conf shadow = *a->st.conf;

	IS_INT(apitest_get(a, ask), 200, "explain");
	IS_INT(apitest_bool(a, "enforced"), -1, "enforced: not a word");
	shadow.mode = CONF_MODE_SHADOW;
	a->app.conf = &shadow;
	IS_INT(apitest_get(a, ask), 200, "mode = shadow in the conf");
	IS_INT(apitest_bool(a, "enforced"), 0, "is not enforced");
	IS_S(apitest_str(a, "shadow_by"), STR("conf"), "by the conf");
	IS_INT(apitest_get(a, lead), 200, "lead");
	IS_INT(apitest_bool(a, "enforced"), 0, "says so too");
	a->app.conf = a->st.conf;
	put_policy(a, "mode = shadow person { at-most = \"0 per 7d\" }\n"
		      "segment newsletter { purpose = news "
		      "legal-basis = legitimate-interest }\n");
	IS_INT(apitest_get(a, ask), 200, "mode = shadow in the policy");
	IS_INT(apitest_bool(a, "enforced"), 0, "is not enforced");
	IS_S(apitest_str(a, "shadow_by"), STR("policy"), "by the policy");
	IS_S(apitest_str(a, "reason"), STR("person_cap"), "what it would be");
	put_policy(a, "segment newsletter { purpose = news mode = shadow "
		      "legal-basis = legitimate-interest "
		      "at-most = \"0 per 7d\" }\n");
	IS_INT(apitest_get(a, ask), 200, "mode = shadow in a segment");
	IS_INT(apitest_bool(a, "enforced"), -1, "the rest is enforced");
	IS_INT(apitest_bool(a, "shadow"), 1, "the limit is not");
	IS_S(apitest_str(a, "verdict"), STR("allow"), "so it goes out");
	IS_S(apitest_str(a, "reason"), STR("segment_cap"), "in spite of that");
	IS_INT(apitest_get(a, lead), 200, "lead");
	IS_INT(apitest_bool(a, "segments.0.limits_enforced"), 0, "lead show");
}

int main(void)
{
	struct apitest a;

	apitest_open(&a);
	test_routes(&a);
	test_roles(&a);
	test_manual();
	test_policy(&a);
	test_policy_diff(&a);
	test_orphans(&a);
	test_suppression(&a);
	test_suppression_kinds(&a);
	test_suppression_list(&a);
	test_consent(&a);
	test_explain(&a);
	test_busy(&a);
	test_shadow(&a);
	apitest_close(&a);
	return tap_done();
}
