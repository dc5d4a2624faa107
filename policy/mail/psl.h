/* psl.h - organisational domains by the public suffix list. The only file
 * that sees libpsl, whose own names also begin with psl_; none is the same.
 * The list is the one built into the library. Threads: any. */
#ifndef POLICY_MAIL_PSL_H
#define POLICY_MAIL_PSL_H

#include "policy/base/str.h"

/* The registrable domain of a canonical domain (domain.h), a tail of the
 * argument: "mail.example.co.uk" gives "example.co.uk". Private suffixes
 * count ("a.b.github.io" gives "b.github.io"); below an unknown top-level
 * domain it is the last two labels. Empty when there is none: a public suffix
 * itself, a single label, an address literal. About 3 us. */
struct str psl_org_domain(struct str domain);

/* RFC 7489 section 3.1, relaxed: the same organisational domain (section 3.2);
 * where one has none, only the very same name. Canonical domains. */
bool psl_is_aligned(struct str a, struct str b);

#endif
