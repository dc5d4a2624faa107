/* test_server_wire.c - the HTTP server on loopback and on a unix socket, spoken
 * to byte by byte. */
#include "tests/unit/tap.h"

#include "agent/web/server.h"
#include "policy/base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

enum {
	MAX_BODY = 1000,
	DEADLINE_MS = 600,
	SLOW_MS = 400,
	CROWD = 40,
	GREEDY = 80,
};

struct probe {
	atomic_uint handled;
	atomic_bool slow_begun;
};

static void pause_ms(int64_t ms)
{
	(void)nanosleep(
	    &(struct timespec){ms / 1000, (ms % 1000) * 1000000}, NULL);
}

/* Says what it was given. "/slow" takes its time, "/huge" never ends. */
static void echo(
    void *arg, const struct server_request *rq, struct server_reply *rp)
{
	struct probe *p = arg;

	if (str_eq(rq->path, STR("/slow"))) {
		atomic_store(&p->slow_begun, true);
		pause_ms(SLOW_MS);
	}
	rp->status = 200;
	if (rq->method == SERVER_OTHER) {
		rp->status = 405;
		rp->allow = "GET";
	}
	buf_printf(&rp->body,
	    "method=%d path=%.*s a=%.*s b=%.*s client=%s peer=%d uid=%ld "
	    "type=%.*s body=%zu",
	    (int)rq->method, STR_ARG(rq->path), STR_ARG(server_query(rq, "a")),
	    STR_ARG(server_query(rq, "b")), rq->client, rq->has_peer,
	    (long)rq->uid, STR_ARG(rq->content_type), rq->body.n);
	if (str_eq(rq->path, STR("/huge")))
		for (int i = 0; i < 20 << 10; i++)
			buf_printf(&rp->body, "%1024s", "");
	atomic_fetch_add(&p->handled, 1);
}

static struct server_options options_of(struct probe *p, const char *listen)
{
	return (struct server_options){.listen = str_of(listen),
	    .mode = 0600,
	    .max_body = MAX_BODY,
	    .workers = 4,
	    .deadline_ms = TAP_ENDLESS_MS,
	    .handler = echo,
	    .arg = p};
}

/* A port that nobody listens on. */
static uint16_t free_port(void)
{
	struct sockaddr_in sa = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &n) != 0)
		printf("Bail out! no port\n");
	(void)close(fd);
	return ntohs(sa.sin_port);
}

