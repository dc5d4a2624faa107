/* mtalog_journal_dirs.c - see mtalog_journal_dirs.h. A folder has files, or
 * subfolders named after a machine that have. */
#include "agent/in/mtalog_journal_dirs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int refused(struct error *err, int code, const char *path)
{
	if (code != -EACCES && code != -EPERM)
		return error_of(err, code, path);
	return error_set(err, -EACCES,
	    "%s: %s; the journal is for root and the members of the group "
	    "systemd-journal (on Debian adm, too)",
	    path, error_text(-EACCES));
}

static bool is_journal(struct str name)
{
	return (str_ends(name, STR(".journal")) ||
		   str_ends(name, STR(".journal~"))) &&
	       !str_starts(name, STR("user-"));
}

static int look_into(const char *path, bool deeper, struct error *err);

/* What vanishes meanwhile was rotated or vacuumed. */
static int look_at(
    const char *dir, const char *name, bool deeper, struct error *err)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name), rc;

	if (n < 0 || (size_t)n >= sizeof(path))
		return error_set(err, -ENAMETOOLONG, "%s: too long", dir);
	if (is_journal(str_of(name)) &&
	    faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0)
		return errno == ENOENT ? 0 : refused(err, -errno, path);
	if (!deeper || stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return 0;
	rc = look_into(path, false, err);
	return rc == -ENOENT ? 0 : rc;
}

static int look_into(const char *path, bool deeper, struct error *err)
{
	DIR *dir = opendir(path);
	struct dirent *d;
	int rc = 0;

	if (dir == NULL)
		return refused(err, -errno, path);
	while (rc == 0 && (d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.')
			rc = look_at(path, d->d_name, deeper, err);
	(void)closedir(dir);
	return rc;
}

int mtalog_journal_readable(struct str dir, struct error *err)
{
	static const char *const own[] = {
	    "/var/log/journal", "/run/log/journal"};
	size_t missing = 0, n_own = sizeof(own) / sizeof(own[0]);
	int rc = 0;

	if (dir.n > 0)
		return look_into(dir.p, true, err);
	for (size_t i = 0; rc == 0 && i < n_own; i++) {
		rc = look_into(own[i], true, err);
		missing += rc == -ENOENT;
		rc = rc == -ENOENT ? 0 : rc;
	}
	if (rc == 0 && missing == n_own)
		return error_set(err, -ENOENT,
		    "there is no systemd journal on this machine, neither %s "
		    "nor %s",
		    own[0], own[1]);
	return rc;
}
