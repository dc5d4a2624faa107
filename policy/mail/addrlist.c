/* addrlist.c - see addrlist.h.
 *
 * A lexer gives words, quoted strings, domain literals and single specials,
 * with comments and folding gone; `take` feeds them to the entry at hand, and
 * a comma, a semicolon or the end closes it. Until "<" comes we cannot know
 * whether the words are a display name or the address itself, so they are
 * gathered as an address, and thrown away when they were a name. */
#include "policy/mail/addrlist.h"

#include <string.h>

enum {
	PART_MAX = ADDRESS_INPUT_MAX,
	FIRST_ENTRIES = 4,
};

enum kind {
	K_END,
	K_WORD,    /* atom: no blanks, no specials, no dots */
	K_QUOTED,  /* with its quotes */
	K_LITERAL, /* "[...]" after an "@" */
	K_SPECIAL, /* one of . @ < > , ; : */
};

struct lexer {
	struct str s;
	size_t i;
	bool after_at;
	bool unclosed; /* a comment, quote or literal ran to the end */
};

struct part {
	size_t n;
	char p[PART_MAX];
};

enum angle {
	ANGLE_NONE,
	ANGLE_OPEN,
	ANGLE_ROUTE,
	ANGLE_CLOSED
};

struct entry {
	enum angle angle;
	enum kind last; /* what came last in the address */
	bool any;       /* the entry is not just blanks */
	bool bad;       /* whatever comes */
	bool unclear;   /* unless it turns out to be a display name */
	bool quoted;    /* the local part had quotes */
	bool at;
	struct str name;
	struct part local; /* without quotes and backslashes */
	struct part domain;
};

static bool is_space(char c)
{
	return ascii_is_blank(c) || c == '\r' || c == '\n';
}

static void skip_comment(struct lexer *l)
{
	size_t depth = 0;

	for (; l->i < l->s.n; l->i++) {
		char c = l->s.p[l->i];
		if (c == '\\')
			l->i++;
		else if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0) {
			l->i++;
			return;
		}
	}
	l->i = l->s.n;
	l->unclosed = true;
}

static void skip_cfws(struct lexer *l)
{
	while (l->i < l->s.n) {
		if (l->s.p[l->i] == '(')
			skip_comment(l);
		else if (is_space(l->s.p[l->i]))
			l->i++;
		else
			return;
	}
}

/* From an opening quote or bracket to its close. */
static void run_to(struct lexer *l, char close)
{
	for (l->i++; l->i < l->s.n; l->i++) {
		if (l->s.p[l->i] == '\\')
			l->i++;
		else if (l->s.p[l->i] == close) {
			l->i++;
			return;
		}
	}
	l->i = l->s.n;
	l->unclosed = true;
}

static bool ends_word(char c)
{
	return is_space(c) || (c != '\0' && strchr("()<>,;:@.\"", c) != NULL);
}

static enum kind next(struct lexer *l, struct str *text)
{
	enum kind kind = K_SPECIAL;
	size_t from;
	char c;

	skip_cfws(l);
	from = l->i;
	if (from >= l->s.n)
		return K_END;
	c = l->s.p[from];
	if (c == '"') {
		kind = K_QUOTED;
		run_to(l, '"');
	} else if (c == '[' && l->after_at) {
		kind = K_LITERAL;
		run_to(l, ']');
	} else if (ends_word(c)) {
		l->i++;
	} else {
		kind = K_WORD;
		while (l->i < l->s.n && !ends_word(l->s.p[l->i]))
			l->i++;
	}
	*text = str_cut(l->s, from, l->i - from);
	l->after_at = c == '@';
	return kind;
}

static void entry_reset(struct entry *e)
{
	e->angle = ANGLE_NONE;
	e->last = K_END;
	e->any = e->bad = e->unclear = e->quoted = e->at = false;
	e->name = STR_NULL;
	e->local.n = e->domain.n = 0;
}

static void put(struct entry *e, struct part *to, char c)
{
	if (to->n == PART_MAX)
		e->unclear = true;
	else
		to->p[to->n++] = c;
}

static void put_all(struct entry *e, struct part *to, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		put(e, to, s.p[i]);
}

/* The quoted string's meaning: line ends of folding and backslashes go. */
static void put_quoted(struct entry *e, struct str s)
{
	for (size_t i = 1; i + 1 < s.n; i++) {
		if (s.p[i] == '\r' || s.p[i] == '\n')
			continue;
		if (s.p[i] == '\\' && i + 2 < s.n)
			i++;
		put(e, &e->local, s.p[i]);
	}
	e->quoted = true;
}

static bool is_piece(enum kind kind)
{
	return kind == K_WORD || kind == K_QUOTED || kind == K_LITERAL;
}

