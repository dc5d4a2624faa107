/* named.h - does a report name somebody else than its quoted token does?
 *
 * A token that stands anywhere in the text of a report (sort.quoted) shows that a
 * message of ours is in it, not that it is the one complained of: Ann forwards what
 * she got to Bob, Bob calls that spam, and the token is of Ann's message. So where
 * the report names Bob (claim_named()), nothing is done to Ann: it is as one
 * without a token, that a declared reporter may claim (claim.h).
 *
 * Not somebody else: the same person, also as who goes on under another address;
 * an address that is redacted (RFC 6590) - no address at all, a word that says so,
 * or what looks like a digest; and one nobody has heard of at the domain that the
 * message went to, since that may be a digest of any form, or an alias. Threads:
 * any. */
#ifndef AGENT_IN_NAMED_H
#define AGENT_IN_NAMED_H

#include "agent/in/sort.h"
#include "policy/state/store.h"

/* After sort_mail(): takes the token out of s where it is so. ERR_LIMIT: the arena
 * is full; -ENOMEM; errors of the ledger. */
int named_settle(
    const struct store *store, struct arena *a, struct sort *s) MUST_CHECK;

/* Is this local part, as written, what a reporter puts in an address's place? */
bool named_is_redacted(struct str local);

#endif
