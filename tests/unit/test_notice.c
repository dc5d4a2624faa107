/* test_notice.c - failures told in words alone: forms of many MTAs, and what
 * must never be taken for one. The mails are invented, one a file in
 * tests/fuzz/corpus/notice. */
#include "tests/unit/tap.h"

#include "policy/base/buf.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/mail/charset.h"
#include "policy/mail/htmltext.h"
#include "policy/mail/notice.h"
#include "policy/mail/notice_advice.h"
#include "policy/mail/report.h"

enum {
	ARENA = 64 << 20,
	RCPT_MAX = 3,
	MAIL_MAX = 1 << 20,
};

static struct arena *arena;
static struct bounce_rules *rules;
static struct buf sample;

static const struct form {
	const char *file;
	enum report_kind kind;
	enum bounce_reason reason; /* NOT_A_BOUNCE: not asked */
	struct {
		const char *address, *status;
	} rcpt[RCPT_MAX];
} forms[] = {
    {"qmail", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}, {"bob@example.org", "5.1.1"}}},
    {"qmail-no-host", REPORT_HARD, BOUNCE_HOST_UNKNOWN,
	{{"ann@example.org", "5.1.2"}}},
    {"james", REPORT_HARD, BOUNCE_USER_UNKNOWN, {{"ann@example.org", "5.1.1"}}},
    {"exim-3-no-x-failed-recipients", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"exim-still-trying", REPORT_DELAYED, BOUNCE_NOT_A_BOUNCE,
	{{"ann@example.org", "4.1.1"}}},
    {"sendmail-8-in-plain-text", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}, {"bob@example.edu", "5.2.2"}}},
    {"sendmail-5", REPORT_HARD, BOUNCE_HOST_UNKNOWN,
	{{"ann@example.org", ""}, {"bob@example.edu", ""},
	    {"cid@example.com", ""}}},
    {"sendmail-s-verdict-is-not-the-server-s", REPORT_SOFT, BOUNCE_AUTH_FAILURE,
	{{"ann@example.org", "5.7.1"}}},
    {"postfix-before-it-wrote-reports", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", ""}}},
    {"exchange-5-5", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ANN@EXAMPLE.ORG", ""}}},
    {"office-365-no-status-part", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.10"}}},
    {"exchange-2007-in-html-alone", REPORT_SOFT, BOUNCE_MAILBOX_FULL,
	{{"ann@example.org", "5.2.2"}}},
    {"domino", REPORT_HARD, BOUNCE_USER_UNKNOWN, {{"ann@example.org", ""}}},
    {"notes-smtp-mta", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", ""}}},
    {"advice-that-is-not-the-cause", REPORT_SOFT, BOUNCE_EXPIRED,
	{{"ann@example.org", ""}}},
    {"advice-alone", REPORT_SOFT, BOUNCE_OTHER, {{"ann@example.org", ""}}},
    {"ironport-expired", REPORT_SOFT, BOUNCE_EXPIRED,
	{{"ann@example.org", "5.4.7"}}},
    {"an-administrator-s-bounce", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", ""}}},
    {"groupwise", REPORT_HARD, BOUNCE_USER_UNKNOWN, {{"ann@example.org", ""}}},
    {"groupwise-without-the-domain", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", ""}}},
    {"aol-without-the-domain", REPORT_SOFT, BOUNCE_NOT_A_BOUNCE,
	{{"ann@example.org", ""}}},
    {"gmx", REPORT_HARD, BOUNCE_USER_UNKNOWN, {{"ann@example.org", "5.1.1"}}},
    {"1-1", REPORT_HARD, BOUNCE_USER_UNKNOWN, {{"ann@example.org", "5.1.1"}}},
    {"gmail-before-it-wrote-reports", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"yahoo", REPORT_SOFT, BOUNCE_MAILBOX_FULL, {{"ann@example.org", "5.2.2"}}},
    {"courier-in-plain-text", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"550-to-data-is-no-word-about-the-person", REPORT_SOFT, BOUNCE_POLICY,
	{{"ann@example.org", ""}}},
    {"550-to-the-rcpt-of-a-pipeline-is", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", ""}}},
    {"opensmtpd", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"opensmtpd-still-trying", REPORT_DELAYED, BOUNCE_THROTTLED,
	{{"ann@example.org", "4.7.1"}}},
    {"dragonfly", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"imail", REPORT_HARD, BOUNCE_USER_UNKNOWN, {{"ann@example.org", ""}}},
    {"imail-what-the-server-said", REPORT_SOFT, BOUNCE_SPAM_CONTENT,
	{{"ann@example.org", "5.7.1"}}},
    {"mailfoundry", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"mailmarshal", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"mx-logic", REPORT_SOFT, BOUNCE_MAILBOX_FULL,
	{{"ann@example.org", "5.2.2"}}},
    {"interscan", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"a-sun-messaging-server", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"zoho", REPORT_HARD, BOUNCE_USER_UNKNOWN, {{"ann@example.org", "5.1.1"}}},
    {"kddi", REPORT_SOFT, BOUNCE_MAILBOX_FULL, {{"ann@example.org", ""}}},
    {"biglobe", REPORT_SOFT, BOUNCE_NOT_A_BOUNCE, {{"ann@example.org", ""}}},
    {"communigate", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"mdaemon", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"smail", REPORT_HARD, BOUNCE_HOST_UNKNOWN, {{"ann@example.org", ""}}},
    {"an-mta-that-lists-with-bullets", REPORT_HARD, BOUNCE_HOST_UNKNOWN,
	{{"ann@example.org", "5.1.2"}}},
    {"an-appliance-that-says-it-in-a-sentence", REPORT_SOFT, BOUNCE_NETWORK,
	{{"ann@example.org", "5.4.6"}}},
    {"fields-of-a-report-in-the-text", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"a-gateway-that-wraps-a-report", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"only-the-returned-message-names-somebody", REPORT_SOFT,
	BOUNCE_MAILBOX_FULL, {{"ann@example.org", "5.2.2"}}},
    {"german", REPORT_HARD, BOUNCE_USER_UNKNOWN, {{"ann@example.org", ""}}},
    {"japanese", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"base64", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"delivered", REPORT_DELIVERED, BOUNCE_DELIVERED,
	{{"ann@example.org", ""}}},
    {"a-sieve-that-rejects", REPORT_SOFT, BOUNCE_NOT_A_BOUNCE,
	{{"ann@example.org", ""}}},
    {"hmailserver", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"mimecast", REPORT_HARD, BOUNCE_USER_UNKNOWN, {{"ann@example.org", ""}}},
    {"russian", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}}},
    {"several-on-a-line", REPORT_HARD, BOUNCE_USER_UNKNOWN,
	{{"ann@example.org", "5.1.1"}, {"bob@example.org", "5.1.1"},
	    {"cid@example.org", "5.1.1"}}},
};

/* By another source than the words of a notice. */
static const struct special {
	const char *file, *source;
	struct form want;
} specials[] = {
    {"amazon-ses-bounce", "ses",
	{NULL, REPORT_HARD, BOUNCE_USER_UNKNOWN,
	    {{"ann@example.org", "5.1.1"}, {"bob@example.org", "5.2.2"}}}},
    {"amazon-ses-transient", "ses",
	{NULL, REPORT_SOFT, BOUNCE_EXPIRED, {{"ann@example.org", "4.0.0"}}}},
    {"amazon-ses-complaint", "ses",
	{NULL, REPORT_COMPLAINT, BOUNCE_ABUSE, {{"ann@example.org", ""}}}},
    {"amazon-ses-complaint-of-a-virus", "ses",
	{NULL, REPORT_COMPLAINT, BOUNCE_ABUSE, {{"ann@example.org", ""}}}},
    {"amazon-ses-not-spam", "ses",
	{NULL, REPORT_NONE, BOUNCE_OTHER_REPORT, {{NULL, NULL}}}},
    {"amazon-ses-auth-failure", "ses",
	{NULL, REPORT_NONE, BOUNCE_OTHER_REPORT, {{NULL, NULL}}}},
    {"amazon-ses-brackets-in-strings", "ses",
	{NULL, REPORT_HARD, BOUNCE_USER_UNKNOWN,
	    {{"ann@example.org", "5.1.1"}, {"bob@example.org", "5.1.1"}}}},
    {"amazon-ses-delivery", "ses",
	{NULL, REPORT_NONE, BOUNCE_OTHER_REPORT, {{NULL, NULL}}}},
    {"a-report-forwarded-whole", "forward",
	{NULL, REPORT_HARD, BOUNCE_USER_UNKNOWN,
	    {{"bob@example.org", "5.1.1"}}}},
    {"an-answer-to-it", "nothing",
	{NULL, REPORT_NONE, BOUNCE_NOT_A_BOUNCE, {{NULL, NULL}}}},
};

static const struct other {
	const char *file;
	enum report_kind kind;
} others[] = {
    {"not-a-person-answers-a-bounce", REPORT_NONE},
    {"not-a-person-forwards-one", REPORT_NONE},
    {"not-a-person-with-a-telling-name", REPORT_NONE},
    {"not-a-newsletter-about-delivery", REPORT_NONE},
    {"not-a-vacation-notice", REPORT_AUTO_REPLY},
    {"not-an-out-of-office-notice-of-exchange", REPORT_AUTO_REPLY},
    {"not-a-challenge", REPORT_AUTO_REPLY},
    {"not-a-ticket-system", REPORT_AUTO_REPLY},
    {"not-the-postmaster-writes-himself", REPORT_NONE},
    {"not-an-administrator-who-answers", REPORT_NONE},
    {"not-a-notice-that-names-nobody", REPORT_NONE},
    {"not-a-digest-of-a-quarantine", REPORT_NONE},
};

static int classify(struct str text, size_t max, struct report *r)
{
	arena_free(&arena);
	arena = arena_new(max);
	return arena != NULL ? report_classify(rules, text, arena, r)
			     : ERR_LIMIT;
}

/* The mail of that name. */
static struct str mail_of(const char *name)
{
	const char *dir = getenv("TENDRIL_SRCDIR");
	struct error err = {0};
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/notice/%s",
	    dir != NULL ? dir : ".", name);
	buf_reset(&sample);
	OK(file_read(path, &sample, &err) == 0, "%s: reads %s", name, err.text);
	return buf_str(&sample);
}

static void check_report(
    const char *what, const struct form *f, const struct report *r)
{
	size_t n = 0;

	while (n < RCPT_MAX && f->rcpt[n].address != NULL)
		n++;
	IS_STR(report_kind_name(r->kind), report_kind_name(f->kind), "%s: kind",
	    what);
	IS_INT(r->n, n, "%s: recipients", what);
	for (size_t k = 0; k < n && k < r->n; k++) {
		IS_S(r->rcpt[k].address, str_of(f->rcpt[k].address),
		    "%s: address", what);
		IS_S(r->rcpt[k].status, str_of(f->rcpt[k].status), "%s: status",
		    what);
	}
}

static void test_forms(void)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		const struct form *f = &forms[i];
		struct report r;

		IS_INT(classify(mail_of(f->file), ARENA, &r), 0, "%s", f->file);
		IS_STR(report_source_name(r.source), "notice", "%s: source",
		    f->file);
		if (f->reason != BOUNCE_NOT_A_BOUNCE)
			IS_STR(bounce_reason_name(r.reason),
			    bounce_reason_name(f->reason), "%s: reason",
			    f->file);
		check_report(f->file, f, &r);
	}
}

static void test_specials(void)
{
	for (size_t i = 0; i < sizeof(specials) / sizeof(*specials); i++) {
		const struct special *s = &specials[i];
		struct report r;

		IS_INT(classify(mail_of(s->file), ARENA, &r), 0, "%s", s->file);
		IS_STR(report_source_name(r.source), s->source, "%s: source",
		    s->file);
		IS_STR(bounce_reason_name(r.reason),
		    bounce_reason_name(s->want.reason), "%s: reason", s->file);
		check_report(s->file, &s->want, &r);
	}
}

/* What is left of a notice without advice. */
static void test_advice(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"User unknown. If it was misspelled, correct it. Sorry.",
		"User unknown. Sorry."},
	    {"user unknown\nIf the user does\nnot exist, ask\n",
		"user unknown\n"},
	    {"If the user does\nnot exist, ask\n550 5.1.1 unknown\n",
		"550 5.1.1 unknown\n"},
	    {"* If the mailbox of the person that you wrote to does not exist\n"
	     "any longer, ask\nUser unknown\n",
		"User unknown\n"},
	    {"Timed out.\n\nCommon causes: no such user, the server is down. "
	     "Or "
	     "it is gone.\n\nGood bye.\n",
		"Timed out.\n\n\nGood bye.\n"},
	    {"Possible reasons:\n\n- no such user\n- full\n\nGood bye.\n",
		"\nGood bye.\n"},
	    {"Possible reasons:\n- no such user", ""},
	    {"The address may be wrong.", ""},
	    {"550 5.1.1 No such user. M\303\266glicherweise voll.",
		"550 5.1.1 No such user."},
	    {"Iffy. Checked. Said 550 5.1.1", "Iffy. Checked. Said 550 5.1.1"},
	    {"", ""},
	};
	struct buf b;

	buf_init(&b, 1024);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buf_reset(&b);
		notice_advice_drop(str_of(cases[i].text), &b);
		IS_S(buf_str(&b), str_of(cases[i].want), "'%s'", cases[i].text);
	}
	buf_fini(&b);
}

