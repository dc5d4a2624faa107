/* ops_companies.c - makes the companies' histories whole, in steps that do not
 * hold up anybody's mail; see ops.h.
 *
 * They are not kept all the time, for whoever may want a limit one day: one row
 * more that is read from anywhere on the disk and written with each message
 * doubles what a proposal costs, and for large companies it triples it (tried
 * with 100 000 people of 5000 companies: 8000 proposals a second came down to
 * 2600). And a limit is not in force before they are whole: whatever would be
 * decided meanwhile were too much, or too late. */
#include "policy/base/log.h"
#include "policy/state/companies.h"
#include "policy/state/ops.h"

enum {
	CLEAR_ROWS = 500, /* a step, some ms of the door's time */
	FILL_ROWS = 50,
};

struct job {
	enum company_state state; /* before this step */
};

static int step_fn(struct door_ctx *ctx, void *arg)
{
	struct job *j = arg;
	struct company_keeping k;
	int rc = company_keeping(door_txn(ctx), &k);

	j->state = k.state;
	if (rc != 0 || k.state == COMPANY_KEPT)
		return rc;
	if (k.state == COMPANY_NOT_KEPT)
		return companies_emit(ctx, COMPANIES_BEGIN, 0);
	return companies_emit(ctx, COMPANIES_STEP,
	    k.state == COMPANY_CLEARING ? CLEAR_ROWS : FILL_ROWS);
}

int ops_companies_keep(struct store *s, struct error *err)
{
	struct job j = {.state = COMPANY_NOT_KEPT};
	long steps = 0;
	int rc = 0;

	while (rc == 0 && j.state != COMPANY_KEPT) {
		if (s->stopping != NULL && atomic_load(s->stopping))
			return error_of(err, ERR_STOPPING,
			    "the companies' histories go on at the next start");
		rc = door_propose(s->door, step_fn, &j, err);
		steps++;
	}
	if (rc == 0)
		LOG_EV(
		    LOG_LEVEL_INFO, "companies.kept", KV_I64("steps", steps));
	return rc;
}

int ops_companies_check(struct store *s, struct error *err)
{
	struct company_keeping k = {.state = COMPANY_KEPT};
	const struct policy *p;
	struct ledger_txn *t = NULL;
	int rc = policyver_cache_get(s->policies, &p, err);

	if (rc != 0)
		return rc;
	if (p != NULL && p->needs_company) {
		rc = ledger_read_begin(s->ledger, &t);
		if (rc == 0)
			rc = company_keeping(t, &k);
		ledger_read_end(&t);
		rc = error_of(err, rc, "ledger");
	}
	policy_unref(&p);
	return rc != 0 || k.state == COMPANY_KEPT ? rc
						  : ops_companies_keep(s, err);
}
