/* verify_worker.c - see verify_worker.h. */
#include "agent/in/verify_worker.h"

#include "policy/base/fault.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	IN_MAX = 2 * (VERIFY_HEAD + VERIFY_SMALL_MAX),
	READ_BYTES = 16384,
};

struct verify_worker {
	pid_t pid; /* 0: none */
	int fd;
	bool ready, ended;
	unsigned mails;
	struct buf out;
	size_t out_at;
	struct str more; /* goes behind out */
	struct buf in;
	size_t in_at; /* what was given of it */
};

int verify_worker_new(struct verify_worker **out)
{
	struct verify_worker *w = fault_alloc() ? NULL : calloc(1, sizeof(*w));

	*out = w;
	if (w == NULL)
		return -ENOMEM;
	w->fd = -1;
	buf_init(&w->out, VERIFY_HEAD + VERIFY_SMALL_MAX);
	buf_init(&w->in, IN_MAX);
	return 0;
}

void verify_worker_free(struct verify_worker **w)
{
	if (*w == NULL)
		return;
	verify_worker_stop(*w);
	buf_fini(&(*w)->out);
	buf_fini(&(*w)->in);
	free(*w);
	*w = NULL;
}

/* ---- the process ---- */

/* Its socket is its standard input, and it has nothing else. */
static int set_files(posix_spawn_file_actions_t *f, int fd)
{
	int rc = posix_spawn_file_actions_adddup2(f, fd, STDIN_FILENO);

	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(
		    f, STDOUT_FILENO, "/dev/null", 1 /* O_WRONLY */, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(
		    f, STDERR_FILENO, "/dev/null", 1 /* O_WRONLY */, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(
		    f, STDERR_FILENO + 1);
	return rc;
}

/* The agent's threads block the signals that it waits for. */
static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int rc;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = posix_spawnattr_setflags(
		    attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return rc;
}

static int spawn(const char *program, int fd, pid_t *pid)
{
	char name[] = "tendril-verify";
	char *argv[] = {name, NULL}, *env[] = {NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int rc = posix_spawn_file_actions_init(&files);

	if (rc != 0)
		return -rc;
	rc = posix_spawnattr_init(&attr);
	if (rc == 0) {
		rc = set_files(&files, fd);
		if (rc == 0)
			rc = set_signals(&attr);
		if (rc == 0)
			rc =
			    posix_spawn(pid, program, &files, &attr, argv, env);
		(void)posix_spawnattr_destroy(&attr);
	}
	(void)posix_spawn_file_actions_destroy(&files);
	return -rc;
}

int verify_worker_start(struct verify_worker *w, const char *program)
{
	int fds[2], rc;

	verify_worker_stop(w);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return -errno;
	rc = spawn(program, fds[1], &w->pid);
	(void)close(fds[1]);
	if (rc != 0) {
		(void)close(fds[0]);
		w->pid = 0;
		return rc;
	}
	w->fd = fds[0];
	return 0;
}

void verify_worker_stop(struct verify_worker *w)
{
	if (w->pid > 0) {
		(void)kill(w->pid, SIGKILL);
		while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	if (w->fd >= 0)
		(void)close(w->fd);
	w->pid = 0;
	w->fd = -1;
	w->ready = w->ended = false;
	w->mails = 0;
	w->more = STR_NULL;
	w->out_at = w->in_at = 0;
	buf_reset(&w->out);
	buf_reset(&w->in);
}

bool verify_worker_is_running(const struct verify_worker *w)
{
	return w->pid > 0;
}

bool verify_worker_is_ready(const struct verify_worker *w)
{
	return w->ready;
}

unsigned verify_worker_mails(const struct verify_worker *w)
{
	return w->mails;
}

int verify_worker_pid(const struct verify_worker *w)
{
	return (int)w->pid;
}

/* ---- out ---- */

static bool has_out(const struct verify_worker *w)
{
	return w->out_at < w->out.n || w->more.n > 0;
}

int verify_worker_send(struct verify_worker *w, enum verify_frame type,
    struct str payload, struct str more)
{
	unsigned char head[VERIFY_HEAD];

	if (has_out(w))
		return ERR_LIMIT;
	buf_reset(&w->out);
	w->out_at = 0;
	verify_wire_head(type, payload.n + more.n, head);
	buf_add(&w->out, (struct str){(const char *)head, sizeof(head)});
	buf_add(&w->out, payload);
	if (buf_error(&w->out) != 0)
		return buf_error(&w->out);
	w->more = more;
	w->mails += type == VERIFY_MAIL;
	return 0;
}

/* Bytes sent; 0: it would block; negative: -errno. */
static ssize_t send_some(int fd, struct str s)
{
	ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static int send_out(struct verify_worker *w)
{
	while (has_out(w)) {
		bool head = w->out_at < w->out.n;
		ssize_t n = send_some(w->fd,
		    head ? str_from(buf_str(&w->out), w->out_at) : w->more);
		if (n <= 0)
			return (int)n;
		if (head)
			w->out_at += (size_t)n;
		else
			w->more = str_from(w->more, (size_t)n);
	}
	return 0;
}

/* ---- in ---- */

static int receive(struct verify_worker *w)
{
	char bytes[READ_BYTES];
	ssize_t n = recv(w->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0) {
		w->ended = true;
		return 0;
	}
	if (w->in_at == w->in.n) {
		buf_reset(&w->in);
		w->in_at = 0;
	}
	buf_add(&w->in, (struct str){bytes, (size_t)n});
	return buf_error(&w->in);
}

struct pollfd verify_worker_poll(const struct verify_worker *w)
{
	short events = POLLIN;

	if (has_out(w))
		events |= POLLOUT;
	return (struct pollfd){.fd = w->fd, .events = events};
}

int verify_worker_move(struct verify_worker *w, short revents)
{
	int rc = 0;

	if ((revents & POLLOUT) != 0)
		rc = send_out(w);
	/* what it said before it ended is still there */
	if ((revents & ~POLLOUT) != 0)
		rc = receive(w);
	return rc;
}

int verify_worker_next(struct verify_worker *w, enum verify_frame *type_out,
    struct str *payload_out)
{
	for (;;) {
		struct str rest = str_from(buf_str(&w->in), w->in_at);
		size_t n;

		if (rest.n < VERIFY_HEAD)
			break;
		if (verify_wire_read_head(
			(const unsigned char *)rest.p, type_out, &n) != 0)
			return ERR_SYNTAX;
		if (rest.n < VERIFY_HEAD + n)
			break;
		w->in_at += VERIFY_HEAD + n;
		*payload_out = str_cut(rest, VERIFY_HEAD, n);
		if (*type_out == VERIFY_MAIL)
			return ERR_SYNTAX;
		if ((*type_out == VERIFY_HELLO) == w->ready)
			return ERR_SYNTAX;
		if (w->ready)
			return 0;
		w->ready = true;
	}
	return w->ended ? -ECONNRESET : ERR_NOT_FOUND;
}
