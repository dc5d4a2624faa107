/* server.h - HTTP: the only file that sees libmicrohttpd is server.c.
 *
 * Requests are read whole (bounded), then handed to a small pool of workers,
 * where a handler may block for a ledger batch; meanwhile the connection is
 * suspended and costs no thread. A reply is sent when the handler returns, so
 * what it proposed is durable before the peer hears of it.
 *
 * Against slow peers: libmicrohttpd's timeout is for idle connections only,
 * so a sweeper of our own ends each connection whose request is not complete
 * after deadline_ms. One user of a unix socket has a part of the connections
 * only, as one address of the network has (IPv6: one /64), declared proxies
 * excepted. Every 503 tells when to come again (RFC 9110 section 10.2.3).
 * Threads: internally locked; handlers run on workers. */
#ifndef AGENT_WEB_SERVER_H
#define AGENT_WEB_SERVER_H

#include "policy/base/arena.h"
#include "policy/base/buf.h"
#include "policy/conf/conf.h"

#include <sys/types.h>

enum server_method {
	SERVER_GET,
	SERVER_HEAD,
	SERVER_POST,
	SERVER_DELETE,
	SERVER_OTHER,
};

/* A parameter of the query, decoded. */
struct server_arg {
	struct str name, value;
};

struct server_request {
	enum server_method method;
	struct str path;         /* decoded, without query */
	struct str body;         /* whole */
	bool body_refused;       /* there was one; body is empty */
	struct str content_type; /* empty if none */
	struct str language;     /* Accept-Language; empty if none */
	const struct server_arg *args;
	size_t n_args;
	struct arena *arena; /* for the handler; gone after the reply */
	/* TCP: the client, behind declared proxies the forwarded one;
	 * unix socket: has_peer and the credentials. */
	char client[64];
	bool has_peer;
	uid_t uid;
	gid_t gid;
};

struct server_reply {
	int status;               /* HTTP; 500 until the handler sets it */
	const char *content_type; /* a literal; default text/plain */
	const char *allow;        /* for 405, a literal; else NULL */
	struct buf body;
};

/* The first query parameter of that name; p == NULL when absent, else p !=
 * NULL even if it is empty. */
struct str server_query(const struct server_request *rq, const char *name);

/* Fills *rp; never fails: trouble is status 500 or 503. */
typedef void server_handler(
    void *arg, const struct server_request *rq, struct server_reply *rp);

struct server_options {
	struct str listen; /* "127.0.0.1:8580", "[::1]:80", or "/path" */
	unsigned mode;     /* of a unix socket */
	struct str group;  /* of a unix socket; empty: none */
	struct conf_nets proxies;
	size_t max_body; /* what is above gets 413 */
	/* May this request, known by its header and peer, have a body of more
	 * than body_free? NULL: all may. Of one that may not nothing is kept.
	 * Runs on a worker, since who asks may block. */
	bool (*may_send)(void *arg, const struct server_request *rq);
	size_t body_free;
	size_t workers;      /* 1..64 */
	int64_t deadline_ms; /* for one request to be complete */
	server_handler *handler;
	void *arg;
};

struct server;

int server_open(struct server **out, const struct server_options *o,
    struct error *err) MUST_CHECK;
/* Finishes requests in work, then closes. NULL is fine. */
void server_close(struct server **s);

#endif
