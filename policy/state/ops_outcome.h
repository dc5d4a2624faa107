/* ops_outcome.h - what became of messages, told by an application or a relay
 * that no log is followed of. The same steps as the MTA's log makes (ops.h), and
 * a bounce is one as the log or a DSN tells it (ops_feedback.h), so telling something twice changes nothing; and nothing is made up: a message
 * that is not on record stays unknown, and one that nobody tells of counts as
 * sent. Threads: any; the caller blocks. */
#ifndef POLICY_STATE_OPS_OUTCOME_H
#define POLICY_STATE_OPS_OUTCOME_H

#include "policy/state/ops.h"
#include "policy/state/ops_feedback.h"

enum ops_outcome_result {
	OPS_OUTCOME_CHANGED,
	OPS_OUTCOME_UNCHANGED, /* was known, or something that outweighs it */
	OPS_OUTCOME_UNKNOWN,   /* no such message */
	OPS_OUTCOME_SEVERAL,   /* of that queue id: whose? */
};

struct ops_outcome {
	/* message_id; or queue_id, with has_lead where it has several. A date
	 * before the message was handed in, or to come, counts as that
	 * moment, since an earlier one would free its slot too soon. */
	struct slot_change change;
	/* NULL: it is no bounce. It is of the message's own person, so its
	 * addresses are not looked at. */
	const struct ops_failure *failure;
	bool relay; /* a bounce is passed on (outbox.h) */
	int rc;     /* out: 0, or the proposal's own failure */
	enum ops_outcome_result result;
};

/* 0: all were tried. -ENOMEM: some may not have been; to try all again is
 * right. */
int ops_outcome_all(
    struct store *s, struct ops_outcome *v, size_t n) MUST_CHECK;

#endif
