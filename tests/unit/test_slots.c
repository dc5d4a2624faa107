/* test_slots.c - log lines into slots, exactly once, across restarts. */
#include "tests/unit/storetest.h"

#include "agent/in/slots.h"
#include "agent/in/waits.h"
#include "agent/ruleset.h"
#include "policy/base/clock.h"
#include "policy/state/counter.h"
#include "policy/state/message.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

static struct storetest T;
static struct app A;
static struct slots *S;
static char log_path[128];
static int64_t now_ms;

static const char policy_text[] =
    "segment demo { purpose = demos legal-basis = legitimate-interest "
    "when-full = defer }\n";

static uint64_t send_to(const char *to, const char *queue_id)
{
	static uint64_t key = 100;
	struct decide_in in = {.mode = DECIDE_SEND,
	    .recipient = storetest_address(&T, to),
	    .segment = STR("demo"),
	    .stream = STR("apps"),
	    .queue_id = str_of(queue_id),
	    .same = {.key = ++key, .has_message_id = true},
	    .log_followed = true};
	struct decide_out out;
	struct error err = {0};
	uint64_t id;

	if (decide_propose(T.store, &in, &out, &err) != 0)
		printf("# %s\n", err.text);
	id = out.message_id;
	decide_fini(&out);
	return id;
}

static enum slot_state state_of(uint64_t id)
{
	struct message_record r = {0};
	struct ledger_txn *t;

	if (ledger_read_begin(T.store->ledger, &t) != 0)
		return 0;
	if (message_read(t, id, &r) != 0)
		r.state = 0;
	ledger_read_end(&t);
	return r.state;
}

/* One line at the test's instant. */
static void log_line(const char *rest)
{
	char stamp[32], line[600];
	time_t t = (time_t)(now_ms / 1000);
	struct tm tm;
	int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT, 0600);
	int n;

	(void)localtime_r(&t, &tm);
	(void)strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
	n = snprintf(line, sizeof(line), "%s mx %s\n", stamp, rest);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		printf("# cannot write the log\n");
	(void)close(fd);
}

static void step(void)
{
	struct error err = {0};
	bool more = true;

	for (int i = 0; i < 20 && more; i++)
		if (slots_step(S, now_ms, &more, &err) != 0)
			printf("# step: %s\n", err.text);
}

static void reopen(void)
{
	struct error err = {0};

	slots_close(&S);
	IS_INT(slots_open(&S, &A, &err), 0, "open: %s", err.text);
}

static void test_delivery(void)
{
	uint64_t id = send_to("a@b.example", "4jXQLJ4D31z1bXx");

	log_line("postfix/smtpd[7]: connect from h[192.0.2.1]");
	log_line("postfix/smtpd[7]: 4jXQLJ4D31z1bXx: client=h[192.0.2.1]");
	step();
	IS_INT(state_of(id), SLOT_PROPOSED, "nothing decided yet");
	log_line("postfix/qmgr[9]: 4jXQLJ4D31z1bXx: from=<b@c.example>, "
		 "size=9, nrcpt=1 "
		 "(queue active)");
	step();
	IS_INT(state_of(id), SLOT_QUEUED, "queue active");
	reopen();
	log_line("postfix/smtp[8]: 4jXQLJ4D31z1bXx: to=<a@b.example>, "
		 "relay=x[192.0.2.2]:25, delay=1, delays=1/0/0/0, dsn=2.0.0, "
		 "status=sent (250 2.0.0 Ok)");
	log_line("postfix/qmgr[9]: 4jXQLJ4D31z1bXx: removed");
	step();
	IS_INT(state_of(id), SLOT_DELIVERED, "sent, and removed in one batch");
}

/* An alias: the message goes on under another queue id, and the first one is
 * done with. */
static void test_forwarded(void)
{
	uint64_t id = send_to("fw@b.example", "4jXQLJ4D61z1bXx");

	log_line("postfix/qmgr[9]: 4jXQLJ4D61z1bXx: from=<b@c.example>, "
		 "size=9, nrcpt=1 (queue active)");
	log_line("postfix/local[8]: 4jXQLJ4D61z1bXx: to=<fw@b.example>, "
		 "relay=local, delay=1, delays=1/0/0/0, dsn=2.0.0, "
		 "status=sent (forwarded as 4jXQLJ4D62z1bXx)");
	log_line("postfix/qmgr[9]: 4jXQLJ4D61z1bXx: removed");
	step();
	IS_INT(state_of(id), SLOT_QUEUED, "it goes on under another id");
	log_line("postfix/smtp[8]: 4jXQLJ4D62z1bXx: to=<x@y.example>, "
		 "orig_to=<fw@b.example>, relay=x[192.0.2.2]:25, delay=1, "
		 "delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok)");
	log_line("postfix/qmgr[9]: 4jXQLJ4D62z1bXx: removed");
	step();
	IS_INT(state_of(id), SLOT_DELIVERED, "and is delivered there");
}

struct counted {
	const char *name, *provider;
	uint64_t count;
};

static int count_row(void *arg, const struct counter_row *r)
{
	struct counted *c = arg;

	if (str_eq(r->name, str_of(c->name)) &&
	    str_eq(r->provider, str_of(c->provider)))
		c->count += r->count;
	return 0;
}

static uint64_t counted(const char *name, const char *provider)
{
	struct counted c = {name, provider, 0};
	struct ledger_txn *t;

	if (ledger_read_begin(T.store->ledger, &t) != 0 ||
	    counter_each(t, 0, 0, count_row, &c) != 0)
		OK(false, "counters");
	ledger_read_end(&t);
	return c.count;
}

/* Sendmail's lines beside Postfix's: several recipients in one, what a server
 * says that looks like another field, an end without delivery. */
