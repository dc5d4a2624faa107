/* reply_text.c - see reply_text.h. */
#include "policy/mail/reply_text.h"

#include "policy/base/buf.h"
#include "policy/mail/charset.h"
#include "policy/mail/nfc.h"
#include "policy/mail/reply_footer.h"
#include "policy/mail/reply_html.h"
#include "policy/mail/reply_quote.h"

#include <string.h>

enum {
	LINE_MAX_LOOK = 400, /* of a line, for what introduces a quote */
	INTRO_LINES = 3,
	WRAP_AT = 72, /* letters of a line; programs wrap there or later */
	WRAP_REST = 40,
	WRAP_FROM = 50, /* a shorter line ends where its writer wanted */
};

/* --- character sets --- */

/* What was cut may end within a character. */
static struct str whole(struct str s)
{
	for (int i = 0; i < 3 && s.n > 0 && !nfc_is_utf8(s); i++)
		if (((unsigned char)s.p[s.n - 1] & 0x80) != 0)
			s.n--;
	return s;
}

int reply_text_utf8(
    struct str s, struct str charset, struct arena *a, struct str *out)
{
	int rc = nfc_is_utf8(whole(s)) && !str_istarts(charset, STR("iso-2022"))
		     ? 0
		     : charset_to_utf8(charset, s, a, &s);

	s = whole(s);
	if (rc == 0 && !nfc_is_utf8(s))
		rc = charset_to_utf8(STR("iso-8859-1"), s, a, &s);
	*out = s;
	return rc;
}

/* --- lines of no writer --- */

static bool is_one_of(struct str s, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_istarts(s, str_of(v[i])))
			return true;
	return false;
}
#define IS_ONE_OF(s, v) is_one_of(s, v, sizeof(v) / sizeof((v)[0]))

static bool is_underscores(struct str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] == '_')
		n++;
	return n == s.n && n >= 20;
}

/* Programs and what they run on, in lower case. */
static bool names_program(struct str s)
{
	static const char *const names[] = {"iphone", "ipad", "android",
	    "galaxy", "samsung", "huawei", "xiaomi", "outlook", "yahoo",
	    "proton", "gmail", "bluemail", "aol", "thunderbird", "windows",
	    "smartphone", "tablet", "handy", "mobil", "tÃ©lÃ©phone", "device",
	    "app", "powered by"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_icontains(s, str_of(names[i])))
			return true;
	return false;
}

/* "Sent from my iPhone" and its like. */
static bool is_program(struct str s)
{
	static const char *const own[] = {"sent from my", "sent from mail",
	    "sent via", "get outlook for", "sent with", "von meinem",
	    "von meiner", "gesendet mit", "gesendet von", "envoyé de mon",
	    "envoyé depuis", "enviado desde mi", "enviado do meu", "inviato da",
	    "verzonden vanaf", "verstuurd vanaf", "skickat från min",
	    "sendt fra min", "lähetetty ", "wysłano z", "wysłane z",
	    "odesláno z", "Отправлено с"};
	/* with the name of a program */
	static const char *const any[] = {"sent from", "sent using",
	    "get bluemail", "get aol", "get the ", "download ", "envoyé ",
	    "télécharge", "obtenez ", "obtener ", "enviado ", "descarga",
	    "obter ", "inviato ", "scarica ", "holen sie sich ", "hol dir ",
	    "hämta ", "hent ", "skickat ", "sendt ", "verzonden ", "verstuurd ",
	    "odesláno ", "virus-free"};

	return IS_ONE_OF(s, own) || (IS_ONE_OF(s, any) && names_program(s));
}

/* What the line says beside: "Sent from my phone, please take me off your list". */
static struct str without_program(struct str s)
{
	if (!is_program(s))
		return s;
	for (size_t i = 0; i + 1 < s.n; i++) {
		struct str rest = str_trim(str_from(s, i + 1));

		if (memchr(",.;:!", s.p[i], 5) != NULL && s.p[i + 1] == ' ')
			return names_program(rest) ? STR("") : rest;
	}
	return STR("");
}

/* --- the writer's lines --- */

