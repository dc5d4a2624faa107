/* test_spool.c - files of copies: written whole or not at all, read back as
 * they were, damage noticed. */
#include "tests/unit/tap.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/mail/msgid.h"
#include "policy/spool/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#define NOW INT64_C(1795342800000)

static char dir[64];
static struct arena *arena;
static struct spool *spool;

static int remove_one(
    const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static char *path_of(uint64_t id, const char *folder)
{
	return arena_printf(
	    arena, "%s/%s/%016llx.eml", dir, folder, (unsigned long long)id);
}

/* Files in the two folders, whatever their names. */
static int count_files(void)
{
	static const char *const folders[] = {"spool", "spool/undecided"};
	int n = 0;

	for (size_t i = 0; i < 2; i++) {
		DIR *d = opendir(arena_printf(arena, "%s/%s", dir, folders[i]));
		const struct dirent *e;

		while (d != NULL && (e = readdir(d)) != NULL)
			n += e->d_type == DT_REG;
		if (d != NULL)
			closedir(d);
	}
	return n;
}

static struct header_list headers_of(const char *const *pairs)
{
	struct header_list l = {0};

	for (size_t i = 0; pairs[i] != NULL; i += 2)
		if (header_add(
			&l, arena, str_of(pairs[i]), str_of(pairs[i + 1])) != 0)
			exit(1);
	return l;
}

static const struct str one_arg[] = {{"NOTIFY=NEVER", 12}};
static const struct str mail_args[] = {
    {"RET=HDRS", 8}, {"ENVID=x+2By", 11}, {"SMTPUTF8", 8}};
static const struct envelope_rcpt rcpts[] = {
    {{"ann@b.example", 13}, {one_arg, 1}},
    {{"j\xc3\xb6rg@b.example\0z", 17}, {NULL, 0}},
};

static struct envelope envelope_of(enum copy_kind kind)
{
	return (struct envelope){.kind = kind,
	    .local = kind == COPY_UNDECIDED,
	    .arrived_ms = NOW,
	    .sender = STR("app@example.com"),
	    .sender_args = {mail_args, 3},
	    .rcpts = rcpts,
	    .n_rcpts = 2,
	    .stream = STR("news"),
	    .segment = STR("newsletter"),
	    .campaign = STR("spring"),
	    .from_domain = STR("news.example"),
	    .queue_id = STR("4abcQ1")};
}

static uint64_t add(const struct envelope *e, const struct spool_message *m)
{
	struct error err = {0};
	uint64_t id = 0;
	int rc = spool_add(spool, e, m, &id, &err);

	if (rc != 0)
		printf("# spool_add: %s\n", err.text);
	return rc == 0 ? id : 0;
}

static uint64_t add_plain(enum copy_kind kind)
{
	static const char *const pairs[] = {"Subject", " hi", NULL};
	struct header_list l = headers_of(pairs);
	struct envelope e = envelope_of(kind);

	return add(&e, &(struct spool_message){&l, STR("body\r\n")});
}

static void same_args(struct strs got, struct strs want, const char *what)
{
	IS_INT(got.n, want.n, "%s: count", what);
	for (size_t i = 0; i < got.n && i < want.n; i++)
		IS_S(got.v[i], want.v[i], "%s %zu", what, i);
}

static void test_round_trip(void)
{
	static const char *const pairs[] = {"Subject", " one\n\ttwo\r\n three",
	    "X-Empty", "", "X-Odd", "no blank \x80\xff", NULL};
	struct header_list l = headers_of(pairs);
	struct envelope e = envelope_of(COPY_TAKEN);
	struct spool_copy *c;
	struct error err = {0};
	const struct envelope *got;
	uint64_t id =
	    add(&e, &(struct spool_message){&l, STR("a\0b\r\nbare\nlf")});

	OK(id != 0 && msgid_time_ms(id) == NOW, "written; its id has the time");
	IS_INT(spool_read(spool, id, &c, &err), 0, "read: %s", err.text);
	if (c == NULL)
		return;
	IS_S(spool_copy_message(c),
	    STR("Subject: one\r\n\ttwo\r\n three\r\nX-Empty:\r\n"
		"X-Odd:no blank \x80\xff\r\n\r\na\0b\r\nbare\nlf"),
	    "message: folds end in CRLF, the body is as it was");
	got = spool_copy_envelope(c);
	OK(got->kind == COPY_TAKEN && !got->local && got->arrived_ms == NOW,
	    "kind, origin, time");
	IS_S(got->sender, e.sender, "sender");
	same_args(got->sender_args, e.sender_args, "MAIL argument");
	IS_INT(got->n_rcpts, 2, "recipients");
	for (size_t i = 0; i < 2 && i < got->n_rcpts; i++) {
		IS_S(got->rcpts[i].address, rcpts[i].address, "address %zu", i);
		same_args(got->rcpts[i].args, rcpts[i].args, "RCPT argument");
	}
	IS_S(got->stream, e.stream, "stream");
	IS_S(got->segment, e.segment, "segment");
	IS_S(got->campaign, e.campaign, "campaign");
	IS_S(got->from_domain, e.from_domain, "From domain");
	IS_S(got->queue_id, e.queue_id, "queue id");
	IS_INT(spool_remove(spool, id, &err), 0, "removed while open");
	IS_INT(spool_copy_message(c).n, 71, "and still readable");
	spool_copy_free(&c);
	IS_INT(spool_read(spool, id, &c, &err), ERR_NOT_FOUND, "gone");
	IS_INT(spool_remove(spool, id, &err), 0, "removing again is fine");
}

static void test_large(void)
{
	enum {
		BODY = 5 << 20,
		FIELD = 1 << 20
	};
	char *body = malloc(BODY), *field = malloc(FIELD + 1);
	const char *pairs[] = {"X-Big", field, "X-Small", " s", NULL};
	struct header_list l;
	struct envelope e = envelope_of(COPY_TAKEN);
	struct spool_copy *c;
	struct error err = {0};
	struct str got;
	uint64_t id;

	if (body == NULL || field == NULL)
		exit(1);
	for (size_t i = 0; i < BODY; i++)
		body[i] = (char)(i * 2654435761U >> 13);
	memset(field, 'f', FIELD);
	field[FIELD] = '\0';
	l = headers_of(pairs);
	id = add(&e, &(struct spool_message){&l, {body, BODY}});
	IS_INT(spool_read(spool, id, &c, &err), 0, "read: %s", err.text);
	if (c != NULL) {
		got = spool_copy_message(c);
		IS_INT(got.n, 6 + FIELD + 2 + 12 + 2 + BODY, "all bytes");
		OK(str_eq(
		       str_from(got, got.n - BODY), (struct str){body, BODY}),
		    "the body's");
	}
	spool_copy_free(&c);
	IS_INT(spool_remove(spool, id, &err), 0, "removed");
	free(field);
	free(body);
}

static void test_many_recipients(void)
{
	enum {
		N = 10000
	};
	struct envelope_rcpt *v = calloc(N, sizeof(*v));
	struct envelope e = envelope_of(COPY_TAKEN);
	struct header_list l = {0};
	struct spool_copy *c;
	struct error err = {0};
	uint64_t id;

	if (v == NULL)
		exit(1);
	for (size_t i = 0; i < N; i++)
		v[i].address = str_of(arena_printf(arena, "u%zu@b.example", i));
	e.rcpts = v;
	e.n_rcpts = N;
	id = add(&e, &(struct spool_message){&l, STR("x")});
	IS_INT(spool_read(spool, id, &c, &err), 0, "read: %s", err.text);
	if (c != NULL)
		IS_S(spool_copy_envelope(c)->rcpts[N - 1].address,
		    STR("u9999@b.example"), "the last of 10000");
	spool_copy_free(&c);
	IS_INT(spool_remove(spool, id, &err), 0, "removed");
	free(v);
}

static int mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

static void test_modes(void)
{
	mode_t old = umask(077);
	uint64_t id = add_plain(COPY_HELD);
	struct error err;

	(void)umask(old);
	IS_INT(mode_of(path_of(id, "spool")), 0660, "file, whatever the umask");
	IS_INT(mode_of(arena_printf(arena, "%s/spool", dir)), 02770, "folder");
	IS_INT(spool_remove(spool, id, &err), 0, "removed");
}

static int collect(void *arg, uint64_t id, int64_t changed_ms)
{
	uint64_t *sum = arg;

	(void)changed_ms;
	*sum += id;
	return 0;
}

static uint64_t sum_of(enum spool_place place)
{
	struct error err;
	uint64_t sum = 0;

	IS_INT(spool_each(spool, place, collect, &sum, &err), 0, "listed");
	return sum;
}

static void test_names(void)
{
	struct error err = {0};
	struct spool_copy *c;
	uint64_t a = add_plain(COPY_TAKEN), u = add_plain(COPY_UNDECIDED), b;

	OK(sum_of(SPOOL_COPIES) == a && sum_of(SPOOL_UNDECIDED) == u,
	    "each in its folder");
	IS_INT(spool_read(spool, u, &c, &err), 0, "an undecided one is found");
	OK(c != NULL && spool_copy_envelope(c)->local, "and is local");
	spool_copy_free(&c);
	IS_INT(spool_adopt(spool, u, &err), 0, "adopted: %s", err.text);
	IS_INT(spool_adopt(spool, u, &err), 0, "twice");
	OK(sum_of(SPOOL_COPIES) == a + u && sum_of(SPOOL_UNDECIDED) == 0,
	    "moved");
	IS_INT(spool_adopt(spool, 77, &err), ERR_NOT_FOUND, "no such copy");
	IS_INT(spool_link(spool, a, NOW + 1, &b, &err), 0, "second name");
	IS_INT(spool_remove(spool, a, &err), 0, "first name goes");
	IS_INT(spool_read(spool, b, &c, &err), 0, "the bytes stay");
	spool_copy_free(&c);
	IS_INT(spool_link(spool, a, NOW, &a, &err), ERR_NOT_FOUND, "no source");
	IS_INT(spool_remove(spool, b, &err), 0, "removed");
	IS_INT(spool_remove(spool, u, &err), 0, "removed");
	IS_INT(count_files(), 0, "nothing left");
}

struct rows {
	uint64_t kept;
	int code, asked;
};

static int has_row(void *arg, uint64_t id)
{
	struct rows *r = arg;

	r->asked++;
	return r->code != 0 ? r->code : id == r->kept;
}

static void test_sweep(void)
{
	struct rows r = {0};
	struct error err = {0};
	int64_t now = clock_now_ms(), later = now + 2 * 3600 * 1000;
	size_t n, before;
	uint64_t a = add_plain(COPY_HELD), b = add_plain(COPY_HELD),
		 u = add_plain(COPY_UNDECIDED);

	r.kept = a;
	IS_INT(spool_sweep(spool, now, has_row, &r, &n, &err), 0, "now");
	OK(n == 0 && r.asked == 0, "young files are left alone");
	r.code = -EIO;
	/* The temporary file may come before the first copy or after it. */
	IS_INT(spool_sweep(spool, later, has_row, &r, &before, &err), -EIO,
	    "trouble with rows ends it");
	OK(before <= 1 && r.asked == 1, "at the first copy");
	r.code = 0;
	OK(file_write_atomic(arena_printf(arena, "%s/spool/x.tmp", dir),
	       STR(""), 0600, &err) == 0 &&
		file_write_atomic(arena_printf(arena, "%s/spool/README", dir),
		    STR(""), 0600, &err) == 0,
	    "strange files");
	IS_INT(spool_sweep(spool, later, has_row, &r, &n, &err), 0, "later");
	IS_INT(before + n, 2, "a copy without a row and a temporary file");
	OK(access(path_of(a, "spool"), F_OK) == 0 &&
		access(path_of(b, "spool"), F_OK) != 0 &&
		access(path_of(u, "spool/undecided"), F_OK) == 0,
	    "copies with rows and undecided ones stay");
	IS_INT(spool_remove(spool, a, &err), 0, "removed");
	IS_INT(spool_remove(spool, u, &err), 0, "removed");
	(void)unlink(arena_printf(arena, "%s/spool/README", dir));
}

/* Every byte counts. */
static void test_damage(void)
{
	uint64_t id = add_plain(COPY_HELD);
	struct error err = {0};
	struct spool_copy *c;
	struct buf whole;
	int bad = 0;
	char *path = path_of(id, "spool");

	buf_init(&whole, 1 << 20);
	IS_INT(file_read(path, &whole, &err), 0, "read");
	for (size_t i = 0; i < whole.n; i++) {
		whole.p[i] ^= 0x20;
		if (file_write_atomic(path, buf_str(&whole), 0660, &err) != 0)
			exit(1);
		whole.p[i] ^= 0x20;
		bad += spool_read(spool, id, &c, &err) !=
		       (i == 7 ? ERR_VERSION : ERR_CORRUPT);
		spool_copy_free(&c);
	}
	IS_INT(bad, 0, "each of %zu bytes changed: noticed", whole.n);
	bad = 0;
	for (size_t n = 0; n < whole.n; n++) {
		if (truncate(path, (off_t)(whole.n - 1 - n)) != 0)
			exit(1);
		bad += spool_read(spool, id, &c, &err) != ERR_CORRUPT;
		spool_copy_free(&c);
	}
	IS_INT(bad, 0, "cut at each byte: noticed");
	(void)unlink(path);
	OK(symlink("/etc/passwd", path) == 0, "a link of an intruder");
	IS_INT(spool_read(spool, id, &c, &err), -ELOOP, "is not followed");
	(void)unlink(path);
	buf_fini(&whole);
}

static void test_full(void)
{
	struct envelope e = envelope_of(COPY_UNDECIDED);
	struct header_list l = {0};
	struct spool_message m = {&l, STR("body")};
	struct error err = {0};
	uint64_t id;
	int rc;

	fault_write_at(1);
	rc = spool_add(spool, &e, &m, &id, &err);
	fault_write_at(0);
	IS_INT(rc, ERR_FULL, "no space: %s", err.text);
	IS_INT(count_files(), 0, "nothing is left behind");
	for (long n = 1; n < 100; n++) {
		fault_alloc_at(n);
		rc = spool_add(spool, &e, &m, &id, &err);
		fault_alloc_at(0);
		if (rc == 0)
			break;
		if (rc != -ENOMEM || count_files() != 0)
			break;
	}
	IS_INT(rc, 0, "allocations failing one by one: clean, then it works");
	IS_INT(spool_remove(spool, id, &err), 0, "removed");
}

static void test_read_without_memory(void)
{
	uint64_t id = add_plain(COPY_HELD);
	struct error err = {0};
	struct spool_copy *c = NULL;
	int rc = -ENOMEM;

	for (long n = 1; n < 100 && rc != 0; n++) {
		fault_alloc_at(n);
		rc = spool_read(spool, id, &c, &err);
		fault_alloc_at(0);
		if (rc != 0 && (rc != -ENOMEM && rc != ERR_LIMIT))
			break;
	}
	IS_INT(rc, 0, "allocations failing one by one: clean, then it works");
	spool_copy_free(&c);
	IS_INT(spool_remove(spool, id, &err), 0, "removed");
}

static void test_no_folder(void)
{
	struct envelope e = envelope_of(COPY_HELD);
	struct header_list l = {0};
	struct spool *s;
	struct error err = {0};
	uint64_t id, sum = 0;
	size_t n;

	OK(file_write_atomic(
	       arena_printf(arena, "%s/file", dir), STR(""), 0600, &err) == 0,
	    "a file");
	IS_INT(
	    spool_open(&s, str_of(arena_printf(arena, "%s/file", dir)), &err),
	    0, "opening does not touch the disk");
	IS_INT(
	    spool_add(s, &e, &(struct spool_message){&l, STR("")}, &id, &err),
	    -ENOTDIR, "writing says what is wrong: %s", err.text);
	spool_close(&s);
	IS_INT(
	    spool_open(&s, str_of(arena_printf(arena, "%s/none", dir)), &err),
	    0, "a folder that is not there");
	IS_INT(spool_each(s, SPOOL_COPIES, collect, &sum, &err), 0, "is empty");
	IS_INT(spool_sweep(s, NOW, has_row, NULL, &n, &err), 0, "no sweep");
	spool_close(&s);
	char *longer = malloc(5000);
	if (longer == NULL)
		exit(1);
	memset(longer, 'x', 4999);
	longer[4999] = '\0';
	IS_INT(spool_open(&s, str_of(longer), &err), ERR_LIMIT, "too long");
	free(longer);
}

/* The bytes on disk: files of an older program must stay readable. */
static void test_golden(void)
{
	static const struct envelope_rcpt r = {{"a@b", 3}, {one_arg, 1}};
	static const char want[] =
	    "\xaa\x01\x01\x02\xf5\x03\x19\x03\xe8\x04\x43s@t\x05\x80\x06\x81"
	    "\x82\x43"
	    "a@b\x81\x4cNOTIFY=NEVER\x07\x41n\x08\x40\x09\x40\x0a\x40";
	struct envelope e = {.kind = COPY_HELD,
	    .local = true,
	    .arrived_ms = 1000,
	    .sender = STR("s@t"),
	    .rcpts = &r,
	    .n_rcpts = 1,
	    .stream = STR("n")};
	struct envelope got;
	struct buf b;
	int bad = 0;

	buf_init(&b, 1000);
	IS_INT(envelope_encode(&e, &b), 0, "encoded");
	IS_S(buf_str(&b), ((struct str){want, sizeof(want) - 1}), "golden");
	for (size_t n = 0; n < b.n; n++)
		bad += envelope_decode(str_cut(buf_str(&b), 0, n), arena,
			   &got) != ERR_CORRUPT;
	IS_INT(bad, 0, "cut short anywhere: corrupt");
	IS_INT(envelope_decode(STR("\xa1\x01\x01"), arena, &got), ERR_CORRUPT,
	    "no recipient");
	IS_INT(envelope_decode(STR("\xa1\x06\x81\x81\x40"), arena, &got),
	    ERR_CORRUPT, "a recipient of one part");
	buf_fini(&b);
}

static void test_args(void)
{
	struct strs args = {mail_args, 3};
	struct str v;

	OK(envelope_arg(&args, STR("envid"), &v) && str_eq(v, STR("x+2By")),
	    "value, whatever the case of the key");
	OK(envelope_arg(&args, STR("SMTPUTF8"), &v) && v.n == 0, "bare");
	OK(!envelope_arg(&args, STR("ENV"), &v), "not a prefix");
}

int main(void)
{
	struct error err = {0};

	(void)snprintf(dir, sizeof(dir), "/tmp/tendril-spool.XXXXXX");
	arena = arena_new(16 << 20);
	if (mkdtemp(dir) == NULL || arena == NULL ||
	    spool_open(&spool, str_of(dir), &err) != 0) {
		printf("Bail out! no folder\n");
		return 1;
	}
	test_round_trip();
	test_large();
	test_many_recipients();
	test_modes();
	test_names();
	test_sweep();
	test_damage();
	test_full();
	test_read_without_memory();
	test_no_folder();
	test_golden();
	test_args();
	spool_close(&spool);
	arena_free(&arena);
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
