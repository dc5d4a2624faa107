/* test_inbound.c - mail from outside that answers a message of ours: found by
 * Message-ID, changed in two ways, and in no other case at all. */
#include "tests/unit/sessiontest.h"

#include "policy/mail/msgid.h"
#include "policy/mail/origin.h"
#include "policy/mail/reference.h"
#include "policy/mail/token_keys.h"
#include "policy/mail/verp.h"
#include "policy/state/reference.h"

static struct token_keys *keys;

/* A nurture message that leaves. */
static void leaves(const char *to, const char *id)
{
	struct mail m = {.rcpts = {to}, .segment = "demo", .id = id};

	sessiontest_connect("apps");
	IS_INT(
	    sessiontest_send(&m), ANSWER_CONTINUE, "%s leaves for %s", id, to);
}

static struct mail answer_to(const char *field, const char *value)
{
	return (struct mail){.rcpts = {"<anna@example.com>"},
	    .sender = "<ada@north.example>",
	    .extra = {field, value},
	    .body = "Yes\r\n"};
}

static enum answer arrives(const struct mail *m)
{
	sessiontest_connect("in");
	return sessiontest_send(m);
}

/* The message whose feedback address was added; 0: none was. */
static uint64_t answered(void)
{
	const struct change *c = sessiontest_find(CHANGE_RECIPIENT, "");
	struct token t;

	if (c == NULL ||
	    verp_parse(keys, str_cut(c->value, 0, str_find(c->value, 0, '@')),
		&t) != 0)
		return 0;
	return t.kind == TOKEN_FEEDBACK ? t.message_id : 0;
}

static bool is_of(uint64_t id, const char *person)
{
	struct address a = storetest_address(&S.st, person);
	struct message_record m;
	struct ledger_txn *t = NULL;
	struct lead_id lead;
	bool yes = false;

	if (ledger_read_begin(S.st.store->ledger, &t) != 0)
		return false;
	yes = message_read(t, id, &m) == 0 &&
	      lead_id_of(S.st.store->lead_key, &a, &lead) == 0 &&
	      lead_id_eq(&m.lead, &lead);
	ledger_read_end(&t);
	return yes;
}

static void test_match(void)
{
	static const struct {
		const char *name, *field, *value;
		bool found;
	} cases[] = {
	    {"In-Reply-To", "In-Reply-To", " <one@app.example>", true},
	    {"References", "References", " <x@y>\r\n <one@app.example>", true},
	    {"older than others", "References",
		" <one@app.example> <x@y> <z@y>", true},
	    {"with words about it", "In-Reply-To",
		" Your message of Monday <one@app.example>", true},
	    {"folded within", "In-Reply-To", " <one@\r\n\tapp.example>", true},
	    {"without brackets", "In-Reply-To", " one@app.example", true},
	    {"another", "In-Reply-To", " <two@app.example>", false},
	    {"another case", "In-Reply-To", " <ONE@app.example>", false},
	    {"in another field", "X-References", " <one@app.example>", false},
	    {"a part of it", "In-Reply-To", " <one@app.example", false},
	    {"nothing", "In-Reply-To", "", false},
	};

	leaves("<ada@north.example>", " <one@app.example>");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mail m = answer_to(cases[i].field, cases[i].value);
		enum answer a = arrives(&m);

		IS_INT(a, cases[i].found ? ANSWER_CONTINUE : ANSWER_ACCEPT,
		    "%s", cases[i].name);
		IS_INT((long long)S.script.n_changes, cases[i].found ? 2 : 0,
		    "changes");
		IS_INT(is_of(answered(), "ada@north.example"), cases[i].found,
		    "whose it is");
	}
}

static void test_origin(void)
{
	struct mail m = answer_to("In-Reply-To", " <one@app.example>");
	unsigned char hash[DKIM_BODY_HASH];
	struct dkim_body *b = dkim_body_new();
	const struct change *c;
	struct origin o = {0};

	(void)arrives(&m);
	c = sessiontest_find(CHANGE_TOP, ORIGIN_FIELD);
	if (b == NULL || c == NULL) {
		OK(false, "a field");
		return;
	}
	dkim_body_update(b, str_of(m.body));
	IS_INT(dkim_body_final(b, hash), 0, "hash");
	dkim_body_free(&b);
	IS_INT(origin_read(keys, c->value, hash, S.st.arena, &o), 0, "ours");
	OK(is_of(o.answer, "ada@north.example") && o.answer == answered(),
	    "it answers that one message");
	IS_INT((long long)o.rcpts.n, 0,
	    "it has no address of that: others than the agent see it");
	OK(S.script.changes[S.script.n_changes - 1].kind == CHANGE_RECIPIENT,
	    "the recipient is added last: never without the field");
	IS_S(o.sender, STR("ada@north.example"), "the sender");
}

