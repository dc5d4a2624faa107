/* ceilingmilter.c - what no signing filter on libmilter can beat: SHA-256 of
 * the body as it comes, one RSA-2048 signature (with --ed25519 one Ed25519
 * signature more) by keys parsed once, one header each. No canonicalisation,
 * no list of headers, no decision. What it signs is not DKIM. */
#include "tests/bench/benchmilter.h"

#include "policy/base/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

enum {
	MAX_SIGNATURE = 512,
	N_KEYS = 2
};

/* Set before the first thread, then only read. */
static EVP_PKEY *keys[N_KEYS]; /* RSA, and Ed25519 or NULL */

static void *begin(void)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();

	if (digest != NULL &&
	    EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(digest);
		digest = NULL;
	}
	return digest;
}

static void drop(void *message)
{
	EVP_MD_CTX_free(message);
}

static void body(void *message, struct str chunk)
{
	(void)EVP_DigestUpdate(message, chunk.p, chunk.n);
}

static int sign(
    EVP_PKEY *key, const EVP_MD *md, struct str text, struct buf *out)
{
	unsigned char signature[MAX_SIGNATURE];
	size_t n = sizeof(signature);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx != NULL &&
		 EVP_DigestSignInit(ctx, NULL, md, NULL, key) == 1 &&
		 EVP_DigestSign(ctx, signature, &n,
		     (const unsigned char *)text.p, text.n) == 1;

	EVP_MD_CTX_free(ctx);
	if (!ok)
		return ERR_CRYPTO;
	buf_add(out, text);
	codec_base64(out, signature, n);
	return buf_error(out);
}

static int end(void *message, struct buf *values, size_t *n_out)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct buf text;
	int rc;

	if (EVP_DigestFinal_ex(message, hash, &n) != 1)
		return ERR_CRYPTO;
	buf_init(&text, 512);
	buf_addz(&text, " v=1; a=rsa-sha256; d=example.com; s=ceiling; bh=");
	codec_base64(&text, hash, n);
	buf_addz(&text, ";\n\tb=");
	rc = buf_error(&text);
	if (rc == 0)
		rc = sign(keys[0], EVP_sha256(), buf_str(&text), &values[0]);
	if (rc == 0 && keys[1] != NULL)
		rc = sign(keys[1], NULL, buf_str(&text), &values[1]);
	*n_out = keys[1] != NULL ? 2 : 1;
	buf_fini(&text);
	return rc;
}

/* Takes --ed25519 out of argv; the rest is benchmilter_main's. */
static bool take_option(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--ed25519") == 0) {
			memmove(argv + i, argv + i + 1,
			    (size_t)(*argc - i) * sizeof(*argv));
			--*argc;
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	static const struct bench_hooks hooks = {
	    .begin = begin,
	    .body = body,
	    .end = end,
	    .drop = drop,
	    .header = "DKIM-Signature",
	};
	bool both = take_option(&argc, argv);
	int status;

	keys[0] = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	if (both)
		keys[1] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (keys[0] == NULL || (both && keys[1] == NULL)) {
		(void)fprintf(stderr, "%s: cannot make keys\n", argv[0]);
		return 1;
	}
	status = benchmilter_main(argc, argv, &hooks);
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
	return status;
}
