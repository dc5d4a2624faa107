/* test_dkim_verify_others.c - policy/mail/dkim_verify on other people's mail:
 * RFC 8463's message, records and signatures that are bad in each way, what RFC
 * 8301 forbids, bounds, time, threads. */
#include "tests/unit/dkim_vectors.h"
#include "tests/unit/tap.h"

#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/mail/dkim_canon.h"
#include "policy/mail/dkim_verify.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>

enum {
	ARENA_MAX = 16 * 1024 * 1024
};

struct fixture {
	struct dkim_verifier *v;
	struct arena *a;
};

static void add(
    struct fixture *f, struct header_list *l, struct str name, struct str value)
{
	if (header_add(l, f->a, name, value) != 0)
		bug("arena");
}

#define X10 "0123456789"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X1000 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100

struct record {
	const char *name, *txt;
	int code;
};

static int lookup(void *arg, struct str name, struct buf *txt_out)
{
	const struct record *r = arg;

	for (; r->name != NULL; r++) {
		if (!str_eq(name, str_of(r->name)))
			continue;
		buf_addz(txt_out, r->txt);
		return r->code;
	}
	return ERR_NOT_FOUND;
}

#define ED_NAME "brisbane._domainkey." RFC8463_DOMAIN
#define RSA_NAME "test._domainkey." RFC8463_DOMAIN

static const struct header rfc_fields[] = {
    {STR("DKIM-Signature"), STR(RFC8463_ED_SIGNATURE)},
    {STR("DKIM-Signature"), STR(RFC8463_RSA_SIGNATURE)},
    {STR("From"), STR(RFC8463_FROM)},
    {STR("To"), STR(RFC8463_TO)},
    {STR("Subject"), STR(RFC8463_SUBJECT)},
    {STR("Date"), STR(RFC8463_DATE)},
    {STR("Message-ID"), STR(RFC8463_MESSAGE_ID)},
};
enum {
	RFC_FIELDS = sizeof(rfc_fields) / sizeof(rfc_fields[0])
};

static struct header_list rfc_list(struct fixture *f)
{
	struct header_list l = {0};

	for (size_t i = 0; i < RFC_FIELDS; i++)
		add(f, &l, rfc_fields[i].name, rfc_fields[i].value);
	return l;
}

static void test_rfc8463(struct fixture *f)
{
	static struct record records[] = {{ED_NAME, RFC8463_ED_RECORD, 0},
	    {RSA_NAME, RFC8463_RSA_RECORD, 0}, {NULL, NULL, 0}};
	struct header_list l = rfc_list(f);
	struct dkim_message m = {&l, STR(RFC8463_BODY)};
	struct dkim_verify_result r;

	IS_INT(dkim_verify_message(f->v, &m, lookup, records, f->a, &r), 0,
	    "RFC 8463 A.3");
	IS_INT(r.n, 2, "two signatures");
	for (size_t i = 0; i < r.n; i++) {
		IS_S(str_of(dkim_result_text(r.v[i].result)), STR("pass"), "%s",
		    r.v[i].reason);
		IS_S(r.v[i].domain, STR(RFC8463_DOMAIN), "d=");
		OK(!r.v[i].partial && r.v[i].reason[0] == '\0', "whole");
	}
	IS_S(r.v[0].selector, STR("brisbane"), "in order");
	IS_S(r.v[1].alg, STR("rsa-sha256"), "a=");
	arena_reset(f->a);
}

static void test_records(struct fixture *f)
{
	static const struct {
		const char *txt;
		int code;
		enum dkim_result ed, rsa;
	} rows[] = {
	    {"", ERR_NOT_FOUND, DKIM_RESULT_INVALID, DKIM_RESULT_PASS},
	    {"", ERR_UNAVAILABLE, DKIM_RESULT_TEMPERROR, DKIM_RESULT_PASS},
	    {"", 0, DKIM_RESULT_INVALID, DKIM_RESULT_PASS},
	    {"v=DKIM1; k=ed25519; p=", 0, DKIM_RESULT_INVALID,
		DKIM_RESULT_PASS},
	    {"v=DKIM1; k=ed25519; p=AAAA", 0, DKIM_RESULT_INVALID,
		DKIM_RESULT_PASS},
	    {"v=DKIM1; k=ed25519; "
	     "p=pP+YUyRjAvKha4Oc49KAY703oLUS1NLMEuGD3IHMKww=",
		0, DKIM_RESULT_FAIL, DKIM_RESULT_PASS},
	    {"v=DKIM9; k=ed25519; p=x", 0, DKIM_RESULT_INVALID,
		DKIM_RESULT_PASS},
	    {";;;===", 0, DKIM_RESULT_INVALID, DKIM_RESULT_PASS},
	    {X1000 X1000, 0, DKIM_RESULT_INVALID, DKIM_RESULT_PASS},
	};
	struct header_list l = rfc_list(f);
	struct dkim_message m = {&l, STR(RFC8463_BODY)};
	struct dkim_verify_result r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record records[] = {{ED_NAME, rows[i].txt, rows[i].code},
		    {RSA_NAME, RFC8463_RSA_RECORD, 0}, {NULL, NULL, 0}};
		int rc =
		    dkim_verify_message(f->v, &m, lookup, records, f->a, &r);
		OK(rc == 0 && r.n == 2 && r.v[0].result == rows[i].ed &&
			r.v[1].result == rows[i].rsa,
		    "record %zu: %s (%s)", i, dkim_result_text(r.v[0].result),
		    r.v[0].reason);
	}
	arena_reset(f->a);
}

