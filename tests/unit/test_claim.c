/* test_claim.c - agent/in/claim: who complains for whom without a token of
 * ours, what is verified of it; and what a believed one does. */
#include "tests/unit/answertest.h"

#include "agent/in/claim.h"
#include "agent/in/named.h"
#include "policy/state/ops_move.h"

static struct answertest A;
static const struct str declared_v[] = {
    STR("staff@provider.example"), STR("feedback.example.net")};
static const struct strs declared = {declared_v, 2};

/* A report with these fields on top, this recipient and this To of the message
 * that it returns; NULL: none. */
static struct str report(
    const char *fields, const char *recipient, const char *to)
{
	return str_of(arena_printf(A.t.arena,
	    "%sSubject: complaint\nMIME-Version: 1.0\n"
	    "Content-Type: multipart/report; report-type=feedback-report;\n"
	    " boundary=b\n\n--b\nContent-Type: text/plain\n\nhi\n--b\n"
	    "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
	    "User-Agent: P/1\nVersion: 1\n%s%s%s\n--b\n"
	    "Content-Type: message/rfc822\n\n%s%s%sSubject: News\n\nHello\n"
	    "--b--\n",
	    fields, recipient != NULL ? "Original-Rcpt-To: " : "",
	    recipient != NULL ? recipient : "", recipient != NULL ? "\n" : "",
	    to != NULL ? "To: " : "", to != NULL ? to : "",
	    to != NULL ? "\n" : ""));
}

#define FROM "From: Reports <staff@provider.example>\n"

static const struct {
	const char *name, *fields, *recipient, *to;
	const char *who; /* NULL: it is no claim; "": it names nobody */
} cases[] = {
    {"by address", FROM, "<Ann@B.Example>", NULL, "ann@b.example"},
    {"by the message returned", FROM, NULL, "Ann <ann@b.example>",
	"ann@b.example"},
    {"the report's word first", FROM, "ann@b.example", "bob@b.example",
	"ann@b.example"},
    {"redacted, but for the message", FROM, "redacted", "bob@b.example",
	"bob@b.example"},
    {"redacted", FROM, "redacted", "redacted", ""},
    {"two in To", FROM, NULL, "ann@b.example, bob@b.example", ""},
    {"names nobody", FROM, NULL, NULL, ""},
    {"below a declared domain", "From: x@a.feedback.example.net\n",
	"ann@b.example", NULL, "ann@b.example"},
    {"another of that domain", "From: joe@provider.example\n", "ann@b.example",
	NULL, NULL},
    {"somebody else", "From: x@other.example\n", "ann@b.example", NULL, NULL},
    {"nobody", "", "ann@b.example", NULL, NULL},
    {"two From fields", FROM "From: x@feedback.example.net\n", "ann@b.example",
	NULL, NULL},
    {"two in From", "From: staff@provider.example, x@feedback.example.net\n",
	"ann@b.example", NULL, NULL},
    {"a From that is not clear", "From: staff@provider.example x@y.example\n",
	"ann@b.example", NULL, NULL},
};

static int sort_it(struct str mail, struct arena *a, struct sort *out)
{
	struct sort_with with = {
	    .keys = A.app.tokens, .rules = A.rules, .now_ms = A.now_ms};

	return sort_mail(&with, mail, a, out);
}

static void test_read(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_new(8 << 20);
		struct claim c;
		struct sort s;
		bool yes;

		if (sort_it(report(cases[i].fields, cases[i].recipient,
				cases[i].to),
			a, &s) != 0)
			bug("sort");
		IS_INT(claim_read(&s, &declared, a, &c, &yes), 0, "%s",
		    cases[i].name);
		OK(yes == (cases[i].who != NULL), "%s: %s claim", cases[i].name,
		    yes ? "a" : "no");
		if (yes && cases[i].who != NULL)
			IS_S(c.who.text, str_of(cases[i].who), "%s: whom",
			    cases[i].name);
		arena_free(&a);
	}
}

