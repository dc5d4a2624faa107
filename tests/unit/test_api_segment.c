/* test_api_segment.c - /v1/segments and what explain says of a stop, without a
 * server. */
#include "tests/unit/apitest.h"

#include "policy/base/clock.h"
#include "policy/state/copy.h"
#include "policy/state/ops_copy.h"
#include "policy/state/ops_stop.h"

static struct apitest A;

static void apply(void)
{
	IS_INT(storetest_policy(&A.st,
		   "segment news { purpose = news\n"
		   "  legal-basis = legitimate-interest }\n"
		   "breaker { complaints = {\"0.1%\", \"0.35%\"}\n"
		   "  unsubscribes = \"off\" }\n"),
	    0, "policy");
}

static void add_copy(void)
{
	struct copy_new c = {.id = 7,
	    .kind = COPY_HELD,
	    .segment = STR("news"),
	    .stream = STR("apps"),
	    .wait = {.due_ms = INT64_MAX / 2, .deadline_ms = INT64_MAX / 2},
	    .recipients = 1};
	struct error err = {0};

	IS_INT(ops_copy_add(A.st.store, &c, &err), 0, "a held copy");
}

static void test_list(void)
{
	IS_INT(apitest_get(&A, "/v1/segments"), 200, "no policy yet");
	IS_INT(value_count(apitest_at(&A, "segments")), 0, "no segments");
	apply();
	add_copy();
	IS_INT(apitest_get(&A, "/v1/segments"), 200, "list");
	IS_INT(value_count(apitest_at(&A, "segments")), 1, "one");
	IS_S(apitest_str(&A, "segments.0.scope"), STR("segment"), "scope");
	IS_S(apitest_str(&A, "segments.0.name"), STR("news"), "name");
	IS_S(apitest_str(&A, "segments.0.state"), STR("running"), "state");
	IS_S(apitest_str(&A, "segments.0.breaker"), STR("enforce"), "mode");
	IS_S(apitest_str(&A, "segments.0.rates.0.rate"), STR("complaints"),
	    "rate");
	IS_S(apitest_str(&A, "segments.0.rates.0.stop"), STR("0.35%"),
	    "the line to stop at");
	IS_INT(apitest_i64(&A, "segments.0.rates.0.of"), 0, "of nothing");
	OK(value_as_str(apitest_at(&A, "segments.0.rates.2.stop")).p == NULL,
	    "a rate that is off has no line");
	IS_INT(apitest_i64(&A, "segments.0.held"), 1, "one waits");
	OK(apitest_at(&A, "segments.0.stop") == NULL, "no stop");
}

static const struct {
	const char *what, *path, *body;
	int status;
} refused[] = {
    {"no scope", "pause", "{\"reason\":\"x\"}", 400},
    {"two scopes", "pause",
	"{\"reason\":\"x\",\"segment\":\"news\",\"campaign\":\"c\"}", 400},
    {"an empty name", "pause", "{\"reason\":\"x\",\"segment\":\"\"}", 400},
    {"no reason", "pause", "{\"segment\":\"news\"}", 400},
    {"a slip of the pen", "pause", "{\"reason\":\"x\",\"segment\":\"nwes\"}",
	404},
    {"the same to resume", "resume", "{\"reason\":\"x\",\"segment\":\"nwes\"}",
	404},
    {"a domain of others", "pause",
	"{\"reason\":\"x\",\"domain\":\"other.example\"}", 404},
    {"no domain", "pause", "{\"reason\":\"x\",\"domain\":\"a b\"}", 400},
    {"an end that is over", "pause",
	"{\"reason\":\"x\",\"segment\":\"news\",\"until\":\"2020-01-01\"}",
	400},
    {"no time", "pause",
	"{\"reason\":\"x\",\"segment\":\"news\",\"until\":\"soon\"}", 400},
};

static void test_refused(void)
{
	char path[64];

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		(void)snprintf(
		    path, sizeof(path), "/v1/segments/%s", refused[i].path);
		IS_INT(apitest_post(&A, path, refused[i].body),
		    refused[i].status, "%s", refused[i].what);
	}
	IS_INT(apitest_get(&A, "/v1/segments"), 200, "list");
	IS_S(apitest_str(&A, "segments.0.state"), STR("running"),
	    "nothing has happened");
}

static int post(const char *path, const char *body)
{
	IS_INT(apitest_post(&A, path, body), 200, "%s %s", path, body);
	return apitest_bool(&A, "changed");
}

