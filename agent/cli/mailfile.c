/* mailfile.c - see mailfile.h. */
#include "agent/cli/mailfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
	CHUNK = 1 << 20,
	MARK = 16 /* more than an empty line and "From " */
};

void mailfile_init(struct mailfile *m)
{
	*m = (struct mailfile){.fd = -1};
	buf_init(&m->text, MAILFILE_MAX + 2 * CHUNK);
}

void mailfile_close(struct mailfile *m)
{
	if (m->fd > 0)
		(void)close(m->fd);
	m->fd = -1;
}

void mailfile_fini(struct mailfile *m)
{
	mailfile_close(m);
	buf_fini(&m->text);
}

/* What was given goes, to make room. */
static void compact(struct mailfile *m)
{
	if (m->at == 0)
		return;
	memmove(m->text.p, m->text.p + m->at, m->text.n - m->at);
	buf_truncate(&m->text, m->text.n - m->at);
	m->looked = m->looked > m->at ? m->looked - m->at : 0;
	m->at = 0;
}

static int read_more(struct mailfile *m, struct error *err)
{
	size_t had;
	ssize_t n;
	char *p;

	compact(m);
	had = m->text.n;
	p = buf_extend(&m->text, CHUNK);
	if (p == NULL)
		return error_set(err, buf_error(&m->text), "out of memory");
	do
		n = read(m->fd, p, CHUNK);
	while (n < 0 && errno == EINTR);
	buf_truncate(&m->text, n > 0 ? had + (size_t)n : had);
	if (n < 0)
		return error_set(err, -errno, "read: %s", error_text(-errno));
	m->ended = n == 0;
	return 0;
}

/* Until there are so many bytes of the next mail, or all of the file. */
static int read_up_to(struct mailfile *m, size_t wanted, struct error *err)
{
	int rc = 0;

	while (rc == 0 && !m->ended && m->text.n - m->at < wanted)
		rc = read_more(m, err);
	return rc;
}

int mailfile_open(struct mailfile *m, const char *path, struct error *err)
{
	bool input = strcmp(path, "-") == 0;
	int rc;

	mailfile_close(m);
	buf_reset(&m->text);
	m->at = m->looked = m->number = 0;
	m->ended = m->skipping = false;
	m->fd = input ? 0 : open(path, O_RDONLY | O_CLOEXEC);
	if (m->fd < 0)
		return error_set(
		    err, -errno, "%s: %s", path, error_text(-errno));
	rc = read_up_to(m, MARK, err);
	if (rc != 0)
		error_prefix(err, "%s", path);
	m->mbox = str_starts(buf_str(&m->text), STR("From "));
	return rc;
}

/* Where the next mail ends, in what was read from `looked` on: at a line that
 * begins with "From " behind an empty line. False: not in there. */
static bool find_end(struct mailfile *m, size_t *end_out)
{
	struct str text = buf_str(&m->text);
	size_t from = m->looked > m->at + MARK ? m->looked - MARK : m->at;

	for (size_t at = str_find(text, from, '\n'); at < text.n;
	     at = str_find(text, at + 1, '\n')) {
		bool empty =
		    at >= 2 &&
		    (text.p[at - 1] == '\n' ||
			(text.p[at - 1] == '\r' && text.p[at - 2] == '\n'));

		if (empty && str_starts(str_from(text, at + 1), STR("From "))) {
			*end_out = at + 1;
			return true;
		}
	}
	m->looked = text.n;
	return false;
}

/* To the end of a mail of which the head was given. */
static int skip_rest(struct mailfile *m, struct error *err)
{
	size_t end = 0;
	int rc = 0;

	while (rc == 0 && m->skipping) {
		if (find_end(m, &end)) {
			m->at = end;
			m->skipping = false;
		} else if (m->ended) {
			m->at = m->text.n;
			m->skipping = false;
		} else {
			m->at = m->text.n > MARK ? m->text.n - MARK : 0;
			rc = read_more(m, err);
		}
	}
	return rc;
}

static int next_of_mbox(struct mailfile *m, size_t *n_out, struct error *err)
{
	size_t end = 0;
	int rc = skip_rest(m, err);

	while (rc == 0) {
		if (find_end(m, &end)) {
			*n_out = end - m->at;
			return 0;
		}
		if (m->ended || m->text.n - m->at > MAILFILE_MAX) {
			*n_out = m->text.n - m->at;
			m->skipping = !m->ended;
			return *n_out > 0 ? 0 : ERR_NOT_FOUND;
		}
		rc = read_more(m, err);
	}
	return rc;
}

int mailfile_next(struct mailfile *m, struct str *mail_out, struct error *err)
{
	size_t n = 0;
	int rc;

	if (m->fd < 0)
		return ERR_NOT_FOUND;
	if (m->mbox) {
		rc = next_of_mbox(m, &n, err);
		m->number++;
	} else {
		rc = read_up_to(m, MAILFILE_MAX, err);
		n = m->text.n;
		mailfile_close(m); /* it is the only one */
	}
	if (rc != 0)
		return rc;
	*mail_out = str_cut(
	    buf_str(&m->text), m->at, n < MAILFILE_MAX ? n : MAILFILE_MAX);
	m->at += n;
	return 0;
}