/* What a stranger wrote as if it were ours goes; what others found out stays. */
static void test_forged(void)
{
	struct mail m = answer_to("In-Reply-To", " <one@app.example>");

	m.extra[2] = "Authentication-Results";
	m.extra[3] = " other.example; dkim=pass header.d=north.example";
	m.extra[4] = "authentication-results";
	m.extra[5] = " MAIL.example.com; dkim=pass header.d=north.example";
	m.extra[6] = ORIGIN_FIELD;
	m.extra[7] = " v=1; forged";
	IS_INT(arrives(&m), ANSWER_CONTINUE, "with forged fields");
	IS_INT((long long)S.script.n_changes, 4, "two of them go");
	OK(S.script.changes[0].kind == CHANGE_REMOVE &&
		S.script.changes[0].index == 1 &&
		str_ieq(S.script.changes[0].name, STR(ORIGIN_FIELD)),
	    "the origin");
	OK(S.script.changes[1].kind == CHANGE_REMOVE &&
		S.script.changes[1].index == 2 &&
		str_ieq(
		    S.script.changes[1].name, STR("Authentication-Results")),
	    "what has our name");
	OK(answered() != 0, "it is an answer");
}

/* One Message-ID for many: whose it is, is who writes. */
static void test_shared(void)
{
	struct mail m = answer_to("In-Reply-To", " <many@app.example>");

	leaves("<b@north.example>", " <many@app.example>");
	IS_INT(arrives(&m), ANSWER_CONTINUE, "one has it");
	leaves("<c@north.example>", " <many@app.example>");
	IS_INT(arrives(&m), ANSWER_ACCEPT, "two have it, and neither writes");
	leaves("<news@example.com>", " <many@app.example>");
	IS_INT(arrives(&m), ANSWER_CONTINUE, "one of three writes");
	OK(is_of(answered(), "news@example.com"), "it is theirs");
}

/* Whatever goes wrong, the mail goes its way. */
static void test_harmless(void)
{
	struct mail m = answer_to("In-Reply-To", " <one@app.example>");

	for (int at = 1; at <= 2; at++) {
		S.script.change_fails_at = at;
		IS_INT(arrives(&m), ANSWER_CONTINUE, "change %d fails", at);
	}
	S.script.change_fails_at = 0;
	atomic_store(&S.sh.store, NULL);
	IS_INT(arrives(&m), ANSWER_ACCEPT, "no ledger");
	atomic_store(&S.sh.store, S.st.store);
	sessiontest_reload("mode = \"shadow\"");
	IS_INT(arrives(&m), ANSWER_ACCEPT, "shadow");
	IS_INT((long long)S.script.n_changes, 0, "adds nothing");
	sessiontest_reload("");
	sessiontest_connect("smtp25");
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "another class");
	m.rcpts[1] = "<f-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@bounces.example.com>";
	IS_INT(arrives(&m), ANSWER_CONTINUE, "a forged address beside it");
	OK(answered() != 0, "harms nobody");
}

/* --- ids, and the table --- */

static void test_ids(void)
{
	struct header v[] = {
	    {STR("References"), STR("<a> <b> <a> <c>")},
	    {STR("In-Reply-To"), STR("<c>")},
	};
	struct header_list l = {v, 2, 2}, none = {NULL, 0, 0};
	struct reference_list found;
	struct reference r;
	struct buf b;

	IS_INT(reference_list(&l, &found), 0, "read");
	IS_INT((long long)found.n, 3, "each once");
	IS_INT(reference_of(&none, &r), ERR_NOT_FOUND, "no Message-ID");
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 5000; i++)
		buf_printf(&b, " <%d@x>", i);
	v[0].value = buf_str(&b);
	IS_INT(reference_list(&l, &found), 0, "very many");
	IS_INT((long long)found.n, REFERENCES_MAX, "not all are looked at");
	buf_fini(&b);
}

static void test_age(void)
{
	const int64_t week = 7 * INT64_C(86400000);
	int64_t now = INT64_C(1790000000000);
	struct reference_list l = {.v = {{"12345678"}}, .n = 1};
	struct ledger_txn *t = NULL;
	uint64_t id, first = msgid_make(now, 1);

	if (ledger_write_begin(S.st.store->ledger, &t) != 0)
		return;
	IS_INT(reference_put(t, l.v[0].digest, first), 0, "put");
	IS_INT(reference_find(t, &l, NULL, now + 25 * week, &id), 0,
	    "after 25 weeks");
	OK(id == first, "that one");
	IS_INT(reference_find(t, &l, NULL, now + 28 * week, &id), ERR_NOT_FOUND,
	    "not after 28");
	ledger_abort(&t);
}

int main(void)
{
	struct error err = {0};
	char path[128];

	sessiontest_open();
	(void)snprintf(path, sizeof(path), "%s/token.key", S.st.dir);
	if (token_keys_load(&keys, path, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	sessiontest_apply(sessiontest_policy);
	test_match();
	test_origin();
	test_forged();
	test_shared();
	test_harmless();
	test_ids();
	test_age();
	token_keys_free(&keys);
	sessiontest_close();
	return tap_done();
}
