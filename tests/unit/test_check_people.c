/* test_check_people.c - /v1/check: for each of many what explain says of one,
 * in the order that was asked, whatever the number of threads. */
#define STORETEST_MAP "256M"
#include "tests/unit/apitest.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"

#define POLICY                                                                 \
	"person { at-most = {\\\"2 per 7d\\\"} }\\n"                           \
	"segment newsletter {\\n  purpose = newsletter\\n"                     \
	"  legal-basis = legitimate-interest\\n"                               \
	"  at-most = \\\"1 per 7d\\\"\\n  when-full = \\\"hold 8d, then "      \
	"bounce\\\"\\n}\\n"                                                    \
	"segment webinar { purpose = events }\\n"

enum {
	MANY = 4321,
	EXPLAINED = 120,
	BODY_MAX = 1 << 20,
};

static void prepare(struct apitest *a)
{
	IS_INT(apitest_post(a, "/v1/policy",
		   "{\"text\": \"" POLICY "\", \"reason\": \"test\"}"),
	    200, "a policy");
	IS_INT(apitest_post(
		   a, "/v1/suppressions", "{\"target\": \"p3@x.example\"}"),
	    200, "an address");
	IS_INT(apitest_post(
		   a, "/v1/suppressions", "{\"target\": \"@gone.example\"}"),
	    200, "a domain");
	IS_INT(apitest_post(a, "/v1/suppressions",
		   /* of p5@x.example */
		   "{\"target\": \"sha256:"
		   "dc56afd77154525c1bbe04563ba23327e37c32bb7b6e4b3c55eaf1cf3c7"
		   "513a6\", \"segment\": \"newsletter\"}"),
	    200, "a hash");
	IS_INT(apitest_post(a, "/v1/consent",
		   "{\"address\": \"p7@x.example\", \"purpose\": "
		   "\"newsletter\", \"state\": \"objected\"}"),
	    200, "an objection");
}

/* n sends to a person. */
static void send(struct apitest *a, const char *to, const char *segment, int n)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .segment = str_of(segment),
	    .stream = STR("app"),
	    .recipient = storetest_address(&a->st, to),
	    .may_hold = true};
	struct error err = {0};

	for (int i = 0; i < n; i++) {
		struct decide_out out;

		in.same = (struct samekey){
		    .key = (uint64_t)i + 1, .has_message_id = true};
		in.queue_id = STR("4Q");
		int rc = decide_propose(a->st.store, &in, &out, &err);

		if (rc == ERR_NEED_COPY) {
			decide_fini(&out);
			in.copy_id = 77 + (uint64_t)i;
			rc = decide_propose(a->st.store, &in, &out, &err);
			in.copy_id = 0;
		}
		IS_INT(rc, 0, "sent to %s", to);
		decide_fini(&out);
	}
}

/* The i-th of the people. */
static void name(size_t i, char out[64])
{
	static const char *const domains[] = {
	    "x.example", "sub.gone.example", "B\xc3\xbc\x63her.example"};

	(void)snprintf(out, 64, "P%zu@%s", i,
	    domains[i % 10 == 1   ? 1
		    : i % 10 == 2 ? 2
				  : 0]);
}

static void ask_many(struct apitest *a, const char *segment, size_t n)
{
	struct buf body;
	char who[64];

	buf_init(&body, BODY_MAX);
	buf_printf(&body, "{\"segment\": \"%s\", \"recipients\": [", segment);
	for (size_t i = 0; i < n; i++) {
		name(i, who);
		buf_printf(&body, "%s\"%s\"", i > 0 ? "," : "", who);
	}
	buf_addz(&body, "]}");
	IS_INT(apitest_post(a, "/v1/check", body.p), 200, "check %zu", n);
	buf_fini(&body);
}

static bool same(const struct value *a, const struct value *b, const char *key)
{
	int64_t x = -1, y = -1;

	(void)value_get_i64(a, key, &x);
	(void)value_get_i64(b, key, &y);
	return x == y && str_eq(value_get_str(a, key), value_get_str(b, key));
}

