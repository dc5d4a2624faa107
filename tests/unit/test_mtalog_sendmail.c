/* test_mtalog_sendmail.c - agent/in/mtalog_sendmail.h: line forms, lists of
 * recipients, hostile text. */
#include "agent/in/mtalog.h"
#include "agent/in/mtalog_id.h"
#include "policy/base/buf.h"
#include "tests/unit/tap.h"

/* 2026-11-22T12:00:00Z */
#define NOON INT64_C(1795348800000)
#define AT "Nov 22 10:05:32 mx sendmail[7]: "
#define ID "6AN6n0XH018567"
#define ID2 "6AN6n08j018572"
#define TRIED                                                                  \
	", delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30198, "         \
	"relay=mx.example.com. [192.0.2.25], "

#define IS_TEXT(got, z, ...) IS_S((got), str_of(z), __VA_ARGS__)

static const struct mtalog_when noon = {.reference_ms = NOON};

struct field_case {
	const char *line;
	enum mtalog_kind kind;
	const char *id, *next, *text;
};

static const struct field_case fields[] = {
    {AT ID ": from=<a@example.net>, size=196, class=0, nrcpts=1, msgid=<x>, "
	   "proto=ESMTP, daemon=apps, relay=localhost [127.0.0.1]",
	MTALOG_OTHER, ID, "", ""},
    {AT "MAA12345: from=<a@example.net>, size=196, class=0, pri=30196, "
	"nrcpts=1, msgid=<x>, proto=SMTP, relay=localhost [127.0.0.1]",
	MTALOG_MESSAGE_ID, "MAA12345", "", ""},
    {AT "MAA12345: fromage=<a@example.net>", MTALOG_OTHER, "MAA12345", "", ""},
    {AT ID ": Milter accept: message", MTALOG_ACTIVE, ID, "", ""},
    {"Nov 22 10:05:32 mx sm-mta[7]: " ID ": Milter accept: message",
	MTALOG_ACTIVE, ID, "", ""},
    {AT ID ": Milter: data, reject=550 5.7.1 no", MTALOG_REJECT, ID, "",
	"550 5.7.1 no"},
    {AT ID ": Milter: data, discard", MTALOG_DISCARD, ID, "", ""},
    {AT ID ": discarded", MTALOG_DISCARD, ID, "", ""},
    {AT ID ": Milter: to=<a@example.com>, reject=550 5.1.1 no", MTALOG_OTHER,
	ID, "", ""},
    {AT ID ": Milter (tendril) add: header: X:  Milter accept: message",
	MTALOG_OTHER, ID, "", ""},
    {AT ID ": milter=tendril, quarantine=wait", MTALOG_HOLD, ID, "", ""},
    {AT ID ": milter=tendril, action=mail", MTALOG_OTHER, ID, "", ""},
    {AT ID ": " ID2 ": DSN: User unknown", MTALOG_NOTICE, ID, ID2,
	"User unknown"},
    {AT ID ": " ID2 ": sender notify: Warning: could not send message for "
	   "past 4 hours",
	MTALOG_NOTICE, ID, ID2,
	"Warning: could not send message for past 4 hours"},
    {AT ID ": " ID2 ": sender notify: Cannot send message for 5 days",
	MTALOG_EXPIRED, ID, ID2, "Cannot send message for 5 days"},
    {AT ID ": " ID2 ": DSN: Cannot send message within 5 days", MTALOG_EXPIRED,
	ID, ID2, "Cannot send message within 5 days"},
    {AT ID ": " ID2 ": postmaster notify: User unknown", MTALOG_NOTICE, ID, ID2,
	"User unknown"},
    {AT ID ": " ID2 ": clone: owner=owner-list", MTALOG_PICKUP, ID2, ID, ""},
    {AT ID ": done; delay=00:00:00, ntries=2", MTALOG_REMOVED, ID, "", ""},
    {AT "MAA12345: done; delay=00:00:00, ntries=2", MTALOG_REMOVED, "MAA12345",
	"", ""},
    {AT ID ": to=<a@example.com>", MTALOG_UNKNOWN, ID, "", ""},
    {AT ID ": to=<a@example.com>, delay=00:00:01", MTALOG_UNKNOWN, ID, "", ""},
    {AT ID ": to=", MTALOG_UNKNOWN, ID, "", ""},
    {AT ID ": to=<a@example.com, delay=00:00:01, stat=Sent", MTALOG_UNKNOWN, ID,
	"", ""},
    {AT ID ": to=<a@example.com>" TRIED "dsn=2.0.0, stat=Perhaps",
	MTALOG_UNKNOWN, ID, "", ""},
    {AT ID ": to=<a@example.com>" TRIED "dsn=9.0.0, stat=Sent", MTALOG_UNKNOWN,
	ID, "", ""},
    {AT ID ": to=<a@example.com>" TRIED "stat=Perhaps", MTALOG_UNKNOWN, ID, "",
	""},
    {AT "NOQUEUE: connect from localhost [127.0.0.1]", MTALOG_OTHER, "", "",
	""},
    {AT "starting daemon (8.17.1.9): SMTP+queueing@00:10:00", MTALOG_OTHER, "",
	"", ""},
    {AT "gethostbyaddr(192.0.2.2) failed: 1", MTALOG_OTHER, "", "", ""},
    {AT, MTALOG_OTHER, "", "", ""},
    {"Nov 22 10:05:32 mx dovecot: " ID ": Milter accept: message", MTALOG_OTHER,
	"", "", ""},
    {"Nov 22 10:05:32 mx postfix/smtp[7]: " ID ": Milter accept: message",
	MTALOG_OTHER, "", "", ""},
};

