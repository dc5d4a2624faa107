/* test_dkim_key.c - policy/mail/dkim_key, dkim_key_selftest: what is refused
 * and in which words, the published record, made keys. */
#include "tests/unit/dkim_vectors.h"
#include "tests/unit/tap.h"

#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/mail/dkim_key.h"
#include "policy/mail/dkim_key_selftest.h"

#include <errno.h>
#include <sys/stat.h>

static const struct dkim_key_spec rsa_spec = {
    STR(RFC8463_DOMAIN), STR("test"), DKIM_ALG_RSA_SHA256, DKIM_KEY_ALLOW_1024};
static const struct dkim_key_spec ed_spec = {
    STR(RFC8463_DOMAIN), STR("brisbane"), DKIM_ALG_ED25519_SHA256, 0};

static int parse(
    struct dkim_key **out, const char *pem, const struct dkim_key_spec *spec)
{
	return dkim_key_parse(out, str_of(pem), "key.pem", spec, NULL);
}

static void refused(const char *pem, const struct dkim_key_spec *spec,
    const char *words, const char *what)
{
	struct error err = {0};
	struct dkim_key *k = NULL;
	int rc = dkim_key_parse(&k, str_of(pem), "key.pem", spec, &err);

	OK(rc == ERR_KEY && k == NULL && strstr(err.text, "key.pem") &&
		strstr(err.text, words),
	    "%s: %s", what, err.text);
	dkim_key_unref(&k);
}

static void test_refusals(void)
{
	static const char encrypted[] =
	    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
	    "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiW3lSvCXuVGAICCAAw\n"
	    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEJGJzjKTZPyI1Vz/\n"
	    "-----END ENCRYPTED PRIVATE KEY-----\n";
	struct dkim_key_spec spec = ed_spec;
	struct buf half;

	refused(RFC8463_RSA_PEM, &ed_spec, "declared is Ed25519",
	    "RSA key declared Ed25519");
	spec.alg = DKIM_ALG_RSA_SHA256;
	refused(RFC8463_ED_PEM, &spec, "declared is RSA",
	    "Ed25519 key declared RSA");
	refused(RFC8463_RSA_PEM, &spec, "1024 bits", "short RSA key");
	refused("", &ed_spec, "no private key", "empty file");
	refused("garbage", &ed_spec, "no private key", "garbage");
	refused(encrypted, &ed_spec, "no private key", "pass phrase");
	refused("-----BEGIN PUBLIC KEY-----\n"
		"MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
		"-----END PUBLIC KEY-----\n",
	    &ed_spec, "no private key", "public key");
	buf_init(&half, 4096);
	buf_add(&half, str_cut(STR(RFC8463_RSA_PEM), 0, 400));
	refused(half.p, &rsa_spec, "no private key", "cut PEM");
	buf_fini(&half);
}

static void test_names(void)
{
	static const struct {
		struct str domain, selector;
	} bad[] = {
	    {STR(""), STR("s")},
	    {STR("com"), STR("s")},
	    {STR("a..com"), STR("s")},
	    {STR("-a.com"), STR("s")},
	    {STR("a-.com"), STR("s")},
	    {STR("a.com."), STR("s")},
	    {STR("a.com; l=0"), STR("s")},
	    {STR("a.com\r\nX: y"), STR("s")},
	    {STR("b\xc3\xbc"
		 "cher.example"),
		STR("s")},
	    {STR("a.com"), STR("")},
	    {STR("a.com"), STR("s;")},
	    {STR("a.com"), STR("s .t")},
	    {STR("a.com"), STR("0123456789012345678901234567890123456789"
			       "012345678901234567890123")},
	};
	struct dkim_key_spec spec = ed_spec;
	struct dkim_key *k = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		spec.domain = bad[i].domain;
		spec.selector = bad[i].selector;
		IS_INT(parse(&k, RFC8463_ED_PEM, &spec), ERR_KEY,
		    "bad name %zu", i);
	}
	spec.domain = STR("Example.COM");
	spec.selector = STR("Sel_1.Eu");
	IS_INT(parse(&k, RFC8463_ED_PEM, &spec), 0, "good names");
	IS_S(dkim_key_dns_name(k), STR("sel_1.eu._domainkey.example.com"),
	    "in lower case");
	IS_S(dkim_key_domain(k), STR("example.com"), "domain");
	IS_S(dkim_key_selector(k), STR("sel_1.eu"), "selector");
	dkim_key_unref(&k);
}

