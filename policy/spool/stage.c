/* stage.c - see stage.h. The lock is flock(2) on the folder: it ends with its
 * process, however that ends. */
#include "policy/spool/stage.h"

#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/spool/spool_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ID_MAX = 100
};

struct stage {
	struct spool *spool;
	int fd;
	char dir[PATH_MAX - 128];
};

static int fail(struct error *err, int rc, const char *path)
{
	return error_set(err, spool_code(rc), "%s: %s", path, error_text(rc));
}

static int lock(struct stage *st, struct error *err)
{
	st->fd = open(st->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (st->fd < 0)
		return fail(err, -errno, st->dir);
	if (flock(st->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK
		   ? error_set(err, ERR_UNAVAILABLE,
			 "%s: another process is at work there", st->dir)
		   : fail(err, -errno, st->dir);
}

int stage_open(struct stage **out, struct spool *s, struct error *err)
{
	struct stage *st = fault_alloc() ? NULL : calloc(1, sizeof(*st));
	int rc;

	*out = NULL;
	if (st == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	st->spool = s;
	st->fd = -1;
	rc = snprintf(st->dir, sizeof(st->dir), "%s/adopting",
		 s->dir[SPOOL_COPIES]) < (int)sizeof(st->dir)
		 ? spool_make_dirs(s, st->dir, err)
		 : error_set(err, ERR_LIMIT, "state-dir is too long");
	if (rc == 0)
		rc = lock(st, err);
	if (rc != 0)
		stage_close(&st);
	*out = st;
	return rc;
}

void stage_close(struct stage **st)
{
	if (*st == NULL)
		return;
	if ((*st)->fd >= 0)
		(void)close((*st)->fd);
	free(*st);
	*st = NULL;
}

static bool is_queue_id(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]))
			return false;
	return s.n > 0 && s.n <= ID_MAX;
}

static int path_of(const struct stage *st, struct str queue_id,
    struct spool_path *out, struct error *err)
{
	if (!is_queue_id(queue_id))
		return error_set(err, ERR_SYNTAX, "this is no queue id");
	(void)snprintf(out->z, sizeof(out->z), "%s/%.*s" SPOOL_SUFFIX, st->dir,
	    STR_ARG(queue_id));
	return 0;
}

int stage_add(struct stage *st, struct str queue_id, const struct envelope *e,
    const struct spool_message *m, struct error *err)
{
	struct spool_path temp, to;
	int rc = path_of(st, queue_id, &to, err);

	if (rc == 0)
		rc = spool_write_temp(
		    st->spool, SPOOL_UNDECIDED, e, m, &temp, err);
	if (rc != 0)
		return rc;
	if (link(temp.z, to.z) != 0)
		rc = errno == EEXIST
			 ? error_set(err, ERR_EXISTS, "%s: is there", to.z)
			 : fail(err, -errno, to.z);
	else
		rc = file_sync_dir(st->dir, err);
	(void)unlink(temp.z);
	return rc;
}

int stage_has(struct stage *st, struct str queue_id, int64_t *added_ms_out,
    struct error *err)
{
	struct spool_path p;
	struct stat s;
	int rc = path_of(st, queue_id, &p, err);

	if (rc != 0)
		return rc;
	*added_ms_out = 0;
	if (stat(p.z, &s) != 0)
		return errno == ENOENT ? 0 : fail(err, -errno, p.z);
	*added_ms_out =
	    (int64_t)s.st_mtim.tv_sec * 1000 + s.st_mtim.tv_nsec / 1000000;
	return 1;
}

int stage_remove(struct stage *st, struct str queue_id, struct error *err)
{
	struct spool_path p;
	int rc = path_of(st, queue_id, &p, err);

	if (rc != 0)
		return rc;
	if (unlink(p.z) != 0)
		return errno == ENOENT ? 0 : fail(err, -errno, p.z);
	return file_sync_dir(st->dir, err);
}

int stage_commit(struct stage *st, struct str queue_id, int64_t now_ms,
    uint64_t *id_out, struct error *err)
{
	struct spool_path from;
	int rc = path_of(st, queue_id, &from, err);

	if (rc == 0)
		rc = spool_move_in(
		    st->spool, from.z, SPOOL_UNDECIDED, now_ms, id_out, err);
	return rc == 0 ? file_sync_dir(st->dir, err) : rc;
}

int stage_each(
    struct stage *st, stage_emit_fn *emit, void *arg, struct error *err)
{
	DIR *d = opendir(st->dir);
	const struct dirent *de;
	int rc = 0;

	if (d == NULL)
		return fail(err, -errno, st->dir);
	while (rc == 0 && (errno = 0, de = readdir(d)) != NULL) {
		struct str name = str_of(de->d_name);
		struct str id =
		    str_cut(name, 0, name.n - (sizeof(SPOOL_SUFFIX) - 1));

		if (str_ends(name, STR(SPOOL_SUFFIX)) && is_queue_id(id))
			rc = emit(arg, id);
	}
	if (rc == 0 && errno != 0)
		rc = fail(err, -errno, st->dir);
	(void)closedir(d);
	return rc;
}
