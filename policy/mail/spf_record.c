/* spf_record.c - see spf_record.h. */
#include "policy/mail/spf_record.h"

#include <string.h>

#include <arpa/inet.h>

static const char version[] = "v=spf1";

bool spf_record_is(struct str text)
{
	struct str v = str_of(version);

	return str_istarts(text, v) && (text.n == v.n || text.p[v.n] == ' ');
}

static bool is_alpha(char c)
{
	return ascii_is_alnum(c) && !ascii_is_digit(c);
}

/* ---- macros and domain-specs ---- */

static bool is_delim(char c)
{
	return c != '\0' && strchr(".-+,/_=", c) != NULL;
}

static bool is_letter(char c)
{
	return c != '\0' && strchr("slodiphcrtv", c) != NULL;
}

/* Behind "%{" and the letter: digits, "r", delimiters, "}". */
static int parse_transformers(struct str s, size_t at, struct spf_macro *out)
{
	size_t digits = at;
	uint64_t keep = 0;

	while (at < s.n && ascii_is_digit(s.p[at]))
		at++;
	if (at > digits &&
	    (str_u64(str_cut(s, digits, at - digits), 255, &keep) != 0 ||
		keep == 0))
		return ERR_SYNTAX;
	out->keep = (unsigned)keep;
	out->reverse = at < s.n && ascii_lower(s.p[at]) == 'r';
	at += out->reverse;
	out->delims = str_cut(s, at, 0);
	while (at < s.n && is_delim(s.p[at])) {
		out->delims.n++;
		at++;
	}
	out->n = at + 1;
	return at < s.n && s.p[at] == '}' ? 0 : ERR_SYNTAX;
}

int spf_macro_parse(struct str s, struct spf_macro *out)
{
	*out = (struct spf_macro){.n = 2};
	if (s.n < 2)
		return ERR_SYNTAX;
	if (s.p[1] == '%' || s.p[1] == '_' || s.p[1] == '-') {
		out->letter = s.p[1] == '_' ? ' ' : s.p[1];
		return 0;
	}
	if (s.p[1] != '{' || s.n < 4)
		return ERR_SYNTAX;
	out->letter = ascii_lower(s.p[2]);
	out->escape = out->letter != s.p[2];
	return is_letter(out->letter) ? parse_transformers(s, 3, out)
				      : ERR_SYNTAX;
}

/* *last_out: where the last macro ends; 0: there is none. c, r and t are for
 * explanations only (section 7.2). */
static int check_macros(struct str s, bool explains, size_t *last_out)
{
	struct spf_macro m;

	*last_out = 0;
	for (size_t at = 0; at < s.n;) {
		if (s.p[at] != '%') {
			if (s.p[at] <= ' ' || s.p[at] >= 0x7f)
				return ERR_SYNTAX;
			at++;
			continue;
		}
		if (spf_macro_parse(str_from(s, at), &m) != 0)
			return ERR_SYNTAX;
		if (!explains && strchr("crt", m.letter) != NULL)
			return ERR_SYNTAX;
		at += m.n;
		if (m.n > 2)
			*last_out = at;
	}
	return 0;
}

/* Letters, digits and hyphens, not all digits, no hyphen at either end. */
static bool is_toplabel(struct str s)
{
	bool digits = true;

	if (s.n == 0 || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-')
			return false;
		digits = digits && ascii_is_digit(s.p[i]);
	}
	return !digits;
}

/* It ends with a macro, or with a dot and a top label. */
static int check_domain_spec(struct str s)
{
	size_t last, dot;
	struct str tail;

	if (s.n == 0 || check_macros(s, false, &last) != 0)
		return ERR_SYNTAX;
	if (last == s.n)
		return 0;
	tail = str_from(s, last);
	if (str_ends(tail, STR(".")))
		tail.n--;
	dot = str_rfind(tail, '.');
	if (dot == tail.n)
		return ERR_SYNTAX;
	return is_toplabel(str_from(tail, dot + 1)) ? 0 : ERR_SYNTAX;
}

/* ---- lengths of networks ---- */

static int parse_cidr(struct str s, unsigned max, unsigned *out)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 3 || (s.n > 1 && s.p[0] == '0') ||
	    str_u64(s, max, &v) != 0)
		return ERR_SYNTAX;
	*out = (unsigned)v;
	return 0;
}

/* Takes "/24", "//64" or "/24//64" off the end of *s. */
static int take_dual_cidr(struct str *s, struct spf_term *t)
{
	size_t at = s->n, slash;
	struct str four, six;
	int rc = 0;

	t->cidr4 = 32;
	t->cidr6 = 128;
	while (at > 0 && (ascii_is_digit(s->p[at - 1]) || s->p[at - 1] == '/'))
		at--;
	slash = str_find(*s, at, '/');
	if (slash == s->n)
		return 0;
	four = str_from(*s, slash + 1);
	s->n = slash;
	slash = str_find(four, 0, '/');
	six = str_from(four, slash + 1);
	if (slash < four.n) { /* "24//64" or "/64" */
		four.n = slash;
		if (four.n > 0 && !str_starts(six, STR("/")))
			return ERR_SYNTAX;
		six = str_from(six, four.n > 0);
		rc = parse_cidr(six, 128, &t->cidr6);
		if (four.n == 0)
			return rc;
	}
	return rc == 0 ? parse_cidr(four, 32, &t->cidr4) : rc;
}

