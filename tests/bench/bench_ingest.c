/* bench_ingest.c - bench_ingest plain|spike COUNT: COUNT messages were sent, each
 * to somebody else, and each comes back as a DSN to its own bounce address, all
 * in a Maildir at once; how many a second the agent's own step makes durable.
 *
 *   plain  people of as many companies; four reasons, one in four of them that
 *          there is no such user
 *   spike  people of one provider, all of them unknown: each but the first few
 *          is given up provisionally
 *
 * A line a figure, tab-separated: name, value, unit. mails: a second, from the
 * first look into the Maildir to the last event's flush and the last unlink.
 * claimed: the same with the very same files in another Maildir where nothing is
 * done but what cannot be left out: rename, open, read, unlink, and as many
 * flushes, two for each commit that the mails took, each of one page. cpu: the
 * agent's and the kernel's time for a mail. Log lines go to standard error as
 * the agent's do. */
#define STORETEST_MAP "4G"
#include "tests/unit/answertest.h"

#include "agent/in/feedback.h"
#include "policy/base/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>

enum {
	COUNT_MAX = 100000,
	PAGE = 4096,
	CALM_S = 6, /* more than LANES_CALM_US */
	READ_SIZE = 64 << 10,
	PATH_SIZE = 200,
};

static const struct reason {
	const char *status, *diagnostic, *counter;
} reasons[] = {
    {"5.1.1",
	"550 5.1.1 <%s>: Recipient address rejected: User unknown in local "
	"recipient table",
	"bounce.hard.user_unknown"},
    {"5.2.2", "552 5.2.2 <%s>: The email account is over quota",
	"bounce.soft.mailbox_full"},
    {"5.7.1", "554 5.7.1 <%s>: message looks like spam",
	"bounce.soft.spam_content"},
    {"5.2.1", "550 5.2.1 <%s>: mailbox disabled",
	"bounce.hard.mailbox_disabled"},
};

static struct answertest A;
static bool spike;
static uint64_t count;
static char maildir[PATH_SIZE], claimed[PATH_SIZE], pages[PATH_SIZE];

static _Noreturn void give_up(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_ingest: %s: %s\n", what, why);
	exit(1);
}

static void say(const char *name, double value, const char *unit)
{
	(void)printf("%s\t%.2f\t%s\n", name, value, unit);
}

static double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_s(void)
{
	struct rusage u = {0};

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* --- what came back --- */

static const struct reason *reason_of(uint64_t i)
{
	return &reasons[spike ? 0 : i % (sizeof(reasons) / sizeof(*reasons))];
}

/* As large as one of Postfix of a message with the usual header. */
static struct str dsn_of(uint64_t i, const char *to, uint64_t id)
{
	const char *address = answertest_address(&A, TOKEN_BOUNCE, id);
	const struct reason *r = reason_of(i);
	struct arena *a = A.t.arena;
	size_t at = str_find(str_of(r->diagnostic), 0, '%');
	char *words = arena_printf(
	    a, "%.*s%s%s", (int)at, r->diagnostic, to, r->diagnostic + at + 2);
	struct str dsn = words != NULL
			     ? answertest_dsn(&A, address, to, r->status, words)
			     : STR_NULL;
	struct str end = STR("--b1--\n");
	char *z;

	if (dsn.n < end.n)
		give_up("dsn", "no memory");
	z = arena_printf(a,
	    "%.*sReceived: from app.example.net (app.example.net [192.0.2.9])\n"
	    "\tby mail.example.com (Postfix) with ESMTPSA id 4kX%016llx\n"
	    "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=a; b=%0344d\n"
	    "List-Unsubscribe: <https://mail.example.com/u/%044d>\n"
	    "%01200d\n\n%.*s",
	    (int)(dsn.n - end.n), dsn.p, (unsigned long long)id, 0, 0, 0,
	    STR_ARG(end));
	if (z == NULL)
		give_up("dsn", "no memory");
	return str_of(z);
}

static void write_file(const char *folder, uint64_t i, struct str text)
{
	char path[PATH_SIZE + 64];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/new/%llu.V1I%llxM1.mail", folder,
	    (unsigned long long)(1780000000 + i), (unsigned long long)i);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || file_write_all(fd, text) != 0)
		give_up("write", path);
	(void)close(fd);
}

static void fill(void)
{
	for (uint64_t i = 0; i < count; i++) {
		char to[80];
		struct str mail;
		uint64_t id;

		if (spike)
			(void)snprintf(to, sizeof(to), "p%llu@big.example",
			    (unsigned long long)i);
		else
			(void)snprintf(to, sizeof(to), "p@firm%llu.example",
			    (unsigned long long)i);
		arena_reset(A.t.arena);
		id = answertest_send(&A, to, "");
		if (id == 0)
			give_up("send", to);
		mail = dsn_of(i, to, id);
		write_file(maildir, i, mail);
		write_file(claimed, i, mail);
	}
	sync();
	/* While decisions are made, and for a while after, what comes back is
	 * given small batches (policy/ledger/lanes.h): that is not measured. */
	(void)nanosleep(&(struct timespec){.tv_sec = CALM_S}, NULL);
}

