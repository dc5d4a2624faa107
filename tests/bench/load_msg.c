/* load_msg.c - see load_msg.h.
 *
 * Recipients: message n has numbers (n * rcpts + k) * step modulo rcpt_count,
 * with step prime to rcpt_count and near its golden section: every number
 * once, in an order that no cache likes. */
#include "tests/bench/load_msg.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	MAX_BODY = 64 << 20,
	LINE = 76,
	TEXT = 400
};

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* Lines of LINE characters with CRLF, cut to exactly body_bytes. */
static int make_body(struct load_shape *s)
{
	static const char letters[] =
	    "We would like to tell you what is new, one line after the other. "
	    "abcdefghijk";

	while (s->body.n + LINE + 2 < s->body_bytes) {
		buf_add(&s->body, (struct str){letters, LINE});
		buf_addz(&s->body, "\r\n");
		if (buf_error(&s->body) != 0)
			break;
	}
	while (s->body.n + 2 < s->body_bytes && buf_error(&s->body) == 0)
		buf_addc(&s->body, 'x');
	if (s->body_bytes >= 2)
		buf_addz(&s->body, "\r\n");
	return buf_error(&s->body);
}

int load_msg_init(struct load_shape *s, struct error *err)
{
	buf_init(&s->body, MAX_BODY);
	if (s->headers < LOAD_MIN_HEADERS || s->headers > LOAD_MAX_HEADERS)
		return error_set(err, ERR_LIMIT, "headers: %d to %d",
		    LOAD_MIN_HEADERS, LOAD_MAX_HEADERS);
	if (s->rcpts == 0 || s->rcpt_count == 0)
		return error_set(err, ERR_LIMIT, "no recipients");
	s->step = s->rcpt_count * 618 / 1000;
	while (s->step == 0 || common_divisor(s->step, s->rcpt_count) != 1)
		s->step++;
	if (make_body(s) != 0)
		return error_set(
		    err, ERR_LIMIT, "body of %zu bytes", s->body_bytes);
	return 0;
}

void load_msg_fini(struct load_shape *s)
{
	buf_fini(&s->body);
}

void load_msg_connect(const struct load_shape *s, struct buf *out)
{
	char from[64];
	struct mta_macro m[] = {
	    {STR("j"), STR("mx.example.com")},
	    {STR("{daemon_name}"), s->daemon_name},
	    {STR("{daemon_addr}"), STR("127.0.0.1")},
	    {STR("v"), STR("Postfix 3.7.11")},
	    {STR("_"), STR_NULL},
	};

	(void)snprintf(from, sizeof(from), "client.example.net [%.*s]",
	    STR_ARG(s->client));
	m[4].value = str_of(from);
	mta_macros(out, MTA_C_CONNECT, m, 5);
	mta_connect(out, STR("client.example.net"), '4', 40000, s->client);
}

void load_msg_helo(const struct load_shape *s, struct buf *out)
{
	(void)s;
	mta_macros(out, MTA_C_HELO, NULL, 0);
	mta_helo(out, STR("client.example.net"));
}

static size_t chunks(const struct load_shape *s)
{
	return (s->body.n + MTA_CHUNK - 1) / MTA_CHUNK;
}

/* In the order of the wire; `first` is the number of its first event. */
struct part {
	enum mta_command command;
	size_t n;
};

static struct part part_of(
    const struct load_shape *s, size_t event, size_t *index_out)
{
	const struct part parts[] = {
	    {MTA_C_MAIL, 1},
	    {MTA_C_RCPT, s->rcpts},
	    {MTA_C_DATA, 1},
	    {MTA_C_HEADER, s->headers + s->n_extra},
	    {MTA_C_EOH, 1},
	    {MTA_C_BODY, chunks(s)},
	    {MTA_C_EOM, 1},
	};
	size_t i = 0;

	while (i + 1 < sizeof(parts) / sizeof(parts[0]) && event >= parts[i].n)
		event -= parts[i++].n;
	*index_out = event;
	return parts[i];
}

size_t load_msg_events(const struct load_shape *s)
{
	return 5 + s->rcpts + s->headers + s->n_extra + chunks(s) - 1;
}

enum mta_command load_msg_command(const struct load_shape *s, size_t event)
{
	size_t index;

	return part_of(s, event, &index).command;
}

/* One message while it is written. */
struct writing {
	const struct load_shape *shape;
	uint64_t number;
	uint32_t steps;
	char queue_id[16];
	struct buf *out;
};

static uint64_t recipient(const struct writing *w, size_t k)
{
	const struct load_shape *s = w->shape;
	uint64_t nth = (w->number * s->rcpts + k) % s->rcpt_count;

	return s->rcpt_first +
	       (uint64_t)((unsigned __int128)nth * s->step % s->rcpt_count);
}

static void put_queue_id(const struct writing *w, enum mta_command command)
{
	const struct mta_macro m = {STR("i"), str_of(w->queue_id)};

	mta_macros(w->out, (char)command, &m, 1);
}

