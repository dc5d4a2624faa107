/* eom.c - see eom.h and eom_internal.h: what all classes share, and which file
 * goes on. The order is that of architecture section 4: recognise (done at the
 * end of the header), decide and reserve, compose, sign, apply, answer. All
 * that can fail without a slot is done before the slot is reserved. */
#include "milter/eom.h"

#include "milter/apply.h"
#include "milter/nurture.h"
#include "milter/onetoone.h"
#include "milter/release.h"
#include "milter/reply.h"
#include "milter/takeover.h"
#include "milter/transform.h"
#include "policy/base/clock.h"
#include "policy/base/log.h"
#include "policy/mail/reference.h"
#include "policy/state/ops.h"

#include <errno.h>
#include <string.h>

enum answer eom_say(struct session *s, enum answer a, const struct reply *r)
{
	if (r->code != 0 && s->mta->set_reply(s->mta->ctx, r) != 0)
		LOG_EV_LIMITED(
		    LOG_LEVEL_WARNING, "reply.refused", KV_Z("text", r->text));
	return a;
}

enum answer eom_quarantine(struct session *s)
{
	struct reply r;

	if (s->mta->quarantine(s->mta->ctx, "tendril: not decided") == 0) {
		LOG_EV(LOG_LEVEL_ERR, "message.quarantined",
		    KV_Z("qid", s->queue_id));
		return ANSWER_ACCEPT;
	}
	/* The MTA is gone: this is said for the record. */
	return eom_say(s, reply_trouble(&r), &r);
}

static bool is_conf_shadow(const struct session *s)
{
	return s->snap->conf->mode == CONF_MODE_SHADOW;
}

bool eom_is_shadow(struct session *s)
{
	struct store *store = atomic_load(&s->sh->store);
	const struct policy *policy;
	struct error unused;
	bool shadow;

	if (is_conf_shadow(s))
		return true;
	if (store == NULL ||
	    policyver_cache_get(store->policies, &policy, &unused) != 0)
		return false;
	shadow = policy != NULL && policy->shadow;
	policy_unref(&policy);
	return shadow;
}

static bool is_decided(const struct session *s)
{
	return s->stream->class == CONF_CLASS_NURTURE ||
	       s->stream->class == CONF_CLASS_ONE_TO_ONE;
}

enum answer eom_trouble(
    struct message *m, const char *where, const struct error *err)
{
	struct session *s = m->s;
	struct reply r;

	/* A ledger in trouble means every message of ours. */
	LOG_EV_LIMITED(LOG_LEVEL_ERR, "message.trouble",
	    KV_Z("qid", s->queue_id), KV_Z("at", where),
	    KV_Z("error", err->text));
	/* A copy is ours to keep until it can go as it should. */
	if (is_conf_shadow(s) && m->copy_id == 0 &&
	    s->stream->class != CONF_CLASS_RELEASE)
		return ANSWER_ACCEPT;
	if (!s->local)
		return eom_say(s, reply_trouble(&r), &r);
	return is_decided(s) ? takeover_undecided(m) : eom_quarantine(s);
}

struct store *eom_store(struct session *s, struct error *err)
{
	struct store *store = atomic_load(&s->sh->store);

	if (store == NULL)
		(void)error_set(err, ERR_UNAVAILABLE, "ledger is not open");
	return store;
}

static int read_from(struct message *m)
{
	const struct session *s = m->s;
	const struct header *h;
	size_t at = 0;
	int rc = 0;

	while (rc == 0 &&
	       (h = header_next(&s->g.headers, STR("From"), &at)) != NULL)
		rc = addrlist_add(&m->from, s->g.arena, h->value);
	return rc;
}

int eom_examine(struct message *m, struct error *err)
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

