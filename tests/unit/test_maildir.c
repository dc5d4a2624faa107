/* test_maildir.c - each message to its end: across kill -9, trouble, poison,
 * huge and strange files, and deliveries that go on meanwhile. */
#include "tests/unit/answertest.h"

#include "agent/in/feedback.h"
#include "agent/in/maildir.h"
#include "policy/base/fault.h"
#include "policy/mail/msgid.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>

static char dir[64];

/* --- a folder and what is in it --- */

static void make_dir(void)
{
	static const char *const names[] = {"tmp", "new", "cur"};
	char path[128];

	storetest_name(dir, sizeof(dir), "maildir");
	if (mkdtemp(dir) == NULL)
		exit(1);
	for (int i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (mkdir(path, 0700) != 0)
			exit(1);
	}
}

static void remove_dir(void)
{
	(void)nftw(dir, storetest_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

static void put_file(const char *name, struct str bytes)
{
	char path[512];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || file_write_all(fd, bytes) != 0) {
		printf("Bail out! %s\n", path);
		exit(1);
	}
	close(fd);
}

/* As from a pipe. */
static int deliver_behind(
    const char *where, struct str front, struct str bytes, struct error *err)
{
	FILE *f = tmpfile();
	int rc;

	if (f == NULL || fwrite(bytes.p, 1, bytes.n, f) != bytes.n ||
	    fflush(f) != 0 || lseek(fileno(f), 0, SEEK_SET) != 0) {
		printf("Bail out! tmpfile\n");
		exit(1);
	}
	rc = maildir_deliver(str_of(where), front, fileno(f), err);
	(void)fclose(f);
	return rc;
}

static int deliver_to(const char *where, struct str bytes, struct error *err)
{
	return deliver_behind(where, STR(""), bytes, err);
}

static int count_files(const char *name, const char *end)
{
	char path[512];
	const struct dirent *e;
	int n = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	d = opendir(path);
	if (d == NULL)
		return 0;
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.' &&
		     str_ends(str_of(e->d_name), str_of(end));
	closedir(d);
	return n;
}

static bool is_there(const char *name)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

/* --- a handler that is told what to answer --- */

struct hand {
	enum maildir_answer answer;
	bool die;
	char poison; /* dies of a mail that begins with it */
	int calls, batches;
	bool cut;
	size_t bytes;
	unsigned char digest[MAILDIR_DIGEST];
};

static void handle(void *arg, struct maildir_mail *v, size_t n)
{
	struct hand *h = arg;

	h->batches++;
	for (size_t i = 0; i < n; i++) {
		if (h->die || (h->poison != 0 && v[i].bytes.n > 0 &&
				  v[i].bytes.p[0] == h->poison))
			_exit(9);
		h->calls++;
		h->cut = v[i].cut;
		h->bytes = v[i].bytes.n;
		memcpy(h->digest, v[i].digest, sizeof(h->digest));
		v[i].answer = h->answer;
		(void)error_set(&v[i].err, ERR_SYNTAX, "because");
	}
}

static int64_t step(struct hand *h, size_t max, size_t *n_out)
{
	struct maildir *m;
	struct error err = {0};
	int64_t wait = -1;

	*n_out = 0;
	if (maildir_open(&m, str_of(dir), handle, h, &err) != 0 ||
	    maildir_step(m, max, n_out, &wait, &err) != 0)
		printf("# %s\n", err.text);
	maildir_close(&m);
	return wait;
}

static void test_plain(void)
{
	struct hand h = {.answer = MAILDIR_DONE};
	unsigned char first[MAILDIR_DIGEST];
	size_t n;

	put_file("new/1.host", STR("From: a\n\nx\n"));
	IS_INT(step(&h, 10, &n), 1000, "one message, then a wait");
	OK(n == 1 && h.calls == 1 && h.bytes == 11 && !h.cut, "given");
	IS_INT(count_files("new", "") + count_files("cur", ""), 0, "gone");
	memcpy(first, h.digest, sizeof(first));
	put_file("new/2.host", STR("From: a\n\nx\n"));
	(void)step(&h, 10, &n);
	OK(memcmp(first, h.digest, sizeof(first)) == 0,
	    "the same bytes have the same digest, whatever the name");
	put_file("new/3.host", STR("From: a\n\ny\n"));
	(void)step(&h, 10, &n);
	OK(memcmp(first, h.digest, sizeof(first)) != 0, "others another");
	put_file("new/.hidden", STR("x"));
	(void)step(&h, 10, &n);
	IS_INT((long long)n, 0, "names with a dot are not messages");
	for (int i = 0; i < 5; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "new/m%d", i);
		put_file(name, STR("x\n"));
	}
	IS_INT(step(&h, 3, &n), 0, "more at once");
	IS_INT((long long)n, 3, "three a step");
	(void)step(&h, 3, &n);
	put_file("cur/read.host:2,S", STR("by a mail reader\n"));
	h.calls = 0;
	(void)step(&h, 3, &n);
	IS_INT(h.calls, 1, "what a mail reader has moved is taken too");
}

