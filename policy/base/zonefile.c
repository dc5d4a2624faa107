/* zonefile.c - see zonefile.h. A file is a head and a block with instants of 32
 * bits, which nobody reads any more; the same with 64 bits; the rule between
 * two line feeds. The first version ends after the first block. */
#include "policy/base/zonefile.h"

#include "policy/base/codec.h"

#include <string.h>

enum {
	HEAD = 44,
	TYPE = 6,                  /* bytes of a local time type */
	MOST_OFFSET_S = 26 * 3600, /* RFC 8536, 3.2 */
};

struct block {
	char version;
	uint32_t utc, std, leap, times, types, chars; /* how many */
	const char *at;                               /* after the head */
};

/* Takes a head and its block off *rest. */
static int take_block(struct str *rest, size_t instant, struct block *out)
{
	const char *p = rest->p;
	uint64_t n;

	if (rest->n < 4 || memcmp(p, "TZif", 4) != 0)
		return ERR_NOT_FOUND;
	if (rest->n < HEAD)
		return ERR_CORRUPT;
	out->version = p[4];
	out->utc = codec_get_u32(p + 20);
	out->std = codec_get_u32(p + 24);
	out->leap = codec_get_u32(p + 28);
	out->times = codec_get_u32(p + 32);
	out->types = codec_get_u32(p + 36);
	out->chars = codec_get_u32(p + 40);
	out->at = p + HEAD;
	n = HEAD + out->times * (uint64_t)(instant + 1) +
	    out->types * (uint64_t)TYPE + out->chars +
	    out->leap * (uint64_t)(instant + 4) + out->std + (uint64_t)out->utc;
	if (n > rest->n)
		return ERR_CORRUPT;
	*rest = str_from(*rest, (size_t)n);
	return 0;
}

static int64_t instant_at(const struct block *b, size_t instant, size_t i)
{
	const char *p = b->at + i * instant;

	return instant == 8 ? (int64_t)codec_get_u64(p)
			    : (int32_t)codec_get_u32(p);
}

/* Instants rise; types and names exist; names end. */
static int check_block(const struct block *b, size_t instant)
{
	const char *kinds = b->at + b->times * instant;
	const char *types = kinds + b->times;
	const char *names = types + (size_t)b->types * TYPE;

	if (b->types == 0 || b->chars == 0 || names[b->chars - 1] != '\0')
		return ERR_CORRUPT;
	for (size_t i = 0; i < b->times; i++)
		if ((unsigned char)kinds[i] >= b->types ||
		    (i > 0 && instant_at(b, instant, i) <=
				  instant_at(b, instant, i - 1)))
			return ERR_CORRUPT;
	for (size_t i = 0; i < b->types; i++) {
		const char *type = types + i * TYPE;
		int32_t offset = (int32_t)codec_get_u32(type);
		if (offset < -MOST_OFFSET_S || offset > MOST_OFFSET_S ||
		    (unsigned char)type[5] >= b->chars)
			return ERR_CORRUPT;
	}
	return 0;
}

/* "\nCET-1CEST,M3.5.0,M10.5.0/3\n"; nothing in between: no rule. */
static int parse_foot(struct str rest, struct zonefile *out)
{
	size_t end;

	if (rest.n < 2 || rest.p[0] != '\n')
		return ERR_CORRUPT;
	rest = str_from(rest, 1);
	end = str_find(rest, 0, '\n');
	if (end == rest.n)
		return ERR_CORRUPT;
	if (end == 0)
		return 0;
	out->has_rule = true;
	return zonerule_parse(str_cut(rest, 0, end), &out->rule) == 0
		   ? 0
		   : ERR_CORRUPT;
}

int zonefile_parse(struct str bytes, struct zonefile *out)
{
	struct str rest = bytes;
	size_t instant = 4;
	struct block b;
	int rc = take_block(&rest, instant, &b);

	*out = (struct zonefile){0};
	if (rc == 0 && b.version >= '2') {
		instant = 8;
		rc = take_block(&rest, instant, &b);
		rc = rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc;
		if (rc == 0)
			rc = parse_foot(rest, out);
	}
	if (rc == 0)
		rc = check_block(&b, instant);
	if (rc != 0)
		return rc;
	out->n_changes = b.times;
	if (b.times > 0)
		out->last_s = instant_at(&b, instant, b.times - 1);
	return 0;
}
