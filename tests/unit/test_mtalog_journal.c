/* test_mtalog_journal.c - agent/in/mtalog_journal.h: each entry once, over all
 * that happens to journal files; whose entries count; gaps where there are some.
 * Files live in a temporary folder. */
#include "agent/in/mtalog_journal.h"
#include "policy/base/fault.h"
#include "tests/unit/tap.h"

#include "tests/unit/journaltest.h"

#include <sys/wait.h>

enum {
	ALL = 1000000,
	SECOND = 1000000
};

static char dir[] = "/tmp/tendril-journal.XXXXXX";
static struct mtalog_writers writers = {{0, 106}, 2};

static const char *path_of(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned turn;
	char *p = path[turn++ % 4];

	(void)snprintf(p, PATH_MAX, "%s/%s", dir, name);
	return p;
}

/* A line of Postfix, `at` seconds after the start. */
static struct journaltest_entry line(int at, const char *text)
{
	return (struct journaltest_entry){.at_us = (int64_t)at * SECOND,
	    .facility = "2",
	    .program = "postfix/smtp",
	    .pid = "123",
	    .uid = "106",
	    .unit = "postfix@-.service",
	    .text = text};
}

static void put(const char *name, int at, const char *text)
{
	struct journaltest_entry e = line(at, text);

	journaltest_write(path_of(name), &e, 1);
}

static void sweep(void)
{
	static const char *const name[] = {
	    "a.journal", "b.journal", "c.journal", "a@1.journal"};

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		(void)unlink(path_of(name[i]));
}

/* What was given: "text\n", foreign "?UID text\n", gaps "!\n". */
struct got {
	struct buf text;
	unsigned char pos[MTALOG_JOURNAL_POS_MAX];
	size_t pos_n;
	size_t refuse; /* the one after so many; 0: none */
	struct mtalog_prefix last;
	int64_t since_ms;
};

static void got_init(struct got *g)
{
	*g = (struct got){.pos_n = 0};
	buf_init(&g->text, 1 << 20);
}

static int take(void *arg, const struct mtalog_journal_item *item)
{
	struct got *g = arg;

	if (g->refuse > 0 && --g->refuse == 0)
		return -ECANCELED;
	if (item->kind == MTALOG_JOURNAL_GAP) {
		buf_addz(&g->text, "!\n");
		return 0;
	}
	if (item->kind == MTALOG_JOURNAL_FOREIGN)
		buf_printf(&g->text, "?%.*s ", STR_ARG(item->uid));
	if (item->line.text.n > 1000)
		buf_printf(&g->text, "%zu\n", item->line.text.n);
	else
		buf_printf(&g->text, "%.*s\n", STR_ARG(item->line.text));
	g->last = item->line;
	return 0;
}

static struct mtalog_journal *reopen(struct got *g)
{
	struct mtalog_journal *j;
	struct error err = {0};
	struct str from = {(const char *)g->pos, g->pos_n};
	int rc = mtalog_journal_open(
	    &j, str_of(dir), &writers, from, g->since_ms, &err);

	if (rc != 0)
		bug("open: %s", err.text);
	return j;
}

static int next(struct mtalog_journal *j, struct got *g)
{
	struct error err = {0};
	struct str at;
	int rc;

	do
		rc = mtalog_journal_next(j, ALL, take, g, &err);
	while (rc == 0 && !mtalog_journal_at_end(j));
	if (rc != 0 && rc != -ECANCELED)
		bug("next: %s", err.text);
	at = mtalog_journal_position(j);
	g->pos_n = at.n;
	memcpy(g->pos, at.p, at.n);
	return rc;
}

static void expect(struct got *g, const char *want, const char *name)
{
	IS_S(buf_str(&g->text), str_of(want), "%s", name);
	buf_reset(&g->text);
}

/* A life of its own: open, read all, close. */
static void live(struct got *g, const char *want, const char *name)
{
	struct mtalog_journal *j = reopen(g);

	(void)next(j, g);
	mtalog_journal_close(&j);
	expect(g, want, name);
}

