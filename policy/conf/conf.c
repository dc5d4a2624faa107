/* conf.c - see conf.h: from tree to model, and the checks that need more than
 * one section. */
#include "policy/conf/conf.h"

#include "policy/base/codec.h"
#include "policy/base/digest.h"
#include "policy/base/file.h"
#include "policy/conf/lint.h"
#include "policy/conf/model.h"
#include "policy/conf/section.h"
#include "policy/mail/psl.h"

#include <stdlib.h>
#include <string.h>

enum {
	CONF_ARENA = 64 << 20,
	PRINT_MAX = 4 << 20,
};

static const struct section_kind *const kinds[] = {
    &section_top,
    &section_milter,
    &section_agent,
    &section_web,
    &section_mta_log,
    &section_key,
    &section_domain,
    &section_stream,
};

static const struct section_schema schema = {
    .kinds = kinds,
    .n_kinds = sizeof(kinds) / sizeof(kinds[0]),
};

const char *conf_class_name(enum conf_class class)
{
	static const char *const names[CONF_CLASS_COUNT] = {"nurture",
	    "transactional", "one-to-one", "inbound", "pass", "release"};

	return (unsigned)class < CONF_CLASS_COUNT ? names[class] : "?";
}

/* --- references --- */

static int check_keys(const struct option_job *job, const struct conf *c)
{
	for (size_t i = 0; i < c->n_keys; i++)
		for (size_t k = 0; k < i; k++)
			if (str_eq(c->keys[i].domain, c->keys[k].domain) &&
			    str_eq(c->keys[i].selector, c->keys[k].selector))
				return option_fail(job, c->keys[i].line,
				    ERR_SYNTAX,
				    "key %.*s: domain and selector are those "
				    "of key %.*s (line %d)",
				    STR_ARG(c->keys[i].name),
				    STR_ARG(c->keys[k].name), c->keys[k].line);
	return 0;
}

static int check_domain(const struct option_job *job, const struct conf *c,
    const struct conf_domain *d)
{
	for (size_t i = 0; i < d->keys.n; i++) {
		const struct conf_key *key = conf_key_find(c, d->keys.v[i]);
		if (key == NULL)
			return option_fail(job, d->line, ERR_SYNTAX,
			    "domain %.*s: there is no key \"%.*s\"",
			    STR_ARG(d->name), STR_ARG(d->keys.v[i]));
		if (!str_eq(key->domain, d->name))
			return option_fail(job, d->line, ERR_SYNTAX,
			    "domain %.*s: key \"%.*s\" is of domain %.*s "
			    "(line %d)",
			    STR_ARG(d->name), STR_ARG(key->name),
			    STR_ARG(key->domain), key->line);
	}
	if (d->bounce_domain.n > 0 &&
	    !psl_is_aligned(d->bounce_domain, d->name))
		return option_fail(job, d->line, ERR_SYNTAX,
		    "domain %.*s: bounce-domain \"%.*s\" is of another "
		    "organisation; SPF of our senders would not be aligned",
		    STR_ARG(d->name), STR_ARG(d->bounce_domain));
	return 0;
}

static int check_stream(const struct option_job *job, const struct conf *c,
    const struct conf_stream *s)
{
	for (size_t i = 0; i < s->from_domains.n; i++)
		if (conf_domain_find(c, s->from_domains.v[i]) == NULL)
			return option_fail(job, s->line, ERR_SYNTAX,
			    "stream %.*s: from-domains names \"%.*s\", which "
			    "has no domain section",
			    STR_ARG(s->name), STR_ARG(s->from_domains.v[i]));
	return 0;
}

static int check_references(const struct option_job *job, const struct conf *c)
{
	int rc = check_keys(job, c);

	for (size_t i = 0; i < c->n_domains && rc == 0; i++)
		rc = check_domain(job, c, &c->domains[i]);
	for (size_t i = 0; i < c->n_streams && rc == 0; i++)
		rc = check_stream(job, c, &c->streams[i]);
	return rc;
}

