/* early.c - see early.h. */
#include "milter/early.h"

#include "milter/eom_internal.h"
#include "milter/reply.h"

const struct conf_stream *early_stream(struct session *s)
{
	const struct conf *conf = s->snap->conf;
	const struct conf_stream *st;
	bool needs_headers;

	if (s->local || recognise_release(conf, &s->origin) != NULL)
		return NULL;
	/* A second pass is known by a header field. */
	for (size_t i = 0; i < conf->re_inject.n; i++)
		if (s->has_client &&
		    conf_net_contains(&conf->re_inject.v[i], s->client))
			return NULL;
	st = recognise_stream(
	    conf, &s->origin, s->g.sender, NULL, &needs_headers);
	if (st == NULL || needs_headers)
		return NULL;
	if (st->class != CONF_CLASS_ONE_TO_ONE &&
	    (st->class != CONF_CLASS_NURTURE || st->segment.n == 0))
		return NULL;
	return eom_is_shadow(s) ? NULL : st;
}

/* REJECT only if it is certain and recorded. */
static int refuse(struct session *s, const struct decide_in *in,
    struct decide_out *out, struct error *err)
{
	struct store *store = eom_store(s, err);

	return store != NULL ? decide_propose(store, in, out, err)
			     : ERR_UNAVAILABLE;
}

enum answer early_rcpt(
    struct session *s, const struct conf_stream *stream, struct str rcpt)
{
	bool nurture = stream->class == CONF_CLASS_NURTURE;
	struct message m = {.s = s, .segment = stream->segment};
	struct decide_in in = {
	    .mode =
		nurture ? DECIDE_REFUSE_ONLY : DECIDE_ONE_TO_ONE_REFUSE_ONLY,
	    .segment = stream->segment,
	    .stream = stream->name,
	    .unknown = stream->unknown,
	    .unknown_segment = stream->unknown_segment,
	    .sender = s->g.sender,
	};
	struct decide_out out = {0};
	struct error err = {0};
	enum answer a = ANSWER_CONTINUE;
	struct reply r;
	int rc = address_parse(s->g.arena, rcpt, &in.recipient, &err);

	if (rc == ERR_SYNTAX)
		return eom_say(s, reply_bad_address(&r), &r);
	if (rc == 0)
		rc = refuse(s, &in, &out, &err);
	if (rc == 0 && out.verdict.action == VERDICT_REJECT) {
		s->stream = stream;
		eom_log_decision(&m, in.recipient.text, &out);
		s->stream = NULL;
		a = reply_from_verdict(&out.verdict, &r);
		a = eom_say(s, a, &r);
	}
	decide_fini(&out);
	return a;
}
