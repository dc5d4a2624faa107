/* keys.h - the key files that a conf names, loaded where they can be: for
 * verbs that need no agent. Threads: one owner. */
#ifndef AGENT_CLI_KEYS_H
#define AGENT_CLI_KEYS_H

#include "policy/conf/conf.h"
#include "policy/ledger/seal.h"
#include "policy/mail/dkim_key.h"
#include "policy/mail/lead_id.h"
#include "policy/mail/token.h"

struct keys {
	struct lead_key *lead;
	struct token_keys *tokens;
	struct seal *seal;
	struct dkim_key **dkim; /* by conf->keys; NULL: could not be loaded */
	size_t n_dkim;
};

/* Calls emit with a line for each key that cannot be used; how many. What
 * cannot be loaded is NULL. -ENOMEM is told like a finding. */
size_t keys_load(struct keys *out, const struct conf *conf,
    void (*emit)(void *arg, const char *line), void *arg);
/* The same; root reads them as the user who owns the DKIM keys, since a
 * daemon's keys are not for root (policy/base/secret.h). */
size_t keys_load_as_owner(struct keys *out, const struct conf *conf,
    void (*emit)(void *arg, const char *line), void *arg);
/* The keys of both daemons alone; no DKIM key. */
size_t keys_load_shared(struct keys *out, const struct conf *conf,
    void (*emit)(void *arg, const char *line), void *arg);
void keys_free(struct keys *k);

/* The keys of a declared domain, in its order; n at most cap. */
size_t keys_of_domain(const struct keys *k, const struct conf *conf,
    const struct conf_domain *d, struct dkim_key **out, size_t cap);

#endif
