/* eom.c - see eom.h.
 *
 * The order of architecture section 4: recognise (done at EOH), decide and
 * reserve, compose, sign, apply, answer. All that can fail without a slot is
 * done before the slot is reserved. */
#include "milter/eom.h"

#include "milter/apply.h"
#include "milter/reply.h"
#include "milter/transform.h"
#include "policy/base/clock.h"
#include "policy/base/log.h"
#include "policy/mail/addrlist.h"
#include "policy/rules/comply.h"
#include "policy/state/ops.h"

#include <string.h>

/* What is known of the message before it is decided. */
struct message {
	struct session *s;
	struct addrlist from;
	const struct keyring_domain *signer;
	struct str segment, campaign;
	unsigned char body_hash[32];
	struct comply_in comply;
};

static enum answer say(struct session *s, enum answer a, const struct reply *r)
{
	if (r->code != 0 && s->mta->set_reply(s->mta->ctx, r) != 0)
		LOG_EV_LIMITED(
		    LOG_LEVEL_WARNING, "reply.refused", KV_Z("text", r->text));
	return a;
}

static enum answer trouble(
    struct session *s, const char *where, const struct error *err)
{
	struct reply r;
	enum answer a = reply_trouble(&r);

	LOG_EV(LOG_LEVEL_ERR, "message.trouble", KV_Z("qid", s->queue_id),
	    KV_Z("at", where), KV_Z("error", err->text));
	return say(s, a, &r);
}

static int read_from(struct message *m)
{
	struct session *s = m->s;
	int rc = 0;

	for (size_t i = 0; rc == 0; i++) {
		const struct header *h =
		    header_find(&s->g.headers, STR("From"), i);
		if (h == NULL)
			break;
		rc = addrlist_add(&m->from, s->g.arena, h->value);
	}
	return rc;
}

static int examine(struct message *m, struct error *err)
{
	struct session *s = m->s;
	int rc = read_from(m);

	if (rc == 0)
		rc = dkim_body_final(s->body_hash, m->body_hash);
	if (rc != 0)
		return error_set(err, rc, "%s", error_text(rc));
	m->comply.stream = s->stream;
	m->comply.n_from = m->from.n + m->from.bad;
	if (m->from.n == 1)
		m->comply.from_domain = m->from.v[0].addr.domain;
	m->signer = keyring_find(s->snap->keyring, m->comply.from_domain);
	if (m->signer != NULL) {
		m->comply.signer = m->signer->conf;
		m->comply.n_keys = m->signer->n_keys;
	}
	m->comply.has_base_url = s->snap->conf->web.base_url.n > 0;
	return 0;
}

static void log_decision(
    const struct message *m, struct str recipient, const struct decide_out *p)
{
	const struct verdict *v = &p->verdict;
	bool redact = m->s->snap->conf->log_redact;

	LOG_EV(LOG_LEVEL_NOTICE, "decision", KV_Z("qid", m->s->queue_id),
	    KV_I64("msg", (int64_t)p->message_id),
	    KV_Z("class", conf_class_name(m->s->stream->class)),
	    KV_STR("stream", m->s->stream->name), KV_STR("segment", m->segment),
	    KV_STR("to", redact ? STR("-") : recipient),
	    KV_Z("verdict", verdict_action_name(v->action)),
	    KV_Z("reason", verdict_reason_name(v->reason)),
	    KV_I64("policy", p->policy != NULL ? p->policy->version : 0),
	    KV_I64("line", v->rule != NULL ? v->rule->line : 0),
	    KV_STR("rule", v->rule != NULL ? v->rule->text : STR("")),
	    KV_I64("shadow", v->shadowed));
}

/* Compose, sign, apply: the part after the yes. */
static int send_on(
    struct message *m, const struct decide_out *p, struct error *err)
{
	struct transform_in t = {
	    .s = m->s,
	    .signer = m->signer,
	    .from_domain = m->comply.from_domain,
	    .decision = p,
	    .segment = m->segment,
	    .campaign = m->campaign,
	};
	struct compose_out changes;
	int rc;

	memcpy(t.body_hash, m->body_hash, sizeof(t.body_hash));
	rc = p != NULL ? transform_nurture(&t, &changes, err)
		       : transform_plain(&t, &changes, err);
	if (rc != 0)
		return rc;
	rc = apply_changes(m->s->mta, &changes.changes, &m->s->g.sender_args);
	return rc != 0 ? error_set(err, rc, "apply: %s", error_text(rc)) : 0;
}

/* A seed is a proof address of ours: signed and sent, never counted. */
static bool is_seed(const struct conf *conf, struct str address)
{
	for (size_t i = 0; i < conf->seeds.n; i++)
		if (str_eq(conf->seeds.v[i], address))
			return true;
	return false;
}

static int fill_decide(
    struct message *m, struct decide_in *in, struct error *err)
{
	struct session *s = m->s;
	const struct conf *conf = s->snap->conf;
	struct samekey_in same = {
	    .stream = s->stream->name,
	    .queue_id = str_of(s->queue_id),
	    .headers = &s->g.headers,
	};
	int rc;

