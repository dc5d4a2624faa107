/* provider.h - who runs a mailbox, as statistics name it: "google", "yahoo"...,
 * else the organisational domain. Names are API. Pure. Threads: any. */
#ifndef POLICY_MAIL_PROVIDER_H
#define POLICY_MAIL_PROVIDER_H

#include "policy/base/str.h"

/* Of a canonical domain (domain.h) behind an address: a name, or a tail of the
 * argument. Empty for an empty one. */
struct str provider_of_domain(struct str domain);

/* Of the relay a log names, "mx.example.com[192.0.2.25]:25" of Postfix or
 * "mx.example.com. [192.0.2.25]" of Sendmail: a provider that is known by the
 * names of its servers, filters for other people's mail among them. Empty for
 * any other: a smarthost says nothing of who has the mailbox. */
struct str provider_of_relay(struct str relay);

/* The relay's, else the domain's: a company's domain that is hosted counts as
 * its host. */
struct str provider_of(struct str relay, struct str domain);

#endif
