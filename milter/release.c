/* release.c - see release.h.
 *
 * The token proves that we wrote the header field; the row tells by which
 * stream the copy came. A token whose row is gone is not refused but put off:
 * the agent looks at the row again and finds that the copy is done, while a
 * refusal would make it report one that was delivered. */
#include "milter/release.h"

#include "milter/nurture.h"
#include "milter/onetoone.h"
#include "milter/reply.h"
#include "policy/base/clock.h"
#include "policy/base/codec.h"
#include "policy/base/log.h"
#include "policy/base/when.h"
#include "policy/spool/spool.h"
#include "policy/state/message.h"
#include "policy/state/ops_copy.h"

#include <string.h>

/* How long a content filter may keep a message where no log tells. */
#define PASS_MS WHEN_DAY_MS

/* Mail of ours that comes back through a network declared re-inject. */
static const struct conf_stream re_inject = {
    .name = {"re-inject", 9},
    .class = CONF_CLASS_RELEASE,
};

/* The topmost field is the agent's: below it may stand what an application
 * wrote into its message. */
static int find_token(
    const struct session *s, unsigned kinds, struct token *out)
{
	const struct token_keys *keys = keyring_token_keys(s->snap->keyring);
	const struct header *h =
	    header_find(&s->g.headers, STR(TOKEN_FIELD), 0);

	if (keys == NULL || h == NULL)
		return ERR_NOT_FOUND;
	return token_parse(keys, kinds, str_trim(h->value), out);
}

static bool comes_back(const struct session *s)
{
	const struct conf_nets *nets = &s->snap->conf->re_inject;
	struct token t;

	for (size_t i = 0; s->has_client && !s->local && i < nets->n; i++)
		if (conf_net_contains(&nets->v[i], s->client))
			return find_token(s, TOKEN_SET(TOKEN_COMPOSED), &t) ==
			       0;
	return false;
}

const struct conf_stream *release_recognise(const struct session *s)
{
	const struct conf_stream *st =
	    recognise_release(s->snap->conf, &s->origin);

	if (st != NULL)
		return st;
	return comes_back(s) ? &re_inject : NULL;
}

bool release_is_astray(const struct session *s)
{
	struct token t;

	return recognise_release(s->snap->conf, &s->origin) == NULL &&
	       find_token(s, TOKEN_SET(TOKEN_RAW), &t) == 0;
}

static enum answer refuse(struct message *m)
{
	struct reply r;

	LOG_EV(LOG_LEVEL_WARNING, "release.refused",
	    KV_Z("qid", m->s->queue_id),
	    KV_I64("recipients", (int64_t)m->s->g.n_rcpts));
	return eom_say(m->s, reply_not_ours(&r), &r);
}

/* Signed if From is a domain of ours, and nothing else. */
static enum answer send_plain(struct message *m)
{
	struct error err = {0};

	if (eom_is_shadow(m->s) || comply_may_sign(&m->comply) != COMPLY_OK)
		m->signer = NULL;
	if (eom_send_on(m, NULL, &err) != 0)
		return eom_trouble(m, "sign", &err);
	LOG_EV(LOG_LEVEL_NOTICE, "released", KV_Z("qid", m->s->queue_id),
	    KV_I64("copy", (int64_t)m->copy_id));
	return ANSWER_CONTINUE;
}

/* --- raw: a report on a copy --- */

/* Which recipient of the copy it is about, by the Message-ID that the agent
 * gave it. False: it is about no copy, but a message that went long ago. */
static bool read_report_id(const struct message *m, uint32_t *index_out)
{
	struct session *s = m->s;
	const struct header *h =
	    header_find(&s->g.headers, STR("Message-ID"), 0);
	struct str id = h != NULL ? header_text(s->g.arena, h) : STR("");
	struct str copy, index;
	unsigned char raw[8];
	uint64_t n;

	if (!str_starts(id, STR("<")))
		return false;
	id = str_from(id, 1);
	if (!str_next(&id, '.', &copy) || !str_next(&id, '.', &index) ||
	    !str_starts(id, STR("report@")) ||
	    codec_unhex(copy, sizeof(raw), raw) != 0 ||
	    codec_get_u64(raw) != m->copy_id ||
	    str_u64(index, UINT32_MAX, &n) != 0)
		return false;
	*index_out = (uint32_t)n;
	return true;
}

