/* listen.c - see listen.h. */
#include "agent/web/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BACKLOG = 128
};

static int take_lock(struct server_listen *l, struct error *err)
{
	char path[sizeof(l->path) + 8];

	(void)snprintf(path, sizeof(path), "%s.lock", l->path);
	l->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (l->lock_fd < 0)
		return error_set(
		    err, -errno, "%s: %s", path, error_text(-errno));
	if (flock(l->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return error_set(err, ERR_EXISTS,
		    "%s: another instance is listening here", l->path);
	return 0;
}

/* What an instance that was killed left; nobody's file is removed for a slip
 * of the pen. */
static int remove_stale(const struct server_listen *l, struct error *err)
{
	struct stat st;

	if (lstat(l->path, &st) != 0)
		return errno == ENOENT ? 0
				       : error_set(err, -errno, "%s: %s",
					     l->path, error_text(-errno));
	if (!S_ISSOCK(st.st_mode))
		return error_set(
		    err, ERR_EXISTS, "%s: is there and no socket", l->path);
	(void)unlink(l->path);
	return 0;
}

static int set_access(const struct server_listen *l, unsigned mode,
    struct str group, struct error *err)
{
	char name[64], space[4096];
	struct group g, *found = NULL;

	if (group.n >= sizeof(name))
		return error_set(err, -EINVAL, "group name is too long");
	(void)snprintf(name, sizeof(name), "%.*s", STR_ARG(group));
	if (group.n > 0 &&
	    (getgrnam_r(name, &g, space, sizeof(space), &found) != 0 ||
		found == NULL))
		return error_set(err, ERR_NOT_FOUND, "no group %s", name);
	if (found != NULL && chown(l->path, (uid_t)-1, g.gr_gid) != 0)
		return error_set(
		    err, -errno, "%s: chown: %s", l->path, error_text(-errno));
	if (chmod(l->path, (mode_t)mode) != 0)
		return error_set(
		    err, -errno, "%s: chmod: %s", l->path, error_text(-errno));
	return 0;
}

static int open_unix(struct server_listen *l, struct str path, unsigned mode,
    struct str group, struct error *err)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int rc;

	if (path.n >= sizeof(un.sun_path))
		return error_set(
		    err, -ENAMETOOLONG, "%.*s: too long", STR_ARG(path));
	l->is_unix = true;
	memcpy(un.sun_path, path.p, path.n);
	memcpy(l->path, un.sun_path, sizeof(un.sun_path));
	rc = take_lock(l, err);
	if (rc == 0)
		rc = remove_stale(l, err);
	if (rc != 0) {
		l->path[0] = '\0';
		return rc;
	}
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&un, sizeof(un)) != 0)
		return error_set(
		    err, -errno, "%s: %s", l->path, error_text(-errno));
	return set_access(l, mode, group, err);
}

static int parse_tcp(
    struct str spec, struct sockaddr_storage *out, socklen_t *n_out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)out;
	size_t colon = str_rfind(spec, ':');
	struct str host = str_cut(spec, 0, colon);
	uint64_t port;
	char z[64];

	if (colon == spec.n ||
	    str_u64(str_from(spec, colon + 1), 65535, &port) != 0)
		return ERR_SYNTAX;
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = str_cut(host, 1, host.n - 2);
	if (host.n == 0 || host.n >= sizeof(z))
		return ERR_SYNTAX;
	memcpy(z, host.p, host.n);
	z[host.n] = '\0';
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, z, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		*n_out = sizeof(*in);
		return 0;
	}
	if (inet_pton(AF_INET6, z, &in6->sin6_addr) != 1)
		return ERR_SYNTAX;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)port);
	*n_out = sizeof(*in6);
	return 0;
}

static int open_tcp(struct server_listen *l, struct str spec, struct error *err)
{
	struct sockaddr_storage sa;
	socklen_t n;
	int on = 1;

	if (parse_tcp(spec, &sa, &n) != 0)
		return error_set(err, ERR_SYNTAX, "%.*s: wanted ADDRESS:PORT",
		    STR_ARG(spec));
	l->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 ||
	    setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(l->fd, (struct sockaddr *)&sa, n) != 0)
		return error_set(
		    err, -errno, "%.*s: %s", STR_ARG(spec), error_text(-errno));
	return 0;
}

int server_listen_open(struct server_listen *l, struct str spec, unsigned mode,
    struct str group, struct error *err)
{
	int rc;

	*l = (struct server_listen){.fd = -1, .lock_fd = -1};
	rc = str_starts(spec, STR("/")) ? open_unix(l, spec, mode, group, err)
					: open_tcp(l, spec, err);
	if (rc == 0 && listen(l->fd, BACKLOG) != 0)
		rc = error_set(
		    err, -errno, "%.*s: %s", STR_ARG(spec), error_text(-errno));
	if (rc == 0 && fcntl(l->fd, F_SETFL, O_NONBLOCK) != 0)
		rc = error_set(err, -errno, "fcntl");
	if (rc != 0)
		server_listen_close(l);
	return rc;
}

void server_listen_close(struct server_listen *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	if (l->is_unix && l->path[0] != '\0' && l->lock_fd >= 0)
		(void)unlink(l->path);
	if (l->lock_fd >= 0)
		(void)close(l->lock_fd);
	l->fd = l->lock_fd = -1;
	l->path[0] = '\0';
}