static void test_aside(void)
{
	struct hand h = {.answer = MAILDIR_ASIDE};
	size_t n;

	put_file("new/poison", STR("x\n"));
	(void)step(&h, 10, &n);
	IS_INT(count_files("unparsed", ".eml"), 1, "kept");
	IS_INT(count_files("unparsed", ".reason"), 1, "with a reason");
	IS_INT(count_files("new", "") + count_files("cur", ""), 0,
	    "out of the way");
}

static void test_trouble(void)
{
	struct hand h = {.answer = MAILDIR_TROUBLE};
	size_t n;

	for (int i = 0; i < 10; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "new/t%d", i);
		put_file(name, STR("x\n"));
	}
	IS_INT(step(&h, 100, &n), 5000, "trouble: a longer wait");
	IS_INT((long long)n, 10, "after a batch of it");
	IS_INT(count_files("new", "") + count_files("cur", ""), 10,
	    "nothing is lost");
	for (int i = 0; i < 20; i++)
		(void)step(&h, 100, &n);
	h.answer = MAILDIR_DONE;
	h.calls = 0;
	(void)step(&h, 100, &n);
	IS_INT(h.calls, 10, "trouble never counts against a message");
	IS_INT(count_files("unparsed", ".eml"), 1, "none was set aside");
}

/* A child that may die while it handles messages; its exit status. */
static int step_in_child(struct hand *h, size_t max)
{
	size_t n;
	pid_t pid;
	int status = 0;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)step(h, max, &n);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		printf("# no child\n");
	return WEXITSTATUS(status);
}

static void test_killer(void)
{
	struct hand h = {.answer = MAILDIR_DONE}, dead = {.die = true};
	size_t n;

	put_file("new/once", STR("x\n"));
	IS_INT(step_in_child(&dead, 1), 9, "dies");
	OK(is_there("cur/once:1,1"), "a claim that did not come back");
	(void)step(&h, 10, &n);
	IS_INT(h.calls, 1, "is given again");
	put_file("new/killer", STR("x\n"));
	for (int i = 0; i < MAILDIR_TRIES; i++)
		IS_INT(step_in_child(&dead, 1), 9, "dies again");
	h.calls = 0;
	(void)step(&h, 10, &n);
	IS_INT(h.calls, 0, "not for ever");
	IS_INT(count_files("unparsed", ".eml"), 2, "set aside");
}

/* One of a batch kills the program: the others are not blamed. */
static void test_killer_in_batch(void)
{
	struct hand h = {.answer = MAILDIR_DONE, .poison = 'K'};
	int rounds = 0;

	for (int i = 0; i < 20; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "new/b%d", i);
		put_file(name, i == 10 ? STR("Killer\n") : STR("x\n"));
	}
	while (step_in_child(&h, 100) == 9 && rounds < 20)
		rounds++;
	IS_INT(rounds, MAILDIR_TRIES, "dies as often as it may");
	IS_INT(count_files("new", "") + count_files("cur", ""), 0,
	    "all are dealt with");
	IS_INT(count_files("unparsed", ".eml"), 3, "one was set aside");
}

/* --- what is put off --- */

enum {
	LATER_N = 300,
	LATER_NEW = 5,
	LATER_STEP = 128, /* as feedback.c has it */
};

struct later {
	int times[LATER_N + LATER_NEW];
	int first_step, step; /* of the first that was new */
};

