/* seal.c - see seal.h.
 *
 * The cipher is fetched once: an implicit fetch for each operation costs as
 * much as the encryption. A context is made for each and freed again (which
 * cleanses its key schedule): a pool of them would be 0.15 us faster and keep
 * forgotten people's keys in memory. Random bytes are the kernel's: libcrypto
 * has a generator for each thread, made and seeded at its first use, and the
 * milter's threads come and go with every few messages. */
#include "policy/ledger/seal.h"

#include "policy/base/codec.h"
#include "policy/base/fault.h"
#include "policy/base/file.h"
#include "policy/base/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	FORM = 1, /* first byte of both sealed forms */
	NONCE = 12,
	TAG = 16,
	WRAP_HEAD = 1 + 4,
	FIELD_HEAD = 1,
	AAD_MAX = 1 + 1 + 4 + SEAL_LEAD,
	KEY_FILE_MODE = 0640,
	KEY_FILE_MAX = SEAL_EPOCHS_MAX * 80,
};

struct epoch {
	uint32_t number;
	struct seal_key key;
};

struct seal {
	EVP_CIPHER *gcm;
	struct epoch epoch[SEAL_EPOCHS_MAX];
	size_t n;
};

/* No more than 256 bytes: then the kernel gives all or nothing. */
static bool draw(unsigned char *out, size_t n)
{
	return getrandom(out, n, 0) == (ssize_t)n;
}

/* --- the cipher --- */

struct aad {
	unsigned char p[AAD_MAX];
	size_t n;
};

/* `what` keeps the two uses apart. */
static struct aad make_aad(
    char what, uint32_t number, const unsigned char *lead)
{
	struct aad a = {.n = AAD_MAX};

	a.p[0] = (unsigned char)what;
	a.p[1] = FORM;
	codec_put_u32(a.p + 2, number);
	memcpy(a.p + 6, lead, SEAL_LEAD);
	return a;
}

/* Appends nonce, ciphertext and tag. */
static int gcm_encrypt(const struct seal *s, const struct seal_key *k,
    const struct aad *aad, struct str plain, struct buf *out)
{
	EVP_CIPHER_CTX *c = fault_alloc() ? NULL : EVP_CIPHER_CTX_new();
	unsigned char *nonce, *ct, *tag;
	int n, rc = ERR_CRYPTO;

	if (c == NULL || plain.n > INT_MAX) {
		rc = c == NULL ? -ENOMEM : ERR_LIMIT;
		goto out;
	}
	nonce = (unsigned char *)buf_extend(out, NONCE + plain.n + TAG);
	if (nonce == NULL) {
		rc = buf_error(out);
		goto out;
	}
	ct = nonce + NONCE;
	tag = ct + plain.n;
	if (draw(nonce, NONCE) &&
	    EVP_EncryptInit_ex2(c, s->gcm, k->bytes, nonce, NULL) == 1 &&
	    EVP_EncryptUpdate(c, NULL, &n, aad->p, (int)aad->n) == 1 &&
	    EVP_EncryptUpdate(
		c, ct, &n, (const unsigned char *)plain.p, (int)plain.n) == 1 &&
	    EVP_EncryptFinal_ex(c, tag, &n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG, tag) == 1)
		rc = 0;
	if (rc != 0)
		buf_truncate(out, out->n - NONCE - plain.n - TAG);
out:
	EVP_CIPHER_CTX_free(c);
	return rc;
}

/* in: nonce, ciphertext and tag. plain has room for the ciphertext's length;
 * what is there counts only when 0 is returned. */
static int gcm_decrypt(const struct seal *s, const struct seal_key *k,
    const struct aad *aad, struct str in, unsigned char *plain)
{
	EVP_CIPHER_CTX *c = fault_alloc() ? NULL : EVP_CIPHER_CTX_new();
	const unsigned char *nonce = (const unsigned char *)in.p;
	size_t len = in.n - NONCE - TAG;
	unsigned char tag[TAG];
	int n, rc = ERR_CRYPTO;

	if (c == NULL || len > INT_MAX) {
		rc = c == NULL ? -ENOMEM : ERR_LIMIT;
		goto out;
	}
	memcpy(tag, nonce + NONCE + len, TAG);
	if (EVP_DecryptInit_ex2(c, s->gcm, k->bytes, nonce, NULL) == 1 &&
	    EVP_DecryptUpdate(c, NULL, &n, aad->p, (int)aad->n) == 1 &&
	    EVP_DecryptUpdate(c, plain, &n, nonce + NONCE, (int)len) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 &&
	    EVP_DecryptFinal_ex(c, tag, &n) == 1)
		rc = 0;
out:
	EVP_CIPHER_CTX_free(c);
	return rc;
}

/* --- the key file --- */

static int bad_file(
    const char *path, size_t line, const char *why, struct error *err)
{
	return error_set(err, ERR_KEY, "%s:%zu: %s", path, line, why);
}

int seal_create(const char *path, struct error *err)
{
	unsigned char key[SEAL_KEY];
	char line[2 * SEAL_KEY + 4] = "1 ";
	int rc;

	if (!draw(key, SEAL_KEY))
		return error_set(err, ERR_CRYPTO, "no random bytes");
	codec_hex(key, SEAL_KEY, line + 2);
	line[2 + 2 * SEAL_KEY] = '\n';
	rc = file_create_durable(
	    path, (struct str){line, 2 + 2 * SEAL_KEY + 1}, KEY_FILE_MODE, err);
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(line, sizeof(line));
	return rc;
}

