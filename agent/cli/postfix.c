/* postfix.c - see postfix.h. */
#include "agent/cli/postfix.h"

#include "agent/cli/run.h"
#include "policy/mail/headblock.h"

#include <string.h>
#include <time.h>

enum {
	ENVELOPE_MAX = 16 << 20,
	QUEUE_MAX = 512 << 20,
	ARGS_MAX = 10,
};

/* --- the programs --- */

/* NAME [-c DIR] then up to five words. */
static int run(const char *config_dir, const char *const *words, size_t max,
    struct run_result *out, struct error *err)
{
	const char *argv[ARGS_MAX];
	size_t n = 0;

	argv[n++] = *words++;
	if (config_dir != NULL) {
		argv[n++] = "-c";
		argv[n++] = config_dir;
	}
	while (*words != NULL && n + 1 < ARGS_MAX)
		argv[n++] = *words++;
	argv[n] = NULL;
	return run_program(argv, max, out, err);
}

/* The last line it wrote: Postfix's "fatal:" stands there. */
static struct str complaint(const struct run_result *r)
{
	struct str text = str_trim(buf_str(&r->err));
	size_t lf = str_rfind(text, '\n');

	return lf < text.n ? str_from(text, lf + 1) : text;
}

static int told(
    const char *program, int rc, const struct run_result *r, struct error *err)
{
	if (rc != 0)
		return cli_fail(CLI_AGAIN, "%s", err->text);
	return cli_fail(CLI_AGAIN, "%s ended with %d: %.*s", program, r->status,
	    STR_ARG(complaint(r)));
}

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

static int read_envelope(
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

static int read_text(
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

/* --- a message --- */

void postfix_message_fini(struct postfix_message *m)
{
	buf_fini(&m->raw);
	buf_fini(&m->body);
}

static int bad_message(struct str queue_id, int rc)
{
	return cli_fail(CLI_NO, "%.*s: cannot be read: %s", STR_ARG(queue_id),
	    error_text(rc));
}

static int postcat(struct cli *c, const char *config_dir, const char *what,
    struct str queue_id, struct run_result *r)
{
	const char *words[] = {
	    "postcat", what, arena_str(c->arena, queue_id).p, NULL};
	struct error err = {0};
	int rc = run(config_dir, words,
	    strcmp(what, "-eq") == 0 ? ENVELOPE_MAX : CLI_FILE_MAX, r, &err);

	if (rc == 0 && r->status == 0)
		return CLI_DONE;
	if (rc == 0 && str_contains(complaint(r), STR("No such file")))
		return CLI_NO;
	return told("postcat", rc, r, &err);
}

int postfix_read(struct cli *c, const char *config_dir, struct str queue_id,
    struct postfix_message *out, bool *found_out)
{
	struct run_result r;
	int rc, code = postcat(c, config_dir, "-eq", queue_id, &r);

	*out = (struct postfix_message){0};
	buf_init(&out->body, 2 * CLI_FILE_MAX);
	*found_out = code == CLI_DONE;
	rc = code == CLI_DONE ? read_envelope(c->arena, buf_str(&r.out), out)
			      : 0;
	run_fini(&r);
	if (rc != 0)
		return bad_message(queue_id, rc);
	if (code != CLI_DONE)
		return code;
	code = postcat(c, config_dir, "-bhq", queue_id, &r);
	out->raw = r.out;
	buf_init(&r.out, 0);
	run_fini(&r);
	if (code != CLI_DONE) {
		*found_out = code != CLI_NO;
		return code;
	}
	rc = read_text(c->arena, queue_id, out);
	return rc != 0 ? bad_message(queue_id, rc) : CLI_DONE;
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

static int read_list(struct arena *a, struct str text, struct strs *out)
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

int postfix_held(struct cli *c, const char *config_dir, struct strs *ids_out)
{
	static const char *const words[] = {"postqueue", "-j", NULL};
	struct run_result r;
	struct error err = {0};
	int code = CLI_DONE, rc = run(config_dir, words, QUEUE_MAX, &r, &err);

	*ids_out = (struct strs){NULL, 0};
	if (rc != 0 || r.status != 0)
		code = told("postqueue", rc, &r, &err);
	else if ((rc = read_list(c->arena, buf_str(&r.out), ids_out)) != 0)
		code =
		    cli_fail(CLI_AGAIN, "postqueue's list: %s", error_text(rc));
	run_fini(&r);
	return code;
}

/* "postsuper: QUEUEID: removed", and nothing but a sum when it was not
 * there. */
int postfix_delete_held(struct cli *c, const char *config_dir,
    struct str queue_id, bool *deleted_out)
{
	const char *id = arena_str(c->arena, queue_id).p;
	const char *words[] = {"postsuper", "-d", id, "hold", NULL};
	struct run_result r;
	struct error err = {0};
	int rc = run(config_dir, words, ENVELOPE_MAX, &r, &err);
	const char *mark = arena_printf(c->arena, "%s: removed", id);
	int code = rc == 0 && r.status == 0 && mark != NULL
		       ? CLI_DONE
		       : told("postsuper", rc, &r, &err);

	*deleted_out =
	    code == CLI_DONE && str_contains(buf_str(&r.err), str_of(mark));
	run_fini(&r);
	return code;
}
