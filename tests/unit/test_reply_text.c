/* test_reply_text.c - what of an answer its writer wrote: our own newsletter, which
 * says how to unsubscribe, quoted as mail programs quote it, and above, between and
 * below it words that ask for no more mail or for more. */
#include "tests/unit/tap.h"

#include "policy/mail/reply.h"
#include "policy/mail/reply_text.h"

#include <stdio.h>
#include <string.h>

static struct reply_rules *rules;
static struct bounce_rules *bounces;
static struct arena *arena;

struct sample {
	const char *client, *body;
	bool wants;
};
#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

static const char *kind_of(const char *type, const char *body)
{
	const char *mail = arena_printf(arena,
	    "From: Ada Lovelace <ada.lovelace@north.example>\n"
	    "Subject: Re: News\nMIME-Version: 1.0\n"
	    "Content-Type: %s; charset=utf-8\n\n%s\n",
	    type, body);
	struct report report;
	struct reply_in in = {&report, str_of(mail), false};
	struct reply r;

	if (report_classify(bounces, str_of(mail), arena, &report) != 0 ||
	    reply_read(rules, &in, arena, &r) != 0)
		return "(none)";
	return reply_kind_name(r.kind);
}

static void check(const char *type, const struct sample *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		IS_STR(kind_of(type, v[i].body),
		    v[i].wants ? "opt_out" : "human", "%s %zu: %s", type, i,
		    v[i].client);
		arena_reset(arena);
	}
}

/* --- HTML --- */

#define PAGE                                                                   \
	"<table><tr><td><h1>Spring news</h1><p>Our offers.</p>"                \
	"<a href='https://ours.example/u'>Unsubscribe</a></td></tr></table>"
#define WISH "<p>Please unsubscribe me.</p>"
#define FINE "<p>Sounds good, call me.</p>"

#define MOZ                                                                    \
	"<div class=\"moz-cite-prefix\">On 03.05.26 10:11, News wrote:<br>"    \
	"</div><blockquote type=\"cite\" cite=\"mid:1@ours.example\">" PAGE    \
	"<blockquote type=\"cite\">older</blockquote></blockquote>"
#define GMAIL_OPEN                                                             \
	"<div class=\"gmail_quote gmail_quote_container\"><div dir=\"ltr\" "   \
	"class=\"gmail_attr\">On Sun, May 3, 2026 at 10:11 AM News wrote:"     \
	"<br></div><blockquote class=\"gmail_quote\">" PAGE "</blockquote>"
#define APPLE                                                                  \
	"<div><br><blockquote type=\"cite\"><div>On 3 May 2026, at 10:11, "    \
	"News &lt;news@ours.example&gt; wrote:</div>" PAGE                     \
	"</blockquote></div>"
#define YAHOO                                                                  \
	"<div id=\"ydp1yahoo_quoted_2\" class=\"ydp1yahoo_quoted\"><div>On "   \
	"Sunday, May 3, News wrote:</div><div>" PAGE "</div></div>"
#define OWA                                                                    \
	"<div id=\"appendonsend\"></div><hr><div id=\"divRplyFwdMsg\"><b>"     \
	"From:</b> News<br><b>Sent:</b> Sunday</div><div>" PAGE "</div>"
#define OUTLOOK                                                                \
	"<div><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p><b>"  \
	"From:</b> News<br><b>Sent:</b> Sunday</p></div></div>" PAGE
#define ZOHO                                                                   \
	"<div class=\"zmail_extra\"><div>---- On Sun, 03 May 2026 10:11:12 "   \
	"+0000 <b>News &lt;news@ours.example&gt;</b> wrote ---</div>"          \
	"<blockquote>" PAGE "</blockquote></div>"
#define GMX                                                                    \
	"<div name=\"quote\"><div><b>Gesendet:</b>&nbsp;Montag<br><b>Von:"     \
	"</b>&nbsp;News</div>" PAGE "</div>"
#define INTRO_ONLY                                                             \
	"<div>On Sun, 3 May 2026 at 10:11, News &lt;news@ours.example&gt; "    \
	"wrote:</div><blockquote>" PAGE "</blockquote>"

