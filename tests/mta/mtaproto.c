/* mtaproto.c - see mtaproto.h. */
#include "tests/mta/mtaproto.h"

#include "policy/base/codec.h"

#include <string.h>

enum {
	LENGTH_BYTES = 4
};

/* Room for the length, to be filled by finish(). */
static size_t begin(struct buf *out, char code)
{
	size_t at = out->n;

	buf_add(out, (struct str){"\0\0\0\0", LENGTH_BYTES});
	buf_addc(out, code);
	return at;
}

static void finish(struct buf *out, size_t at)
{
	if (buf_error(out) == 0)
		codec_put_u32(
		    out->p + at, (uint32_t)(out->n - at - LENGTH_BYTES));
}

static void add_text(struct buf *out, struct str s)
{
	buf_add(out, s);
	buf_addc(out, '\0');
}

void mta_packet(struct buf *out, char code, struct str data)
{
	size_t at = begin(out, code);

	buf_add(out, data);
	finish(out, at);
}

void mta_options(struct buf *out, const struct mta_options *o)
{
	char data[12];

	codec_put_u32(data, o->version);
	codec_put_u32(data + 4, o->actions);
	codec_put_u32(data + 8, o->steps);
	mta_packet(out, MTA_C_OPTIONS, (struct str){data, sizeof(data)});
}

void mta_macros(
    struct buf *out, char command, const struct mta_macro *m, size_t n)
{
	size_t at = begin(out, MTA_C_MACRO);

	buf_addc(out, command);
	for (size_t i = 0; i < n; i++) {
		add_text(out, m[i].name);
		add_text(out, m[i].value);
	}
	finish(out, at);
}

void mta_connect(struct buf *out, struct str host, char family, uint16_t port,
    struct str address)
{
	size_t at = begin(out, MTA_C_CONNECT);
	char number[2];

	add_text(out, host);
	buf_addc(out, family);
	if (family != 'U') {
		codec_put_u16(number, port);
		buf_add(out, (struct str){number, sizeof(number)});
		add_text(out, address);
	}
	finish(out, at);
}

void mta_helo(struct buf *out, struct str name)
{
	mta_envelope(out, MTA_C_HELO, name, NULL, 0);
}

void mta_envelope(struct buf *out, enum mta_command command, struct str address,
    const struct str *args, size_t n)
{
	size_t at = begin(out, (char)command);

	add_text(out, address);
	for (size_t i = 0; i < n; i++)
		add_text(out, args[i]);
	finish(out, at);
}

void mta_header(struct buf *out, struct str name, struct str value)
{
	mta_envelope(out, MTA_C_HEADER, name, &value, 1);
}

int mta_next(struct str *in, struct mta_packet *out)
{
	uint32_t size;

	if (in->n < LENGTH_BYTES)
		return 0;
	size = codec_get_u32(in->p);
	if (size == 0)
		return ERR_SYNTAX;
	if (size > MTA_MAX_PACKET)
		return ERR_LIMIT;
	if (in->n - LENGTH_BYTES < size)
		return 0;
	out->code = in->p[LENGTH_BYTES];
	out->data = str_cut(*in, LENGTH_BYTES + 1, size - 1);
	*in = str_from(*in, LENGTH_BYTES + size);
	return 1;
}

int mta_parse_options(const struct mta_packet *p, struct mta_options *out)
{
	if (p->code != MTA_C_OPTIONS || p->data.n < 12)
		return ERR_SYNTAX;
	out->version = codec_get_u32(p->data.p);
	out->actions = codec_get_u32(p->data.p + 4);
	out->steps = codec_get_u32(p->data.p + 8);
	return 0;
}

/* Takes one NUL-ended text off *in. */
static int take_text(struct str *in, struct str *out)
{
	size_t end = str_find(*in, 0, '\0');

	if (end == in->n)
		return ERR_SYNTAX;
	*out = str_cut(*in, 0, end);
	*in = str_from(*in, end + 1);
	return 0;
}

static int take_header(struct str *in, struct mta_change *out)
{
	int rc = take_text(in, &out->name);

	if (rc == 0 && out->name.n == 0)
		rc = ERR_SYNTAX;
	return rc != 0 ? rc : take_text(in, &out->value);
}

static int take_index(struct str *in, struct mta_change *out)
{
	if (in->n < 4)
		return ERR_SYNTAX;
	out->index = codec_get_u32(in->p);
	*in = str_from(*in, 4);
	return 0;
}

