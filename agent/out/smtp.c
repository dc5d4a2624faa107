/* smtp.c - see smtp.h. */
#include "agent/out/smtp.h"

#include "agent/out/smtpconn.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	COMMAND_MS = 30000,
	END_MS = 600000,
	CLOSE_MS = 2000,
	LINES_MAX = 100, /* of one reply */
	COMMAND_MAX = 4096,
	CHUNK = 32768,
};

enum offer {
	OFFER_SIZE = 1,
	OFFER_8BITMIME = 2,
	OFFER_DSN = 4,
	OFFER_SMTPUTF8 = 8,
};

struct smtp {
	struct smtp_options o;
	struct smtpconn *conn; /* NULL: not connected */
	unsigned offers;
	enum smtp_stage stage;
};

struct smtp *smtp_new(const struct smtp_options *o)
{
	struct smtp *s = fault_alloc() ? NULL : calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->o = *o;
	if (s->o.command_ms == 0)
		s->o.command_ms = COMMAND_MS;
	if (s->o.end_ms == 0)
		s->o.end_ms = END_MS;
	return s;
}

/* --- replies --- */

/* RFC 3463 section 2: class "." subject "." detail. */
static size_t enhanced_length(struct str s)
{
	size_t at = 0;

	for (int part = 0; part < 3; part++) {
		size_t from = at;

		while (at < s.n && at - from < 3 && ascii_is_digit(s.p[at]))
			at++;
		if (at == from || (part < 2 && (at == s.n || s.p[at] != '.')))
			return 0;
		at += part < 2;
	}
	return at == s.n || s.p[at] == ' ' ? at : 0;
}

static void add_text(struct smtp_reply *r, struct str text)
{
	size_t n = strlen(r->text), e = enhanced_length(text);

	if (e > 0 && e < sizeof(r->enhanced)) {
		(void)snprintf(
		    r->enhanced, sizeof(r->enhanced), "%.*s", (int)e, text.p);
		text = str_trim(str_from(text, e));
	}
	if (n > 0 && n + 1 < sizeof(r->text))
		r->text[n++] = ' ';
	for (size_t i = 0; i < text.n && n + 1 < sizeof(r->text); i++)
		r->text[n++] =
		    text.p[i] >= ' ' && text.p[i] <= '~' ? text.p[i] : '?';
	r->text[n] = '\0';
}