/* --- what is measured --- */

static uint64_t commits(void)
{
	struct door_stats s;

	door_stats(A.t.store->door, &s);
	return s.commits;
}

/* Files of a folder of the Maildir; one that is not there has none. */
static uint64_t files_in(const char *name)
{
	char path[PATH_SIZE + 64];
	const struct dirent *e;
	uint64_t n = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/%s", maildir, name);
	d = opendir(path);
	while (d != NULL && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	if (d != NULL)
		(void)closedir(d);
	return n;
}

/* Each became its event, and nothing is left. */
static void look(void)
{
	uint64_t n = 0, left = files_in("new") + files_in("cur");

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		n += (uint64_t)answertest_counter(&A, reasons[i].counter);
	if (n != count || left > 0 || files_in("unparsed") > 0)
		give_up("mails", "not all of them became events");
}

static void ingest(void)
{
	struct feedback *f;
	struct error err = {0};
	double s, cpu;
	int64_t wait = 0;

	if (feedback_open(&f, &A.app, &err) != 0)
		give_up("feedback", err.text);
	s = now_s();
	cpu = cpu_s();
	while (wait == 0)
		if (feedback_step(f, &wait, &err) != 0)
			give_up("step", err.text);
	s = now_s() - s;
	say("cpu", (cpu_s() - cpu) * 1e6 / (double)count, "us");
	feedback_close(&f);
	look();
	say("mails", (double)count / s, "mails/s");
}

/* As LMDB does at a commit: pages, then the root. */
static void flush_twice(int fd, uint64_t i)
{
	static const char page[PAGE];

	for (uint64_t k = 0; k < 2; k++)
		if (pwrite(fd, page, PAGE, (off_t)((2 * i + k) * PAGE)) !=
			PAGE ||
		    fdatasync(fd) != 0)
			give_up("flush", pages);
}

static void claim(int new, int cur, const char *name)
{
	static char text[READ_SIZE];
	char to[NAME_MAX + 8];
	int fd;

	(void)snprintf(to, sizeof(to), "%s:1,1", name);
	if (renameat(new, name, cur, to) != 0)
		give_up("rename", name);
	fd = openat(cur, to, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text)) <= 0)
		give_up("read", to);
	(void)close(fd);
	if (unlinkat(cur, to, 0) != 0)
		give_up("unlink", to);
}

static int open_folder(const char *name)
{
	char path[PATH_SIZE + 64];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", claimed, name);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		give_up("open", path);
	return fd;
}

/* The flushes are spread evenly over the files. */
static void claim_all(uint64_t flushes)
{
	int new = open_folder("new"), cur = open_folder("cur");
	int fd = open(pages, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	DIR *d = fdopendir(new);
	const struct dirent *e;
	uint64_t n = 0, done = 0;
	double s;

	if (d == NULL || fd < 0 ||
	    posix_fallocate(fd, 0, (off_t)(flushes * 2 * PAGE)) != 0 ||
	    fsync(fd) != 0)
		give_up("pages", pages);
	s = now_s();
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		claim(new, cur, e->d_name);
		for (n++; done < flushes * n / count; done++)
			flush_twice(fd, done);
	}
	s = now_s() - s;
	if (n != count || done != flushes)
		give_up("claim", "not as many");
	say("claimed", (double)count / s, "mails/s");
	(void)closedir(d);
	(void)close(cur);
	(void)close(fd);
}

static void make_maildir(char *path, const char *name)
{
	char folder[PATH_SIZE + 64];
	static const char *const folders[] = {"", "/new", "/cur"};

	(void)snprintf(path, PATH_SIZE, "%s/%s", A.t.dir, name);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(
		    folder, sizeof(folder), "%s%s", path, folders[i]);
		if (mkdir(folder, 0700) != 0)
			give_up("mkdir", folder);
	}
}

int main(int argc, char **argv)
{
	uint64_t before;

	if (argc != 3 ||
	    (strcmp(argv[1], "plain") != 0 && strcmp(argv[1], "spike") != 0) ||
	    str_u64(str_of(argv[2]), COUNT_MAX, &count) != 0 || count == 0)
		give_up("usage", "bench_ingest plain|spike COUNT");
	spike = strcmp(argv[1], "spike") == 0;
	log_open("bench_ingest");
	answertest_open(&A);
	/* The tests' clock is a file, read each time. */
	(void)unsetenv("TENDRIL_CLOCK_FILE");
	make_maildir(maildir, "maildir");
	make_maildir(claimed, "claimed");
	(void)snprintf(pages, sizeof(pages), "%s/pages", A.t.dir);
	A.conf.agent.maildir = str_of(maildir);
	fill();
	before = commits();
	ingest();
	say("commits", (double)(commits() - before), "");
	claim_all(commits() - before);
	answertest_close(&A);
	return 0;
}
