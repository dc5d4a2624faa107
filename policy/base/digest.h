/* digest.h - SHA-256, MD5, HMAC-SHA-256 (RFC 2104, FIPS 180-4) and a compare
 * that takes as long whatever differs. Pure. Threads: any.
 *
 * All fail with ERR_CRYPTO: libcrypto out of memory, or without SHA-256. */
#ifndef POLICY_BASE_DIGEST_H
#define POLICY_BASE_DIGEST_H

#include "policy/base/str.h"

enum {
	DIGEST_SHA256 = 32,
	DIGEST_MD5 = 16
};

int digest_sha256(struct str in, unsigned char out[DIGEST_SHA256]) MUST_CHECK;
/* -ENOTSUP where libcrypto's configuration forbids it (FIPS). */
int digest_md5(struct str in, unsigned char out[DIGEST_MD5]) MUST_CHECK;
int digest_hmac_sha256(
    struct str key, struct str in, unsigned char out[DIGEST_SHA256]) MUST_CHECK;

/* Time depends on n only. */
bool digest_equal(const void *a, const void *b, size_t n);

#endif
