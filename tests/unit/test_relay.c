/* test_relay.c - opt-outs and failures on their way back to the application:
 * to a scripted HTTP server and a scripted MTA on loopback. */
#include "tests/unit/answertest.h"
#include "tests/unit/rebuilttest.h"
#include "tests/unit/smtpserver.h"

#include "agent/out/http.h"
#include "agent/out/reach.h"
#include "agent/out/relay.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/when.h"
#include "policy/state/ops_feedback.h"
#include "policy/state/outbox.h"

static struct answertest A;

/* --- which addresses --- */

static const struct {
	const char *text;
	bool public;
} addresses[] = {
    {"8.8.8.8", true},
    {"1.1.1.1", true},
    {"0.0.0.0", false},
    {"10.1.2.3", false},
    {"100.63.255.255", true},
    {"100.64.0.1", false},
    {"100.127.255.255", false},
    {"100.128.0.0", true},
    {"127.0.0.1", false},
    {"127.255.255.255", false},
    {"169.254.169.254", false},
    {"172.15.255.255", true},
    {"172.16.0.1", false},
    {"172.31.255.255", false},
    {"172.32.0.0", true},
    {"192.0.0.8", false},
    {"192.0.2.1", false},
    {"192.168.1.1", false},
    {"198.17.255.255", true},
    {"198.18.0.1", false},
    {"198.19.255.255", false},
    {"198.51.100.1", false},
    {"203.0.113.9", false},
    {"223.255.255.255", true},
    {"224.0.0.1", false},
    {"255.255.255.255", false},
    {"::", false},
    {"::1", false},
    {"::ffff:8.8.8.8", true},
    {"::ffff:10.0.0.1", false},
    {"::8.8.8.8", false},
    {"64:ff9b::808:808", true},
    {"64:ff9b::a00:1", false},
    {"64:ff9b:1::808:808", false},
    {"100::1", false},
    {"2001::1", false},
    {"2001:1ff::1", false},
    {"2001:200::1", true},
    {"2001:db8::1", false},
    {"2002:808:808::1", true},
    {"2002:a00:1::1", false},
    {"2606:4700::1111", true},
    {"3fff::1", false},
    {"3fff:1000::1", true},
    {"4000::1", false},
    {"fc00::1", false},
    {"fe80::1", false},
    {"fec0::1", false},
    {"ff02::1", false},
};

static void test_reach(void)
{
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		unsigned char a[16] = {[10] = 0xff, [11] = 0xff};

		if (inet_pton(AF_INET, addresses[i].text, a + 12) != 1 &&
		    inet_pton(AF_INET6, addresses[i].text, a) != 1)
			exit(1);
		OK(reach_is_public(a) == addresses[i].public, "%s",
		    addresses[i].text);
	}
}

/* --- a scripted HTTP server --- */

struct web {
	int fd;
	unsigned port;
	const char *const *answers; /* one a request; NULL ends */
	struct buf heard;
	int requests;
	pthread_t thread;
};

static size_t content_length(struct str head)
{
	size_t at = 0;

	while (at + 16 < head.n &&
	       !str_ieq(str_cut(head, at, 16), STR("Content-Length: ")))
		at++;
	return at + 16 < head.n ? strtoul(head.p + at + 16, NULL, 10) : 0;
}

static bool web_read(struct web *w, int fd, size_t n)
{
	char c;

	for (; n > 0; n--) {
		if (!smtpserver_wait(fd) || recv(fd, &c, 1, 0) != 1)
			return false;
		buf_addc(&w->heard, c);
	}
	return true;
}

static bool web_request(struct web *w, int fd)
{
	size_t at = w->heard.n;

	while (!str_ends(str_from(buf_str(&w->heard), at), STR("\r\n\r\n")))
		if (!web_read(w, fd, 1))
			return false;
	w->requests++;
	return web_read(
	    w, fd, content_length(str_from(buf_str(&w->heard), at)));
}

