/* mtabridge.h - an MTA of a few lines: an SMTP server on loopback that asks a
 * real session of the milter about each message, on the ledger and spool of
 * sessiontest.h; a thread for each connection. What a test can make go wrong is
 * in struct bridge. */
#ifndef TESTS_UNIT_MTABRIDGE_H
#define TESTS_UNIT_MTABRIDGE_H

#include "tests/unit/sessiontest.h"

#include "policy/mail/headblock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

enum bridge_fault {
	BRIDGE_NONE,
	BRIDGE_HANG_UP,    /* after the message was accepted, before 250 */
	BRIDGE_RCPT_451,   /* as Postfix without its milter */
	BRIDGE_END_451_43, /* 4.3.0 at the end, milter not asked */
	BRIDGE_END_450,    /* 4.2.0 */
	BRIDGE_END_471,    /* "not now", as the milter says it */
	BRIDGE_RCPT_550,   /* the MTA knows better */
	BRIDGE_REPORT_550, /* reports are not taken */
	BRIDGE_LATE_451,   /* the milter said yes, and the queue is full */
	BRIDGE_LATE_471,   /* the milter said yes, the next one "not now" */
	BRIDGE_STALL,      /* no answer to RCPT, until the fault is another */
};

struct bridge {
	int fd;
	pthread_t thread;
	atomic_int fault;
	atomic_int faults_left; /* times; then none */
	atomic_bool stopping;
	atomic_bool quiet_log; /* slots stay proposed */
	atomic_bool delivers;  /* the log tells that as well, at once */
	const char *listener;  /* NULL: that of copies */
	const char *poison;    /* NULL, or whose messages are 451 4.3.0 */
	void (*at_end)(void);  /* NULL, or called at the end of each message */
	pthread_mutex_t lock;
	struct buf delivered; /* "sender>rcpt\n" for each message */
	struct buf report;    /* bytes of the last one */
	int connections;      /* that are open now, under the lock */
	pthread_cond_t closed;
	atomic_int asked; /* transactions that reached the end */
	atomic_int ids;   /* those that got a queue id, "4rel%05dz" */
};

static struct bridge B;

struct talk {
	int fd;
	char in[16384]; /* read, and not yet looked at: from `at` to `n` */
	size_t at, n;
	char line[4096];
	char sender[1024], rcpt[1024];
	char mail_args[1024];
	struct buf data;
};

static bool bridge_fault(enum bridge_fault f)
{
	int left = atomic_load(&B.faults_left);

	while (atomic_load(&B.fault) == (int)f && left > 0)
		if (atomic_compare_exchange_weak(
			&B.faults_left, &left, left - 1))
			return true;
	return false;
}

static bool bridge_wait(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (int i = 0; i < TAP_ENDLESS_MS / 50 && !atomic_load(&B.stopping);
	     i++)
		if (poll(&p, 1, 50) > 0)
			return true;
	return false;
}

static bool bridge_more(struct talk *t)
{
	ssize_t n =
	    bridge_wait(t->fd) ? recv(t->fd, t->in, sizeof(t->in), 0) : 0;

	t->at = 0;
	t->n = n > 0 ? (size_t)n : 0;
	return n > 0;
}

static bool bridge_line(struct talk *t)
{
	size_t n = 0;

	while (n < sizeof(t->line) - 1 && (t->at < t->n || bridge_more(t))) {
		char c = t->in[t->at++];

		t->line[n++] = c;
		if (c == '\n') {
			t->line[n] = '\0';
			return true;
		}
	}
	return false;
}

static void bridge_say(struct talk *t, const char *text)
{
	(void)send(t->fd, text, strlen(text), MSG_NOSIGNAL);
}

static bool bridge_data(struct talk *t)
{
	buf_reset(&t->data);
	while (bridge_line(t)) {
		if (strcmp(t->line, ".\r\n") == 0)
			return buf_error(&t->data) == 0;
		buf_addz(&t->data, t->line[0] == '.' ? t->line + 1 : t->line);
	}
	return false;
}

/* --- the milter's side --- */

struct asked {
	struct script script;
	struct mta mta;
};

static enum answer bridge_head(struct session *s, struct str message)
{
	struct arena *a = arena_new(1 << 20);
	struct header h;
	size_t at = 0, done = a != NULL ? 0 : 1;

	while (a != NULL && headblock_next(message, &at, &h)) {
		const char *name = arena_printf(a, "%.*s", STR_ARG(h.name));
		const char *value = arena_printf(a, "%.*s", STR_ARG(h.value));

		if (name == NULL || value == NULL)
			break;
		session_header(s, name, value);
		done = at;
	}
	arena_free(&a);
	/* A test's failing allocation may be ours. */
	return done == at ? session_eoh(s) : ANSWER_TEMPFAIL;
}

