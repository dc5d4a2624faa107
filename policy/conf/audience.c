/* audience.c - see audience.h.
 *
 * A recursive descent parser makes a tree for printing and, beside it, the
 * comparisons as one array in the order of the text. Each of them knows where
 * to go on when it holds and when it does not, so that evaluation is a walk
 * forward over that array: no recursion, no stack, each comparison at most
 * once, and what `and` and `or` have settled is jumped over. `not` is no more
 * than its two ways exchanged. */
#include "policy/conf/audience.h"

#include "policy/base/when.h"
#include "policy/conf/lint.h"
#include "policy/conf/option.h"
#include "policy/mail/nfc.h"

#include <stdio.h>
#include <string.h>

enum op {
	OP_IS, /* a flag alone */
	OP_EQ,
	OP_NE,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP_IN,
	OP_NEXT, /* within: days ahead */
	OP_LAST, /* within last: days back */
	OP_MISSING,
	OP_KNOWN
};

struct term {
	uint32_t label;
	enum attribute_type type;
	enum op op;
	uint16_t yes, no; /* the next term; n_terms: false, + 1: true */
	struct str name;
	struct attribute_value *values;
	size_t n;
};

enum node_kind {
	NODE_TERM,
	NODE_NOT,
	NODE_AND,
	NODE_OR
};

struct node {
	enum node_kind kind;
	uint16_t first; /* its first term */
	struct node *child, *next;
};

struct audience {
	const struct node *root;
	struct term *terms;
	size_t n_terms;
};

/* --- words --- */

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_QUOTED,
	TOKEN_SIGN /* ( ) { } , = != < <= > >= */
};

struct token {
	enum token_kind kind;
	size_t at; /* byte */
	struct str text;
};

struct parser {
	struct arena *arena;
	const struct attribute *attributes;
	size_t n_attributes;
	struct str text;
	size_t at;
	struct token token; /* the next one */
	unsigned depth;
	size_t charged; /* against AUDIENCE_MAX_TERMS */
	struct term *terms;
	size_t n_terms, cap_terms;
	struct error *err;
};

static const char *const keywords[] = {
    "and", "or", "not", "in", "is", "within"};

bool audience_is_keyword(struct str word)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (str_ieq(word, str_of(keywords[i])))
			return true;
	return false;
}

/* "column 14: what"; returns ERR_SYNTAX. */
PRINTF_LIKE(3, 4)
static int fail(const struct parser *p, size_t at, const char *fmt, ...)
{
	char what[240];
	size_t column = 1;
	va_list ap;

	for (size_t i = 0; i < at && i < p->text.n; i++)
		column += (p->text.p[i] & 0xc0) != 0x80;
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return error_set(p->err, ERR_SYNTAX, "column %zu: %s", column, what);
}

