/* address.c - see address.h.
 *
 * One pass splits the input into route, local part and domain; each is then
 * brought to its form in a bounded array of its own, and the arena gets the
 * result only. All sizes are checked before bytes are looked at, so time is
 * linear in at most ADDRESS_INPUT_MAX bytes.
 *
 * Order matters in the local part. NFC goes first because it can give ASCII:
 * U+037E becomes ';' (which then needs quotes), U+212A becomes 'K' (which
 * then is lowered). And it goes again with the lowering, because W with a ring
 * has no composed form and w with a ring has one. */
#include "policy/mail/address.h"

#include "policy/mail/domain.h"
#include "policy/mail/nfc.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Both hold every canonical form; longer ones are refused afterwards. */
enum {
	LOCAL_CAP = ADDRESS_INPUT_MAX,
	DOMAIN_CAP = DOMAIN_MAX + 1
};

struct piece {
	size_t n;
	char p[LOCAL_CAP];
};

static struct str piece_str(const struct piece *p)
{
	return (struct str){p->p, p->n};
}

static bool is_atext(char c)
{
	if (ascii_is_alnum(c) || (unsigned char)c >= 0x80)
		return true;
	return c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL;
}

/* UTF-8 without C0, DEL and C1 controls. */
static int check_bytes(struct str in, struct error *err)
{
	if (in.n > ADDRESS_INPUT_MAX)
		return error_set(err, ERR_SYNTAX,
		    "address: %zu bytes, at most %d", in.n, ADDRESS_INPUT_MAX);
	if (!nfc_is_utf8(in))
		return error_set(err, ERR_SYNTAX, "address: not UTF-8");
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		bool c1 = c == 0xc2 && i + 1 < in.n &&
			  (unsigned char)in.p[i + 1] < 0xa0;
		if (c < ' ' || c == 0x7f || c1)
			return error_set(err, ERR_SYNTAX,
			    "address: control character 0x%02x at byte %zu", c,
			    i + 1);
	}
	return 0;
}

static int strip_brackets(struct str *s, struct error *err)
{
	bool opens = s->n > 0 && s->p[0] == '<';
	bool closes = s->n > 0 && s->p[s->n - 1] == '>';

	if (opens != closes || (opens && s->n < 2))
		return error_set(err, ERR_SYNTAX,
		    "address: angle bracket without its other half");
	if (opens)
		*s = str_cut(*s, 1, s->n - 2);
	return 0;
}

static int literal_canonical(
    struct str in, char out[DOMAIN_CAP], size_t *n_out, struct error *err)
{
	char z[INET6_ADDRSTRLEN + 1], text[INET6_ADDRSTRLEN];
	struct str body, tag = STR("ipv6:");
	unsigned char addr[16];
	bool v6;

	if (in.n < 2 || in.p[in.n - 1] != ']')
		return error_set(err, ERR_SYNTAX,
		    "address literal: no closing bracket at the end");
	body = str_cut(in, 1, in.n - 2);
	v6 = str_istarts(body, tag);
	if (v6)
		body = str_from(body, tag.n);
	if (body.n >= sizeof(z))
		body.n = 0;
	memcpy(z, body.p, body.n);
	z[body.n] = '\0';
	if (inet_pton(v6 ? AF_INET6 : AF_INET, z, addr) != 1 ||
	    inet_ntop(v6 ? AF_INET6 : AF_INET, addr, text, sizeof(text)) ==
		NULL)
		return error_set(err, ERR_SYNTAX,
		    "address literal: neither [a.b.c.d] nor [IPv6:...]");
	*n_out = (size_t)snprintf(
	    out, DOMAIN_CAP, "[%s%s]", v6 ? "ipv6:" : "", text);
	return 0;
}

static int domain_or_literal(
    struct str in, char out[DOMAIN_CAP], size_t *n_out, struct error *err)
{
	if (in.n > 0 && in.p[0] == '[')
		return literal_canonical(in, out, n_out, err);
	return domain_canonical(in, out, n_out, err);
}

/* "@a,@b:" in front of a mailbox: well-formed, then gone. */
static int drop_route(struct str *s, struct error *err)
{
	struct str route, hop;
	size_t colon = str_find(*s, 0, ':');

	if (s->n == 0 || s->p[0] != '@')
		return 0;
	if (colon == s->n)
		return error_set(
		    err, ERR_SYNTAX, "address: no local part before \"@\"");
	route = str_cut(*s, 0, colon);
	while (str_next(&route, ',', &hop)) {
		char name[DOMAIN_CAP];
		size_t n;
		int rc = 0;
		if (hop.n == 0 || hop.p[0] != '@')
			rc = error_set(err, ERR_SYNTAX, "host without \"@\"");
		else
			rc = domain_canonical(str_from(hop, 1), name, &n, err);
		if (rc != 0) {
			error_prefix(err, "source route");
			return rc;
		}
	}
	*s = str_from(*s, colon + 1);
	return 0;
}

/* s begins with a quote. Takes the quoted string off s, without quotes and
 * backslashes. */
static int read_quoted(struct str *s, struct piece *local, struct error *err)
{
	size_t i = 1;

	for (; i < s->n && s->p[i] != '"'; i++) {
		if (s->p[i] == '\\' && ++i == s->n)
			break;
		local->p[local->n++] = s->p[i];
	}
	if (i >= s->n)
		return error_set(
		    err, ERR_SYNTAX, "local part: quoted string without end");
	*s = str_from(*s, i + 1);
	return 0;
}

