/* reference.c - see reference.h. */
#include "policy/mail/reference.h"

#include "policy/base/digest.h"

#include <string.h>

enum {
	ID_MAX = 998, /* RFC 5322 section 2.1.1: a line */
};

static bool is_space(char c)
{
	return ascii_is_blank(c) || c == '\r' || c == '\n';
}

/* False: not worth a look. */
static bool squeeze(struct str s, char out[ID_MAX], size_t *n_out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (is_space(s.p[i]))
			continue;
		if (n == ID_MAX)
			return false;
		out[n++] = s.p[i];
	}
	*n_out = n;
	return n > 0;
}

/* ERR_NOT_FOUND: it is none. */
static int digest_of(struct str id, struct reference *out)
{
	unsigned char hash[DIGEST_SHA256];
	char text[ID_MAX];
	size_t n;
	int rc;

	if (!squeeze(id, text, &n))
		return ERR_NOT_FOUND;
	rc = digest_sha256((struct str){text, n}, hash);
	memcpy(out->digest, hash, sizeof(out->digest));
	return rc;
}

/* The last id before `end`, and where it begins; false: there is none. */
static bool last_bracketed(
    struct str s, size_t end, struct str *out, size_t *at_out)
{
	size_t close = str_rfind(str_cut(s, 0, end), '>'), open;

	if (close >= end || close >= s.n)
		return false;
	open = str_rfind(str_cut(s, 0, close), '<');
	if (open >= close)
		return false;
	*out = str_cut(s, open + 1, close - open - 1);
	*at_out = open;
	return true;
}

static bool last_word(struct str s, size_t end, struct str *out, size_t *at_out)
{
	size_t from;

	while (end > 0 && is_space(s.p[end - 1]))
		end--;
	for (from = end; from > 0 && !is_space(s.p[from - 1]);)
		from--;
	*out = str_cut(s, from, end - from);
	*at_out = from;
	return end > from;
}

static bool has(const struct reference_list *l, const struct reference *r)
{
	for (size_t i = 0; i < l->n; i++)
		if (memcmp(l->v[i].digest, r->digest, sizeof(r->digest)) == 0)
			return true;
	return false;
}

/* The newest first. */
static int add_field(struct reference_list *l, struct str value)
{
	bool bracketed = str_find(value, 0, '<') < value.n;
	size_t end = value.n;
	struct reference r;
	struct str id;

	while (l->n < REFERENCES_MAX &&
	       (bracketed ? last_bracketed(value, end, &id, &end)
			  : last_word(value, end, &id, &end))) {
		int rc = digest_of(id, &r);

		if (rc != 0 && rc != ERR_NOT_FOUND)
			return rc;
		if (rc == 0 && !has(l, &r))
			l->v[l->n++] = r;
	}
	return 0;
}

int reference_of(const struct header_list *headers, struct reference *out)
{
	const struct header *h = header_find(headers, STR("Message-ID"), 0);
	struct reference_list l = {.n = 0};
	int rc = h != NULL ? add_field(&l, h->value) : 0;

	if (rc != 0)
		return rc;
	if (l.n == 0)
		return ERR_NOT_FOUND;
	*out = l.v[0];
	return 0;
}

int reference_list(
    const struct header_list *headers, struct reference_list *out)
{
	static const char *const names[] = {"In-Reply-To", "References"};
	int rc = 0;

	out->n = 0;
	for (size_t i = 0; rc == 0 && i < 2; i++) {
		const struct header *h =
		    header_find(headers, str_of(names[i]), 0);

		if (h != NULL)
			rc = add_field(out, h->value);
	}
	return rc;
}
