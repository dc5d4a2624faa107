/* keys.c - see keys.h. */
#include "agent/cli/keys.h"

#include "policy/mail/dkim_key_selftest.h"
#include "policy/mail/dkim_verify.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct loading {
	const struct conf *conf;
	const struct passwd *owner; /* whom root stands in for, or NULL */
	void (*emit)(void *arg, const char *line);
	void *arg;
	size_t findings;
};

static void tell(struct loading *l, struct error *err)
{
	if (l->owner != NULL)
		error_prefix(err, "read as user %s, who owns DKIM keys",
		    l->owner->pw_name);
	l->emit(l->arg, err->text);
	l->findings++;
}

/* NULL: not run by root, or root owns the keys. */
static const struct passwd *owner_of(const struct conf *conf)
{
	struct stat st;

	for (size_t i = 0; geteuid() == 0 && i < conf->n_keys; i++)
		if (stat(conf->keys[i].file.p, &st) == 0 && st.st_uid != 0)
			return getpwuid(st.st_uid);
	return NULL;
}

struct root {
	gid_t groups[NGROUPS_MAX];
	int n;
};

static bool become(const struct passwd *pw, struct root *was)
{
	was->n = getgroups(NGROUPS_MAX, was->groups);
	return was->n >= 0 && initgroups(pw->pw_name, pw->pw_gid) == 0 &&
	       setegid(pw->pw_gid) == 0 && seteuid(pw->pw_uid) == 0;
}

static void become_root(const struct root *was)
{
	if (seteuid(0) != 0 || setegid(getgid()) != 0 ||
	    setgroups((size_t)was->n, was->groups) != 0)
		bug("root cannot be root again");
}

static void tell_missing(struct loading *l, const char *option)
{
	struct error err;

	(void)error_set(
	    &err, ERR_KEY, "%.*s: no %s", STR_ARG(l->conf->path), option);
	tell(l, &err);
}

static int load_dkim(struct keys *k, const struct dkim_verifier *v,
    const struct conf_key *key, struct error *err)
{
	struct dkim_key_spec spec = {
	    .domain = key->domain,
	    .selector = key->selector,
	    .alg = key->algorithm == CONF_RSA_SHA256 ? DKIM_ALG_RSA_SHA256
						     : DKIM_ALG_ED25519_SHA256,
	};
	struct dkim_key **slot = &k->dkim[k->n_dkim++];
	int rc = dkim_key_load(slot, key->file.p, &spec, err);

	if (rc == 0) {
		rc = dkim_key_selftest(v, *slot, err);
		if (rc != 0)
			dkim_key_unref(slot);
	}
	if (rc != 0)
		error_prefix(err, "key %.*s", STR_ARG(key->name));
	return rc;
}

static void load_all_dkim(struct keys *k, struct loading *l)
{
	struct dkim_verifier *v = NULL;
	struct error err = {0};

	k->dkim = calloc(l->conf->n_keys + 1, sizeof(*k->dkim));
	if (k->dkim == NULL ||
	    dkim_verify_open(&v, DKIM_VERIFY_ANY_TIME, &err) != 0) {
		tell(l, &err);
		return;
	}
	for (size_t i = 0; i < l->conf->n_keys; i++)
		if (load_dkim(k, v, &l->conf->keys[i], &err) != 0)
			tell(l, &err);
	dkim_verify_close(&v);
}

static void load_shared(struct keys *out, struct loading *l)
{
	const struct conf *conf = l->conf;
	struct error err = {0};

	if (conf->lead_key.n == 0)
		tell_missing(l, "lead-key");
	else if (lead_key_load(&out->lead, conf->lead_key.p, &err) != 0)
		tell(l, &err);
	if (conf->token_key.n == 0)
		tell_missing(l, "token-key");
	else if (token_keys_load(&out->tokens, conf->token_key.p, &err) != 0)
		tell(l, &err);
	if (conf->epoch_key.n == 0)
		tell_missing(l, "epoch-key");
	else if (seal_load(&out->seal, conf->epoch_key.p, &err) != 0)
		tell(l, &err);
}

static size_t load_all(struct keys *out, struct loading *l)
{
	*out = (struct keys){0};
	load_shared(out, l);
	load_all_dkim(out, l);
	return l->findings;
}

size_t keys_load(struct keys *out, const struct conf *conf,
    void (*emit)(void *arg, const char *line), void *arg)
{
	struct loading l = {.conf = conf, .emit = emit, .arg = arg};

	return load_all(out, &l);
}

size_t keys_load_as_owner(struct keys *out, const struct conf *conf,
    void (*emit)(void *arg, const char *line), void *arg)
{
	struct loading l = {.conf = conf, .emit = emit, .arg = arg};
	const struct passwd *owner = owner_of(conf);
	struct root *was = owner != NULL ? malloc(sizeof(*was)) : NULL;
	size_t findings;

	if (was != NULL && become(owner, was))
		l.owner = owner;
	findings = load_all(out, &l);
	if (was != NULL)
		become_root(was);
	free(was);
	return findings;
}

size_t keys_load_shared(struct keys *out, const struct conf *conf,
    void (*emit)(void *arg, const char *line), void *arg)
{
	struct loading l = {.conf = conf, .emit = emit, .arg = arg};

	*out = (struct keys){0};
	load_shared(out, &l);
	return l.findings;
}

void keys_free(struct keys *k)
{
	for (size_t i = 0; i < k->n_dkim; i++)
		dkim_key_unref(&k->dkim[i]);
	free(k->dkim);
	seal_free(&k->seal);
	token_keys_free(&k->tokens);
	lead_key_free(&k->lead);
	*k = (struct keys){0};
}

size_t keys_of_domain(const struct keys *k, const struct conf *conf,
    const struct conf_domain *d, struct dkim_key **out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < d->keys.n; i++) {
		const struct conf_key *key = conf_key_find(conf, d->keys.v[i]);
		size_t at = key != NULL ? (size_t)(key - conf->keys) : SIZE_MAX;

		if (at < k->n_dkim && k->dkim[at] != NULL && n < cap)
			out[n++] = k->dkim[at];
	}
	return n;
}