/* A mail is its number. */
static void put_off(void *arg, struct maildir_mail *v, size_t n)
{
	struct later *l = arg;
	uint64_t number;

	for (size_t i = 0; i < n; i++) {
		v[i].answer = MAILDIR_LATER;
		if (str_u64(str_trim(v[i].bytes), LATER_N + LATER_NEW - 1,
			&number) != 0)
			bug("number");
		l->times[number]++;
		if (number >= LATER_N && l->first_step < 0)
			l->first_step = l->step;
	}
}

static void put_number(const char *folder, int i)
{
	char name[64], text[16];

	(void)snprintf(name, sizeof(name), "%s/p%d%s", folder, i * 7919 % 1000,
	    strcmp(folder, "cur") == 0 ? ":1,0" : "");
	(void)snprintf(text, sizeof(text), "%d\n", i);
	put_file(name, str_of(text));
}

/* More than a step takes: each is looked at once in a minute, and what is new is
 * not kept waiting for the last of them. */
static void test_later(void)
{
	struct later l = {.first_step = -1};
	struct error err = {0};
	struct maildir *m;
	int64_t wait = 0;
	int wrong = 0;
	size_t n;

	for (int i = 0; i < LATER_N; i++)
		put_number("cur", i);
	for (int i = LATER_N; i < LATER_N + LATER_NEW; i++)
		put_number("new", i);
	IS_INT(maildir_open(&m, str_of(dir), put_off, &l, &err), 0, "open");
	for (l.step = 0; wait == 0 && l.step < 20; l.step++)
		IS_INT(maildir_step(m, LATER_STEP, &n, &wait, &err), 0,
		    "step %d: %zu", l.step, n);
	for (int i = 0; i < LATER_N; i++)
		wrong += l.times[i] != 1;
	IS_INT(wrong, 0, "each that was put off once");
	wrong = 0;
	for (int i = LATER_N; i < LATER_N + LATER_NEW; i++)
		wrong += l.times[i] == 0;
	IS_INT(wrong, 0, "and all that are new");
	IS_INT(l.first_step, 0, "these at once");
	IS_INT(count_files("cur", ""), LATER_N + LATER_NEW, "all are kept");
	maildir_close(&m);
	remove_dir();
	make_dir();
}

/* Many share a batch, large ones do not. */
static void test_batches(void)
{
	struct hand h = {.answer = MAILDIR_DONE};
	struct buf b;
	size_t n;

	for (int i = 0; i < MAILDIR_BATCH + 1; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "new/s%d", i);
		put_file(name, STR("x\n"));
	}
	(void)step(&h, 1000, &n);
	OK(h.calls == MAILDIR_BATCH + 1 && h.batches == 2, "two batches");
	buf_init(&b, MAILDIR_BATCH_BYTES);
	(void)buf_extend(&b, MAILDIR_BATCH_BYTES);
	put_file("new/l1", buf_str(&b));
	put_file("new/l2", buf_str(&b));
	h.batches = 0;
	(void)step(&h, 1000, &n);
	IS_INT(h.batches, 2, "a batch ends with the mail that fills it");
	buf_fini(&b);
}

static void test_strange(void)
{
	struct hand h = {.answer = MAILDIR_DONE};
	char path[512], target[512], name[256];
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/new/link", dir);
	(void)snprintf(target, sizeof(target), "%s/secret", dir);
	put_file("secret", STR("secret\n"));
	OK(symlink(target, path) == 0, "a symbolic link");
	(void)snprintf(path, sizeof(path), "%s/new/fifo", dir);
	OK(mkfifo(path, 0600) == 0, "a fifo");
	(void)snprintf(path, sizeof(path), "%s/new/folder", dir);
	OK(mkdir(path, 0700) == 0, "a folder");
	(void)step(&h, 10, &n);
	IS_INT(h.calls, 0, "none is read");
	IS_INT(
	    count_files("new", "") + count_files("cur", ""), 0, "none stays");
	OK(is_there("secret"), "the link was not followed");
	memset(name, 'n', sizeof(name) - 1);
	memcpy(name, "new/", 4);
	name[255] = '\0';
	put_file(name, STR("x\n"));
	(void)step(&h, 10, &n);
	OK(h.calls == 1 && count_files("cur", "") == 0, "a name of 251 bytes");
	put_file("new/evil:1,99999999999999999999", STR("x\n"));
	(void)step(&h, 10, &n);
	OK(count_files("new", "") + count_files("cur", "") == 0,
	    "a forged count of tries");
}

