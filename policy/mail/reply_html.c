/* reply_html.c - see reply_html.h. */
#include "policy/mail/reply_html.h"

#include "policy/mail/htmltext.h"

enum {
	TAG_LOOK = 300,
};

static bool is_tag(struct str tag, const char *name)
{
	struct str n = str_of(name);

	return str_istarts(tag, n) &&
	       (tag.n == n.n || !ascii_is_alnum(tag.p[n.n]));
}

/* What mail programs put round what they quote. */
static bool is_quote(struct str tag)
{
	static const char *const marks[] = {"gmail_quote", "gmail_attr",
	    "divRplyFwdMsg", "appendonsend", "mail-editor-reference-message",
	    "yahoo_quoted", "moz-cite-prefix", "OLK_SRC_BODY_SECTION",
	    "border-top:solid #E1E1E1", "border-top:solid #B5C4DF"};

	if (is_tag(tag, "blockquote"))
		return true;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (str_icontains(tag, str_of(marks[i])))
			return true;
	return false;
}

/* "a < b" is no tag. */
static bool is_markup(struct str s)
{
	return s.n > 0 && (ascii_is_alnum(s.p[0]) || s.p[0] == '/');
}

/* Where the first quote begins; the end, where there is none. */
static size_t find_quote(struct str html)
{
	size_t at = 0;

	while ((at = str_find(html, at, '<')) < html.n) {
		size_t end;

		if (!is_markup(str_from(html, ++at)))
			continue;
		end = str_find(html, at, '>');
		if (is_quote(str_cut(
			html, at, end - at < TAG_LOOK ? end - at : TAG_LOOK)))
			return at - 1;
		at = end;
	}
	return html.n;
}

int reply_html(struct str html, struct arena *a, struct str *out)
{
	return htmltext_read(str_cut(html, 0, find_quote(html)), a, out);
}
