/* keyring.c - see keyring.h. */
#include "milter/keyring.h"

#include "policy/base/arena.h"
#include "policy/base/fault.h"
#include "policy/mail/dkim_key_selftest.h"

#include <errno.h>
#include <stdlib.h>

enum {
	ARENA_MAX = 1 << 20
};

struct keyring {
	struct arena *arena;
	struct keyring_domain *domains;
	size_t n_domains;
	struct lead_key *lead;
	struct token_keys *tokens;
	struct dkim_verifier *verifier;
};

static int load_dkim_key(const struct keyring *kr, const struct conf_key *k,
    struct dkim_key **out, struct error *err)
{
	struct dkim_key_spec spec = {
	    .domain = k->domain,
	    .selector = k->selector,
	    .alg = k->algorithm == CONF_RSA_SHA256 ? DKIM_ALG_RSA_SHA256
						   : DKIM_ALG_ED25519_SHA256,
	};
	int rc = dkim_key_load(out, k->file.p, &spec, err);

	if (rc == 0) {
		rc = dkim_key_selftest(kr->verifier, *out, err);
		if (rc != 0)
			dkim_key_unref(out);
	}
	if (rc != 0)
		error_prefix(err, "key %.*s", STR_ARG(k->name));
	return rc;
}

static int load_domain(struct keyring *kr, const struct conf *conf,
    const struct conf_domain *d, struct error *err)
{
	struct keyring_domain *kd = &kr->domains[kr->n_domains++];

	kd->conf = d;
	kd->keys = arena_array(kr->arena, d->keys.n + 1, sizeof(*kd->keys));
	if (kd->keys == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < d->keys.n; i++) {
		const struct conf_key *k = conf_key_find(conf, d->keys.v[i]);
		int rc;

		if (k == NULL)
			return error_set(
			    err, ERR_KEY, "no key %.*s", STR_ARG(d->keys.v[i]));
		rc = load_dkim_key(kr, k, &kd->keys[kd->n_keys], err);
		if (rc != 0)
			return rc;
		kd->n_keys++;
	}
	return 0;
}

static int load_all(
    struct keyring *kr, const struct conf *conf, struct error *err)
{
	/* Our own t= is right by definition. */
	int rc = dkim_verify_open(&kr->verifier, DKIM_VERIFY_ANY_TIME, err);

	if (rc != 0)
		return rc;
	kr->arena = arena_new(ARENA_MAX);
	kr->domains = kr->arena == NULL
			  ? NULL
			  : arena_array(kr->arena, conf->n_domains + 1,
				sizeof(*kr->domains));
	if (kr->domains == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < conf->n_domains; i++)
		rc = load_domain(kr, conf, &conf->domains[i], err);
	if (rc == 0 && conf->lead_key.n > 0)
		rc = lead_key_load(&kr->lead, conf->lead_key.p, err);
	if (rc == 0 && conf->token_key.n > 0)
		rc = token_keys_load(&kr->tokens, conf->token_key.p, err);
	return rc;
}

int keyring_load(
    struct keyring **out, const struct conf *conf, struct error *err)
{
	struct keyring *kr = fault_alloc() ? NULL : calloc(1, sizeof(*kr));
	int rc;

	*out = NULL;
	if (kr == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	rc = load_all(kr, conf, err);
	if (rc != 0)
		keyring_free(&kr);
	*out = kr;
	return rc;
}

void keyring_free(struct keyring **k)
{
	if (*k == NULL)
		return;
	for (size_t i = 0; i < (*k)->n_domains; i++)
		for (size_t j = 0; j < (*k)->domains[i].n_keys; j++)
			dkim_key_unref(&(*k)->domains[i].keys[j]);
	dkim_verify_close(&(*k)->verifier);
	lead_key_free(&(*k)->lead);
	token_keys_free(&(*k)->tokens);
	arena_free(&(*k)->arena);
	free(*k);
	*k = NULL;
}

static const struct keyring_domain *find_exact(
    const struct keyring *k, struct str name)
{
	for (size_t i = 0; i < k->n_domains; i++)
		if (str_ieq(k->domains[i].conf->name, name))
			return &k->domains[i];
	return NULL;
}

const struct keyring_domain *keyring_find(
    const struct keyring *k, struct str from_domain)
{
	while (from_domain.n > 0) {
		const struct keyring_domain *d = find_exact(k, from_domain);
		size_t dot;

		if (d != NULL)
			return d;
		dot = str_find(from_domain, 0, '.');
		from_domain = str_from(from_domain, dot + 1);
	}
	return NULL;
}

const struct lead_key *keyring_lead_key(const struct keyring *k)
{
	return k->lead;
}

const struct token_keys *keyring_token_keys(const struct keyring *k)
{
	return k->tokens;
}

const struct dkim_verifier *keyring_verifier(const struct keyring *k)
{
	return k->verifier;
}
