/* smfi_threads.c - a thread for each MTA connection, in place of libmilter's
 * pool of workers.
 *
 * Where libmilter is built with _FFR_WORKERS_POOL (Debian's is), one thread
 * polls all connections and hands those with data to workers, which come and
 * go. Each command costs a write to a pipe and two switches of threads, and
 * near saturation some sessions starve for a second while others get a
 * multiple of their share (`make bench BENCH=fairness` measures both).
 *
 * libmilter calls its pool by two functions that it exports, and a program's
 * own definition of a function comes before a library's. Here are these two,
 * and accept(2), which tells them the socket. What they use is what the pool
 * uses: mi_engine() serves a connection while there is data and says
 * MI_CONTINUE when there is none; mi_clr_ctx() closes and frees it. With a
 * libmilter that has no pool this file is empty. Threads: libmilter's
 * listener. */
#ifdef HAVE_MILTER_POOL

#include "milter/smfi_packets.h"

#include "policy/base/fault.h"
#include "policy/base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
	/* what mi_engine() returns */
	MI_SUCCESS = 0,
	MI_CONTINUE = 1,
	IDLE_MS = 7210000, /* libmilter's own limit, MI_TIMEOUT */
};

struct smfi_str; /* SMFICTX */

int mi_engine(struct smfi_str *ctx);
void mi_clr_ctx(struct smfi_str *ctx);
int mi_pool_controller_init(void);
int mi_start_session(struct smfi_str *ctx);

/* The listener's thread accepts and starts the session, one after the other;
 * the socket stands in a structure that is libmilter's own. */
static _Thread_local int accepted = -1;

struct connection {
	struct smfi_str *ctx;
	int fd;
	struct smfi_packets *packets;
};

static void connection_free(struct connection **c)
{
	if (*c != NULL)
		smfi_packets_free(&(*c)->packets);
	free(*c);
	*c = NULL;
}

static struct connection *connection_new(struct smfi_str *ctx, int fd)
{
	struct connection *c = fault_alloc() ? NULL : malloc(sizeof(*c));

	if (c == NULL)
		return NULL;
	*c = (struct connection){ctx, fd, smfi_packets_new(fd)};
	if (c->packets == NULL)
		connection_free(&c);
	return c;
}

/* Until there is data or an end. Whoever was silent too long has none. */
static void wait_for_data(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;

	do
		n = poll(&p, 1, IDLE_MS);
	while (n < 0 && errno == EINTR);
	if (n <= 0 || (p.revents & POLLIN) == 0)
		(void)shutdown(fd, SHUT_RDWR);
}

static void *serve(void *arg)
{
	struct connection *c = arg;

	smfi_packets_use(c->packets);
	while (mi_engine(c->ctx) == MI_CONTINUE)
		wait_for_data(c->fd);
	mi_clr_ctx(c->ctx);
	connection_free(&c);
	return NULL;
}

static int start(struct connection *c)
{
	pthread_attr_t attr;
	pthread_t thread;
	int rc = pthread_attr_init(&attr);

	if (rc != 0)
		return rc;
	rc = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (rc == 0)
		rc = pthread_create(&thread, &attr, serve, c);
	(void)pthread_attr_destroy(&attr);
	return rc;
}

int mi_pool_controller_init(void)
{
	return MI_SUCCESS;
}

/* Without a thread this connection ends, and the MTA does what it does without
 * a filter. Never a failure: after some in a row libmilter gives up and takes
 * all other connections along. */
int mi_start_session(struct smfi_str *ctx)
{
	struct connection *c = connection_new(ctx, accepted);
	int rc = c != NULL ? start(c) : ENOMEM;

	if (rc == 0)
		return MI_SUCCESS;
	LOG_EV_LIMITED(LOG_LEVEL_ERR, "connection.no_thread",
	    KV_Z("error", error_text(-rc)));
	connection_free(&c);
	mi_clr_ctx(ctx);
	return MI_SUCCESS;
}

int accept(int fd, __SOCKADDR_ARG addr, socklen_t *restrict len)
{
	accepted = accept4(fd, addr, len, SOCK_CLOEXEC);
	return accepted;
}

#endif