/* With a token it is no claim: the token says whom it is about. */
static void test_token(void)
{
	uint64_t id = answertest_send(&A, "tom@b.example", "");
	const char *to = answertest_address(&A, TOKEN_FEEDBACK, id);
	struct arena *a = arena_new(8 << 20);
	struct claim c;
	struct sort s;
	bool yes = true;

	if (sort_it(report(arena_printf(A.t.arena, "To: %s\n" FROM, to),
			"ann@b.example", NULL),
		a, &s) != 0)
		bug("sort");
	IS_INT(claim_read(&s, &declared, a, &c, &yes), 0, "with a token");
	OK(!yes && s.kind == SEEN_COMPLAINT, "no claim, but a complaint");
	arena_free(&a);
}

/* ---- who has left ---- */

#define GONE "I no longer work here."

static const struct {
	const char *name, *from, *origin, *body;
	bool answer; /* as if the milter had found the message, or... */
	bool direct; /* as if it were to an address with a token */
	bool want;
} leavers[] = {
    {"by Message-ID", "ann@b.example", "", GONE, true, false, true},
    {"by token", "ann@b.example", "", GONE, false, true, false},
    {"a field of nobody knows whom", "ann@b.example", "X-Tendril-Origin: x\n",
	GONE, false, false, true},
    {"of somebody else", "bob@b.example", "", "Ann Lee has left the company.",
	true, false, false},
    {"two authors", "ann@b.example, bob@b.example", "", GONE, true, false,
	false},
    {"two fields", "ann@b.example\nFrom: bob@b.example", "", GONE, true, false,
	false},
    {"no such words", "ann@b.example", "", "I am on vacation", true, false,
	false},
};

static void test_left(void)
{
	uint64_t id = answertest_send(&A, "ann@b.example", "");
	const char *to = answertest_address(&A, TOKEN_FEEDBACK, id);
	struct reply_rules *rules;

	if (reply_rules_new(&rules) != 0)
		bug("rules");
	for (size_t i = 0; i < sizeof(leavers) / sizeof(*leavers); i++) {
		struct arena *a = arena_new(8 << 20);
		struct sort_with with = {.keys = A.app.tokens,
		    .rules = A.rules,
		    .now_ms = A.now_ms,
		    .replies = rules};
		struct claim c;
		struct sort s;
		bool yes;
		char *mail = arena_printf(A.t.arena,
		    "%sReturn-Path: <>\nX-Original-To: %s\nFrom: %s\n"
		    "Subject: Re: News\nAuto-Submitted: auto-replied\n"
		    "In-Reply-To: <a@b>\n\n%s\n",
		    leavers[i].origin, to, leavers[i].from, leavers[i].body);

		if (sort_mail(&with, str_of(mail), a, &s) != 0)
			bug("sort");
		if (leavers[i].answer || leavers[i].direct)
			s.has_origin = true;
		s.origin.answer = leavers[i].answer;
		OK(s.has_reply, "%s: an answer", leavers[i].name);
		IS_INT(claim_left(&s, a, &c, &yes), 0, "%s", leavers[i].name);
		OK(yes == leavers[i].want, "%s: %s", leavers[i].name,
		    yes ? "to be verified" : "not to be verified");
		if (yes)
			IS_S(c.author.text, STR("ann@b.example"), "whose");
		arena_free(&a);
	}
	reply_rules_free(&rules);
}

/* ---- what is verified ---- */

static void test_mail(void)
{
	static const struct {
		const char *sender, *helo;
		bool has_origin, has_client, cut, want;
	} origins[] = {
	    {"b@provider.example", "x", true, true, false, true},
	    {"b@mx.provider.example", "x", true, true, false, true},
	    {"b@Provider.Example", "x", true, true, false, true},
	    {"b@other.example", "provider.example", true, true, false, false},
	    {"", "mx.provider.example", true, true, false, true},
	    {"", "other.example", true, true, false, false},
	    {"b@provider.example", "x", false, true, false, false},
	    {"b@provider.example", "x", true, false, false, false},
	    {"b@provider.example", "x", true, true, true, false},
	    {"@", "x", true, true, false, false},
	};
	struct claim c = {.author = {.domain = STR("provider.example")}};
	struct verify_mail m;

	for (size_t i = 0; i < sizeof(origins) / sizeof(*origins); i++) {
		struct sort s = {.has_origin = origins[i].has_origin};

		s.origin.has_client = origins[i].has_client;
		s.origin.sender = str_of(origins[i].sender);
		s.origin.helo = str_of(origins[i].helo);
		s.origin.client[15] = 7;
		claim_mail(&s, &c, STR("x"), origins[i].cut, &m);
		OK(m.has_client == origins[i].want &&
			(!m.has_client || m.client[15] == 7),
		    "origin %zu: SPF is %sasked", i,
		    m.has_client ? "" : "not ");
		IS_S(m.message, STR("x"), "the mail always");
	}
}

