/* secret.c - see secret.h. */
#include "policy/base/secret.h"

#include "policy/base/fault.h"
#include "policy/base/file.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SECRET_MAX = 65536
};

struct secret {
	size_t n;
	char p[];
};

struct secret *secret_new(struct str bytes)
{
	struct secret *s =
	    fault_alloc() ? NULL : malloc(sizeof(*s) + bytes.n + 1);

	if (s == NULL)
		return NULL;
	s->n = bytes.n;
	if (bytes.n > 0)
		memcpy(s->p, bytes.p, bytes.n);
	s->p[bytes.n] = '\0';
	return s;
}

void secret_free(struct secret **s)
{
	if (*s == NULL)
		return;
	OPENSSL_cleanse((*s)->p, (*s)->n);
	free(*s);
	*s = NULL;
}

struct str secret_bytes(const struct secret *s)
{
	return (struct str){s->p, s->n};
}

static int check_owner(
    int fd, const char *path, unsigned flags, struct error *err)
{
	mode_t bad = flags & SECRET_GROUP_READ ? 0037 : 0077;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_set(
		    err, -errno, "%s: %s", path, error_text(-errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERR_KEY, "%s: not a regular file", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return error_set(err, ERR_KEY,
		    "%s: owned by uid %ld, must be root or uid %ld", path,
		    (long)st.st_uid, (long)geteuid());
	if ((st.st_mode & bad) != 0)
		return error_set(err, ERR_KEY,
		    "%s: mode %04o lets others at the key; chmod %s it", path,
		    (unsigned)(st.st_mode & 07777),
		    flags & SECRET_GROUP_READ ? "0640" : "0600");
	return 0;
}

int secret_load(
    struct secret **out, const char *path, unsigned flags, struct error *err)
{
	struct buf b;
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	*out = NULL;
	if (fd < 0)
		return error_set(
		    err, -errno, "%s: %s", path, error_text(-errno));
	buf_init(&b, SECRET_MAX);
	rc = check_owner(fd, path, flags, err);
	if (rc == 0)
		rc = file_read_fd(fd, &b, err);
	if (rc == 0 && (*out = secret_new(buf_str(&b))) == NULL)
		rc = error_set(err, -ENOMEM, "%s: out of memory", path);
	if (b.p != NULL)
		OPENSSL_cleanse(b.p, b.cap);
	buf_fini(&b);
	(void)close(fd);
	return rc;
}

void secret_keep_library(void)
{
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}
