/* charset.c - see charset.h. The one file that sees iconv. ISO-2022-CN-EXT and
 * other sets that no notice is written in are left out of the list: glibc's
 * converters for them have had holes (CVE-2024-2961). */
#include "policy/mail/charset.h"

#include <iconv.h>
#include <string.h>

enum {
	GROWTH = 4, /* no character of the list needs more bytes a byte */
	ESCAPE = 0x1b,
};

size_t charset_put_utf8(uint32_t c, char *to)
{
	static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
	size_t more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

	to[0] = (char)(lead[more] | c >> 6 * more);
	for (size_t i = 1; i <= more; i++)
		to[i] = (char)(0x80 | (c >> 6 * (more - i) & 0x3f));
	return more + 1;
}

/* What mail calls it, and what iconv does; NULL: done here. */
static const struct set {
	struct str name;
	const char *iconv;
} sets[] = {
    {STR("iso-8859-1"), NULL},
    {STR("iso-8859-15"), NULL},
    {STR("windows-1252"), NULL},
    {STR("cp1252"), NULL},
    {STR("latin1"), NULL},
    {STR("iso-8859-2"), "ISO-8859-2"},
    {STR("iso-8859-5"), "ISO-8859-5"},
    {STR("iso-8859-7"), "ISO-8859-7"},
    {STR("iso-8859-6"), "ISO-8859-6"},
    {STR("iso-8859-8"), "ISO-8859-8"},
    {STR("iso-8859-8-i"), "ISO-8859-8"},
    {STR("iso-8859-9"), "ISO-8859-9"},
    {STR("windows-1250"), "CP1250"},
    {STR("windows-1251"), "CP1251"},
    {STR("windows-1253"), "CP1253"},
    {STR("windows-1254"), "CP1254"},
    {STR("windows-1255"), "CP1255"},
    {STR("windows-1256"), "CP1256"},
    {STR("windows-1257"), "CP1257"},
    {STR("koi8-r"), "KOI8-R"},
    {STR("koi8-u"), "KOI8-U"},
    {STR("iso-2022-jp"), "ISO-2022-JP"},
    {STR("shift_jis"), "SHIFT_JIS"},
    {STR("x-sjis"), "SHIFT_JIS"},
    {STR("windows-31j"), "CP932"},
    {STR("euc-jp"), "EUC-JP"},
    {STR("gb2312"), "GB18030"},
    {STR("gbk"), "GB18030"},
    {STR("gb18030"), "GB18030"},
    {STR("big5"), "BIG5"},
    {STR("euc-kr"), "EUC-KR"},
    {STR("ks_c_5601-1987"), "EUC-KR"},
    {STR("cp949"), "CP949"},
};

static const struct set *find_set(struct str charset)
{
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		if (str_ieq(sets[i].name, charset))
			return &sets[i];
	return NULL;
}

static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80 || s.p[i] == ESCAPE)
			return false;
	return true;
}

/* Windows puts quotes and dashes where Latin-1 has control characters. */
static uint32_t windows(unsigned char c)
{
	switch (c) {
	case 0x91:
	case 0x92:
		return 0x2019;
	case 0x93:
	case 0x94:
		return '"';
	case 0x96:
	case 0x97:
		return '-';
	case 0x85:
		return 0x2026;
	default:
		return c >= 0x80 && c < 0xa0 ? '?' : c;
	}
}

static size_t from_latin(struct str s, char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += charset_put_utf8(windows((unsigned char)s.p[i]), to + n);
	return n;
}

/* All that cd understands; each byte that it does not is a "?". */
static size_t by_iconv(iconv_t cd, struct str s, char *to, size_t room)
{
	char *in = (char *)(uintptr_t)s.p; /* iconv does not write to it */
	char *out = to;
	size_t left = s.n;

	while (left > 0 && room > 0) {
		if (iconv(cd, &in, &left, &out, &room) != (size_t)-1 ||
		    room == 0 || left == 0)
			break;
		*out++ = '?';
		room--;
		in++;
		left--;
	}
	/* the last letter, where another may still have joined it */
	(void)iconv(cd, NULL, NULL, &out, &room);
	return (size_t)(out - to);
}

int charset_to_utf8(
    struct str charset, struct str text, struct arena *a, struct str *out)
{
	const struct set *set = find_set(str_trim(charset));
	iconv_t cd;
	char *to;

	*out = text;
	if (set == NULL || is_plain(text))
		return 0;
	to = arena_array(a, text.n, GROWTH);
	if (to == NULL)
		return ERR_LIMIT;
	if (set->iconv == NULL) {
		*out = (struct str){to, from_latin(text, to)};
		return 0;
	}
	cd = iconv_open("UTF-8", set->iconv);
	if (cd == (iconv_t)-1)
		return 0; /* a system without it: as it is */
	*out = (struct str){to, by_iconv(cd, text, to, text.n * GROWTH)};
	(void)iconv_close(cd);
	return 0;
}