static void test_evidence(void)
{
	struct claim c = {.author = {.text = STR("staff@provider.example")}};
	struct authentic found = {.n = 1,
	    .v = {{AUTHENTIC_PASS, false, STR("provider.example"), STR("s"),
		false, false}}};
	struct arena *small = arena_new(16);

	IS_S(claim_evidence(&c, &found, A.t.arena),
	    STR("From: staff@provider.example; dkim=pass "
		"header.d=provider.example header.s=s"),
	    "evidence");
	OK(claim_evidence(&c, &found, small).p == NULL, "a full arena");
	arena_free(&small);
}

/* ---- what it does ---- */

static struct act_item act(const char *who, unsigned char number)
{
	static unsigned char digest[SEEN_DIGEST];
	struct sort s = {.kind = SEEN_COMPLAINT};
	struct ops_complaint_of of = {.who = storetest_address(&A.t, who),
	    .evidence = STR("From: staff@provider.example; dkim=pass")};
	struct act_item item = {.mail = &s, .digest = digest, .complaint = &of};

	digest[0] = number;
	act_mails(&A.app, &item, 1);
	return item;
}

static void test_act(void)
{
	struct act_item item;
	uint64_t events;

	(void)answertest_send(&A, "eve@b.example", "");
	item = act("eve@b.example", 1);
	OK(item.rc == 0 && item.news, "acted on");
	IS_INT(answertest_suppressed(&A, "eve@b.example"),
	    SUPPRESSION_COMPLAINT, "no more nurture");
	events = answertest_events(&A);
	item = act("eve@b.example", 1);
	OK(item.rc == 0 && !item.news, "the same mail again");
	IS_INT(answertest_events(&A), events, "leaves no trace");
	item = act("eve@b.example", 2);
	OK(item.rc == 0 && item.news, "another of the same");
	IS_INT(answertest_suppressed(&A, "eve@b.example"),
	    SUPPRESSION_COMPLAINT, "as before");
	item = act("stranger@b.example", 3);
	IS_INT(item.rc, 0, "of somebody who is not on record");
	IS_INT(answertest_suppressed(&A, "stranger@b.example"), 0,
	    "nobody is made up");
}

/* ---- by Message-ID ---- */

static const struct reference first = {{1}}, second = {{2}}, unknown = {{3}};

static void act_on(const char *who, const struct reference *r)
{
	static unsigned char digest[SEEN_DIGEST] = {9};
	struct sort s = {.kind = SEEN_COMPLAINT};
	struct ops_complaint_of of = {
	    .evidence = STR("x"), .has_reference = true, .reference = *r};
	struct act_item item = {.mail = &s, .digest = digest, .complaint = &of};

	if (who != NULL)
		of.who = storetest_address(&A.t, who);
	digest[1]++;
	act_mails(&A.app, &item, 1);
	OK(item.rc == 0 && item.news, "acted on");
}

static void send_as(const char *to, const struct reference *r)
{
	A.reference = (struct str){(const char *)r->digest, sizeof(r->digest)};
	OK(answertest_send(&A, to, "") != 0, "to %s", to);
	A.reference = STR("");
}

static int counted(void)
{
	return answertest_counter(&A, "complaint.abuse");
}

static void test_by_message(void)
{
	int before = counted();

	send_as("gus@b.example", &first);
	act_on(NULL, &unknown);
	IS_INT(counted(), before, "no message of ours");
	act_on(NULL, &first);
	IS_INT(answertest_suppressed(&A, "gus@b.example"),
	    SUPPRESSION_COMPLAINT, "redacted: by the message alone");
	IS_INT(counted(), before + 1, "counts");
	act_on("gus@b.example", &first);
	act_on(NULL, &first);
	IS_INT(counted(), before + 1, "once a message");
}

