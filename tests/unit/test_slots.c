/* test_slots.c - log lines into slots, exactly once, across restarts. */
#include "tests/unit/slotstest.h"

#include "agent/in/waits.h"
#include "policy/state/counter.h"

#include <errno.h>

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

static bool first_wait(void *arg, struct str id, int64_t until)
{
	char *out = arg;

	(void)until;
	if (out[0] == '\0')
		(void)snprintf(out, 20, "%.*s", STR_ARG(id));
	return true;
}

/* The oldest makes room, whatever was taken out before. */
static void test_waits_full(void)
{
	enum {
		MAX = 2000
	};
	struct waits *w = waits_new();
	char id[20], first[20] = "";

	for (int i = 0; i < MAX; i++) {
		(void)snprintf(id, sizeof(id), "Q%d", i);
		waits_add(w, str_of(id), i);
	}
	waits_remove(w, STR("Q0"));
	waits_add(w, STR("R"), MAX);
	waits_add(w, STR("S"), MAX);
	IS_INT((long long)waits_count(w), MAX, "as many as there may be");
	waits_take(w, MAX, first_wait, first);
	IS_STR(first, "Q2", "the oldest but those two");
	waits_free(&w);
}

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

static void log_no_host(const char *queue_id)
{
	char line[300];

	(void)snprintf(line, sizeof(line),
	    "postfix/smtp[8]: %s: to=<nh@b.example>, relay=none, delay=1, "
	    "delays=1/0/0/0, dsn=5.4.4, status=bounced (Host or domain name "
	    "not found. Name service error for name=b.example type=A: Host "
	    "not found)",
	    queue_id);
	log_line(line);
	step();
}

/* A delivery in between, in the same lines as the failure behind it. */
static void test_failure_behind_delivery(void)
{
	int64_t now = now_ms;

	(void)send_to("nh@b.example", "4jXQLJ4Dn1z1bXx");
	(void)send_to("nh@b.example", "4jXQLJ4Dn2z1bXx");
	(void)send_to("nh@b.example", "4jXQLJ4Dn3z1bXx");
	(void)send_to("nh@b.example", "4jXQLJ4Dn4z1bXx");
	now_ms = now - 5 * WHEN_DAY_MS;
	log_no_host("4jXQLJ4Dn1z1bXx");
	now_ms = now - 3 * WHEN_DAY_MS;
	log_no_host("4jXQLJ4Dn2z1bXx");
	IS_INT(suppressed("nh@b.example"), 0, "two in two days");
	now_ms = now;
	log_line("postfix/smtp[8]: 4jXQLJ4Dn3z1bXx: to=<nh@b.example>, "
		 "relay=x[192.0.2.2]:25, delay=1, delays=1/0/0/0, dsn=2.0.0, "
		 "status=sent (250 ok)");
	log_no_host("4jXQLJ4Dn4z1bXx");
	IS_INT(suppressed("nh@b.example"), 0, "then one got through");
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
	IS_INT(
	    slots_step(S, now_ms, &more, &err), -EACCES, "told: %s", err.text);
	OK(str_contains(str_of(err.text), str_of(log_path)), "by its name");
	if (getuid() == 0)
		(void)!seteuid(0);
	(void)!chmod(log_path, 0600);
	step();
	IS_INT(state_of(id), SLOT_DELIVERED, "and read once it may be");
}

int main(void)
{
	slotstest_open();
	test_delivery();
	test_sendmail();
	test_release();
	test_silence();
	test_refused_session();
	test_failure();
	test_failure_behind_delivery();
	test_unreadable();
	test_gap();
	test_pieces();
	test_removed();
	test_many_recipients();
	test_many_waits();
	test_strangers();
	test_strangers_wait();
	test_many_sessions();
	test_waits();
	test_waits_full();
	slotstest_close();
	return tap_done();
}
