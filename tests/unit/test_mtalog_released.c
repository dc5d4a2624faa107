/* test_mtalog_released.c - agent/in/mtalog_released.h: who let a message out of
 * the hold queue, in the log and in what rotation has left of it. */
#include "agent/in/mtalog_released.h"
#include "agent/in/mtalog_source.h"
#include "policy/base/clock.h"
#include "policy/base/file.h"
#include "tests/unit/tap.h"

#include "tests/unit/journaltest.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define AT "2026-11-22T10:05:32.123456+01:00 mx postfix/postsuper[77]: "
#define AT_MS INT64_C(1795338332123) /* 2026-11-22T09:05:32Z and a bit */
#define YES ": released from hold\n"

static char dir[] = "/tmp/tendril-released.XXXXXX";
static char live[64];
static struct conf_mta_log source;

static void put(const char *name, struct str text)
{
	struct error err = {0};
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (file_write_atomic(path, text, 0600, &err) != 0)
		bug("%s", err.text);
}

static void drop(const char *name)
{
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)unlink(path);
}

static int ask(int64_t since_ms)
{
	struct error err = {0};
	int rc = mtalog_released(&source, STR("4abcQ1"), since_ms, &err);

	if (rc < 0)
		printf("# %s\n", err.text);
	return rc;
}

static void test_lines(void)
{
	static const struct {
		const char *line;
		int64_t since_ms;
		int want;
		const char *name;
	} cases[] = {
	    {AT "4abcQ1" YES, AT_MS, 1, "let go"},
	    {AT "4abcQ1" YES, AT_MS - 3600000, 1, "an hour after"},
	    {AT "4abcQ1" YES, AT_MS + 900, 1, "in that second"},
	    {AT "4abcQ1" YES, AT_MS + 1100, 0, "before"},
	    {AT "4abcQ1: requeued\n", AT_MS, 1, "taken in anew"},
	    {AT "4abcQ10" YES, AT_MS, 0, "a longer id"},
	    {AT "x4abcQ1" YES, AT_MS, 0, "another in front"},
	    {AT "4abcQ1: removed\n", AT_MS, 0, "deleted: by us, it may be"},
	    {AT "4abcQ1: placed on hold\n", AT_MS, 0, "to where it was"},
	    {"2026-11-22T10:05:32+01:00 mx postfix/smtp[77]: 4abcQ1" YES, AT_MS,
		0, "another program"},
	    {"2026-11-22T10:05:32+01:00 mx postfix/smtp[77]: 4abcQ1: to=<x>, "
	     "status=sent (250 postfix/postsuper[77]: 4abcQ1: released from "
	     "hold)\n",
		AT_MS, 0, "a remote server's words"},
	    {"no line\n\n" AT "4abcQ2" YES AT "4abcQ1" YES, AT_MS, 1,
		"among others"},
	    {"", AT_MS, 0, "an empty log"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put("maillog", str_of(cases[i].line));
		IS_INT(
		    ask(cases[i].since_ms), cases[i].want, "%s", cases[i].name);
	}
}

/* What follows in an overlong line is not a line, wherever it is cut. */
static void test_long_line(void)
{
	struct buf b;
	int found = 0;

	for (size_t n = 8100; n < 8300; n++) {
		buf_init(&b, 20000);
		for (size_t i = 0; i < n; i++)
			buf_addc(&b, 'x');
		buf_addz(&b, AT "4abcQ1" YES);
		put("maillog", buf_str(&b));
		found += ask(AT_MS);
		buf_fini(&b);
	}
	IS_INT(found, 0, "a forged line");
}

static void set_time(const char *name, int64_t ms)
{
	struct timespec t[2] = {{.tv_sec = ms / 1000}, {.tv_sec = ms / 1000}};
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (utimensat(AT_FDCWD, path, t, 0) != 0)
		bug("utimensat %s", name);
}

static void test_rotated(void)
{
	put("maillog", STR(""));
	put("maillog.1", STR(AT "4abcQ1" YES));
	IS_INT(ask(AT_MS), 1, "in the file before");
	put("maillog.1", STR("x"));
	put("maillog.2.gz", STR("packed"));
	IS_INT(ask(AT_MS), ERR_UNAVAILABLE, "in one that cannot be read");
	set_time("maillog.2.gz", AT_MS - 10000);
	IS_INT(ask(AT_MS), 0, "one that is too old");
	drop("maillog");
	drop("maillog.1");
	drop("maillog.2.gz");
	IS_INT(ask(AT_MS), 0, "no log at all");
	(void)rmdir(dir);
	IS_INT(ask(AT_MS), -ENOENT, "nor its folder");
}

/* The same question of a journal. */
static void test_journal(void)
{
	static const struct str writers[] = {STR("106")};
	static const char yes[] = "4abcQ1: released from hold";
	struct journaltest_entry e = {.facility = "2",
	    .program = "postfix/postsuper",
	    .pid = "77",
	    .uid = "1000",
	    .text = yes};
	int64_t at_ms = JOURNALTEST_T0_US / 1000;
	char file[100], conf[100];

	if (mkdir(dir, 0700) != 0)
		bug("mkdir");
	(void)snprintf(file, sizeof(file), "%s/a.journal", dir);
	(void)snprintf(conf, sizeof(conf), "journal:%s", dir);
	source = (struct conf_mta_log){str_of(conf), {writers, 1}, {NULL, 0}};
	IS_INT(ask(at_ms), 0, "an empty journal");
	journaltest_write(file, &e, 1);
	IS_INT(ask(at_ms), 0, "somebody else says so");
	e.at_us = 1000;
	e.uid = "106";
	journaltest_write(file, &e, 1);
	IS_INT(ask(at_ms), 1, "let go");
	IS_INT(ask(at_ms + 1100), 0, "before");
	(void)unlink(file);
	(void)rmdir(dir);
	IS_INT(ask(at_ms), -ENOENT, "no journal");
}

static bool has_journal(void)
{
	struct error err;
	const struct conf_mta_log at = {STR("journal:/"), {NULL, 0}, {NULL, 0}};

	return journaltest_program() != NULL &&
	       mtalog_source_check(&at, &err) != ERR_UNAVAILABLE;
}

int main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(live, sizeof(live), "%s/maillog", dir);
	source.file = str_of(live);
	test_lines();
	test_long_line();
	test_rotated();
	if (has_journal())
		test_journal();
	else
		OK(true,
		    "a journal # SKIP no libsystemd or systemd-journal-remote");
	return tap_done();
}