/* The field with one part replaced. */
static struct str replaced(
    struct fixture *f, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *s = at == NULL ? NULL
			     : arena_printf(f->a, "%.*s%s%s", (int)(at - text),
				   text, to, at + strlen(from));

	if (s == NULL)
		bug("replaced: no \"%s\"", from);
	return str_of(s);
}

static void test_signatures(struct fixture *f)
{
	static const struct {
		const char *from, *to;
		enum dkim_result result;
	} rows[] = {
	    {"a=rsa-sha256", "a=rsa-md5", DKIM_RESULT_INVALID},
	    {"a=rsa-sha256", "a=rsa-sha1", DKIM_RESULT_FAIL},
	    {"v=1;", "v=2;", DKIM_RESULT_INVALID},
	    {"v=1;", "", DKIM_RESULT_INVALID},
	    {"c=relaxed/relaxed", "c=future/simple", DKIM_RESULT_INVALID},
	    {"c=relaxed/relaxed", "c=simple/relaxed", DKIM_RESULT_FAIL},
	    {"q=dns/txt", "q=http", DKIM_RESULT_INVALID},
	    {"q=dns/txt", "q=http:dns/txt", DKIM_RESULT_FAIL},
	    {"t=1528637909", "t=1528637909; x=1528637908", DKIM_RESULT_INVALID},
	    {"i=@football", "i=@rugby", DKIM_RESULT_INVALID},
	    {"h=from : to", "h=to", DKIM_RESULT_FAIL},
	    {"s=test", "s=nothere", DKIM_RESULT_INVALID},
	    {"bh=2jUS", "bh=2jUs", DKIM_RESULT_FAIL},
	    {"b=F45d", "b=F45D", DKIM_RESULT_FAIL},
	    {"b=F45d", "b=%%%", DKIM_RESULT_FAIL},
	    {"d=football.example.com", "d=", DKIM_RESULT_INVALID},
	    {"bh=2jUS", ";;; bh=2jUS", DKIM_RESULT_INVALID},
	};
	static struct record records[] = {{ED_NAME, RFC8463_ED_RECORD, 0},
	    {RSA_NAME, RFC8463_RSA_RECORD, 0}, {NULL, NULL, 0}};
	struct dkim_verify_result r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct header_list l = rfc_list(f);
		struct dkim_message m = {&l, STR(RFC8463_BODY)};
		int rc;
		l.v[1].value = replaced(
		    f, RFC8463_RSA_SIGNATURE, rows[i].from, rows[i].to);
		rc = dkim_verify_message(f->v, &m, lookup, records, f->a, &r);
		OK(rc == 0 && r.n == 2 && r.v[0].result == DKIM_RESULT_PASS &&
			r.v[1].result == rows[i].result,
		    "%s -> %s: %s (%s)", rows[i].from, rows[i].to,
		    dkim_result_text(r.v[1].result), r.v[1].reason);
		arena_reset(f->a);
	}
}

/* ---- signatures of our own making ---- */

/* What an old signer would have sent: relaxed/relaxed; h=from, and more. */
struct old_signer {
	EVP_PKEY *pkey;
	const EVP_MD *md;
	const char *alg, *extra;
	const char *h;       /* behind from; NULL: nothing */
	const char *subject; /* that it signed; NULL: none */
};

static char *base64(struct fixture *f, const unsigned char *p, size_t n)
{
	struct buf b;
	char *z;

	buf_init(&b, 4096);
	codec_base64(&b, p, n);
	z = arena_z(f->a, b.p);
	buf_fini(&b);
	return z;
}