void eom_log_decision(
    const struct message *m, struct str recipient, const struct decide_out *p)
{
	const struct verdict *v = &p->verdict;
	bool redact = m->s->snap->conf->log_redact;

	LOG_EV(LOG_LEVEL_NOTICE, "decision", KV_Z("qid", m->s->queue_id),
	    KV_I64("msg", (int64_t)p->message_id),
	    KV_Z("class", conf_class_name(m->s->stream->class)),
	    KV_STR("stream", m->s->stream->name),
	    KV_STR(
		"segment", p->segment != NULL ? p->segment->name : m->segment),
	    KV_STR("to", redact ? STR("-") : recipient),
	    KV_Z("verdict", verdict_action_name(v->action)),
	    KV_Z("reason", verdict_reason_name(v->reason)),
	    KV_I64("policy", p->policy != NULL ? p->policy->version : 0),
	    KV_I64("line", v->rule != NULL ? v->rule->line : 0),
	    KV_STR("rule", v->rule != NULL ? v->rule->text : STR("")),
	    KV_I64("shadow", v->shadowed || m->shadow));
}

/* Told, since whoever reads the outside's "bad signature" looks for the fault
 * in the key. */
static void warn_long_lines(const struct message *m)
{
	const struct gather *g = &m->s->g;

	if (m->signer != NULL &&
	    (g->long_lines.found || longline_in_headers(&g->headers)))
		LOG_EV_LIMITED(LOG_LEVEL_WARNING, "long_lines",
		    KV_Z("qid", m->s->queue_id),
		    KV_STR("stream", m->s->stream->name),
		    KV_I64("over", LONGLINE_MAX),
		    KV_Z("hint", "signatures break unless Postfix has "
				 "smtp_line_length_limit = 0"));
}

int eom_send_on(
    struct message *m, const struct decide_out *p, struct error *err)
{
	struct transform_in t = {
	    .s = m->s,
	    .signer = m->signer,
	    .from_domain = m->comply.from_domain,
	    .decision = p,
	    .segment = m->segment,
	    .campaign = m->campaign,
	    .renew = m->renew,
	};
	struct compose_out changes;
	int rc;

	memcpy(t.body_hash, m->body_hash, sizeof(t.body_hash));
	rc = p != NULL ? transform_nurture(&t, &changes, err)
		       : transform_plain(&t, &changes, err);
	if (rc != 0)
		return rc;
	rc = apply_changes(m->s->mta, &changes.changes, &m->s->g.sender_args);
	if (rc != 0)
		return error_of(err, rc, "apply");
	warn_long_lines(m);
	return 0;
}

/* A seed is a proof address of ours: signed and sent, never counted. */
static bool is_seed(const struct conf *conf, struct str address)
{
	for (size_t i = 0; i < conf->seeds.n; i++)
		if (str_eq(conf->seeds.v[i], address))
			return true;
	return false;
}

