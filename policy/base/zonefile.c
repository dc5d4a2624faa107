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
	size_t instant;                               /* bytes of one */
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
	out->instant = instant;
	out->at = p + HEAD;
	n = HEAD + out->times * (uint64_t)(instant + 1) +
	    out->types * (uint64_t)TYPE + out->chars +
	    out->leap * (uint64_t)(instant + 4) + out->std + (uint64_t)out->utc;
	if (n > rest->n)
		return ERR_CORRUPT;
	*rest = str_from(*rest, (size_t)n);
	return 0;
}

static void find_arrays(const struct block *b, struct zonefile *out)
{
	out->n_changes = b->times;
	out->instant_n = b->instant;
	out->instants = b->at;
	out->kinds = out->instants + b->times * b->instant;
	out->types = out->kinds + b->times;
}

static int64_t instant_at(const struct zonefile *f, size_t i)
{
	const char *p = f->instants + i * f->instant_n;

	return f->instant_n == 8 ? (int64_t)codec_get_u64(p)
				 : (int32_t)codec_get_u32(p);
}

static int32_t offset_of(const struct zonefile *f, size_t type)
{
	return (int32_t)codec_get_u32(f->types + type * TYPE);
}

/* Instants rise; types and names exist; names end. */
static int check_block(const struct block *b, const struct zonefile *f)
{
	const char *names = f->types + (size_t)b->types * TYPE;

	if (b->types == 0 || b->chars == 0 || names[b->chars - 1] != '\0')
		return ERR_CORRUPT;
	for (size_t i = 0; i < f->n_changes; i++)
		if ((unsigned char)f->kinds[i] >= b->types ||
		    (i > 0 && instant_at(f, i) <= instant_at(f, i - 1)))
			return ERR_CORRUPT;
	for (size_t i = 0; i < b->types; i++) {
		int32_t offset = offset_of(f, i);
		unsigned char name = (unsigned char)f->types[i * TYPE + 5];
		if (offset < -MOST_OFFSET_S || offset > MOST_OFFSET_S ||
		    name >= b->chars)
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
	struct block b;
	int rc = take_block(&rest, 4, &b);

	*out = (struct zonefile){0};
	if (rc == 0 && b.version >= '2') {
		rc = take_block(&rest, 8, &b);
		rc = rc == ERR_NOT_FOUND ? ERR_CORRUPT : rc;
		if (rc == 0)
			rc = parse_foot(rest, out);
	}
	if (rc != 0)
		return rc;
	find_arrays(&b, out);
	rc = check_block(&b, out);
	if (rc != 0)
		return rc;
	out->first_s = offset_of(out, 0);
	if (out->n_changes > 0)
		out->last_s = instant_at(out, out->n_changes - 1);
	return 0;
}

struct zonerule_change zonefile_change(const struct zonefile *f, size_t i)
{
	return (struct zonerule_change){
	    instant_at(f, i), offset_of(f, (unsigned char)f->kinds[i])};
}
