/* spikeback.h - what a spike (spike.h) makes of the failures before it was seen:
 * whom they gave up for ever is given up for the time being, as are those after.
 *
 * Each failure that gives up for ever, and confirms nothing, is kept with its
 * provider for SPIKEBACK_KEEP_HOURS. When a spike is seen those of its window
 * are worked off, SPIKEBACK_AT_ONCE in a proposal: by each failure amid it, and
 * by the agent (agent/in/lookback.h). What is left to do is in the ledger, so
 * whoever comes next goes on with it. A suppression is changed only while it is
 * still the one that the failure made.
 *
 * Owns EV_SPIKE; the changes themselves are EV_SUPPRESSED (ops.h). Keys of
 * TABLE_FEEDBACK: 'u', hour (4), provider, NUL, ms (8), lead id (16): a failure;
 * 's', provider: a spike that is not worked off. Threads: as the transaction. */
#ifndef POLICY_STATE_SPIKEBACK_H
#define POLICY_STATE_SPIKEBACK_H

#include "policy/ledger/door.h"
#include "policy/mail/lead_id.h"
#include "policy/state/payload.h"

enum {
	SPIKEBACK_KEEP_HOURS = 72,
	SPIKEBACK_AT_ONCE = 25,
	SPIKEBACK_PROVIDER_MAX = 127, /* bytes; longer ones are cut */
};

struct event_spike {
	struct str provider;
	uint32_t hour; /* the first of its window (counter.h) */
	int64_t at_ms; /* when it was seen: failures until then are meant */
	/* The last failure that was dealt with; hour 0: none. */
	uint32_t to_hour;
	int64_t to_ms;
	unsigned char to_lead[LEAD_ID_BYTES];
	uint32_t made; /* provisional, with this event */
	bool done;     /* all are dealt with */
};

struct spikeback_out {
	uint64_t made, total; /* provisional: now, and since it was seen */
	bool done;            /* this was the last of it */
};

/* In a proposal: goes on with the spike of that provider; where none waits and
 * one is seen now, begins with it. */
int spikeback_emit(struct door_ctx *ctx, struct str provider, bool seen,
    struct spikeback_out *out) MUST_CHECK;
/* A provider with one that waits, NUL-terminated. ERR_NOT_FOUND: none does. */
int spikeback_next(const struct ledger_txn *t,
    char out[SPIKEBACK_PROVIDER_MAX + 1]) MUST_CHECK;

/* In a reducer: a failure of now. */
int spikeback_note(struct ledger_txn *t, int64_t now_ms, struct str provider,
    const unsigned char *lead) MUST_CHECK;

extern const struct payload_desc spikeback_payload;
int spikeback_decode(struct str payload, struct event_spike *out) MUST_CHECK;
int spikeback_reduce(
    struct ledger_txn *t, const struct event *ev, struct error *err);

#endif