static int no_memory(const struct parser *p)
{
	return error_set(p->err, ERR_LIMIT, "out of memory");
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_sign(char c)
{
	return c != '\0' && strchr("(){},=!<>", c) != NULL;
}

static bool is_word(char c)
{
	return !is_blank(c) && !is_sign(c) && c != '\'' && c != '"' &&
	       ((unsigned char)c >= ' ' && c != 0x7f);
}

/* 'it''s': up to its closing quote; the text has the twins still. */
static int read_quoted(struct parser *p)
{
	char quote = p->text.p[p->at];
	size_t from = p->at + 1, i = from;

	while (i < p->text.n) {
		if (p->text.p[i] != quote)
			i++;
		else if (i + 1 < p->text.n && p->text.p[i + 1] == quote)
			i += 2;
		else
			break;
	}
	if (i == p->text.n)
		return fail(p, p->at, "a quote begins here and never ends");
	p->token.kind = TOKEN_QUOTED;
	p->token.text = str_cut(p->text, from, i - from);
	p->at = i + 1;
	return 0;
}

static void read_sign(struct parser *p)
{
	char c = p->text.p[p->at];
	bool two = (c == '!' || c == '<' || c == '>') &&
		   p->at + 1 < p->text.n && p->text.p[p->at + 1] == '=';

	p->token.kind = TOKEN_SIGN;
	p->token.text = str_cut(p->text, p->at, two ? 2 : 1);
	p->at += p->token.text.n;
}

static int advance(struct parser *p)
{
	size_t i;

	while (p->at < p->text.n && is_blank(p->text.p[p->at]))
		p->at++;
	p->token = (struct token){.kind = TOKEN_END, .at = p->at};
	if (p->at == p->text.n)
		return 0;
	if (p->text.p[p->at] == '\'' || p->text.p[p->at] == '"')
		return read_quoted(p);
	if (is_sign(p->text.p[p->at])) {
		read_sign(p);
		return 0;
	}
	for (i = p->at; i < p->text.n && is_word(p->text.p[i]); i++)
		;
	if (i == p->at)
		return fail(p, i, "a control character");
	p->token.kind = TOKEN_WORD;
	p->token.text = str_cut(p->text, p->at, i - p->at);
	p->at = i;
	return 0;
}

static bool is_keyword_next(const struct parser *p, struct str word)
{
	return p->token.kind == TOKEN_WORD && str_ieq(p->token.text, word);
}

static bool is_sign_next(const struct parser *p, struct str sign)
{
	return p->token.kind == TOKEN_SIGN && str_eq(p->token.text, sign);
}

static int unexpected(const struct parser *p, const char *wanted)
{
	if (p->token.kind == TOKEN_END)
		return fail(p, p->text.n,
		    "the condition ends where %s is "
		    "expected",
		    wanted);
	return fail(p, p->token.at, "\"%.*s\" where %s is expected",
	    STR_ARG(lint_excerpt(p->token.text)), wanted);
}

static int expect_sign(struct parser *p, struct str sign, const char *wanted)
{
	return is_sign_next(p, sign) ? advance(p) : unexpected(p, wanted);
}

/* --- comparisons --- */

static int charge(struct parser *p, size_t at)
{
	if (p->charged++ < AUDIENCE_MAX_TERMS)
		return 0;
	(void)fail(
	    p, at, "more than %d comparisons and values", AUDIENCE_MAX_TERMS);
	return ERR_LIMIT;
}

/* What stood between quotes, its twins made one. */
static int unquote(struct parser *p, struct str *text)
{
	char quote = p->text.p[p->token.at];
	char *to = arena_alloc(p->arena, text->n + 1);
	size_t n = 0;

	if (to == NULL)
		return no_memory(p);
	for (size_t i = 0; i < text->n; i++) {
		to[n++] = text->p[i];
		i += text->p[i] == quote;
	}
	*text = (struct str){to, n};
	return 0;
}

static const char *article_of(enum attribute_type type)
{
	switch (type) {
	case ATTRIBUTE_TEXT:
		return "text";
	case ATTRIBUTE_NUMBER:
		return "a number";
	case ATTRIBUTE_FLAG:
		return "a flag";
	case ATTRIBUTE_DATE:
		return "a date";
	}
	return "?";
}

static int parse_value(
    struct parser *p, const struct term *t, struct attribute_value *out)
{
	struct str text = p->token.text;
	struct error why = {0};
	size_t at = p->token.at;
	int rc = 0;

	if (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_QUOTED)
		return unexpected(p, "a value");
	if (p->token.kind == TOKEN_QUOTED)
		rc = unquote(p, &text);
	if (rc == 0)
		rc = charge(p, at);
	if (rc != 0)
		return rc;
	rc = attribute_parse(t->type, text, p->arena, out, &why);
	if (rc != 0) {
		(void)fail(p, at, "%.*s is %s, and \"%.*s\" is %s",
		    STR_ARG(t->name), article_of(t->type),
		    STR_ARG(lint_excerpt(text)), why.text);
		return rc;
	}
	out->label = t->label;
	return advance(p);
}

static int add_value(struct parser *p, struct term *t, size_t *cap)
{
	struct attribute_value *v =
	    arena_room(p->arena, t->values, t->n, cap, 4, sizeof(*v));

	if (v == NULL)
		return no_memory(p);
	t->values = v;
	return parse_value(p, t, &v[t->n++]);
}

/* {a, b}, behind in. */
static int parse_set(struct parser *p, struct term *t)
{
	size_t cap = 0;
	int rc = expect_sign(p, STR("{"), "\"{\"");

	t->op = OP_IN;
	if (rc == 0)
		rc = add_value(p, t, &cap);
	while (rc == 0 && is_sign_next(p, STR(","))) {
		rc = advance(p);
		if (rc == 0)
			rc = add_value(p, t, &cap);
	}
	return rc != 0 ? rc : expect_sign(p, STR("}"), "\",\" or \"}\"");
}

/* 30d or last 30d, behind within. */
static int parse_within(struct parser *p, struct term *t)
{
	struct attribute_value *v = arena_alloc(p->arena, sizeof(*v));
	struct error why = {0};
	int64_t ms;
	int rc = 0;

	if (v == NULL)
		return no_memory(p);
	if (t->type != ATTRIBUTE_DATE)
		return fail(p, p->token.at,
		    "%.*s is %s; only a date is within some days",
		    STR_ARG(t->name), article_of(t->type));
	t->op = is_keyword_next(p, STR("last")) ? OP_LAST : OP_NEXT;
	if (t->op == OP_LAST)
		rc = advance(p);
	if (rc != 0)
		return rc;
	if (p->token.kind != TOKEN_WORD ||
	    when_duration(p->token.text, &ms, &why) != 0 ||
	    ms % WHEN_DAY_MS != 0)
		return unexpected(p, "a number of days such as 30d");
	*v = (struct attribute_value){
	    t->label, ATTRIBUTE_DATE, STR_NULL, ms / WHEN_DAY_MS};
	t->values = v;
	t->n = 1;
	return advance(p);
}

static int parse_is(struct parser *p, struct term *t)
{
	if (is_keyword_next(p, STR("missing")))
		t->op = OP_MISSING;
	else if (is_keyword_next(p, STR("known")))
		t->op = OP_KNOWN;
	else
		return unexpected(p, "\"missing\" or \"known\"");
	return advance(p);
}

static const char *const signs[] = {
    [OP_EQ] = "=",
    [OP_NE] = "!=",
    [OP_LT] = "<",
    [OP_LE] = "<=",
    [OP_GT] = ">",
    [OP_GE] = ">=",
};

/* = value and the like; also a flag alone, which has no sign. */
static int parse_sign(struct parser *p, struct term *t)
{
	size_t cap = 0;
	int rc;

	for (enum op op = OP_EQ; op <= OP_GE; op++) {
		if (!is_sign_next(p, str_of(signs[op])))
			continue;
		if (op >= OP_LT &&
		    (t->type == ATTRIBUTE_TEXT || t->type == ATTRIBUTE_FLAG))
			return fail(p, p->token.at,
			    "%.*s is %s and has no order; use =, != or in",
			    STR_ARG(t->name), article_of(t->type));
		t->op = op;
		rc = advance(p);
		return rc != 0 ? rc : add_value(p, t, &cap);
	}
	t->op = OP_IS;
	if (t->type == ATTRIBUTE_FLAG)
		return 0;
	return unexpected(p, "a comparison (= != < <= > >= in is within)");
}

static int parse_operator(struct parser *p, struct term *t)
{
	int (*rest)(struct parser *, struct term *) = parse_sign;
	int rc = 0;

	if (is_keyword_next(p, STR("in")))
		rest = parse_set;
	else if (is_keyword_next(p, STR("is")))
		rest = parse_is;
	else if (is_keyword_next(p, STR("within")))
		rest = parse_within;
	if (rest != parse_sign)
		rc = advance(p);
	return rc != 0 ? rc : rest(p, t);
}

static int find_attribute(struct parser *p, struct term *t)
{
	const struct attribute *a;
	struct str name = p->token.text;

	if (p->token.kind != TOKEN_WORD || audience_is_keyword(name))
		return unexpected(p, "an attribute");
	a = attribute_find(p->attributes, p->n_attributes, name);
	if (a != NULL) {
		*t = (struct term){
		    .label = a->label, .type = a->type, .name = a->name};
		return advance(p);
	}
	a = attribute_nearest(p->attributes, p->n_attributes, name);
	return fail(p, p->token.at, "there is no attribute \"%.*s\"%s%.*s%s",
	    STR_ARG(lint_excerpt(name)), a != NULL ? "; did you mean \"" : "",
	    STR_ARG(a != NULL ? a->name : STR("")), a != NULL ? "\"?" : "");
}

static struct node *add_node(struct parser *p, enum node_kind kind)
{
	struct node *node = arena_alloc(p->arena, sizeof(*node));

	if (node == NULL) {
		(void)no_memory(p);
		return NULL;
	}
	node->kind = kind;
	node->first = (uint16_t)p->n_terms;
	return node;
}

static int parse_term(struct parser *p, struct node **out)
{
	struct term *v;
	struct term t;
	int rc = charge(p, p->token.at);

	if (rc == 0)
		rc = find_attribute(p, &t);
	if (rc == 0)
		rc = parse_operator(p, &t);
	if (rc != 0)
		return rc;
	*out = add_node(p, NODE_TERM);
	v = arena_room(
	    p->arena, p->terms, p->n_terms, &p->cap_terms, 4, sizeof(*v));
	if (*out == NULL || v == NULL)
		return no_memory(p);
	p->terms = v;
	p->terms[p->n_terms++] = t;
	return 0;
}

/* --- and, or, not --- */

static int parse_or(struct parser *p, struct node **out);

static int deeper(struct parser *p)
{
	if (p->depth++ < AUDIENCE_MAX_DEPTH)
		return advance(p);
	(void)fail(p, p->token.at, "more than %d levels of \"(\" and not",
	    AUDIENCE_MAX_DEPTH);
	return ERR_LIMIT;
}

static int parse_parenthesis(struct parser *p, struct node **out)
{
	int rc = deeper(p);

	if (rc == 0)
		rc = parse_or(p, out);
	if (rc == 0)
		rc = expect_sign(p, STR(")"), "\"and\", \"or\" or \")\"");
	p->depth--;
	return rc;
}

static int parse_not(struct parser *p, struct node **out)
{
	int rc;

	if (is_sign_next(p, STR("(")))
		return parse_parenthesis(p, out);
	if (!is_keyword_next(p, STR("not")))
		return parse_term(p, out);
	*out = add_node(p, NODE_NOT);
	if (*out == NULL)
		return ERR_LIMIT;
	rc = deeper(p);
	if (rc == 0)
		rc = parse_not(p, &(*out)->child);
	p->depth--;
	return rc;
}

struct joined {
	enum node_kind kind;
	struct str word;
	int (*part)(struct parser *, struct node **);
};

/* part [word part]...; one part stays as it is. */
static int parse_joined(
    struct parser *p, const struct joined *j, struct node **out)
{
	struct node *node = add_node(p, j->kind), **last;
	int rc;

	if (node == NULL)
		return ERR_LIMIT;
	rc = j->part(p, &node->child);
	last = &node->child;
	while (rc == 0 && is_keyword_next(p, j->word)) {
		last = &(*last)->next;
		rc = advance(p);
		if (rc == 0)
			rc = j->part(p, last);
	}
	*out = rc == 0 && node->child->next == NULL ? node->child : node;
	return rc;
}

static int parse_and(struct parser *p, struct node **out)
{
	static const struct joined j = {NODE_AND, {"and", 3}, parse_not};

	return parse_joined(p, &j, out);
}

static int parse_or(struct parser *p, struct node **out)
{
	static const struct joined j = {NODE_OR, {"or", 2}, parse_and};

	return parse_joined(p, &j, out);
}

/* --- compiling --- */

/* Where each term of a node goes on. Deep as the parser went. */
static void link_terms(
    struct term *terms, const struct node *node, uint16_t yes, uint16_t no)
{
	switch (node->kind) {
	case NODE_TERM:
		terms[node->first].yes = yes;
		terms[node->first].no = no;
		return;
	case NODE_NOT:
		link_terms(terms, node->child, no, yes);
		return;
	case NODE_AND:
		for (const struct node *c = node->child; c != NULL; c = c->next)
			link_terms(terms, c,
			    c->next != NULL ? c->next->first : yes, no);
		return;
	case NODE_OR:
		for (const struct node *c = node->child; c != NULL; c = c->next)
			link_terms(terms, c, yes,
			    c->next != NULL ? c->next->first : no);
		return;
	}
}

int audience_parse(struct arena *a, const struct attribute *attributes,
    size_t n, struct str text, const struct audience **out, struct error *err)
{
	struct parser p = {.arena = a,
	    .attributes = attributes,
	    .n_attributes = n,
	    .text = text,
	    .err = err};
	struct audience *x = arena_alloc(a, sizeof(*x));
	struct node *root = NULL;
	int rc;

	*out = NULL;
	if (x == NULL)
		return no_memory(&p);
	if (text.n > AUDIENCE_MAX_BYTES)
		return error_set(
		    err, ERR_LIMIT, "longer than %d bytes", AUDIENCE_MAX_BYTES);
	if (!nfc_is_utf8(text))
		return error_set(err, ERR_SYNTAX, "not UTF-8");
	rc = advance(&p);
	if (rc == 0)
		rc = parse_or(&p, &root);
	if (rc == 0 && p.token.kind != TOKEN_END)
		rc = unexpected(&p, "\"and\" or \"or\"");
	if (rc != 0)
		return rc;
	link_terms(
	    p.terms, root, (uint16_t)(p.n_terms + 1), (uint16_t)p.n_terms);
	*x = (struct audience){root, p.terms, p.n_terms};
	*out = x;
	return 0;
}

/* --- evaluating --- */

/* str_ieq() in place: this is where evaluation spends its time. */
static bool is_same_text(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		unsigned char x = (unsigned char)a.p[i];
		unsigned char y = (unsigned char)b.p[i];

		if (x != y &&
		    ((x ^ y) != 0x20 || (x | 0x20) < 'a' || (x | 0x20) > 'z'))
			return false;
	}
	return true;
}