static void test_fields(void)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const struct field_case *c = &fields[i];
		struct mtalog_line l;
		enum mtalog_kind kind =
		    mtalog_parse(str_of(c->line), &noon, &l);

		IS_INT(kind, c->kind, "kind of: %s", c->line);
		IS_TEXT(l.queue_id, c->id, "queue id of: %s", c->line);
		IS_TEXT(l.next_id, c->next, "next id of: %s", c->line);
		IS_TEXT(l.text, c->text, "text of: %s", c->line);
	}
}

struct delivery_case {
	const char *line; /* after "to=" */
	enum mtalog_status status;
	const char *rcpts, *relay, *dsn, *text, *next; /* rcpts: by blanks */
};

static const struct delivery_case deliveries[] = {
    {"<a@example.com>" TRIED "dsn=2.0.0, stat=Sent (Ok)", MTALOG_SENT,
	"a@example.com", "mx.example.com. [192.0.2.25]", "2.0.0", "Ok", ""},
    {"<a@example.com>" TRIED "dsn=2.0.0, stat=Sent", MTALOG_SENT,
	"a@example.com", "mx.example.com. [192.0.2.25]", "2.0.0", "Sent", ""},
    {"<a@example.com>" TRIED "dsn=2.0.0, stat=Sent (" ID2
     " Message accepted for delivery)",
	MTALOG_SENT, "a@example.com", "mx.example.com. [192.0.2.25]", "2.0.0",
	ID2 " Message accepted for delivery", ID2},
    {"<a@example.com>" TRIED
     "dsn=2.0.0, stat=Sent (2.0.0 Ok: queued as 4jXQLJ4D3qz1bXx0)",
	MTALOG_SENT, "a@example.com", "mx.example.com. [192.0.2.25]", "2.0.0",
	"2.0.0 Ok: queued as 4jXQLJ4D3qz1bXx0", "4jXQLJ4D3qz1bXx0"},
    {"root, ctladdr=root (0/0), delay=00:00:00, xdelay=00:00:00, mailer=local, "
     "pri=1, dsn=2.0.0, stat=Sent",
	MTALOG_SENT, "root", "", "2.0.0", "Sent", ""},
    {"<a@example.com>, ctladdr=<\"x, stat=Sent\"@example.net> (8/8)" TRIED
     "dsn=5.1.1, stat=User unknown",
	MTALOG_BOUNCED, "a@example.com", "mx.example.com. [192.0.2.25]",
	"5.1.1", "User unknown", ""},
    {"<a@example.com>,<b@example.com>" TRIED "dsn=2.0.0, stat=Sent (Ok)",
	MTALOG_SENT, "a@example.com b@example.com",
	"mx.example.com. [192.0.2.25]", "2.0.0", "Ok", ""},
    {"<a@example.com>,<b@example.com>, [more]" TRIED "dsn=2.0.0, stat=Sent",
	MTALOG_SENT, "a@example.com b@example.com",
	"mx.example.com. [192.0.2.25]", "2.0.0", "Sent", ""},
    {"<\"x,y>, stat=Sent,<\"@example.com>,b@example.com" TRIED
     "dsn=5.1.1, stat=User unknown",
	MTALOG_BOUNCED, "\"x,y>, stat=Sent,<\"@example.com b@example.com",
	"mx.example.com. [192.0.2.25]", "5.1.1", "User unknown", ""},
    {"<\"a\\\"b>, \"@example.com>" TRIED "dsn=2.0.0, stat=Sent", MTALOG_SENT,
	"\"a\\\"b>, \"@example.com", "mx.example.com. [192.0.2.25]", "2.0.0",
	"Sent", ""},
    {"<a@example.com>" TRIED
     "dsn=5.1.1, reply=550 5.1.1 no such user, stat=User unknown",
	MTALOG_BOUNCED, "a@example.com", "mx.example.com. [192.0.2.25]",
	"5.1.1", "550 5.1.1 no such user", ""},
    {"<a@example.com>" TRIED
     "dsn=4.2.0, reply=451 4.2.0 later, stat=Deferred: 451 4.2.0 later",
	MTALOG_DEFERRED, "a@example.com", "mx.example.com. [192.0.2.25]",
	"4.2.0", "451 4.2.0 later", ""},
    {"<a@example.com>" TRIED "dsn=4.0.0, stat=Deferred: Connection timed out",
	MTALOG_DEFERRED, "a@example.com", "mx.example.com. [192.0.2.25]",
	"4.0.0", "Connection timed out", ""},
    {"<a@example.com>, delay=00:00:00, mailer=esmtp, pri=30198, stat=queued",
	MTALOG_DEFERRED, "a@example.com", "", "", "queued", ""},
    {"<a@example.com>, delay=00:00:00, mailer=esmtp, pri=1, stat=quarantined",
	MTALOG_DEFERRED, "a@example.com", "", "", "quarantined", ""},
    {"<a@example.com>, delay=00:00:00, pri=30199, stat=Recipient is "
     "suppressed",
	MTALOG_REFUSED, "a@example.com", "", "", "Recipient is suppressed", ""},
    {"<a@example.com>, delay=00:00:00, pri=30199, dsn=4.3.0, stat=later",
	MTALOG_REFUSED, "a@example.com", "", "4.3.0", "later", ""},
    /* what a server, or a milter, says to look like another line */
    {"<a@example.com>" TRIED "dsn=5.1.1, reply=550 2.0.0 x, stat=Sent (ok), "
     "dsn=2.0.0, stat=User unknown",
	MTALOG_BOUNCED, "a@example.com", "mx.example.com. [192.0.2.25]",
	"5.1.1", "550 2.0.0 x, stat=Sent (ok), dsn=2.0.0", ""},
    {"<a@example.com>" TRIED "dsn=2.0.0, stat=Sent (ok), dsn=5.1.1, stat=User "
     "unknown",
	MTALOG_SENT, "a@example.com", "mx.example.com. [192.0.2.25]", "2.0.0",
	"ok), dsn=5.1.1, stat=User unknown", ""},
    {"<a@example.com>, delay=00:00:00, pri=30199, stat=x, mailer=esmtp, "
     "dsn=2.0.0, stat=Sent",
	MTALOG_REFUSED, "a@example.com", "", "",
	"x, mailer=esmtp, dsn=2.0.0, stat=Sent", ""},
};