static void test_sendmail(void)
{
	uint64_t sent = send_to("sm1@gmail.com", "6AN6n0XH018567");
	uint64_t gone = send_to("sm2@b.example", "6AN6n0XH018568");
	uint64_t late = send_to("sm3@b.example", "6AN6n0XH018569");
	uint64_t refused = send_to("sm4@b.example", "6AN6n0XH018570");

	log_line("sendmail[7]: 6AN6n0XH018567: Milter accept: message");
	log_line("sendmail[7]: 6AN6n0XH018569: to=<sm3@b.example>, delay=0, "
		 "mailer=esmtp, pri=1, relay=mx. [192.0.2.1], dsn=4.2.0, "
		 "reply=451 x, stat=Deferred: 451 x");
	step();
	IS_INT(state_of(sent), SLOT_QUEUED, "accepted");
	IS_INT(state_of(late), SLOT_QUEUED, "being tried, so accepted");
	IS_INT(state_of(gone), SLOT_PROPOSED, "of this one nothing is known");
	log_line("sendmail[7]: 6AN6n0XH018567: to=<sm1@gmail.com>,<x@y.example>"
		 ", delay=0, mailer=esmtp, pri=1, relay="
		 "gmail-smtp-in.l.google.com. [192.0.2.1], dsn=2.0.0, "
		 "stat=Sent (Ok)");
	log_line("sm-mta[7]: 6AN6n0XH018568: to=<sm2@b.example>, delay=0, "
		 "mailer=esmtp, pri=1, relay=mx. [192.0.2.1], dsn=5.1.1, "
		 "reply=550 2.0.0 x, stat=Sent, stat=User unknown");
	log_line("sendmail[7]: 6AN6n0XH018569: 6AN6n0XH018571: sender notify: "
		 "Cannot send message for 5 days");
	log_line("sendmail[7]: 6AN6n0XH018570: Milter: data, reject=550 no");
	reopen();
	step();
	IS_INT(state_of(sent), SLOT_DELIVERED, "sent");
	IS_INT(state_of(gone), SLOT_RELEASED, "bounced");
	IS_INT(state_of(late), SLOT_RELEASED, "given up");
	IS_INT(state_of(refused), SLOT_RELEASED, "refused by another milter");
	IS_INT(counted("provider.delivered", "google"), 1, "by its provider");
	IS_INT(counted("provider.released.bounced", "b.example"), 1,
	    "a provider without a name");
}

static void test_release(void)
{
	uint64_t rejected = send_to("b@b.example", "4jXQLJ4D32z1bXx");
	uint64_t bounced = send_to("c@b.example", "4jXQLJ4D33z1bXx");

	log_line("postfix/cleanup[7]: 4jXQLJ4D32z1bXx: milter-reject: "
		 "END-OF-MESSAGE "
		 "from h[192.0.2.1]: 4.7.1 Service unavailable - try again "
		 "later; from=<b@c.example> to=<b@b.example> proto=ESMTP "
		 "helo=<h>");
	log_line("postfix/qmgr[9]: 4jXQLJ4D33z1bXx: from=<b@c.example>, "
		 "size=9, nrcpt=1 "
		 "(queue active)");
	log_line("postfix/smtp[8]: 4jXQLJ4D33z1bXx: to=<c@b.example>, "
		 "relay=x[192.0.2.2]:25, delay=1, delays=1/0/0/0, dsn=5.1.1, "
		 "status=bounced (host x said: 550 5.1.1 status=sent (250))");
	step();
	IS_INT(state_of(rejected), SLOT_RELEASED, "refused at end of message");
	IS_INT(state_of(bounced), SLOT_RELEASED,
	    "bounced, whatever the remote text says");
}

/* Silence is an answer only after 15 minutes, and survives a restart. */
static void test_silence(void)
{
	uint64_t id = send_to("d@b.example", "4jXQLJ4D34z1bXx");

	log_line("postfix/smtpd[17]: connect from h[192.0.2.1]");
	log_line("postfix/smtpd[17]: 4jXQLJ4D34z1bXx: client=h[192.0.2.1]");
	log_line("postfix/smtpd[17]: 4jXQLJ4D35z1bXx: client=h[192.0.2.1]");
	log_line("postfix/smtpd[17]: disconnect from h[192.0.2.1] ehlo=1 "
		 "mail=2 rcpt=2 data=1/2 commands=6/7");
	step();
	IS_INT(state_of(id), SLOT_PROPOSED, "session over: in doubt");
	now_ms += 6000;
	log_line("postfix/anvil[3]: statistics");
	step();
	reopen();
	now_ms += SLOTS_WAIT_MS - 7000;
	step();
	IS_INT(state_of(id), SLOT_PROPOSED, "one second before");
	now_ms += 2000;
	step();
	IS_INT(state_of(id), SLOT_RELEASED, "15 minutes of silence");
}

static void test_refused_session(void)
{
	uint64_t id = send_to("e@b.example", "4jXQLJ4D36z1bXx");

	log_line("postfix/smtpd[27]: connect from h[192.0.2.1]");
	log_line("postfix/smtpd[27]: 4jXQLJ4D36z1bXx: client=h[192.0.2.1]");
	log_line("postfix/smtpd[27]: disconnect from h[192.0.2.1] ehlo=1 "
		 "mail=1 rcpt=1 data=0/1 commands=3/4");
	step();
	IS_INT(state_of(id), SLOT_RELEASED, "the server gave no 250: at once");
}