struct own {
	struct buf out;
	struct str rest;                /* behind the line at work */
	struct str recent[INTRO_LINES]; /* lines written last, newest first */
	size_t at[INTRO_LINES];         /* where they begin in out */
	struct str quoted; /* the line before, where it was quoted */
	bool signature;    /* in it now: it ends with a quote */
	bool named;        /* below a name, or a closing, in what is written */
	size_t footer;     /* lines that belong to an offer */
};

static void forget_recent(struct own *o)
{
	for (int i = 0; i < INTRO_LINES; i++)
		o->recent[i] = STR_NULL;
}

/* An introduction may be wrapped: with the lines before it, none of them empty.
 * As far as to the line that begins as one does; else as few as will do. */
static bool ends_intro(struct own *o, struct str line, size_t *from_out)
{
	char text[INTRO_LINES * (LINE_MAX_LOOK + 1)];
	size_t from = sizeof(text);
	bool found = false;
	struct str s = line;

	*from_out = o->out.n;
	if (!reply_quote_ends_intro(str_cut(line, 0, LINE_MAX_LOOK)))
		return false;
	for (int i = 0; i < INTRO_LINES; i++) {
		bool begins;

		if (s.n == 0 || s.n >= LINE_MAX_LOOK)
			break;
		begins = reply_quote_begins_intro(s);
		memcpy(text + from - s.n, s.p, s.n);
		from -= s.n;
		if ((!found || begins) &&
		    reply_quote_is_intro(
			(struct str){text + from, sizeof(text) - from})) {
			found = true;
			*from_out = i > 0 ? o->at[i - 1] : o->out.n;
		}
		if (begins)
			break;
		text[--from] = ' ';
		s = o->recent[i];
	}
	return found;
}

/* Does a quoted line follow, but for empty ones? */
static bool marks_follow(struct str rest)
{
	struct str line;

	while (str_next(&rest, '\n', &line)) {
		line = str_trim(line);
		if (line.n > 0)
			return reply_quote_is_mark(line);
	}
	return false;
}

