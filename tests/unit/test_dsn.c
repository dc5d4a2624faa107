/* test_dsn.c - delivery status notifications: fields, grouping, codings, the
 * returned message, bad and hostile input. All mails are invented. */
#include "tests/unit/tap.h"

#include "policy/base/buf.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/mail/dsn.h"
#include "policy/mail/multireport.h"

enum {
	ARENA = 64 << 20
};

static struct arena *arena;

static int parse(struct str text, struct dsn *d)
{
	struct mime m;
	int rc;

	arena_free(&arena);
	arena = arena_new(ARENA);
	if (arena == NULL)
		exit(2);
	rc = mime_scan(text, arena, &m);
	return rc != 0 ? rc : dsn_parse(&m, arena, d);
}

#define REPORT                                                                 \
	"From: MAILER-DAEMON@mx.example.net\n"                                 \
	"Content-Type: multipart/report; report-type=delivery-status;\n"       \
	"\tboundary=\"b/1\"\n\n--b/1\n\nIt failed.\n\n--b/1\n"
#define STATUS "Content-Type: message/delivery-status\n\n"
#define END "\n--b/1--\n"

/* As Postfix sends it. */
static const char postfix[] = REPORT
    "Content-Description: Delivery report\n" STATUS
    "Reporting-MTA: dns; mx.example.net\n"
    "Original-Envelope-Id: QQ42\n"
    "X-Postfix-Queue-ID: 4ZqX1k2mJvz9\n"
    "X-Postfix-Sender: rfc822; b-token@example.com\n"
    "Arrival-Date: Thu,  2 Jan 2025 10:00:00 +0000 (UTC)\n"
    "\n"
    "Final-Recipient: rfc822; ann@example.org\n"
    "Original-Recipient: rfc822;Ann@example.org\n"
    "Action: failed\n"
    "Status: 5.1.1\n"
    "Remote-MTA: dns; mx.example.org\n"
    "Diagnostic-Code: smtp; 550 5.1.1 <ann@example.org>: Recipient address\n"
    "    rejected: User unknown; see example.org\n"
    "\n"
    "Final-Recipient: rfc822; bob@example.org\n"
    "Action: delayed\n"
    "Status: 4.4.1 (no answer)\n"
    "Will-Retry-Until: Tue,  7 Jan 2025 10:00:00 +0000 (UTC)\n"
    "\n--b/1\n"
    "Content-Type: message/rfc822\n\n"
    "From: news@example.com\nMessage-ID: <1@example.com>\n"
    "Subject: Hello\n\nbody\n" END;

static void test_postfix(void)
{
	struct dsn d;
	const struct header *h;

	IS_INT(parse(STR(postfix), &d), 0, "parses");
	IS_S(d.reporting_mta, STR("mx.example.net"), "reporting MTA");
	IS_S(d.envelope_id, STR("QQ42"), "envelope id");
	IS_S(d.queue_id, STR("4ZqX1k2mJvz9"), "queue id");
	IS_S(d.sender, STR("b-token@example.com"), "sender");
	IS_S(d.arrival_date, STR("Thu, 2 Jan 2025 10:00:00 +0000 (UTC)"),
	    "arrival date");
	IS_INT(d.n, 2, "two recipients");
	if (d.n != 2)
		return;
	IS_S(d.rcpt[0].final, STR("ann@example.org"), "final");
	IS_S(d.rcpt[0].final_type, STR("rfc822"), "its type");
	IS_S(d.rcpt[0].original, STR("Ann@example.org"), "original");
	IS_INT(d.rcpt[0].action, DSN_FAILED, "action");
	IS_S(d.rcpt[0].status, STR("5.1.1"), "status");
	IS_S(d.rcpt[0].remote_mta, STR("mx.example.org"), "remote MTA");
	IS_S(d.rcpt[0].diagnostic_type, STR("smtp"), "diagnostic type");
	IS_S(d.rcpt[0].diagnostic,
	    STR("550 5.1.1 <ann@example.org>: Recipient address rejected: "
		"User unknown; see example.org"),
	    "diagnostic unfolded");
	IS_S(d.rcpt[1].final, STR("bob@example.org"), "second");
	IS_INT(d.rcpt[1].action, DSN_DELAYED, "delayed");
	IS_S(d.rcpt[1].status, STR("4.4.1"), "status without its comment");
	IS_S(d.rcpt[1].status_note, STR("(no answer)"), "the comment");
	IS_S(d.rcpt[1].will_retry_until,
	    STR("Tue, 7 Jan 2025 10:00:00 +0000 (UTC)"), "retry until");
	OK(d.has_original, "message came back");
	h = header_find(&d.original, STR("message-id"), 0);
	OK(h != NULL, "with its Message-ID");
	if (h != NULL)
		IS_S(h->value, STR(" <1@example.com>"), "as it was");
}

