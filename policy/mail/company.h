/* company.h - which organisation an address belongs to, where no attribute
 * says so: its registrable domain, unless that is a mailbox provider for
 * everybody, whose users have nothing to do with each other.
 * Pure. Threads: any. */
#ifndef POLICY_MAIL_COMPANY_H
#define POLICY_MAIL_COMPANY_H

#include "policy/base/str.h"

/* A canonical domain (domain.h) of a provider of private mailboxes, or below
 * one. The table is small: the large providers, which a cap on a company
 * would otherwise starve. */
bool company_is_freemail(struct str domain);

/* The i-th name of that table, empty after the last: for listing. */
struct str company_freemail(size_t i);

/* The company's domain, a tail of the argument; empty for free-mail domains,
 * address literals and names without a registrable domain. */
struct str company_of_domain(struct str domain);

#endif
