/* spool.c - see spool.h.
 *
 * link(2) and not rename(2) gives a file its name: it fails where the name is
 * taken, so two writers that drew one id do not lose a message. The envelope's
 * kind decides the folder, and an id must be free in both: each writer links
 * first and looks at the other folder then, so of two that race at least one
 * sees the other. */
#include "policy/spool/spool_internal.h"

#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/ledger/crc32c.h"
#include "policy/mail/msgid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	HEAD = 12,
	TAIL = 4,
	CHUNK = 65536,
	FILE_MODE = 0660,
	DIR_MODE = 02770,
	ARENA_MAX = 64 << 20,
	ID_TRIES = 8,
};

static const char magic[8] = {'t', 'e', 'n', 'd', 'r', 'i', 'l', 1};

int spool_code(int rc)
{
	return rc == -ENOSPC || rc == -EDQUOT || rc == -EROFS || rc == -EIO ||
		       rc == -EFBIG
		   ? ERR_FULL
		   : rc;
}

static int fail(struct error *err, int rc, const char *path)
{
	return error_set(err, spool_code(rc), "%s: %s", path, error_text(rc));
}

int spool_open(struct spool **out, struct str state_dir, struct error *err)
{
	struct spool *s = fault_alloc() ? NULL : calloc(1, sizeof(*s));
	size_t cap = sizeof(s->dir[0]);

	*out = NULL;
	if (s == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	if (snprintf(s->dir[SPOOL_COPIES], cap, "%.*s/spool",
		STR_ARG(state_dir)) >= (int)cap ||
	    snprintf(s->dir[SPOOL_UNDECIDED], cap, "%.*s/spool/undecided",
		STR_ARG(state_dir)) >= (int)cap) {
		free(s);
		return error_set(err, ERR_LIMIT, "state-dir is too long");
	}
	*out = s;
	return 0;
}

void spool_close(struct spool **s)
{
	free(*s);
	*s = NULL;
}

static enum spool_place place_of(const struct envelope *e)
{
	return e->kind == COPY_UNDECIDED ? SPOOL_UNDECIDED : SPOOL_COPIES;
}

static void path_of(const struct spool *s, enum spool_place place, uint64_t id,
    struct spool_path *out)
{
	(void)snprintf(out->z, sizeof(out->z), "%s/%016llx" SPOOL_SUFFIX,
	    s->dir[place], (unsigned long long)id);
}

static int make_dir(const char *dir, struct error *err)
{
	if (mkdir(dir, DIR_MODE & 0777) != 0)
		return errno == EEXIST ? 0 : fail(err, -errno, dir);
	/* mkdir() applies the umask and drops the set-group-id bit. */
	return chmod(dir, DIR_MODE) == 0 ? 0 : fail(err, -errno, dir);
}

int spool_make_dirs(const struct spool *s, const char *more, struct error *err)
{
	int rc = make_dir(s->dir[SPOOL_COPIES], err);

	if (rc == 0)
		rc = make_dir(s->dir[SPOOL_UNDECIDED], err);
	return rc == 0 && more != NULL ? make_dir(more, err) : rc;
}

/* --- writing --- */

/* Bytes on their way to a file: gathered up to a chunk, checksummed. */
struct sink {
	int fd;
	int error;
	uint32_t crc;
	struct buf b;
};

static void sink_flush(struct sink *k)
{
	struct str s = buf_str(&k->b);

	if (k->error == 0)
		k->error = buf_error(&k->b);
	if (k->error == 0 && s.n > 0)
		k->error = file_write_all(k->fd, s);
	buf_reset(&k->b);
}

static void sink_add(struct sink *k, struct str s)
{
	k->crc = crc32c(k->crc, s.p, s.n);
	if (s.n > CHUNK - k->b.n)
		sink_flush(k);
	if (s.n < CHUNK)
		buf_add(&k->b, s);
	else if (k->error == 0)
		k->error = file_write_all(k->fd, s);
}

/* Milters get folded lines joined by LF; in a message they end in CRLF. */
static void sink_value(struct sink *k, struct str value)
{
	size_t at = 0;

	while (at < value.n) {
		size_t lf = str_find(value, at, '\n');
		size_t end = lf > at && lf < value.n && value.p[lf - 1] == '\r'
				 ? lf - 1
				 : lf;

		sink_add(k, str_cut(value, at, end - at));
		if (lf < value.n)
			sink_add(k, STR("\r\n"));
		at = lf + 1;
	}
}

static void sink_message(struct sink *k, const struct spool_message *m)
{
	for (size_t i = 0; i < m->headers->n; i++) {
		sink_add(k, m->headers->v[i].name);
		sink_add(k, STR(":"));
		sink_value(k, m->headers->v[i].value);
		sink_add(k, STR("\r\n"));
	}
	sink_add(k, STR("\r\n"));
	sink_add(k, m->body);
}

static int write_content(
    int fd, const struct envelope *e, const struct spool_message *m)
{
	struct sink k = {.fd = fd};
	char n[4], crc[4];
	struct buf head;
	int rc;

	buf_init(&head, ENVELOPE_MAX);
	buf_init(&k.b, 2 * CHUNK);
	rc = envelope_encode(e, &head);
	if (rc == 0) {
		codec_put_u32(n, (uint32_t)head.n);
		sink_add(&k, (struct str){magic, sizeof(magic)});
		sink_add(&k, (struct str){n, sizeof(n)});
		sink_add(&k, buf_str(&head));
		sink_message(&k, m);
		codec_put_u32(crc, k.crc);
		sink_add(&k, (struct str){crc, sizeof(crc)});
		sink_flush(&k);
		rc = k.error;
	}
	buf_fini(&k.b);
	buf_fini(&head);
	return rc;
}

static int create_temp(const char *path)
{
	int fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (fchmod(fd, FILE_MODE) != 0) {
		rc = -errno;
		(void)close(fd);
		(void)unlink(path);
	}
	return rc != 0 ? rc : fd;
}

static int write_file(const char *path, const struct envelope *e,
    const struct spool_message *m, struct error *err)
{
	int rc, fd = create_temp(path);

	if (fd < 0)
		return fail(err, fd, path);
	rc = write_content(fd, e, m);
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0)
		return 0;
	(void)unlink(path);
	return fail(err, rc, path);
}

