/* simtally.h - what is counted of a simulation: for simulate.c.
 * Threads: one owner. */
#ifndef POLICY_STATE_SIMTALLY_H
#define POLICY_STATE_SIMTALLY_H

#include "policy/state/simulate.h"

/* Kinds of rows, as in struct simulate_report. */
enum simtally_kind {
	SIMTALLY_SEGMENT,
	SIMTALLY_CAMPAIGN,
	SIMTALLY_COMPANY,
	SIMTALLY_HOUR,
	SIMTALLY_KINDS
};

enum {
	SIMTALLY_ROWS_MAX = 100000, /* of one kind; all others are one row */
};
#define SIMTALLY_OTHERS UINT64_MAX /* the key of that row */

struct simtally_row {
	uint64_t key; /* what the caller says */
	bool used;
	struct lead_id lead; /* SIMTALLY_COMPANY: one of its people */
	struct simulate_counts counts;
};

struct simtally_table {
	struct simtally_row *v;
	size_t n, cap;
};

struct simtally {
	struct simulate_counts all;
	struct histogram held_ms[SIMULATE_WAYS];
	struct simtally_table tables[SIMTALLY_KINDS];
	struct simulate_rule *rules[SIMULATE_WAYS];
	size_t n_rules[SIMULATE_WAYS], cap_rules[SIMULATE_WAYS];
};

/* One message: its fates, and how long it waited where it was held. */
struct simtally_message {
	enum replay_fate fate[SIMULATE_WAYS];
	int64_t held_ms[SIMULATE_WAYS];
	bool stopped[SIMULATE_WAYS]; /* waited for a stop's end */
	bool changed;
	bool counted[SIMTALLY_KINDS]; /* has a key */
	uint64_t key[SIMTALLY_KINDS];
	const struct lead_id *lead;
	unsigned ways;
};

void simtally_fini(struct simtally *t); /* zero is empty */
int simtally_add(struct simtally *t,
    const struct simtally_message *m) MUST_CHECK; /* -ENOMEM */
/* What a policy's line did. */
int simtally_rule(struct simtally *t, enum simulate_way way,
    const struct replay_result *r) MUST_CHECK;
/* Rows of a kind, those with most changes first. */
size_t simtally_sort(struct simtally *t, enum simtally_kind kind);
void simtally_sort_rules(struct simtally *t, enum simulate_way way);

#endif
