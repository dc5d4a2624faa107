/* digest.c - see digest.h.
 *
 * HMAC is put together here from the hash: libcrypto's one-call HMAC fetches
 * the algorithm three times and reads its parameters from text, 0.98 us for 32
 * bytes against 0.41 us, and a message has six of them. */
#include "policy/base/digest.h"

#include "policy/base/fault.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <errno.h>
#include <string.h>

enum {
	BLOCK = 64 /* of SHA-256; RFC 2104: B */
};

static int hash(const EVP_MD *md, struct str in, unsigned char *out)
{
	if (fault_alloc() ||
	    EVP_Digest(in.n > 0 ? in.p : "", in.n, out, NULL, md, NULL) != 1)
		return ERR_CRYPTO;
	return 0;
}

int digest_sha256(struct str in, unsigned char out[DIGEST_SHA256])
{
	return hash(EVP_sha256(), in, out);
}

/* Fetched by name: tells an algorithm that is forbidden from one that failed,
 * and costs what the fetch within EVP_Digest() costs. */
int digest_md5(struct str in, unsigned char out[DIGEST_MD5])
{
	EVP_MD *md;
	int rc;

	ERR_clear_error();
	md = EVP_MD_fetch(NULL, "MD5", NULL);
	if (md != NULL)
		rc = hash(md, in, out);
	else if (ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_UNSUPPORTED)
		rc = -ENOTSUP;
	else
		rc = ERR_CRYPTO;
	EVP_MD_free(md);
	ERR_clear_error();
	return rc;
}

/* Hash of key block and text. md NULL: that of the context. */
static bool hash_two(EVP_MD_CTX *c, const EVP_MD *md,
    const unsigned char block[BLOCK], struct str in,
    unsigned char out[DIGEST_SHA256])
{
	return EVP_DigestInit_ex2(c, md, NULL) == 1 &&
	       EVP_DigestUpdate(c, block, BLOCK) == 1 &&
	       EVP_DigestUpdate(c, in.n > 0 ? in.p : "", in.n) == 1 &&
	       EVP_DigestFinal_ex(c, out, NULL) == 1;
}

static int key_block(struct str key, unsigned char out[BLOCK])
{
	memset(out, 0, BLOCK);
	if (key.n > BLOCK)
		return digest_sha256(key, out);
	if (key.n > 0)
		memcpy(out, key.p, key.n);
	return 0;
}

static void flip(unsigned char block[BLOCK], unsigned char bits)
{
	for (size_t i = 0; i < BLOCK; i++)
		block[i] ^= bits;
}

int digest_hmac_sha256(
    struct str key, struct str in, unsigned char out[DIGEST_SHA256])
{
	const unsigned char inner_pad = 0x36, outer_pad = 0x5c;
	EVP_MD_CTX *c = fault_alloc() ? NULL : EVP_MD_CTX_new();
	unsigned char block[BLOCK], inner[DIGEST_SHA256];
	int rc = key_block(key, block);

	if (c == NULL)
		rc = ERR_CRYPTO;
	flip(block, inner_pad);
	if (rc == 0 && !hash_two(c, EVP_sha256(), block, in, inner))
		rc = ERR_CRYPTO;
	flip(block, inner_pad ^ outer_pad);
	if (rc == 0 &&
	    !hash_two(c, NULL, block,
		(struct str){(const char *)inner, sizeof(inner)}, out))
		rc = ERR_CRYPTO;
	EVP_MD_CTX_free(c);
	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_cleanse(inner, sizeof(inner));
	return rc;
}

bool digest_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}
