/* reviews.c - see reviews.h. */
#include "agent/in/reviews.h"

#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/log.h"
#include "policy/base/when.h"
#include "policy/state/review.h"

#include <errno.h>
#include <stdlib.h>

#define LOOK_MS (30 * WHEN_SECOND_MS)
#define AGAIN_MS WHEN_HOUR_MS

struct reviews {
	const struct app *app;
	uint64_t overdue; /* that were told */
	int64_t told_ms;
};

int reviews_open(struct reviews **out, const struct app *app, struct error *err)
{
	struct reviews *r = fault_alloc() ? NULL : calloc(1, sizeof(*r));

	*out = r;
	if (r == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	r->app = app;
	return 0;
}

void reviews_close(struct reviews **r)
{
	free(*r);
	*r = NULL;
}

int reviews_look(
    struct reviews *r, int64_t now_ms, bool *told_out, struct error *err)
{
	struct review_count n = {0};
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(r->app->store->ledger, &t);

	*told_out = false;
	if (rc == 0)
		rc = review_count(t, now_ms, &n);
	ledger_read_end(&t);
	if (rc != 0)
		return error_of(err, rc, "reviews");
	if (n.overdue > 0 &&
	    (n.overdue > r->overdue || now_ms - r->told_ms >= AGAIN_MS)) {
		LOG_EV(LOG_LEVEL_WARNING, "review.overdue",
		    KV_I64("overdue", (int64_t)n.overdue),
		    KV_I64("open", (int64_t)n.open));
		r->told_ms = now_ms;
		*told_out = true;
	}
	r->overdue = n.overdue;
	return 0;
}

int reviews_step(void *arg, int64_t *wait_ms_out, struct error *err)
{
	bool told;

	*wait_ms_out = LOOK_MS;
	return reviews_look(arg, clock_now_ms(), &told, err);
}
