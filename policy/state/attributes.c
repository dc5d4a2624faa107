/* attributes.c - see attributes.h. */
#include "policy/state/attributes.h"

#include "policy/ledger/cbor.h"

#include <string.h>

/* --- the map --- */

static void read_value(
    struct cbor_reader *r, struct arena *a, struct attribute_value *v)
{
	bool is_pair = cbor_read_array(r) == 2;

	v->type = (enum attribute_type)cbor_read_uint(r, ATTRIBUTE_DATE);
	if (v->type == ATTRIBUTE_TEXT)
		v->text = arena_str(a, cbor_read_text(r));
	else if (v->type == ATTRIBUTE_FLAG)
		v->number = cbor_read_bool(r);
	else
		v->number = cbor_read_int(r);
	if (!is_pair || v->type == 0)
		r->error = ERR_SYNTAX;
}

int attributes_decode(struct str map, struct arena *a, struct attributes *out)
{
	struct cbor_reader r;
	uint64_t key;
	size_t n;

	*out = (struct attributes){0};
	if (map.n > ATTRIBUTES_BYTES)
		return ERR_CORRUPT;
	cbor_reader_init(&r, map);
	n = cbor_read_map(&r);
	if (n > ATTRIBUTES_MAX)
		return ERR_CORRUPT;
	out->v = arena_array(a, n > 0 ? n : 1, sizeof(*out->v));
	if (out->v == NULL)
		return ERR_LIMIT;
	while (cbor_read_key(&r, &key) && out->n < n) {
		struct attribute_value *v = &out->v[out->n++];

		v->label = (uint32_t)key;
		read_value(&r, a, v);
		if (v->type == ATTRIBUTE_TEXT && v->text.p == NULL)
			return ERR_LIMIT;
		if (key > UINT32_MAX)
			r.error = ERR_SYNTAX;
	}
	return cbor_reader_end(&r) != 0 ? ERR_CORRUPT : 0;
}

int attributes_encode(const struct attributes *x, struct buf *out)
{
	struct cbor_writer w;
	size_t start = out->n;
	int rc;

	if (x->n > ATTRIBUTES_MAX)
		return ERR_LIMIT;
	cbor_writer_init(&w, out);
	cbor_write_map(&w, x->n);
	for (size_t i = 0; i < x->n; i++) {
		const struct attribute_value *v = &x->v[i];

		cbor_write_key(&w, v->label);
		cbor_write_array(&w, 2);
		cbor_write_uint(&w, v->type);
		if (v->type == ATTRIBUTE_TEXT)
			cbor_write_text(&w, v->text);
		else if (v->type == ATTRIBUTE_FLAG)
			cbor_write_bool(&w, v->number != 0);
		else
			cbor_write_int(&w, v->number);
	}
	rc = cbor_writer_end(&w);
	return rc == 0 && out->n - start > ATTRIBUTES_BYTES ? ERR_LIMIT : rc;
}

/* --- sealed --- */

int attributes_open(const struct person *p, struct str sealed, struct arena *a,
    struct attributes *out)
{
	struct str map;
	int rc;

	*out = (struct attributes){0};
	if (sealed.n == 0)
		return 0;
	rc = person_open_field(p, PERSON_ATTRIBUTES, sealed, a, &map);
	return rc != 0 ? rc : attributes_decode(map, a, out);
}

int attributes_seal(const struct person *p, const struct attributes *x,
    struct arena *a, struct str *out)
{
	struct buf map;
	int rc;

	*out = STR("");
	if (x->n == 0)
		return 0;
	buf_init(&map, ATTRIBUTES_BYTES);
	rc = attributes_encode(x, &map);
	if (rc == 0)
		rc = person_seal(p, PERSON_ATTRIBUTES, buf_str(&map), a, out);
	buf_fini(&map);
	return rc;
}

/* --- changes --- */

static size_t place_of(const struct attributes *x, uint32_t label)
{
	size_t i = 0;

	while (i < x->n && x->v[i].label < label)
		i++;
	return i;
}

static bool is_at(const struct attributes *x, size_t at, uint32_t label)
{
	return at < x->n && x->v[at].label == label;
}

static int put(struct attributes *x, const struct attribute_value *v)
{
	size_t at = place_of(x, v->label);

	if (!is_at(x, at, v->label)) {
		if (x->n == ATTRIBUTES_MAX)
			return ERR_LIMIT;
		memmove(&x->v[at + 1], &x->v[at], (x->n - at) * sizeof(*v));
		x->n++;
	}
	x->v[at] = *v;
	return 0;
}

static void take_away(struct attributes *x, uint32_t label)
{
	size_t at = place_of(x, label);

	if (!is_at(x, at, label))
		return;
	x->n--;
	memmove(&x->v[at], &x->v[at + 1], (x->n - at) * sizeof(*x->v));
}

/* At least as many bytes as the map has. */
static size_t most_bytes(const struct attributes *x)
{
	size_t n = 3;

	for (size_t i = 0; i < x->n; i++)
		n += 5 + 2 +
		     (x->v[i].type == ATTRIBUTE_TEXT ? 2 + x->v[i].text.n : 9);
	return n;
}

int attributes_change(const struct attributes *there,
    const struct attribute_value *changes, size_t n, struct arena *a,
    struct attributes *out)
{
	size_t room = there->n + n;
	int rc = 0;

	if (room > ATTRIBUTES_MAX)
		room = ATTRIBUTES_MAX;
	out->n = there->n;
	out->v = arena_array(a, room + 1, sizeof(*out->v));
	if (out->v == NULL)
		return ERR_LIMIT;
	if (there->n > 0)
		memcpy(out->v, there->v, there->n * sizeof(*out->v));
	for (size_t i = 0; i < n && rc == 0; i++)
		if (changes[i].type == 0)
			take_away(out, changes[i].label);
		else
			rc = put(out, &changes[i]);
	if (rc == 0 && most_bytes(out) > ATTRIBUTES_BYTES)
		rc = ERR_LIMIT;
	return rc;
}

bool attributes_eq(const struct attributes *x, const struct attributes *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].label != y->v[i].label ||
		    x->v[i].type != y->v[i].type ||
		    x->v[i].number != y->v[i].number ||
		    !str_eq(x->v[i].text, y->v[i].text))
			return false;
	return true;
}

const struct attribute_value *attributes_find(
    const struct attributes *x, uint32_t label)
{
	size_t at = place_of(x, label);

	return is_at(x, at, label) ? &x->v[at] : NULL;
}
