/* keyring.c - see keyring.h. */
#include "milter/keyring.h"

#include "policy/base/arena.h"
#include "policy/base/fault.h"
#include "policy/base/log.h"
#include "policy/mail/dkim_dns.h"
#include "policy/mail/dkim_key_selftest.h"

#include <errno.h>
#include <stdlib.h>

enum {
	ARENA_MAX = 1 << 20,
	RECORD_MAX = 2048
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

/* The same public key under the same name. */
static bool is_running(const struct keyring *running, struct dkim_key *k)
{
	struct buf now, then;
	bool same = false;

	buf_init(&now, RECORD_MAX);
	buf_init(&then, RECORD_MAX);
	if (running == NULL || dkim_key_dns_record(k, &now) != 0)
		goto out;
	for (size_t i = 0; !same && i < running->n_domains; i++)
		for (size_t j = 0; j < running->domains[i].n_keys; j++) {
			struct dkim_key *old = running->domains[i].keys[j];
			buf_reset(&then);
			if (dkim_key_dns_record(old, &then) == 0 &&
			    str_eq(
				dkim_key_dns_name(old), dkim_key_dns_name(k)) &&
			    str_eq(buf_str(&now), buf_str(&then)))
				same = true;
		}
out:
	buf_fini(&now);
	buf_fini(&then);
	return same;
}

static int judge_record(const struct keyring *running, struct dkim_key *k,
    const struct dkim_dns_answer *a, struct error *err)
{
	struct str name = dkim_key_dns_name(k);

	if (a->result == DKIM_DNS_MATCH)
		return 0;
	LOG_EV(LOG_LEVEL_WARNING, "key.dns", KV_STR("record", name),
	    KV_Z("result", dkim_dns_text(a->result)), KV_Z("why", a->why));
	if (a->result == DKIM_DNS_TEMPFAIL || is_running(running, k))
		return 0;
	return error_set(err, ERR_KEY,
	    "%.*s: DNS says %s: %s (dns-check = no starts all the same)",
	    STR_ARG(name), dkim_dns_text(a->result), a->why);
}

/* All keys are asked for at once: the time limit is that of one. */
static int check_dns(
    const struct keyring *kr, const struct keyring *running, struct error *err)
{
	struct dkim_dns_answer *answers;
	struct dkim_key **keys;
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < kr->n_domains; i++)
		n += kr->domains[i].n_keys;
	keys = arena_array(kr->arena, n + 1, sizeof(struct dkim_key *));
	answers = arena_array(kr->arena, n + 1, sizeof(*answers));
	if (keys == NULL || answers == NULL)
		return error_set(err, ERR_LIMIT, "too many keys");
	n = 0;
	for (size_t i = 0; i < kr->n_domains; i++)
		for (size_t j = 0; j < kr->domains[i].n_keys; j++)
			keys[n++] = kr->domains[i].keys[j];
	dkim_dns_check(keys, n, NULL, answers);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = judge_record(running, keys[i], &answers[i], err);
	return rc;
}

int keyring_load(struct keyring **out, const struct conf *conf,
    const struct keyring *running, struct error *err)
{
	struct keyring *kr = fault_alloc() ? NULL : calloc(1, sizeof(*kr));
	int rc;

	*out = NULL;
	if (kr == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	rc = load_all(kr, conf, err);
	if (rc == 0 && conf->milter.dns_check)
		rc = check_dns(kr, running, err);
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

const struct token_keys *keyring_token_keys(const struct keyring *k)
{
	return k->tokens;
}

const struct dkim_verifier *keyring_verifier(const struct keyring *k)
{
	return k->verifier;
}
