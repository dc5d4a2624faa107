/* test_server.c - the HTTP server against peers that are slow, greedy, large,
 * or there when it stops. On a unix socket and on loopback. */
#include "tests/unit/tap.h"

#include "agent/web/server.h"
#include "policy/base/clock.h"
#include "policy/base/file.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

enum {
	MANY = 200,
	CLIENTS = 8,
};

static char dir[] = "/tmp/tendril-server.XXXXXX";
static char path[64];
static atomic_int handled;

/* Tells what it got: "METHOD-NUMBER body-bytes". */
static void handle(
    void *arg, const struct server_request *rq, struct server_reply *rp)
{
	(void)arg;
	atomic_fetch_add(&handled, 1);
	rp->status = str_eq(rq->path, STR("/busy")) ? 503 : 200;
	buf_printf(&rp->body, "m%d n%zu p%d%s\n", (int)rq->method, rq->body.n,
	    rq->has_peer, rq->body_refused ? " refused" : "");
}

static sem_t asked, may_go;

static bool may_send(void *arg, const struct server_request *rq)
{
	(void)arg;
	if (str_eq(rq->path, STR("/blocks"))) {
		(void)sem_post(&asked);
		(void)sem_wait(&may_go);
	}
	return !str_eq(rq->path, STR("/small"));
}

static int try_start(
    int64_t deadline_ms, struct server **out, struct error *err)
{
	struct server_options o = {.listen = str_of(path),
	    .mode = 0600,
	    .max_body = 1000,
	    .may_send = may_send,
	    .body_free = 10,
	    .workers = 2,
	    .deadline_ms = deadline_ms,
	    .handler = handle};

	return server_open(out, &o, err);
}

static struct server *start(int64_t deadline_ms)
{
	struct server *s = NULL;
	struct error err = {0};