int mta_parse_change(const struct mta_packet *p, struct mta_change *out)
{
	struct str rest = p->data;
	int rc;

	*out = (struct mta_change){.kind = (enum mta_reply)p->code};
	switch (p->code) {
	case MTA_R_REPLBODY:
		out->value = rest;
		return 0;
	case MTA_R_INSHEADER:
	case MTA_R_CHGHEADER:
		rc = take_index(&rest, out);
		if (rc == 0)
			rc = take_header(&rest, out);
		break;
	case MTA_R_ADDHEADER:
		rc = take_header(&rest, out);
		break;
	case MTA_R_CHGFROM:
	case MTA_R_ADDRCPT_PAR:
		rc = take_text(&rest, &out->value);
		if (rc == 0 && rest.n > 0)
			rc = take_text(&rest, &out->args);
		break;
	case MTA_R_ADDRCPT:
	case MTA_R_DELRCPT:
	case MTA_R_QUARANTINE:
		rc = take_text(&rest, &out->value);
		break;
	default:
		return ERR_SYNTAX;
	}
	return rc == 0 && rest.n > 0 ? ERR_SYNTAX : rc;
}

static const struct {
	char code;
	const char *name;
	uint32_t action; /* changes only */
} replies[] = {
    {MTA_R_CONTINUE, "continue", 0},
    {MTA_R_ACCEPT, "accept", 0},
    {MTA_R_DISCARD, "discard", 0},
    {MTA_R_REJECT, "reject", 0},
    {MTA_R_TEMPFAIL, "tempfail", 0},
    {MTA_R_CODE, "code", 0},
    {MTA_R_SKIP, "skip", 0},
    {MTA_R_CONN_FAIL, "conn-fail", 0},
    {MTA_R_SHUTDOWN, "shutdown", 0},
    {MTA_R_PROGRESS, "progress", 0},
    {MTA_R_ADDHEADER, "addheader", MTA_ADDHDRS},
    {MTA_R_INSHEADER, "insheader", MTA_ADDHDRS},
    {MTA_R_CHGHEADER, "chgheader", MTA_CHGHDRS},
    {MTA_R_CHGFROM, "chgfrom", MTA_CHGFROM},
    {MTA_R_ADDRCPT, "addrcpt", MTA_ADDRCPT},
    {MTA_R_ADDRCPT_PAR, "addrcpt", MTA_ADDRCPT_PAR},
    {MTA_R_DELRCPT, "delrcpt", MTA_DELRCPT},
    {MTA_R_REPLBODY, "replbody", MTA_CHGBODY},
    {MTA_R_QUARANTINE, "quarantine", MTA_QUARANTINE},
};

enum {
	N_REPLIES = sizeof(replies) / sizeof(replies[0])
};

uint32_t mta_action_of(char code)
{
	for (size_t i = 0; i < N_REPLIES; i++)
		if (replies[i].code == code)
			return replies[i].action;
	return 0;
}

const char *mta_reply_name(char code)
{
	for (size_t i = 0; i < N_REPLIES; i++)
		if (replies[i].code == code)
			return replies[i].name;
	return "unknown";
}

bool mta_is_change(char code)
{
	return mta_action_of(code) != 0;
}

bool mta_is_answer(char code)
{
	return code != '\0' && strchr("cadrtysf4", code) != NULL;
}

static const struct {
	enum mta_command command;
	uint32_t not_sent, not_answered;
} events[] = {
    {MTA_C_CONNECT, MTA_NOCONNECT, MTA_NR_CONN},
    {MTA_C_HELO, MTA_NOHELO, MTA_NR_HELO},
    {MTA_C_MAIL, MTA_NOMAIL, MTA_NR_MAIL},
    {MTA_C_RCPT, MTA_NORCPT, MTA_NR_RCPT},
    {MTA_C_DATA, MTA_NODATA, MTA_NR_DATA},
    {MTA_C_HEADER, MTA_NOHDRS, MTA_NR_HDR},
    {MTA_C_EOH, MTA_NOEOH, MTA_NR_EOH},
    {MTA_C_BODY, MTA_NOBODY, MTA_NR_BODY},
    {MTA_C_UNKNOWN, MTA_NOUNKNOWN, MTA_NR_UNKN},
};

enum {
	N_EVENTS = sizeof(events) / sizeof(events[0])
};

bool mta_is_sent(uint32_t steps, enum mta_command command)
{
	for (size_t i = 0; i < N_EVENTS; i++)
		if (events[i].command == command)
			return (steps & events[i].not_sent) == 0;
	return true;
}

bool mta_is_answered(uint32_t steps, enum mta_command command)
{
	if (command == MTA_C_EOM)
		return true;
	for (size_t i = 0; i < N_EVENTS; i++)
		if (events[i].command == command)
			return (steps & events[i].not_answered) == 0;
	return false; /* macros, ABORT, QUIT, QUIT_NC */
}
