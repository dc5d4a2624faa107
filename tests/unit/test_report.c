/* test_report.c - what is this mail? Invented examples of each kind, and the
 * parse of feedback reports. */
#include "tests/unit/tap.h"

#include "policy/base/buf.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/mail/arf.h"
#include "policy/mail/report.h"

enum {
	ARENA = 64 << 20
};

static struct arena *arena;
static struct bounce_rules *rules;

static int classify(struct str text, struct report *r)
{
	arena_free(&arena);
	arena = arena_new(ARENA);
	if (arena == NULL)
		exit(2);
	return report_classify(rules, text, arena, r);
}

#define DSN(notice, fields)                                                    \
	"From: MAILER-DAEMON@mx.example.net\nAuto-Submitted: auto-replied\n"   \
	"Content-Type: multipart/report; report-type=delivery-status; "        \
	"boundary=b\n\n--b\n\n" notice                                         \
	"\n\n--b\nContent-Type: message/delivery-status\n\n"                   \
	"Reporting-MTA: dns; mx.example.net\n\n" fields "\n--b--\n"
#define TO(address) "Final-Recipient: rfc822; " address "\n"
#define ARF(fields)                                                            \
	"From: <fbl@example.net>\nContent-Type: multipart/report; "            \
	"report-type=feedback-report; boundary=b\n\n--b\n\nA complaint.\n"     \
	"--b\nContent-Type: message/feedback-report\n\n" fields                \
	"\n--b\nContent-Type: message/rfc822\n\nMessage-ID: "                  \
	"<1@example.com>\nSubject: News\n\nbody\n--b--\n"

