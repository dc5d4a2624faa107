/* reply_html.c - see reply_html.h. A quote's end is where as many elements of its
 * name have ended as had begun: other elements may overlap as they like, which is
 * how browsers take it too. What never ends reaches to the end of the mail. */
#include "policy/mail/reply_html.h"

#include "policy/base/buf.h"
#include "policy/mail/htmltext.h"

enum {
	TAG_LOOK = 1000,
	NAME_LOOK = 16,
	HOLDERS_MAX = 32, /* each may be read to its end before it is entered */
};

struct tag {
	size_t from, end; /* with its angle brackets */
	struct str in;    /* between them, of TAG_LOOK bytes */
	struct str name;
	bool closes;
};

/* --- tags --- */

static size_t skip_to(struct str s, size_t at, struct str close)
{
	for (; at + close.n <= s.n; at++)
		if (str_ieq(str_cut(s, at, close.n), close))
			return at;
	return s.n;
}

static void read_name(struct tag *t)
{
	size_t n = 0;

	t->closes = str_starts(t->in, STR("/"));
	t->name = str_cut(t->in, t->closes, NAME_LOOK);
	while (n < t->name.n && ascii_is_alnum(t->name.p[n]))
		n++;
	t->name.n = n;
}

/* What stands in these is no markup. */
static size_t skip_raw(struct str html, size_t at, const struct tag *t)
{
	if (t->closes)
		return at;
	if (str_ieq(t->name, STR("style")))
		return skip_to(html, at, STR("</style"));
	if (str_ieq(t->name, STR("script")))
		return skip_to(html, at, STR("</script"));
	if (str_ieq(t->name, STR("title")))
		return skip_to(html, at, STR("</title"));
	return at;
}

/* "a < b" is no tag. */
static bool is_markup(struct str s)
{
	return s.n > 0 && (ascii_is_alnum(s.p[0]) || s.p[0] == '/');
}

static bool next_tag(struct str html, size_t *at, struct tag *out)
{
	while ((*at = str_find(html, *at, '<')) < html.n) {
		size_t from = *at, close;

		if (str_starts(str_from(html, from), STR("<!--"))) {
			*at = skip_to(html, from, STR("-->"));
			continue;
		}
		++*at;
		if (!is_markup(str_from(html, *at)))
			continue;
		close = str_find(html, *at, '>');
		*out = (struct tag){.from = from,
		    .end = close < html.n ? close + 1 : html.n,
		    .in = str_cut(html, from + 1, close - from - 1)};
		out->in = str_cut(out->in, 0, TAG_LOOK);
		read_name(out);
		*at = skip_raw(html, out->end, out);
		return true;
	}
	return false;
}

/* Behind the end of that element. */
static size_t end_of(struct str html, const struct tag *open)
{
	size_t at = open->end, depth = 1;
	struct tag t;

	while (next_tag(html, &at, &t)) {
		if (!str_ieq(t.name, open->name))
			continue;
		if (!t.closes)
			depth++;
		else if (--depth == 0)
			return t.end;
	}
	return html.n;
}

/* --- quotes --- */

enum quote {
	QUOTE_NONE,
	QUOTE_ELEMENT, /* it ends with its element */
	/* so does it, unless it has a <blockquote>: then that is the quote, and
	 * Gmail puts what is written below it in the same element */
	QUOTE_HOLDER,
	QUOTE_REST, /* all from here on */
};

/* Gmail and Apple Mail indent with it. */
static bool is_indent(struct str tag)
{
	return str_icontains(tag, STR("40px")) &&
	       (str_icontains(tag, STR("border:none")) ||
		   str_icontains(tag, STR("border: none"))) &&
	       !str_icontains(tag, STR("cite")) &&
	       !str_icontains(tag, STR("_quote"));
}

static enum quote quote_of(const struct tag *t)
{
	static const struct {
		enum quote quote;
		const char *mark;
	} marks[] = {{QUOTE_REST, "divRplyFwdMsg"},
	    {QUOTE_REST, "appendonsend"}, {QUOTE_REST, "stopSpelling"},
	    {QUOTE_REST, "OutlookMessageHeader"},
	    {QUOTE_REST, "border-top:solid #E1E1E1"},
	    {QUOTE_REST, "border-top:solid #B5C4DF"},
	    {QUOTE_ELEMENT, "gmail_attr"}, {QUOTE_ELEMENT, "yahoo_quoted"},
	    {QUOTE_ELEMENT, "moz-cite-prefix"},
	    {QUOTE_ELEMENT, "moz-forward-container"},
	    {QUOTE_ELEMENT, "OLK_SRC_BODY_SECTION"},
	    {QUOTE_ELEMENT, "mail-editor-reference-message"},
	    {QUOTE_ELEMENT, "border-left:solid blue"},
	    {QUOTE_ELEMENT, "name=\"quote\""}, {QUOTE_ELEMENT, "reply-intro"},
	    {QUOTE_ELEMENT, "messageReplySection"},
	    {QUOTE_ELEMENT, "isForwardContent"}, {QUOTE_HOLDER, "gmail_quote"},
	    {QUOTE_HOLDER, "protonmail_quote"}, {QUOTE_HOLDER, "zmail_extra"}};

	if (t->closes)
		return QUOTE_NONE;
	if (str_ieq(t->name, STR("blockquote")))
		return is_indent(t->in) ? QUOTE_NONE : QUOTE_ELEMENT;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (str_icontains(t->in, str_of(marks[i].mark)))
			return marks[i].quote;
	return QUOTE_NONE;
}

static bool has_blockquote(struct str html, size_t from, size_t end)
{
	struct tag t;

	while (next_tag(html, &from, &t) && t.from < end)
		if (str_ieq(t.name, STR("blockquote")) && !t.closes)
			return true;
	return false;
}

/* Where the quote that begins with that tag ends; its beginning: it is none. */
static size_t quote_end(struct str html, const struct tag *t, int *holders)
{
	size_t end;

	switch (quote_of(t)) {
	case QUOTE_NONE:
		break;
	case QUOTE_ELEMENT:
		return end_of(html, t);
	case QUOTE_HOLDER:
		end = end_of(html, t);
		if (++*holders > HOLDERS_MAX ||
		    !has_blockquote(html, t->end, end))
			return end;
		break;
	case QUOTE_REST:
		return html.n;
	}
	return t->from;
}

/* The mark is a paragraph of its own: what follows is no rest of a line. */
static void cut(struct str html, struct buf *b)
{
	size_t at = 0, from = 0;
	int holders = 0;
	struct tag t;

	while (next_tag(html, &at, &t)) {
		size_t end = quote_end(html, &t, &holders);

		if (end == t.from)
			continue;
		buf_add(b, str_cut(html, from, t.from - from));
		buf_addz(b, "<br>&gt;<br><br>");
		at = from = end;
	}
	buf_add(b, str_from(html, from));
}

int reply_html(struct str html, struct arena *a, struct str *out)
{
	struct buf b;
	int rc;

	/* a quote's tag and its end are longer than its mark */
	buf_init(&b, 2 * html.n + TAG_LOOK);
	cut(html, &b);
	rc = buf_error(&b);
	if (rc == 0)
		rc = htmltext_read(buf_str(&b), a, out);
	buf_fini(&b);
	return rc;
}
