/* mime.c - see mime.h.
 *
 * The scanner jumps from one line that begins with "--" to the next and asks
 * whether it is a delimiter of one of the open multiparts, innermost first.
 * Hashes are compared before bytes, or a few megabytes of short lines inside
 * nested multiparts with much the same boundaries would cost a second.
 * RFC 2046 section 5.1.1 would let a delimiter line go on after the
 * boundary; we take blanks only, since a boundary that is a prefix of another
 * is common and text after a boundary is not.
 *
 * A part's end is known when a delimiter of an ancestor comes, or at the end
 * of the message. A header block is read field by field, so that a delimiter
 * before its empty line still ends the part. */
#include "policy/mail/mime.h"

#include "policy/mail/headblock.h"
#include "policy/mail/mimedecode.h"
#include "policy/mail/mimeparam.h"

#include <string.h>

enum {
	FIRST_PARTS = 8
};

struct scanner {
	struct str msg;
	struct arena *a;
	struct mime *out;
	size_t cap;
	size_t open[MIME_MAX_DEPTH];   /* multiparts, outermost first */
	uint32_t hash[MIME_MAX_DEPTH]; /* of their boundaries */
	uint64_t hashes; /* bit (hash & 63) of each: most lines stop here */
	size_t n_open;
	size_t cur; /* part that takes the bytes read now */
};

struct delimiter {
	size_t level; /* index into open[] */
	bool last;    /* "--boundary--" */
	size_t line_at, next_at;
};

bool mime_is(const struct mime_part *p, const char *type, const char *subtype)
{
	return str_ieq(p->type, str_of(type)) &&
	       (subtype == NULL || str_ieq(p->subtype, str_of(subtype)));
}

static int add_part(struct scanner *sc, size_t parent, unsigned depth)
{
	struct mime *m = sc->out;

	struct mime_part *v =
	    arena_room(sc->a, m->part, m->n, &sc->cap, FIRST_PARTS, sizeof(*v));

	if (v == NULL)
		return ERR_LIMIT;
	m->part = v;
	sc->cur = m->n++;
	m->part[sc->cur] = (struct mime_part){.depth = depth, .parent = parent};
	return 0;
}

/* FNV-1a of s, and of s without its last two bytes. */
static uint32_t hash_line(struct str s, uint32_t *short_out)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < s.n; i++) {
		if (i + 2 == s.n)
			*short_out = h;
		h = (h ^ (unsigned char)s.p[i]) * 16777619U;
	}
	return h;
}

static bool maybe_open(const struct scanner *sc, uint32_t hash)
{
	return (sc->hashes >> (hash & 63) & 1) != 0;
}

/* The innermost open multipart with that boundary. */
static bool find_open(
    const struct scanner *sc, struct str boundary, uint32_t hash, size_t *level)
{
	if (!maybe_open(sc, hash))
		return false;
	for (size_t i = sc->n_open; i-- > 0;) {
		if (sc->hash[i] != hash ||
		    !str_eq(sc->out->part[sc->open[i]].boundary, boundary))
			continue;
		*level = i;
		return true;
	}
	return false;
}

/* Is the line at `at`, which begins with "--", a delimiter that is open? */
static bool match(const struct scanner *sc, size_t at, struct delimiter *out)
{
	size_t lf = str_find(sc->msg, at, '\n'), last_level = 0;
	struct str line = str_cut(sc->msg, at + 2, lf - at - 2);
	uint32_t hash, last_hash = 0;
	bool plain, last;

	out->line_at = at;
	out->next_at = lf < sc->msg.n ? lf + 1 : lf;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	while (line.n > 0 && ascii_is_blank(line.p[line.n - 1]))
		line.n--;
	if (line.n == 0 || line.n > MIME_MAX_BOUNDARY + 2)
		return false;
	hash = hash_line(line, &last_hash);
	plain = find_open(sc, line, hash, &out->level);
	last =
	    line.n > 2 && str_ends(line, STR("--")) &&
	    find_open(sc, str_cut(line, 0, line.n - 2), last_hash, &last_level);
	/* "--a--" may open "a--" or close "a": the inner one is meant */
	out->last = last && (!plain || last_level > out->level);
	if (out->last)
		out->level = last_level;
	return plain || last;
}

static bool match_here(
    const struct scanner *sc, size_t at, struct delimiter *out)
{
	return sc->n_open > 0 && str_starts(str_from(sc->msg, at), STR("--")) &&
	       match(sc, at, out);
}

/* The first LF with "--" behind it, at or after `at`. */
static size_t find_dashes(struct str s, size_t at)
{
	while (at + 2 < s.n) {
		char c = s.p[at + 2];
		if (c != '-')
			at += c == '\n' ? 2 : 3;
		else if (s.p[at + 1] == '-' && s.p[at] == '\n')
			return at;
		else
			at++;
	}
	return s.n;
}