/* --- life --- */

static int fill(const struct option_job *job, struct str text, struct conf *c)
{
	const struct read_tree *tree;
	int rc = read_text(job->arena, job->path, text, &tree, job->err);

	if (rc == 0)
		rc = section_build(job, &schema, tree, c);
	if (rc == 0)
		rc = check_references(job, c);
	if (rc != 0)
		return rc;
	c->path = arena_str(job->arena, str_of(job->path));
	return c->path.p != NULL ? 0 : option_no_memory(job);
}

int conf_parse(const struct conf **out, const char *path, struct str text,
    struct error *err)
{
	struct option_job job = {.path = path, .err = err};
	struct conf *c = model_new(sizeof(*c), CONF_ARENA, &job.arena);
	int rc;

	*out = NULL;
	if (c == NULL)
		return error_set(err, ERR_LIMIT, "%s: out of memory", path);
	rc = fill(&job, text, c);
	if (rc != 0)
		model_unref(c);
	else
		*out = c;
	return rc;
}

const char *conf_default_path(void)
{
	const char *path = getenv("TENDRIL_CONF");

	return path != NULL && path[0] != '\0' ? path
					       : SYSCONFDIR
		   "/tendril/tendril.conf";
}

int conf_load(const struct conf **out, const char *path, struct error *err)
{
	struct buf text;
	int rc;

	*out = NULL;
	buf_init(&text, LINT_MAX_BYTES);
	rc = file_read(path, &text, err);
	if (rc == 0)
		rc = conf_parse(out, path, buf_str(&text), err);
	buf_fini(&text);
	return rc;
}

const struct conf *conf_ref(const struct conf *c)
{
	model_ref(c);
	return c;
}

void conf_unref(const struct conf **c)
{
	model_unref(*c);
	*c = NULL;
}

/* --- questions --- */

const struct conf_domain *conf_domain_find(
    const struct conf *c, struct str name)
{
	for (size_t i = 0; i < c->n_domains; i++)
		if (str_ieq(c->domains[i].name, name))
			return &c->domains[i];
	return NULL;
}

const struct conf_domain *conf_signer_find(
    const struct conf *c, struct str from_domain)
{
	const struct conf_domain *d = NULL;

	while (d == NULL && from_domain.n > 0) {
		d = conf_domain_find(c, from_domain);
		from_domain =
		    str_from(from_domain, str_find(from_domain, 0, '.') + 1);
	}
	return d;
}

const struct conf_stream *conf_stream_find(
    const struct conf *c, struct str name)
{
	for (size_t i = 0; i < c->n_streams; i++)
		if (str_eq(c->streams[i].name, name))
			return &c->streams[i];
	return NULL;
}

const struct conf_key *conf_key_find(const struct conf *c, struct str name)
{
	for (size_t i = 0; i < c->n_keys; i++)
		if (str_eq(c->keys[i].name, name))
			return &c->keys[i];
	return NULL;
}

bool conf_net_contains(const struct conf_net *net, const unsigned char addr[16])
{
	unsigned whole = net->bits / 8, left = net->bits % 8;

	if (memcmp(net->addr, addr, whole) != 0)
		return false;
	return left == 0 ||
	       ((net->addr[whole] ^ addr[whole]) >> (8 - left)) == 0;
}

void conf_print(const struct conf *c, struct buf *out)
{
	section_print(&schema, c, out);
}

void conf_digest(const struct conf *c, char out[CONF_DIGEST])
{
	unsigned char sum[DIGEST_SHA256];
	struct buf text;

	buf_init(&text, PRINT_MAX);
	conf_print(c, &text);
	if (buf_error(&text) == 0 && digest_sha256(buf_str(&text), sum) == 0)
		codec_hex(sum, (CONF_DIGEST - 1) / 2, out);
	else
		memcpy(out, "?", 2);
	buf_fini(&text);
}

void conf_describe(struct buf *out)
{
	section_describe(&schema, out);
}
