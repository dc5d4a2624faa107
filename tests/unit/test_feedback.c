/* test_feedback.c - an answer becomes events: bounces, complaints, opt-outs,
 * and what must not have any effect. */
#include "tests/unit/feedbacktest.h"

#include "policy/base/fault.h"

static struct str mail_to(const char *to, const char *body)
{
	const char *z = arena_printf(A.t.arena,
	    "X-Original-To: %s\nDelivered-To: %s\nFrom: ann@b.example\n"
	    "To: %s\nSubject: x\n%s",
	    to, to, to, body);

	return str_of(z);
}

/* --- what a failure does, by its reason --- */

static const struct {
	const char *name, *status, *diagnostic;
	int suppressed;
	const char *counter;
} failures[] = {
    {"user unknown", "5.1.1", "550 5.1.1 no such user here",
	SUPPRESSION_USER_UNKNOWN, "bounce.hard.user_unknown"},
    {"disabled", "5.2.1", "550 5.2.1 mailbox disabled",
	SUPPRESSION_MAILBOX_DISABLED, "bounce.hard.mailbox_disabled"},
    {"moved", "5.1.6", "551 5.1.6 mailbox has moved", SUPPRESSION_MAILBOX_MOVED,
	"bounce.hard.mailbox_moved"},
    {"full", "5.2.2", "552 5.2.2 mailbox full", 0, "bounce.soft.mailbox_full"},
    {"content", "5.7.1", "554 5.7.1 message looks like spam", 0,
	"bounce.soft.spam_content"},
    {"reputation", "5.7.1",
	"554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org", 0,
	"bounce.soft.reputation"},
    {"too big", "5.3.4", "552 5.3.4 message too big", 0, "bounce.soft.too_big"},
    {"unknown host, once", "5.1.2", "Host or domain name not found", 0,
	"bounce.hard.host_unknown"},
};

static void test_reasons(void)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++) {
		char to[64];
		uint64_t id;

		(void)snprintf(to, sizeof(to), "r%zu@reason.example", i);
		id = answertest_send(&A, to, "");
		IS_INT(dsn(id, to, failures[i].status, failures[i].diagnostic),
		    SEEN_BOUNCE, "%s: a bounce", failures[i].name);
		IS_INT(answertest_suppressed(&A, to), failures[i].suppressed,
		    "%s: suppression", failures[i].name);
		IS_INT(answertest_slot(&A, id), SLOT_RELEASED,
		    "%s: the slot is free", failures[i].name);
		IS_INT(answertest_counter(&A, failures[i].counter), 1,
		    "%s: counted as %s", failures[i].name, failures[i].counter);
		IS_INT(answertest_counter(&A, "provider.released.bounced"),
		    (long long)i + 1, "%s: counted for the provider",
		    failures[i].name);
		(void)snprintf(to, sizeof(to), "provider.%s",
		    strrchr(failures[i].counter, '.') + 1);
		IS_INT(answertest_counter(&A, to), 1, "%s: and why",
		    failures[i].name);
	}
}

static void test_verdict_follows(void)
{
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&A.t, "R0@Reason.example"),
	    .segment = STR("demo"),
	    .stream = STR("apps"),
	    .same = {.key = 777777, .has_message_id = true},
	    .log_followed = true};
	struct decide_out out;
	struct error err;

	IS_INT(decide_propose(A.t.store, &in, &out, &err), 0, "decided");
	OK(out.verdict.reason == REASON_SUPPRESSED &&
		out.verdict.suppression == SUPPRESSION_USER_UNKNOWN,
	    "bounce in, suppression out");
	decide_fini(&out);
}

/* --- once --- */

static void test_once(void)
{
	const char *to = "once@b.example";
	uint64_t events, id = answertest_send(&A, to, "4qOnce");
	struct act_failure line = {.queue_id = STR("4qOnce"),
	    .rcpt = STR("once@b.example"),
	    .status = STR("5.1.1"),
	    .text = STR("host mx said: 550 5.1.1 no such user")};
	struct str mail =
	    answertest_dsn(&A, answertest_address(&A, TOKEN_BOUNCE, id), to,
		"5.1.1", "550 5.1.1 no such user");
	struct error err = {0};
	int before = answertest_counter(&A, "bounce.hard.user_unknown");

	IS_INT(act_log_bounce(&A.app, A.rules, &line, &err), 0, "log line %s",
	    err.text);
	IS_INT(answertest_suppressed(&A, to), SUPPRESSION_USER_UNKNOWN,
	    "the log line suppresses");
	IS_INT(take(mail), SEEN_BOUNCE, "its DSN");
	events = answertest_events(&A);
	IS_INT(take(mail), SEEN_BOUNCE, "the same DSN once more");
	IS_INT(answertest_events(&A), events, "leaves no trace");
	IS_INT(act_log_bounce(&A.app, A.rules, &line, &err), 0, "line again");
	IS_INT(answertest_events(&A), events, "nor does the line");
	IS_INT(dsn(id, to, "5.1.1", "550 5.1.1 no such user, really"),
	    SEEN_BOUNCE, "a late DSN of other bytes");
	IS_INT(answertest_counter(&A, "bounce.hard.user_unknown"), before + 1,
	    "line, DSN and late DSN of one failure are one");
}

