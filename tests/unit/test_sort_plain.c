/* test_sort_plain.c - agent/in/sort_plain: a message that a mailbox provider
 * sends on without a report is a complaint where all of it is as declared, and
 * nothing else is. */
#include "tests/unit/answertest.h"

#include "agent/in/claim.h"
#include "policy/mail/headblock.h"

#define FROM "From: Reports <staff@provider.example>\n"
#define OURS                                                                   \
	"From: News <news@example.com>\nTo: Ann <ann@b.example>\n"             \
	"Message-ID: <1@example.com>\nSubject: News\n"
#define PART                                                                   \
	"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nsee below\n"      \
	"--b\nContent-Type: message/rfc822\n\n" OURS "\nHello\n--b--\n"

static struct answertest A;
static const struct str from_v[] = {
    STR("staff@provider.example"), STR("feedback.example.net")};
static const struct str to_v[] = {STR("fbl@example.com")};
static const struct strs from = {from_v, 2}, to = {to_v, 1};

/* With the milter's word for whom it came to, and to whom else; NULL: without. */
static struct str mail_to(
    const char *rcpt, const char *second, const char *text)
{
	struct str v[] = {str_of(rcpt != NULL ? rcpt : ""), str_of(second)},
		   value;
	struct origin o = {
	    .helo = STR("mx"), .rcpts = {v, second != NULL ? 2 : 1}};
	struct dkim_body *b = dkim_body_new();
	struct header_list head = {0};
	size_t at;

	if (headblock_parse(str_of(text), A.t.arena, &head, &at) != 0)
		bug("head");
	dkim_body_update(b, str_from(str_of(text), at));
	if (dkim_body_final(b, o.body) != 0 ||
	    origin_make(A.app.tokens, &o, A.t.arena, &value) != 0)
		bug("origin");
	dkim_body_free(&b);
	return rcpt == NULL
		   ? str_of(text)
		   : str_of(arena_printf(A.t.arena, ORIGIN_FIELD ":%.*s\n%s",
			 STR_ARG(value), text));
}

static struct str mail(const char *rcpt, const char *text)
{
	return mail_to(rcpt, NULL, text);
}

static struct sort sort_it(struct str text, bool is_declared, struct arena *a)
{
	struct sort_with with = {.keys = A.app.tokens,
	    .rules = A.rules,
	    .now_ms = A.now_ms,
	    .complaint_from = is_declared ? &from : NULL,
	    .complaint_to = is_declared ? &to : NULL};
	struct sort s;

	if (sort_mail(&with, text, a, &s) != 0)
		bug("sort");
	return s;
}

/* ---- what is one ---- */

static const struct {
	const char *name, *rcpt, *text;
	bool is_one;
} cases[] = {
    {"a part", "fbl@example.com", FROM PART, true},
    {"case of the address", "FBL@Example.com", FROM PART, true},
    {"below a declared domain", "fbl@example.com",
	"From: x@a.feedback.example.net\n" PART, true},
    {"the message alone", "fbl@example.com",
	FROM "Content-Type: message/rfc822\n\n" OURS "\nHello\n", true},
    {"inline", "fbl@example.com", FROM "\n" OURS "\nHello\n", true},
    {"inline, with CRLF and words before it", "fbl@example.com",
	FROM "\nDear all,\nsee: below\n\n\nFrom: a@example.com\r\n"
	     "Message-ID: <1@example.com>\r\n\r\nHello\r\n",
	true},
    {"inline, encoded", "fbl@example.com",
	FROM "Content-Transfer-Encoding: quoted-printable\n\n"
	     "From: a@example.com\nMessage-ID: =3C1@example.com>\n\nHi\n",
	true},
    {"another address", "ann@example.com", FROM PART, false},
    {"nobody saw it come", NULL, FROM PART, false},
    {"To says so, the envelope does not", "ann@example.com",
	FROM "To: fbl@example.com\n" PART, false},
    {"somebody else", "fbl@example.com", "From: x@other.example\n" PART, false},
    {"another of the domain", "fbl@example.com",
	"From: joe@provider.example\n" PART, false},
    {"two From fields", "fbl@example.com",
	FROM "From: x@feedback.example.net\n" PART, false},
    {"two in From", "fbl@example.com",
	"From: staff@provider.example, x@feedback.example.net\n" PART, false},
    {"no From", "fbl@example.com", "Subject: x\n" PART, false},
    {"Sender is no From", "fbl@example.com",
	"Sender: staff@provider.example\nFrom: x@other.example\n" PART, false},
    {"no message in it", "fbl@example.com", FROM "\nHello\n", false},
    {"From alone, in its text", "fbl@example.com",
	FROM "\nFrom: a@example.com\nSubject: x\n\nHello\n", false},
    {"its fields apart", "fbl@example.com",
	FROM "\nFrom: a@example.com\n\nMessage-ID: <1@example.com>\n\nHello\n",
	false},
    {"an automatic answer", "fbl@example.com",
	FROM "Auto-Submitted: auto-replied\n" PART, false},
};

