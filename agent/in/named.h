/* named.h - is a report of the person whose message its token is of?
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
 * message went to, since that may be a digest of any form, or an alias.
 *
 * Unless it is certain that what is complained of is what somebody sent on: then it
 * is of Ann only if the report names her.
 *   - The message that is returned, in which ours is quoted, has a From of another
 *     domain than ours had: Ann wrote it, or whom she sent it to.
 *   - Ours is returned itself (sort.returned: the token is in its fields), with
 *     fields Resent-* (RFC 5322 section 3.6.6): a copy that a person sent on. Ann's
 *     own has none.
 * Ours returned without these is Ann's, whomever the report names: her mailbox
 * passes on what comes, to another of hers or to a colleague on record, and it is
 * her address that it goes on coming to until she is not written to. Threads:
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
