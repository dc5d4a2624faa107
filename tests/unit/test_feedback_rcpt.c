/* test_feedback_rcpt.c - mail to our own addresses on its way in: what is
 * refused at RCPT, and the one field that the rest gets. */
#include "tests/unit/sessiontest.h"

#include "policy/mail/msgid.h"
#include "policy/mail/origin.h"
#include "policy/mail/token_keys.h"
#include "policy/mail/verp.h"

#define DAY INT64_C(86400000)

static struct token_keys *keys;

/* "<b-TOKEN@bounces.example.com>" for a message of that age. */
static const char *ours(enum token_kind kind, int64_t age_ms)
{
	struct token t = {.kind = kind,
	    .message_id = msgid_make(clock_now_ms() - age_ms, 1),
	    .subject_id = kind == TOKEN_UNSUBSCRIBE ? 7 : 0};
	char text[TOKEN_TEXT_MAX + 1];
	struct str addr;

	if (token_make(keys, &t, text) != 0 ||
	    verp_make(S.st.arena, kind, str_of(text),
		STR("bounces.example.com"), &addr) != 0)
		exit(1);
	return arena_printf(S.st.arena, "<%.*s>", STR_ARG(addr));
}

static const char *forged(const char *addr)
{
	char *z = arena_z(S.st.arena, addr);

	z[10] = z[10] == 'a' ? 'b' : 'a';
	return z;
}

static struct mail to(const char *rcpt)
{
	return (struct mail){.rcpts = {rcpt}, .sender = "<>"};
}

static void test_rcpt(void)
{
	const char *good = ours(TOKEN_BOUNCE, 0);
	const struct {
		const char *name, *rcpt;
		enum answer want;
	} cases[] = {
	    {"good", good, ANSWER_CONTINUE},
	    {"made up",
		"<b-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@bounces.example.com>",
		ANSWER_REJECT},
	    {"forged", forged(good), ANSWER_REJECT},
	    {"empty token", "<b-@bounces.example.com>", ANSWER_REJECT},
	    {"another kind", arena_printf(S.st.arena, "<f%s", good + 2),
		ANSWER_REJECT},
	    {"quoted",
		arena_printf(S.st.arena, "<\"%.33s\"%s", good + 1, good + 34),
		ANSWER_CONTINUE},
	    {"capital prefix", arena_printf(S.st.arena, "<B%s", good + 2),
		ANSWER_CONTINUE},
	    {"dot at the end",
		arena_printf(S.st.arena, "%.*s.>", (int)strlen(good) - 1, good),
		ANSWER_CONTINUE},
	    {"29 days", ours(TOKEN_BOUNCE, 29 * DAY), ANSWER_CONTINUE},
	    {"31 days", ours(TOKEN_BOUNCE, 31 * DAY), ANSWER_REJECT},
	    {"unsubscribe after two years", ours(TOKEN_UNSUBSCRIBE, 730 * DAY),
		ANSWER_CONTINUE},
	    {"feedback after two years", ours(TOKEN_FEEDBACK, 730 * DAY),
		ANSWER_CONTINUE},
	    {"forged unsubscribe", forged(ours(TOKEN_UNSUBSCRIBE, 0)),
		ANSWER_REJECT},
	};

	sessiontest_connect("smtp25");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mail m = to(cases[i].rcpt);
		IS_INT(
		    sessiontest_send(&m), cases[i].want, "%s", cases[i].name);
		if (cases[i].want == ANSWER_REJECT)
			IS_STR(S.script.reply.enhanced, "5.1.1", "%s: status",
			    cases[i].name);
		else
			IS_INT((long long)S.script.n_changes, 1,
			    "%s: one change", cases[i].name);
	}
}

