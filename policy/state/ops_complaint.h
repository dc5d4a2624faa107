/* ops_complaint.h - a complaint that has no token of ours, by a reporter whose
 * word counts: it names a person, or a message by its Message-ID, or both.
 * Threads: any. */
#ifndef POLICY_STATE_OPS_COMPLAINT_H
#define POLICY_STATE_OPS_COMPLAINT_H

#include "policy/mail/address.h"
#include "policy/mail/reference.h"
#include "policy/state/ops_feedback.h"

struct ops_complaint_of {
	struct address who; /* empty: not named */
	bool has_reference;
	struct reference reference; /* the Message-ID of what it returns */
	struct str evidence; /* sealed: who reported, how that was verified */
};
/* In a proposal: no nurture from now on. Somebody who is not on record is left
 * alone: out->known is false. It counts for the segment where the message is
 * found, as a complaint with a token would. A message that went to somebody
 * else than who is named (he may have passed it on), and a Message-ID that an
 * application gave to several, is no message then. */
int ops_complaint_of_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_complaint_of *in, struct ops_feedback_out *out) MUST_CHECK;

#endif
