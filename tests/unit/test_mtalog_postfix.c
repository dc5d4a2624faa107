/* test_mtalog_postfix.c - agent/in/mtalog_prefix.h and mtalog_postfix.h: line
 * forms, times, hostile text. */
#include "agent/in/mtalog.h"
#include "agent/in/mtalog_prefix.h"
#include "tests/unit/tap.h"

#define DAY (86400 * INT64_C(1000))
/* 2026-11-22T12:00:00Z */
#define NOON INT64_C(1795348800000)
#define AT "Nov 22 10:05:32 mx postfix/"
#define ID "4jXQLJ4D3qz1bXx0"
#define ID2 "4jXQLJ4JPjz1bXxJ"
#define TAIL                                                                   \
	", relay=mx.example.com[192.0.2.25]:25, delay=0.02, "                  \
	"delays=0.01/0.01/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok)"

#define IS_TEXT(got, z, ...) IS_S((got), str_of(z), __VA_ARGS__)

static const struct mtalog_when noon = {.reference_ms = NOON};

struct field_case {
	const char *line;
	enum mtalog_kind kind;
	const char *id, *next, *text;
};

static const struct field_case fields[] = {
    {AT "smtpd[7]: connect from app.example.net[192.0.2.10]", MTALOG_CONNECT,
	"", "", ""},
    {AT "submission/smtpd[7]: " ID ": client=app.example.net[192.0.2.10]",
	MTALOG_CLIENT, ID, "", ""},
    {AT "smtpd[7]: " ID ": client=a[192.0.2.1], sasl_method=PLAIN, "
	"sasl_username=u",
	MTALOG_CLIENT, ID, "", ""},
    {AT "smtpd[7]: lost connection after DATA (21 bytes) from a[192.0.2.1]",
	MTALOG_OTHER, "", "", ""},
    {AT "smtpd[7]: " ID ": milter-reject: END-OF-MESSAGE from a[192.0.2.1]: "
	"451 4.7.1 x; from=<a@example.net>",
	MTALOG_REJECT, ID, "",
	"END-OF-MESSAGE from a[192.0.2.1]: 451 4.7.1 x; "
	"from=<a@example.net>"},
    {AT "smtpd[7]: " ID ": milter-reject: RCPT from a[192.0.2.1]: 550 no",
	MTALOG_OTHER, ID, "", "RCPT from a[192.0.2.1]: 550 no"},
    {AT "smtpd[7]: " ID ": reject: RCPT from a[192.0.2.1]: 550 no",
	MTALOG_OTHER, ID, "", "RCPT from a[192.0.2.1]: 550 no"},
    {AT "smtpd[7]: " ID ": milter-discard: RCPT from a[192.0.2.1]: x",
	MTALOG_DISCARD, ID, "", "RCPT from a[192.0.2.1]: x"},
    {AT "smtpd[7]: NOQUEUE: reject: END-OF-MESSAGE from a[192.0.2.1]: 550 x",
	MTALOG_OTHER, "", "", "END-OF-MESSAGE from a[192.0.2.1]: 550 x"},
    {AT "smtpd[7]: NOQUEUE: hold: RCPT from a[192.0.2.1]: x", MTALOG_HOLD, "",
	"", "RCPT from a[192.0.2.1]: x"},
    {AT "cleanup[7]: " ID ": message-id=<a@example.net>", MTALOG_MESSAGE_ID, ID,
	"", "<a@example.net>"},
    {AT "cleanup[7]: " ID ": milter-reject: END-OF-MESSAGE from "
	"localhost[127.0.0.1]: 5.7.1 no; from=<a@example.net>",
	MTALOG_REJECT, ID, "",
	"END-OF-MESSAGE from localhost[127.0.0.1]: 5.7.1 no; "
	"from=<a@example.net>"},
    {AT "cleanup[7]: " ID ": milter-reject: CONNECT from localhost[127.0.0.1]"
	": 4.7.1 x",
	MTALOG_REJECT, ID, "", "CONNECT from localhost[127.0.0.1]: 4.7.1 x"},
    {AT "cleanup[7]: " ID ": reject: header X: y from a[192.0.2.1]",
	MTALOG_REJECT, ID, "", "header X: y from a[192.0.2.1]"},
    {AT "cleanup[7]: " ID ": hold: header X: y from a[192.0.2.1]", MTALOG_HOLD,
	ID, "", "header X: y from a[192.0.2.1]"},
    {AT "cleanup[7]: " ID ": warning: header X: y from a[192.0.2.1]",
	MTALOG_OTHER, ID, "", ""},
    {AT "cleanup[7]: " ID ": to=<a@example.com>" TAIL, MTALOG_OTHER, ID, "",
	""},
    {AT "pickup[7]: " ID ": uid=0 from=<a@example.net>", MTALOG_PICKUP, ID, "",
	""},
    {AT "pickup[7]: " ID ": uid=103 from=<a@example.net> orig_id=" ID2,
	MTALOG_PICKUP, ID, ID2, ""},
    {AT "pickup[7]: " ID ": uid=103 from=<> orig_id=153053D", MTALOG_PICKUP, ID,
	"153053D", ""},
    {AT "pickup[7]: " ID ": uid=103 from=<a> sender=x", MTALOG_UNKNOWN, ID, "",
	""},
    {AT "qmgr[7]: " ID ": from=<a@example.net>, size=384, nrcpt=1 "
	"(queue active)",
	MTALOG_ACTIVE, ID, "", ""},
    {AT "qmgr[7]: 153053D: from=<>, size=384, nrcpt=12 (queue active)",
	MTALOG_ACTIVE, "153053D", "", ""},
    {AT "qmgr[7]: " ID ": from=<a@example.net>, status=expired, returned to "
	"sender",
	MTALOG_EXPIRED, ID, "", ""},
    {AT "qmgr[7]: " ID ": from=<>, status=force-expired, returned to sender",
	MTALOG_EXPIRED, ID, "", ""},
    {AT "qmgr[7]: " ID ": from=<a@example.net>, status=lost", MTALOG_UNKNOWN,
	ID, "", ""},
    {AT "qmgr[7]: " ID ": removed", MTALOG_REMOVED, ID, "", ""},
    {AT "qmgr[7]: " ID ": skipped, still being delivered", MTALOG_OTHER, ID, "",
	""},
    {AT "postsuper[7]: " ID ": removed", MTALOG_DELETED, ID, "", ""},
    {AT "postsuper[7]: " ID ": requeued", MTALOG_OTHER, ID, "", ""},
    {AT "postsuper[7]: " ID ": expired", MTALOG_OTHER, ID, "", ""},
    {AT "postsuper[7]: " ID ": placed on hold", MTALOG_HOLD, ID, "", ""},
    {AT "postsuper[7]: Deleted: 115 messages", MTALOG_DELETED_COUNT, "", "",
	""},
    {AT "postsuper[7]: Deleted: 99999999999 messages", MTALOG_UNKNOWN, "", "",
	""},
    {AT "bounce[7]: " ID ": sender non-delivery notification: " ID2,
	MTALOG_NOTICE, ID, ID2, "sender non-delivery"},
    {AT "bounce[7]: " ID ": sender delay notification: ../x", MTALOG_UNKNOWN,
	ID, "../x", "sender delay"},
    {AT "master[7]: daemon started -- version 3.7.11, configuration /x",
	MTALOG_STARTED, "", "", ""},
    {AT "master[7]: reload -- version 3.7.11, configuration /x", MTALOG_OTHER,
	"", "", ""},
    {AT "master[7]: warning: process /usr/lib/postfix/sbin/smtpd pid 25456 "
	"killed by signal 9",
	MTALOG_DIED, "", "", ""},
    {AT "smtp[7]: " ID ": host mx[192.0.2.1] said: 451 to=<a>, status=sent "
	"(x)",
	MTALOG_OTHER, ID, "", ""},
    {AT "smtp[7]: warning: to=<a@example.com>" TAIL, MTALOG_OTHER, "", "", ""},
    {AT "smtp[7]: DEADBEEF to=<a@example.com>" TAIL, MTALOG_OTHER, "", "", ""},
    {AT "smtp[7]: BEEF: to=<a@example.com>" TAIL, MTALOG_OTHER, "", "", ""},
    {AT "smtp[7]: 0123456789ABCDEF0123456789ABCDEF: to=<a@example.com>" TAIL,
	MTALOG_OTHER, "", "", ""},
    {"Nov 22 10:05:32 mx dovecot: " ID ": to=<a@example.com>" TAIL,
	MTALOG_OTHER, "", "", ""},
    {"Nov 22 10:05:32 mx rsyslogd: imuxsock lost 234 messages from pid 3812 "
     "due to rate-limiting",
	MTALOG_LOSS, "", "", ""},
    {"Nov 22 10:05:32 mx systemd-journald[3]: Suppressed 12 messages from "
     "postfix.service",
	MTALOG_LOSS, "", "", ""},
    {"Nov 22 10:05:32 mx rsyslogd: rsyslogd was HUPed", MTALOG_OTHER, "", "",
	""},
    {"", MTALOG_OTHER, "", "", ""},
    {"Nov 22 10:05:32", MTALOG_OTHER, "", "", ""},
    {"Nov 22 10:05:32 ", MTALOG_OTHER, "", "", ""},
    {"Nov 22 10:05:32 mx", MTALOG_OTHER, "", "", ""},
    {AT, MTALOG_OTHER, "", "", ""},
    {AT "smtp[7]:", MTALOG_OTHER, "", "", ""},
    {AT "smtp[7]: ", MTALOG_OTHER, "", "", ""},
    {AT "smtp[x]: " ID ": to=<a@example.com>" TAIL, MTALOG_OTHER, "", "", ""},
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
	const char *line;          /* after the queue id */
	enum mtalog_status status; /* NO_STATUS: MTALOG_UNKNOWN */
	const char *rcpt, *orig, *relay, *dsn, *text, *next;
};

