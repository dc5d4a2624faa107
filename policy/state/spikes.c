/* spikes.c - see spikes.h. Each hour is two keys that are known, so what was
 * before costs 1344 of them, and that only amid what may be a spike. */
#include "policy/state/spikes.h"

#include "policy/state/counter.h"

static int add_hour(const struct ledger_txn *t, uint32_t hour,
    struct str provider, struct spike_counts *sum)
{
	uint64_t delivered, unknown;
	int rc =
	    counter_read(t, hour, "provider.delivered", provider, &delivered);

	if (rc == 0)
		rc = counter_read(
		    t, hour, "provider.user_unknown", provider, &unknown);
	if (rc != 0)
		return rc;
	sum->delivered += delivered;
	sum->unknown += unknown;
	return 0;
}

/* n hours, the last of which is `last`. */
static int add_hours(const struct ledger_txn *t, uint32_t last, uint32_t n,
    struct str provider, struct spike_counts *sum, uint64_t *hours_out)
{
	int rc = 0;

	*hours_out = 0;
	for (uint32_t i = 0; rc == 0 && i < n && last > i; i++) {
		uint64_t before = sum->unknown;

		rc = add_hour(t, last - i, provider, sum);
		*hours_out += sum->unknown > before;
	}
	return rc;
}

int spikes_read(const struct ledger_txn *t, struct str provider, int64_t now_ms,
    struct spike_facts *out)
{
	uint32_t hour = counter_hour(now_ms);
	uint64_t ignored;
	int rc;

	*out = (struct spike_facts){.now.unknown = 1};
	rc = add_hours(
	    t, hour, SPIKE_WINDOW_HOURS, provider, &out->now, &ignored);
	if (rc != 0 || !spike_may_be(&out->now) || hour <= SPIKE_WINDOW_HOURS)
		return rc;
	return add_hours(t, hour - SPIKE_WINDOW_HOURS, SPIKE_BASE_HOURS,
	    provider, &out->base, &out->base_hours);
}