/* One line of a reply: "250-text" goes on, "250 text" and "250" end. */
static int add_line(struct smtp_reply *r, struct str line, bool *last)
{
	uint64_t code;

	if (line.n < 3 || str_u64(str_cut(line, 0, 3), 599, &code) != 0 ||
	    code < 200 || (r->code != 0 && r->code != (int)code) ||
	    (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-'))
		return ERR_SYNTAX;
	r->code = (int)code;
	*last = line.n == 3 || line.p[3] == ' ';
	add_text(r, str_from(line, 4));
	return 0;
}

static void see_offer(struct smtp *s, struct str line)
{
	static const struct {
		struct str name;
		enum offer offer;
	} known[] = {
	    {{"SIZE", 4}, OFFER_SIZE},
	    {{"8BITMIME", 8}, OFFER_8BITMIME},
	    {{"DSN", 3}, OFFER_DSN},
	    {{"SMTPUTF8", 8}, OFFER_SMTPUTF8},
	};
	struct str word = str_from(line, 4);

	word = str_cut(word, 0, str_find(word, 0, ' '));
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_ieq(word, known[i].name))
			s->offers |= (unsigned)known[i].offer;
}

static int read_reply(struct smtp *s, int64_t timeout_ms, bool offers,
    struct smtp_reply *out, struct error *err)
{
	int64_t end_ms = clock_mono_ms() + timeout_ms;
	bool last = false;

	*out = (struct smtp_reply){.stage = s->stage};
	for (int i = 0; !last; i++) {
		struct str line;
		int rc =
		    i < LINES_MAX
			? smtpconn_line(
			      s->conn, end_ms - clock_mono_ms(), &line, err)
			: error_set(err, ERR_LIMIT, "SMTP: reply too long");

		if (rc == 0 && add_line(out, line, &last) != 0)
			rc = error_set(err, ERR_SYNTAX, "SMTP: not a reply");
		if (rc != 0)
			return rc;
		if (offers)
			see_offer(s, line);
	}
	return 0;
}

static int command(struct smtp *s, const struct buf *line,
    struct smtp_reply *out, struct error *err)
{
	int rc = buf_error(line);

	if (rc != 0)
		return error_of(err, rc, "SMTP: command");
	rc = smtpconn_write(s->conn, buf_str(line), s->o.command_ms, err);
	return rc != 0 ? rc : read_reply(s, s->o.command_ms, false, out, err);
}

static int say(
    struct smtp *s, const char *word, struct smtp_reply *out, struct error *err)
{
	struct buf b;
	int rc;

	buf_init(&b, COMMAND_MAX);
	buf_printf(&b, "%s\r\n", word);
	rc = command(s, &b, out, err);
	buf_fini(&b);
	return rc;
}

/* --- the connection --- */

void smtp_free(struct smtp **s)
{
	struct smtp_reply r;
	struct error err;

	if (*s == NULL)
		return;
	(*s)->o.command_ms = CLOSE_MS;
	if ((*s)->conn != NULL && say(*s, "QUIT", &r, &err) != 0)
		smtpconn_close(&(*s)->conn);
	smtpconn_close(&(*s)->conn);
	free(*s);
	*s = NULL;
}

void smtp_drop(struct smtp *s)
{
	smtpconn_close(&s->conn);
}

static int greet(struct smtp *s, struct smtp_reply *out, struct error *err)
{
	struct buf b;
	int rc = read_reply(s, s->o.command_ms, false, out, err);

	if (rc != 0 || out->code != 220)
		return rc;
	buf_init(&b, COMMAND_MAX);
	buf_printf(&b, "EHLO %.*s\r\n", STR_ARG(s->o.name));
	rc = buf_error(&b);
	if (rc == 0)
		rc = smtpconn_write(s->conn, buf_str(&b), s->o.command_ms, err);
	buf_fini(&b);
	s->offers = 0;
	return rc != 0 ? rc : read_reply(s, s->o.command_ms, true, out, err);
}

/* 0 with code 250: ready for MAIL. A kept connection that the server closed or
 * spoke on meanwhile is opened again. */
static int make_ready(struct smtp *s, struct smtp_reply *out, struct error *err)
{
	int rc;

	s->stage = SMTP_STAGE_OPEN;
	if (s->conn != NULL && smtpconn_is_quiet(s->conn)) {
		out->code = 250;
		return 0;
	}
	smtpconn_close(&s->conn);
	rc = smtpconn_open(
	    &s->conn, s->o.server, s->o.command_ms, s->o.stop, err);
	return rc != 0 ? rc : greet(s, out, err);
}

/* --- one message --- */

static bool has_8bit(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return true;
	return false;
}

/* An address as it can stand between angle brackets: whatever it is, it must
 * end neither the command nor, by a bracket that is not quoted, itself: what is
 * behind it would be parameters. */
static bool is_safe(struct str address)
{
	bool quoted = false;

	for (size_t i = 0; i < address.n; i++) {
		char c = address.p[i];

		if ((unsigned char)c < ' ' || c == 0x7f ||
		    (!quoted && (c == '<' || c == '>')))
			return false;
		if (c == '"')
			quoted = !quoted;
		else if (c == '\\' && quoted)
			i++;
	}
	return !quoted;
}

/* The value of an ESMTP argument as RFC 5321 has it: no blank, no control. */
static bool is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '=')
			return false;
	return s.n > 0;
}

static struct str key_of(struct str arg)
{
	return str_cut(arg, 0, str_find(arg, 0, '='));
}