/* Gives `from` the name of the copy id, durably, if the id is free. */
static int give_name(const struct spool *s, const char *from,
    enum spool_place place, uint64_t id, struct error *err)
{
	enum spool_place other =
	    place == SPOOL_COPIES ? SPOOL_UNDECIDED : SPOOL_COPIES;
	struct spool_path to, taken;
	struct error ignored;
	int rc;

	path_of(s, place, id, &to);
	path_of(s, other, id, &taken);
	if (link(from, to.z) != 0)
		return errno == EEXIST
			   ? error_set(err, ERR_EXISTS, "%s: is there", to.z)
			   : fail(err, -errno, to.z);
	if (access(taken.z, F_OK) == 0)
		rc = error_set(err, ERR_EXISTS, "%s: is there", taken.z);
	else
		rc = file_sync_dir(s->dir[place], err);
	if (rc != 0) {
		(void)unlink(to.z);
		rc = spool_code(rc);
		if (file_sync_dir(s->dir[place], &ignored) != 0)
			return rc; /* the sweep finds it */
	}
	return rc;
}

static int find(const struct spool *s, uint64_t id, struct spool_path *out)
{
	for (int i = SPOOL_COPIES; i <= SPOOL_UNDECIDED; i++) {
		path_of(s, (enum spool_place)i, id, out);
		if (access(out->z, F_OK) == 0)
			return 0;
		if (errno != ENOENT)
			return spool_code(-errno);
	}
	return ERR_NOT_FOUND;
}

static int random_bytes(void *out, size_t n, struct error *err)
{
	if (getrandom(out, n, 0) == (ssize_t)n)
		return 0;
	return error_set(err, -EIO, "no random numbers");
}

/* The same, with an id that is free. */
static int give_id(const struct spool *s, const char *from,
    enum spool_place place, int64_t now_ms, uint64_t *id_out, struct error *err)
{
	int rc = ERR_EXISTS;

	for (int i = 0; i < ID_TRIES && rc == ERR_EXISTS; i++) {
		uint32_t random;

		rc = random_bytes(&random, sizeof(random), err);
		if (rc != 0)
			return rc;
		*id_out = msgid_make(now_ms, random);
		rc = give_name(s, from, place, *id_out, err);
	}
	return rc;
}

int spool_write_temp(const struct spool *s, enum spool_place place,
    const struct envelope *e, const struct spool_message *m,
    struct spool_path *out, struct error *err)
{
	unsigned long long random;
	int rc = random_bytes(&random, sizeof(random), err);

	if (rc != 0)
		return rc;
	(void)snprintf(out->z, sizeof(out->z), "%s/%016llx" SPOOL_TEMP,
	    s->dir[place], random);
	return write_file(out->z, e, m, err);
}

int spool_add(struct spool *s, const struct envelope *e,
    const struct spool_message *m, uint64_t *id_out, struct error *err)
{
	enum spool_place place = place_of(e);
	struct spool_path temp;
	int rc = spool_make_dirs(s, NULL, err);

	if (rc == 0)
		rc = spool_write_temp(s, place, e, m, &temp, err);
	if (rc != 0)
		return rc;
	rc = give_id(s, temp.z, place, e->arrived_ms, id_out, err);
	(void)unlink(temp.z);
	return rc;
}

