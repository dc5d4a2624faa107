/* maildir_aside.c - see maildir_aside.h. */
#include "agent/in/maildir_aside.h"

#include "agent/in/maildir.h"
#include "policy/base/clock.h"
#include "policy/base/file.h"
#include "policy/base/when.h"
#include "policy/mail/msgid.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILE_NAME = 32,
	FILES_MAX = 2 * MAILDIR_ASIDE_MAX, /* each has its reason */
	KEEP_DAYS = 30,
	TMP_HOURS = 36,
};

static int write_reason(int dir, const char *name, const char *reason)
{
	struct buf b;
	int rc, fd = openat(
		    dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	buf_init(&b, 4096);
	buf_printf(&b, "%s\n", reason);
	rc = buf_error(&b);
	if (rc == 0)
		rc = file_write_all(fd, buf_str(&b));
	buf_fini(&b);
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc != 0) /* disk full: it is tried again, by another name */
		(void)unlinkat(dir, name, 0);
	return rc;
}

int maildir_aside(int root, int from, const char *name, const char *reason)
{
	char file[FILE_NAME], note[FILE_NAME];
	uint32_t random = 0;
	unsigned long long id;
	int rc, dir;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	id = msgid_make(clock_now_ms(), random);
	(void)snprintf(file, sizeof(file), "%016llx.eml", id);
	(void)snprintf(note, sizeof(note), "%016llx.reason", id);
	if (mkdirat(root, "unparsed", 0700) != 0 && errno != EEXIST)
		return -errno;
	dir = openat(root, "unparsed", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	rc = write_reason(dir, note, reason);
	if (rc == 0 && renameat(from, name, dir, file) != 0)
		rc = -errno;
	(void)close(dir);
	return rc;
}

/* --- what has become too old or too much --- */

struct kept {
	char name[FILE_NAME];
	int64_t bytes;
};

struct sweep {
	int64_t before_ms, bytes;
	size_t n;
	struct kept *v; /* FILES_MAX, or NULL: not counted */
};

static int by_age(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int by_size(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;

	return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

/* A folder that has been put here as a message cannot be unlinked so. */
static void remove_one(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) != 0 && errno == EISDIR)
		(void)unlinkat(dir, name, AT_REMOVEDIR);
}

/* Too many: half of the room is made, oldest first. */
static void make_room(int dir, struct sweep *s)
{
	qsort(s->v, s->n, sizeof(*s->v), by_age);
	for (size_t i = 0; i < s->n / 2; i++) {
		remove_one(dir, s->v[i].name);
		s->bytes -= s->v[i].bytes;
	}
	memmove(s->v, s->v + s->n / 2, (s->n - s->n / 2) * sizeof(*s->v));
	s->n -= s->n / 2;
}

/* The reasons of those that go stay for a while: they are small. */
static void save_disk(int dir, struct sweep *s)
{
	if (s->v == NULL || s->bytes <= MAILDIR_ASIDE_BYTES)
		return;
	qsort(s->v, s->n, sizeof(*s->v), by_size);
	for (size_t i = 0; i < s->n && s->bytes > MAILDIR_ASIDE_BYTES; i++) {
		remove_one(dir, s->v[i].name);
		s->bytes -= s->v[i].bytes;
	}
}

/* When it was set aside, as its name says: the file's own time is when it was
 * delivered. What is not named so, or stands elsewhere, has that only. */
static int64_t since_ms(const char *name, const struct stat *st)
{
	char *end;
	unsigned long long id = strtoull(name, &end, 16);

	if (end == name + 16 &&
	    (strcmp(end, ".eml") == 0 || strcmp(end, ".reason") == 0))
		return msgid_time_ms(id);
	return (int64_t)st->st_mtime * 1000;
}

static void sweep_one(int dir, const char *name, struct sweep *s)
{
	struct stat st;

	if (name[0] == '.' || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	if (since_ms(name, &st) < s->before_ms) {
		remove_one(dir, name);
		return;
	}
	if (s->v == NULL || strlen(name) >= FILE_NAME)
		return;
	if (s->n == FILES_MAX)
		make_room(dir, s);
	memcpy(s->v[s->n].name, name, strlen(name) + 1);
	s->v[s->n++].bytes = st.st_size;
	s->bytes += st.st_size;
}

static void sweep_folder(int root, const char *name, struct sweep *s)
{
	int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((e = readdir(d)) != NULL)
		sweep_one(fd, e->d_name, s);
	save_disk(fd, s);
	(void)closedir(d);
}

void maildir_sweep(int root, int64_t now_ms)
{
	struct sweep aside = {.before_ms = now_ms - KEEP_DAYS * WHEN_DAY_MS};
	struct sweep tmp = {.before_ms = now_ms - TMP_HOURS * WHEN_HOUR_MS};

	aside.v = calloc(FILES_MAX, sizeof(*aside.v));
	sweep_folder(root, "unparsed", &aside);
	free(aside.v);
	sweep_folder(root, "tmp", &tmp);
}
