/* mimeparam.c - see mimeparam.h.
 *
 * One pass over the parameters collects what belongs to the wanted name: the
 * plain form, which ends the search, or the numbered segments of RFC 2231.
 * name* without a number is segment 0, percent-encoded. */
#include "policy/mail/mimeparam.h"

#include <stdint.h>
#include <string.h>

struct param {
	struct str name;
	struct str value; /* between the quotes, if any */
	bool quoted;
};

struct segment {
	struct str value;
	bool present, quoted, encoded;
};

struct found {
	struct segment plain;
	struct segment part[MIMEPARAM_SEGMENTS];
};

static bool is_gap(char c)
{
	return ascii_is_blank(c) || c == '\r' || c == '\n';
}

/* Behind the comment that opens at `at` (nested ones included); an open end
 * takes the rest. */
static size_t skip_comment(struct str s, size_t at)
{
	size_t depth = 0;

	for (; at < s.n; at++) {
		if (s.p[at] == '\\')
			at++;
		else if (s.p[at] == '(')
			depth++;
		else if (s.p[at] == ')' && --depth == 0)
			return at + 1;
	}
	return s.n;
}

static size_t skip_gap(struct str s, size_t at)
{
	while (at < s.n && (is_gap(s.p[at]) || s.p[at] == '('))
		at = s.p[at] == '(' ? skip_comment(s, at) : at + 1;
	return at;
}

/* Behind a run of characters that are neither gaps nor in `stop`. */
static size_t skip_word(struct str s, size_t at, const char *stop)
{
	while (at < s.n && !is_gap(s.p[at]) &&
	       (s.p[at] == '\0' || strchr(stop, s.p[at]) == NULL))
		at++;
	return at;
}

/* The closing quote of the string whose text begins at `at`; s.n if open. */
static size_t closing_quote(struct str s, size_t at)
{
	for (; at < s.n && s.p[at] != '"'; at++)
		if (s.p[at] == '\\')
			at++;
	return at < s.n ? at : s.n;
}

static size_t read_value(struct str s, size_t at, struct param *out)
{
	size_t end;

	out->quoted = at < s.n && s.p[at] == '"';
	if (!out->quoted) {
		end = skip_word(s, at, ";");
		out->value = str_cut(s, at, end - at);
		return end;
	}
	at++;
	end = closing_quote(s, at);
	if (end < s.n) {
		out->value = str_cut(s, at, end - at);
		return end + 1;
	}
	end = skip_word(s, at, ";");
	out->value = str_cut(s, at, end - at);
	return end;
}

/* The next name=value at or after *at; words without "=" are passed over. */
static bool next_param(struct str s, size_t *at, struct param *out)
{
	while (*at < s.n) {
		size_t from = skip_gap(s, *at);
		size_t to = skip_word(s, from, "=;(\"");

		out->name = str_cut(s, from, to - from);
		*at = skip_gap(s, to);
		if (*at >= s.n)
			return false;
		if (s.p[*at] == '=' && out->name.n > 0) {
			*at = read_value(s, skip_gap(s, *at + 1), out);
			return true;
		}
		if (*at == to)
			(*at)++; /* a stray special */
	}
	return false;
}

/* Does this parameter belong to `name`, and as which segment? */
static struct segment *segment_of(
    struct found *f, const struct param *p, struct str name, bool *encoded)
{
	struct str rest = str_from(p->name, name.n);
	uint64_t nth = 0;

	*encoded = false;
	if (!str_istarts(p->name, name))
		return NULL;
	if (rest.n == 0)
		return &f->plain;
	if (rest.p[0] != '*')
		return NULL;
	rest = str_from(rest, 1);
	if (rest.n == 0 || rest.p[rest.n - 1] == '*')
		*encoded = true;
	if (rest.n > 0 && *encoded)
		rest.n--;
	if (rest.n > 0 && str_u64(rest, MIMEPARAM_SEGMENTS - 1, &nth) != 0)
		return NULL;
	return &f->part[nth];
}