static char *sign_hash(
    struct fixture *f, const struct old_signer *s, struct str text)
{
	unsigned char sig[512];
	size_t n = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (EVP_DigestSignInit(ctx, NULL, s->md, NULL, s->pkey) != 1 ||
	    EVP_DigestSign(
		ctx, sig, &n, (const unsigned char *)text.p, text.n) != 1)
		bug("sign");
	EVP_MD_CTX_free(ctx);
	return base64(f, sig, n);
}

static struct str old_signature(struct fixture *f, const struct old_signer *s,
    struct str from, struct str canonical_body)
{
	unsigned char bh[EVP_MAX_MD_SIZE];
	char text[4096];
	unsigned n;
	size_t len;
	char *value;

	if (EVP_Digest(
		canonical_body.p, canonical_body.n, bh, &n, s->md, NULL) != 1)
		bug("digest");
	value = arena_printf(f->a,
	    " v=1; a=%s; c=relaxed/relaxed; d=old.example; s=s; h=from%s;%s "
	    "bh=%s; b=",
	    s->alg, s->h != NULL ? s->h : "", s->extra, base64(f, bh, n));
	len = dkim_canon_field(text, STR("From"), from);
	if (s->subject != NULL)
		len += dkim_canon_field(
		    text + len, STR("Subject"), str_of(s->subject));
	len +=
	    dkim_canon_field(text + len, STR("DKIM-Signature"), str_of(value));
	return str_of(arena_printf(
	    f->a, "%s%s", value, sign_hash(f, s, (struct str){text, len - 2})));
}

static char *old_record(struct fixture *f, const struct old_signer *s)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(s->pkey, &der);
	char *txt =
	    arena_printf(f->a, "v=DKIM1; p=%s", base64(f, der, (size_t)n));

	OPENSSL_free(der);
	return txt;
}

/* Signs `signed_body`, sends `body`, with these subjects, the last first, up to
 * the first that is NULL. */
static void check_subjects(struct fixture *f, const struct old_signer *s,
    struct str signed_body, struct str body, const char *const *subjects,
    struct dkim_signature *out)
{
	static const struct str from = STR(" a@old.example");
	struct record records[] = {
	    {"s._domainkey.old.example", old_record(f, s), 0}, {NULL, NULL, 0}};
	struct header_list l = {0};
	struct dkim_message m = {&l, body};
	struct dkim_verify_result r;

	add(f, &l, STR("dkim-signature"),
	    old_signature(f, s, from, signed_body));
	for (; *subjects != NULL; subjects++)
		add(f, &l, STR("Subject"), str_of(*subjects));
	add(f, &l, STR("From"), from);
	if (dkim_verify_message(f->v, &m, lookup, records, f->a, &r) != 0 ||
	    r.n != 1)
		bug("verify");
	*out = r.v[0];
}

static void check_old(struct fixture *f, const struct old_signer *s,
    struct str signed_body, struct str body, struct dkim_signature *out)
{
	static const char *const none[] = {NULL};

	check_subjects(f, s, signed_body, body, none, out);
}

/* What of the mail is not its signer's, though its signature holds. */
static void test_loose(struct fixture *f)
{
	static const struct {
		const char *name, *h, *subject, *sent[3];
		bool loose;
	} rows[] = {
	    {"there is none", NULL, NULL, {NULL}, false},
	    {"none was signed", NULL, NULL, {" Gone", NULL}, true},
	    {"that there is none was", ":subject", NULL, {NULL}, false},
	    {"it was signed", ":subject", " Gone", {" Gone", NULL}, false},
	    {"folded, in capitals", ":\r\n SUBJECT : to", " Gone",
		{" Gone", NULL}, false},
	    {"another above it", ":subject", " Hi", {" Gone", " Hi", NULL},
		true},
	    {"a name that begins so", ":subject-x", NULL, {" Gone", NULL},
		true},
	};
	static const struct str body = STR("text\r\n");
	BIO *bio = BIO_new_mem_buf(RFC8463_RSA_PEM, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct old_signer signer = {key, EVP_sha256(), "rsa-sha256", "",
		    rows[i].h, rows[i].subject};
		struct dkim_signature s;

		check_subjects(f, &signer, body, body, rows[i].sent, &s);
		IS_INT(s.result, DKIM_RESULT_PASS, "%s: holds %s", rows[i].name,
		    s.reason);
		IS_INT(s.loose, rows[i].loose, "%s: is it loose", rows[i].name);
		OK(!s.partial, "%s: the whole body", rows[i].name);
	}
	EVP_PKEY_free(key);
	BIO_free(bio);
	arena_reset(f->a);
}