/* "~": no answer at all; "+TEXT": nothing behind it; "=": a body without end. */
static void web_answer(int fd, const char *answer)
{
	char fill[1000];
	ssize_t n = 1;

	if (strcmp(answer, "~") == 0) {
		(void)smtpserver_wait(fd);
		return;
	}
	if (answer[0] == '+') {
		(void)send(fd, answer + 1, strlen(answer) - 1, MSG_NOSIGNAL);
		(void)smtpserver_wait(fd);
		return;
	}
	if (strcmp(answer, "=") != 0) {
		(void)send(fd, answer, strlen(answer), MSG_NOSIGNAL);
		return;
	}
	(void)send(fd, "HTTP/1.1 200 OK\r\n\r\n", 19, MSG_NOSIGNAL);
	memset(fill, 'x', sizeof(fill));
	for (int i = 0; i < 100000 && n > 0; i++)
		n = send(fd, fill, sizeof(fill), MSG_NOSIGNAL);
}

static void *web_run(void *arg)
{
	struct web *w = arg;

	for (size_t i = 0; w->answers[i] != NULL; i++) {
		int fd =
		    smtpserver_wait(w->fd) ? accept(w->fd, NULL, NULL) : -1;
		if (fd < 0)
			return NULL;
		if (web_request(w, fd))
			web_answer(fd, w->answers[i]);
		close(fd);
	}
	return NULL;
}

static void web_start(struct web *w, const char *const *answers)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	*w = (struct web){.answers = answers};
	buf_init(&w->heard, 1 << 20);
	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->fd < 0 ||
	    bind(w->fd, (struct sockaddr *)(void *)&a, sizeof(a)) != 0 ||
	    listen(w->fd, 16) != 0 ||
	    getsockname(w->fd, (struct sockaddr *)(void *)&a, &n) != 0 ||
	    pthread_create(&w->thread, NULL, web_run, w) != 0)
		smtpserver_die("no web server");
	w->port = ntohs(a.sin_port);
}

static void web_end(struct web *w)
{
	close(w->fd);
	buf_fini(&w->heard);
}

/* --- http_post alone --- */

static int post(const struct http_options *o, const char *url, int *status)
{
	struct http *h;
	struct error err = {0};
	int rc = http_open(&h, o, &err);

	if (rc == 0)
		rc = http_post(h, str_of(url), STR("a=b"), status, &err);
	if (rc != 0)
		printf("# %s: %s\n", url, err.text);
	http_close(&h);
	return rc;
}

static void test_denied(void)
{
	static const struct {
		const char *url;
		int open, closed; /* with and without allow_private */
	} t[] = {
	    {"ftp://127.0.0.1/x", ERR_DENIED, ERR_DENIED},
	    {"file:///etc/passwd", ERR_DENIED, ERR_DENIED},
	    {"gopher://127.0.0.1/", ERR_DENIED, ERR_DENIED},
	    {"https://user:secret@127.0.0.1/", ERR_DENIED, ERR_DENIED},
	    {"https://", ERR_DENIED, ERR_DENIED},
	    {"", ERR_DENIED, ERR_DENIED},
	    {"no url at all", ERR_DENIED, ERR_DENIED},
	    {"http://127.0.0.1:1/", ERR_UNAVAILABLE, ERR_DENIED},
	    {"http://10.0.0.1/", ERR_DENIED, ERR_DENIED},
	    {"https://127.0.0.1:1/", ERR_UNAVAILABLE, ERR_DENIED},
	    {"https://localhost:1/", ERR_UNAVAILABLE, ERR_DENIED},
	    {"https://[::1]:1/", ERR_UNAVAILABLE, ERR_DENIED},
	    {"https://[::ffff:127.0.0.1]:1/", ERR_UNAVAILABLE, ERR_DENIED},
	    {"https://2130706433:1/", ERR_UNAVAILABLE, ERR_DENIED},
	    {"https://0x7f.1:1/", ERR_UNAVAILABLE, ERR_DENIED},
	    {"https://0:1/", ERR_UNAVAILABLE, ERR_DENIED},
	};
	struct http_options open = {.allow_private = true, .timeout_ms = 20000};
	struct http_options closed = {.timeout_ms = 20000};
	int status;

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		IS_INT(post(&closed, t[i].url, &status), t[i].closed,
		    "%s: not asked", t[i].url);
		IS_INT(post(&open, t[i].url, &status), t[i].open,
		    "%s: with relay-private", t[i].url);
	}
}

