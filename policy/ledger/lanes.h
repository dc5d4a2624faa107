/* lanes.h - who goes next through the door: the rule of its two lanes. Pure: no
 * clock, no storage; the door (door.c) asks before each proposal that it takes,
 * and turns.h carries the rule to the doors of other processes.
 *
 * The front lane is what an SMTP session waits for: verdicts with their
 * reservation, and messages that are taken over. All else is in the back lane:
 * imports, releases, the MTA's log, feedback mail, what is asked through /v1.
 *
 *  1. In front goes first. A proposal in front that comes while a batch is
 *     being decided joins it, before all that wait behind.
 *  2. Each batch takes at least one from behind where one waits, also from
 *     among as many in front as can come: a share that is never nothing.
 *  3. While nobody decides, those behind have all of a batch, batch_us. Since
 *     somebody in front was seen, here or in another process, and for
 *     LANES_CALM_US after that, they have so much of it that batch and commit
 *     together take give_us. What a microsecond of deciding costs in the
 *     commit is measured (pages dirtied, and what the disk makes of them), so
 *     the part is smaller where rows lie scattered and larger where they lie
 *     together. But never less than least_us, however slow the disk is.
 *  4. As soon as somebody in front waits, in this batch or for the ledger in
 *     another process, those behind end at least_us.
 *  5. Between processes (turns.h) who is behind lets those in front take the
 *     ledger first, for TURNS_WAY_US at most; who is in front and has had it
 *     TURNS_AHEAD times while somebody behind waited lets that one, for
 *     TURNS_LET_US at most.
 *
 * So a decision waits for a batch of give_us at most, besides its own, or for
 * one proposal from behind where that alone takes longer: whoever has many rows
 * cuts them into proposals of less than a millisecond.
 *
 * Inside a lane the order is that of the queue. Between lanes there is none:
 * what one who waited for no answer put behind may be decided after what was
 * put in front later, also if both are about one person. Who needs an order
 * waits for the answer.
 *
 * Threads: one owner. */
#ifndef POLICY_LEDGER_LANES_H
#define POLICY_LEDGER_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lane {
	LANE_FRONT,
	LANE_BACK,
	LANE_NONE, /* the batch is complete */
	LANES = LANE_NONE
};

/* How long somebody in front is remembered. */
#define LANES_CALM_US INT64_C(5000000)
#define LANES_NEVER_US (-LANES_CALM_US)

struct lanes {
	size_t batch_max;  /* proposals, >= 2; the last place is for behind */
	int64_t batch_us;  /* of deciding */
	int64_t give_us;   /* of a batch from behind, its commit included */
	int64_t least_us;  /* of deciding; see above */
	int64_t seen_us;   /* somebody in front; LANES_NEVER_US */
	int64_t share_ppm; /* of such a batch's time: deciding; an average */
};

/* A batch so far. */
struct lanes_batch {
	size_t n[LANES];
	int64_t us[LANES]; /* of deciding */
};

struct lanes_queue {
	bool waits[LANES];
	bool elsewhere; /* in front, in another process */
};

void lanes_init(struct lanes *l, size_t batch_max, int64_t batch_us);
/* Then; before the last time: nothing changes. */
void lanes_saw_front(struct lanes *l, int64_t at_us);
/* Of deciding, for those behind, in a batch without any in front. */
int64_t lanes_budget_us(const struct lanes *l, int64_t now_us);
/* From which lane the batch goes on. */
enum lane lanes_next(const struct lanes *l, const struct lanes_batch *b,
    const struct lanes_queue *q, int64_t now_us);
/* A batch was made durable, which took commit_us after deciding. */
void lanes_note(
    struct lanes *l, const struct lanes_batch *b, int64_t commit_us);

#endif
