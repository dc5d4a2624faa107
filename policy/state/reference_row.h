/* reference_row.h - how TABLE_REFERENCE is laid out, so that a row costs a
 * small part of a page to write, however many there are: an LSM tree (O'Neil et
 * al. 1996, "The Log-Structured Merge-Tree") within one table.
 *
 * A new row goes to the end: NEW (1), number (8) -> digest (8), message id (8).
 * Of each RUN of them one run of level 1 is made, and of FAN runs of a level,
 * in steps, one of the next; the last level's stay. A row of a run:
 * level (1), run (4), digest (8), message id (8).
 *
 * Run r of a level has the rows of the runs r * FAN and on of the level below,
 * so that what has to be done follows from what is there and from the number of
 * the newest row: nothing else is recorded, and a row is at one place always.
 * Digests are spread evenly, those of an application that gives many messages
 * one Message-ID are not; steps are bounded either way.
 * Threads: as the transaction. */
#ifndef POLICY_STATE_REFERENCE_ROW_H
#define POLICY_STATE_REFERENCE_ROW_H

#include "policy/ledger/env.h"
#include "policy/mail/reference.h"

enum {
	REFERENCE_RUN = 512,
	REFERENCE_FAN_BITS = 5,
	REFERENCE_LEVELS = 3,
	REFERENCE_NEW = 255, /* the highest: these are the table's last rows */
	REFERENCE_NEW_KEY = 1 + 8,
	REFERENCE_PREFIX = 1 + 4 + REFERENCE_DIGEST,
	REFERENCE_KEY = REFERENCE_PREFIX + 8,
};

struct reference_row {
	unsigned char digest[REFERENCE_DIGEST];
	uint64_t id; /* of the message */
	uint32_t run;
};

struct reference_key {
	char b[REFERENCE_KEY];
};

/* Each borrows *k. The prefix is that of all messages with this digest. */
struct str reference_key(
    unsigned level, const struct reference_row *row, struct reference_key *k);
struct str reference_prefix(unsigned level, uint32_t run,
    const unsigned char *digest, struct reference_key *k);
struct str reference_run_prefix(
    unsigned level, uint32_t run, struct reference_key *k);

/* ERR_CORRUPT for what no row of a run is. */
int reference_row_parse(struct str key, struct reference_row *out) MUST_CHECK;
/* Of a NEW row. */
int reference_new_parse(struct str key, struct str value, uint64_t *number_out,
    struct reference_row *out) MUST_CHECK;

/* The first run of a level that has number `from` or a higher one.
 * ERR_NOT_FOUND. */
int reference_next_run(const struct ledger_txn *t, unsigned level,
    uint32_t from, uint32_t *run_out) MUST_CHECK;

#endif