static void test_not_ours(void)
{
	static const char *const rcpts[] = {"<b-nonsense@other.example>",
	    "<postmaster@bounces.example.com>", "<b-x>", "<@>", "<>",
	    "<bounce@example.com>"};

	sessiontest_connect("smtp25");
	for (size_t i = 0; i < sizeof(rcpts) / sizeof(*rcpts); i++) {
		struct mail m = to(rcpts[i]);
		IS_INT(
		    sessiontest_send(&m), ANSWER_ACCEPT, "%s passes", rcpts[i]);
		IS_INT((long long)S.script.n_changes, 0, "untouched");
	}
}

/* The value as the agent would find it, checked against a body. */
static int read_origin(const char *body, struct origin *out)
{
	const struct change *c = sessiontest_find(CHANGE_TOP, ORIGIN_FIELD);
	unsigned char hash[DKIM_BODY_HASH];
	struct dkim_body *b = dkim_body_new();
	int rc;

	if (c == NULL || b == NULL)
		return ERR_NOT_FOUND;
	dkim_body_update(b, str_of(body));
	rc = dkim_body_final(b, hash);
	dkim_body_free(&b);
	return rc != 0 ? rc
		       : origin_read(keys, c->value, hash, S.st.arena, out);
}

static void test_origin(void)
{
	struct mail m = to(ours(TOKEN_BOUNCE, 0));
	struct origin o;

	m.rcpts[1] = ours(TOKEN_FEEDBACK, 0);
	m.rcpts[2] = "<somebody@example.com>";
	m.extra[0] = "x-tendril-origin";
	m.extra[1] = " v=1; forged";
	m.extra[2] = ORIGIN_FIELD;
	m.extra[3] = " forged too";
	m.body = "report\r\n";
	sessiontest_connect("smtp25");
	session_helo(S.session, "mx.example.net\r\nX-Evil: 1");
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "three recipients");
	IS_INT((long long)S.script.n_changes, 3, "two forged fields go");
	OK(S.script.changes[0].kind == CHANGE_REMOVE &&
		S.script.changes[0].index == 2 &&
		S.script.changes[1].index == 1 &&
		S.script.changes[2].kind == CHANGE_TOP,
	    "highest index first, then ours on top");
	IS_INT(read_origin("report\r\n", &o), 0, "the agent believes it");
	IS_S(o.helo, STR("mx.example.net\r\nX-Evil: 1"), "HELO, harmless");
	OK(o.has_client && o.client[12] == 10 && o.client[15] == 1, "client");
	IS_INT((long long)o.sender.n, 0, "null sender");
	IS_INT((long long)o.rcpts.n, 2, "our own addresses only");
	IS_INT(read_origin("another body\r\n", &o), ERR_NOT_FOUND,
	    "for this body only");
	m = to("<somebody@example.com>");
	m.extra[0] = ORIGIN_FIELD;
	m.extra[1] = " forged";
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "the next one, not for us");
	IS_INT((long long)S.script.n_changes, 0, "stays byte for byte");
}

/* An address that a mailbox provider has, which carries no token. */
static void test_complaint_address(void)
{
	struct mail m = to("<FBL@example.com>");
	char plain[sizeof(sessiontest_release)];
	struct origin o;

	memcpy(plain, sessiontest_release, sizeof(plain));
	(void)snprintf(sessiontest_release, sizeof(sessiontest_release),
	    "127.0.0.1:1\" complaint-to = {\"fbl@example.com\"} "
	    "nameserver = \"127.0.0.1:2");
	sessiontest_reload("");
	m.sender = "<bounce@provider.example>";
	m.body = "report\r\n";
	sessiontest_connect("smtp25");
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "taken");
	IS_INT(read_origin("report\r\n", &o), 0, "with our field");
	IS_S(o.sender, STR("bounce@provider.example"), "who sent it");
	memcpy(sessiontest_release, plain, sizeof(plain));
	sessiontest_reload("");
	sessiontest_connect("smtp25");
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "not declared: passes");
	IS_INT((long long)S.script.n_changes, 0, "untouched");
}

