/* smfi_packets.c - see smfi_packets.h. */
#include "milter/smfi_packets.h"

#include "policy/base/codec.h"
#include "policy/base/fault.h"

#include <libmilter/mfdef.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
	LENGTH = 4,
	HEAD = LENGTH + 1, /* length, network order, of what follows; command */
	/* Most messages' commands and header fields; a body goes past it. */
	IN_MAX = 8192,
	OUT_MAX = 4096,
	NO_PACKET = 0,
};

/* The memory is there while something is in it: most connections are idle. */
struct smfi_packets {
	int fd;
	char *in; /* n_in bytes of whole packets, of which `at` were read */
	size_t at, n_in;
	size_t left; /* length of the whole packet left in the socket, or 0 */
	char *out;
	size_t n_out;
};

static _Thread_local struct smfi_packets *here;

struct smfi_packets *smfi_packets_new(int fd)
{
	struct smfi_packets *p = fault_alloc() ? NULL : malloc(sizeof(*p));

	if (p != NULL)
		*p = (struct smfi_packets){.fd = fd};
	return p;
}

void smfi_packets_free(struct smfi_packets **p)
{
	if (here == *p)
		here = NULL;
	if (*p != NULL) {
		free((*p)->in);
		free((*p)->out);
	}
	free(*p);
	*p = NULL;
}

void smfi_packets_use(struct smfi_packets *p)
{
	here = p;
}

/* --- bytes --- */

static int ms_of(const struct timeval *t)
{
	if (t->tv_sec >= INT_MAX / 1000)
		return INT_MAX;
	return (int)(t->tv_sec * 1000 + t->tv_usec / 1000);
}

/* 0, or what to say of it. */
static char wait_for(int fd, short events, const struct timeval *timeout)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;

	do
		n = poll(&p, 1, ms_of(timeout));
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n == 0 ? SMFI_TIMEOUT : SMFI_POLL_FAILED;
	return 0;
}

static char receive(int fd, char *p, size_t n, const struct timeval *timeout)
{
	char bad = 0;

	while (n > 0 && bad == 0) {
		ssize_t got = recv(fd, p, n, MSG_DONTWAIT);

		if (got > 0) {
			p += got;
			n -= (size_t)got;
		} else if (got == 0) {
			bad = SMFI_EOF;
		} else if (errno == EAGAIN) {
			bad = wait_for(fd, POLLIN, timeout);
		} else if (errno != EINTR) {
			bad = SMFI_RECV_FAILED;
		}
	}
	return bad;
}