/* The recipient is done with his report, so that an agent which never hears
 * our answer does not report twice. */
static enum answer send_report(struct message *m)
{
	struct session *s = m->s;
	struct error err = {0};
	struct store *store = eom_store(s, &err);
	struct copy_record r;
	uint32_t index;
	enum answer a;
	int rc = ERR_UNAVAILABLE;

	if (!read_report_id(m, &index))
		return send_plain(m);
	if (store != NULL)
		rc = ops_copy_get(store, m->copy_id, s->g.arena, &r);
	if (rc == ERR_NOT_FOUND || (rc == 0 && index < r.next)) {
		LOG_EV(LOG_LEVEL_NOTICE, "report.again",
		    KV_Z("qid", s->queue_id),
		    KV_I64("copy", (int64_t)m->copy_id),
		    KV_I64("index", index));
		return ANSWER_DISCARD;
	}
	if (rc != 0)
		return eom_trouble(m, "report", &err);
	a = send_plain(m);
	if (a == ANSWER_CONTINUE &&
	    ops_copy_done(store, m->copy_id, index, COPY_BOUNCED, &err) != 0)
		a = eom_trouble(m, "report", &err);
	return a;
}

/* --- raw: a copy --- */

/* Transactional ones are adopted from the MTA's hold queue. */
static bool has_copies(enum conf_class class)
{
	return class == CONF_CLASS_NURTURE || class == CONF_CLASS_ONE_TO_ONE ||
	       class == CONF_CLASS_TRANSACTIONAL;
}

/* The stream that the copy came by becomes the message's. */
static int restore_stream(struct message *m, struct error *err)
{
	struct session *s = m->s;
	struct store *store = eom_store(s, err);
	const struct conf_stream *st;
	struct copy_record r;
	int rc;

	if (store == NULL)
		return ERR_UNAVAILABLE;
	rc = ops_copy_get(store, m->copy_id, s->g.arena, &r);
	if (rc != 0)
		return error_of(err, rc, "copy");
	st = conf_stream_find(s->snap->conf, r.stream);
	if (st == NULL || !has_copies(st->class))
		return error_set(err, ERR_NOT_FOUND,
		    "copy of stream %.*s, which is gone", STR_ARG(r.stream));
	s->stream = st;
	m->forced = r.forced;
	return 0;
}

/* How it first came: by that the same message is known again. */
static int restore_arrival(struct message *m, struct error *err)
{
	struct session *s = m->s;
	struct spool_copy *copy = NULL;
	int rc = spool_read(s->sh->spool, m->copy_id, &copy, err);

	if (rc == 0) {
		const struct envelope *e = spool_copy_envelope(copy);

		m->arrived_ms = e->arrived_ms;
		m->first_queue_id = arena_str(s->g.arena, e->queue_id);
		if (m->first_queue_id.p == NULL)
			rc = error_set(err, ERR_LIMIT, "copy: out of memory");
	}
	spool_copy_free(&copy);
	return rc;
}

static enum answer run_copy(struct message *m)
{
	struct session *s = m->s;

	if (eom_is_shadow(s) || s->stream->class == CONF_CLASS_TRANSACTIONAL)
		return send_plain(m);
	return s->stream->class == CONF_CLASS_NURTURE ? nurture_run(m)
						      : onetoone_run(m);
}

static enum answer run_raw(struct message *m)
{
	struct session *s = m->s;
	struct error err = {0};

	if (s->g.n_rcpts != 1 || s->stream == &re_inject)
		return refuse(m);
	if (s->g.sender.n > 0 &&
	    (restore_stream(m, &err) != 0 || restore_arrival(m, &err) != 0))
		return eom_trouble(m, "release", &err);
	if (eom_examine(m, &err) != 0)
		return eom_trouble(m, "examine", &err);
	return s->g.sender.n > 0 ? run_copy(m) : send_report(m);
}

/* --- composed: a second pass --- */

struct pass {
	struct message_record record; /* strings in the arena */
	struct decide_out decision;
};

static int copy_strings(struct arena *a, struct message_record *r)
{
	struct str *v[] = {&r->segment, &r->stream, &r->campaign};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		*v[i] = arena_str(a, *v[i]);
		if (v[i]->p == NULL)
			return ERR_LIMIT;
	}
	return 0;
}

static int load_pass(
    struct message *m, uint64_t id, struct pass *p, struct error *err)
{
	struct session *s = m->s;
	struct store *store = eom_store(s, err);
	struct ledger_txn *t = NULL;
	int rc;

