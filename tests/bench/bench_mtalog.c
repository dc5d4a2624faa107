/* bench_mtalog.c - lines of a mail log a second, on one core, of each MTA: the
 * parser, with the outcomes, and with the follower reading a file. A line a figure,
 * tab-separated: name, value, unit, anchor, its value, ratio. The anchor does
 * nothing but find the ends of the same lines. */
#include "agent/in/mtalog.h"
#include "agent/in/mtalog_follow.h"
#include "agent/in/outcome.h"
#include "policy/base/buf.h"
#include "policy/base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	MESSAGES = 40000,
	ROUNDS = 5,
	MAX_LOG = 256 << 20
};

struct bench {
	struct buf log;
	struct outcome_book *book;
	uint64_t outcomes, lines;
};

struct mta {
	const char *name;
	void (*add_message)(struct buf *b, unsigned i);
};

static const struct mtalog_when when = {.reference_ms = 1795348800000};

/* What Postfix writes for a message: seven lines, of sessions that overlap. */
static void add_postfix(struct buf *b, unsigned i)
{
	const char *at = "Nov 22 10:05:32 mail postfix";
	unsigned pid = 1000 + i % 50;
	char id[24];

	snprintf(id, sizeof(id), "4jXQ%c%02u%03uz1b%c%c%c",
	    "BCDFGHJKLM"[i / 10000 % 10], i / 1000 % 100, i % 1000,
	    "bcdfghjk"[i % 8], "BCDFGHJK"[i / 8 % 8], "mnpqrstv"[i / 64 % 8]);
	buf_printf(b,
	    "%s/submission/smtpd[%u]: connect from app.example.net"
	    "[192.0.2.10]\n",
	    at, pid);
	buf_printf(b,
	    "%s/submission/smtpd[%u]: %s: client=app.example.net"
	    "[192.0.2.10], sasl_method=PLAIN, sasl_username=news\n",
	    at, pid, id);
	buf_printf(b, "%s/cleanup[77]: %s: message-id=<%u.news@example.net>\n",
	    at, id, i);
	buf_printf(b,
	    "%s/qmgr[5]: %s: from=<b-%026u@bounce.example.net>, "
	    "size=%u, nrcpt=1 (queue active)\n",
	    at, id, i, 4000 + i % 999);
	buf_printf(b,
	    "%s/submission/smtpd[%u]: disconnect from "
	    "app.example.net[192.0.2.10] ehlo=2 starttls=1 auth=1 "
	    "mail=1 rcpt=1 data=1 quit=1 commands=8\n",
	    at, pid);
	buf_printf(b,
	    "%s/smtp[%u]: %s: to=<lead%u@example.org>, relay="
	    "mx%u.example.org[198.51.100.%u]:25, delay=0.72, "
	    "delays=0.05/0.01/0.4/0.26, dsn=2.0.0, status=sent (250 "
	    "2.0.0 OK  1795348800 a1-20020a05600c3b%u si1234567wrb.12"
	    " - gsmtp)\n",
	    at, 2000 + i % 100, id, i, i % 5, i % 250, i);
	buf_printf(b, "%s/qmgr[5]: %s: removed\n", at, id);
}

/* What Sendmail writes at MilterLogLevel 10 for a message: five lines. */
static void add_sendmail(struct buf *b, unsigned i)
{
	const char *at = "Nov 22 10:05:32 mail sendmail";
	unsigned pid = 10000 + i % 50000;
	char id[24];

	snprintf(id, sizeof(id), "6AM%c%c%c%c%c%06u",
	    "ABCDEFGHIJ"[i / 40000 % 10], "KLMNOPQRST"[i / 4000 % 10],
	    "bcdfghjkmn"[i / 400 % 10], "0123456789"[i / 40 % 10],
	    "pqrstvwxbc"[i / 4 % 10], pid);
	buf_printf(b,
	    "%s[%u]: %s: from=<b-%026u@bounce.example.net>, size=%u, class=0, "
	    "nrcpts=1, msgid=<%u.news@example.net>, proto=ESMTP, daemon=apps, "
	    "relay=app.example.net [192.0.2.10]\n",
	    at, pid, id, i, 4000 + i % 999, i);
	buf_printf(b,
	    "%s[%u]: %s: Milter (tendril) add: header: X-Tendril-Id:  "
	    "pegkumgxamk4jxuogacaqd3os52%05u\n",
	    at, pid, id, i);
	buf_printf(b,
	    "%s[%u]: %s: Milter (tendril) delete: header "
	    "X-Tendril-Segment: newsletter\n",
	    at, pid, id);
	buf_printf(b, "%s[%u]: %s: Milter accept: message\n", at, pid, id);
	buf_printf(b,
	    "%s[%u]: %s: to=<lead%u@example.org>, delay=00:00:01, "
	    "xdelay=00:00:01, mailer=esmtp, pri=30198, relay=mx%u.example.org. "
	    "[198.51.100.%u], dsn=2.0.0, stat=Sent (OK  1795348800 "
	    "a1-20020a05600c3b%u si1234567wrb.12 - gsmtp)\n",
	    at, pid + 2, id, i, i % 5, i % 250, i);
}

