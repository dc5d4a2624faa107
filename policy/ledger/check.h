/* check.h - is this ledger whole?
 *
 * LMDB keeps no checksums. check_run() reads every event (checksum, type and
 * version known, numbers without a gap) and every row of every table (order of
 * keys, count). What a table says is only proved by replaying the events:
 * policy/ledger/rebuild.h.
 *
 * Beside running daemons it renews its snapshot every second, so it pins no
 * pages; rows that change meanwhile may be counted or not.
 * Threads: as struct ledger; one owner of the report. */
#ifndef POLICY_LEDGER_CHECK_H
#define POLICY_LEDGER_CHECK_H

#include "policy/ledger/event.h"

/* Called every few thousand rows; total is 0 where it is not known. */
typedef void check_progress_fn(
    void *arg, const char *what, uint64_t done, uint64_t total);

struct check_options {
	const struct reducer_table *reducers;
	check_progress_fn *progress; /* may be NULL */
	void *progress_arg;
};

struct check_report {
	uint64_t events, rows; /* read */
	uint64_t first_seq, last_seq;
	uint64_t damaged;  /* events whose bytes are not what was written */
	uint64_t unknown;  /* events of a type or version not known here */
	uint64_t missing;  /* numbers without an event */
	uint64_t disorder; /* keys out of order, rows too many or too few */
	bool crashed;      /* see check_folder() */
};

/* 0: whole. ERR_CORRUPT: at least one finding (ERR_VERSION: nothing worse than
 * unknown events); err tells the first, *out counts them all. Any other code:
 * it could not be finished. */
int check_run(struct ledger *l, const struct check_options *o,
    struct check_report *out, struct error *err) MUST_CHECK;

/* Opens the ledger of *lo and checks it in a child process: a damaged page can
 * lead LMDB anywhere, and a crash there is a finding here (ERR_CORRUPT and
 * out->crashed). For programs with one thread; this process must not have that
 * ledger open. */
int check_folder(const struct ledger_options *lo, const struct check_options *o,
    struct check_report *out, struct error *err) MUST_CHECK;

#endif