static void test_long_name(void)
{
	char text[300];
	struct dkim_key_spec spec = ed_spec;
	struct dkim_key *k = NULL;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 50 == 49 ? '.' : 'x';
	/* selector + "._domainkey." + domain = 253 */
	spec.selector = STR("s");
	spec.domain = (struct str){text, 240};
	IS_INT(parse(&k, RFC8463_ED_PEM, &spec), 0, "longest name");
	IS_INT(dkim_key_dns_name(k).n, DKIM_KEY_NAME_MAX, "its length");
	dkim_key_unref(&k);
	spec.domain.n++;
	IS_INT(parse(&k, RFC8463_ED_PEM, &spec), ERR_KEY, "one more");
}

static void is_record(
    const char *pem, const struct dkim_key_spec *spec, const char *want)
{
	struct dkim_key *k = NULL;
	struct buf b;

	buf_init(&b, 1024);
	IS_INT(parse(&k, pem, spec), 0, "%s", dkim_alg_text(spec->alg));
	IS_INT(dkim_key_dns_record(k, &b), 0, "record");
	IS_S(buf_str(&b), str_of(want), "as in RFC 8463");
	dkim_key_unref(&k);
	OK(k == NULL, "unref clears the pointer");
	buf_fini(&b);
}

#define ED_P "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define OTHER_P "p=pP+YUyRjAvKha4Oc49KAY703oLUS1NLMEuGD3IHMKww="

static void test_check_record(void)
{
	static const struct {
		const char *txt, *words; /* words NULL: it fits */
	} rows[] = {
	    {RFC8463_ED_RECORD, NULL},
	    {"k=ed25519;" ED_P, NULL},
	    {" k = ed25519 ; n=a note; " ED_P " ; ", NULL},
	    {"v=DKIM1; h=sha1:sha256; s=chat:email; t=y; k=ed25519; " ED_P,
		NULL},
	    {"k=ed25519; p=11qYAYKxCrfVS/7TyWQ HOg7hcvPapiMl\trwIaaPcHURo=",
		NULL},
	    {"", "another type"},
	    {"v=DKIM1; " ED_P, "another type"},
	    {"v=DKIM2; k=ed25519; " ED_P, "version"},
	    {"v=DKIM1; k=ed25519; h=sha1; " ED_P, "SHA-256"},
	    {"v=DKIM1; k=ed25519; s=chat; " ED_P, "not for mail"},
	    {"v=DKIM1; k=ed25519; p=", "revoked"},
	    {"v=DKIM1; k=ed25519", "no key"},
	    {"v=DKIM1; k=ed25519; " OTHER_P, "another key"},
	    {"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7T", "another key"},
	    {"v=DKIM1; k=ed25519; p=%%%%", "another key"},
	    {"v=spf1 -all", "version"},
	};
	struct dkim_key *k = NULL;

	IS_INT(parse(&k, RFC8463_ED_PEM, &ed_spec), 0, "key");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};
		const char *words = rows[i].words;
		int rc = dkim_key_check_record(k, str_of(rows[i].txt), &err);
		OK(words == NULL ? rc == 0
				 : rc == ERR_KEY && strstr(err.text, words),
		    "record %zu: %s", i, err.text);
	}
	dkim_key_unref(&k);
}