/* The first delimiter at or after `at`, which begins a line. */
static bool next_delimiter(
    const struct scanner *sc, size_t at, struct delimiter *out)
{
	if (sc->n_open == 0)
		return false;
	if (match_here(sc, at, out))
		return true;
	while ((at = find_dashes(sc->msg, at)) < sc->msg.n)
		if (match(sc, ++at, out))
			return true;
	return false;
}

/* Takes a Content- field into the part; the first of a name counts. */
static void take_field(struct mime_part *p, const struct header *h,
    struct str name, struct str *slot)
{
	if (!str_ieq(h->name, name))
		return;
	if (slot->p != NULL)
		p->flags |= MIME_DUPLICATE;
	else
		*slot = h->value;
}

static enum mime_encoding encoding_of(struct str value)
{
	struct str s = mimeparam_token(value);

	if (s.n == 0 || str_ieq(s, STR("7bit")) || str_ieq(s, STR("8bit")) ||
	    str_ieq(s, STR("binary")))
		return MIME_IDENTITY;
	if (str_ieq(s, STR("base64")))
		return MIME_BASE64;
	return str_ieq(s, STR("quoted-printable")) ? MIME_QP
						   : MIME_UNKNOWN_ENCODING;
}

/* Reads the header block at `at` and says where the body begins. */
static size_t read_head(const struct scanner *sc, size_t at)
{
	struct mime_part *p = &sc->out->part[sc->cur];
	struct str encoding = STR_NULL;
	struct delimiter d;
	struct header h;
	size_t begin = at;

	while (!match_here(sc, at, &d) && headblock_next(sc->msg, &at, &h)) {
		if (!str_istarts(h.name, STR("Content-")))
			continue;
		take_field(p, &h, STR("Content-Type"), &p->content_type);
		take_field(p, &h, STR("Content-Transfer-Encoding"), &encoding);
		take_field(
		    p, &h, STR("Content-Disposition"), &p->content_disposition);
	}
	if (!headblock_skip_empty(sc->msg, &at) && at < sc->msg.n)
		p->flags |= MIME_NO_BLANK_LINE;
	p->head = str_cut(sc->msg, begin, at - begin);
	p->body = str_from(sc->msg, at);
	p->encoding = encoding_of(encoding);
	p->disposition = mimeparam_token(p->content_disposition);
	return at;
}

static bool in_digest(const struct scanner *sc)
{
	const struct mime_part *p = &sc->out->part[sc->cur];
	const struct mime_part *up = &sc->out->part[p->parent];

	return p->depth > 0 && mime_is(up, "multipart", "digest");
}

static void set_type(struct scanner *sc)
{
	struct mime_part *p = &sc->out->part[sc->cur];

	if (mimeparam_type(p->content_type, &p->type, &p->subtype))
		return;
	if (p->content_type.p != NULL)
		p->flags |= MIME_BAD_TYPE;
	p->type = STR("text");
	p->subtype = STR("plain");
	if (p->content_type.p == NULL && in_digest(sc)) {
		p->type = STR("message");
		p->subtype = STR("rfc822");
	}
}