#define MID ", relay=r.example.com[192.0.2.9]:25, delay=1, delays=1/0/0/0, "
#define RELAY "r.example.com[192.0.2.9]:25"

static const struct delivery_case deliveries[] = {
    {"smtp[7]: to=<a@example.com>" MID "dsn=2.0.0, status=sent (250 Ok)",
	MTALOG_SENT, "a@example.com", "", RELAY, "2.0.0", "250 Ok", ""},
    {"smtp[7]: to=<a@example.com>, orig_to=<b@example.com>" MID
     "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 153053D)",
	MTALOG_SENT, "a@example.com", "b@example.com", RELAY, "2.0.0",
	"250 2.0.0 Ok: queued as 153053D", "153053D"},
    {"lmtp[7]: to=<a@example.com>, relay=h[private/dovecot-lmtp], delay=1, "
     "delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 <a> x Saved)",
	MTALOG_SENT, "a@example.com", "", "h[private/dovecot-lmtp]", "2.0.0",
	"250 2.0.0 <a> x Saved", ""},
    {"smtp[7]: to=<a@example.com>" MID "tls=dane/!requiretls:nocertmatch, "
     "dsn=2.1.5, status=sent (250 Ok: 57 bytes queued as " ID ")",
	MTALOG_SENT, "a@example.com", "", RELAY, "2.1.5",
	"250 Ok: 57 bytes queued as " ID, ID},
    {"smtp[7]: to=<a@example.com>, relay=127.0.0.1[127.0.0.1]:10024, "
     "conn_use=2, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 "
     "from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 1111111; "
     "queued as " ID2 ")",
	MTALOG_SENT, "a@example.com", "", "127.0.0.1[127.0.0.1]:10024", "2.0.0",
	"250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as "
	"1111111; queued as " ID2,
	ID2},
    {"smtp[7]: to=<a@example.com>" MID
     "dsn=2.0.0, status=sent (250 queued as mail.example.com)",
	MTALOG_SENT, "a@example.com", "", RELAY, "2.0.0",
	"250 queued as mail.example.com", ""},
    {"local[7]: to=<a@example.com>, relay=local, delay=1, dsn=2.0.0, "
     "status=sent (forwarded as " ID2 ")",
	MTALOG_FORWARDED, "a@example.com", "", "local", "2.0.0",
	"forwarded as " ID2, ID2},
    {"local[7]: to=<a@example.com>, relay=local, delay=1, dsn=2.0.0, "
     "status=sent (delivered to command: echo queued as " ID2 ")",
	MTALOG_SENT, "a@example.com", "", "local", "2.0.0",
	"delivered to command: echo queued as " ID2, ""},
    {"smtp[7]: to=<a@example.com>" MID
     "dsn=2.0.0, status=sent (forwarded as " ID2 ")",
	MTALOG_SENT, "a@example.com", "", RELAY, "2.0.0", "forwarded as " ID2,
	""},
    {"discard[7]: to=<a@example.com>, relay=none, delay=0.01, delays=0/0/0/0, "
     "dsn=2.0.0, status=sent (black-hole)",
	MTALOG_SUNK, "a@example.com", "", "none", "2.0.0", "black-hole", ""},
    {"error[7]: to=<a@example.com>, relay=none, delay=1, dsn=4.4.1, "
     "status=deferred (delivery temporarily suspended)",
	MTALOG_DEFERRED, "a@example.com", "", "none", "4.4.1",
	"delivery temporarily suspended", ""},
    {"smtp[7]: to=<a@example.com>" MID
     "dsn=4.3.0, status=SOFTBOUNCE (host x said: 500 (in reply to RCPT TO "
     "command))",
	MTALOG_DEFERRED, "a@example.com", "", RELAY, "4.3.0",
	"host x said: 500 (in reply to RCPT TO command)", ""},
    {"smtp[7]: to=<a@example.com>" MID "dsn=5.1.1, status=bounced (host x "
     "said: 550 <b>: to=<v@example.com>, dsn=2.0.0, status=sent (250 ok))",
	MTALOG_BOUNCED, "a@example.com", "", RELAY, "5.1.1",
	"host x said: 550 <b>: to=<v@example.com>, dsn=2.0.0, status=sent "
	"(250 ok)",
	""},
    {"smtp[7]: to=<a@example.com>" MID "dsn=5.1.1, status=bounced (cut off",
	MTALOG_BOUNCED, "a@example.com", "", RELAY, "5.1.1", "cut off", ""},
    {"smtp[7]: to=<a@example.com>" MID "dsn=2.1.5, status=deliverable (250)",
	MTALOG_PROBED, "a@example.com", "", RELAY, "2.1.5", "250", ""},
    {"smtp[7]: to=<a@example.com>" MID "dsn=5.1.1, status=undeliverable (x)",
	MTALOG_PROBED, "a@example.com", "", RELAY, "5.1.1", "x", ""},
    {"pipe[7]: to=<a@example.com>, relay=pp, delay=0.01, dsn=2.0.0, "
     "status=sent (delivered via pp service (Return-Path: <n@example.com>))",
	MTALOG_SENT, "a@example.com", "", "pp", "2.0.0",
	"delivered via pp service (Return-Path: <n@example.com>)", ""},
    {"local[7]: to=user@example.com, orig_to=root@localhost, relay=local, "
     "delay=0.07, dsn=2.0.0, status=sent (delivered to mailbox)",
	MTALOG_SENT, "user@example.com", "root@localhost", "local", "2.0.0",
	"delivered to mailbox", ""},
    {"qmgr[7]: to=<a@example.com>, relay=none, delay=9, dsn=4.3.0, "
     "status=deferred (mail transport unavailable)",
	MTALOG_DEFERRED, "a@example.com", "", "none", "4.3.0",
	"mail transport unavailable", ""},
    /* addresses as Postfix quotes them */
    {"smtp[7]: to=<\"a>, relay=x, dsn=5.0.0, status=bounced "
     "(b)\"@example.com>" MID "dsn=2.0.0, status=sent (250 Ok)",
	MTALOG_SENT,
	"\"a>, relay=x, dsn=5.0.0, status=bounced (b)\""
	"@example.com",
	"", RELAY, "2.0.0", "250 Ok", ""},
    {"smtp[7]: to=<\"a b\\\"c>, d\"@example.com>, orig_to=<\"x, y\"@"
     "example.com>" MID "dsn=2.0.0, status=sent (250 Ok)",
	MTALOG_SENT, "\"a b\\\"c>, d\"@example.com", "\"x, y\"@example.com",
	RELAY, "2.0.0", "250 Ok", ""},
    {"smtp[7]: to=<a>b@example.com>" MID "dsn=2.0.0, status=sent (250 Ok)",
	MTALOG_SENT, "a>b@example.com", "", RELAY, "2.0.0", "250 Ok", ""},
    {"smtp[7]: to=<>" MID "dsn=2.0.0, status=sent (250 Ok)", MTALOG_SENT, "",
	"", RELAY, "2.0.0", "250 Ok", ""},
    /* what is not known */
    {"smtp[7]: to=<a@example.com" MID "dsn=2.0.0, status=sent (250 Ok)",
	MTALOG_NO_STATUS, "", "", "", "", "", ""},
    {"smtp[7]: to=<\"a@example.com>" MID "dsn=2.0.0, status=sent (250 Ok)",
	MTALOG_NO_STATUS, "", "", "", "", "", ""},
    {"smtp[7]: to=<a@example.com>" MID "dsn=2.0.0, status=eaten (250 Ok)",
	MTALOG_NO_STATUS, "a@example.com", "", RELAY, "2.0.0", "", ""},
    {"smtp[7]: to=<a@example.com>" MID "dsn=2.0.0, (status=sent (250 Ok)",
	MTALOG_NO_STATUS, "a@example.com", "", RELAY, "2.0.0", "", ""},
    {"smtp[7]: to=<a@example.com>" MID "dsn=2.0.0, note (a=b, status=sent (x)",
	MTALOG_NO_STATUS, "a@example.com", "", RELAY, "2.0.0", "", ""},
    {"smtp[7]: to=<a@example.com>" MID "dsn=2.0.0, status=sent",
	MTALOG_NO_STATUS, "a@example.com", "", RELAY, "2.0.0", "", ""},
    {"smtp[7]: to=<a@example.com>, a=1, b=1, c=1, d=1, e=1, f=1, g=1, h=1, "
     "i=1, j=1, k=1, l=1, m=1, n=1, o=1, p=1, q=1, status=sent (x)",
	MTALOG_NO_STATUS, "a@example.com", "", "", "", "", ""},
    {"smtp[7]: to=<", MTALOG_NO_STATUS, "", "", "", "", "", ""},
    {"smtp[7]: to=<\"\\", MTALOG_NO_STATUS, "", "", "", "", "", ""},
    {"smtp[7]: to=", MTALOG_NO_STATUS, "", "", "", "", "", ""},
};