static void test_gap(void)
{
	uint64_t id = send_to("f@b.example", "4jXQLJ4D37z1bXx");

	log_line("postfix/smtpd[37]: connect from h[192.0.2.1]");
	log_line("postfix/smtpd[37]: 4jXQLJ4D37z1bXx: client=h[192.0.2.1]");
	log_line("postfix/smtpd[37]: 4jXQLJ4D38z1bXx: client=h[192.0.2.1]");
	log_line("postfix/smtpd[37]: disconnect from h[192.0.2.1] ehlo=1 "
		 "mail=2 rcpt=2 data=1/2 commands=6/7");
	step();
	if (truncate(log_path, 0) != 0)
		printf("# truncate failed\n");
	log_line("postfix/anvil[3]: statistics");
	step();
	now_ms += 2 * SLOTS_WAIT_MS;
	step();
	IS_INT(state_of(id), SLOT_PROPOSED,
	    "after a hole in the log silence is no answer");
}

/* Whether it was sent stood in the hole: unknown is sent. Without a hole a
 * message that leaves the queue undelivered was not sent. */
static void test_removed(void)
{
	uint64_t lost = send_to("f1@b.example", "4jXQLJ4D71z1bXx");
	uint64_t none = send_to("f2@b.example", "4jXQLJ4D72z1bXx");

	log_line("postfix/qmgr[9]: 4jXQLJ4D71z1bXx: from=<b@c.example>, "
		 "size=9, nrcpt=1 (queue active)");
	step();
	if (truncate(log_path, 0) != 0)
		printf("# truncate failed\n");
	log_line("postfix/anvil[3]: statistics");
	step();
	now_ms += 5000;
	log_line("postfix/qmgr[9]: 4jXQLJ4D72z1bXx: from=<b@c.example>, "
		 "size=9, nrcpt=1 (queue active)");
	reopen();
	log_line("postfix/qmgr[9]: 4jXQLJ4D71z1bXx: removed");
	log_line("postfix/qmgr[9]: 4jXQLJ4D72z1bXx: removed");
	step();
	IS_INT(state_of(lost), SLOT_DELIVERED, "a hole since it was queued");
	IS_INT(state_of(none), SLOT_RELEASED, "no hole since");
}

/* One message to many, and several of them in one batch of lines. */
static void send_to_many(const char *queue_id, uint64_t *first_out)
{
	enum {
		N = DECIDE_ALL_MAX
	};
	static struct decide_in in[N];
	static struct decide_out out[N];
	static char to[N][200];
	struct error err = {0};

	for (int i = 0; i < N; i++) {
		(void)snprintf(
		    to[i], sizeof(to[i]), "p%d@%s.example", i, queue_id);
		in[i] = (struct decide_in){.mode = DECIDE_ONE_TO_ONE,
		    .recipient = storetest_address(&T, to[i]),
		    .stream = STR("sales"),
		    .queue_id = str_of(queue_id),
		    .log_followed = true};
	}
	IS_INT(decide_propose_all(T.store, in, N, out, &err), 0,
	    "a message to %d: %s", (int)N, err.text);
	*first_out = out[0].message_id;
	for (int i = 0; i < N; i++)
		decide_fini(&out[i]);
}

/* So many messages that one line each says they are delivered. */
static void log_deliveries(uint64_t *ids_out, int n, char kind)
{
	char to[40], queue_id[20], line[300];

	for (int i = 0; i < n; i++) {
		(void)snprintf(to, sizeof(to), "p%d@pieces.example", i);
		(void)snprintf(
		    queue_id, sizeof(queue_id), "4jXQLJ%c%03dz1bXx", kind, i);
		ids_out[i] = send_to(to, queue_id);
		(void)snprintf(line, sizeof(line),
		    "postfix/smtp[8]: %s: to=<%s>, relay=x[192.0.2.2]:25, "
		    "delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 Ok)",
		    queue_id, to);
		log_line(line);
	}
}

static int delivered(const uint64_t *ids, int n)
{
	int done = 0;

	for (int i = 0; i < n; i++)
		done += state_of(ids[i]) == SLOT_DELIVERED;
	return done;
}

/* Many deliveries in one step: a decision finds its place among them. */
static void test_pieces(void)
{
	enum {
		N = 200
	};
	struct door_stats before, after;
	uint64_t id[N];

	log_deliveries(id, N, 'G');
	door_stats(T.store->door, &before);
	step();
	door_stats(T.store->door, &after);
	IS_INT(delivered(id, N), N, "all are delivered");
	OK(after.proposals - before.proposals >= N / 20,
	    "in pieces: %llu proposals",
	    (unsigned long long)(after.proposals - before.proposals));
}

/* Behind what is stored before that is found too much, and is read again. */
static void test_many_recipients(void)
{
	enum {
		MESSAGES = 5,
		BEFORE = 40
	};
	uint64_t id[MESSAGES], before[BEFORE];
	char queue_id[MESSAGES][20], line[200];

	for (int i = 0; i < MESSAGES; i++) {
		(void)snprintf(
		    queue_id[i], sizeof(queue_id[i]), "4jXQLJ4F3%dz1bXx", i);
		send_to_many(queue_id[i], &id[i]);
	}
	log_deliveries(before, BEFORE, 'H');
	for (int i = 0; i < MESSAGES; i++) {
		(void)snprintf(line, sizeof(line),
		    "postfix/qmgr[9]: %s: from=<b@c.example>, size=9, "
		    "nrcpt=500 (queue active)",
		    queue_id[i]);
		log_line(line);
	}
	for (int i = 0; i < 12; i++)
		step();
	IS_INT(delivered(before, BEFORE), BEFORE, "those before them");
	for (int i = 0; i < MESSAGES; i++)
		IS_INT(state_of(id[i]), SLOT_QUEUED,
		    "more changes than one proposal takes: message %d", i);
}

