/* mtadial.h - sockets as Postfix names them. Threads: any. */
#ifndef TESTS_MTA_MTADIAL_H
#define TESTS_MTA_MTADIAL_H

#include "policy/base/str.h"

#include <sys/socket.h>

struct mta_address {
	struct sockaddr_storage sa;
	socklen_t n;
};

/* "unix:/path", "inet:port@address" or "inet:address:port"; numeric IPv4 or
 * "localhost". ERR_SYNTAX, or ERR_LIMIT when the path is too long. */
int mta_address(
    const char *text, struct mta_address *out, struct error *err) MUST_CHECK;

/* A connected socket, or, with nonblocking, one that may be on its way
 * (*fd_out is set and -EINPROGRESS returned). -EAGAIN: the listener's queue
 * is full (unix:, nonblocking), try again. The caller closes *fd_out. */
int mta_dial(
    const struct mta_address *a, bool nonblocking, int *fd_out) MUST_CHECK;

#endif
