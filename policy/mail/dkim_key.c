/* dkim_key.c - see dkim_key.h.
 *
 * Each key holds an OpenSSL signing context that is set up once and duplicated
 * for every signature: fetching the algorithm from its provider takes a lock
 * and 2 us, the duplicate 0.1 us. The template itself is never used to sign,
 * so any number of threads may duplicate it. */
#include "policy/mail/dkim_key.h"

#include "policy/base/codec.h"
#include "policy/base/fault.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	BITS_MIN = 2048,
	BITS_MIN_VECTORS = 1024,
	BITS_MAX = 4096,
	PUBLIC_MAX = 1024, /* base64 of the public key; RSA-4096 takes 736 */
	PEM_MAX = 65536,
};

struct dkim_key {
	atomic_size_t refs;
	enum dkim_alg alg;
	EVP_PKEY_CTX *rsa; /* template, RSA only */
	EVP_MD_CTX *ed;    /* template, Ed25519 only */
	struct str name;   /* of the record; selector and domain are in it */
	struct str selector, domain;
	struct buf public; /* p=, base64 */
	char text[DKIM_KEY_NAME_MAX];
};

static const struct {
	const char *alg, *k, *people, *openssl;
} kinds[] = {
    [DKIM_ALG_RSA_SHA256] = {"rsa-sha256", "rsa", "RSA", "RSA"},
    [DKIM_ALG_ED25519_SHA256] = {"ed25519-sha256", "ed25519", "Ed25519",
	"ED25519"},
};

const char *dkim_alg_text(enum dkim_alg alg)
{
	return kinds[alg].alg;
}

int dkim_alg_parse(struct str text, enum dkim_alg *out)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!str_eq(text, str_of(kinds[i].alg)))
			continue;
		*out = (enum dkim_alg)i;
		return 0;
	}
	return ERR_SYNTAX;
}

/* OpenSSL's reasons stay on a queue of the thread: ours are told in err. */
static int crypto_failed(struct error *err, const char *name, const char *what)
{
	ERR_clear_error();
	return error_set(err, ERR_CRYPTO, "%s: OpenSSL: %s", name, what);
}

/* ---- names ---- */

static bool label_ok(struct str label)
{
	if (label.n == 0 || label.n > 63 || label.p[0] == '-' ||
	    label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++)
		if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-' &&
		    label.p[i] != '_')
			return false;
	return true;
}

static bool name_ok(struct str name, size_t min_labels)
{
	struct str rest = name, label;
	size_t labels = 0;

	while (str_next(&rest, '.', &label)) {
		if (!label_ok(label))
			return false;
		labels++;
	}
	return labels >= min_labels;
}

static struct str append_lower(struct dkim_key *k, struct str s)
{
	char *to = k->text + k->name.n;

	for (size_t i = 0; i < s.n; i++)
		to[i] = ascii_lower(s.p[i]);
	k->name.n += s.n;
	return (struct str){to, s.n};
}

static int set_names(struct dkim_key *k, const char *name,
    const struct dkim_key_spec *spec, struct error *err)
{
	static const struct str infix = STR("._domainkey.");

	if (!name_ok(spec->domain, 2))
		return error_set(err, ERR_KEY,
		    "%s: \"%.*s\" is no domain to sign for", name,
		    STR_ARG(spec->domain));
	if (!name_ok(spec->selector, 1))
		return error_set(err, ERR_KEY, "%s: \"%.*s\" is no selector",
		    name, STR_ARG(spec->selector));
	if (spec->selector.n + infix.n + spec->domain.n > DKIM_KEY_NAME_MAX)
		return error_set(err, ERR_KEY,
		    "%s: selector and domain are too long for DNS", name);
	k->name = (struct str){k->text, 0};
	k->selector = append_lower(k, spec->selector);
	(void)append_lower(k, infix);
	k->domain = append_lower(k, spec->domain);
	return 0;
}

/* ---- load ---- */