static void test_whose(void)
{
	struct journaltest_entry v[] = {
	    line(1, "of postfix"),
	    line(2, "of root"),
	    line(3, "of somebody"),
	    line(4, "of nobody knows whom"),
	    line(5, "of the daemon facility"),
	    line(6, "without facility"),
	    line(7, "of a user"),
	};
	struct got g;

	sweep();
	got_init(&g);
	v[1].uid = "0";
	v[2].uid = "1000";
	v[3].uid = NULL;
	v[4].facility = "3";
	v[5].facility = NULL;
	v[6].uid = "1060";
	journaltest_write(path_of("a.journal"), v, 7);
	live(&g,
	    "of postfix\nof root\n?1000 of somebody\n? of nobody knows whom\n"
	    "?1060 of a user\n",
	    "whose entries are given");
	buf_fini(&g.text);
}

static void test_fields(void)
{
	static char lengthy[9001];
	struct journaltest_entry v[] = {
	    line(0, "one"), line(1, "two\nlines"), line(2, lengthy)};
	struct got g;
	struct mtalog_journal *j;

	sweep();
	got_init(&g);
	memset(lengthy, 'x', sizeof(lengthy) - 1);
	journaltest_write(path_of("a.journal"), v, 1);
	j = reopen(&g);
	(void)next(j, &g);
	expect(&g, "one\n", "the message");
	mtalog_journal_close(&j);
	g.pos_n = 0;
	g.refuse = 2;
	v[1].pid = NULL;
	journaltest_write(path_of("a.journal"), v + 1, 2);
	j = reopen(&g);
	IS_INT(next(j, &g), -ECANCELED, "refused");
	IS_INT(g.last.time_ms, JOURNALTEST_T0_US / 1000, "its time");
	IS_INT(g.last.pid, 123, "its pid");
	IS_S(g.last.host, STR("mx"), "its host");
	IS_S(g.last.program, STR("postfix/smtp"), "its program");
	expect(&g, "one\n", "until it was refused");
	IS_INT(next(j, &g), 0, "again");
	expect(&g, "two\nlines\n8192\n", "comes again; what is long is cut");
	mtalog_journal_close(&j);
	buf_fini(&g.text);
}

static void test_position(void)
{
	struct journaltest_entry other = line(5, "of cron");
	struct got g;
	struct mtalog_journal *j;

	sweep();
	got_init(&g);
	live(&g, "", "an empty folder");
	put("a.journal", 1, "one");
	put("a.journal", 2, "two");
	g.refuse = 2;
	j = reopen(&g);
	(void)next(j, &g);
	mtalog_journal_close(&j);
	expect(&g, "one\n", "the first");
	live(&g, "two\n", "the second, after a restart");
	live(&g, "", "nothing twice");
	other.facility = "9";
	journaltest_write(path_of("b.journal"), &other, 1);
	live(&g, "", "of others nothing");
	(void)unlink(path_of("a.journal"));
	live(&g, "", "but the position is behind it: no gap");
	put("b.journal", 6, "three");
	live(&g, "three\n", "on it goes");
	buf_fini(&g.text);
}

static void test_growing(void)
{
	struct got g;
	struct mtalog_journal *j;

	sweep();
	got_init(&g);
	put("a.journal", 1, "one");
	j = reopen(&g);
	(void)next(j, &g);
	expect(&g, "one\n", "open");
	put("a.journal", 2, "two");
	(void)next(j, &g);
	expect(&g, "two\n", "appended");
	(void)rename(path_of("a.journal"), path_of("a@1.journal"));
	put("a.journal", 3, "three");
	(void)next(j, &g);
	expect(&g, "three\n", "rotated");
	(void)unlink(path_of("a@1.journal"));
	(void)next(j, &g);
	expect(&g, "", "what was read is vacuumed");
	put("a.journal", 4, "four");
	(void)rename(path_of("a.journal"), path_of("a@1.journal"));
	put("a.journal", 5, "five");
	(void)next(j, &g);
	expect(&g, "four\nfive\n", "rotated with an entry not yet read");
	put("a.journal", 6, "six");
	(void)unlink(path_of("a@1.journal"));
	(void)unlink(path_of("a.journal"));
	put("b.journal", 7, "seven");
	(void)next(j, &g);
	expect(&g, "!\nseven\n", "vacuumed before it was read");
	mtalog_journal_close(&j);
	live(&g, "", "the gap is told once");
	buf_fini(&g.text);
}

static void test_gap(void)
{
	struct got g;

	sweep();
	got_init(&g);
	put("a.journal", 1, "one");
	live(&g, "one\n", "before");
	(void)unlink(path_of("a.journal"));
	put("b.journal", 3, "three");
	live(&g, "!\nthree\n", "its entry is gone");
	live(&g, "", "told once");
	(void)unlink(path_of("b.journal"));
	live(&g, "!\n", "nothing is left");
	put("c.journal", 2, "two");
	live(&g, "!\ntwo\n", "another journal, earlier: from its start");
	buf_fini(&g.text);
}