static void test_weak(struct fixture *f)
{
	static const struct str body = STR("text\r\n");
	BIO *bio = BIO_new_mem_buf(RFC8463_RSA_PEM, -1);
	EVP_PKEY *good = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	EVP_PKEY *small = EVP_RSA_gen(768);
	const struct old_signer rows[] = {
	    {good, EVP_sha256(), "rsa-sha256", "", NULL, NULL},
	    {good, EVP_sha1(), "rsa-sha1", "", NULL, NULL},
	    {small, EVP_sha256(), "rsa-sha256", "", NULL, NULL},
	    {good, EVP_sha256(), "rsa-sha256", " l=6;", NULL, NULL},
	};
	struct dkim_signature s;

	check_old(f, &rows[0], body, body, &s);
	OK(s.result == DKIM_RESULT_PASS, "1024 bits, SHA-256: pass %s",
	    s.reason);
	check_old(f, &rows[0], body, STR("other\r\n"), &s);
	OK(s.result == DKIM_RESULT_FAIL, "other body: fail");
	check_old(f, &rows[1], body, body, &s);
	OK(s.result == DKIM_RESULT_WEAK, "rsa-sha1: %s", s.reason);
	check_old(f, &rows[1], body, STR("other\r\n"), &s);
	OK(s.result == DKIM_RESULT_FAIL, "rsa-sha1 of other body: fail");
	check_old(f, &rows[2], body, body, &s);
	OK(s.result == DKIM_RESULT_WEAK, "768 bits: %s", s.reason);
	check_old(f, &rows[3], body, STR("text\r\nadded\r\n"), &s);
	OK(s.result == DKIM_RESULT_PASS && s.partial, "l=: partial");
	check_old(f, &rows[3], body, STR("tex\r\n"), &s);
	OK(s.result != DKIM_RESULT_PASS, "l= beyond the body: %s", s.reason);
	EVP_PKEY_free(good);
	EVP_PKEY_free(small);
	BIO_free(bio);
	arena_reset(f->a);
}

/* ---- bounds, time, threads ---- */

static struct record good_records[] = {{ED_NAME, RFC8463_ED_RECORD, 0},
    {RSA_NAME, RFC8463_RSA_RECORD, 0}, {NULL, NULL, 0}};

static int check(struct fixture *f, const struct header_list *l,
    struct dkim_verify_result *r)
{
	struct dkim_message m = {l, STR(RFC8463_BODY)};

	return dkim_verify_message(f->v, &m, lookup, good_records, f->a, r);
}

static void test_many(struct fixture *f)
{
	struct header_list l = {0}, fields = rfc_list(f);
	struct dkim_verify_result r;
	size_t passed = 0;

	add(f, &l, STR("DKIM-Signature"),
	    str_of(arena_printf(f->a, "%*s; v=1", DKIM_VERIFY_MAX_FIELD, "")));
	for (int i = 0; i < 100; i++)
		add(f, &l, STR("DKIM-Signature"), STR(RFC8463_ED_SIGNATURE));
	for (size_t i = 0; i < fields.n; i++)
		add(f, &l, fields.v[i].name, fields.v[i].value);
	IS_INT(check(f, &l, &r), 0, "a hundred signatures");
	for (size_t i = 0; i < r.n; i++)
		passed += r.v[i].result == DKIM_RESULT_PASS;
	IS_INT(passed, DKIM_VERIFY_MAX_SIGNATURES, "as many as are looked at");
	IS_INT(r.skipped, 103 - DKIM_VERIFY_MAX_SIGNATURES, "the rest");
	while (l.n < DKIM_VERIFY_MAX_FIELDS)
		add(f, &l, STR("X"), STR(""));
	IS_INT(check(f, &l, &r), 0, "most fields");
	add(f, &l, STR("X"), STR(""));
	IS_INT(check(f, &l, &r), ERR_LIMIT, "one more");
	arena_reset(f->a);
}

static void test_odd(struct fixture *f)
{
	struct header_list l = {0}, nul = rfc_list(f), odd = rfc_list(f);
	struct dkim_verify_result r;

	IS_INT(check(f, &l, &r), 0, "no header at all");
	add(f, &l, STR("From"), STR(RFC8463_FROM));
	OK(check(f, &l, &r) == 0 && r.n == 0 && r.skipped == 0, "not signed");
	add(f, &l, STR("DKIM-Signature"), STR(""));
	OK(check(f, &l, &r) == 0 && r.n == 1 &&
		r.v[0].result == DKIM_RESULT_INVALID && r.v[0].domain.n == 0,
	    "empty signature");
	nul.v[4].value = STR(RFC8463_SUBJECT "\0 and more");
	IS_INT(check(f, &nul, &r), ERR_SYNTAX, "NUL in a field");
	add(f, &odd, STR("\xff\x01 \t;"), STR("x"));
	add(f, &odd, STR(""), STR(""));
	OK(check(f, &odd, &r) == 0 && r.n == 2 &&
		r.v[0].result == DKIM_RESULT_PASS,
	    "odd names beside a good signature");
	arena_reset(f->a);
}

