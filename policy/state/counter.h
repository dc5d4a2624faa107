/* counter.h - how often what happened, by segment (changes of consent: by
 * purpose): in all, and by hour. What /metrics and `tendril stats` read.
 *
 * Names are API: "verdict.allow.allowed", "verdict.reject.segment_cap",
 * "slot.queued", "slot.delivered", "slot.released.bounced",
 * "consent.granted", "suppression.added", "copy.added.held",
 * "copy.done.sent"...; "provider.delivered" and the like, by provider
 * (provider.h) in place of the segment. Key: hour since 1970 (4 bytes, 0 = in all), name, NUL,
 * segment or purpose. Threads: as the transaction. */
#ifndef POLICY_STATE_COUNTER_H
#define POLICY_STATE_COUNTER_H

#include "policy/ledger/env.h"

enum {
	COUNTER_NAME_MAX = 64
};

/* For reducers: adds one to the total and to the hour. of: the segment or
 * purpose, as the name demands; cut at 100 bytes. */
int counter_add(struct ledger_txn *t, int64_t time_ms, const char *name,
    struct str of) MUST_CHECK;
/* The same, n at once. */
int counter_add_n(struct ledger_txn *t, int64_t time_ms, const char *name,
    struct str of, uint64_t n) MUST_CHECK;
/* Is that counted by purpose, by provider? */
bool counter_is_by_purpose(struct str name);
bool counter_is_by_provider(struct str name);

/* One row; 0 where there is none. */
int counter_read(const struct ledger_txn *t, uint32_t hour, const char *name,
    struct str of, uint64_t *out) MUST_CHECK;

struct counter_row {
	uint32_t hour; /* 0: in all */
	/* borrowed; one of the last three */
	struct str name, segment, purpose, provider;
	uint64_t count;
};
/* All rows of hours from..to (0..0: the totals), in order. */
int counter_each(const struct ledger_txn *t, uint32_t from_hour,
    uint32_t to_hour, int (*emit)(void *arg, const struct counter_row *r),
    void *arg) MUST_CHECK;
uint32_t counter_hour(int64_t ms); /* >= 1 */
/* The last hour before that one in which anything was counted; 0: none. */
int counter_hour_before(
    const struct ledger_txn *t, uint32_t hour, uint32_t *out) MUST_CHECK;

#endif
