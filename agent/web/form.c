/* form.c - see form.h. A multipart form is a MIME message whose header is the
 * request's Content-Type. */
#include "agent/web/form.h"

#include "policy/mail/mime.h"
#include "policy/mail/mimeparam.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "+" is a blank, "%41" is "A"; a "%" that no two digits follow stays. */
static int unescape(struct arena *a, struct str in, struct str *out)
{
	struct str copy = arena_str(a, in);
	char *p = (char *)(uintptr_t)copy.p;
	size_t n = 0;

	if (p == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < in.n; i++) {
		int hi = i + 2 < in.n ? hex_digit(in.p[i + 1]) : -1;
		int lo = i + 2 < in.n ? hex_digit(in.p[i + 2]) : -1;

		if (in.p[i] == '%' && hi >= 0 && lo >= 0) {
			p[n++] = (char)(hi * 16 + lo);
			i += 2;
		} else {
			p[n++] = in.p[i] == '+' ? ' ' : in.p[i];
		}
	}
	*out = (struct str){p, n};
	return 0;
}

static int get_urlencoded(
    const struct server_request *rq, struct str name, struct str *out)
{
	struct str rest = rq->body, pair, key;

	while (str_next(&rest, '&', &pair)) {
		size_t eq = str_find(pair, 0, '=');
		int rc = unescape(rq->arena, str_cut(pair, 0, eq), &key);

		if (rc != 0)
			return rc;
		if (str_ieq(str_trim(key), name))
			return unescape(
			    rq->arena, str_trim(str_from(pair, eq + 1)), out);
	}
	return ERR_NOT_FOUND;
}

static int get_multipart(
    const struct server_request *rq, struct str name, struct str *out)
{
	char *text = arena_printf(rq->arena, "Content-Type: %.*s\r\n\r\n%.*s",
	    STR_ARG(rq->content_type), STR_ARG(rq->body));
	struct mime m;
	int rc =
	    text == NULL ? ERR_LIMIT : mime_scan(str_of(text), rq->arena, &m);

	for (size_t i = 1; rc == 0 && i < m.n; i++) {
		struct str key;

		if (mimeparam_get(m.part[i].content_disposition, STR("name"),
			rq->arena, &key) == 0 &&
		    str_ieq(key, name)) {
			*out = str_trim(m.part[i].body);
			return 0;
		}
	}
	return rc != 0 ? rc : ERR_NOT_FOUND;
}

int form_get(const struct server_request *rq, const char *name, struct str *out)
{
	*out = STR("");
	if (str_istarts(rq->content_type, STR("multipart/form-data")))
		return get_multipart(rq, str_of(name), out);
	return get_urlencoded(rq, str_of(name), out);
}
