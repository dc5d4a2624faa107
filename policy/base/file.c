/* file.c - see file.h. */
#include "policy/base/file.h"

#include "policy/base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CHUNK = 65536
};

int file_read_fd(int fd, struct buf *out, struct error *err)
{
	for (;;) {
		size_t had = out->n, room = out->max - out->n;
		char *p = buf_extend(out, room < CHUNK ? room : CHUNK);
		char extra;
		ssize_t n;

		if (p == NULL)
			return error_set(err, buf_error(out), "out of memory");
		n = room == 0 ? read(fd, &extra, 1)
			      : read(fd, p, room < CHUNK ? room : CHUNK);
		buf_truncate(out, n > 0 && room > 0 ? had + (size_t)n : had);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(
			    err, -errno, "read: %s", error_text(-errno));
		if (n == 0)
			return 0;
		if (room == 0)
			return error_set(
			    err, ERR_LIMIT, "larger than %zu bytes", out->max);
	}
}

static int read_path(
    const char *path, int flags, struct buf *out, struct error *err)
{
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC | flags);

	if (fd < 0)
		return error_set(
		    err, -errno, "%s: %s", path, error_text(-errno));
	rc = file_read_fd(fd, out, err);
	if (rc != 0)
		error_prefix(err, "%s", path);
	(void)close(fd);
	return rc;
}

int file_read(const char *path, struct buf *out, struct error *err)
{
	return read_path(path, O_NONBLOCK, out, err);
}

int file_read_pipe(const char *path, struct buf *out, struct error *err)
{
	return read_path(path, 0, out, err);
}

int file_write_all(int fd, struct str data)
{
	if (fault_write())
		return -ENOSPC;
	while (data.n > 0) {
		ssize_t n = write(fd, data.p, data.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data = str_from(data, (size_t)n);
	}
	return 0;
}

int file_sync_dir(const char *dir, struct error *err)
{
	int rc = 0, fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		rc = error_set(err, -errno, "%s: %s", dir, error_text(-errno));
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

int file_sync_parent(const char *path, struct error *err)
{
	char dir[PATH_MAX];
	size_t at = str_rfind(str_of(path), '/');

	if (path[at] == '\0')
		return file_sync_dir(".", err);
	if (at >= sizeof(dir))
		return error_set(err, -ENAMETOOLONG, "%s: too long", path);
	memcpy(dir, path, at);
	dir[at] = '\0';
	return file_sync_dir(at > 0 ? dir : "/", err);
}

static int write_temp(const char *tmp, struct str data, unsigned mode)
{
	int rc, fd;

	(void)unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
	if (fd < 0)
		return -errno;
	rc = file_write_all(fd, data);
	if (rc == 0 && fchmod(fd, (mode_t)mode) != 0) /* umask */
		rc = -errno;
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc != 0)
		(void)unlink(tmp);
	return rc;
}

static int temp_name(const char *path, char tmp[PATH_MAX])
{
	int n = snprintf(tmp, PATH_MAX, "%s.%ld.tmp", path, (long)gettid());

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int file_write_atomic(
    const char *path, struct str data, unsigned mode, struct error *err)
{
	char tmp[PATH_MAX];
	int rc = temp_name(path, tmp);

	if (rc == 0)
		rc = write_temp(tmp, data, mode);
	if (rc == 0 && rename(tmp, path) != 0) {
		rc = -errno;
		(void)unlink(tmp);
	}
	if (rc != 0)
		return error_set(err, rc, "%s: %s", path, error_text(rc));
	return file_sync_parent(path, err);
}

int file_create_durable(
    const char *path, struct str data, unsigned mode, struct error *err)
{
	char tmp[PATH_MAX];
	int rc = temp_name(path, tmp);

	if (rc == 0)
		rc = write_temp(tmp, data, mode);
	if (rc == 0) {
		if (link(tmp, path) != 0)
			rc = errno == EEXIST ? ERR_EXISTS : -errno;
		(void)unlink(tmp);
	}
	if (rc != 0)
		return error_set(err, rc, "%s: %s", path, error_text(rc));
	return file_sync_parent(path, err);
}

void file_raise_limit(unsigned long want)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur >= want)
		return;
	l.rlim_cur = l.rlim_max < want ? l.rlim_max : want;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

int file_mkdir(const char *dir, unsigned mode, struct error *err)
{
	if (mkdir(dir, (mode_t)mode) == 0 || errno == EEXIST)
		return 0;
	return error_set(err, -errno, "%s: %s", dir, error_text(-errno));
}
