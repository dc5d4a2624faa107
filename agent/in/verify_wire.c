/* verify_wire.c - see verify_wire.h. */
#include "agent/in/verify_wire.h"

#include "policy/base/codec.h"

#include <string.h>

static size_t payload_max(enum verify_frame type)
{
	switch (type) {
	case VERIFY_HELLO:
		return 0;
	case VERIFY_MAIL:
		return VERIFY_MAIL_MAX;
	case VERIFY_ASK:
	case VERIFY_ANSWER:
	case VERIFY_RESULT:
		break;
	}
	return VERIFY_SMALL_MAX;
}

void verify_wire_head(
    enum verify_frame type, size_t n, unsigned char out[VERIFY_HEAD])
{
	codec_put_u32(out, (uint32_t)n + 1);
	out[4] = (unsigned char)type;
}

int verify_wire_read_head(const unsigned char in[VERIFY_HEAD],
    enum verify_frame *type_out, size_t *n_out)
{
	size_t n = codec_get_u32(in);

	if (in[4] < VERIFY_HELLO || in[4] > VERIFY_RESULT || n == 0)
		return ERR_SYNTAX;
	*type_out = (enum verify_frame)in[4];
	*n_out = n - 1;
	return *n_out <= payload_max(*type_out) ? 0 : ERR_SYNTAX;
}

/* ---- writing ---- */

static void put_u16(struct buf *out, size_t n)
{
	char *p = buf_extend(out, 2);

	if (p != NULL)
		codec_put_u16(p, (uint16_t)n);
}

static void put_str(struct buf *out, struct str s)
{
	put_u16(out, s.n);
	buf_add(out, s);
}

static void put_text(struct buf *out, struct str s)
{
	put_str(out, str_cut(s, 0, VERIFY_TEXT_MAX));
}

void verify_wire_put_mail(struct buf *out, const struct verify_mail *m)
{
	buf_addc(out, m->has_client);
	buf_add(out, (struct str){(const char *)m->client, sizeof(m->client)});
	put_text(out, m->helo);
	put_text(out, m->sender);
}

void verify_wire_put_ask(struct buf *out, const struct verify_ask *q)
{
	buf_addc(out, (char)q->type);
	put_text(out, q->name);
}

void verify_wire_put_answer(struct buf *out, const struct resolver_answer *a)
{
	buf_addc(out, (char)a->status);
	put_u16(out, a->n);
	for (size_t i = 0; i < a->n; i++)
		put_str(out, a->v[i]);
}

void verify_wire_put_result(struct buf *out, const struct authentic *r)
{
	buf_addc(out, (char)r->spf);
	buf_addc(out, (char)r->n);
	for (size_t i = 0; i < r->n; i++) {
		buf_addc(out, (char)r->v[i].result);
		buf_addc(out, r->v[i].partial);
		buf_addc(out, r->v[i].loose);
		buf_addc(out, r->v[i].unbound);
		put_text(out, r->v[i].domain);
		put_text(out, r->v[i].selector);
	}
}

/* ---- reading ---- */

/* What is left; bad stays once it is set. */
struct reader {
	struct str rest;
	bool bad;
};

static struct str take(struct reader *r, size_t n)
{
	struct str s = str_cut(r->rest, 0, n);

	if (s.n < n)
		r->bad = true;
	r->rest = str_from(r->rest, n);
	return r->bad ? STR_NULL : s;
}

static unsigned take_u8(struct reader *r, unsigned max)
{
	struct str s = take(r, 1);
	unsigned v = s.n > 0 ? (unsigned char)s.p[0] : 0;

	if (v > max)
		r->bad = true;
	return r->bad ? 0 : v;
}

static size_t take_u16(struct reader *r, size_t max)
{
	struct str s = take(r, 2);
	size_t v = s.n > 0 ? codec_get_u16(s.p) : 0;

	if (v > max)
		r->bad = true;
	return r->bad ? 0 : v;
}

static struct str take_text(struct reader *r)
{
	return take(r, take_u16(r, VERIFY_TEXT_MAX));
}

/* All was there, and nothing else is. */
static int end(const struct reader *r)
{
	return r->bad || r->rest.n > 0 ? ERR_SYNTAX : 0;
}

int verify_wire_get_mail(struct str in, struct verify_mail *out)
{
	struct reader r = {.rest = in};
	struct str client;

	*out = (struct verify_mail){.has_client = take_u8(&r, 1) != 0};
	client = take(&r, sizeof(out->client));
	if (client.n > 0)
		memcpy(out->client, client.p, client.n);
	out->helo = take_text(&r);
	out->sender = take_text(&r);
	out->message = take(&r, r.rest.n);
	if (out->message.n > VERIFY_MESSAGE_MAX)
		r.bad = true;
	return end(&r);
}

static bool is_type(unsigned type)
{
	return type == RESOLVER_A || type == RESOLVER_PTR ||
	       type == RESOLVER_MX || type == RESOLVER_TXT ||
	       type == RESOLVER_AAAA;
}

int verify_wire_get_ask(struct str in, struct verify_ask *out)
{
	struct reader r = {.rest = in};
	unsigned type = take_u8(&r, 255);

	if (!is_type(type))
		return ERR_SYNTAX;
	out->type = (enum resolver_type)type;
	out->name = take_text(&r);
	return end(&r);
}

int verify_wire_get_answer(struct str in, struct str v[RESOLVER_RECORDS_MAX],
    struct resolver_answer *out)
{
	struct reader r = {.rest = in};

	*out = (struct resolver_answer){.why = "", .v = v};
	out->status = (enum resolver_status)take_u8(&r, RESOLVER_TROUBLE);
	out->n = take_u16(&r, RESOLVER_RECORDS_MAX);
	for (size_t i = 0; i < out->n; i++)
		v[i] = take(&r, take_u16(&r, RESOLVER_BYTES_MAX));
	if ((out->status == RESOLVER_FOUND) != (out->n > 0))
		r.bad = true;
	return end(&r);
}

int verify_wire_get_result(struct str in, struct authentic *out)
{
	struct reader r = {.rest = in};

	*out = (struct authentic){
	    .spf = (enum authentic_result)take_u8(&r, AUTHENTIC_RESULTS - 1)};
	out->n = take_u8(&r, AUTHENTIC_SIGNATURES_MAX);
	for (size_t i = 0; i < out->n; i++) {
		struct authentic_signature *s = &out->v[i];
		s->result =
		    (enum authentic_result)take_u8(&r, AUTHENTIC_RESULTS - 1);
		s->partial = take_u8(&r, 1) != 0;
		s->loose = take_u8(&r, 1) != 0;
		s->unbound = take_u8(&r, 1) != 0;
		s->domain = take_text(&r);
		s->selector = take_text(&r);
	}
	return end(&r);
}
