/* keyring.h - all keys of one configuration, parsed once.
 *
 * Loading refuses a key that is unreadable, unsafe or of another type than
 * declared, and one whose signature libopendkim does not verify. Threads:
 * immutable after load. */
#ifndef MILTER_KEYRING_H
#define MILTER_KEYRING_H

#include "policy/conf/conf.h"
#include "policy/mail/dkim_verify.h"
#include "policy/mail/lead_id.h"
#include "policy/mail/token.h"

struct keyring;

/* The DKIM keys of one declared domain. */
struct keyring_domain {
	const struct conf_domain *conf;
	struct dkim_key **keys;
	size_t n_keys;
};

/* With conf's dns-check each key's published record is compared: a missing or
 * different one refuses the key (ERR_KEY), no answer is a warning. A key that
 * `running` (may be NULL) signs with already is never refused by DNS. */
int keyring_load(struct keyring **out, const struct conf *conf,
    const struct keyring *running, struct error *err) MUST_CHECK;
void keyring_free(struct keyring **k);

/* The declared domain that may sign for a From domain: itself or the nearest
 * parent. NULL: none. */
const struct keyring_domain *keyring_find(
    const struct keyring *k, struct str from_domain);
const struct token_keys *keyring_token_keys(const struct keyring *k);
const struct dkim_verifier *keyring_verifier(const struct keyring *k);

#endif
