/* lookback.c - see lookback.h. Each proposal is small and waits in the back
 * lane (door.h), so decisions go before it. */
#include "agent/in/lookback.h"

#include "policy/base/log.h"
#include "policy/base/when.h"

#define LOOK_MS (2 * WHEN_SECOND_MS)

struct work {
	char provider[SPIKEBACK_PROVIDER_MAX + 1];
	struct spikeback_out out;
};

void lookback_tell(const char *provider, const struct spikeback_out *o)
{
	if (o->done && o->total > 0)
		LOG_EV(LOG_LEVEL_WARNING, "feedback.spike_earlier",
		    KV_Z("provider", provider),
		    KV_I64("count", (int64_t)o->total));
}

static int work_fn(struct door_ctx *ctx, void *arg)
{
	struct work *w = arg;

	return spikeback_emit(ctx, str_of(w->provider), false, &w->out);
}

int lookback_work(const struct app *app, bool *more_out, struct error *err)
{
	struct ledger_txn *t = NULL;
	struct work w;
	int rc = ledger_read_begin(app->store->ledger, &t);

	if (rc == 0)
		rc = spikeback_next(t, w.provider);
	ledger_read_end(&t);
	*more_out = rc == 0;
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : error_of(err, rc, "spike");
	rc = door_propose(app->store->door, work_fn, &w, err);
	if (rc == 0)
		lookback_tell(w.provider, &w.out);
	return rc;
}

int lookback_step(void *arg, int64_t *wait_ms_out, struct error *err)
{
	const struct app *app = arg;
	bool more = false;
	int rc = lookback_work(app, &more, err);

	*wait_ms_out = more ? 0 : LOOK_MS;
	return rc;
}
