/* transform.c - see transform.h. */
#include "milter/transform.h"

#include "policy/base/clock.h"

#include <string.h>

static int token_text(
    const struct transform_in *in, enum token_kind kind, struct str *out)
{
	const struct token_keys *keys =
	    keyring_token_keys(in->s->snap->keyring);
	struct token t = {.kind = kind, .message_id = in->decision->message_id};
	char text[TOKEN_TEXT_MAX + 1];
	int rc;

	if (keys == NULL)
		return ERR_KEY;
	if (kind == TOKEN_UNSUBSCRIBE)
		t.subject_id = in->decision->subject_id;
	rc = token_make(keys, &t, text);
	if (rc != 0)
		return rc;
	*out = arena_str(in->s->g.arena, str_of(text));
	return out->p != NULL ? 0 : ERR_LIMIT;
}

static int add_signatures(
    const struct transform_in *in, struct compose_out *out, struct error *err)
{
	struct str values[DKIM_SIGN_MAX_KEYS];
	struct dkim_sign_input sign = {
	    .headers = &out->final,
	    .body_hash = in->body_hash,
	    .now_s = clock_now_ms() / 1000,
	};
	int rc;

	if (in->signer == NULL || in->signer->n_keys == 0)
		return 0;
	sign.keys = in->signer->keys;
	sign.nkeys = in->signer->n_keys;
	rc = dkim_sign_message(&sign, in->s->g.arena, values, err);
	for (size_t i = 0; rc == 0 && i < sign.nkeys; i++)
		rc = compose_add(out, in->s->g.arena,
		    &(struct change){
			CHANGE_TOP, STR("DKIM-Signature"), values[i], 0});
	return rc;
}

/* By libopendkim. */
static int self_verify(const struct transform_in *in,
    const struct compose_out *out, struct error *err)
{
	struct str body;
	int rc;

	if (in->signer == NULL || !in->s->verify)
		return 0;
	rc = gather_body(&in->s->g, &body);
	if (rc != 0)
		return error_of(err, rc, "body");
	return dkim_verify_ours(keyring_verifier(in->s->snap->keyring),
	    &(struct dkim_message){&out->final, body},
	    (struct dkim_verify_keys){in->signer->keys, in->signer->n_keys},
	    in->s->g.arena, err);
}

static int finish(
    const struct transform_in *in, struct compose_out *out, struct error *err)
{
	int rc = add_signatures(in, out, err);

	return rc != 0 ? rc : self_verify(in, out, err);
}

static struct strs control_headers(
    const struct conf_stream *stream, struct arena *a)
{
	size_t n = stream->segment_from.n + stream->campaign_from.n;
	struct str *v = arena_array(a, n > 0 ? n : 1, sizeof(*v));
	size_t at = 0;

	if (v == NULL)
		return (struct strs){NULL, 0};
	for (size_t i = 0; i < stream->segment_from.n; i++)
		v[at++] = stream->segment_from.v[i];
	for (size_t i = 0; i < stream->campaign_from.n; i++)
		v[at++] = stream->campaign_from.v[i];
	return (struct strs){v, at};
}

/* The name that was decided by, where the policy has it. */
static struct str segment_name(const struct transform_in *in)
{
	const struct policy_segment *seg = in->decision->segment;

	return seg != NULL ? seg->name : in->segment;
}

int transform_nurture(
    const struct transform_in *in, struct compose_out *out, struct error *err)
{
	const struct conf *conf = in->s->snap->conf;
	const struct policy_segment *seg = in->decision->segment;
	struct compose_in c = {
	    .headers = &in->s->g.headers,
	    .control = control_headers(in->s->stream, in->s->g.arena),
	    .base_url = conf->web.base_url,
	    .bounce_domain = in->signer->conf->bounce_domain,
	    .sender_id = in->signer->conf->sender_id,
	    .from_domain = in->from_domain,
	    .list_id = seg != NULL ? seg->list_id : STR(""),
	    .campaign = in->campaign,
	    .segment = segment_name(in),
	    .stream = in->s->stream->name,
	};
	int rc = token_text(in, TOKEN_BOUNCE, &c.bounce_token);

	if (in->renew)
		c.renew_domain = in->signer->conf->name;
	if (rc == 0)
		rc = token_text(in, TOKEN_UNSUBSCRIBE, &c.unsubscribe_token);
	if (rc == 0)
		rc = token_text(in, TOKEN_FEEDBACK, &c.feedback_token);
	if (rc == 0)
		rc = token_text(in, TOKEN_COMPOSED, &c.id_token);
	if (rc == 0)
		rc = compose_nurture(&c, in->s->g.arena, out);
	if (rc != 0)
		return error_of(err, rc, "compose");
	return finish(in, out, err);
}

/* The n changes at the end are made before all others. */
static void last_go_first(struct change_list *l, size_t n)
{
	struct change last[DKIM_SIGN_MAX_KEYS];
	size_t before = l->n - n;

	if (n == 0 || before == 0)
		return;
	memcpy(last, l->v + before, n * sizeof(*last));
	memmove(l->v + n, l->v, before * sizeof(*last));
	memcpy(l->v, last, n * sizeof(*last));
}

/* Nothing marks this mail as begun, and a stream may know it by a field that is
 * removed. So it is signed before it loses that: whatever an MTA keeps that
 * loses us in between is as it came, or signed. */
int transform_plain(
    const struct transform_in *in, struct compose_out *out, struct error *err)
{
	int rc = compose_plain(&in->s->g.headers, in->s->g.arena, out);
	size_t removed = out->changes.n;

	if (rc != 0)
		return error_of(err, rc, "compose");
	rc = finish(in, out, err);
	if (rc == 0)
		last_go_first(&out->changes, out->changes.n - removed);
	return rc;
}