static void test_post(void)
{
	static const char *const answers[] = {
	    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	    "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n"
	    "Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n",
	    "HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n", "=",
	    "+HTTP/1.1 202 yes\r\nContent-Length: 9\r\n\r\n",
	    "HTTP/1.1 204 yes\r\nContent-Length: 9\r\n\r\n", "nonsense", "~",
	    NULL};
	static const int want[] = {200, 302, 503, 200, 202, 204};
	struct http_options o = {
	    .allow_private = true, .timeout_ms = TAP_ENDLESS_MS};
	struct error err;
	struct http *h;
	struct web w;
	char url[64];
	int status;

	web_start(&w, answers);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/u?x=1", w.port);
	if (http_open(&h, &o, &err) != 0)
		exit(1);
	for (size_t i = 0; i < 6; i++) {
		if (i == 4) { /* from here on its time will be over */
			http_close(&h);
			o.timeout_ms = 1500;
			if (http_open(&h, &o, &err) != 0)
				exit(1);
		}
		IS_INT(http_post(h, str_of(url),
			   STR("List-Unsubscribe=One-Click"), &status, &err),
		    0, "answered");
		IS_INT(status, want[i], "with %d", want[i]);
	}
	IS_INT(http_post(h, str_of(url), STR("a=b"), &status, &err),
	    ERR_UNAVAILABLE, "not HTTP: %s", err.text);
	IS_INT(http_post(h, str_of(url), STR("a=b"), &status, &err),
	    ERR_UNAVAILABLE, "no answer in time: %s", err.text);
	http_close(&h);
	(void)pthread_join(w.thread, NULL);
	IS_INT(w.requests, 8, "one request each, no redirect followed");
	OK(str_starts(buf_str(&w.heard),
	       STR("POST /u?x=1 HTTP/1.1\r\nHost: 127.0.0.1")) &&
		str_contains(buf_str(&w.heard),
		    STR("\r\n\r\nList-Unsubscribe=One-Click")) &&
		str_contains(buf_str(&w.heard),
		    STR("Content-Type: application/x-www-form-urlencoded")),
	    "as RFC 8058 has it");
	OK(!str_icontains(buf_str(&w.heard), STR("Cookie:")) &&
		!str_icontains(buf_str(&w.heard), STR("/elsewhere")),
	    "no cookies, nothing asked elsewhere");
	web_end(&w);
}

/* The address that is looked at is the one that is asked, whatever the name
 * says and how often it is resolved. */
static void test_names(void)
{
	static const struct {
		const char *url, *resolve;
		bool open;
		int rc;
	} t[] = {
	    {"https://h.example:1/", "h.example:1:127.0.0.1", false,
		ERR_DENIED},
	    {"https://h.example:1/", "h.example:1:10.0.0.1,::1", false,
		ERR_DENIED},
	    {"https://h.example:1/", "h.example:1:::ffff:169.254.169.254",
		false, ERR_DENIED},
	    {"http://h.example:1/", "h.example:1:192.0.2.1", true, ERR_DENIED},
	    /* one of them may be asked, but does not answer: try again */
	    {"http://h.example:1/", "h.example:1:192.0.2.1,127.0.0.1", true,
		ERR_UNAVAILABLE},
	    {"http://h.example:1/", "h.example:1:127.0.0.1,192.0.2.1", true,
		ERR_UNAVAILABLE},
	};
	int status;

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct http_options o = {.allow_private = t[i].open,
		    .timeout_ms = 20000,
		    .resolve = t[i].resolve};

		IS_INT(post(&o, t[i].url, &status), t[i].rc, "%s: %s", t[i].url,
		    t[i].resolve);
	}
}

