/* csv.c - see csv.h. */
#include "agent/cli/csv.h"

static bool is_separator(char c)
{
	return c == ',' || c == ';';
}

/* The bytes of a quoted cell at the head of s, quotes and all. */
static size_t quoted_length(struct str s)
{
	size_t i = 1;

	while (i < s.n) {
		if (s.p[i] != '"')
			i++;
		else if (i + 1 < s.n && s.p[i + 1] == '"')
			i += 2;
		else
			return i + 1;
	}
	return s.n;
}

/* "" within a quoted cell is one quote. */
static struct str unquote(struct str s, struct arena *a)
{
	struct str copy = arena_str(a, s);
	char *p = (char *)(uintptr_t)copy.p;
	size_t n = 0;

	if (p == NULL)
		return copy;
	for (size_t i = 0; i < s.n; i++) {
		p[n++] = s.p[i];
		if (s.p[i] == '"' && i + 1 < s.n && s.p[i + 1] == '"')
			i++;
	}
	copy.n = n;
	return copy;
}

bool csv_next(struct str *rest, struct arena *a, struct str *out)
{
	struct str s = *rest;
	size_t n = 0;

	if (rest->p == NULL)
		return false;
	while (s.n > 0 && ascii_is_blank(s.p[0]))
		s = str_from(s, 1);
	if (s.n > 0 && s.p[0] == '"') {
		n = quoted_length(s);
		*out = unquote(
		    str_cut(s, 1, n >= 2 && s.p[n - 1] == '"' ? n - 2 : n), a);
		while (n < s.n && !is_separator(s.p[n]))
			n++;
	} else {
		while (n < s.n && !is_separator(s.p[n]))
			n++;
		*out = str_trim(str_cut(s, 0, n));
	}
	*rest = n < s.n ? str_from(s, n + 1) : STR_NULL;
	return true;
}

void csv_put(struct buf *out, struct str cell)
{
	bool quote = false;

	for (size_t i = 0; i < cell.n; i++)
		quote |= is_separator(cell.p[i]) || cell.p[i] == '"' ||
			 cell.p[i] == '\n' || cell.p[i] == '\r' ||
			 cell.p[i] == ' ';
	if (!quote) {
		buf_add(out, cell);
		return;
	}
	buf_addc(out, '"');
	for (size_t i = 0; i < cell.n; i++) {
		if (cell.p[i] == '"')
			buf_addc(out, '"');
		buf_addc(out, cell.p[i]);
	}
	buf_addc(out, '"');
}
