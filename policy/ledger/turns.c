/* turns.c - see turns.h.
 *
 * The locks are open file description locks: those of fcntl() proper would go
 * when anything else in the process closed the file, and could not tell two
 * doors of one process apart. Read locks, so that several may show one sign;
 * looking is asking whether a write lock could be had. Waiting is looking again
 * every LOOK_US: waits are short and have an end, which a lock that is waited
 * for would not have while its holder is stopped. */
#include "policy/ledger/turns.h"

#include "policy/base/fault.h"
#include "policy/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOK_US = 50,
	MODE = 0660,        /* as the ledger's files */
	WRITE_US = 1000000, /* the content is as exact as that */
};

struct turns {
	int fd;
	enum lane lane; /* of the sign that is shown; LANE_NONE */
	unsigned ahead; /* times in a row that one behind was passed */
	int64_t written_us;
};

static int failed(const char *path, struct error *err)
{
	int rc = errno == EROFS || errno == ENOSPC || errno == EDQUOT ? ERR_FULL
								      : -errno;

	return error_set(err, rc, "%s: %s", path, error_text(-errno));
}

/* It gets its name with its mode, whatever the umask: the other daemon, of
 * another user, may open it at once. */
static int make_file(const char *path, struct error *err)
{
	struct error why = {0};
	int rc = file_create_durable(path, STR(""), MODE, &why);

	if (rc == 0 || rc == ERR_EXISTS)
		return 0;
	if (rc == -EROFS || rc == -ENOSPC || rc == -EDQUOT)
		rc = ERR_FULL;
	return error_set(err, rc, "%s", why.text);
}

static int open_file(const char *path, int *fd_out, struct error *err)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		int rc = make_file(path, err);

		if (rc != 0)
			return rc;
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	*fd_out = fd;
	return fd >= 0 ? 0 : failed(path, err);
}

int turns_open(struct turns **out, const char *dir, struct error *err)
{
	struct turns *t = fault_alloc() ? NULL : calloc(1, sizeof(*t));
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, TURNS_FILE), rc;

	*out = NULL;
	if (t == NULL)
		return error_set(err, -ENOMEM, "turns: out of memory");
	t->lane = LANE_NONE;
	t->written_us = LANES_NEVER_US;
	if (n < 0 || (size_t)n >= sizeof(path))
		rc = error_set(err, -ENAMETOOLONG, "%s: too long", dir);
	else
		rc = open_file(path, &t->fd, err);
	if (rc != 0) {
		free(t);
		return rc;
	}
	*out = t;
	return 0;
}

void turns_close(struct turns **t)
{
	if (*t == NULL)
		return;
	(void)close((*t)->fd);
	free(*t);
	*t = NULL;
}

static struct flock byte_of(enum lane lane, short type)
{
	return (struct flock){.l_type = type,
	    .l_whence = SEEK_SET,
	    .l_start = (off_t)lane,
	    .l_len = 1};
}

bool turns_waits(const struct turns *t, enum lane lane)
{
	struct flock f = byte_of(lane, F_WRLCK);

	return fcntl(t->fd, F_OFD_GETLK, &f) == 0 && f.l_type != F_UNLCK;
}

static int64_t mono_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void let_go_first(const struct turns *t, enum lane lane, int64_t most_us)
{
	static const struct timespec pause = {0, LOOK_US * 1000};
	int64_t until_us = mono_us() + most_us;

	while (turns_waits(t, lane) && mono_us() < until_us)
		(void)nanosleep(&pause, NULL);
}

int64_t turns_front_us(const struct turns *t, int64_t now_us)
{
	int64_t at_us;

	if (pread(t->fd, &at_us, sizeof(at_us), 0) != sizeof(at_us) ||
	    at_us > now_us) /* of an earlier start of the machine */
		return LANES_NEVER_US;
	return at_us;
}

/* Where that fails, the disk is full and decisions fail too. */
static void write_time(struct turns *t, int64_t now_us)
{
	if (now_us - t->written_us < WRITE_US)
		return;
	t->written_us = now_us;
	if (pwrite(t->fd, &now_us, sizeof(now_us), 0) < 0)
		return;
}

static void pass_or_wait(struct turns *t)
{
	if (!turns_waits(t, LANE_BACK)) {
		t->ahead = 0;
	} else if (++t->ahead > TURNS_AHEAD) {
		let_go_first(t, LANE_BACK, TURNS_LET_US);
		t->ahead = 0;
	}
}

void turns_ask(struct turns *t, enum lane lane, int64_t now_us)
{
	struct flock f = byte_of(lane, F_RDLCK);

	if (lane == LANE_BACK) {
		let_go_first(t, LANE_FRONT, TURNS_WAY_US);
	} else {
		write_time(t, now_us);
		pass_or_wait(t);
	}
	if (fcntl(t->fd, F_OFD_SETLK, &f) == 0)
		t->lane = lane;
}

void turns_end(struct turns *t)
{
	struct flock f = byte_of(t->lane, F_UNLCK);

	if (t->lane == LANE_NONE)
		return;
	(void)fcntl(t->fd, F_OFD_SETLK, &f);
	t->lane = LANE_NONE;
}
