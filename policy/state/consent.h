/* consent.h - what a person agreed to, withdrew or objected to, by purpose.
 *
 * Key: lead id (16), label of the purpose (4, policy_label). The record
 * is the newest word; all earlier ones are events. Its state is in the lead's
 * record too (lead.h), where decisions look. Threads: as the transaction. */
#ifndef POLICY_STATE_CONSENT_H
#define POLICY_STATE_CONSENT_H

#include "policy/ledger/event.h"
#include "policy/mail/lead_id.h"
#include "policy/rules/facts.h"
#include "policy/state/payload.h"

struct consent_record {
	enum consent_state state;
	int64_t since_ms;   /* when it was said */
	uint64_t seq;       /* the event: the evidence */
	struct str purpose; /* borrowed, as all strings here */
	struct str origin;  /* "form", "one-click", "import NAME"... */
	struct str author;
};

struct event_consent {
	unsigned char lead[LEAD_ID_BYTES];
	uint32_t label;
	uint32_t state; /* enum consent_state; not NONE */
	struct str purpose, origin, author;
	int64_t said_ms;     /* when the person said it; 0: now */
	uint64_t message_id; /* the message whose link was used, or 0 */
	struct str evidence; /* sealed: client address, form, wording */
};

int consent_read(const struct ledger_txn *t, const struct lead_id *lead,
    uint32_t label, struct consent_record *out) MUST_CHECK;
/* All purposes of a lead; stops at emit's first non-zero answer and returns
 * it. */
int consent_each(const struct ledger_txn *t, const struct lead_id *lead,
    int (*emit)(void *arg, const struct consent_record *r),
    void *arg) MUST_CHECK;

extern const struct payload_desc consent_payload;
int consent_decode(struct str payload, struct event_consent *out) MUST_CHECK;
int consent_reduce(
    struct ledger_txn *t, const struct event *ev, struct error *err);

#endif
