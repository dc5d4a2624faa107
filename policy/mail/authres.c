/* authres.c - see authres.h. */
#include "policy/mail/authres.h"

#include <errno.h>

enum {
	FIELD_MAX = 4096,
};

/* ---- writing ---- */

/* Names come from strangers' signatures: what a token may not hold ends it
 * (RFC 2045 section 5.1). */
static void put_token(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '.' && s.p[i] != '-' &&
		    s.p[i] != '_')
			return;
		buf_addc(out, s.p[i]);
	}
}

static void put_results(
    struct buf *out, const struct authentic *found, const char *between)
{
	if (found->spf_domain.n > 0) {
		buf_printf(out, ";%sspf=%s smtp.mailfrom=", between,
		    authentic_name(found->spf));
		put_token(out, found->spf_domain);
	}
	for (size_t i = 0; i < found->n; i++) {
		const struct authentic_signature *s = &found->v[i];

		buf_printf(
		    out, ";%sdkim=%s", between, authentic_name(s->result));
		if (s->partial)
			buf_addz(out, " (l=: not the whole body)");
		if (s->loose)
			buf_addz(out, " (h=: not the whole head)");
		if (s->unbound)
			buf_addz(out, " (h=: not To and Content-Type)");
		if (s->domain.n == 0)
			continue;
		buf_addz(out, " header.d=");
		put_token(out, s->domain);
		if (s->selector.n == 0)
			continue;
		buf_addz(out, " header.s=");
		put_token(out, s->selector);
	}
}

void authres_results(struct buf *out, const struct authentic *found)
{
	put_results(out, found, " ");
}

int authres_make(struct str authserv_id, const struct authentic *found,
    struct arena *a, struct str *out)
{
	struct buf b;
	int rc;

	*out = STR_NULL;
	buf_init(&b, FIELD_MAX);
	buf_addc(&b, ' ');
	buf_add(&b, authserv_id);
	if (found->n == 0 && found->spf_domain.n == 0)
		buf_addz(&b, "; none");
	put_results(&b, found, "\n\t");
	rc = buf_error(&b);
	if (rc == 0) {
		*out = arena_str(a, buf_str(&b));
		rc = out->p != NULL ? 0 : ERR_LIMIT;
	}
	buf_fini(&b);
	return rc;
}

/* ---- reading ---- */

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Moves *at over a comment (RFC 5322 section 3.2.2), which begins there. However
 * deep they go: what we could not read, others might believe to be ours. */
static bool skip_comment(struct str s, size_t *at)
{
	size_t depth = 0;

	for (; *at < s.n; (*at)++) {
		if (s.p[*at] == '\\') {
			(*at)++;
		} else if (s.p[*at] == '(') {
			depth++;
		} else if (s.p[*at] == ')' && --depth == 0) {
			(*at)++;
			return true;
		}
	}
	return false;
}

/* Over white space and comments. */
static bool skip_cfws(struct str s, size_t *at)
{
	while (*at < s.n)
		if (is_white(s.p[*at]))
			(*at)++;
		else if (s.p[*at] != '(')
			return true;
		else if (!skip_comment(s, at))
			return false;
	return true;
}

static bool ends_token(char c)
{
	return is_white(c) || c == ';' || c == '(' || c == '"' || c == ',';
}

int authres_server(struct str value, struct str *out)
{
	size_t at = 0, end;

	*out = STR_NULL;
	if (!skip_cfws(value, &at) || at == value.n)
		return ERR_SYNTAX;
	if (value.p[at] == '"') {
		end = str_find(value, at + 1, '"');
		if (end == value.n)
			return ERR_SYNTAX;
		*out = str_trim(str_cut(value, at + 1, end - at - 1));
		return out->n > 0 ? 0 : ERR_SYNTAX;
	}
	for (end = at; end < value.n && !ends_token(value.p[end]); end++)
		continue;
	*out = str_cut(value, at, end - at);
	return out->n > 0 ? 0 : ERR_SYNTAX;
}

/* A quoted name may have backslashes before any character; a final dot makes
 * it no other domain. */
static bool is_name(struct str said, struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < said.n; i++) {
		if (said.p[i] == '\\' && i + 1 < said.n)
			i++;
		if (n < name.n &&
		    ascii_lower(said.p[i]) != ascii_lower(name.p[n]))
			return false;
		if (n >= name.n && (n > name.n || said.p[i] != '.'))
			return false;
		n++;
	}
	return n >= name.n;
}

bool authres_is_ours(struct str value, struct str authserv_id)
{
	struct str said;

	return authres_server(value, &said) == 0 && is_name(said, authserv_id);
}
