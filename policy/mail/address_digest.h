/* address_digest.h - plain hashes of addresses, to look people up in
 * suppression lists that others keep as hashes only.
 *
 * Hashed are exactly the bytes of the canonical address (address.h): local
 * part, "@", domain; no brackets, no blanks, no line end, no salt. For the
 * usual ASCII address that is what list owners hash: trimmed, lower case. They
 * differ where the owner did not: for an international domain (here A-labels),
 * quoted local parts, and capitals that are not ASCII. Not a secret: whoever
 * has the hash can test addresses against it. Pure. Threads: any. */
#ifndef POLICY_MAIL_ADDRESS_DIGEST_H
#define POLICY_MAIL_ADDRESS_DIGEST_H

#include "policy/base/digest.h"
#include "policy/mail/address.h"

enum address_digest_kind {
	ADDRESS_DIGEST_SHA256,
	ADDRESS_DIGEST_MD5,
};

/* b beyond the kind's length (32, 16) is zero: comparable as a whole. */
struct address_digest {
	enum address_digest_kind kind;
	unsigned char b[DIGEST_SHA256];
};

size_t address_digest_size(enum address_digest_kind kind);

/* ERR_SYNTAX for the null sender, ERR_CRYPTO, -ENOTSUP where MD5 is forbidden. */
int address_digest(const struct address *addr, enum address_digest_kind kind,
    struct address_digest *out) MUST_CHECK;

/* An entry of such a list: 64 (SHA-256) or 32 (MD5) hex digits, either case;
 * else ERR_SYNTAX. */
int address_digest_parse(
    struct str text, struct address_digest *out) MUST_CHECK;

#endif
