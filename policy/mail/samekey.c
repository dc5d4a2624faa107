/* samekey.c - see samekey.h. Each part goes in with its length before it, so
 * that no two messages can share a key by shifting bytes between parts. */
#include "policy/mail/samekey.h"

#include "policy/base/buf.h"
#include "policy/base/codec.h"
#include "policy/base/digest.h"
#include "policy/base/when.h"

#include <stdio.h>

enum {
	PARTS_MAX = 1 << 20,
};

static void add_part(struct buf *b, struct str s)
{
	char n[8];

	codec_put_u64(n, s.n);
	buf_add(b, (struct str){n, sizeof(n)});
	buf_add(b, s);
}

static int add_header(struct buf *b, const struct header_list *headers,
    struct str name, struct arena *a)
{
	const struct header *h = header_find(headers, name, 0);
	struct str text = STR("");

	if (h != NULL) {
		text = header_text(a, h);
		if (text.p == NULL)
			return ERR_LIMIT;
	}
	add_part(b, text);
	return 0;
}

static bool holds(struct str id, struct str part)
{
	return part.n > 0 && str_contains(id, part);
}

static bool is_made_on_the_way(const struct samekey_in *in, struct str id)
{
	char copy[17];

	(void)snprintf(
	    copy, sizeof(copy), "%016llx", (unsigned long long)in->copy_id);
	return holds(id, in->queue_id) || holds(id, in->first_queue_id) ||
	       (in->copy_id != 0 && holds(id, str_of(copy)));
}

static int message_id_of(
    const struct samekey_in *in, struct arena *a, struct str *out)
{
	const struct header *h = header_find(in->headers, STR("Message-ID"), 0);

	*out = STR("");
	if (h == NULL)
		return 0;
	*out = header_text(a, h);
	if (out->p == NULL)
		return ERR_LIMIT;
	if (is_made_on_the_way(in, *out))
		*out = STR("");
	return 0;
}

/* Spreads neighbouring minutes over all keys (the finish of SplitMix64). */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t samekey_after(const struct samekey *k, int64_t minutes)
{
	return mix(k->text ^ mix((uint64_t)(k->minute + minutes))) | 1;
}

int samekey_make(
    const struct samekey_in *in, struct arena *a, struct samekey *out)
{
	unsigned char hash[DIGEST_SHA256];
	struct str id;
	struct buf b;
	int rc = message_id_of(in, a, &id);

	if (rc != 0)
		return rc;
	buf_init(&b, PARTS_MAX);
	add_part(&b, in->stream);
	add_part(&b, in->recipient);
	add_part(&b, id);
	rc = add_header(&b, in->headers, STR("From"), a);
	if (rc == 0)
		rc = add_header(&b, in->headers, STR("Subject"), a);
	add_part(&b, (struct str){(const char *)in->body_hash, 32});
	if (rc == 0)
		rc = buf_error(&b);
	if (rc == 0)
		rc = digest_sha256(buf_str(&b), hash);
	buf_fini(&b);
	if (rc != 0)
		return rc;
	out->text = codec_get_u64(hash);
	out->minute = in->arrived_ms / WHEN_MINUTE_MS;
	out->has_message_id = id.n > 0;
	out->key = id.n > 0 ? out->text | 1 : samekey_after(out, 0);
	return 0;
}
