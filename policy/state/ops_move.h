/* ops_move.h - a person goes on under another address: re-addressed (the new
 * address was unknown), or merged into a person who is known.
 *
 * What the person said goes along, and the strictest wins: opt-outs,
 * complaints, manual and imported suppressions of the old address (also those
 * by its hash), objections and withdrawals, all on record with the origin
 * "re-address" or "merge". What became of the old mailbox (unknown user and the
 * like) and suppressed domains stay where they are. A granted consent goes along
 * only when re-addressing: a person who is known has said its own words.
 * Attributes go along where the other has none. The history of both is one from
 * then on, also for what is still on its way.
 *
 * The old address stays: suppressed for all nurture (mailbox_moved), and as a
 * lead that names the one it goes on as, so that a later opt-out by an old link
 * reaches that one (ops.h). Nothing ever goes back. Threads: any; blocks. */
#ifndef POLICY_STATE_OPS_MOVE_H
#define POLICY_STATE_OPS_MOVE_H

#include "policy/state/store.h"

#include "policy/mail/address.h"

struct ops_move {
	struct address from, to;
	bool merge; /* else re-address */
	struct str author;
};

/* ERR_NOT_FOUND: from is not known, or with merge to. ERR_EXISTS: to is known
 * and this is no merge, or one of them goes on as another already. ERR_SYNTAX:
 * both are the same. What was begun is finished by the same call. */
int ops_move(
    struct store *s, const struct ops_move *in, struct error *err) MUST_CHECK;

#endif
