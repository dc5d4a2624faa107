/* ops_stop.h - stopping and resuming, as proposals: durable when 0, or nothing
 * has happened. What is stopped already, or goes on already, is no change.
 * Threads: any; each blocks for one ledger batch. */
#ifndef POLICY_STATE_OPS_STOP_H
#define POLICY_STATE_OPS_STOP_H

#include "policy/state/stop.h"
#include "policy/state/store.h"

struct ops_stop {
	enum stop_kind kind;
	struct str label;
	struct str author, reason;
	int64_t until_ms;        /* stopping: 0: until it is resumed */
	struct stop_cause cause; /* stopping: zero for people */
	/* Who acts on what he saw of the row: the number of its event, 0 for
	 * no row. When it is another meanwhile, nothing happens. */
	bool if_seen;
	uint64_t seen;
};

/* A person's stop takes the place of the breaker's, and of another person's
 * with another reason or end; the breaker's of none that is in force. */
int ops_stop_begin(struct store *s, const struct ops_stop *in,
    bool *changed_out, struct error *err) MUST_CHECK;
int ops_stop_end(struct store *s, const struct ops_stop *in, bool *changed_out,
    struct error *err) MUST_CHECK;

#endif
