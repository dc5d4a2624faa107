/* spool_list.c - what is in the folders of the spool; see spool.h. */
#include "policy/base/when.h"
#include "policy/spool/spool_internal.h"

#include "policy/base/codec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SWEEP_AGE_MS = WHEN_HOUR_MS
};

/* One file of a folder; id 0 for temporary files. */
struct entry {
	int dir_fd;
	const char *name;
	uint64_t id;
	bool temporary;
	int64_t changed_ms;
};

typedef int entry_fn(void *arg, const struct entry *e);

static bool read_id(struct str name, uint64_t *out)
{
	unsigned char b[8];

	if (name.n != SPOOL_NAME + sizeof(SPOOL_SUFFIX) - 1 ||
	    !str_ends(name, STR(SPOOL_SUFFIX)) ||
	    codec_unhex(str_cut(name, 0, SPOOL_NAME), sizeof(b), b) != 0)
		return false;
	*out = codec_get_u64(b);
	return *out != 0;
}

/* False for what is none of ours: "..", folders, an admin's notes. */
static bool look(struct entry *e)
{
	struct str name = str_of(e->name);
	struct stat st;

	e->id = 0;
	e->temporary = str_ends(name, STR(SPOOL_TEMP));
	if (!e->temporary && !read_id(name, &e->id))
		return false;
	if (fstatat(e->dir_fd, e->name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode))
		return false;
	/* ctime: link(2) renews it, and a copy may be a second name. */
	e->changed_ms =
	    (int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
	return true;
}

static int each_entry(
    const char *dir, entry_fn *fn, void *arg, struct error *err)
{
	DIR *d = opendir(dir);
	const struct dirent *de;
	int rc = 0;

	if (d == NULL)
		return errno == ENOENT ? 0
				       : error_set(err, spool_code(-errno),
					     "%s: %s", dir, error_text(-errno));
	/* readdir() is safe here: nobody else has this stream. */
	while (rc == 0 && (errno = 0, de = readdir(d)) != NULL) {
		struct entry e = {.dir_fd = dirfd(d), .name = de->d_name};
		if (look(&e))
			rc = fn(arg, &e);
	}
	if (rc == 0 && errno != 0)
		rc = error_set(
		    err, spool_code(-errno), "%s: %s", dir, error_text(-errno));
	(void)closedir(d);
	return rc;
}

struct each {
	spool_emit_fn *emit;
	void *arg;
};

static int emit_copy(void *arg, const struct entry *e)
{
	const struct each *each = arg;

	return e->temporary ? 0 : each->emit(each->arg, e->id, e->changed_ms);
}

int spool_each(struct spool *s, enum spool_place place, spool_emit_fn *emit,
    void *arg, struct error *err)
{
	struct each each = {emit, arg};

	return each_entry(s->dir[place], emit_copy, &each, err);
}

struct sweep {
	int64_t before_ms;
	spool_has_row_fn *has_row;
	void *arg;
	size_t removed;
	bool undecided; /* those have no row by nature */
};

static int sweep_entry(void *arg, const struct entry *e)
{
	struct sweep *w = arg;
	int has = 0;

	if (e->changed_ms >= w->before_ms)
		return 0;
	if (!e->temporary)
		has = w->undecided ? 1 : w->has_row(w->arg, e->id);
	if (has != 0)
		return has < 0 ? has : 0;
	if (unlinkat(e->dir_fd, e->name, 0) == 0)
		w->removed++;
	return 0;
}

int spool_sweep(struct spool *s, int64_t now_ms, spool_has_row_fn *has_row,
    void *arg, size_t *removed_out, struct error *err)
{
	struct sweep w = {now_ms - SWEEP_AGE_MS, has_row, arg, 0, false};
	int rc = each_entry(s->dir[SPOOL_COPIES], sweep_entry, &w, err);

	w.undecided = true;
	if (rc == 0)
		rc = each_entry(s->dir[SPOOL_UNDECIDED], sweep_entry, &w, err);
	*removed_out = w.removed;
	return rc;
}
