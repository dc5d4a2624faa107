/* bench_dkim.c - dkim_sign and dkim_body against what they are made of.
 *
 * A line each: name, value, unit, anchor, its value, ratio; tab-separated.
 * Values are CPU microseconds of one thread, the median of rounds in which each
 * takes its turn, so that a busy machine slows all of them alike. Takes about
 * ten seconds. */
#include "tests/bench/bench_opendkim.h"

#include "policy/mail/dkim_body.h"
#include "policy/mail/dkim_sign.h"
#include "policy/mail/dkim_verify.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	ROUNDS = 9,
	ROUND_US = 30000,
	LARGE = 65536,
	MAIL = 4096,
};

struct bench {
	struct arena *a;
	struct dkim_key *rsa, *ed;
	EVP_PKEY *raw_rsa, *raw_ed;
	struct dkim_body *body;
	struct dkim_verifier *verifier;
	struct bench_opendkim *opendkim;
	struct header_list headers;
	struct str mail, text, base64, html, lines;
	struct header_list signed_headers;
	unsigned char hash[DKIM_BODY_HASH];
};

/* ---- what is measured ---- */

static void raw_rsa(struct bench *b)
{
	unsigned char sig[512];
	size_t n = sizeof(sig);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(b->raw_rsa, NULL);

	if (EVP_PKEY_sign_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1 ||
	    EVP_PKEY_sign(ctx, sig, &n, b->hash, sizeof(b->hash)) != 1)
		bug("RSA");
	EVP_PKEY_CTX_free(ctx);
}

static void raw_ed(struct bench *b)
{
	unsigned char sig[64];
	size_t n = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (EVP_DigestSignInit(ctx, NULL, NULL, NULL, b->raw_ed) != 1 ||
	    EVP_DigestSign(ctx, sig, &n, b->hash, sizeof(b->hash)) != 1)
		bug("Ed25519");
	EVP_MD_CTX_free(ctx);
}

static void hash_body(struct bench *b, struct str body)
{
	dkim_body_reset(b->body);
	for (size_t at = 0; at < body.n; at += 65535) /* as milters get it */
		dkim_body_update(b->body, str_cut(body, at, 65535));
	if (dkim_body_final(b->body, b->hash) != 0)
		bug("body");
}

static void sign(struct bench *b, struct dkim_key *const *keys, size_t n)
{
	struct dkim_sign_input in = {.keys = keys,
	    .nkeys = n,
	    .headers = &b->headers,
	    .body_hash = b->hash,
	    .now_s = 1700000000};
	struct str values[2];

	arena_reset(b->a);
	hash_body(b, b->mail);
	if (dkim_sign_message(&in, b->a, values, NULL) != 0)
		bug("sign");
}

static void sign_rsa(struct bench *b)
{
	sign(b, &b->rsa, 1);
}

static void sign_ed(struct bench *b)
{
	sign(b, &b->ed, 1);
}

static void sign_both(struct bench *b)
{
	struct dkim_key *keys[] = {b->rsa, b->ed};

	sign(b, keys, 2);
}

static void raw_both(struct bench *b)
{
	raw_rsa(b);
	raw_ed(b);
}

static void opendkim_sign(struct bench *b)
{
	bench_opendkim_run(b->opendkim, &b->headers, b->mail, true);
}

static void opendkim_body(struct bench *b)
{
	bench_opendkim_run(b->opendkim, &b->headers, b->text, false);
}

static void sha256(struct bench *b)
{
	if (EVP_Digest(
		b->text.p, b->text.n, b->hash, NULL, EVP_sha256(), NULL) != 1)
		bug("SHA-256");
}

static void body_text(struct bench *b)
{
	hash_body(b, b->text);
}

static void body_base64(struct bench *b)
{
	hash_body(b, b->base64);
}

static void body_html(struct bench *b)
{
	hash_body(b, b->html);
}

static void body_short_lines(struct bench *b)
{
	hash_body(b, b->lines);
}

static void verify_own(struct bench *b)
{
	struct dkim_message m = {&b->signed_headers, b->mail};

	arena_reset(b->a);
	if (dkim_verify_ours(b->verifier, &m,
		(struct dkim_verify_keys){&b->rsa, 1}, b->a, NULL) != 0)
		bug("verify");
}

