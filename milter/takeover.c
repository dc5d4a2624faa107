/* takeover.c - see takeover.h.
 *
 * The file is synced before the row is proposed, so a row without a file
 * cannot exist. What fails after the file was written removes it again, and if
 * that fails too the agent sweeps it: no message is in the MTA and here. */
#include "milter/takeover.h"

#include "milter/reply.h"
#include "policy/base/clock.h"
#include "policy/base/log.h"
#include "policy/spool/spool.h"
#include "policy/state/ops_copy.h"

enum {
	ID_TRIES = 3
};

bool takeover_is_possible(const struct session *s)
{
	return s->snap->conf->agent.release.n > 0;
}

static int envelope_rcpts(struct gather *g, struct envelope *e)
{
	struct envelope_rcpt *v = arena_array(g->arena, g->n_rcpts, sizeof(*v));

	if (v == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < g->n_rcpts; i++)
		v[i] = (struct envelope_rcpt){
		    g->rcpts[i].address, g->rcpts[i].args};
	e->rcpts = v;
	e->n_rcpts = g->n_rcpts;
	return 0;
}

int takeover_write(
    struct message *m, enum copy_kind kind, uint64_t *id_out, struct error *err)
{
	struct session *s = m->s;
	struct envelope e = {
	    .kind = kind,
	    .local = s->local,
	    .arrived_ms = clock_now_ms(),
	    .sender = s->g.sender,
	    .sender_args = s->g.sender_args,
	    .stream = s->stream->name,
	    .segment = m->segment,
	    .campaign = m->campaign,
	    .from_domain = m->comply.from_domain,
	    .queue_id = str_of(s->queue_id),
	};
	struct spool_message bytes = {.headers = &s->g.headers};
	int rc = envelope_rcpts(&s->g, &e);

	if (rc == 0)
		rc = gather_body(&s->g, &bytes.body);
	if (rc != 0)
		return error_of(err, rc, "copy");
	return spool_add(s->sh->spool, &e, &bytes, id_out, err);
}

void takeover_forget(struct session *s, uint64_t id)
{
	struct error err = {0};

	if (id != 0 && spool_remove(s->sh->spool, id, &err) != 0)
		LOG_EV(LOG_LEVEL_WARNING, "copy.left_behind",
		    KV_Z("error", err.text));
}

static void log_taken(const struct message *m, uint64_t id, const char *verdict)
{
	LOG_EV(LOG_LEVEL_NOTICE, "decision", KV_Z("qid", m->s->queue_id),
	    KV_I64("copy", (int64_t)id),
	    KV_Z("class", conf_class_name(m->s->stream->class)),
	    KV_STR("stream", m->s->stream->name), KV_STR("segment", m->segment),
	    KV_I64("recipients", (int64_t)m->s->g.n_rcpts),
	    KV_Z("verdict", verdict),
	    KV_Z("reason", verdict_reason_name(REASON_TAKEN)));
}

static int take(
    struct message *m, struct store *store, uint64_t *id_out, struct error *err)
{
	int64_t now_ms = clock_now_ms();
	struct copy_new c = {
	    .kind = COPY_TAKEN,
	    .segment = m->segment,
	    .stream = m->s->stream->name,
	    .wait = {.due_ms = now_ms,
		.deadline_ms = now_ms + OPS_COPY_LIFE_MS,
		.then = POLICY_THEN_BOUNCE},
	    .recipients = (uint32_t)m->s->g.n_rcpts,
	    .queue_id = str_of(m->s->queue_id),
	    .campaign = m->campaign,
	    .from_domain = m->comply.from_domain,
	};
	int rc = ERR_EXISTS;

	for (int i = 0; i < ID_TRIES && rc == ERR_EXISTS; i++) {
		rc = takeover_write(m, COPY_TAKEN, &c.id, err);
		if (rc != 0)
			return rc;
		rc = ops_copy_add(store, &c, err);
		if (rc != 0)
			takeover_forget(m->s, c.id);
	}
	*id_out = c.id;
	return rc;
}

enum answer takeover_all(struct message *m)
{
	struct session *s = m->s;
	struct error err = {0};
	struct store *store = eom_store(s, &err);
	struct reply r;
	uint64_t id;

	if (!takeover_is_possible(s)) {
		LOG_EV_LIMITED(LOG_LEVEL_ERR, "release.not_configured",
		    KV_STR("stream", s->stream->name));
		return s->local ? takeover_undecided(m)
				: eom_say(s, reply_not_configured(&r), &r);
	}
	if (store == NULL || take(m, store, &id, &err) != 0)
		return eom_trouble(m, "take over", &err);
	log_taken(m, id, "taken");
	return ANSWER_DISCARD;
}

enum answer takeover_undecided(struct message *m)
{
	struct error err = {0};
	uint64_t id;

	if (takeover_write(m, COPY_UNDECIDED, &id, &err) != 0) {
		LOG_EV(LOG_LEVEL_ERR, "copy.not_written",
		    KV_Z("qid", m->s->queue_id), KV_Z("error", err.text));
		return eom_quarantine(m->s);
	}
	log_taken(m, id, "undecided");
	return ANSWER_DISCARD;
}
