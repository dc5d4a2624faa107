/* ops_policy.c - apply a policy: checked, hashed, numbered. */
#include "policy/base/digest.h"
#include "policy/state/companies.h"
#include "policy/state/ops.h"

enum {
	TRIES = 3, /* others may apply policies, too */
};

struct apply {
	const struct ops_policy *in;
	const struct policy *parsed;
	uint32_t version;
	bool lacks_companies; /* their histories have to be whole first */
};

/* Nothing to do, whatever it was based on: who asks again lost the answer. */
static bool is_same(
    const struct ops_policy *in, const struct policyver_record *now)
{
	return str_eq(now->text, in->text) &&
	       (in->orphans == POLICYVER_ORPHANS_NONE ||
		   in->orphans == now->orphans);
}

static int check_base(struct apply *a, struct door_ctx *ctx, uint32_t current)
{
	struct policyver_record now;
	int rc;

	a->version = current;
	rc = current == 0 ? ERR_NOT_FOUND
			  : policyver_read(door_txn(ctx), current, &now);
	if (rc == 0 && is_same(a->in, &now))
		return ERR_EXISTS;
	if (rc != 0 && rc != ERR_NOT_FOUND)
		return rc;
	if (a->in->base != 0 && a->in->base != current)
		return error_set(door_error(ctx), ERR_STALE,
		    "version %u is in force, not %u", current, a->in->base);
	return 0;
}

/* Limits of companies come in force with the histories that they count, and
 * these end with the last such limit. */
static int settle_companies(struct apply *a, struct door_ctx *ctx)
{
	struct company_keeping k;
	int rc = company_keeping(door_txn(ctx), &k);

	if (rc != 0)
		return rc;
	a->lacks_companies =
	    a->parsed->needs_company && k.state != COMPANY_KEPT;
	if (a->lacks_companies)
		return ERR_STALE;
	return a->parsed->needs_company || k.state == COMPANY_NOT_KEPT
		   ? 0
		   : companies_emit(ctx, COMPANIES_END, 0);
}

static int apply_fn(struct door_ctx *ctx, void *arg)
{
	struct apply *a = arg;
	struct event_policy e = {.text = a->in->text,
	    .author = a->in->author,
	    .reason = a->in->reason,
	    .orphans = a->in->orphans};
	uint32_t current;
	int rc = policyver_current(door_txn(ctx), &current);

	a->lacks_companies = false;
	if (rc == 0)
		rc = check_base(a, ctx, current);
	if (rc == 0)
		rc = settle_companies(a, ctx);
	if (rc == 0)
		rc = digest_sha256(a->in->text, e.hash);
	if (rc != 0)
		return rc;
	e.version = a->version = current + 1;
	return payload_emit(ctx, EV_POLICY_APPLIED, &policyver_payload, &e);
}

static int propose(struct store *s, struct apply *a, struct error *err)
{
	int rc = door_propose(s->door, apply_fn, a, err);

	for (int i = 0; a->lacks_companies && i < TRIES; i++) {
		*err = (struct error){0};
		rc = ops_companies_keep(s, err);
		if (rc != 0)
			break;
		rc = door_propose(s->door, apply_fn, a, err);
	}
	return rc;
}

int ops_policy_apply(struct store *s, const struct ops_policy *in,
    uint32_t *version_out, struct error *err)
{
	struct error unused = {0};
	struct apply a = {.in = in};
	int rc = policy_parse(&a.parsed, in->path.p, in->text, 0, err);

	*version_out = 0;
	if (rc != 0)
		return rc;
	rc = propose(s, &a, err != NULL ? err : &unused);
	policy_unref(&a.parsed);
	if (rc == 0 || rc == ERR_EXISTS)
		*version_out = a.version;
	return rc;
}
