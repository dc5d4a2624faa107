/* meta.h - who a ledger is: rows of LEDGER_META, written by the ledger itself.
 * Threads: as the transaction. */
#ifndef POLICY_LEDGER_META_H
#define POLICY_LEDGER_META_H

#include "policy/ledger/env.h"

enum {
	META_UUID = 16
};

struct meta {
	uint32_t schema;
	unsigned char uuid[META_UUID]; /* made at creation, kept by restore */
	int64_t created_ms;
	uint64_t epoch;        /* 1 at creation; each restore adds one */
	uint64_t last_seq;     /* of the newest event; 0: none yet */
	uint64_t pruned_seq;   /* events up to this one are gone */
	uint64_t snapshot_seq; /* newest event in a verified backup */
};

int meta_read(const struct ledger_txn *t, struct meta *out) MUST_CHECK;
/* All of *m but last_seq, which follows the events. */
int meta_write(struct ledger_txn *t, const struct meta *m) MUST_CHECK;

/* At open, with the flags given there: writes the rows of a new ledger where
 * there are none and LEDGER_CREATE allows it. ERR_VERSION, with both versions
 * in the text, when the ledger's schema differs (LEDGER_OLDER: is newer);
 * ERR_CORRUPT when this is no ledger. */
int meta_admit(struct ledger_txn *t, uint32_t schema, unsigned flags,
    struct error *err) MUST_CHECK;

#endif
