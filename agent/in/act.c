/* act.c - see act.h.
 *
 * A mail is one proposal, whatever it is about; the mails of a batch are handed
 * to the door together, which sees each with what those before it did. */
#include "agent/in/act.h"

#include "agent/in/lookback.h"
#include "policy/base/clock.h"
#include "policy/base/fault.h"
#include "policy/base/log.h"
#include "policy/base/when.h"
#include "policy/mail/address.h"
#include "policy/mail/addrlist.h"
#include "policy/state/message.h"
#include "policy/state/ops_feedback.h"
#include "policy/state/ops_reply.h"
#include "policy/state/person.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	FAILURES_MAX = 64, /* of one report; ours has one */
	EVIDENCE_MAX = 500,
	ARENA_MAX = 1 << 20,
	RECIPIENTS_MAX = 1000, /* of one queue id */
};
/* Without a policy: as its options default (section_policy.c). */
#define REPLY_PAUSE_MS (30 * WHEN_DAY_MS)
#define REVIEW_MS (2 * WHEN_DAY_MS)

/* --- canonical addresses --- */

/* Empty for what is no address. ERR_LIMIT, -ENOMEM. */
static int canonical(struct arena *a, struct str text, struct str *out)
{
	struct address addr;
	int rc = text.n > 0 ? address_parse(a, text, &addr, NULL) : ERR_SYNTAX;

	*out = rc == 0 ? addr.text : STR_NULL;
	return rc == ERR_SYNTAX ? 0 : rc;
}

static int fill_failure(
    struct arena *a, const struct report_recipient *r, struct ops_failure *out)
{
	int rc;

	*out = (struct ops_failure){
	    .reason = r->reason,
	    .class = r->class,
	    .status = r->status,
	    .diagnostic = r->diagnostic,
	};
	rc = canonical(a, r->address, &out->address[0]);
	if (rc == 0)
		rc = canonical(a, r->original, &out->address[1]);
	if (rc == 0)
		rc = canonical(a, r->original_xtext, &out->address[2]);
	return rc;
}

/* --- one mail --- */

struct wait {
	pthread_mutex_t lock;
	pthread_cond_t done;
	size_t left;
};

struct work {
	struct store *store;
	struct act_item *item;
	struct wait *wait;
	struct arena *arena;
	struct ops_failure *failures;
	size_t n_failures;
	struct str evidence;
	bool relay;
	struct str from; /* canonical author of an answer, or empty */
	struct reference_list references; /* of one that the milter matched */
	int64_t pause_ms, review_ms;
	/* results */
	bool seen;
	struct ops_feedback_out out[SORT_TOKENS_MAX];
	struct ops_feedback_out complaint;
	struct ops_reply_out replies[SORT_TOKENS_MAX];
};

static int emit_reply(struct door_ctx *ctx, struct work *w,
    const struct sort_token *st, struct ops_reply_out *out)
{
	bool proven = sort_has_proof(w->item->mail);
	struct ops_reply in = {.message_id = st->token.message_id,
	    .reply = &w->item->mail->reply,
	    .references = proven ? NULL : &w->references,
	    .authentic = w->item->authentic,
	    .from = w->from,
	    .pause_ms = w->pause_ms,
	    .review_ms = w->review_ms};

	return w->item->mail->has_reply
		   ? ops_reply_emit(ctx, w->store, &in, out)
		   : 0;
}

static int emit_meaning(struct door_ctx *ctx, struct work *w,
    const struct sort_token *st, struct ops_feedback_out *out,
    struct ops_reply_out *reply_out)
{
	struct ops_bounce bounce = {.message_id = st->token.message_id,
	    .at_ms = w->item->since_ms,
	    .source = FEEDBACK_BY_DSN,
	    .failures = w->failures,
	    .n = w->n_failures,
	    .refused_by = w->item->mail->report.reporting_mta,
	    .release_slot = true,
	    .relay = w->relay};
	struct ops_opt_out opt_out = {.message_id = st->token.message_id,
	    .subject_id = st->token.subject_id,
	    .origin = STR("unsubscribe-mail"),
	    .evidence = w->evidence};

