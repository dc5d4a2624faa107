/* client.h - HTTP/1.1 to the agent's unix socket; the only file of the command
 * line that sees libcurl is client.c. Threads: one owner. */
#ifndef AGENT_CLI_CLIENT_H
#define AGENT_CLI_CLIENT_H

#include "agent/value.h"

struct client;

/* Connects with the first request. */
int client_open(
    struct client **out, struct str socket_path, struct error *err) MUST_CHECK;
void client_close(struct client **c); /* NULL is fine */

struct client_request {
	const char *method; /* "GET" */
	const char *path;   /* with query; see client_query() */
	struct str body;    /* empty: none */
	const char *type;   /* its media type; NULL: JSON */
	int timeout_s;
};

/* 0 for a status of 2xx; else the code that its status stands for, with the
 * server's own text in err: ERR_SYNTAX (400), ERR_DENIED (403), ERR_NOT_FOUND
 * (404), ERR_EXISTS (409), ERR_UNAVAILABLE (all others, and when nobody
 * listens). *out is the parsed body, NULL if it is none; the caller frees. */
int client_send(struct client *c, const struct client_request *rq,
    struct value **out, struct error *err) MUST_CHECK;

/* Appends "?name=value" or "&name=value", encoded; nothing when value.p is
 * NULL. */
void client_query(struct buf *path, const char *name, struct str value);

#endif
