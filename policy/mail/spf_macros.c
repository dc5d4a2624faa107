/* spf_macros.c - see spf_macros.h. */
#include "policy/mail/spf_macros.h"

#include "policy/base/buf.h"
#include "policy/mail/resolver.h"
#include "policy/mail/spf.h"

#include <string.h>

enum {
	EXPANDED_MAX = 4096, /* before labels are taken off */
	PARTS_MAX = 128,
	IP_TEXT = 64,
};

bool spf_vars_need_name(struct str spec)
{
	struct spf_macro m;

	for (size_t at = 0; at < spec.n;) {
		if (spec.p[at] != '%') {
			at++;
			continue;
		}
		if (spf_macro_parse(str_from(spec, at), &m) != 0)
			return false;
		if (m.letter == 'p')
			return true;
		at += m.n;
	}
	return false;
}

/* Section 7.3: dotted quad, or 32 nibbles with dots. */
static struct str client_text(const unsigned char client[16], char out[IP_TEXT])
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	if (spf_is_ip4(client)) {
		struct buf b;
		struct str s;

		buf_init(&b, IP_TEXT);
		buf_printf(&b, "%u.%u.%u.%u", client[12], client[13],
		    client[14], client[15]);
		s = buf_str(&b);
		n = s.n < IP_TEXT ? s.n : 0;
		if (n > 0)
			memcpy(out, s.p, n);
		buf_fini(&b);
		return (struct str){out, n};
	}
	for (size_t i = 0; i < 16; i++) {
		out[n++] = hex[client[i] >> 4];
		out[n++] = '.';
		out[n++] = hex[client[i] & 15];
		out[n++] = '.';
	}
	return (struct str){out, n - 1};
}

static bool is_split(struct str delims, char c)
{
	return delims.n == 0 ? c == '.' : str_find(delims, 0, c) < delims.n;
}

static bool is_unreserved(char c)
{
	return ascii_is_alnum(c) || (c != '\0' && strchr("-._~", c) != NULL);
}

static void put_escaped(struct buf *out, struct str s, bool escape)
{
	for (size_t i = 0; i < s.n; i++)
		if (escape && !is_unreserved(s.p[i]))
			buf_printf(out, "%%%02X", (unsigned char)s.p[i]);
		else
			buf_addc(out, s.p[i]);
}

/* Splits, turns round, keeps what is on the right, joins with dots. */
static int put_value(struct buf *out, struct str s, const struct spf_macro *m)
{
	struct str parts[PARTS_MAX];
	size_t n = 0, from = 0;

	if (m->keep == 0 && !m->reverse && m->delims.n == 0) {
		put_escaped(out, s, m->escape);
		return 0;
	}
	for (size_t i = 0; i <= s.n; i++) {
		if (i < s.n && !is_split(m->delims, s.p[i]))
			continue;
		if (n == PARTS_MAX)
			return ERR_LIMIT;
		parts[n++] = str_cut(s, from, i - from);
		from = i + 1;
	}
	for (size_t i = m->keep > 0 && m->keep < n ? n - m->keep : 0; i < n;
	     i++) {
		put_escaped(out, parts[m->reverse ? n - 1 - i : i], m->escape);
		if (i + 1 < n)
			buf_addc(out, '.');
	}
	return 0;
}

static int put_macro(
    struct buf *out, const struct spf_vars *v, const struct spf_macro *m)
{
	char ip[IP_TEXT];
	struct buf sender;
	int rc;

	switch (m->letter) {
	case '%':
		buf_addc(out, '%');
		return 0;
	case ' ':
		buf_addc(out, ' ');
		return 0;
	case '-':
		buf_addz(out, "%20");
		return 0;
	case 's':
		buf_init(&sender, EXPANDED_MAX);
		buf_add(&sender, v->local);
		buf_addc(&sender, '@');
		buf_add(&sender, v->domain);
		rc = buf_error(&sender);
		if (rc == 0)
			rc = put_value(out, buf_str(&sender), m);
		buf_fini(&sender);
		return rc;
	case 'l':
		return put_value(out, v->local, m);
	case 'o':
		return put_value(out, v->domain, m);
	case 'd':
		return put_value(out, v->current, m);
	case 'i':
		return put_value(out, client_text(v->client, ip), m);
	case 'p':
		return put_value(
		    out, v->name.n > 0 ? v->name : STR("unknown"), m);
	case 'v':
		return put_value(out,
		    spf_is_ip4(v->client) ? STR("in-addr") : STR("ip6"), m);
	case 'h':
		return put_value(out, v->helo, m);
	default:
		return ERR_SYNTAX;
	}
}

static struct str shorten(struct str name)
{
	if (str_ends(name, STR(".")))
		name.n--;
	while (name.n > RESOLVER_NAME_MAX)
		name = str_from(name, str_find(name, 0, '.') + 1);
	return name;
}

int spf_vars_expand(
    const struct spf_vars *v, struct str spec, struct arena *a, struct str *out)
{
	struct spf_macro m;
	struct buf b;
	int rc = 0;

	buf_init(&b, EXPANDED_MAX);
	for (size_t at = 0; rc == 0 && at < spec.n;) {
		if (spec.p[at] != '%') {
			buf_addc(&b, spec.p[at++]);
			continue;
		}
		rc = spf_macro_parse(str_from(spec, at), &m);
		if (rc == 0)
			rc = put_macro(&b, v, &m);
		at += m.n;
	}
	if (rc == 0)
		rc = buf_error(&b);
	if (rc == 0) {
		*out = arena_str(a, shorten(buf_str(&b)));
		rc = out->p != NULL ? 0 : ERR_LIMIT;
	}
	buf_fini(&b);
	return rc;
}

struct str spf_vars_reverse(const struct spf_vars *v, struct arena *a)
{
	struct str out = STR_NULL;

	if (spf_vars_expand(v,
		spf_is_ip4(v->client) ? STR("%{ir}.in-addr.arpa")
				      : STR("%{ir}.ip6.arpa"),
		a, &out) != 0)
		return STR_NULL;
	return out;
}
