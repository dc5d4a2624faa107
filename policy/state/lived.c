/* lived.c - see lived.h. */
#include "policy/state/lived.h"

#include "policy/base/when.h"
#include "policy/state/counter.h"

enum {
	HOURS = 24,
};

int lived_before(
    const struct ledger_txn *t, int64_t now_ms, int64_t span_ms, int64_t *out)
{
	int64_t days = span_ms / WHEN_DAY_MS + (span_ms % WHEN_DAY_MS != 0);
	uint32_t before = counter_hour(now_ms) / HOURS * HOURS, hour;
	int rc = 0;

	*out = 0;
	if (before > UINT32_MAX - HOURS)
		return 0;
	before += HOURS;
	for (int64_t i = 0; rc == 0 && i <= days + LIVED_WRONG_DAYS; i++) {
		rc = counter_hour_before(t, before, &hour);
		if (rc != 0 || hour == 0)
			return rc;
		before = hour / HOURS * HOURS;
	}
	*out = (int64_t)before * WHEN_HOUR_MS;
	return rc;
}

int lived_ask(struct lived *l, const struct ledger_txn *t, int64_t now_ms,
    int64_t span_ms, int64_t *out)
{
	int64_t day = now_ms / WHEN_DAY_MS;
	int rc = 0;

	if (!l->known || l->day != day || l->span_ms != span_ms) {
		*l = (struct lived){.day = day, .span_ms = span_ms};
		rc = lived_before(t, now_ms, span_ms, &l->before_ms);
		l->known = rc == 0;
	}
	*out = l->before_ms;
	return rc;
}
