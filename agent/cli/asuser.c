/* asuser.c - see asuser.h. The child writes lines into a pipe and ends without
 * the parent's buffers and exit handlers. */
#include "agent/cli/asuser.h"

#include "policy/base/file.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SPACE = 16384,
	LINE_MAX_BYTES = 2000,
};

struct user {
	char space[SPACE];
	struct passwd pw;
};

static bool find(const char *name, struct user *out)
{
	struct passwd *found = NULL;

	return getpwnam_r(name, &out->pw, out->space, sizeof(out->space),
		   &found) == 0 &&
	       found != NULL;
}

bool asuser_exists(const char *name)
{
	struct user u;

	return find(name, &u);
}

static int become(const struct user *u)
{
	if (geteuid() != 0)
		return geteuid() == u->pw.pw_uid ? 0 : -EPERM;
	if (initgroups(u->pw.pw_name, u->pw.pw_gid) != 0 ||
	    setresgid(u->pw.pw_gid, u->pw.pw_gid, u->pw.pw_gid) != 0 ||
	    setresuid(u->pw.pw_uid, u->pw.pw_uid, u->pw.pw_uid) != 0)
		return -errno;
	return 0;
}

/* arg: the pipe. */
static void send_line(void *arg, const char *line)
{
	struct str s = str_cut(str_of(line), 0, LINE_MAX_BYTES);
	const int *fd = arg;

	if (file_write_all(*fd, s) != 0 || file_write_all(*fd, STR("\n")) != 0)
		_exit(EXIT_FAILURE);
}

static void read_lines(FILE *f, asuser_emit *emit, void *arg)
{
	char line[LINE_MAX_BYTES + 2];

	while (fgets(line, sizeof(line), f) != NULL) {
		line[str_find(str_of(line), 0, '\n')] = '\0';
		emit(arg, line);
	}
}

static int collect(int fd, pid_t pid, asuser_emit *emit, void *arg)
{
	FILE *f = fdopen(fd, "r");
	int status = 0;

	if (f != NULL) {
		read_lines(f, emit, arg);
		(void)fclose(f);
	} else {
		(void)close(fd);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (f == NULL || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return ERR_UNAVAILABLE;
	return 0;
}

int asuser_run(const char *name,
    void (*fn)(void *fn_arg, asuser_emit *emit, void *arg), void *fn_arg,
    asuser_emit *emit, void *arg, struct error *err)
{
	struct user u;
	int fd[2], rc;
	pid_t pid;

	if (!find(name, &u))
		return error_set(err, ERR_NOT_FOUND, "no user %s", name);
	if (pipe(fd) != 0)
		return error_set(err, -errno, "pipe: %s", error_text(-errno));
	pid = fork();
	if (pid == 0) {
		(void)close(fd[0]);
		if (become(&u) != 0)
			_exit(EXIT_FAILURE);
		fn(fn_arg, send_line, &fd[1]);
		_exit(EXIT_SUCCESS);
	}
	(void)close(fd[1]);
	if (pid < 0) {
		(void)close(fd[0]);
		return error_set(err, -errno, "fork: %s", error_text(-errno));
	}
	rc = collect(fd[0], pid, emit, arg);
	return rc == 0 ? 0
		       : error_set(err, rc, "cannot look as user %s: %s", name,
			     error_text(rc));
}
