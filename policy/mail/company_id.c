/* company_id.c - see company_id.h. */
#include "policy/mail/company_id.h"

#include "policy/mail/freemail.h"
#include "policy/mail/psl.h"

#include <string.h>

int company_id_of(const struct lead_key *key, struct str explicit_company,
    const struct address *a, unsigned char out[COMPANY_ID_BYTES])
{
	struct str name = str_trim(explicit_company);
	char lower[COMPANY_NAME_MAX];

	memset(out, 0, COMPANY_ID_BYTES);
	if (name.n > sizeof(lower))
		return ERR_LIMIT;
	for (size_t i = 0; i < name.n; i++)
		lower[i] = ascii_lower(name.p[i]);
	name.p = lower;
	if (name.n == 0 && !freemail_is_one(a->domain))
		name = psl_org_domain(a->domain);
	return name.n == 0 ? 0
			   : lead_id_of_other(key, STR("company"), name, out);
}

bool company_id_is_none(const unsigned char id[COMPANY_ID_BYTES])
{
	static const unsigned char none[COMPANY_ID_BYTES];

	return memcmp(id, none, COMPANY_ID_BYTES) == 0;
}