/* All is gone while it is open, and comes back later, older even. */
static void test_lost(void)
{
	struct got g;
	struct mtalog_journal *j;

	sweep();
	got_init(&g);
	put("a.journal", 5, "five");
	j = reopen(&g);
	(void)next(j, &g);
	expect(&g, "five\n", "before");
	(void)unlink(path_of("a.journal"));
	(void)next(j, &g);
	expect(&g, "!\n", "all is gone");
	(void)next(j, &g);
	expect(&g, "", "which is told once");
	put("b.journal", 2, "two");
	(void)next(j, &g);
	expect(&g, "two\n", "what comes is given");
	(void)next(j, &g);
	expect(&g, "", "once");
	mtalog_journal_close(&j);
	buf_fini(&g.text);
}

/* journald moves entries from /run to /var: they get another cursor there. */
static void test_moved(void)
{
	struct got g;

	sweep();
	got_init(&g);
	put("a.journal", 1, "one");
	live(&g, "one\n", "before");
	(void)unlink(path_of("a.journal"));
	put("b.journal", 0, "none");
	put("b.journal", 1, "one");
	put("b.journal", 2, "two");
	live(&g, "two\n", "the same entry in another file");
	buf_fini(&g.text);
}

static void test_since(void)
{
	struct got g;

	sweep();
	got_init(&g);
	put("a.journal", 1, "one");
	put("a.journal", 3, "three");
	g.since_ms = JOURNALTEST_T0_US / 1000 + 2000;
	live(&g, "three\n", "the first time, from an instant on");
	g.since_ms += 3600000;
	put("a.journal", 4, "four");
	live(&g, "four\n", "later on from the position");
	buf_fini(&g.text);
}

static void suppressed(int at, const char *unit, const char *uid)
{
	char text[100];
	struct journaltest_entry e = line(at, text);

	(void)snprintf(
	    text, sizeof(text), "Suppressed 12 messages from %s", unit);
	e.facility = "3";
	e.program = "systemd-journald";
	e.unit = "systemd-journald.service";
	e.uid = uid;
	journaltest_write(path_of("a.journal"), &e, 1);
}

static void test_suppressed(void)
{
	struct got g;
	struct mtalog_journal *j;

	sweep();
	got_init(&g);
	suppressed(1, "cron.service", "0");
	put("a.journal", 2, "one");
	suppressed(3, "cron.service", "0");
	suppressed(4, "postfix@-.service", "1000");
	suppressed(5, "postfix@-.service", "0");
	j = reopen(&g);
	(void)next(j, &g);
	expect(&g,
	    "Suppressed 12 messages from cron.service\none\n"
	    "Suppressed 12 messages from postfix@-.service\n",
	    "of the MTA's unit, or while that is not known");
	OK(mtalog_prefix_is_loss(&g.last), "a loss");
	mtalog_journal_close(&j);
	buf_fini(&g.text);
}

static void test_no_position(void)
{
	static const struct {
		struct str from;
		int want;
	} cases[] = {
	    {STR("\2"), 0},
	    {STR("\1"), ERR_VERSION},
	    {STR("\2xyz"), ERR_SYNTAX},
	    {STR("\2abcdefghijklmnopqrstuvwxyz123456"), ERR_SYNTAX},
	};
	struct mtalog_journal *j;

	sweep();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};

		IS_INT(mtalog_journal_open(
			   &j, str_of(dir), &writers, cases[i].from, 0, &err),
		    cases[i].want, "position %zu", i);
		mtalog_journal_close(&j);
	}
}

/* A cursor that libsystemd does not know is an error, no crash and no loss. */
static void test_broken_cursor(void)
{
	struct got g;
	struct mtalog_journal *j;
	struct error err = {0};

	sweep();
	got_init(&g);
	put("a.journal", 1, "one");
	g.pos_n = 40;
	memset(g.pos, 'x', g.pos_n);
	g.pos[0] = 2;
	j = reopen(&g);
	OK(mtalog_journal_next(j, ALL, take, &g, &err) < 0, "refused");
	OK(err.text[0] != '\0', "with a word: %s", err.text);
	mtalog_journal_close(&j);
	buf_fini(&g.text);
}

