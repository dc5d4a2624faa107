/* answer.h - what people, and what answers for them, write back to a message:
 * owns EV_REPLY; counts "reply.KIND" by segment. Words of the person themselves
 * end their failures in a row (feedback.h), as a delivery does, from version 2 of
 * the event on. What else follows of it - a pause, a review, a suppression - has events of its own.
 * Threads: as the transaction. */
#ifndef POLICY_STATE_ANSWER_H
#define POLICY_STATE_ANSWER_H

#include "policy/ledger/event.h"
#include "policy/mail/lead_id.h"
#include "policy/state/payload.h"

struct event_reply {
	uint64_t message_id; /* that it answers */
	unsigned char lead[LEAD_ID_BYTES];
	uint32_t kind;   /* enum reply_kind */
	bool other;      /* somebody else wrote it, from another address */
	struct str note; /* sealed: who wrote, a named successor */
};

extern const struct payload_desc answer_payload;
int answer_decode(struct str payload, struct event_reply *out) MUST_CHECK;
int answer_reduce(
    struct ledger_txn *t, const struct event *ev, struct error *err);

#endif
