/* dup.h - is this the same message to the same person again? Pure.
 *
 * The key is a hash over stream, recipient, Message-ID (left out where the
 * MTA's cleanup made it, that is where it holds this queue id) and a digest of
 * From, Subject and body. It is good for five days. Without a Message-ID two
 * messages are the same if they came within ten minutes of each other, to the
 * minute, also where one of them was held or taken over since (samekey.h). An
 * application that re-sends after a lost 250 sends the same key again.
 * Threads: any. */
#ifndef POLICY_RULES_DUP_H
#define POLICY_RULES_DUP_H

#include "policy/base/when.h"
#include "policy/mail/samekey.h"
#include "policy/rules/facts.h"

#define DUP_AGE_MS (5 * WHEN_DAY_MS)
enum {
	DUP_MINUTES = 10 /* apart, without a Message-ID */
};

enum dup_answer {
	DUP_NEW,       /* not seen, or only released: a send of its own */
	DUP_SAME,      /* queued or delivered: accept, discard, record */
	DUP_IN_FLIGHT, /* proposed: the log has not decided that one yet */
};

struct dup_query {
	struct samekey same;
	bool log_followed; /* false: a match counts as a new send */
};

/* match_out (may be NULL): the slot that matched. */
enum dup_answer dup_decide(const struct dup_query *q, const struct facts *f,
    int64_t now_ms, const struct slot_fact **match_out);

#endif
