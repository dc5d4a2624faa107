/* loglines.c - see loglines.h. A program that unpacks may meet its own trouble
 * after lines that were fine: its exit status is the file's last word. */
#include "agent/cli/loglines.h"

#include "policy/base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	DATA_MAX = 65536
};

struct loglines {
	const char *path;
	const char *program; /* NULL: none */
	pid_t pid;           /* of it; 0: none, or waited for */
	int fd;
	bool at_end, skipping; /* skipping: the rest of a line that was cut */
	size_t start, n;
	char data[DATA_MAX];
};

extern char **environ;

static const char *unpacker(const char *path)
{
	static const struct {
		const char *end, *program;
	} known[] = {
	    {".gz", "gzip"},
	    {".bz2", "bzip2"},
	    {".xz", "xz"},
	    {".zst", "zstd"},
	    {".lz4", "lz4"},
	    {".Z", "gzip"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_ends(str_of(path), str_of(known[i].end)))
			return known[i].program;
	return NULL;
}

/* The program reads `in` and writes into a pipe, whose end is the result. */
static int spawn(struct loglines *l, int in)
{
	const char *argv[] = {l->program, "-d", "-c", NULL};
	posix_spawn_file_actions_t fa;
	int pipe_fd[2];
	int rc = posix_spawn_file_actions_init(&fa);

	if (rc != 0)
		return -rc;
	if (pipe2(pipe_fd, O_CLOEXEC) != 0) {
		rc = errno;
		(void)posix_spawn_file_actions_destroy(&fa);
		return -rc;
	}
	rc = posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(
		    &fa, pipe_fd[1], STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawnp(&l->pid, l->program, &fa, NULL,
		    (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)close(pipe_fd[1]);
	if (rc == 0)
		l->fd = pipe_fd[0];
	else
		(void)close(pipe_fd[0]);
	return rc == ENOENT ? ERR_NOT_FOUND : -rc;
}

static int open_packed(struct loglines *l, struct error *err)
{
	int in = l->fd;
	int rc;

	l->fd = -1;
	rc = spawn(l, in);
	(void)close(in);
	if (rc == ERR_NOT_FOUND)
		return error_set(
		    err, rc, "%s: needs the program %s", l->path, l->program);
	return error_of(err, rc, l->path);
}

int loglines_open(struct loglines **out, const char *path, struct error *err)
{
	struct loglines *l = fault_alloc() ? NULL : calloc(1, sizeof(*l));
	int rc = 0;

	*out = NULL;
	if (l == NULL)
		return error_of(err, -ENOMEM, path);
	l->path = path;
	l->fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
				       : open(path, O_RDONLY | O_CLOEXEC);
	l->program = unpacker(path);
	if (l->fd < 0)
		rc = error_of(err, -errno, path);
	else if (l->program != NULL)
		rc = open_packed(l, err);
	if (rc != 0)
		loglines_close(&l);
	*out = l;
	return rc;
}

/* 0, or what the program's end means. */
static int wait_for(struct loglines *l, struct error *err)
{
	int status = 0;

	if (l->pid == 0)
		return 0;
	while (waitpid(l->pid, &status, 0) < 0)
		if (errno != EINTR)
			break;
	l->pid = 0;
	return status == 0 ? 0
			   : error_set(err, ERR_CORRUPT,
				 "%s: %s could not unpack it to its end",
				 l->path, l->program);
}

static int fill(struct loglines *l, struct error *err)
{
	ssize_t got;

	memmove(l->data, l->data + l->start, l->n);
	l->start = 0;
	do
		got = read(l->fd, l->data + l->n, DATA_MAX - l->n);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_of(err, -errno, l->path);
	l->n += (size_t)got;
	l->at_end = got == 0;
	return l->at_end ? wait_for(l, err) : 0;
}

/* The next line of what was read, or the start of an overlong one; a last line
 * without newline is one. */
static bool take_line(struct loglines *l, struct str *out)
{
	const char *p = l->data + l->start;
	const char *end = l->n > 0 ? memchr(p, '\n', l->n) : NULL;
	bool rest = l->skipping;
	size_t n = end != NULL ? (size_t)(end - p) : l->n;

	if (end == NULL && !(l->at_end && l->n > 0) && l->n < DATA_MAX)
		return false;
	l->skipping = end == NULL && !l->at_end;
	l->start += end != NULL ? n + 1 : n;
	l->n -= end != NULL ? n + 1 : n;
	*out = (struct str){p, n < LOGLINES_MAX ? n : LOGLINES_MAX};
	return !rest || take_line(l, out);
}

int loglines_next(struct loglines *l, struct str *out, struct error *err)
{
	while (!take_line(l, out)) {
		int rc;

		if (l->at_end)
			return 0;
		rc = fill(l, err);
		if (rc != 0)
			return rc;
	}
	return 1;
}

void loglines_close(struct loglines **l)
{
	if (*l == NULL)
		return;
	if ((*l)->fd >= 0)
		(void)close((*l)->fd);
	(void)wait_for(*l, NULL);
	free(*l);
	*l = NULL;
}
