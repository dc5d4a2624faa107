/* listen.h - a listening socket, TCP or unix. A unix socket's path is guarded
 * by a lock file beside it, so that a second instance never takes a live
 * socket away. Threads: one owner. */
#ifndef AGENT_WEB_LISTEN_H
#define AGENT_WEB_LISTEN_H

#include "policy/base/str.h"

struct server_listen {
	int fd, lock_fd;
	bool is_unix;
	char path[108];
};

/* spec: "host:port" with a literal address, "[::1]:port", or "/path". */
int server_listen_open(struct server_listen *l, struct str spec, unsigned mode,
    struct str group, struct error *err) MUST_CHECK;
/* Closes fd if it is still ours (>= 0) and removes a unix socket. */
void server_listen_close(struct server_listen *l);

#endif
