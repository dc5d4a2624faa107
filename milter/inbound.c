/* inbound.c - see inbound.h. */
#include "milter/inbound.h"

#include "milter/eom_internal.h"
#include "milter/feedback_rcpt.h"
#include "policy/base/clock.h"
#include "policy/base/log.h"
#include "policy/mail/verp.h"
#include "policy/state/message.h"
#include "policy/state/reference.h"

#include <errno.h>

/* One author, or nobody to go by. */
static const struct lead_id *author_of(
    struct session *s, const struct store *store, struct lead_id *room)
{
	const struct header *h = header_find(&s->g.headers, STR("From"), 0);
	struct addrlist from = {0};

	if (h == NULL || addrlist_add(&from, s->g.arena, h->value) != 0 ||
	    from.n != 1 ||
	    lead_id_of(store->lead_key, &from.v[0].addr, room) != 0)
		return NULL;
	return room;
}

static int find_message(struct session *s, const struct store *store,
    const struct reference_list *list, struct message_record *out)
{
	struct ledger_txn *t = NULL;
	struct lead_id room;
	const struct lead_id *author = author_of(s, store, &room);
	int rc = ledger_read_begin(store->ledger, &t);

	if (rc == 0)
		rc = reference_find(
		    t, list, author, clock_now_ms(), &s->answered);
	if (rc == 0)
		rc = message_read(t, s->answered, out);
	if (rc == 0) {
		out->from_domain = arena_str(s->g.arena, out->from_domain);
		rc = out->from_domain.p != NULL ? 0 : ERR_LIMIT;
	}
	ledger_read_end(&t);
	return rc;
}

/* That of the domain that sent it; else the first that there is. */
static struct str bounce_domain(const struct conf *conf, struct str from_domain)
{
	const struct conf_domain *d = conf_signer_find(conf, from_domain);

	if (d != NULL && d->bounce_domain.n > 0)
		return d->bounce_domain;
	for (size_t i = 0; i < conf->n_domains; i++)
		if (conf->domains[i].bounce_domain.n > 0)
			return conf->domains[i].bounce_domain;
	return STR("");
}

static int make_address(struct session *s, const struct message_record *m)
{
	struct token t = {.kind = TOKEN_FEEDBACK, .message_id = s->answered};
	struct str domain = bounce_domain(s->snap->conf, m->from_domain);
	char text[TOKEN_TEXT_MAX + 1];
	int rc = domain.n > 0 ? 0 : ERR_NOT_FOUND;

	if (rc == 0)
		rc = token_make(keyring_token_keys(s->snap->keyring), &t, text);
	if (rc == 0)
		rc = verp_make(s->g.arena, TOKEN_FEEDBACK, str_of(text), domain,
		    &s->answer_rcpt);
	return rc;
}

static bool is_looked_at(struct session *s)
{
	return s->stream != NULL && s->stream->class == CONF_CLASS_INBOUND &&
	       keyring_token_keys(s->snap->keyring) != NULL &&
	       s->snap->conf->agent.maildir.n > 0;
}

bool inbound_answers(struct session *s)
{
	struct store *store = atomic_load(&s->sh->store);
	struct message_record m = {0};
	struct reference_list list;
	int rc;

	if (store == NULL || !is_looked_at(s) ||
	    reference_list(&s->g.headers, &list) != 0 || list.n == 0 ||
	    eom_is_shadow(s))
		return false;
	rc = find_message(s, store, &list, &m);
	if (rc == 0)
		rc = make_address(s, &m);
	if (rc == 0)
		return true;
	s->answered = 0;
	if (rc != ERR_NOT_FOUND)
		LOG_EV_LIMITED(LOG_LEVEL_ERR, "inbound.trouble",
		    KV_Z("error", error_text(rc)));
	return false;
}

enum answer inbound_end(struct session *s)
{
	static const struct strs none = {NULL, 0};
	struct change_list l = {0};
	int rc = feedback_remove_forged(s, 2, &l);

	/* The recipient last: without the field it would show its token as if
	 * the writer had known it. */
	if (rc == 0)
		rc = feedback_origin(s, &none, s->answered, &l.v[l.n++]);
	if (rc == 0)
		l.v[l.n++] = (struct change){
		    CHANGE_RECIPIENT, STR_NULL, s->answer_rcpt, 0};
	/* Not apply_changes(): the sender's arguments are nobody's here. */
	for (size_t i = 0; rc == 0 && i < l.n; i++)
		rc = s->mta->change(s->mta->ctx, &l.v[i], STR(""));
	if (rc != 0)
		LOG_EV_LIMITED(LOG_LEVEL_ERR, "inbound.trouble",
		    KV_Z("qid", s->queue_id), KV_Z("error", error_text(rc)));
	else
		LOG_EV(LOG_LEVEL_INFO, "inbound.answer",
		    KV_Z("qid", s->queue_id),
		    KV_I64("msg", (int64_t)s->answered));
	return ANSWER_CONTINUE;
}