/* By what an answer will name it. */
static int name_reference(const struct message *m, struct str *out)
{
	const struct session *s = m->s;
	struct reference r;
	int rc = reference_of(&s->g.headers, &r);

	*out = STR("");
	if (rc != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	*out = arena_str(
	    s->g.arena, (struct str){(const char *)r.digest, sizeof(r.digest)});
	return out->p != NULL ? 0 : ERR_LIMIT;
}

int eom_fill_decide(
    struct message *m, size_t rcpt, struct decide_in *in, struct error *err)
{
	struct session *s = m->s;
	const struct conf *conf = s->snap->conf;
	struct samekey_in same = {
	    .stream = s->stream->name,
	    .queue_id = str_of(s->queue_id),
	    .first_queue_id = m->first_queue_id,
	    .copy_id = m->copy_id,
	    .arrived_ms = m->copy_id != 0 ? m->arrived_ms : clock_now_ms(),
	    .headers = &s->g.headers,
	};
	int rc;

	*in = (struct decide_in){
	    .segment = m->segment,
	    .stream = s->stream->name,
	    .campaign = m->campaign,
	    .queue_id = str_of(s->queue_id),
	    .unknown = s->stream->unknown,
	    .unknown_segment = s->stream->unknown_segment,
	    .from_domain = m->comply.from_domain,
	    .sender = s->g.sender,
	    .log_followed = conf->mta_log.file.n > 0,
	    .from_copy = m->copy_id != 0,
	    .held_id = m->copy_id,
	    .arrived_ms = m->copy_id != 0 ? m->arrived_ms : 0,
	    .forced = m->forced,
	};
	rc = address_parse(
	    s->g.arena, s->g.rcpts[rcpt].address, &in->recipient, err);
	if (rc == 0)
		rc = error_of(err,
		    compose_one_click(
			&s->g.headers, s->g.arena, &in->app_one_click),
		    "List-Unsubscribe");
	if (rc != 0)
		return rc;
	in->seed = is_seed(conf, in->recipient.text);
	same.recipient = in->recipient.text;
	memcpy(same.body_hash, m->body_hash, sizeof(same.body_hash));
	rc = samekey_make(&same, s->g.arena, &in->same);
	if (rc == 0)
		rc = name_reference(m, &in->reference);
	return rc != 0 ? error_set(err, rc, "%s", error_text(rc)) : 0;
}

void eom_release_slot(const struct message *m, const struct decide_out *p)
{
	struct slot_change c = {
	    .kind = SLOT_CHANGE_RELEASED,
	    .message_id = p->message_id,
	    .at_ms = clock_now_ms(),
	    .release = RELEASE_TROUBLE,
	};
	struct error err = {0};
	struct store *store = eom_store(m->s, &err);

	if (p->message_id == 0 || store == NULL)
		return;
	if (ops_slot_apply(store, &c, &err) != 0)
		LOG_EV(LOG_LEVEL_ERR, "slot.not_released",
		    KV_Z("qid", m->s->queue_id), KV_Z("error", err.text));
}

bool eom_may_sign(struct message *m)
{
	enum comply_result c = comply_may_sign(&m->comply);

	if (c == COMPLY_OK)
		return true;
	LOG_EV(LOG_LEVEL_WARNING, "unsigned", KV_Z("qid", m->s->queue_id),
	    KV_STR("stream", m->s->stream->name),
	    KV_Z("reason", comply_result_name(c)));
	m->signer = NULL;
	return false;
}

static enum answer eom_transactional(struct message *m)
{
	struct error err = {0};
	bool may_sign;

	if (is_conf_shadow(m->s))
		return ANSWER_ACCEPT;
	may_sign = eom_may_sign(m);
	if (eom_send_on(m, NULL, &err) != 0)
		return eom_trouble(m, "sign", &err);
	if (may_sign)
		LOG_EV(LOG_LEVEL_NOTICE, "signed", KV_Z("qid", m->s->queue_id),
		    KV_Z("class", conf_class_name(m->s->stream->class)),
		    KV_STR("stream", m->s->stream->name),
		    KV_I64("recipients", (int64_t)m->s->g.n_rcpts));
	return ANSWER_CONTINUE;
}

static enum answer eom_ours(struct message *m)
{
	struct error err = {0};

	if (eom_examine(m, &err) != 0)
		return eom_trouble(m, "examine", &err);
	switch (m->s->stream->class) {
	case CONF_CLASS_NURTURE:
		return nurture_run(m);
	case CONF_CLASS_ONE_TO_ONE:
		return onetoone_run(m);
	case CONF_CLASS_TRANSACTIONAL:
		return eom_transactional(m);
	case CONF_CLASS_RELEASE:
	case CONF_CLASS_INBOUND:
	case CONF_CLASS_PASS:
		break;
	}
	return ANSWER_ACCEPT;
}

enum answer eom_run(struct session *s)
{
	struct message m = {.s = s};
	struct error err = {0};
	struct reply r;

	if (s->g.overflow)
		return is_conf_shadow(s)
			   ? ANSWER_ACCEPT
			   : eom_say(s, reply_too_complex(&r), &r);
	if (s->g.n_rcpts == 0) {
		(void)error_set(&err, -EPROTO, "no recipient");
		return eom_trouble(&m, "envelope", &err);
	}
	if (s->stream->class == CONF_CLASS_RELEASE)
		return release_run(&m);
	return eom_ours(&m);
}
