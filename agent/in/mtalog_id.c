/* mtalog_id.c - see mtalog_id.h. */
#include "agent/in/mtalog_id.h"

#include <string.h>

enum {
	SHORT_ID = 6, /* 5 digits of microseconds, then the inode */
	LONG_ID = 12, /* 6 of seconds, 4 of microseconds, 'z', the inode */
	LONG_ID_Z = 10,
	SENDMAIL_ID = 8, /* "MAA12345" */
	SENDMAIL_PID = 5 /* digits at the end, at least */
};

bool mtalog_take(struct str *s, struct str prefix)
{
	if (s->n < prefix.n || memcmp(s->p, prefix.p, prefix.n) != 0)
		return false;
	s->p += prefix.n;
	s->n -= prefix.n;
	return true;
}

bool mtalog_id_is_any(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0 && s.n <= MTALOG_ID_MAX;
}

/* Long ids are base 52 without vowels, short ones upper case hex. */
static bool is_postfix_char(char c)
{
	return ascii_is_alnum(c) && strchr("eiouEIOUa", c) == NULL;
}

size_t mtalog_id_postfix(struct str s)
{
	size_t n = 0, hex = 0;

	while (n < s.n && n <= MTALOG_ID_MAX) {
		char c = s.p[n];
		if (ascii_is_digit(c) || (c >= 'A' && c <= 'F'))
			hex++;
		else if (!is_postfix_char(c))
			break;
		n++;
	}
	if (n > MTALOG_ID_MAX)
		return 0;
	if (n >= LONG_ID && s.p[LONG_ID_Z] == 'z')
		return n;
	return n >= SHORT_ID && hex == n ? n : 0;
}

/* Base 60 ends with 'x'. */
size_t mtalog_id_sendmail(struct str s)
{
	size_t n = 0, digits = 0;

	for (; n < s.n && n <= MTALOG_ID_MAX; n++) {
		char c = s.p[n];
		if (!ascii_is_alnum(c) || c > 'x')
			break;
		digits = ascii_is_digit(c) ? digits + 1 : 0;
	}
	return n >= SENDMAIL_ID && n <= MTALOG_ID_MAX && digits >= SENDMAIL_PID
		   ? n
		   : 0;
}

bool mtalog_id_is_old(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (i < SENDMAIL_ID - SENDMAIL_PID
			? id.p[i] < 'A' || id.p[i] > 'Z'
			: !ascii_is_digit(id.p[i]))
			return false;
	return id.n >= SENDMAIL_ID;
}

bool mtalog_id_take(
    struct str *s, size_t (*length)(struct str), struct str *id_out)
{
	size_t n = length(*s);

	if (n == 0 || n + 2 > s->n || s->p[n] != ':' || s->p[n + 1] != ' ')
		return false;
	*id_out = str_cut(*s, 0, n);
	*s = str_from(*s, n + 2);
	return true;
}

static struct str postfix_answer(struct str text)
{
	static const struct str mark = STR("queued as ");
	const char *hit = NULL;

	for (struct str s = text;;) {
		const char *p =
		    s.n > 0 ? memmem(s.p, s.n, mark.p, mark.n) : NULL;
		if (p == NULL)
			break;
		hit = p + mark.n;
		s = str_from(text, (size_t)(hit - text.p));
	}
	if (hit == NULL)
		return STR_NULL;
	text = str_from(text, (size_t)(hit - text.p));
	text.n = str_find(text, 0, ' ');
	text.n = str_find(text, 0, ')');
	return text.n > 0 && mtalog_id_postfix(text) == text.n ? text
							       : STR_NULL;
}

static struct str sendmail_answer(struct str text)
{
	static const struct str end = STR(" Message accepted for delivery");
	size_t at;

	if (!str_ends(text, end))
		return STR_NULL;
	text.n -= end.n;
	at = str_rfind(text, ' ');
	if (at < text.n)
		text = str_from(text, at + 1);
	return text.n > 0 && mtalog_id_sendmail(text) == text.n ? text
								: STR_NULL;
}

struct str mtalog_queued_as(struct str text)
{
	struct str id = postfix_answer(text);

	return id.n > 0 ? id : sendmail_answer(text);
}
