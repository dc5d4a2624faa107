/* token.c - see token.h. */
#include "policy/mail/token.h"

#include "policy/base/codec.h"
#include "policy/base/digest.h"

#include <errno.h>
#include <string.h>

enum {
	FORMAT = 1,
	HEAD = 9, /* first byte and message id */
	MAC = 10,
	EXTRA_MAX = 8,
	BYTES_MAX = HEAD + EXTRA_MAX + MAC,
	LABEL_MAX = 32,
};
_Static_assert(CODEC_BASE32_LEN(BYTES_MAX) == TOKEN_TEXT_MAX, "longest text");

struct kind {
	char letter;
	unsigned char extra; /* bytes between message id and HMAC */
	const char *label;   /* hashed with its NUL in front of the token */
};

static const struct kind kinds_by_number[] = {
    [TOKEN_BOUNCE] = {'b', 0, "tendril token 1 bounce"},
    [TOKEN_UNSUBSCRIBE] = {'u', 8, "tendril token 1 unsubscribe"},
    [TOKEN_PREFERENCES] = {'p', 8, "tendril token 1 preferences"},
    [TOKEN_CLICK] = {'c', 2, "tendril token 1 click"},
    [TOKEN_OPEN] = {'o', 0, "tendril token 1 open"},
    [TOKEN_FEEDBACK] = {'f', 0, "tendril token 1 feedback"},
    [TOKEN_RAW] = {'r', 0, "tendril token 1 raw"},
    [TOKEN_COMPOSED] = {'R', 0, "tendril token 1 composed"},
};

char token_letter(enum token_kind kind)
{
	return kinds_by_number[kind].letter;
}

size_t token_length(enum token_kind kind)
{
	return CODEC_BASE32_LEN(HEAD + kinds_by_number[kind].extra + MAC);
}

/* HMAC(key, label NUL body), cut. */
static int make_mac(const struct kind *kind, struct str key, struct str body,
    unsigned char out[MAC])
{
	char in[LABEL_MAX + HEAD + EXTRA_MAX];
	unsigned char mac[DIGEST_SHA256];
	size_t label = strlen(kind->label) + 1;
	int rc;

	if (label > LABEL_MAX || body.n > HEAD + EXTRA_MAX)
		bug("token of %zu bytes", body.n);
	memcpy(in, kind->label, label);
	memcpy(in + label, body.p, body.n);
	rc = digest_hmac_sha256(key, (struct str){in, label + body.n}, mac);
	if (rc == 0)
		memcpy(out, mac, MAC);
	return rc;
}

static bool is_valid(const struct token *t)
{
	unsigned extra = kinds_by_number[t->kind].extra;

	return t->message_id != 0 && (t->subject_id != 0) == (extra == 8) &&
	       (t->link == 0 || extra == 2);
}

int token_make(const struct token_keys *keys, const struct token *t,
    char out[TOKEN_TEXT_MAX + 1])
{
	const struct kind *kind = &kinds_by_number[t->kind];
	unsigned id = token_keys_signer(keys);
	unsigned char raw[BYTES_MAX];
	size_t n = HEAD + kind->extra;
	struct str body = {(const char *)raw, n};
	struct buf text;
	int rc;

	if (!is_valid(t))
		return -EINVAL;
	raw[0] = (unsigned char)(FORMAT << 6 | (unsigned)t->kind << 3 | id);
	codec_put_u64(raw + 1, t->message_id);
	if (kind->extra == 8)
		codec_put_u64(raw + HEAD, t->subject_id);
	if (kind->extra == 2)
		codec_put_u16(raw + HEAD, t->link);
	rc = make_mac(kind, token_keys_get(keys, id), body, raw + n);
	if (rc != 0)
		return rc;
	buf_init(&text, TOKEN_TEXT_MAX);
	codec_base32(&text, raw, n + MAC);
	rc = buf_error(&text);
	if (rc == 0)
		memcpy(out, text.p, text.n + 1);
	buf_fini(&text);
	return rc;
}

static void read_fields(
    const unsigned char *raw, enum token_kind kind, struct token *out)
{
	unsigned extra = kinds_by_number[kind].extra;

	*out =
	    (struct token){.kind = kind, .message_id = codec_get_u64(raw + 1)};
	if (extra == 8)
		out->subject_id = codec_get_u64(raw + HEAD);
	if (extra == 2)
		out->link = codec_get_u16(raw + HEAD);
}

int token_parse(const struct token_keys *keys, unsigned kinds, struct str text,
    struct token *out)
{
	unsigned char raw[BYTES_MAX] = {0}, mac[MAC];
	enum token_kind kind;
	struct str key;
	size_t n = 0;
	int rc;

	if (text.n > TOKEN_TEXT_MAX ||
	    codec_unbase32(text, raw, sizeof(raw), &n) != 0)
		return ERR_NOT_FOUND;
	kind = (enum token_kind)(raw[0] >> 3 & 7);
	key = token_keys_get(keys, raw[0] & 7);
	if (raw[0] >> 6 != FORMAT || (kinds & TOKEN_SET(kind)) == 0 ||
	    text.n != token_length(kind) || key.n == 0)
		return ERR_NOT_FOUND;
	n -= MAC;
	rc = make_mac(&kinds_by_number[kind], key,
	    (struct str){(const char *)raw, n}, mac);
	if (rc != 0)
		return rc;
	if (!digest_equal(mac, raw + n, MAC))
		return ERR_NOT_FOUND;
	read_fields(raw, kind, out);
	return 0;
}
