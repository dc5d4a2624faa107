/* test_sort.c - agent/in/sort: which message a mail is about, where it is large,
 * and where no address says it. */
#include "tests/unit/answertest.h"

#include "policy/mail/dkim_body.h"
#include "policy/mail/origin.h"

static struct answertest A;

/* What it is taken for; *s borrows nothing that is left. */
static enum seen_kind sort_it(struct str mail, struct sort *s)
{
	struct sort_with with = {
	    .keys = A.app.tokens, .rules = A.rules, .now_ms = A.now_ms};
	struct arena *a = arena_new(8 << 20); /* as the agent's */
	int rc = sort_mail(&with, mail, a, s);

	IS_INT(rc, 0, "sorted");
	arena_free(&a);
	return rc == 0 ? s->kind : SEEN_UNPARSED;
}

static bool is_of(const struct sort *s, uint64_t id)
{
	return s->n == 1 && s->tokens[0].token.message_id == id &&
	       s->tokens[0].token.kind == TOKEN_FEEDBACK;
}

static const char *click(uint64_t id)
{
	struct token t = {.kind = TOKEN_CLICK, .message_id = id};
	char text[TOKEN_TEXT_MAX + 1];

	if (token_make(A.app.tokens, &t, text) != 0)
		bug("token");
	return arena_printf(A.t.arena, "%s", text);
}

/* Base64 of anything. */
static void put_noise(struct buf *out, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
				     "pqrstuvwxyz0123456789+/";
	uint64_t x = UINT64_C(88172645463325252);

	for (size_t i = 0; i < n; i++) {
		x ^= x << 13; /* xorshift64 */
		x ^= x >> 7;
		x ^= x << 17;
		buf_addc(out, i % 77 == 76 ? '\n' : digits[x >> 58]);
	}
	buf_addc(out, '\n');
}

/* --- tokens that are only quoted --- */

/* A report that returns a message without its addresses (RFC 6590). */
static void begin_redacted(struct buf *b, const char *fields, uint64_t id)
{
	buf_printf(b,
	    "To: postmaster@example.com\n"
	    "Content-Type: multipart/report; boundary=b; "
	    "report-type=feedback-report\n\n--b\n\nx\n--b\n"
	    "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
	    "\n--b\nContent-Type: message/rfc822\n\n%s\n"
	    "https://x.example/c/%s\n",
	    fields, click(id));
}

/* Base64 has words as long as a token, and of them more than are tried. */
static void test_noise(void)
{
	uint64_t id = answertest_send(&A, "noise@redacted.example", "");
	struct sort s;
	struct buf b;

	buf_init(&b, 16 << 20);
	begin_redacted(&b, "", id);
	put_noise(&b, 8 << 20);
	IS_INT(sort_it(buf_str(&b), &s), SEEN_COMPLAINT,
	    "beside a large attachment");
	OK(is_of(&s, id), "of that message");
	buf_fini(&b);
}

/* More of them, decoded, than the memory of a mail holds. */
static void test_attachments(void)
{
	uint64_t id = answertest_send(&A, "many@redacted.example", "");
	struct sort s;
	struct buf b;

	buf_init(&b, 32 << 20);
	begin_redacted(
	    &b, "Content-Type: multipart/mixed; boundary=c\n\n--c\n", id);
	for (int i = 0; i < 16; i++) {
		buf_addz(&b, "--c\nContent-Type: application/pdf\n"
			     "Content-Transfer-Encoding: base64\n\n");
		put_noise(&b, 1000000);
	}
	IS_INT(sort_it(buf_str(&b), &s), SEEN_COMPLAINT,
	    "beside many attachments");
	OK(is_of(&s, id), "of that message");
	buf_fini(&b);
}

static void test_case(void)
{
	uint64_t id = answertest_send(&A, "case@redacted.example", "");
	struct sort s;
	struct buf b;

	buf_init(&b, 1 << 16);
	begin_redacted(&b, "", id);
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] >= 'a' && b.p[i] <= 'z' &&
		    str_starts(str_from(buf_str(&b), i), str_of(click(id))))
			for (const char *z = click(id); *z != '\0'; z++, i++)
				b.p[i] = (char)(b.p[i] >= 'a' ? b.p[i] - 32
							      : b.p[i]);
	OK(!str_contains(buf_str(&b), str_of(click(id))), "in upper case");
	IS_INT(sort_it(buf_str(&b), &s), SEEN_COMPLAINT, "it is found");
	buf_fini(&b);
}

/* --- recipients --- */

/* A mail to very many of our addresses: of each copy its own counts. */
static void test_copies(void)
{
	struct str v[ORIGIN_RCPTS_MAX], value;
	struct origin o = {.helo = STR("mx"), .rcpts = {v, ORIGIN_RCPTS_MAX}};
	struct dkim_body *b = dkim_body_new();
	const char *own;
	struct sort s;

	for (size_t i = 0; i < ORIGIN_RCPTS_MAX; i++)
		v[i] = str_of(answertest_address(&A, TOKEN_UNSUBSCRIBE,
		    answertest_send(&A, "copy@token.example", "")));
	own = answertest_address(&A, TOKEN_UNSUBSCRIBE,
	    answertest_send(&A, "own@token.example", ""));
	dkim_body_update(b, STR("x\n"));
	if (dkim_body_final(b, o.body) != 0 ||
	    origin_make(A.app.tokens, &o, A.t.arena, &value) != 0)
		bug("origin");
	dkim_body_free(&b);
	(void)sort_it(str_of(arena_printf(A.t.arena,
			  "X-Original-To: %s\nDelivered-To: %s\n" ORIGIN_FIELD
			  ":%.*s\nSubject: x\n\nx\n",
			  own, own, STR_ARG(value))),
	    &s);
	IS_INT((long long)s.n, ORIGIN_RCPTS_MAX + 1,
	    "whom the milter saw, and whose copy it is");
}