/* What Amazon says of each, however it is quoted. */
static void test_amazon(void)
{
	struct report r;

	IS_INT(classify(mail_of("amazon-ses-brackets-in-strings"), ARENA, &r),
	    0, "reads");
	OK(r.n == 2, "two recipients");
	if (r.n == 2) {
		IS_S(r.rcpt[0].diagnostic,
		    STR("550 5.1.1 {mx7} [192.0.2.1] \"mailbox\"   full"),
		    "the whole text");
		IS_STR(bounce_reason_name(r.rcpt[0].reason), "mailbox_full",
		    "and what it says");
	}
}

static void test_others(void)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		struct report r;

		IS_INT(classify(mail_of(others[i].file), ARENA, &r), 0, "%s",
		    others[i].file);
		IS_STR(report_kind_name(r.kind),
		    report_kind_name(others[i].kind), "%s: kind",
		    others[i].file);
		IS_INT(r.n, 0, "%s: nobody", others[i].file);
	}
}

/* The message's own fields, found behind a line of the notice. */
static void test_returned(void)
{
	static const char mail[] =
	    "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\n"
	    "Subject: failure notice\n\nI wasn't able to deliver it.\n\n"
	    "<moved@example.net>:\n550 5.1.1 user unknown\n\n"
	    "--- Below this line is a copy of the message.\n\n"
	    "Return-Path: <news@example.com>\nTo: Ann <ann@example.org>\n"
	    "Message-ID: <1@example.com>\n\nNews of nobody@example.org\n";
	struct report r;
	const struct header *h;

	IS_INT(classify(STR(mail), ARENA, &r), 0, "sorts");
	h = header_find(&r.original, STR("Message-ID"), 0);
	OK(h != NULL && str_contains(h->value, STR("<1@example.com>")),
	    "its Message-ID");
	IS_INT(r.n, 1, "one recipient");
	if (r.n == 1) {
		IS_S(r.rcpt[0].address, STR("moved@example.net"), "address");
		IS_INT(r.rcpt[0].original.n, 0, "no Original-Recipient");
		IS_S(r.rcpt[0].returned_to, STR("ann@example.org"),
		    "the one in To may be it");
	}
}

