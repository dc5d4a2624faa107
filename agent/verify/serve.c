/* serve.c - see serve.h. */
#include "agent/verify/serve.h"

#include "agent/in/verify_wire.h"
#include "agent/verify/spf_check.h"
#include "agent/verify/warm.h"
#include "policy/base/fault.h"
#include "policy/mail/dkim_verify.h"
#include "policy/mail/headblock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ARENA_MAX = 64 << 20,
};

struct serve {
	int fd;
	bool warming; /* DNS is warm.h's then */
	struct dkim_verifier *dkim;
	struct spf_checker *spf;
	struct arena *arena;
	struct buf mail;   /* the frame in work */
	struct buf answer; /* of DNS, the last one */
	struct buf out;
	struct str records[RESOLVER_RECORDS_MAX];
	int broken; /* the socket: nothing goes any more */
};

/* ---- frames ---- */

static int read_all(int fd, void *p, size_t n)
{
	char *at = p;

	while (n > 0) {
		ssize_t k = read(fd, at, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k == 0 ? ERR_NOT_FOUND : -errno;
		at += k;
		n -= (size_t)k;
	}
	return 0;
}

static int read_frame(struct serve *s, enum verify_frame want, struct buf *in)
{
	unsigned char head[VERIFY_HEAD];
	enum verify_frame type;
	size_t n;
	char *p;
	int rc = read_all(s->fd, head, sizeof(head));

	buf_reset(in);
	if (rc == 0)
		rc = verify_wire_read_head(head, &type, &n);
	if (rc == 0 && type != want)
		rc = ERR_SYNTAX;
	if (rc != 0)
		return rc;
	p = buf_extend(in, n);
	if (p == NULL)
		return -ENOMEM;
	rc = read_all(s->fd, p, n);
	return rc == ERR_NOT_FOUND ? ERR_SYNTAX : rc;
}

static int write_frame(struct serve *s, enum verify_frame type)
{
	unsigned char head[VERIFY_HEAD];
	struct buf frame;
	struct str rest;
	int rc = buf_error(&s->out);

	buf_init(&frame, VERIFY_HEAD + VERIFY_SMALL_MAX);
	verify_wire_head(type, s->out.n, head);
	buf_add(&frame, (struct str){(const char *)head, sizeof(head)});
	buf_add(&frame, buf_str(&s->out));
	if (rc == 0)
		rc = buf_error(&frame);
	rest = buf_str(&frame);
	while (rc == 0 && rest.n > 0) {
		ssize_t k = write(s->fd, rest.p, rest.n);
		if (k < 0 && errno != EINTR)
			rc = -errno;
		if (k > 0)
			rest = str_from(rest, (size_t)k);
	}
	buf_fini(&frame);
	return rc;
}

/* ---- DNS, by the agent ---- */

static void one_record(
    struct serve *s, const char *record, struct resolver_answer *out)
{
	s->records[0] = str_of(record);
	*out = (struct resolver_answer){
	    .status = RESOLVER_FOUND, .v = s->records, .n = 1};
}

static void answer_warm(struct serve *s, enum resolver_type type,
    struct str name, struct resolver_answer *out)
{
	*out = (struct resolver_answer){.status = RESOLVER_NXDOMAIN};
	if (type == RESOLVER_MX)
		one_record(s, "mx.example.com", out);
	else if (type == RESOLVER_A)
		one_record(s, "\x0a\x01\x01\x01", out);
	else if (str_eq(name, STR(WARM_ED_NAME)))
		one_record(s, WARM_ED_RECORD, out);
	else if (str_eq(name, STR(WARM_RSA_NAME)))
		one_record(s, WARM_RSA_RECORD, out);
	else
		one_record(s, WARM_SPF_RECORD, out);
}

static void lookup(void *arg, enum resolver_type type, struct str name,
    struct resolver_answer *out)
{
	struct serve *s = arg;
	struct verify_ask q = {type, name};

	*out = (struct resolver_answer){.status = RESOLVER_NXDOMAIN};
	if (s->warming) {
		answer_warm(s, type, name, out);
		return;
	}
	if (!resolver_is_name(name))
		return;
	buf_reset(&s->out);
	verify_wire_put_ask(&s->out, &q);
	if (s->broken == 0)
		s->broken = write_frame(s, VERIFY_ASK);
	if (s->broken == 0)
		s->broken = read_frame(s, VERIFY_ANSWER, &s->answer);
	if (s->broken == 0)
		s->broken = verify_wire_get_answer(
		    buf_str(&s->answer), s->records, out);
	if (s->broken != 0)
		out->status = RESOLVER_TROUBLE;
}

/* RFC 6376 section 3.6.2.2: with several records the result is undefined. */
static int find_key(void *arg, struct str name, struct buf *txt_out)
{
	struct resolver_answer a;

	lookup(arg, RESOLVER_TXT, name, &a);
	if (a.status == RESOLVER_TROUBLE)
		return ERR_UNAVAILABLE;
	if (a.status != RESOLVER_FOUND || a.n != 1)
		return ERR_NOT_FOUND;
	buf_add(txt_out, a.v[0]);
	return 0;
}

/* ---- one mail ---- */

static enum authentic_result result_of(enum dkim_result r)
{
	switch (r) {
	case DKIM_RESULT_PASS:
		return AUTHENTIC_PASS;
	case DKIM_RESULT_FAIL:
		return AUTHENTIC_FAIL;
	case DKIM_RESULT_WEAK:
		return AUTHENTIC_POLICY;
	case DKIM_RESULT_TEMPERROR:
		return AUTHENTIC_TEMPERROR;
	case DKIM_RESULT_INVALID:
		break;
	}
	return AUTHENTIC_PERMERROR;
}

_Static_assert((int)DKIM_VERIFY_MAX_SIGNATURES <= (int)AUTHENTIC_SIGNATURES_MAX,
    "room for all");

static int check_dkim(struct serve *s, struct str mail, struct authentic *out)
{
	struct header_list headers = {0};
	struct dkim_verify_result r;
	size_t body_at;
	int rc = headblock_parse(mail, s->arena, &headers, &body_at);
	struct dkim_message m = {&headers, STR_NULL};

	if (rc != 0)
		return rc;
	m.body = str_from(mail, body_at);
	rc = dkim_verify_message(s->dkim, &m, find_key, s, s->arena, &r);
	for (size_t i = 0; rc == 0 && i < r.n; i++)
		out->v[out->n++] = (struct authentic_signature){
		    result_of(r.v[i].result), r.v[i].partial, r.v[i].domain,
		    r.v[i].selector, r.v[i].loose, r.v[i].unbound};
	return rc;
}

static int check(
    struct serve *s, const struct verify_mail *m, struct authentic *out)
{
	struct spf_question q = {.helo = m->helo, .sender = m->sender};
	struct spf_dns dns = {lookup, s};
	int rc = check_dkim(s, m->message, out);

	/* more fields than anybody needs, or a NUL: not signed */
	if (rc == ERR_LIMIT || rc == ERR_SYNTAX) {
		arena_reset(s->arena);
		out->n = 0;
		rc = 0;
	}
	memcpy(q.client, m->client, sizeof(q.client));
	if (rc == 0 && m->has_client)
		rc = spf_check(s->spf, &q, &dns, s->arena, &out->spf);
	return rc;
}

static int warm_up(struct serve *s)
{
	struct verify_mail m = {.message = STR(WARM_MAIL),
	    .has_client = true,
	    .client = {[10] = 0xff, 0xff, 10, 1, 1, 1},
	    .helo = STR("mx.example.com"),
	    .sender = STR("joe@football.example.com")};
	struct authentic a = {0};
	int rc = check(s, &m, &a);

	if (rc == 0 && a.spf != AUTHENTIC_PASS)
		rc = ERR_CRYPTO;
	if (rc == 0 && a.n != WARM_SIGNATURES)
		rc = ERR_CRYPTO;
	for (size_t i = 0; rc == 0 && i < a.n; i++)
		if (a.v[i].result != AUTHENTIC_PASS)
			rc = ERR_CRYPTO;
	arena_reset(s->arena);
	return rc;
}

int serve_open(struct serve **out, int fd)
{
	struct serve *s = fault_alloc() ? NULL : calloc(1, sizeof(*s));
	int rc = s != NULL ? 0 : -ENOMEM;

	*out = NULL;
	if (rc != 0)
		return rc;
	s->fd = fd;
	buf_init(&s->mail, VERIFY_MAIL_MAX);
	buf_init(&s->answer, VERIFY_SMALL_MAX);
	buf_init(&s->out, VERIFY_SMALL_MAX);
	s->arena = arena_new(ARENA_MAX);
	if (s->arena == NULL)
		rc = -ENOMEM;
	if (rc == 0)
		rc = dkim_verify_open(&s->dkim, 0, NULL);
	if (rc == 0)
		rc = spf_checker_open(&s->spf);
	s->warming = true;
	if (rc == 0)
		rc = warm_up(s);
	s->warming = false;
	if (rc != 0)
		serve_close(&s);
	*out = s;
	return rc;
}

void serve_close(struct serve **s)
{
	if (*s == NULL)
		return;
	dkim_verify_close(&(*s)->dkim);
	spf_checker_close(&(*s)->spf);
	arena_free(&(*s)->arena);
	buf_fini(&(*s)->mail);
	buf_fini(&(*s)->answer);
	buf_fini(&(*s)->out);
	free(*s);
	*s = NULL;
}

static int serve_mail(struct serve *s)
{
	struct authentic a = {0};
	struct verify_mail m;
	int rc = verify_wire_get_mail(buf_str(&s->mail), &m);

	arena_reset(s->arena);
	if (rc == 0)
		rc = check(s, &m, &a);
	if (rc == 0)
		rc = s->broken;
	if (rc != 0)
		return rc;
	buf_reset(&s->out);
	verify_wire_put_result(&s->out, &a);
	return write_frame(s, VERIFY_RESULT);
}

int serve_run(struct serve *s)
{
	int rc;

	buf_reset(&s->out);
	rc = write_frame(s, VERIFY_HELLO);
	while (rc == 0) {
		rc = read_frame(s, VERIFY_MAIL, &s->mail);
		if (rc == ERR_NOT_FOUND)
			return 0;
		if (rc == 0)
			rc = serve_mail(s);
	}
	return rc;
}
