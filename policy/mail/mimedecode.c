/* mimedecode.c - see mimedecode.h. The output never exceeds the input, so one
 * buf_extend() gives room for all and the loops store without checks. */
#include "policy/mail/mimedecode.h"

#include <string.h>

enum {
	PAD = 64,
	GAP = 65,
	BAD = 66
};

/* One base64 character: 0 to 63, or one of the above. */
static unsigned sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0') + 52;
	switch (c) {
	case '+':
		return 62;
	case '/':
		return 63;
	case '=':
		return PAD;
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		return GAP;
	default:
		return BAD;
	}
}

struct run {
	unsigned bits;
	unsigned have; /* characters of the group of four read so far */
	unsigned pads; /* "=" still due */
	bool clean;
};

static size_t take(struct run *r, unsigned v, char *to)
{
	if (r->pads > 0) {
		r->clean = false; /* data where "=" was due */
		r->pads = 0;
	}
	r->bits = r->bits << 6 | v;
	if (++r->have < 4)
		return 0;
	to[0] = (char)(r->bits >> 16 & 0xff);
	to[1] = (char)(r->bits >> 8 & 0xff);
	to[2] = (char)(r->bits & 0xff);
	r->have = 0;
	r->bits = 0;
	return 3;
}

/* End of a run: two characters make a byte, three make two. */
static size_t flush(struct run *r, char *to)
{
	size_t n = r->have > 0 ? r->have - 1 : 0;

	if (r->have == 1)
		r->clean = false;
	if (r->have == 2)
		to[0] = (char)(r->bits >> 4 & 0xff);
	if (r->have == 3) {
		to[0] = (char)(r->bits >> 10 & 0xff);
		to[1] = (char)(r->bits >> 2 & 0xff);
	}
	r->have = 0;
	r->bits = 0;
	return n;
}

static size_t padding(struct run *r, char *to)
{
	if (r->have == 0) {
		if (r->pads == 0)
			r->clean = false;
		else
			r->pads--;
		return 0;
	}
	r->pads = r->have == 2 ? 1 : 0;
	return flush(r, to);
}

int mimedecode_base64(struct str s, struct buf *out)
{
	struct run r = {.clean = true};
	size_t start = out->n, n = 0;
	char *to = buf_extend(out, s.n);

	if (to == NULL)
		return buf_error(out);
	for (size_t i = 0; i < s.n; i++) {
		unsigned v = sextet(s.p[i]);
		if (v < PAD)
			n += take(&r, v, to + n);
		else if (v == PAD)
			n += padding(&r, to + n);
		else if (v == BAD)
			r.clean = false;
	}
	if (r.have > 0 || r.pads > 0)
		r.clean = false;
	n += flush(&r, to + n);
	buf_truncate(out, start + n);
	return r.clean ? 0 : ERR_SYNTAX;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t skip_blanks(struct str s, size_t at)
{
	while (at < s.n && ascii_is_blank(s.p[at]))
		at++;
	return at;
}

/* Bytes of the line end at `at`; 0 if there is none. */
static size_t line_end(struct str s, size_t at)
{
	if (at < s.n && s.p[at] == '\n')
		return 1;
	return at + 1 < s.n && s.p[at] == '\r' && s.p[at + 1] == '\n' ? 2 : 0;
}

/* What "=" at `at` means: one byte, a soft line break, or itself. */
static size_t escape(struct str s, size_t at, char **to, bool *clean)
{
	int hi = at + 1 < s.n ? hex(s.p[at + 1]) : -1;
	int lo = at + 2 < s.n ? hex(s.p[at + 2]) : -1;
	size_t end;

	if (hi >= 0 && lo >= 0) {
		*(*to)++ = (char)(hi * 16 + lo);
		return at + 3;
	}
	end = skip_blanks(s, at + 1);
	if (end == s.n || line_end(s, end) > 0)
		return end + line_end(s, end);
	*clean = false;
	*(*to)++ = '=';
	return at + 1;
}

/* A run of blanks: dropped at the end of a line, else copied. */
static size_t blanks(struct str s, size_t at, char **to)
{
	size_t end = skip_blanks(s, at);

	if (end == s.n || line_end(s, end) > 0)
		return end;
	memcpy(*to, s.p + at, end - at);
	*to += end - at;
	return end;
}

int mimedecode_qp(struct str s, struct buf *out)
{
	size_t start = out->n, at = 0;
	char *to = buf_extend(out, s.n), *base = to;
	bool clean = true;

	if (to == NULL)
		return buf_error(out);
	while (at < s.n) {
		char c = s.p[at];
		if (c == '=') {
			at = escape(s, at, &to, &clean);
		} else if (ascii_is_blank(c)) {
			at = blanks(s, at, &to);
		} else {
			clean = clean && (unsigned char)c < 0x80;
			*to++ = c;
			at++;
		}
	}
	buf_truncate(out, start + (size_t)(to - base));
	return clean ? 0 : ERR_SYNTAX;
}