static const struct kind_case {
	const char *what, *mail;
	enum report_kind kind;
	enum report_source source;
	enum bounce_reason reason;
	size_t n;
} kind_cases[] = {
    {"a hard bounce",
	DSN("", TO("a@example.org") "Action: failed\nStatus: 5.1.1\n"),
	REPORT_HARD, REPORT_BY_DSN, BOUNCE_USER_UNKNOWN, 1},
    {"a soft one",
	DSN("", TO("a@example.org") "Action: failed\nStatus: 5.2.2\n"),
	REPORT_SOFT, REPORT_BY_DSN, BOUNCE_MAILBOX_FULL, 1},
    {"a delay", DSN("", TO("a@example.org") "Action: delayed\nStatus: 4.4.1\n"),
	REPORT_DELAYED, REPORT_BY_DSN, BOUNCE_NETWORK, 1},
    {"a delay for an unknown user is no hard bounce",
	DSN("", TO("a@example.org") "Action: delayed\nStatus: 4.1.1\n"),
	REPORT_DELAYED, REPORT_BY_DSN, BOUNCE_OTHER, 1},
    {"a delivery",
	DSN("", TO("a@example.org") "Action: delivered\nStatus: 2.1.5\n"),
	REPORT_DELIVERED, REPORT_BY_DSN, BOUNCE_DELIVERED, 1},
    {"relayed", DSN("", TO("a@example.org") "Action: relayed\nStatus: 2.1.9\n"),
	REPORT_DELIVERED, REPORT_BY_DSN, BOUNCE_DELIVERED, 1},
    {"several: the worst counts",
	DSN("",
	    TO("a@example.org") "Action: delivered\nStatus: 2.0.0\n\n" TO(
		"b@example.org") "Action: failed\nStatus: 5.1.1\n\n" TO("c@"
									"exampl"
									"e.org") "Action: failed\nStatus: 5.2.2\n"),
	REPORT_HARD, REPORT_BY_DSN, BOUNCE_USER_UNKNOWN, 3},
    {"no action: a permanent status is a failure",
	DSN("", TO("a@example.org") "Status: 5.1.1\n"), REPORT_HARD,
	REPORT_BY_DSN, BOUNCE_USER_UNKNOWN, 1},
    {"no action: any other is not",
	DSN("", TO("a@example.org") "Status: 4.1.1\n"), REPORT_DELAYED,
	REPORT_BY_DSN, BOUNCE_OTHER, 1},
    {"neither action nor status", DSN("", TO("a@example.org")), REPORT_DELAYED,
	REPORT_BY_DSN, BOUNCE_OTHER, 1},
    {"a report without recipients", DSN("", ""), REPORT_NONE, REPORT_BY_DSN,
	BOUNCE_NOT_A_BOUNCE, 0},
    {"a challenge",
	DSN("", TO("a@example.org") "Action: failed\nStatus: 5.7.0\n"
				    "Diagnostic-Code: x-cr; Sender not "
				    "pre-approved\n"),
	REPORT_AUTO_REPLY, REPORT_BY_DSN, BOUNCE_AUTO_REPLY, 1},
    {"the reason is in the notice",
	DSN("Sorry.\n\n<a@example.org>: 552 mailbox\n  over quota\n\n"
	    "No such user is another matter.",
	    TO("a@example.org") "Action: failed\nStatus: 5.0.0\n"),
	REPORT_SOFT, REPORT_BY_DSN, BOUNCE_MAILBOX_FULL, 1},
    {"the reason is a comment",
	DSN("", TO("a@example.org") "Action: failed\nStatus: 5.0.0 "
				    "(no such user)\n"),
	REPORT_HARD, REPORT_BY_DSN, BOUNCE_USER_UNKNOWN, 1},
    {"a complaint",
	ARF("Feedback-Type: abuse\nOriginal-Rcpt-To: "
	    "<a@example.org>\n"),
	REPORT_COMPLAINT, REPORT_BY_ARF, BOUNCE_ABUSE, 1},
    {"a redacted complaint", ARF("Feedback-Type: ABUSE \nVersion: 1\n"),
	REPORT_COMPLAINT, REPORT_BY_ARF, BOUNCE_ABUSE, 0},
    {"a complaint with a remark", ARF("Feedback-Type: abuse (spam)\n"),
	REPORT_COMPLAINT, REPORT_BY_ARF, BOUNCE_ABUSE, 0},
    {"a complaint with an end", ARF("Feedback-Type: \"Abuse\"; x=y\n"),
	REPORT_COMPLAINT, REPORT_BY_ARF, BOUNCE_ABUSE, 0},
    {"a type that only begins so", ARF("Feedback-Type: abuse-not\n"),
	REPORT_NONE, REPORT_BY_ARF, BOUNCE_OTHER_REPORT, 0},
    {"fraud", ARF("Feedback-Type: fraud\n"), REPORT_COMPLAINT, REPORT_BY_ARF,
	BOUNCE_ABUSE, 0},
    {"opt-out",
	ARF("Feedback-Type: opt-out\nRemoval-Recipient: "
	    "a@example.org\n"),
	REPORT_UNSUBSCRIBE, REPORT_BY_ARF, BOUNCE_OPT_OUT, 1},
    {"virus", ARF("Feedback-Type: virus\n"), REPORT_COMPLAINT, REPORT_BY_ARF,
	BOUNCE_ABUSE, 0},
    {"auth-failure is no complaint", ARF("Feedback-Type: auth-failure\n"),
	REPORT_NONE, REPORT_BY_ARF, BOUNCE_AUTH_REPORT, 0},
    {"not-spam is none either", ARF("Feedback-Type: not-spam\n"), REPORT_NONE,
	REPORT_BY_ARF, BOUNCE_OTHER_REPORT, 0},
    {"an unknown type", ARF("Feedback-Type: weather\n"), REPORT_NONE,
	REPORT_BY_ARF, BOUNCE_OTHER_REPORT, 0},
    {"no type", ARF("Version: 1\n"), REPORT_NONE, REPORT_BY_ARF,
	BOUNCE_OTHER_REPORT, 0},
    {"a receipt",
	"Content-Type: multipart/report; boundary=b; report-type="
	"disposition-notification\n\n--b\n\nRead.\n--b\nContent-Type: "
	"message/disposition-notification\n\nFinal-Recipient: "
	"rfc822;a@example.org\nDisposition: manual-action/MDN-sent-"
	"manually; displayed\n--b--\n",
	REPORT_NONE, REPORT_BY_MDN, BOUNCE_OTHER_REPORT, 1},
    {"a receipt that says it was rejected",
	"From: Mail Delivery Subsystem <postmaster@example.org>\n"
	"Subject: Automatically rejected mail\n"
	"Content-Type: multipart/report; boundary=b; report-type="
	"disposition-notification\n\n--b\n\nYour message to <a@example.org> "
	"was automatically rejected:\nQuota exceeded (mailbox for user is "
	"full)\n--b\nContent-Type: message/disposition-notification\n\n"
	"Final-Recipient: rfc822;a@example.org\nDisposition: automatic-"
	"action/MDN-sent-automatically; deleted\n--b--\n",
	REPORT_SOFT, REPORT_BY_NOTICE, BOUNCE_MAILBOX_FULL, 1},
    {"a receipt of a message that was deleted unread",
	"Return-Path: <>\nFrom: Ann <a@example.org>\nSubject: Not read: x\n"
	"Content-Type: multipart/report; boundary=b; report-type="
	"disposition-notification\n\n--b\n\nYour message was deleted without "
	"being read.\n--b\nContent-Type: message/disposition-notification\n\n"
	"Final-Recipient: rfc822;a@example.org\nDisposition: automatic-"
	"action/MDN-sent-automatically; deleted\n--b--\n",
	REPORT_NONE, REPORT_BY_MDN, BOUNCE_OTHER_REPORT, 1},
    {"Auto-Submitted",
	"From: a@example.org\nAuto-Submitted: auto-replied (away)\n\nx",
	REPORT_AUTO_REPLY, REPORT_BY_HEADERS, BOUNCE_AUTO_REPLY, 0},
    {"Auto-Submitted: no", "From: a@example.org\nAuto-Submitted: No\n\nx",
	REPORT_NONE, REPORT_BY_NOTHING, BOUNCE_NOT_A_BOUNCE, 0},
    {"Auto-Submitted: no; with a parameter",
	"From: a@example.org\nAuto-Submitted: no; x=y\n\nx", REPORT_NONE,
	REPORT_BY_NOTHING, BOUNCE_NOT_A_BOUNCE, 0},
    {"Precedence", "From: a@example.org\nPrecedence: auto_reply\n\nx",
	REPORT_AUTO_REPLY, REPORT_BY_HEADERS, BOUNCE_AUTO_REPLY, 0},
    {"Precedence: bulk alone",
	"From: a@example.org\nPrecedence: bulk\n"
	"Return-Path: <a@example.org>\n\nx",
	REPORT_NONE, REPORT_BY_NOTHING, BOUNCE_NOT_A_BOUNCE, 0},
    {"Precedence: bulk and the null sender",
	"Return-Path: <>\nFrom: a@example.org\nPrecedence: bulk\n\nx",
	REPORT_AUTO_REPLY, REPORT_BY_HEADERS, BOUNCE_AUTO_REPLY, 0},
    {"a subject of Outlook's",
	"From: a@example.org\nSubject: Automatic reply: News\n\nx",
	REPORT_AUTO_REPLY, REPORT_BY_HEADERS, BOUNCE_AUTO_REPLY, 0},
    {"an encoded subject",
	"From: a@example.org\nSubject: =?utf-8?Q?Automatische_Antwort:_"
	"N=C3=A4chste?= Woche\n\nx",
	REPORT_AUTO_REPLY, REPORT_BY_HEADERS, BOUNCE_AUTO_REPLY, 0},
    {"an encoded subject in base64",
	"From: a@example.org\nSubject: =?UTF-8?B?T3V0IG9mIG9mZmljZQ==?="
	"\n\nx",
	REPORT_AUTO_REPLY, REPORT_BY_HEADERS, BOUNCE_AUTO_REPLY, 0},
    {"a person's reply to what we wrote of holidays",
	"From: a@example.org\nSubject: Re: Vacation homes\n\nYes!", REPORT_NONE,
	REPORT_BY_NOTHING, BOUNCE_NOT_A_BOUNCE, 0},
    {"a person's reply to what we wrote of automatic answers",
	"From: a@example.org\nSubject: Re: Autoreply done right\n\nYes!",
	REPORT_NONE, REPORT_BY_NOTHING, BOUNCE_NOT_A_BOUNCE, 0},
    {"a person's reply about cars",
	"From: a@example.org\nSubject: AW: Ihr neues Auto: Angebot\n\nYes!",
	REPORT_NONE, REPORT_BY_NOTHING, BOUNCE_NOT_A_BOUNCE, 0},
    {"an old program's mark below ours",
	"From: a@example.org\nSubject: Re: News (autoreply)\n\nYes!",
	REPORT_AUTO_REPLY, REPORT_BY_HEADERS, BOUNCE_AUTO_REPLY, 0},
    {"Outlook's of an old kind",
	"From: a@example.org\nSubject: Auto: I am away\n\nYes!",
	REPORT_AUTO_REPLY, REPORT_BY_HEADERS, BOUNCE_AUTO_REPLY, 0},
    {"the same subject without the mark of an answer",
	"From: a@example.org\nSubject: Vacation: Homes\n\nI am away",
	REPORT_AUTO_REPLY, REPORT_BY_HEADERS, BOUNCE_AUTO_REPLY, 0},
    {"a newsletter of holidays",
	"From: a@example.org\nSubject: Out of office\nList-Id: <n.example>"
	"\n\nx",
	REPORT_NONE, REPORT_BY_NOTHING, BOUNCE_NOT_A_BOUNCE, 0},
    {"a person's reply",
	"From: a@example.org\nSubject: Re: News\nIn-Reply-To: "
	"<1@example.com>\n\nThanks!",
	REPORT_NONE, REPORT_BY_NOTHING, BOUNCE_NOT_A_BOUNCE, 0},
    {"a bounce in plain text is no automatic answer",
	"Return-Path: <>\nFrom: MAILER-DAEMON@example.org\n"
	"Auto-Submitted: auto-replied\n\nNo such user.",
	REPORT_NONE, REPORT_BY_NOTHING, BOUNCE_NOT_A_BOUNCE, 0},
    {"X-Failed-Recipients",
	"From: MAILER-DAEMON@example.net\nX-Failed-Recipients: "
	"a@example.org,\n b@example.org\nAuto-Submitted: auto-replied\n\n"
	"The following addresses failed:\n\n  a@example.org\n    host "
	"mx.example.org [192.0.2.1]: 550 5.1.1 User\n    unknown\n\n  "
	"b@example.org\n    mailbox is full\n\n----- copy -----\n",
	REPORT_HARD, REPORT_BY_FAILED_LIST, BOUNCE_USER_UNKNOWN, 2},
    {"lines that end with CR alone",
	"From: MAILER-DAEMON@example.net\rX-Failed-Recipients: a@example.org"
	"\r\rThe following addresses failed:\r\r  a@example.org\r    host "
	"mx.example.org [192.0.2.1]: 550 5.1.1 User unknown\r",
	REPORT_HARD, REPORT_BY_FAILED_LIST, BOUNCE_USER_UNKNOWN, 1},
    {"Exchange in a language of which no word is known",
	"From: MicrosoftExchange329e71ec88ae@example.org\nReturn-Path: <>\n"
	"Subject: x\n\nx\n\na@example.org\n#550 5.1.1 "
	"RESOLVER.ADR.RecipNotFound; not found ##\n",
	REPORT_HARD, REPORT_BY_NOTICE, BOUNCE_USER_UNKNOWN, 1},
    {"the same in Swedish",
	"From: Microsoft Exchange <post@example.org>\nReturn-Path: <>\n"
	"Subject: Kunde inte levereras: x\n\nLeverans till f\303\266ljande "
	"mottagare misslyckades:\n\na@example.org\n#550 5.7.1 "
	"RESOLVER.RST.NotAuthorized; not authorized ##\n",
	REPORT_SOFT, REPORT_BY_NOTICE, BOUNCE_POLICY, 1},
    {"the same, sender refused",
	"From: MAILER-DAEMON@example.net\nX-Failed-Recipients: "
	"a@example.org\n\n  a@example.org\n    SMTP error from remote mail "
	"server after MAIL FROM:<b@example.com>:\n    550 no such user\n",
	REPORT_SOFT, REPORT_BY_FAILED_LIST, BOUNCE_POLICY, 1},
    {"the same without addresses",
	"From: MAILER-DAEMON@example.net\nX-Failed-Recipients: ,root\n\nx",
	REPORT_NONE, REPORT_BY_FAILED_LIST, BOUNCE_NOT_A_BOUNCE, 0},
    {"a forwarded bounce is not ours",
	"From: a@example.org\nContent-Type: multipart/mixed; boundary=m\n"
	"\n--m\n\nLook!\n--m\nContent-Type: message/rfc822\n\n" DSN("",
	    TO("a@example.org") "Action: failed\nStatus: 5.1.1\n") "\n--m--\n",
	REPORT_NONE, REPORT_BY_NOTHING, BOUNCE_NOT_A_BOUNCE, 0},
    {"nothing", "", REPORT_NONE, REPORT_BY_NOTHING, BOUNCE_NOT_A_BOUNCE, 0},
};

