/* htmltext.c - see htmltext.h. Nothing that is written is longer than what was
 * read for it, so the output needs no checks: a tag is three bytes or more and
 * gives one, a reference is longer than its character. */
#include "policy/mail/htmltext.h"

#include "policy/mail/charset.h"
#include "policy/mail/htmlentity.h"

#include <string.h>

enum {
	NAME_MAX_TAG = 16
};

struct writer {
	char *to;
	size_t n;
};

static void put_blank(struct writer *w)
{
	if (w->n > 0 && w->to[w->n - 1] != ' ' && w->to[w->n - 1] != '\n')
		w->to[w->n++] = ' ';
}

static void put_newline(struct writer *w)
{
	if (w->n > 0 && w->to[w->n - 1] == ' ')
		w->n--;
	w->to[w->n++] = '\n';
}

/* Where what ends with `close` ends. */
static size_t skip_to(struct str s, struct str close)
{
	for (size_t at = 0; at + close.n <= s.n; at++)
		if (str_ieq(str_cut(s, at, close.n), close))
			return at + close.n;
	return s.n;
}

/* "p" of "<p class=x>" and of "</p>". */
static struct str tag_name(struct str s)
{
	size_t from = s.n > 1 && s.p[1] == '/' ? 2 : 1, n = 0;

	while (
	    from + n < s.n && n < NAME_MAX_TAG && ascii_is_alnum(s.p[from + n]))
		n++;
	return str_cut(s, from, n);
}

static bool is_one_of(struct str name, const struct str *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(name, v[i]))
			return true;
	return false;
}

static bool is_block(struct str name)
{
	static const struct str blocks[] = {STR("br"), STR("p"), STR("div"),
	    STR("tr"), STR("li"), STR("table"), STR("ul"), STR("ol"), STR("hr"),
	    STR("h1"), STR("h2"), STR("h3"), STR("h4"), STR("h5"), STR("h6"),
	    STR("pre"), STR("blockquote"), STR("dt"), STR("dd"), STR("body")};

	return is_one_of(name, blocks, sizeof(blocks) / sizeof(*blocks));
}

/* The length of the tag at s, with all that is not shown of it. */
static size_t read_tag(struct str s, struct writer *w)
{
	static const struct str cells[] = {STR("td"), STR("th")};
	struct str name = tag_name(s);

	if (str_starts(s, STR("<!--")))
		return skip_to(s, STR("-->"));
	if (str_istarts(s, STR("<style")))
		return skip_to(s, STR("</style"));
	if (str_istarts(s, STR("<script")))
		return skip_to(s, STR("</script"));
	if (str_istarts(s, STR("<title")))
		return skip_to(s, STR("</title"));
	if (is_block(name))
		put_newline(w);
	else if (is_one_of(name, cells, sizeof(cells) / sizeof(*cells)))
		put_blank(w);
	return skip_to(s, STR(">"));
}

/* A "<" that begins no tag is text: "a < b", "<user@example.com>". */
static bool is_tag(struct str s)
{
	size_t at = s.n > 1 && s.p[1] == '/' ? 2 : 1;
	char c = at < s.n ? ascii_lower(s.p[at]) : ' ';
	struct str name = tag_name(s);

	if (c == '!' || c == '?')
		return true;
	at += name.n;
	return c >= 'a' && c <= 'z' &&
	       (at >= s.n || memchr("@.-_+", s.p[at], 5) == NULL);
}

/* One piece of text; its length. */
static size_t read_text(struct str s, struct writer *w)
{
	uint32_t c = 0;
	size_t n = htmlentity_read(s, &c);

	if (n == 0) {
		if (s.p[0] == '\n' || s.p[0] == '\r' || ascii_is_blank(s.p[0]))
			put_blank(w);
		else
			w->to[w->n++] = s.p[0];
		return 1;
	}
	if (c == 0xa0 || c == ' ')
		put_blank(w);
	else
		w->n += charset_put_utf8(c, w->to + w->n);
	return n;
}

int htmltext_read(struct str page, struct arena *a, struct str *out)
{
	struct writer w = {.to = arena_alloc(a, page.n + 1)};

	if (w.to == NULL)
		return ERR_LIMIT;
	for (size_t at = 0; at < page.n;) {
		struct str rest = str_from(page, at);
		at += rest.p[0] == '<' && is_tag(rest) ? read_tag(rest, &w)
						       : read_text(rest, &w);
	}
	*out = (struct str){w.to, w.n};
	return 0;
}
