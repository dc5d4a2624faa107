/* preview.c - see preview.h. */
#include "agent/cli/preview.h"

#include "policy/base/clock.h"
#include "policy/mail/dkim_body.h"
#include "policy/mail/dkim_sign.h"

#include <errno.h>

/* Placeholders: ids that no message and no person has. */
enum {
	DEMO_MESSAGE = 1,
	DEMO_SUBJECT = 1,
};
static const char demo_key[] =
    "0 "
    "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\n";

static int demo_token(struct preview *p, const struct token_keys *keys,
    enum token_kind kind, struct str *out)
{
	struct token t = {.kind = kind, .message_id = DEMO_MESSAGE};
	char text[TOKEN_TEXT_MAX + 1];
	int rc;

	if (kind == TOKEN_UNSUBSCRIBE)
		t.subject_id = DEMO_SUBJECT;
	rc = token_make(keys, &t, text);
	if (rc != 0)
		return rc;
	*out = arena_str(p->c->arena, str_of(text));
	return out->p != NULL ? 0 : ERR_LIMIT;
}

static int demo_tokens(
    struct preview *p, struct compose_in *in, struct error *err)
{
	struct token_keys *keys = NULL;
	int rc = token_keys_parse(&keys, "demo key", str_of(demo_key), err);

	if (rc == 0)
		rc = demo_token(p, keys, TOKEN_BOUNCE, &in->bounce_token);
	if (rc == 0)
		rc = demo_token(
		    p, keys, TOKEN_UNSUBSCRIBE, &in->unsubscribe_token);
	if (rc == 0)
		rc = demo_token(p, keys, TOKEN_FEEDBACK, &in->feedback_token);
	if (rc == 0)
		rc = demo_token(p, keys, TOKEN_COMPOSED, &in->id_token);
	token_keys_free(&keys);
	return rc;
}

static int control_headers(struct preview *p, struct strs *out)
{
	const struct strs *lists[] = {
	    &p->stream->segment_from, &p->stream->campaign_from};
	struct str *v =
	    arena_array(p->c->arena, lists[0]->n + lists[1]->n + 1, sizeof(*v));

	*out = (struct strs){v, 0};
	if (v == NULL)
		return ERR_LIMIT;
	for (size_t l = 0; l < 2; l++)
		for (size_t i = 0; i < lists[l]->n; i++)
			v[out->n++] = lists[l]->v[i];
	return 0;
}

static int compose_full(struct preview *p, const struct policy_segment *seg,
    struct compose_out *out, struct error *err)
{
	const struct conf_domain *signer = p->comply.signer;
	struct compose_in in = {
	    .headers = &p->mail.headers,
	    .base_url = p->c->conf->web.base_url,
	    .bounce_domain = signer != NULL ? signer->bounce_domain : STR(""),
	    .sender_id = signer != NULL ? signer->sender_id : STR(""),
	    .from_domain = p->comply.from_domain,
	    .list_id = seg != NULL ? seg->list_id : STR(""),
	    .campaign = p->campaign,
	    .segment = p->segment,
	    .stream = p->stream->name,
	};
	int rc = control_headers(p, &in.control);

	if (rc == 0)
		rc = demo_tokens(p, &in, err);
	return rc != 0 ? rc : compose_nurture(&in, p->c->arena, out);
}

int preview_compose(struct preview *p, const struct policy_segment *seg,
    struct compose_out *out, struct error *err)
{
	int rc;

	*out = (struct compose_out){0};
	if (p->stream->class == CONF_CLASS_NURTURE)
		rc = compose_full(p, seg, out, err);
	else
		rc = compose_plain(&p->mail.headers, p->c->arena, out);
	return error_of(err, rc, "compose");
}

static int hash_body(const struct preview *p, unsigned char *hash_out)
{
	struct dkim_body *b = dkim_body_new();
	int rc;

	if (b == NULL)
		return -ENOMEM;
	dkim_body_update(b, p->mail.body);
	rc = dkim_body_final(b, hash_out);
	dkim_body_free(&b);
	return rc;
}

int preview_sign(struct preview *p, struct compose_out *out, size_t *n_out,
    struct error *err)
{
	struct dkim_key *keys[DKIM_SIGN_MAX_KEYS];
	struct str values[DKIM_SIGN_MAX_KEYS];
	unsigned char hash[DKIM_BODY_HASH];
	struct dkim_sign_input in = {.keys = keys,
	    .headers = &out->final,
	    .body_hash = hash,
	    .now_s = clock_now_ms() / 1000};
	int rc;

	*n_out = 0;
	if (p->comply.signer == NULL)
		return 0;
	in.nkeys = keys_of_domain(
	    p->keys, p->c->conf, p->comply.signer, keys, DKIM_SIGN_MAX_KEYS);
	if (in.nkeys == 0)
		return 0;
	rc = hash_body(p, hash);
	if (rc == 0)
		rc = dkim_sign_message(&in, p->c->arena, values, err);
	for (size_t i = 0; rc == 0 && i < in.nkeys; i++)
		rc = compose_add(out, p->c->arena,
		    &(struct change){
			CHANGE_TOP, STR("DKIM-Signature"), values[i], 0});
	*n_out = rc == 0 ? in.nkeys : 0;
	return rc;
}

/* Our own values are folded with LF, those of the message as they came. */
static void print_value(struct str value, bool crlf)
{
	for (size_t i = 0; i < value.n; i++) {
		if (crlf && value.p[i] == '\n' &&
		    (i == 0 || value.p[i - 1] != '\r'))
			(void)fputc('\r', stdout);
		(void)fputc(value.p[i], stdout);
	}
}

static int print_rest(struct str s)
{
	if (s.n > 0 && fwrite(s.p, 1, s.n, stdout) != s.n)
		return cli_out_failed();
	return CLI_DONE;
}

int preview_print_as_is(const struct preview *p)
{
	return print_rest(p->mail.text);
}

int preview_print(const struct preview *p, const struct compose_out *out)
{
	const char *eol = p->mail.crlf ? "\r\n" : "\n";

	for (size_t i = 0; i < out->final.n; i++) {
		const struct header *h = &out->final.v[i];

		(void)printf("%.*s:", STR_ARG(h->name));
		print_value(h->value, p->mail.crlf);
		(void)fputs(eol, stdout);
	}
	(void)fputs(eol, stdout);
	return print_rest(p->mail.body);
}