static void test_kinds(void)
{
	for (size_t i = 0; i < sizeof(kind_cases) / sizeof(*kind_cases); i++) {
		const struct kind_case *c = &kind_cases[i];
		struct report r;

		IS_INT(classify(str_of(c->mail), &r), 0, "%s: sorts", c->what);
		IS_STR(report_kind_name(r.kind), report_kind_name(c->kind),
		    "%s: kind", c->what);
		IS_STR(report_source_name(r.source),
		    report_source_name(c->source), "%s: source", c->what);
		IS_STR(bounce_reason_name(r.reason),
		    bounce_reason_name(c->reason), "%s: reason", c->what);
		IS_INT(r.n, c->n, "%s: recipients", c->what);
	}
}

static void test_recipient(void)
{
	static const char mail[] =
	    DSN("", "Original-Recipient: rfc822;Ann+2Bx@example.org\n"
		    "Final-Recipient: LOCAL;ann\nAction: failed\n"
		    "Diagnostic-Code: smtp; 550 5.1.1 No such\n user\n");
	struct report r;

	IS_INT(classify(STR(mail), &r), 0, "sorts");
	IS_S(r.reporting_mta, STR("mx.example.net"), "reporting MTA");
	IS_INT(r.n, 1, "one recipient");
	if (r.n != 1)
		return;
	IS_S(r.rcpt[0].address, STR("Ann+2Bx@example.org"),
	    "the original one where the final one is no address");
	IS_S(r.rcpt[0].original, STR("Ann+2Bx@example.org"), "original");
	IS_S(r.rcpt[0].original_xtext, STR("Ann+x@example.org"), "decoded");
	IS_S(r.rcpt[0].status, STR("5.1.1"), "status from the diagnostic");
	IS_S(r.rcpt[0].diagnostic, STR("550 5.1.1 No such user"), "diagnostic");
	OK(r.rcpt[0].outcome == BOUNCE_FAILED &&
		r.rcpt[0].class == BOUNCE_CLASS_PERSON,
	    "failed for good");
}

