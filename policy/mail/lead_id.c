/* lead_id.c - see lead_id.h. */
#include "policy/mail/lead_id.h"

#include "policy/base/codec.h"
#include "policy/base/digest.h"
#include "policy/base/fault.h"
#include "policy/base/secret.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_BYTES = 32
};

struct lead_key {
	unsigned char b[KEY_BYTES];
};

static bool is_constant(const unsigned char *b)
{
	return memcmp(b, b + 1, KEY_BYTES - 1) == 0;
}

static int read_key(struct str bytes, unsigned char out[KEY_BYTES])
{
	if (bytes.n == KEY_BYTES) {
		memcpy(out, bytes.p, KEY_BYTES);
		return 0;
	}
	return codec_unhex(str_trim(bytes), KEY_BYTES, out);
}

int lead_key_parse(struct lead_key **out, const char *name, struct str bytes,
    struct error *err)
{
	struct lead_key *k = fault_alloc() ? NULL : calloc(1, sizeof(*k));
	int rc = 0;

	*out = NULL;
	if (k == NULL)
		return error_set(err, -ENOMEM, "%s: out of memory", name);
	if (read_key(bytes, k->b) != 0)
		rc = error_set(err, ERR_KEY,
		    "%s: not a lead key: neither 32 bytes nor 64 hex digits",
		    name);
	else if (is_constant(k->b))
		rc = error_set(err, ERR_KEY,
		    "%s: not a lead key: one byte 32 times", name);
	if (rc != 0)
		lead_key_free(&k);
	*out = k;
	return rc;
}

int lead_key_load(struct lead_key **out, const char *path, struct error *err)
{
	struct secret *s;
	int rc = secret_load(&s, path, SECRET_GROUP_READ, err);

	*out = NULL;
	if (rc == 0)
		rc = lead_key_parse(out, path, secret_bytes(s), err);
	secret_free(&s);
	return rc;
}

void lead_key_free(struct lead_key **k)
{
	if (*k == NULL)
		return;
	OPENSSL_cleanse((*k)->b, sizeof((*k)->b));
	free(*k);
	*k = NULL;
}

int lead_id_of(
    const struct lead_key *k, const struct address *addr, struct lead_id *out)
{
	struct str key = {(const char *)k->b, KEY_BYTES};
	unsigned char mac[DIGEST_SHA256];
	int rc;

	if (address_is_null(addr))
		return ERR_SYNTAX;
	rc = digest_hmac_sha256(key, addr->text, mac);
	if (rc == 0)
		memcpy(out->b, mac, LEAD_ID_BYTES);
	return rc;
}

int lead_id_of_other(const struct lead_key *k, struct str kind, struct str text,
    unsigned char out[LEAD_ID_BYTES])
{
	struct str key = {(const char *)k->b, KEY_BYTES};
	char in[LEAD_ID_OTHER_MAX + 1];
	unsigned char mac[DIGEST_SHA256];
	int rc;

	if (kind.n > LEAD_ID_OTHER_MAX || text.n > LEAD_ID_OTHER_MAX - kind.n)
		return ERR_LIMIT;
	memcpy(in, kind.p, kind.n);
	in[kind.n] = '\0';
	memcpy(in + kind.n + 1, text.p, text.n);
	rc =
	    digest_hmac_sha256(key, (struct str){in, kind.n + 1 + text.n}, mac);
	if (rc == 0)
		memcpy(out, mac, LEAD_ID_BYTES);
	return rc;
}

bool lead_id_eq(const struct lead_id *a, const struct lead_id *b)
{
	return memcmp(a->b, b->b, LEAD_ID_BYTES) == 0;
}

uint64_t lead_id_tag(const struct lead_id *id)
{
	return codec_get_u64(id->b);
}

void lead_id_text(const struct lead_id *id, char out[LEAD_ID_TEXT])
{
	codec_hex(id->b, LEAD_ID_BYTES, out);
}

int lead_id_parse(struct str text, struct lead_id *out)
{
	return codec_unhex(text, LEAD_ID_BYTES, out->b);
}