/* As nobody, whom no access list lets in. */
static int open_as_nobody(const char *from)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		struct mtalog_journal *j;
		struct error err = {0};
		int rc = 0;

		if (geteuid() == 0 && setuid(65534) != 0)
			_exit(9);
		rc = mtalog_journal_open(
		    &j, str_of(from), &writers, STR(""), 0, &err);
		if (rc != -EACCES)
			_exit(rc == 0 ? 0 : 2);
		_exit(strstr(err.text, "systemd-journal") != NULL ? 1 : 3);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
}

static void test_rights(void)
{
	struct mtalog_journal *j;
	struct error err = {0};

	sweep();
	put("a.journal", 1, "one");
	(void)chmod(dir, 0755);
	(void)chmod(path_of("a.journal"), 0644);
	IS_INT(open_as_nobody(dir), 0, "may be read");
	(void)chmod(path_of("a.journal"), 0);
	IS_INT(open_as_nobody(dir), 1, "the file may not, groups are named");
	(void)rename(path_of("a.journal"), path_of("user-1000.journal"));
	IS_INT(open_as_nobody(dir), 0, "a person's need not be");
	(void)unlink(path_of("user-1000.journal"));
	(void)chmod(dir, 0);
	IS_INT(open_as_nobody(dir), 1, "the folder may not");
	(void)chmod(dir, 0700);
	IS_INT(mtalog_journal_open(
		   &j, str_of(path_of("absent")), &writers, STR(""), 0, &err),
	    -ENOENT, "no such folder: %s", err.text);
}

static void test_memory(void)
{
	int rc = -ENOMEM;
	unsigned n = 1;

	sweep();
	put("a.journal", 1, "one");
	for (; rc == -ENOMEM && n < 100; n++) {
		struct mtalog_journal *j;
		struct error err = {0};

		fault_alloc_at(n);
		rc = mtalog_journal_open(
		    &j, str_of(dir), &writers, STR(""), 0, &err);
		fault_alloc_at(0);
		mtalog_journal_close(&j);
	}
	IS_INT(rc, 0, "in the end it opens");
	OK(n > 2, "and failed before");
}

static void test_writers(void)
{
	static const struct str users[] = {STR("daemon"), STR("4711")};
	static const struct str none[] = {STR("nosuchuser.x")};
	struct mtalog_writers w;
	struct error err = {0};

	IS_INT(mtalog_writers_of((struct strs){users, 2}, &w, &err), 0,
	    "names and numbers");
	OK(mtalog_writers_has(&w, STR("0")), "root always");
	OK(mtalog_writers_has(&w, STR("1")), "by name");
	OK(mtalog_writers_has(&w, STR("4711")), "by number");
	OK(!mtalog_writers_has(&w, STR("47110")), "no more");
	OK(!mtalog_writers_has(&w, STR("")), "not without");
	OK(!mtalog_writers_has(&w, STR("0x0")), "nor what is no number");
	IS_INT(mtalog_writers_of((struct strs){none, 1}, &w, &err),
	    ERR_NOT_FOUND, "no such user");
	OK(strstr(err.text, "nosuchuser.x") != NULL, "told: %s", err.text);
	IS_INT(mtalog_writers_of((struct strs){NULL, 0}, &w, &err), 0, "none");
	OK(mtalog_writers_has(&w, STR("0")) && w.n <= 2, "root and postfix");
}

static bool is_built(void)
{
	struct mtalog_journal *j;
	struct error err = {0};
	int rc =
	    mtalog_journal_open(&j, str_of(dir), &writers, STR(""), 0, &err);

	mtalog_journal_close(&j);
	if (rc != ERR_UNAVAILABLE)
		return true;
	OK(strstr(err.text, "without libsystemd") != NULL, "%s", err.text);
	return false;
}

static void test_reading(void)
{
	test_whose();
	test_fields();
	test_position();
	test_growing();
	test_gap();
	test_lost();
	test_moved();
	test_since();
	test_suppressed();
	test_broken_cursor();
	test_rights();
	test_memory();
}

int main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	test_writers();
	if (is_built()) {
		test_no_position();
		if (journaltest_program() != NULL)
			test_reading();
		else
			OK(true, "reading # SKIP no systemd-journal-remote");
	}
	sweep();
	(void)rmdir(dir);
	return tap_done();
}
