/* mask.c - see mask.h. */
#include "policy/base/mask.h"

#include <string.h>

/* RFC 5322 dot-atom, and RFC 6532. */
static bool is_local(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c >= 0x80 ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
}

static bool is_domain(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c >= 0x80 || c == '-' ||
	       c == '.' || c == '[' || c == ']' || c == ':';
}

/* Where the local part before the '@' at `at` begins, not before `from`; `at`
 * when there is none. */
static size_t local_start(struct str s, size_t from, size_t at)
{
	size_t i = at;

	if (at > from + 1 && s.p[at - 1] == '"') {
		for (i = at - 1; i > from && s.p[i - 1] != '"'; i--)
			;
		return i > from ? i - 1 : at;
	}
	while (i > from && is_local(s.p[i - 1]))
		i--;
	return i;
}

void mask_addresses(struct str s, struct buf *out)
{
	size_t done = 0; /* up to here s is in out */

	for (size_t at = str_find(s, 0, '@'); at < s.n;
	     at = str_find(s, at + 1, '@')) {
		size_t start = local_start(s, done, at), end = at + 1;

		while (end < s.n && is_domain(s.p[end]))
			end++;
		while (end > at + 1 && strchr(".:", s.p[end - 1]) != NULL)
			end--; /* the sentence's */
		if (start == at || end == at + 1)
			continue;
		buf_add(out, str_cut(s, done, start - done));
		buf_addc(out, '-');
		done = end;
		at = end - 1;
	}
	buf_add(out, str_from(s, done));
}
