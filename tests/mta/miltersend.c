/* miltersend.c - one message through one filter, and what the filter said.
 *
 *   miltersend -s unix:/run/x.sock -f a@example.com -r b@example.org < mail
 *
 * Prints an answer or a change a line: event or change, then its parts, with
 * bytes other than printable ASCII as \xHH. Exit status: 0 accepted (also
 * discarded or quarantined, see the lines), 1 refused, 2 usage, 3 the filter
 * is not there or broke the protocol. The message is not changed here:
 * milterclient.py does that. */
#include "policy/base/file.h"
#include "tests/mta/mtaconn.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum {
	MAX_RCPTS = 100,
	MAX_MACROS = 32,
	MAX_MESSAGE = 64 << 20
};

static const int64_t TIMEOUT_MS = 30000;

struct sending {
	const char *socket;
	struct str sender;
	struct str rcpts[MAX_RCPTS];
	size_t n_rcpts;
	struct mta_macro macros[MAX_MACROS]; /* sent with CONNECT and MAIL */
	size_t n_macros;
	struct str queue_id;
	struct buf message, packet, with;
	struct mtaconn *conn;
	bool over; /* the filter's last word has fallen */
	bool refused;
};

static void show(const char *what, struct str s)
{
	(void)printf("%s", what);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c >= ' ' && c < 0x7f && c != '\\')
			(void)putchar(c);
		else
			(void)printf("\\x%02x", c);
	}
}

static void show_change(void *arg, const struct mta_change *c)
{
	(void)arg;
	(void)printf("%s", mta_reply_name((char)c->kind));
	if (c->kind == MTA_R_INSHEADER || c->kind == MTA_R_CHGHEADER)
		(void)printf("\t%" PRIu32, c->index);
	if (c->name.n > 0)
		show("\t", c->name);
	show("\t", c->value);
	if (c->args.n > 0)
		show("\t", c->args);
	(void)putchar('\n');
}

/* Sends s->packet with s->with and prints the answer, if there is one. */
static int event(struct sending *s, enum mta_command command, const char *name,
    struct error *err)
{
	struct mtaconn_answer a = {'\0', STR_NULL};
	int rc;

	if (s->over)
		return 0;
	rc = mtaconn_event(s->conn, command, &s->with, &s->packet, &a, err);
	buf_reset(&s->packet);
	buf_reset(&s->with);
	if (rc != 0 || a.code == '\0')
		return rc;
	(void)printf("%s\t%s", name, mta_reply_name(a.code));
	if (a.text.n > 0)
		show("\t", a.text);
	(void)putchar('\n');
	s->refused = a.code == MTA_R_REJECT || a.code == MTA_R_TEMPFAIL ||
		     a.code == MTA_R_CODE || a.code == MTA_R_CONN_FAIL ||
		     a.code == MTA_R_SHUTDOWN;
	s->over = (s->refused && command != MTA_C_RCPT) ||
		  a.code == MTA_R_ACCEPT || a.code == MTA_R_DISCARD;
	return 0;
}

static void with_queue_id(struct sending *s, enum mta_command command)
{
	struct mta_macro i = {STR("i"), s->queue_id};

	mta_macros(&s->with, (char)command, &i, 1);
}

static int plain_event(struct sending *s, enum mta_command command,
    const char *name, struct error *err)
{
	with_queue_id(s, command);
	mta_packet(&s->packet, (char)command, STR_NULL);
	return event(s, command, name, err);
}

static void add_address(
    struct sending *s, enum mta_command command, struct str address)
{
	struct buf text;

	buf_init(&text, 1024);
	buf_printf(&text, "<%.*s>", STR_ARG(address));
	mta_envelope(&s->packet, command, buf_str(&text), NULL, 0);
	buf_fini(&text);
}

static int send_envelope(struct sending *s, struct error *err)
{
	size_t refused = 0;
	int rc;

	mta_macros(&s->with, MTA_C_CONNECT, s->macros, s->n_macros);
	mta_connect(&s->packet, STR("client.example.net"), '4', 40000,
	    STR("127.0.0.1"));
	rc = event(s, MTA_C_CONNECT, "connect", err);
	if (rc == 0) {
		mta_helo(&s->packet, STR("client.example.net"));
		rc = event(s, MTA_C_HELO, "helo", err);
	}
	if (rc == 0) {
		mta_macros(&s->with, MTA_C_MAIL, s->macros, s->n_macros);
		add_address(s, MTA_C_MAIL, s->sender);
		rc = event(s, MTA_C_MAIL, "mail", err);
	}
	for (size_t i = 0; i < s->n_rcpts && rc == 0 && !s->over; i++) {
		if (i > refused)
			with_queue_id(s, MTA_C_RCPT);
		add_address(s, MTA_C_RCPT, s->rcpts[i]);
		rc = event(s, MTA_C_RCPT, "rcpt", err);
		refused += s->refused ? 1 : 0;
	}
	s->over |= refused == s->n_rcpts;
	return rc != 0 ? rc : plain_event(s, MTA_C_DATA, "data", err);
}

/* Takes one header field, folded lines and all, off *rest; without the final
 * line end, CRs dropped. False at the end of the headers. */
static bool next_header(struct str *rest, struct buf *out)
{
	struct str look = *rest, line;

	buf_reset(out);
	while (str_next(&look, '\n', &line)) {
		bool folded = line.n > 0 && ascii_is_blank(line.p[0]);

		if (str_ends(line, STR("\r")))
			line.n--;
		if (out->n > 0 ? !folded : str_find(line, 0, ':') == line.n)
			break;
		if (out->n > 0)
			buf_addc(out, '\n');
		buf_add(out, line);
		*rest = look;
	}
	return out->n > 0;
}

