/* smtpconn.c - see smtpconn.h. */
#include "agent/out/smtpconn.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SLICE_MS = 1000,
	ROOM = 2 * SMTPCONN_LINE_MAX
};

struct smtpconn {
	int fd;
	const atomic_bool *stop;
	size_t used, taken; /* of in: filled, handed out */
	char in[ROOM];
};

static int lost(struct error *err, const char *what, int code)
{
	return error_set(
	    err, ERR_UNAVAILABLE, "SMTP %s: %s", what, error_text(code));
}

/* In slices, so that a stop is seen soon. */
static int wait_for(
    const struct smtpconn *c, short events, int64_t end_ms, struct error *err)
{
	struct pollfd p = {.fd = c->fd, .events = events};

	for (;;) {
		int64_t left = end_ms - clock_mono_ms();
		int n;

		if (c->stop != NULL && atomic_load(c->stop))
			return error_set(err, ERR_STOPPING, "stopping");
		if (left <= 0)
			return lost(err, "wait", -ETIMEDOUT);
		n = poll(&p, 1, (int)(left < SLICE_MS ? left : SLICE_MS));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return lost(err, "wait", -errno);
	}
}

static int connect_to(struct smtpconn *c, const struct addrinfo *ai,
    int64_t end_ms, struct error *err)
{
	int one = 1, code = 0, rc = 0;
	socklen_t n = sizeof(code);

	c->fd = socket(ai->ai_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, ai->ai_protocol);
	if (c->fd < 0)
		return lost(err, "socket", -errno);
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(c->fd, ai->ai_addr, ai->ai_addrlen) != 0 &&
	    errno != EINPROGRESS)
		rc = lost(err, "connect", -errno);
	if (rc == 0)
		rc = wait_for(c, POLLOUT, end_ms, err);
	if (rc == 0 &&
	    (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &code, &n) != 0 ||
		code != 0))
		rc = lost(err, "connect", -code);
	if (rc != 0) {
		(void)close(c->fd);
		c->fd = -1;
	}
	return rc;
}

/* "[::1]:25" and "host:25" as getaddrinfo() wants them. */
static int split(
    struct str hostport, char host[256], char port[16], struct error *err)
{
	size_t colon = str_rfind(hostport, ':');
	struct str h = str_cut(hostport, 0, colon),
		   p = str_from(hostport, colon + 1);

	if (str_starts(h, STR("[")) && str_ends(h, STR("]")))
		h = str_cut(h, 1, h.n - 2);
	if (h.n == 0 || h.n >= 256 || p.n == 0 || p.n >= 16)
		return error_set(err, ERR_SYNTAX, "not a host and a port: %.*s",
		    STR_ARG(hostport));
	(void)snprintf(host, 256, "%.*s", STR_ARG(h));
	(void)snprintf(port, 16, "%.*s", STR_ARG(p));
	return 0;
}

static int connect_any(
    struct smtpconn *c, struct str hostport, int64_t end_ms, struct error *err)
{
	static const struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list = NULL;
	char host[256], port[16];
	int rc = split(hostport, host, port, err);

	if (rc != 0)
		return rc;
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc != 0)
		return error_set(
		    err, ERR_UNAVAILABLE, "%s: %s", host, gai_strerror(rc));
	rc = ERR_UNAVAILABLE;
	for (const struct addrinfo *ai = list; rc != 0 && ai != NULL;
	     ai = ai->ai_next)
		rc = connect_to(c, ai, end_ms, err);
	freeaddrinfo(list);
	if (rc != 0)
		error_prefix(err, "%.*s", STR_ARG(hostport));
	return rc;
}

int smtpconn_open(struct smtpconn **out, struct str hostport,
    int64_t timeout_ms, const atomic_bool *stop, struct error *err)
{
	struct smtpconn *c = fault_alloc() ? NULL : calloc(1, sizeof(*c));
	int rc;

	*out = NULL;
	if (c == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	c->fd = -1;
	c->stop = stop;
	rc = connect_any(c, hostport, clock_mono_ms() + timeout_ms, err);
	if (rc != 0)
		smtpconn_close(&c);
	*out = c;
	return rc;
}

void smtpconn_close(struct smtpconn **c)
{
	if (*c == NULL)
		return;
	if ((*c)->fd >= 0)
		(void)close((*c)->fd);
	free(*c);
	*c = NULL;
}

int smtpconn_write(
    struct smtpconn *c, struct str data, int64_t timeout_ms, struct error *err)
{
	int64_t end_ms = clock_mono_ms() + timeout_ms;

	while (data.n > 0) {
		ssize_t n = send(c->fd, data.p, data.n, MSG_NOSIGNAL);
		int rc = 0;

		if (n >= 0)
			data = str_from(data, (size_t)n);
		else if (errno == EAGAIN)
			rc = wait_for(c, POLLOUT, end_ms, err);
		else if (errno != EINTR)
			rc = lost(err, "send", -errno);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int fill(struct smtpconn *c, int64_t end_ms, struct error *err)
{
	ssize_t n;
	int rc;

	if (c->taken > 0) {
		memmove(c->in, c->in + c->taken, c->used - c->taken);
		c->used -= c->taken;
		c->taken = 0;
	}
	if (c->used == ROOM)
		return error_set(err, ERR_LIMIT, "SMTP: line too long");
	rc = wait_for(c, POLLIN, end_ms, err);
	if (rc != 0)
		return rc;
	n = recv(c->fd, c->in + c->used, ROOM - c->used, 0);
	if (n == 0)
		return error_set(
		    err, ERR_UNAVAILABLE, "SMTP: closed by the server");
	if (n < 0)
		return errno == EAGAIN || errno == EINTR
			   ? 0
			   : lost(err, "receive", -errno);
	c->used += (size_t)n;
	return 0;
}

int smtpconn_line(
    struct smtpconn *c, int64_t timeout_ms, struct str *out, struct error *err)
{
	int64_t end_ms = clock_mono_ms() + timeout_ms;

	for (;;) {
		struct str have = {c->in + c->taken, c->used - c->taken};
		size_t lf = str_find(have, 0, '\n');
		int rc;

		if (lf > SMTPCONN_LINE_MAX)
			return error_set(err, ERR_LIMIT, "SMTP: line too long");
		if (lf < have.n) {
			*out = str_cut(have, 0, lf);
			if (str_ends(*out, STR("\r")))
				out->n--;
			c->taken += lf + 1;
			return 0;
		}
		rc = fill(c, end_ms, err);
		if (rc != 0)
			return rc;
	}
}

bool smtpconn_is_quiet(const struct smtpconn *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};

	return c->used == c->taken && poll(&p, 1, 0) == 0;
}
