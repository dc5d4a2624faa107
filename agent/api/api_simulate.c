/* api_simulate.c - /v1/simulate: what another policy would have made of what
 * came. POST begins, GET asks how far it is, DELETE stops. */
#include "agent/api/routes.h"
#include "agent/api/simjob.h"

#include "policy/base/clock.h"
#include "policy/base/when.h"
#include "policy/state/policyver.h"

#include <string.h>

enum {
	BY_DEFAULT = SIMULATE_BY_SEGMENT | SIMULATE_BY_CAMPAIGN,
	PATH_BYTES = 256,
};
#define SINCE_MS (30 * WHEN_DAY_MS)
#define MEMORY_DEFAULT (UINT64_C(1) << 30)
#define MEMORY_LEAST (UINT64_C(16) << 20)
/* The agent has other work: who may ask is no admin. */
#define MEMORY_MOST (UINT64_C(2) << 30)

static int take_by(struct api_call *c, unsigned *out)
{
	static const char *const names[] = {
	    "segment", "campaign", "company", "hour"};
	struct str rest = api_arg(c, "by"), name;

	*out = rest.n > 0 ? 0 : (unsigned)BY_DEFAULT;
	while (rest.n > 0 && str_next(&rest, ',', &name)) {
		unsigned bit = 0;

		for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (str_eq(str_trim(name), str_of(names[i])))
				bit = 1U << i;
		if (bit == 0)
			return error_set(&c->err, ERR_SYNTAX,
			    "\"by\" knows segment, campaign, company and hour, "
			    "not \"%.*s\"",
			    STR_ARG(name));
		*out |= bit;
	}
	return 0;
}

static int load_version(
    struct api_call *c, uint64_t version, const struct policy **out)
{
	struct ledger_txn *t = NULL;
	int rc = ledger_read_begin(c->app->store->ledger, &t);

	if (rc == 0)
		rc = policyver_load(t, (uint32_t)version, out, &c->err);
	ledger_read_end(&t);
	return rc;
}

/* text, or version. */
static int take_policy(struct api_call *c, const struct policy **out)
{
	struct str text = api_arg(c, "text"), path = api_arg(c, "path");
	char name[PATH_BYTES] = "policy";
	uint64_t version = 0;
	int rc = api_number(c, "version", UINT32_MAX, &version);

	if (rc != 0)
		return rc;
	if (text.p == NULL && version != 0)
		return load_version(c, version, out);
	if (text.p == NULL)
		return error_set(&c->err, ERR_SYNTAX,
		    "\"text\" or \"version\" of a policy is missing");
	if (path.n > 0 && path.n < sizeof(name)) {
		memcpy(name, path.p, path.n);
		name[path.n] = '\0';
	}
	return policy_parse(out, name, text, 0, &c->err);
}

static int take_other(struct api_call *c, const struct policy **out)
{
	int rc;

	if (!api_flag(c, "diff"))
		return 0;
	rc = policyver_cache_get(c->app->store->policies, out, &c->err);
	return rc == 0 && *out == NULL
		   ? error_set(&c->err, ERR_NOT_FOUND,
			 "no policy was applied yet: nothing to compare with")
		   : rc;
}

static int take_query(struct api_call *c, struct simulate_query *q)
{
	int64_t now_ms = clock_now_ms();
	uint64_t memory = MEMORY_DEFAULT;
	int rc;

	q->until_ms = now_ms;
	q->since_ms = now_ms - SINCE_MS;
	rc = api_time(c, "since", &q->since_ms);
	if (rc == 0)
		rc = api_time(c, "until", &q->until_ms);
	if (rc == 0 && q->since_ms >= q->until_ms)
		rc = error_set(
		    &c->err, ERR_SYNTAX, "\"since\" is not before \"until\"");
	if (rc == 0)
		rc = api_number(c, "memory", MEMORY_MOST, &memory);
	q->memory_max =
	    memory > MEMORY_LEAST ? (size_t)memory : (size_t)MEMORY_LEAST;
	if (rc == 0)
		rc = take_by(c, &q->by);
	if (rc == 0)
		rc = take_policy(c, &q->policy);
	return rc == 0 ? take_other(c, &q->other) : rc;
}

int api_simulate_start(struct api_call *c)
{
	struct simulate_query q = {0};
	uint64_t id = 0;
	int rc = take_query(c, &q);

	if (rc == 0) {
		rc = simjob_start(c->app->simjob, &q, &id, &c->err);
		value_put_i64(c->reply, "id", (int64_t)id);
		return rc;
	}
	policy_unref(&q.policy);
	policy_unref(&q.other);
	return rc;
}

static int told(struct api_call *c, int rc)
{
	return rc == ERR_NOT_FOUND
		   ? error_set(&c->err, rc, "no such simulation (any more)")
		   : rc;
}

int api_simulate_show(struct api_call *c)
{
	uint64_t id;
	int rc = api_id(c, "id", &id);

	return rc != 0 ? rc
		       : told(c, simjob_show(c->app->simjob, id, c->reply));
}

int api_simulate_stop(struct api_call *c)
{
	uint64_t id;
	int rc = api_id(c, "id", &id);

	return rc != 0 ? rc : told(c, simjob_stop(c->app->simjob, id));
}