	if (try_start(deadline_ms, &s, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return s;
}

static int dial(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct timeval tv = {.tv_sec = TAP_ENDLESS_MS / 1000};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(un.sun_path, path, strlen(path) + 1);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static bool say(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) ==
	       (ssize_t)strlen(text);
}

/* One reply; its status, 0 when the peer closed. */
static int hear(int fd, char *out, size_t cap)
{
	size_t n = 0;
	ssize_t got = 1;

	out[0] = '\0';
	while (got > 0 && n + 1 < cap) {
		got = recv(fd, out + n, cap - 1 - n, 0);
		if (got > 0)
			n += (size_t)got;
		out[n] = '\0';
		if (strstr(out, "\r\n\r\n") != NULL && out[n - 1] == '\n' &&
		    strncmp(out + n - 4, "\r\n\r\n", 4) != 0)
			break;
	}
	return n > 12 && strncmp(out, "HTTP/1.1 ", 9) == 0
		   ? (out[9] - '0') * 100 + (out[10] - '0') * 10 + out[11] - '0'
		   : 0;
}

static int ask(const char *request, char *out, size_t cap)
{
	int fd = dial(), status = 0;

	out[0] = '\0';
	if (fd >= 0 && say(fd, request))
		status = hear(fd, out, cap);
	if (fd >= 0)
		(void)close(fd);
	return status;
}

static void test_requests(void)
{
	static const struct {
		const char *request;
		int status;
		const char *body;
	} cases[] = {
	    {"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", 200, "m0 n0 p1\n"},
	    {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 200,
		"m2 n3 p1\n"},
	    {"BREW /x HTTP/1.1\r\nHost: a\r\n\r\n", 200, "m4 n0 p1\n"},
	    {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	     "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
		200, "m2 n3 p1\n"},
	    {"POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"
	     "12345678901",
		200, "m2 n0 p1 refused\n"},
	    {"POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
	     "1234567890",
		200, "m2 n10 p1\n"},
	};
	struct server *s = start(TAP_ENDLESS_MS);
	char reply[4000];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		IS_INT(ask(cases[i].request, reply, sizeof(reply)),
		    cases[i].status, "case %zu: status", i);
		OK(strstr(reply, cases[i].body) != NULL, "case %zu: body", i);
	}
	server_close(&s);
	OK(access(path, F_OK) != 0, "the socket is gone");
}

/* Who asks what a peer may send (a directory service, say) stops nobody else;
 * what was sent meanwhile is kept, and counts. */
static void test_asks(void)
{
	struct server *s = start(TAP_ENDLESS_MS);
	char reply[4000];
	int fd = dial();

	(void)sem_init(&asked, 0, 0);
	(void)sem_init(&may_go, 0, 0);
	OK(fd >= 0 && say(fd, "POST /blocks HTTP/1.1\r\nHost: a\r\n"
			      "Content-Length: 14\r\n\r\n12345678901"),
	    "a body that is asked about");
	(void)sem_wait(&asked);
	IS_INT(ask("GET /x HTTP/1.1\r\nHost: a\r\n\r\n", reply, sizeof(reply)),
	    200, "meanwhile others are served");
	OK(say(fd, "234"), "the rest");
	(void)sem_post(&may_go);
	IS_INT(hear(fd, reply, sizeof(reply)), 200, "served");
	OK(strstr(reply, "m2 n14 p1\n") != NULL, "whole: %s", reply);
	(void)close(fd);
	server_close(&s);
}

static void test_retry_after(void)
{
	struct server *s = start(TAP_ENDLESS_MS);
	char reply[4000];

	IS_INT(
	    ask("GET /busy HTTP/1.1\r\nHost: a\r\n\r\n", reply, sizeof(reply)),
	    503, "not now");
	OK(strstr(reply, "\r\nRetry-After: 30\r\n") != NULL, "when");
	IS_INT(ask("GET /x HTTP/1.1\r\nHost: a\r\n\r\n", reply, sizeof(reply)),
	    200, "now");
	OK(strstr(reply, "Retry-After") == NULL, "not then");
	server_close(&s);
}

static void test_large(void)
{
	struct server *s = start(TAP_ENDLESS_MS);
	char request[3000], reply[4000];
	int n = snprintf(request, sizeof(request),
	    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");

	memset(request + n, 'b', 1001);
	request[n + 1001] = '\0';
	IS_INT(ask(request, reply, sizeof(reply)), 413, "a byte too many");
	server_close(&s);
}

/* Who sends a byte now and then is ended all the same. */
static void test_slow(void)
{
	struct server *s = start(400);
	int64_t from = clock_mono_ms();
	int fd = dial(), sent = 0;
	char c;

	OK(fd >= 0 && say(fd, "POST /x HTTP/1.1\r\nHost: a\r\nX-Slow: "),
	    "half a head");
	while (sent < 100 && say(fd, "x")) {
		(void)nanosleep(
		    &(struct timespec){.tv_nsec = 50 * 1000000}, NULL);
		sent++;
	}
	OK(sent < 100 || recv(fd, &c, 1, 0) <= 0, "ended after %d bytes", sent);
	OK(clock_mono_ms() - from < TAP_ENDLESS_MS, "in time");
	(void)close(fd);
	server_close(&s);
}

/* Nobody gets all connections there are. */
static void test_greedy(void)
{
	struct server *s = start(TAP_ENDLESS_MS);
	int fd[MANY], served = 0;
	char reply[1000];

	for (int i = 0; i < MANY; i++)
		fd[i] = dial();
	for (int i = 0; i < MANY; i++)
		if (fd[i] >= 0 &&
		    say(fd[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
			served += hear(fd[i], reply, sizeof(reply)) == 200;
	OK(served >= 100 && served <= 130, "%d of %d connections", served,
	    (int)MANY);
	for (int i = 0; i < MANY; i++)
		if (fd[i] >= 0)
			(void)close(fd[i]);
	server_close(&s);
}

static void *hammer(void *arg)
{
	atomic_bool *stop = arg;

	while (!atomic_load(stop)) {
		int fd = dial();
		char reply[1000];

		for (int i = 0; fd >= 0 && i < 20; i++)
			if (!say(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") ||
			    hear(fd, reply, sizeof(reply)) == 0)
				break;
		if (fd >= 0)
			(void)close(fd);
		else
			(void)nanosleep(
			    &(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return NULL;
}

/* Stops under load: each request that was taken is answered, none hangs. */
static void test_stop(void)
{
	pthread_t t[CLIENTS];
	atomic_bool stop = false;
	int before = atomic_load(&handled);

	for (int i = 0; i < CLIENTS; i++)
		if (pthread_create(&t[i], NULL, hammer, &stop) != 0)
			exit(1);
	for (int i = 0; i < 8; i++) {
		struct server *s = start(TAP_ENDLESS_MS);
		int had = atomic_load(&handled);

		do
			(void)nanosleep(
			    &(struct timespec){.tv_nsec = 20 * 1000000}, NULL);
		while (atomic_load(&handled) < had + 2);
		server_close(&s);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < CLIENTS; i++)
		(void)pthread_join(t[i], NULL);
	OK(atomic_load(&handled) - before > 8, "stopped 8 times under load");
}

/* --- the listener, when it stops --- */

static struct {
	atomic_bool on;
	pthread_t stopper;
	int client;         /* wakes libmicrohttpd's thread up */
	atomic_int removed; /* times that the thread was taking it out */
	atomic_int closed;  /* when the descriptor was gone */
} trap;

static bool is_listener(int fd)
{
	int yes = 0;
	socklen_t n = sizeof(yes);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &n) == 0 &&
	       yes != 0;
}

static void wait_ms(int ms, const atomic_int *end)
{
	for (; ms > 0 && (end == NULL || atomic_load(end) == 0); ms--)
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* In place of the C library's, also for libmicrohttpd. Who stops it waits until
 * its thread is about to take the listener out as well; which then is last. */
int epoll_ctl(int set, int op, int fd, struct epoll_event *ev)
{
	bool trapped =
	    op == EPOLL_CTL_DEL && atomic_load(&trap.on) && is_listener(fd);
	int rc;

	if (trapped && pthread_equal(pthread_self(), trap.stopper)) {
		if (say(trap.client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
			wait_ms(TAP_ENDLESS_MS, &trap.removed);
	} else if (trapped) {
		atomic_fetch_add(&trap.removed, 1);
		wait_ms(200, NULL);
	}
	rc = (int)syscall(SYS_epoll_ctl, set, op, fd, ev);
	if (trapped && rc != 0 && errno == EBADF)
		atomic_fetch_add(&trap.closed, 1);
	return rc;
}

/* Both take the listener out; libmicrohttpd calls abort() when its descriptor
 * is closed by then. */
static void test_stop_both(void)
{
	struct server *s = start(TAP_ENDLESS_MS);
	char reply[1000];

	trap.client = dial();
	trap.stopper = pthread_self();
	OK(trap.client >= 0 &&
		say(trap.client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") &&
		hear(trap.client, reply, sizeof(reply)) == 200,
	    "a client");
	atomic_store(&trap.on, true);
	server_close(&s);
	atomic_store(&trap.on, false);
	(void)close(trap.client);
	OK(atomic_load(&trap.removed) > 0, "taken out by the thread too");
	IS_INT(atomic_load(&trap.closed), 0, "while it was open");
}

/* The path in the conf may be a slip of the pen. */
static void test_path(void)
{
	struct server *s = NULL, *second = NULL;
	struct error err = {0};

	IS_INT(
	    file_write_atomic(path, STR("precious"), 0600, &err), 0, "a file");
	IS_INT(try_start(1000, &s, &err), ERR_EXISTS, "is not taken: %s",
	    err.text);
	server_close(&s);
	OK(access(path, F_OK) == 0, "and still there");
	(void)unlink(path);
	s = start(1000);
	IS_INT(try_start(1000, &second, &err), ERR_EXISTS, "nor a live socket");
	server_close(&second);
	OK(access(path, F_OK) == 0, "which stays");
	server_close(&s);
}

int main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/socket", dir);
	test_requests();
	test_asks();
	test_retry_after();
	test_large();
	test_slow();
	test_greedy();
	test_stop();
	test_stop_both();
	test_path();
	(void)snprintf(path, sizeof(path), "%s/socket.lock", dir);
	(void)unlink(path);
	(void)rmdir(dir);
	return tap_done();
}