	*in = (struct decide_in){
	    .mode =
		conf->mode == CONF_MODE_SHADOW ? DECIDE_SHADOW : DECIDE_SEND,
	    .segment = m->segment,
	    .stream = s->stream->name,
	    .campaign = m->campaign,
	    .queue_id = str_of(s->queue_id),
	    .sender = s->g.sender,
	    .log_followed = conf->mta_log.file.n > 0,
	};
	rc = address_parse(
	    s->g.arena, s->g.rcpts[0].address, &in->recipient, err);
	if (rc == 0)
		rc = compose_one_click(
		    &s->g.headers, s->g.arena, &in->app_one_click);
	if (rc != 0)
		return rc;
	in->seed = is_seed(conf, in->recipient.text);
	same.recipient = in->recipient.text;
	memcpy(same.body_hash, m->body_hash, sizeof(same.body_hash));
	rc = samekey_make(&same, s->g.arena, &in->same);
	return rc != 0 ? error_set(err, rc, "%s", error_text(rc)) : 0;
}

/* The slot was reserved and the message will not go: give it back. */
static void release_slot(struct message *m, const struct decide_out *p)
{
	struct slot_change c = {
	    .kind = SLOT_CHANGE_RELEASED,
	    .message_id = p->message_id,
	    .at_ms = clock_now_ms(),
	    .release = RELEASE_TROUBLE,
	};
	struct error err = {0};

	if (p->message_id != 0 &&
	    ops_slot_apply(m->s->sh->store, &c, &err) != 0)
		LOG_EV(LOG_LEVEL_ERR, "slot.not_released",
		    KV_Z("qid", m->s->queue_id), KV_Z("error", err.text));
}

static enum answer answer_decided(struct message *m, const struct decide_out *p)
{
	struct error err = {0};
	struct reply r;
	enum answer a;

	if (m->s->snap->conf->mode == CONF_MODE_SHADOW)
		return ANSWER_ACCEPT;
	a = say(m->s, reply_from_verdict(&p->verdict, &r), &r);
	if (a != ANSWER_CONTINUE || send_on(m, p, &err) == 0)
		return a;
	release_slot(m, p);
	return trouble(m->s, "send", &err);
}

static enum answer decide_one(struct message *m)
{
	struct session *s = m->s;
	struct decide_out p = {0};
	struct decide_in in;
	struct error err = {0};
	enum answer a;

	if (fill_decide(m, &in, &err) != 0)
		return trouble(s, "proposal", &err);
	in.compliance = comply_may_sign(&m->comply);
	if (decide_propose(s->sh->store, &in, &p, &err) != 0)
		a = trouble(s, "decide", &err);
	else {
		log_decision(m, in.recipient.text, &p);
		a = answer_decided(m, &p);
	}
	decide_fini(&p);
	return a;
}

static enum answer eom_nurture(struct message *m)
{
	struct session *s = m->s;

	m->segment = recognise_segment(s->stream, &s->g.headers, s->g.arena);
	m->campaign = recognise_campaign(s->stream, &s->g.headers, s->g.arena);
	return decide_one(m);
}

/* Signed where this origin may; a From that it may not sign for goes out as
 * it came, and that is told. */
static enum answer eom_signed(struct message *m)
{
	enum comply_result c = comply_may_sign(&m->comply);
	struct error err = {0};

	if (c != COMPLY_OK) {
		LOG_EV(LOG_LEVEL_WARNING, "unsigned",
		    KV_Z("qid", m->s->queue_id),
		    KV_STR("stream", m->s->stream->name),
		    KV_Z("reason", comply_result_name(c)));
		m->signer = NULL;
	}
	if (send_on(m, NULL, &err) != 0)
		return trouble(m->s, "sign", &err);
	LOG_EV(LOG_LEVEL_NOTICE, "signed", KV_Z("qid", m->s->queue_id),
	    KV_Z("class", conf_class_name(m->s->stream->class)),
	    KV_STR("stream", m->s->stream->name),
	    KV_I64("recipients", (int64_t)m->s->g.n_rcpts));
	return ANSWER_CONTINUE;
}

enum answer eom_run(struct session *s)
{
	struct message m = {.s = s};
	struct error err = {0};
	struct reply r;

	if (s->g.overflow)
		return say(s, reply_too_complex(&r), &r);
	if (examine(&m, &err) != 0)
		return trouble(s, "examine", &err);
	switch (s->stream->class) {
	case CONF_CLASS_NURTURE:
		return eom_nurture(&m);
	case CONF_CLASS_TRANSACTIONAL:
	case CONF_CLASS_ONE_TO_ONE:
		return eom_signed(&m);
	case CONF_CLASS_RELEASE:
	case CONF_CLASS_INBOUND:
	case CONF_CLASS_PASS:
		break;
	}
	return ANSWER_ACCEPT;
}
