/* facts_load.h - fills struct facts for one person and one segment, in one
 * transaction. The only place where the tables become facts. Threads: as the
 * transaction. */
#ifndef POLICY_STATE_FACTS_LOAD_H
#define POLICY_STATE_FACTS_LOAD_H

#include "policy/ledger/env.h"
#include "policy/mail/address.h"
#include "policy/mail/lead_id.h"
#include "policy/state/lead.h"
#include "policy/state/suppression.h"

struct facts_query {
	struct lead_id lead;
	struct suppression_names names; /* by which a row may bind the person */
	uint32_t label;                 /* of the segment; 0: none */
	uint32_t purpose_label; /* policy_label of the purpose; 0: none */
	bool seed;
};

/* Fills all but the labels and seed; needs no transaction. */
int facts_query_init(struct facts_query *q, const struct lead_key *key,
    const struct address *address) MUST_CHECK;

/* Arrays are in the arena. lead_out: the person's record, all zero when there
 * is none (wrapped.n > 0 tells); borrowed from the transaction but for the
 * slots. compliance and segment_stopped are left at their zero: they are of
 * the message. */
int facts_load(const struct ledger_txn *t, const struct facts_query *q,
    struct arena *a, struct facts *out,
    struct lead_record *lead_out) MUST_CHECK;

#endif