static int parse_ip(struct str s, bool six, struct spf_term *t)
{
	size_t slash = str_find(s, 0, '/');
	char z[INET6_ADDRSTRLEN + 1];
	struct str ip = str_cut(s, 0, slash);

	t->cidr4 = 32;
	t->cidr6 = 128;
	if (ip.n == 0 || ip.n >= sizeof(z))
		return ERR_SYNTAX;
	memcpy(z, ip.p, ip.n);
	z[ip.n] = '\0';
	if (strlen(z) != ip.n ||
	    inet_pton(six ? AF_INET6 : AF_INET, z, t->addr) != 1)
		return ERR_SYNTAX;
	if (slash == s.n)
		return 0;
	return parse_cidr(str_from(s, slash + 1), six ? 128 : 32,
	    six ? &t->cidr6 : &t->cidr4);
}

/* ---- terms ---- */

enum shape {
	SHAPE_BARE,       /* all */
	SHAPE_DOMAIN,     /* include:x */
	SHAPE_MAY_DOMAIN, /* ptr, ptr:x */
	SHAPE_NET,        /* a, a:x, a/24, a:x/24 */
	SHAPE_IP4,
	SHAPE_IP6,
};

static const struct mechanism {
	const char *name;
	enum spf_kind kind;
	enum shape shape;
} mechanisms[] = {
    {"all", SPF_KIND_ALL, SHAPE_BARE},
    {"include", SPF_KIND_INCLUDE, SHAPE_DOMAIN},
    {"a", SPF_KIND_A, SHAPE_NET},
    {"mx", SPF_KIND_MX, SHAPE_NET},
    {"ptr", SPF_KIND_PTR, SHAPE_MAY_DOMAIN},
    {"ip4", SPF_KIND_IP4, SHAPE_IP4},
    {"ip6", SPF_KIND_IP6, SHAPE_IP6},
    {"exists", SPF_KIND_EXISTS, SHAPE_DOMAIN},
};

static const struct mechanism *find_mechanism(struct str name)
{
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(*mechanisms); i++)
		if (str_ieq(name, str_of(mechanisms[i].name)))
			return &mechanisms[i];
	return NULL;
}

/* rest: behind the name, its ":" included. */
static int parse_rest(enum shape shape, struct str rest, struct spf_term *t)
{
	bool colon;

	if (shape == SHAPE_NET && take_dual_cidr(&rest, t) != 0)
		return ERR_SYNTAX;
	colon = str_starts(rest, STR(":"));
	if (rest.n > 0 && !colon)
		return ERR_SYNTAX;
	rest = str_from(rest, 1);
	switch (shape) {
	case SHAPE_BARE:
		return colon ? ERR_SYNTAX : 0;
	case SHAPE_IP4:
	case SHAPE_IP6:
		return parse_ip(rest, shape == SHAPE_IP6, t);
	case SHAPE_DOMAIN:
	case SHAPE_MAY_DOMAIN:
	case SHAPE_NET:
		break;
	}
	if (!colon)
		return shape == SHAPE_DOMAIN ? ERR_SYNTAX : 0;
	t->spec = rest;
	return check_domain_spec(rest);
}

static int parse_directive(struct str s, struct spf_term *t)
{
	const struct mechanism *m;
	size_t n = 0;

	*t = (struct spf_term){.qualifier = '+'};
	if (s.n > 0 && strchr("+-~?", s.p[0]) != NULL && s.p[0] != '\0') {
		t->qualifier = s.p[0];
		s = str_from(s, 1);
	}
	while (n < s.n && ascii_is_alnum(s.p[n]))
		n++;
	m = find_mechanism(str_cut(s, 0, n));
	if (m == NULL)
		return ERR_SYNTAX;
	t->kind = m->kind;
	return parse_rest(m->shape, str_from(s, n), t);
}

/* A name and "=": false when the term is no modifier. */
static bool split_modifier(struct str s, struct str *name, struct str *value)
{
	size_t n = 0;

	if (s.n == 0 || !is_alpha(s.p[0]))
		return false;
	while (n < s.n && (ascii_is_alnum(s.p[n]) || s.p[n] == '-' ||
			      s.p[n] == '_' || s.p[n] == '.'))
		n++;
	if (n == s.n || s.p[n] != '=')
		return false;
	*name = str_cut(s, 0, n);
	*value = str_from(s, n + 1);
	return true;
}

static int parse_modifier(
    struct str name, struct str value, bool *explained, struct spf_record *out)
{
	size_t last;

	if (str_ieq(name, STR("redirect"))) {
		if (out->has_redirect)
			return ERR_SYNTAX;
		out->has_redirect = true;
		out->redirect = (struct spf_term){
		    .kind = SPF_KIND_REDIRECT, .qualifier = '+', .spec = value};
		return check_domain_spec(value);
	}
	if (str_ieq(name, STR("exp"))) {
		if (*explained)
			return ERR_SYNTAX;
		*explained = true;
		return check_domain_spec(value);
	}
	return check_macros(value, true, &last);
}

int spf_record_parse(struct str text, struct arena *a, struct spf_record *out)
{
	struct str rest = str_from(text, sizeof(version) - 1), word, name;
	bool explained = false;
	struct str value;
	size_t max = 1;
	int rc = 0;

	*out = (struct spf_record){0};
	if (!spf_record_is(text) || text.n > SPF_RECORD_MAX)
		return ERR_SYNTAX;
	for (size_t i = 0; i < rest.n; i++)
		max += rest.p[i] == ' ';
	out->v = arena_array(a, max, sizeof(*out->v));
	if (out->v == NULL)
		return ERR_LIMIT;
	while (rc == 0 && str_next(&rest, ' ', &word)) {
		if (word.n == 0)
			continue;
		if (split_modifier(word, &name, &value))
			rc = parse_modifier(name, value, &explained, out);
		else
			rc = parse_directive(word, &out->v[out->n++]);
	}
	return rc;
}