static void *stop_soon(void *arg)
{
	usleep(200000);
	atomic_store((atomic_bool *)arg, true);
	return NULL;
}

static void test_stop(void)
{
	static const char *const answers[] = {"~", NULL};
	atomic_bool stop = false;
	struct http_options o = {.allow_private = true, .stop = &stop};
	int64_t began = clock_mono_ms();
	pthread_t t;
	struct web w;
	char url[64];
	int status;

	web_start(&w, answers);
	(void)snprintf(url, sizeof(url), "http://localhost:%u/", w.port);
	if (pthread_create(&t, NULL, stop_soon, &stop) != 0)
		exit(1);
	IS_INT(post(&o, url, &status), ERR_STOPPING, "stopped");
	OK(clock_mono_ms() - began < TAP_ENDLESS_MS, "within a second or so");
	(void)pthread_join(t, NULL);
	(void)pthread_join(w.thread, NULL);
	web_end(&w);
}

static void test_host(void)
{
	static const struct {
		const char *url, *host;
	} t[] = {
	    {"https://App.Example/u/1", "app.example:443"},
	    {"https://app.example:8443/", "app.example:8443"},
	    {"http://[::1]:80/", "[::1]:80"},
	    {"x", NULL},
	};
	char host[100], tiny[5];

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		int rc = http_host(str_of(t[i].url), host, sizeof(host));
		OK(t[i].host == NULL ? rc == ERR_SYNTAX
				     : rc == 0 && strcmp(host, t[i].host) == 0,
		    "%s", t[i].url);
	}
	OK(http_host(str_of(t[0].url), tiny, sizeof(tiny)) == ERR_SYNTAX,
	    "no room");
}

/* --- the outbox --- */

static struct outbox_record row(uint64_t id, enum outbox_kind kind)
{
	struct outbox_record r = {0};
	struct ledger_txn *t;

	if (ledger_read_begin(A.t.store->ledger, &t) == 0) {
		if (outbox_read(t, id, kind, &r) != 0)
			r = (struct outbox_record){0};
		ledger_read_end(&t);
	}
	return r;
}

static void opt_out(uint64_t id, const char *to)
{
	struct ops_consent in = {.address = storetest_address(&A.t, to),
	    .purpose = STR("demos"),
	    .state = CONSENT_WITHDRAWN,
	    .origin = STR("one-click"),
	    .author = STR("recipient"),
	    .message_id = id};
	struct error err = {0};
	bool changed;

	IS_INT(
	    ops_consent_set(A.t.store, &in, &changed, &err), 0, "%s", err.text);
}

static void run_relay(struct relay *r)
{
	struct error err = {0};
	int64_t wait;

	IS_INT(relay_step(r, &wait, &err), 0, "step %s", err.text);
}

static struct relay *start_relay(void)
{
	struct error err = {0};
	struct relay *r;

	if (relay_open(&r, &A.app, &err) != 0)
		smtpserver_die(err.text);
	return r;
}

