/* psl.c - see psl.h. */
#include "policy/mail/psl.h"

#include "policy/mail/domain.h"

#include <string.h>

#include <libpsl.h>

struct str psl_org_domain(struct str domain)
{
	char z[DOMAIN_MAX + 1];
	const char *org;

	if (domain.n == 0 || domain.n > DOMAIN_MAX || domain.p[0] == '[')
		return STR_NULL;
	memcpy(z, domain.p, domain.n);
	z[domain.n] = '\0';
	/* A library built without a list gives NULL here and for every name:
	 * then only equal names are aligned, which is the safe side. */
	org = psl_registrable_domain(psl_builtin(), z);
	return org != NULL ? str_from(domain, (size_t)(org - z)) : STR_NULL;
}

bool psl_is_aligned(struct str a, struct str b)
{
	struct str org;

	if (a.n == 0 || b.n == 0)
		return false;
	if (str_eq(a, b))
		return true;
	org = psl_org_domain(a);
	return org.n > 0 && str_eq(org, psl_org_domain(b));
}
