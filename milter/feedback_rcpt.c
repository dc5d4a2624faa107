/* feedback_rcpt.c - see feedback_rcpt.h. */
#include "milter/feedback_rcpt.h"

#include "milter/apply.h"
#include "milter/eom_internal.h"
#include "milter/reply.h"
#include "policy/base/clock.h"
#include "policy/base/log.h"
#include "policy/mail/authres.h"
#include "policy/mail/origin.h"
#include "policy/mail/verp.h"

static bool is_bounce_domain(const struct conf *conf, struct str domain)
{
	if (str_ends(domain, STR(".")))
		domain.n--;
	for (size_t i = 0; i < conf->n_domains; i++)
		if (conf->domains[i].bounce_domain.n > 0 &&
		    str_ieq(conf->domains[i].bounce_domain, domain))
			return true;
	return false;
}

/* Quotes that nobody needs, but that are allowed (RFC 5321 section 4.1.2). */
static struct str unquote(struct str local)
{
	if (local.n >= 2 && local.p[0] == '"' && local.p[local.n - 1] == '"')
		return str_cut(local, 1, local.n - 2);
	return local;
}

static bool is_complaint_address(const struct conf *conf, struct str rcpt)
{
	const struct strs *v = &conf->agent.complaint_to;

	for (size_t i = 0; i < v->n; i++)
		if (str_ieq(v->v[i], rcpt))
			return true;
	return false;
}

static bool is_looked_at(const struct session *s)
{
	return s->snap->conf->mode != CONF_MODE_SHADOW &&
	       keyring_token_keys(s->snap->keyring) != NULL &&
	       recognise_release(s->snap->conf, &s->origin) == NULL;
}

static enum answer refuse(struct session *s, const char *why)
{
	struct reply r;

	LOG_EV_LIMITED(LOG_LEVEL_NOTICE, "feedback.refused",
	    KV_Z("reason", why), KV_Z("listener", s->listener));
	if (s->local)
		return ANSWER_CONTINUE;
	return eom_say(s, reply_no_such_address(&r), &r);
}

/* One that is not named to the agent may be somebody's opt-out: it comes with
 * another message. */
static enum answer remember(struct session *s, struct str rcpt)
{
	struct str copy;
	struct reply r;

	if (s->n_feedback == SESSION_FEEDBACK_MAX && !s->local)
		return eom_say(s, reply_enough(&r), &r);
	if (s->n_feedback == SESSION_FEEDBACK_MAX)
		return ANSWER_CONTINUE;
	copy = arena_str(s->g.arena, rcpt);
	if (copy.p == NULL)
		s->g.no_memory = true;
	else
		s->feedback[s->n_feedback++] = copy;
	return ANSWER_CONTINUE;
}

enum answer feedback_rcpt(struct session *s, struct str rcpt)
{
	size_t at = str_rfind(rcpt, '@');
	struct str local = unquote(str_cut(rcpt, 0, at));
	enum token_kind kind;
	struct token t;
	int rc;

	if (is_complaint_address(s->snap->conf, rcpt) && is_looked_at(s))
		return remember(s, rcpt);
	if (!is_bounce_domain(s->snap->conf, str_from(rcpt, at + 1)) ||
	    !verp_is_one(local, &kind) || !is_looked_at(s))
		return ANSWER_CONTINUE;
	rc = verp_parse(keyring_token_keys(s->snap->keyring), local, &t);
	if (rc == ERR_NOT_FOUND)
		return refuse(s, "token");
	if (rc == 0 && verp_is_expired(&t, clock_now_ms()))
		return refuse(s, "expired");
	return rc == 0 ? remember(s, rcpt) : ANSWER_CONTINUE;
}

static void add_removal(
    struct change_list *out, const char *name, unsigned index)
{
	out->v[out->n++] =
	    (struct change){CHANGE_REMOVE, str_of(name), STR_NULL, index};
}

int feedback_remove_forged(
    struct session *s, size_t more, struct change_list *out)
{
	size_t results = header_count(&s->g.headers, STR(AUTHRES_FIELD));
	size_t n = header_count(&s->g.headers, STR(ORIGIN_FIELD));
	struct str id = s->snap->conf->authserv_id;

	out->v = arena_array(s->g.arena, n + results + more, sizeof(*out->v));
	if (out->v == NULL)
		return ERR_LIMIT;
	out->cap = n + results + more;
	for (; n > 0; n--)
		add_removal(out, ORIGIN_FIELD, (unsigned)n);
	for (size_t i = s->g.headers.n; results > 0; i--) {
		const struct header *h = &s->g.headers.v[i - 1];

		if (!str_ieq(h->name, STR(AUTHRES_FIELD)))
			continue;
		if (authres_is_ours(h->value, id))
			add_removal(out, AUTHRES_FIELD, (unsigned)results);
		results--;
	}
	return 0;
}

int feedback_origin(struct session *s, const struct strs *rcpts,
    uint64_t answer, struct change *out)
{
	struct origin o = {.has_client = s->has_client,
	    .helo = str_of(s->helo),
	    .sender = s->g.sender,
	    .rcpts = *rcpts,
	    .answer = answer};
	int rc;

	for (size_t i = 0; i < sizeof(o.client); i++)
		o.client[i] = s->client[i];
	*out = (struct change){CHANGE_TOP, STR(ORIGIN_FIELD), STR_NULL, 0};
	rc = dkim_body_final(s->body_hash, o.body);
	return rc != 0 ? rc
		       : origin_make(keyring_token_keys(s->snap->keyring), &o,
			     s->g.arena, &out->value);
}

enum answer feedback_rcpt_end(struct session *s)
{
	const struct strs rcpts = {s->feedback, s->n_feedback};
	struct change_list changes = {0};
	int rc = feedback_remove_forged(s, 1, &changes);
	struct reply r;

	if (rc == 0)
		rc = feedback_origin(s, &rcpts, 0, &changes.v[changes.n++]);
	if (rc == 0)
		rc = apply_changes(s->mta, &changes, &s->g.sender_args);
	if (rc == 0)
		return ANSWER_CONTINUE;
	LOG_EV_LIMITED(LOG_LEVEL_ERR, "feedback.no_origin",
	    KV_Z("qid", s->queue_id), KV_Z("error", error_text(rc)));
	/* The agent can do without; pickup would come back at once. */
	return s->local ? ANSWER_CONTINUE : eom_say(s, reply_trouble(&r), &r);
}
