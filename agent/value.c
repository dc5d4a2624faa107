/* value.c - see value.h. struct value is jansson's json_t under our name. */
#include "agent/value.h"

#include "policy/base/clock.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

static json_t *in(struct value *v)
{
	return (json_t *)v;
}

static const json_t *cin(const struct value *v)
{
	return (const json_t *)v;
}

struct value *value_new_object(void)
{
	return (struct value *)json_object();
}

struct value *value_new_array(void)
{
	return (struct value *)json_array();
}

void value_free(struct value **j)
{
	json_decref(in(*j));
	*j = NULL;
}

/* Length of the valid UTF-8 sequence at s (RFC 3629); 0 if none. */
static size_t utf8_at(struct str s)
{
	static const unsigned char lead[] = {0x80, 0xc0, 0xe0, 0xf0};
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	uint32_t v;

	if (n == 1)
		return c != 0 ? 1 : 0;
	if (c < 0xc2 || c > 0xf4 || n > s.n)
		return 0;
	v = (uint32_t)(c & ~lead[n - 1]) & (0xffU >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | ((unsigned char)s.p[i] & 0x3f);
	}
	if ((n == 3 && v < 0x800) || (n == 4 && (v < 0x10000 || v > 0x10ffff)))
		return 0;
	return v >= 0xd800 && v <= 0xdfff ? 0 : n;
}

static json_t *make_string(struct str s)
{
	json_t *j = json_stringn(s.n > 0 ? s.p : "", s.n);
	struct buf b;

	if (j != NULL && memchr(s.n > 0 ? s.p : "", '\0', s.n) == NULL)
		return j;
	json_decref(j);
	buf_init(&b, s.n * 3 + 1);
	while (s.n > 0) {
		size_t n = utf8_at(s);
		if (n > 0)
			buf_add(&b, str_cut(s, 0, n));
		else
			buf_addz(&b, "\xef\xbf\xbd");
		s = str_from(s, n > 0 ? n : 1);
	}
	j = buf_error(&b) == 0 ? json_stringn(buf_str(&b).p, buf_str(&b).n)
			       : NULL;
	buf_fini(&b);
	return j;
}

/* A child that could not be made or set leaves a mark that value_dump() finds:
 * the key with a null of our own would be silent, so the whole object is
 * marked by an entry that no reply has. */
static void mark(json_t *o)
{
	if (json_is_object(o))
		(void)json_object_set_new(o, "!incomplete", json_true());
	else if (json_is_array(o))
		(void)json_array_append_new(o, json_null());
}

static void set(struct value *o, const char *key, json_t *child)
{
	if (child == NULL ||
	    json_object_set_new_nocheck(in(o), key, child) != 0)
		mark(in(o));
}

struct value *value_new_string(struct str v)
{
	return (struct value *)make_string(v);
}

void value_put_str(struct value *o, const char *key, struct str v)
{
	set(o, key, make_string(v));
}

void value_put_i64(struct value *o, const char *key, int64_t v)
{
	set(o, key, json_integer(v));
}

void value_put_bool(struct value *o, const char *key, bool v)
{
	set(o, key, json_boolean(v));
}

void value_put_null(struct value *o, const char *key)
{
	set(o, key, json_null());
}

void value_put_time(struct value *o, const char *key, int64_t ms)
{
	char text[CLOCK_TEXT];

	if (ms == 0) {
		value_put_null(o, key);
		return;
	}
	clock_format(ms, text);
	value_put_str(o, key, str_of(text));
}

void value_put(struct value *o, const char *key, struct value *child)
{
	set(o, key, in(child));
}

void value_add(struct value *array, struct value *child)
{
	if (json_array_append_new(in(array), in(child)) != 0)
		mark(in(array));
}

void value_add_str(struct value *array, struct str v)
{
	if (json_array_append_new(in(array), make_string(v)) != 0)
		mark(in(array));
}

static int to_buf(const char *text, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_add(b, (struct str){text, n});
	return buf_error(b) == 0 ? 0 : -1;
}

int value_dump(const struct value *j, struct buf *out)
{
	size_t from = out->n;

	if (j == NULL || json_dump_callback(cin(j), to_buf, out,
			     JSON_COMPACT | JSON_ENCODE_ANY) != 0)
		return buf_error(out) != 0 ? buf_error(out) : ERR_LIMIT;
	if (str_contains(
		str_from(buf_str(out), from), STR("\"!incomplete\":true")))
		return ERR_LIMIT;
	buf_addc(out, '\n');
	return buf_error(out);
}

int value_parse(struct str text, struct value **out, struct error *err)
{
	json_error_t why;
	json_t *j = json_loadb(
	    text.n > 0 ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &why);

	*out = (struct value *)j;
	if (j == NULL)
		return error_set(err, ERR_SYNTAX, "JSON, line %d column %d: %s",
		    why.line, why.column, why.text);
	return 0;
}

struct str value_as_str(const struct value *j)
{
	const char *p = json_string_value(cin(j));

	return (struct str){p, p != NULL ? json_string_length(cin(j)) : 0};
}

const struct value *value_get(const struct value *o, const char *key)
{
	return (const struct value *)json_object_get(cin(o), key);
}

struct str value_get_str(const struct value *o, const char *key)
{
	return value_as_str(value_get(o, key));
}

bool value_as_i64(const struct value *j, int64_t *out)
{
	if (!json_is_integer(cin(j)))
		return false;
	*out = json_integer_value(cin(j));
	return true;
}

bool value_as_bool(const struct value *j, bool *out)
{
	if (!json_is_boolean(cin(j)))
		return false;
	*out = json_is_true(cin(j));
	return true;
}

bool value_get_i64(const struct value *o, const char *key, int64_t *out)
{
	return value_as_i64(value_get(o, key), out);
}

bool value_get_bool(const struct value *o, const char *key, bool *out)
{
	return value_as_bool(value_get(o, key), out);
}

bool value_is_object(const struct value *j)
{
	return json_is_object(cin(j));
}

bool value_is_array(const struct value *j)
{
	return json_is_array(cin(j));
}

size_t value_count(const struct value *array)
{
	return json_array_size(cin(array));
}

const struct value *value_at(const struct value *array, size_t i)
{
	return (const struct value *)json_array_get(cin(array), i);
}

bool value_is_null(const struct value *j)
{
	return json_is_null(cin(j));
}

size_t value_count_members(const struct value *o)
{
	return json_object_size(cin(o));
}

int value_each(const struct value *o, value_member_fn *fn, void *arg)
{
	json_t *members = (json_t *)(uintptr_t)cin(o);
	int rc = 0;

	for (void *it = json_object_iter(members); it != NULL && rc == 0;
	     it = json_object_iter_next(members, it)) {
		struct str key = {
		    json_object_iter_key(it), json_object_iter_key_len(it)};

		rc = fn(
		    arg, key, (const struct value *)json_object_iter_value(it));
	}
	return rc;
}