static void test_arf(void)
{
	static const char mail[] =
	    ARF("Feedback-Type: abuse\nUser-Agent: Feedback/1.0\nVersion: 1\n"
		"Original-Mail-From: <b-token@example.com>\n"
		"Original-Rcpt-To: rfc822; <a@example.org>\n"
		"Original-Rcpt-To: <b@example.org>\n"
		"Original-Envelope-Id: QQ42\nSource-IP: 192.0.2.1\n"
		"Arrival-Date: Thu, 2 Jan 2025 10:00:00 +0000\n");
	struct mime m;
	struct arf f;

	arena_free(&arena);
	arena = arena_new(ARENA);
	IS_INT(mime_scan(STR(mail), arena, &m), 0, "scans");
	IS_INT(arf_parse(&m, arena, &f), 0, "parses");
	IS_INT(f.type, ARF_ABUSE, "type");
	IS_S(f.user_agent, STR("Feedback/1.0"), "agent");
	IS_S(f.mail_from, STR("b-token@example.com"), "sender");
	IS_S(f.rcpt_to, STR("a@example.org"), "first recipient");
	IS_S(f.envelope_id, STR("QQ42"), "envelope id");
	IS_S(f.source_ip, STR("192.0.2.1"), "address");
	IS_S(f.arrival_date, STR("Thu, 2 Jan 2025 10:00:00 +0000"), "date");
	OK(f.has_original, "the message came with it");
	OK(header_find(&f.original, STR("Message-ID"), 0) != NULL,
	    "and has its Message-ID");
	IS_INT(mime_scan(STR("Subject: x\n\n"), arena, &m), 0, "scans");
	IS_INT(arf_parse(&m, arena, &f), ERR_NOT_FOUND, "no report");
}