static int parameter(struct scanner *sc, const char *name, struct str *out)
{
	struct mime_part *p = &sc->out->part[sc->cur];
	int rc = mimeparam_get(p->content_type, str_of(name), sc->a, out);

	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int set_boundary(struct scanner *sc)
{
	struct mime_part *p = &sc->out->part[sc->cur];
	int rc = parameter(sc, "boundary", &p->boundary);

	while (p->boundary.n > 0 &&
	       ascii_is_blank(p->boundary.p[p->boundary.n - 1]))
		p->boundary.n--; /* must not end in a blank: RFC 2046 */
	if (rc != 0)
		return rc;
	if (p->boundary.n == 0 || p->boundary.n > MIME_MAX_BOUNDARY)
		p->flags |= MIME_NO_BOUNDARY;
	return 0;
}

static void rehash(struct scanner *sc)
{
	sc->hashes = 0;
	for (size_t i = 0; i < sc->n_open; i++)
		sc->hashes |= (uint64_t)1 << (sc->hash[i] & 63);
}

static void push(struct scanner *sc)
{
	uint32_t unused;

	sc->open[sc->n_open] = sc->cur;
	sc->hash[sc->n_open++] =
	    hash_line(sc->out->part[sc->cur].boundary, &unused);
	rehash(sc);
}

static void pop(struct scanner *sc, size_t level, bool closed)
{
	while (sc->n_open > level) {
		struct mime_part *p = &sc->out->part[sc->open[--sc->n_open]];
		if (!closed || sc->n_open > level)
			p->flags |= MIME_UNCLOSED;
	}
	rehash(sc);
}

/* Decides what the part is; a multipart is opened. */
static int set_kind(struct scanner *sc)
{
	struct mime_part *p = &sc->out->part[sc->cur];
	bool message =
	    mime_is(p, "message", "rfc822") || mime_is(p, "message", "global");
	bool multipart = mime_is(p, "multipart", NULL);
	int rc = parameter(sc, "charset", &p->charset);

	if (rc == 0 && multipart)
		rc = set_boundary(sc);
	if (rc != 0 || (!message && !multipart))
		return rc;
	if (p->depth + 1 >= MIME_MAX_DEPTH) {
		p->flags |= MIME_TOO_DEEP;
		return 0;
	}
	if (message && p->encoding == MIME_IDENTITY)
		p->kind = MIME_MESSAGE;
	if (multipart && (p->flags & MIME_NO_BOUNDARY) == 0) {
		p->kind = MIME_MULTIPART;
		push(sc);
	}
	return 0;
}

/* Reads the header of the current part and of the messages it holds. */
static int enter(struct scanner *sc, size_t *at)
{
	for (;;) {
		struct mime_part *p;
		int rc;

		*at = read_head(sc, *at);
		set_type(sc);
		rc = set_kind(sc);
		p = &sc->out->part[sc->cur];
		if (rc != 0 || p->kind != MIME_MESSAGE)
			return rc;
		if (sc->out->n == MIME_MAX_PARTS) {
			p->kind = MIME_LEAF;
			sc->out->cut = true;
			return 0;
		}
		rc = add_part(sc, sc->cur, p->depth + 1);
		if (rc != 0)
			return rc;
	}
}

/* A header that a delimiter cut short loses its last line end to it. */
static void end_part(const struct scanner *sc, struct mime_part *p, size_t end)
{
	size_t head = (size_t)(p->head.p - sc->msg.p);
	size_t body = (size_t)(p->body.p - sc->msg.p);

	p->body.n = end > body ? end - body : 0;
	if (end < head + p->head.n)
		p->head.n = end > head ? end - head : 0;
}

/* Ends the current part and its ancestors below `until` at byte `end`. */
static void close_parts(struct scanner *sc, size_t until, size_t end)
{
	size_t i = sc->cur;

	while (i != until) {
		end_part(sc, &sc->out->part[i], end);
		i = sc->out->part[i].parent;
	}
	sc->cur = until;
}

/* The line end before a delimiter is part of it. */
static size_t before_delimiter(struct str s, size_t at)
{
	if (at == 0 || s.p[at - 1] != '\n')
		return at;
	return at > 1 && s.p[at - 2] == '\r' ? at - 2 : at - 1;
}

static int scan_body(struct scanner *sc, size_t at)
{
	struct delimiter d;

	while (!sc->out->cut && next_delimiter(sc, at, &d)) {
		size_t up = sc->open[d.level];
		int rc;

		close_parts(sc, up, before_delimiter(sc->msg, d.line_at));
		at = d.next_at;
		pop(sc, d.level + !d.last, d.last);
		if (d.last)
			continue;
		if (sc->out->n == MIME_MAX_PARTS) {
			sc->out->cut = true;
			break;
		}
		rc = add_part(sc, up, sc->out->part[up].depth + 1);
		if (rc == 0)
			rc = enter(sc, &at);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int mime_scan(struct str message, struct arena *a, struct mime *out)
{
	struct scanner sc = {.msg = message, .a = a, .out = out};
	size_t at;
	int rc;

	*out = (struct mime){.message = message};
	if (message.p == NULL)
		sc.msg = out->message = STR("");
	rc = headblock_parse(sc.msg, a, &out->head, &at);
	if (rc != 0)
		return rc;
	rc = add_part(&sc, 0, 0);
	if (rc != 0)
		return rc;
	at = headblock_start(sc.msg);
	rc = enter(&sc, &at);
	if (rc == 0)
		rc = scan_body(&sc, at);
	if (rc != 0)
		return rc;
	pop(&sc, 0, false);
	close_parts(&sc, 0, sc.msg.n);
	end_part(&sc, out->part, sc.msg.n);
	return 0;
}

int mime_body(
    const struct mime_part *p, size_t max, struct arena *a, struct str *out)
{
	struct buf b;
	int rc;

	*out = p->body;
	if (p->encoding == MIME_IDENTITY)
		return 0;
	if (p->encoding == MIME_UNKNOWN_ENCODING)
		return ERR_SYNTAX;
	buf_init(&b, max);
	rc = p->encoding == MIME_BASE64 ? mimedecode_base64(p->body, &b)
					: mimedecode_qp(p->body, &b);
	if (rc == ERR_SYNTAX)
		rc = 0; /* lenient, see mime.h */
	if (rc == 0) {
		*out = arena_str(a, buf_str(&b));
		rc = out->p != NULL ? 0 : ERR_LIMIT;
	}
	buf_fini(&b);
	return rc;
}
