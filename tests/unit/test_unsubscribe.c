/* test_unsubscribe.c - one click, the page, and what must change nothing. */
#include "tests/unit/storetest.h"

#include "agent/web/form.h"
#include "agent/web/public.h"
#include "policy/base/fault.h"
#include "policy/mail/msgid.h"
#include "policy/state/consent.h"
#include "policy/state/subject.h"

#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART "multipart/form-data; boundary=\"x-y\""

struct web {
	struct storetest st;
	struct app app;
	char url[100];      /* "/u/TOKEN" */
	struct token token; /* of it */
	struct lead_id lead;
	const char *language;
	long fail_at; /* the allocation of the handler that fails; 0: none */
	int status;
	struct buf body;
	const char *type, *allow;
};

/* A message to jo@b.example of a purpose with letters that HTML minds. */
static void send_one(struct web *w)
{
	struct ops_policy policy = {.path = STR("p"),
	    .author = STR("test"),
	    .reason = STR("test"),
	    .text = STR("segment newsletter {\n"
			"  purpose = events\n"
			"  legal-basis = legitimate-interest\n}\n")};
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&w->st, "jo@b.example"),
	    .segment = STR("newsletter"),
	    .stream = STR("news"),
	    .queue_id = STR("4Q1"),
	    .log_followed = true};
	struct decide_out out;
	struct error err = {0};
	uint32_t version;

	OK(ops_policy_apply(w->st.store, &policy, &version, &err) == 0 &&
		decide_propose(w->st.store, &in, &out, &err) == 0 &&
		out.verdict.action == VERDICT_ALLOW,
	    "a message goes out");
	w->lead = out.lead;
	w->token = (struct token){.kind = TOKEN_UNSUBSCRIBE,
	    .message_id = out.message_id,
	    .subject_id = out.subject_id};
	decide_fini(&out);
}

static void make_url(struct web *w, const struct token *t)
{
	char text[TOKEN_TEXT_MAX + 1];

	OK(token_make(w->app.tokens, t, text) == 0, "a token");
	(void)snprintf(w->url, sizeof(w->url), "/u/%s", text);
}

static void web_open(struct web *w)
{
	struct error err = {0};

	*w = (struct web){0};
	storetest_open(&w->st);
	w->app.conf = w->st.conf;
	w->app.store = w->st.store;
	OK(token_keys_load(&w->app.tokens, w->st.conf->token_key.p, &err) == 0,
	    "token keys");
	buf_init(&w->body, 1 << 20);
	send_one(w);
	make_url(w, &w->token);
}

static void web_close(struct web *w)
{
	buf_fini(&w->body);
	token_keys_free(&w->app.tokens);
	storetest_close(&w->st);
}

static int ask_url(struct web *w, enum server_method method, const char *url,
    const char *type, const char *body)
{
	struct server_request rq = {.method = method,
	    .path = str_of(url),
	    .content_type = str_of(type),
	    .body = str_of(body),
	    .language = str_of(w->language),
	    .client = "192.0.2.7",
	    .arena = arena_new(1 << 20)};
	struct server_reply rp = {.status = 500, .content_type = "text/plain"};

	buf_init(&rp.body, 1 << 20);
	fault_alloc_at(w->fail_at);
	public_handle(&w->app, &rq, &rp);
	fault_alloc_at(0);
	buf_reset(&w->body);
	buf_add(&w->body, buf_str(&rp.body));
	w->status = rp.status;
	w->type = rp.content_type;
	w->allow = rp.allow;
	buf_fini(&rp.body);
	arena_free(&rq.arena);
	return w->status;
}

static int ask(struct web *w, enum server_method method, const char *type,
    const char *body)
{
	return ask_url(w, method, w->url, type, body);
}

static bool says(const struct web *w, const char *text)
{
	return str_contains(buf_str(&w->body), str_of(text));
}

static enum consent_state consent_of(struct web *w)
{
	struct consent_record r;
	struct ledger_txn *t = NULL;
	enum consent_state state = CONSENT_NONE;

	if (ledger_read_begin(w->st.store->ledger, &t) == 0 &&
	    consent_read(t, &w->lead, policy_label(STR("events")), &r) == 0)
		state = r.state;
	ledger_read_end(&t);
	return state;
}

static bool is_suppressed(struct web *w)
{
	struct suppression_record r;
	struct ledger_txn *t = NULL;
	bool yes = ledger_read_begin(w->st.store->ledger, &t) == 0 &&
		   suppression_read(t, SUPPRESS_LEAD,
		       (struct str){(const char *)w->lead.b, LEAD_ID_BYTES}, 0,
		       &r) == 0;

	ledger_read_end(&t);
	return yes;
}

