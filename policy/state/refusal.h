/* refusal.h - decisions other than allow, on record. A refusal because of a
 * suppression or of consent is an audit event the first time for a person,
 * stream and day, and is counted after that; all others are activity.
 *
 * Key: lead id (16), label of the stream (4), day since 1970 (4).
 * Threads: as the transaction. */
#ifndef POLICY_STATE_REFUSAL_H
#define POLICY_STATE_REFUSAL_H

#include "policy/ledger/event.h"
#include "policy/mail/lead_id.h"
#include "policy/rules/verdict.h"
#include "policy/state/payload.h"

struct event_refusal { /* both classes */
	unsigned char lead[LEAD_ID_BYTES];
	uint32_t action, reason; /* enum verdict_action, verdict_reason */
	uint32_t detail; /* suppression_reason, comply_result or stop_kind */
	uint32_t policy_version, line;
	uint32_t stream_label, day;
	int64_t earliest_ms;
	struct str segment, stream, queue_id;
	bool shadowed;
	struct str campaign, from_domain; /* from version 2 on; empty: none, or
					   * refused before it was read */
};

/* How many refusals of that day are recorded; 0 when none. */
int refusal_count(const struct ledger_txn *t, const struct lead_id *lead,
    uint32_t stream_label, uint32_t day, uint32_t *out) MUST_CHECK;
uint32_t refusal_day(int64_t ms);
/* True for the reasons that an auditor asks about. */
bool refusal_is_audit(enum verdict_reason r);

extern const struct payload_desc refusal_payload;
int refusal_decode(struct str payload, struct event_refusal *out) MUST_CHECK;
int refusal_reduce_audit(
    struct ledger_txn *t, const struct event *ev, struct error *err);
int refusal_reduce_activity(
    struct ledger_txn *t, const struct event *ev, struct error *err);

#endif