static void test_opt_out(void)
{
	static const char *const answers[] = {
	    "HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n",
	    "HTTP/1.1 202 yes\r\nContent-Length: 0\r\n\r\n", NULL};
	const char *to = "ann@b.example";
	struct outbox_record o;
	struct relay *r = NULL;
	struct web w;
	uint64_t id;
	int64_t start = A.now_ms;

	web_start(&w, answers);
	(void)snprintf(A.one_click, sizeof(A.one_click),
	    "http://127.0.0.1:%u/oneclick/42", w.port);
	id = answertest_send(&A, to, "");
	opt_out(id, to);
	o = row(id, OUTBOX_OPT_OUT);
	OK(o.state == OUTBOX_WAITS && o.due_ms == A.now_ms,
	    "queued with the opt-out");
	r = start_relay();
	run_relay(r);
	o = row(id, OUTBOX_OPT_OUT);
	OK(o.state == OUTBOX_WAITS && o.attempts == 1 && o.code == 500 &&
		o.due_ms == start + 60000,
	    "500: again in a minute");
	run_relay(r);
	IS_INT(row(id, OUTBOX_OPT_OUT).attempts, 1, "not before");
	answertest_time(&A, start + 60000);
	run_relay(r);
	o = row(id, OUTBOX_OPT_OUT);
	OK(o.state == OUTBOX_DONE && o.code == 202, "2xx: done");
	OK(row(id, OUTBOX_OPT_OUT).target.n == 0, "and the address is gone");
	opt_out(id, to);
	run_relay(r);
	IS_INT(row(id, OUTBOX_OPT_OUT).attempts, 2, "once a message");
	(void)pthread_join(w.thread, NULL);
	IS_INT(w.requests, 2, "two requests in all");
	OK(str_contains(buf_str(&w.heard), STR("POST /oneclick/42 ")),
	    "to the application's address");
	IS_INT(answertest_counter(&A, "relay.opt_out.done"), 1, "counted");
	web_end(&w);
	relay_close(&r);
}

/* Consent is one for both, but each application has its own list. */
static void test_two_applications(void)
{
	const char *to = "two@b.example";
	uint64_t first, second, third, other;

	(void)snprintf(
	    A.one_click, sizeof(A.one_click), "https://127.0.0.1:1/a");
	first = answertest_send(&A, to, "");
	other = answertest_send(&A, "other@b.example", "");
	(void)snprintf(
	    A.one_click, sizeof(A.one_click), "https://127.0.0.1:1/b");
	second = answertest_send(&A, to, "");
	A.one_click[0] = '\0';
	third = answertest_send(&A, to, "");
	opt_out(first, to);
	opt_out(second, to);
	opt_out(third, to);
	opt_out(other, to);
	OK(row(first, OUTBOX_OPT_OUT).state == OUTBOX_WAITS &&
		row(second, OUTBOX_OPT_OUT).state == OUTBOX_WAITS,
	    "both are told");
	IS_INT((long long)row(third, OUTBOX_OPT_OUT).state, 0,
	    "a message without an address of its own");
	IS_INT((long long)row(other, OUTBOX_OPT_OUT).state, 0,
	    "a message to somebody else");
}

static int complain_fn(struct door_ctx *ctx, void *arg)
{
	struct ops_feedback_out out;

	return ops_complaint_emit(
	    ctx, A.t.store, *(const uint64_t *)arg, STR(""), &out);
}

/* Who calls it spam is taken off the application's list, too; each message
 * once, whatever came of it first. */
static void test_complaint(void)
{
	const char *to = "spam@b.example";
	struct error err = {0};
	uint64_t first, second;
	int64_t queued;

	(void)snprintf(
	    A.one_click, sizeof(A.one_click), "https://127.0.0.1:1/c");
	first = answertest_send(&A, to, "");
	second = answertest_send(&A, to, "");
	IS_INT(door_propose(A.t.store->door, complain_fn, &first, &err), 0,
	    "complaint: %s", err.text);
	OK(row(first, OUTBOX_OPT_OUT).state == OUTBOX_WAITS,
	    "the application is told");
	IS_INT(
	    (long long)row(second, OUTBOX_OPT_OUT).state, 0, "of that message");
	queued = row(first, OUTBOX_OPT_OUT).queued_ms;
	answertest_time(&A, A.now_ms + 1000);
	opt_out(first, to);
	OK(row(first, OUTBOX_OPT_OUT).queued_ms == queued, "and only once");
}

