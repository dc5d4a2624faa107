/* test_mtalog_follow.c - agent/in/mtalog_follow.h: each line once, across all
 * that happens to log files; gaps where there are some. Files live in a
 * temporary folder. Times of last change are set by hand, a second apart, so
 * that no test hangs on the granularity of the file system's clock. */
#include "agent/in/mtalog_follow.h"
#include "policy/base/buf.h"
#include "policy/base/fault.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>

enum {
	ALL = 1000000
};

static char dir[] = "/tmp/mtalog-test-XXXXXX";

/* What was given: lines with their newline, gaps as "!N\n". */
struct got {
	struct buf text;
	struct mtalog_pos pos; /* as a caller would store it */
	bool has_pos;
	size_t refuse; /* refuses when this many more were taken, 0: never */
};

static const char *path_of(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, PATH_MAX, "%s/%s", dir, name);
	return p;
}

static time_t ticks = 1000000000;

static void touch(const char *name)
{
	struct timespec t[2] = {{.tv_sec = ticks + 1}, {.tv_sec = ticks + 1}};

	ticks++;
	if (utimensat(AT_FDCWD, path_of(name), t, 0) != 0)
		bug("utimensat %s", name);
}

static void add(const char *name, const char *p, size_t n)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_APPEND, 0600);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n || close(fd) != 0)
		bug("cannot write %s", name);
	touch(name);
}

static void addz(const char *name, const char *z)
{
	add(name, z, strlen(z));
}

static void move(const char *from, const char *to)
{
	if (rename(path_of(from), path_of(to)) != 0)
		bug("cannot rename %s", from);
}

static void copy(const char *from, const char *to)
{
	char data[65536];
	int fd = open(path_of(from), O_RDONLY);
	ssize_t n = read(fd, data, sizeof(data));

	close(fd);
	add(to, data, (size_t)n);
}

static void cut(const char *name)
{
	if (truncate(path_of(name), 0) != 0)
		bug("cannot truncate %s", name);
	touch(name);
}

static void sweep(void)
{
	static const char *const name[] = {"log", "log.1", "log.2", "log.3",
	    "log-20261120", "log-20261121", "log.20261122-103846",
	    "log.20261122-103846.gz", "log.1.gz", "log.2.gz", "log.lock",
	    "log-backup", "logs", "log.keep"};

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		(void)unlink(path_of(name[i]));
	(void)rmdir(path_of("log"));
}

static int take(void *arg, const struct mtalog_item *item)
{
	struct got *g = arg;

	if (g->refuse > 0 && --g->refuse == 0)
		return -ECANCELED;
	if (item->gap != MTALOG_NO_GAP)
		buf_printf(&g->text, "!%d\n", (int)item->gap);
	else if (item->line.n > 1000)
		buf_printf(
		    &g->text, "%zu%s\n", item->line.n, item->cut ? "+" : "");
	else {
		buf_add(&g->text, item->line);
		buf_addc(&g->text, '\n');
	}
	g->pos = item->after;
	g->has_pos = true;
	return 0;
}

static void got_init(struct got *g)
{
	*g = (struct got){.has_pos = false};
	buf_init(&g->text, 1 << 20);
}

static struct mtalog_follow *reopen(struct got *g)
{
	struct mtalog_follow *f;
	struct error err = {0};
	int rc = mtalog_follow_open(
	    &f, path_of("log"), g->has_pos ? &g->pos : NULL, 0, &err);

	if (rc != 0)
		bug("open: %s", err.text);
	return f;
}

static void next(struct mtalog_follow *f, struct got *g)
{
	struct error err = {0};
	int rc = mtalog_follow_next(f, ALL, take, g, &err);

	if (rc != 0)
		bug("next: %s", err.text);
}

/* One process life: open, read all, close. */
static void live(struct got *g)
{
	struct mtalog_follow *f = reopen(g);

	next(f, g);
	mtalog_follow_close(&f);
}

#define GOT(g, want, ...)                                                      \
	do {                                                                   \
		IS_S(buf_str(&(g)->text), str_of(want), __VA_ARGS__);          \
		buf_reset(&(g)->text);                                         \
	} while (0)

static void done(struct mtalog_follow *f, struct got *g)
{
	mtalog_follow_close(&f);
	buf_fini(&g->text);
	sweep();
}