static void test_deliveries(void)
{
	for (size_t i = 0; i < sizeof(deliveries) / sizeof(deliveries[0]);
	     i++) {
		const struct delivery_case *c = &deliveries[i];
		const char *colon = strstr(c->line, "]: ") + 3;
		enum mtalog_kind want = c->status != MTALOG_NO_STATUS
					    ? MTALOG_DELIVERY
					    : MTALOG_UNKNOWN;
		struct mtalog_line l;
		char line[1024];

		snprintf(line, sizeof(line), AT "%.*s" ID ": %s",
		    (int)(colon - c->line), c->line, colon);
		mtalog_parse(str_of(line), &noon, &l);
		IS_INT(l.kind, want, "kind of: %s", c->line);
		IS_INT(l.status, c->status, "status of: %s", c->line);
		IS_TEXT(l.queue_id, ID, "queue id of: %s", c->line);
		IS_TEXT(l.rcpt, c->rcpt, "rcpt of: %s", c->line);
		IS_TEXT(l.orig_rcpt, c->orig, "orig of: %s", c->line);
		IS_TEXT(l.text, c->text, "text of: %s", c->line);
		IS_TEXT(l.next_id, c->next, "next id of: %s", c->line);
		if (want == MTALOG_UNKNOWN)
			continue;
		IS_TEXT(l.relay, c->relay, "relay of: %s", c->line);
		IS_TEXT(l.dsn, c->dsn, "dsn of: %s", c->line);
	}
}

