/* run.c - see run.h. Both pipes are read to their end before the program is
 * waited for, so it cannot block on a full one; what does not fit is read and
 * dropped. */
#include "agent/cli/run.h"

#include "policy/base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CHUNK = 65536,
	ERR_TEXT_MAX = 65536,
	SIGNALLED = 128,
};

extern char **environ;

struct pipes {
	int out[2], err[2];
};

static void close_one(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void close_all(struct pipes *p)
{
	for (int i = 0; i < 2; i++) {
		close_one(&p->out[i]);
		close_one(&p->err[i]);
	}
}

static int open_all(struct pipes *p)
{
	*p = (struct pipes){{-1, -1}, {-1, -1}};
	if (pipe2(p->out, O_CLOEXEC) != 0)
		return -errno;
	return pipe2(p->err, O_CLOEXEC) == 0 ? 0 : -errno;
}

static int spawn(const char *const *argv, const struct pipes *p, pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	int rc = posix_spawn_file_actions_init(&fa);

	if (rc != 0)
		return -rc;
	rc = posix_spawn_file_actions_addopen(
	    &fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(
		    &fa, p->out[1], STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(
		    &fa, p->err[1], STDERR_FILENO);
	if (rc == 0)
		rc = posix_spawnp(pid, argv[0], &fa, NULL,
		    (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	return rc == ENOENT ? ERR_NOT_FOUND : -rc;
}

/* False at the end. */
static bool read_some(int fd, char *chunk, struct buf *out)
{
	ssize_t n = read(fd, chunk, CHUNK);

	if (n < 0)
		return errno == EINTR;
	buf_add(out, (struct str){chunk, (size_t)n});
	return n > 0;
}

static void read_all(struct pipes *p, char *chunk, struct run_result *r)
{
	while (p->out[0] >= 0 || p->err[0] >= 0) {
		struct pollfd v[] = {
		    {.fd = p->out[0], .events = POLLIN},
		    {.fd = p->err[0], .events = POLLIN},
		};

		if (poll(v, 2, -1) < 0 && errno != EINTR)
			return;
		if (v[0].revents != 0 && !read_some(p->out[0], chunk, &r->out))
			close_one(&p->out[0]);
		if (v[1].revents != 0 && !read_some(p->err[0], chunk, &r->err))
			close_one(&p->err[0]);
	}
}

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : SIGNALLED + WTERMSIG(status);
}

int run_program(const char *const *argv, size_t max, struct run_result *out,
    struct error *err)
{
	char *chunk = fault_alloc() ? NULL : malloc(CHUNK);
	struct pipes p;
	pid_t pid;
	int rc = open_all(&p);

	*out = (struct run_result){0};
	buf_init(&out->out, max);
	buf_init(&out->err, ERR_TEXT_MAX);
	if (chunk == NULL)
		rc = -ENOMEM;
	if (rc == 0)
		rc = spawn(argv, &p, &pid);
	if (rc == 0) {
		close_one(&p.out[1]);
		close_one(&p.err[1]);
		read_all(&p, chunk, out);
		out->status = wait_for(pid);
		rc = out->status < 0 ? out->status : buf_error(&out->out);
	}
	close_all(&p);
	free(chunk);
	return rc != 0 ? error_set(err, rc, "%s: %s", argv[0], error_text(rc))
		       : 0;
}

void run_fini(struct run_result *r)
{
	buf_fini(&r->out);
	buf_fini(&r->err);
}