static uint64_t events(struct web *w)
{
	struct ledger_txn *t = NULL;
	uint64_t n = 0;

	if (ledger_read_begin(w->st.store->ledger, &t) != 0 ||
	    ledger_last_seq(t, &n) != 0)
		n = 0;
	ledger_read_end(&t);
	return n;
}

static void test_get(struct web *w)
{
	uint64_t before = events(w);

	IS_INT(ask(w, SERVER_GET, "", ""), 200, "GET");
	IS_STR(w->type, "text/html; charset=utf-8", "a page");
	OK(says(w, "<html lang=\"en\">") && says(w, "<h1>Unsubscribe</h1>"),
	    "with language and heading");
	OK(says(w, "mail about <strong>events</strong>"), "and purpose");
	OK(says(w, "name=\"List-Unsubscribe\" value=\"One-Click\"") &&
		says(w, "name=\"all\" value=\"1\""),
	    "and two buttons");
	OK(!says(w, "<script") && !says(w, "http"), "nothing from elsewhere");
	IS_INT(ask(w, SERVER_HEAD, "", ""), 200, "HEAD");
	IS_INT(ask(w, SERVER_GET, URLENCODED, "List-Unsubscribe=One-Click"),
	    200, "GET with a body");
	IS_INT(ask(w, SERVER_DELETE, "", ""), 405, "DELETE");
	IS_STR(w->allow, "GET, HEAD, POST", "and what is allowed");
	IS_INT(ask(w, SERVER_OTHER, "", ""), 405, "another method");
	IS_INT(events(w), before, "nothing has changed");
}

/* The same page in the reader's language, whole. */
static void test_languages(struct web *w)
{
	static const struct {
		const char *language, *lang, *title, *about, *button;
	} t[] = {
	    {"de-AT,de;q=0.9,en;q=0.8", "<html lang=\"de\">",
		"<title>Abbestellen</title>",
		"zum Thema <strong>events</strong>.</p>",
		"<button>Nachrichten zum Thema events abbestellen</button>"},
	    {"fr", "<html lang=\"fr\">", "<title>Se d&eacute;sabonner</title>",
		"au sujet de <strong>events</strong>.</p>",
		"<button>Ne plus recevoir de messages au sujet de "
		"events</button>"},
	    {"pl", "<html lang=\"en\">", "<title>Unsubscribe</title>",
		"mail about <strong>events</strong>.</p>",
		"<button>Stop mail about events</button>"},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		w->language = t[i].language;
		IS_INT(ask(w, SERVER_GET, "", ""), 200, "%s", t[i].language);
		OK(says(w, t[i].lang) && says(w, t[i].title) &&
			says(w, t[i].about) && says(w, t[i].button),
		    "%s: %s", t[i].language, t[i].lang);
	}
	w->language = NULL;
}

/* A purpose with a title; letters that HTML minds are text. */
static void test_titles(struct web *w)
{
	static const struct {
		const char *language, *want;
	} t[] = {
	    {"en", "mail about <strong>Fairs &amp; &lt;b&gt;more&lt;/b&gt; "
		   "&#39;now&#39;</strong>.</p>"},
	    {"en", "<button>Stop mail about Fairs &amp; "
		   "&lt;b&gt;more&lt;/b&gt; &#39;now&#39;</button>"},
	    {"de", "zum Thema <strong>M\xc3\xa4rkte</strong>.</p>"},
	    {"fr", "au sujet de <strong>L&#39;agenda</strong>.</p>"},
	};
	struct ops_policy policy = {.path = STR("p"),
	    .author = STR("test"),
	    .reason = STR("titles"),
	    .text = STR("segment other { purpose = other }\n"
			"purpose events {\n"
			"  title = \"Fairs & <b>more</b> 'now'\"\n"
			"  title-de = \"M\xc3\xa4rkte\"\n"
			"  title-fr = \"L'agenda\"\n}\n")};
	struct error err = {0};
	uint32_t version;

	IS_INT(ops_policy_apply(w->st.store, &policy, &version, &err), 0,
	    "titles: %s", err.text);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		w->language = t[i].language;
		IS_INT(ask(w, SERVER_GET, "", ""), 200, "%s", t[i].language);
		OK(says(w, t[i].want), "%s", t[i].want);
	}
	IS_INT(ask(w, SERVER_POST, URLENCODED, "List-Unsubscribe=One-Click"),
	    200, "one click");
	OK(says(w, "<strong>L&#39;agenda</strong>"), "the answer has it too");
	IS_INT(consent_of(w), CONSENT_WITHDRAWN, "for the purpose's name");
	w->language = NULL;
}

