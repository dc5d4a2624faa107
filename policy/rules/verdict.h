/* verdict.h - may this message go to this person now? Pure and total.
 *
 * Order: suppressed (all nurture), suppressed (segment), purpose objected,
 * withdrawn or not consented, not compliant, segment stopped, caps and apart
 * (segment, then person), allow. The first failing rule gives reason and
 * rule; among the caps the one that allows latest does.
 * Threads: any. */
#ifndef POLICY_RULES_VERDICT_H
#define POLICY_RULES_VERDICT_H

#include "policy/conf/policy.h"
#include "policy/rules/facts.h"

/* Numbers are stored; names are API. */
enum verdict_action {
	VERDICT_ALLOW = 1,
	VERDICT_HOLD = 2,
	VERDICT_DEFER = 3,
	VERDICT_REJECT = 4,
	VERDICT_DROP = 5,
};

enum verdict_reason {
	REASON_ALLOWED = 1,
	REASON_SUPPRESSED = 2,
	REASON_SUPPRESSED_SEGMENT = 3,
	REASON_OBJECTED = 4,
	REASON_WITHDRAWN = 5,
	REASON_NO_CONSENT = 6,
	REASON_NOT_COMPLIANT = 7,
	REASON_STOPPED = 8,
	REASON_SEGMENT_CAP = 9,
	REASON_PERSON_CAP = 10,
	REASON_UNKNOWN_SEGMENT = 11,
	REASON_DUPLICATE = 12, /* same message, queued or delivered */
	REASON_IN_FLIGHT = 13, /* same message, not decided by the log yet */
	REASON_NO_POLICY = 14,
	REASON_TAKEN = 15, /* several recipients: submitted singly */
	REASON_NOT_NURTURE = 16,
	REASON_TROUBLE = 17, /* ours: ledger, spool, signing */
};

struct verdict {
	enum verdict_action action;
	enum verdict_reason reason;
	enum suppression_reason suppression; /* for REASON_SUPPRESSED* */
	enum comply_result compliance;       /* for REASON_NOT_COMPLIANT */
	int64_t earliest_ms;                 /* 0: no instant is known */
	int64_t deadline_ms; /* HOLD only: then `then` happens */
	enum policy_then then;
	const struct policy_line *rule; /* borrowed from the policy; may be
	                                 * NULL where no line gave it */
	bool shadowed; /* allowed only because of mode = shadow; reason, rule
	                 * and earliest tell what it would have been */
};

void verdict_decide(const struct policy *p, const struct policy_segment *s,
    const struct facts *f, int64_t now_ms, struct verdict *out);

/* True for reasons that waiting cannot cure: 550 may be said at RCPT. */
bool verdict_is_final(const struct verdict *v);

const char *verdict_action_name(enum verdict_action a);
const char *verdict_reason_name(enum verdict_reason r);

#endif