static int send_headers(struct sending *s, struct str *rest, struct error *err)
{
	bool exact = (mtaconn_options(s->conn)->steps & MTA_HDR_LEADSPC) != 0;
	struct buf field;
	int rc = 0;

	buf_init(&field, MAX_MESSAGE);
	while (rc == 0 && next_header(rest, &field)) {
		struct str f = buf_str(&field);
		size_t colon = str_find(f, 0, ':');
		struct str value = str_from(f, colon + 1);

		if (!exact && str_starts(value, STR(" ")))
			value = str_from(value, 1);
		with_queue_id(s, MTA_C_HEADER);
		mta_header(&s->packet, str_trim(str_cut(f, 0, colon)), value);
		rc = event(s, MTA_C_HEADER, "header", err);
	}
	buf_fini(&field);
	return rc;
}

/* The body with every line end a CRLF. */
static void wire_body(struct str rest, struct buf *out)
{
	struct str line;

	if (str_starts(rest, STR("\r\n")))
		rest = str_from(rest, 2);
	else if (str_starts(rest, STR("\n")))
		rest = str_from(rest, 1);
	if (rest.n == 0)
		return;
	if (str_ends(rest, STR("\n")))
		rest.n--;
	while (str_next(&rest, '\n', &line)) {
		if (str_ends(line, STR("\r")))
			line.n--;
		buf_add(out, line);
		buf_addz(out, "\r\n");
	}
}

static int send_content(struct sending *s, struct error *err)
{
	struct str rest = buf_str(&s->message);
	struct buf body;
	int rc = send_headers(s, &rest, err);

	buf_init(&body, 2 * MAX_MESSAGE);
	wire_body(rest, &body);
	if (rc == 0)
		rc = plain_event(s, MTA_C_EOH, "eoh", err);
	for (size_t at = 0; at < body.n && rc == 0; at += MTA_CHUNK) {
		with_queue_id(s, MTA_C_BODY);
		mta_packet(&s->packet, MTA_C_BODY,
		    str_cut(buf_str(&body), at, MTA_CHUNK));
		rc = event(s, MTA_C_BODY, "body", err);
	}
	buf_fini(&body);
	return rc != 0 ? rc : plain_event(s, MTA_C_EOM, "eom", err);
}

static int send_all(struct sending *s, struct error *err)
{
	const struct mta_options offer = {MTA_VERSION, MTA_ACTIONS, MTA_STEPS};
	int rc = file_read_fd(STDIN_FILENO, &s->message, err);

	if (rc == 0)
		rc = mtaconn_open(s->socket, &offer, TIMEOUT_MS, &s->conn, err);
	if (rc == 0) {
		const struct mta_options *o = mtaconn_options(s->conn);
		(void)printf("options\tversion %" PRIu32 "\tactions 0x%" PRIx32
			     "\tsteps 0x%" PRIx32 "\n",
		    o->version, o->actions, o->steps);
		mtaconn_on_change(s->conn, show_change, NULL);
		rc = send_envelope(s, err);
	}
	if (rc == 0)
		rc = send_content(s, err);
	if (rc == 0) {
		mta_packet(&s->packet, MTA_C_ABORT, STR_NULL);
		mta_packet(&s->packet, MTA_C_QUIT, STR_NULL);
		/* Nobody waits for an answer to these. */
		if (mtaconn_write(s->conn, buf_str(&s->packet), NULL) != 0)
			(void)fprintf(stderr, "miltersend: gone at QUIT\n");
	}
	return rc;
}

static bool add_macro(struct sending *s, struct str text)
{
	size_t eq = str_find(text, 0, '=');

	if (eq == text.n || s->n_macros == MAX_MACROS)
		return false;
	s->macros[s->n_macros++] =
	    (struct mta_macro){str_cut(text, 0, eq), str_from(text, eq + 1)};
	return true;
}

static bool parse(int argc, char **argv, struct sending *s)
{
	bool ok = true;
	int opt;

	while (ok && (opt = getopt(argc, argv, "s:f:r:i:m:")) != -1) {
		if (opt == 's')
			s->socket = optarg;
		else if (opt == 'f')
			s->sender = str_of(optarg);
		else if (opt == 'i')
			s->queue_id = str_of(optarg);
		else if (opt == 'r' && s->n_rcpts < MAX_RCPTS)
			s->rcpts[s->n_rcpts++] = str_of(optarg);
		else
			ok = opt == 'm' && add_macro(s, str_of(optarg));
	}
	return ok && optind == argc && s->socket != NULL && s->n_rcpts > 0;
}

int main(int argc, char **argv)
{
	struct sending s = {.queue_id = STR("4ZMILTERSEND")};
	struct error err = {0, ""};
	int rc;

	if (!parse(argc, argv, &s)) {
		(void)fputs("usage: miltersend -s ADDRESS -r RECIPIENT... "
			    "[-f SENDER] [-i QUEUEID] [-m MACRO=VALUE]... "
			    "< message\n",
		    stderr);
		return 2;
	}
	buf_init(&s.message, MAX_MESSAGE);
	buf_init(&s.packet, MAX_MESSAGE);
	buf_init(&s.with, 65536);
	rc = send_all(&s, &err);
	mtaconn_close(&s.conn);
	buf_fini(&s.message);
	buf_fini(&s.packet);
	buf_fini(&s.with);
	if (rc != 0) {
		(void)fprintf(stderr, "miltersend: %s\n",
		    err.text[0] != '\0' ? err.text : error_text(rc));
		return 3;
	}
	return s.refused ? 1 : 0;
}
