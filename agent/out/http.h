/* http.h - POSTs to addresses that somebody else wrote. The one file that knows
 * libcurl is http.c.
 *
 * https only, certificates verified. No redirects (RFC 8058 section 3.1: a
 * one-click address must not redirect), no cookies, no credentials, no proxy
 * from the environment, no .netrc. The destination must be a public address
 * (reach.h): it is looked at when the socket is made, so a name that leads
 * elsewhere the second time helps nobody. Answers are read up to a bound and
 * thrown away but for their status.
 *
 * With allow_private private addresses are fine too, and http:// to a loopback
 * address: for applications on this host or in this network. Threads: one
 * owner; http_init() once, before other threads. */
#ifndef AGENT_OUT_HTTP_H
#define AGENT_OUT_HTTP_H

#include "policy/base/str.h"

#include <stdatomic.h>

enum {
	HTTP_URL_MAX = 4000,
	HTTP_BODY_MAX = 65536, /* of an answer: more ends it */
};

struct http_options {
	bool allow_private;
	int64_t timeout_ms;      /* of a request, all in all; 0: 10 s */
	const atomic_bool *stop; /* may be NULL; ends a request within 1 s */
	/* "host:port:address[,address]" in place of the resolver; NULL: none.
	 * For tests. Copied. */
	const char *resolve;
};

struct http;

int http_init(struct error *err) MUST_CHECK; /* may be called again */
int http_open(struct http **out, const struct http_options *o,
    struct error *err) MUST_CHECK;
void http_close(struct http **h); /* NULL is fine */

/* body: application/x-www-form-urlencoded. 0: answered, whatever the status,
 * and however the answer ended after it. ERR_DENIED: this URL is never asked
 * (scheme, credentials in it, syntax, a name whose addresses are none of them
 * public); ERR_UNAVAILABLE: no answer; ERR_STOPPING; -ENOMEM. err says why,
 * without the URL. */
int http_post(struct http *h, struct str url, struct str body, int *status_out,
    struct error *err) MUST_CHECK;

/* "host:port" of a URL, lower case, for keeping hosts apart; in out. */
int http_host(struct str url, char *out, size_t cap) MUST_CHECK;

#endif
