/* dkim_canon.c - see dkim_canon.h. */
#include "policy/mail/dkim_canon.h"

/* Part of a line end: LF, or a CR right before it. */
static bool is_line_end(struct str s, size_t i)
{
	return s.p[i] == '\n' ||
	       (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n');
}

size_t dkim_canon_field(char *out, struct str name, struct str value)
{
	bool blank = false;
	char *to = out, *start;

	for (size_t i = 0; i < name.n; i++)
		*to++ = ascii_lower(name.p[i]);
	*to++ = ':';
	start = to;
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		if (ascii_is_blank(c)) {
			blank = true;
			continue;
		}
		if (is_line_end(value, i))
			continue;
		if (blank && to > start)
			*to++ = ' ';
		blank = false;
		*to++ = c;
	}
	*to++ = '\r';
	*to++ = '\n';
	return (size_t)(to - out);
}
