/* maildir.c - see maildir.h. */
#include "agent/in/maildir.h"

#include "agent/in/maildir_aside.h"
#include "agent/in/maildir_watch.h"
#include "policy/base/clock.h"
#include "policy/base/codec.h"
#include "policy/base/digest.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/base/log.h"
#include "policy/base/when.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	POLL_MS = 1000,
	TROUBLE_MS = 5000,
	TROUBLES_MAX = 3, /* in a row, then the step ends */
	RETRY_MS = WHEN_MINUTE_MS,
	KEEP_CAP = 1 << 20,
	NAME_SIZE = NAME_MAX + 1,
	BASE_MAX = NAME_MAX - 7, /* room for ":1,N" */
	BASE_HEX = 32,           /* of a digest in place of what is cut */
	AGAIN_MAX = 64,          /* of cur/, in a step */
	ASIDE_SWEEP = MAILDIR_ASIDE_BYTES / 4,
};

/* A claimed message: its file is `name` in cur/. */
struct claim {
	char base[NAME_SIZE], name[NAME_SIZE];
	unsigned tries; /* this one included */
	struct buf bytes;
};

struct maildir {
	char *path;
	maildir_fn *fn;
	void *arg;
	int root, cur, new; /* folders, open during a step */
	struct maildir_watch watch;
	int troubles;                     /* in a row */
	int64_t retry_at_ms, sweep_at_ms; /* monotonic */
	bool was_there, told_missing;
	int64_t aside_bytes;              /* since the last sweep */
	/* cur/ is gone through by name, over several steps: */
	bool again;            /* that is not done yet */
	char after[NAME_SIZE]; /* where it stopped; "": at its beginning */
	char names[AGAIN_MAX][NAME_SIZE]; /* of this step, in order */
	/* the batch that is being collected: */
	struct claim claims[MAILDIR_BATCH];
	struct maildir_mail mails[MAILDIR_BATCH];
	size_t n, bytes;
};

