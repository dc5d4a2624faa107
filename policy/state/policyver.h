/* policyver.h - the applied policies, by version, with author and reason; and
 * the one in force, parsed once.
 *
 * Version 1, 2, 3...; the highest is in force. Key: version, 4 bytes. */
#ifndef POLICY_STATE_POLICYVER_H
#define POLICY_STATE_POLICYVER_H

#include "policy/conf/policy.h"
#include "policy/ledger/event.h"
#include "policy/state/payload.h"

/* What becomes of messages held for a segment that a new version removes.
 * Numbers are stored. */
enum policyver_orphans {
	POLICYVER_ORPHANS_NONE = 0,   /* there was none */
	POLICYVER_ORPHANS_HOLD = 1,   /* they wait for their deadline */
	POLICYVER_ORPHANS_BOUNCE = 2, /* they go back to their sender */
};

struct policyver_record {
	uint32_t version;
	int64_t applied_ms;
	uint64_t seq;
	unsigned char hash[32];
	enum policyver_orphans orphans;
	struct str text, author, reason; /* borrowed */
};

struct event_policy {
	uint32_t version;
	unsigned char hash[32]; /* SHA-256 of the text */
	struct str text, author, reason;
	uint32_t orphans; /* enum policyver_orphans */
};

/* 0 when none was applied yet. */
int policyver_current(
    const struct ledger_txn *t, uint32_t *version_out) MUST_CHECK;
int policyver_read(const struct ledger_txn *t, uint32_t version,
    struct policyver_record *out) MUST_CHECK;

extern const struct payload_desc policyver_payload;
int policyver_decode(struct str payload, struct event_policy *out) MUST_CHECK;
int policyver_reduce(
    struct ledger_txn *t, const struct event *ev, struct error *err);

/* The policy in force, parsed and kept. A proposal compares the version it
 * decided by with policyver_current() in its transaction and gives ERR_STALE
 * when they differ; the caller asks the cache again and proposes again.
 * Threads: internally locked. */
struct policyver_cache;

int policyver_cache_open(
    struct policyver_cache **out, struct ledger *l) MUST_CHECK;
void policyver_cache_close(struct policyver_cache **c);
/* *out is a reference, NULL when no policy was applied yet. */
int policyver_cache_get(struct policyver_cache *c, const struct policy **out,
    struct error *err) MUST_CHECK;
/* An older version, parsed anew: for explain. */
int policyver_load(const struct ledger_txn *t, uint32_t version,
    const struct policy **out, struct error *err) MUST_CHECK;

#endif