static int parse_line(struct seal *s, struct str line, const char **why)
{
	struct epoch *e = &s->epoch[s->n];
	struct str number;
	uint64_t v;

	if (s->n == SEAL_EPOCHS_MAX) {
		*why = "too many epochs";
		return ERR_LIMIT;
	}
	if (!str_next(&line, ' ', &number) ||
	    str_u64(number, UINT32_MAX, &v) != 0 ||
	    codec_unhex(line, SEAL_KEY, e->key.bytes) != 0) {
		*why = "not \"NUMBER KEY\"";
		return ERR_SYNTAX;
	}
	if (v <= seal_epoch(s)) {
		*why = "epoch numbers must rise";
		return ERR_SYNTAX;
	}
	e->number = (uint32_t)v;
	s->n++;
	return 0;
}

static int parse_file(
    struct seal *s, struct str text, const char *path, struct error *err)
{
	const char *why = "no epoch key";
	struct str line;
	size_t at = 1;

	if (text.n > KEY_FILE_MAX)
		return bad_file(path, at, "too large", err);
	for (; text.n > 0 && str_next(&text, '\n', &line); at++)
		if (parse_line(s, line, &why) != 0)
			return bad_file(path, at, why, err);
	return s->n > 0 ? 0 : bad_file(path, at, why, err);
}

int seal_load(struct seal **out, const char *path, struct error *err)
{
	struct secret *file = NULL;
	struct seal *s = fault_alloc() ? NULL : calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (s == NULL)
		return error_set(err, -ENOMEM, "%s: out of memory", path);
	s->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (s->gcm == NULL)
		rc = error_set(err, ERR_CRYPTO, "no AES-256-GCM");
	else
		rc = secret_load(&file, path, SECRET_GROUP_READ, err);
	if (rc == 0)
		rc = parse_file(s, secret_bytes(file), path, err);
	secret_free(&file);
	if (rc != 0)
		seal_free(&s);
	*out = s;
	return rc;
}

void seal_free(struct seal **s)
{
	if (*s == NULL)
		return;
	EVP_CIPHER_free((*s)->gcm);
	OPENSSL_cleanse(*s, sizeof(**s));
	free(*s);
	*s = NULL;
}

uint32_t seal_epoch(const struct seal *s)
{
	return s->n > 0 ? s->epoch[s->n - 1].number : 0;
}

/* --- keys of leads --- */

int seal_key_init(struct seal_key *k)
{
	return draw(k->bytes, SEAL_KEY) ? 0 : ERR_CRYPTO;
}

void seal_key_fini(struct seal_key *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}

int seal_wrap(const struct seal *s, const unsigned char lead[SEAL_LEAD],
    const struct seal_key *k, struct buf *out)
{
	const struct epoch *e = &s->epoch[s->n - 1];
	struct aad aad = make_aad('w', e->number, lead);
	size_t before = out->n;
	char *head = buf_extend(out, WRAP_HEAD);
	int rc;

	if (head == NULL)
		return buf_error(out);
	head[0] = FORM;
	codec_put_u32(head + 1, e->number);
	rc = gcm_encrypt(s, &e->key, &aad,
	    (struct str){(const char *)k->bytes, SEAL_KEY}, out);
	if (rc != 0)
		buf_truncate(out, before);
	return rc;
}

uint32_t seal_epoch_of(struct str wrapped)
{
	if (wrapped.n != SEAL_WRAPPED || wrapped.p[0] != FORM)
		return 0;
	return codec_get_u32(wrapped.p + 1);
}

int seal_unwrap(const struct seal *s, const unsigned char lead[SEAL_LEAD],
    struct str wrapped, struct seal_key *out)
{
	uint32_t number = seal_epoch_of(wrapped);
	struct aad aad = make_aad('w', number, lead);
	int rc = ERR_KEY;

	memset(out, 0, sizeof(*out));
	if (wrapped.n != SEAL_WRAPPED)
		return ERR_CORRUPT;
	if (wrapped.p[0] != FORM)
		return ERR_VERSION;
	for (size_t i = 0; i < s->n && rc == ERR_KEY; i++)
		if (s->epoch[i].number == number)
			rc = gcm_decrypt(s, &s->epoch[i].key, &aad,
			    str_from(wrapped, WRAP_HEAD), out->bytes);
	if (rc != 0)
		seal_key_fini(out);
	return rc;
}

/* --- fields --- */

int seal_encrypt(const struct seal *s, const struct seal_key *k,
    struct seal_place at, struct str plain, struct buf *out)
{
	struct aad aad = make_aad('f', at.field, at.lead);
	size_t before = out->n;
	int rc;

	buf_addc(out, FORM);
	rc = buf_error(out);
	if (rc == 0)
		rc = gcm_encrypt(s, k, &aad, plain, out);
	if (rc != 0)
		buf_truncate(out, before);
	return rc;
}

int seal_decrypt(const struct seal *s, const struct seal_key *k,
    struct seal_place at, struct str sealed, struct buf *out)
{
	struct aad aad = make_aad('f', at.field, at.lead);
	size_t before = out->n;
	char *plain;
	int rc;

	if (sealed.n < SEAL_OVERHEAD)
		return ERR_CORRUPT;
	if (sealed.p[0] != FORM)
		return ERR_VERSION;
	plain = buf_extend(out, sealed.n - SEAL_OVERHEAD);
	if (plain == NULL)
		return buf_error(out);
	rc = gcm_decrypt(
	    s, k, &aad, str_from(sealed, FIELD_HEAD), (unsigned char *)plain);
	if (rc != 0) {
		OPENSSL_cleanse(plain, sealed.n - SEAL_OVERHEAD);
		buf_truncate(out, before);
	}
	return rc;
}
