/* plain.c - see plain.h. */
#include "agent/cli/plain.h"

#include <string.h>

/* The length of the character that s begins with; 0: no UTF-8. s.n > 0. */
static size_t decode(struct str s, uint32_t *out)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)s.p[0];
	size_t n = first < 0x80   ? 1
		   : first < 0xc0 ? 0
		   : first < 0xe0 ? 2
		   : first < 0xf0 ? 3
		   : first < 0xf8 ? 4
				  : 0;
	uint32_t c = n == 1 ? first : first & (0xffU >> (n + 1));

	if (n == 0 || n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | ((unsigned char)s.p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return n;
}

static bool is_fit(uint32_t c)
{
	static const uint32_t not_fit[][2] = {{0, 0x1f}, {0x7f, 0x9f},
	    {0x61c, 0x61c}, {0x200e, 0x200f}, {0x2028, 0x202e},
	    {0x2066, 0x206f}, {0xfeff, 0xfeff}};

	for (size_t i = 0; i < sizeof(not_fit) / sizeof(not_fit[0]); i++)
		if (c >= not_fit[i][0] && c <= not_fit[i][1])
			return false;
	return true;
}

static size_t make_plain(char *p, size_t n, bool newlines)
{
	size_t to = 0;

	for (size_t i = 0; i < n;) {
		uint32_t c = 0;
		size_t len = decode((struct str){p + i, n - i}, &c);

		if (len > 0 && (is_fit(c) || (newlines && c == '\n'))) {
			memmove(p + to, p + i, len);
			to += len;
		} else {
			p[to++] = len > 0 ? ' ' : '?';
		}
		i += len > 0 ? len : 1;
	}
	return to;
}

size_t plain_text(char *p, size_t n)
{
	return make_plain(p, n, false);
}

size_t plain_lines(char *p, size_t n)
{
	return make_plain(p, n, true);
}

void plain_json(struct str json, struct buf *out)
{
	size_t from = 0;

	for (size_t i = 0; i < json.n;) {
		uint32_t c = 0;
		size_t len = decode(str_from(json, i), &c);

		if (len > 0 && (is_fit(c) || c == '\n')) {
			i += len;
			continue;
		}
		buf_add(out, str_cut(json, from, i - from));
		buf_printf(out, "\\u%04x", len > 0 ? c : 0xfffd);
		i += len > 0 ? len : 1;
		from = i;
	}
	buf_add(out, str_from(json, from));
}