static enum answer bridge_ask(struct talk *t, struct asked *k)
{
	static const unsigned char addr[16] = {
	    [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
	struct session *s = session_open(&S.sh, &k->mta);
	struct str message = buf_str(&t->data);
	char *mail[] = {t->sender, NULL}, *rcpt[] = {t->rcpt, NULL};
	enum answer a;
	size_t at = 0;
	struct header h;

	if (s == NULL)
		return ANSWER_TEMPFAIL;
	session_connect(s, "localhost.example", addr, 4711);
	session_mail(s, mail);
	a = session_rcpt(s, rcpt);
	if (a == ANSWER_CONTINUE)
		a = bridge_head(s, message);
	while (headblock_next(message, &at, &h))
		;
	(void)headblock_skip_empty(message, &at);
	if (a == ANSWER_CONTINUE) {
		session_body(s, str_from(message, at));
		a = session_eom(s);
	}
	session_close(&s);
	return a;
}

/* What the log would tell. */
static void bridge_queued(const char *queue_id)
{
	struct slot_change c = {.kind = SLOT_CHANGE_QUEUED,
	    .queue_id = str_of(queue_id),
	    .at_ms = clock_now_ms()};
	struct error err;

	/* A log is read until it is understood. */
	while (!atomic_load(&B.quiet_log) &&
	       ops_slot_apply(S.st.store, &c, &err) != 0)
		;
	c.kind = SLOT_CHANGE_DELIVERED;
	while (atomic_load(&B.delivers) &&
	       ops_slot_apply(S.st.store, &c, &err) != 0)
		;
}

static void bridge_deliver(struct talk *t, enum answer a)
{
	pthread_mutex_lock(&B.lock);
	if (a != ANSWER_DISCARD) {
		buf_printf(&B.delivered, "%s>%s\n", t->sender, t->rcpt);
	}
	if (strcmp(t->sender, "<>") == 0) {
		buf_reset(&B.report);
		buf_add(&B.report, buf_str(&t->data));
	}
	pthread_mutex_unlock(&B.lock);
}

static bool bridge_end(struct talk *t)
{
	struct asked k = {.script = {.listener = "release"}};
	char queue_id[32], line[400];
	enum answer a;

	if (B.listener != NULL)
		k.script.listener = B.listener;
	atomic_fetch_add(&B.asked, 1);
	if (B.at_end != NULL)
		B.at_end();
	if (B.poison != NULL && strcmp(t->sender, B.poison) == 0) {
		bridge_say(t, "451 4.3.0 Trouble\r\n");
		return true;
	}
	if (bridge_fault(BRIDGE_END_451_43)) {
		bridge_say(t, "451 4.3.0 Trouble\r\n");
		return true;
	}
	if (bridge_fault(BRIDGE_END_471)) {
		bridge_say(t, "451 4.7.1 Others that wait go first\r\n");
		return true;
	}
	if (bridge_fault(BRIDGE_END_450)) {
		bridge_say(t, "450 4.2.0 Not now\r\n");
		return true;
	}
	(void)snprintf(queue_id, sizeof(queue_id), "4rel%05dz",
	    atomic_fetch_add(&B.ids, 1));
	k.script.queue_id = queue_id;
	k.mta = (struct mta){&k.script, sessiontest_macro, sessiontest_change,
	    sessiontest_quarantine, sessiontest_reply};
	a = bridge_ask(t, &k);
	if (a == ANSWER_TEMPFAIL || a == ANSWER_REJECT) {
		(void)snprintf(line, sizeof(line), "%d %s %s\r\n",
		    k.script.reply.code, k.script.reply.enhanced,
		    k.script.reply.text);
		bridge_say(t, line);
		return true;
	}
	if (bridge_fault(BRIDGE_LATE_451)) {
		bridge_say(t, "451 4.3.0 Queue file write error\r\n");
		return true;
	}
	if (bridge_fault(BRIDGE_LATE_471)) {
		bridge_say(t, "451 4.7.1 Try again later\r\n");
		return true;
	}
	bridge_deliver(t, a);
	bridge_queued(queue_id);
	if (bridge_fault(BRIDGE_HANG_UP))
		return false;
	bridge_say(t, "250 2.0.0 Ok: queued\r\n");
	return true;
}

/* The address of "MAIL FROM:<a> ARG" goes to out. */
static void bridge_address(const char *line, char *out)
{
	struct str s = str_of(line);
	size_t open = str_find(s, 0, '<'), close = str_find(s, open, '>');

	(void)snprintf(
	    out, 1024, "%.*s", STR_ARG(str_cut(s, open, close + 1 - open)));
}

static bool bridge_stall(struct talk *t)
{
	while (
	    atomic_load(&B.fault) == BRIDGE_STALL && !atomic_load(&B.stopping))
		(void)poll(NULL, 0, 5);
	bridge_say(t, "250 2.1.5 Ok\r\n");
	return true;
}

static bool bridge_rcpt(struct talk *t)
{
	bridge_address(t->line, t->rcpt);
	if (bridge_fault(BRIDGE_RCPT_451))
		bridge_say(t, "451 4.7.1 Service unavailable\r\n");
	else if (bridge_fault(BRIDGE_STALL))
		return bridge_stall(t);
	else if (bridge_fault(BRIDGE_RCPT_550))
		bridge_say(t, "550 5.1.1 No such user\r\n");
	else if (strcmp(t->sender, "<>") == 0 &&
		 bridge_fault(BRIDGE_REPORT_550))
		bridge_say(t, "550 5.1.1 No such sender\r\n");
	else
		bridge_say(t, "250 2.1.5 Ok\r\n");
	return true;
}

static bool bridge_command(struct talk *t)
{
	struct str line = str_of(t->line);

	if (str_starts(line, STR("EHLO")))
		bridge_say(t, "250-mx\r\n250-DSN\r\n250-SMTPUTF8\r\n"
			      "250 8BITMIME\r\n");
	else if (str_starts(line, STR("MAIL"))) {
		bridge_address(t->line, t->sender);
		bridge_say(t, "250 2.1.0 Ok\r\n");
	} else if (str_starts(line, STR("RCPT")))
		return bridge_rcpt(t);
	else if (str_starts(line, STR("DATA"))) {
		bridge_say(t, "354 go\r\n");
		return bridge_data(t) && bridge_end(t);
	} else if (str_starts(line, STR("RSET")))
		bridge_say(t, "250 2.0.0 Ok\r\n");
	else
		return false;
	return true;
}

static void *bridge_talk(void *arg)
{
	struct talk *t = arg;
	int one = 1;

	buf_init(&t->data, 8 << 20);
	(void)setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	bridge_say(t, "220 mx ESMTP\r\n");
	while (bridge_line(t) && bridge_command(t))
		;
	close(t->fd);
	buf_fini(&t->data);
	free(t);
	pthread_mutex_lock(&B.lock);
	B.connections--;
	pthread_cond_signal(&B.closed);
	pthread_mutex_unlock(&B.lock);
	return NULL;
}

static void *bridge_run(void *arg)
{
	int fd;

	while ((fd = accept(B.fd, NULL, NULL)) >= 0) {
		struct talk *t = calloc(1, sizeof(*t));
		pthread_t thread;

		if (t == NULL)
			abort();
		t->fd = fd;
		pthread_mutex_lock(&B.lock);
		B.connections++;
		pthread_mutex_unlock(&B.lock);
		if (pthread_create(&thread, NULL, bridge_talk, t) != 0)
			abort();
		(void)pthread_detach(thread);
	}
	return arg;
}

static void bridge_start(void)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	atomic_store(&B.stopping, false);
	pthread_mutex_init(&B.lock, NULL);
	pthread_cond_init(&B.closed, NULL);
	buf_init(&B.delivered, 1 << 20);
	buf_init(&B.report, 8 << 20);
	B.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (B.fd < 0 ||
	    bind(B.fd, (struct sockaddr *)(void *)&a, sizeof(a)) != 0 ||
	    listen(B.fd, 50) != 0 ||
	    getsockname(B.fd, (struct sockaddr *)(void *)&a, &n) != 0 ||
	    pthread_create(&B.thread, NULL, bridge_run, NULL) != 0) {
		printf("Bail out! no server\n");
		exit(1);
	}
	(void)snprintf(sessiontest_release, sizeof(sessiontest_release),
	    "127.0.0.1:%u", ntohs(a.sin_port));
}

static void bridge_stop(void)
{
	atomic_store(&B.stopping, true);
	(void)shutdown(B.fd, SHUT_RDWR);
	(void)pthread_join(B.thread, NULL);
	pthread_mutex_lock(&B.lock);
	while (B.connections > 0)
		pthread_cond_wait(&B.closed, &B.lock);
	pthread_mutex_unlock(&B.lock);
	close(B.fd);
	buf_fini(&B.delivered);
	buf_fini(&B.report);
	pthread_cond_destroy(&B.closed);
	pthread_mutex_destroy(&B.lock);
}

__attribute__((unused)) static void bridge_fail(enum bridge_fault f, int times)
{
	atomic_store(&B.fault, (int)f);
	atomic_store(&B.faults_left, times);
}

/* How often a line stands in what was delivered. */
__attribute__((unused)) static int bridge_count(const char *line)
{
	struct str rest, one;
	int n = 0;

	pthread_mutex_lock(&B.lock);
	rest = buf_str(&B.delivered);
	while (str_next(&rest, '\n', &one))
		n += str_eq(one, str_of(line));
	pthread_mutex_unlock(&B.lock);
	return n;
}

__attribute__((unused)) static bool bridge_report_has(const char *part)
{
	bool has;

	pthread_mutex_lock(&B.lock);
	has = str_contains(buf_str(&B.report), str_of(part));
	pthread_mutex_unlock(&B.lock);
	return has;
}

#endif