static void test_bad_posts(struct web *w)
{
	static const struct {
		const char *type, *body, *name;
	} cases[] = {
	    {URLENCODED, "", "nothing"},
	    {URLENCODED, "List-Unsubscribe=Two-Clicks", "another value"},
	    {URLENCODED, "X-List-Unsubscribe=One-Click", "another field"},
	    {URLENCODED, "small=1", "a name that ends alike"},
	    {URLENCODED, "all=10", "a value that begins alike"},
	    {URLENCODED, "q=all=1", "a field within a value"},
	    {URLENCODED, "all", "a name alone"},
	    {MULTIPART, "List-Unsubscribe=One-Click", "not what it says"},
	    {"multipart/form-data", "--x\r\n", "without boundary"},
	    {MULTIPART,
		"--x-y\r\nContent-Disposition: form-data; "
		"name=\"note\"\r\n\r\nOne-Click\r\n--x-y--\r\n",
		"another part"},
	};
	uint64_t before = events(w);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		IS_INT(ask(w, SERVER_POST, cases[i].type, cases[i].body), 400,
		    "%s", cases[i].name);
	IS_INT(events(w), before, "nothing has changed");
}

static void test_bad_tokens(struct web *w)
{
	static const enum token_kind kinds[] = {TOKEN_BOUNCE, TOKEN_FEEDBACK,
	    TOKEN_OPEN, TOKEN_RAW, TOKEN_COMPOSED};
	char url[100], text[TOKEN_TEXT_MAX + 1];
	uint64_t before = events(w);

	(void)snprintf(url, sizeof(url), "%s", w->url);
	url[strlen(url) - 1] = url[strlen(url) - 1] == 'a' ? 'b' : 'a';
	IS_INT(ask_url(w, SERVER_GET, url, "", ""), 404, "a forged token");
	OK(says(w, "<h1>Not found</h1>") && !says(w, "<form") &&
		!says(w, "events"),
	    "a page that tells nothing");
	IS_INT(ask_url(w, SERVER_POST, url, URLENCODED,
		   "List-Unsubscribe=One-Click"),
	    404, "nor does POST");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct token t = {
		    .kind = kinds[i], .message_id = w->token.message_id};

		OK(token_make(w->app.tokens, &t, text) == 0, "kind %u",
		    kinds[i]);
		(void)snprintf(url, sizeof(url), "/u/%s", text);
		IS_INT(ask_url(w, SERVER_POST, url, URLENCODED, "all=1"), 404,
		    "is not taken here");
	}
	IS_INT(ask_url(w, SERVER_GET, "/u/", "", ""), 404, "no token");
	IS_INT(ask_url(w, SERVER_GET, "/u", "", ""), 404, "no slash");
	IS_INT(ask_url(w, SERVER_GET, "/", "", ""), 404, "the root");
	IS_INT(ask_url(w, SERVER_GET, "/v1/policy", "", ""), 404,
	    "the private API is not here");
	IS_INT(events(w), before, "nothing has changed");
}

/* Twice, in two forms, with the token's letters changed by somebody's mail
 * program. */
static void test_one_click(struct web *w)
{
	uint64_t after;
	char upper[100];

	IS_INT(ask(w, SERVER_POST, URLENCODED, "List-Unsubscribe=One-Click"),
	    200, "one click");
	OK(says(w, "<h1>Done</h1>") && says(w, "events"), "is confirmed");
	IS_INT(consent_of(w), CONSENT_WITHDRAWN, "and done");
	OK(!is_suppressed(w), "for this purpose only");
	after = events(w);
	IS_INT(ask(w, SERVER_POST, MULTIPART,
		   "--x-y\r\nContent-Disposition: form-data; "
		   "name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x-y--\r\n"),
	    200, "again, as multipart");
	for (size_t i = 0; i <= strlen(w->url); i++)
		upper[i] = w->url[i] >= 'a' && w->url[i] <= 'z' && i > 2
			       ? (char)(w->url[i] - 'a' + 'A')
			       : w->url[i];
	IS_INT(ask_url(w, SERVER_POST, upper, URLENCODED,
		   "list-unsubscribe=one-click"),
	    200, "again, with capitals");
	IS_INT(events(w), after, "the first was enough");
	IS_INT(ask(w, SERVER_GET, "", ""), 200, "the page then");
	OK(says(w, "You are unsubscribed") && says(w, "name=\"all\"") &&
		!says(w, "One-Click"),
	    "says so, and still offers all");
}

static void test_all(struct web *w)
{
	IS_INT(ask(w, SERVER_POST, URLENCODED, "x=1&all=1"), 200, "all");
	OK(is_suppressed(w), "no nurture mail at all");
	OK(says(w, "marketing mail from us"), "is confirmed");
	IS_INT(ask(w, SERVER_POST, URLENCODED, "all=%31"), 200, "again");
	IS_INT(ask(w, SERVER_GET, "", ""), 200, "the page then");
	OK(says(w, "You are unsubscribed") && !says(w, "<button"),
	    "has nothing to offer");
}

/* A true token of a person who is not there any more: the subject's row stays
 * when the person goes. */