static void log_doubtful(int pid, const char *queue_id)
{
	char line[300];

	(void)snprintf(line, sizeof(line),
	    "postfix/smtpd[%d]: connect from h[192.0.2.1]", pid);
	log_line(line);
	(void)snprintf(line, sizeof(line),
	    "postfix/smtpd[%d]: %s: client=h[192.0.2.1]", pid, queue_id);
	log_line(line);
	(void)snprintf(line, sizeof(line),
	    "postfix/smtpd[%d]: %sx: client=h[192.0.2.1]", pid, queue_id);
	log_line(line);
	(void)snprintf(line, sizeof(line),
	    "postfix/smtpd[%d]: disconnect from h[192.0.2.1] ehlo=1 mail=2 "
	    "rcpt=2 data=1/2 commands=6/7",
	    pid);
	log_line(line);
}

/* All of them end at one instant, as after a night without the agent. */
static void test_many_waits(void)
{
	enum {
		N = 1000 /* sessions of two ids: as many as waits.h holds */
	};
	uint64_t id[3];
	char queue_id[20];
	int n = 0;

	for (int i = 0; i < N; i++) {
		(void)snprintf(
		    queue_id, sizeof(queue_id), "4jXQLJ%04dz1bXx", i);
		if (i == 0 || i == N / 2 || i == N - 1)
			id[n++] = send_to("w@b.example", queue_id);
		log_doubtful(1000 + i, queue_id);
	}
	for (int i = 0; i < 10; i++)
		step();
	now_ms += SLOTS_WAIT_MS + 2000;
	for (int i = 0; i < 10; i++)
		step();
	for (int i = 0; i < 3; i++)
		IS_INT(state_of(id[i]), SLOT_RELEASED,
		    "wait %d of many is over too", i);
}

/* More open sessions than their stored form has room for. */
static void test_many_sessions(void)
{
	uint64_t id = send_to("s@b.example", "4jXQLJ4D39z1bXx");
	char line[200];

	for (int i = 0; i < 1700 * 16; i++) {
		(void)snprintf(line, sizeof(line),
		    "postfix/smtpd[%d]: 4%05dQLJ4z1bXx0123456789BCDFGH: "
		    "client=h[192.0.2.1]",
		    20000 + i / 16, i);
		log_line(line);
	}
	log_line("postfix/qmgr[9]: 4jXQLJ4D39z1bXx: from=<b@c.example>, "
		 "size=9, nrcpt=1 (queue active)");
	for (int i = 0; i < 20; i++)
		step();
	IS_INT(state_of(id), SLOT_QUEUED, "the log goes on being read");
}

static bool count_wait(void *arg, struct str id, int64_t until)
{
	(void)id;
	(void)until;
	return ++*(int *)arg < 3;
}

static void test_waits(void)
{
	struct waits *w = waits_new();
	struct buf b;
	int n = 0;

	buf_init(&b, 100000);
	waits_add(w, STR("A"), 10);
	waits_add(w, STR("B"), 20);
	waits_add(w, STR("A"), 30);
	waits_export(w, &b);
	waits_clear(w);
	IS_INT(waits_import(w, buf_str(&b)), 0, "there and back");
	waits_take(w, 20, count_wait, &n);
	OK(n == 1 && waits_count(w) == 1, "B is due, A was renewed");
	waits_clear(w);
	for (size_t i = 0; i < 4; i++)
		waits_add(w, str_cut(STR("DEFG"), i, 1), i < 3 ? 20 : 21);
	n = 0;
	waits_take(w, 30, count_wait, &n);
	OK(n == 3 && waits_count(w) == 2, "what fn has no room for stays");
	for (size_t cut = 0; cut < b.n; cut++)
		if (waits_import(w, str_cut(buf_str(&b), 0, cut)) == 0)
			OK(false, "cut at %zu is accepted", cut);
	waits_free(&w);
	buf_fini(&b);
}

#define ACTIVE(id)                                                             \
	log_line("postfix/qmgr[9]: " id ": from=<b@c.example>, size=9, "       \
		 "nrcpt=1 (queue active)")
#define SENT(id, to, relay, text)                                              \
	log_line(                                                              \
	    "postfix/smtp[8]: " id ": to=<" to ">, relay=" relay               \
	    ", delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (" text ")")
#define REFUSED(id, to)                                                        \
	log_line("postfix/smtp[8]: " id ": to=<" to                            \
		 ">, relay=x[192.0.2.2]:25, delay=1, delays=1/0/0/0, "         \
		 "dsn=5.1.1, status=bounced (host x[192.0.2.2] said: 550 "     \
		 "5.1.1 no such user (in reply to RCPT TO command))")
#define REMOVED(id) log_line("postfix/qmgr[9]: " id ": removed")
#define FILTER "127.0.0.1[127.0.0.1]:10025"
#define MX "x[192.0.2.2]:25"

static uint64_t stored_events(void)
{
	struct door_stats s;

	door_stats(T.store->door, &s);
	return s.events;
}

/* A mail of strangers that comes and goes, and one that is given up. */
static void log_strangers(int n)
{
	char line[300];

	(void)snprintf(line, sizeof(line),
	    "postfix/cleanup[6]: 4sXQLJ%04dz1bXx: message-id=<%d@x>", n, n);
	log_line(line);
	(void)snprintf(line, sizeof(line),
	    "postfix/qmgr[9]: 4sXQLJ%04dz1bXx: from=<b@c.example>, size=9, "
	    "nrcpt=1 (queue active)",
	    n);
	log_line(line);
	(void)snprintf(line, sizeof(line),
	    "postfix/smtp[8]: 4sXQLJ%04dz1bXx: to=<x@y.example>, relay=none, "
	    "delay=1, delays=1/0/0/0, dsn=5.1.1, status=bounced (host x said: "
	    "550 5.1.1 no such user)",
	    n);
	log_line(line);
	(void)snprintf(
	    line, sizeof(line), "postfix/qmgr[9]: 4sXQLJ%04dz1bXx: removed", n);
	log_line(line);
}