#define MDN(fields)                                                            \
	"From: <a@example.org>\nContent-Type: multipart/report; "              \
	"report-type=disposition-notification; boundary=b\n\n--b\n\nRead.\n"   \
	"--b\nContent-Type: message/disposition-notification\n\n" fields       \
	"\n--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: "             \
	"<1@example.com>\n--b--\n"

static const struct mdn_case {
	const char *fields;
	enum mdn_type type;
	enum mdn_mode action, sending;
	const char *modifiers;
} mdn_cases[] = {
    {MDN("Disposition: manual-action/MDN-sent-manually; displayed\n"),
	MDN_DISPLAYED, MDN_MANUAL, MDN_MANUAL, ""},
    {MDN("Disposition:\n automatic-action/MDN-sent-automatically;\n"
	 " deleted/error, expired\n"),
	MDN_DELETED, MDN_AUTOMATIC, MDN_AUTOMATIC, "error, expired"},
    {MDN("Disposition: manual-action/MDN-sent-automatically; dispatched\n"),
	MDN_DISPATCHED, MDN_MANUAL, MDN_AUTOMATIC, ""},
    {MDN("disposition: automatic-action/mdn-sent-manually;PROCESSED\n"),
	MDN_PROCESSED, MDN_AUTOMATIC, MDN_MANUAL, ""},
    {MDN("Disposition: x/y; denied\n"), MDN_DENIED, MDN_UNKNOWN, MDN_UNKNOWN,
	""},
    {MDN("Disposition: failed\nDisposition: displayed\n"), MDN_FAILED,
	MDN_UNKNOWN, MDN_UNKNOWN, ""},
    {MDN("Disposition: ;;/read\n"), MDN_OTHER, MDN_UNKNOWN, MDN_UNKNOWN,
	"read"},
    {MDN("Reporting-UA: x\n"), MDN_OTHER, MDN_UNKNOWN, MDN_UNKNOWN, ""},
};

