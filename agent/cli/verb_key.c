/* verb_key.c - tendril key: new key files, what conf has, what to publish, and
 * whether it is published. Needs no agent. */
#include "agent/cli/keys.h"
#include "agent/cli/out.h"
#include "agent/cli/verbs.h"

#include "policy/base/codec.h"
#include "policy/base/file.h"
#include "policy/mail/dkim_dns.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	RANDOM_BYTES = 32,
	RECORD_MAX = 2048,
	CHARACTER_STRING = 255, /* RFC 1035 section 3.3 */
	SPACE = 16384,
	KEYS_MAX = 256,
};

static int cannot(const struct error *err)
{
	return cli_fail(err->code == ERR_EXISTS ? CLI_NO : CLI_AGAIN, "%s%s",
	    err->text,
	    err->code == ERR_EXISTS ? ": a key is never overwritten" : "");
}

/* --- new --- */

/* 32 random bytes as hex digits, behind a number where the format wants one. */
static int write_random(const char *path, const char *number, struct error *err)
{
	unsigned char bytes[RANDOM_BYTES];
	char hex[2 * RANDOM_BYTES + 1];
	struct buf text;
	int rc;

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return error_set(err, -EIO, "no random bytes");
	codec_hex(bytes, sizeof(bytes), hex);
	buf_init(&text, sizeof(hex) + 8);
	buf_printf(&text, "%s%s\n", number, hex);
	rc = buf_error(&text);
	if (rc == 0)
		rc = file_create_durable(path, buf_str(&text), 0640, err);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(hex, sizeof(hex));
	if (text.p != NULL)
		explicit_bzero(text.p, text.n);
	buf_fini(&text);
	return rc;
}

static int new_lead(struct cli *c, const char *path, struct error *err)
{
	(void)c;
	return write_random(path, "", err);
}

static int new_token(struct cli *c, const char *path, struct error *err)
{
	(void)c;
	return write_random(path, "0 ", err);
}

static int new_epoch(struct cli *c, const char *path, struct error *err)
{
	(void)c;
	return seal_create(path, err);
}

static int new_dkim(struct cli *c, const char *path, struct error *err)
{
	struct str name = cli_str(c, "algorithm");
	enum dkim_alg alg = DKIM_ALG_RSA_SHA256;
	struct secret *pem = NULL;
	int rc;

	if (name.p != NULL && dkim_alg_parse(name, &alg) != 0)
		return error_set(err, ERR_SYNTAX,
		    "--algorithm is rsa-sha256 or ed25519-sha256");
	rc = dkim_key_generate(alg, &pem, err);
	if (rc == 0)
		rc = file_create_durable(path, secret_bytes(pem), 0600, err);
	secret_free(&pem);
	return rc;
}

static const struct kind {
	const char *name;
	int (*make)(struct cli *c, const char *path, struct error *err);
	bool shared; /* both daemons read it: the group may */
	const char *hint;
} kinds[] = {
    {"dkim", new_dkim, false,
	"name it in a key section of the conf, then see: tendril key dns"},
    {"lead", new_lead, true,
	"keep a copy apart from this host: without it no suppression can be "
	"found again"},
    {"token", new_token, true,
	"links in mail that is out need it: keep it as long as they shall "
	"work"},
    {"epoch", new_epoch, true,
	"keep it out of the ledger's backups, but keep a copy: without it no "
	"address can be read"},
};

/* --user and --group; the group of a shared key is conf's, if there is one. */
static int set_owner(struct cli *c, const struct kind *k, const char *path)
{
	const char *user = cli_opt(c, "user"), *group = cli_opt(c, "group");
	char space[SPACE];
	struct passwd pw, *found_pw = NULL;
	struct group gr, *found_gr = NULL;
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;

	if (user != NULL) {
		if (getpwnam_r(user, &pw, space, sizeof(space), &found_pw) !=
			0 ||
		    found_pw == NULL)
			return cli_fail(CLI_USAGE, "no user %s", user);
		uid = pw.pw_uid;
	}
	if (group == NULL && k->shared && geteuid() == 0 &&
	    conf_load(&c->conf, c->conf_path, NULL) == 0 &&
	    c->conf->group.n > 0)
		group = c->conf->group.p;
	if (group != NULL) {
		if (getgrnam_r(group, &gr, space, sizeof(space), &found_gr) !=
			0 ||
		    found_gr == NULL)
			return cli_fail(CLI_USAGE, "no group %s", group);
		gid = gr.gr_gid;
	}
	if ((user != NULL || group != NULL) && chown(path, uid, gid) != 0)
		return cli_fail(CLI_AGAIN, "%s: %s", path, error_text(-errno));
	return CLI_DONE;
}

static int run_new(struct cli *c)
{
	const char *path = cli_opt(c, "out");
	struct error err = {0};
	const struct kind *k = NULL;
	int rc, code;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(c->operands[0], kinds[i].name) == 0)
			k = &kinds[i];
	if (k == NULL)
		return cli_fail(CLI_USAGE,
		    "\"%s\" is no kind of key: dkim, lead, token or epoch",
		    c->operands[0]);
	rc = k->make(c, path, &err);
	if (rc == ERR_SYNTAX)
		return cli_fail(CLI_USAGE, "%s", err.text);
	if (rc != 0)
		return cannot(&err);
	code = set_owner(c, k, path);
	if (code == CLI_DONE) {
		out_line("%s: a new %s key", path, k->name);
		(void)fprintf(stderr, "tendril: %s\n", k->hint);
	}
	return code;
}