/* ---- the clock ---- */

static double cpu_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct row {
	const char *name;
	void (*run)(struct bench *b);
	const char *anchor; /* NULL: is one itself */
	double us[ROUNDS];
} rows[] = {
    {"rsa-2048-raw", raw_rsa, NULL, {0}},
    {"ed25519-raw", raw_ed, NULL, {0}},
    {"both-raw", raw_both, NULL, {0}},
    {"sha256-64k", sha256, NULL, {0}},
    {"opendkim-sign-rsa-4k", opendkim_sign, "rsa-2048-raw", {0}},
    {"opendkim-body-64k", opendkim_body, "sha256-64k", {0}},
    {"sign-rsa-4k", sign_rsa, "rsa-2048-raw", {0}},
    {"sign-ed25519-4k", sign_ed, "ed25519-raw", {0}},
    {"sign-both-4k", sign_both, "both-raw", {0}},
    {"body-64k-text", body_text, "sha256-64k", {0}},
    {"body-64k-base64", body_base64, "sha256-64k", {0}},
    {"body-64k-html", body_html, "sha256-64k", {0}},
    {"body-64k-short-lines", body_short_lines, "sha256-64k", {0}},
    {"verify-own-rsa-4k", verify_own, "rsa-2048-raw", {0}},
};
enum {
	ROWS = sizeof(rows) / sizeof(rows[0])
};

static double measure(struct bench *b, void (*run)(struct bench *b))
{
	double start = cpu_us(), took;
	int n = 0;

	do {
		run(b);
		n++;
		took = cpu_us() - start;
	} while (took < ROUND_US);
	return took / n;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double median(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].us[ROUNDS / 2];
	bug("no row %s", name);
}

static void report(void)
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *r = &rows[i];
		const char *anchor = r->anchor != NULL ? r->anchor : r->name;
		double us = median(r->name), than = median(anchor);
		(void)printf("%s\t%.2f\tus\t%s\t%.2f\t%.3f\n", r->name, us,
		    anchor, than, us / than);
	}
}

/* ---- the mail ---- */

static struct str repeat(const char *line, size_t n)
{
	char *p = malloc(n);
	size_t len = strlen(line);

	if (p == NULL)
		bug("memory");
	for (size_t i = 0; i < n; i++)
		p[i] = line[i % len];
	return (struct str){p, n};
}

static void add(struct bench *b, const char *name, const char *value)
{
	if (header_add(&b->headers, b->a, str_of(name), str_of(value)) != 0)
		bug("arena");
}

/* What a nurture mail has when it is signed; never reset: a list of its own. */
static void make_headers(struct bench *b)
{
	add(b, "Received",
	    " from app.example.com (app.example.com [192.0.2.1])"
	    "\r\n\tby mx.example.com with ESMTPSA id 4XyZ12345;"
	    "\r\n\tFri, 20 Nov 2026 10:00:00 +0000 (UTC)");
	add(b, "Message-ID", " <20261120100000.1234567890@app.example.com>");
	add(b, "Date", " Fri, 20 Nov 2026 10:00:00 +0000");
	add(b, "From", " Example News <news@example.com>");
	add(b, "To", " Some Body <some.body@customer.example>");
	add(b, "Reply-To", " <people@example.com>");
	add(b, "Subject", " =?utf-8?Q?What=E2=80=99s_new_in_November?=");
	add(b, "MIME-Version", " 1.0");
	add(b, "Content-Type",
	    " multipart/alternative;\r\n"
	    "\tboundary=\"=_0123456789abcdef\"");
	add(b, "List-Unsubscribe",
	    " <https://t.example.com/u/abcdefghijklmnopqrstuvwxyz234567>,\r\n"
	    "\t<mailto:u-abcdefghijklmnopqrstuvwxyz234567@b.example.com>");
	add(b, "List-Unsubscribe-Post", " List-Unsubscribe=One-Click");
	add(b, "List-Id", " Newsletter <newsletter.example.com>");
	add(b, "Feedback-ID", " november:newsletter:main:exampleco");
	add(b, "CFBL-Address", " f-abcdefgh@b.example.com; report=arf");
	add(b, "X-Tendril-Id", " abcdefghijklmnopqrstuvwxyz234567");
	add(b, "X-Mailer", " Campaigns 7.1");
}