static void put_mail(const struct writing *w)
{
	const struct load_shape *s = w->shape;
	char address[TEXT];
	struct mta_macro m[] = {
	    {STR("{auth_type}"), STR("PLAIN")},
	    {STR("{auth_authen}"), s->auth},
	    {STR("{mail_addr}"), STR_NULL},
	    {STR("{mail_host}"), s->from_domain},
	    {STR("{mail_mailer}"), STR("smtp")},
	};
	size_t skip = s->auth.n > 0 ? 0 : 2;
	struct str bracketed;

	(void)snprintf(
	    address, sizeof(address), "<app@%.*s>", STR_ARG(s->from_domain));
	bracketed = str_of(address);
	m[2].value = str_cut(bracketed, 1, bracketed.n - 2);
	mta_macros(w->out, MTA_C_MAIL, m + skip, 5 - skip);
	mta_envelope(w->out, MTA_C_MAIL, bracketed, NULL, 0);
}

static void put_rcpt(const struct writing *w, size_t k)
{
	const struct load_shape *s = w->shape;
	char address[TEXT];
	struct mta_macro m[] = {
	    {STR("i"), str_of(w->queue_id)},
	    {STR("{rcpt_addr}"), STR_NULL},
	    {STR("{rcpt_host}"), s->rcpt_domain},
	    {STR("{rcpt_mailer}"), STR("smtp")},
	};
	size_t skip = k > 0 ? 0 : 1; /* no queue id before the first RCPT */
	struct str bracketed;

	(void)snprintf(address, sizeof(address), "<lead%" PRIu64 "@%.*s>",
	    recipient(w, k), STR_ARG(s->rcpt_domain));
	bracketed = str_of(address);
	m[1].value = str_cut(bracketed, 1, bracketed.n - 2);
	mta_macros(w->out, MTA_C_RCPT, m + skip, 4 - skip);
	mta_envelope(w->out, MTA_C_RCPT, bracketed, NULL, 0);
}

/* The k-th header of its own; value with its leading blank. */
static struct str own_header(
    const struct writing *w, size_t k, char text[TEXT], struct str *name_out)
{
	static const struct {
		const char *name, *value;
	} fixed[] = {
	    {"Date", " Sun, 22 Nov 2026 10:00:00 +0000"},
	    {"MIME-Version", " 1.0"},
	    {"Content-Type", " text/plain; charset=utf-8"},
	    {"Content-Transfer-Encoding", " 7bit"},
	    {"Reply-To", " Team <team@example.com>"},
	};
	const struct load_shape *s = w->shape;
	enum {
		N_FIXED = sizeof(fixed) / sizeof(fixed[0])
	};

	if (k >= 4 && k - 4 < N_FIXED) {
		*name_out = str_of(fixed[k - 4].name);
		return str_of(fixed[k - 4].value);
	}
	if (k == 0)
		(void)snprintf(text, TEXT, " The team <app@%.*s>",
		    STR_ARG(s->from_domain));
	else if (k == 1)
		(void)snprintf(text, TEXT, " lead%" PRIu64 "@%.*s",
		    recipient(w, 0), STR_ARG(s->rcpt_domain));
	else if (k == 2)
		(void)snprintf(
		    text, TEXT, " What is new, number %" PRIu64, w->number);
	else if (k == 3)
		(void)snprintf(text, TEXT, " <%" PRIx64 ".%" PRIu64 "@%.*s>",
		    s->run, w->number, STR_ARG(s->from_domain));
	else
		(void)snprintf(
		    text, TEXT, " one of %zu more", s->headers - 4 - N_FIXED);
	*name_out = k == 0   ? STR("From")
		    : k == 1 ? STR("To")
		    : k == 2 ? STR("Subject")
		    : k == 3 ? STR("Message-ID")
			     : STR("X-More");
	return str_of(text);
}

static void put_header(const struct writing *w, size_t k)
{
	const struct load_shape *s = w->shape;
	char text[TEXT];
	struct str name, value;

	if (k < s->headers) {
		value = own_header(w, k, text, &name);
	} else {
		struct str whole = s->extra[k - s->headers];
		size_t colon = str_find(whole, 0, ':');
		name = str_cut(whole, 0, colon);
		value = str_from(whole, colon + 1);
	}
	if ((w->steps & MTA_HDR_LEADSPC) == 0 && str_starts(value, STR(" ")))
		value = str_from(value, 1);
	put_queue_id(w, MTA_C_HEADER);
	mta_header(w->out, name, value);
}

static void put_body(const struct writing *w, size_t k)
{
	put_queue_id(w, MTA_C_BODY);
	mta_packet(w->out, MTA_C_BODY,
	    str_cut(buf_str(&w->shape->body), k * MTA_CHUNK, MTA_CHUNK));
}

void load_msg_put(const struct load_shape *s, uint32_t steps, uint64_t number,
    size_t event, struct buf *out)
{
	struct writing w = {s, number, steps, "", out};
	size_t k;
	enum mta_command command = part_of(s, event, &k).command;

	(void)snprintf(w.queue_id, sizeof(w.queue_id), "%011" PRIX64,
	    (s->run << 24 ^ number) & 0xfffffffffff);
	if (command == MTA_C_MAIL) {
		put_mail(&w);
	} else if (command == MTA_C_RCPT) {
		put_rcpt(&w, k);
	} else if (command == MTA_C_HEADER) {
		put_header(&w, k);
	} else if (command == MTA_C_BODY) {
		put_body(&w, k);
	} else {
		put_queue_id(&w, command);
		mta_packet(out, (char)command, STR_NULL);
	}
}