static int read_mdn(struct str mail, struct mdn *d)
{
	struct mime m;
	int rc;

	arena_free(&arena);
	arena = arena_new(ARENA);
	rc = mime_scan(mail, arena, &m);
	return rc != 0 ? rc : mdn_parse(&m, arena, d);
}

static void test_mdn(void)
{
	static const char mail[] =
	    MDN("Reporting-UA: mail.example.org; Mua 1.0\n"
		"Original-Recipient: rfc822;Ann@example.org\n"
		"Final-Recipient: rfc822; <ann@example.org>\n"
		"Original-Message-ID: <1@example.com>\n"
		"Disposition: automatic-action/MDN-sent-automatically; "
		"processed/error\nError: no\n disk\n");
	struct report r;
	struct mdn d;

	for (size_t i = 0; i < sizeof(mdn_cases) / sizeof(*mdn_cases); i++) {
		const struct mdn_case *c = &mdn_cases[i];

		IS_INT(read_mdn(str_of(c->fields), &d), 0, "parses %zu", i);
		IS_STR(mdn_type_name(d.type), mdn_type_name(c->type), "type");
		IS_INT(d.action, c->action, "action");
		IS_INT(d.sending, c->sending, "sending");
		IS_S(d.modifiers, str_of(c->modifiers), "modifiers");
	}
	IS_INT(read_mdn(STR(mail), &d), 0, "parses");
	IS_S(d.final, STR("ann@example.org"), "final recipient");
	IS_S(d.original, STR("Ann@example.org"), "original recipient");
	IS_S(d.message_id, STR("<1@example.com>"), "message id");
	IS_S(d.reporting_ua, STR("mail.example.org; Mua 1.0"), "program");
	IS_S(d.error, STR("no disk"), "error");
	OK(d.has_original, "the message's fields came with it");
	IS_INT(classify(STR(mail), &r), 0, "sorts");
	IS_INT(r.disposition, MDN_PROCESSED, "disposition");
	IS_INT(r.n, 1, "recipient");
	IS_INT(read_mdn(STR("Subject: x\n\n"), &d), ERR_NOT_FOUND, "none");
}