struct sender_case {
	const char *line;
	enum mtalog_kind kind;
	const char *sender, *next;
};

/* A sender's address stands before what the line has to say. */
static const struct sender_case senders[] = {
    {AT "qmgr[7]: " ID ": from=<\"x>, status=expired, returned to sender\"@"
	"example.net>, size=352, nrcpt=3 (queue active)",
	MTALOG_ACTIVE, "\"x>, status=expired, returned to sender\"@example.net",
	""},
    {AT "qmgr[7]: " ID ": from=<x>, status=expired, returned to sender>, "
	"size=352, nrcpt=3 (queue active)",
	MTALOG_ACTIVE, "x>, status=expired, returned to sender", ""},
    {AT "qmgr[7]: " ID ": from=<x>, size=1, nrcpt=1 (queue active)>, "
	"status=expired, returned to sender",
	MTALOG_EXPIRED, "x>, size=1, nrcpt=1 (queue active)", ""},
    {AT "qmgr[7]: " ID ": from=<x>, size=1, nrcpt=1 (queue active)>, size=, "
	"nrcpt=1 (queue active)",
	MTALOG_UNKNOWN, "", ""},
    {AT "pickup[7]: " ID ": uid=0 from=<x> orig_id=" ID2 ">", MTALOG_PICKUP,
	"x> orig_id=" ID2, ""},
    {AT "pickup[7]: " ID ": uid=0 from=<x> orig_id=" ID2 "> orig_id=153053D",
	MTALOG_PICKUP, "x> orig_id=" ID2, "153053D"},
    {AT "pickup[7]: " ID ": uid=0 from=<x> orig_id=" ID2 " y", MTALOG_UNKNOWN,
	"", ""},
};