static void count_outcome(void *arg, const struct outcome *o)
{
	struct bench *b = arg;

	b->outcomes += o->queue_id.n > 0;
}

static void run_split(struct bench *b)
{
	struct str rest = buf_str(&b->log), line;

	while (str_next(&rest, '\n', &line))
		b->lines += line.n > 0;
}

static void run_parse(struct bench *b)
{
	struct str rest = buf_str(&b->log), line;
	struct mtalog_line l;

	while (str_next(&rest, '\n', &line)) {
		mtalog_parse(line, &when, &l);
		b->outcomes += l.queue_id.n > 0;
		b->lines += line.n > 0;
	}
}

static void run_outcomes(struct bench *b)
{
	struct str rest = buf_str(&b->log), line;
	struct mtalog_line l;

	while (str_next(&rest, '\n', &line)) {
		mtalog_parse(line, &when, &l);
		outcome_line(b->book, &l, count_outcome, b);
		b->lines += line.n > 0;
	}
}

static int on_item(void *arg, const struct mtalog_item *item)
{
	struct bench *b = arg;
	struct mtalog_line l;

	mtalog_parse(item->line, &when, &l);
	outcome_line(b->book, &l, count_outcome, b);
	b->lines++;
	return 0;
}

static char log_path[] = "/tmp/bench-mtalog-XXXXXX";

static const struct mta mtas[] = {
    {"postfix", add_postfix},
    {"sendmail", add_sendmail},
};

static void run_follow(struct bench *b)
{
	struct mtalog_follow *f;
	struct error err = {0};

	if (mtalog_follow_open(&f, log_path, NULL, 0, &err) != 0 ||
	    mtalog_follow_next(f, SIZE_MAX, on_item, b, &err) != 0)
		bug("%s", err.text);
	mtalog_follow_close(&f);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The best of some rounds: the machine is shared. Lines a second. */
static double measure(struct bench *b, void (*run)(struct bench *))
{
	double best = 0;

	for (int i = 0; i < ROUNDS; i++) {
		double start = now_s(), rate;

		b->lines = 0;
		run(b);
		rate = (double)b->lines / (now_s() - start);
		best = rate > best ? rate : best;
	}
	return best;
}

static void print(
    const struct mta *mta, const char *name, double value, double anchor)
{
	printf("%s.%s\t%.0f\tlines/s\t%s.line-ends\t%.0f\t%.4f\n", mta->name,
	    name, value, mta->name, anchor, value / anchor);
}

/* At least one outcome a message, in each round of each way that makes any. */
static void measure_mta(const struct mta *mta)
{
	struct bench b = {.book = outcome_new(1024)};
	int fd = open(log_path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	double anchor;

	buf_init(&b.log, MAX_LOG);
	for (unsigned i = 0; i < MESSAGES; i++)
		mta->add_message(&b.log, i);
	if (fd < 0 || b.book == NULL || buf_error(&b.log) != 0 ||
	    file_write_all(fd, buf_str(&b.log)) != 0)
		bug("cannot prepare the log");
	anchor = measure(&b, run_split);
	print(mta, "parsed", measure(&b, run_parse), anchor);
	b.outcomes = 0;
	print(mta, "outcomes", measure(&b, run_outcomes), anchor);
	print(mta, "followed", measure(&b, run_follow), anchor);
	if (b.outcomes < 2 * ROUNDS * MESSAGES)
		bug("no outcomes");
	outcome_free(&b.book);
	buf_fini(&b.log);
	(void)close(fd);
}

int main(void)
{
	int fd = mkstemp(log_path);

	if (fd < 0)
		bug("cannot make a file");
	(void)close(fd);
	for (size_t i = 0; i < sizeof(mtas) / sizeof(mtas[0]); i++)
		measure_mta(&mtas[i]);
	return unlink(log_path) == 0 ? 0 : 1;
}
