/* origin.c - see origin.h. The MAC key is derived from a token key by HMAC of
 * a label, so that neither can ever stand for the other. */
#include "policy/mail/origin.h"

#include "policy/base/codec.h"
#include "policy/base/digest.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

enum {
	VALUE_MAX = 32768,
	HEX_MAX = 2 * DIGEST_SHA256 + 1,
	FIELDS = 7, /* before mac */
};
static const char label[] = "tendril origin 1";

static int make_mac(const struct token_keys *keys, unsigned id, struct str text,
    char hex_out[HEX_MAX])
{
	unsigned char key[DIGEST_SHA256], mac[DIGEST_SHA256];
	struct str base = token_keys_get(keys, id);
	int rc;

	if (base.n == 0)
		return ERR_NOT_FOUND;
	rc = digest_hmac_sha256(base, STR(label), key);
	if (rc == 0)
		rc = digest_hmac_sha256(
		    (struct str){(const char *)key, sizeof(key)}, text, mac);
	if (rc == 0)
		codec_hex(mac, sizeof(mac), hex_out);
	return rc;
}

/* --- writing --- */

static bool is_plain(char c)
{
	return c > ' ' && c < 0x7f && c != '%' && c != ';' && c != ',' &&
	       c != '"' && c != '\\';
}

static void add_escaped(struct buf *b, struct str s, size_t max)
{
	s = str_cut(s, 0, max);
	for (size_t i = 0; i < s.n; i++) {
		if (is_plain(s.p[i]))
			buf_addc(b, s.p[i]);
		else
			buf_printf(b, "%%%02X", (unsigned char)s.p[i]);
	}
}

static void add_client(struct buf *b, const struct origin *o)
{
	static const unsigned char mapped[12] = {
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	char text[INET6_ADDRSTRLEN] = "unknown";

	if (o->has_client && memcmp(o->client, mapped, sizeof(mapped)) == 0)
		(void)inet_ntop(AF_INET, o->client + 12, text, sizeof(text));
	else if (o->has_client)
		(void)inet_ntop(AF_INET6, o->client, text, sizeof(text));
	buf_addz(b, text);
}

static void add_fields(struct buf *b, const struct origin *o, unsigned key)
{
	char hex[HEX_MAX];

	codec_hex(o->body, sizeof(o->body), hex);
	buf_printf(b, " v=1; key=%u; client=", key);
	add_client(b, o);
	buf_addz(b, ";\n\thelo=");
	add_escaped(b, o->helo, ORIGIN_HELO_MAX);
	buf_addz(b, ";\n\tfrom=");
	add_escaped(b, o->sender, ORIGIN_ADDRESS_MAX);
	buf_addz(b, ";\n\trcpt=");
	for (size_t i = 0; i < o->rcpts.n && i < ORIGIN_RCPTS_MAX; i++) {
		if (i > 0)
			buf_addz(b, ",\n\t");
		add_escaped(b, o->rcpts.v[i], ORIGIN_ADDRESS_MAX);
	}
	buf_printf(b, ";\n\tbody=%s;", hex);
	if (o->answer != 0)
		buf_printf(b, " answer=%016" PRIx64 ";", o->answer);
	buf_addz(b, "\n\tmac=");
}

/* Values hold no white space, so folding can go without loss. */
static void squeeze(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_blank(s.p[i]) && s.p[i] != '\r' && s.p[i] != '\n')
			buf_addc(out, s.p[i]);
}

int origin_make(const struct token_keys *keys, const struct origin *o,
    struct arena *a, struct str *out)
{
	unsigned key = token_keys_signer(keys);
	char mac[HEX_MAX];
	struct buf value, text;
	int rc;

	buf_init(&value, VALUE_MAX);
	buf_init(&text, VALUE_MAX);
	add_fields(&value, o, key);
	squeeze(&text, buf_str(&value));
	rc = buf_error(&value) != 0 ? buf_error(&value) : buf_error(&text);
	if (rc == 0)
		rc = make_mac(keys, key, buf_str(&text), mac);
	if (rc == 0) {
		buf_addz(&value, mac);
		rc = buf_error(&value);
	}
	if (rc == 0) {
		*out = arena_str(a, buf_str(&value));
		rc = out->p != NULL ? 0 : ERR_LIMIT;
	}
	buf_fini(&value);
	buf_fini(&text);
	return rc;
}

/* --- reading --- */

/* "name=value" without the name; false when it has another. */
static bool take(struct str *rest, const char *name, struct str *out)
{
	struct str prefix = str_of(name);

	if (!str_next(rest, ';', out) || !str_starts(*out, prefix))
		return false;
	*out = str_from(*out, prefix.n);
	return true;
}

