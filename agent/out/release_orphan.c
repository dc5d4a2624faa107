/* release_orphan.c - held copies whose segment the policy has no more; see
 * release_internal.h.
 *
 * Nothing is stored for them when a policy is applied: there may be thousands.
 * The versions are on record, with what the author chose, so the version that
 * took the segment away decides over the copies that were there by then,
 * however often the agent is killed and whatever is applied after it. */
#include "agent/out/release_internal.h"

/* The version that removed the segment, from the one in force backwards. */
static int find_removal(const struct ledger_txn *t, uint32_t version,
    struct str segment, struct release_removal *out, struct error *err)
{
	struct policyver_record r;
	const struct policy *p;
	bool found = false;
	int rc = 0;

	*out = (struct release_removal){0};
	while (rc == 0 && !found && --version > 0) {
		rc = policyver_load(t, version, &p, err);
		found = rc == 0 && policy_segment_find(p, segment) != NULL;
		policy_unref(&p);
		if (rc == ERR_SYNTAX)
			rc = 0; /* of an older program: it tells nothing */
	}
	if (rc == 0 && found)
		rc = policyver_read(t, version + 1, &r);
	if (rc != 0 || !found)
		return rc;
	out->applied_ms = r.applied_ms;
	out->orphans = r.orphans;
	return 0;
}

/* The one of the last copy is kept: holds of one segment come in rows. */
static int removal_of(
    struct release *r, uint32_t version, struct str segment, struct error *err)
{
	struct release_removal found;
	struct ledger_txn *t = NULL;
	int rc;

	if (r->removal.version == version &&
	    r->removal.label == policy_label(segment))
		return 0;
	rc = ledger_read_begin(r->app->store->ledger, &t);
	if (rc == 0)
		rc = find_removal(t, version, segment, &found, err);
	ledger_read_end(&t);
	if (rc != 0)
		return error_set(err, rc, "policy: %s", error_text(rc));
	r->removal = found;
	r->removal.version = version;
	r->removal.label = policy_label(segment);
	return 0;
}

static enum release_fate fate_of(
    const struct release_removal *v, const struct copy_record *row)
{
	if (v->applied_ms == 0 || row->added_ms > v->applied_ms)
		return RELEASE_DECIDE;
	return v->orphans == POLICYVER_ORPHANS_BOUNCE ? RELEASE_GIVE_BACK
						      : RELEASE_KEEP;
}

int release_fate(struct release *r, const struct copy_record *row,
    enum release_fate *out, struct error *err)
{
	const struct policy *policy;
	bool known;
	uint32_t version;
	int rc = policyver_cache_get(r->app->store->policies, &policy, err);

	*out = RELEASE_DECIDE;
	if (rc != 0 || policy == NULL)
		return rc;
	version = policy->version;
	known = policy_segment_find(policy, row->segment) != NULL;
	policy_unref(&policy);
	if (known || row->kind != COPY_HELD || row->segment.n == 0)
		return 0;
	rc = removal_of(r, version, row->segment, err);
	if (rc == 0)
		*out = fate_of(&r->removal, row);
	return rc;
}