static void test_by_message_of_many(void)
{
	int before = counted();

	send_as("hal@b.example", &second);
	send_as("ida@b.example", &second);
	act_on(NULL, &second);
	IS_INT(answertest_suppressed(&A, "hal@b.example"), 0, "no guess");
	IS_INT(answertest_suppressed(&A, "ida@b.example"), 0, "at either");
	act_on("ida@b.example", &second);
	IS_INT(answertest_suppressed(&A, "ida@b.example"),
	    SUPPRESSION_COMPLAINT, "who is named");
	IS_INT(counted(), before + 1, "and her message");
	(void)answertest_send(&A, "joe@b.example", "");
	send_as("kay@b.example", &unknown);
	act_on("joe@b.example", &unknown);
	IS_INT(answertest_suppressed(&A, "joe@b.example"),
	    SUPPRESSION_COMPLAINT, "who is named, of another's message");
	IS_INT(answertest_suppressed(&A, "kay@b.example"), 0,
	    "whose it was is left alone");
	IS_INT(counted(), before + 1, "and nothing counted");
}

static void test_reads_message(void)
{
	struct str mail = report(FROM "X-A: b\n", "redacted", "redacted");
	struct arena *a = arena_new(8 << 20);
	struct claim c;
	struct sort s;
	bool yes = false;

	if (sort_it(mail, a, &s) != 0 ||
	    claim_read(&s, &declared, a, &c, &yes) != 0)
		bug("claim");
	OK(yes && !c.has_reference, "no Message-ID in what it returns");
	mail = report(FROM, "redacted", "redacted\nMessage-ID: <1@x.example>");
	if (sort_it(mail, a, &s) != 0 ||
	    claim_read(&s, &declared, a, &c, &yes) != 0)
		bug("claim");
	OK(yes && c.has_reference, "a Message-ID");
	arena_free(&a);
}

/* ---- a quoted token ---- */

/* Of a message to yoli@b.example; where it stands in the report of xeno. */
enum where {
	IN_TEXT,
	IN_ENVELOPE,
	IN_FIELD,
};

static const struct {
	const char *name, *recipient, *to;
	enum where where;
	bool kept;
} named[] = {
    {"of nobody", NULL, NULL, IN_TEXT, true},
    {"of herself", "yoli@b.example", NULL, IN_TEXT, true},
    {"in capitals", "<YOLI@B.Example>", NULL, IN_TEXT, true},
    {"of another on record", "xeno@b.example", NULL, IN_TEXT, false},
    {"of another, by what it returns", NULL, "Xeno <xeno@b.example>", IN_TEXT,
	false},
    {"the report's word first", "yoli@b.example", "xeno@b.example", IN_TEXT,
	true},
    {"of a stranger", "stranger@other.example", NULL, IN_TEXT, false},
    {"of a stranger with figures", "stranger1980@other.example", NULL, IN_TEXT,
	false},
    {"of a stranger near her", "stranger@b.example", NULL, IN_TEXT, true},
    {"redacted", "redacted", NULL, IN_TEXT, true},
    {"a word", "Redacted-17@other.example", NULL, IN_TEXT, true},
    {"masks", "xxxx@other.example", NULL, IN_TEXT, true},
    {"a digest in hex", "cb4a01a48251d476@other.example", NULL, IN_TEXT, true},
    {"a digest in base64", "9bCK0nfm3eoq@other.example", NULL, IN_TEXT, true},
    {"words in hex", "decade@other.example", NULL, IN_TEXT, false},
    {"it came to her message's address", "xeno@b.example", NULL, IN_ENVELOPE,
	true},
    {"it returns her message", "xeno@b.example", NULL, IN_FIELD, true},
    {"that she sent on", "xeno@b.example",
	"yoli@b.example\nResent-From: yoli@b.example", IN_FIELD, false},
    {"that she sent on to a stranger", "stranger@b.example",
	"yoli@b.example\nRESENT-to: stranger@b.example", IN_FIELD, false},
    {"that she sent on to nobody knows whom", "redacted",
	"yoli@b.example\nMessage-ID: <1@ours.example>\nResent-Date: 1",
	IN_FIELD, false},
    {"that was sent on, and no more is said", NULL,
	"yoli@b.example\nResent-Date: 1", IN_FIELD, false},
    {"that she sent on to herself", "yoli@b.example",
	"yoli@b.example\nResent-From: yoli@b.example", IN_FIELD, true},
    {"in a message of hers to a colleague", "stranger@b.example",
	"stranger@b.example\nFrom: Yoli <yoli@b.example>", IN_TEXT, false},
    {"in a message of hers to nobody knows whom", "redacted",
	"redacted\nFrom: Yoli <yoli@b.example>", IN_TEXT, false},
    {"in a message of hers to herself", "yoli@b.example",
	"x@y.example\nFrom: Yoli <yoli@b.example>", IN_TEXT, true},
    {"in a message of ours to a colleague", "stranger@b.example",
	"stranger@b.example\nFrom: News <news@mail.ours.example>", IN_TEXT,
	true},
    {"in one that says not by whom it is", "stranger@b.example",
	"stranger@b.example\nFrom: redacted", IN_TEXT, true},
    {"in one of two", "stranger@b.example",
	"stranger@b.example\nFrom: yoli@b.example, xeno@b.example", IN_TEXT,
	true},
    {"as whom she goes on", "zita@c.example", NULL, IN_TEXT, true},
    {"another address of hers", "yara@d.example", NULL, IN_TEXT, true},
};

