/* attempts.h - rows of the past as messages that can be played: what an
 * application handed in, once, with what became of it. For simulate.c.
 *
 * A held copy and the message that came of it are one; what was decided while a
 * copy waited is the copy's. What was deferred and came again within
 * ATTEMPTS_RETRY_MS, for the same person and segment, is one. Messages before
 * since_ms, and one-to-one mail, are there as history alone.
 * Threads: one owner. */
#ifndef POLICY_STATE_ATTEMPTS_H
#define POLICY_STATE_ATTEMPTS_H

#include "policy/base/when.h"
#include "policy/rules/replay.h"
#include "policy/state/past.h"

#define ATTEMPTS_RETRY_MS (5 * WHEN_DAY_MS)

struct attempt {
	enum replay_fate recorded;
	int64_t done_ms; /* when it was sent; 0: it was not, or waits still */
	uint32_t what;   /* past_what() */
	bool stopped;    /* what held it was a stop */
};

struct attempts {
	struct replay_message *messages; /* mark: index of the attempt */
	struct attempt *v;
	struct replay_person *people;
	struct replay_change *changes;
	size_t n, n_people, n_changes;
	size_t cap, cap_people, cap_changes;
	const struct past *past; /* the caller's: whose rows they are */
};

void attempts_fini(struct attempts *a); /* zero is empty */
void attempts_reset(struct attempts *a);

/* One person: all rows of that lead, by time. *moved_ms_out: when the person
 * went on under another address; INT64_MIN: no row says so. -ENOMEM. */
int attempts_add(struct attempts *a, const struct past_row *rows, size_t n,
    int64_t since_ms, int64_t *moved_ms_out) MUST_CHECK;
/* A state that the person last added had before all changes. -ENOMEM. */
int attempts_add_first(
    struct attempts *a, uint32_t purpose, enum consent_state state) MUST_CHECK;
/* The last added person's first change of consent to that purpose, NULL: none. */
const struct replay_change *attempts_first_change(
    const struct attempts *a, uint32_t purpose);
/* When all are there: brings them in order. */
void attempts_finish(struct attempts *a);

#endif
