/* sort_search.c - see sort_search.h.
 *
 * A token is a word of letters and digits of one of few lengths. The bytes of
 * the mail are searched as they stand, which is all its fields, then what its
 * encoded parts decode to. */
#include "agent/in/sort_search.h"

#include "policy/base/buf.h"
#include "policy/base/error.h"
#include "policy/mail/mimedecode.h"
#include "policy/mail/multireport.h"

struct search {
	const struct token_keys *keys;
	struct token *out;
	bool found, ambiguous;
	unsigned words;
};

static bool is_token_long(size_t n)
{
	return n == token_length(TOKEN_FEEDBACK) ||
	       n == token_length(TOKEN_CLICK) ||
	       n == token_length(TOKEN_UNSUBSCRIBE);
}

/* In base32 (RFC 4648), of one case, as we write it and those who change it do:
 * of the words of that length in base64, of which a message with attachments has
 * ten thousands, hardly any is. */
static bool is_base32(struct str word)
{
	bool lower = false, upper = false;

	for (size_t i = 0; i < word.n; i++) {
		char c = word.p[i];

		if (!ascii_is_alnum(c) || c < '2' || (c > '7' && c <= '9'))
			return false;
		lower |= c >= 'a';
		upper |= c >= 'A' && c <= 'Z';
	}
	return !lower || !upper;
}

static int try_word(struct search *s, struct str word)
{
	static const unsigned any = ~0U;
	struct token t;
	int rc;

	if (!is_token_long(word.n) || !is_base32(word))
		return 0;
	if (s->words++ >= SORT_SEARCH_WORDS) {
		s->ambiguous = true;
		return 0;
	}
	rc = token_parse(s->keys, any, word, &t);
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	if (s->found && s->out->message_id != t.message_id)
		s->ambiguous = true;
	s->found = true;
	*s->out =
	    (struct token){.kind = TOKEN_FEEDBACK, .message_id = t.message_id};
	return 0;
}

static int search_text(struct search *s, struct str text)
{
	size_t begin = 0;
	int rc = 0;

	for (size_t at = 0; rc == 0 && !s->ambiguous && at <= text.n; at++) {
		if (at < text.n && ascii_is_alnum(text.p[at]))
			continue;
		rc = try_word(s, str_cut(text, begin, at - begin));
		begin = at + 1;
	}
	return rc;
}

/* Of no use when it was searched: it need not fit the arena. */
static int search_part(struct search *s, const struct mime_part *p)
{
	struct str body = str_cut(p->body, 0, MULTIREPORT_BODY_MAX);
	struct buf b;
	int rc;

	buf_init(&b, MULTIREPORT_BODY_MAX);
	rc = p->encoding == MIME_BASE64 ? mimedecode_base64(body, &b)
					: mimedecode_qp(body, &b);
	if (rc == 0 || rc == ERR_SYNTAX)
		rc = search_text(s, buf_str(&b));
	buf_fini(&b);
	return rc;
}

static int search_decoded(struct search *s, struct str message, struct arena *a)
{
	struct mime m;
	int rc = mime_scan(message, a, &m);

	for (size_t i = 0; rc == 0 && !s->ambiguous && i < m.n; i++) {
		const struct mime_part *p = &m.part[i];

		if (p->kind != MIME_LEAF ||
		    (p->encoding != MIME_BASE64 && p->encoding != MIME_QP))
			continue;
		rc = search_part(s, p);
	}
	return rc;
}

int sort_search(const struct token_keys *keys, struct str message, size_t from,
    struct arena *a, struct token *out)
{
	struct search s = {.keys = keys, .out = out};
	int rc = search_text(&s, str_from(message, from));

	if (rc == 0 && !s.ambiguous)
		rc = search_decoded(&s, message, a);
	if (rc == 0 && (!s.found || s.ambiguous))
		rc = ERR_NOT_FOUND;
	return rc;
}