/* One line a recipient: final|original|action|status. */
static void describe(const struct dsn *d, struct buf *b)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct dsn_recipient *r = &d->rcpt[i];
		buf_printf(b, "%.*s|%.*s|%d|%.*s\n", STR_ARG(r->final),
		    STR_ARG(r->original), (int)r->action, STR_ARG(r->status));
	}
}

static const struct group_case {
	const char *what, *fields, *want;
} group_cases[] = {
    {"no per-message group",
	"Final-Recipient: rfc822;a@example.org\nAction: failed\nStatus: "
	"5.1.1\n",
	"a@example.org||1|5.1.1\n"},
    {"CRLF",
	"Reporting-MTA: dns;x\r\n\r\nFinal-Recipient: "
	"rfc822;a@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n",
	"a@example.org||1|5.1.1\n"},
    {"no empty line between groups",
	"Final-Recipient: rfc822;a@example.org\nAction: failed\nStatus: "
	"5.1.1\nFinal-Recipient: rfc822;b@example.org\nAction: "
	"delivered\nStatus: 2.0.0\n",
	"a@example.org||1|5.1.1\nb@example.org||3|2.0.0\n"},
    {"empty lines inside a group",
	"Reporting-MTA: dns;x\n\n\nFinal-Recipient: "
	"rfc822;a@example.org\n\nAction: failed\nStatus: 5.1.1\n",
	"a@example.org||1|5.1.1\n"},
    {"action among the per-message fields",
	"Reporting-MTA: dns;x\nAction: failed\n\nFinal-Recipient: "
	"rfc822;a@example.org\nStatus: 4.7.0\n",
	"a@example.org||1|4.7.0\n"},
    {"original first",
	"Original-Recipient: rfc822;A@example.org\nFinal-Recipient: "
	"rfc822;a@example.org\nAction: failed\nStatus: 5.1.1\n\n"
	"Original-Recipient: rfc822;B@example.org\nFinal-Recipient: "
	"rfc822;b@example.org\nAction: relayed\nStatus: 2.1.9\n",
	"a@example.org|A@example.org|1|5.1.1\n"
	"b@example.org|B@example.org|4|2.1.9\n"},
    {"a field twice: the first counts",
	"Final-Recipient: rfc822;a@example.org\nAction: delayed\nAction: "
	"failed\nStatus: 4.0.0\nStatus: 5.1.1\n",
	"a@example.org||2|4.0.0\n"},
    {"a complete group takes nothing from the next",
	"Final-Recipient: rfc822;a@example.org\nAction: delayed\n\n"
	"Status: 5.1.1\nAction: failed\n",
	"a@example.org||2|\n||1|5.1.1\n"},
    {"lines that are no field",
	"This is garbage\nFinal-Recipient: rfc822;a@example.org\n*** more "
	"***\nAction: failed\nStatus: 5.1.1\n",
	"a@example.org||1|5.1.1\n"},
    {"case, blanks, brackets, comments",
	"FINAL-RECIPIENT : RFC822 ;  <a@example.org> (Ann)\naction: "
	"Failed (bad address)\nSTATUS:5.1.1(x)\n",
	"a@example.org||1|5.1.1\n"},
    {"a quoted local part",
	"Final-Recipient: rfc822; \"a b\"@example.org x\nAction: "
	"expanded\n",
	"\"a b\"@example.org||5|\n"},
    {"bad status", "Final-Recipient: rfc822;a@example.org\nStatus: 5.1\n",
	"a@example.org||0|\n"},
    {"status of four parts",
	"Final-Recipient: rfc822;a@example.org\nStatus: 5.1.1.1\n",
	"a@example.org||0|\n"},
    {"unknown action",
	"Final-Recipient: rfc822;a@example.org\nAction: deferred\n",
	"a@example.org||0|\n"},
    {"no type", "Final-Recipient: a@example.org\nAction: failed\n",
	"a@example.org||1|\n"},
    {"empty values", "Final-Recipient:\nAction:\nStatus:\n", "||0|\n"},
    {"nothing", "", ""},
};