/* Those of the two names, once each. */
static void add_args(
    struct buf *b, const struct strs *args, struct str one, struct str two)
{
	bool seen[2] = {false, false};

	for (size_t i = 0; i < args->n; i++) {
		struct str key = key_of(args->v[i]);
		int which = str_ieq(key, one) ? 0 : str_ieq(key, two) ? 1 : -1;

		if (which < 0 || seen[which] ||
		    !is_value(str_from(args->v[i], key.n + 1)))
			continue;
		seen[which] = true;
		buf_addc(b, ' ');
		buf_add(b, args->v[i]);
	}
}

static bool wants_utf8(const struct smtp_mail *m)
{
	for (size_t i = 0; i < m->sender_args.n; i++)
		if (str_ieq(m->sender_args.v[i], STR("SMTPUTF8")))
			return true;
	return has_8bit(m->sender) || has_8bit(m->rcpt);
}

/* Refused without asking. */
static bool refuse(
    const struct smtp *s, const struct smtp_mail *m, struct smtp_reply *out)
{
	const char *enhanced = NULL, *text = NULL;

	if (!is_safe(m->sender) || !is_safe(m->rcpt) || m->rcpt.n == 0) {
		enhanced = "5.1.3";
		text = "Malformed address";
	} else if (wants_utf8(m) && (s->offers & OFFER_SMTPUTF8) == 0) {
		enhanced = "5.6.7";
		text = "The server does not take SMTPUTF8";
	}
	if (text == NULL)
		return false;
	*out = (struct smtp_reply){.code = 553, .stage = SMTP_STAGE_MAIL};
	(void)snprintf(out->enhanced, sizeof(out->enhanced), "%s", enhanced);
	(void)snprintf(out->text, sizeof(out->text), "%s", text);
	return true;
}

static int send_mail(struct smtp *s, const struct smtp_mail *m,
    struct smtp_reply *out, struct error *err)
{
	struct buf b;
	int rc;

	s->stage = SMTP_STAGE_MAIL;
	buf_init(&b, COMMAND_MAX);
	buf_printf(&b, "MAIL FROM:<%.*s>", STR_ARG(m->sender));
	if (s->offers & OFFER_SIZE)
		buf_printf(&b, " SIZE=%zu", m->top.n + m->message.n);
	if ((s->offers & OFFER_8BITMIME) && has_8bit(m->message))
		buf_addz(&b, " BODY=8BITMIME");
	if (wants_utf8(m))
		buf_addz(&b, " SMTPUTF8");
	if (s->offers & OFFER_DSN)
		add_args(&b, &m->sender_args, STR("RET"), STR("ENVID"));
	buf_addz(&b, "\r\n");
	rc = command(s, &b, out, err);
	buf_fini(&b);
	return rc;
}

static int send_rcpt(struct smtp *s, const struct smtp_mail *m,
    struct smtp_reply *out, struct error *err)
{
	struct buf b;
	int rc;

	s->stage = SMTP_STAGE_RCPT;
	buf_init(&b, COMMAND_MAX);
	buf_printf(&b, "RCPT TO:<%.*s>", STR_ARG(m->rcpt));
	if (s->offers & OFFER_DSN)
		add_args(&b, &m->rcpt_args, STR("NOTIFY"), STR("ORCPT"));
	buf_addz(&b, "\r\n");
	rc = command(s, &b, out, err);
	buf_fini(&b);
	return rc;
}

/* Bytes on their way: dots doubled, lines ended by CRLF. */
struct flow {
	struct smtp *s;
	struct buf b;
	bool at_start; /* of a line */
	struct error *err;
};

static int flow_flush(struct flow *f)
{
	int rc = buf_error(&f->b);

	if (rc != 0)
		return error_set(f->err, rc, "%s", error_text(rc));
	rc = smtpconn_write(
	    f->s->conn, buf_str(&f->b), f->s->o.command_ms, f->err);
	buf_reset(&f->b);
	return rc;
}