static void test_deliveries(void)
{
	char line[1000], rcpts[300];

	for (size_t i = 0; i < sizeof(deliveries) / sizeof(deliveries[0]);
	     i++) {
		const struct delivery_case *c = &deliveries[i];
		struct mtalog_line l;
		size_t n;

		(void)snprintf(line, sizeof(line), AT ID ": to=%s", c->line);
		IS_INT(mtalog_parse(str_of(line), &noon, &l), MTALOG_DELIVERY,
		    "%s", c->line);
		IS_INT(l.status, c->status, "status of: %s", c->line);
		IS_TEXT(l.relay, c->relay, "relay of: %s", c->line);
		IS_TEXT(l.dsn, c->dsn, "dsn of: %s", c->line);
		IS_TEXT(l.text, c->text, "text of: %s", c->line);
		IS_TEXT(l.next_id, c->next, "next id of: %s", c->line);
		n = (size_t)snprintf(
		    rcpts, sizeof(rcpts), "%.*s", STR_ARG(l.rcpt));
		while (mtalog_next_rcpt(&l))
			n += (size_t)snprintf(rcpts + n, sizeof(rcpts) - n,
			    " %.*s", STR_ARG(l.rcpt));
		IS_STR(rcpts, c->rcpts, "recipients of: %s", c->line);
	}
}

