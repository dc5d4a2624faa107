/* page.c - see page.h. Colours keep a contrast of 7:1 (WCAG 2.1, AAA) in both
 * schemes. */
#include "agent/web/page.h"

#include "policy/conf/policy.h"

enum {
	TEXT_MAX = 4 * POLICY_TITLE_MAX /* bytes */
};

static const char style[] =
    ":root{color-scheme:light dark;--back:#f4f5f7;--card:#fff;--text:#1b2330;"
    "--soft:#4a5463;--line:#c9d0d9;--blue:#0b4aa8}"
    "@media(prefers-color-scheme:dark){:root{--back:#12161c;--card:#1c222b;"
    "--text:#eef1f5;--soft:#b9c2ce;--line:#3b4552;--blue:#9cc4ff}}"
    "*{box-sizing:border-box}"
    "body{margin:0;padding:1rem;min-height:100vh;display:grid;"
    "place-items:center;background:var(--back);color:var(--text);"
    "font:1.0625rem/1.55 system-ui,-apple-system,\"Segoe UI\",sans-serif}"
    "main{width:100%;max-width:30rem;padding:2rem 1.75rem;"
    "background:var(--card);border:1px solid var(--line);border-radius:.75rem}"
    "h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}"
    "p{margin:0 0 1.25rem;overflow-wrap:anywhere}"
    "form{margin:0 0 .75rem}"
    "button{width:100%;min-height:3rem;padding:.7rem 1rem;font:inherit;"
    "font-weight:600;border-radius:.5rem;border:2px solid var(--blue);"
    "background:var(--blue);color:var(--card);cursor:pointer;"
    "overflow-wrap:anywhere}"
    "button.second{background:transparent;color:var(--blue)}"
    "button:hover{filter:brightness(1.15)}"
    "button:focus-visible{outline:3px solid var(--text);outline-offset:3px}"
    "main>:last-child{margin-bottom:0}"
    "p.small{margin:1.25rem 0 0;color:var(--soft);font-size:.9375rem}";

void page_begin(
    struct server_reply *rp, const struct words *w, const char *title)
{
	rp->status = 200;
	rp->content_type = "text/html; charset=utf-8";
	buf_reset(&rp->body);
	buf_printf(&rp->body,
	    "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">"
	    "<meta name=\"viewport\" "
	    "content=\"width=device-width,initial-scale=1\">"
	    "<meta name=\"color-scheme\" content=\"light dark\">"
	    "<meta name=\"robots\" content=\"noindex\">"
	    "<title>%s</title><style>%s</style></head>\n<body><main>\n"
	    "<h1>%s</h1>\n",
	    w->lang, title, style, title);
}

void page_end(struct server_reply *rp)
{
	buf_addz(&rp->body, "</main></body></html>\n");
}

static void add_text(struct server_reply *rp, struct str text)
{
	static const struct {
		char c;
		const char *html;
	} special[] = {{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"},
	    {'"', "&quot;"}, {'\'', "&#39;"}};

	for (size_t i = 0; i < text.n && i < TEXT_MAX; i++) {
		const char *html = NULL;

		for (size_t k = 0; k < sizeof(special) / sizeof(special[0]);
		     k++)
			if (text.p[i] == special[k].c)
				html = special[k].html;
		if (html != NULL)
			buf_addz(&rp->body, html);
		else if ((unsigned char)text.p[i] >= ' ')
			buf_addc(&rp->body, text.p[i]);
	}
}

void page_say(struct server_reply *rp, const char *words)
{
	buf_printf(&rp->body, "<p>%s</p>\n", words);
}

void page_say_about(
    struct server_reply *rp, const struct words_about *words, struct str about)
{
	buf_printf(&rp->body, "<p>%s<strong>", words->before);
	add_text(rp, about);
	buf_printf(&rp->body, "</strong>%s</p>\n", words->after);
}

void page_say_small(struct server_reply *rp, const char *words)
{
	buf_printf(&rp->body, "<p class=\"small\">%s</p>\n", words);
}

static void open_form(struct server_reply *rp, const struct page_field *field)
{
	buf_printf(&rp->body,
	    "<form method=\"post\"><input type=\"hidden\" name=\"%s\" "
	    "value=\"%s\">",
	    field->name, field->value);
}

void page_button(struct server_reply *rp, const struct page_field *field,
    const struct words_about *label, struct str about)
{
	open_form(rp, field);
	buf_printf(&rp->body, "<button>%s", label->before);
	add_text(rp, about);
	buf_printf(&rp->body, "%s</button></form>\n", label->after);
}

void page_button_second(
    struct server_reply *rp, const struct page_field *field, const char *label)
{
	open_form(rp, field);
	buf_printf(
	    &rp->body, "<button class=\"second\">%s</button></form>\n", label);
}

void page_not_found(struct server_reply *rp, const struct words *w)
{
	page_begin(rp, w, w->missing);
	page_say(rp, w->bad_link);
	page_end(rp);
	rp->status = 404;
}