static void move_to(const char *from, const char *to, bool merge)
{
	struct ops_move m = {.from = storetest_address(&A.t, from),
	    .to = storetest_address(&A.t, to),
	    .merge = merge,
	    .author = STR("test")};
	struct error err = {0};

	IS_INT(ops_move(A.t.store, &m, &err), 0, "moved %s", err.text);
}

/* With the token where it is to be. */
static struct str report_about(size_t i, uint64_t id)
{
	const char *address = answertest_address(&A, TOKEN_FEEDBACK, id);
	struct token t = {.kind = TOKEN_COMPOSED, .message_id = id};
	char text[TOKEN_TEXT_MAX + 1];
	const char *fields = FROM, *to = named[i].to;

	if (token_make(A.app.tokens, &t, text) != 0)
		bug("token");
	to = to != NULL ? to : "a, b";
	if (named[i].where == IN_ENVELOPE)
		fields = arena_printf(A.t.arena, "To: %s\n" FROM, address);
	else
		to = arena_printf(A.t.arena, "%s\n%s: %s", to,
		    named[i].where == IN_FIELD ? TOKEN_FIELD : "X-Quoted",
		    text);
	return report(fields, named[i].recipient, to);
}

static void test_named(void)
{
	uint64_t id;

	A.from_domain = STR("ours.example");
	id = answertest_send(&A, "yoli@b.example", "");
	(void)answertest_send(&A, "xeno@b.example", "");
	(void)answertest_send(&A, "yara@d.example", "");
	move_to("yoli@b.example", "zita@c.example", false);
	move_to("yara@d.example", "zita@c.example", true);
	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++) {
		struct arena *a = arena_new(8 << 20);
		struct claim c;
		struct sort s;
		bool yes;

		if (sort_it(report_about(i, id), a, &s) != 0)
			bug("sort");
		OK(s.n == 1 && s.kind == SEEN_COMPLAINT, "%s: a token",
		    named[i].name);
		IS_INT(s.quoted, named[i].where == IN_TEXT, "%s: where",
		    named[i].name);
		IS_INT(s.returned, named[i].where == IN_FIELD, "%s: and where",
		    named[i].name);
		IS_INT(named_settle(A.t.store, a, &s), 0, "%s: %s",
		    named[i].name, s.reason);
		IS_INT(s.n == 1 && s.kind == SEEN_COMPLAINT, named[i].kept,
		    "%s: is it of her", named[i].name);
		IS_INT(claim_read(&s, &declared, a, &c, &yes), 0, "read");
		OK(yes != named[i].kept, "%s: else a claim of whom it names",
		    named[i].name);
		OK(!yes || (!str_eq(c.who.text, STR("yoli@b.example")) &&
			       !c.has_reference),
		    "%s: and never of her", named[i].name);
		arena_free(&a);
	}
}

int main(void)
{
	answertest_open(&A);
	test_read();
	test_token();
	test_left();
	test_mail();
	test_evidence();
	test_act();
	test_by_message();
	test_by_message_of_many();
	test_reads_message();
	test_named();
	answertest_close(&A);
	return tap_done();
}
