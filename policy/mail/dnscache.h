/* dnscache.h - what DNS said lately, so that a thousand mails of one domain ask
 * once.
 *
 * An answer is kept under the question that it answers and no other name, be
 * there whatever else in it; case does not matter. What was found is kept as
 * long as its records say, an hour at most; that there is nothing as long as
 * the zone's SOA says (RFC 2308 section 5), five minutes at most, for a key
 * that is published after its first mail; nothing for a lifetime of 0, or
 * without SOA. Trouble is kept for seconds: mails behind each other do not each
 * wait for a server that is silent, and what passes heals.
 *
 * Bounded in entries and bytes, whoever chooses the names; full, what was not
 * asked for lately goes. Names may have a sender's address in them (SPF's
 * macros): they are in memory only, and go as the rest does.
 *
 * Time is the caller's, monotonic. Threads: one owner. */
#ifndef POLICY_MAIL_DNSCACHE_H
#define POLICY_MAIL_DNSCACHE_H

#include "policy/mail/resolver.h"

enum {
	DNSCACHE_ENTRIES = 4096,
	DNSCACHE_BYTES = 4 << 20, /* of all entries */
	DNSCACHE_FOUND_MS = 3600000,
	DNSCACHE_NONE_MS = 300000,
	DNSCACHE_TROUBLE_MS = 5000,
};

struct dnscache;

struct dnscache_stats {
	size_t entries, bytes;
	uint64_t found, missed; /* questions, since it was made */
};

int dnscache_new(struct dnscache **out) MUST_CHECK; /* -ENOMEM */
void dnscache_free(struct dnscache **c);            /* NULL is fine */

/* NULL: not known. Borrowed until the next put. */
const struct resolver_answer *dnscache_find(struct dnscache *c,
    enum resolver_type type, struct str name, int64_t now_ms);

/* since_ms: when it was asked, or found to be trouble. Without memory it is not
 * kept. */
void dnscache_put(struct dnscache *c, enum resolver_type type, struct str name,
    const struct resolver_answer *a, int64_t since_ms);

void dnscache_stats(const struct dnscache *c, struct dnscache_stats *out);

#endif