	switch (st->meaning) {
	case SEEN_BOUNCE:
		return w->n_failures == 0
			   ? 0
			   : ops_bounce_emit(ctx, w->store, &bounce, out);
	case SEEN_COMPLAINT:
	case SEEN_FRAUD:
	case SEEN_VIRUS:
		return ops_complaint_emit(
		    ctx, w->store, st->token.message_id, w->evidence, out);
	case SEEN_UNSUBSCRIBE:
		if (st->token.kind != TOKEN_UNSUBSCRIBE)
			opt_out.origin = STR("feedback-report");
		return ops_opt_out_emit(ctx, w->store, &opt_out, out);
	case SEEN_REPLY:
	case SEEN_AUTO_REPLY:
	case SEEN_REPORT:
		return emit_reply(ctx, w, st, reply_out);
	case SEEN_DELAYED:
	case SEEN_DELIVERED:
	case SEEN_EXPIRED:
	case SEEN_UNPARSED:
	case SEEN_NOT_SPAM:
		break;
	}
	return 0;
}

static int lead_of(
    struct door_ctx *ctx, const struct sort_token *st, struct lead_id *out)
{
	struct message_record m;
	int rc = message_read(door_txn(ctx), st->token.message_id, &m);

	*out = rc == 0 ? m.lead : (struct lead_id){{0}};
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static bool is_answer(enum seen_kind meaning)
{
	return meaning == SEEN_REPLY || meaning == SEEN_AUTO_REPLY ||
	       meaning == SEEN_REPORT;
}

/* Did a token before it say this? A proposal does not see its own events: so the
 * same of one message, and the answer of one person, is told once. */
static int is_again(
    struct door_ctx *ctx, const struct sort *mail, size_t i, bool *yes_out)
{
	const struct sort_token *now = &mail->tokens[i];
	bool answers = mail->has_reply && is_answer(now->meaning);
	struct lead_id mine, other;
	int rc = answers ? lead_of(ctx, now, &mine) : 0;

	*yes_out = false;
	for (size_t k = 0; rc == 0 && k < i && !*yes_out; k++) {
		const struct sort_token *st = &mail->tokens[k];

		if (st->meaning != now->meaning)
			continue;
		*yes_out = st->token.message_id == now->token.message_id &&
			   st->token.subject_id == now->token.subject_id;
		if (answers)
			rc = lead_of(ctx, st, &other);
		if (rc == 0 && answers)
			*yes_out |= lead_id_eq(&mine, &other);
	}
	return rc;
}

/* Fed again, what was set aside once may mean something by now. */
static int was_seen(struct door_ctx *ctx, struct work *w)
{
	enum seen_kind before;
	int rc = seen_as(door_txn(ctx), w->item->digest, &before);

	w->seen =
	    rc == 0 && before != 0 &&
	    (before != SEEN_UNPARSED || w->item->mail->kind == SEEN_UNPARSED);
	return rc;
}

static int mail_fn(struct door_ctx *ctx, void *arg)
{
	struct work *w = arg;
	const struct sort *mail = w->item->mail;
	bool again = false;
	int rc = was_seen(ctx, w);

	memset(w->out, 0, sizeof(w->out));
	memset(w->replies, 0, sizeof(w->replies));
	if (rc != 0 || w->seen)
		return rc;
	for (size_t i = 0; rc == 0 && i < mail->n; i++) {
		rc = is_again(ctx, mail, i, &again);
		if (rc == 0 && !again)
			rc = emit_meaning(ctx, w, &mail->tokens[i], &w->out[i],
			    &w->replies[i]);
	}
	if (rc == 0 && w->item->complaint != NULL)
		rc = ops_complaint_of_emit(
		    ctx, w->store, w->item->complaint, &w->complaint);
	if (rc == 0)
		rc = seen_emit(ctx, w->item->digest, mail->kind,
		    mail->n > 0 ? mail->tokens[0].token.message_id : 0);
	return rc;
}

/* One line a minute says it, and how to take it back. */
static void tell_spike(const struct ops_feedback_out *o)
{
	const struct spike_facts *f = &o->spike;

	LOG_EV_LIMITED(LOG_LEVEL_WARNING, "feedback.spike",
	    KV_Z("provider", o->provider),
	    KV_Z("reason", bounce_reason_name(o->reason)),
	    KV_I64("count", (int64_t)f->now.unknown),
	    KV_I64("of", (int64_t)(f->now.unknown + f->now.delivered)),
	    KV_I64("before", (int64_t)f->base.unknown),
	    KV_I64("before_of", (int64_t)(f->base.unknown + f->base.delivered)),
	    KV_I64("earlier", (int64_t)o->back.total));
}

/* Somebody takes our mail for a fraud or a virus: worse than spam, and known
 * again in the metrics as feedback of that kind. */
static void tell_alert(enum seen_kind kind, uint64_t id)
{
	if (kind == SEEN_FRAUD || kind == SEEN_VIRUS)
		LOG_EV(LOG_LEVEL_WARNING, "complaint.alert",
		    KV_Z("kind", seen_kind_name(kind)),
		    KV_I64("msg", (int64_t)id));
}

static void tell_result(
    enum seen_kind kind, uint64_t id, const struct ops_feedback_out *o)
{
	const char *why = o->known ? bounce_reason_name(o->reason) : "";
	const char *suppressed = "";