static void explain_is(const char *query, const char *scope)
{
	char target[200];

	(void)snprintf(target, sizeof(target),
	    "/v1/explain?address=ann@b.example&segment=news%s", query);
	IS_INT(apitest_get(&A, target), 200, "explain %s", query);
	if (scope[0] == '\0') {
		IS_S(apitest_str(&A, "verdict"), STR("allow"), "allowed");
		return;
	}
	IS_S(apitest_str(&A, "verdict"), STR("hold"), "held");
	IS_S(apitest_str(&A, "reason"), STR("stopped"), "since it is stopped");
	IS_S(apitest_str(&A, "stop.scope"), str_of(scope), "which stop");
	IS_S(apitest_str(&A, "stop.reason"), STR("wrong prices"), "why");
	OK(apitest_str(&A, "stop.author").n > 0, "by whom");
	OK(apitest_str(&A, "stop.since").n == 20, "since when");
}

static void test_segment(void)
{
	const char *body = "{\"segment\":\"news\",\"reason\":\"wrong prices\"}";

	explain_is("", "");
	IS_INT(post("/v1/segments/resume", body), 0, "was not stopped");
	IS_INT(post("/v1/segments/pause", body), 1, "paused");
	IS_INT(post("/v1/segments/pause", body), 0, "again");
	explain_is("", "segment");
	IS_INT(apitest_get(&A, "/v1/segments"), 200, "list");
	IS_S(apitest_str(&A, "segments.0.state"), STR("stopped"), "state");
	IS_S(apitest_str(&A, "segments.0.stop.by"), STR("person"), "by");
	IS_INT(post("/v1/segments/pause",
		   "{\"segment\":\"news\",\"reason\":\"wrong prices\","
		   "\"until\":\"2d\"}"),
	    1, "with an end");
	explain_is("", "segment");
	explain_is("&at=3d", "");
	IS_INT(post("/v1/segments/resume", body), 1, "resumed");
	explain_is("", "");
}

static void test_others(void)
{
	IS_INT(post("/v1/segments/pause",
		   "{\"campaign\":\"spring\",\"reason\":\"wrong prices\"}"),
	    1, "a campaign");
	IS_INT(post("/v1/segments/pause", "{\"domain\":\"Mail.News.EXAMPLE\","
					  "\"reason\":\"wrong prices\"}"),
	    1, "a domain");
	explain_is("", "");
	explain_is("&campaign=spring", "campaign");
	explain_is("&domain=mail.news.example", "domain");
	IS_INT(apitest_get(&A, "/v1/segments"), 200, "list");
	IS_INT(value_count(apitest_at(&A, "segments")), 3, "all three");
	IS_INT(post("/v1/segments/resume",
		   "{\"domain\":\"mail.news.example\",\"reason\":\"x\"}"),
	    1, "resumed");
	explain_is("&domain=mail.news.example", "");
}

static void test_journal(void)
{
	IS_INT(apitest_get(&A, "/v1/journal?type=stopped,resumed"), 200,
	    "journal");
	IS_INT(value_count(apitest_at(&A, "events")), 6, "each change once");
	IS_S(apitest_str(&A, "events.0.type"), STR("stopped"), "type");
	IS_S(apitest_str(&A, "events.0.segment"), STR("news"), "segment");
	IS_S(apitest_str(&A, "events.0.why"), STR("wrong prices"), "why");
	IS_S(apitest_str(&A, "events.0.by"), STR("person"), "by a person");
	IS_INT(apitest_bool(&A, "events.0.audit"), 1, "kept for years");
	IS_S(apitest_str(&A, "events.3.scope"), STR("campaign"), "scope");
	IS_S(apitest_str(&A, "events.3.name"), STR("spring"), "name");
	IS_S(apitest_str(&A, "events.5.type"), STR("resumed"), "resumed");
}

static void test_metrics(void)
{
	IS_INT(apitest_get(&A, "/metrics"), 200, "metrics");
	OK(str_contains(buf_str(&A.text),
	       STR("tendril_stopped{scope=\"campaign\",name=\"spring\"} 1\n")),
	    "what is stopped");
	OK(str_contains(buf_str(&A.text),
	       STR("tendril_breaker{scope=\"segment\",name=\"news\",rate="
		   "\"complaints\"} 0.000000\n")),
	    "rates");
	OK(str_contains(buf_str(&A.text),
	       STR("tendril_breaker{scope=\"segment\",name=\"news\",rate="
		   "\"our-faults\"} 0.000000\n")),
	    "that of our faults, too");
	OK(str_contains(buf_str(&A.text),
	       STR("tendril_stop_total{action=\"by_hand\",reason=\"segment\","
		   "segment=\"news\"} 2\n")),
	    "how often");
}

