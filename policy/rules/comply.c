/* comply.c - see comply.h. */
#include "policy/rules/comply.h"

#include "policy/mail/psl.h"

/* A declared from-domain covers its subdomains. */
static bool is_within(struct str domain, struct str parent)
{
	if (str_ieq(domain, parent))
		return true;
	return domain.n > parent.n + 1 && str_iends(domain, parent) &&
	       domain.p[domain.n - parent.n - 1] == '.';
}

static bool is_allowed(const struct strs *domains, struct str from_domain)
{
	if (domains->n == 0)
		return true;
	for (size_t i = 0; i < domains->n; i++)
		if (is_within(from_domain, domains->v[i]))
			return true;
	return false;
}

enum comply_result comply_may_sign(const struct comply_in *in)
{
	if (in->n_from != 1 || in->from_domain.n == 0)
		return COMPLY_NO_FROM;
	if (in->signer == NULL ||
	    !is_allowed(&in->stream->from_domains, in->from_domain))
		return COMPLY_FROM_NOT_ALLOWED;
	if (in->n_keys == 0)
		return COMPLY_NO_KEY;
	return COMPLY_OK;
}

enum comply_result comply_decide(
    const struct policy_segment *s, const struct comply_in *in)
{
	enum comply_result r = comply_may_sign(in);

	if (r != COMPLY_OK)
		return r;
	if (in->signer->bounce_domain.n > 0 &&
	    !psl_is_aligned(in->signer->bounce_domain, in->from_domain))
		return COMPLY_NOT_ALIGNED;
	if (!in->has_base_url && in->signer->bounce_domain.n == 0)
		return COMPLY_NO_UNSUBSCRIBE;
	if (s->postal_address.n > 0 && !in->has_postal_address)
		return COMPLY_NO_POSTAL_ADDRESS;
	return COMPLY_OK;
}
