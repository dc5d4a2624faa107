/* facts_load.h - fills struct facts for one person and one segment, in one
 * transaction. The only place where the tables become facts. */
#ifndef POLICY_STATE_FACTS_LOAD_H
#define POLICY_STATE_FACTS_LOAD_H

#include "policy/ledger/env.h"
#include "policy/mail/address.h"
#include "policy/mail/lead_id.h"
#include "policy/rules/facts.h"

struct facts_query {
	const struct lead_key *key;
	struct address address;
	struct lead_id lead;    /* of that address; see facts_query_init() */
	uint32_t purpose_label; /* policy_label of the purpose; 0: none */
	bool seed;
};

/* Fills address and lead. */
int facts_query_init(struct facts_query *q, const struct lead_key *key,
    const struct address *address) MUST_CHECK;

/* Arrays are in the arena. known_out: the lead has a record. compliance and
 * segment_stopped are left at their zero: they are of the message. */
int facts_load(const struct ledger_txn *t, const struct facts_query *q,
    struct arena *a, struct facts *out, bool *known_out) MUST_CHECK;

#endif