/* What strangers send through the same MTA is of no interest, and costs the
 * ledger nothing each time. */
static void test_strangers(void)
{
	uint64_t before, id = send_to("st@b.example", "4jXQLJ4Ds1z1bXx");

	step();
	before = stored_events();
	for (int i = 0; i < 50; i++) {
		log_strangers(i);
		now_ms += 200;
		step();
	}
	OK(stored_events() - before <= 3, "%llu events of ten seconds",
	    (unsigned long long)(stored_events() - before));
	ACTIVE("4jXQLJ4Ds1z1bXx");
	step();
	IS_INT(state_of(id), SLOT_QUEUED, "ours is seen at once");
}

/* Nor can strangers whose sessions end in doubt make others wait in vain. */
static void test_strangers_wait(void)
{
	uint64_t id = send_to("sw@b.example", "4jXQLJ4Ds2z1bXx");
	char queue_id[20];
	struct slots_stats stats;

	log_doubtful(9000, "4jXQLJ4Ds2z1bXx");
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(
		    queue_id, sizeof(queue_id), "4wXQLJ%04dz1bXx", i);
		log_doubtful(10000 + i, queue_id);
	}
	for (int i = 0; i < 30; i++)
		step();
	slots_stats(S, &stats);
	OK(stats.waiting < 200, "%zu are waited for", (size_t)stats.waiting);
	now_ms += SLOTS_WAIT_MS + 2000;
	step();
	IS_INT(state_of(id), SLOT_RELEASED, "15 minutes of silence");
}

static int suppressed(const char *who)
{
	struct address a = storetest_address(&T, who);
	struct suppression_record r = {0};
	struct ledger_txn *t;
	struct lead_id id;

	if (lead_id_of(T.store->lead_key, &a, &id) != 0 ||
	    ledger_read_begin(T.store->ledger, &t) != 0)
		return -1;
	if (suppression_read(t, SUPPRESS_LEAD,
		(struct str){(const char *)id.b, sizeof(id.b)}, 0, &r) != 0)
		r.reason = 0;
	ledger_read_end(&t);
	return (int)r.reason;
}

/* What a server said of the person counts, also under a queue id that is new
 * in the same batch of lines. */
static void test_failure(void)
{
	uint64_t id = send_to("h@b.example", "4jXQLJ4D39z1bXx");
	uint64_t full = send_to("i@b.example", "4jXQLJ4D3Az1bXx");

	log_line("postfix/pickup[7]: 4jXQLJ4D3Bz1bXx: uid=0 from=<b@c.example> "
		 "orig_id=4jXQLJ4D39z1bXx");
	log_line("postfix/smtp[8]: 4jXQLJ4D3Bz1bXx: to=<h@b.example>, "
		 "relay=x[192.0.2.2]:25, delay=1, delays=1/0/0/0, dsn=5.1.1, "
		 "status=bounced (host x[192.0.2.2] said: 550 5.1.1 "
		 "<h@b.example>: no such user (in reply to RCPT TO command))");
	log_line("postfix/smtp[8]: 4jXQLJ4D3Az1bXx: to=<i@b.example>, "
		 "relay=x[192.0.2.2]:25, delay=1, delays=1/0/0/0, dsn=5.2.2, "
		 "status=bounced (host x[192.0.2.2] said: 552 5.2.2 mailbox "
		 "full (in reply to RCPT TO command))");
	step();
	OK(state_of(id) == SLOT_RELEASED && state_of(full) == SLOT_RELEASED,
	    "both released");
	IS_INT(suppressed("h@b.example"), SUPPRESSION_USER_UNKNOWN,
	    "no such user: suppressed");
	IS_INT(suppressed("i@b.example"), 0, "mailbox full: not");
}

/* The agent begins all the same: opt-outs need no log. */
static void test_unreadable(void)
{
	uint64_t id = send_to("u@b.example", "4jXQLJ4D3Gz1bXx");
	struct error err = {0};
	bool more;

	log_line("postfix/smtp[8]: 4jXQLJ4D3Gz1bXx: to=<u@b.example>, relay=x, "
		 "delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 ok)");
	(void)!chmod(log_path, 0);
	if (geteuid() == 0)
		(void)!seteuid(65534);
	reopen();
	IS_INT(slots_step(S, now_ms, &more, &err), -EACCES, "told: %s",
	    err.text);
	OK(str_contains(str_of(err.text), str_of(log_path)), "by its name");
	if (getuid() == 0)
		(void)!seteuid(0);
	(void)!chmod(log_path, 0600);
	step();
	IS_INT(state_of(id), SLOT_DELIVERED, "and read once it may be");
}

/* A content filter that only hands on, twice; the agent ends in between. */
static void test_handoff(void)
{
	uint64_t id = send_to("ho@b.example", "4jXQLJ4Df1z1bXx");

	ACTIVE("4jXQLJ4Df1z1bXx");
	SENT("4jXQLJ4Df1z1bXx", "ho@b.example", FILTER,
	    "250 2.0.0 Ok: queued as 4jXQLJ4Dg1z1bXx");
	REMOVED("4jXQLJ4Df1z1bXx");
	step();
	IS_INT(state_of(id), SLOT_QUEUED, "the filter has it: not delivered");
	reopen();
	SENT("4jXQLJ4Dg1z1bXx", "ho@b.example", FILTER,
	    "250 2.0.0 Ok: queued as 4jXQLJ4Dh1z1bXx");
	REMOVED("4jXQLJ4Dg1z1bXx");
	step();
	IS_INT(state_of(id), SLOT_QUEUED, "nor after the second");
	reopen();
	SENT("4jXQLJ4Dh1z1bXx", "ho@b.example", MX, "250 2.0.0 Ok");
	REMOVED("4jXQLJ4Dh1z1bXx");
	step();
	IS_INT(state_of(id), SLOT_DELIVERED, "but by its last server");
}