/* Nobody listens there, or the address is never asked. */
static void test_hopeless(void)
{
	static const struct {
		const char *url;
		enum outbox_state want;
	} t[] = {
	    {"https://127.0.0.1:1/x", OUTBOX_GIVEN_UP},
	    {"http://app.example/x", OUTBOX_GIVEN_UP},
	    {"https://user@app.example/x", OUTBOX_GIVEN_UP},
	    {"javascript:alert(1)", OUTBOX_GIVEN_UP},
	};

	A.conf.agent.relay_private = false;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct relay *r = start_relay();
		char to[64];
		uint64_t id;

		(void)snprintf(
		    A.one_click, sizeof(A.one_click), "%s", t[i].url);
		(void)snprintf(to, sizeof(to), "h%zu@b.example", i);
		id = answertest_send(&A, to, "");
		opt_out(id, to);
		run_relay(r);
		IS_INT((long long)row(id, OUTBOX_OPT_OUT).state, t[i].want,
		    "%s", t[i].url);
		relay_close(&r);
	}
	A.conf.agent.relay_private = true;
}

static void test_five_days(void)
{
	static const int64_t minutes[] = {
	    0, 1, 6, 36, 156, 516, 1236, 2676, 4116, 5556, 6996};
	const char *to = "days@b.example";
	int64_t start = A.now_ms;
	int before = answertest_counter(&A, "relay.opt_out.given_up");
	struct outbox_record o;
	struct relay *r;
	uint64_t id;

	(void)snprintf(
	    A.one_click, sizeof(A.one_click), "https://127.0.0.1:1/gone");
	id = answertest_send(&A, to, "");
	opt_out(id, to);
	for (size_t i = 0; i < sizeof(minutes) / sizeof(*minutes); i++) {
		answertest_time(&A, start + minutes[i] * 60000);
		r = start_relay(); /* which forgets that the host is dead */
		run_relay(r);
		relay_close(&r);
		o = row(id, OUTBOX_OPT_OUT);
		IS_INT(o.attempts, (long long)i + 1, "attempt %zu", i + 1);
	}
	OK(o.state == OUTBOX_GIVEN_UP && o.target.n == 0,
	    "given up before the sixth day");
	IS_INT(answertest_counter(&A, "relay.opt_out.given_up"), before + 1,
	    "counted");
}

static void test_dead_host(void)
{
	const char *urls[] = {"https://127.0.0.1:1/1", "https://127.0.0.1:1/2",
	    "https://127.0.0.1:2/3"};
	uint64_t ids[3];
	struct relay *r = start_relay();

	for (int i = 0; i < 3; i++) {
		char to[64];

		(void)snprintf(A.one_click, sizeof(A.one_click), "%s", urls[i]);
		(void)snprintf(to, sizeof(to), "dead%d@b.example", i);
		ids[i] = answertest_send(&A, to, "");
		opt_out(ids[i], to);
		answertest_time(&A, A.now_ms + 1);
	}
	run_relay(r);
	IS_INT(row(ids[0], OUTBOX_OPT_OUT).attempts, 1, "asked");
	IS_INT(row(ids[1], OUTBOX_OPT_OUT).attempts, 0,
	    "the same host is left alone");
	IS_INT(row(ids[2], OUTBOX_OPT_OUT).attempts, 1,
	    "another host is not held up");
	relay_close(&r);
}

