/* reply_text.c - see reply_text.h. */
#include "policy/mail/reply_text.h"

#include "policy/base/buf.h"
#include "policy/mail/charset.h"
#include "policy/mail/nfc.h"
#include "policy/mail/reply_html.h"

#include <string.h>

enum {
	LINE_MAX_LOOK = 400, /* of a line, for what introduces a quote */
	INTRO_LINES = 3,
	BLOCK_LINES = 6,
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

/* --- what introduces a quote --- */

static bool is_one_of(struct str s, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_istarts(s, str_of(v[i])))
			return true;
	return false;
}
#define IS_ONE_OF(s, v) is_one_of(s, v, sizeof(v) / sizeof((v)[0]))

/* "On 3 May, Ben <ben@example.com> wrote:" says when, or who. */
static bool is_intro(struct str s)
{
	static const char *const verbs[] = {"wrote", "writes", "schrieb",
	    "geschrieben", "\303\251crit", "escribi\303\263", "scritto",
	    "escreveu", "schreef", "geschreven", "skrev", "skriver",
	    "kirjoitti", "pisze", "napisa", "napsal", "\303\255rta",
	    "\320\277\320\270\321\210\320\265\321\202",
	    "\320\275\320\260\320\277\320\270\321\201\320\260\320\273",
	    "\346\233\270\343\201\215\343\201\276\343\201\227\343\201\237",
	    "\343\201\256\343\203\241\343\203\274\343\203\253",
	    "\345\206\231\351\201\223", "\345\257\253\351\201\223", "yazd"};
	bool dated = false;

	if (!str_ends(s, STR(":")) && !str_ends(s, STR("\357\274\232")))
		return false;
	for (size_t i = 0; i < s.n && !dated; i++)
		dated = ascii_is_digit(s.p[i]) || s.p[i] == '@';
	for (size_t i = 0; dated && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (str_icontains(s, str_of(verbs[i])))
			return true;
	return false;
}

/* "-----Original Message-----", in whatever language. */
static bool is_rule(struct str s)
{
	size_t dashes = 0;

	while (dashes < s.n && s.p[dashes] == '-')
		dashes++;
	return dashes >= 4 && dashes + 4 < s.n && str_ends(s, STR("----"));
}

static struct str plain(struct str s)
{
	s = str_trim(s);
	while (s.n > 0 && s.p[0] == '*')
		s = str_from(s, 1);
	return s;
}

static bool is_from(struct str s)
{
	static const char *const names[] = {
	    "from:", "von:", "de:", "de :", "da:", "van:", "fr\303\245n:",
	    "fra:", "l\303\244hett\303\244j\303\244:", "od:", "felad\303\263:",
	    "\320\236\321\202:", "\345\267\256\345\207\272\344\272\272:",
	    "\345\217\221\344\273\266\344\272\272",
	    "\345\257\204\344\273\266\350\200\205",
	    "kimden:", "g\303\266nderen:"};

	return IS_ONE_OF(plain(s), names);
}

static bool is_subject(struct str s)
{
	static const char *const names[] = {"subject:", "betreff:", "objet",
	    "asunto:", "oggetto:", "assunto:", "onderwerp:", "\303\244mne:",
	    "emne:", "aihe:", "temat:", "p\305\231edm\304\233t:",
	    "t\303\241rgy:", "\320\242\320\265\320\274\320\260:",
	    "\344\273\266\345\220\215", "\344\270\273\351\242\230",
	    "\344\270\273\346\227\250",
	    "konu:", "sent:", "gesendet:", "envoy\303\251", "enviado",
	    "inviato:", "verzonden:", "skickat:", "sendt:", "l\303\244hetetty:",
	    "wys\305\202ano:", "odesl\303\241no:", "date:", "datum:"};

	return IS_ONE_OF(plain(s), names);
}

/* Of a block the first line is From, and another follows soon. */
static bool is_block(struct str line, struct str rest)
{
	struct str next;

	if (!is_from(line))
		return false;
	for (int i = 0; i < BLOCK_LINES && str_next(&rest, '\n', &next); i++)
		if (is_subject(next))
			return true;
	return false;
}

static bool is_underscores(struct str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] == '_')
		n++;
	return n == s.n && n >= 20;
}

