/* seal.h - personal fields, encrypted with a key of the person's own.
 *
 * Address, attributes, client address and mail text are stored only sealed,
 * in events and in tables, from event version 1. Each lead has a key; it is
 * stored wrapped by an epoch key, and that is in a file outside the ledger and
 * its backups. To forget a person is to forget the wrapped key, wrap the
 * others by a new epoch key, and destroy the old one: what is left on free
 * pages and in old copies can never be read again.
 *
 * AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces. A field is bound to
 * its lead and field number, a wrapped key to its lead and epoch: moved
 * elsewhere neither opens. Sealed forms:
 *
 *   field  version 1 (1 byte), nonce (12), ciphertext (n), tag (16)
 *   key    version 1 (1 byte), epoch (4, big endian), nonce (12),
 *          ciphertext (32), tag (16)
 *
 * Key file: lines "NUMBER KEY", a decimal epoch number and 64 hex digits, the
 * numbers rising; the last one wraps, all unwrap. Mode 0640, group tendril.
 *
 * Codes: ERR_CRYPTO (authentication failed: altered, moved, or another key),
 * ERR_CORRUPT (too short), ERR_VERSION (unknown form), ERR_KEY (no such epoch
 * key, or a bad key file), -ENOMEM or ERR_LIMIT of the buffer.
 *
 * Threads: struct seal is immutable after load. */
#ifndef POLICY_LEDGER_SEAL_H
#define POLICY_LEDGER_SEAL_H

#include "policy/base/buf.h"

enum {
	SEAL_LEAD = 16, /* bytes of a lead id */
	SEAL_KEY = 32,
	SEAL_OVERHEAD = 29, /* sealed field = plain + this */
	SEAL_WRAPPED = 65,  /* bytes of a wrapped key */
	SEAL_EPOCHS_MAX = 8,
};

struct seal;

/* A new key file with epoch 1. ERR_EXISTS where path is there. */
int seal_create(const char *path, struct error *err) MUST_CHECK;
/* Checks owner and mode as secret_load() does. */
int seal_load(
    struct seal **out, const char *path, struct error *err) MUST_CHECK;
void seal_free(struct seal **s);           /* cleanses; NULL is fine */
uint32_t seal_epoch(const struct seal *s); /* the one that wraps */

/* A lead's key. In the caller's memory, for as short as can be. */
struct seal_key {
	unsigned char bytes[SEAL_KEY];
};
int seal_key_init(struct seal_key *k) MUST_CHECK; /* random */
void seal_key_fini(struct seal_key *k);           /* cleanses */

/* Appends SEAL_WRAPPED bytes. */
int seal_wrap(const struct seal *s, const unsigned char lead[SEAL_LEAD],
    const struct seal_key *k, struct buf *out) MUST_CHECK;
/* *out is zero on failure. */
int seal_unwrap(const struct seal *s, const unsigned char lead[SEAL_LEAD],
    struct str wrapped, struct seal_key *out) MUST_CHECK;
/* The epoch that a wrapped key needs; 0 when it is none. */
uint32_t seal_epoch_of(struct str wrapped);

/* Where a field belongs: part of what is authenticated. */
struct seal_place {
	const unsigned char *lead; /* SEAL_LEAD bytes */
	uint32_t field;            /* number, unique within the lead */
};
/* Appends plain.n + SEAL_OVERHEAD bytes. */
int seal_encrypt(const struct seal *s, const struct seal_key *k,
    struct seal_place at, struct str plain, struct buf *out) MUST_CHECK;
/* Appends the plain bytes, or nothing. */
int seal_decrypt(const struct seal *s, const struct seal_key *k,
    struct seal_place at, struct str sealed, struct buf *out) MUST_CHECK;

#endif