static size_t count_letters(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

/* The rest of a quoted line that some program wrapped: in between two that are
 * quoted, it goes on in the middle of a sentence, and its first word had no room
 * above. An answer to a part of a quote begins anew. */
static bool is_wrapped_quote(const struct own *o, struct str line)
{
	struct str next, rest = o->rest, word;
	char last;

	if (o->quoted.n == 0 || line.n == 0 || !str_next(&rest, '\n', &next) ||
	    !reply_quote_is_mark(str_trim(next)))
		return false;
	last = o->quoted.p[o->quoted.n - 1];
	if ((!ascii_is_alnum(last) && last != ',') || line.p[0] < 'a' ||
	    line.p[0] > 'z')
		return false;
	word = str_cut(line, 0, str_find(line, 0, ' '));
	return count_letters(line) < WRAP_REST &&
	       count_letters(o->quoted) + 1 + count_letters(word) > WRAP_AT;
}

static void keep(struct own *o, struct str line)
{
	for (int i = INTRO_LINES - 1; i > 0; i--) {
		o->recent[i] = o->recent[i - 1];
		o->at[i] = o->at[i - 1];
	}
	o->recent[0] = line;
	o->at[0] = o->out.n;
	if (o->signature)
		return;
	buf_add(&o->out, line);
	buf_addc(&o->out, '\n');
}

/* The paragraph as far as it was wrapped: this line and those that it runs into. */
static struct str join(
    const struct own *o, struct str line, char *text, size_t *lines_out)
{
	struct str rest = o->rest, last = line;
	size_t n = 0;

	for (*lines_out = 1;; ++*lines_out) {
		struct str one = str_cut(last, 0, REPLY_FOOTER_MAX - n - 1);

		memcpy(text + n, one.p, one.n);
		n += one.n;
		text[n++] = ' ';
		if (count_letters(last) < WRAP_FROM ||
		    n + 1 >= REPLY_FOOTER_MAX || !str_next(&rest, '\n', &last))
			break;
		last = str_trim(last);
		if (last.n == 0 || reply_quote_is_mark(last))
			break;
	}
	return str_trim((struct str){text, n});
}

/* What stands below the writer's name and offers something to the reader. It must
 * not be all of the answer: there are words above the name. */
static bool take_footer(struct own *o, struct str line)
{
	char text[REPLY_FOOTER_MAX];
	bool below_empty = o->recent[0].n == 0;

	if (o->footer > 0) {
		o->footer--;
		return true;
	}
	if (line.n == 0 || o->signature)
		return false;
	if (o->named &&
	    reply_footer_is_offer(join(o, line, text, &o->footer))) {
		o->footer--;
		return true;
	}
	o->footer = 0;
	if (str_trim(buf_str(&o->out)).n > 0 &&
	    reply_footer_is_name(line, below_empty))
		o->named = true;
	return false;
}

static void begin_signature(struct own *o)
{
	o->signature = true;
	forget_recent(o);
}

/* A quoted line, or the rest of one: what follows is the writer's again. */
static bool take_quoted(struct own *o, struct str line)
{
	bool quoted = reply_quote_is_mark(line);

	if (!quoted && !is_wrapped_quote(o, line)) {
		o->quoted = STR_NULL;
		return false;
	}
	o->quoted = quoted ? line : STR_NULL;
	o->signature = false;
	o->named = false;
	forget_recent(o);
	return true;
}

/* False: the rest is none of the writer's. */
static bool take(struct own *o, struct str raw)
{
	struct str line = str_trim(raw), rest;
	size_t from;

	if (reply_quote_is_between_marks(line))
		return marks_follow(o->rest);
	if (take_quoted(o, line))
		return true;
	if (str_eq(line, STR("--")) || (is_underscores(line) && o->out.n > 0)) {
		begin_signature(o);
		return true;
	}
	if (reply_quote_is_block(line, o->rest))
		return false;
	if (reply_quote_is_rule(line, o->rest))
		return marks_follow(o->rest);
	if (ends_intro(o, line, &from)) {
		buf_truncate(&o->out, from);
		forget_recent(o);
		return marks_follow(o->rest);
	}
	rest = without_program(line);
	if ((rest.n > 0 || line.n == 0) && !take_footer(o, rest))
		keep(o, rest);
	return true;
}

int reply_text_own(
    struct str text, struct arena *a, size_t max, struct str *out)
{
	struct own o = {.rest = text};
	struct str line, found;
	int rc;

	buf_init(&o.out, text.n + 2);
	while (
	    o.out.n < max && str_next(&o.rest, '\n', &line) && take(&o, line))
		continue;
	rc = buf_error(&o.out);
	found = str_trim(str_cut(buf_str(&o.out), 0, max));
	*out = arena_str(a, whole(found));
	if (rc == 0 && out->p == NULL)
		rc = ERR_LIMIT;
	buf_fini(&o.out);
	return rc;
}

/* --- the part --- */

static bool is_shown(const struct mime_part *p, const char *subtype)
{
	return p->kind == MIME_LEAF && mime_is(p, "text", subtype) &&
	       !str_ieq(p->disposition, STR("attachment"));
}

static const struct mime_part *find_part(
    const struct mime *m, const char *subtype)
{
	for (size_t i = 0; i < m->n; i++) {
		/* a mail that is attached says nothing of this one */
		if (m->part[i].kind == MIME_MESSAGE)
			return NULL;
		if (is_shown(&m->part[i], subtype))
			return &m->part[i];
	}
	return NULL;
}

/* The writer's words of that part; none, where there is no such part. */
static int read_part(const struct mime_part *found, bool html, struct arena *a,
    size_t max, struct str *out)
{
	struct mime_part part;
	struct str body;
	int rc;

	if (found == NULL)
		return 0;
	part = *found;
	part.body = str_cut(part.body, 0, REPLY_RAW_MAX);
	rc = mime_body(&part, REPLY_RAW_MAX, a, &body);
	if (rc == ERR_SYNTAX)
		body = part.body;
	if (rc == 0 || rc == ERR_SYNTAX)
		rc = reply_text_utf8(body, part.charset, a, &body);
	if (rc == 0 && html)
		rc = reply_html(body, a, &body);
	return rc != 0 ? rc : reply_text_own(body, a, max, out);
}

int reply_text(
    const struct mime *m, struct arena *a, size_t max, struct str *out)
{
	int rc;

	*out = STR("");
	rc = read_part(find_part(m, "plain"), false, a, max, out);
	if (rc == 0 && out->n == 0)
		rc = read_part(find_part(m, "html"), true, a, max, out);
	return rc;
}
