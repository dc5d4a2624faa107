/* dkim_dns.h - is what DNS publishes for a key the key that we sign with?
 *
 * Asked when keys are loaded or reloaded, for all keys at once: the time limit
 * is that of the whole call, however many keys there are.
 *
 * Threads: one call at a time in a process (c-ares sets itself up). */
#ifndef POLICY_MAIL_DKIM_DNS_H
#define POLICY_MAIL_DKIM_DNS_H

#include "policy/mail/dkim_key.h"

enum dkim_dns_result {
	DKIM_DNS_MATCH,    /* verifiers will accept our signatures */
	DKIM_DNS_MISMATCH, /* another key, revoked, unusable, two records */
	DKIM_DNS_NXDOMAIN, /* no such name, or no TXT record there */
	DKIM_DNS_TEMPFAIL, /* not known: SERVFAIL, refused, no answer in time */
};

/* "match", "mismatch", "nxdomain", "tempfail" */
const char *dkim_dns_text(enum dkim_dns_result result);

enum {
	DKIM_DNS_TIMEOUT_MS = 5000
};

struct dkim_dns_opts {
	const char *nameserver; /* "ip", "ip:port", "[ip6]:port"; NULL: the
				   system's */
	int timeout_ms;         /* of the whole call; 0: DKIM_DNS_TIMEOUT_MS */
};

struct dkim_dns_answer {
	enum dkim_dns_result result;
	char why[200]; /* a sentence; empty for DKIM_DNS_MATCH */
};

/* out[i] is about keys[i]. opts may be NULL. Returns when all are answered or
 * the time is over; what fails here (memory, a bad nameserver) is TEMPFAIL. */
void dkim_dns_check(struct dkim_key *const *keys, size_t n,
    const struct dkim_dns_opts *opts, struct dkim_dns_answer *out);

#endif
