/* mtalog_files.c - see mtalog_files.h. A rotated file's suffix begins with a
 * digit, so that "maillog.lock" or "maillog.pos" are not taken for one. */
#include "agent/in/mtalog_files.h"

#include "policy/base/str.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void mtalog_file_of(const struct stat *st, struct mtalog_file *out)
{
	out->dev = st->st_dev;
	out->inode = st->st_ino;
	out->size = (uint64_t)st->st_size;
	out->mtime_ns =
	    (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static size_t compressed_suffix(struct str name)
{
	static const struct str known[] = {STR(".gz"), STR(".bz2"), STR(".xz"),
	    STR(".zst"), STR(".lz4"), STR(".Z")};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_ends(name, known[i]))
			return known[i].n;
	return 0;
}

/* While a compressor runs, both are there; the plain one is whole. */
static bool has_plain(const char *path, size_t suffix)
{
	char plain[PATH_MAX];
	struct stat st;
	int n = snprintf(
	    plain, sizeof(plain), "%.*s", (int)(strlen(path) - suffix), path);

	return n > 0 && (size_t)n < sizeof(plain) && stat(plain, &st) == 0;
}

struct walk {
	struct str base; /* of the live file */
	char path[PATH_MAX];
	size_t dir_n; /* of the "folder/" in path */
	mtalog_file_fn *fn;
	void *arg;
};

static int visit(struct walk *w, const char *z)
{
	struct str name = str_of(z), suffix = str_from(name, w->base.n);
	struct mtalog_file file = {.path = w->path};
	struct stat st;
	size_t packed;

	if (!str_starts(name, w->base) ||
	    (suffix.n > 0 && suffix.p[0] != '.' && suffix.p[0] != '-') ||
	    suffix.n == 1 || (suffix.n > 1 && !ascii_is_digit(suffix.p[1])) ||
	    name.n >= sizeof(w->path) - w->dir_n)
		return 0;
	memcpy(w->path + w->dir_n, name.p, name.n);
	w->path[w->dir_n + name.n] = '\0';
	if (stat(w->path, &st) != 0 || !S_ISREG(st.st_mode))
		return 0;
	packed = compressed_suffix(suffix);
	if (packed > 0 && has_plain(w->path, packed))
		return 0;
	mtalog_file_of(&st, &file);
	file.is_live = suffix.n == 0;
	file.compressed = packed > 0;
	return w->fn(w->arg, &file);
}

int mtalog_files_each(
    const char *path, mtalog_file_fn *fn, void *arg, struct error *err)
{
	struct str all = str_of(path);
	size_t slash = str_rfind(all, '/');
	struct walk w = {.fn = fn, .arg = arg};
	struct dirent *d;
	DIR *dir;
	int rc = 0;

	w.dir_n = slash < all.n ? slash + 1 : 2;
	w.base = slash < all.n ? str_from(all, slash + 1) : all;
	if (w.dir_n >= sizeof(w.path))
		return error_set(err, -ENAMETOOLONG, "%s: too long", path);
	memcpy(w.path, slash < all.n ? path : "./", w.dir_n);
	w.path[w.dir_n] = '\0';
	dir = opendir(w.path);
	if (dir == NULL)
		return error_set(
		    err, -errno, "%s: %s", w.path, error_text(-errno));
	while (rc == 0 && (d = readdir(dir)) != NULL)
		rc = visit(&w, d->d_name);
	(void)closedir(dir);
	return rc;
}

int32_t mtalog_utc_offset(int64_t now_ms)
{
	time_t t = (time_t)(now_ms / 1000);
	struct tm tm;

	return localtime_r(&t, &tm) != NULL ? (int32_t)tm.tm_gmtoff : 0;
}