static void compare_one(
    struct apitest *a, const char *segment, size_t i, const struct value *row)
{
	static const char *const keys[] = {"address", "segment", "verdict",
	    "reason", "suppression", "policy", "line", "section", "rule"};
	char who[64], target[200];
	struct str x, y;

	name(i, who);
	(void)snprintf(target, sizeof(target),
	    "/v1/explain?address=%s&segment=%s", who, segment);
	IS_INT(apitest_get(a, target), 200, "explain %s", who);
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
		if (!same(row, a->reply, keys[k]))
			OK(false, "%s of %s", keys[k], who);
	x = value_get_str(row, "earliest");
	y = value_get_str(a->reply, "earliest");
	OK(str_eq(x, y) ||
		(x.n > 17 && str_eq(str_cut(x, 0, 14), str_cut(y, 0, 14))),
	    "the same of %s", who);
}

static void test_like_explain(struct apitest *a, const char *segment)
{
	struct value *kept;
	const struct value *list;

	ask_many(a, segment, MANY);
	kept = a->reply;
	a->reply = NULL;
	list = value_get(kept, "results");
	IS_INT(value_count(list), MANY, "a row for each");
	for (size_t i = 0; i < EXPLAINED; i++)
		compare_one(a, segment, i, value_at(list, i));
	compare_one(a, segment, MANY - 1, value_at(list, MANY - 1));
	value_free(&kept);
}

static void test_rows(struct apitest *a)
{
	IS_INT(apitest_post(a, "/v1/check",
		   "{\"segment\": \"newsletter\", \"recipients\": "
		   "[\"p8@x.example\", 17, \"\\\"a b\\\"@x.example\", "
		   "\"p\\u0001@x\", \"p8@x.example\"]}"),
	    200, "odd ones");
	IS_S(apitest_str(a, "results.0.verdict"), STR("hold"), "over a limit");
	IS_INT(apitest_i64(a, "results.0.line"), 5, "its line");
	IS_S(apitest_str(a, "results.0.rule"), STR("at-most = \"1 per 7d\""),
	    "its text");
	OK(apitest_str(a, "results.1.error").n > 0, "a number is no address");
	IS_S(apitest_str(a, "results.2.address"), STR("\"a b\"@x.example"),
	    "quotes are kept");
	IS_S(apitest_str(a, "results.2.verdict"), STR("allow"), "and judged");
	OK(apitest_str(a, "results.3.error").n > 0, "a control character");
	IS_S(apitest_str(a, "results.4.verdict"), STR("hold"), "twice is fine");
	IS_INT(apitest_post(a, "/v1/check",
		   "{\"segment\": \"newsletter\", \"recipients\": []}"),
	    200, "nobody");
	IS_S(buf_str(&a->text), STR("{\"results\":[]}\n"), "no rows");
	IS_INT(apitest_send(a, SERVER_POST,
		   "/v1/check?segment=newsletter&lines=1&at=8d", "text/plain",
		   "p8@x.example\n"),
	    200, "in eight days");
	IS_S(apitest_str(a, "verdict"), STR("allow"), "is free again");
	IS_INT(apitest_get(a, "/v1/explain?address=p8@x.example&segment="
			      "newsletter&at=8d"),
	    200, "explain then");
	IS_S(apitest_str(a, "verdict"), STR("allow"), "says the same");
	IS_INT(apitest_post(a, "/v1/check",
		   "{\"segment\": \"newsletter\", \"at\": \"soon\"}"),
	    400, "no time");
	IS_INT(apitest_post(a, "/v1/check", "{\"recipients\": []}"), 400,
	    "no segment");
}

