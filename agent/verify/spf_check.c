/* spf_check.c - see spf_check.h.
 *
 * What of libspf2 matters here, each seen in its source or measured:
 *  - Its own limit of lookups counts by other rules; the one of policy/mail/spf
 *    decides, so its is set out of the way.
 *  - Any loopback client passes, whatever the record says: it is never given
 *    the client's address, networks are matched before it sees them.
 *  - A record of some hundred terms is too large for it, and neutral then: it
 *    gets a dozen at most.
 *  - destroy = NULL in a resolver means that it is ours to free.
 *  - A server asks for the name of the host when it is made, which the sandbox
 *    forbids: there is one for all mails.
 *  - Without HAVE_NS_TYPE its header makes up a type of its own, unlike that of
 *    the library. */
#include "agent/verify/spf_check.h"

#include "policy/base/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <sys/types.h>

#define HAVE_NS_TYPE 1
#include <spf2/spf.h>
#include <spf2/spf_dns.h>
#include <spf2/spf_server.h>

enum {
	NO_LIMIT = 1000,
	TTL = 60,
};

struct spf_checker {
	SPF_dns_server_t dns;
	SPF_server_t *server;
};

static SPF_dns_rr_t *nothing(SPF_dns_server_t *dns, const char *name, ns_type t)
{
	return SPF_dns_rr_new_init(dns, name, t, TTL, HOST_NOT_FOUND);
}

static SPF_dns_rr_t *one(
    SPF_dns_server_t *dns, const char *name, ns_type type, struct str bytes)
{
	SPF_dns_rr_t *rr =
	    SPF_dns_rr_new_init(dns, name, type, TTL, NETDB_SUCCESS);

	if (rr == NULL)
		return NULL;
	if (SPF_dns_rr_buf_realloc(rr, 0, bytes.n + 1) != SPF_E_SUCCESS) {
		SPF_dns_rr_free(rr);
		return NULL;
	}
	memcpy(rr->rr[0], bytes.p, bytes.n);
	((char *)rr->rr[0])[bytes.n] = '\0';
	rr->num_rr = 1;
	return rr;
}

static SPF_dns_rr_t *on_lookup(
    SPF_dns_server_t *dns, const char *name, ns_type type, int cache)
{
	struct spf *spf = dns->hook;
	struct str text;

	(void)cache;
	if (type != ns_t_txt && type != ns_t_a)
		return nothing(dns, name, type);
	switch (spf_ask(spf, type == ns_t_txt ? RESOLVER_TXT : RESOLVER_A,
	    str_of(name), &text)) {
	case SPF_REPLY_RECORD:
		return one(dns, name, type, text);
	case SPF_REPLY_MATCH:
		return one(dns, name, type, STR("\x7f\0\0\2"));
	case SPF_REPLY_NOTHING:
		break;
	}
	return nothing(dns, name, type);
}

static enum authentic_result result_of(SPF_response_t *r)
{
	switch (SPF_response_result(r)) {
	case SPF_RESULT_PASS:
		return AUTHENTIC_PASS;
	case SPF_RESULT_FAIL:
		return AUTHENTIC_FAIL;
	case SPF_RESULT_SOFTFAIL:
		return AUTHENTIC_SOFTFAIL;
	case SPF_RESULT_NEUTRAL:
		return AUTHENTIC_NEUTRAL;
	case SPF_RESULT_NONE:
		return AUTHENTIC_NONE;
	case SPF_RESULT_INVALID:
	case SPF_RESULT_TEMPERROR:
	case SPF_RESULT_PERMERROR:
		break;
	}
	return AUTHENTIC_PERMERROR;
}

/* Any but one of the loopback. */
static bool set_client(SPF_request_t *r)
{
	const struct in_addr any = {htonl(0xc0000201)}; /* 192.0.2.1 */

	return SPF_request_set_ipv4(r, any) == SPF_E_SUCCESS;
}

static int run(
    SPF_server_t *server, const struct spf *spf, enum authentic_result *out)
{
	SPF_request_t *request = SPF_request_new(server);
	SPF_response_t *response = NULL;
	struct str root = spf_root(spf);
	int rc = -ENOMEM;

	if (request != NULL && set_client(request) &&
	    SPF_request_set_helo_dom(request, root.p) == SPF_E_SUCCESS &&
	    SPF_request_set_env_from(request, root.p) >= 0) {
		(void)SPF_request_query_mailfrom(request, &response);
		rc = response != NULL ? 0 : -ENOMEM;
	}
	if (rc == 0 && !spf_decided(spf, out))
		*out = result_of(response);
	if (response != NULL)
		SPF_response_free(response);
	if (request != NULL)
		SPF_request_free(request);
	return rc;
}

int spf_checker_open(struct spf_checker **out)
{
	struct spf_checker *c = fault_alloc() ? NULL : calloc(1, sizeof(*c));

	*out = c;
	if (c == NULL)
		return -ENOMEM;
	c->dns.lookup = on_lookup;
	c->dns.name = "tendril";
	c->server = SPF_server_new_dns(&c->dns, 0);
	if (c->server == NULL) {
		spf_checker_close(out);
		return -ENOMEM;
	}
	(void)SPF_server_set_max_dns_mech(c->server, NO_LIMIT);
	(void)SPF_server_set_max_dns_ptr(c->server, NO_LIMIT);
	(void)SPF_server_set_max_dns_mx(c->server, NO_LIMIT);
	return 0;
}

void spf_checker_close(struct spf_checker **c)
{
	if (*c == NULL)
		return;
	if ((*c)->server != NULL)
		SPF_server_free((*c)->server);
	free(*c);
	*c = NULL;
}

int spf_check(struct spf_checker *c, const struct spf_question *q,
    const struct spf_dns *dns, struct arena *a, enum authentic_result *out)
{
	struct spf *spf;
	int rc = spf_new(&spf, q, dns->lookup, dns->arg, a);

	*out = AUTHENTIC_NONE;
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	c->dns.hook = spf;
	rc = run(c->server, spf, out);
	c->dns.hook = NULL;
	return rc;
}
