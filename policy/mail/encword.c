/* encword.c - see encword.h. */
#include "policy/mail/encword.h"

#include "policy/base/buf.h"
#include "policy/mail/mimedecode.h"

struct word {
	char encoding; /* 'b' or 'q' */
	struct str text;
	size_t n; /* bytes of the whole word */
};

/* The encoded word at the start of s. */
static bool read_word(struct str s, struct word *out)
{
	struct str rest = str_cut(s, 2, ENCWORD_MAX), charset, encoding;

	if (!str_starts(s, STR("=?")) || !str_next(&rest, '?', &charset) ||
	    !str_next(&rest, '?', &encoding) ||
	    !str_next(&rest, '?', &out->text) || !str_starts(rest, STR("=")))
		return false;
	if (charset.n == 0 || encoding.n != 1)
		return false;
	out->encoding = ascii_lower(encoding.p[0]);
	out->n = (size_t)(rest.p - s.p) + 1;
	return out->encoding == 'b' || out->encoding == 'q';
}

/* "Q" is quoted-printable with "_" for a blank (section 4.2). */
static int decode_q(struct str text, struct buf *out)
{
	struct buf blanks;
	int rc;

	buf_init(&blanks, 3 * ENCWORD_MAX);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '_')
			buf_addz(&blanks, "=20");
		else
			buf_addc(&blanks, text.p[i]);
	}
	rc = buf_error(&blanks);
	if (rc == 0)
		rc = mimedecode_qp(buf_str(&blanks), out);
	buf_fini(&blanks);
	return rc;
}

static int decode_word(const struct word *w, struct buf *out)
{
	int rc = w->encoding == 'b' ? mimedecode_base64(w->text, out)
				    : decode_q(w->text, out);

	return rc == ERR_SYNTAX ? 0 : rc;
}

static bool is_blank(struct str s)
{
	return str_trim(s).n == 0;
}

static int decode_all(struct str s, struct buf *out)
{
	size_t done = 0; /* what is in out, but for the gap before a word */
	bool after_word = false;
	struct word w;

	for (size_t at = 0; at < s.n;) {
		struct str gap = str_cut(s, done, at - done);
		int rc;

		if (s.p[at] != '=' || !read_word(str_from(s, at), &w)) {
			at++;
			continue;
		}
		if (!after_word || !is_blank(gap))
			buf_add(out, gap);
		rc = decode_word(&w, out);
		if (rc != 0)
			return rc;
		done = at += w.n;
		after_word = true;
	}
	buf_add(out, str_from(s, done));
	return buf_error(out);
}

int encword_decode(struct str s, struct arena *a, struct str *out)
{
	struct buf b;
	int rc;

	*out = s;
	if (!str_contains(s, STR("=?")))
		return 0;
	/* a decoder asks for room for all it reads, "_" being three bytes */
	buf_init(&b, s.n + 3 * ENCWORD_MAX);
	rc = decode_all(s, &b);
	if (rc == 0) {
		*out = arena_str(a, buf_str(&b));
		rc = out->p != NULL ? 0 : ERR_LIMIT;
	}
	buf_fini(&b);
	return rc;
}