static void test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_new(8 << 20);
		struct str text = mail(cases[i].rcpt, cases[i].text);
		struct sort s = sort_it(text, true, a);
		struct claim c;
		bool yes;

		OK((s.report.source == REPORT_BY_PLAIN) == cases[i].is_one,
		    "%s: by %s", cases[i].name,
		    report_source_name(s.report.source));
		OK(s.n == 0 && s.kind == SEEN_UNPARSED,
		    "%s: nothing acts without a token", cases[i].name);
		IS_INT(
		    claim_read(&s, &from, a, &c, &yes), 0, "%s", cases[i].name);
		OK(yes == cases[i].is_one, "%s: %s claim", cases[i].name,
		    yes ? "a" : "no");
		s = sort_it(text, false, a);
		OK(s.report.source != REPORT_BY_PLAIN, "%s: nothing declared",
		    cases[i].name);
		arena_free(&a);
	}
}

static void test_names(void)
{
	struct arena *a = arena_new(8 << 20);
	struct sort s = sort_it(mail("fbl@example.com", FROM PART), true, a);
	struct claim c;
	bool yes;

	if (claim_read(&s, &from, a, &c, &yes) != 0 || !yes)
		bug("claim");
	IS_S(c.who.text, STR("ann@b.example"), "who is in To of the message");
	OK(c.has_reference, "and which message");
	IS_INT(sort_report_meaning(&s.report), SEEN_COMPLAINT,
	    "a complaint, once it is believed");
	arena_free(&a);
}

/* ---- with a token ---- */

static struct str quoting(const char *head, uint64_t id)
{
	return str_of(arena_printf(A.t.arena,
	    "%s\nFrom: a@example.com\nMessage-ID: <1@example.com>\n"
	    "Reply-To: %s\n\nHello\n",
	    head, answertest_address(&A, TOKEN_BOUNCE, id)));
}

static enum seen_kind take(struct str text)
{
	static unsigned char digest[SEEN_DIGEST] = "plain";
	struct arena *a = arena_new(8 << 20);
	struct sort s = sort_it(text, true, a);
	struct act_item item = {.mail = &s, .digest = digest};
	enum seen_kind kind = s.kind;

	digest[10]++;
	act_mails(&A.app, &item, 1);
	IS_INT(item.rc, 0, "acted on");
	arena_free(&a);
	return kind;
}

/* Whoever has the message has its token: nothing verifies the author. */
static void test_token(void)
{
	uint64_t id = answertest_send(&A, "tom@b.example", "");
	const char *other = quoting("From: x@other.example\n", id).p;
	const char *text = quoting(FROM, id).p;

	IS_INT(take(mail("fbl@example.com", other)), SEEN_UNPARSED,
	    "from somebody else");
	IS_INT(take(mail("ann@example.com", text)), SEEN_UNPARSED,
	    "to another address");
	IS_INT(take(str_of(text)), SEEN_UNPARSED, "nobody saw it come");
	IS_INT(answertest_suppressed(&A, "tom@b.example"), 0, "nothing yet");
	IS_INT(
	    take(mail("fbl@example.com", text)), SEEN_COMPLAINT, "as declared");
	IS_INT(answertest_suppressed(&A, "tom@b.example"),
	    SUPPRESSION_COMPLAINT, "no more nurture");
}

/* Tokens of two messages: nobody can tell which it is about. */
static void test_tokens(void)
{
	uint64_t one = answertest_send(&A, "eve@b.example", "");
	uint64_t two = answertest_send(&A, "zoe@b.example", "");
	const char *text = arena_printf(A.t.arena, "%s\n%s\n",
	    quoting(FROM, one).p, answertest_address(&A, TOKEN_BOUNCE, two));

	IS_INT(take(mail("fbl@example.com", text)), SEEN_UNPARSED, "no guess");
	IS_INT(answertest_suppressed(&A, "eve@b.example"), 0, "at one");
	IS_INT(answertest_suppressed(&A, "zoe@b.example"), 0, "or the other");
}

/* Also to an address of a message of ours: that says what it is about, and a
 * report would say what it is. */
static void test_envelope(void)
{
	uint64_t id = answertest_send(&A, "pat@b.example", "");
	const char *own = answertest_address(&A, TOKEN_FEEDBACK, id);
	struct arena *a = arena_new(8 << 20);
	struct str text = mail_to("fbl@example.com", own, FROM PART);
	struct sort s = sort_it(text, true, a);

	IS_INT(s.n, 1, "its message is found");
	OK(s.report.source != REPORT_BY_PLAIN, "no complaint without form");
	IS_INT(take(text), SEEN_UNPARSED, "and of no meaning");
	IS_INT(answertest_suppressed(&A, "pat@b.example"), 0, "nobody");
	arena_free(&a);
}

int main(void)
{
	answertest_open(&A);
	test_cases();
	test_names();
	test_token();
	test_tokens();
	test_envelope();
	answertest_close(&A);
	return tap_done();
}
