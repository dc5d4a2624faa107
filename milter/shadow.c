/* shadow.c - see shadow.h. */
#include "milter/shadow.h"

#include "milter/nurture.h"
#include "policy/base/log.h"

static int fill(
    struct message *m, size_t rcpt, struct decide_in *in, struct error *err)
{
	bool nurture = m->s->stream->class == CONF_CLASS_NURTURE;
	int rc = eom_fill_decide(m, rcpt, in, err);

	in->mode = nurture ? DECIDE_SHADOW : DECIDE_ONE_TO_ONE_SHADOW;
	in->comply = nurture_comply;
	in->comply_arg = m;
	return rc;
}

static void record(struct message *m, struct store *store,
    const struct decide_in *in, size_t n)
{
	struct decide_out *out = arena_array(m->s->g.arena, n, sizeof(*out));
	struct error err = {0};

	if (out == NULL || decide_propose_all(store, in, n, out, &err) != 0)
		LOG_EV_LIMITED(LOG_LEVEL_WARNING, "shadow.not_recorded",
		    KV_Z("qid", m->s->queue_id), KV_Z("error", err.text));
	for (size_t i = 0; out != NULL && i < n; i++) {
		if (out[i].verdict.reason != REASON_TROUBLE)
			eom_log_decision(m, in[i].recipient.text, &out[i]);
		decide_fini(&out[i]);
	}
}

enum answer shadow_run(struct message *m)
{
	struct session *s = m->s;
	struct error err = {0};
	struct store *store = eom_store(s, &err);
	struct decide_in *in =
	    arena_array(s->g.arena, DECIDE_ALL_MAX, sizeof(*in));
	size_t n = 0;

	for (size_t i = 0; store != NULL && in != NULL && i < s->g.n_rcpts;
	     i++) {
		if (fill(m, i, &in[n], &err) == 0)
			n++;
		if (n == DECIDE_ALL_MAX || (n > 0 && i + 1 == s->g.n_rcpts)) {
			record(m, store, in, n);
			n = 0;
		}
	}
	return ANSWER_ACCEPT;
}
