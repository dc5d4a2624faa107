/* maildir_deliver.c - a message into a Maildir; see maildir.h. */
#include "agent/in/maildir.h"

#include "policy/base/clock.h"
#include "policy/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	NAME_SIZE = 100,
	CHUNK = 32768,
};

static int make_folders(const char *path, struct error *err)
{
	static const char *const names[] = {"", "/tmp", "/new", "/cur"};
	char dir[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		int rc, n = snprintf(dir, sizeof(dir), "%s%s", path, names[i]);
		if (n < 0 || n >= (int)sizeof(dir))
			return error_set(err, -ENAMETOOLONG, "path too long");
		rc = file_mkdir(dir, 0700, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* Unique for this host: time, process, random bits. */
static int make_name(char out[NAME_SIZE], struct error *err)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return error_set(err, -EIO, "no random bytes");
	(void)snprintf(out, NAME_SIZE, "%lld.P%ldR%016llx.tendril",
	    (long long)clock_now_ms() / 1000, (long)getpid(),
	    (unsigned long long)random);
	return 0;
}

/* ERR_SYNTAX when there is nothing to copy. */
static int copy(int from, int to)
{
	char chunk[CHUNK];
	bool any = false;
	ssize_t n;
	int rc;

	for (;;) {
		n = read(from, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		rc = file_write_all(to, (struct str){chunk, (size_t)n});
		if (rc != 0)
			return rc;
		any = true;
	}
	if (n < 0)
		return -errno;
	return any ? 0 : ERR_SYNTAX;
}

static int write_tmp(const char *path, struct str first, int from)
{
	int rc, fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);

	if (fd < 0)
		return -errno;
	rc = file_write_all(fd, first);
	if (rc == 0)
		rc = copy(from, fd);
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc != 0)
		(void)unlink(path);
	return rc;
}

int maildir_deliver(
    struct str path, struct str first, int fd, struct error *err)
{
	char dir[PATH_MAX], name[NAME_SIZE], tmp[PATH_MAX], new[PATH_MAX];
	int n = snprintf(dir, sizeof(dir), "%.*s", STR_ARG(path));
	int a, b, rc;

	if (n < 0 || n >= (int)sizeof(dir))
		return error_set(err, -ENAMETOOLONG, "path too long");
	rc = make_name(name, err);
	if (rc == 0)
		rc = make_folders(dir, err);
	if (rc != 0)
		return rc;
	a = snprintf(tmp, sizeof(tmp), "%s/tmp/%s", dir, name);
	b = snprintf(new, sizeof(new), "%s/new/%s", dir, name);
	if (a < 0 || a >= (int)sizeof(tmp) || b < 0 || b >= (int)sizeof(new))
		return error_set(err, -ENAMETOOLONG, "path too long");
	rc = write_tmp(tmp, first, fd);
	if (rc == ERR_SYNTAX)
		return error_set(err, rc, "no message was given");
	if (rc == 0 && rename(tmp, new) != 0) {
		rc = -errno;
		(void)unlink(tmp);
	}
	if (rc != 0)
		return error_set(err, rc, "%s: %s", tmp, error_text(rc));
	return file_sync_parent(new, err);
}