/* --- list --- */

static void ignore(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

static void add_file(struct cli *c, struct out_table *t, const char *kind,
    struct str path, bool ok)
{
	struct value *v;

	if (!c->json) {
		out_cell(t, str_of(kind));
		out_cell(t, STR("-"));
		out_cell(t, ok ? STR("usable") : STR("NOT usable"));
		out_cell(t, path.n > 0 ? path : STR("(not in the conf)"));
		return;
	}
	v = value_new_object();
	value_put_str(v, "kind", str_of(kind));
	value_put_str(v, "file", path);
	value_put_bool(v, "usable", ok);
	(void)cli_json(v);
	value_free(&v);
}

static void add_dkim(struct cli *c, struct out_table *t,
    const struct conf_key *k, const struct dkim_key *key)
{
	const char *alg = dkim_alg_text(k->algorithm == CONF_RSA_SHA256
					    ? DKIM_ALG_RSA_SHA256
					    : DKIM_ALG_ED25519_SHA256);
	struct value *v;

	if (!c->json) {
		out_cell(t, str_of(alg));
		out_cell(
		    t, str_of(arena_printf(c->arena, "%.*s._domainkey.%.*s",
			   STR_ARG(k->selector), STR_ARG(k->domain))));
		out_cell(t, key != NULL ? STR("usable") : STR("NOT usable"));
		out_cell(t, k->file);
		return;
	}
	v = value_new_object();
	value_put_str(v, "kind", STR("dkim"));
	value_put_str(v, "algorithm", str_of(alg));
	value_put_str(v, "domain", k->domain);
	value_put_str(v, "selector", k->selector);
	value_put_str(v, "file", k->file);
	value_put_bool(v, "usable", key != NULL);
	(void)cli_json(v);
	value_free(&v);
}

static void to_stderr(void *arg, const char *line)
{
	(void)arg;
	(void)cli_fail(CLI_NO, "%s", line);
}

static int run_list(struct cli *c)
{
	static const char *const heads[] = {
	    "kind", "DNS name", "state", "file", NULL};
	struct out_table *t;
	struct keys keys;
	size_t bad;
	int code = cli_conf(c);

	if (code != CLI_DONE)
		return code;
	t = out_table(c, heads);
	bad = keys_load_as_owner(&keys, c->conf, to_stderr, NULL);
	add_file(c, t, "lead", c->conf->lead_key, keys.lead != NULL);
	add_file(c, t, "token", c->conf->token_key, keys.tokens != NULL);
	add_file(c, t, "epoch", c->conf->epoch_key, keys.seal != NULL);
	for (size_t i = 0; i < c->conf->n_keys; i++)
		add_dkim(c, t, &c->conf->keys[i],
		    i < keys.n_dkim ? keys.dkim[i] : NULL);
	out_print(t);
	keys_free(&keys);
	return bad > 0 ? CLI_NO : CLI_DONE;
}

/* --- dns --- */

/* In strings of at most 255 bytes each, as a master file wants them. */
static void print_txt(const struct dkim_key *k, struct str record)
{
	struct str name = dkim_key_dns_name(k);

	(void)printf("%.*s. IN TXT (", STR_ARG(name));
	for (size_t at = 0; at < record.n; at += CHARACTER_STRING)
		(void)printf("\n    \"%.*s\"",
		    STR_ARG(str_cut(record, at, CHARACTER_STRING)));
	(void)puts(" )");
}

static int print_record(struct cli *c, const struct dkim_key *k)
{
	struct buf record;
	struct value *v;
	int rc, code = CLI_DONE;

	buf_init(&record, RECORD_MAX);
	rc = dkim_key_dns_record(k, &record);
	if (rc != 0) {
		code = cli_fail(CLI_AGAIN, "%s", error_text(rc));
	} else if (!c->json) {
		print_txt(k, buf_str(&record));
	} else {
		v = value_new_object();
		value_put_str(v, "name", dkim_key_dns_name(k));
		value_put_str(v, "type", STR("TXT"));
		value_put_str(v, "value", buf_str(&record));
		code = cli_json(v);
		value_free(&v);
	}
	buf_fini(&record);
	return code;
}

static struct str host_of(struct str url)
{
	size_t at = str_find(url, 0, '/');
	struct str host = str_from(url, at + 2);

	host = str_cut(host, 0, str_find(host, 0, '/'));
	return str_cut(host, 0, str_find(host, 0, ':'));
}

/* What only the admin can know is left open, as comments. */
static void print_hints(const struct conf *conf)
{
	struct str host = host_of(conf->web.base_url);

	for (size_t i = 0; i < conf->n_domains; i++) {
		struct str d = conf->domains[i].bounce_domain;

		if (d.n == 0)
			continue;
		out_line("; bounces come back to this domain: the MX that "
			 "takes them, and an SPF record\n"
			 "; with the hosts that send\n"
			 "; %.*s. IN MX 10 mail.%.*s.\n"
			 "; %.*s. IN TXT \"v=spf1 a:mail.%.*s -all\"",
		    STR_ARG(d), STR_ARG(conf->domains[i].name), STR_ARG(d),
		    STR_ARG(conf->domains[i].name));
	}
	if (host.n > 0)
		out_line("; unsubscribe pages, behind a TLS proxy\n"
			 "; %.*s. IN A 192.0.2.1",
		    STR_ARG(host));
}

static int run_dns(struct cli *c)
{
	struct keys keys;
	size_t shown = 0;
	int code = cli_conf(c);

	if (code != CLI_DONE)
		return code;
	(void)keys_load_as_owner(&keys, c->conf, ignore, NULL);
	for (size_t i = 0; code == CLI_DONE && i < keys.n_dkim; i++) {
		if (keys.dkim[i] == NULL) {
			(void)cli_fail(CLI_NO,
			    "key %.*s cannot be used: see "
			    "tendril key list",
			    STR_ARG(c->conf->keys[i].name));
			continue;
		}
		shown++;
		code = print_record(c, keys.dkim[i]);
	}
	if (!c->json)
		print_hints(c->conf);
	if (code == CLI_DONE && shown < c->conf->n_keys)
		code = CLI_NO;
	keys_free(&keys);
	return code;
}

/* --- test --- */

static bool is_temporary(const struct dkim_dns_answer *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].result == DKIM_DNS_TEMPFAIL)
			return true;
	return false;
}