	if (o->suppressed != 0)
		suppressed = suppression_reason_name(
		    (enum suppression_reason)o->suppressed);
	LOG_EV(LOG_LEVEL_NOTICE, "feedback", KV_I64("msg", (int64_t)id),
	    KV_Z("kind", seen_kind_name(kind)), KV_Z("reason", why),
	    KV_Z("suppressed", suppressed), KV_I64("news", o->news),
	    KV_I64("known", o->known));
	tell_alert(kind, id);
	if (o->provisional)
		tell_spike(o);
	lookback_tell(o->provider, &o->back);
	if (kind == SEEN_BOUNCE && o->known && o->news && !o->names_lead)
		LOG_EV(LOG_LEVEL_WARNING, "feedback.other_person",
		    KV_I64("msg", (int64_t)id));
}

/* A request that waits for a person is told here, and again when its time is
 * over. */
static void tell_reply(uint64_t id, const struct ops_reply_out *o)
{
	if (!o->known)
		return;
	LOG_EV(LOG_LEVEL_NOTICE, "reply", KV_I64("msg", (int64_t)id),
	    KV_Z("kind", reply_kind_name(o->kind)), KV_I64("paused", o->paused),
	    KV_I64("suppressed", o->suppressed));
	if (o->review != 0)
		LOG_EV(LOG_LEVEL_WARNING, "review.opened",
		    KV_I64("review", (int64_t)o->review),
		    KV_I64("msg", (int64_t)id),
		    KV_Z("kind", reply_kind_name(o->kind)));
}

static int read_failures(struct work *w)
{
	const struct report *r = &w->item->mail->report;
	struct ops_failure *v = arena_array(w->arena, FAILURES_MAX, sizeof(*v));
	size_t n = 0;
	int rc = v != NULL ? 0 : ERR_LIMIT;

	for (size_t i = 0; rc == 0 && i < r->n && n < FAILURES_MAX; i++)
		if (r->rcpt[i].outcome == BOUNCE_FAILED)
			rc = fill_failure(w->arena, &r->rcpt[i], &v[n++]);
	w->failures = v;
	w->n_failures = n;
	return rc;
}

/* The beginning of a field; empty where there is none. */
static int first_text(const struct work *w, const char *name, struct str *out)
{
	const struct header *h =
	    header_find(&w->item->mail->report.head, str_of(name), 0);
	struct header cut;

	*out = STR("");
	if (h == NULL)
		return 0;
	cut = (struct header){h->name, str_cut(h->value, 0, EVIDENCE_MAX)};
	*out = header_text(w->arena, &cut);
	return out->p != NULL ? 0 : ERR_LIMIT;
}

/* Who asked and when: what the mail says, when it was delivered (the agent may
 * have been down since), and where the milter saw it come from. */
static int read_evidence(struct work *w)
{
	struct str from, id, origin = STR("");
	char when[CLOCK_TEXT], *z;
	int rc = first_text(w, "From", &from);

	if (rc == 0)
		rc = first_text(w, "Message-ID", &id);
	if (rc == 0 && w->item->mail->has_origin)
		rc = first_text(w, ORIGIN_FIELD, &origin);
	if (rc != 0)
		return rc;
	clock_format(
	    w->item->since_ms > 0 ? w->item->since_ms : clock_now_ms(), when);
	z = arena_printf(w->arena, "received %s; From: %.*s%s%.*s%s%.*s", when,
	    STR_ARG(from), id.n > 0 ? "; Message-ID: " : "", STR_ARG(id),
	    origin.n > 0 ? "; " : "", STR_ARG(origin));
	w->evidence = str_of(z);
	return z != NULL ? 0 : ERR_LIMIT;
}

/* One author, or none to go by. */
static int read_author(struct work *w)
{
	const struct header *h =
	    header_find(&w->item->mail->report.head, STR("From"), 0);
	struct addrlist l = {0};

	if (h == NULL)
		return 0;
	if (addrlist_add(&l, w->arena, h->value) == -ENOMEM)
		return -ENOMEM;
	if (l.n == 1)
		w->from = l.v[0].addr.text;
	return 0;
}

static int prepare(struct work *w)
{
	int rc;

	w->arena = arena_new(ARENA_MAX);
	if (w->arena == NULL)
		return -ENOMEM;
	rc = read_failures(w);
	if (rc == 0 && w->item->mail->has_reply)
		rc = read_author(w);
	if (rc == 0 && !sort_has_proof(w->item->mail))
		rc =
		    reference_list(&w->item->mail->report.head, &w->references);
	return rc != 0 ? rc : read_evidence(w);
}

/* Since the MTA delivered it. */
static int64_t waited_ms(const struct work *w)
{
	int64_t since_ms = w->item->since_ms, now_ms = clock_now_ms();

	return since_ms > 0 && since_ms < now_ms ? now_ms - since_ms : 0;
}

/* How long answers pause, and reviews may take, by the policy in force; without
 * one as the defaults are. */
static void read_policy(struct store *store, struct work *w)
{
	const struct policy *p = NULL;
	struct error ignored;

	w->pause_ms = REPLY_PAUSE_MS;
	w->review_ms = REVIEW_MS;
	if (policyver_cache_get(store->policies, &p, &ignored) == 0 &&
	    p != NULL) {
		w->pause_ms = p->reply_pause_ms;
		w->review_ms = p->review_ms;
	}
	policy_unref(&p);
	w->review_ms -= waited_ms(w);
	if (w->review_ms < 0)
		w->review_ms = 0;
}

/* --- a batch --- */

static void on_done(void *arg, int rc, const struct error *err)
{
	struct work *w = arg;

	(void)pthread_mutex_lock(&w->wait->lock);
	w->item->rc = rc;
	w->item->err = *err;
	w->wait->left--;
	(void)pthread_cond_signal(&w->wait->done);
	(void)pthread_mutex_unlock(&w->wait->lock);
}

/* What is done to a mail before the door sees it. */
static void make_ready(const struct app *app, struct work *w)
{
	w->item->rc = prepare(w);
	if (w->item->mail->has_reply)
		read_policy(app->store, w);
}

static void submit(const struct app *app, struct work *w)
{
	int rc = w->item->rc;

	(void)pthread_mutex_lock(&w->wait->lock);
	if (rc == 0)
		rc = door_submit(app->store->door, mail_fn, w, on_done, w);
	if (rc == 0)
		w->wait->left++; /* on_done() cannot have come: locked */
	(void)pthread_mutex_unlock(&w->wait->lock);
	if (rc != 0)
		w->item->rc =
		    error_set(&w->item->err, rc, "%s", error_text(rc));
}

static void settle(struct work *w)
{
	const struct sort *mail = w->item->mail;

	w->item->news = w->item->rc == 0 && !w->seen;
	for (size_t i = 0; w->item->news && i < mail->n; i++) {
		tell_result(mail->tokens[i].meaning,
		    mail->tokens[i].token.message_id, &w->out[i]);
		tell_reply(mail->tokens[i].token.message_id, &w->replies[i]);
	}
	if (w->item->news && w->item->complaint != NULL)
		tell_result(mail->kind, 0, &w->complaint);
	arena_free(&w->arena);
}

static void run(const struct app *app, struct work *works, size_t n)
{
	struct wait wait = {.left = 0};

	(void)pthread_mutex_init(&wait.lock, NULL);
	(void)pthread_cond_init(&wait.done, NULL);
	for (size_t i = 0; i < n; i++) {
		works[i].wait = &wait;
		make_ready(app, &works[i]);
	}
	/* One right after the other, so that few flushes serve them all. */
	for (size_t i = 0; i < n; i++)
		submit(app, &works[i]);
	(void)pthread_mutex_lock(&wait.lock);
	while (wait.left > 0)
		(void)pthread_cond_wait(&wait.done, &wait.lock);
	(void)pthread_mutex_unlock(&wait.lock);
	for (size_t i = 0; i < n; i++)
		settle(&works[i]);
	(void)pthread_cond_destroy(&wait.done);
	(void)pthread_mutex_destroy(&wait.lock);
}

void act_mails(const struct app *app, struct act_item *v, size_t n)
{
	struct work *works =
	    fault_alloc() ? NULL : calloc(n > 0 ? n : 1, sizeof(*works));

	for (size_t i = 0; i < n; i++) {
		v[i].news = false;
		v[i].rc = -ENOMEM;
		v[i].err = (struct error){0};
		if (works == NULL)
			(void)error_set(&v[i].err, -ENOMEM, "out of memory");
		else
			works[i] = (struct work){.store = app->store,
			    .item = &v[i],
			    .relay = app_relays_bounces(app)};
	}
	if (works != NULL)
		run(app, works, n);
	free(works);
}

/* --- the log --- */

struct log_work {
	struct store *store;
	bool relay;
	const struct act_failure *f;
	struct bounce_answer answer;
	uint64_t message_id; /* 0: none of ours */
	struct ops_feedback_out out;
};

/* The message of that queue id, with several the one to that address. */
static int find_message(
    struct door_ctx *ctx, struct log_work *w, struct str rcpt)
{
	const struct ledger_txn *t = door_txn(ctx);
	uint64_t ids[RECIPIENTS_MAX];
	struct message_record m;
	struct str address;
	size_t n;
	int rc = message_in_queue(t, w->f->queue_id, ids, RECIPIENTS_MAX, &n);

