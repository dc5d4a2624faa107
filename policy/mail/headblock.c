/* headblock.c - see headblock.h. */
#include "policy/mail/headblock.h"

/* Where the line at `at` ends, its LF included. */
static size_t line_end(struct str s, size_t at)
{
	size_t lf = str_find(s, at, '\n');

	return lf < s.n ? lf + 1 : s.n;
}

/* Length of the name and of name, blanks and colon together; false if the line
 * is no field. */
static bool field_name(struct str line, size_t *name_n, size_t *colon_n)
{
	size_t i = 0;

	while (i < line.n && line.p[i] > ' ' && line.p[i] < 0x7f &&
	       line.p[i] != ':')
		i++;
	*name_n = i;
	while (i < line.n && ascii_is_blank(line.p[i]))
		i++;
	*colon_n = i + 1;
	return *name_n > 0 && i < line.n && line.p[i] == ':';
}

bool headblock_next(struct str block, size_t *at, struct header *out)
{
	size_t name_n, colon_n, end, value_at;

	if (*at >= block.n ||
	    !field_name(str_from(block, *at), &name_n, &colon_n))
		return false;
	end = line_end(block, *at);
	while (end < block.n && ascii_is_blank(block.p[end]))
		end = line_end(block, end);
	value_at = *at + colon_n;
	out->name = str_cut(block, *at, name_n);
	*at = end;
	if (block.p[end - 1] == '\n')
		end--;
	if (end > value_at && block.p[end - 1] == '\r')
		end--;
	out->value = str_cut(block, value_at, end - value_at);
	return true;
}

bool headblock_skip_empty(struct str block, size_t *at)
{
	struct str rest = str_from(block, *at);

	if (str_starts(rest, STR("\n")))
		*at += 1;
	else if (str_starts(rest, STR("\r\n")))
		*at += 2;
	else
		return false;
	return true;
}

bool headblock_seek(
    struct str block, size_t *at, struct header *out, bool *gap_out)
{
	*gap_out = false;
	while (*at < block.n) {
		if (headblock_skip_empty(block, at))
			*gap_out = true;
		else if (headblock_next(block, at, out))
			return true;
		else
			*at = line_end(block, *at);
	}
	return false;
}

size_t headblock_start(struct str message)
{
	size_t at = 0;

	if (str_starts(message, STR("\xef\xbb\xbf")))
		at = 3;
	if (str_starts(str_from(message, at), STR("From ")) ||
	    str_starts(str_from(message, at), STR(">From ")))
		at = line_end(message, at);
	return at;
}

int headblock_parse(struct str message, struct arena *a,
    struct header_list *list_out, size_t *body_at_out)
{
	size_t at = headblock_start(message);
	struct header h;

	while (headblock_next(message, &at, &h)) {
		int rc = header_add(list_out, a, h.name, h.value);
		if (rc != 0)
			return rc;
	}
	(void)headblock_skip_empty(message, &at);
	*body_at_out = at;
	return 0;
}