static void test_growing(void)
{
	struct mtalog_follow_stats stats;
	struct mtalog_follow *f;
	struct got g;

	got_init(&g);
	f = reopen(&g);
	next(f, &g);
	GOT(&g, "", "no file yet");
	OK(mtalog_follow_at_end(f), "nothing to wait for");
	addz("log", "one\ntw");
	next(f, &g);
	GOT(&g, "one\n", "a line without newline is not given");
	next(f, &g);
	GOT(&g, "", "and not on the second look");
	addz("log", "o\n\nthree\n");
	next(f, &g);
	GOT(&g, "two\n\nthree\n", "its rest, an empty line, another");
	add("log", "a\0b\n", 4);
	next(f, &g);
	IS_S(buf_str(&g.text), ((struct str){"a\0b\n", 4}),
	    "NUL is a byte of the line");
	mtalog_follow_stats(f, &stats);
	IS_INT(stats.lines, 5, "lines counted");
	IS_INT(stats.files, 1, "files counted");
	IS_INT(stats.gaps, 0, "no gaps");
	IS_INT(stats.bytes, 19, "bytes counted");
	done(f, &g);
}

static void test_batches(void)
{
	struct mtalog_follow *f;
	struct error err = {0};
	struct got g;

	got_init(&g);
	addz("log", "a\nb\nc\n");
	f = reopen(&g);
	IS_INT(mtalog_follow_next(f, 2, take, &g, &err), 0, "two items");
	GOT(&g, "a\nb\n", "are two");
	OK(!mtalog_follow_at_end(f), "more to read");
	g.refuse = 1;
	IS_INT(mtalog_follow_next(f, 2, take, &g, &err), -ECANCELED,
	    "a refusal is handed on");
	GOT(&g, "", "nothing taken");
	next(f, &g);
	GOT(&g, "c\n", "the refused item comes again");
	OK(mtalog_follow_at_end(f), "all read");
	done(f, &g);
}

static void test_rename(void)
{
	struct mtalog_follow *f;
	struct got g;

	got_init(&g);
	addz("log", "a\n");
	f = reopen(&g);
	next(f, &g);
	move("log", "log.1");
	addz("log.1", "b\n");
	next(f, &g);
	addz("log", "");
	addz("log.1", "c\nd");
	next(f, &g);
	GOT(&g, "a\nb\nc\n", "the old file until the new one has data");
	addz("log.1", "\ne\n");
	addz("log", "f\n");
	next(f, &g);
	GOT(&g, "d\ne\nf\n", "its end, then the new one from the start");
	move("log", "log.2");
	addz("log", "g\n");
	move("log", "log.1");
	addz("log", "h\n");
	next(f, &g);
	GOT(&g, "g\nh\n", "rotated twice between two looks");
	move("log", "log.3");
	next(f, &g);
	unlink(path_of("log.3"));
	addz("log", "i\nj");
	next(f, &g);
	GOT(&g, "i\n", "the old one deleted when it was read");
	move("log", "log.3");
	addz("log", "k\n");
	next(f, &g);
	GOT(&g, "!4\nk\n", "a line that never ended is a gap");
	done(f, &g);
}

static void test_truncate(void)
{
	char line[MTALOG_HEAD_MAX + 2];
	struct mtalog_follow *f;
	struct got g;

	got_init(&g);
	addz("log", "a\nb\nc");
	f = reopen(&g);
	next(f, &g);
	cut("log");
	next(f, &g);
	GOT(&g, "a\nb\n!1\n", "a cut file is a gap at once");
	addz("log", "d\n");
	next(f, &g);
	cut("log");
	addz("log", "e\nfff\n");
	next(f, &g);
	GOT(&g, "d\n!1\ne\nfff\n", "cut and grown larger than before");

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\n';
	add("log", line, sizeof(line));
	next(f, &g);
	buf_reset(&g.text);
	addz("log", "late\n");
	copy("log", "log.1");
	cut("log");
	addz("log", "new\n");
	next(f, &g);
	GOT(&g, "!1\nlate\nnew\n", "what a copy still has is read");
	done(f, &g);
}

static void test_overlong(void)
{
	static char line[100000];
	static const size_t length[] = {MTALOG_LINE_MAX - 1, MTALOG_LINE_MAX,
	    MTALOG_LINE_MAX + 1, 65535, 65536, sizeof(line)};
	struct mtalog_follow_stats stats;
	struct mtalog_follow *f;
	struct got g;

	got_init(&g);
	memset(line, 'x', sizeof(line));
	addz("log", "a\n");
	for (size_t i = 0; i < sizeof(length) / sizeof(length[0]); i++) {
		add("log", line, length[i]);
		addz("log", "\n");
	}
	addz("log", "b\n");
	add("log", line, sizeof(line));
	f = reopen(&g);
	next(f, &g);
	GOT(&g, "a\n8191\n8192\n8192+\n8192+\n8192+\n8192+\nb\n",
	    "long lines are cut");
	mtalog_follow_stats(f, &stats);
	IS_INT(stats.cut, 4, "and counted");
	add("log", line, sizeof(line));
	next(f, &g);
	addz("log", "\nc\n");
	next(f, &g);
	GOT(&g, "8192+\nc\n", "one that came in pieces");
	live(&g);
	GOT(&g, "", "the position after it was right");
	done(f, &g);
}

