/* test_web.c - what anybody may ask of the agent, and what only looks so:
 * unsubscribe links, and the text that a scraper reads. No server. */
#include "tests/unit/storetest.h"

#include "agent/web/metrics.h"
#include "agent/web/public.h"
#include "policy/state/consent.h"
#include "policy/state/counter.h"

static struct storetest T;
static struct app A;
static struct server_reply R;

static void open_all(void)
{
	struct error err = {0};
	char path[100];

	storetest_open(&T);
	(void)snprintf(path, sizeof(path), "%s/token.key", T.dir);
	A.conf = T.conf;
	A.store = T.store;
	IS_INT(token_keys_load(&A.tokens, path, &err), 0, "keys %s", err.text);
	IS_INT(storetest_policy(&T, "segment demo { purpose = demos "
				    "legal-basis = legitimate-interest }\n"),
	    0, "policy");
	buf_init(&R.body, 1 << 20);
}

static void ask(enum server_method method, const char *path, const char *type,
    const char *body)
{
	struct server_request rq = {.method = method,
	    .path = str_of(path),
	    .body = str_of(body),
	    .content_type = str_of(type),
	    .arena = arena_new(1 << 20),
	    .client = "192.0.2.1"};

	buf_reset(&R.body);
	R.status = 500;
	public_handle(&A, &rq, &R);
	arena_free(&rq.arena);
}

/* A message goes out; the path of its link, and whose it is. */
static void link_for(
    const char *to, char out[TOKEN_TEXT_MAX + 4], struct lead_id *lead_out)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&T, to),
	    .segment = STR("demo"),
	    .stream = STR("apps")};
	struct decide_out p;
	struct token t = {.kind = TOKEN_UNSUBSCRIBE};
	char text[TOKEN_TEXT_MAX + 1];
	struct error err = {0};

	IS_INT(decide_propose(T.store, &in, &p, &err), 0, "sent: %s", err.text);
	t.message_id = p.message_id;
	t.subject_id = p.subject_id;
	*lead_out = p.lead;
	decide_fini(&p);
	IS_INT(token_make(A.tokens, &t, text), 0, "token");
	(void)snprintf(out, TOKEN_TEXT_MAX + 4, "/u/%s", text);
}

static enum consent_state state_of(const struct lead_id *lead)
{
	struct consent_record r = {0};
	struct ledger_txn *t;
	int rc;

	if (ledger_read_begin(T.store->ledger, &t) != 0)
		return CONSENT_NONE;
	rc = consent_read(t, lead, policy_label(STR("demos")), &r);
	ledger_read_end(&t);
	return rc == 0 ? r.state : CONSENT_NONE;
}

static int see_suppressed(void *arg, const struct suppression_record *r)
{
	(void)r;
	*(bool *)arg = true;
	return 0;
}

static bool is_suppressed(const struct lead_id *lead)
{
	struct ledger_txn *t;
	bool is = false;

	if (ledger_read_begin(T.store->ledger, &t) != 0)
		return false;
	if (suppression_each(t, SUPPRESS_LEAD,
		(struct str){(const char *)lead->b, LEAD_ID_BYTES},
		see_suppressed, &is) != 0)
		is = false;
	ledger_read_end(&t);
	return is;
}