static void test_too_many(struct apitest *a)
{
	struct buf body;

	buf_init(&body, BODY_MAX);
	for (size_t i = 0; i < 50000; i++)
		buf_addz(&body, "a@b.c\n");
	IS_INT(
	    apitest_send(a, SERVER_POST, "/v1/check?segment=newsletter&lines=1",
		"text/plain", body.p),
	    200, "50000");
	buf_addz(&body, "a@b.c\n");
	IS_INT(
	    apitest_send(a, SERVER_POST, "/v1/check?segment=newsletter&lines=1",
		"text/plain", body.p),
	    400, "one more");
	buf_fini(&body);
}

#define CLOSED                                                                 \
	"time-zone = \\\"Europe/Berlin\\\"\\n"                                 \
	"order = {demo, newsletter}\\n"                                        \
	"person { at-most = {\\\"1 per 7d\\\"} }\\n"                           \
	"segment demo { purpose = demo\\n"                                     \
	"  legal-basis = legitimate-interest\\n"                               \
	"  when-full = \\\"hold 8d, then bounce\\\" }\\n"                      \
	"segment newsletter { purpose = newsletter\\n"                         \
	"  legal-basis = legitimate-interest\\n"                               \
	"  when-full = \\\"hold 20d, then bounce\\\"\\n"                       \
	"  send-on = \\\"mon-fri 08:00-18:00\\\" }\\n"

/* The clock on the person's wall, and who goes before. */
static void test_words(struct apitest *a)
{
	static const char saturday[] =
	    "/v1/explain?address=q1@x.example&segment=newsletter"
	    "&at=2026-11-28T12:00:00Z";

	IS_INT(apitest_post(a, "/v1/policy",
		   "{\"text\": \"" CLOSED "\", \"reason\": \"test\"}"),
	    200, "another policy");
	IS_INT(apitest_get(a, saturday), 200, "on a Saturday");
	IS_S(apitest_str(a, "reason"), STR("closed"), "closed");
	IS_S(apitest_str(a, "earliest"), STR("2026-11-30T07:00:00Z"), "until");
	IS_S(apitest_str(a, "earliest_local"), STR("Mon 2026-11-30 08:00"),
	    "as the clock on the wall has it");
	IS_S(apitest_str(a, "time_zone"), STR("Europe/Berlin"), "there");
	OK(apitest_str(a, "deadline").n > 0, "and at the latest");
	IS_INT(apitest_i64(a, "ahead"), -1, "nobody before it");
	send(a, "q2@x.example", "demo", 2);
	IS_INT(apitest_get(
		   a, "/v1/explain?address=q2@x.example&segment=newsletter"),
	    200, "one was sent, one waits");
	IS_S(apitest_str(a, "verdict"), STR("hold"), "held");
	IS_INT(apitest_i64(a, "ahead"), 1, "behind the demo");
	IS_INT(apitest_post(a, "/v1/check",
		   "{\"segment\": \"newsletter\", \"domain\": \"x y\", "
		   "\"recipients\": []}"),
	    400, "no domain");
}

/* Each allocation but the request's own fails once: a whole answer, or a
 * failure. */
static void test_memory(struct apitest *a)
{
	for (long n = 2; n < 100; n++) {
		fault_alloc_at(n);
		(void)apitest_post(a, "/v1/check",
		    "{\"segment\": \"newsletter\", \"recipients\": "
		    "[\"p3@x.example\", \"no\"]}");
		fault_alloc_at(0);
		if (a->status == 200)
			IS_S(apitest_str(a, "results.0.reason"),
			    STR("suppressed"), "allocation %ld", n);
		else
			OK(a->status >= 500, "allocation %ld failed", n);
	}
	IS_INT(a->status, 200, "all of them there");
}

int main(void)
{
	struct apitest a;

	apitest_open(&a);
	prepare(&a);
	send(&a, "p8@x.example", "newsletter", 1);
	send(&a, "p9@x.example", "newsletter", 1);
	send(&a, "p10@x.example", "newsletter", 1);
	test_like_explain(&a, "newsletter");
	test_like_explain(&a, "webinar");
	test_like_explain(&a, "no-such");
	test_rows(&a);
	test_too_many(&a);
	test_memory(&a);
	test_words(&a);
	apitest_close(&a);
	return tap_done();
}