/* The file grows to each length, is read and left; then it gets its rest,
 * where it is, after a rotation, or after two. */
static void test_restart(void)
{
	static const char all[] = "first\n\nthird line\n4\nthe fifth one\nvi\n";
	static const char *const name[] = {"log", "log.1", "log-20261121"};

	for (size_t kind = 0; kind < 3; kind++) {
		size_t wrong = 0;
		for (size_t k = 0; k < sizeof(all); k++) {
			struct got g;
			got_init(&g);
			add("log", all, k);
			live(&g);
			if (kind > 0)
				move("log", name[kind]);
			add(name[kind], all + k, sizeof(all) - 1 - k);
			if (kind == 2) {
				addz("log", "x\n");
				move("log", "log-20261122");
			}
			if (kind > 0)
				addz("log", "y\n");
			live(&g);
			live(&g);
			/* a position was stored only if a line was complete */
			if (g.has_pos && k >= 6)
				wrong +=
				    !str_starts(buf_str(&g.text), STR(all)) ||
				    g.text.n != sizeof(all) - 1 + 2 * kind;
			else
				wrong += g.text.n == 0;
			buf_fini(&g.text);
			(void)unlink(path_of("log-20261122"));
			sweep();
		}
		IS_INT(wrong, 0, "each line once, restart at each byte, %s",
		    name[kind]);
	}
}

/* Killed after each item, while the log is rotated twice. */
static void test_restart_each_item(void)
{
	struct error err = {0};
	struct buf want;
	struct got g;

	got_init(&g);
	buf_init(&want, 1 << 20);
	for (int i = 0; i < 200; i++) {
		struct mtalog_follow *f;
		char line[40];

		snprintf(line, sizeof(line), "line %d\n", i * i);
		addz("log", line);
		buf_addz(&want, line);
		if (i % 2 == 0)
			continue;
		if (i == 71 || i == 121)
			move("log", i == 71 ? "log.2" : "log.1");
		f = reopen(&g);
		if (mtalog_follow_next(f, 1, take, &g, &err) != 0)
			bug("%s", err.text);
		mtalog_follow_close(&f);
	}
	for (int i = 0; i < 100; i++) {
		struct mtalog_follow *f = reopen(&g);
		if (mtalog_follow_next(f, 1, take, &g, &err) != 0)
			bug("%s", err.text);
		mtalog_follow_close(&f);
	}
	IS_S(buf_str(&g.text), buf_str(&want), "each line once");
	buf_fini(&want);
	done(NULL, &g);
}

static void test_lost(void)
{
	struct got g;

	got_init(&g);
	addz("log", "a\nb\n");
	live(&g);
	unlink(path_of("log"));
	live(&g);
	GOT(&g, "a\nb\n!2\n", "the file is gone");
	addz("log", "c\n");
	live(&g);
	GOT(&g, "c\n", "told once; a new one is read from its start");

	addz("log", "c2\n");
	live(&g);
	buf_reset(&g.text);
	move("log", "log.1");
	addz("log.1.gz", "packed");
	addz("log", "d\n"); /* before the old inode is free */
	unlink(path_of("log.1"));
	live(&g);
	GOT(&g, "!3\nd\n", "the file is compressed");
	done(NULL, &g);
}

static void test_packed_between(void)
{
	struct got g;

	got_init(&g);
	addz("log", "a\n");
	live(&g);
	move("log", "log.2");
	addz("log.1.gz", "packed");
	addz("log", "c\n");
	live(&g);
	GOT(&g, "a\n!3\nc\n", "a compressed file in between is a gap");
	sweep();

	g.has_pos = false;
	addz("log.2.gz", "packed");
	addz("log", "a\n");
	live(&g);
	move("log", "log.1");
	addz("log", "c\n");
	addz("log.1.gz", "half packed");
	live(&g);
	GOT(&g, "a\nc\n", "an older one, or one being made, is none");
	done(NULL, &g);
}