static int unescape(struct arena *a, struct str s, struct str *out)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	if (p == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%') {
			p[n++] = s.p[i];
			continue;
		}
		if (codec_unhex(str_cut(s, i + 1, 2), 1, &p[n]) != 0)
			return ERR_NOT_FOUND;
		n++;
		i += 2;
	}
	*out = (struct str){p, n};
	return 0;
}

static void read_client(struct str text, struct origin *out)
{
	char z[INET6_ADDRSTRLEN];

	if (text.n >= sizeof(z))
		return;
	memcpy(z, text.p, text.n);
	z[text.n] = '\0';
	if (inet_pton(AF_INET, z, out->client + 12) == 1) {
		memset(out->client + 10, 0xff, 2);
		out->has_client = true;
	} else if (inet_pton(AF_INET6, z, out->client) == 1)
		out->has_client = true;
}

static int read_rcpts(struct arena *a, struct str list, struct origin *out)
{
	struct str *v = arena_array(a, ORIGIN_RCPTS_MAX, sizeof(*v));
	struct str part;
	size_t n = 0;
	int rc = 0;

	if (v == NULL)
		return ERR_LIMIT;
	while (rc == 0 && n < ORIGIN_RCPTS_MAX && str_next(&list, ',', &part))
		if (part.n > 0)
			rc = unescape(a, part, &v[n++]);
	out->rcpts = (struct strs){v, n};
	return rc;
}

/* What is left behind body= */
static int read_answer(struct str text, struct origin *out)
{
	unsigned char id[8];
	struct str hex;

	if (!str_starts(text, STR("answer=")))
		return 0;
	if (!take(&text, "answer=", &hex) || hex.n != 2 * sizeof(id) ||
	    codec_unhex(hex, sizeof(id), id) != 0)
		return ERR_NOT_FOUND;
	out->answer = codec_get_u64(id);
	return 0;
}

/* text: squeezed, its MAC verified. */
static int read_fields(struct str text, struct arena *a, struct origin *out)
{
	struct str v, client, helo, from, rcpt, body;
	int rc;

	if (!take(&text, "v=", &v) || !str_eq(v, STR("1")) ||
	    !take(&text, "key=", &v) || !take(&text, "client=", &client) ||
	    !take(&text, "helo=", &helo) || !take(&text, "from=", &from) ||
	    !take(&text, "rcpt=", &rcpt) || !take(&text, "body=", &body) ||
	    codec_unhex(body, sizeof(out->body), out->body) != 0)
		return ERR_NOT_FOUND;
	read_client(client, out);
	rc = read_answer(text, out);
	if (rc == 0)
		rc = unescape(a, helo, &out->helo);
	if (rc == 0)
		rc = unescape(a, from, &out->sender);
	if (rc == 0)
		rc = read_rcpts(a, rcpt, out);
	return rc;
}

static bool key_id(struct str text, unsigned *out)
{
	struct str v;
	uint64_t id;

	if (!take(&text, "v=", &v) || !take(&text, "key=", &v) ||
	    str_u64(v, TOKEN_KEYS_MAX - 1, &id) != 0)
		return false;
	*out = (unsigned)id;
	return true;
}

/* text: squeezed. *signed_out: without its MAC. */
static int verify(
    const struct token_keys *keys, struct str text, struct str *signed_out)
{
	char mac[HEX_MAX];
	size_t at;
	unsigned id;
	int rc;

	if (text.n < HEX_MAX - 1 || !key_id(text, &id))
		return ERR_NOT_FOUND;
	at = text.n - (HEX_MAX - 1);
	*signed_out = str_cut(text, 0, at);
	if (!str_ends(*signed_out, STR(";mac=")))
		return ERR_NOT_FOUND;
	rc = make_mac(keys, id, *signed_out, mac);
	if (rc == 0 && !digest_equal(mac, text.p + at, HEX_MAX - 1))
		rc = ERR_NOT_FOUND;
	return rc;
}

int origin_read(const struct token_keys *keys, struct str value,
    const unsigned char body[DKIM_BODY_HASH], struct arena *a,
    struct origin *out)
{
	struct str text;
	struct buf b;
	int rc;

	*out = (struct origin){0};
	if (value.n > VALUE_MAX)
		return ERR_NOT_FOUND;
	buf_init(&b, VALUE_MAX);
	squeeze(&b, value);
	rc = buf_error(&b);
	if (rc == 0)
		rc = verify(keys, buf_str(&b), &text);
	if (rc == 0)
		rc = read_fields(text, a, out);
	if (rc == 0 && !digest_equal(out->body, body, sizeof(out->body)))
		rc = ERR_NOT_FOUND;
	buf_fini(&b);
	return rc;
}
