/* mtalog_follow.c - see mtalog_follow.h.
 *
 * data[0..n) are the bytes of the file from `offset` on, not yet given; of a
 * line longer than MTALOG_LINE_MAX only the start is kept and `skipped` counts
 * the rest, so the next byte to read is always offset + n + skipped. head[]
 * is the start of the file as read; it is compared after each read, which
 * shows a file that was truncated and has grown again in the meantime.
 *
 * When the name points to another file, the current one may still be written
 * to: the writer reopens later than the rename. Its end is final only after
 * the successor was seen with data; then it is read once more (`closing`). */
#include "agent/in/mtalog_follow.h"

#include "agent/in/mtalog_files.h"
#include "policy/base/codec.h"
#include "policy/base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
	DATA_MAX = 65536,
	POS_VERSION = 1
};

struct mtalog_follow {
	char *path;
	int fd, timer; /* fd -1: no file yet */
	uint64_t dev, inode, offset, skipped;
	size_t start, n; /* data not yet given: data[start..start + n) */
	size_t head_n;
	uint64_t head_hash;  /* of a full head */
	enum mtalog_gap gap; /* to be given before anything else */
	bool closing, at_end;
	struct mtalog_follow_stats stats;
	char head[MTALOG_HEAD_MAX];
	char data[DATA_MAX];
};

static uint64_t hash_of(const char *p, size_t n)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 1099511628211u;
	return h;
}

void mtalog_pos_encode(
    const struct mtalog_pos *pos, unsigned char out[MTALOG_POS_BYTES])
{
	out[0] = POS_VERSION;
	codec_put_u64(out + 1, pos->dev);
	codec_put_u64(out + 9, pos->inode);
	codec_put_u64(out + 17, pos->offset);
	codec_put_u32(out + 25, pos->head_n);
	codec_put_u64(out + 29, pos->head_hash);
}

int mtalog_pos_decode(struct str bytes, struct mtalog_pos *out)
{
	if (bytes.n > 0 && bytes.p[0] != POS_VERSION)
		return ERR_VERSION;
	if (bytes.n != MTALOG_POS_BYTES)
		return ERR_SYNTAX;
	out->dev = codec_get_u64(bytes.p + 1);
	out->inode = codec_get_u64(bytes.p + 9);
	out->offset = codec_get_u64(bytes.p + 17);
	out->head_n = codec_get_u32(bytes.p + 25);
	out->head_hash = codec_get_u64(bytes.p + 29);
	if (out->offset > INT64_MAX || out->head_n > MTALOG_HEAD_MAX ||
	    out->head_n > out->offset)
		return ERR_SYNTAX;
	return 0;
}

const char *mtalog_gap_text(enum mtalog_gap gap)
{
	switch (gap) {
	case MTALOG_NO_GAP:
		return "none";
	case MTALOG_GAP_TRUNCATED:
		return "the file was truncated";
	case MTALOG_GAP_LOST:
		return "the file read last is gone";
	case MTALOG_GAP_COMPRESSED:
		return "a rotated file is compressed";
	case MTALOG_GAP_PARTIAL:
		return "a rotated file ends within a line";
	}
	return "unknown";
}

