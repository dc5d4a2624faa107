/* session.c - see session.h.
 *
 * One table says which event may come in which state and what state follows.
 * MAIL is right in every state: MTAs had bugs where a message's end was not
 * told. An impossible event marks the message disordered, and a disordered
 * message gets a tempfail at the next answer. */
#include "milter/session.h"

#include "milter/early.h"
#include "milter/eom.h"
#include "milter/eom_internal.h"
#include "milter/feedback_rcpt.h"
#include "milter/inbound.h"
#include "milter/release.h"
#include "milter/reply.h"
#include "policy/base/fault.h"
#include "policy/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/* What the MTA may add to a copy on its way back to us, so that a
	 * message within the limits stays there. */
	SLACK_HEADERS = 16,
	SLACK_BYTES = 8192
};

#define NO SESSION_STATES /* impossible */

static const unsigned char next_state[SESSION_STATES][SESSION_EVENTS] = {
    /*                  MAIL          RCPT          HEADER          EOH
     *                  BODY          EOM           ABORT */
    [SESSION_IDLE] = {SESSION_MAIL, NO, NO, NO, NO, NO, SESSION_IDLE},
    [SESSION_MAIL] = {SESSION_MAIL, SESSION_RCPT, NO, NO, NO, NO, SESSION_IDLE},
    [SESSION_RCPT] = {SESSION_MAIL, SESSION_RCPT, SESSION_HEADER, SESSION_BODY,
	NO, NO, SESSION_IDLE},
    [SESSION_HEADER] = {SESSION_MAIL, NO, SESSION_HEADER, SESSION_BODY, NO, NO,
	SESSION_IDLE},
    [SESSION_BODY] = {SESSION_MAIL, NO, NO, NO, SESSION_BODY, SESSION_IDLE,
	SESSION_IDLE},
    [SESSION_DONE] = {SESSION_MAIL, NO, SESSION_DONE, SESSION_DONE,
	SESSION_DONE, SESSION_IDLE, SESSION_IDLE},
};

/* False when the event is impossible here; the state stays. */
static bool step(struct session *s, enum session_event e)
{
	unsigned char to = next_state[s->state][e];

	if (to == NO) {
		s->disordered = true;
		LOG_EV_LIMITED(LOG_LEVEL_WARNING, "session.disordered",
		    KV_I64("state", s->state), KV_I64("got", e));
		return false;
	}
	s->state = (enum session_state)to;
	return true;
}

struct session *session_open(struct shared *sh, const struct mta *mta)
{
	struct session *s = fault_alloc() ? NULL : calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->sh = sh;
	s->mta = mta;
	if (gather_open(&s->g) != 0) {
		free(s);
		return NULL;
	}
	return s;
}

/* Forgets the message; right in every state. */
static void message_end(struct session *s)
{
	gather_reset(&s->g);
	snapshot_unref(&s->snap);
	s->stream = NULL;
	s->early = NULL;
	s->early_known = false;
	s->n_feedback = 0;
	s->answered = 0;
	s->disordered = false;
	s->late = false;
	s->sasl_user[0] = '\0';
	s->queue_id[0] = '\0';
	if (s->in_message)
		atomic_fetch_sub(&s->sh->in_flight, 1);
	s->in_message = false;
}

void session_close(struct session **s)
{
	if (*s == NULL)
		return;
	message_end(*s);
	dkim_body_free(&(*s)->body_hash);
	gather_close(&(*s)->g);
	free(*s);
	*s = NULL;
}

/* Copies a macro; a value that does not fit is left out, since half a name
 * could match another. */
static void copy_macro(
    const struct session *s, const char *name, char *to, size_t cap)
{
	const char *value = s->mta->macro(s->mta->ctx, name);

	to[0] = '\0';
	if (value != NULL && strlen(value) < cap)
		(void)snprintf(to, cap, "%s", value);
}

void session_connect(struct session *s, const char *host,
    const unsigned char *addr, unsigned port)
{
	s->has_client = addr != NULL;
	if (addr != NULL)
		memcpy(s->client, addr, sizeof(s->client));
	s->local = addr != NULL && port == 0 && host != NULL &&
		   strcmp(host, "localhost") == 0;
	copy_macro(s, "daemon_name", s->listener, sizeof(s->listener));
}

