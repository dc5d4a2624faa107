/* lived.h - how long ago is surely past, whatever the clock shows now.
 *
 * What cannot count in any window any more is dropped from histories, and nothing
 * brings it back. So that is not judged by the clock of one moment, which may be
 * months ahead by mistake and then go back, nor by the latest instant that was
 * ever seen. What counts is on how many different days (UTC) anything happened
 * (counter.h): a day is lived when something was counted on it. A span of N days
 * is surely past at the beginning of the (N + LIVED_WRONG_DAYS + 1)th last lived
 * day, that of now and those before it. A clock that is ahead adds to these the
 * days alone on which it was and mail went out: with LIVED_WRONG_DAYS of them
 * among the N, still nothing is dropped that counts when it comes back. And a
 * clock that is behind finds fewer days: it drops less, or nothing.
 *
 * The price: who sends on few days keeps more of the past, up to what histories
 * hold in any case (slotlist.h, tally.h), where the oldest go first. A clock that
 * runs through a season within hours, with mail on each of its days, has been
 * believed. Threads: as the transaction. */
#ifndef POLICY_STATE_LIVED_H
#define POLICY_STATE_LIVED_H

#include "policy/ledger/env.h"

enum {
	LIVED_WRONG_DAYS = 7
};

/* The instant before which a span of that length is surely past at now_ms; 0:
 * nobody knows of any. A look for each day: keep the answer for the day. */
int lived_before(const struct ledger_txn *t, int64_t now_ms, int64_t span_ms,
    int64_t *out) MUST_CHECK;

/* The answer of before, where nothing can have changed but for the worse.
 * Threads: one owner. */
struct lived {
	int64_t day; /* of now */
	int64_t span_ms;
	int64_t before_ms;
	bool known;
};
int lived_ask(struct lived *l, const struct ledger_txn *t, int64_t now_ms,
    int64_t span_ms, int64_t *out) MUST_CHECK;

#endif