int maildir_open(struct maildir **out, struct str path, maildir_fn *fn,
    void *arg, struct error *err)
{
	struct maildir *m = fault_alloc() ? NULL : calloc(1, sizeof(*m));

	*out = NULL;
	if (m == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	m->fn = fn;
	m->arg = arg;
	m->root = m->cur = m->new = -1;
	maildir_watch_open(&m->watch);
	for (size_t i = 0; i < MAILDIR_BATCH; i++)
		buf_init(&m->claims[i].bytes, MAILDIR_READ_MAX);
	m->path = path.n > 0 && path.n < PATH_MAX ? malloc(path.n + 1) : NULL;
	if (m->path == NULL) {
		maildir_close(&m);
		return error_set(
		    err, -ENOMEM, "maildir: no memory for its path");
	}
	memcpy(m->path, path.p, path.n);
	m->path[path.n] = '\0';
	*out = m;
	return 0;
}

void maildir_close(struct maildir **m)
{
	if (*m == NULL)
		return;
	for (size_t i = 0; i < MAILDIR_BATCH; i++)
		buf_fini(&(*m)->claims[i].bytes);
	maildir_watch_close(&(*m)->watch);
	free((*m)->path);
	free(*m);
	*m = NULL;
}

int maildir_fd(const struct maildir *m)
{
	return m->watch.fd;
}

static void tell(const struct maildir *m, const char *what, int rc)
{
	LOG_EV_LIMITED(LOG_LEVEL_ERR, "maildir.trouble",
	    KV_Z("maildir", m->path), KV_Z("at", what),
	    KV_Z("error", error_text(rc)));
}

/* --- claims --- */

/* A name too long for a claim behind it keeps what makes it another than its
 * neighbour's: a rename takes the place of what has the same name. */
static int shorten(struct claim *c)
{
	unsigned char sum[DIGEST_SHA256];
	struct str base = str_of(c->base);
	int rc;

	if (base.n <= BASE_MAX)
		return 0;
	rc = digest_sha256(base, sum);
	if (rc == 0)
		codec_hex(sum, BASE_HEX / 2, c->base + BASE_MAX - BASE_HEX);
	return rc;
}

/* "X" or "X:2,S" was never in work, "X:1,N" N times. */
static int read_name(const char *name, struct claim *out)
{
	struct str s = str_of(name);
	size_t colon = str_rfind(s, ':');
	uint64_t n = 0;

	if (str_starts(str_from(s, colon), STR(":1,")) &&
	    str_u64(str_from(s, colon + 3), MAILDIR_TRIES, &n) != 0)
		n = MAILDIR_TRIES;
	out->tries = (unsigned)n;
	(void)snprintf(out->base, sizeof(out->base), "%.*s", (int)colon, name);
	return shorten(out);
}

static int rename_claim(
    struct maildir *m, int from, const char *name, struct claim *c)
{
	int n = snprintf(
	    c->name, sizeof(c->name), "%.*s:1,%u", BASE_MAX, c->base, c->tries);

	if (n < 0)
		return -EINVAL;
	return renameat(from, name, m->cur, c->name) == 0 ? 0 : -errno;
}

/* Trouble was not the message's fault: its claim does not count. */
static void give_back(struct maildir *m, struct claim *c)
{
	char claimed[NAME_SIZE];
	int rc;

	memcpy(claimed, c->name, sizeof(claimed));
	c->tries--;
	rc = rename_claim(m, m->cur, claimed, c);
	if (rc != 0)
		tell(m, "give back", rc);
}

static void set_aside(
    struct maildir *m, const struct claim *c, const char *reason)
{
	struct stat st = {0};
	int rc;

	if (fstatat(m->cur, c->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		m->aside_bytes += st.st_size;
	rc = maildir_aside(m->root, m->cur, c->name, reason);
	LOG_EV_LIMITED(LOG_LEVEL_WARNING, "feedback.unparsed",
	    KV_Z("file", c->base), KV_Z("reason", reason));
	if (rc != 0)
		tell(m, "set aside", rc);
}

/* --- one message --- */

static int digest(const struct buf *b, off_t size, unsigned char *out)
{
	unsigned char both[DIGEST_SHA256 + 8];
	int rc = digest_sha256(buf_str(b), both);

	codec_put_u64(both + DIGEST_SHA256, (uint64_t)size);
	return rc != 0
		   ? rc
		   : digest_sha256(
			 (struct str){(const char *)both, sizeof(both)}, out);
}

/* ERR_SYNTAX: no regular file. */
static int read_mail(
    struct maildir *m, struct claim *c, struct maildir_mail *out)
{
	struct stat st;
	int rc = 0, fd = openat(m->cur, c->name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? ERR_SYNTAX : -errno;
	if (fstat(fd, &st) != 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = ERR_SYNTAX;
	else
		rc = file_read_fd(fd, &c->bytes, NULL);
	(void)close(fd);
	if (rc == ERR_LIMIT && buf_error(&c->bytes) == 0) {
		out->cut = true;
		rc = 0;
	}
	out->bytes = buf_str(&c->bytes);
	out->since_ms = rc == 0 ? (int64_t)st.st_mtim.tv_sec * 1000 : 0;
	return rc != 0 ? rc : digest(&c->bytes, st.st_size, out->digest);
}

static void finish(
    struct maildir *m, struct claim *c, const struct maildir_mail *mail)
{
	switch (mail->answer) {
	case MAILDIR_DONE:
		m->troubles = 0;
		if (unlinkat(m->cur, c->name, 0) != 0)
			tell(m, "unlink", -errno);
		return;
	case MAILDIR_ASIDE:
		m->troubles = 0;
		set_aside(m, c, mail->err.text);
		return;
	case MAILDIR_LATER:
		m->troubles = 0;
		give_back(m, c);
		return;
	case MAILDIR_TROUBLE:
		break;
	}
	LOG_EV_LIMITED(LOG_LEVEL_ERR, "feedback.trouble", KV_Z("file", c->base),
	    KV_Z("error", mail->err.text));
	m->troubles++;
	give_back(m, c);
}

/* Gives what was collected to the handler. */
static void flush(struct maildir *m)
{
	if (m->n > 0)
		m->fn(m->arg, m->mails, m->n);
	for (size_t i = 0; i < m->n; i++) {
		struct buf *b = &m->claims[i].bytes;

		finish(m, &m->claims[i], &m->mails[i]);
		if (b->cap > KEEP_CAP)
			buf_fini(b);
		buf_reset(b);
	}
	m->n = m->bytes = 0;
}

/* Takes the claim, the last in the list, into the batch, unless the handler
 * need not see it. */
static void collect(struct maildir *m)
{
	struct claim *c = &m->claims[m->n];
	struct maildir_mail *mail = &m->mails[m->n];
	int rc;

	if (c->tries > MAILDIR_TRIES) {
		set_aside(m, c, "the program ended each time it read this");
		return;
	}
	*mail = (struct maildir_mail){.answer = MAILDIR_TROUBLE};
	rc = read_mail(m, c, mail);
	if (rc != 0) {
		mail->answer =
		    rc == ERR_SYNTAX ? MAILDIR_ASIDE : MAILDIR_TROUBLE;
		(void)error_set(&mail->err, rc, "%s",
		    rc == ERR_SYNTAX ? "not a regular file" : error_text(rc));
		buf_reset(&c->bytes);
		finish(m, c, mail);
		return;
	}
	m->n++;
	m->bytes += mail->bytes.n;
	if (m->n == MAILDIR_BATCH || m->bytes >= MAILDIR_BATCH_BYTES ||
	    c->tries > 1)
		flush(m);
}

/* --- a step --- */

/* -ENOENT: it is gone, its deliverer's business. */
static int take(struct maildir *m, int folder, const char *name)
{
	struct claim *c = &m->claims[m->n];
	int rc = read_name(name, c);

	c->tries++;
	if (rc == 0)
		rc = rename_claim(m, folder, name, c);
	if (rc == 0)
		collect(m);
	return rc;
}

/* From its start, whoever else reads it. */
static int list(int folder, DIR **out)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	*out = fd >= 0 ? fdopendir(fd) : NULL;
	if (*out != NULL)
		return 0;
	rc = -errno;
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

/* NULL: no more. */
static const char *next_name(DIR *d)
{
	const struct dirent *e;

	do
		e = readdir(d);
	while (e != NULL && e->d_name[0] == '.');
	return e != NULL ? e->d_name : NULL;
}

bool maildir_has_new(const struct maildir *m)
{
	DIR *d = NULL;
	bool yes = m->new >= 0 && list(m->new, &d) == 0 && next_name(d) != NULL;

	if (d != NULL)
		(void)closedir(d);
	return yes;
}

/* Works through new/ until it is used up, max or trouble. */
static int walk_new(struct maildir *m, size_t max, size_t *n)
{
	const char *name;
	DIR *d = NULL;
	int rc = list(m->new, &d);

	if (rc != 0)
		return rc;
	while (*n < max && m->troubles < TROUBLES_MAX &&
	       (name = next_name(d)) != NULL) {
		rc = take(m, m->new, name);
		if (rc != 0 && rc != -ENOENT)
			break;
		*n += rc == 0;
	}
	flush(m);
	(void)closedir(d);
	return rc == -ENOENT ? 0 : rc;
}

/* Keeps the first max names, in order. */
static void keep_name(
    struct maildir *m, const char *name, size_t max, size_t *n)
{
	size_t at = *n;

	while (at > 0 && strcmp(m->names[at - 1], name) > 0)
		at--;
	if (at == max)
		return;
	if (*n < max)
		(*n)++;
	memmove(m->names[at + 1], m->names[at], (*n - at - 1) * NAME_SIZE);
	(void)snprintf(m->names[at], NAME_SIZE, "%s", name);
}

/* The names of cur/ behind m->after: at most max. */
static int list_names(struct maildir *m, size_t max, size_t *n)
{
	const char *name;
	DIR *d = NULL;
	int rc = list(m->cur, &d);

	*n = 0;
	if (rc != 0)
		return rc;
	while ((name = next_name(d)) != NULL)
		if (strcmp(name, m->after) > 0)
			keep_name(m, name, max, n);
	(void)closedir(d);
	return 0;
}

/* What is in cur/ goes back there if it is put off again, so the folder is not
 * read while that goes on, and the next step goes on behind the last name: those
 * in front would keep all others from their turn. Trouble waits for the next
 * minute. */
static int walk_again(struct maildir *m, size_t max, size_t *n)
{
	size_t names;
	int rc = list_names(m, max, &names);

	m->again = rc == 0 && names == max;
	for (size_t i = 0; i < names && m->troubles < TROUBLES_MAX &&
			   (rc == 0 || rc == -ENOENT);
	     i++) {
		memcpy(m->after, m->names[i], NAME_SIZE);
		rc = take(m, m->cur, m->names[i]);
		*n += rc == 0;
	}
	flush(m);
	if (m->troubles >= TROUBLES_MAX)
		m->again = false;
	else if (!m->again)
		m->after[0] = '\0';
	return rc == -ENOENT ? 0 : rc;
}

static int open_folders(struct maildir *m)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

	m->root = open(m->path, flags);
	if (m->root < 0)
		return -errno;
	m->new = openat(m->root, "new", flags);
	if (m->new < 0)
		return -errno;
	if (mkdirat(m->root, "cur", 0700) != 0 && errno != EEXIST)
		return -errno;
	m->cur = openat(m->root, "cur", flags);
	return m->cur >= 0 ? 0 : -errno;
}

static void close_folders(struct maildir *m)
{
	if (m->new >= 0)
		(void)close(m->new);
	if (m->cur >= 0)
		(void)close(m->cur);
	if (m->root >= 0)
		(void)close(m->root);
	m->root = m->cur = m->new = -1;
}

static int run(struct maildir *m, size_t max, size_t *n)
{
	int64_t now = clock_mono_ms();
	int rc = 0;

	if (now >= m->retry_at_ms) {
		m->retry_at_ms = now + RETRY_MS;
		m->again = true;
	}
	if (m->again) /* half of it: what is new need not wait */
		rc = walk_again(
		    m, max > 2 * AGAIN_MAX ? AGAIN_MAX : (max + 1) / 2, n);
	if (rc == 0)
		rc = walk_new(m, max, n);
	if (now >= m->sweep_at_ms || m->aside_bytes >= ASIDE_SWEEP) {
		m->sweep_at_ms = now + WHEN_HOUR_MS;
		m->aside_bytes = 0;
		maildir_sweep(m->root, clock_now_ms());
	}
	return rc;
}

/* A folder that no mail made yet has none. Without the Maildir itself, or where
 * it was and is no more (moved away, a disk that is not mounted), mail piles up
 * elsewhere or comes back, and nobody would know. */
static void look_missing(struct maildir *m, int rc)
{
	bool missing = rc == -ENOENT && (m->was_there || m->root < 0);

	if (missing && !m->told_missing)
		LOG_EV(LOG_LEVEL_WARNING, "maildir.missing",
		    KV_Z("maildir", m->path));
	m->told_missing = missing;
	m->was_there |= rc == 0;
}

int maildir_step(struct maildir *m, size_t max, size_t *n_out,
    int64_t *wait_ms_out, struct error *err)
{
	int rc = open_folders(m);

	look_missing(m, rc);
	*n_out = 0;
	m->troubles = 0;
	if (rc == 0) {
		maildir_watch_arm(&m->watch, m->new);
		rc = run(m, max, n_out);
	}
	if (rc != 0 || m->troubles >= TROUBLES_MAX)
		maildir_watch_disarm(&m->watch);
	close_folders(m);
	m->again &= rc == 0;
	*wait_ms_out = *n_out >= max || m->again ? 0 : POLL_MS;
	if (rc == -ENOENT) /* no mail was ever delivered */
		return 0;
	if (m->troubles >= TROUBLES_MAX)
		*wait_ms_out = TROUBLE_MS;
	return rc != 0 ? error_set(err, rc, "%s: %s", m->path, error_text(rc))
		       : 0;
}
