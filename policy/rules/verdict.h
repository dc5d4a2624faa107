/* verdict.h - may this message go to this person now? Pure and total.
 *
 * Order: suppressed (all nurture), suppressed (segment), purpose objected,
 * withdrawn or not consented, not compliant, segment stopped, person paused, caps
 * and apart (segment, person, company, for an audience), yield, closed hours, allow.
 * The
 * first failing rule gives reason and rule; among the caps the one that allows
 * latest does.
 *
 * A wait names the earliest instant at which all rules together allow, as if
 * each slot without a date were delivered now and those ahead went as soon as
 * the limit lets them. Every rule but the hours and at-most-people opens once and
 * stays open, so that instant is the first after the latest of theirs at which
 * those two are open; with nobody ahead the message is refused one millisecond
 * before it and allowed at it.
 *
 * Who is ahead: held messages of segments that stand before in `order`, and
 * older ones of the same segment, if they may go before a place taken now would
 * be free again: one that waits longer than that for something of its own loses
 * nothing by those that pass it. A limit with as many free slots as messages
 * ahead is full for the others (REASON_ORDER where it is not full in itself).
 *
 * A hold ends at its deadline, which counts from the message's arrival; where
 * another rule holds it meanwhile, not before the one that was set first. What
 * could not be released by then even if nobody were ahead is decided at once.
 * Where the rule that holds says "then send", it ends to be a rule at its
 * deadline, and the message goes if nothing else is in its way.
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
	REASON_COMPANY_CAP = 18,
	REASON_ORDER = 19, /* what is free is left to those ahead */
	REASON_YIELD = 20,
	REASON_CLOSED = 21, /* outside its hours */
	REASON_PAUSED = 22, /* the person talks with us, or asked for peace */
};

struct verdict {
	enum verdict_action action;
	enum verdict_reason reason;
	enum suppression_reason suppression; /* and for REASON_PAUSED */
	enum comply_result compliance;       /* for REASON_NOT_COMPLIANT */
	enum policy_scope scope;             /* of a cap, and of REASON_ORDER */
	int64_t earliest_ms;                 /* 0: no instant is known */
	/* Before it, or 0: then the hours of one who is ahead close. From then
	 * on that one may wait too long to be in the way: decide again. */
	int64_t look_ms;
	int64_t deadline_ms; /* HOLD only: then `then` happens */
	enum policy_then then;
	const struct policy_line *rule; /* borrowed from the policy; may be
	                                 * NULL where no line gave it */
	bool shadowed; /* allowed only because of mode = shadow; reason, rule
	                 * and earliest tell what it would have been */
	enum verdict_action would; /* shadowed: the action it would have been */
};

void verdict_decide(const struct policy *p, const struct policy_segment *s,
    const struct facts *f, int64_t now_ms, struct verdict *out);

/* Does a held message go before the one in question (f->copy_id, of s)? */
bool verdict_is_ahead(const struct policy *p, const struct policy_segment *s,
    const struct facts *f, const struct waiting_fact *w);

/* Does a message held for that reason compete for slots? */
bool verdict_reason_competes(enum verdict_reason r);

/* True for reasons that waiting cannot cure: 550 may be said at RCPT. */
bool verdict_is_final(const struct verdict *v);

const char *verdict_action_name(enum verdict_action a);
const char *verdict_reason_name(enum verdict_reason r);

#endif