/* Without it OpenSSL would ask for a pass phrase on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static int read_pem(
    EVP_PKEY **out, struct str pem, const char *name, struct error *err)
{
	BIO *bio = pem.n <= PEM_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;

	*out = bio != NULL
		   ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL)
		   : NULL;
	BIO_free(bio);
	ERR_clear_error();
	if (*out == NULL)
		return error_set(err, ERR_KEY,
		    "%s: no private key in PEM form, or an encrypted one",
		    name);
	return 0;
}

static int check_kind(const EVP_PKEY *pkey, const char *name,
    const struct dkim_key_spec *spec, struct error *err)
{
	int bits = EVP_PKEY_get_bits(pkey);
	int min =
	    spec->flags & DKIM_KEY_ALLOW_1024 ? BITS_MIN_VECTORS : BITS_MIN;
	const char *held = EVP_PKEY_get0_type_name(pkey);

	if (!EVP_PKEY_is_a(pkey, kinds[spec->alg].openssl))
		return error_set(err, ERR_KEY,
		    "%s: the file holds a key of type %s, declared is %s", name,
		    held != NULL ? held : "unknown", kinds[spec->alg].people);
	if (spec->alg != DKIM_ALG_RSA_SHA256)
		return 0;
	if (bits < min || bits > BITS_MAX)
		return error_set(err, ERR_KEY,
		    "%s: RSA key of %d bits; %d to %d are allowed", name, bits,
		    min, BITS_MAX);
	return 0;
}

static int set_rsa(struct dkim_key *k, EVP_PKEY *pkey)
{
	k->rsa = EVP_PKEY_CTX_new(pkey, NULL);
	if (k->rsa == NULL || EVP_PKEY_sign_init(k->rsa) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(k->rsa, RSA_PKCS1_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(k->rsa, EVP_sha256()) != 1)
		return ERR_CRYPTO;
	return 0;
}

static int set_ed25519(struct dkim_key *k, EVP_PKEY *pkey)
{
	k->ed = EVP_MD_CTX_new();
	if (k->ed == NULL ||
	    EVP_DigestSignInit(k->ed, NULL, NULL, NULL, pkey) != 1)
		return ERR_CRYPTO;
	return 0;
}

/* RSA: SubjectPublicKeyInfo (RFC 6376 section 3.6.1 says RSAPublicKey, all
 * the world publishes and reads this). Ed25519: the 32 bytes (RFC 8463
 * section 4). */
static int set_public(struct dkim_key *k, const EVP_PKEY *pkey)
{
	unsigned char raw[32], *der = NULL;
	size_t n = sizeof(raw);
	int rc = ERR_CRYPTO, der_n;

	if (k->alg == DKIM_ALG_ED25519_SHA256) {
		if (EVP_PKEY_get_raw_public_key(pkey, raw, &n) != 1)
			return ERR_CRYPTO;
		codec_base64(&k->public, raw, n);
		return buf_error(&k->public);
	}
	der_n = i2d_PUBKEY(pkey, &der);
	if (der_n > 0) {
		codec_base64(&k->public, der, (size_t)der_n);
		rc = buf_error(&k->public);
	}
	OPENSSL_free(der);
	return rc;
}

static int set_crypto(struct dkim_key *k, EVP_PKEY *pkey)
{
	int rc = k->alg == DKIM_ALG_RSA_SHA256 ? set_rsa(k, pkey)
					       : set_ed25519(k, pkey);

	return rc != 0 ? rc : set_public(k, pkey);
}

int dkim_key_parse(struct dkim_key **out, struct str pem, const char *name,
    const struct dkim_key_spec *spec, struct error *err)
{
	struct dkim_key *k = fault_alloc() ? NULL : calloc(1, sizeof(*k));
	EVP_PKEY *pkey = NULL;
	int rc;

	*out = NULL;
	if (k == NULL)
		return error_set(err, -ENOMEM, "%s: out of memory", name);
	atomic_init(&k->refs, 1);
	k->alg = spec->alg;
	buf_init(&k->public, PUBLIC_MAX);
	rc = set_names(k, name, spec, err);
	if (rc == 0)
		rc = read_pem(&pkey, pem, name, err);
	if (rc == 0)
		rc = check_kind(pkey, name, spec, err);
	if (rc == 0 && (rc = set_crypto(k, pkey)) != 0)
		(void)crypto_failed(err, name, "cannot set the key up");
	EVP_PKEY_free(pkey);
	if (rc != 0)
		dkim_key_unref(&k);
	*out = k;
	return rc;
}

int dkim_key_load(struct dkim_key **out, const char *path,
    const struct dkim_key_spec *spec, struct error *err)
{
	struct secret *pem;
	int rc = secret_load(&pem, path, 0, err);

	*out = NULL;
	if (rc == 0)
		rc = dkim_key_parse(out, secret_bytes(pem), path, spec, err);
	secret_free(&pem);
	return rc;
}

struct dkim_key *dkim_key_ref(struct dkim_key *k)
{
	atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
	return k;
}

void dkim_key_unref(struct dkim_key **k)
{
	struct dkim_key *old = *k;

	*k = NULL;
	if (old == NULL || atomic_fetch_sub(&old->refs, 1) != 1)
		return;
	EVP_PKEY_CTX_free(old->rsa);
	EVP_MD_CTX_free(old->ed);
	buf_fini(&old->public);
	free(old);
}

/* ---- use ---- */

struct str dkim_key_domain(const struct dkim_key *k)
{
	return k->domain;
}

struct str dkim_key_selector(const struct dkim_key *k)
{
	return k->selector;
}

enum dkim_alg dkim_key_alg(const struct dkim_key *k)
{
	return k->alg;
}

struct str dkim_key_dns_name(const struct dkim_key *k)
{
	return k->name;
}