static void test_says_more(void)
{
	const char *to = "more@b.example";
	uint64_t id = answertest_send(&A, to, "4qMore");
	struct act_failure line = {.queue_id = STR("4qMore"),
	    .rcpt = STR("elsewhere@b.example"),
	    .status = STR("5.1.1"),
	    .text = STR("550 5.1.1 no such user")};
	struct error err = {0};

	IS_INT(act_log_bounce(&A.app, A.rules, &line, &err), 0, "line");
	IS_INT(answertest_suppressed(&A, to), 0,
	    "a line that names another address suppresses nobody");
	IS_INT(dsn(id, to, "5.2.2", "552 5.2.2 mailbox full"), SEEN_BOUNCE,
	    "full");
	IS_INT(answertest_suppressed(&A, to), 0, "nor does a full mailbox");
	IS_INT(dsn(id, to, "5.1.1", "550 5.1.1 no such user"), SEEN_BOUNCE,
	    "unknown");
	IS_INT(answertest_suppressed(&A, to), SUPPRESSION_USER_UNKNOWN,
	    "a later report that says more does");
}

static void test_after_delivery(void)
{
	const char *to = "late@b.example";
	uint64_t id = answertest_send(&A, to, "4qLate");
	struct slot_change c = {
	    .kind = SLOT_CHANGE_DELIVERED, .message_id = id, .at_ms = A.now_ms};
	struct error err;

	IS_INT(ops_slot_apply(A.t.store, &c, &err), 0, "delivered");
	IS_INT(dsn(id, to, "5.1.1", "550 5.1.1 no such user"), SEEN_BOUNCE,
	    "a late bounce");
	IS_INT(answertest_slot(&A, id), SLOT_DELIVERED, "counted is counted");
	IS_INT(answertest_suppressed(&A, to), SUPPRESSION_USER_UNKNOWN,
	    "suppressed all the same");
}

/* --- whom a report may speak of --- */

static void test_other_person(void)
{
	const char *to = "owner@b.example", *victim = "victim@b.example";
	uint64_t id = answertest_send(&A, to, "");

	(void)answertest_send(&A, victim, "");
	IS_INT(dsn(id, victim, "5.1.1", "550 5.1.1 no such user"), SEEN_BOUNCE,
	    "a DSN with a good token names another person");
	IS_INT(answertest_suppressed(&A, victim), 0, "not that person");
	IS_INT(answertest_suppressed(&A, to), 0, "nor the owner");
	IS_INT(answertest_slot(&A, id), SLOT_PROPOSED, "the slot stands");
	IS_INT(answertest_counter(&A, "bounce.other_person.user_unknown"), 2,
	    "on record");
	IS_INT(dsn(id, "OWNER@B.Example.", "5.1.1", "550 5.1.1 unknown user"),
	    SEEN_BOUNCE, "the owner, in another spelling");
	IS_INT(answertest_suppressed(&A, to), SUPPRESSION_USER_UNKNOWN,
	    "is the owner");
}

static void test_original_recipient(void)
{
	const char *to = "alias@b.example";
	uint64_t id = answertest_send(&A, to, "");

	IS_INT(dsn(id,
		   "home@elsewhere.example\nOriginal-Recipient: rfc822; "
		   "alias@b.example",
		   "5.1.1", "550 5.1.1 no such user"),
	    SEEN_BOUNCE, "forwarded, and the end is unknown");
	IS_INT(answertest_suppressed(&A, to), SUPPRESSION_USER_UNKNOWN,
	    "Original-Recipient names the lead");
}

/* --- opt-outs and complaints --- */