void session_helo(struct session *s, const char *name)
{
	(void)snprintf(s->helo, sizeof(s->helo), "%s", name);
}

static void set_limits(struct session *s)
{
	s->limits = s->snap->conf->milter;
	if (recognise_release(s->snap->conf, &s->origin) == NULL)
		return;
	s->limits.max_headers += SLACK_HEADERS;
	s->limits.max_header_bytes += SLACK_BYTES;
}

/* A message that is counted is waited for when the process stops. Counted
 * first, asked then: a stop sees the message, or the message sees the stop.
 * sendmail(1) is not told to come again, since it would at once. */
static void message_begin(struct session *s)
{
	int stage;

	s->in_message = true;
	atomic_fetch_add(&s->sh->in_flight, 1);
	stage = atomic_load(&s->sh->stage);
	s->late = stage == SHARED_DRAINING && !s->local;
	if (stage == SHARED_OVER || s->late) {
		atomic_fetch_sub(&s->sh->in_flight, 1);
		s->in_message = false;
	}
	while (stage == SHARED_OVER)
		(void)pause();
}

void session_mail(struct session *s, char **argv)
{
	message_end(s);
	(void)step(s, EVENT_MAIL);
	message_begin(s);
	s->snap = snapshots_get(s->sh->snapshots);
	if (s->listener[0] == '\0')
		copy_macro(s, "daemon_name", s->listener, sizeof(s->listener));
	copy_macro(s, "auth_authen", s->sasl_user, sizeof(s->sasl_user));
	s->origin = (struct recognise_origin){
	    .has_client = s->has_client,
	    .listener = str_of(s->listener),
	    .sasl_user = str_of(s->sasl_user),
	    .local = s->local,
	};
	memcpy(s->origin.client, s->client, sizeof(s->client));
	set_limits(s);
	gather_sender(&s->g, argv);
}

static enum answer judge_rcpt(struct session *s, const char *address)
{
	if (!s->early_known)
		s->early = early_stream(s);
	s->early_known = true;
	if (s->early == NULL)
		return ANSWER_CONTINUE;
	return early_rcpt(s, s->early, gather_address(address));
}

enum answer session_rcpt(struct session *s, char **argv)
{
	struct reply r;
	enum answer a;

	if (!step(s, EVENT_RCPT))
		return s->local ? ANSWER_CONTINUE : ANSWER_TEMPFAIL;
	if (s->late)
		return eom_say(s, reply_stopping(&r), &r);
	a = judge_rcpt(s, argv[0]);
	if (a == ANSWER_CONTINUE)
		a = feedback_rcpt(s, gather_address(argv[0]));
	if (a == ANSWER_CONTINUE)
		gather_rcpt(&s->g, argv, s->limits.max_recipients);
	return a;
}

void session_header(struct session *s, const char *name, const char *value)
{
	if (step(s, EVENT_HEADER) && s->state == SESSION_HEADER)
		gather_header(&s->g, &s->limits, name, value);
}

/* Known before the stream is, and without the ledger. */
static bool is_shadow(const struct session *s)
{
	return s->snap != NULL && s->snap->conf->mode == CONF_MODE_SHADOW &&
	       recognise_release(s->snap->conf, &s->origin) == NULL;
}

/* What went over a bound before the stream was certain: mail of a stream
 * that we would decide on is refused, all other mail goes its way. */
static enum answer overflow_answer(struct session *s)
{
	bool more;
	const struct conf_stream *st = recognise_stream(
	    s->snap->conf, &s->origin, s->g.sender, NULL, &more);
	struct reply r;

	if (is_shadow(s))
		return ANSWER_ACCEPT;
	if (!more && (st == NULL || st->class == CONF_CLASS_PASS ||
			 st->class == CONF_CLASS_INBOUND ||
			 st->class == CONF_CLASS_TRANSACTIONAL))
		return ANSWER_ACCEPT;
	LOG_EV_LIMITED(LOG_LEVEL_WARNING, "message.too_complex",
	    KV_Z("listener", s->listener));
	return eom_say(s, reply_too_complex(&r), &r);
}

