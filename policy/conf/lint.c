/* lint.c - see lint.h. A tokenizer of one function per kind of token and a
 * parser with the whole grammar of our files:
 *
 *   file    = { option | section }
 *   option  = NAME "=" ( value | "{" value { "," value } [","] "}" )
 *   section = KIND [ title ] "{" { option } "}"
 *
 * The grammar is a strict part of what libconfuse reads, so both must see the
 * same file; read.c compares them and refuses the file if they do not. A
 * section inside a section does not exist, which is why a missing brace is
 * told where the next section begins and not at the end of the file. */
#include "policy/conf/lint.h"

#include "policy/mail/nfc.h"

#include <stdio.h>
#include <string.h>

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_STRING,
	TOKEN_PUNCT, /* one of = { } , */
};

struct token {
	enum token_kind kind;
	struct str token, text;
	int line;
};

struct lint {
	const char *path;
	struct str text;
	size_t at;
	int line;
	struct token tok; /* the one looked at */
	int value_line;   /* of the token before it, if a value */
	struct arena *arena;
	struct error *err;
};

PRINTF_LIKE(3, 4)
static int refuse(const struct lint *l, int line, const char *fmt, ...)
{
	char text[sizeof(l->err->text)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return error_set(l->err, ERR_SYNTAX, "%s:%d: %s", l->path, line, text);
}

static int too_much(const struct lint *l, int line, const char *what, int max)
{
	return error_set(l->err, ERR_LIMIT, "%s:%d: more than %d %s", l->path,
	    line, max, what);
}

static int no_memory(const struct lint *l)
{
	return error_set(l->err, ERR_LIMIT, "%s: out of memory", l->path);
}

/* --- bytes --- */

struct str lint_excerpt(struct str s)
{
	enum {
		MAX = 60
	};
	size_t n = s.n < MAX ? s.n : MAX;

	while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return str_cut(s, 0, n);
}

static int line_of(struct str text, size_t at)
{
	int line = 1;

	for (size_t i = 0; i < at; i++)
		line += text.p[i] == '\n';
	return line;
}

/* Tab, LF, and CR right before LF are the only control bytes. */
static bool is_control(struct str text, size_t i)
{
	unsigned char c = (unsigned char)text.p[i];

	if (c == '\r')
		return i + 1 == text.n || text.p[i + 1] != '\n';
	return (c < ' ' && c != '\t' && c != '\n') || c == 0x7f;
}

static int check_bytes(const struct lint *l)
{
	struct str rest = l->text, part;

	if (l->text.n > LINT_MAX_BYTES)
		return error_set(l->err, ERR_LIMIT,
		    "%s:%d: the file is larger than %d bytes", l->path,
		    line_of(l->text, LINT_MAX_BYTES), LINT_MAX_BYTES);
	if (str_starts(l->text, STR("\xef\xbb\xbf")))
		return refuse(l, 1,
		    "starts with a byte order mark; save the file as UTF-8 "
		    "without it");
	for (int line = 1; str_next(&rest, '\n', &part); line++) {
		if (part.n > LINT_MAX_LINE)
			return too_much(
			    l, line, "bytes in a line", LINT_MAX_LINE);
		if (!nfc_is_utf8(part))
			return refuse(l, line, "not valid UTF-8");
	}
	for (size_t i = 0; i < l->text.n; i++)
		if (is_control(l->text, i))
			return refuse(l, line_of(l->text, i),
			    "control byte 0x%02x",
			    (unsigned)(unsigned char)l->text.p[i]);
	return 0;
}

/* --- tokens --- */

static struct str rest_of(const struct lint *l)
{
	return str_from(l->text, l->at);
}

/* Where the comment that begins at `at` ends; `at` if none begins there. */
static size_t comment_end(struct str text, size_t at)
{
	struct str rest = str_from(text, at);
	size_t end = at + 2;

	if (str_starts(rest, STR("#")) || str_starts(rest, STR("//")))
		return str_find(text, at, '\n');
	if (!str_starts(rest, STR("/*")))
		return at;
	while (end < text.n && !str_starts(str_from(text, end), STR("*/")))
		end++;
	return end < text.n ? end + 2 : text.n;
}

/* Counts its lines; refuses the one that has no end. */
static int skip_comment(struct lint *l, size_t end)
{
	struct str c = str_cut(l->text, l->at, end - l->at);

	if (str_starts(c, STR("/*")) && (c.n < 4 || !str_ends(c, STR("*/"))))
		return refuse(
		    l, l->line, "comment begins with /* here and never ends");
	for (size_t i = 0; i < c.n; i++)
		l->line += c.p[i] == '\n';
	l->at = end;
	return 0;
}

static int skip_blank(struct lint *l)
{
	int rc = 0;

	while (rc == 0 && l->at < l->text.n) {
		char c = l->text.p[l->at];
		size_t end = comment_end(l->text, l->at);

		if (end > l->at)
			rc = skip_comment(l, end);
		else if (c != '\n' && c != '\r' && !ascii_is_blank(c))
			break;
		else
			l->at++;
		l->line += c == '\n'; /* no comment begins with it */
	}
	return rc;
}

/* At the opening quote. libconfuse would go on over line ends until any later
 * quote, and undo escapes. */
static int take_string(struct lint *l, struct token *t)
{
	size_t from = l->at + 1, end = from;

	while (end < l->text.n && l->text.p[end] != '"') {
		char c = l->text.p[end];
		if (c == '\n')
			break;
		if (c == '\\')
			return refuse(l, l->line,
			    "backslash in a string; there are no escapes here");
		if (c == '\t')
			return refuse(l, l->line, "tab in a string");
		end++;
	}
	if (end == l->text.n || l->text.p[end] != '"')
		return refuse(l, l->line,
		    "string begins here and has no closing quote on its line");
	if (end - from > LINT_MAX_STRING)
		return too_much(
		    l, l->line, "bytes in a string", LINT_MAX_STRING);
	t->kind = TOKEN_STRING;
	t->text = str_cut(l->text, from, end - from);
	t->token = str_cut(l->text, from - 1, end - from + 2);
	l->at = end + 1;
	if (str_contains(t->text, STR("${")))
		return refuse(l, l->line,
		    "${...} would be taken from the environment; write the "
		    "value itself");
	return 0;
}

/* Fewer than libconfuse takes: none that begins a comment, an escape or an
 * expansion there. */
static bool is_word_char(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '_' || c == '.' ||
	       c == ':';
}

static int take_word(struct lint *l, struct token *t)
{
	size_t n = 0;
	bool digits = true;

	while (l->at + n < l->text.n && is_word_char(l->text.p[l->at + n])) {
		digits = digits && ascii_is_digit(l->text.p[l->at + n]);
		n++;
	}
	if (n > LINT_MAX_WORD)
		return too_much(l, l->line, "bytes in a word", LINT_MAX_WORD);
	t->kind = TOKEN_WORD;
	t->text = t->token = str_cut(l->text, l->at, n);
	l->at += n;
	if (l->at == l->text.n)
		return refuse(l, l->line,
		    "the file ends within \"%.*s\" and without a line end; is "
		    "it cut off?",
		    STR_ARG(lint_excerpt(t->text)));
	if (digits && n > 1 && t->text.p[0] == '0')
		return refuse(l, l->line,
		    "%.*s could mean an octal number; write it without the "
		    "leading zero, or in double quotes where zeros belong to "
		    "it",
		    STR_ARG(t->text));
	return 0;
}

/* What cannot begin a token, told in the words of the likely mistake. */
static int bad_character(const struct lint *l, char c)
{
	struct str rest = rest_of(l);

	if (str_starts(rest, STR("+=")))
		return refuse(l, l->line,
		    "\"+=\" is not supported; write the whole list");
	if (str_starts(rest, STR("${")))
		return refuse(l, l->line,
		    "${...} would be taken from the environment; write the "
		    "value itself");
	if (c == '\'')
		return refuse(
		    l, l->line, "single quote; strings stand in double quotes");
	if (c == ';')
		return refuse(l, l->line,
		    "\";\" is not needed: a line needs no end mark");
	if (c == '\\')
		return refuse(
		    l, l->line, "backslash; there are no escapes here");
	if (c == '(' || c == ')')
		return refuse(l, l->line,
		    "\"%c\": include() and other functions are not supported",
		    c);
	if ((unsigned char)c < 0x80)
		return refuse(l, l->line,
		    "unexpected \"%c\"; put the value in double quotes", c);
	return refuse(
	    l, l->line, "letter outside ASCII; put the value in double quotes");
}

/* Moves to the next token. */
static int next_token(struct lint *l)
{
	int rc;
	char c;

	l->value_line = l->tok.kind == TOKEN_WORD || l->tok.kind == TOKEN_STRING
			    ? l->tok.line
			    : 0;
	rc = skip_blank(l);
	if (rc != 0)
		return rc;
	l->tok = (struct token){.kind = TOKEN_END, .line = l->line};
	if (l->at >= l->text.n)
		return 0;
	c = l->text.p[l->at];
	if (c == '"')
		return take_string(l, &l->tok);
	if (is_word_char(c))
		return take_word(l, &l->tok);
	if (strchr("={},", c) == NULL)
		return bad_character(l, c);
	l->tok.kind = TOKEN_PUNCT;
	l->tok.text = l->tok.token = str_cut(l->text, l->at++, 1);
	return 0;
}

static bool is_punct(const struct lint *l, char c)
{
	return l->tok.kind == TOKEN_PUNCT && l->tok.text.p[0] == c;
}

static bool is_value(const struct lint *l)
{
	return l->tok.kind == TOKEN_WORD || l->tok.kind == TOKEN_STRING;
}

/* The current token for messages. */
static struct str shown(const struct lint *l)
{
	return l->tok.kind == TOKEN_END ? STR("the end of the file")
					: lint_excerpt(l->tok.token);
}

/* --- grammar --- */

/* Takes the current token, a value, and moves on. */
static int add_value(struct lint *l, struct lint_option *o)
{
	size_t n = o->n_values;

	if (n >= LINT_MAX_VALUES)
		return too_much(
		    l, l->tok.line, "values in one list", LINT_MAX_VALUES);
	if ((n & (n - 1)) == 0) { /* 0 or a power of two: full */
		struct lint_value *v =
		    arena_array(l->arena, n > 0 ? n * 2 : 1, sizeof(*v));
		if (v == NULL)
			return no_memory(l);
		if (n > 0)
			memcpy(v, o->values, n * sizeof(*v));
		o->values = v;
	}
	o->values[o->n_values++] =
	    (struct lint_value){l->tok.token, l->tok.text, l->tok.line};
	return next_token(l);
}

/* At the opening brace. */
static int take_list(struct lint *l, struct lint_option *o)
{
	int rc = next_token(l);

	o->braces = true;
	while (rc == 0 && !is_punct(l, '}')) {
		if (!is_value(l))
			return refuse(l, l->tok.line,
			    "expected a value in the list of \"%.*s\", found "
			    "%.*s (a closing brace missing?)",
			    STR_ARG(o->name), STR_ARG(shown(l)));
		rc = add_value(l, o);
		if (rc == 0 && is_punct(l, ','))
			rc = next_token(l);
		else if (rc == 0 && !is_punct(l, '}'))
			return refuse(l, l->tok.line,
			    "expected \",\" or \"}\" in the list of \"%.*s\", "
			    "found %.*s",
			    STR_ARG(o->name), STR_ARG(shown(l)));
	}
	if (rc != 0)
		return rc;
	if (o->n_values == 0)
		return refuse(l, o->line,
		    "list of \"%.*s\" is empty; leave the option out",
		    STR_ARG(o->name));
	return next_token(l);
}

/* At the "=". */
static int take_option(
    struct lint *l, struct lint_section *s, struct token name)
{
	struct lint_option *o, **tail = &s->options;
	int rc;

	for (; *tail != NULL; tail = &(*tail)->next)
		if (str_eq((*tail)->name, name.text))
			return refuse(l, name.line,
			    "option \"%.*s\" is given twice (first at line "
			    "%d)",
			    STR_ARG(name.text), (*tail)->line);
	if (s->n_options++ >= LINT_MAX_OPTIONS)
		return too_much(
		    l, name.line, "options in one section", LINT_MAX_OPTIONS);
	o = *tail = arena_alloc(l->arena, sizeof(*o));
	if (o == NULL)
		return no_memory(l);
	o->name = name.text;
	o->line = name.line;
	rc = next_token(l);
	if (rc != 0)
		return rc;
	if (is_punct(l, '{'))
		return take_list(l, o);
	if (!is_value(l))
		return refuse(l, l->tok.line,
		    "expected a value after \"%.*s =\", found %.*s",
		    STR_ARG(name.text), STR_ARG(shown(l)));
	return add_value(l, o);
}

/* A word that begins neither an option nor a section. */
static int bad_statement(
    const struct lint *l, struct token name, int value_line)
{
	if (name.line == value_line)
		return refuse(l, name.line,
		    "unexpected \"%.*s\"; a value of several words stands in "
		    "double quotes",
		    STR_ARG(name.text));
	return refuse(l, name.line,
	    "expected \"=\" or \"{\" after \"%.*s\", found %.*s",
	    STR_ARG(name.text), STR_ARG(shown(l)));
}

/* Up to the closing brace and past it. */
static int take_body(struct lint *l, struct lint_section *s)
{
	while (!is_punct(l, '}')) {
		struct token name = l->tok;
		int value_line = l->value_line;
		int rc;

		if (name.kind == TOKEN_END)
			return refuse(l, s->line,
			    "section \"%.*s\" begins here and its closing "
			    "brace is missing",
			    STR_ARG(s->kind));
		if (name.kind != TOKEN_WORD)
			return refuse(l, name.line,
			    "expected an option's name, found %.*s",
			    STR_ARG(shown(l)));
		rc = next_token(l);
		if (rc != 0)
			return rc;
		if (is_value(l) && name.line != value_line)
			return refuse(l, name.line,
			    "\"%.*s %.*s\" inside section \"%.*s\" of line "
			    "%d: its closing brace or a \"=\" is missing",
			    STR_ARG(name.text), STR_ARG(shown(l)),
			    STR_ARG(s->kind), s->line);
		if (is_punct(l, '{'))
			return refuse(l, name.line,
			    "section \"%.*s\" inside section \"%.*s\" of line "
			    "%d; is its closing brace missing?",
			    STR_ARG(name.text), STR_ARG(s->kind), s->line);
		if (!is_punct(l, '='))
			return bad_statement(l, name, value_line);
		rc = take_option(l, s, name);
		if (rc != 0)
			return rc;
	}
	return next_token(l);
}

static int check_new_section(
    struct lint *l, const struct lint_outline *o, const struct lint_section *s)
{
	if (o->n_sections >= LINT_MAX_SECTIONS)
		return too_much(l, s->line, "sections", LINT_MAX_SECTIONS);
	for (const struct lint_section *p = o->top.next; p != NULL;
	     p = p->next) {
		if (!str_eq(p->kind, s->kind) || !str_eq(p->title, s->title))
			continue;
		return refuse(l, s->line,
		    "section \"%.*s%s%.*s\" is given twice (first at line %d)",
		    STR_ARG(s->kind), s->titled ? " " : "", STR_ARG(s->title),
		    p->line);
	}
	return 0;
}

/* At the title or the "{". */
static int take_section(struct lint *l, struct lint_outline *o,
    struct lint_section ***tail, struct token name)
{
	struct lint_section *s = arena_alloc(l->arena, sizeof(*s));
	int rc;

	if (s == NULL)
		return no_memory(l);
	s->kind = name.text;
	s->line = name.line;
	if (is_value(l)) {
		s->title = l->tok.text;
		s->titled = true;
		rc = next_token(l);
		if (rc != 0)
			return rc;
		if (!is_punct(l, '{'))
			return refuse(l, s->line,
			    "expected \"=\" or \"{\" after \"%.*s\"",
			    STR_ARG(name.text));
	}
	rc = check_new_section(l, o, s);
	if (rc == 0)
		rc = next_token(l);
	if (rc != 0)
		return rc;
	**tail = s;
	*tail = &s->next;
	o->n_sections++;
	return take_body(l, s);
}

static int take_file(struct lint *l, struct lint_outline *o)
{
	struct lint_section **tail = &o->top.next;
	int rc = next_token(l);

	while (rc == 0 && l->tok.kind != TOKEN_END) {
		struct token name = l->tok;
		int value_line = l->value_line;

		if (is_punct(l, '}'))
			return refuse(l, name.line,
			    "closing brace without an opening one");
		if (name.kind != TOKEN_WORD)
			return refuse(l, name.line,
			    "expected the name of an option or section, found "
			    "%.*s",
			    STR_ARG(shown(l)));
		rc = next_token(l);
		if (rc != 0)
			return rc;
		if (is_punct(l, '='))
			rc = take_option(l, &o->top, name);
		else if (is_punct(l, '{') ||
			 (is_value(l) && name.line != value_line))
			rc = take_section(l, o, &tail, name);
		else
			rc = bad_statement(l, name, value_line);
	}
	return rc;
}

void lint_blank_comments(char *text, size_t n)
{
	struct str s = {text, n};
	bool quoted = false;
	size_t i = 0;

	while (i < n) {
		size_t end = quoted ? i : comment_end(s, i);
		if (end == i) {
			quoted = quoted != (text[i] == '"');
			i++;
		}
		for (; i < end; i++)
			if (text[i] != '\n')
				text[i] = ' ';
	}
}

int lint_check(struct arena *arena, const char *path, struct str text,
    struct lint_outline **out, struct error *err)
{
	struct lint l = {
	    .path = path, .text = text, .line = 1, .arena = arena, .err = err};
	struct lint_outline *o;
	int rc = check_bytes(&l);

	if (rc != 0)
		return rc;
	o = arena_alloc(arena, sizeof(*o));
	if (o == NULL)
		return no_memory(&l);
	o->top.line = 1;
	rc = take_file(&l, o);
	if (rc == 0)
		*out = o;
	return rc;
}