/* Sent, but that cannot be recorded: not sent again and again meanwhile. */
static void test_not_recorded(void)
{
	static const char *const answers[] = {
	    "HTTP/1.1 200 yes\r\nContent-Length: 0\r\n\r\n", NULL};
	const char *to = "full@b.example";
	struct pollfd again = {.events = POLLIN};
	struct error err = {0};
	struct relay *r;
	struct web w;
	uint64_t id;
	int64_t wait;

	web_start(&w, answers);
	(void)snprintf(A.one_click, sizeof(A.one_click),
	    "http://127.0.0.1:%u/full", w.port);
	r = start_relay();
	for (int i = 0; i < 3; i++)
		run_relay(r); /* what others left */
	id = answertest_send(&A, to, "");
	opt_out(id, to);
	fault_write_at(1);
	IS_INT(relay_step(r, &wait, &err), ERR_FULL, "a full disk");
	fault_write_at(0);
	(void)pthread_join(w.thread, NULL);
	IS_INT(w.requests, 1, "it was sent");
	for (int i = 0; i < 3; i++)
		run_relay(r);
	again.fd = w.fd;
	IS_INT(poll(&again, 1, 0), 0, "once");
	IS_INT((long long)row(id, OUTBOX_OPT_OUT).state, OUTBOX_WAITS,
	    "but it will be again");
	web_end(&w);
	relay_close(&r);
}

/* --- failures --- */

static void bounce(uint64_t id, const char *to, const char *diagnostic)
{
	struct sort_with with = {
	    A.app.tokens, A.rules, A.now_ms, false, NULL, NULL, NULL};
	struct str mail = answertest_dsn(&A,
	    answertest_address(&A, TOKEN_BOUNCE, id), to, "5.1.1", diagnostic);
	unsigned char digest[SEEN_DIGEST] = {0};
	struct sort s;
	struct act_item item = {.mail = &s, .digest = digest};

	memcpy(digest, &id, sizeof(id));
	IS_INT(sort_mail(&with, mail, A.t.arena, &s), 0, "sorted");
	act_mails(&A.app, &item, 1);
	IS_INT(item.rc, 0, "acted %s", item.err.text);
}

static const char *const takes_mail[] = {"220 ready\r\n", "<",
    "250-hub\r\n250-8BITMIME\r\n250 DSN\r\n", "<", "250 ok\r\n", "<",
    "250 ok\r\n", "<", "354 go\r\n", "<DATA", "250 2.0.0 queued\r\n", "<",
    "221 bye\r\n", "|", NULL};

static void test_bounce(void)
{
	const char *to = "gone@b.example";
	struct smtpserver s;
	struct relay *r;
	struct str heard;
	uint64_t id;

	A.one_click[0] = '\0';
	id = answertest_send(&A, to, "");
	bounce(id, to, "550 5.1.1 no\r\nsuch user\001 here");
	IS_INT((long long)row(id, OUTBOX_BOUNCE).state, 0,
	    "no release listener: not queued");
	smtpserver_start(&s, takes_mail, 0);
	A.conf.agent.release = str_of(s.address);
	A.conf.agent.relay_bounces = false;
	id = answertest_send(&A, "gone2@b.example", "");
	bounce(id, "gone2@b.example", "550 5.1.1 no such user");
	IS_INT((long long)row(id, OUTBOX_BOUNCE).state, 0, "not wanted");
	A.conf.agent.relay_bounces = true;
	to = "gone3@b.example";
	id = answertest_send(&A, to, "");
	bounce(id, to,
	    "host mx.b.example said: 550 5.1.1 no such user <x>\001 here");
	IS_INT((long long)row(id, OUTBOX_BOUNCE).state, OUTBOX_WAITS, "queued");
	r = start_relay();
	run_relay(r);
	relay_close(&r);
	heard = smtpserver_heard(&s);
	IS_INT((long long)row(id, OUTBOX_BOUNCE).state, OUTBOX_DONE, "sent");
	OK(str_contains(heard, STR("MAIL FROM:<>")) &&
		str_contains(heard, STR("RCPT TO:<app@example.com>")),
	    "from nobody to the application's sender");
	OK(str_contains(
	       heard, STR("\r\nFinal-Recipient: rfc822;gone3@b.example\r\n"
			  "Action: failed\r\nStatus: 5.1.1\r\n")),
	    "RFC 3464");
	OK(str_contains(heard,
	       STR("\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no "
		   "such user <x>? here\r\n")),
	    "the server's words, made harmless");
	OK(str_contains(heard, STR("Your message was sent, and could not be")),
	    "it was sent");
	OK(str_contains(heard, STR("X-Tendril-Id: ")), "known as ours");
	smtpserver_end(&s);
	A.conf.agent.release = STR_NULL;
}