static void make_keys(struct bench *b)
{
	struct dkim_key_spec spec = {.domain = STR("example.com"),
	    .selector = STR("s"),
	    .alg = DKIM_ALG_RSA_SHA256};
	struct secret *rsa, *ed;
	BIO *bio;

	if (dkim_key_generate(DKIM_ALG_RSA_SHA256, &rsa, NULL) != 0 ||
	    dkim_key_generate(DKIM_ALG_ED25519_SHA256, &ed, NULL) != 0 ||
	    dkim_key_parse(&b->rsa, secret_bytes(rsa), "rsa", &spec, NULL) != 0)
		bug("keys");
	spec.alg = DKIM_ALG_ED25519_SHA256;
	if (dkim_key_parse(&b->ed, secret_bytes(ed), "ed", &spec, NULL) != 0)
		bug("keys");
	bio = BIO_new_mem_buf(secret_bytes(rsa).p, (int)secret_bytes(rsa).n);
	b->raw_rsa = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	bio = BIO_new_mem_buf(secret_bytes(ed).p, (int)secret_bytes(ed).n);
	b->raw_ed = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	b->opendkim = bench_opendkim_new(secret_bytes(rsa).p);
	secret_free(&rsa);
	secret_free(&ed);
}

/* The message as it left, for verify_own. */
static void make_signed(struct bench *b, struct arena *keep)
{
	struct dkim_sign_input in = {.keys = &b->rsa,
	    .nkeys = 1,
	    .headers = &b->headers,
	    .body_hash = b->hash,
	    .now_s = 1700000000};
	struct str value;

	hash_body(b, b->mail);
	if (dkim_sign_message(&in, keep, &value, NULL) != 0 ||
	    header_add(
		&b->signed_headers, keep, STR("DKIM-Signature"), value) != 0)
		bug("sign");
	for (size_t i = 0; i < b->headers.n; i++)
		if (header_add(&b->signed_headers, keep, b->headers.v[i].name,
			b->headers.v[i].value) != 0)
			bug("arena");
}

int main(void)
{
	static const char text[] = "Text of a mail with words of usual length, "
				   "and some more of it\r\n";
	static const char base64[] = "VGV4dCBvZiBhIG1haWwgd2l0aCB3b3JkcyBvZiB1"
				     "c3VhbCBsZW5ndGgsIGFuZCBzb21lIG1v\r\n";
	static const char html[] =
	    "          <td style=\"padding: 0 20px; font-family: "
	    "sans-serif\">\r\n"
	    "            <p style=\"margin: 0 0 16px\">Words of usual length "
	    "and"
	    " some more of them, in one long line</p>\r\n"
	    "            <a href=\"https://www.example.com/a\">Read</a>  \r\n"
	    "          </td>\r\n\r\n";
	static const char lines[] = "      <td class=\"x\">\r\n          <a "
				    "href=\"#\">word word</a>\r\n"
				    "      </td>  \r\n\t\t<td>a</td>\r\n\r\n";
	struct arena *keep = arena_new(1 << 20);
	struct bench b = {.a = keep};

	make_headers(&b);
	make_keys(&b);
	b.mail = repeat(text, MAIL);
	b.text = repeat(text, LARGE);
	b.base64 = repeat(base64, LARGE);
	b.html = repeat(html, LARGE);
	b.lines = repeat(lines, LARGE);
	b.body = dkim_body_new();
	make_signed(&b, keep);
	b.a = arena_new(1 << 20);
	if (dkim_verify_open(&b.verifier, DKIM_VERIFY_ANY_TIME, NULL) != 0)
		bug("verifier");
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < ROWS; i++)
			rows[i].us[round] = measure(&b, rows[i].run);
	for (size_t i = 0; i < ROWS; i++)
		qsort(rows[i].us, ROUNDS, sizeof(rows[i].us[0]), by_value);
	report();
	return 0;
}
