/* multireport.c - see multireport.h. */
#include "policy/mail/multireport.h"

#include "policy/mail/headblock.h"

bool multireport_owns(const struct mime *m, size_t part)
{
	while (part != 0) {
		part = m->part[part].parent;
		if (m->part[part].kind == MIME_MESSAGE)
			return false;
	}
	return true;
}

static bool is_subtype(struct str subtype, struct str want)
{
	if (str_istarts(subtype, STR("global-")))
		subtype = str_from(subtype, 7);
	return str_ieq(subtype, want);
}

/* The second part of the top multipart/report, where its label is wrong. */
static const struct mime_part *mislabelled(
    const struct mime *m, const char *subtype, size_t *at)
{
	size_t children = 0;

	if (!mime_is(m->part, "multipart", "report") ||
	    !str_icontains(m->part[0].content_type, str_of(subtype)))
		return NULL;
	for (size_t i = 1; i < m->n; i++) {
		const struct mime_part *p = &m->part[i];
		if (p->parent != 0 || ++children < 2)
			continue;
		if (p->kind != MIME_LEAF || mime_is(p, "text", NULL) ||
		    mime_is(p, "message", "rfc822"))
			return NULL;
		*at = i + 1;
		return p;
	}
	return NULL;
}

const struct mime_part *multireport_next(
    const struct mime *m, const char *subtype, size_t *at)
{
	for (size_t i = *at; i < m->n; i++) {
		const struct mime_part *p = &m->part[i];
		if (!mime_is(p, "message", NULL) ||
		    !is_subtype(p->subtype, str_of(subtype)) ||
		    !multireport_owns(m, i))
			continue;
		*at = i + 1;
		return p;
	}
	return *at == 0 ? mislabelled(m, subtype, at) : NULL;
}

static bool is_returned(const struct mime_part *p)
{
	return p->depth > 0 && (mime_is(p, "message", "rfc822") ||
				   mime_is(p, "message", "global") ||
				   mime_is(p, "text", "rfc822-headers") ||
				   mime_is(p, "message", "rfc822-headers") ||
				   mime_is(p, "message", "global-headers"));
}

int multireport_body(
    const struct mime_part *p, struct arena *a, struct str *out)
{
	struct mime_part begin = *p;

	if (p->encoding != MIME_IDENTITY)
		begin.body = str_cut(p->body, 0, MULTIREPORT_BODY_MAX);
	return mime_body(&begin, MULTIREPORT_BODY_MAX, a, out);
}

int multireport_returned(const struct mime *m, struct arena *a,
    struct header_list *out, bool *found_out)
{
	*found_out = false;
	*out = (struct header_list){0};
	for (size_t i = 0; i < m->n; i++) {
		struct str text;
		size_t body_at;
		int rc;

		if (!is_returned(&m->part[i]) || !multireport_owns(m, i))
			continue;
		*found_out = true;
		rc = multireport_body(&m->part[i], a, &text);
		if (rc == ERR_SYNTAX)
			return 0; /* unknown encoding: nothing to read */
		return rc != 0 ? rc : headblock_parse(text, a, out, &body_at);
	}
	return 0;
}

int multireport_notice(const struct mime *m, struct arena *a, struct str *out)
{
	*out = STR_NULL;
	for (size_t i = 0; i < m->n; i++) {
		int rc;

		if (!mime_is(&m->part[i], "text", "plain") ||
		    m->part[i].kind != MIME_LEAF || !multireport_owns(m, i))
			continue;
		rc = multireport_body(&m->part[i], a, out);
		return rc == ERR_SYNTAX ? 0 : rc;
	}
	return 0;
}

static bool is_space(char c)
{
	return ascii_is_blank(c) || c == '\r' || c == '\n';
}

struct str multireport_text(struct arena *a, struct str value)
{
	struct str s = str_cut(str_trim(value), 0, MULTIREPORT_TEXT_MAX);
	char *to = arena_alloc(a, s.n + 1);
	size_t n = 0;

	if (to == NULL)
		return STR_NULL;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_space(s.p[i]))
			to[n++] = s.p[i];
		else if (n > 0 && to[n - 1] != ' ')
			to[n++] = ' ';
	}
	return str_trim((struct str){to, n});
}

struct str multireport_typed(struct str value, struct str *type_out)
{
	size_t semi = str_find(value, 0, ';');
	struct str type = str_trim(str_cut(value, 0, semi));

	*type_out = STR_NULL;
	if (semi == value.n || type.n == 0)
		return str_trim(value);
	for (size_t i = 0; i < type.n; i++)
		if (!ascii_is_alnum(type.p[i]) && type.p[i] != '-' &&
		    type.p[i] != '_' && type.p[i] != '.')
			return str_trim(value);
	*type_out = type;
	return str_trim(str_from(value, semi + 1));
}

/* Where the mailbox that begins at `at` ends: at a blank or the closing
 * bracket, but not inside a quoted local part. */
static size_t mailbox_end(struct str s, size_t at)
{
	bool quoted = false;

	for (; at < s.n; at++) {
		if (s.p[at] == '"')
			quoted = !quoted;
		else if (quoted && s.p[at] == '\\')
			at++;
		else if (!quoted && (is_space(s.p[at]) || s.p[at] == '>'))
			break;
	}
	return at < s.n ? at : s.n;
}

struct str multireport_address(struct str value)
{
	struct str s = str_trim(value);
	size_t open = str_find(s, 0, '<');
	size_t at = open < s.n ? open + 1 : 0;

	while (at < s.n && is_space(s.p[at]))
		at++;
	return str_cut(s, at, mailbox_end(s, at) - at);
}

int multireport_take(const struct multireport_field *fields, size_t n,
    const struct header *h, struct arena *a)
{
	for (size_t i = 0; i < n; i++) {
		struct str text, type;

		if (!str_ieq(h->name, fields[i].name) ||
		    fields[i].slot->p != NULL)
			continue;
		text = multireport_text(a, h->value);
		if (text.p == NULL)
			return ERR_LIMIT;
		*fields[i].slot =
		    fields[i].address
			? multireport_address(multireport_typed(text, &type))
			: text;
		return 0;
	}
	return 0;
}