	w->message_id = 0;
	if (rc == 0 && n == 1)
		w->message_id = ids[0];
	for (size_t i = 0; rc == 0 && n > 1 && i < n; i++) {
		rc = message_read(t, ids[i], &m);
		if (rc == 0)
			rc = person_address(
			    w->store, t, &m.lead, door_arena(ctx), &address);
		if (rc == 0 && str_eq(address, rcpt)) {
			w->message_id = ids[i];
			break;
		}
	}
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int log_fn(struct door_ctx *ctx, void *arg)
{
	struct log_work *w = arg;
	struct arena *a = door_arena(ctx);
	struct ops_failure failure = {
	    .reason = w->answer.reason,
	    .class = w->answer.class,
	    .status = w->f->status,
	    .diagnostic = w->f->text,
	};
	struct ops_bounce in = {.at_ms = w->f->at_ms,
	    .source = FEEDBACK_BY_LOG,
	    .failures = &failure,
	    .n = 1,
	    .refused_by = w->f->relay,
	    .relay = w->relay};
	int rc = canonical(a, w->f->rcpt, &failure.address[0]);

	w->out = (struct ops_feedback_out){0};
	w->message_id = 0;
	if (rc == 0)
		rc = canonical(a, w->f->rewritten, &failure.address[1]);
	if (rc == 0)
		rc = find_message(ctx, w, failure.address[0]);
	in.message_id = w->message_id;
	if (rc != 0 || w->message_id == 0)
		return rc;
	return ops_bounce_emit(ctx, w->store, &in, &w->out);
}

int act_log_bounce(const struct app *app, const struct bounce_rules *rules,
    const struct act_failure *f, struct error *err)
{
	struct bounce_evidence e = {.outcome = BOUNCE_FAILED,
	    .status = f->status,
	    .diagnostic = f->text,
	    .rcpt = f->rcpt};
	struct log_work w = {
	    .store = app->store, .relay = app_relays_bounces(app), .f = f};
	int rc;

	bounce_classify(rules, &e, &w.answer);
	rc = door_propose(app->store->door, log_fn, &w, err);
	if (rc == 0 && w.out.news)
		tell_result(SEEN_BOUNCE, w.message_id, &w.out);
	return rc;
}