static void test_groups(void)
{
	for (size_t i = 0; i < sizeof(group_cases) / sizeof(*group_cases);
	     i++) {
		const struct group_case *c = &group_cases[i];
		struct buf mail, got;
		struct dsn d;

		buf_init(&mail, 10000);
		buf_init(&got, 10000);
		buf_printf(&mail, "%s%s%s%s", REPORT, STATUS, c->fields, END);
		IS_INT(parse(buf_str(&mail), &d), 0, "%s: parses", c->what);
		describe(&d, &got);
		IS_S(buf_str(&got), str_of(c->want), "%s", c->what);
		buf_fini(&mail);
		buf_fini(&got);
	}
}

/* RFC 6533: UTF-8 forms, and parts in a transfer encoding. */
static void test_utf8(void)
{
	static const char mail[] = REPORT
	    "Content-Type: message/global-delivery-status\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n"
	    "Reporting-MTA: dns; mx.example.net\n\n"
	    "Final-Recipient: utf-8; j=C3=B6rg@example.org\n"
	    "Original-Recipient: utf-8; j\\x{F6}rg@example.org\n"
	    "Action: failed\nStatus: 5.1.1\n\n--b/1\n"
	    "Content-Type: message/global-headers\n"
	    "Content-Transfer-Encoding: base64\n\n"
	    "U3ViamVjdDogw7YKTWVzc2FnZS1JRDogPDJAZXhhbXBsZS5jb20+Cg==\n" END;
	struct dsn d;

	IS_INT(parse(STR(mail), &d), 0, "parses");
	IS_INT(d.n, 1, "one recipient");
	if (d.n != 1)
		return;
	IS_S(d.rcpt[0].final, STR("j\303\266rg@example.org"), "final");
	IS_S(d.rcpt[0].original, STR("j\303\266rg@example.org"), "original");
	OK(d.has_original, "headers came back");
	IS_INT(d.original.n, 2, "decoded");
}

static void test_xtext(void)
{
	static const struct {
		const char *in, *xtext, *utf8; /* NULL: ERR_SYNTAX */
	} cases[] = {
	    {"plain@example.org", "plain@example.org", "plain@example.org"},
	    {"a+2Bb@example.org", "a+b@example.org", "a+2Bb@example.org"},
	    {"a+2bb", NULL, "a+2bb"},
	    {"a+", NULL, "a+"},
	    {"a+0A", NULL, "a+0A"},
	    {"a\\x{20AC}b", "a\\x{20AC}b", "a\342\202\254b"},
	    {"\\x{1F600}", "\\x{1F600}", "\360\237\230\200"},
	    {"\\x{e9}", "\\x{e9}", "\303\251"},
	    {"\\x{5C}", "\\x{5C}", "\\"},
	    {"\\x{D800}", "\\x{D800}", NULL},
	    {"\\x{110000}", "\\x{110000}", NULL},
	    {"\\x{0}", "\\x{0}", NULL},
	    {"\\x{7F}", "\\x{7F}", NULL},
	    {"\\x{}", "\\x{}", NULL},
	    {"\\x{41", "\\x{41", NULL},
	    {"\\x{0000041}", "\\x{0000041}", NULL},
	    {"\\y", "\\y", NULL},
	};
	struct dsn d;
	struct str got;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str in = str_of(cases[i].in);
		int rc = dsn_xtext(in, arena, &got);

		IS_INT(rc, cases[i].xtext != NULL ? 0 : ERR_SYNTAX,
		    "xtext '%s'", cases[i].in);
		if (rc == 0)
			IS_S(got, str_of(cases[i].xtext), "its meaning");
		rc = dsn_utf8_xtext(in, arena, &got);
		IS_INT(rc, cases[i].utf8 != NULL ? 0 : ERR_SYNTAX,
		    "utf-8-addr-xtext '%s'", cases[i].in);
		if (rc == 0)
			IS_S(got, str_of(cases[i].utf8), "its meaning");
	}
	IS_INT(parse(STR(REPORT STATUS
			 "Original-Recipient: rfc822; a+2Bb@example.org\n"
			 "Final-Recipient: rfc822; a+b@example.org\n" END),
		   &d),
	    0, "an undecoded ORCPT parses");
	IS_S(d.rcpt[0].original, STR("a+2Bb@example.org"), "as written");
	IS_S(d.rcpt[0].original_xtext, STR("a+b@example.org"), "as xtext");
}