/* Our own name in somebody's Authentication-Results; others' stay. */
static void test_authres(void)
{
	struct mail m = to(ours(TOKEN_FEEDBACK, 0));

	m.extra[0] = "Authentication-Results";
	m.extra[1] = " mail.example.com; dkim=pass header.d=provider.example";
	m.extra[2] = "Authentication-Results";
	m.extra[3] = " other.example; dkim=pass header.d=provider.example";
	sessiontest_connect("smtp25");
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "taken");
	IS_INT((long long)S.script.n_changes, 2, "one goes, ours is added");
	OK(S.script.changes[0].kind == CHANGE_REMOVE &&
		S.script.changes[0].index == 1,
	    "the one with our name");
	m.extra[0] = m.extra[2];
	m.extra[1] = m.extra[3];
	m.extra[2] = "authentication-results";
	m.extra[3] = " (x) \"MAIL.example.com\" 1; none";
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "the other way round");
	OK(S.script.changes[0].kind == CHANGE_REMOVE &&
		S.script.changes[0].index == 2,
	    "the second one");
}

static void test_many(void)
{
	char *mail[] = {(char[]){"<>"}, NULL};
	struct origin o;

	sessiontest_connect("smtp25");
	S.script.n_changes = 0;
	session_mail(S.session, mail);
	for (int i = 0; i < 40; i++) {
		char *rcpt[] = {(char *)(uintptr_t)ours(TOKEN_BOUNCE, i), NULL};
		enum answer a = session_rcpt(S.session, rcpt);

		if (a !=
		    (i < ORIGIN_RCPTS_MAX ? ANSWER_CONTINUE : ANSWER_TEMPFAIL))
			OK(false, "recipient %d", i);
	}
	IS_INT(S.script.reply.code, 452, "the others come with another mail");
	session_header(S.session, "Subject", " x");
	IS_INT(session_eoh(S.session), ANSWER_CONTINUE, "looked at");
	session_body(S.session, STR("x\r\n"));
	IS_INT(session_eom(S.session), ANSWER_CONTINUE, "40 of them");
	IS_INT(read_origin("x\r\n", &o), 0, "believed");
	IS_INT((long long)o.rcpts.n, ORIGIN_RCPTS_MAX, "all that are taken");
}

static void test_elsewhere(void)
{
	struct mail m = to(forged(ours(TOKEN_BOUNCE, 0)));

	sessiontest_connect_local();
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE,
	    "local submission is never refused at RCPT");
	OK(sessiontest_find(CHANGE_TOP, ORIGIN_FIELD) == NULL,
	    "a forged address gets no field");
	sessiontest_connect("release");
	IS_INT(S.script.reply.code, 0, "release listener");
	(void)sessiontest_send(&m);
	OK(strcmp(S.script.reply.enhanced, "5.1.1") != 0,
	    "the release listener has rules of its own");
	sessiontest_reload("mode = \"shadow\"");
	sessiontest_connect("smtp25");
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "shadow refuses nothing");
	m = to(ours(TOKEN_BOUNCE, 0));
	IS_INT(sessiontest_send(&m), ANSWER_ACCEPT, "and adds nothing");
	sessiontest_reload("");
}

static void test_trouble(void)
{
	struct mail m = to(ours(TOKEN_BOUNCE, 0));

	sessiontest_connect("smtp25");
	S.script.change_fails_at = 1;
	IS_INT(sessiontest_send(&m), ANSWER_TEMPFAIL, "the MTA refuses");
	S.script.change_fails_at = 0;
	IS_INT(sessiontest_send(&m), ANSWER_CONTINUE, "next time");
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
	test_rcpt();
	test_not_ours();
	test_origin();
	test_complaint_address();
	test_authres();
	test_many();
	test_elsewhere();
	test_trouble();
	token_keys_free(&keys);
	sessiontest_close();
	return tap_done();
}