static void test_generate(struct dkim_verifier *v, enum dkim_alg alg)
{
	struct dkim_key_spec spec = {STR("example.com"), STR("s"), alg, 0};
	struct secret *pem = NULL, *other = NULL;
	struct dkim_key *k = NULL;
	struct error err = {0};

	IS_INT(dkim_key_generate(alg, &pem, &err), 0, "new %s key",
	    dkim_alg_text(alg));
	IS_INT(dkim_key_generate(alg, &other, &err), 0, "another");
	OK(!str_eq(secret_bytes(pem), secret_bytes(other)), "they differ");
	OK(str_starts(secret_bytes(pem), STR("-----BEGIN PRIVATE KEY-----\n")),
	    "PKCS#8");
	IS_INT(dkim_key_parse(&k, secret_bytes(pem), "new", &spec, &err), 0,
	    "it loads %s", err.text);
	IS_INT(dkim_key_selftest(v, k, &err), 0, "and signs %s", err.text);
	dkim_key_unref(&k);
	secret_free(&pem);
	secret_free(&other);
	OK(dkim_alg_parse(str_of(dkim_alg_text(alg)), &spec.alg) == 0 &&
		spec.alg == alg,
	    "name of the algorithm, there and back");
}

static void test_load(const char *dir)
{
	char path[600];
	struct error err = {0};
	struct dkim_key *k = NULL;

	(void)snprintf(path, sizeof(path), "%s/ed.pem", dir);
	IS_INT(dkim_key_load(&k, path, &ed_spec, &err), -ENOENT, "no file");
	OK(strstr(err.text, path) != NULL, "%s", err.text);
	IS_INT(file_create_durable(path, STR(RFC8463_ED_PEM), 0600, &err), 0,
	    "key file");
	IS_INT(dkim_key_load(&k, path, &ed_spec, &err), 0, "load");
	dkim_key_unref(&k);
	(void)chmod(path, 0640);
	IS_INT(
	    dkim_key_load(&k, path, &ed_spec, &err), ERR_KEY, "group-readable");
	OK(k == NULL && strstr(err.text, path) != NULL, "%s", err.text);
	(void)chmod(path, 0600);
	IS_INT(
	    dkim_key_load(&k, path, &rsa_spec, &err), ERR_KEY, "declared RSA");
	OK(strstr(err.text, path) != NULL, "%s", err.text);
	(void)unlink(path);
}

static void selftest_faults(const struct dkim_verifier *v, struct dkim_key *k)
{
	struct error err = {0};
	int rc = -1, failed = 0;

	for (long n = 1; rc != 0 && n < 100; n++) {
		fault_alloc_at(n);
		rc = dkim_key_selftest(v, k, &err);
		fault_alloc_at(0);
		failed += rc != 0;
	}
	OK(rc == 0 && failed > 4, "%d failed allocations, then signed: %s",
	    failed, err.text);
}

static void test_faults(const struct dkim_verifier *v)
{
	struct dkim_key *k = NULL;
	int failed = 0;

	for (long n = 1; k == NULL && n < 50; n++) {
		fault_alloc_at(n);
		failed += parse(&k, RFC8463_ED_PEM, &ed_spec) != 0;
		fault_alloc_at(0);
	}
	OK(k != NULL && failed > 0, "%d failed allocations, then a key",
	    failed);
	selftest_faults(v, k);
	OK(dkim_key_ref(k) == k, "second reference");
	dkim_key_unref(&(struct dkim_key *){k});
	IS_S(dkim_key_selector(k), STR("brisbane"), "the first still holds");
	dkim_key_unref(&k);
	dkim_key_unref(&k);
}

int main(void)
{
	char dir[] = "/tmp/tendril-test.XXXXXX";
	struct dkim_verifier *v = NULL;

	test_refusals();
	test_names();
	test_long_name();
	is_record(RFC8463_RSA_PEM, &rsa_spec, RFC8463_RSA_RECORD);
	is_record(RFC8463_ED_PEM, &ed_spec, RFC8463_ED_RECORD);
	test_check_record();
	if (OK(dkim_verify_open(&v, 0, NULL) == 0, "verifier")) {
		test_generate(v, DKIM_ALG_RSA_SHA256);
		test_generate(v, DKIM_ALG_ED25519_SHA256);
	}
	if (OK(mkdtemp(dir) != NULL, "temporary folder")) {
		test_load(dir);
		(void)rmdir(dir);
	}
	test_faults(v);
	dkim_verify_close(&v);
	return tap_done();
}