static void test_unsubscribe(void)
{
	const char *to = "leave@b.example";
	uint64_t id = answertest_send(&A, to, "");
	const char *addr = answertest_address(&A, TOKEN_UNSUBSCRIBE, id);

	IS_INT(answertest_consent(&A, to, "demos"), CONSENT_NONE, "before");
	IS_INT(take(mail_to(addr, "\nunsubscribe\n")), SEEN_UNSUBSCRIBE,
	    "a mail to the unsubscribe address");
	IS_INT(answertest_consent(&A, to, "demos"), CONSENT_WITHDRAWN,
	    "withdraws");
	IS_INT(answertest_suppressed(&A, to), 0, "from that purpose only");
	to = "leave2@b.example";
	id = answertest_send(&A, to, "");
	answertest_time(&A, A.now_ms + 400 * ANSWERTEST_DAY);
	IS_INT(take(answertest_dsn(&A,
		   answertest_address(&A, TOKEN_UNSUBSCRIBE, id), "x@y.example",
		   "4.0.0", "whatever")),
	    SEEN_UNSUBSCRIBE, "any content will do, after a year too");
	IS_INT(answertest_consent(&A, to, "demos"), CONSENT_WITHDRAWN,
	    "withdraws");
}

static struct str arf(const char *to, const char *type)
{
	return str_of(arena_printf(A.t.arena,
	    "X-Original-To: %s\nFrom: fbl@provider.example\nTo: %s\n"
	    "Subject: complaint\nMIME-Version: 1.0\n"
	    "Content-Type: multipart/report; report-type=feedback-report;\n"
	    " boundary=b\n\n--b\nContent-Type: text/plain\n\nhi\n--b\n"
	    "Content-Type: message/feedback-report\n\nFeedback-Type: %s\n"
	    "User-Agent: P/1\nVersion: 1\n\n--b\n"
	    "Content-Type: message/rfc822\n\nSubject: News\n\nHello\n--b--\n",
	    to, to, type));
}

static void test_complaint(void)
{
	const char *to = "angry@b.example";
	uint64_t id = answertest_send(&A, to, "");
	const char *addr = answertest_address(&A, TOKEN_FEEDBACK, id);

	IS_INT(
	    take(arf(addr, "not-spam")), SEEN_NOT_SPAM, "not spam after all");
	IS_INT(answertest_counter(&A, "feedback.not_spam"), 1, "counted");
	IS_INT(answertest_suppressed(&A, to), 0, "no complaint");
	IS_INT(take(arf(addr, "abuse")), SEEN_COMPLAINT, "abuse");
	IS_INT(answertest_suppressed(&A, to), SUPPRESSION_COMPLAINT,
	    "no more nurture");
	IS_INT(answertest_counter(&A, "complaint.abuse"), 1, "counted");
	IS_INT(take(arf(addr, "fraud")), SEEN_FRAUD, "and again");
	IS_INT(answertest_counter(&A, "complaint.abuse"), 1, "once a message");
	IS_INT(dsn(id, to, "5.1.1", "550 5.1.1 no such user"), SEEN_BOUNCE,
	    "then it bounces");
	IS_INT(answertest_suppressed(&A, to), SUPPRESSION_COMPLAINT,
	    "a bounce does not hide a complaint");
	to = "quiet@b.example";
	id = answertest_send(&A, to, "");
	IS_INT(take(arf(answertest_address(&A, TOKEN_FEEDBACK, id), "opt-out")),
	    SEEN_UNSUBSCRIBE, "the provider asks to stop");
	IS_INT(answertest_consent(&A, to, "demos"), CONSENT_WITHDRAWN,
	    "that purpose ends");
	IS_INT(answertest_suppressed(&A, to), 0, "no complaint");
}

/* As complaints, but each is known for what it is. */
static void test_alerts(void)
{
	static const struct {
		const char *type, *counter;
		enum seen_kind kind;
	} rows[] = {
	    {"fraud", "feedback.fraud", SEEN_FRAUD},
	    {"virus", "feedback.virus", SEEN_VIRUS},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *to =
		    arena_printf(A.t.arena, "%s@alert.example", rows[i].type);
		uint64_t id = answertest_send(&A, to, "");
		const char *addr = answertest_address(&A, TOKEN_FEEDBACK, id);
		int before = answertest_counter(&A, rows[i].counter);

		IS_INT(take(arf(addr, rows[i].type)), rows[i].kind, "%s",
		    rows[i].type);
		IS_INT(answertest_suppressed(&A, to), SUPPRESSION_COMPLAINT,
		    "no more nurture");
		IS_INT(answertest_counter(&A, rows[i].counter), before + 1,
		    "counted as what it is");
	}
}

/* A report of RFC 6590 about what `text` is left of; encoding: of its part. */
static struct str redacted(const char *encoding, const char *text)
{
	return str_of(arena_printf(A.t.arena,
	    "From: fbl@provider.example\nTo: fbl@example.com\n"
	    "Content-Type: multipart/report; boundary=b; "
	    "report-type=feedback-report\n\n--b\n\nx\n--b\n"
	    "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
	    "Original-Rcpt-To: 9bCK0nfm3eoq@provider.example\n"
	    "\n--b\nContent-Type: message/rfc822\n\n"
	    "To: 9bCK0nfm3eoq@provider.example\n"
	    "Content-Transfer-Encoding: %s\n\n%s\n--b--\n",
	    encoding, text));
}