static int unhex(char c)
{
	c = ascii_lower(c);
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "%41" -> 'A'; returns the bytes read. */
static size_t percent(struct str s, size_t at, char *out)
{
	int hi, lo;

	*out = s.p[at];
	if (s.p[at] != '%' || s.n - at < 3)
		return 1;
	hi = unhex(s.p[at + 1]);
	lo = unhex(s.p[at + 2]);
	if (hi < 0 || lo < 0)
		return 1;
	*out = (char)(hi * 16 + lo);
	return 3;
}

/* Appends the meaning of one segment; `to` has room for all of it. */
static size_t expand(const struct segment *seg, bool first, char *to)
{
	struct str s = seg->value;
	size_t n = 0, at = 0;

	if (seg->encoded && first) { /* charset'language'text */
		size_t mark = str_find(s, 0, '\'');
		size_t next = str_find(s, mark + 1, '\'');
		at = next < s.n ? next + 1 : 0;
	}
	while (at < s.n) {
		char c = s.p[at];
		if (seg->encoded) {
			at += percent(s, at, &to[n++]);
			continue;
		}
		if (seg->quoted && c == '\\' && at + 1 < s.n)
			c = s.p[++at];
		else if (c == '\r' || c == '\n') {
			at++; /* a fold inside quotes */
			continue;
		}
		to[n++] = c;
		at++;
	}
	return n;
}

static bool is_literal(const struct segment *seg)
{
	return seg->present && !seg->encoded &&
	       str_find(seg->value, 0, '\\') == seg->value.n &&
	       str_find(seg->value, 0, '\r') == seg->value.n &&
	       str_find(seg->value, 0, '\n') == seg->value.n;
}

static int join(
    const struct segment *seg, size_t count, struct arena *a, struct str *out)
{
	size_t room = 0, n = 0, used = 0;
	char *to;

	while (used < count && seg[used].present)
		room += seg[used++].value.n;
	if (used == 0)
		return ERR_NOT_FOUND;
	if (used == 1 && is_literal(seg)) {
		*out = seg->value;
		return 0;
	}
	to = arena_alloc(a, room + 1);
	if (to == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < used; i++)
		n += expand(&seg[i], i == 0, to + n);
	*out = (struct str){to, n};
	return 0;
}

/* The part behind "type/subtype" or a token. */
static size_t skip_first(struct str s)
{
	size_t at = skip_gap(s, 0);

	return skip_word(s, at, ";(\"");
}

int mimeparam_get(
    struct str value, struct str name, struct arena *a, struct str *out)
{
	struct str s = str_cut(value, 0, MIMEPARAM_MAX);
	struct found f = {0};
	size_t at = skip_first(s);
	struct param p;

	*out = STR_NULL;
	while (!f.plain.present && next_param(s, &at, &p)) {
		bool encoded;
		struct segment *seg = segment_of(&f, &p, name, &encoded);
		if (seg != NULL && !seg->present)
			*seg =
			    (struct segment){p.value, true, p.quoted, encoded};
	}
	if (f.plain.present)
		return join(&f.plain, 1, a, out);
	return join(f.part, MIMEPARAM_SEGMENTS, a, out);
}

struct str mimeparam_token(struct str value)
{
	struct str s = str_cut(value, 0, MIMEPARAM_MAX);
	size_t at = skip_gap(s, 0);

	return str_cut(s, at, skip_word(s, at, ";(\"") - at);
}

bool mimeparam_type(
    struct str value, struct str *type_out, struct str *subtype_out)
{
	struct str s = str_cut(value, 0, MIMEPARAM_MAX);
	size_t at = skip_gap(s, 0);
	size_t end = skip_word(s, at, "/;=(\"");

	*type_out = str_cut(s, at, end - at);
	end = skip_gap(s, end);
	if (type_out->n == 0 || end >= s.n || s.p[end] != '/')
		return false;
	at = skip_gap(s, end + 1);
	end = skip_word(s, at, "/;=(\"");
	*subtype_out = str_cut(s, at, end - at);
	return subtype_out->n > 0;
}