/* Names that are the same but for what does not fit: two messages, also when
 * both wait in cur/ and are taken again. */
static void test_long_names(void)
{
	char name[4 + 255 + 1] = "new/";
	struct hand h = {.answer = MAILDIR_TROUBLE};
	size_t n;

	memset(name + 4, 'x', 255);
	name[4 + 255] = '\0';
	for (char c = 'a'; c <= 'b'; c++) {
		name[4 + 254] = c;
		put_file(name, STR("a mail"));
	}
	(void)step(&h, 100, &n);
	IS_INT(h.calls, 2, "both are given");
	IS_INT(count_files("cur", ""), 2, "and wait");
	h = (struct hand){.answer = MAILDIR_DONE};
	(void)step(&h, 100, &n);
	IS_INT(h.calls, 2, "both again");
	IS_INT(count_files("cur", ""), 0, "and have gone");
}

static void test_huge(void)
{
	struct hand h = {.answer = MAILDIR_DONE};
	char path[512];
	size_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/new/huge", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	OK(fd >= 0 && ftruncate(fd, (off_t)MAILDIR_READ_MAX + 100) == 0,
	    "larger than is read");
	close(fd);
	(void)step(&h, 10, &n);
	OK(h.calls == 1 && h.cut && h.bytes == MAILDIR_READ_MAX,
	    "its head only");
	put_file("new/empty", STR(""));
	(void)step(&h, 10, &n);
	OK(h.calls == 2 && h.bytes == 0, "an empty one");
}

static void test_no_folder(void)
{
	struct hand h = {0};
	struct maildir *m;
	struct error err = {0};
	int64_t wait;
	size_t n;

	IS_INT(maildir_open(
		   &m, STR("/tmp/tendril-no-such-folder"), handle, &h, &err),
	    0, "no folder yet");
	IS_INT(maildir_step(m, 10, &n, &wait, &err), 0, "is no trouble");
	OK(n == 0 && wait == 1000, "only a wait");
	maildir_close(&m);
}

/* --- being told --- */

enum {
	TOLD_MS = 5000 /* it is told at once: only a failure waits for it */
};

static struct maildir *watcher(const char *path, struct hand *h)
{
	struct maildir *m;
	struct error err = {0};

	if (maildir_open(&m, str_of(path), handle, h, &err) != 0 ||
	    maildir_fd(m) < 0) {
		printf("Bail out! no watch: %s\n", err.text);
		exit(1);
	}
	return m;
}