static void test_senders(void)
{
	for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
		const struct sender_case *c = &senders[i];
		struct mtalog_line l;

		mtalog_parse(str_of(c->line), &noon, &l);
		IS_INT(l.kind, c->kind, "kind of: %s", c->line);
		IS_TEXT(l.sender, c->sender, "sender of: %s", c->line);
		IS_TEXT(l.next_id, c->next, "next id of: %s", c->line);
	}
}

struct time_case {
	const char *stamp;
	int64_t reference_ms;
	int32_t offset_s;
	int64_t want_ms; /* -1: no such time */
};

#define NEW_YEAR INT64_C(1798761600000) /* 2027-01-01T00:00:00Z */
#define LEAP_DAY INT64_C(1835395200000) /* 2028-02-29T00:00:00Z */

static const struct time_case times[] = {
    {"Nov 22 12:00:00", NOON, 0, NOON},
    {"Nov 22 12:00:00", NOON, 3600, NOON - 3600000},
    {"Nov 22 12:00:00", NOON, -5 * 3600, NOON + 5 * 3600000},
    {"Nov 23 12:00:00", NOON, 0, NOON + DAY},
    {"Nov 23 12:00:01", NOON, 0, NOON - 364 * DAY + 1000},
    {"Nov  2 12:00:00", NOON, 0, NOON - 20 * DAY},
    {"Dec 31 23:59:59", NEW_YEAR, 0, NEW_YEAR - 1000},
    {"Jan  1 00:00:00", NEW_YEAR - 1000, 0, NEW_YEAR},
    {"Jan  1 00:30:00", NEW_YEAR - 1800000, 3600, NEW_YEAR - 1800000},
    {"Dec 31 23:59:60", NEW_YEAR, 0, NEW_YEAR},
    {"Feb 29 00:00:00", LEAP_DAY + 300 * DAY, 0, LEAP_DAY},
    {"Feb 29 00:00:00", LEAP_DAY + 400 * DAY, 0, LEAP_DAY},
    {"Feb 29 00:00:00", NOON, 0, -1},
    {"Feb 30 00:00:00", LEAP_DAY, 0, -1},
    {"Nov 00 12:00:00", NOON, 0, -1},
    {"Nov 31 12:00:00", NOON, 0, -1},
    {"Nov 22 24:00:00", NOON, 0, -1},
    {"Nov 22 12:60:00", NOON, 0, -1},
    {"Nov 22 12:00:61", NOON, 0, -1},
    {"Nov 22 12.00:00", NOON, 0, -1},
    {"Nvo 22 12:00:00", NOON, 0, -1},
    {"<22>Nov 22 12:00:00", NOON, 0, NOON},
    {"<22222>Nov 22 12:00:00", NOON, 0, -1},
    {"2026-11-22T12:00:00Z", 0, 7200, NOON},
    {"2026-11-22T12:00:00+00:00", 0, 7200, NOON},
    {"2026-11-22T13:00:00.123456+01:00", 0, 0, NOON + 123},
    {"2026-11-22T06:30:00.5-05:30", 0, 0, NOON + 500},
    {"2026-11-22T12:00:00.Z", 0, 0, NOON},
    {"2026-11-22T12:00:00", 0, 0, -1},
    {"2026-11-22T12:00:00 ", 0, 0, -1},
    {"2026-11-22T12:00:00+0100", 0, 0, -1},
    {"2026-11-31T12:00:00Z", 0, 0, -1},
    {"2026-11-22 12:00:00Z", 0, 0, -1},
};

