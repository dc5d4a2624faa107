/* textfind.c - see textfind.h. Both sides are reduced to a run of letters and
 * digits in UTF-8 - a "skeleton" - and the words' is looked for in the parts'.
 * The head that mime_scan() wants is rebuilt from the Content- fields: those
 * alone decide how the body is read. */
#include "policy/mail/textfind.h"

#include "policy/base/buf.h"
#include "policy/mail/htmlentity.h"
#include "policy/mail/mime.h"

#include <errno.h>

enum {
	ARENA_MAX = 32 << 20,
	HEAD_MAX = 64 << 10,
};

/* --- one character of a skeleton --- */

static void add_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		if (ascii_is_alnum((char)c))
			buf_addc(b, ascii_lower((char)c));
	} else if (c < 0x800) {
		buf_addc(b, (char)(0xc0 | c >> 6));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_addc(b, (char)(0xe0 | c >> 12));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x110000) {
		buf_addc(b, (char)(0xf0 | c >> 18));
		buf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	}
}

/* What stands between words and is not ASCII. */
static bool is_gap(uint32_t c)
{
	return c == 0xa0 || c == 0xad || c == 0xb7 ||
	       (c >= 0x2000 && c <= 0x206f) || c == 0xfeff;
}

static void add_char(struct buf *b, uint32_t c)
{
	if (!is_gap(c))
		add_utf8(b, c);
}

/* --- charsets --- */

static bool is_latin(struct str charset)
{
	return str_ieq(charset, STR("iso-8859-1")) ||
	       str_ieq(charset, STR("iso-8859-15")) ||
	       str_ieq(charset, STR("windows-1252"));
}

/* The length of the UTF-8 sequence at s, 0 when there is none. */
static size_t utf8_at(struct str s, uint32_t *c)
{
	unsigned char first = (unsigned char)s.p[0];
	size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

	if (first < 0xc2 || first > 0xf4 || s.n < n)
		return 0;
	*c = first & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | ((unsigned char)s.p[i] & 0x3f);
	}
	return n;
}

/* One character off s; its length. */
static size_t add_one(struct buf *b, struct str s, bool latin)
{
	unsigned char first = (unsigned char)s.p[0];
	uint32_t c = first;
	size_t n = first < 0x80 || latin ? 1 : utf8_at(s, &c);

	if (n > 0)
		add_char(b, c);
	return n > 0 ? n : 1;
}

static void add_text(struct buf *b, struct str s, bool latin)
{
	for (size_t at = 0; at < s.n;)
		at += add_one(b, str_from(s, at), latin);
}

/* --- HTML --- */

static size_t add_entity(struct buf *b, struct str s)
{
	uint32_t c;
	size_t n = htmlentity_read(s, &c);

	if (n > 0)
		add_char(b, c);
	return n;
}

/* Where what begins with `open` at the head of s ends: behind `close`. */
static size_t skip_to(struct str s, struct str close)
{
	for (size_t at = 0; at + close.n <= s.n; at++)
		if (str_ieq(str_cut(s, at, close.n), close))
			return at + close.n;
	return s.n;
}

static size_t skip_tag(struct str s)
{
	if (str_starts(s, STR("<!--")))
		return skip_to(s, STR("-->"));
	if (str_istarts(s, STR("<style")))
		return skip_to(s, STR("</style"));
	if (str_istarts(s, STR("<script")))
		return skip_to(s, STR("</script"));
	return skip_to(s, STR(">"));
}

static void add_html(struct buf *b, struct str s, bool latin)
{
	for (size_t at = 0; at < s.n;) {
		struct str rest = str_from(s, at);
		size_t n = 0;

		if (rest.p[0] == '<')
			n = skip_tag(rest);
		else if (rest.p[0] == '&')
			n = add_entity(b, rest);
		at += n > 0 ? n : add_one(b, rest, latin);
	}
}

/* --- parts --- */

static bool contains(struct str text, struct str words)
{
	return words.n > 0 && str_contains(text, words);
}

static bool is_shown(const struct mime_part *p)
{
	return p->kind == MIME_LEAF &&
	       !str_ieq(p->disposition, STR("attachment")) &&
	       (mime_is(p, "text", "html") || mime_is(p, "text", "plain"));
}

static int in_part(const struct mime_part *p, struct str words, struct arena *a,
    bool *found_out)
{
	struct str text;
	struct buf b;
	int rc;

	rc = is_shown(p) ? mime_body(p, TEXTFIND_MAX, a, &text) : ERR_SYNTAX;
	if (rc != 0)
		return rc == ERR_SYNTAX ? 0 : -ENOMEM;
	buf_init(&b, 2 * TEXTFIND_MAX);
	if (mime_is(p, "text", "html"))
		add_html(&b, text, is_latin(p->charset));
	else
		add_text(&b, text, is_latin(p->charset));
	rc = buf_error(&b);
	*found_out = rc == 0 && contains(buf_str(&b), words);
	buf_fini(&b);
	return rc == -ENOMEM ? rc : 0;
}

/* The arena has room for all that the message's bounds allow: what it refuses
 * is for want of memory. */
static int in_parts(struct str message, struct str words, bool *found_out)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct mime mime = {0};
	int rc = -ENOMEM;

	if (a != NULL)
		rc = mime_scan(message, a, &mime) == 0 ? 0 : -ENOMEM;
	for (size_t i = 0; rc == 0 && !*found_out && i < mime.n; i++)
		rc = in_part(&mime.part[i], words, a, found_out);
	arena_free(&a);
	return rc;
}

static void add_message(
    struct buf *b, const struct header_list *headers, struct str body)
{
	for (size_t i = 0; i < headers->n; i++) {
		const struct header *h = &headers->v[i];

		if (!str_istarts(h->name, STR("Content-")) ||
		    h->value.n > HEAD_MAX)
			continue;
		buf_add(b, h->name);
		buf_addc(b, ':');
		buf_add(b, h->value);
		buf_addz(b, "\r\n");
	}
	buf_addz(b, "\r\n");
	buf_add(b, str_cut(body, 0, TEXTFIND_MAX));
}

int textfind_in_message(const struct header_list *headers, struct str body,
    struct str words, bool *found_out)
{
	struct buf message, skeleton;
	int rc;

	*found_out = false;
	buf_init(&message, TEXTFIND_MAX + 4 * HEAD_MAX);
	buf_init(&skeleton, HEAD_MAX);
	add_message(&message, headers, body);
	add_text(&skeleton, words, false);
	rc = buf_error(&message);
	if (rc == 0)
		rc = buf_error(&skeleton);
	if (rc == 0)
		rc = in_parts(buf_str(&message), buf_str(&skeleton), found_out);
	buf_fini(&skeleton);
	buf_fini(&message);
	return rc == ERR_LIMIT ? 0 : rc;
}
