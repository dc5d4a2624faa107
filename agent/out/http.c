/* http.c - see http.h. libcurl takes the URL apart, for us and for itself: two
 * parsers would differ where it matters. */
#include "agent/out/http.h"

#include "agent/out/reach.h"
#include "policy/base/fault.h"

#include <curl/curl.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	TIMEOUT_MS = 10000,
};

struct http {
	struct http_options o;
	CURL *curl;
	struct curl_slist *resolve;
	/* of the request: */
	bool plain;  /* http:// */
	bool denied; /* an address that may not be asked */
	bool tried;  /* one that may */
	size_t received;
};

int http_init(struct error *err)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK
		   ? 0
		   : error_set(err, ERR_UNAVAILABLE, "libcurl cannot start");
}

/* --- what libcurl calls --- */

static bool to_mapped(const struct sockaddr *sa, unsigned char out[16])
{
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;
		memset(out, 0, 10);
		memset(out + 10, 0xff, 2);
		memcpy(out + 12, &in->sin_addr, 4);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;
		memcpy(out, &in6->sin6_addr, 16);
		return true;
	}
	return false;
}

static bool may_reach(const struct http *h, const struct sockaddr *sa)
{
	unsigned char addr[16];

	if (!to_mapped(sa, addr))
		return false;
	if (h->plain)
		return reach_is_loopback(addr);
	return h->o.allow_private || reach_is_public(addr);
}

static curl_socket_t on_socket(
    void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct http *h = arg;
	int fd;

	if (purpose != CURLSOCKTYPE_IPCXN || !may_reach(h, &a->addr)) {
		h->denied = true;
		return CURL_SOCKET_BAD;
	}
	h->tried = true;
	fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
	return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

/* Too much of an answer ends it; its status is known by then. */
static size_t on_bytes(char *p, size_t size, size_t n, void *arg)
{
	struct http *h = arg;

	(void)p;
	h->received += size * n;
	return h->received <= HTTP_BODY_MAX ? size * n : 0;
}

static int on_progress(
    void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct http *h = arg;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return h->o.stop != NULL && atomic_load(h->o.stop);
}

/* --- the handle --- */

static CURLcode set_limits(CURL *c, const struct http_options *o)
{
	long ms = o->timeout_ms > 0 ? (long)o->timeout_ms : TIMEOUT_MS;
	CURLcode rc = curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, ms);

	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, ms);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_PROXY, "");
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(
		    c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(
		    c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_USERAGENT, "tendril/" VERSION);
	return rc;
}

static CURLcode set_callbacks(struct http *h)
{
	CURL *c = h->curl;
	CURLcode rc =
	    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);

	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, h);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_bytes);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_bytes);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_HEADERDATA, h);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_XFERINFODATA, h);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	return rc;
}

static CURLcode set_resolve(struct http *h, const struct http_options *o)
{
	if (o->resolve == NULL)
		return CURLE_OK;
	h->resolve = curl_slist_append(NULL, o->resolve);
	if (h->resolve == NULL)
		return CURLE_OUT_OF_MEMORY;
	return curl_easy_setopt(h->curl, CURLOPT_RESOLVE, h->resolve);
}

int http_open(
    struct http **out, const struct http_options *o, struct error *err)
{
	struct http *h = fault_alloc() ? NULL : calloc(1, sizeof(*h));

	*out = NULL;
	if (h == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	h->o = *o;
	h->curl = curl_easy_init();
	if (h->curl == NULL || set_limits(h->curl, o) != CURLE_OK ||
	    set_callbacks(h) != CURLE_OK || set_resolve(h, o) != CURLE_OK) {
		http_close(&h);
		return error_set(err, -ENOMEM, "libcurl: out of memory");
	}
	*out = h;
	return 0;
}

void http_close(struct http **h)
{
	if (*h == NULL)
		return;
	curl_easy_cleanup((*h)->curl);
	curl_slist_free_all((*h)->resolve);
	free(*h);
	*h = NULL;
}

/* --- URLs --- */

/* NULL for what is no URL, or may never be asked. */
static CURLU *parse_url(struct str url)
{
	char z[HTTP_URL_MAX + 1];
	CURLU *u;

	if (url.n == 0 || url.n > HTTP_URL_MAX ||
	    memchr(url.p, '\0', url.n) != NULL)
		return NULL;
	memcpy(z, url.p, url.n);
	z[url.n] = '\0';
	u = curl_url();
	if (u != NULL && curl_url_set(u, CURLUPART_URL, z,
			     CURLU_DISALLOW_USER) != CURLUE_OK) {
		curl_url_cleanup(u);
		u = NULL;
	}
	return u;
}

static bool scheme_is(CURLU *u, const char *want)
{
	char *scheme = NULL;
	bool same =
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    strcmp(scheme, want) == 0;

	curl_free(scheme);
	return same;
}

int http_host(struct str url, char *out, size_t cap)
{
	CURLU *u = parse_url(url);
	char *host = NULL, *port = NULL;
	int n = -1;

	if (u != NULL &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ==
		CURLUE_OK)
		n = snprintf(out, cap, "%s:%s", host, port);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	for (int i = 0; i < n && i < (int)cap; i++)
		out[i] = ascii_lower(out[i]);
	return n > 0 && n < (int)cap ? 0 : ERR_SYNTAX;
}

/* --- a request --- */

static int begin(struct http *h, CURLU *u, struct str body, struct error *err)
{
	CURL *c = h->curl;
	CURLcode rc;

	h->plain = scheme_is(u, "http");
	h->denied = h->tried = false;
	h->received = 0;
	if (!scheme_is(u, "https") && !(h->plain && h->o.allow_private))
		return error_set(err, ERR_DENIED, "not https");
	rc = curl_easy_setopt(
	    c, CURLOPT_PROTOCOLS_STR, h->plain ? "http" : "https");
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_CURLU, u);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(
		    c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_COPYPOSTFIELDS, body.p);
	return rc == CURLE_OK ? 0
			      : error_set(err, -ENOMEM, "libcurl: %s",
				    curl_easy_strerror(rc));
}

/* An answer whose status is there is one, however it ended. A name that has a
 * public address beside another one is given up for neither. */
static int judge(
    struct http *h, CURLcode rc, int *status_out, struct error *err)
{
	long status = 0;

	(void)curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	if (rc == CURLE_OK || status >= 200) {
		*status_out = (int)status;
		return 0;
	}
	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return error_set(err, ERR_STOPPING, "stopping");
	if (h->denied && !h->tried)
		return error_set(err, ERR_DENIED, "not a public address");
	if (rc == CURLE_OUT_OF_MEMORY)
		return error_set(err, -ENOMEM, "libcurl: out of memory");
	return error_set(err, ERR_UNAVAILABLE, "%s", curl_easy_strerror(rc));
}

int http_post(struct http *h, struct str url, struct str body, int *status_out,
    struct error *err)
{
	CURLU *u = parse_url(url);
	int rc;

	*status_out = 0;
	if (u == NULL)
		return error_set(err, ERR_DENIED, "not a URL to be asked");
	rc = begin(h, u, body, err);
	if (rc == 0)
		rc = judge(h, curl_easy_perform(h->curl), status_out, err);
	/* forget the request, keep the connection */
	(void)curl_easy_setopt(h->curl, CURLOPT_CURLU, NULL);
	curl_url_cleanup(u);
	return rc;
}