/* Each step is bounded: more text, lines and addresses than are looked at. */
static void test_hostile(void)
{
	int64_t t = clock_mono_ms();
	struct report r;
	struct buf b;

	buf_init(&b, 64 << 20);
	buf_addz(&b, "Return-Path: <>\nFrom: MAILER-DAEMON\nSubject: failure "
		     "notice\n\nThe following addresses failed:\n\n");
	for (int i = 0; i < 100000; i++)
		buf_printf(&b, "<u%d@example.org>:\n550 user unknown\n\n", i);
	IS_INT(classify(buf_str(&b), ARENA, &r), 0, "many recipients");
	IS_INT(r.n, NOTICE_RECIPIENTS_MAX, "as many as are read");
	OK(r.cut, "and no more");
	buf_reset(&b);
	buf_addz(&b, "Return-Path: <>\nFrom: MAILER-DAEMON\nContent-Type: "
		     "text/html\n\n<p>could not be delivered");
	while (b.n < 16 << 20)
		buf_addz(&b, "<!-- <style <script & &# @@@@ <<<< a@");
	IS_INT(classify(buf_str(&b), ARENA, &r), 0, "a page without end");
	buf_reset(&b);
	buf_addz(&b, "Return-Path: <>\nFrom: MAILER-DAEMON\n\nundeliverable "
		     "to ");
	while (b.n < 16 << 20)
		buf_add(&b, (struct str){"\0@\"@\r5.1.1 ", 10});
	IS_INT(classify(buf_str(&b), ARENA, &r), 0, "a line without end");
	buf_reset(&b);
	buf_addz(&b, "Return-Path: <>\nFrom: MAILER-DAEMON\n\nundeliverable "
		     "to ");
	while (b.n < 16 << 20)
		buf_addz(&b, "\"a@b.c from a@b.c ");
	IS_INT(classify(buf_str(&b), ARENA, &r), 0, "a line of addresses");
	OK(clock_mono_ms() - t < TAP_ENDLESS_MS, "in time");
	buf_fini(&b);
}