static const char *token_of(enum token_kind kind, uint64_t id)
{
	struct token t = {kind, id, 0, 0};
	char text[TOKEN_TEXT_MAX + 1];

	if (kind == TOKEN_UNSUBSCRIBE)
		t.subject_id = 77;
	if (token_make(A.app.tokens, &t, text) != 0)
		exit(1);
	return arena_printf(A.t.arena, "%s", text);
}

static void test_redacted(void)
{
	uint64_t id = answertest_send(&A, "r@redacted.example", "");
	uint64_t other = answertest_send(&A, "s@redacted.example", "");
	const char *click = token_of(TOKEN_CLICK, id);
	const char *text;

	text = arena_printf(
	    A.t.arena, "<%s> %s", click, token_of(TOKEN_OPEN, other));
	IS_INT(take(redacted("7bit", text)), SEEN_UNPARSED,
	    "of two messages: no guess");
	IS_INT(take(redacted("7bit", "9bCK0nfm3eoq9bCK0nfm3eoq9bCK0nf")),
	    SEEN_UNPARSED, "as long as one, and none");
	IS_INT(take(redacted("7bit",
		   arena_printf(A.t.arena, "https://x.example/c/%sa", click))),
	    SEEN_UNPARSED, "part of a word");
	IS_INT(answertest_suppressed(&A, "r@redacted.example"), 0, "nobody");
	text = arena_printf(
	    A.t.arena, "https://x.example/c?t=3D%.9s=\n%s", click, click + 9);
	IS_INT(take(redacted("quoted-printable", text)), SEEN_COMPLAINT,
	    "a link, encoded");
	IS_INT(answertest_suppressed(&A, "r@redacted.example"),
	    SUPPRESSION_COMPLAINT, "the person is found");
	IS_INT(answertest_suppressed(&A, "s@redacted.example"), 0,
	    "the other is not");
	text = arena_printf(A.t.arena, "https://x.example/u/%s",
	    token_of(TOKEN_UNSUBSCRIBE, other));
	IS_INT(take(redacted("8bit", text)), SEEN_COMPLAINT,
	    "a quoted way out is no request to use it");
	IS_INT(answertest_suppressed(&A, "s@redacted.example"),
	    SUPPRESSION_COMPLAINT, "but a complaint");
}