static void test_html(void)
{
	static const struct sample v[] = {
	    {"Thunderbird above", WISH MOZ, true},
	    {"Thunderbird below", MOZ WISH, true},
	    {"Thunderbird between", MOZ WISH MOZ, true},
	    {"Gmail above", WISH GMAIL_OPEN "</div>", true},
	    {"Gmail below", GMAIL_OPEN "</div>" WISH, true},
	    {"Gmail below, in its own element", GMAIL_OPEN WISH "</div>", true},
	    {"Gmail between",
		GMAIL_OPEN WISH
		"<blockquote class=\"gmail_quote\">x</blockquote></div>",
		true},
	    {"Apple above", WISH APPLE, true},
	    {"Apple below", APPLE WISH, true},
	    {"Yahoo above", WISH YAHOO, true},
	    {"Yahoo below", YAHOO WISH, true},
	    {"OWA above", WISH OWA, true},
	    {"Outlook above", WISH OUTLOOK, true},
	    {"Zoho above", WISH ZOHO, true},
	    {"Zoho below", ZOHO WISH, true},
	    {"GMX below", GMX WISH, true},
	    {"words above a plain blockquote below", INTRO_ONLY WISH, true},
	    {"a comment quotes nothing",
		"<!-- <blockquote> -->" WISH "<!-- </blockquote> -->", true},
	    {"nor does a style", "<style>a<blockquote>b</style>" WISH, true},
	    {"an indent is no quote",
		"<blockquote style=\"margin: 0 0 0 40px; border: none;\">" WISH
		"</blockquote>",
		true},
	    {"the quote of an Outlook mail",
		"<blockquote type=cite>" OUTLOOK "</blockquote>" WISH, true},

	    {"Thunderbird above", FINE MOZ, false},
	    {"Thunderbird below", MOZ FINE, false},
	    {"Thunderbird between", MOZ FINE MOZ, false},
	    {"Gmail above", FINE GMAIL_OPEN "</div>", false},
	    {"Gmail below", GMAIL_OPEN FINE "</div>", false},
	    {"Gmail, a page that is no quote",
		FINE "<div class=\"gmail_quote\">" PAGE "</div>", false},
	    {"Apple above", FINE APPLE, false},
	    {"Apple below", APPLE FINE, false},
	    {"Yahoo above", FINE YAHOO, false},
	    {"Yahoo below", YAHOO FINE, false},
	    {"OWA above", FINE OWA, false},
	    {"Outlook above", FINE OUTLOOK, false},
	    {"Zoho above", FINE ZOHO, false},
	    {"GMX above", FINE GMX, false},
	    {"words above a plain blockquote", FINE INTRO_ONLY, false},
	    {"a quote that never ends",
		FINE "<blockquote type=cite><blockquote></blockquote>" PAGE,
		false},
	    {"an end that never began", FINE "</blockquote></div>" MOZ, false},
	};

	check("text/html", v, COUNT(v));
}

static void test_parts(void)
{
	static const char *const form =
	    "--b\nContent-Type: text/plain; charset=utf-8\n\n%s\n"
	    "--b\nContent-Type: text/html; charset=utf-8\n\n%s\n--b--";
	static const struct {
		const char *plain, *html;
		bool wants;
	} v[] = {
	    {"Please unsubscribe me", FINE, true},
	    {"Sounds good", WISH, false}, /* one is as good as the other */
	    {"\n", WISH, true},
	    {"\n", FINE MOZ, false},
	    {"> Unsubscribe\n", MOZ WISH, true},
	};

	for (size_t i = 0; i < COUNT(v); i++) {
		const char *body =
		    arena_printf(arena, form, v[i].plain, v[i].html);

		IS_STR(kind_of("multipart/alternative; boundary=b", body),
		    v[i].wants ? "opt_out" : "human", "parts %zu", i);
		arena_reset(arena);
	}
}

/* Whatever is nested or never ends costs no more than its length. */
static void test_bounds(void)
{
	static const char *const units[] = {"<blockquote>",
	    "<div "
	    "class=gmail_quote>",
	    "<div class=gmail_quote></div>", "<!--", "<style>",
	    "<blockquote></blockquote>", "</div>", "<b"};

	for (size_t i = 0; i < COUNT(units); i++) {
		char *page = arena_alloc(arena, REPLY_RAW_MAX + 64);
		size_t n = 0;

		if (!OK(page != NULL, "memory"))
			return;
		while (n < REPLY_RAW_MAX)
			n += (size_t)snprintf(page + n, 64, "%s", units[i]);
		OK(kind_of("text/html", page)[0] != '(', "unit %zu", i);
		arena_reset(arena);
	}
}

int main(void)
{
	arena = arena_new(16 << 20);
	if (arena == NULL || reply_rules_new(&rules) != 0 ||
	    bounce_rules_new(&bounces) != 0)
		return 1;
	test_html();
	test_parts();
	test_bounds();
	reply_rules_free(&rules);
	bounce_rules_free(&bounces);
	arena_free(&arena);
	return tap_done();
}