/* An auditor looks, a marketer changes; who has no role does neither. */
static void test_roles(void)
{
	const char *body = "{\"segment\":\"news\",\"reason\":\"x\"}";

	A.no_peer = true;
	IS_INT(apitest_get(&A, "/v1/segments"), 403, "nobody: list");
	IS_INT(apitest_post(&A, "/v1/segments/pause", body), 403, "pause");
	IS_INT(apitest_post(&A, "/v1/segments/resume", body), 403, "resume");
	A.no_peer = false;
}

static void least(void *arg, const struct api_route *r)
{
	int *n = arg;

	if (!str_starts(str_of(r->path), STR("/v1/segments")))
		return;
	++*n;
	IS_INT(r->role, r->method == SERVER_GET ? API_AUDITOR : API_MARKETER,
	    "%s", r->path);
}

/* The same as the store's, with a domain. */
static const struct conf *conf(void)
{
	static const char text[] =
	    "state-dir = \"/nowhere\"\nauthserv-id = \"mail.example.com\"\n"
	    "lead-key = \"/k\"\nepoch-key = \"/k\"\ntoken-key = \"/k\"\n"
	    "milter { socket = \"unix:/nowhere/m\" }\n"
	    "key k { domain = \"news.example\" selector = s file = "
	    "\"/nowhere/k\" }\n"
	    "domain news.example { keys = {k} bounce-domain = "
	    "\"b.news.example\" }\n"
	    "stream rest { class = \"pass\" }\n";
	const struct conf *c;
	struct error err = {0};

	if (conf_parse(&c, "t", str_of(text), &err) != 0)
		bug("%s", err.text);
	return c;
}

static int pause_one(const char *kind, const char *name, int i)
{
	char body[200];

	(void)snprintf(body, sizeof(body), "{\"%s\":\"%s%d\",\"reason\":\"x\"}",
	    kind, name, i);
	return apitest_post(&A, "/v1/segments/pause", body);
}

/* People make up names; the list stays short, and what is there can change. */
static void test_many(void)
{
	int i = 0;

	while (
	    i < STOP_BY_HAND_MAX + 10 && pause_one("campaign", "c", i) == 200)
		i++;
	IS_INT(i + 1, STOP_BY_HAND_MAX,
	    "so many stops by hand, with that of before");
	IS_INT(A.status, 400, "and no more");
	OK(str_starts(apitest_str(&A, "error"),
	       STR("2000 campaigns and domains are stopped by hand: resume")),
	    "said: %.*s", STR_ARG(apitest_str(&A, "error")));
	IS_INT(apitest_post(&A, "/v1/segments/pause",
		   "{\"campaign\":\"c7\",\"reason\":\"y\"}"),
	    200, "one that is there can change");
	IS_INT(apitest_post(&A, "/v1/segments/pause",
		   "{\"segment\":\"news\",\"reason\":\"y\"}"),
	    200, "a segment can be stopped");
	IS_INT(apitest_post(&A, "/v1/segments/resume",
		   "{\"campaign\":\"c7\",\"reason\":\"y\"}"),
	    200, "one goes on");
	IS_INT(pause_one("campaign", "c", i), 200, "which makes room");
	IS_INT(pause_one("campaign", "d", i), 400, "for one");
	IS_INT(apitest_get(&A, "/v1/segments?all=1"), 200, "all");
	IS_INT(value_count(apitest_at(&A, "segments")), 2000, "as many as fit");
	IS_INT(apitest_bool(&A, "more"), 1, "there are more");
	IS_S(apitest_str(&A, "segments.0.name"), STR("news"), "the segment");
	IS_INT(apitest_i64(&A, "segments.0.held"), 1, "has one held");
}

int main(void)
{
	const struct conf *with_domain = conf();
	int n = 0;

	apitest_open(&A);
	A.app.conf = with_domain;
	test_list();
	test_refused();
	test_segment();
	test_others();
	test_journal();
	test_metrics();
	test_roles();
	api_routes(least, &n);
	IS_INT(n, 3, "routes");
	test_many();
	apitest_close(&A);
	conf_unref(&with_domain);
	return tap_done();
}