static int add_subject(struct ledger_txn *t, uint64_t id)
{
	struct lead_id gone = {{9, 9, 9}};

	return subject_put(t, id, &gone, STR("events"));
}

/* A link in mail of years ago, whose message nobody knows any more. */
static void test_old_link(struct web *w)
{
	struct token t = w->token;

	t.message_id = msgid_make(INT64_C(1600000000000), 1);
	make_url(w, &t);
	IS_INT(ask(w, SERVER_GET, "", ""), 200, "the page of 2020");
	IS_INT(ask(w, SERVER_POST, URLENCODED, "List-Unsubscribe=One-Click"),
	    200, "one click");
	IS_INT(consent_of(w), CONSENT_WITHDRAWN, "links never expire");
	make_url(w, &w->token);
}

static void test_forgotten(struct web *w)
{
	struct token t = w->token;
	struct ledger_txn *txn = NULL;
	uint64_t before = events(w);

	t.subject_id ^= 0x10;
	make_url(w, &t);
	IS_INT(ask(w, SERVER_POST, URLENCODED, "all=1"), 404,
	    "a subject that the ledger does not have: no lies");
	OK(ledger_write_begin(w->st.store->ledger, &txn) == 0 &&
		add_subject(txn, t.subject_id) == 0 && ledger_commit(&txn) == 0,
	    "a subject whose person is gone");
	IS_INT(ask(w, SERVER_GET, "", ""), 200, "has a page");
	IS_INT(ask(w, SERVER_POST, URLENCODED, "List-Unsubscribe=One-Click"),
	    200, "and is answered like any other");
	IS_INT(ask(w, SERVER_POST, URLENCODED, "all=1"), 200, "so is all");
	IS_INT(events(w), before, "and changes nothing");
	make_url(w, &w->token);
}

/* Each allocation fails once: never a 200 that did nothing, never a crash. */
static void test_no_memory(struct web *w)
{
	int status;

	do {
		w->fail_at++;
		status = ask(
		    w, SERVER_POST, URLENCODED, "List-Unsubscribe=One-Click");
		OK(status == 200 || status == 503 || status == 400,
		    "failure %ld: %d", w->fail_at, status);
		if (status != 200)
			IS_INT(consent_of(w), CONSENT_NONE, "nothing is done");
	} while (status != 200 && w->fail_at < 1000);
	w->fail_at = 0;
	IS_INT(status, 200, "in the end it works");
	IS_INT(consent_of(w), CONSENT_WITHDRAWN, "and is done");
}

struct form_case {
	const char *type, *body, *name, *want; /* want NULL: not there */
};

static void test_form(void)
{
	static const struct form_case cases[] = {
	    {URLENCODED, "a=1&b=2", "b", "2"},
	    {URLENCODED, "a=1&a=2", "a", "1"},
	    {URLENCODED, "A=x", "a", "x"},
	    {URLENCODED, "a=%41+b%2", "a", "A b%2"},
	    {URLENCODED, "%61=1", "a", "1"},
	    {URLENCODED, "a=%zz", "a", "%zz"},
	    {URLENCODED, "a=", "a", ""},
	    {URLENCODED, "&&a=1", "a", "1"},
	    {URLENCODED, "", "a", NULL},
	    {"", "a=1", "a", "1"},
	    {MULTIPART,
		"--x-y\r\nContent-Disposition: form-data; name=a\r\n\r\n1"
		"\r\n--x-y\r\ncontent-disposition: form-data; name=\"b\"\r\n"
		"\r\n2\r\n--x-y--",
		"b", "2"},
	    {"Multipart/Form-Data; boundary=x",
		"--x\nContent-Disposition: form-data; name=a\n\n1\n--x--\n",
		"a", "1"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct form_case *c = &cases[i];
		struct server_request rq = {.content_type = str_of(c->type),
		    .body = str_of(c->body),
		    .arena = arena_new(65536)};
		struct str got;
		int rc = form_get(&rq, c->name, &got);

		IS_INT(
		    rc, c->want != NULL ? 0 : ERR_NOT_FOUND, "\"%s\"", c->body);
		if (c->want != NULL)
			IS_S(got, str_of(c->want), "its value");
		arena_free(&rq.arena);
	}
}

int main(void)
{
	struct web w;

	web_open(&w);
	test_get(&w);
	test_languages(&w);
	test_bad_posts(&w);
	test_bad_tokens(&w);
	test_no_memory(&w);
	web_close(&w);
	web_open(&w);
	test_old_link(&w);
	web_close(&w);
	web_open(&w);
	test_titles(&w);
	web_close(&w);
	web_open(&w);
	test_forgotten(&w);
	test_one_click(&w);
	test_all(&w);
	web_close(&w);
	test_form();
	return tap_done();
}