static bool is_told(const struct maildir *m, int ms)
{
	struct pollfd p = {.fd = maildir_fd(m), .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

/* How many it took. */
static size_t step_of(struct maildir *m)
{
	struct error err = {0};
	int64_t wait;
	size_t n = 0;

	if (maildir_step(m, 64, &n, &wait, &err) != 0)
		printf("# %s\n", err.text);
	return n;
}

static void deliver_one(const char *where)
{
	struct error err = {0};

	if (deliver_to(where, STR("Subject: x\n\nx\n"), &err) != 0)
		printf("# %s\n", err.text);
}

static int descriptors(void)
{
	const struct dirent *e;
	int n = 0;
	DIR *d = opendir("/proc/self/fd");

	while (d != NULL && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	if (d != NULL)
		(void)closedir(d);
	return n;
}

static void test_told(void)
{
	struct hand h = {.answer = MAILDIR_DONE};
	struct maildir *m = watcher(dir, &h);
	char from[128], to[128];

	(void)step_of(m);
	OK(!is_told(m, 0), "nothing came");
	deliver_one(dir);
	OK(is_told(m, TOLD_MS), "mail: told");
	IS_INT((long long)step_of(m), 1, "and there");
	OK(!is_told(m, 0), "told once; our own work on it is no news");
	put_file("tmp/linked", STR("Subject: y\n\ny\n"));
	OK(!is_told(m, 0), "nor is what is not delivered yet");
	(void)snprintf(from, sizeof(from), "%s/tmp/linked", dir);
	(void)snprintf(to, sizeof(to), "%s/new/linked", dir);
	OK(link(from, to) == 0 && is_told(m, TOLD_MS), "a link: told");
	(void)unlink(from);
	IS_INT((long long)step_of(m), 1, "and there");
	maildir_close(&m);
}

/* A handler that looks whether more has come: once there is nothing, once a mail
 * was delivered while it worked. */
struct slow {
	struct maildir *m;
	int calls;
	bool before[2], after[2];
};

static void handle_slowly(void *arg, struct maildir_mail *v, size_t n)
{
	struct slow *s = arg;
	int i = s->calls++ % 2;

	s->before[i] = maildir_has_new(s->m);
	if (s->calls == 1)
		deliver_one(dir);
	s->after[i] = maildir_has_new(s->m);
	for (size_t k = 0; k < n; k++)
		v[k].answer = MAILDIR_DONE;
}

static void test_has_new(void)
{
	struct slow s = {0};
	struct error err = {0};

	if (maildir_open(&s.m, str_of(dir), handle_slowly, &s, &err) != 0)
		printf("# %s\n", err.text);
	OK(!maildir_has_new(s.m), "between steps: not known");
	deliver_one(dir);
	while (s.calls < 2 && step_of(s.m) > 0)
		continue;
	IS_INT(s.calls, 2, "two calls");
	OK(!s.before[0] && s.after[0], "a mail came meanwhile");
	OK(!s.before[1] && !s.after[1], "and then none");
	maildir_close(&s.m);
}

static void test_told_in_trouble(void)
{
	struct hand h = {.answer = MAILDIR_TROUBLE};
	struct maildir *m = watcher(dir, &h);

	(void)step_of(m);
	for (int i = 0; i < 4; i++)
		deliver_one(dir);
	(void)step_of(m);
	deliver_one(dir);
	OK(!is_told(m, 100), "more mail does not cut a wait in trouble short");
	h.answer = MAILDIR_DONE;
	(void)step_of(m);
	deliver_one(dir);
	OK(is_told(m, TOLD_MS), "told again when it is over");
	maildir_close(&m);
	m = watcher(dir, &h);
	while (step_of(m) > 0)
		continue;
	maildir_close(&m);
}

/* The folder comes later, goes, and comes again. */
static void test_told_of_another(void)
{
	struct hand h = {.answer = MAILDIR_DONE};
	char path[128], new[160], old[160];
	int before = descriptors();
	struct maildir *m;

	(void)snprintf(path, sizeof(path), "%s/later", dir);
	(void)snprintf(new, sizeof(new), "%s/new", path);
	(void)snprintf(old, sizeof(old), "%s/old", path);
	m = watcher(path, &h);
	IS_INT((long long)step_of(m), 0, "no folder yet");
	deliver_one(path);
	IS_INT((long long)step_of(m), 1, "looked for all the same");
	deliver_one(path);
	OK(is_told(m, TOLD_MS) && step_of(m) == 1, "told from then on");
	IS_INT(rename(new, old), 0, "it goes");
	IS_INT((long long)step_of(m), 0, "none is there");
	deliver_one(path);
	IS_INT((long long)step_of(m), 1, "another is");
	(void)rmdir(old);
	(void)step_of(m);
	OK(!is_told(m, 0), "nothing is told of the first");
	deliver_one(path);
	OK(is_told(m, TOLD_MS) && step_of(m) == 1, "but of the other");
	maildir_close(&m);
	IS_INT(descriptors(), before, "no descriptor is left");
}

/* --- deliveries meanwhile --- */

enum {
	DELIVERIES = 200
};

static void *deliver(void *arg)
{
	struct error err = {0};

	(void)arg;
	for (int i = 0; i < DELIVERIES; i++)
		if (deliver_to(dir, STR("Subject: x\n\nx\n"), &err) != 0)
			printf("# %s\n", err.text);
	return NULL;
}

static void test_concurrent(void)
{
	struct hand h = {.answer = MAILDIR_DONE};
	struct maildir *m;
	struct error err = {0};
	pthread_t t[2];
	int64_t wait;
	size_t n;

	if (maildir_open(&m, str_of(dir), handle, &h, &err) != 0)
		exit(1);
	for (int i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, deliver, NULL) != 0)
			exit(1);
	for (int i = 0; i < 2000 && h.calls < DELIVERIES; i++)
		(void)!maildir_step(m, 7, &n, &wait, &err);
	for (int i = 0; i < 2; i++)
		(void)pthread_join(t[i], NULL);
	do
		(void)!maildir_step(m, 64, &n, &wait, &err);
	while (n > 0);
	IS_INT(h.calls, 2 * DELIVERIES, "each delivery once");
	IS_INT(count_files("tmp", ""), 0, "nothing left in tmp");
	maildir_close(&m);
}

static void test_deliver_fails(void)
{
	struct error err = {0};

	fault_write_at(1);
	OK(deliver_to(dir, STR("x\n"), &err) != 0, "disk full: refused");
	fault_write_at(0);
	IS_INT(deliver_to(dir, STR(""), &err), ERR_SYNTAX, "nothing at all");
	IS_INT(deliver_behind(dir, STR("X: y\n"), STR(""), &err), ERR_SYNTAX,
	    "and behind a field");
	OK(maildir_deliver(str_of(dir), STR(""), -1, &err) != 0,
	    "cannot be read");
	fault_write_at(0);
	IS_INT(count_files("tmp", "") + count_files("new", ""), 0,
	    "nothing half-written");
	OK(deliver_to("/proc/none", STR("x\n"), &err) != 0, "no such place");
}

static void test_sweep(void)
{
	struct hand h = {.answer = MAILDIR_DONE};
	char path[512];
	struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
	char lately[40];
	size_t n;

	/* of a mail that was old when it was set aside */
	(void)snprintf(lately, sizeof(lately), "unparsed/%016llx.eml",
	    (unsigned long long)msgid_make(clock_now_ms(), 1));
	put_file(lately, STR("x\n"));
	put_file("tmp/left", STR("x\n"));
	put_file("tmp/young", STR("x\n"));
	put_file("unparsed/0000000000000001.eml", STR("x\n"));
	for (int i = 0; i < 3; i++) {
		const char *const names[] = {
		    "tmp/left", "unparsed/0000000000000001.eml", lately};

		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		OK(utimensat(AT_FDCWD, path, old, 0) == 0, "made old");
	}
	n = (size_t)count_files("unparsed", ".eml");
	(void)step(&h, 1, &(size_t){0});
	OK(!is_there("tmp/left") && is_there("tmp/young"),
	    "an old delivery is removed from tmp, a young one is not");
	IS_INT(count_files("unparsed", ".eml"), (long long)n - 1,
	    "so is what was set aside long ago");
	OK(is_there(lately), "but not what came long before that");
	(void)snprintf(path, sizeof(path), "%s/%s", dir, lately);
	(void)unlink(path);
}

/* Sparse, so that it takes no room here. */
static void put_large(const char *name, off_t size)
{
	char path[512];

	put_file(name, STR("From: x\n\n"));
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	OK(truncate(path, size) == 0, "%s is large", name);
}

/* What strangers fill the disk with goes at once, not after an hour. */
static void test_sweep_bytes(void)
{
	struct hand h = {.answer = MAILDIR_ASIDE};
	struct maildir *m;
	struct error err = {0};
	int64_t wait;
	size_t n;
	int before, large = 0;

	if (maildir_open(&m, str_of(dir), handle, &h, &err) != 0 ||
	    maildir_step(m, 1, &n, &wait, &err) != 0) {
		OK(false, "open %s", err.text);
		return;
	}
	before = count_files("unparsed", ".eml");
	put_file("new/small", STR("From: x\n\n"));
	put_large("new/huge", MAILDIR_ASIDE_BYTES);
	IS_INT(maildir_step(m, 10, &n, &wait, &err), 0, "step %s", err.text);
	IS_INT(count_files("unparsed", ".eml"), before + 1,
	    "the small one is kept, and what was there");
	for (int i = 0; i < 12; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "new/large%d", i);
		put_large(name, MAILDIR_ASIDE_BYTES / 8);
		(void)!maildir_step(m, 10, &n, &wait, &err);
		large = count_files("unparsed", ".eml") - before - 1;
		if (large > 8 + 2)
			break;
	}
	OK(large >= 6 && large <= 8 + 2, "%d of 12 large ones are there",
	    large);
	maildir_close(&m);
}

/* --- with the real handler --- */

static struct answertest A;

static void run_feedback(void)
{
	struct feedback *f;
	struct error err = {0};
	int64_t wait = 0;

	if (feedback_open(&f, &A.app, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	IS_INT(feedback_step(f, &wait, &err), 0, "step %s", err.text);
	feedback_close(&f);
}

static void test_feedback(void)
{
	const char *to = "ann@b.example";
	uint64_t events, id = answertest_send(&A, to, "");
	struct str mail =
	    answertest_dsn(&A, answertest_address(&A, TOKEN_BOUNCE, id), to,
		"5.1.1", "550 5.1.1 no such user");
	struct error err;
	int aside = count_files("unparsed", ".eml");

	IS_INT(deliver_to(dir, mail, &err), 0, "a DSN comes");
	run_feedback();
	IS_INT(answertest_suppressed(&A, to), SUPPRESSION_USER_UNKNOWN,
	    "from the Maildir to the suppression");
	IS_INT(answertest_slot(&A, id), SLOT_RELEASED, "and the slot is free");
	events = answertest_events(&A);
	put_file("cur/same:1,1", mail);
	run_feedback();
	IS_INT(answertest_events(&A), events,
	    "killed between commit and unlink: nothing the second time");
	IS_INT(count_files("cur", ""), 0, "but the file goes");
	put_file("new/stray", STR("To: who@example.com\n\nhello\n"));
	run_feedback();
	IS_INT(count_files("unparsed", ".eml"), aside + 1, "a stray is kept");
	IS_INT(answertest_counter(&A, "feedback.unparsed"), 1, "and counted");
}

/* A complaint of somebody about a message that was sent on to him. */
static void test_named(void)
{
	uint64_t id = answertest_send(&A, "yola@b.example", "");
	int aside = count_files("unparsed", ".eml");
	struct error err;
	char *mail = arena_printf(A.t.arena,
	    "From: fbl@provider.example\nTo: fbl@example.com\n"
	    "Content-Type: multipart/report; boundary=b; "
	    "report-type=feedback-report\n\n--b\n\nx\n--b\n"
	    "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
	    "Original-Rcpt-To: xaver@other.example\n\n--b\n"
	    "Content-Type: message/rfc822\n\nFrom: yola@b.example\n"
	    "To: xaver@other.example\n\nsee below\n> From: %s\n--b--\n",
	    answertest_address(&A, TOKEN_BOUNCE, id));

	IS_INT(deliver_to(dir, str_of(mail), &err), 0, "a complaint comes");
	run_feedback();
	IS_INT(answertest_suppressed(&A, "yola@b.example"), 0,
	    "whose message it was is left alone");
	IS_INT(count_files("unparsed", ".eml"), aside + 1, "for people");
}

/* Header fields beyond all bounds: set aside, whatever they say. */
static void test_too_much(void)
{
	int aside = count_files("unparsed", ".eml");
	struct buf b;

	buf_init(&b, 24 << 20);
	for (int i = 0; i < 300000; i++)
		buf_addz(&b, "X-Field: value that takes some room\n");
	buf_addz(&b, "\nbody\n");
	IS_INT(buf_error(&b), 0, "300000 header fields");
	put_file("new/fields", buf_str(&b));
	buf_fini(&b);
	run_feedback();
	IS_INT(count_files("unparsed", ".eml"), aside + 1, "set aside");
	IS_INT(count_files("new", "") + count_files("cur", ""), 0, "at once");
}

static void test_alloc(void)
{
	struct feedback *f = NULL;
	struct error err;
	int n = 0, rc;

	do {
		fault_alloc_at(++n);
		rc = feedback_open(&f, &A.app, &err);
		fault_alloc_at(0);
	} while (rc != 0 && n < 1000);
	OK(rc == 0 && n > 2, "opens after %d failed allocations", n - 1);
	feedback_close(&f);
}

int main(void)
{
	make_dir();
	test_plain();
	test_aside();
	test_trouble();
	test_killer();
	test_killer_in_batch();
	test_later();
	test_batches();
	test_strange();
	test_long_names();
	test_huge();
	test_no_folder();
	test_told();
	test_has_new();
	test_told_in_trouble();
	test_told_of_another();
	test_concurrent();
	test_deliver_fails();
	test_sweep();
	test_sweep_bytes();
	answertest_open(&A);
	A.conf.agent.maildir = str_of(dir);
	test_feedback();
	test_named();
	test_too_much();
	test_alloc();
	answertest_close(&A);
	remove_dir();
	return tap_done();
}
