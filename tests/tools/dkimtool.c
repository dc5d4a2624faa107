/* dkimtool.c - signs and verifies one message with policy/mail/dkim_*, for the
 * tests that compare with other people's programs.
 *
 *   dkimtool key ALG                         a new private key
 *   dkimtool record KEY...                   "name value" of each record
 *   dkimtool sign NOW CHUNK KEY... < mail    the mail with its signatures
 *   dkimtool verify RECORDS < mail           result, d=, s=, a=, l=, reason
 *
 * KEY is DOMAIN:SELECTOR:ALG:FILE, ALG is rsa-sha256 or ed25519-sha256. NOW is
 * t=. The body is hashed in chunks of CHUNK bytes (0: in one), as a milter gets
 * it. The signatures end their lines as the first line of the mail does: the
 * MTA's part. RECORDS has lines "name value"; the value NXDOMAIN and one that
 * begins with ~~ (not to be had now) stand for themselves. Exit status 1:
 * something could not be done, said on standard error. */
#include "policy/base/file.h"
#include "policy/mail/dkim_body.h"
#include "policy/mail/dkim_sign.h"
#include "policy/mail/dkim_verify.h"
#include "policy/mail/headblock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	MAIL_MAX = 64 << 20,
	MAX_ARENA = 256 << 20
};

struct mail {
	struct arena *a;
	struct buf text;
	struct header_list headers;
	struct str body;
};

static int fail(const char *what, int rc, const struct error *err)
{
	(void)fprintf(stderr, "dkimtool: %s: %s\n", what,
	    err != NULL && err->code != 0 ? err->text : error_text(rc));
	return 1;
}

static int read_mail(struct mail *m)
{
	struct error err = {0};
	size_t body_at;
	int rc;

	m->a = arena_new(MAX_ARENA);
	buf_init(&m->text, MAIL_MAX);
	rc = m->a != NULL ? file_read_fd(STDIN_FILENO, &m->text, &err) : -1;
	if (rc == 0)
		rc = headblock_parse(
		    buf_str(&m->text), m->a, &m->headers, &body_at);
	if (rc != 0)
		return fail("mail", rc, &err);
	m->body = str_from(buf_str(&m->text), body_at);
	return 0;
}

static void free_mail(struct mail *m)
{
	arena_free(&m->a);
	buf_fini(&m->text);
}

/* ---- keys ---- */

struct keys {
	struct dkim_key *v[DKIM_SIGN_MAX_KEYS];
	size_t n;
};

static int load_key(struct dkim_key **out, char *arg)
{
	struct str rest = str_of(arg), domain, selector, alg;
	struct dkim_key_spec spec = {.flags = 0};
	struct error err = {0};
	int rc;

	if (!str_next(&rest, ':', &domain) ||
	    !str_next(&rest, ':', &selector) || !str_next(&rest, ':', &alg) ||
	    rest.n == 0 || dkim_alg_parse(alg, &spec.alg) != 0)
		return fail(arg, ERR_SYNTAX, NULL);
	spec.domain = domain;
	spec.selector = selector;
	rc = dkim_key_load(out, rest.p, &spec, &err);
	return rc != 0 ? fail(arg, rc, &err) : 0;
}

static int load_keys(struct keys *keys, int n, char **args)
{
	for (int i = 0; i < n; i++) {
		if (keys->n == DKIM_SIGN_MAX_KEYS)
			return fail(args[i], ERR_LIMIT, NULL);
		if (load_key(&keys->v[keys->n], args[i]) != 0)
			return 1;
		keys->n++;
	}
	return 0;
}

static void free_keys(struct keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		dkim_key_unref(&keys->v[i]);
}

static int new_key(const char *name)
{
	enum dkim_alg alg;
	struct secret *pem;
	struct error err = {0};
	int rc = dkim_alg_parse(str_of(name), &alg);

	if (rc == 0)
		rc = dkim_key_generate(alg, &pem, &err);
	if (rc != 0)
		return fail(name, rc, &err);
	rc = file_write_all(STDOUT_FILENO, secret_bytes(pem));
	secret_free(&pem);
	return rc != 0 ? fail("output", rc, NULL) : 0;
}

static int print_records(const struct keys *keys)
{
	struct buf txt;
	int rc = 0;

	buf_init(&txt, DKIM_VERIFY_MAX_RECORD);
	for (size_t i = 0; i < keys->n && rc == 0; i++) {
		struct str name = dkim_key_dns_name(keys->v[i]);
		buf_reset(&txt);
		rc = dkim_key_dns_record(keys->v[i], &txt);
		if (rc == 0)
			(void)printf("%.*s %.*s\n", STR_ARG(name),
			    STR_ARG(buf_str(&txt)));
	}
	buf_fini(&txt);
	return rc != 0 ? fail("record", rc, NULL) : 0;
}

/* ---- sign ---- */

static int hash_body(
    struct str body, size_t chunk, unsigned char hash_out[DKIM_BODY_HASH])
{
	struct dkim_body *b = dkim_body_new();
	int rc = ERR_CRYPTO;

	if (b != NULL) {
		for (size_t at = 0; at < body.n; at += chunk)
			dkim_body_update(b, str_cut(body, at, chunk));
		rc = dkim_body_final(b, hash_out);
	}
	dkim_body_free(&b);
	return rc;
}