static void test_hostile(void)
{
	struct buf b;
	struct report r;
	int64_t t = clock_mono_ms();

	buf_init(&b, 8 << 20);
	buf_addz(&b, "Content-Type: multipart/report; boundary=b\n\n--b\n\n");
	while (b.n < 1000000)
		buf_addz(&b, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	buf_addz(&b, "\n--b\nContent-Type: message/delivery-status\n\n");
	for (int i = 0; i < 16; i++) {
		buf_addz(&b, "Final-Recipient: rfc822;");
		for (int k = 0; k < 310; k++)
			buf_addc(&b, 'a');
		buf_addz(&b, "@\nStatus: 5.0.0\n\n");
	}
	IS_INT(classify(buf_str(&b), &r), 0, "a long notice");
	IS_INT(r.n, 16, "all recipients");
	buf_reset(&b);
	buf_addz(&b, "Subject: ");
	while (b.n < 2000000)
		buf_addz(&b, "=?utf-8?Q?=?");
	IS_INT(classify(buf_str(&b), &r), 0, "a long subject");
	OK(clock_mono_ms() - t < TAP_ENDLESS_MS, "in time");
	buf_fini(&b);
}

static void test_faults(void)
{
	static const char mail[] =
	    DSN("", TO("a@example.org") "Action: failed\nStatus: 5.1.1\n");
	int rc = -1;
	long n;

	for (n = 1; rc != 0 && n < 100; n++) {
		struct report r;

		arena_free(&arena);
		fault_alloc_at(n);
		arena = arena_new(ARENA);
		rc = arena != NULL
			 ? report_classify(rules, STR(mail), arena, &r)
			 : ERR_LIMIT;
		fault_alloc_at(0);
	}
	OK(rc == 0 && n > 2, "sorts after %ld failures", n - 2);
	for (size_t max = 1; rc == 0 && max < 20000; max += 64) {
		struct report r;
		int limited;

		arena_free(&arena);
		arena = arena_new(max);
		limited = report_classify(rules, STR(mail), arena, &r);
		if (limited != 0 && limited != ERR_LIMIT)
			rc = limited;
	}
	IS_INT(rc, 0, "a small arena gives ERR_LIMIT and nothing else");
}

int main(void)
{
	if (bounce_rules_new(&rules) != 0)
		return 2;
	test_kinds();
	test_recipient();
	test_arf();
	test_mdn();
	test_hostile();
	test_faults();
	bounce_rules_free(&rules);
	arena_free(&arena);
	return tap_done();
}