/* Another file that has the inode of the stored position. */
static void test_inode_reuse(void)
{
	struct stat st;
	struct got g;

	got_init(&g);
	addz("log", "Nov 22 a\nb\n");
	live(&g);
	buf_reset(&g.text);
	move("log", "log.1");
	addz("log.1", "rest\n");
	addz("log", "Nov 23 another content, and longer\n");
	if (stat(path_of("log"), &st) != 0)
		bug("stat");
	g.pos.inode = st.st_ino;
	live(&g);
	GOT(&g, "!1\nNov 23 another content, and longer\n",
	    "noticed by the file's first bytes");

	unlink(path_of("log"));
	g.pos.inode = 1;
	live(&g);
	GOT(&g, "!2\n", "an inode that nobody has");
	done(NULL, &g);
}

static void test_moved_away(void)
{
	char line[2 * MTALOG_HEAD_MAX];
	struct got g;

	got_init(&g);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	add("log", line, sizeof(line));
	addz("log", "a\n");
	live(&g);
	buf_reset(&g.text);
	/* restored from a backup: same bytes, other inode */
	addz("log", "b\n");
	copy("log", "log.1");
	addz("logs", "c\n");
	move("logs", "log");
	live(&g);
	GOT(&g, "!2\nb\nc\n", "a copy with the same 256 first bytes");
	done(NULL, &g);
}

static void test_names(void)
{
	struct got g;

	got_init(&g);
	addz("log", "a\n");
	live(&g);
	move("log", "log.20261122-103846");
	addz("log.20261122-103846", "b\n");
	addz("log.lock", "x\n");
	addz("log-backup", "x\n");
	addz("logs", "x\n");
	addz("log", "c\n");
	live(&g);
	GOT(&g, "a\nb\nc\n", "only rotated files are taken for such");
	done(NULL, &g);
}

static void test_position(void)
{
	struct mtalog_pos pos = {1, 2, 300, 256, 0x1122334455667788}, back;
	unsigned char raw[MTALOG_POS_BYTES + 1] = {0};
	struct str bytes = {(const char *)raw, MTALOG_POS_BYTES};

	mtalog_pos_encode(&pos, raw);
	IS_INT(mtalog_pos_decode(bytes, &back), 0, "decoded");
	OK(memcmp(&pos, &back, sizeof(pos.dev) * 3) == 0 &&
		back.head_n == 256 && back.head_hash == pos.head_hash,
	    "position is the same");
	IS_INT(mtalog_pos_decode(str_cut(bytes, 0, 36), &back), ERR_SYNTAX,
	    "too short");
	bytes.n++;
	IS_INT(mtalog_pos_decode(bytes, &back), ERR_SYNTAX, "too long");
	IS_INT(mtalog_pos_decode(STR_NULL, &back), ERR_SYNTAX, "empty");
	bytes.n--;
	raw[0] = 2;
	IS_INT(mtalog_pos_decode(bytes, &back), ERR_VERSION, "version");
	pos.head_n = 301;
	mtalog_pos_encode(&pos, raw);
	IS_INT(mtalog_pos_decode(bytes, &back), ERR_SYNTAX, "head too long");
	pos.head_n = 10;
	pos.offset = 9;
	mtalog_pos_encode(&pos, raw);
	IS_INT(mtalog_pos_decode(bytes, &back), ERR_SYNTAX,
	    "head beyond the offset");
	pos.offset = UINT64_MAX;
	mtalog_pos_encode(&pos, raw);
	IS_INT(mtalog_pos_decode(bytes, &back), ERR_SYNTAX, "offset");
	for (int i = MTALOG_NO_GAP; i <= MTALOG_GAP_PARTIAL + 1; i++)
		OK(strlen(mtalog_gap_text((enum mtalog_gap)i)) > 3,
		    "gap %d has a text", i);
}

static void test_timer(void)
{
	struct mtalog_follow *f;
	struct error err = {0};
	struct pollfd p;
	struct got g;
	int looks = 0;
	enum {
		LOOKS = 100
	};

	got_init(&g);
	if (mtalog_follow_open(&f, path_of("log"), NULL, 20, &err) != 0)
		bug("%s", err.text);
	p = (struct pollfd){.fd = mtalog_follow_fd(f), .events = POLLIN};
	IS_INT(poll(&p, 1, TAP_ENDLESS_MS), 1, "readable after the interval");
	do /* which may be over at once, but not each time */
		next(f, &g);
	while (poll(&p, 1, 0) > 0 && ++looks < LOOKS);
	OK(looks < LOOKS, "not after the look");
	IS_INT(poll(&p, 1, TAP_ENDLESS_MS), 1, "and again");
	done(f, &g);
}