/* One line, or a part of one that is longer than a chunk. */
static int flow_piece(struct flow *f, struct str piece, bool ends)
{
	if (f->at_start && piece.n > 0 && piece.p[0] == '.')
		buf_addc(&f->b, '.');
	if (ends && str_ends(piece, STR("\r")))
		piece.n--;
	buf_add(&f->b, piece);
	if (ends)
		buf_addz(&f->b, "\r\n");
	f->at_start = ends;
	return f->b.n >= CHUNK ? flow_flush(f) : 0;
}

static int flow_add(struct flow *f, struct str text)
{
	int rc = 0;

	while (rc == 0 && text.n > 0) {
		struct str piece = str_cut(text, 0, CHUNK);
		size_t lf = str_find(piece, 0, '\n');

		/* A CR at a cut may belong to the LF behind it. */
		if (lf == piece.n && piece.n < text.n &&
		    str_ends(piece, STR("\r")))
			lf = --piece.n;
		rc = flow_piece(f, str_cut(piece, 0, lf), lf < piece.n);
		text = str_from(text, lf < piece.n ? lf + 1 : piece.n);
	}
	return rc;
}

static int send_bytes(
    struct smtp *s, const struct smtp_mail *m, struct error *err)
{
	struct flow f = {.s = s, .at_start = true, .err = err};
	int rc;

	buf_init(&f.b, 3 * CHUNK);
	rc = flow_add(&f, m->top);
	if (rc == 0)
		rc = flow_add(&f, m->message);
	if (rc == 0) {
		buf_addz(&f.b, f.at_start ? ".\r\n" : "\r\n.\r\n");
		rc = flow_flush(&f);
	}
	buf_fini(&f.b);
	return rc;
}

static int send_data(struct smtp *s, const struct smtp_mail *m,
    struct smtp_reply *out, struct error *err)
{
	int rc;

	s->stage = SMTP_STAGE_DATA;
	rc = say(s, "DATA", out, err);
	if (rc != 0 || out->code != 354)
		return rc;
	rc = send_bytes(s, m, err);
	s->stage = SMTP_STAGE_END;
	return rc != 0 ? rc : read_reply(s, s->o.end_ms, false, out, err);
}

static bool is_good(const struct smtp_reply *r)
{
	return r->code >= 200 && r->code < 300;
}

static int transact(struct smtp *s, const struct smtp_mail *m,
    struct smtp_reply *out, struct error *err)
{
	int rc = make_ready(s, out, err);

	if (rc != 0 || !is_good(out) || refuse(s, m, out))
		return rc;
	rc = send_mail(s, m, out, err);
	if (rc == 0 && is_good(out))
		rc = send_rcpt(s, m, out, err);
	if (rc == 0 && is_good(out))
		rc = send_data(s, m, out, err);
	return rc;
}

/* 3yz where none belongs is no answer. */
static int check_final(const struct smtp_reply *r, struct error *err)
{
	if (r->code >= 400 || (is_good(r) && r->stage == SMTP_STAGE_END))
		return 0;
	return error_set(
	    err, ERR_SYNTAX, "SMTP: %d at stage %d", r->code, (int)r->stage);
}

int smtp_send(struct smtp *s, const struct smtp_mail *m, struct smtp_reply *out,
    struct error *err)
{
	struct smtp_reply rset;
	struct error ignored;
	int rc;

	*out = (struct smtp_reply){0};
	rc = transact(s, m, out, err);
	if (rc == 0)
		rc = check_final(out, err);
	if (rc != 0)
		*out = (struct smtp_reply){.stage = s->stage};
	if (rc != 0 || out->code == 421 || out->stage == SMTP_STAGE_OPEN)
		smtpconn_close(&s->conn);
	else if (!is_good(out) && out->stage != SMTP_STAGE_END &&
		 (say(s, "RSET", &rset, &ignored) != 0 || !is_good(&rset)))
		smtpconn_close(&s->conn);
	return rc;
}