/* "Sent from my iPhone" and its like. */
static bool is_program(struct str s)
{
	static const char *const starts[] = {"sent from my", "sent from mail",
	    "sent via", "get outlook for", "sent with", "von meinem",
	    "gesendet mit", "gesendet von", "envoy\303\251 de mon",
	    "envoy\303\251 depuis", "enviado desde mi", "enviado do meu",
	    "inviato da", "verzonden vanaf", "verstuurd vanaf",
	    "skickat fr\303\245n min", "sendt fra min", "l\303\244hetetty ",
	    "wys\305\202ano z", "odesl\303\241no z",
	    "\320\236\321\202\320\277\321\200\320\260\320\262\320\273\320\265"
	    "\320"
	    "\275\320\276 \321\201"};

	return IS_ONE_OF(s, starts);
}

/* --- the writer's lines --- */

struct own {
	struct buf out;
	struct str rest;                /* behind the line at work */
	struct str recent[INTRO_LINES]; /* lines written last, newest first */
	size_t at[INTRO_LINES];         /* where they begin in out */
	bool quoted;                    /* in ">" lines now */
};

static void forget_recent(struct own *o)
{
	for (int i = 0; i < INTRO_LINES; i++)
		o->recent[i] = STR_NULL;
}

static bool begins_intro(struct str s)
{
	static const char *const starts[] = {"on ", "am ", "le ", "el ", "il ",
	    "em ", "op ", "den ", "p\303\245 ", "w dniu ", "dne ", "a(z) "};

	return IS_ONE_OF(s, starts);
}

/* An introduction may be wrapped: with the lines before it, none of them empty.
 * As far as to the line that begins as one does; else as few as will do. */
static bool ends_intro(struct own *o, struct str line, size_t *from_out)
{
	char text[INTRO_LINES * (LINE_MAX_LOOK + 1)];
	size_t from = sizeof(text);
	bool found = is_intro(line);
	struct str s = line;

	*from_out = o->out.n;
	if (!str_ends(line, STR(":")) && !str_ends(line, STR("\357\274\232")))
		return false;
	for (int i = 0; i < INTRO_LINES; i++) {
		if (s.n == 0 || s.n >= LINE_MAX_LOOK)
			break;
		memcpy(text + from - s.n, s.p, s.n);
		from -= s.n;
		if ((!found || (i > 0 && begins_intro(s))) &&
		    is_intro((struct str){text + from, sizeof(text) - from})) {
			found = true;
			*from_out = i > 0 ? o->at[i - 1] : o->out.n;
		}
		if (begins_intro(s))
			break;
		text[--from] = ' ';
		s = o->recent[i];
	}
	return found;
}

/* Does a line that begins with ">" follow, but for empty ones? */
static bool marks_follow(struct str rest)
{
	struct str line;

	while (str_next(&rest, '\n', &line)) {
		line = str_trim(line);
		if (line.n > 0)
			return line.p[0] == '>';
	}
	return false;
}

static void keep(struct own *o, struct str line)
{
	for (int i = INTRO_LINES - 1; i > 0; i--) {
		o->recent[i] = o->recent[i - 1];
		o->at[i] = o->at[i - 1];
	}
	o->recent[0] = line;
	o->at[0] = o->out.n;
	buf_add(&o->out, line);
	buf_addc(&o->out, '\n');
}

/* False: the rest is none of the writer's. */
static bool take(struct own *o, struct str raw)
{
	struct str line = str_trim(raw);
	size_t from;

	if (line.n > 0 && line.p[0] == '>') {
		forget_recent(o);
		return true;
	}
	if (str_eq(raw, STR("-- ")) || str_eq(raw, STR("-- \r")) ||
	    str_eq(line, STR("--")) || is_rule(line) || is_underscores(line) ||
	    is_block(line, o->rest))
		return false;
	if (ends_intro(o, line, &from)) {
		buf_truncate(&o->out, from);
		forget_recent(o);
		return marks_follow(o->rest);
	}
	if (!is_program(line))
		keep(o, line);
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