static void test_errors(void)
{
	struct mtalog_follow *f;
	struct error err = {0};
	struct got g;
	int rc = -1;

	got_init(&g);
	if (mkdir(path_of("log"), 0700) != 0)
		bug("mkdir");
	IS_INT(mtalog_follow_open(&f, path_of("log"), NULL, 0, &err), -EINVAL,
	    "a folder is no log");
	OK(f == NULL && str_ends(str_of(err.text), STR("not a regular file")),
	    "said so: %s", err.text);
	sweep();
	g.pos.inode = 1;
	IS_INT(mtalog_follow_open(&f, path_of("none/log"), &g.pos, 0, &err),
	    -ENOENT, "no such folder");
	addz("log", "a\n");
	for (long n = 1; rc != 0 && n < 20; n++) {
		fault_alloc_at(n);
		rc = mtalog_follow_open(&f, path_of("log"), NULL, 0, &err);
		OK(rc == 0 || (rc == -ENOMEM && f == NULL),
		    "allocation %ld fails: %d", n, rc);
	}
	fault_alloc_at(0);
	next(f, &g);
	GOT(&g, "a\n", "and then it works");
	mtalog_follow_close(&f);
	mtalog_follow_close(&f);
	done(f, &g);
}

/* The model is the list of lines as they were written. A writer appends,
 * rotates, reopens late; a reader takes batches and is killed. */
struct model {
	struct buf want;
	char writer[40]; /* the name the writer's open file has now */
	unsigned files, line, seed;
};

static unsigned pick(struct model *m, unsigned n)
{
	m->seed = m->seed * 1664525 + 1013904223;
	return (m->seed >> 16) % n;
}

static void model_write(struct model *m)
{
	char text[400];
	int n = snprintf(text, sizeof(text), "line %u %*s\n", m->line++,
	    (int)pick(m, 300), "x");
	int half = (int)pick(m, (unsigned)n);

	add(m->writer, text, (size_t)half);
	add(m->writer, text + half, (size_t)(n - half));
	buf_add(&m->want, (struct str){text, (size_t)n});
}

static void model_step(struct model *m, struct mtalog_follow **f, struct got *g)
{
	struct error err = {0};
	char name[40];

	switch (pick(m, 8)) {
	case 0:
		if (strcmp(m->writer, "log") != 0)
			break;
		snprintf(name, sizeof(name), "log.%u", 100 - m->files++);
		move("log", name);
		snprintf(m->writer, sizeof(m->writer), "%s", name);
		break;
	case 1:
		snprintf(m->writer, sizeof(m->writer), "log");
		add("log", "", 0);
		break;
	case 2:
		mtalog_follow_close(f);
		*f = reopen(g);
		break;
	case 3:
	case 4:
		if (mtalog_follow_next(*f, pick(m, 5), take, g, &err) != 0)
			bug("%s", err.text);
		break;
	default:
		model_write(m);
		break;
	}
}

static void test_model(void)
{
	for (unsigned seed = 1; seed <= 40; seed++) {
		struct model m = {.writer = "log", .seed = seed};
		struct mtalog_follow *f;
		struct got g;

		got_init(&g);
		buf_init(&m.want, 1 << 20);
		model_write(&m);
		f = reopen(&g);
		next(f, &g);
		for (int i = 0; i < 300; i++)
			model_step(&m, &f, &g);
		snprintf(m.writer, sizeof(m.writer), "log");
		model_write(&m);
		next(f, &g);
		IS_S(buf_str(&g.text), buf_str(&m.want),
		    "seed %u: %u lines in %u files", seed, m.line, m.files + 1);
		for (unsigned i = 0; i < m.files; i++) {
			char name[40];
			snprintf(name, sizeof(name), "log.%u", 100 - i);
			(void)unlink(path_of(name));
		}
		buf_fini(&m.want);
		done(f, &g);
	}
}

int main(void)
{
	if (mkdtemp(dir) == NULL)
		bug("mkdtemp");
	test_growing();
	test_batches();
	test_rename();
	test_truncate();
	test_overlong();
	test_restart();
	test_restart_each_item();
	test_lost();
	test_packed_between();
	test_inode_reuse();
	test_moved_away();
	test_names();
	test_position();
	test_timer();
	test_errors();
	test_model();
	if (rmdir(dir) != 0)
		printf("# %s is not empty\n", dir);
	return tap_done();
}