static void test_charset(void)
{
	static const struct {
		const char *charset, *in, *want;
	} cases[] = {
	    {"", "plain", "plain"},
	    {"us-ascii", "caf\351", "caf\351"},
	    {"utf-8", "caf\303\251", "caf\303\251"},
	    {"ISO-8859-1", "caf\351", "caf\303\251"},
	    {"windows-1252", "isn\222t \223x\224 \201",
		"isn\342\200\231t \"x\" ?"},
	    {"iso-8859-2", "odpowied\274", "odpowied\305\272"},
	    {"koi8-r", "\326\331\327", "\320\266\321\213\320\262"},
	    {"iso-2022-jp", "\033$B08@h\033(B a@example.jp",
		"\345\256\233\345\205\210 a@example.jp"},
	    {"shift_jis", "\210\266\220\346", "\345\256\233\345\205\210"},
	    {"gb2312", "\315\313\320\305\377x", "\351\200\200\344\277\241?x"},
	    {"../../x", "caf\351", "caf\351"},
	};

	arena_free(&arena);
	arena = arena_new(ARENA);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str out;

		IS_INT(charset_to_utf8(str_of(cases[i].charset),
			   str_of(cases[i].in), arena, &out),
		    0, "%s", cases[i].charset);
		IS_S(out, str_of(cases[i].want), "%s", cases[i].charset);
	}
}

