/* client.c - see client.h. */
#include "agent/cli/client.h"

#include "policy/base/fault.h"

#include <curl/curl.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	REPLY_MAX = 64 << 20,
	CONNECT_MS = 5000,
	PATH_MAX_UNIX = 108,
};

struct client {
	CURL *curl;
	char socket[PATH_MAX_UNIX];
	char why[CURL_ERROR_SIZE];
};

int client_open(struct client **out, struct str socket_path, struct error *err)
{
	struct client *c = NULL;

	*out = NULL;
	if (socket_path.n == 0 || socket_path.n >= sizeof(c->socket))
		return error_set(err, ERR_LIMIT,
		    "the agent's socket has no path, or one that is too long");
	c = fault_alloc() ? NULL : calloc(1, sizeof(*c));
	if (c == NULL || curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK) {
		free(c);
		return error_set(err, -ENOMEM, "out of memory");
	}
	memcpy(c->socket, socket_path.p, socket_path.n);
	c->curl = curl_easy_init();
	if (c->curl == NULL) {
		client_close(&c);
		return error_set(err, -ENOMEM, "out of memory");
	}
	*out = c;
	return 0;
}

void client_close(struct client **c)
{
	if (*c == NULL)
		return;
	curl_easy_cleanup((*c)->curl);
	curl_global_cleanup();
	free(*c);
	*c = NULL;
}

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_add(b, (struct str){p, size * n});
	return buf_error(b) == 0 ? size * n : 0;
}

static void set_options(
    struct client *c, const struct client_request *rq, struct buf *reply)
{
	CURL *h = c->curl;

	curl_easy_reset(h);
	(void)curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	(void)curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http");
	(void)curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(h, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, rq->method);
	(void)curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	(void)curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)rq->timeout_s);
	(void)curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
	(void)curl_easy_setopt(h, CURLOPT_WRITEDATA, reply);
	(void)curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->why);
	if (rq->body.n > 0) {
		(void)curl_easy_setopt(
		    h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.n);
		(void)curl_easy_setopt(h, CURLOPT_POSTFIELDS, rq->body.p);
	}
}

static int perform(struct client *c, const struct client_request *rq,
    struct buf *reply, long *status_out, struct error *err)
{
	struct curl_slist *fields = NULL;
	char type[100];
	struct buf url;
	long why = 0;
	CURLcode rc;

	/* "Expect:" empty: no wait for a 100 that the server need not send */
	(void)snprintf(type, sizeof(type), "Content-Type: %s",
	    rq->type != NULL ? rq->type : "application/json");
	fields = curl_slist_append(fields, type);
	fields = fields != NULL ? curl_slist_append(fields, "Expect:") : NULL;
	buf_init(&url, 65536);
	buf_addz(&url, "http://agent");
	buf_addz(&url, rq->path);
	set_options(c, rq, reply);
	c->why[0] = '\0';
	rc = buf_error(&url) != 0 || fields == NULL ? CURLE_OUT_OF_MEMORY
						    : CURLE_OK;
	if (rc == CURLE_OK) {
		(void)curl_easy_setopt(c->curl, CURLOPT_URL, url.p);
		(void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, fields);
		rc = curl_easy_perform(c->curl);
	}
	(void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, status_out);
	(void)curl_easy_getinfo(c->curl, CURLINFO_OS_ERRNO, &why);
	curl_slist_free_all(fields);
	buf_fini(&url);
	if (rc == CURLE_OK)
		return 0;
	if (rc == CURLE_COULDNT_CONNECT && why == EACCES)
		return error_set(err, ERR_UNAVAILABLE, "%s: %s", c->socket,
		    error_text(-EACCES));
	if (rc == CURLE_COULDNT_CONNECT)
		return error_set(err, ERR_UNAVAILABLE,
		    "nobody listens at %s: is tendril-agent running?",
		    c->socket);
	return error_set(err, ERR_UNAVAILABLE, "%s: %s", c->socket,
	    c->why[0] != '\0' ? c->why : curl_easy_strerror(rc));
}

static int code_of(long status)
{
	switch (status) {
	case 400:
	case 413:
		return ERR_SYNTAX;
	case 403:
		return ERR_DENIED;
	case 404:
		return ERR_NOT_FOUND;
	case 409:
		return ERR_EXISTS;
	default:
		return status >= 200 && status < 300 ? 0 : ERR_UNAVAILABLE;
	}
}

static int fail_status(long status, const struct value *body, struct error *err)
{
	struct str text = value_get_str(body, "error");

	if (text.n > 0)
		return error_set(err, code_of(status), "%.*s", STR_ARG(text));
	return error_set(
	    err, code_of(status), "the agent answered %ld", status);
}

int client_send(struct client *c, const struct client_request *rq,
    struct value **out, struct error *err)
{
	struct buf reply;
	long status = 0;
	int rc;

	*out = NULL;
	buf_init(&reply, REPLY_MAX);
	rc = perform(c, rq, &reply, &status, err);
	if (rc == 0 && value_parse(buf_str(&reply), out, NULL) != 0)
		rc = error_set(err, ERR_UNAVAILABLE,
		    status == 503 &&
			    str_starts(buf_str(&reply), STR("Stopping"))
			? "%s: the agent is being stopped, or has too much to "
			  "do (status %ld): try again"
			: "%s: the answer (status %ld) is not the agent's",
		    c->socket, status);
	if (rc == 0 && code_of(status) != 0)
		rc = fail_status(status, *out, err);
	buf_fini(&reply);
	return rc;
}

void client_query(struct buf *path, const char *name, struct str value)
{
	if (value.p == NULL)
		return;
	buf_addc(path, str_find(buf_str(path), 0, '?') < path->n ? '&' : '?');
	buf_addz(path, name);
	buf_addc(path, '=');
	for (size_t i = 0; i < value.n; i++) {
		unsigned char ch = (unsigned char)value.p[i];
		if (ascii_is_alnum((char)ch) || ch == '-' || ch == '.' ||
		    ch == '_')
			buf_addc(path, (char)ch);
		else
			buf_printf(path, "%%%02X", ch);
	}
}