/* Every Nth message of ours is verified before it leaves. */
static bool is_to_verify(const struct session *s)
{
	uint32_t every = s->snap->conf->milter.self_verify_every;

	return every != 0 &&
	       atomic_fetch_add(&s->sh->signed_count, 1) % every == 0;
}

/* A copy may be made of what is decided on and of what cannot be sent back;
 * for all else the body's hash will do. */
static bool is_body_kept(const struct session *s)
{
	bool signed_only = s->stream->class == CONF_CLASS_TRANSACTIONAL ||
			   s->stream->class == CONF_CLASS_ONE_TO_ONE;

	return !signed_only || s->local || s->verify;
}

static bool is_ours(const struct conf_stream *stream)
{
	return stream != NULL && stream->class != CONF_CLASS_PASS &&
	       stream->class != CONF_CLASS_INBOUND;
}

/* Disorder or no memory, so that not even the stream is certain. Local mail
 * can only be quarantined, and that at its end. */
static enum answer trouble(struct session *s, bool at_end)
{
	struct reply r;
	enum answer a = reply_trouble(&r);

	if (is_shadow(s))
		return ANSWER_ACCEPT;
	if (s->local && !at_end)
		return ANSWER_CONTINUE;
	return s->local ? eom_quarantine(s) : eom_say(s, a, &r);
}

static enum answer astray(struct session *s)
{
	struct reply r;

	LOG_EV_LIMITED(
	    LOG_LEVEL_ERR, "release.astray", KV_Z("listener", s->listener));
	return eom_say(s, reply_astray(&r), &r);
}

static enum answer recognise(struct session *s)
{
	bool unused;

	if (release_is_astray(s))
		return astray(s);
	s->stream = release_recognise(s);
	if (s->stream == NULL)
		s->stream = recognise_stream(s->snap->conf, &s->origin,
		    s->g.sender, &s->g.headers, &unused);
	if (!is_ours(s->stream) && s->n_feedback == 0 && !inbound_answers(s)) {
		s->state = SESSION_DONE;
		return ANSWER_ACCEPT;
	}
	s->verify = is_ours(s->stream) && is_to_verify(s);
	s->g.want_body = is_ours(s->stream);
	s->g.keep_body = s->g.want_body && is_body_kept(s);
	if (s->body_hash == NULL)
		s->body_hash = dkim_body_new();
	else
		dkim_body_reset(s->body_hash);
	if (s->body_hash != NULL)
		return ANSWER_CONTINUE;
	if (s->answered != 0) {
		s->state = SESSION_DONE;
		return ANSWER_ACCEPT;
	}
	s->disordered = true;
	return trouble(s, false);
}

enum answer session_eoh(struct session *s)
{
	if (!step(s, EVENT_EOH) || s->disordered || s->g.no_memory) {
		s->disordered = true;
		return trouble(s, false);
	}
	if (s->state == SESSION_DONE)
		return ANSWER_ACCEPT;
	return s->g.overflow ? overflow_answer(s) : recognise(s);
}

void session_body(struct session *s, struct str chunk)
{
	if (!step(s, EVENT_BODY) || s->state != SESSION_BODY ||
	    s->body_hash == NULL)
		return;
	gather_chunk(&s->g, &s->limits, chunk);
	dkim_body_update(s->body_hash, chunk);
	longline_update(&s->g.long_lines, chunk);
}

enum answer session_eom(struct session *s)
{
	bool done = s->state == SESSION_DONE;
	enum answer a;

	copy_macro(s, "i", s->queue_id, sizeof(s->queue_id));
	if (!step(s, EVENT_EOM) || s->disordered || s->g.no_memory)
		a = trouble(s, true);
	else if (done)
		a = ANSWER_ACCEPT;
	else if (s->answered != 0)
		a = inbound_end(s);
	else
		a = is_ours(s->stream) ? eom_run(s) : feedback_rcpt_end(s);
	message_end(s);
	s->state = SESSION_IDLE;
	return a;
}

void session_abort(struct session *s)
{
	(void)step(s, EVENT_ABORT);
	message_end(s);
	s->state = SESSION_IDLE;
}
