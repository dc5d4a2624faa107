/* verify_pool.h - has mails verified by tendril-verify: a few processes, each
 * with no descriptor but its socket, no environment, and a sandbox of its own
 * making; the bytes of a mail and of DNS are strangers', so what reads them may
 * fall.
 *
 * Questions to DNS come back here and are asked by one resolver, if they are
 * plausible: names as in resolver.h, keys of domains that are aligned with the
 * author's only, VERIFY_LOOKUPS_MAX for a mail. What DNS said lately is not asked
 * again (dnscache.h), and two mails that want the same ask once. A mail has
 * VERIFY_DEADLINE_MS.
 * A process is replaced after VERIFY_MAILS mails, and when it ends, is late or
 * does not keep to the protocol; the mail that it had is then given to a fresh
 * one, once.
 *
 * Threads: one owner; verify_pool_run() blocks. */
#ifndef AGENT_IN_VERIFY_POOL_H
#define AGENT_IN_VERIFY_POOL_H

#include "agent/in/verify_wire.h"
#include "policy/base/arena.h"

#include <stdatomic.h>

enum {
	VERIFY_WORKERS = 2,
	VERIFY_DEADLINE_MS = 20000,
	VERIFY_PATIENCE_MS = 1000,
	VERIFY_LOOKUPS_MAX = 200, /* SPF alone may need 132 */
	VERIFY_MAILS = 64,
};

struct verify_pool;

struct verify_pool_opts {
	const char *program;     /* its path */
	const char *nameserver;  /* resolver.h; NULL: the system's */
	const atomic_bool *stop; /* ends a run within 200 ms; may be NULL */
	int deadline_ms;         /* 0: VERIFY_DEADLINE_MS */
	/* Asked now and then, once a run has lasted VERIFY_PATIENCE_MS: does
	 * other work wait? Then it ends. NULL: none. */
	bool (*others_wait)(void *arg);
	void *arg;
};

/* No process is started yet. ERR_SYNTAX: the nameserver is no address. Borrows
 * program and stop. */
int verify_pool_open(struct verify_pool **out,
    const struct verify_pool_opts *opts, struct error *err) MUST_CHECK;
void verify_pool_close(struct verify_pool **p); /* NULL is fine */

/* Where it is: beside this program, as in a build folder, else where it was
 * installed. */
const char *verify_pool_program(struct arena *a) MUST_CHECK;

struct verify_task {
	struct verify_mail mail;
	/* Of the author, canonical: DNS is asked for keys of domains aligned
	 * with it, and no other. */
	struct str from_domain;
	struct arena *arena; /* for the result */
	/* What DNS may still take for it and others that have the same; what it
	 * takes is taken away. NULL: no bound of its own. */
	int64_t *left_ms;
	/* Results. 0; ERR_BUSY: not in time, a later try may do (a stop, the
	 * budget, nothing left, DNS that does not answer); ERR_UNAVAILABLE: no process could be
	 * had; ERR_CORRUPT: two in a row fell over this mail; ERR_LIMIT: too
	 * large a mail, or the arena is full. */
	int rc;
	bool silent; /* ERR_BUSY, and DNS was asked for it at that moment */
	struct authentic out; /* domains canonical; spf_domain too */
};

struct verify_run {
	bool for_others; /* it ended for them */
	/* How long DNS was waited for, or a process that said nothing; what was
	 * known already costs nothing of it. */
	int64_t waited_ms;
};

/* All of them, or until it has waited for budget_ms. */
struct verify_run verify_pool_run(
    struct verify_pool *p, struct verify_task *v, size_t n, int64_t budget_ms);

struct dnscache_stats;
void verify_pool_stats(const struct verify_pool *p, struct dnscache_stats *out);

/* For tests: the process ids in *out, 0 where there is none. */
void verify_pool_pids(const struct verify_pool *p, int out[VERIFY_WORKERS]);

#endif