static bool is_equal(
    const struct attribute_value *a, const struct attribute_value *b)
{
	return a->type == ATTRIBUTE_TEXT ? is_same_text(a->text, b->text)
					 : a->number == b->number;
}

static bool is_in(const struct term *t, const struct attribute_value *v)
{
	for (size_t i = 0; i < t->n; i++)
		if (is_equal(&t->values[i], v))
			return true;
	return false;
}

static bool holds(
    const struct term *t, const struct attribute_value *v, int64_t today)
{
	int64_t x = v->number, y = t->n > 0 ? t->values[0].number : 0;

	switch (t->op) {
	case OP_IS:
		return x != 0;
	case OP_EQ:
		return is_equal(v, &t->values[0]);
	case OP_NE:
		return !is_equal(v, &t->values[0]);
	case OP_LT:
		return x < y;
	case OP_LE:
		return x <= y;
	case OP_GT:
		return x > y;
	case OP_GE:
		return x >= y;
	case OP_IN:
		return is_in(t, v);
	case OP_NEXT:
		return x >= today && x <= today + y;
	case OP_LAST:
		return x <= today && x >= today - y;
	case OP_MISSING:
		return false;
	case OP_KNOWN:
		return true;
	}
	return false;
}

static const struct attribute_value *value_of(
    const struct term *t, const struct attribute_value *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].label == t->label)
			return v[i].type == t->type ? &v[i] : NULL;
	return NULL;
}