static ssize_t read_at(int fd, char *p, size_t n, uint64_t at)
{
	ssize_t got;

	do
		got = pread(fd, p, n, (off_t)at);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

static bool head_is(int fd, size_t n, uint64_t hash)
{
	char head[MTALOG_HEAD_MAX];

	return read_at(fd, head, n, 0) == (ssize_t)n &&
	       hash_of(head, n) == hash;
}

static int open_log(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return error_set(
		    err, -errno, "%s: %s", path, error_text(-errno));
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	(void)close(fd);
	return error_set(err, -EINVAL, "%s: not a regular file", path);
}

/* Takes fd. Reading goes on at its start. */
static void use_file(struct mtalog_follow *f, int fd)
{
	struct stat st;

	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = fd;
	f->offset = f->skipped = 0;
	f->start = f->n = f->head_n = 0;
	f->closing = false;
	f->dev = f->inode = 0;
	if (fd < 0 || fstat(fd, &st) != 0)
		return;
	f->dev = st.st_dev;
	f->inode = st.st_ino;
	f->stats.files++;
}

/* The file that has the name now; none is fine. */
static int use_live(struct mtalog_follow *f, struct error *err)
{
	int fd = open_log(f->path, err);

	if (fd < 0 && fd != -ENOENT)
		return fd;
	use_file(f, fd < 0 ? -1 : fd);
	return 0;
}

struct search {
	const struct mtalog_pos *pos;
	int fd, rank; /* 2: the file; 1: a copy of it; 0: not found */
	enum mtalog_gap gap;
};

static int visit_search(void *arg, const struct mtalog_file *file)
{
	struct search *s = arg;
	const struct mtalog_pos *pos = s->pos;
	bool same = file->inode == pos->inode;
	int rank = same ? 2 : pos->head_n == MTALOG_HEAD_MAX ? 1 : 0;
	int fd;

	if (file->compressed && s->gap == MTALOG_GAP_LOST)
		s->gap = MTALOG_GAP_COMPRESSED;
	if (same && file->is_live)
		s->gap = MTALOG_GAP_TRUNCATED;
	if (file->compressed || rank <= s->rank || file->size < pos->offset)
		return 0;
	fd = open_log(file->path, NULL);
	if (fd < 0)
		return same && fd != -ENOENT ? fd : 0;
	if (!head_is(fd, pos->head_n, pos->head_hash)) {
		(void)close(fd);
		return 0;
	}
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = fd;
	s->rank = rank;
	return 0;
}

/* Goes on at pos wherever its file is now, else at the start of the live file
 * with a gap. */
static int resume(
    struct mtalog_follow *f, const struct mtalog_pos *pos, struct error *err)
{
	struct search s = {.pos = pos, .fd = -1, .gap = MTALOG_GAP_LOST};
	int rc = mtalog_files_each(f->path, visit_search, &s, err);
	ssize_t got;

	if (rc != 0 && s.fd >= 0)
		(void)close(s.fd);
	if (rc != 0)
		return error_set(err, rc, "%s: %s", f->path, error_text(rc));
	if (s.rank < 2)
		f->gap = s.gap;
	if (s.rank == 0)
		return use_live(f, err);
	use_file(f, s.fd);
	f->offset = pos->offset;
	got = read_at(s.fd, f->head, pos->head_n, 0);
	f->head_n = got > 0 ? (size_t)got : 0;
	f->head_hash = pos->head_hash;
	return 0;
}

static int set_timer(int fd, unsigned interval_ms)
{
	struct itimerspec it = {0};

	it.it_interval.tv_sec = interval_ms / 1000;
	it.it_interval.tv_nsec = (long)(interval_ms % 1000) * 1000000;
	it.it_value = it.it_interval;
	return timerfd_settime(fd, 0, &it, NULL) == 0 ? 0 : -errno;
}

int mtalog_follow_open(struct mtalog_follow **out, const char *path,
    const struct mtalog_pos *from, unsigned interval_ms, struct error *err)
{
	struct mtalog_follow *f = fault_alloc() ? NULL : calloc(1, sizeof(*f));
	int rc = -ENOMEM;

	*out = NULL;
	if (f == NULL)
		return error_set(err, rc, "%s", error_text(rc));
	f->fd = f->timer = -1;
	f->path = fault_alloc() ? NULL : strdup(path);
	if (f->path == NULL) {
		error_set(err, rc, "%s", error_text(rc));
		goto out;
	}
	f->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	rc = f->timer >= 0 ? set_timer(f->timer, interval_ms) : -errno;
	if (rc != 0)
		error_of(err, rc, "timer");
	else if (from == NULL || from->inode == 0)
		rc = use_live(f, err);
	else
		rc = resume(f, from, err);
out:
	if (rc != 0)
		mtalog_follow_close(&f);
	*out = f;
	return rc;
}

void mtalog_follow_close(struct mtalog_follow **f)
{
	if (*f == NULL)
		return;
	if ((*f)->fd >= 0)
		(void)close((*f)->fd);
	if ((*f)->timer >= 0)
		(void)close((*f)->timer);
	free((*f)->path);
	free(*f);
	*f = NULL;
}

static void position_at(
    const struct mtalog_follow *f, uint64_t offset, struct mtalog_pos *out)
{
	size_t n = offset < MTALOG_HEAD_MAX ? offset : MTALOG_HEAD_MAX;

	out->dev = f->dev;
	out->inode = f->inode;
	out->offset = offset;
	out->head_n = (uint32_t)n;
	out->head_hash =
	    n == MTALOG_HEAD_MAX ? f->head_hash : hash_of(f->head, n);
}

/* The file was cut, or is another one's content: go on in a copy of what was
 * there if rotation made one, else at the start. */
static int truncated(struct mtalog_follow *f, struct error *err)
{
	struct mtalog_pos pos;

	position_at(f, f->offset, &pos);
	f->gap = MTALOG_GAP_TRUNCATED;
	return resume(f, &pos, err);
}

/* Bytes read past head_n belong to it while it is short. */
static void keep_head(
    struct mtalog_follow *f, const char *p, size_t n, uint64_t at)
{
	size_t room;

	if (at != f->head_n || f->head_n == MTALOG_HEAD_MAX)
		return;
	room = MTALOG_HEAD_MAX - f->head_n;
	memcpy(f->head + f->head_n, p, n < room ? n : room);
	f->head_n += n < room ? n : room;
	if (f->head_n == MTALOG_HEAD_MAX)
		f->head_hash = hash_of(f->head, f->head_n);
}

/* 1: there is more data or another file, 0: the file's end, or an error. */
static int fill(struct mtalog_follow *f, struct error *err)
{
	char head[MTALOG_HEAD_MAX];
	uint64_t at = f->offset + f->n + f->skipped;
	ssize_t got;

	if (f->start > 0)
		memmove(f->data, f->data + f->start, f->n);
	f->start = 0;
	got = read_at(f->fd, f->data + f->n, DATA_MAX - f->n, at);
	if (got < 0)
		return error_set(
		    err, (int)got, "%s: %s", f->path, error_text((int)got));
	if (read_at(f->fd, head, f->head_n, 0) != (ssize_t)f->head_n ||
	    (f->head_n > 0 && memcmp(head, f->head, f->head_n) != 0)) {
		int rc = truncated(f, err);
		return rc != 0 ? rc : 1;
	}
	keep_head(f, f->data + f->n, (size_t)got, at);
	f->n += (size_t)got;
	f->stats.bytes += (uint64_t)got;
	return got > 0;
}

struct succession {
	const struct mtalog_follow *f;
	int64_t after_ns;           /* the current file's last change */
	int64_t best_ns, packed_ns; /* INT64_MAX: none */
	char path[PATH_MAX];        /* empty: none */
};

static int visit_succession(void *arg, const struct mtalog_file *file)
{
	struct succession *s = arg;
	int64_t ns = file->is_live ? INT64_MAX : file->mtime_ns;

	if (file->dev == s->f->dev && file->inode == s->f->inode)
		return 0;
	/* an empty one may have been rotated unused */
	if (ns <= s->after_ns || file->size == 0)
		return 0;
	if (file->compressed) {
		s->packed_ns = ns < s->packed_ns ? ns : s->packed_ns;
		return 0;
	}
	if (s->path[0] != '\0' && ns >= s->best_ns)
		return 0;
	s->best_ns = ns;
	memcpy(s->path, file->path, strlen(file->path) + 1);
	return 0;
}

/* At the current file's end. 1: look again; 0: nothing more now. */
static int next_file(struct mtalog_follow *f, struct error *err)
{
	struct succession s = {
	    .f = f, .best_ns = INT64_MAX, .packed_ns = INT64_MAX};
	struct mtalog_file now;
	struct stat st;
	int rc, fd;

	if (stat(f->path, &st) != 0)
		return errno == ENOENT ? 0
				       : error_set(err, -errno, "%s: %s",
					     f->path, error_text(-errno));
	if (st.st_ino == f->inode && st.st_dev == f->dev) {
		f->closing = false;
		return 0;
	}
	if (fstat(f->fd, &st) != 0)
		return error_set(
		    err, -errno, "%s: %s", f->path, error_text(-errno));
	mtalog_file_of(&st, &now);
	s.after_ns = now.mtime_ns;
	rc = mtalog_files_each(f->path, visit_succession, &s, err);
	if (rc != 0 || s.path[0] == '\0')
		return rc;
	if (!f->closing) {
		f->closing = true;
		return 1;
	}
	fd = open_log(s.path, err);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (f->n + f->skipped > 0)
		f->gap = MTALOG_GAP_PARTIAL;
	if (s.packed_ns < s.best_ns)
		f->gap = MTALOG_GAP_COMPRESSED;
	use_file(f, fd);
	return 1;
}

/* 1: look again; 0: nothing more now. */
static int end_of_file(struct mtalog_follow *f, struct error *err)
{
	struct stat st;
	int rc;

	if (fstat(f->fd, &st) != 0)
		return error_set(
		    err, -errno, "%s: %s", f->path, error_text(-errno));
	if ((uint64_t)st.st_size >= f->offset + f->n + f->skipped)
		return next_file(f, err);
	rc = truncated(f, err);
	return rc != 0 ? rc : 1;
}

/* A whole line in data, or the overlong start of one. */
static bool find_line(struct mtalog_follow *f, struct mtalog_item *item)
{
	const char *p = f->data + f->start;
	const char *end = f->n > 0 ? memchr(p, '\n', f->n) : NULL;
	size_t n = end != NULL ? (size_t)(end - p) : f->n, kept;

	kept = n < MTALOG_LINE_MAX ? n : MTALOG_LINE_MAX;
	if (end == NULL) {
		f->skipped += f->n - kept;
		f->n = kept;
		return false;
	}
	item->line = (struct str){p, kept};
	item->cut = f->skipped > 0 || kept < n;
	position_at(f, f->offset + n + 1 + f->skipped, &item->after);
	return true;
}

/* 1: an item; 0: none now. */
static int find_item(
    struct mtalog_follow *f, struct mtalog_item *item, struct error *err)
{
	int rc = 1;

	*item = (struct mtalog_item){.gap = MTALOG_NO_GAP};
	while (rc > 0) {
		if (f->gap != MTALOG_NO_GAP) {
			item->gap = f->gap;
			position_at(f, f->offset, &item->after);
			return 1;
		}
		if (find_line(f, item))
			return 1;
		if (f->fd < 0) {
			rc = use_live(f, err);
			if (rc == 0)
				rc = f->fd >= 0;
			continue;
		}
		rc = fill(f, err);
		if (rc == 0)
			rc = end_of_file(f, err);
	}
	return rc;
}

static void consume(struct mtalog_follow *f, const struct mtalog_item *item)
{
	size_t used;

	if (item->gap != MTALOG_NO_GAP) {
		f->gap = MTALOG_NO_GAP;
		f->stats.gaps++;
		return;
	}
	used = (size_t)(item->after.offset - f->offset - f->skipped);
	f->start += used;
	f->n -= used;
	f->offset = item->after.offset;
	f->skipped = 0;
	f->stats.lines++;
	f->stats.cut += item->cut;
}

int mtalog_follow_next(struct mtalog_follow *f, size_t max, mtalog_item_fn *fn,
    void *arg, struct error *err)
{
	struct mtalog_item item;
	uint64_t expirations;
	int rc = 0;

	while (read(f->timer, &expirations, sizeof(expirations)) < 0 &&
	       errno == EINTR)
		;
	f->at_end = false;
	for (size_t i = 0; i < max; i++) {
		rc = find_item(f, &item, err);
		f->at_end = rc == 0;
		if (rc <= 0)
			break;
		rc = fn(arg, &item);
		if (rc != 0)
			break;
		consume(f, &item);
	}
	return rc;
}

bool mtalog_follow_at_end(const struct mtalog_follow *f)
{
	return f->at_end;
}

int mtalog_follow_fd(const struct mtalog_follow *f)
{
	return f->timer;
}

void mtalog_follow_stats(
    const struct mtalog_follow *f, struct mtalog_follow_stats *out)
{
	*out = f->stats;
}