/* So many that a batch of changes would not hold them. */
static void test_too_many(void)
{
	struct mtalog_line l;
	struct buf b;

	for (int n = MTALOG_RCPTS_MAX; n <= MTALOG_RCPTS_MAX + 1; n++) {
		size_t found = 1;

		buf_init(&b, 65536);
		buf_addz(&b, AT ID ": to=");
		for (int i = 0; i < n; i++)
			buf_printf(&b, "%s<%d>", i > 0 ? "," : "", i);
		buf_addz(&b, TRIED "dsn=2.0.0, stat=Sent");
		IS_INT(mtalog_parse(buf_str(&b), &noon, &l),
		    n > MTALOG_RCPTS_MAX ? MTALOG_UNKNOWN : MTALOG_DELIVERY,
		    "%d recipients", n);
		while (n <= MTALOG_RCPTS_MAX && mtalog_next_rcpt(&l))
			found++;
		if (n <= MTALOG_RCPTS_MAX)
			IS_INT(found, n, "each of them once");
		buf_fini(&b);
	}
}

/* However a line is cut, nothing is made up of it. */
static void test_cut(void)
{
	static const char whole[] =
	    AT ID ": to=<a@example.com>,<b@example.com>" TRIED
		  "dsn=5.1.1, reply=550 5.1.1 no, stat=User unknown";
	struct mtalog_line l;
	size_t bad = 0;

	for (size_t n = 0; n < sizeof(whole); n++) {
		mtalog_parse((struct str){whole, n}, &noon, &l);
		bad += l.kind == MTALOG_DELIVERY && l.status != MTALOG_BOUNCED;
	}
	IS_INT(bad, 0, "cut anywhere");
}

struct id_case {
	const char *text;
	size_t n;
};

static void test_ids(void)
{
	static const struct id_case ids[] = {
	    {"6AN6n0XH018567", 14},
	    {"6AN6n0XH1018567: x", 15},
	    {"f6QEKqi12345", 12},
	    {"MAA12345", 8},
	    {"MA12345", 0},
	    {"6AN6n0XH0185x7", 0},
	    {"NOQUEUE", 0},
	    {"yAN6n0XH018567", 0},
	    {"0123456789012345678901234567890", 31},
	    {"01234567890123456789012345678901", 0},
	    {"", 0},
	};

	OK(mtalog_id_is_old(STR("MAA12345")) &&
		mtalog_id_is_old(STR("XZZ4194304")),
	    "ids that are used again");
	OK(!mtalog_id_is_old(STR("6AN6n0XH018567")) &&
		!mtalog_id_is_old(STR("MAa12345")) &&
		!mtalog_id_is_old(STR("MAA1234")) &&
		!mtalog_id_is_old(STR("MAA12345x")) &&
		!mtalog_id_is_old(STR("")),
	    "and that are not");
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		IS_INT(mtalog_id_sendmail(str_of(ids[i].text)), ids[i].n,
		    "id: %s", ids[i].text);
}

int main(void)
{
	test_fields();
	test_deliveries();
	test_too_many();
	test_cut();
	test_ids();
	return tap_done();
}
