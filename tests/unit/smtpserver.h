/* smtpserver.h - a scripted SMTP server on loopback, in a thread: for each
 * connection a list of steps. What the client said is kept as one text.
 *
 *   "text"   sent as it is, in pieces of `split` bytes when split > 0
 *   "<"      a line is read
 *   "<DATA"  all up to the line with a dot alone is read
 *   "|"      the connection is closed
 *   "~"      nothing more is said; the connection stays
 *   ">"      the next connection is accepted */
#ifndef TESTS_UNIT_SMTPSERVER_H
#define TESTS_UNIT_SMTPSERVER_H

#include "tests/unit/tap.h"

#include "policy/base/buf.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

struct smtpserver {
	int fd;
	char address[32]; /* "127.0.0.1:port" */
	const char *const *steps;
	size_t split;
	struct buf heard;
	pthread_t thread;
	atomic_int closed; /* connections */
};

static void smtpserver_die(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

/* Waits for a while, not for ever: a test that hangs is worse than one that
 * fails. */
static bool smtpserver_wait(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, TAP_ENDLESS_MS) > 0;
}

static bool smtpserver_line(struct smtpserver *s, int fd)
{
	char c = 0;

	while (c != '\n') {
		if (!smtpserver_wait(fd) || recv(fd, &c, 1, 0) != 1)
			return false;
		buf_addc(&s->heard, c);
	}
	return true;
}

static void smtpserver_data(struct smtpserver *s, int fd)
{
	size_t at;

	do {
		at = s->heard.n;
		if (!smtpserver_line(s, fd))
			return;
	} while (!str_eq(str_from(buf_str(&s->heard), at), STR(".\r\n")));
}

static void smtpserver_say(struct smtpserver *s, int fd, const char *text)
{
	size_t n = strlen(text), piece = s->split > 0 ? s->split : n;

	for (size_t at = 0; at < n; at += piece) {
		size_t left = n - at < piece ? n - at : piece;

		if (send(fd, text + at, left, MSG_NOSIGNAL) < 0)
			return;
		if (s->split > 0)
			usleep(1000);
	}
}

static int smtpserver_accept(struct smtpserver *s)
{
	int one = 1,
	    fd = smtpserver_wait(s->fd) ? accept(s->fd, NULL, NULL) : -1;

	if (fd >= 0)
		(void)setsockopt(
		    fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void *smtpserver_run(void *arg)
{
	struct smtpserver *s = arg;
	int fd = smtpserver_accept(s);

	for (size_t i = 0; s->steps[i] != NULL; i++) {
		const char *step = s->steps[i];

		if (strcmp(step, "<") == 0)
			(void)smtpserver_line(s, fd);
		else if (strcmp(step, "<DATA") == 0)
			smtpserver_data(s, fd);
		else if (strcmp(step, "~") == 0)
			(void)smtpserver_wait(fd);
		else if (strcmp(step, "|") != 0 && strcmp(step, ">") != 0)
			smtpserver_say(s, fd, step);
		if (step[0] != '|' && step[0] != '>')
			continue;
		close(fd);
		atomic_fetch_add(&s->closed, 1);
		fd = step[0] == '>' ? smtpserver_accept(s) : -1;
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

static void smtpserver_start(
    struct smtpserver *s, const char *const *steps, size_t split)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	*s = (struct smtpserver){.steps = steps, .split = split};
	buf_init(&s->heard, 64 << 20);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 ||
	    bind(s->fd, (struct sockaddr *)(void *)&a, sizeof(a)) != 0 ||
	    listen(s->fd, 5) != 0 ||
	    getsockname(s->fd, (struct sockaddr *)(void *)&a, &n) != 0 ||
	    pthread_create(&s->thread, NULL, smtpserver_run, s) != 0)
		smtpserver_die("no server");
	(void)snprintf(
	    s->address, sizeof(s->address), "127.0.0.1:%u", ntohs(a.sin_port));
}

/* Once the client has gone: what it said; to be freed by
 * smtpserver_end(). */
static struct str smtpserver_heard(struct smtpserver *s)
{
	(void)pthread_join(s->thread, NULL);
	return buf_str(&s->heard);
}

static void smtpserver_end(struct smtpserver *s)
{
	close(s->fd);
	buf_fini(&s->heard);
}

#endif