/* A word, quoted string, literal or dot. */
static void take_piece(struct entry *e, enum kind kind, struct str text)
{
	if (e->angle == ANGLE_ROUTE)
		return;
	if (e->angle == ANGLE_CLOSED)
		e->bad = true;
	if (is_piece(kind) && is_piece(e->last))
		e->unclear = true;
	e->last = kind;
	if (kind == K_QUOTED && !e->at)
		put_quoted(e, text);
	else if (kind == K_QUOTED)
		e->unclear = true;
	else
		put_all(e, e->at ? &e->domain : &e->local, text);
}

static void take_at(struct entry *e)
{
	bool first = e->local.n == 0 && !e->quoted && !e->at;

	if (e->angle == ANGLE_OPEN && first) {
		e->angle = ANGLE_ROUTE;
		return;
	}
	if (e->angle == ANGLE_ROUTE)
		return;
	if (e->at)
		e->unclear = true;
	e->at = true;
	e->last = K_SPECIAL;
}

/* What was read so far was a display name. */
static void take_open(struct entry *e, struct str name)
{
	bool again = e->angle != ANGLE_NONE;

	entry_reset(e);
	e->name = str_trim(name);
	e->angle = ANGLE_OPEN;
	e->any = true;
	e->bad = again;
}

static void take_close(struct entry *e)
{
	if (e->angle == ANGLE_OPEN)
		e->angle = ANGLE_CLOSED;
	else
		e->bad = true;
}

/* The end of a source route, or of a group's name; true if of the latter. */
static bool take_colon(struct entry *e)
{
	if (e->angle == ANGLE_ROUTE) {
		e->angle = ANGLE_OPEN;
		return false;
	}
	if (e->angle == ANGLE_NONE && !e->at) {
		entry_reset(e);
		return true;
	}
	e->bad = true;
	return false;
}

enum {
	SPEC_MAX = 2 * PART_MAX + 2 + 1 + PART_MAX
};

static size_t make_spec(const struct entry *e, char out[SPEC_MAX])
{
	size_t n = 0;

	if (e->quoted)
		out[n++] = '"';
	for (size_t i = 0; i < e->local.n; i++) {
		char c = e->local.p[i];
		if (e->quoted && (c == '"' || c == '\\'))
			out[n++] = '\\';
		out[n++] = c;
	}
	if (e->quoted)
		out[n++] = '"';
	out[n++] = '@';
	memcpy(out + n, e->domain.p, e->domain.n);
	return n + e->domain.n;
}

static int grow(struct addrlist *l, struct arena *a)
{
	struct addrlist_entry *v;

	if (l->n >= ADDRLIST_MAX)
		return ERR_LIMIT;
	v = arena_room(a, l->v, l->n, &l->cap, FIRST_ENTRIES, sizeof(*v));
	if (v == NULL)
		return ERR_LIMIT;
	l->v = v;
	return 0;
}

static bool is_clear(const struct entry *e)
{
	return e->at && !e->bad && !e->unclear &&
	       (e->angle == ANGLE_NONE || e->angle == ANGLE_CLOSED);
}

static int finish(struct addrlist *l, struct arena *a, const struct entry *e)
{
	struct addrlist_entry new = {.name = e->name};
	char text[SPEC_MAX];
	struct str spec = {text, 0};
	int rc = ERR_SYNTAX;

	if (!e->any)
		return 0;
	if (is_clear(e)) {
		spec.n = make_spec(e, text);
		rc = address_parse_sender(a, spec, &new.addr, NULL);
	}
	if (rc == ERR_SYNTAX) {
		l->bad++;
		return 0;
	}
	if (rc == 0)
		rc = grow(l, a);
	if (rc != 0)
		return rc;
	new.spec = arena_str(a, spec);
	if (new.spec.p == NULL)
		return ERR_LIMIT;
	l->v[l->n++] = new;
	return 0;
}

int addrlist_add(struct addrlist *l, struct arena *a, struct str value)
{
	struct lexer lex = {.s = value};
	struct entry e;
	struct str text = STR_NULL;
	size_t begin = 0; /* of the display name, if it is one */
	enum kind kind;
	int rc = 0;

	entry_reset(&e);
	while (rc == 0 && (kind = next(&lex, &text)) != K_END) {
		char c = kind == K_SPECIAL ? text.p[0] : '\0';
		bool comma = c == ',' && e.angle != ANGLE_ROUTE;
		if (comma || c == ';') {
			rc = finish(l, a, &e);
			entry_reset(&e);
			begin = lex.i;
			continue;
		}
		e.any = true;
		if (c == '<')
			take_open(&e, str_cut(value, begin, lex.i - 1 - begin));
		else if (c == '>')
			take_close(&e);
		else if (c == '@')
			take_at(&e);
		else if (c == ':' && take_colon(&e))
			begin = lex.i;
		else if (c != ':' && c != ',')
			take_piece(&e, kind, text);
	}
	e.bad |= lex.unclosed;
	e.any |= lex.unclosed;
	return rc == 0 ? finish(l, a, &e) : rc;
}
