/* postout.c - see postout.h. */
#include "agent/cli/postout.h"

#include "agent/value.h"
#include "policy/mail/headblock.h"

#include <string.h>
#include <time.h>

/* --- the envelope --- */

/* Postfix stores addresses without the quotes that SMTP wants. */
static bool needs_quotes(struct str local)
{
	static const char special[] = "()<>[]:;@\\,\" ";

	for (size_t i = 0; i < local.n; i++) {
		unsigned char c = (unsigned char)local.p[i];
		if (c < ' ' || c == 0x7f || memchr(special, c, 13) != NULL)
			return true;
	}
	return local.n == 0;
}

static int quote(struct arena *a, struct str in, struct str *out)
{
	size_t at = str_rfind(in, '@'), n = 0;
	struct str local = str_cut(in, 0, at);
	char *p = arena_alloc(a, 2 * in.n + 3);

	if (p == NULL)
		return ERR_LIMIT;
	*out = (struct str){p, in.n};
	if (at == in.n || !needs_quotes(local)) {
		memcpy(p, in.p, in.n);
		return 0;
	}
	p[n++] = '"';
	for (size_t i = 0; i < local.n; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			p[n++] = '\\';
		p[n++] = local.p[i];
	}
	p[n++] = '"';
	memcpy(p + n, in.p + at, in.n - at);
	out->n = n + in.n - at;
	return 0;
}

static bool field(struct str line, const char *name, struct str *out)
{
	struct str prefix = str_of(name);

	if (!str_starts(line, prefix))
		return false;
	*out = str_from(line, prefix.n);
	return true;
}

/* "*** ENVELOPE RECORDS hold/4abcQ1 ***"; folders may be hashed. */
static struct str queue_of(struct str line)
{
	struct str path;

	return field(line, "*** ENVELOPE RECORDS ", &path)
		   ? str_cut(path, 0, str_find(path, 0, '/'))
		   : STR("");
}

/* As asctime(3) writes it, in the zone of this process: postcat is its child. */
static int64_t read_time(struct arena *a, struct str value)
{
	struct str z = arena_str(a, str_trim(value));
	struct tm tm = {.tm_isdst = -1};
	const char *end =
	    z.p != NULL ? strptime(z.p, "%a %b %d %H:%M:%S %Y", &tm) : NULL;
	time_t t = end != NULL && *end == '\0' ? mktime(&tm) : (time_t)-1;

	return t > 0 ? (int64_t)t * 1000 : 0;
}

static size_t count_lines(struct str text, const char *name)
{
	struct str line, unused;
	size_t n = 0;

	while (str_next(&text, '\n', &line))
		n += field(line, name, &unused);
	return n;
}

/* Of smtpd(8), whatever else a sender may have put there. */
static bool is_local(struct str text)
{
	return count_lines(text, "named_attribute: log_client_address=") == 0 &&
	       count_lines(text, "named_attribute: client_address=") == 0;
}

/* An alias is one recipient, named by each of its members. */
static int add_rcpt(struct arena *a, struct str given, struct str *v, size_t *n)
{
	int rc = quote(a, given, &v[*n]);

	if (rc == 0 && (*n == 0 || !str_eq(v[*n - 1], v[*n])))
		++*n;
	return rc;
}

static int read_rcpts(struct arena *a, struct str text, struct strs *out)
{
	struct str *v =
	    arena_array(a, count_lines(text, "recipient: ") + 1, sizeof(*v));
	struct str line, value, given = STR("");
	size_t n = 0;
	int rc = v != NULL ? 0 : ERR_LIMIT;

	while (rc == 0 && str_next(&text, '\n', &line) &&
	       !str_starts(line, STR("*** "))) {
		if (field(line, "original_recipient: ", &value)) {
			given = value;
		} else if (field(line, "recipient: ", &value)) {
			rc = add_rcpt(a, given.n > 0 ? given : value, v, &n);
			given = STR("");
		} else if (field(line, "done_recipient: ", &value)) {
			given = STR("");
		}
	}
	*out = (struct strs){v, n};
	return rc;
}

int postout_envelope(
    struct arena *a, struct str text, struct postfix_message *m)
{
	struct str line, value;
	int rc;

	if (!str_next(&text, '\n', &line))
		return ERR_SYNTAX;
	m->local = is_local(text);
	m->queue = arena_str(a, queue_of(line));
	if (m->queue.n == 0)
		return ERR_SYNTAX;
	while (str_next(&text, '\n', &line)) {
		if (field(line, "message_arrival_time: ", &value))
			m->arrived_ms = read_time(a, value);
		if (!field(line, "sender: ", &value))
			continue;
		rc = quote(a, value, &m->sender);
		return rc != 0 ? rc : read_rcpts(a, text, &m->rcpts);
	}
	return ERR_SYNTAX;
}

/* --- the text --- */

static void add_crlf(struct buf *out, struct str body)
{
	struct str line;

	buf_expect(out, body.n + body.n / 32);
	while (body.n > 0) {
		size_t lf = str_find(body, 0, '\n');

		line = str_cut(body, 0, lf);
		buf_add(out, line);
		buf_addz(out, "\r\n");
		body = str_from(body, lf + 1);
	}
}

/* The MTA's own "Received: by ... id QUEUEID" is not shown to milters. */
static void drop_trace(struct header_list *l, struct str queue_id)
{
	if (l->n == 0 || !str_ieq(l->v[0].name, STR("Received")) ||
	    !str_contains(l->v[0].value, queue_id))
		return;
	l->v++;
	l->n--;
}

int postout_text(
    struct arena *a, struct str queue_id, struct postfix_message *m)
{
	struct str text = buf_str(&m->raw);
	size_t body_at = 0;
	int rc = headblock_parse(text, a, &m->headers, &body_at);

	if (rc != 0)
		return rc;
	drop_trace(&m->headers, queue_id);
	add_crlf(&m->body, str_from(text, body_at));
	return buf_error(&m->body);
}

/* --- the hold queue --- */

static int read_line(struct arena *a, struct str line, struct str *out)
{
	struct error err = {0};
	struct value *v = NULL;
	int rc = value_parse(line, &v, &err);

	*out = STR("");
	if (rc == 0 && str_eq(value_get_str(v, "queue_name"), STR("hold"))) {
		*out = arena_str(a, value_get_str(v, "queue_id"));
		rc = out->p != NULL ? 0 : ERR_LIMIT;
	}
	value_free(&v);
	return rc;
}

int postout_held(struct arena *a, struct str text, struct strs *out)
{
	struct str line,
	    *v = arena_array(a, count_lines(text, "{") + 1, sizeof(*v));
	size_t n = 0;
	int rc = v != NULL ? 0 : ERR_LIMIT;

	while (rc == 0 && str_next(&text, '\n', &line)) {
		if (!str_starts(line, STR("{")))
			continue;
		rc = read_line(a, line, &v[n]);
		n += rc == 0 && v[n].n > 0;
	}
	*out = (struct strs){v, n};
	return rc;
}