	if (store == NULL)
		return ERR_UNAVAILABLE;
	rc = ledger_read_begin(store->ledger, &t);
	if (rc == 0)
		rc = message_read(t, id, &p->record);
	if (rc == 0)
		rc = copy_strings(s->g.arena, &p->record);
	ledger_read_end(&t);
	if (rc != 0)
		return error_of(err, rc, "message");
	rc = policyver_cache_get(store->policies, &p->decision.policy, err);
	if (rc == 0 && p->decision.policy != NULL)
		p->decision.segment =
		    policy_segment_find(p->decision.policy, p->record.segment);
	p->decision.message_id = id;
	p->decision.subject_id = p->record.subject_id;
	return rc;
}

/* A token of ours is no secret: each recipient holds one, and may send it to
 * us again, with another text, for our signature. So only that message's own
 * recipient, alone, and as long as the message is on its way. Whatever else
 * comes back by that road is ordinary mail. */
static bool is_same_pass(
    const struct message *m, const struct pass *p, struct store *store)
{
	const struct session *s = m->s;
	const struct message_record *r = &p->record;
	struct address to;
	struct lead_id lead;

	if (s->snap->conf->mta_log.file.n > 0
		? r->state != SLOT_PROPOSED && r->state != SLOT_QUEUED
		: clock_now_ms() - r->proposed_ms > PASS_MS)
		return false;
	return s->g.n_rcpts == 1 &&
	       address_parse(s->g.arena, s->g.rcpts[0].address, &to, NULL) ==
		   0 &&
	       lead_id_of(store->lead_key, &to, &lead) == 0 &&
	       lead_id_eq(&lead, &r->lead);
}

static enum answer not_a_pass(struct message *m)
{
	if (m->s->stream != &re_inject)
		return refuse(m);
	LOG_EV(LOG_LEVEL_INFO, "release.ordinary", KV_Z("qid", m->s->queue_id));
	return ANSWER_ACCEPT;
}

static enum answer send_again(struct message *m, const struct pass *p)
{
	struct session *s = m->s;
	const struct conf_stream *st =
	    conf_stream_find(s->snap->conf, p->record.stream);
	struct error err = {0};

	m->comply.stream = st;
	if (st != NULL && comply_may_sign(&m->comply) != COMPLY_OK)
		return not_a_pass(m);
	if (st == NULL || st->class != CONF_CLASS_NURTURE)
		return send_plain(m);
	s->stream = st;
	m->segment = p->record.segment;
	m->campaign = p->record.campaign;
	m->renew = true;
	if (eom_send_on(m, &p->decision, &err) != 0)
		return eom_trouble(m, "renew", &err);
	LOG_EV(LOG_LEVEL_NOTICE, "renewed", KV_Z("qid", s->queue_id),
	    KV_I64("msg", (int64_t)p->decision.message_id));
	return ANSWER_CONTINUE;
}

static enum answer run_composed(struct message *m, uint64_t message_id)
{
	struct session *s = m->s;
	struct pass p = {0};
	struct error err = {0};
	enum answer a;
	int rc;

	if (eom_is_shadow(s))
		return ANSWER_ACCEPT;
	if (eom_examine(m, &err) != 0)
		return eom_trouble(m, "examine", &err);
	rc = load_pass(m, message_id, &p, &err);
	if (rc == ERR_NOT_FOUND ||
	    (rc == 0 && !is_same_pass(m, &p, eom_store(m->s, &err))))
		a = not_a_pass(m);
	else if (rc == 0)
		a = send_again(m, &p);
	else
		a = eom_trouble(m, "renew", &err);
	decide_fini(&p.decision);
	return a;
}

enum answer release_run(struct message *m)
{
	struct token t;
	int rc = find_token(
	    m->s, TOKEN_SET(TOKEN_RAW) | TOKEN_SET(TOKEN_COMPOSED), &t);
	struct error err = {0};

	if (rc == ERR_NOT_FOUND)
		return refuse(m);
	if (rc != 0) {
		(void)error_set(&err, rc, "token: %s", error_text(rc));
		return eom_trouble(m, "release", &err);
	}
	if (t.kind == TOKEN_COMPOSED)
		return run_composed(m, t.message_id);
	m->copy_id = t.message_id;
	return run_raw(m);
}