static void test_alloc(void)
{
	struct relay *r = NULL;
	struct error err;
	int n = 0, rc;

	do {
		fault_alloc_at(++n);
		rc = relay_open(&r, &A.app, &err);
		fault_alloc_at(0);
	} while (rc != 0 && n < 100);
	OK(rc == 0 && n > 2, "opens after %d failed allocations", n - 1);
	relay_close(&r);
}

/* Finished rows of old messages go, some with each new one. */
static void test_retention(void)
{
	int64_t start = A.now_ms;
	uint64_t id[12], waits, first, last;
	struct relay *r;
	char to[64];
	size_t left = 0;

	A.conf.agent.relay_private = false;
	r = start_relay();
	(void)snprintf(
	    A.one_click, sizeof(A.one_click), "https://127.0.0.1:1/x");
	for (size_t i = 0; i < 12; i++) {
		(void)snprintf(to, sizeof(to), "old%zu@b.example", i);
		id[i] = answertest_send(&A, to, "");
		opt_out(id[i], to);
		run_relay(r);
		answertest_time(&A, A.now_ms + 1000);
	}
	waits = answertest_send(&A, "waits@b.example", "");
	opt_out(waits, "waits@b.example");
	first = answertest_send(&A, "first@b.example", "");
	relay_close(&r);
	answertest_time(&A, start + OUTBOX_KEEP_DAYS * WHEN_DAY_MS);
	last = answertest_send(&A, "last@b.example", "");
	opt_out(last, "last@b.example");
	for (size_t i = 0; i < 12; i++)
		left += row(id[i], OUTBOX_OPT_OUT).state == OUTBOX_GIVEN_UP;
	IS_INT((long long)left, 12, "kept as long as they may be asked for");
	answertest_time(&A, A.now_ms + WHEN_DAY_MS);
	for (size_t i = 0; i < 10; i++) {
		(void)snprintf(to, sizeof(to), "new%zu@b.example", i);
		last = answertest_send(&A, to, "");
		opt_out(last, to);
	}
	for (size_t i = 0; i < 12; i++)
		IS_INT((long long)row(id[i], OUTBOX_OPT_OUT).state, 0,
		    "an old one is gone");
	opt_out(id[0], "old0@b.example");
	IS_INT((long long)row(id[0], OUTBOX_OPT_OUT).state, 0,
	    "an old link pressed again passes nothing on");
	opt_out(first, "first@b.example");
	IS_INT((long long)row(first, OUTBOX_OPT_OUT).state, OUTBOX_WAITS,
	    "pressed for the first time it does");
	OK(row(waits, OUTBOX_OPT_OUT).state == OUTBOX_WAITS &&
		row(last, OUTBOX_OPT_OUT).state == OUTBOX_WAITS,
	    "what waits stays");
	A.conf.agent.relay_private = true;
}

int main(void)
{
	struct error err = {0};

	if (http_init(&err) != 0)
		smtpserver_die(err.text);
	test_reach();
	test_denied();
	test_post();
	test_names();
	test_stop();
	test_host();
	answertest_open(&A);
	A.conf.agent.relay_private = true;
	test_opt_out();
	test_two_applications();
	test_complaint();
	test_hopeless();
	test_five_days();
	test_dead_host();
	test_not_recorded();
	test_bounce();
	test_alloc();
	test_retention();
	rebuilttest_is_same(&A.t, 10);
	answertest_close(&A);
	return tap_done();
}