static int transmit(
    int fd, const char *p, size_t n, const struct timeval *timeout)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent >= 0) {
			p += sent;
			n -= (size_t)sent;
		} else if (errno == EAGAIN) {
			if (wait_for(fd, POLLOUT, timeout) != 0)
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

static int flush(struct smfi_packets *p, const struct timeval *timeout)
{
	int rc = transmit(p->fd, p->out, p->n_out, timeout);

	free(p->out);
	p->out = NULL;
	p->n_out = 0;
	return rc;
}

/* --- packets in --- */

/* Where the packet at `at` ends; NO_PACKET if it is not whole, or none. */
static size_t packet_end(const char *in, size_t n, size_t at)
{
	size_t length;

	if (n - at < HEAD)
		return NO_PACKET;
	length = codec_get_u32(in + at);
	if (length == 0 || length > n - at - LENGTH)
		return NO_PACKET;
	return at + LENGTH + length;
}

/* How much of it to take: all whole packets but the last; or the only one. */
static size_t how_much(const char *in, size_t n, size_t *left_out)
{
	size_t last = 0, end = 0, next;

	while ((next = packet_end(in, n, end)) != NO_PACKET) {
		last = end;
		end = next;
	}
	*left_out = last > 0 ? end - last : 0;
	return last > 0 ? last : end;
}

static void empty(struct smfi_packets *p)
{
	free(p->in);
	p->in = NULL;
	p->at = p->n_in = 0;
}

/* Nothing taken is no failure: whoever reads one packet will see. */
static char fill(struct smfi_packets *p, const struct timeval *timeout)
{
	p->in = fault_alloc() ? NULL : malloc(IN_MAX);
	if (p->in == NULL) {
		p->left = 0;
		return 0;
	}
	p->n_in = p->left;
	p->left = 0;
	if (p->n_in == 0) {
		ssize_t n = recv(p->fd, p->in, IN_MAX, MSG_PEEK | MSG_DONTWAIT);
		if (n > 0)
			p->n_in = how_much(p->in, (size_t)n, &p->left);
	}
	return receive(p->fd, p->in, p->n_in, timeout);
}

/* A packet's length without the command, or what is wrong with it. */
static char look(const char *head, char *cmd, size_t *n_out)
{
	size_t length = codec_get_u32(head);

	if (length == 0)
		return SMFI_RECV_FAILED;
	if (length - 1 > SMFI_PACKET_MAX)
		return SMFI_TOO_BIG;
	*cmd = head[LENGTH];
	*n_out = length - 1;
	return 0;
}

static char take(struct smfi_packets *p, char *cmd, char **data, size_t *n_out)
{
	const char *head = p->in + p->at;
	char bad = look(head, cmd, n_out);

	if (bad != 0)
		return bad;
	p->at += HEAD + *n_out;
	if (*n_out == 0)
		return 0;
	*data = fault_alloc() ? NULL : malloc(*n_out);
	if (*data == NULL)
		return SMFI_NO_MEMORY;
	memcpy(*data, head + HEAD, *n_out);
	return 0;
}

/* A packet that is larger than our memory, or has not come whole. */
static char take_slowly(int fd, const struct timeval *timeout, char *cmd,
    char **data, size_t *n_out)
{
	char head[HEAD];
	char bad = receive(fd, head, HEAD, timeout);

	if (bad == 0)
		bad = look(head, cmd, n_out);
	if (bad != 0 || *n_out == 0)
		return bad;
	*data = fault_alloc() ? NULL : malloc(*n_out);
	return *data == NULL ? SMFI_NO_MEMORY
			     : receive(fd, *data, *n_out, timeout);
}

static char read_packet(struct smfi_packets *p, const struct timeval *timeout,
    char *cmd, char **data, size_t *n_out)
{
	char bad;

	if (p->n_in == 0 && flush(p, timeout) != 0)
		return SMFI_RECV_FAILED;
	bad = p->n_in == 0 ? fill(p, timeout) : 0;
	if (bad == 0 && p->n_in > 0)
		bad = take(p, cmd, data, n_out);
	else if (bad == 0)
		bad = take_slowly(p->fd, timeout, cmd, data, n_out);
	if (p->at == p->n_in)
		empty(p);
	return bad;
}

char *mi_rd_cmd(
    int fd, struct timeval *timeout, char *cmd, size_t *n_out, char *name)
{
	char *data = NULL;
	char bad;

	(void)fd;
	(void)name;
	*cmd = '\0';
	*n_out = 0;
	bad = read_packet(here, timeout, cmd, &data, n_out);
	if (bad == 0)
		return data;
	free(data);
	*cmd = bad;
	*n_out = 0;
	return NULL;
}

/* What mi_engine() asks before each packet: no system call while there is one
 * in memory. It makes nothing but speed: were the question another than
 * poll(2), the socket would give the same answer. The name in C is another
 * because the C library declares that poll() does not read what it is asked. */
int smfi_packets_poll(struct pollfd *fds, nfds_t n, int ms) __asm__("poll");

int smfi_packets_poll(struct pollfd *fds, nfds_t n, int ms)
{
	const struct smfi_packets *p = here;
	const struct timespec time = {ms / 1000, ms % 1000 * 1000000L};

	if (n == 1 && p != NULL && fds->fd == p->fd && p->at < p->n_in &&
	    (fds->events & POLLIN) != 0) {
		fds->revents = POLLIN;
		return 1;
	}
	return ppoll(fds, n, ms < 0 ? NULL : &time, NULL);
}

/* --- packets out --- */

/* The MTA applies these, but answers none: it waits for the reply. */
static bool is_change(int cmd)
{
	static const char changes[] = {SMFIR_ADDHEADER, SMFIR_CHGHEADER,
	    SMFIR_INSHEADER, SMFIR_CHGFROM, SMFIR_ADDRCPT, SMFIR_ADDRCPT_PAR,
	    SMFIR_DELRCPT, SMFIR_REPLBODY, SMFIR_QUARANTINE};

	return memchr(changes, cmd, sizeof(changes)) != NULL;
}

static bool has_room(struct smfi_packets *p, size_t n)
{
	if (p->out == NULL && n <= OUT_MAX)
		p->out = fault_alloc() ? NULL : malloc(OUT_MAX);
	return p->out != NULL && n <= OUT_MAX - p->n_out;
}

static int add(struct smfi_packets *p, const char *bytes, size_t n,
    const struct timeval *timeout)
{
	if (!has_room(p, n) && flush(p, timeout) != 0)
		return -1;
	if (!has_room(p, n))
		return transmit(p->fd, bytes, n, timeout);
	if (n > 0)
		memcpy(p->out + p->n_out, bytes, n);
	p->n_out += n;
	return 0;
}

int mi_wr_cmd(int fd, struct timeval *timeout, int cmd, char *data, size_t n)
{
	char head[HEAD];

	(void)fd;
	if (n > SMFI_PACKET_MAX || (n > 0 && data == NULL))
		return -1;
	codec_put_u32(head, (uint32_t)n + 1);
	head[LENGTH] = (char)cmd;
	if (add(here, head, HEAD, timeout) != 0 ||
	    add(here, data, n, timeout) != 0)
		return -1;
	return is_change(cmd) ? 0 : flush(here, timeout);
}