/* What changes nothing, and what does. */
static void test_unsubscribe(void)
{
	static const char form[] = "application/x-www-form-urlencoded";
	static const struct {
		enum server_method method;
		const char *type, *body;
		int status;
		enum consent_state want;
		bool all;
	} cases[] = {
	    {SERVER_GET, "", "", 200, CONSENT_NONE, false},
	    {SERVER_GET, form, "List-Unsubscribe=One-Click", 200, CONSENT_NONE,
		false},
	    {SERVER_HEAD, "", "", 200, CONSENT_NONE, false},
	    {SERVER_DELETE, form, "all=1", 405, CONSENT_NONE, false},
	    {SERVER_OTHER, form, "all=1", 405, CONSENT_NONE, false},
	    {SERVER_POST, form, "", 400, CONSENT_NONE, false},
	    {SERVER_POST, form, "x=1", 400, CONSENT_NONE, false},
	    {SERVER_POST, form, "recall=1&all=10", 400, CONSENT_NONE, false},
	    {SERVER_POST, form, "NotList-Unsubscribe=One-Click", 400,
		CONSENT_NONE, false},
	    {SERVER_POST, form, "List-Unsubscribe=One-Click&small=1", 200,
		CONSENT_WITHDRAWN, false},
	    {SERVER_POST, form, "List-Unsubscribe=One-Click\r\n", 200,
		CONSENT_WITHDRAWN, false},
	    {SERVER_POST, "multipart/form-data; boundary=x",
		"--x\r\nContent-Disposition: form-data; "
		"name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n",
		200, CONSENT_WITHDRAWN, false},
	    {SERVER_POST, form, "all=1", 200, CONSENT_WITHDRAWN, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[TOKEN_TEXT_MAX + 4], to[40];
		struct lead_id lead;

		(void)snprintf(to, sizeof(to), "u%zu@w.example", i);
		link_for(to, path, &lead);
		ask(cases[i].method, path, cases[i].type, cases[i].body);
		IS_INT(R.status, cases[i].status, "case %zu: status", i);
		IS_INT(state_of(&lead), cases[i].want, "case %zu: consent", i);
		IS_INT(is_suppressed(&lead), cases[i].all, "case %zu: all", i);
	}
}

/* All that is no live link gets the same answer. */
static void test_no_oracle(void)
{
	char path[TOKEN_TEXT_MAX + 4];
	struct lead_id lead;
	struct token t = {
	    .kind = TOKEN_UNSUBSCRIBE, .message_id = 7, .subject_id = 9};
	char text[TOKEN_TEXT_MAX + 1], unknown[TOKEN_TEXT_MAX + 4];
	static const char *const others[] = {
	    "/u/", "/u/aaaa", "/u/../etc/passwd", "/u", "/", "/x", "/p/aa"};
	struct buf want;

	link_for("oracle@w.example", path, &lead);
	IS_INT(token_make(A.tokens, &t, text), 0, "a token of nobody");
	(void)snprintf(unknown, sizeof(unknown), "/u/%s", text);
	ask(SERVER_GET, unknown, "", "");
	IS_INT(R.status, 404, "our token, unknown subject");
	buf_init(&want, 10000);
	buf_add(&want, buf_str(&R.body));
	path[10] = path[10] == 'a' ? 'b' : 'a';
	ask(SERVER_POST, path, "", "List-Unsubscribe=One-Click");
	OK(R.status == 404 && str_eq(buf_str(&R.body), buf_str(&want)),
	    "a forged one: the same bytes");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		ask(SERVER_GET, others[i], "", "");
		OK(R.status == 404 && str_eq(buf_str(&R.body), buf_str(&want)),
		    "%s: the same bytes", others[i]);
	}
	buf_fini(&want);
}

/* --- metrics --- */

static void count_as(const char *name, const char *segment, size_t n)
{
	struct ledger_txn *t;

	if (ledger_write_begin(T.store->ledger, &t) != 0 ||
	    counter_add(t, 0, name, (struct str){segment, n}) != 0 ||
	    ledger_commit(&t) != 0)
		OK(false, "counter");
}

static bool has(const char *text)
{
	return str_contains(buf_str(&R.body), str_of(text));
}

static void test_metrics(void)
{
	char umlauts[101] = "x";

	for (size_t i = 1; i < 100; i += 2)
		memcpy(umlauts + i, "\xc3\xbc", 2); /* cut in the last one */
	count_as("test.bytes", "a\"} 1\nevil 2", 12);
	count_as("test.bytes", "back\\slash", 10);
	count_as("test.bytes", "nul\0\x01\x7f\r", 7);
	count_as("test.bytes", "\xff\xfe", 2);
	count_as("test.bytes", "gr\xc3\xbcn", 5);
	count_as("test.bytes", umlauts, 101);
	count_as("slot.queued", "", 0);
	count_as("slot.late", "", 0);
	count_as("consent.granted", "news", 4);
	buf_reset(&R.body);
	metrics_handle(&A, &R);
	IS_INT(R.status, 200, "metrics");
	OK(has("segment=\"a\\\"} 1?evil 2\"} 1\n"), "quotes, line ends");
	OK(has("segment=\"back\\\\slash\"} 1\n"), "backslashes");
	OK(has("segment=\"nul????\"} 1\n"), "control characters");
	OK(has("segment=\"??\"} 1\n"), "what is no UTF-8");
	OK(has("segment=\"gr\xc3\xbcn\"} 1\n"), "UTF-8");
	OK(!has("\xc3\""), "no half a character");
	OK(has("# TYPE tendril_slot_total counter\n"
	       "tendril_slot_total{action=\"late\",reason=\"\","
	       "segment=\"\"} 1\n"
	       "tendril_slot_total{action=\"queued\",reason=\"\","
	       "segment=\"\"} 1\n"
	       "# HELP ") &&
		has("# TYPE tendril_test_total counter\n"),
	    "a head for each family");
	OK(has("tendril_consent_total{action=\"granted\",reason=\"\","
	       "purpose=\"news\"} 1\n"),
	    "consent is to a purpose");
}

int main(void)
{
	open_all();
	test_unsubscribe();
	test_no_oracle();
	test_metrics();
	buf_fini(&R.body);
	token_keys_free(&A.tokens);
	storetest_close(&T);
	return tap_done();
}