static void is_at_time(struct fixture *f, struct dkim_verifier *v,
    const char *tags, enum dkim_result want, const char *what)
{
	struct fixture with = {.v = v, .a = f->a};
	struct header_list l = rfc_list(f);
	struct dkim_verify_result r;
	int rc;

	l.v[0].value = replaced(f, RFC8463_ED_SIGNATURE, "t=1528637909", tags);
	rc = check(&with, &l, &r);
	OK(rc == 0 && r.v[0].result == want, "%s: %s (%s)", what,
	    dkim_result_text(r.v[0].result), r.v[0].reason);
}

static void test_time(struct fixture *f)
{
	struct dkim_verifier *strict = NULL;

	IS_INT(dkim_verify_open(&strict, 0, NULL), 0, "strict about time");
	is_at_time(f, strict, "t=1528637909", DKIM_RESULT_PASS, "old");
	is_at_time(f, strict, "t=99528637909", DKIM_RESULT_INVALID, "future");
	is_at_time(f, strict, "t=1528637909; x=1528637999", DKIM_RESULT_INVALID,
	    "expired");
	/* That it fails and is not called expired shows that x= was not
	 * looked at: it was added after signing. */
	is_at_time(f, f->v, "t=1528637909; x=1528637999", DKIM_RESULT_FAIL,
	    "expired, at any time");
	dkim_verify_close(&strict);
	arena_reset(f->a);
}

static void *verify_many(void *arg)
{
	struct fixture mine = {.v = arg, .a = arena_new(ARENA_MAX)};
	struct dkim_verify_result r;
	intptr_t good = 0;

	for (int i = 0; i < 50; i++) {
		struct header_list l = rfc_list(&mine);
		good += check(&mine, &l, &r) == 0 && r.n == 2 &&
			r.v[0].result == DKIM_RESULT_PASS &&
			r.v[1].result == DKIM_RESULT_PASS;
		arena_reset(mine.a);
	}
	arena_free(&mine.a);
	return (void *)good; /* NOLINT: a count in a pointer */
}

static void test_threads(struct fixture *f)
{
	pthread_t threads[4];
	intptr_t good = 0;

	for (size_t i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, verify_many, f->v) != 0)
			bug("thread");
	for (size_t i = 0; i < 4; i++) {
		void *count = NULL;
		(void)pthread_join(threads[i], &count);
		good += (intptr_t)count;
	}
	IS_INT(good, 200, "four threads with one verifier");
}

static void test_faults(struct fixture *f)
{
	struct header_list l = rfc_list(f);
	struct dkim_verifier *v = NULL;
	struct dkim_verify_result r;
	int rc = -1, failed = 0;

	fault_alloc_at(1);
	OK(dkim_verify_open(&v, 0, NULL) != 0 && v == NULL, "no verifier");
	/* A record that could not be stored is one not known now. */
	for (long n = 1; n < 100; n++) {
		fault_alloc_at(n);
		rc = check(f, &l, &r);
		fault_alloc_at(0);
		if (rc == 0 && r.v[0].result == DKIM_RESULT_PASS &&
		    r.v[1].result == DKIM_RESULT_PASS)
			break;
		failed += rc != 0 || r.v[0].result == DKIM_RESULT_TEMPERROR ||
			  r.v[1].result == DKIM_RESULT_TEMPERROR;
		if (rc == 0 && failed < n)
			break;
	}
	OK(rc == 0 && failed > 4 && r.v[0].result == DKIM_RESULT_PASS,
	    "%d failed allocations, then both verified", failed);
	arena_reset(f->a);
}

int main(void)
{
	struct fixture f = {.a = arena_new(ARENA_MAX)};

	if (dkim_verify_open(&f.v, DKIM_VERIFY_ANY_TIME, NULL) != 0)
		bug("verifier");
	test_rfc8463(&f);
	test_records(&f);
	test_signatures(&f);
	test_weak(&f);
	test_loose(&f);
	test_many(&f);
	test_odd(&f);
	test_time(&f);
	test_threads(&f);
	test_faults(&f);
	dkim_verify_close(&f.v);
	arena_free(&f.a);
	return tap_done();
}
