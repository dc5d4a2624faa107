/* spikes.h - what spike.h asks of a provider, from the hourly counters
 * "provider.delivered" (message.h) and "provider.user_unknown" (feedback.h).
 * Threads: as the transaction. */
#ifndef POLICY_STATE_SPIKES_H
#define POLICY_STATE_SPIKES_H

#include "policy/ledger/env.h"
#include "policy/rules/spike.h"

/* Of a failure at now_ms, which is not counted yet. What was before is read
 * only where it matters. */
int spikes_read(const struct ledger_txn *t, struct str provider, int64_t now_ms,
    struct spike_facts *out) MUST_CHECK;

#endif
