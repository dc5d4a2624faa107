/* sort_search.c - see sort_search.h.
 *
 * A token is a word of letters and digits of one of few lengths. The bytes of
 * the mail are searched as they stand, which is all its fields, then what its
 * encoded parts decode to. */
#include "agent/in/sort_search.h"

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

/* In base32 (RFC 4648). Of the words of that length in base64 few are. */
static bool is_base32(struct str word)
{
	for (size_t i = 0; i < word.n; i++)
		if (!ascii_is_alnum(word.p[i]) ||
		    (word.p[i] < '2' || (word.p[i] > '7' && word.p[i] <= '9')))
			return false;
	return true;
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

static int search_decoded(struct search *s, struct str message, struct arena *a)
{
	struct mime m;
	int rc = mime_scan(message, a, &m);

	for (size_t i = 0; rc == 0 && !s->ambiguous && i < m.n; i++) {
		const struct mime_part *p = &m.part[i];
		struct str text;

		if (p->kind != MIME_LEAF ||
		    (p->encoding != MIME_BASE64 && p->encoding != MIME_QP))
			continue;
		rc = mime_body(p, MULTIREPORT_BODY_MAX, a, &text);
		if (rc == 0)
			rc = search_text(s, text);
		else if (rc == ERR_LIMIT) /* an attachment: others are read */
			rc = 0;
	}
	return rc;
}

int sort_search(const struct token_keys *keys, struct str message,
    struct arena *a, struct token *out)
{
	struct search s = {.keys = keys, .out = out};
	int rc = search_text(&s, message);

	if (rc == 0 && !s.ambiguous)
		rc = search_decoded(&s, message, a);
	if (rc == 0 && (!s.found || s.ambiguous))
		rc = ERR_NOT_FOUND;
	return rc;
}
