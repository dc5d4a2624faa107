/* spf_check.h - SPF by libspf2 (the only file that sees it), which sees no byte
 * that a stranger wrote: records come to it in the words of policy/mail/spf.h,
 * names are ours. What libspf2 1.2.10 does with strangers' macros
 * (CVE-2023-42118) does not concern it then.
 *
 * Threads: one owner. */
#ifndef AGENT_VERIFY_SPF_CHECK_H
#define AGENT_VERIFY_SPF_CHECK_H

#include "policy/mail/spf.h"

struct spf_checker;

/* Before the sandbox closes. -ENOMEM. */
int spf_checker_open(struct spf_checker **out) MUST_CHECK;
void spf_checker_close(struct spf_checker **c); /* NULL is fine */

struct spf_dns {
	spf_lookup_fn *lookup;
	void *arg;
};

/* ERR_LIMIT: the arena is full; -ENOMEM. */
int spf_check(struct spf_checker *c, const struct spf_question *q,
    const struct spf_dns *dns, struct arena *a,
    enum authentic_result *out) MUST_CHECK;

#endif