static bool sign_rsa(const struct dkim_key *k, const unsigned char *hash,
    unsigned char *sig, size_t *n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(k->rsa);
	bool ok =
	    ctx != NULL && EVP_PKEY_sign(ctx, sig, n, hash, DKIM_KEY_HASH) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static bool sign_ed25519(const struct dkim_key *k, const unsigned char *hash,
    unsigned char *sig, size_t *n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_MD_CTX_copy_ex(ctx, k->ed) == 1 &&
		  EVP_DigestSign(ctx, sig, n, hash, DKIM_KEY_HASH) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

int dkim_key_sign(const struct dkim_key *k,
    const unsigned char hash[DKIM_KEY_HASH],
    unsigned char sig_out[DKIM_KEY_SIG_MAX], size_t *n_out)
{
	bool ok;

	*n_out = DKIM_KEY_SIG_MAX;
	ok = k->alg == DKIM_ALG_RSA_SHA256
		 ? sign_rsa(k, hash, sig_out, n_out)
		 : sign_ed25519(k, hash, sig_out, n_out);
	if (ok)
		return 0;
	ERR_clear_error();
	*n_out = 0;
	return ERR_CRYPTO;
}

/* ---- the published half ---- */

int dkim_key_dns_record(const struct dkim_key *k, struct buf *out)
{
	buf_addz(out, "v=DKIM1; k=");
	buf_addz(out, kinds[k->alg].k);
	buf_addz(out, "; p=");
	buf_add(out, buf_str(&k->public));
	return buf_error(out);
}

/* The trimmed value of a tag, or `missing`; tags count by their first use. */
static struct str tag_value(struct str record, char tag, struct str missing)
{
	struct str rest = record, item;

	while (str_next(&rest, ';', &item)) {
		size_t eq = str_find(item, 0, '=');
		struct str name = str_trim(str_cut(item, 0, eq));
		if (eq < item.n && name.n == 1 && name.p[0] == tag)
			return str_trim(str_from(item, eq + 1));
	}
	return missing;
}

/* Does a colon-separated list hold one of two words? */
static bool list_has(struct str list, struct str a, struct str b)
{
	struct str word;

	while (str_next(&list, ':', &word)) {
		word = str_trim(word);
		if (str_ieq(word, a) || str_ieq(word, b))
			return true;
	}
	return false;
}

static bool same_public(const struct dkim_key *k, struct str p)
{
	struct buf want, got;
	bool same;

	buf_init(&want, PUBLIC_MAX);
	buf_init(&got, PUBLIC_MAX);
	same = codec_unbase64(&want, buf_str(&k->public)) == 0 &&
	       codec_unbase64(&got, p) == 0 &&
	       str_eq(buf_str(&want), buf_str(&got));
	buf_fini(&want);
	buf_fini(&got);
	return same;
}

int dkim_key_check_record(
    const struct dkim_key *k, struct str txt, struct error *err)
{
	static const struct str star = STR("*"), mail = STR("email"),
				sha256 = STR("sha256");
	struct str p = tag_value(txt, 'p', STR_NULL);
	struct str type = tag_value(txt, 'k', STR("rsa"));
	const char *why = NULL;

	if (!str_eq(tag_value(txt, 'v', STR("DKIM1")), STR("DKIM1")))
		why = "is not of version DKIM1";
	else if (!str_eq(type, str_of(kinds[k->alg].k)))
		why = "is for another type of key (k=)";
	else if (!list_has(tag_value(txt, 's', star), star, mail))
		why = "is not for mail (s=)";
	else if (!list_has(tag_value(txt, 'h', sha256), sha256, sha256))
		why = "does not allow SHA-256 (h=)";
	else if (p.p == NULL)
		why = "has no key (p=)";
	else if (p.n == 0)
		why = "is revoked (p= is empty)";
	else if (!same_public(k, p))
		why = "publishes another key (p=)";
	if (why == NULL)
		return 0;
	return error_set(
	    err, ERR_KEY, "the record of %.*s %s", STR_ARG(k->name), why);
}

int dkim_key_generate(
    enum dkim_alg alg, struct secret **pem_out, struct error *err)
{
	EVP_PKEY *pkey =
	    alg == DKIM_ALG_RSA_SHA256
		? EVP_RSA_gen(BITS_MIN)
		: EVP_PKEY_Q_keygen(NULL, NULL, kinds[alg].openssl);
	BIO *bio = BIO_new(BIO_s_secmem());
	char *p;
	long n;

	*pem_out = NULL;
	if (pkey != NULL && bio != NULL &&
	    PEM_write_bio_PKCS8PrivateKey(
		bio, pkey, NULL, NULL, 0, NULL, NULL) == 1 &&
	    (n = BIO_get_mem_data(bio, &p)) > 0)
		*pem_out = secret_new((struct str){p, (size_t)n});
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	if (*pem_out == NULL)
		return crypto_failed(
		    err, kinds[alg].people, "cannot make a new key");
	return 0;
}