bool audience_contains(const struct audience *x,
    const struct attribute_value *v, size_t n, int64_t today)
{
	size_t i = 0;

	while (i < x->n_terms) {
		const struct term *t = &x->terms[i];
		const struct attribute_value *known = value_of(t, v, n);
		bool yes = known != NULL ? holds(t, known, today)
					 : t->op == OP_MISSING;

		i = yes ? t->yes : t->no;
	}
	return i > x->n_terms;
}

/* --- printing --- */

/* A bare word where that reads back; else in single quotes, which may stand in
 * a policy file. */
static void print_value(const struct attribute_value *v, struct buf *out)
{
	bool bare = true;

	for (size_t i = 0; i < v->text.n; i++)
		bare = bare && is_word(v->text.p[i]);
	if (bare) {
		attribute_print(v, out);
		return;
	}
	buf_addc(out, '\'');
	for (size_t i = 0; i < v->text.n; i++) {
		buf_addc(out, v->text.p[i]);
		if (v->text.p[i] == '\'')
			buf_addc(out, '\'');
	}
	buf_addc(out, '\'');
}

static void print_term(const struct term *t, struct buf *out)
{
	buf_add(out, t->name);
	switch (t->op) {
	case OP_IS:
		return;
	case OP_MISSING:
		buf_addz(out, " is missing");
		return;
	case OP_KNOWN:
		buf_addz(out, " is known");
		return;
	case OP_NEXT:
	case OP_LAST:
		buf_printf(out, " within %s%lldd",
		    t->op == OP_LAST ? "last " : "",
		    (long long)t->values[0].number);
		return;
	case OP_IN:
		for (size_t i = 0; i < t->n; i++) {
			buf_addz(out, i == 0 ? " in {" : ", ");
			print_value(&t->values[i], out);
		}
		buf_addc(out, '}');
		return;
	case OP_EQ:
	case OP_NE:
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE:
		buf_printf(out, " %s ", signs[t->op]);
		print_value(&t->values[0], out);
		return;
	}
}

/* `or` binds less than `and`, both less than `not`. */
static void print_node(const struct audience *x, const struct node *node,
    enum node_kind within, struct buf *out)
{
	bool parenthesis = (node->kind == NODE_OR && within != NODE_OR) ||
			   (node->kind == NODE_AND && within == NODE_NOT);

	if (parenthesis)
		buf_addc(out, '(');
	if (node->kind == NODE_TERM)
		print_term(&x->terms[node->first], out);
	if (node->kind == NODE_NOT)
		buf_addz(out, "not ");
	for (const struct node *c = node->child; c != NULL; c = c->next) {
		print_node(x, c, node->kind, out);
		if (c->next != NULL)
			buf_addz(
			    out, node->kind == NODE_AND ? " and " : " or ");
	}
	if (parenthesis)
		buf_addc(out, ')');
}

void audience_print(const struct audience *x, struct buf *out)
{
	print_node(x, x->root, NODE_OR, out);
}
