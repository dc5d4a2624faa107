/* notice.c - see notice.h. Here: the text of a notice, where the returned
 * message begins in it, and its lines. */
#include "policy/mail/notice.h"

#include "policy/base/buf.h"
#include "policy/mail/charset.h"
#include "policy/mail/headblock.h"
#include "policy/mail/htmltext.h"
#include "policy/mail/multireport.h"

#include <string.h>

/* --- the text --- */

static bool is_returned(const struct mime_part *p)
{
	return p->depth > 0 &&
	       (mime_is(p, "message", NULL) ||
		   mime_is(p, "text", "rfc822-headers")) &&
	       !mime_is(p, "message", "delivery-status");
}

/* A part that is there to be read as the notice itself. */
static bool is_shown(const struct mime_part *p, const char *subtype)
{
	return p->kind == MIME_LEAF && mime_is(p, "text", subtype) &&
	       !str_ieq(p->disposition, STR("attachment"));
}

static int part_text(
    const struct mime_part *p, struct arena *a, struct str *out)
{
	struct str body;
	int rc = multireport_body(p, a, &body);

	*out = STR_NULL;
	if (rc == ERR_SYNTAX)
		return 0; /* unknown encoding: nothing to read */
	if (rc != 0)
		return rc;
	rc = charset_to_utf8(
	    p->charset, str_cut(body, 0, NOTICE_TEXT_MAX), a, out);
	if (rc == 0 && mime_is(p, "text", "html"))
		rc = htmltext_read(*out, a, out);
	return rc;
}

/* All text parts of that subtype before the returned message. */
static int add_parts(
    const struct mime *m, const char *subtype, struct arena *a, struct buf *b)
{
	for (size_t i = 0; i < m->n && b->n < NOTICE_TEXT_MAX; i++) {
		const struct mime_part *p = &m->part[i];
		struct str text;
		int rc;

		if (b->n > 0 && is_returned(p))
			break;
		if (!is_shown(p, subtype) || !multireport_owns(m, i))
			continue;
		rc = part_text(p, a, &text);
		if (rc != 0)
			return rc;
		buf_add(b, str_cut(text, 0, NOTICE_TEXT_MAX - b->n));
		buf_addc(b, '\n');
	}
	return buf_error(b);
}

static int read_text(const struct mime *m, struct arena *a, struct str *out)
{
	struct buf b;
	int rc;

	buf_init(&b, NOTICE_TEXT_MAX + MIME_MAX_PARTS);
	rc = add_parts(m, "plain", a, &b);
	if (rc == 0 && str_trim(buf_str(&b)).n == 0) {
		buf_reset(&b);
		rc = add_parts(m, "html", a, &b);
	}
	if (rc == 0) {
		*out = arena_str(a, buf_str(&b));
		rc = out->p != NULL ? 0 : ERR_LIMIT;
	}
	buf_fini(&b);
	return rc;
}

/* --- the returned message in the text --- */

/* What a line says between its ornaments: "--- Original message ---". */
static struct str inner(struct str line)
{
	while (line.n > 0 && !ascii_is_alnum(line.p[0]))
		line = str_from(line, 1);
	while (line.n > 0 && !ascii_is_alnum(line.p[line.n - 1]))
		line.n--;
	return line;
}

static bool is_marker(struct str line)
{
	static const struct str whole[] = {STR("original message"),
	    STR("original message headers"), STR("returned message"),
	    STR("original mail info"), STR("message header"),
	    STR("message headers"), STR("unsent message")};
	static const struct str begins[] = {
	    STR("below this line is a copy of the message"),
	    STR("this is a copy of the message"),
	    STR("this is a copy of your message"),
	    STR("here is a copy of the message"),
	    STR("original message follows"), STR("original message header"),
	    STR("original message text"), STR("unsent message follows"),
	    STR("unsent message below"), STR("unsent message is"),
	    STR("message header follows"), STR("message headers follow"),
	    STR("message text follows"), STR("message follows"),
	    STR("message contents follow"), STR("returned message follows"),
	    STR("included is a copy of the message"),
	    STR("below is a copy of the original message"),
	    STR("a copy of the original message"),
	    STR("the header of the original message"),
	    STR("the headers of the original message"),
	    STR("start of returned message"), STR("begin forwarded message"),
	    STR("begin message")};
	struct str s = inner(line);

	if (s.n < 8)
		return false;
	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
		if (str_ieq(s, whole[i]))
			return true;
	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
		if (str_istarts(s, begins[i]))
			return true;
	return false;
}