static int report_answers(struct cli *c, struct dkim_key *const *keys,
    const struct dkim_dns_answer *v, size_t n)
{
	static const char *const heads[] = {"DNS name", "result", "", NULL};
	struct out_table *t = out_table(c, heads);
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		struct str name = dkim_key_dns_name(keys[i]);
		struct str result = str_of(dkim_dns_text(v[i].result));
		struct value *o;

		bad += v[i].result != DKIM_DNS_MATCH;
		if (!c->json) {
			out_cell(t, name);
			out_cell(t, result);
			out_cell(t, str_of(v[i].why));
			continue;
		}
		o = value_new_object();
		value_put_str(o, "name", name);
		value_put_str(o, "result", result);
		value_put_str(o, "why", str_of(v[i].why));
		(void)cli_json(o);
		value_free(&o);
	}
	out_print(t);
	if (bad > 0 && is_temporary(v, n))
		return CLI_AGAIN;
	return bad > 0 ? CLI_NO : CLI_DONE;
}

static int run_test(struct cli *c)
{
	struct dkim_dns_opts opts = {.nameserver = cli_opt(c, "server")};
	struct dkim_dns_answer answers[KEYS_MAX];
	struct dkim_key *usable[KEYS_MAX];
	struct keys keys;
	size_t n = 0;
	int code = cli_conf(c);

	if (code != CLI_DONE)
		return code;
	(void)keys_load_as_owner(&keys, c->conf, ignore, NULL);
	for (size_t i = 0; i < keys.n_dkim && n < KEYS_MAX; i++)
		if (keys.dkim[i] != NULL)
			usable[n++] = keys.dkim[i];
	dkim_dns_check(usable, n, &opts, answers);
	code = report_answers(c, usable, answers, n);
	if (n < c->conf->n_keys) {
		(void)cli_fail(CLI_NO,
		    "%zu keys cannot be used: see tendril "
		    "key list",
		    c->conf->n_keys - n);
		code = code == CLI_DONE ? CLI_NO : code;
	}
	keys_free(&keys);
	return code;
}

static const struct cli_option new_options[] = {
    {"out", "FILE", "where to; it must not be there", true},
    {"algorithm", "NAME", "dkim: rsa-sha256 (default) or ed25519-sha256",
	false},
    {"user", "NAME", "who shall own it (default: you)", false},
    {"group", "NAME",
	"its group (default for shared keys, as root: conf's group)", false},
    {NULL, NULL, NULL, false},
};
static const struct cli_option test_options[] = {
    {"server", "IP[:PORT]", "ask this name server, not the system's", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_command commands[] = {
    {"new", "dkim|lead|token|epoch", 1, 1, new_options,
	"makes a key file, with the mode that the daemons want", run_new},
    {"list", "", 0, 0, NULL, "the keys of the conf, and whether they load",
	run_list},
    {"dns", "", 0, 0, NULL, "the records to publish, ready for a zone file",
	run_dns},
    {"test", "", 0, 0, test_options,
	"asks the DNS whether it has them, and compares", run_test},
};

const struct cli_verb verb_key = {
    "key",
    "keys: make, list, publish, test",
    "Needs no agent, and the rights to read the key files.",
    CLI_COMMANDS(commands),
    "a key cannot be used, is there already, or is not published",
    "  tendril key new dkim --out /etc/tendril/r1.pem \\\n"
    "      --user tendril-milter\n"
    "  tendril key dns >> example.com.zone\n"
    "  tendril key test\n",
};
