/* company_id.h - which organisation a person belongs to, as an id that is not its
 * name: a keyed hash as a lead's id is.
 *
 * An explicit company (the attribute of that name) wins, whatever the address;
 * capitals from A to Z and blanks around it do not count. Else it is the
 * registrable domain of the address; where that is a provider of mailboxes for
 * everybody (freemail.h), or none, there is no company. A company called
 * "acme.example" is that of the addresses there. Pure. Threads: any. */
#ifndef POLICY_MAIL_COMPANY_ID_H
#define POLICY_MAIL_COMPANY_ID_H

#include "policy/mail/lead_id.h"

enum {
	COMPANY_ID_BYTES = 16,
	COMPANY_NAME_MAX = 256 /* bytes of an explicit one; more: ERR_LIMIT */
};

/* All zero: no company. ERR_CRYPTO. */
int company_id_of(const struct lead_key *key, struct str explicit_company,
    const struct address *a, unsigned char out[COMPANY_ID_BYTES]) MUST_CHECK;

bool company_id_is_none(const unsigned char id[COMPANY_ID_BYTES]);

#endif