/* Only the report's own parts are read. */
static void test_places(void)
{
	static const char inner[] = "Final-Recipient: rfc822;x@example.org\n"
				    "Action: failed\nStatus: 5.1.1\n";
	static const struct {
		const char *what, *head;
		int want;
	} cases[] = {
	    {"multipart/mixed, as OpenSMTPD sends it",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHi!\n"
		"--b\n" STATUS,
		1},
	    {"mislabelled second part",
		"Content-Type: multipart/report; boundary=b; report-type="
		"delivery-status\n\n--b\n\nHi!\n--b\nContent-Type: "
		"message/xdelivery-status\n\n",
		1},
	    {"second part is text",
		"Content-Type: multipart/report; boundary=b; report-type="
		"delivery-status\n\n--b\n\nHi!\n--b\n\n",
		-1},
	    {"inside the returned message",
		"Content-Type: multipart/report; boundary=b; report-type="
		"delivery-status\n\n--b\n\nHi!\n--b\nContent-Type: "
		"message/rfc822\n\n" STATUS,
		-1},
	    {"a forwarded bounce", "Content-Type: message/rfc822\n\n" STATUS,
		-1},
	    {"no report at all", "Subject: x\n\n", -1},
	    {"nothing but a status part", STATUS, 1},
	    {"unknown transfer encoding",
		"Content-Transfer-Encoding: x-uuencode\n" STATUS, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf mail;
		struct dsn d;
		int rc;

		buf_init(&mail, 10000);
		buf_addz(&mail, cases[i].head);
		buf_addz(&mail, inner);
		rc = parse(buf_str(&mail), &d);
		if (cases[i].want < 0)
			IS_INT(rc, ERR_NOT_FOUND, "%s", cases[i].what);
		else if (rc == 0)
			IS_INT(d.n, cases[i].want, "%s", cases[i].what);
		else
			OK(false, "%s: %s", cases[i].what, error_text(rc));
		buf_fini(&mail);
	}
}

static void test_hostile(void)
{
	struct buf b;
	struct dsn d;
	int64_t t = clock_mono_ms();

	buf_init(&b, 32 << 20);
	buf_addz(&b, REPORT STATUS "Reporting-MTA: dns; x\n\n");
	for (int i = 0; i < 20000; i++)
		buf_printf(&b,
		    "Final-Recipient: rfc822; u%d@example.org\nAction: "
		    "failed\n\n",
		    i);
	IS_INT(parse(buf_str(&b), &d), 0, "20000 recipients parse");
	IS_INT(d.n, DSN_MAX_RECIPIENTS, "as many as allowed");
	OK(d.cut, "and says so");
	buf_reset(&b);
	buf_addz(&b, REPORT STATUS "Diagnostic-Code: smtp; ");
	while (b.n < 900000)
		buf_addz(&b, "x\n ");
	buf_addz(&b, "\nFinal-Recipient: rfc822; ");
	while (b.n < 1900000)
		buf_addz(&b, "<\"");
	IS_INT(parse(buf_str(&b), &d), 0, "long fields parse");
	OK(d.n == 1 && d.rcpt[0].diagnostic.n <= MULTIREPORT_TEXT_MAX,
	    "and are cut");
	buf_reset(&b);
	buf_addz(&b, REPORT STATUS);
	while (b.n < 2000000)
		buf_addz(&b, "\n\nx\n");
	IS_INT(parse(buf_str(&b), &d), 0, "garbage parses");
	buf_reset(&b);
	buf_addz(&b, REPORT STATUS);
	for (int i = 0; i < 256 * 64; i++)
		buf_addc(&b, (char)(i * 7 + i / 256));
	IS_INT(parse(buf_str(&b), &d), 0, "all bytes parse");
	OK(clock_mono_ms() - t < TAP_ENDLESS_MS, "in time");
	buf_fini(&b);
}

static void test_faults(void)
{
	int rc = -1;
	long n;

	for (n = 1; rc != 0 && n < 100; n++) {
		struct mime m;
		struct dsn d;

		arena_free(&arena);
		fault_alloc_at(n);
		arena = arena_new(ARENA);
		rc = arena != NULL ? mime_scan(STR(postfix), arena, &m)
				   : ERR_LIMIT;
		if (rc == 0)
			rc = dsn_parse(&m, arena, &d);
		fault_alloc_at(0);
	}
	OK(rc == 0 && n > 3, "parses after %ld failures", n - 2);
	for (size_t max = 1; rc == 0 && max < 20000; max += 64) {
		struct mime m;
		struct dsn d;
		int limited;

		arena_free(&arena);
		arena = arena_new(max);
		limited = mime_scan(STR(postfix), arena, &m);
		if (limited == 0)
			limited = dsn_parse(&m, arena, &d);
		if (limited != 0 && limited != ERR_LIMIT)
			rc = limited;
	}
	IS_INT(rc, 0, "a small arena gives ERR_LIMIT and nothing else");
}

int main(void)
{
	test_postfix();
	test_groups();
	test_utf8();
	test_xtext();
	test_places();
	test_hostile();
	test_faults();
	arena_free(&arena);
	return tap_done();
}