static void test_times(void)
{
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		const struct time_case *c = &times[i];
		struct mtalog_when when = {c->reference_ms, c->offset_s};
		struct mtalog_line l;
		char line[200];

		snprintf(line, sizeof(line),
		    "%s mx postfix/qmgr[7]: " ID ": removed", c->stamp);
		mtalog_parse(str_of(line), &when, &l);
		IS_INT(l.kind, c->want_ms >= 0 ? MTALOG_REMOVED : MTALOG_OTHER,
		    "stamp %s is read or not", c->stamp);
		if (c->want_ms >= 0)
			IS_INT(l.time_ms, c->want_ms, "time of %s at %lld",
			    c->stamp, (long long)c->reference_ms);
	}
}

static void test_writer(void)
{
	struct mtalog_line l;

	mtalog_parse(STR("2026-11-22T12:00:00Z out postfix-tendril/submission/"
			 "smtpd[12895]: connect from unknown[unknown]"),
	    &noon, &l);
	IS_TEXT(l.host, "out", "host");
	IS_TEXT(l.instance, "postfix-tendril", "instance");
	IS_TEXT(l.agent, "smtpd", "agent");
	IS_INT(l.pid, 12895, "pid");
	mtalog_parse(STR(AT "qmgr[7]: " ID ": from=<a, nrcpt=9>, size=38, "
			    "nrcpt=12 (queue active)"),
	    &noon, &l);
	IS_INT(l.count, 12, "recipients");
	mtalog_parse(
	    STR(AT "master[5]: warning: process /x/smtpd pid 25456 killed by "
		   "signal 9"),
	    &noon, &l);
	IS_INT(l.pid, 25456, "a death tells the dead one's pid");
	mtalog_parse(STR(AT "postsuper[5]: Deleted: 115 messages"), &noon, &l);
	IS_INT(l.count, 115, "number of deleted messages");
}

