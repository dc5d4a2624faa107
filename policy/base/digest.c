/* digest.c - see digest.h. */
#include "policy/base/digest.h"

#include "policy/base/fault.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <limits.h>

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

int digest_md5(struct str in, unsigned char out[DIGEST_MD5])
{
	return hash(EVP_md5(), in, out);
}

int digest_hmac_sha256(
    struct str key, struct str in, unsigned char out[DIGEST_SHA256])
{
	const unsigned char *p = (const unsigned char *)(in.n > 0 ? in.p : "");

	if (key.n > INT_MAX || fault_alloc() ||
	    HMAC(EVP_sha256(), key.n > 0 ? key.p : "", (int)key.n, p, in.n, out,
		NULL) == NULL)
		return ERR_CRYPTO;
	return 0;
}

bool digest_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}
