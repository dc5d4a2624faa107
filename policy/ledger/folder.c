/* folder.c - see folder.h.
 *
 * The list of claimed folders is the one mutable global of policy/ledger: LMDB
 * breaks silently when a process opens a file twice, because closing either
 * drops the process's fcntl() locks on both. */
#include "policy/ledger/folder.h"

#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/ledger/turns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const file_names[] = {"data.mdb", "lock.mdb", TURNS_FILE};
enum {
	DATA,
	LMDBS = 2, /* the other gives itself its mode */
	FILES = sizeof(file_names) / sizeof(file_names[0]),
	LOOK_MS = 10, /* at a folder that another process is making */
	LOOKS = 100,
};

struct folder {
	struct folder *next;
	dev_t dev;
	ino_t ino;
	int making; /* holds the lock on the folder; -1 */
	bool absent[FILES];
	char path[PATH_MAX];
};

static pthread_mutex_t claims_lock = PTHREAD_MUTEX_INITIALIZER;
static struct folder *claims;

static int failed(const char *path, struct error *err)
{
	int rc = errno == EROFS || errno == ENOSPC || errno == EDQUOT ? ERR_FULL
								      : -errno;

	return error_set(err, rc, "%s: %s", path, error_text(-errno));
}

static int make(const char *dir, mode_t mode, struct error *err)
{
	mode_t full = S_ISGID | mode | ((mode & 0444) >> 2);

	/* Closed to others until it has its mode, which mkdir() does not give:
	 * it applies the umask and leaves the set-group-id bit out. */
	if (mkdir(dir, 0700) != 0)
		return errno == EEXIST ? 0 : failed(dir, err);
	return chmod(dir, full) == 0 ? 0 : failed(dir, err);
}

/* Between mkdir() and chmod() of another the folder is closed to us. */
static int open_made(const char *dir, struct error *err)
{
	static const struct timespec pause = {0, LOOK_MS * 1000000};
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; fd < 0 && errno == EACCES && i < LOOKS; i++) {
		(void)nanosleep(&pause, NULL);
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd >= 0 ? fd : failed(dir, err);
}

/* One makes the files, with modes and all; the others, which may be of other
 * users and could neither open them before nor change modes, find them made.
 * flock(), which fcntl()'s locks of LMDB do not meet. */
static int lock_making(struct folder *f, struct error *err)
{
	int rc = open_made(f->path, err);

	if (rc < 0)
		return rc;
	f->making = rc;
	do
		rc = flock(f->making, LOCK_EX);
	while (rc != 0 && errno == EINTR);
	return rc == 0 ? 0 : failed(f->path, err);
}

static void end_making(struct folder *f)
{
	if (f->making >= 0)
		(void)close(f->making);
	f->making = -1;
}

static int file_path(
    const char *dir, size_t i, char out[PATH_MAX], struct error *err)
{
	int n = snprintf(out, PATH_MAX, "%s/%s", dir, file_names[i]);

	if (n >= 0 && n < PATH_MAX)
		return 0;
	return error_set(err, -ENAMETOOLONG, "%s: too long", dir);
}

/* Fills in the identity of the folder and what is missing in it. */
static int look(struct folder *f, struct error *err)
{
	char path[PATH_MAX];
	struct stat st;
	int rc;

	if (stat(f->path, &st) != 0)
		return failed(f->path, err);
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	for (size_t i = 0; i < FILES; i++) {
		rc = file_path(f->path, i, path, err);
		if (rc != 0)
			return rc;
		f->absent[i] = stat(path, &st) != 0 && errno == ENOENT;
	}
	return 0;
}

static int add(struct folder *f, struct error *err)
{
	struct folder *other;
	int rc = 0;

	(void)pthread_mutex_lock(&claims_lock);
	for (other = claims; other != NULL; other = other->next)
		if (other->dev == f->dev && other->ino == f->ino)
			break;
	if (other != NULL) {
		rc = error_set(err, ERR_EXISTS,
		    "%s: this process has the ledger open already", f->path);
	} else {
		f->next = claims;
		claims = f;
	}
	(void)pthread_mutex_unlock(&claims_lock);
	return rc;
}

int folder_claim(
    struct folder **out, const char *dir, unsigned create, struct error *err)
{
	struct folder *f;
	size_t n = strlen(dir);
	int rc = 0;

	*out = NULL;
	if (n >= PATH_MAX)
		return error_set(err, -ENAMETOOLONG, "%.60s...: too long", dir);
	f = fault_alloc() ? NULL : calloc(1, sizeof(*f));
	if (f == NULL)
		return error_set(err, -ENOMEM, "%s: out of memory", dir);
	memcpy(f->path, dir, n + 1);
	f->making = -1;
	if (create != 0)
		rc = make(dir, (mode_t)create, err);
	if (rc == 0 && create != 0)
		rc = lock_making(f, err);
	if (rc == 0)
		rc = look(f, err);
	if (rc == 0)
		rc = add(f, err);
	if (rc != 0) {
		end_making(f);
		free(f);
		return rc;
	}
	*out = f;
	return 0;
}

void folder_release(struct folder **f)
{
	struct folder **at;

	if (*f == NULL)
		return;
	end_making(*f);
	(void)pthread_mutex_lock(&claims_lock);
	for (at = &claims; *at != *f; at = &(*at)->next)
		;
	*at = (*f)->next;
	(void)pthread_mutex_unlock(&claims_lock);
	free(*f);
	*f = NULL;
}

const char *folder_path(const struct folder *f)
{
	return f->path;
}

bool folder_is_new(const struct folder *f)
{
	return f->absent[DATA];
}

int folder_made(struct folder *f, unsigned mode, struct error *err)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < LMDBS; i++) {
		int rc = file_path(f->path, i, path, err);

		if (rc != 0)
			return rc;
		if (f->absent[i] && chmod(path, (mode_t)mode) != 0 &&
		    errno != ENOENT)
			return failed(path, err);
	}
	end_making(f);
	return 0;
}

static bool is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool empty = d != NULL;

	while (empty && (e = readdir(d)) != NULL)
		empty = str_eq(str_of(e->d_name), STR(".")) ||
			str_eq(str_of(e->d_name), STR(".."));
	if (d != NULL)
		(void)closedir(d);
	return empty;
}

int folder_make_empty(const char *dir, unsigned mode, struct error *err)
{
	int rc = make(dir, (mode_t)mode, err);

	if (rc == 0 && !is_empty(dir))
		rc = error_set(err, ERR_EXISTS, "%s: not an empty folder", dir);
	return rc;
}

int folder_finish(const char *dir, unsigned mode, struct error *err)
{
	char path[PATH_MAX];
	int fd, rc = file_path(dir, DATA, path, err);

	if (rc != 0)
		return rc;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return failed(path, err);
	if (fault_write())
		rc = error_set(err, ERR_FULL, "%s: no space", path);
	else if (fchmod(fd, (mode_t)mode) != 0 || fsync(fd) != 0)
		rc = failed(path, err);
	(void)close(fd);
	return rc == 0 ? file_sync_dir(dir, err) : rc;
}

void folder_clear(const char *dir)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < FILES; i++)
		if (file_path(dir, i, path, NULL) == 0)
			(void)unlink(path);
}

void folder_remove(const char *dir)
{
	folder_clear(dir);
	(void)rmdir(dir);
}
