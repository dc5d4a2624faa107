/* bench_classify.c - how many returned mails a second report_classify() sorts
 * on one core, and how many megabytes mime_scan() reads.
 *
 *   bench_classify [FILE...]
 *
 * Without files: one bounce as Postfix sends it, and one in words alone as qmail
 * does, 4 KB of news returned with each. Lines: name, value, unit, anchor, its value, ratio, tab-separated. The
 * anchors are the target of 10000 mails a second, and memchr() over the same
 * bytes for line ends. */
#include "policy/base/clock.h"
#include "policy/base/file.h"
#include "policy/mail/mime.h"
#include "policy/mail/report.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	MAX_MAIL = 16 << 20,
	MAX_ALL = 256 << 20,
	RUN_MS = 2000
};

struct mails {
	struct str *v;
	size_t n, bytes;
	struct arena *memory;
};

static void add_mail(struct mails *m, struct str text)
{
	m->v[m->n] = arena_str(m->memory, text);
	if (m->v[m->n].p == NULL)
		exit(1);
	m->bytes += m->v[m->n++].n;
}

static void add_file(struct mails *m, const char *path)
{
	struct error err = {0};
	struct buf b;

	buf_init(&b, MAX_MAIL);
	if (file_read(path, &b, &err) != 0) {
		fprintf(stderr, "%s: %s\n", path, err.text);
		exit(1);
	}
	add_mail(m, buf_str(&b));
	buf_fini(&b);
}

static void add_news(struct buf *b)
{
	buf_addz(b, "From: news@example.com\r\nMessage-ID: <1@example.com>\r\n"
		    "Subject: News\r\n\r\n");
	for (size_t end = b->n + 4096; b->n < end;)
		buf_addz(b, "All the news that is fit for a benchmark.\r\n");
}

static void add_words(struct mails *m)
{
	struct buf b;

	buf_init(&b, MAX_MAIL);
	buf_addz(&b,
	    "Return-Path: <>\r\nReceived: (qmail 7513 invoked for "
	    "bounce); 2 Jan 2025 10:00:00 -0000\r\n"
	    "From: MAILER-DAEMON@mx.example.net\r\n"
	    "To: b-token@example.com\r\nSubject: failure notice\r\n\r\n"
	    "Hi. This is the qmail-send program at mx.example.net.\r\n"
	    "I'm afraid I wasn't able to deliver your message to the "
	    "following addresses.\r\nThis is a permanent error; I've "
	    "given up. Sorry it didn't work out.\r\n\r\n"
	    "<ann@example.org>:\r\nRemote host said: 550 5.1.1 "
	    "<ann@example.org>... User unknown\r\n\r\n"
	    "--- Below this line is a copy of the message.\r\n\r\n");
	add_news(&b);
	if (buf_error(&b) != 0)
		exit(1);
	add_mail(m, buf_str(&b));
	buf_fini(&b);
}

static void add_report(struct mails *m)
{
	struct buf b;

	buf_init(&b, MAX_MAIL);
	buf_addz(&b,
	    "Received: by mx.example.net (Postfix) id 4ZqX1k2mJvz9; Thu,  2 "
	    "Jan 2025 10:00:00 +0000 (UTC)\r\n"
	    "From: MAILER-DAEMON@mx.example.net (Mail Delivery System)\r\n"
	    "Subject: Undelivered Mail Returned to Sender\r\n"
	    "To: b-token@example.com\r\nAuto-Submitted: auto-replied\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: multipart/report; "
	    "report-type=delivery-status;\r\n boundary=\"b/mx\"\r\n\r\n"
	    "--b/mx\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
	    "This is the mail system at host mx.example.net.\r\n\r\n--b/mx\r\n"
	    "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; "
	    "mx.example.net\r\nX-Postfix-Queue-ID: 4ZqX1k2mJvz9\r\n\r\n"
	    "Final-Recipient: rfc822; ann@example.org\r\nOriginal-Recipient: "
	    "rfc822;ann@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n"
	    "Remote-MTA: dns; mx.example.org\r\nDiagnostic-Code: smtp; 550 "
	    "5.1.1 <ann@example.org>: Recipient address\r\n    rejected: User "
	    "unknown in virtual mailbox table\r\n\r\n--b/mx\r\nContent-Type: "
	    "message/rfc822\r\n\r\n");
	add_news(&b);
	buf_addz(&b, "\r\n--b/mx--\r\n");
	if (buf_error(&b) != 0)
		exit(1);
	add_mail(m, buf_str(&b));
	buf_fini(&b);
}

static void print_line(const char *name, double value, const char *unit,
    const char *anchor, double anchor_value)
{
	printf("%s\t%.0f\t%s\t%s\t%.0f\t%.2f\n", name, value, unit, anchor,
	    anchor_value, anchor_value > 0 ? value / anchor_value : 0);
}

/* Rounds a second over all mails, each by `one`. */
static double rounds(const struct mails *m,
    void (*one)(const struct mails *m, size_t i, struct arena *a),
    struct arena *a)
{
	int64_t start = clock_mono_ms(), ms;
	double n = 0;

	do {
		for (size_t i = 0; i < m->n; i++) {
			arena_reset(a);
			one(m, i, a);
		}
		n++;
		ms = clock_mono_ms() - start;
	} while (ms < RUN_MS);
	return n * 1000 / (double)ms;
}

static struct bounce_rules *rules;
static volatile size_t sink; /* so that nothing is optimised away */

static void classify_one(const struct mails *m, size_t i, struct arena *a)
{
	struct report r;

	if (report_classify(rules, m->v[i], a, &r) != 0)
		exit(1);
	sink += r.n;
}

static void scan_one(const struct mails *m, size_t i, struct arena *a)
{
	struct mime parts;

	if (mime_scan(m->v[i], a, &parts) != 0)
		exit(1);
	sink += parts.n;
}

static void lines_one(const struct mails *m, size_t i, struct arena *a)
{
	(void)a;
	for (size_t at = 0; at < m->v[i].n; sink++)
		at = str_find(m->v[i], at, '\n') + 1;
}

static void measure(const struct mails *m, const char *what, struct arena *a)
{
	print_line(what, (double)m->n * rounds(m, classify_one, a), "1/s",
	    "target", 10000);
}

int main(int argc, char **argv)
{
	struct mails m = {.memory = arena_new(MAX_ALL)};
	struct arena *a = arena_new(MAX_ALL);
	double mb;

	m.v = calloc((size_t)argc + 2, sizeof(*m.v));
	if (a == NULL || m.memory == NULL || m.v == NULL ||
	    bounce_rules_new(&rules) != 0)
		return 1;
	for (int i = 1; i < argc; i++)
		add_file(&m, argv[i]);
	if (m.n == 0) {
		add_words(&m);
		measure(&m, "notices in words alone sorted", a);
		m.n = m.bytes = 0;
		add_report(&m);
	}
	mb = (double)m.bytes / 1e6;
	measure(&m, "returned mails sorted", a);
	print_line("MIME scan", mb * rounds(&m, scan_one, a), "MB/s",
	    "memchr for line ends", mb * rounds(&m, lines_one, a));
	bounce_rules_free(&rules);
	free(m.v);
	arena_free(&m.memory);
	arena_free(&a);
	return 0;
}
