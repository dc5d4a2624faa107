/* test_sync.c - the order in which files become durable. A crash cannot be
 * made here; what can be seen is that the bytes are synced before the name is
 * given, and the folder after. This program's own fsync(), link() and rename()
 * stand in front of the C library's and note each call. */
#include "tests/unit/tap.h"

#include "policy/base/file.h"
#include "policy/spool/spool.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define NOW INT64_C(1795342800000)

static char dir[] = "/tmp/tendril-sync-XXXXXX";
static char calls[32]; /* f: a file synced, n: a name given, d: a folder */

static void note(char c)
{
	size_t n = strlen(calls);

	if (n + 1 < sizeof(calls))
		calls[n] = c;
}

int fsync(int fd)
{
	struct stat st;

	note(fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? 'd' : 'f');
	return (int)syscall(SYS_fsync, fd);
}

int link(const char *from, const char *to)
{
	note('n');
	return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int rename(const char *from, const char *to)
{
	note('n');
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static void saw(const char *want, const char *what)
{
	IS_S(str_of(calls), str_of(want), "%s", what);
	memset(calls, 0, sizeof(calls));
}

static void test_files(void)
{
	char path[64];
	struct error err = {0};

	(void)snprintf(path, sizeof(path), "%s/file", dir);
	IS_INT(file_create_durable(path, STR("a"), 0600, &err), 0, "created");
	saw("fnd", "bytes, name, folder");
	IS_INT(file_write_atomic(path, STR("b"), 0600, &err), 0, "replaced");
	saw("fnd", "bytes, name, folder again");
}

static void add(struct spool *s, enum copy_kind kind)
{
	static const struct envelope_rcpt rcpt = {{"ann@b.example", 13}, {0}};
	struct header_list none = {0};
	struct spool_message m = {&none, STR("body\r\n")};
	struct envelope e = {
	    .kind = kind, .arrived_ms = NOW, .rcpts = &rcpt, .n_rcpts = 1};
	struct error err = {0};
	uint64_t id = 0, other = 0;

	IS_INT(spool_add(s, &e, &m, &id, &err), 0, "added: %s", err.text);
	saw("fnd", "bytes, name, folder of a copy");
	if (kind == COPY_UNDECIDED)
		return;
	IS_INT(spool_link(s, id, NOW, &other, &err), 0, "second name");
	saw("nd", "its bytes are there: name, folder");
}

static void test_copies(void)
{
	struct spool *s;
	struct error err = {0};

	IS_INT(spool_open(&s, str_of(dir), &err), 0, "opened: %s", err.text);
	if (s == NULL)
		return;
	add(s, COPY_TAKEN);
	add(s, COPY_UNDECIDED);
	spool_close(&s);
}

static int remove_one(
    const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	test_files();
	test_copies();
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
