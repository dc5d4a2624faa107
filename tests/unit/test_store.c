/* test_store.c - the folder that ledger and spool are in, and whose it is. */
#include "policy/state/store.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <ftw.h>
#include <grp.h>
#include <sys/stat.h>

static char root[] = "/tmp/tendril-state.XXXXXX";

/* A configuration with that state-dir and group. */
static const struct conf *conf_of(const char *dir, const char *group)
{
	const struct conf *conf;
	struct error err = {0};
	char text[1200];

	(void)snprintf(text, sizeof(text),
	    "state-dir = \"%s/%s\"\n%s%s%s"
	    "authserv-id = \"mail.example.com\"\n"
	    "lead-key = \"/l\"\nepoch-key = \"/e\"\ntoken-key = \"/t\"\n"
	    "milter { socket = \"unix:/m\" }\n"
	    "stream rest { class = \"pass\" }\n",
	    root, dir, group[0] != '\0' ? "group = \"" : "", group,
	    group[0] != '\0' ? "\"\n" : "");
	if (conf_parse(&conf, "test.conf", str_of(text), &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return conf;
}

static int make(const char *dir, const char *group, struct stat *st)
{
	const struct conf *conf = conf_of(dir, group);
	struct error err = {0};
	int rc = store_make_dir(conf, &err);
	char path[128];

	if (rc != 0)
		printf("# %s\n", err.text);
	(void)snprintf(path, sizeof(path), "%s/%s", root, dir);
	if (stat(path, st) != 0)
		*st = (struct stat){0};
	conf_unref(&conf);
	return rc;
}

static void test_none(void)
{
	struct stat st;

	IS_INT(make("a", "", &st), 0, "no group is named");
	OK(S_ISDIR(st.st_mode) && (st.st_mode & S_ISGID) == 0, "a folder");
	IS_INT(make("a", "", &st), 0, "is there already");
}

static void test_group(const char *group)
{
	struct stat st, other;
	char path[128];

	IS_INT(make("b", group, &st), 0, "a group is named");
	IS_INT(st.st_mode & 07777, 02770, "its folder");
	IS_INT(st.st_gid, getegid(), "is the group's");
	IS_INT(make("b", group, &st), 0, "is there already");
	(void)snprintf(path, sizeof(path), "%s/b/below", root);
	OK(mkdir(path, 0700) == 0 && stat(path, &other) == 0 &&
		other.st_gid == st.st_gid && (other.st_mode & S_ISGID) != 0,
	    "what is made in it is so too");
	(void)snprintf(path, sizeof(path), "%s/b", root);
	OK(chmod(path, 0770) == 0, "without the bit");
	IS_INT(make("b", group, &st), ERR_DENIED, "it is refused");
	IS_INT(st.st_mode & 07777, 0770, "and left as it is");
	IS_INT(make("c", "no-such-group-here", &st), ERR_NOT_FOUND,
	    "an unknown group");
	IS_INT((long long)st.st_ino, 0, "makes nothing");
	IS_INT(make("x/y", group, &st), -ENOENT, "no parent");
}

static int unlink_one(
    const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(void)
{
	const struct group *g = getgrgid(getegid());

	if (mkdtemp(root) == NULL)
		return 1;
	test_none();
	if (g != NULL)
		test_group(g->gr_name);
	(void)nftw(root, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
