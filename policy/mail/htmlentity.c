/* htmlentity.c - see htmlentity.h. */
#include "policy/mail/htmlentity.h"

enum {
	ENTITY_MAX = 10,
};

static const struct entity {
	struct str name;
	uint32_t c;
} entities[] = {
    {{"nbsp", 4}, 0xa0},
    {{"amp", 3}, '&'},
    {{"auml", 4}, 0xe4},
    {{"ouml", 4}, 0xf6},
    {{"uuml", 4}, 0xfc},
    {{"Auml", 4}, 0xc4},
    {{"Ouml", 4}, 0xd6},
    {{"Uuml", 4}, 0xdc},
    {{"szlig", 5}, 0xdf},
    {{"eacute", 6}, 0xe9},
    {{"egrave", 6}, 0xe8},
    {{"agrave", 6}, 0xe0},
    {{"aacute", 6}, 0xe1},
    {{"ccedil", 6}, 0xe7},
    {{"ntilde", 6}, 0xf1},
    {{"oacute", 6}, 0xf3},
    {{"iacute", 6}, 0xed},
    {{"uacute", 6}, 0xfa},
    {{"aring", 5}, 0xe5},
    {{"oslash", 6}, 0xf8},
    {{"aelig", 5}, 0xe6},
    {{"lt", 2}, '<'},
    {{"gt", 2}, '>'},
    {{"quot", 4}, '"'},
    {{"apos", 4}, '\''},
    {{"rsquo", 5}, 0x2019},
};

/* "#228" or "#xe4" */
static bool number_of(struct str name, uint32_t *c)
{
	bool hex = name.n > 1 && ascii_lower(name.p[1]) == 'x';
	struct str digits = str_from(name, hex ? 2 : 1);

	*c = 0;
	for (size_t i = 0; i < digits.n; i++) {
		char d = ascii_lower(digits.p[i]);

		if (ascii_is_digit(d))
			*c = *c * (hex ? 16 : 10) + (uint32_t)(d - '0');
		else if (hex && d >= 'a' && d <= 'f')
			*c = *c * 16 + (uint32_t)(d - 'a') + 10;
		else
			return false;
	}
	return digits.n > 0 && *c < 0x110000;
}

size_t htmlentity_read(struct str s, uint32_t *c_out)
{
	struct str name;

	if (!str_starts(s, STR("&")))
		return 0;
	name = str_cut(s, 1, ENTITY_MAX);
	if (str_find(name, 0, ';') == name.n)
		return 0;
	name.n = str_find(name, 0, ';');
	if (name.n > 1 && name.p[0] == '#' && number_of(name, c_out))
		return name.n + 2;
	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
		if (str_eq(entities[i].name, name)) {
			*c_out = entities[i].c;
			return name.n + 2;
		}
	return 0;
}