/* Many words as long as a token that can be none. */
static void test_search_of_attachments(void)
{
	uint64_t id = answertest_send(&A, "att@redacted.example", "");
	const char *click = token_of(TOKEN_CLICK, id);
	struct buf b;

	buf_init(&b, 4 << 20);
	while (b.n < 300000)
		buf_printf(&b, "%.*s8\n", (int)strlen(click) - 1,
		    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
	buf_printf(&b, "https://x.example/c/%s\n", click);
	IS_INT(take(redacted("quoted-printable", b.p)), SEEN_COMPLAINT,
	    "a token behind an attachment");
	IS_INT(answertest_suppressed(&A, "att@redacted.example"),
	    SUPPRESSION_COMPLAINT, "the person is found");
	buf_fini(&b);
}

/* --- tokens --- */

static void test_tokens(void)
{
	const char *to = "t@token.example";
	uint64_t id = answertest_send(&A, to, "");
	const char *good = answertest_address(&A, TOKEN_BOUNCE, id);
	char bad[200];

	(void)snprintf(bad, sizeof(bad), "%s", good);
	bad[6] = bad[6] == 'a' ? 'b' : 'a';
	IS_INT(take(answertest_dsn(&A, bad, to, "5.1.1", "550 no such user")),
	    SEEN_UNPARSED, "forged token");
	(void)snprintf(bad, sizeof(bad), "%s", good);
	memmove(bad + 3, bad + 4, strlen(bad + 3));
	IS_INT(take(answertest_dsn(&A, bad, to, "5.1.1", "550 no such user")),
	    SEEN_UNPARSED, "short token");
	(void)snprintf(bad, sizeof(bad), "f%s", good + 1);
	IS_INT(take(answertest_dsn(&A, bad, to, "5.1.1", "550 no such user")),
	    SEEN_UNPARSED, "token of another kind");
	IS_INT(
	    take(answertest_dsn(&A, answertest_address(&A, TOKEN_FEEDBACK, id),
		to, "5.1.1", "550 no such user")),
	    SEEN_REPORT, "a failure at the complaint address");
	IS_INT(answertest_suppressed(&A, to), 0, "none of these suppresses");
	for (char *p = memcpy(bad, good, strlen(good) + 1); *p != '\0'; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	IS_INT(take(answertest_dsn(&A, bad, to, "5.1.1", "550 no such user")),
	    SEEN_BOUNCE, "capitals");
	IS_INT(answertest_suppressed(&A, to), SUPPRESSION_USER_UNKNOWN,
	    "mail systems may change case");
	to = "old@token.example";
	id = answertest_send(&A, to, "");
	answertest_time(&A, A.now_ms + 31 * ANSWERTEST_DAY);
	IS_INT(dsn(id, to, "5.1.1", "550 5.1.1 no such user"), SEEN_EXPIRED,
	    "a bounce after a month");
	IS_INT(answertest_suppressed(&A, to), 0, "is not believed");
}

static void test_where_tokens_are(void)
{
	static const char *const heads[] = {
	    "To: \"Bounce, you\" <", "Cc: friends:;, <"};
	const char *rest =
	    "\nX-Failed-Recipients: w@token.example\nFrom: "
	    "mailer-daemon@x.example\n\n  w@token.example\n    unknown user\n";
	uint64_t id = answertest_send(&A, "w@token.example", "");
	const char *addr = answertest_address(&A, TOKEN_BOUNCE, id);
	struct token t = {TOKEN_COMPOSED, id, 0, 0};
	char text[TOKEN_TEXT_MAX + 1], *mail;

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		mail = arena_printf(A.t.arena, "%s%s>%s", heads[i], addr, rest);
		IS_INT(take(str_of(mail)), SEEN_BOUNCE, "in %.2s", heads[i]);
	}
	IS_INT(answertest_suppressed(&A, "w@token.example"),
	    SUPPRESSION_USER_UNKNOWN, "found");
	id = answertest_send(&A, "v@token.example", "");
	t.message_id = id;
	if (token_make(A.app.tokens, &t, text) != 0)
		exit(1);
	mail = arena_printf(A.t.arena,
	    "To: postmaster@example.com\nContent-Type: multipart/report; "
	    "boundary=b; report-type=feedback-report\n\n--b\n\nx\n--b\n"
	    "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
	    "\n--b\nContent-Type: message/rfc822\n\nX-Tendril-Id: %s\n\nx\n"
	    "--b--\n",
	    text);
	IS_INT(take(str_of(mail)), SEEN_COMPLAINT,
	    "a report to another address, with our id in what it returns");
	IS_INT(answertest_suppressed(&A, "v@token.example"),
	    SUPPRESSION_COMPLAINT, "acts");
}

/* RFC 9477 section 5.2: white space and comments mean nothing in it. */
static void test_feedback_id(void)
{
	static const struct {
		const char *name, *before, *between, *after;
		enum seen_kind kind;
	} cases[] = {
	    {"as it was sent", " ", "", "", SEEN_COMPLAINT},
	    {"white space around it", "\r\n  ", "", "\t ", SEEN_COMPLAINT},
	    {"folded", " ", "\r\n ", "", SEEN_COMPLAINT},
	    {"blanks in it", " ", " \t ", "", SEEN_COMPLAINT},
	    {"a comment in it", " (our (own) \\) id)", "(x)", " ",
		SEEN_COMPLAINT},
	    {"a comment without end", " ", "(x", "", SEEN_UNPARSED},
	    {"what is of no id", " ", "\"", "", SEEN_UNPARSED},
	    {"a comma", " ", ",", "", SEEN_UNPARSED},
	    {"of an id, and not of ours", " ", ":", "", SEEN_UNPARSED},
	    {"a NUL in it", " ", "%c", "", SEEN_UNPARSED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *to =
		    arena_printf(A.t.arena, "i%zu@token.example", i);
		const char *id =
		    token_of(TOKEN_FEEDBACK, answertest_send(&A, to, ""));
		char *mail = arena_printf(A.t.arena,
		    "To: postmaster@example.com\n"
		    "Content-Type: multipart/report; boundary=b; "
		    "report-type=feedback-report\n\n--b\n\nx\n--b\n"
		    "Content-Type: message/feedback-report\n\n"
		    "Feedback-Type: abuse\n\n--b\n"
		    "Content-Type: message/rfc822\n\n"
		    "CFBL-Feedback-ID:%s%.9s%s%s%s\n\nx\n--b--\n",
		    cases[i].before, id, cases[i].between, id + 9,
		    cases[i].after);
		struct str text = str_of(mail);
		char *nul = strstr(mail, "%c");

		if (nul != NULL)
			nul[0] = nul[1] = '\0';
		IS_INT(take(text), cases[i].kind, "%s", cases[i].name);
		IS_INT(answertest_suppressed(&A, to) != 0,
		    cases[i].kind == SEEN_COMPLAINT, "%s: of whom",
		    cases[i].name);
	}
}

/* The envelope as the milter saw it, on the right body only. */
static void test_origin(void)
{
	const char *to = "o@token.example", *rest = "a body\n";
	uint64_t id = answertest_send(&A, to, "");
	struct str addr = str_of(answertest_address(&A, TOKEN_UNSUBSCRIBE, id));
	struct origin o = {.helo = STR("mx"), .rcpts = {&addr, 1}};
	struct dkim_body *b = dkim_body_new();
	struct str value;

	dkim_body_update(b, str_of(rest));
	if (dkim_body_final(b, o.body) != 0 ||
	    origin_make(A.app.tokens, &o, A.t.arena, &value) != 0)
		exit(1);
	dkim_body_free(&b);
	IS_INT(take(str_of(arena_printf(A.t.arena,
		   ORIGIN_FIELD ":%.*s\nSubject: x\n\nanother body\n",
		   STR_ARG(value)))),
	    SEEN_UNPARSED, "an origin field put on another mail");
	IS_INT(take(str_of(arena_printf(A.t.arena,
		   "Subject: x\n" ORIGIN_FIELD ": v=1; forged\n" ORIGIN_FIELD
		   ":%.*s\n\n%s",
		   STR_ARG(value), rest))),
	    SEEN_UNPARSED, "not the topmost");
	IS_INT(answertest_consent(&A, to, "demos"), CONSENT_NONE, "nothing");
	IS_INT(
	    take(str_of(arena_printf(A.t.arena,
		ORIGIN_FIELD ":%.*s\nSubject: x\n\n%s", STR_ARG(value), rest))),
	    SEEN_UNSUBSCRIBE, "on its own mail");
	IS_INT(answertest_consent(&A, to, "demos"), CONSENT_WITHDRAWN,
	    "names the recipient that no other field names");
}

static void test_unknown_message(void)
{
	uint64_t events = answertest_events(&A);

	IS_INT(dsn(0x123456789abcdefULL | 1ULL << 62, "x@y.example", "5.1.1",
		   "550 5.1.1 no such user"),
	    SEEN_BOUNCE, "a token of ours for a message not on record");
	IS_INT(answertest_events(&A), events + 1, "only the mail is recorded");
}

/* --- hostile bytes --- */

static void test_hostile(void)
{
	const char *to = "hostile@b.example";
	uint64_t id = answertest_send(&A, to, "");
	const char *addr = answertest_address(&A, TOKEN_BOUNCE, id);
	struct str s;
	struct buf b;

	IS_INT(take(mail_to(addr, "\n")), SEEN_UNPARSED, "empty");
	IS_INT(take(STR("")), SEEN_UNPARSED, "nothing at all");
	IS_INT(take(STR("\0\0\n\0: \0")), SEEN_UNPARSED, "NULs");
	s = answertest_dsn(&A, addr, "a@b\r\nX-Injected: yes", "5.1.1",
	    "550 \r\n\r\nX: y\001\033[2J");
	IS_INT(take(s), SEEN_BOUNCE, "line ends and escapes in the fields");
	IS_INT(answertest_suppressed(&A, to), 0, "name nobody");
	buf_init(&b, 4 << 20);
	buf_addz(&b, "X-Original-To: ");
	buf_addz(&b, addr);
	buf_addz(&b, "\nContent-Type: multipart/report; boundary=b; "
		     "report-type=delivery-status\n\n--b\nContent-Type: "
		     "message/delivery-status\n\n");
	for (int i = 0; i < 5000; i++)
		buf_printf(&b,
		    "\nFinal-Recipient: rfc822; p%d@b.example\nAction: failed\n"
		    "Status: 5.1.1\n",
		    i);
	buf_addz(&b, "\n--b--\n");
	IS_INT(buf_error(&b), 0, "5000 recipients");
	IS_INT(take(buf_str(&b)), SEEN_BOUNCE, "read");
	IS_INT(answertest_suppressed(&A, to), 0, "nobody of ours among them");
	buf_fini(&b);
}

/* A bounce of our bounce: the inner report is not the report. */
static void test_nested(void)
{
	const char *to = "nested@b.example";
	uint64_t id = answertest_send(&A, to, "");
	const char *addr = answertest_address(&A, TOKEN_BOUNCE, id);
	struct str inner =
	    answertest_dsn(&A, addr, to, "5.1.1", "550 no such user");
	char *mail = arena_printf(A.t.arena,
	    "X-Original-To: %s\nContent-Type: multipart/report; boundary=o; "
	    "report-type=delivery-status\n\n--o\nContent-Type: "
	    "message/delivery-status\n\nReporting-MTA: dns; x\n\n"
	    "Final-Recipient: rfc822; postmaster@other.example\n"
	    "Action: failed\nStatus: 5.1.1\n\n--o\n"
	    "Content-Type: message/rfc822\n\n%.*s\n--o--\n",
	    addr, STR_ARG(inner));

	IS_INT(take(str_of(mail)), SEEN_BOUNCE, "a bounce in a bounce");
	IS_INT(answertest_suppressed(&A, to), 0,
	    "the outer one names somebody else");
}

/* Words alone, as qmail sends them; to: in To of the returned message. */
static struct str notice(uint64_t id, const char *failed, const char *to)
{
	const char *z = arena_printf(A.t.arena,
	    "Return-Path: <>\nDelivered-To: %s\nFrom: MAILER-DAEMON@b.example\n"
	    "Subject: failure notice\n\nHi. This is the qmail-send program. I "
	    "wasn't able to deliver your message.\n\n<%s>:\nSorry, no mailbox "
	    "here by that name. (#5.1.1)\n\n--- Below this line is a copy of "
	    "the message.\n\nFrom: news@example.com\nTo: %s\n",
	    answertest_address(&A, TOKEN_BOUNCE, id), failed, to);

	return str_of(z);
}

static void test_notice(void)
{
	const char *to = "words@b.example", *alias = "forwards@b.example";
	uint64_t id = answertest_send(&A, to, "");

	IS_INT(take(notice(id, to, to)), SEEN_BOUNCE, "a notice in words");
	IS_INT(answertest_suppressed(&A, to), SUPPRESSION_USER_UNKNOWN,
	    "is one as a report is");
	id = answertest_send(&A, alias, "");
	IS_INT(take(notice(id, "home@elsewhere.example", alias)), SEEN_BOUNCE,
	    "of where a person's mail is forwarded to");
	IS_INT(answertest_suppressed(&A, alias), 0, "is not of the person");
}

static void test_forwarded(void)
{
	const char *to = "passed-on@b.example";
	uint64_t id = answertest_send(&A, to, "");
	const char *addr = answertest_address(&A, TOKEN_BOUNCE, id);
	const char *z = arena_printf(A.t.arena,
	    "Delivered-To: %s\nFrom: ann@b.example\nSubject: Fwd: Returned "
	    "mail\n\n> Final-Recipient: rfc822; %s\n> Action: failed\n> "
	    "Status: 5.1.1\n",
	    addr, to);

	IS_INT(take(str_of(z)), SEEN_REPORT, "a report that a person forwards");
	IS_INT(answertest_suppressed(&A, to), 0, "suppresses nobody");
}

/* Two messages to one person in one mail: both are told of. */
static void test_two_tokens(void)
{
	const char *to = "twice@b.example";
	uint64_t a = answertest_send(&A, to, ""),
		 b = answertest_send(&A, to, "");
	const char *both = arena_printf(A.t.arena, "%s, %s",
	    answertest_address(&A, TOKEN_BOUNCE, a),
	    answertest_address(&A, TOKEN_BOUNCE, b));
	struct str mail =
	    answertest_dsn(&A, both, to, "5.1.1", "550 5.1.1 no such user");

	IS_INT(take(mail), SEEN_BOUNCE, "two bounce addresses");
	OK(answertest_slot(&A, a) == SLOT_RELEASED &&
		answertest_slot(&A, b) == SLOT_RELEASED,
	    "both slots are free");
	IS_INT(answertest_suppressed(&A, to), SUPPRESSION_USER_UNKNOWN,
	    "suppressed");
}

/* Of one message, at two of its addresses. */
static void test_complained_twice(void)
{
	const char *to = "double@b.example";
	uint64_t id = answertest_send(&A, to, "");
	uint64_t before = answertest_counter(&A, "complaint.abuse");
	const char *f = answertest_address(&A, TOKEN_FEEDBACK, id);
	struct str mail = arf(f, "abuse");

	(void)take(str_of(arena_printf(A.t.arena, "Delivered-To: %s\n%.*s",
	    answertest_address(&A, TOKEN_BOUNCE, id), STR_ARG(mail))));
	IS_INT(
	    answertest_suppressed(&A, to), SUPPRESSION_COMPLAINT, "suppressed");
	IS_INT(answertest_counter(&A, "complaint.abuse") - before, 1,
	    "one complaint");
}

/* Set aside once, and moved back by people when rules say more. */
static void test_fed_again(void)
{
	const char *to = "again@b.example";
	struct str mail = answertest_dsn(&A,
	    answertest_address(&A, TOKEN_BOUNCE, answertest_send(&A, to, "")),
	    to, "5.1.1", "550 5.1.1 no such user");
	unsigned char digest[SEEN_DIGEST];
	struct sort nothing = {.kind = SEEN_UNPARSED};
	struct act_item item = {.mail = &nothing, .digest = digest};

	if (digest_sha256(mail, digest) != 0)
		bug("digest");
	for (int i = 0; i < 2; i++) {
		act_mails(&A.app, &item, 1);
		IS_INT(item.rc, 0, "without a meaning");
		IS_INT(item.news, i == 0, "time %d", i);
	}
	IS_INT(take(mail), SEEN_BOUNCE, "with one");
	IS_INT(
	    answertest_suppressed(&A, to), SUPPRESSION_USER_UNKNOWN, "it acts");
	act_mails(&A.app, &item, 1);
	OK(item.rc == 0 && !item.news, "once");
}

/* Whichever allocation fails: nothing has happened, and later all of it. */
static void test_out_of_memory(void)
{
	const char *to = "oom@b.example";
	uint64_t id = answertest_send(&A, to, "");
	struct str mail =
	    answertest_dsn(&A, answertest_address(&A, TOKEN_BOUNCE, id), to,
		"5.1.1", "550 5.1.1 no such user");
	struct sort_with with = {
	    A.app.tokens, A.rules, A.now_ms, false, NULL, NULL, NULL};
	int before = answertest_counter(&A, "bounce.hard.user_unknown");
	unsigned char digest[SEEN_DIGEST] = "oom";
	bool clean = true;
	int rc, n = 0;

	do {
		struct arena *arena = arena_new(8 << 20);
		struct sort s = {0};
		struct act_item item = {.mail = &s, .digest = digest};

		fault_alloc_at(++n);
		rc = sort_mail(&with, mail, arena, &s);
		if (rc == 0)
			act_mails(&A.app, &item, 1);
		fault_alloc_at(0);
		rc = rc != 0 ? rc : item.rc;
		clean &= rc == 0 || answertest_suppressed(&A, to) == 0;
		arena_free(&arena);
	} while (rc != 0 && n < 10000);
	OK(rc == 0 && n > 10, "after %d failed allocations", n - 1);
	OK(clean, "none left anything half done");
	IS_INT(answertest_suppressed(&A, to), SUPPRESSION_USER_UNKNOWN,
	    "then suppressed");
	IS_INT(answertest_counter(&A, "bounce.hard.user_unknown"), before + 1,
	    "once");
}

/* Reducers read events and tables only: a replay gives the same bytes. */
static enum giveup_rank rank_of(uint64_t id)
{
	struct feedback_record r = {0};
	struct ledger_txn *t;

	if (ledger_read_begin(A.t.store->ledger, &t) == 0) {
		if (feedback_read(t, id, &r) != 0)
			printf("# feedback\n");
		ledger_read_end(&t);
	}
	return r.rank;
}

/* What came back of old messages goes, some with each new answer. */
static void test_retention(void)
{
	int64_t start = A.now_ms;
	uint64_t id[6], late;
	int left = 0;
	char to[64];

	for (size_t i = 0; i < 6; i++) {
		(void)snprintf(to, sizeof(to), "kept%zu@b.example", i);
		id[i] = answertest_send(&A, to, "");
		(void)dsn(id[i], to, "5.1.1", "550 5.1.1 no such user");
	}
	for (int day = 0; day < 2; day++) {
		answertest_time(
		    &A, start + (FEEDBACK_KEEP_DAYS + day) * ANSWERTEST_DAY);
		left = 0;
		for (size_t i = 0; i < 30; i++) {
			(void)snprintf(
			    to, sizeof(to), "late%d%zu@b.example", day, i);
			late = answertest_send(&A, to, "");
			(void)dsn(late, to, "5.1.1", "550 5.1.1 no such user");
		}
		for (size_t i = 0; i < 6; i++)
			left += rank_of(id[i]) != 0;
		IS_INT(left, day == 0 ? 6 : 0, "rows left after %d days",
		    FEEDBACK_KEEP_DAYS + day);
		OK(rank_of(late) != 0, "the new one is there");
	}
}

int main(void)
{
	answertest_open(&A);
	test_reasons();
	test_verdict_follows();
	test_once();
	test_says_more();
	test_after_delivery();
	test_other_person();
	test_original_recipient();
	test_unsubscribe();
	test_complaint();
	test_alerts();
	test_redacted();
	test_search_of_attachments();
	test_tokens();
	test_where_tokens_are();
	test_feedback_id();
	test_origin();
	test_unknown_message();
	test_hostile();
	test_nested();
	test_notice();
	test_forwarded();
	test_two_tokens();
	test_complained_twice();
	test_fed_again();
	test_out_of_memory();
	test_retention();
	rebuilttest_is_same(&A.t, 100);
	answertest_close(&A);
	return tap_done();
}