/* All lines are there at once, those of the filter's side even before. */
static void test_handoff_at_once(void)
{
	uint64_t early = send_to("he@b.example", "4jXQLJ4Df2z1bXx");
	uint64_t gone = send_to("hg@b.example", "4jXQLJ4Df3z1bXx");
	uint64_t late = send_to("hl@b.example", "4jXQLJ4Df4z1bXx");
	uint64_t both = send_to("hb@b.example", "4jXQLJ4Df5z1bXx");
	uint64_t stays = send_to("hs@b.example", "4jXQLJ4Df5z1bXx");

	ACTIVE("4jXQLJ4Df2z1bXx");
	ACTIVE("4jXQLJ4Df5z1bXx");
	SENT("4jXQLJ4Dh2z1bXx", "he@b.example", MX, "250 2.0.0 Ok");
	SENT("4jXQLJ4Dg2z1bXx", "he@b.example", FILTER,
	    "250 2.0.0 Ok: queued as 4jXQLJ4Dh2z1bXx");
	SENT("4jXQLJ4Df2z1bXx", "he@b.example", FILTER,
	    "250 2.0.0 Ok: queued as 4jXQLJ4Dg2z1bXx");
	REMOVED("4jXQLJ4Df2z1bXx");
	REFUSED("4jXQLJ4Dg3z1bXx", "hg@b.example");
	REMOVED("4jXQLJ4Dg3z1bXx");
	SENT("4jXQLJ4Df3z1bXx", "hg@b.example", FILTER,
	    "250 2.0.0 Ok: queued as 4jXQLJ4Dg3z1bXx");
	REMOVED("4jXQLJ4Df3z1bXx");
	SENT("4jXQLJ4Df4z1bXx", "hl@b.example", FILTER,
	    "250 2.0.0 Ok: queued as 4jXQLJ4Dg4z1bXx");
	REMOVED("4jXQLJ4Df4z1bXx");
	REFUSED("4jXQLJ4Dg4z1bXx", "hl@b.example");
	REMOVED("4jXQLJ4Dg4z1bXx");
	SENT("4jXQLJ4Df5z1bXx", "hb@b.example", FILTER,
	    "250 2.0.0 Ok: queued as 4jXQLJ4Dg5z1bXx");
	REFUSED("4jXQLJ4Dg5z1bXx", "hb@b.example");
	REMOVED("4jXQLJ4Dg5z1bXx");
	step();
	IS_INT(state_of(early), SLOT_DELIVERED, "delivered two hops on");
	IS_INT(state_of(gone), SLOT_RELEASED, "refused before it was told");
	IS_INT(state_of(late), SLOT_RELEASED, "refused behind it");
	IS_INT(suppressed("hg@b.example"), SUPPRESSION_USER_UNKNOWN,
	    "which speaks of the person");
	IS_INT(suppressed("hl@b.example"), SUPPRESSION_USER_UNKNOWN,
	    "in both orders");
	IS_INT(state_of(both), SLOT_RELEASED, "one of two was handed on");
	IS_INT(state_of(stays), SLOT_QUEUED, "the other is where it was");
}

/* The filter tells no id: what became of it stands nowhere. */
static void test_handoff_unknown(void)
{
	uint64_t id = send_to("hu@b.example", "4jXQLJ4Df6z1bXx");

	ACTIVE("4jXQLJ4Df6z1bXx");
	SENT("4jXQLJ4Df6z1bXx", "hu@b.example", FILTER, "250 2.0.0 Ok");
	REMOVED("4jXQLJ4Df6z1bXx");
	step();
	IS_INT(state_of(id), SLOT_QUEUED, "stays committed");
	reopen();
	SENT("4jXQLJ4Df6z1bXx", "hu@b.example", FILTER, "250 2.0.0 Ok");
	REMOVED("4jXQLJ4Df6z1bXx");
	step();
	IS_INT(state_of(id), SLOT_QUEUED, "also when it is read again");
}

#define BEGINS(id) log_line("postfix/cleanup[6]: " id ": message-id=<x@y>")

/* postsuper -r: cleanup writes of the new queue id after the message is there.
 */
static void test_requeued(void)
{
	uint64_t id = send_to("rq@b.example", "F53053D8");

	BEGINS("F53053D8");
	ACTIVE("F53053D8");
	step();
	now_ms += 2000;
	log_line("postfix/pickup[6]: F53053D9: uid=103 from=<b@c.example> "
		 "orig_id=F53053D8");
	step();
	reopen();
	BEGINS("F53053D9");
	ACTIVE("F53053D9");
	SENT("F53053D9", "rq@b.example", MX, "250 2.0.0 Ok");
	REMOVED("F53053D9");
	step();
	IS_INT(state_of(id), SLOT_DELIVERED, "queued anew, and delivered");
}

