/* ops_complaint.h - a complaint that names a person and no message of ours, by
 * a reporter whose word counts. Threads: any. */
#ifndef POLICY_STATE_OPS_COMPLAINT_H
#define POLICY_STATE_OPS_COMPLAINT_H

#include "policy/mail/address.h"
#include "policy/state/ops_feedback.h"

struct ops_complaint_of {
	struct address who;
	struct str evidence; /* sealed: who reported, how that was verified */
};
/* In a proposal: no nurture from now on. Somebody who is not on record is left
 * alone: out->known is false. Nothing is counted for a segment, since no message
 * is known. */
int ops_complaint_of_emit(struct door_ctx *ctx, struct store *s,
    const struct ops_complaint_of *in, struct ops_feedback_out *out) MUST_CHECK;

#endif