static void test_html(void)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
	    {"<p>a<br>b</p>", "\na\nb\n"},
	    {"a  \n b", "a b"},
	    {"<td>a</td><td>b</td>", "a b "},
	    {"<style>x</style>a<!-- b -->c<script>d</script>e", ">ac>e"},
	    {"&lt;a&gt; &#39;&#x41;&amp;&nope;", "<a> 'A&&nope;"},
	    {"<user@example.com> 1 < 2", "<user@example.com> 1 < 2"},
	    {"x<b", "x"},
	    {"x<!-- never", "x"},
	    {"&#1114112;&#x;", "&#1114112;&#x;"},
	};

	arena_free(&arena);
	arena = arena_new(ARENA);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str out;

		IS_INT(htmltext_read(str_of(cases[i].in), arena, &out), 0, "%s",
		    cases[i].in);
		IS_S(out, str_of(cases[i].want), "%s", cases[i].in);
	}
}

static void test_faults(void)
{
	struct str mail = mail_of("qmail");
	struct report r;
	int rc = -1, odd = 0;
	long n;

	for (n = 1; rc != 0 && n < 100; n++) {
		fault_alloc_at(n);
		rc = classify(mail, ARENA, &r);
		fault_alloc_at(0);
	}
	OK(rc == 0 && n > 2, "sorts after %ld failures", n - 2);
	for (size_t max = 1; max < 100000; max += 512) {
		rc = classify(mail, max, &r);
		odd += rc != 0 && rc != ERR_LIMIT;
	}
	IS_INT(odd, 0, "a small arena gives ERR_LIMIT and nothing else");
}

int main(void)
{
	if (bounce_rules_new(&rules) != 0)
		return 2;
	buf_init(&sample, MAIL_MAX);
	test_forms();
	test_specials();
	test_advice();
	test_amazon();
	test_others();
	test_returned();
	test_hostile();
	test_charset();
	test_html();
	test_faults();
	bounce_rules_free(&rules);
	buf_fini(&sample);
	arena_free(&arena);
	return tap_done();
}
