/* mtadial.c - see mtadial.h. */
#include "tests/mta/mtadial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static int unix_address(
    struct str path, struct mta_address *out, struct error *err)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	if (path.n == 0 || path.n >= sizeof(un.sun_path))
		return error_set(err, ERR_LIMIT,
		    "socket path has %zu bytes, not 1 to %zu", path.n,
		    sizeof(un.sun_path) - 1);
	memcpy(un.sun_path, path.p, path.n);
	memcpy(&out->sa, &un, sizeof(un));
	out->n = sizeof(un);
	return 0;
}

static int inet_address(
    struct str s, struct mta_address *out, struct error *err)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	size_t at = str_find(s, 0, '@'), colon = str_rfind(s, ':');
	struct str host = STR_NULL, port = s;
	char text[INET_ADDRSTRLEN];
	uint64_t number;

	if (at < s.n) {
		port = str_cut(s, 0, at);
		host = str_from(s, at + 1);
	} else if (colon < s.n) {
		host = str_cut(s, 0, colon);
		port = str_from(s, colon + 1);
	}
	if (host.n == 0 || str_eq(host, STR("localhost")))
		host = STR("127.0.0.1");
	if (host.n >= sizeof(text) || str_u64(port, 65535, &number) != 0)
		return error_set(
		    err, ERR_SYNTAX, "inet:%.*s: not PORT@ADDRESS", STR_ARG(s));
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	if (inet_pton(AF_INET, text, &in.sin_addr) != 1)
		return error_set(
		    err, ERR_SYNTAX, "%s: not an IPv4 address", text);
	in.sin_port = htons((uint16_t)number);
	memcpy(&out->sa, &in, sizeof(in));
	out->n = sizeof(in);
	return 0;
}

int mta_address(const char *text, struct mta_address *out, struct error *err)
{
	struct str s = str_of(text);

	*out = (struct mta_address){.n = 0};
	if (str_starts(s, STR("unix:")))
		return unix_address(str_from(s, 5), out, err);
	if (str_starts(s, STR("inet:")))
		return inet_address(str_from(s, 5), out, err);
	return error_set(
	    err, ERR_SYNTAX, "%s: not unix:PATH or inet:PORT@ADDRESS", text);
}

int mta_dial(const struct mta_address *a, bool nonblocking, int *fd_out)
{
	int rc, type = SOCK_STREAM | SOCK_CLOEXEC;
	int fd = socket(
	    a->sa.ss_family, nonblocking ? type | SOCK_NONBLOCK : type, 0);

	if (fd < 0)
		return -errno;
	do
		rc = connect(fd, (const struct sockaddr *)&a->sa, a->n);
	while (rc != 0 && errno == EINTR);
	rc = rc != 0 ? -errno : 0;
	if (rc != 0 && rc != -EINPROGRESS) {
		(void)close(fd);
		fd = -1;
	}
	*fd_out = fd;
	return rc;
}
