/* comply.h - what a nurture message must be before we put our name to it:
 * one author whose domain this origin may sign for, a key for it, a bounce
 * domain of the same organisation (RFC 7489 section 3.1), a way to
 * unsubscribe, and the postal address where the policy demands it. Pure.
 * Threads: any. */
#ifndef POLICY_RULES_COMPLY_H
#define POLICY_RULES_COMPLY_H

#include "policy/conf/policy.h"
#include "policy/rules/facts.h"

struct comply_in {
	const struct conf_stream *stream;
	const struct conf_domain *signer; /* NULL: none declared for From */
	size_t n_from;                    /* From fields' addresses in all */
	struct str from_domain;           /* A-labels, lower case */
	size_t n_keys;                    /* of the signer */
	bool has_base_url;                /* one-click unsubscribe by https */
	bool has_postal_address; /* looked for where the policy demands it */
};

enum comply_result comply_decide(
    const struct policy_segment *s, const struct comply_in *in);

/* The part that signing alone asks for: From, allowed, key. */
enum comply_result comply_may_sign(const struct comply_in *in);

#endif