static int dial(uint16_t port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static int dial_unix(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static bool say(int fd, const char *text)
{
	size_t n = strlen(text);

	return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* Reads to the end of the connection, or until nothing comes for long. */
static struct str hear(int fd, char *space, size_t cap)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t n = 0;

	while (n + 1 < cap && poll(&p, 1, TAP_ENDLESS_MS / 2) == 1) {
		ssize_t got = recv(fd, space + n, cap - n - 1, 0);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	space[n] = '\0';
	return (struct str){space, n};
}

/* One request on a connection of its own. */
static struct str ask(uint16_t port, const char *text, char *space, size_t cap)
{
	int fd = dial(port);
	struct str s = STR("");

	if (fd < 0 || !say(fd, text))
		return s;
	s = hear(fd, space, cap);
	(void)close(fd);
	return s;
}

#define CLOSE "Connection: close\r\n\r\n"
#define HAS(s, part, ...) OK(str_contains((s), STR(part)), __VA_ARGS__)

static void test_requests(uint16_t port)
{
	char space[8192];
	struct str s;

	s = ask(port, "GET /x?a=b%20c&b=&a=no HTTP/1.1\r\nHost: t\r\n" CLOSE,
	    space, sizeof(space));
	HAS(s, "HTTP/1.1 200 ", "a simple request");
	HAS(s, "path=/x a=b c b= client=127.0.0.1 peer=0", "what it was");
	HAS(s, "X-Content-Type-Options: nosniff", "nosniff");
	HAS(s, "Content-Security-Policy: default-src 'none'", "CSP");
	HAS(s, "Cache-Control: no-store", "no-store");
	s = ask(port,
	    "POST /x HTTP/1.1\r\nHost: t\r\nContent-Type: a/b\r\n"
	    "Content-Length: 5\r\n" CLOSE "hello",
	    space, sizeof(space));
	HAS(s, "method=2 ", "POST");
	HAS(s, "type=a/b body=5", "its body");
	s = ask(port, "HEAD /x HTTP/1.1\r\nHost: t\r\n" CLOSE, space,
	    sizeof(space));
	HAS(s, "HTTP/1.1 200 ", "HEAD");
	OK(!str_contains(s, STR("path=")), "has no body");
	s = ask(port, "BREW /x HTTP/1.1\r\nHost: t\r\n" CLOSE, space,
	    sizeof(space));
	HAS(s, "HTTP/1.1 405 ", "another method");
	HAS(s, "Allow: GET", "and which is allowed");
	s = ask(port, "nonsense\r\n\r\n", space, sizeof(space));
	OK(!str_contains(s, STR(" 200 ")), "nonsense is not answered with 200");
}

/* Requests whose end is not plain: nobody sees them, nor what follows. */
static void test_framing(uint16_t port, const struct probe *p)
{
	static const char *const bad[] = {
	    "Host: t\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
	    "Host: t\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
	    "Host: t\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "0\r\n\r\nGET /second HTTP/1.1\r\nHost: t\r\n\r\n",
	    "Host: t\r\nTransfer-Encoding: chunked\r\n"
	    "Content-Length: 3\r\n\r\n0\r\n\r\n",
	    "Host: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
	    "Host: t\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
	    "Host: t\r\nTransfer-Encoding: chunked\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	    "Host: t\r\nHost: u\r\n\r\n",
	    "\r\n",
	};
	unsigned before = atomic_load(&p->handled);
	char text[1000], space[8192];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct str s;

		(void)snprintf(
		    text, sizeof(text), "POST /first HTTP/1.1\r\n%s", bad[i]);
		s = ask(port, text, space, sizeof(space));
		OK(str_starts(s, STR("HTTP/1.1 400 ")) &&
			str_contains(s, STR("\r\nConnection: close\r\n")),
		    "case %zu: refused", i);
	}
	IS_INT(atomic_load(&p->handled), before, "none was handled");
	HAS(ask(port, "GET /old HTTP/1.0\r\n\r\n", space, sizeof(space)),
	    "path=/old", "HTTP/1.0 has no Host");
}

static void test_too_large(uint16_t port)
{
	char space[8192], text[3000];
	struct str s;

	(void)snprintf(text, sizeof(text),
	    "POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: 1001\r\n" CLOSE
	    "%1001s",
	    "");
	s = ask(port, text, space, sizeof(space));
	HAS(s, "HTTP/1.1 413 ", "a byte too much");
	(void)snprintf(text, sizeof(text),
	    "POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n" CLOSE
	    "%1000s",
	    "");
	s = ask(port, text, space, sizeof(space));
	HAS(s, "body=1000", "not a byte too much");
	(void)snprintf(text, sizeof(text),
	    "POST /x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: "
	    "chunked\r\n" CLOSE "5dc\r\n%1500s\r\n0\r\n\r\n",
	    "");
	s = ask(port, text, space, sizeof(space));
	HAS(s, "HTTP/1.1 413 ", "chunked, too much");
	s = ask(port, "GET /huge HTTP/1.1\r\nHost: t\r\n" CLOSE, space,
	    sizeof(space));
	HAS(s, "HTTP/1.1 500 ", "a reply beyond its bound");
}

/* A request in pieces, and two in one connection. */
static void test_pieces(uint16_t port)
{
	static const char *const pieces[] = {"PO", "ST /p?a", "=1 HT",
	    "TP/1.1\r\nHo", "st: t\r\nContent-Le", "ngth: 4\r\n\r", "\nab",
	    "cd", "GET /second HTTP/1.1\r\nHost: t\r\n", CLOSE};
	char space[8192];
	int fd = dial(port);
	struct str s;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		(void)say(fd, pieces[i]);
		pause_ms(10);
	}
	s = hear(fd, space, sizeof(space));
	HAS(s, "path=/p a=1", "the first, in pieces");
	HAS(s, "body=4", "with its body");
	HAS(s, "path=/second", "the second on the same connection");
	(void)close(fd);
}

/* One byte now and then keeps an idle timeout from ever striking. */
static void trickle(uint16_t port, const char *text, const char *name)
{
	int64_t begin = clock_mono_ms();
	int fd = dial(port);
	size_t i = 0;

	while (clock_mono_ms() - begin < TAP_ENDLESS_MS && text[i] != '\0') {
		char c[2] = {text[i], '\0'};
		char back;

		if (!say(fd, c) || recv(fd, &back, 1, MSG_DONTWAIT) == 0)
			break;
		i++;
		pause_ms(50);
	}
	OK(clock_mono_ms() - begin < TAP_ENDLESS_MS, "%s: ended after %lld ms",
	    name, (long long)(clock_mono_ms() - begin));
	OK(clock_mono_ms() - begin >= DEADLINE_MS, "%s: not before its time",
	    name);
	(void)close(fd);
}

/* A connection that never says a word. */
static void silence(uint16_t port)
{
	int64_t begin = clock_mono_ms();
	char space[100];
	int fd = dial(port);

	OK(hear(fd, space, sizeof(space)).n == 0, "silence is not answered");
	OK(clock_mono_ms() - begin >= DEADLINE_MS &&
		clock_mono_ms() - begin < TAP_ENDLESS_MS,
	    "it is ended after %lld ms", (long long)(clock_mono_ms() - begin));
	(void)close(fd);
}

static void test_trickle(uint16_t port, struct probe *p)
{
	char space[8192], text[400];
	unsigned before = atomic_load(&p->handled);

	(void)snprintf(text, sizeof(text), "GET /%0200d HTTP/1.1\r\n", 7);
	trickle(port, text, "a slow header");
	(void)snprintf(text, sizeof(text),
	    "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 300\r\n\r\n%0200d",
	    7);
	trickle(port, text, "a slow body");
	silence(port);
	IS_INT(atomic_load(&p->handled), before, "no handler was run");
	HAS(ask(port, "GET /ok HTTP/1.1\r\nHost: t\r\n" CLOSE, space,
		sizeof(space)),
	    "path=/ok", "others are served");
	HAS(ask(port, "GET /slow HTTP/1.1\r\nHost: t\r\n" CLOSE, space,
		sizeof(space)),
	    "path=/slow", "a slow handler is not a slow peer");
}

static void *one_of_many(void *arg)
{
	uint16_t port = *(uint16_t *)arg;
	char space[8192];
	struct str s = ask(port, "GET /many HTTP/1.1\r\nHost: t\r\n" CLOSE,
	    space, sizeof(space));

	return str_contains(s, STR("path=/many")) ? arg : NULL;
}

static void test_crowd(uint16_t port)
{
	pthread_t threads[CROWD];
	size_t served = 0;

	for (int i = 0; i < CROWD; i++)
		if (pthread_create(&threads[i], NULL, one_of_many, &port) != 0)
			printf("Bail out! thread\n");
	for (int i = 0; i < CROWD; i++) {
		void *ok = NULL;

		(void)pthread_join(threads[i], &ok);
		served += ok != NULL;
	}
	IS_INT(served, CROWD, "all of a crowd are served");
}

/* A server with little patience. */
static void test_patience(void)
{
	struct probe p = {0};
	struct server *s = NULL;
	struct error err = {0};
	uint16_t port = free_port();
	char listen[32];
	struct server_options o;

	(void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
	o = options_of(&p, listen);
	o.deadline_ms = DEADLINE_MS;
	IS_INT(server_open(&s, &o, &err), 0, "open");
	test_trickle(port, &p);
	server_close(&s);
}

static void test_tcp(void)
{
	struct probe p = {0};
	struct server *s = NULL, *second = NULL;
	struct error err = {0};
	uint16_t port = free_port();
	char listen[32];
	struct server_options o;

	(void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
	o = options_of(&p, listen);
	IS_INT(server_open(&s, &o, &err), 0, "open");
	test_requests(port);
	test_framing(port, &p);
	test_too_large(port);
	test_pieces(port);
	test_crowd(port);
	OK(server_open(&second, &o, &err) != 0 && second == NULL,
	    "the port is taken");
	server_close(&s);
	OK(s == NULL, "closed");
	server_close(&s);
	OK(dial(port) < 0, "nobody listens");
}

/* Connections of one address that are served while they stay open. */
static void test_greedy(const char *prefix, unsigned bits, bool bounded)
{
	struct conf_net net = {.bits = bits};
	struct probe p = {0};
	struct server *s = NULL;
	struct error err = {0};
	uint16_t port = free_port();
	char listen[32], space[8192];
	int fd[GREEDY], served = 0;
	struct server_options o;

	(void)inet_pton(AF_INET6, prefix, net.addr);
	(void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
	o = options_of(&p, listen);
	o.deadline_ms = 60000;
	o.proxies = (struct conf_nets){&net, 1};
	IS_INT(server_open(&s, &o, &err), 0, "open");
	for (int i = 0; i < GREEDY; i++) {
		fd[i] = dial(port);
		served += fd[i] >= 0 &&
			  say(fd[i], "GET /n HTTP/1.1\r\nHost: t\r\n\r\n") &&
			  recv(fd[i], space, sizeof(space), 0) > 0;
	}
	for (int i = 0; i < GREEDY; i++)
		(void)close(fd[i]);
	server_close(&s);
	IS_INT(served, bounded ? 64 : GREEDY, "of %d, proxies %s/%u",
	    (int)GREEDY, prefix, bits);
}

struct forward_case {
	const char *fields, *client, *name;
};

static void forwarded(bool declared, const struct forward_case *c, size_t n)
{
	static const struct conf_net loopback = {
	    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}, 128};
	struct probe p = {0};
	struct server *s = NULL;
	struct error err = {0};
	uint16_t port = free_port();
	char listen[32], text[1000], space[8192], want[100];
	struct server_options o;

	(void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
	o = options_of(&p, listen);
	if (declared)
		o.proxies = (struct conf_nets){&loopback, 1};
	IS_INT(server_open(&s, &o, &err), 0, "open");
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(text, sizeof(text),
		    "GET / HTTP/1.1\r\nHost: t\r\n%s" CLOSE, c[i].fields);
		(void)snprintf(want, sizeof(want), "client=%s peer",
		    declared ? c[i].client : "127.0.0.1");
		OK(str_contains(
		       ask(port, text, space, sizeof(space)), str_of(want)),
		    "%s, %s", declared ? "declared proxy" : "stranger",
		    c[i].name);
	}
	server_close(&s);
}

static void test_forwarded(void)
{
	static const struct forward_case cases[] = {
	    {"", "127.0.0.1", "no field"},
	    {"X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1", "one address"},
	    {"X-Forwarded-For: 10.0.0.1, 192.0.2.2\r\n", "192.0.2.2",
		"the last of two"},
	    {"X-Forwarded-For: 10.0.0.1\r\nx-forwarded-for: 192.0.2.3\r\n",
		"192.0.2.3", "of two fields the last"},
	    {"X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1", "IPv6"},
	    {"X-Forwarded-For: 192.0.2.1, nonsense\r\n", "127.0.0.1",
		"nonsense last"},
	    {"X-Forwarded-For: \r\n", "127.0.0.1", "an empty field"},
	    {"Forwarded: for=192.0.2.1\r\n", "127.0.0.1", "another field"},
	};

	forwarded(true, cases, sizeof(cases) / sizeof(cases[0]));
	forwarded(false, cases, sizeof(cases) / sizeof(cases[0]));
}

static void test_unix(void)
{
	char dir[] = "/tmp/tendril-server.XXXXXX", path[64], space[8192];
	char want[64], lock[80];
	struct probe p = {0};
	struct server *s = NULL, *second = NULL;
	struct error err = {0};
	struct server_options o;
	int fd;

	OK(mkdtemp(dir) != NULL, "a folder");
	(void)snprintf(path, sizeof(path), "%s/api", dir);
	(void)snprintf(lock, sizeof(lock), "%s.lock", path);
	(void)snprintf(want, sizeof(want), "peer=1 uid=%ld ", (long)geteuid());
	o = options_of(&p, path);
	IS_INT(server_open(&s, &o, &err), 0, "open");
	fd = dial_unix(path);
	OK(fd >= 0 && say(fd, "GET / HTTP/1.1\r\nHost: t\r\n"
			      "X-Forwarded-For: 192.0.2.1\r\n" CLOSE),
	    "ask");
	OK(str_contains(hear(fd, space, sizeof(space)), str_of(want)),
	    "the peer's user is known");
	(void)close(fd);
	IS_INT(server_open(&second, &o, &err), ERR_EXISTS,
	    "a second instance is refused");
	fd = dial_unix(path);
	OK(fd >= 0, "and has not taken the socket away");
	(void)close(fd);
	server_close(&s);
	OK(access(path, F_OK) != 0, "the socket is gone");
	IS_INT(server_open(&s, &o, &err), 0, "open again");
	server_close(&s);
	(void)unlink(lock);
	OK(rmdir(dir) == 0, "nothing is left");
}

static void test_bad_listen(void)
{
	static const char *const bad[] = {"", "127.0.0.1", "127.0.0.1:x",
	    "127.0.0.1:70000", "localhost:80", "[::1:80", ":80",
	    "/nonexistent/dir/api"};
	struct probe p = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct server *s = NULL;
		struct error err = {0};
		struct server_options o = options_of(&p, bad[i]);

		OK(server_open(&s, &o, &err) != 0 && s == NULL &&
			err.text[0] != '\0',
		    "refused: \"%s\": %s", bad[i], err.text);
	}
}

static void *close_it(void *arg)
{
	server_close(arg);
	return NULL;
}

/* What a handler has in hand is answered before the server goes. */
static void test_close(void)
{
	struct probe p = {0};
	struct server *s = NULL;
	struct error err = {0};
	uint16_t port = free_port();
	char listen[32], space[8192];
	struct server_options o;
	pthread_t thread;
	int fd, idle;

	(void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
	o = options_of(&p, listen);
	IS_INT(server_open(&s, &o, &err), 0, "open");
	idle = dial(port);
	fd = dial(port);
	(void)say(fd, "GET /slow HTTP/1.1\r\nHost: t\r\n" CLOSE);
	for (int i = 0; i < 1000 && !atomic_load(&p.slow_begun); i++)
		pause_ms(10);
	if (pthread_create(&thread, NULL, close_it, &s) != 0)
		printf("Bail out! thread\n");
	HAS(hear(fd, space, sizeof(space)), "path=/slow",
	    "a request in work is answered");
	(void)pthread_join(thread, NULL);
	OK(s == NULL, "then it is closed");
	(void)close(fd);
	(void)close(idle);
}

int main(void)
{
	test_tcp();
	test_patience();
	test_forwarded();
	test_greedy("2001:db8::", 32, true);
	test_greedy("::ffff:127.0.0.1", 128, false);
	test_unix();
	test_bad_listen();
	test_close();
	return tap_done();
}
