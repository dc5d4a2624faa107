/* lanes.c - see lanes.h. */
#include "policy/ledger/lanes.h"

enum {
	GIVE_US = 1500,
	LEAST_US = 250,
	WHOLE_PPM = 1000000,
	SHARE_WEIGHT = 8, /* of the past in the average, against one */
};

void lanes_init(struct lanes *l, size_t batch_max, int64_t batch_us)
{
	*l = (struct lanes){
	    .batch_max = batch_max,
	    .batch_us = batch_us,
	    .give_us = GIVE_US,
	    .least_us = LEAST_US,
	    .seen_us = LANES_NEVER_US,
	    .share_ppm = WHOLE_PPM / 2,
	};
}

void lanes_saw_front(struct lanes *l, int64_t at_us)
{
	if (at_us > l->seen_us)
		l->seen_us = at_us;
}

int64_t lanes_budget_us(const struct lanes *l, int64_t now_us)
{
	int64_t us = l->give_us * l->share_ppm / WHOLE_PPM;

	if (now_us - l->seen_us >= LANES_CALM_US)
		return l->batch_us;
	if (us < l->least_us)
		us = l->least_us;
	return us < l->batch_us ? us : l->batch_us;
}

enum lane lanes_next(const struct lanes *l, const struct lanes_batch *b,
    const struct lanes_queue *q, int64_t now_us)
{
	size_t n = b->n[LANE_FRONT] + b->n[LANE_BACK];
	bool hurry = b->n[LANE_FRONT] > 0 || q->elsewhere;
	int64_t most_us;

	if (q->waits[LANE_FRONT] && n < l->batch_max - (b->n[LANE_BACK] == 0) &&
	    (n == 0 || b->us[LANE_FRONT] + b->us[LANE_BACK] < l->batch_us))
		return LANE_FRONT;
	if (!q->waits[LANE_BACK] || n >= l->batch_max)
		return LANE_NONE;
	if (b->n[LANE_BACK] == 0)
		return LANE_BACK;
	most_us = hurry ? l->least_us : lanes_budget_us(l, now_us);
	if (most_us > l->batch_us)
		most_us = l->batch_us;
	return b->us[LANE_BACK] < most_us ? LANE_BACK : LANE_NONE;
}

void lanes_note(struct lanes *l, const struct lanes_batch *b, int64_t commit_us)
{
	int64_t us = b->us[LANE_BACK], share;

	if (b->n[LANE_FRONT] > 0 || us <= 0 || commit_us < 0)
		return;
	share = us * WHOLE_PPM / (us + commit_us);
	l->share_ppm =
	    (l->share_ppm * SHARE_WEIGHT + share) / (SHARE_WEIGHT + 1);
}
