/* dkim_key.h - a DKIM signing key: parsed once, checked, shared.
 *
 * Immutable and counted: the configuration snapshot holds one reference, each
 * message that signs with it may hold another. The PEM (PKCS#8 or the
 * traditional RSA form) is parsed when the key is loaded and never again; a
 * parse for each message costs twice the RSA operation itself.
 *
 * Algorithms are those that RFC 8301 and RFC 8463 leave: rsa-sha256 with 2048
 * to 4096 bits (the record of a longer key does not fit what verifiers read),
 * and ed25519-sha256. Threads: any, after load. */
#ifndef POLICY_MAIL_DKIM_KEY_H
#define POLICY_MAIL_DKIM_KEY_H

#include "policy/base/buf.h"
#include "policy/base/secret.h"

enum dkim_alg {
	DKIM_ALG_RSA_SHA256,
	DKIM_ALG_ED25519_SHA256, /* RFC 8463 */
};

enum {
	DKIM_KEY_ALLOW_1024 =
	    1, /* RSA from 1024 bits: published vectors only */

	DKIM_KEY_HASH = 32,     /* bytes of a SHA-256 digest */
	DKIM_KEY_SIG_MAX = 512, /* bytes of the longest signature (RSA-4096) */
	DKIM_KEY_NAME_MAX = 253 /* bytes of a domain name in text */
};

struct dkim_key;

/* What the configuration says about a key. Domain (d=) and selector (s=) are
 * names in A-label form; they are stored in lower case. */
struct dkim_key_spec {
	struct str domain;
	struct str selector;
	enum dkim_alg alg;
	unsigned flags;
};

/* Refuses (ERR_KEY) a file that secret_load() refuses, a PEM that does not
 * parse or is encrypted, a key of another type than declared, a length out of
 * bounds, a domain or selector that is no host name. The text of err names the
 * file. Says nothing of whether verifiers accept its signatures: that is
 * dkim_key_selftest(). */
int dkim_key_load(struct dkim_key **out, const char *path,
    const struct dkim_key_spec *spec, struct error *err) MUST_CHECK;
/* The same from PEM text; `name` stands for the file in error texts. */
int dkim_key_parse(struct dkim_key **out, struct str pem, const char *name,
    const struct dkim_key_spec *spec, struct error *err) MUST_CHECK;

struct dkim_key *dkim_key_ref(struct dkim_key *k); /* returns k */
void dkim_key_unref(struct dkim_key **k); /* NULL is fine; sets *k = NULL */

/* Borrowed, for as long as the reference. */
struct str dkim_key_domain(const struct dkim_key *k);
struct str dkim_key_selector(const struct dkim_key *k);
enum dkim_alg dkim_key_alg(const struct dkim_key *k);
/* "selector._domainkey.domain" (RFC 6376 section 3.6.2.1) */
struct str dkim_key_dns_name(const struct dkim_key *k);

/* The a= value: "rsa-sha256" or "ed25519-sha256". */
const char *dkim_alg_text(enum dkim_alg alg);
/* ERR_SYNTAX for any other text. */
int dkim_alg_parse(struct str text, enum dkim_alg *out) MUST_CHECK;

/* The signature of a header hash: PKCS#1 v1.5 (RFC 6376 section 3.3.2), or
 * PureEdDSA over the 32 bytes (RFC 8463 section 3). *n_out <=
 * DKIM_KEY_SIG_MAX. ERR_CRYPTO when OpenSSL fails. */
int dkim_key_sign(const struct dkim_key *k,
    const unsigned char hash[DKIM_KEY_HASH],
    unsigned char sig_out[DKIM_KEY_SIG_MAX], size_t *n_out) MUST_CHECK;

/* Appends the TXT value to publish: "v=DKIM1; k=...; p=...". It may be longer
 * than the 255 bytes of one character-string: zone files need it in pieces. */
int dkim_key_dns_record(const struct dkim_key *k, struct buf *out) MUST_CHECK;
/* 0 when a verifier that finds this TXT value (RFC 6376 section 3.6.1) accepts
 * our signatures. Else ERR_KEY, err says why: another key, revoked, not for
 * mail, not for SHA-256. Order of tags and white space do not matter. */
int dkim_key_check_record(
    const struct dkim_key *k, struct str txt, struct error *err) MUST_CHECK;

/* A new private key as PKCS#8 PEM: RSA-2048 or Ed25519. Caller frees. */
int dkim_key_generate(
    enum dkim_alg alg, struct secret **pem_out, struct error *err) MUST_CHECK;

#endif