struct count_case {
	const char *tail;
	bool has;
	uint32_t data_ok, data_all, bdat_ok, bdat_all;
};

static const struct count_case counts[] = {
    {" ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5", true, 1, 1, 0, 0},
    {" ehlo=1 mail=3 rcpt=3 data=2/3 quit=1 commands=10/11", true, 2, 3, 0, 0},
    {" helo=1 bdat=1/2 quit=1 commands=5/6", true, 0, 0, 1, 2},
    {" ehlo=1 auth=0/1 quit=1 commands=2/3", true, 0, 0, 0, 0},
    {" commands=0/0", true, 0, 0, 0, 0},
    {"", false, 0, 0, 0, 0},
    {" data=x commands=1", false, 0, 0, 0, 0},
    {" data=1/ commands=1", false, 0, 0, 0, 0},
    {" data=4294967296 commands=1", false, 0, 0, 0, 0},
};

static void test_counts(void)
{
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const struct count_case *c = &counts[i];
		struct mtalog_line l;
		char line[200];

		snprintf(line, sizeof(line),
		    AT "smtpd[7]: disconnect from a.example[192.0.2.1]%s",
		    c->tail);
		mtalog_parse(str_of(line), &noon, &l);
		IS_INT(l.kind, MTALOG_DISCONNECT, "disconnect%s", c->tail);
		IS_INT(l.has_counts, c->has, "has counts%s", c->tail);
		IS_INT(l.data.ok, c->data_ok, "data ok%s", c->tail);
		IS_INT(l.data.all, c->data_all, "data all%s", c->tail);
		IS_INT(l.bdat.ok, c->bdat_ok, "bdat ok%s", c->tail);
		IS_INT(l.bdat.all, c->bdat_all, "bdat all%s", c->tail);
	}
}

/* Every prefix of every line, in memory of exactly its size, and every line
 * with one byte changed to NUL: nothing is read outside (sanitizer), and no
 * string leaves the line. */
static void test_cut(void)
{
	size_t seen = 0, outside = 0;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t n = strlen(fields[i].line);
		for (size_t k = 0; k <= 2 * n; k++) {
			size_t m = k <= n ? k : n;
			char *copy = malloc(m > 0 ? m : 1);
			struct mtalog_line l;
			const struct str *s[] = {&l.queue_id, &l.next_id,
			    &l.rcpt, &l.text, &l.host, &l.sender};

			memcpy(copy, fields[i].line, m);
			if (k > n)
				copy[k - n - 1] = '\0';
			mtalog_parse((struct str){copy, m}, &noon, &l);
			for (size_t j = 0; j < sizeof(s) / sizeof(s[0]); j++)
				outside += s[j]->n > 0 &&
					   (s[j]->p < copy ||
					       s[j]->p + s[j]->n > copy + m);
			free(copy);
			seen++;
		}
	}
	OK(seen > 5000, "%zu damaged lines", seen);
	IS_INT(outside, 0, "no string outside its line");
}

int main(void)
{
	test_fields();
	test_deliveries();
	test_senders();
	test_times();
	test_writer();
	test_counts();
	test_cut();
	return tap_done();
}