static void add_field(struct buf *out, struct str value, const char *line_end)
{
	struct str line;

	buf_addz(out, "DKIM-Signature:");
	while (str_next(&value, '\n', &line)) {
		buf_add(out, line);
		buf_addz(out, line_end);
	}
}

static int print_signed(
    const struct mail *m, const struct str *values, size_t n)
{
	size_t lf = str_find(buf_str(&m->text), 0, '\n');
	bool crlf = lf > 0 && lf < m->text.n && m->text.p[lf - 1] == '\r';
	struct buf out;
	int rc;

	buf_init(&out, MAIL_MAX + 65536);
	for (size_t i = 0; i < n; i++)
		add_field(&out, values[i], crlf ? "\r\n" : "\n");
	buf_add(&out, buf_str(&m->text));
	rc = buf_error(&out);
	if (rc == 0)
		rc = file_write_all(STDOUT_FILENO, buf_str(&out));
	buf_fini(&out);
	return rc != 0 ? fail("output", rc, NULL) : 0;
}

static int sign(const struct keys *keys, const char *now, const char *chunk)
{
	unsigned char hash[DKIM_BODY_HASH];
	struct str values[DKIM_SIGN_MAX_KEYS];
	struct mail m = {0};
	struct error err = {0};
	struct dkim_sign_input in = {.keys = keys->v,
	    .nkeys = keys->n,
	    .headers = &m.headers,
	    .body_hash = hash};
	uint64_t t, bytes;
	int rc = read_mail(&m);

	if (rc != 0)
		goto out;
	rc = str_u64(str_of(now), INT64_MAX, &t);
	if (rc == 0)
		rc = str_u64(str_of(chunk), MAIL_MAX, &bytes);
	if (rc == 0)
		rc = hash_body(m.body, bytes > 0 ? bytes : MAIL_MAX, hash);
	if (rc == 0) {
		in.now_s = (int64_t)t;
		rc = dkim_sign_message(&in, m.a, values, &err);
	}
	rc = rc != 0 ? fail("sign", rc, &err)
		     : print_signed(&m, values, keys->n);
out:
	free_mail(&m);
	return rc;
}

/* ---- verify ---- */

static int lookup(void *arg, struct str name, struct buf *txt_out)
{
	const struct buf *records = arg;
	struct str rest = buf_str(records), line;

	while (str_next(&rest, '\n', &line)) {
		size_t at = str_find(line, 0, ' ');
		struct str value = str_trim(str_from(line, at));
		if (!str_ieq(str_cut(line, 0, at), name))
			continue;
		if (str_eq(value, STR("NXDOMAIN")))
			return ERR_NOT_FOUND;
		if (str_starts(value, STR("~~")))
			return ERR_UNAVAILABLE;
		buf_add(txt_out, value);
		return 0;
	}
	return ERR_NOT_FOUND;
}

static void print_result(const struct dkim_verify_result *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct dkim_signature *s = &r->v[i];
		(void)printf("%s\t%.*s\t%.*s\t%.*s\t%s\t%s\n",
		    dkim_result_text(s->result), STR_ARG(s->domain),
		    STR_ARG(s->selector), STR_ARG(s->alg),
		    s->partial ? "partial" : "whole", s->reason);
	}
	if (r->skipped > 0)
		(void)printf("skipped\t\t\t\t\t%zu\n", r->skipped);
}

static int verify(const char *records_path)
{
	struct dkim_verifier *v = NULL;
	struct dkim_verify_result r;
	struct error err = {0};
	struct mail m = {0};
	struct buf records;
	int rc = 1;

	buf_init(&records, MAIL_MAX);
	if (read_mail(&m) != 0)
		goto out;
	rc = file_read(records_path, &records, &err);
	if (rc == 0)
		rc = dkim_verify_open(&v, 0, &err);
	if (rc == 0)
		rc = dkim_verify_message(v,
		    &(struct dkim_message){&m.headers, m.body}, lookup,
		    &records, m.a, &r);
	if (rc == 0)
		print_result(&r);
	else
		rc = fail("verify", rc, &err);
out:
	dkim_verify_close(&v);
	buf_fini(&records);
	free_mail(&m);
	return rc;
}

static int run(int argc, char **argv, struct keys *keys)
{
	struct str verb = str_of(argc > 1 ? argv[1] : NULL);

	if (str_eq(verb, STR("key")) && argc == 3)
		return new_key(argv[2]);
	if (str_eq(verb, STR("record")) && argc > 2)
		return load_keys(keys, argc - 2, argv + 2) != 0
			   ? 1
			   : print_records(keys);
	if (str_eq(verb, STR("sign")) && argc > 4)
		return load_keys(keys, argc - 4, argv + 4) != 0
			   ? 1
			   : sign(keys, argv[2], argv[3]);
	if (str_eq(verb, STR("verify")) && argc == 3)
		return verify(argv[2]);
	(void)fputs("usage: dkimtool key|record|sign|verify ...\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct keys keys = {0};
	int rc = run(argc, argv, &keys);

	free_keys(&keys);
	return rc;
}