/* Short queue ids are used again as soon as they are free. */
static void test_reused(void)
{
	uint64_t stuck = send_to("ra@b.example", "F53053D1");
	uint64_t gone = send_to("rb@b.example", "F53053D2");
	uint64_t again, third;

	BEGINS("F53053D1");
	BEGINS("F53053D2");
	ACTIVE("F53053D1");
	ACTIVE("F53053D2");
	SENT("F53053D1", "ra@b.example", FILTER, "250 2.0.0 Ok");
	REMOVED("F53053D1");
	log_line("postfix/smtp[8]: F53053D2: to=<rb@b.example>, relay=" MX
		 ", delay=1, delays=1/0/0/0, dsn=5.2.2, status=bounced (host "
		 "x[192.0.2.2] said: 552 5.2.2 mailbox full)");
	REMOVED("F53053D2");
	step();
	IS_INT(state_of(stuck), SLOT_QUEUED, "nobody knows where it went");
	IS_INT(state_of(gone), SLOT_RELEASED, "bounced");
	reopen();
	now_ms += 1000;
	BEGINS("F53053D1");
	ACTIVE("F53053D1");
	REFUSED("F53053D1", "stranger@b.example");
	REMOVED("F53053D1");
	BEGINS("F53053D2");
	ACTIVE("F53053D2");
	SENT("F53053D2", "stranger@b.example", MX, "250 2.0.0 Ok");
	REMOVED("F53053D2");
	step();
	IS_INT(state_of(stuck), SLOT_QUEUED, "another's bounce is not its own");
	IS_INT(suppressed("ra@b.example"), 0, "and says nothing of the person");
	IS_INT(state_of(gone), SLOT_RELEASED, "another was delivered");
	reopen();
	now_ms += 1000;
	BEGINS("F53053D2");
	again = send_to("rc@b.example", "F53053D2");
	ACTIVE("F53053D2");
	SENT("F53053D2", "rewritten@b.example", MX, "250 2.0.0 Ok");
	REMOVED("F53053D2");
	step();
	IS_INT(state_of(again), SLOT_DELIVERED, "one of ours, rewritten");
	IS_INT(state_of(gone), SLOT_RELEASED, "the first one is what it was");
	now_ms += 1000;
	BEGINS("F53053D2");
	third = send_to("rd@b.example", "F53053D2");
	ACTIVE("F53053D2");
	REFUSED("F53053D2", "rewritten@b.example");
	REMOVED("F53053D2");
	step();
	IS_INT(state_of(third), SLOT_RELEASED, "the next one is refused");
	IS_INT(state_of(again), SLOT_DELIVERED, "the one before was not");
	IS_INT(suppressed("rc@b.example"), 0, "whose mailbox is there");
	now_ms += 1000;
	BEGINS("F53053D1");
	ACTIVE("F53053D1");
	REFUSED("F53053D1", "ra@b.example");
	REMOVED("F53053D1");
	BEGINS("F53053D2");
	ACTIVE("F53053D2");
	REFUSED("F53053D2", "rc@b.example");
	REMOVED("F53053D2");
	step();
	IS_INT(suppressed("ra@b.example"), 0,
	    "another's message to her is not the one that had its queue id");
	IS_INT(suppressed("rc@b.example"), 0, "nor one of several that had it");
	IS_INT(state_of(stuck), SLOT_QUEUED, "nothing became of hers");
}

static int told_of_more(void)
{
	struct ledger_txn *t;
	uint64_t n = 0;

	if (ledger_read_begin(T.store->ledger, &t) == 0) {
		if (counter_read(
			t, 0, "queue.more_recipients", STR("demo"), &n) != 0)
			n = 999;
		ledger_read_end(&t);
	}
	return (int)n;
}

/* "rest of the line" of the queue manager. */
static void active(const char *id, int recipients)
{
	char line[200];

	(void)snprintf(line, sizeof(line),
	    "postfix/qmgr[9]: %s: from=<b@c.example>, size=9, nrcpt=%d "
	    "(queue active)",
	    id, recipients);
	log_line(line);
}

/* A hop's queue id that was another message's: what is said of it before the move
 * is still kept for who comes there. What is true of these: the log is read then. */
static void reuse_by_hop(const char *name, bool after_end, bool before_move)
{
	uint64_t first = send_to("h1@b.example", "F53053B1");
	uint64_t next = send_to("h2@b.example", "F53053B2");

	BEGINS("F53053B1");
	ACTIVE("F53053B1");
	SENT("F53053B1", "h1@b.example", MX, "250 2.0.0 Ok");
	REMOVED("F53053B1");
	if (after_end)
		step();
	now_ms += 1000;
	BEGINS("F53053B2");
	ACTIVE("F53053B2");
	BEGINS("F53053B1");
	if (before_move)
		step();
	ACTIVE("F53053B1");
	SENT("F53053B1", "h2@b.example", MX, "250 2.0.0 Ok");
	REMOVED("F53053B1");
	if (before_move)
		step();
	SENT("F53053B2", "h2@b.example", FILTER,
	    "250 2.0.0 Ok: queued as F53053B1");
	REMOVED("F53053B2");
	step();
	IS_INT(state_of(first), SLOT_DELIVERED, "%s: whose it was", name);
	IS_INT(state_of(next), SLOT_DELIVERED, "%s: who came there", name);
	now_ms += 20000; /* what was kept is too old by then */
}

static void test_reused_by_hop(void)
{
	reuse_by_hop("all at once", false, false);
	reuse_by_hop("the end was read before", true, false);
	reuse_by_hop("the beginning was read before", false, true);
	reuse_by_hop("both were", true, true);
}

