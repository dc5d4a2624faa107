/* str.c - see str.h. */
#include "policy/base/str.h"

#include <string.h>

struct str str_of(const char *z)
{
	return (struct str){z, z != NULL ? strlen(z) : 0};
}

char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool ascii_is_alnum(char c)
{
	c = ascii_lower(c);
	return ascii_is_digit(c) || (c >= 'a' && c <= 'z');
}

bool ascii_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_ieq(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (c != 0)
		return c;
	return a.n < b.n ? -1 : a.n > b.n;
}

struct str str_from(struct str s, size_t at)
{
	if (at > s.n)
		at = s.n;
	return (struct str){s.p != NULL ? s.p + at : NULL, s.n - at};
}

struct str str_cut(struct str s, size_t at, size_t n)
{
	s = str_from(s, at);
	if (n < s.n)
		s.n = n;
	return s;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_cut(s, 0, prefix.n), prefix);
}

bool str_istarts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_ieq(str_cut(s, 0, prefix.n), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_eq(str_from(s, s.n - suffix.n), suffix);
}

bool str_iends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_ieq(str_from(s, s.n - suffix.n), suffix);
}

static bool is_space(char c)
{
	return ascii_is_blank(c) || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.n > 0 && is_space(s.p[0]))
		s = str_from(s, 1);
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

size_t str_words(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += !is_space(s.p[i]) && (i == 0 || is_space(s.p[i - 1]));
	return n;
}

size_t str_find(struct str s, size_t at, char c)
{
	const char *hit;

	if (at >= s.n)
		return s.n;
	hit = memchr(s.p + at, c, s.n - at);
	return hit != NULL ? (size_t)(hit - s.p) : s.n;
}

size_t str_rfind(struct str s, char c)
{
	const char *hit = s.n > 0 ? memrchr(s.p, c, s.n) : NULL;

	return hit != NULL ? (size_t)(hit - s.p) : s.n;
}

bool str_contains(struct str s, struct str part)
{
	if (part.n == 0)
		return true;
	return s.n >= part.n && memmem(s.p, s.n, part.p, part.n) != NULL;
}

bool str_icontains(struct str s, struct str part)
{
	for (size_t i = 0; i + part.n <= s.n; i++)
		if (str_ieq(str_cut(s, i, part.n), part))
			return true;
	return false;
}

bool str_next(struct str *rest, char c, struct str *out)
{
	size_t at;

	if (rest->p == NULL)
		return false;
	at = str_find(*rest, 0, c);
	*out = str_cut(*rest, 0, at);
	*rest = at < rest->n ? str_from(*rest, at + 1) : STR_NULL;
	return true;
}

int str_u64(struct str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_digit(s.p[i]))
			return ERR_SYNTAX;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v) ||
		    v > max)
			return ERR_LIMIT;
	}
	*out = v;
	return 0;
}

unsigned str_distance(struct str a, struct str b)
{
	enum {
		MAX = 32
	};
	unsigned row[MAX + 1];

	if (a.n > MAX || b.n > MAX)
		return MAX;
	for (size_t j = 0; j <= b.n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; i < a.n; i++) {
		unsigned diag = row[0];
		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < b.n; j++) {
			unsigned best = diag + (a.p[i] != b.p[j]);
			diag = row[j + 1];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (diag + 1 < best)
				best = diag + 1;
			row[j + 1] = best;
		}
	}
	return row[b.n];
}
