/* delay.h - what a message has to wait for: limits, the order among those that
 * wait, a segment it yields to, closed hours; and until when. Part of
 * verdict.h, which says the rules. Pure: no clock, no storage. Threads: any. */
#ifndef POLICY_RULES_DELAY_H
#define POLICY_RULES_DELAY_H

#include "policy/rules/verdict.h"

struct delay {
	enum verdict_reason reason; /* REASON_ALLOWED: it need not wait */
	enum policy_scope scope;    /* of a limit, and of REASON_ORDER */
	const struct policy_line *rule;
	const struct policy_when *when; /* what the policy does then */
	int64_t deadline_ms;            /* when a hold by that rule ends */
	int64_t earliest_ms; /* at which all rules allow; CAPS_NEVER */
	int64_t look_ms;     /* as in struct verdict */
	bool skipped;        /* some rule was left out since it is in shadow */
};

/* shadow: rules in shadow count as the others do. */
void delay_find(const struct policy *p, const struct policy_segment *s,
    const struct facts *f, int64_t now_ms, bool shadow, struct delay *out);

#endif