/* An alias, or always_bcc: it is told, and changes nothing. */
static void test_more_recipients(void)
{
	int before = told_of_more();
	uint64_t id = send_to("ma@b.example", "F53053E1");

	(void)send_to("mb@b.example", "F53053E2");
	(void)send_to("mc@b.example", "F53053E3");
	(void)send_to("md@b.example", "F53053E3");
	BEGINS("F53053E1");
	active("F53053E1", 3);
	active("F53053E2", 1);
	active("F53053E3", 2);
	active("F53053EF", 9); /* none of ours */
	step();
	IS_INT(told_of_more() - before, 1, "three for one: told");
	IS_INT(state_of(id), SLOT_QUEUED, "queued, as ever");
	reopen();
	now_ms += 10 * 60000;
	active("F53053E1", 3);
	step();
	IS_INT(told_of_more() - before, 1, "tried again: not told again");
	SENT("F53053E1", "ma@b.example", MX, "250 2.0.0 Ok");
	SENT("F53053E1", "other@b.example", MX, "250 2.0.0 Ok");
	REMOVED("F53053E1");
	step();
	IS_INT(state_of(id), SLOT_DELIVERED, "delivered");
	active("F53053E3", 3);
	step();
	IS_INT(told_of_more() - before, 1, "later, and of two: not now");
}

/* "recipients" of a delivery as Sendmail logs it. */
static void sm_try(const char *id, const char *rcpts, const char *end)
{
	char line[400];

	(void)snprintf(line, sizeof(line),
	    "sm-mta[7]: %s: to=%s, delay=0, xdelay=0, mailer=esmtp, pri=1, "
	    "relay=mx. [192.0.2.1], dsn=%s",
	    id, rcpts, end);
	log_line(line);
}

#define SM_SENT "2.0.0, stat=Sent (Ok)"
#define SM_LATER "4.2.0, reply=451 x, stat=Deferred: 451 x"

/* An alias at Sendmail's: who else gets it is told by deliveries alone, maybe
 * after ours. */
static void test_more_of_sendmail(void)
{
	int before = told_of_more();
	uint64_t id = send_to("na@b.example", "6AN6n0XH018701");

	(void)send_to("nb@b.example", "6AN6n0XH018702");
	(void)send_to("nc@b.example", "6AN6n0XH018703");
	sm_try("6AN6n0XH018701", "na@b.example", SM_SENT);
	step();
	IS_INT(state_of(id), SLOT_DELIVERED, "one: delivered");
	sm_try("6AN6n0XH018701", "x@c.example", SM_LATER);
	sm_try("6AN6n0XH018701", "X@C.Example", SM_SENT);
	sm_try("6AN6n0XH018701", "y@d.example", SM_SENT);
	step();
	IS_INT(told_of_more() - before, 1, "a second one: told, and once");
	IS_INT(state_of(id), SLOT_DELIVERED, "delivered, as ever");
	sm_try("6AN6n0XH018702", "<nb@b.example>", SM_LATER);
	sm_try("6AN6n0XH018702", "<NB@b.example>", SM_SENT);
	log_line("sm-mta[7]: 6AN6n0XH018703: to=<alias@b.example>, delay=0, "
		 "mailer=local, pri=1, stat=queued");
	sm_try("6AN6n0XH018703", "nc@b.example", SM_SENT);
	step();
	IS_INT(told_of_more() - before, 1, "one, by one address or two: not");
	(void)send_to("nd@b.example", "6AN6n0XH018704");
	sm_try("6AN6n0XH018704", "<nd@b.example>,<z@e.example>", SM_SENT);
	step();
	IS_INT(told_of_more() - before, 2, "two in one line");
}

/* Old Sendmail uses a queue id again, a day later at the earliest. */
static void test_reused_by_sendmail(void)
{
	uint64_t gone = send_to("oa@b.example", "MAA12345"), again;

	sm_try("MAA12345", "<oa@b.example>",
	    "5.2.2, reply=552 mailbox full, stat=Service unavailable");
	step();
	IS_INT(state_of(gone), SLOT_RELEASED, "bounced");
	reopen();
	now_ms += 86400000;
	log_line("sm-mta[7]: MAA12345: from=<b@c.example>, size=9, class=0, "
		 "pri=30009, nrcpts=1, msgid=<a@b>, proto=SMTP, relay=x");
	again = send_to("ob@b.example", "MAA12345");
	sm_try("MAA12345", "<stranger@b.example>", SM_SENT);
	step();
	IS_INT(state_of(gone), SLOT_RELEASED, "another was delivered");
	IS_INT(state_of(again), SLOT_DELIVERED, "one of ours");
}

int main(void)
{
	static const struct str relays[] = {STR("127.0.0.1:10025")};
	struct conf with_log;
	struct error err = {0};

	storetest_open(&T);
	(void)snprintf(log_path, sizeof(log_path), "%s/maillog", T.dir);
	with_log = *T.conf;
	with_log.mta_log.file = str_of(log_path);
	with_log.mta_log.handoff_relays = (struct strs){relays, 1};
	A.conf = &with_log;
	A.store = T.store;
	now_ms = clock_now_ms();
	IS_INT(storetest_policy(&T, policy_text), 0, "policy");
	IS_INT(ruleset_open(&A.rules, A.conf, &err), 0, "rules");
	IS_INT(slots_open(&S, &A, &err), 0, "open: %s", err.text);
	test_delivery();
	test_forwarded();
	test_sendmail();
	test_release();
	test_silence();
	test_refused_session();
	test_failure();
	test_unreadable();
	test_handoff();
	test_handoff_at_once();
	test_handoff_unknown();
	test_requeued();
	test_reused();
	test_reused_by_hop();
	test_more_recipients();
	test_more_of_sendmail();
	test_reused_by_sendmail();
	test_gap();
	test_pieces();
	test_removed();
	test_many_recipients();
	test_many_waits();
	test_strangers();
	test_strangers_wait();
	test_many_sessions();
	test_waits();
	slots_close(&S);
	ruleset_close(&A.rules);
	storetest_close(&T);
	return tap_done();
}
