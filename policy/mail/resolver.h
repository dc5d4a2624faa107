/* resolver.h - questions to DNS, many at a time, each with a bound: of time,
 * of the records of an answer, of their bytes. c-ares is seen by this file's
 * source only.
 *
 * What comes back was written by strangers, and may be forged, late or huge:
 * an answer above the bounds is RESOLVER_TROUBLE. CNAMEs are followed as far as
 * the server did. Names are shown as text; whoever asks with a stranger's name
 * lets resolver_is_name() look at it first.
 *
 * Threads: one owner; all functions are called back from resolver_turn(),
 * resolver_ask() and resolver_close() only. One open or close at a time in a
 * process (c-ares sets itself up). */
#ifndef POLICY_MAIL_RESOLVER_H
#define POLICY_MAIL_RESOLVER_H

#include "policy/base/str.h"

#include <poll.h>

enum {
	RESOLVER_NAME_MAX = 253,
	RESOLVER_RECORDS_MAX = 128, /* of one answer */
	RESOLVER_BYTES_MAX = 16384, /* of all its records */
	RESOLVER_TIMEOUT_MS = 5000, /* of a question with its repetitions */
	RESOLVER_POLL_MAX = 16,     /* descriptors of the caller in a turn */
};

/* Numbers as in RFC 1035 and 3596. */
enum resolver_type {
	RESOLVER_A = 1,
	RESOLVER_PTR = 12,
	RESOLVER_MX = 15,
	RESOLVER_TXT = 16,
	RESOLVER_AAAA = 28,
};

enum resolver_status {
	RESOLVER_FOUND,
	RESOLVER_NXDOMAIN,
	RESOLVER_NODATA,  /* the name exists, such a record does not */
	RESOLVER_TROUBLE, /* not known: SERVFAIL, no answer in time... */
};

struct resolver_answer {
	enum resolver_status status;
	/* A: 4 bytes each; AAAA: 16; MX, PTR: a name without final dot; TXT: the
	 * character-strings of a record, joined. In the answer's order. */
	const struct str *v;
	size_t n;        /* 0 unless found */
	const char *why; /* static text, unless found */
	/* How long it holds: the shortest of the records that lead there; of
	 * what does not exist, what the zone's SOA says (RFC 2308 section 5). 0:
	 * not for a second question, or not known. */
	uint32_t ttl_s;
};

/* The answer is borrowed during the call. */
typedef void resolver_fn(void *arg, const struct resolver_answer *a);

struct resolver;

struct resolver_opts {
	const char *nameserver; /* "ip", "ip:port", "[ip6]:port"; NULL: the
	                           system's */
	int timeout_ms;         /* of a question; 0: RESOLVER_TIMEOUT_MS */
};

/* ERR_SYNTAX: the nameserver is no address; -ENOMEM; ERR_UNAVAILABLE. */
int resolver_open(struct resolver **out, const struct resolver_opts *opts,
    struct error *err) MUST_CHECK;
/* What is still asked is answered RESOLVER_TROUBLE. NULL is fine. */
void resolver_close(struct resolver **r);

/* fn is called exactly once, maybe before this returns. */
void resolver_ask(struct resolver *r, enum resolver_type type, struct str name,
    resolver_fn *fn, void *arg);

/* Waits at most wait_ms for an answer, or for one of the caller's n <=
 * RESOLVER_POLL_MAX descriptors, whose revents it sets as poll() does. */
void resolver_turn(
    struct resolver *r, struct pollfd *more, size_t n, int wait_ms);

/* Whether a name that a stranger chose may be asked: two or more labels of 1 to
 * 63 printable US-ASCII characters but '\', no final dot, RESOLVER_NAME_MAX in
 * all, and not below a name that is of no use in public DNS (RFC 6761, 6762,
 * 7686: localhost, local, invalid, test, onion). Tests need `example`, which is
 * let through. */
bool resolver_is_name(struct str name);

#endif