static int read_unquoted(struct str *s, struct piece *local, struct error *err)
{
	size_t i = 0;

	for (; i < s->n && s->p[i] != '@'; i++) {
		if (!is_atext(s->p[i]) && s->p[i] != '.')
			return error_set(err, ERR_SYNTAX,
			    "local part: \"%c\" at byte %zu needs quotes",
			    s->p[i], i + 1);
		local->p[local->n++] = s->p[i];
	}
	if (i == 0)
		return error_set(err, ERR_SYNTAX, "local part: empty");
	*s = str_from(*s, i);
	return 0;
}

/* Takes the local part and the "@" off s; what is left is the domain. */
static int split(struct str *s, struct piece *local, struct error *err)
{
	int rc;

	local->n = 0;
	if (s->n == 0)
		return error_set(err, ERR_SYNTAX, "address: empty");
	rc = s->p[0] == '"' ? read_quoted(s, local, err)
			    : read_unquoted(s, local, err);
	if (rc != 0)
		return rc;
	if (s->n == 0)
		return error_set(err, ERR_SYNTAX, "address: no domain");
	if (s->p[0] != '@')
		return error_set(err, ERR_SYNTAX,
		    "local part: text after the quoted string");
	*s = str_from(*s, 1);
	return 0;
}

typedef int form_fn(struct str in, char *out, size_t cap, size_t *n_out);

static int bring(struct piece *p, form_fn *form, struct error *err)
{
	struct piece out;
	int rc = form(piece_str(p), out.p, sizeof(out.p), &out.n);

	if (rc == ERR_LIMIT)
		return error_set(err, ERR_SYNTAX, "local part: too long");
	if (rc != 0)
		return error_of(err, rc, "local part");
	memcpy(p->p, out.p, out.n);
	p->n = out.n;
	return 0;
}

static int fold(struct piece *local, struct error *err)
{
	int rc = bring(local, nfc_normalize, err);

	return rc != 0 ? rc : bring(local, nfc_lower, err);
}

/* RFC 5321's Dot-string. */
static bool is_dot_string(struct str s)
{
	bool atom = false; /* the byte before is part of one */

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' ? !atom : !is_atext(s.p[i]))
			return false;
		atom = s.p[i] != '.';
	}
	return atom;
}

/* The local part as it is written: with quotes only where it needs them. */
static size_t quote(struct str s, char out[2 * LOCAL_CAP + 2])
{
	size_t n = 0;

	if (is_dot_string(s)) {
		memcpy(out, s.p, s.n);
		return s.n;
	}
	out[n++] = '"';
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			out[n++] = '\\';
		out[n++] = s.p[i];
	}
	out[n++] = '"';
	return n;
}

static int join(struct arena *a, struct str local, struct str domain,
    struct address *out, struct error *err)
{
	size_t n = local.n + 1 + domain.n;
	char *p;

	if (n > ADDRESS_MAX)
		return error_set(err, ERR_SYNTAX,
		    "address: %zu bytes, at most %d", n, ADDRESS_MAX);
	p = arena_alloc(a, n + 1);
	if (p == NULL)
		return error_set(err, ERR_LIMIT, "address: arena full");
	memcpy(p, local.p, local.n);
	p[local.n] = '@';
	memcpy(p + local.n + 1, domain.p, domain.n);
	out->text = (struct str){p, n};
	out->local = str_cut(out->text, 0, local.n);
	out->domain = str_from(out->text, local.n + 1);
	return 0;
}

/* s: bytes checked, without brackets, not empty. */
static int parse_mailbox(struct arena *a, struct str s, size_t local_max,
    struct address *out, struct error *err)
{
	char quoted[2 * LOCAL_CAP + 2], domain[DOMAIN_CAP];
	struct piece local;
	size_t n, domain_n;
	int rc = drop_route(&s, err);

	if (rc == 0)
		rc = split(&s, &local, err);
	if (rc == 0)
		rc = domain_or_literal(s, domain, &domain_n, err);
	if (rc == 0)
		rc = fold(&local, err);
	if (rc != 0)
		return rc;
	n = quote(piece_str(&local), quoted);
	if (n > local_max)
		return error_set(err, ERR_SYNTAX,
		    "local part: %zu bytes, at most %zu", n, local_max);
	return join(a, (struct str){quoted, n}, (struct str){domain, domain_n},
	    out, err);
}

int address_parse(
    struct arena *a, struct str in, struct address *out, struct error *err)
{
	int rc = check_bytes(in, err);

	if (rc == 0)
		rc = strip_brackets(&in, err);
	return rc != 0 ? rc : parse_mailbox(a, in, ADDRESS_LOCAL_MAX, out, err);
}

int address_parse_sender(
    struct arena *a, struct str in, struct address *out, struct error *err)
{
	int rc = check_bytes(in, err);

	if (rc == 0)
		rc = strip_brackets(&in, err);
	if (rc == 0 && in.n == 0) {
		*out = (struct address){.text = STR("")};
		return 0;
	}
	return rc != 0 ? rc : parse_mailbox(a, in, ADDRESS_MAX, out, err);
}

bool address_is_null(const struct address *a)
{
	return a->text.n == 0;
}
