/* watch.h - every segment, campaign and From domain with its rates and its
 * stop, at one moment: what the breaker acts on, and people look at. Reads the
 * tally of the longest window. Threads: as the transaction. */
#ifndef POLICY_STATE_WATCH_H
#define POLICY_STATE_WATCH_H

#include "policy/base/arena.h"
#include "policy/state/stop.h"

enum {
	/* Beyond them campaigns are left out that have no stop. */
	WATCH_MAX = 50000
};

struct watch_scope {
	enum stop_kind kind;
	struct str label;
	const struct policy_breaker *rules;
	uint32_t from_hour; /* its messages count from there on */
	struct breaker_counts counts;
	struct breaker_finding finding; /* whatever the mode */
	/* Of its row: stopped and all else; seq 0: there is no row. */
	struct stop_record stop;
};

struct watch {
	struct watch_scope *v; /* segments in the order of the policy, then
	                        * what has a row, then what was sent */
	size_t n;
	bool cut;
};

/* All is in the arena, rules' texts are the policy's. p NULL: no policy, so
 * nothing but stops. ERR_LIMIT: the arena is full of what must be there. */
int watch_look(const struct ledger_txn *t, const struct policy *p,
    int64_t now_ms, struct arena *a, struct watch *out) MUST_CHECK;

#endif