/* "Received: from..." at the margin: what follows came with the message. */
static bool is_trace(struct str line)
{
	static const struct str names[] = {STR("Received:"),
	    STR("Return-Path:"), STR("DKIM-Signature:"), STR("Delivered-To:"),
	    STR("X-Envelope-From:")};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_istarts(line, names[i]))
			return true;
	return false;
}

/* The fields that begin at `at` or below empty and ornamental lines there. */
static int read_returned(struct notice *n, size_t at, struct arena *a)
{
	struct str rest = str_from(n->text, at), line;
	size_t body_at;

	while (rest.n > 0) {
		struct str ahead = rest;

		if (!str_next(&ahead, '\n', &line) || inner(line).n > 0)
			break;
		rest = ahead;
	}
	n->has_returned = true;
	return n->returned.n > 0
		   ? 0
		   : headblock_parse(rest, a, &n->returned, &body_at);
}

static int cut_returned(struct notice *n, struct arena *a)
{
	struct str rest = n->text, line;
	bool said = false; /* something stood above */

	while (str_next(&rest, '\n', &line)) {
		size_t at = (size_t)(line.p - n->text.p);
		bool marker = said && is_marker(line);

		if (marker || (said && is_trace(line))) {
			int rc =
			    read_returned(n, marker ? at + line.n + 1 : at, a);
			n->text.n = at;
			return rc;
		}
		said = said || str_trim(line).n > 0;
	}
	return 0;
}

/* --- words and lines --- */

static int read_words(struct notice *n, struct arena *a)
{
	char *to = arena_alloc(a, n->text.n + 1);
	size_t k = 0;

	if (to == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < n->text.n; i++) {
		char c = n->text.p[i];

		if (c == '\n' || c == '\r' || ascii_is_blank(c)) {
			if (k > 0 && to[k - 1] != ' ')
				to[k++] = ' ';
		} else if (str_starts(
			       str_from(n->text, i), STR("\342\200\231"))) {
			to[k++] = '\'';
			i += 2;
		} else {
			to[k++] = ascii_lower(c);
		}
	}
	n->words = (struct str){to, k};
	return 0;
}

/* "> text" was written by somebody else; ">>> RCPT TO" was not. */
static bool is_quoted(struct str line)
{
	return str_starts(line, STR("> ")) || str_eq(line, STR(">"));
}

static int read_lines(struct notice *n, struct arena *a)
{
	struct str rest = n->text, line;

	n->line = arena_array(a, NOTICE_LINES_MAX, sizeof(*n->line));
	if (n->line == NULL)
		return ERR_LIMIT;
	while (n->n_lines < NOTICE_LINES_MAX && str_next(&rest, '\n', &line)) {
		line = str_trim(line);
		if (is_quoted(line))
			line.n = 0;
		n->line[n->n_lines++] =
		    (struct notice_line){line, NOTICE_COMMON};
	}
	return 0;
}

int notice_read(const struct mime *m, struct arena *a, struct notice *out)
{
	int rc;

	*out = (struct notice){0};
	rc = multireport_returned(m, a, &out->returned, &out->has_returned);
	if (rc == 0)
		rc = read_text(m, a, &out->text);
	if (rc == 0)
		rc = cut_returned(out, a);
	if (rc == 0)
		rc = read_words(out, a);
	if (rc == 0)
		rc = read_lines(out, a);
	return rc;
}