/* --- reports --- */

/* The returned message is encoded as a whole, and large. */
static void test_large_returned(void)
{
	static const struct {
		const char *type, *part;
		enum token_kind kind;
		enum seen_kind want;
	} cases[] = {
	    {"feedback-report", "feedback-report\n\nFeedback-Type: abuse\n",
		TOKEN_FEEDBACK, SEEN_COMPLAINT},
	    {"feedback-report", "feedback-report\n\nFeedback-Type: abuse\n",
		TOKEN_UNSUBSCRIBE, SEEN_UNSUBSCRIBE},
	    {"delivery-status",
		"delivery-status\n\nReporting-MTA: dns; b.example\n\n"
		"Final-Recipient: rfc822; large@b.example\nAction: failed\n"
		"Status: 5.1.1\n",
		TOKEN_BOUNCE, SEEN_BOUNCE},
	};
	uint64_t id = answertest_send(&A, "large@b.example", "");

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *to = answertest_address(&A, cases[i].kind, id);
		struct sort s;
		struct buf b;

		buf_init(&b, 8 << 20);
		buf_printf(&b,
		    "X-Original-To: %s\nTo: %s\n"
		    "Content-Type: multipart/report; boundary=b; "
		    "report-type=%s\n\n--b\n\nx\n--b\n"
		    "Content-Type: message/%s\n--b\n"
		    "Content-Type: message/rfc822\n"
		    "Content-Transfer-Encoding: base64\n\n"
		    "U3ViamVjdDogTmV3cwoK\n",
		    to, to, cases[i].type, cases[i].part);
		put_noise(&b, 3 << 20);
		buf_addz(&b, "--b--\n");
		IS_INT(sort_it(buf_str(&b), &s), cases[i].want,
		    "a large %s to %.1s-", cases[i].type, to);
		IS_INT((long long)s.report.original.n, 1, "what it returns");
		buf_fini(&b);
	}
}

/* --- answers --- */

/* One that the milter found: its message is named without a token. */
static void test_answer(void)
{
	uint64_t id = answertest_send(&A, "answers@token.example", "");
	struct origin o = {.helo = STR("mx"), .answer = id};
	struct dkim_body *b = dkim_body_new();
	struct str value;
	struct sort s;

	dkim_body_update(b, STR("x\n"));
	if (dkim_body_final(b, o.body) != 0 ||
	    origin_make(A.app.tokens, &o, A.t.arena, &value) != 0)
		bug("origin");
	dkim_body_free(&b);
	(void)sort_it(
	    str_of(arena_printf(A.t.arena,
		ORIGIN_FIELD ":%.*s\nSubject: x\n\nx\n", STR_ARG(value))),
	    &s);
	OK(is_of(&s, id), "it is of that message");
	s.report.head = (struct header_list){0}; /* its arena has gone */
	OK(!sort_has_proof(&s), "which proves nothing of who wrote it");
}

static const char report_text[] =
    "--b\n\nx\n--b\nContent-Type: message/feedback-report\n\n"
    "Feedback-Type: abuse\n\n--b--\n";

/* A report to the plain inbound address, in answer to a Message-ID that anybody
 * may know: the milter has sent it on to that message's address. */
static enum seen_kind report_in_answer(
    uint64_t id, const char *field, const char *to, struct sort *s)
{
	return sort_it(str_of(arena_printf(A.t.arena,
			   "X-Original-To: %s\n" ORIGIN_FIELD ":%s\nTo: %s\n"
			   "In-Reply-To: <known@example.com>\n"
			   "Content-Type: multipart/report; boundary=b; "
			   "report-type=feedback-report\n\n%s",
			   answertest_address(&A, TOKEN_FEEDBACK, id), field,
			   to, report_text)),
	    s);
}

static void test_answer_complains(void)
{
	uint64_t id = answertest_send(&A, "complained@token.example", "");
	struct origin o = {.helo = STR("mx"), .answer = id};
	struct dkim_body *b = dkim_body_new();
	const char *field;
	struct str value;
	struct sort s;

	dkim_body_update(b, str_of(report_text));
	if (dkim_body_final(b, o.body) != 0 ||
	    origin_make(A.app.tokens, &o, A.t.arena, &value) != 0)
		bug("origin");
	dkim_body_free(&b);
	field = arena_printf(A.t.arena, "%.*s", STR_ARG(value));
	IS_INT(report_in_answer(id, field, "news@example.com", &s),
	    SEEN_UNPARSED, "who knows a Message-ID complains for nobody");
	IS_INT((long long)s.n, 0, "of no message");
	IS_INT(report_in_answer(id, " v=1; torn", "news@example.com", &s),
	    SEEN_UNPARSED, "nor where the field cannot be read");
	IS_INT(report_in_answer(
		   id, field, answertest_address(&A, TOKEN_FEEDBACK, id), &s),
	    SEEN_COMPLAINT, "who has its token does");
	OK(is_of(&s, id), "of that message");
}

int main(void)
{
	answertest_open(&A);
	test_noise();
	test_attachments();
	test_case();
	test_copies();
	test_large_returned();
	test_answer();
	test_answer_complains();
	answertest_close(&A);
	return tap_done();
}