/* renameat2(2), so that the file has one name at any time and takes nobody
 * else's. */
int spool_move_in(const struct spool *s, const char *from,
    enum spool_place place, int64_t now_ms, uint64_t *id_out, struct error *err)
{
	struct spool_path to, other;
	uint32_t random;
	int rc = random_bytes(&random, sizeof(random), err);

	if (rc != 0)
		return rc;
	*id_out = msgid_make(now_ms, random);
	path_of(s, place, *id_out, &to);
	if (find(s, *id_out, &other) == 0)
		return error_set(err, ERR_EXISTS, "%s: is there", other.z);
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to.z, RENAME_NOREPLACE) != 0)
		return fail(
		    err, errno == ENOENT ? ERR_NOT_FOUND : -errno, from);
	return file_sync_dir(s->dir[place], err);
}

/* --- names --- */

int spool_link(struct spool *s, uint64_t from, int64_t now_ms, uint64_t *id_out,
    struct error *err)
{
	struct spool_path source;
	int rc = find(s, from, &source);

	if (rc != 0)
		return error_set(err, rc, "copy %016llx: %s",
		    (unsigned long long)from, error_text(rc));
	return give_id(s, source.z, SPOOL_COPIES, now_ms, id_out, err);
}

int spool_adopt(struct spool *s, uint64_t id, struct error *err)
{
	struct spool_path from, to;

	path_of(s, SPOOL_UNDECIDED, id, &from);
	path_of(s, SPOOL_COPIES, id, &to);
	if (rename(from.z, to.z) == 0)
		return file_sync_dir(s->dir[SPOOL_COPIES], err);
	if (errno == ENOENT && access(to.z, F_OK) == 0)
		return 0;
	return fail(err, errno == ENOENT ? ERR_NOT_FOUND : -errno, from.z);
}

int spool_remove(struct spool *s, uint64_t id, struct error *err)
{
	struct spool_path p;

	for (int i = SPOOL_COPIES; i <= SPOOL_UNDECIDED; i++) {
		path_of(s, (enum spool_place)i, id, &p);
		if (unlink(p.z) != 0 && errno != ENOENT)
			return fail(err, -errno, p.z);
	}
	return 0;
}

/* --- reading --- */

struct spool_copy {
	struct arena *arena;
	char *map;
	size_t size;
	struct envelope envelope;
	struct str message;
};

void spool_copy_free(struct spool_copy **c)
{
	if (*c == NULL)
		return;
	if ((*c)->map != NULL)
		(void)munmap((*c)->map, (*c)->size);
	arena_free(&(*c)->arena);
	free(*c);
	*c = NULL;
}

static int map_file(struct spool_copy *c, const char *path)
{
	int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	void *map;

	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : -errno;
	if (fstat(fd, &st) != 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size < HEAD + TAIL)
		rc = ERR_CORRUPT;
	if (rc == 0) {
		c->size = (size_t)st.st_size;
		map = mmap(NULL, c->size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map == MAP_FAILED)
			rc = -errno;
		else
			c->map = map;
	}
	(void)close(fd);
	return rc;
}

static int parse(struct spool_copy *c)
{
	struct str all = {c->map, c->size - TAIL};
	size_t n;

	if (memcmp(c->map, magic, sizeof(magic) - 1) != 0)
		return ERR_CORRUPT;
	if (c->map[sizeof(magic) - 1] != magic[sizeof(magic) - 1])
		return ERR_VERSION;
	if (crc32c(0, all.p, all.n) != codec_get_u32(all.p + all.n))
		return ERR_CORRUPT;
	n = codec_get_u32(c->map + sizeof(magic));
	if (n > all.n - HEAD)
		return ERR_CORRUPT;
	c->message = str_from(all, HEAD + n);
	return envelope_decode(str_cut(all, HEAD, n), c->arena, &c->envelope);
}

int spool_read(
    struct spool *s, uint64_t id, struct spool_copy **out, struct error *err)
{
	struct spool_copy *c = fault_alloc() ? NULL : calloc(1, sizeof(*c));
	struct spool_path p;
	int rc;

	*out = NULL;
	if (c == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	c->arena = arena_new(ARENA_MAX);
	rc = c->arena != NULL ? find(s, id, &p) : -ENOMEM;
	if (rc == 0)
		rc = map_file(c, p.z);
	if (rc == 0)
		rc = parse(c);
	if (rc != 0) {
		spool_copy_free(&c);
		return error_set(err, rc, "copy %016llx: %s",
		    (unsigned long long)id, error_text(rc));
	}
	*out = c;
	return 0;
}

const struct envelope *spool_copy_envelope(const struct spool_copy *c)
{
	return &c->envelope;
}

struct str spool_copy_message(const struct spool_copy *c)
{
	return c->message;
}
